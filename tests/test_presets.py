"""The presets: what they declare, what they never do, and whether frameworks agree with them."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache

import pytest

from consentgate import ConsentGateError, Cookie, Policy
from consentgate.cookie import EXEMPT_LIFETIME
from consentgate.hosts import HostTable
from consentgate.names import NameTable
from consentgate.presets import Known, Preset, catalogue, known, names, preset
from consentgate.third_party import ThirdParty
from preset_apps import VISITS, SetCookie, read

FRAMEWORKS = [name for name in names() if preset(name).framework]
PROVIDERS = [name for name in names() if not preset(name).framework]
PARTIES = {name: party for name in names() if (party := preset(name).third_party)}
COOKIELESS = {"bottle", "falcon"}
"""Frameworks that set no cookie of their own."""


def every(group: list[str]) -> Iterator[tuple[Preset, Cookie]]:
    """Yield each cookie of these presets, with its preset."""
    for name in group:
        for cookie in preset(name).cookies:
            yield preset(name), cookie


def overlap(one: str, other: str) -> bool:
    """Tell whether a cookie's name can match both of these declared names."""

    @cache
    def meet(i: int, j: int) -> bool:
        if i == len(one) and j == len(other):
            return True
        return (
            (one[i : i + 1] == "*" and (meet(i + 1, j) or (j < len(other) and meet(i, j + 1))))
            or (other[j : j + 1] == "*" and (meet(i, j + 1) or (i < len(one) and meet(i + 1, j))))
            or (one[i : i + 1] == other[j : j + 1] != "" and meet(i + 1, j + 1))
        )

    return meet(0, 0)


# Each preset


@pytest.mark.parametrize("name", names())
def test_a_preset_is_a_policy(name: str) -> None:
    """Each preset's cookies stand in one policy, each is found by its own name."""
    taken = preset(name)
    policy = Policy(taken.cookies)
    assert taken.name == name
    assert taken.title
    assert taken.source
    assert [policy.lookup(cookie.name.encode()) for cookie in taken.cookies] == list(taken.cookies)


@pytest.mark.parametrize("name", names())
def test_a_preset_speaks_french_and_english(name: str) -> None:
    """Each purpose is said in French and in English, a third party's too, and so is each note."""
    texts = [cookie.purpose for cookie in preset(name).cookies]
    texts += [PARTIES[name].purpose] if name in PARTIES else []
    for text in [*texts, preset(name).note or {"fr": "-", "en": "-"}]:
        assert isinstance(text, Mapping)
        assert sorted(text) == ["en", "fr"]
        assert all(part.strip() for part in text.values())
        assert not re.search(r"\w'\w", text["fr"]), "the apostrophe is ’"
        assert text["fr"] != text["en"] or text["fr"] == "-"


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_s_cookie_rests_on_an_exemption(name: str) -> None:
    """What a framework sets is first-party and necessary, with its exemption, 13 months at most."""
    assert bool(preset(name).cookies) != (name in COOKIELESS)
    for cookie in preset(name).cookies:
        assert (cookie.category, cookie.party) == ("necessary", "first")
        assert cookie.exemption is not None
        assert (cookie.lifetime or timedelta(1)) <= EXEMPT_LIFETIME


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_s_cookie_is_never_necessary(name: str) -> None:
    """What a provider sets needs consent, except Matomo's in the set-up that the CNIL exempts."""
    categories = {cookie.category for cookie in preset(name).cookies}
    if name == "matomo-exempt":
        assert categories == {"anonymous_statistics"}
        assert {cookie.exemption for cookie in preset(name).cookies} == {"audience-measurement"}
    else:
        assert categories or name in PARTIES
        assert categories <= {"preferences", "statistics", "marketing"}


def test_many_providers_are_known() -> None:
    """More than 60 providers have a preset."""
    assert len({str(cookie.provider) for _, cookie in every(PROVIDERS)}) > 60


def test_a_provider_is_named() -> None:
    """A cookie that another company reads says which company; one set by another host says so."""
    for taken, cookie in every(PROVIDERS):
        assert bool(cookie.provider) == (cookie.party == "third"), (taken.name, cookie.name)
        assert cookie.domain is None or cookie.party == "third"


