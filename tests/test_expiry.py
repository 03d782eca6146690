"""Deletions that a browser obeys, for the cookies that it may not hold."""

from __future__ import annotations

from typing import Any

import pytest

from adapters import KEY, Adapter, Answer, Header, Visit, called, granted, sets, token_pair
from consentgate import Consent, ConsentGate, ConsentGateError, Cookie, Event, Policy, Reason
from consentgate.expiry import MOST, Place, Stale, deletions, doubles, room_beside
from consentgate.observer import CHOICES

HOST = (b"host", b"www.example.com")


def place(host: bytes = b"www.example.com", path: bytes = b"/", *, secure: bool = False) -> Place:
    """Return a place."""
    return Place.of(host, path, secure=secure)


@pytest.mark.conformance("R5")
@pytest.mark.parametrize(
    ("host", "domains"),
    [
        (b"www.example.com", [None, "www.example.com", "example.com"]),
        (b"WWW.Example.COM:8000", [None, "www.example.com", "example.com"]),
        (b"www.example.com.", [None, "www.example.com", "example.com"]),
        (b"example.com", [None, "example.com"]),
        (b"a.b.c.d", [None, "a.b.c.d", "b.c.d", "c.d"]),
        (b"localhost:8000", [None]),
        (b"127.0.0.1:8000", [None]),
        (b"[::1]:8000", [None]),
        (b"", [None]),
        (b"a..b", [None]),
        (b"evil.com; Domain=x", [None]),
        (b"evil\r\nSet-Cookie: x=1.com", [None]),
        (b"\xe9.com", [None]),
        (b"a." * 40000 + b"!", [None]),
    ],
)
def test_a_host_has_itself_and_its_parents(host: bytes, domains: list[str | None]) -> None:
    """A cookie may be of the host alone, of it, or of a parent; never of an address or a suffix."""
    assert place(host).domains == domains


@pytest.mark.conformance("R5")
@pytest.mark.parametrize(
    ("path", "paths"),
    [
        (b"/", ["/"]),
        (b"/a", ["/a"]),
        (b"/a/", [None, "/a/", "/a/"]),
        (b"/a/b", [None, "/a/", "/a/b"]),
        (b"/a/b/c", [None, "/a", "/a/b/", "/a/", "/a/b/c"]),
        ("/é".encode(), ["/%C3%A9"]),
        (b"/a b;c%/d", [None, "/a%20b%3Bc%25/", "/a%20b%3Bc%25/d"]),
        (b"", []),
        (b"*", []),
    ],
)
def test_a_path_has_its_folders(path: bytes, paths: list[str | None]) -> None:
    """A cookie that came along is of a folder of the path, or of the path itself.

    The folder of the page is the browser's default: it knows how it is spelt.
    """
    assert list(place(path=path).paths) == paths


@pytest.mark.conformance("R5")
def test_the_declared_place_comes_first() -> None:
    """The declared Domain and Path, the host alone and the root, the widest domain, the folder."""
    row = Cookie("_ga", "statistics", domain=".Example.com", path="/shop")
    lines = deletions([Stale(b"_ga", (row,))], place(path=b"/shop/x"))
    assert lines[:4] == [
        b"_ga=; Max-Age=0; Path=/shop; Domain=example.com",
        b"_ga=; Max-Age=0; Path=/shop",
        b"_ga=; Max-Age=0; Path=/; Domain=example.com",
        b"_ga=; Max-Age=0; Path=/",
    ]
    assert len(set(lines)) == len(lines)
    assert not any(b"Secure" in line or b"Partitioned" in line for line in lines)


@pytest.mark.conformance("R5", "S9")
@pytest.mark.parametrize("secure", [True, False])
@pytest.mark.parametrize(
    ("name", "needed", "domain"),
    [
        (b"__Secure-a", [b"Secure"], True),
        (b"__secure-a", [b"Secure"], True),
        (b"__Host-a", [b"Secure"], False),
        (b"__Http-a", [b"Secure", b"HttpOnly"], True),
        (b"__Host-Http-a", [b"Secure", b"HttpOnly"], False),
    ],
)
def test_prefixes_get_what_they_need(
    name: bytes, needed: list[bytes], domain: bool, secure: bool
) -> None:
    """A deletion keeps the rules of a prefix, whatever the scheme seems to be."""
    row = Cookie(name.decode(), "statistics", domain="example.com", path="/x")
    lines = deletions([Stale(name, (row,))], place(path=b"/a/b", secure=secure))
    for line in lines:
        assert set(needed) <= set(line.split(b"; "))
    assert any(b"Domain" in line for line in lines) is domain
    if not domain:
        parts = {part for line in lines for part in line.split(b"; ")}
        assert {part for part in parts if part.startswith(b"Path")} == {b"Path=/"}
    assert any(b"Partitioned" in line for line in lines)


