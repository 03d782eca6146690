"""What might be declared of undeclared cookies: never consent, never necessity."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import timedelta

import pytest

from consentgate import Cookie, Policy, ThirdParty
from consentgate.audit.sighting import Sighting
from consentgate.audit.suggestion import Comparison, Outliving, blocks, compared, hinted
from consentgate.configuration.writing import with_blocks
from consentgate.presets import Known

DAY = timedelta(days=1)


def comparison(*sightings: Sighting, policy: Policy | None = None) -> Comparison:
    """Compare sightings with a policy, by default an empty one."""
    return compared(sightings, policy or Policy([]), "cookies_preferences")


def test_sightings_are_sorted_by_what_the_policy_says() -> None:
    """Declared, undeclared, the gate's own and what was never seen are told apart."""
    policy = Policy([Cookie("_ga*", "statistics"), Cookie("theme", "preferences")])
    found = comparison(
        Sighting("_ga_X", "script"),
        Sighting("cookies_preferences", "header"),
        Sighting("é", "header"),
        policy=policy,
    )
    assert [seen.name for seen in found.declared] == ["_ga_X"]
    assert [seen.name for seen in found.undeclared] == ["é"]
    assert [seen.name for seen in found.own] == ["cookies_preferences"]
    assert [cookie.name for cookie in found.unseen] == ["theme"]


def test_a_third_partys_cookie_is_declared_with_it() -> None:
    """What a third party is known to set is declared where another site sets it, and only there."""
    party = ThirdParty("Video Ltd", "marketing", cookies=["IDE*"])
    seen = [Sighting("IDE", "third party", "video.test", lifetime=DAY), Sighting("IDE", "header")]
    found = comparison(*seen, policy=Policy([], third_parties=[party]))
    assert [each.by for each in found.declared] == ["third party"]
    assert [each.by for each in found.undeclared] == ["header"]


def test_what_outlives_its_declaration_is_told() -> None:
    """The longest lifetime that was seen is compared with what any line of that name allows."""
    policy = Policy(
        [
            Cookie("short", "marketing", lifetime=DAY),
            Cookie("long", "marketing", lifetime=DAY, provider="A"),
            Cookie("long", "marketing", lifetime=3 * DAY, provider="B"),
            Cookie("open", "marketing", lifetime=DAY, provider="A"),
            Cookie("open", "marketing", provider="B"),
            Cookie("session", "marketing", lifetime=DAY),
        ]
    )
    found = comparison(
        Sighting("short", "header", lifetime=2 * DAY),
        Sighting("short", "script", lifetime=4 * DAY),
        Sighting("long", "header", lifetime=3 * DAY + timedelta(seconds=30)),
        Sighting("open", "header", lifetime=40 * DAY),
        Sighting("session", "header"),
        policy=policy,
    )
    assert found.outliving == (Outliving("short", DAY, 4 * DAY),)


def test_a_cookie_that_needs_consent_is_suggested_from_its_preset() -> None:
    """It is active, with category and purpose of the preset, for as long as it was seen to live."""
    [made] = comparison(
        Sighting("_ga_ABC", "script", "x", lifetime=DAY, pages=("/a", "/b"), count=3),
        Sighting("_ga_DEF", "script", "x", lifetime=400 * DAY, pages=("/c",)),
    ).suggestions
    assert made.active
    assert made.preset == "google-analytics"
    assert made.names == ("_ga_ABC", "_ga_DEF")
    assert made.cookie is not None
    assert (made.cookie.category, made.cookie.lifetime) == ("statistics", 400 * DAY)
    assert isinstance(made.cookie.purpose, Mapping)
    assert set(made.cookie.purpose) == {"en", "fr"}
    assert made.comments[0] == "_ga_ABC: seen 3 times, set by a script at /a, /b."
    assert made.comments[1] == "_ga_DEF: seen once, set by a script at /c."
    assert "to confirm" in made.comments[2]


def test_a_measured_lifetime_never_shortens_the_presets() -> None:
    """A visit may set a cookie for less long than its provider says."""
    [made] = comparison(Sighting("_fbp", "script", "x", lifetime=DAY)).suggestions
    assert made.cookie is not None
    assert made.cookie.lifetime is not None
    assert made.cookie.lifetime > DAY