def test_lifetimes_are_plausible() -> None:
    """No cookie claims more than ten years, and an exempt one no more than 13 months."""
    for taken, cookie in every(list(names())):
        lifetime = cookie.lifetime or timedelta(1)
        most = timedelta(days=3650) if cookie.exemption is None else EXEMPT_LIFETIME
        assert timedelta(seconds=1) <= lifetime <= most, (taken.name, cookie.name)


def test_no_pattern_catches_strangers() -> None:
    """A pattern has three characters at least before its first star, or after its last one."""
    for taken, cookie in every(list(names())):
        if "*" in cookie.name:
            assert len(cookie.name.partition("*")[0]) >= 3, (taken.name, cookie.name)


@pytest.mark.parametrize(
    "name", ["sessionid", "csrftoken", "session", "messages", "connect.sid", "JSESSIONID", "lang"]
)
def test_common_names_belong_to_no_provider(name: str) -> None:
    """A name that any site may give its session or its language is in no provider's preset."""
    assert [each for each in known(name) if not preset(each.preset).framework] == []


# Their third parties


@pytest.mark.parametrize("party", PARTIES.values(), ids=PARTIES)
def test_a_third_party_needs_consent_and_is_explained(party: ThirdParty) -> None:
    """Whatever a preset lets pages load waits for consent, and has hosts and a privacy notice."""
    assert party.category in {"preferences", "statistics", "marketing"}
    assert party.hosts
    assert re.fullmatch(r"https://[^/]+/.+", str(party.privacy))
    # Two presets that are taken together declare two third parties, never one of them twice.
    assert [each.name for each in PARTIES.values()].count(party.name) == 1


@pytest.mark.parametrize("party", PARTIES.values(), ids=PARTIES)
def test_a_host_of_a_third_party_is_that_of_one_company(party: ThirdParty) -> None:
    """A star stands below a name that somebody has registered, never for a whole top level."""
    for host in party.hosts:
        assert re.fullmatch(r"(?:wss://)?(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)+", host)


def is_set_by(party: ThirdParty, cookie: Cookie) -> bool:
    """Tell whether one of a third party's hosts can set a cookie for this Domain."""
    if cookie.domain is None:
        return False
    above = (f".{host}".endswith(f".{cookie.domain}") for host in party.hosts)
    return any(above) or HostTable([party]).find(cookie.domain) is not None


@pytest.mark.parametrize("name", PARTIES)
def test_what_sets_cookies_of_advertising_waits_for_marketing(name: str) -> None:
    """No host that sets one is asked with consent to something else."""
    set_by_it = [each for each in preset(name).cookies if is_set_by(PARTIES[name], each)]
    if any(cookie.category == "marketing" for cookie in set_by_it):
        assert PARTIES[name].category == "marketing"


@pytest.mark.parametrize("name", PARTIES)
def test_a_third_party_s_cookies_are_those_that_it_sets_itself(name: str) -> None:
    """They are among the cookies of the preset, in its category, with the Domain of a host."""
    party = PARTIES[name]
    for cookie in party.declared_cookies:
        assert cookie in preset(name).cookies
        assert is_set_by(party, cookie)
    on_its_own = {c.name for c in preset(name).cookies if c.domain is None}
    assert not on_its_own & {cookie.name for cookie in party.declared_cookies}


def test_a_host_of_two_presets_is_in_one_category() -> None:
    """A host waits for the same consent whichever preset has it; Google's tags alone are shared."""
    hosts = {host for party in PARTIES.values() for host in party.hosts}
    shared = {
        host
        for host in hosts
        if len({p.category for p in PARTIES.values() if HostTable([p]).find(host)}) > 1
    }
    assert shared == {"*.googletagmanager.com"}


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("www.youtube-nocookie.com", "youtube"),
        ("i.ytimg.com", "youtube"),
        ("player.vimeo.com", "vimeo"),
        ("geo.dailymotion.com", "dailymotion"),
        ("maps.googleapis.com", "google-maps"),
        ("tile.openstreetmap.org", "openstreetmap"),
        ("b.tile.openstreetmap.org", "openstreetmap"),
        ("www.recaptcha.net", "recaptcha"),
        ("js.hcaptcha.com", "hcaptcha"),
        ("open.spotify.com", "spotify"),
        ("w.soundcloud.com", "soundcloud"),
        ("js.stripe.com", "stripe"),
        ("region1.google-analytics.com", "google-analytics"),
        ("www.googletagmanager.com", "google-tag-manager"),
        ("googleads.g.doubleclick.net", "google-ads"),
        ("connect.facebook.net", "meta"),
        ("www.instagram.com", "instagram"),
        ("px.ads.linkedin.com", "linkedin"),
        ("analytics.tiktok.com", "tiktok"),
        ("platform.twitter.com", "x"),
        ("script.hotjar.com", "hotjar"),
    ],
)
def test_what_sites_embed_is_known(host: str, name: str) -> None:
    """The hosts that the usual snippets of well-known services ask are those of their presets."""
    assert HostTable([PARTIES[name]]).find(host) is PARTIES[name]
    assert HostTable([PARTIES[name]]).find(f"{host}.example.com") is None


