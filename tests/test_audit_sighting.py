"""What a Set-Cookie line tells of a cookie, and how sightings are put together."""

from __future__ import annotations

from datetime import timedelta

import pytest

from consentgate.audit.sighting import Sighting, from_header, is_own, merged, place

NOW = 1_790_000_000.0  # 21 September 2026


def seen(set_cookie: bytes) -> Sighting | None:
    """Return what a line sets on a page of shop.test."""
    return from_header(set_cookie, host="shop.test", page="/", now=NOW)


def test_a_line_tells_all_about_its_cookie() -> None:
    """Name, place, lifetime and safety of a cookie are as the line says, the last word counts."""
    line = (
        b"id=1; domain=other.test; Domain=.Shop.TEST; Path=/a; Max-Age=60; HttpOnly; Secure;"
        b" SameSite=lax"
    )
    assert seen(line) == Sighting(
        "id",
        "header",
        "shop.test",
        domain="shop.test",
        path="/a",
        lifetime=timedelta(seconds=60),
        http_only=True,
        secure=True,
        same_site="Lax",
        pages=("/",),
    )


def test_a_line_without_attributes_is_a_cookie_of_the_session() -> None:
    """What is not said is None: this host alone, the default path, until the browser closes."""
    assert seen(b"id=1; Path=relative; SameSite=odd") == Sighting(
        "id", "header", "shop.test", pages=("/",)
    )


@pytest.mark.parametrize(
    ("attributes", "lifetime"),
    [
        (b"Max-Age=0000120", timedelta(seconds=120)),
        (b"Max-Age=63072000", timedelta(days=400)),
        (b"Max-Age=" + b"9" * 40, timedelta(days=400)),
        (b"Expires=Mon, 21 Sep 2026 15:13:20 GMT; Max-Age=5", timedelta(seconds=5)),
        (b"Max-Age=soon; Expires=Mon, 21 Sep 2026 15:13:20 GMT", timedelta(hours=1)),
        (b"Expires=Fri, 21 Sep 2035 15:13:20 GMT", timedelta(days=400)),
        (b"Expires=never", None),
        (b"Max-Age=" + b"1" * 1025, None),
    ],
)
def test_a_lifetime_is_what_a_browser_makes_of_it(
    attributes: bytes, lifetime: timedelta | None
) -> None:
    """Max-Age wins over Expires, and nothing is kept for more than 400 days."""
    found = seen(b"id=1; " + attributes)
    assert found is not None
    assert found.lifetime == lifetime


@pytest.mark.parametrize(
    "line",
    [
        b"nothing",
        b"=value",
        b"a\0b=1",
        b"id=; Max-Age=0",
        b"id=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        b"id=1; Expires=Mon, 21 Sep 2026 14:00:00 GMT",
        b"id=1; Max-Age=5; Max-Age=00",
        b"id=1; Max-Age=5; Max-Age=-1",
    ],
)
def test_what_sets_nothing_is_no_sighting(line: bytes) -> None:
    """A line without a name, and a deletion, set nothing."""
    assert seen(line) is None


def test_a_name_may_be_of_any_bytes() -> None:
    """Bytes that are no text are written as escapes."""
    found = seen(b"\xc3\xa9\xff=1")
    assert found is not None
    assert found.name == "é\\xff"


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("shop.test", True),
        ("www.shop.test", True),
        ("img.shop.test", True),
        ("Shop.Test", True),
        ("test", False),
        ("notshop.test", False),
        ("tracker.test", False),
    ],
)
def test_a_host_is_the_sites_own_or_a_third_party(host: str, own: bool) -> None:
    """Own is the site's host, what is below it, and what is above it; all else is another site."""
    assert is_own(host, "www.shop.test") is own


def test_the_host_above_is_the_sites_own() -> None:
    """A cookie for the whole domain is the site's own; an end such as "test" is no site."""
    assert is_own("shop.test", "a.b.shop.test")
    assert not is_own("localhost", "127.0.0.1")


def test_sightings_of_one_cookie_are_one() -> None:
    """They are counted, with the longest lifetime and three pages as examples."""
    day = timedelta(days=1)
    many = [
        Sighting("b", "script", "x", lifetime=day, pages=("/1",)),
        Sighting("b", "script", "x", lifetime=2 * day, pages=("/1",)),
        Sighting("b", "script", "x", pages=("/2", "/3")),
        Sighting("b", "script", "x", lifetime=day, pages=("/4",), count=7),
        Sighting("b", "header", "x"),
        Sighting("a", "third party", "y"),
        Sighting("c", "header", "x", domain="x"),
        Sighting("c", "header", "www.x", domain="x"),
        Sighting("c", "header", "x", path="/deep"),
    ]
    by_header, c, deep, script, third = merged(many)
    assert script == Sighting(
        "b", "script", "x", lifetime=2 * day, pages=("/1", "/2", "/3"), count=10
    )
    assert (by_header.name, third.name, c.count, deep.path) == ("b", "a", 2, "/deep")


def test_a_place_is_a_path_without_its_query() -> None:
    """What a query says may be a secret: it is not repeated."""
    assert place("https://shop.test/a/b?token=1#x") == "/a/b"
    assert place("https://shop.test") == "/"


def test_a_sighting_is_plain_values_for_programs() -> None:
    """In JSON a lifetime is a number of seconds, or null."""
    told = Sighting("a", "header", "x", lifetime=timedelta(minutes=1), pages=("/",)).as_json()
    assert (told["name"], told["lifetime"], told["pages"]) == ("a", 60.0, ["/"])
    assert Sighting("a", "header").as_json()["lifetime"] is None