@pytest.mark.conformance("R5")
@pytest.mark.parametrize(
    ("host", "secure", "partitioned"),
    [
        (b"example.com", True, True),
        (b"example.com", False, False),
        (b"localhost:8000", False, True),
        (b"app.localhost", False, True),
        (b"127.0.0.1:8000", False, True),
        (b"[::1]:8000", False, True),
        (b"notlocalhost", False, False),
    ],
)
def test_partitioned_cookies_are_sought_where_they_can_be(
    host: bytes, secure: bool, partitioned: bool
) -> None:
    """A partitioned cookie is Secure: it can be where browsers take Secure cookies."""
    lines = deletions([Stale(b"_ga")], place(host, secure=secure))
    found = [line for line in lines if b"Partitioned" in line]
    assert bool(found) is partitioned
    assert all(b"; Secure" in line for line in found)
    assert any(b"Secure" not in line for line in lines) is not secure


@pytest.mark.conformance("R5")
def test_a_response_carries_a_bounded_number() -> None:
    """At most so many lines and bytes, the declared and usual places first; the rest in turns."""
    stale = [Stale(b"c%d" % number) for number in range(9)]
    here = place(path=b"/a/b/c/d", secure=True)
    every = {line for cookie in stale for line in deletions([cookie], here)}
    sent: set[bytes] = set()
    for turn in range(400):
        lines = deletions(stale, here, turn=turn)
        assert len(lines) <= MOST
        assert sum(len(b"Set-Cookie: \r\n" + line) for line in lines) <= room_beside([])
        assert len(set(lines)) == len(lines)
        usual = [b"c%d=; Max-Age=0; Path=/; Secure" % number for number in range(5)]
        assert turn or set(usual) <= set(lines)
        sent.update(lines)
    assert sent >= every
    assert len(every) > 6 * MOST