# All presets together


def test_no_framework_claims_a_provider_s_cookie() -> None:
    """No name or pattern of a framework can match a cookie that a provider sets."""
    pairs = itertools.product(every(FRAMEWORKS), every(PROVIDERS))
    for (framework, necessary), (provider, needing) in pairs:
        assert not overlap(necessary.name, needing.name), (
            f"{framework.name} {necessary.name}, {provider.name} {needing.name}"
        )


def test_presets_do_not_contradict_each_other() -> None:
    """Where two presets know a name, they say the same category, or say that only one is true."""
    contradicting = set()
    for (one, a), (other, b) in itertools.combinations(every(list(names())), 2):
        if one is not other and a.category != b.category and overlap(a.name, b.name):
            contradicting.add(frozenset({one.name, other.name}))
    said = {frozenset({name, other}) for name in names() for other in preset(name).instead_of}
    assert contradicting == said


def test_alternatives_name_each_other() -> None:
    """A preset that excludes another is excluded by it."""
    for name in names():
        assert all(name in preset(other).instead_of for other in preset(name).instead_of)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("_ga", "_ga", True),
        ("_ga*", "_gat", True),
        ("_ga_*", "_gat", False),
        ("a*b", "*ab*", True),
        ("a*c", "a*b", False),
        ("*", "x", True),
        ("ab", "abc", False),
        ("ab*", "ab", True),
    ],
)
def test_overlaps_are_found(one: str, other: str, both: bool) -> None:
    """The check of two patterns that these tests rest on knows which ones share a name."""
    assert overlap(one, other) is overlap(other, one) is both


# By name


def test_frameworks_come_first() -> None:
    """The names are the frameworks' and then the providers', each in order."""
    assert names() == (*sorted(FRAMEWORKS), *sorted(PROVIDERS))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("djanjo", "did you mean 'django'? "),
        ("google_analytics", "did you mean 'google-analytics'"),
        ("Facebook", "did you mean 'meta'? "),
        ("zzzzzz", "unknown preset 'zzzzzz'; consentgate.presets.names()"),
        (["django"], "unknown preset ['django']; "),
    ],
)
def test_an_unknown_preset_is_an_error(name: str, hint: str) -> None:
    """Another name is refused, with the nearest one or the one whose title has the word."""
    with pytest.raises(ConsentGateError, match=re.escape(hint)):
        preset(name)