def test_nothing_is_necessary_because_a_tool_says_so() -> None:
    """What frameworks' presets know as necessary is a hint that names them, and stays a comment."""
    for name in ("sessionid", "csrftoken", "session", "messages"):
        [made] = comparison(Sighting(name, "header")).suggestions
        assert not made.active
        assert any("Known as necessary by presets: " in line for line in made.comments)
    assert "django" in " ".join(comparison(Sighting("sessionid", "header")).suggestions[0].comments)


def test_an_exempt_cookie_is_suggested_as_one_that_needs_consent() -> None:
    """Matomo's is exempt in a set-up of its own only: the stricter preset is suggested."""
    [made] = comparison(Sighting("_pk_id.1.abcd", "script")).suggestions
    assert made.active
    assert made.cookie is not None
    assert made.cookie.category == "statistics"


def test_what_only_an_exempt_preset_knows_is_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cookie that is exempt in every preset stays a comment that says so."""
    cookie = Cookie("exempt_only", "anonymous_statistics", exemption="audience-measurement")
    best = Known("counter", cookie)
    monkeypatch.setattr("consentgate.audit.suggestion.known", lambda name: (best,))
    [made] = comparison(Sighting("exempt_only", "header")).suggestions
    assert not made.active
    assert 'The preset "counter" knows this name as exempt' in made.comments[1]


def test_an_unknown_cookie_is_a_comment_in_the_strictest_category() -> None:
    """It stays undeclared, so blocked; once the # is gone it needs consent."""
    [made] = comparison(Sighting("mystery", "header", lifetime=DAY)).suggestions
    assert not made.active
    assert made.preset == ""
    assert made.cookie == Cookie("mystery", "marketing", lifetime=DAY)


def test_another_sites_cookie_is_declared_with_its_host() -> None:
    """A third party's cookie has its host as domain, and is apart from one of the site's own."""
    made = comparison(
        Sighting("mystery", "third party", "ads.test"),
        Sighting("mystery", "header", "shop.test"),
        Sighting("_fbp", "third party", "x.test"),
    ).suggestions
    cookies = [each.cookie for each in made if each.cookie is not None]
    assert [(c.name, c.party, c.domain) for c in cookies] == [
        ("_fbp", "third", "x.test"),
        ("mystery", "third", "ads.test"),
        ("mystery", "first", None),
    ]
    assert "set by another site, ads.test" in made[1].comments[0]


def test_what_cannot_be_declared_is_told_and_no_block() -> None:
    """A name with a comma, and one whose star would stand for more, are not written to a file."""
    made = comparison(Sighting("a,b", "header"), Sighting("a*", "header")).suggestions
    assert [each.cookie for each in made] == [None, None]
    assert "No policy can declare such a name." in made[0].comments
    assert blocks(made, "") == ()


def test_what_anybody_sends_cannot_leave_a_comment() -> None:
    """A path or a name with a line end stays in its line of the file."""
    [made] = comparison(
        Sighting("x", "header", pages=("/a\n[[cookies]]\nname = 'evil'\u2028",))
    ).suggestions
    text = with_blocks("", blocks([made], ""))
    assert tomllib.loads(text) == {}
    assert "evil" in text


def test_a_second_run_adds_nothing() -> None:
    """What was added is declared then, and what stands in a comment is not added again."""
    seen = [
        Sighting(name, "header", "x", lifetime=DAY) for name in ("_fbp", "mystery", "sessionid")
    ]
    before = comparison(*seen)
    text = with_blocks("# mine\n", blocks(before.suggestions, "# mine\n"))
    assert text.startswith("# mine\n")
    [declared] = tomllib.loads(text)["cookies"]
    assert declared["name"] == "_fbp"
    after = comparison(*seen, policy=Policy([Cookie("_fbp", "marketing")]))
    assert blocks(after.suggestions, text) == ()
    assert hinted(text) == {"mystery", "sessionid"}


def test_hints_are_read_as_toml_reads_them() -> None:
    """Both kinds of quotes count; what is no TOML, and what is no comment, does not."""
    text = "#name = 'a'\n  #  name = \"b\\u0063\"\nname = 'd'\n# name = \"\\q\"\n# names = 'e'\n"
    assert hinted(text) == {"a", "bc"}