@pytest.mark.conformance("R5")
def test_what_fits_does_not_turn() -> None:
    """A few cookies are deleted wherever they may be in one response, whatever went before."""
    stale = [Stale(b"_ga"), Stale(b"ad_id")]
    lines = deletions(stale, place(path=b"/shop/x"))
    assert lines[:2] == [b"_ga=; Max-Age=0; Path=/", b"ad_id=; Max-Age=0; Path=/"]
    assert [line.partition(b"=")[0] for line in lines] == [b"_ga", b"ad_id"] * (len(lines) // 2)
    assert deletions(stale, place(path=b"/shop/x"), turn=5) == lines
    assert len(deletions(stale, place(path=b"/shop/x"), room=200)) == 4


@pytest.mark.conformance("R5", "R3")
def test_names_and_paths_without_end_are_bounded() -> None:
    """Thousands of names, a path of thousands of folders, a name too long to be deleted."""
    many = deletions([Stale(b"n%d" % number) for number in range(5000)], place())
    assert len(many) == MOST
    deep = deletions([Stale(b"a")], place(path=b"/x" * 5000))
    assert 0 < len(deep) <= MOST
    assert all(len(line) < 1100 for line in deep)
    assert deletions([Stale(b"a" * 4000), Stale(b"b")], place()) != []
    assert deletions([Stale(b"a" * 4000)], place()) == []
    assert deletions([], place()) == []


@pytest.mark.conformance("R5", "R3")
def test_a_host_without_end_is_bounded() -> None:
    """A host name has 255 bytes, and of many parents the shortest few are tried."""
    assert place(b"a." * 4000 + b"com").domains == [None]
    deep = place(b"a." * 100 + b"example.com").domains
    assert len(deep) == 7
    assert deep[-1] == "example.com"
    assert len(doubles(b"cookies_preferences", None, place(b"a." * 100 + b"com"))) < 7
    deepest = [path for path in place(path=b"/x" * 5000).paths if path]
    assert len(deepest) == 15
    assert max(map(len, deepest)) <= 1000


@pytest.mark.conformance("R5")
@pytest.mark.parametrize(
    ("used", "room"), [(0, 3000), (300, 3000), (1300, 2000), (3290, 10), (4000, 0), (4096, 3000)]
)
def test_a_head_stays_below_a_page(used: int, room: int) -> None:
    """A proxy takes a head of one page of memory; one that is longer anyway has found room."""
    assert room_beside([used]) == room


@pytest.mark.conformance("R5")
def test_deletions_make_room_for_what_the_app_says(adapter: Adapter) -> None:
    """Whatever leaves beside them, the head stays below four kilobytes."""
    gate = built()
    crowd = b"".join(b"; _ga_%d=1" % number for number in range(40))
    arrives = visit(gate, "statistics", "marketing", more=crowd, path="/a/b/c", https=True)
    for size in range(0, 2600, 200):
        view = called(Consent.withdraw, sets("session=" + "x" * size))
        answer = adapter(gate, view, arrives)
        head = sum(len(name) + len(value) + 4 for name, value in answer.headers)
        assert head < 3400
        assert answer.names[:2] == [b"cookies_preferences", b"session"]
        assert deleted(answer)


@pytest.mark.conformance("K13", "R5")
def test_a_grant_beside_a_full_head_is_recorded(adapter: Adapter) -> None:
    """Where a head has no room for the old consent cookies' deletions, the new one still leaves."""
    shared = built(cookie_domain="example.com")
    for size in range(2500, 4200, 100):
        view = called(Consent.grant_all, sets("session=" + "x" * size))
        assert adapter(shared, view, visit(built())).names[:2] == [
            b"cookies_preferences",
            b"session",
        ]


def test_doubles_are_all_but_one() -> None:
    """Of a consent cookie's places, all but its own are emptied."""
    name = b"cookies_preferences"
    assert doubles(name, ".Example.com", place(secure=True)) == [
        b"cookies_preferences=; Max-Age=0; Path=/; Secure",
        b"cookies_preferences=; Max-Age=0; Path=/; Domain=www.example.com; Secure",
    ]
    assert doubles(name, None, place()) == [
        b"cookies_preferences=; Max-Age=0; Path=/; Domain=www.example.com",
        b"cookies_preferences=; Max-Age=0; Path=/; Domain=example.com",
    ]


# What a response carries, over both protocols

POLICY = Policy(
    [
        Cookie("session"),
        Cookie("visits", "anonymous_statistics"),
        Cookie("_ga*", "statistics"),
        Cookie("ad_id", "marketing"),
        Cookie("deep", "marketing", path="/deep/er"),
        Cookie("deep", "marketing", path="/deeper/still"),
    ]
)


def built(**options: Any) -> ConsentGate:
    """Return a gate."""
    return ConsentGate(**{"policy": POLICY, "secret_key": KEY, **options})


def visit(gate: ConsentGate, *categories: str, more: bytes = b"", **changes: Any) -> Visit:
    """Return a visitor who granted these and brings more cookies, to a host with a name."""
    headers: list[Header] = [HOST, *changes.pop("headers", [])]
    return Visit([token_pair(gate, *categories) + more], headers=headers, **changes)


def deleted(answer: Answer) -> list[bytes]:
    """Return the names of the cookies that are deleted, each once, in order."""
    lines = [line for line in answer.set_cookies if b"=; Max-Age=0" in line]
    return list(dict.fromkeys(line.partition(b"=")[0] for line in lines))


@pytest.mark.conformance("R5", "K1")
def test_what_is_not_allowed_goes(adapter: Adapter) -> None:
    """Declared cookies without consent are expired; necessary and undeclared ones stay."""
    arrives = Visit(
        [b"session=1; visits=1; _ga=1; _ga=2; _ga_X=3; ad_id=4; other=5"], headers=[HOST]
    )
    answer = adapter(built(), sets("session=2"), arrives)
    assert answer.set_cookies[0] == b"session=2"
    assert deleted(answer) == [b"_ga", b"_ga_X", b"ad_id"]
    assert len(answer.set_cookies) == len(set(answer.set_cookies))
    undeclared = adapter(built(expire_undeclared=True), sets(), arrives)
    assert deleted(undeclared) == [b"_ga", b"_ga_X", b"ad_id", b"other"]


@pytest.mark.conformance("R5")
def test_names_that_cannot_be_written_are_left_alone(adapter: Adapter) -> None:
    """An undeclared name that could break a header is withheld and not expired."""
    gate = built(expire_undeclared=True)
    odd = Visit([b'a\xe9=1; =x; "q"=1; a,b=1; anonymous; fine=1'], headers=[HOST])
    assert deleted(adapter(gate, sets(), odd)) == [b"fine"]


@pytest.mark.conformance("R5")
def test_what_is_allowed_stays(adapter: Adapter) -> None:
    """With consent nothing is expired, and a response with nothing to say is as the app made it."""
    gate = built()
    answer = adapter(gate, sets(), visit(gate, "statistics", more=b"; _ga=1; session=2"))
    assert [name.lower() for name, _ in answer.headers] == [b"content-type"]


@pytest.mark.conformance("R5")
def test_what_the_response_deletes_itself_is_left_to_it(adapter: Adapter) -> None:
    """The app's own deletion of a cookie is not repeated; its attempt to set it changes nothing."""
    arrives = Visit([b"_ga=1; ad_id=1"], headers=[HOST])
    answer = adapter(built(), sets("_ga=x; Max-Age=0; Path=/own", "ad_id=2"), arrives)
    assert answer.set_cookies[0] == b"_ga=; Max-Age=0; Path=/own"
    assert [line for line in answer.set_cookies[1:] if line.startswith(b"_ga")] == []
    assert deleted(answer) == [b"_ga", b"ad_id"]


@pytest.mark.conformance("R5", "K6")
def test_a_grant_keeps_what_was_to_go(adapter: Adapter) -> None:
    """What is granted in the request is not expired in its response."""
    view = called(lambda consent: consent.grant("statistics"), sets())
    answer = adapter(built(), view, Visit([b"_ga=1; ad_id=1"], headers=[HOST]))
    assert answer.names[0] == b"cookies_preferences"
    assert deleted(answer) == [b"ad_id"]


@pytest.mark.conformance("K9", "R5")
@pytest.mark.parametrize(
    ("act", "gone"),
    [
        (Consent.withdraw, [b"visits", b"_ga", b"ad_id", b"deep"]),
        (Consent.refuse_all, [b"visits", b"_ga", b"ad_id", b"deep"]),
        (lambda consent: consent.withdraw("marketing"), [b"ad_id", b"deep"]),
        (lambda consent: consent.grant("marketing"), [b"_ga"]),
        (lambda consent: consent.grant("statistics", "marketing"), []),
    ],
)
def test_a_withdrawal_expires_in_its_own_response(
    adapter: Adapter, act: Any, gone: list[bytes]
) -> None:
    """The choice is recorded first, and what it loses is expired, deep declared paths included."""
    gate = built()
    arrives = visit(gate, "statistics", "marketing", more=b"; session=1; visits=1; _ga=1; ad_id=2")
    told: list[Any] = []
    view = called(act, called(lambda consent: told.append(consent.answered), sets("session=2")))
    answer = adapter(gate, view, arrives)
    assert deleted(answer) == gone
    if gone:
        assert answer.names[:2] == [b"cookies_preferences", b"session"]
    assert told == [True]
    places = [line for line in answer.set_cookies if line.startswith(b"deep=")]
    assert any(b"Path=/deep/er" in line for line in places) is (b"deep" in gone)
    assert any(b"Path=/deeper/still" in line for line in places) is (b"deep" in gone)


@pytest.mark.conformance("K10")
def test_a_refusal_of_nothing_is_recorded_alone(adapter: Adapter) -> None:
    """Without a choice and without cookies, the recorded refusal is all that leaves."""
    answer = adapter(built(), called(Consent.withdraw, sets()), Visit(headers=[HOST]))
    assert answer.names == [b"cookies_preferences"]


@pytest.mark.conformance("K9", "K5")
def test_a_lapsed_or_old_choice_is_as_a_withdrawal(adapter: Adapter) -> None:
    """A token that lapsed, or of an old revision: the cookies go, and nothing is recorded."""
    before = built(clock=lambda: 1_700_000_000.0)
    lapsed = built(clock=lambda: 1_700_000_000.0 + 183 * 86400)
    newer = built(policy=Policy(POLICY.cookies, revision="next"), clock=before.clock)
    for now in (lapsed, newer):
        arrives = visit(before, "statistics", more=b"; _ga=1")
        answer = adapter(now, sets(), arrives)
        assert deleted(answer) == [b"_ga"]
        assert b"cookies_preferences" not in answer.names


@pytest.mark.conformance("K9")
def test_the_choice_after_an_old_one_finds_deep_cookies(adapter: Adapter) -> None:
    """What an older revision granted is sought where it is declared when the visitor refuses."""
    before = built()
    newer = built(policy=Policy(POLICY.cookies, revision="next"))
    answer = adapter(newer, called(Consent.refuse_all, sets()), visit(before, "marketing"))
    assert deleted(answer) == [b"deep"]


@pytest.mark.conformance("K9", "R5")
def test_the_choice_after_a_lapsed_one_finds_deep_cookies(adapter: Adapter) -> None:
    """What a choice granted that nobody can read any more is sought where it is declared."""
    unreadable = Visit([b"cookies_preferences=1~gone"], headers=[HOST])
    assert deleted(adapter(built(), called(Consent.refuse_all, sets()), unreadable)) == [b"deep"]


@pytest.mark.conformance("R5")
def test_the_policy_may_change_between_two_requests(adapter: Adapter) -> None:
    """A cookie that is not necessary any more, a new pattern, a category less: all is obeyed."""
    before = built(policy=Policy.allow("session", "lang", "old"))
    after = built(
        policy=Policy(
            [Cookie("session"), Cookie("lang", "preferences"), Cookie("ol*", "marketing")]
        )
    )
    arrives = visit(before, "statistics", more=b"; session=1; lang=fr; old=2")
    answer = adapter(after, sets("lang=fr", "session=2"), arrives)
    assert answer.names[0] == b"session"
    assert deleted(answer) == [b"lang", b"old"]


@pytest.mark.conformance("R5")
@pytest.mark.parametrize(
    ("origin", "gone"),
    [
        (b"https://other.example", []),
        (b"null", []),
        (b"https://www.example.com.evil", []),
        (b"http://www.example.com", [b"_ga"]),
        (b"https://www.example.com", [b"_ga"]),
    ],
)
def test_where_browsers_tell_no_more_the_origin_counts(
    adapter: Adapter, origin: bytes, gone: list[bytes]
) -> None:
    """A handshake of a websocket, or a POST on plain http, tells by its Origin whence it comes."""
    arrives = Visit([b"_ga=1"], headers=[HOST, (b"origin", origin)], method="POST")
    assert deleted(adapter(built(), sets(), arrives)) == gone


@pytest.mark.conformance("R5")
def test_an_embedded_request_expires_nothing(adapter: Adapter) -> None:
    """Without the consent cookie, which does not come along from another site, nothing goes."""
    gate = built()
    framed = [(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-dest", b"iframe")]
    linked = [(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-dest", b"document")]
    cookies = [b"_ga=1"]
    for headers, method, gone in (
        (framed, "GET", []),
        (linked, "GET", [b"_ga"]),
        (linked, "POST", []),
        ([(b"sec-fetch-site", b"same-site")], "GET", [b"_ga"]),
        ([], "POST", [b"_ga"]),
        ([(b"sec-fetch-site", b"same-origin"), (b"sec-fetch-storage-access", b"none")], "GET", []),
    ):
        arrives = Visit(cookies, headers=[HOST, *headers], method=method)
        assert deleted(adapter(gate, sets(), arrives)) == gone
    chosen = visit(gate, more=b"; _ga=1", headers=framed)
    assert deleted(adapter(gate, sets(), chosen)) == [b"_ga"]
    withdrawn = called(Consent.withdraw, sets())
    assert deleted(adapter(gate, withdrawn, Visit(cookies, headers=[HOST, *framed]))) == [b"_ga"]


@pytest.mark.conformance("K13", "R5")
def test_one_consent_cookie_is_left(adapter: Adapter) -> None:
    """A new choice deletes the consent cookies of other domains, which would go on to count."""
    shared = built(cookie_domain="example.com")
    old = visit(built())
    answer = adapter(shared, called(Consent.grant_all, sets()), old)
    first, *others = [line for line in answer.set_cookies if line.startswith(b"cookies_pref")]
    assert b"Domain=example.com" in first
    assert others == [
        b"cookies_preferences=; Max-Age=0; Path=/",
        b"cookies_preferences=; Max-Age=0; Path=/; Domain=www.example.com",
    ]
    back = built()
    two = Visit([token_pair(back) + b"; " + token_pair(back, "statistics")], headers=[HOST])
    answer = adapter(back, called(Consent.grant_all, sets()), two)
    assert answer.set_cookies[1:] == [
        b"cookies_preferences=; Max-Age=0; Path=/; Domain=www.example.com",
        b"cookies_preferences=; Max-Age=0; Path=/; Domain=example.com",
    ]
    one = adapter(back, called(Consent.grant_all, sets()), visit(back))
    assert one.names == [b"cookies_preferences"]
    none = adapter(shared, called(Consent.grant_all, sets()), Visit(headers=[HOST]))
    assert none.names == [b"cookies_preferences"]


@pytest.mark.conformance("R5")
def test_the_observer_hears_of_it(adapter: Adapter) -> None:
    """Each cookie that is expired is told once, with its category and the reason."""
    told: list[Event] = []
    gate = built(observer=told.append)
    adapter(gate, sets(), visit(gate, more=b"; _ga=1; session=2"))
    assert [event for event in told if event.action == "expired"] == [
        Event("expired", "_ga", "statistics", "/", Reason.REFUSED)
    ]


@pytest.mark.conformance("R5")
def test_report_only_expires_nothing(adapter: Adapter) -> None:
    """Under report_only no header is added, and the observer hears what would be expired."""
    told: list[Event] = []
    gate = built(observer=told.append, report_only=True)
    answer = adapter(gate, sets(), visit(gate, more=b"; _ga=1"))
    assert [name.lower() for name, _ in answer.headers] == [b"content-type"]
    assert [(event.action, event.enforced) for event in told] == [
        ("withheld", False),
        ("expired", False),
    ]


@pytest.mark.conformance("R1", "K19")
def test_report_only_tells_each_name_once(adapter: Adapter) -> None:
    """Two gates around one app, or a withdrawal, do not tell the same cookie twice."""
    for twice, act in ((True, lambda _: None), (False, Consent.withdraw)):
        told: list[Event] = []
        gate = built(observer=told.append, report_only=True)
        runner = Adapter(adapter.protocol, wrap_twice=twice)
        runner(gate, called(act, sets()), visit(gate, more=b"; _ga=1"))
        heard = [event.action for event in told if event.action not in CHOICES]
        assert heard == ["withheld", "expired"]


def test_an_observer_that_is_empty_is_an_observer(adapter: Adapter) -> None:
    """A list that can be called hears of everything, though it is false while it is empty."""

    class Kept(list[Event]):
        def __call__(self, event: Event) -> None:
            self.append(event)

    told = Kept()
    adapter(built(observer=told), sets("ad_id=1"))
    assert [event.action for event in told] == ["stripped"]


@pytest.mark.conformance("R5")
def test_withholding_nothing_still_expires(adapter: Adapter) -> None:
    """A site that reads what it likes for a while still has the browser forget it."""
    gate = built(withhold=False)
    assert deleted(adapter(gate, sets(), visit(gate, more=b"; _ga=1"))) == [b"_ga"]


@pytest.mark.conformance("K14")
def test_passing_on_what_is_expired_is_no_policy() -> None:
    """Undeclared cookies are not passed on to the app and expired at once."""
    with pytest.raises(ConsentGateError, match="expire_undeclared"):
        built(withhold_undeclared=False, expire_undeclared=True)


@pytest.mark.conformance("R5")
def test_many_cookies_go_in_turns(adapter: Adapter) -> None:
    """A browser that holds too many for one response is rid of them after a few."""
    gate = built()
    jar = {b"_ga_%d" % number for number in range(60)}
    for _ in range(40):
        cookies = b"; ".join(name + b"=1" for name in sorted(jar))
        answer = adapter(gate, sets(), Visit([cookies] if jar else [], headers=[HOST]))
        assert len(answer.set_cookies) <= 50
        jar -= {
            line.partition(b"=")[0]
            for line in answer.set_cookies
            if line.endswith(b"=; Max-Age=0; Path=/; Domain=example.com")
        }
    assert jar == set()


@pytest.mark.conformance("R5", "W2")
def test_a_second_start_says_it_again() -> None:
    """An error page that replaces a response carries the deletions too."""
    gate = built()
    assert granted(gate).cookies
    calls: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        try:
            raise RuntimeError("oops")
        except RuntimeError as error:
            start_response("500 Oops", [], (type(error), error, None))
        return []

    wrapped: Any = gate.wsgi(app)
    wrapped({"HTTP_COOKIE": "_ga=1", "HTTP_HOST": "localhost"}, lambda *args: calls.append(args))
    assert calls[0][1] == calls[1][1]
    assert any(value.startswith("_ga=; Max-Age=0") for _, value in calls[1][1])