def test_presets_are_read_when_asked_for() -> None:
    """Importing the package reads no data file, and the presets need no reader of configuration."""
    code = (
        "import sys, consentgate; assert 'consentgate.presets' not in sys.modules;"
        "import consentgate.presets.catalogue as c; assert not c._presets.cache_info().currsize;"
        "c.names(); sys.exit(any(n in sys.modules for n in ('pydantic', 'tomlkit')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603  # our own interpreter and code


def test_a_preset_cannot_be_changed() -> None:
    """A preset is read once and shared, so nothing in it can be changed."""
    assert preset("flask") is preset("flask")
    note = preset("flask").note
    with pytest.raises(TypeError):
        note["en"] = ""  # type: ignore[index]  # that it cannot is what is shown
    with pytest.raises(AttributeError):
        preset("flask").title = ""  # type: ignore[misc]  # that it cannot is what is shown


# By a cookie's name


@pytest.mark.parametrize(
    ("cookie", "found"),
    [
        ("_ga", ["google-analytics _ga"]),
        ("_ga_ABC123", ["google-analytics _ga_*"]),
        ("AMP_TOKEN", ["google-analytics AMP_TOKEN", "amplitude AMP_*"]),
        ("AMP_MKTG_1", ["amplitude AMP_MKTG_*"]),
        ("_fbp", ["meta _fbp"]),
        ("session-3", ["litestar session-*"]),
        ("surprise", []),
        ("", []),
        ("_ga_é", []),
        ("_ga_\udc80", []),
    ],
)
def test_a_cookie_is_known(cookie: str, found: list[str]) -> None:
    """An exact name comes before a pattern, and nothing but declarable names is known."""
    assert [f"{each.preset} {each.cookie.name}" for each in known(cookie)] == found


def test_what_needs_consent_comes_first() -> None:
    """Of presets that match equally well, the exempt set-up is the last suggestion."""
    found = known("_pk_id.1.1fff")
    assert [each.preset for each in found] == ["matomo", "piwik-pro", "matomo-exempt"]
    assert isinstance(found[0], Known)


def test_a_longer_pattern_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between presets too, the pattern with more literal characters comes first."""
    lines = [Cookie("x-*"), Cookie("x-*-*-y"), Cookie("x-a*-y", "marketing"), Cookie("x-1-2-y")]
    tables = {line.name: NameTable([(line.name, 0, line)]) for line in lines}
    monkeypatch.setattr(catalogue, "_tables", lambda: tables)
    assert [each.preset for each in known("x-1-2-y")] == ["x-1-2-y", "x-*-*-y", "x-*"]
    assert [each.preset for each in known("x-a-2-y")] == ["x-a*-y", "x-*-*-y", "x-*"]


# What frameworks really set


def seen_in(framework: str) -> list[SetCookie]:
    """Return what a framework set when it was visited, deletions left out."""
    return [cookie for line in VISITS[framework]() if (cookie := read(line))]


FROM_PYRAMID = [
    # WebOb imports `cgi` where there is one, and Pyramid pkg_resources: both have been warning
    # for years, and neither is ours to mend.
    pytest.mark.filterwarnings("ignore:'cgi' is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:pkg_resources is deprecated:UserWarning"),
    pytest.mark.filterwarnings("ignore:Deprecated call to `pkg_resources:DeprecationWarning"),
]


@pytest.mark.parametrize(
    "framework",
    [pytest.param(name, marks=FROM_PYRAMID if name == "pyramid" else ()) for name in FRAMEWORKS],
)
def test_a_framework_sets_what_its_preset_says(framework: str) -> None:
    """A framework that runs sets all that its preset declares, for as long, and nothing else."""
    declared = preset(framework).cookies
    lookup = Policy(declared).lookup
    longest: dict[str, timedelta | None] = {}
    for seen in seen_in(framework):
        cookie = lookup(seen.name.encode())
        assert cookie is not None, f"{framework} sets {seen.name}, which its preset lacks"
        before = longest.get(cookie.name)
        longest[cookie.name] = max(filter(None, (before, seen.lifetime)), default=None)
    assert sorted(longest) == sorted(cookie.name for cookie in declared)
    for cookie in declared:
        assert rounded(longest[cookie.name]) == rounded(cookie.lifetime), cookie.name


def rounded(lifetime: timedelta | None) -> float | None:
    """Return a lifetime to the minute: an Expires date has run for some moments already."""
    return None if lifetime is None else round(lifetime.total_seconds() / 60)


def test_every_framework_is_visited() -> None:
    """No framework's preset goes without the comparison."""
    assert sorted(VISITS) == FRAMEWORKS


@pytest.mark.parametrize(
    ("line", "cookie"),
    [
        ("a=1", SetCookie("a", None)),
        (" a=1; Path=/; HttpOnly", SetCookie("a", None)),
        (
            "a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            SetCookie("a", timedelta(0, 60)),
        ),
        ("a=; Max-Age=0", None),
        ("a=; expires=Thu, 01-Jan-1970 00:00:00 GMT", None),
    ],
)
def test_set_cookie_lines_are_read(line: str, cookie: SetCookie | None) -> None:
    """The reader that the comparison rests on knows a lifetime from a deletion."""
    assert read(line) == cookie
