"""Other tools' cookies: what they say, and everything that says nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentgate import Category, ConsentGateError, Cookie, Policy
from consentgate.banners import (
    Banner,
    CookieConsent,
    Found,
    Klaro,
    Orejime,
    Tarteaucitron,
)

NOW = 1_795_594_950.0
DAY = 86_400.0
MEANT: dict[str, str | list[str]] = {"visits": "statistics", "ads": "marketing"}

Make = Callable[..., Banner]
TOOLS: list[Make] = [CookieConsent, Klaro, Orejime, Tarteaucitron]


def encoded(record: object) -> bytes:
    """Return JSON as `encodeURIComponent(JSON.stringify(record))` writes it."""
    text = record if isinstance(record, str) else json.dumps(record, separators=(",", ":"))
    return quote(text, safe="!'()*").encode("ascii")


def js_cookie(record: object) -> bytes:
    """Return JSON as js-cookie writes it: encoded is what ends or quotes a cookie's value."""
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    return quote(text, safe="!#$&'()*+/:<=>?@[]^`{|}").encode("ascii")


def iso(seconds: float) -> str:
    """Return a time as `toISOString` does."""
    return (
        datetime.fromtimestamp(seconds, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def consented(*categories: str, at: float = NOW, **changed: object) -> dict[str, Any]:
    """Return what CookieConsent writes down."""
    record = {
        "categories": list(categories),
        "revision": 0,
        "data": None,
        "consentTimestamp": iso(at),
        "consentId": "44ea8397-62f6-4f26-911d-8125329a65ff",
        "services": {category: [] for category in ("necessary", "visits", "ads")},
        "languageCode": "en",
        "lastConsentTimestamp": iso(at),
        "expirationTime": 1811319750409,
    }
    return record | changed


def found(banner: Banner, *values: bytes, now: float = NOW) -> Found | None:
    """Return what is found where an answer lasts ten days."""
    return banner.found(values, now, 10 * DAY)


def decided(banner: Banner, value: bytes) -> tuple[set[str], set[str]] | None:
    """Return what is granted and refused, None where nothing is found."""
    answer = found(banner, value)
    return None if answer is None else (set(answer.granted), set(answer.refused))


BOTH = ({"statistics", "marketing"}, set[str]())
ONE = ({"statistics"}, {"marketing"})
NONE = (set[str](), {"statistics", "marketing"})

# What each tool says


@pytest.mark.parametrize(
    ("banner", "value", "expected"),
    [
        (CookieConsent, encoded(consented("necessary", "visits", "ads")), BOTH),
        (CookieConsent, encoded(consented("visits", "necessary")), ONE),
        (CookieConsent, encoded(consented("necessary")), NONE),
        (CookieConsent, encoded(consented()), NONE),
        (Klaro, b"%7B%22visits%22%3Atrue%2C%22ads%22%3Atrue%7D", BOTH),
        (Klaro, b"%7B%22visits%22%3Atrue%2C%22ads%22%3Afalse%7D", ONE),
        (Klaro, b"%7b%22visits%22%3afalse%2c%22ads%22%3afalse%7d", NONE),
        (Orejime, b"{%22visits%22:true%2C%22ads%22:true}", BOTH),
        (Orejime, b"{%22visits%22:true%2C%22ads%22:false}", ONE),
        (Orejime, b"{%22visits%22:false%2C%22ads%22:false}", NONE),
        (Tarteaucitron, b"!ads=true!visits=true", BOTH),
        (Tarteaucitron, b"!ads=false!visits=true", ONE),
        (Tarteaucitron, b"!ads=false!visits=false", NONE),
    ],
)
def test_what_a_visitor_answered_is_read(
    banner: Make, value: bytes, expected: tuple[set[str], set[str]]
) -> None:
    """All, one and none of two purposes, as the tools themselves write it."""
    assert decided(banner(categories=MEANT), value) == expected


@pytest.mark.parametrize(
    ("banner", "value"),
    [
        (Klaro, b"%7B%22visits%22%3Atrue%2C%22maps%22%3Atrue%7D"),
        (Orejime, b"{%22visits%22:true%2C%22maps%22:true}"),
        (Tarteaucitron, b"!maps=true!visits=true"),
        (Tarteaucitron, b"!ads=wait!maps=true!visits=true"),
    ],
)
def test_what_is_missing_or_waits_is_neither(banner: Make, value: bytes) -> None:
    """A name without an answer is neither granted nor refused; unknown names are ignored."""
    assert decided(banner(categories=MEANT), value) == ({"statistics"}, set())


@pytest.mark.parametrize(
    ("banner", "value"),
    [
        (Klaro, encoded({})),
        (Klaro, encoded({"maps": True, "fonts": False})),
        (Orejime, b"{}"),
        (Tarteaucitron, b"!ads=wait!visits=wait"),
        (Tarteaucitron, b"!maps=true!ads=wait!visits=wait"),
    ],
)
def test_where_nothing_that_matters_is_decided_there_is_no_answer(
    banner: Make, value: bytes
) -> None:
    """A tool that has no answer yet to what stands for a category says nothing."""
    assert found(banner(categories=MEANT), value) is None


def test_a_category_is_granted_where_all_that_stands_for_it_is() -> None:
    """Of two services in one category both are needed, and one alone refuses it."""
    banner = Klaro(categories={"matomo": "statistics", "hotjar": ["statistics", "marketing"]})
    assert decided(banner, encoded({"matomo": True, "hotjar": True})) == BOTH
    assert decided(banner, encoded({"matomo": True, "hotjar": False})) == NONE
    assert decided(banner, encoded({"matomo": False, "hotjar": True})) == (
        {"marketing"},
        {"statistics"},
    )
    assert decided(banner, encoded({"matomo": True})) == (set(), set())


def test_what_is_necessary_is_nobodys_answer() -> None:
    """A name may stand for `necessary`: then what is said of it counts for nothing."""
    banner = Klaro(categories=MEANT | {"login": "necessary"})
    assert decided(banner, encoded({"login": False, "visits": True, "ads": False})) == ONE
    assert found(banner, encoded({"login": True})) is None
    assert found(banner, encoded({"login": False})) is None


def test_what_passes_unasked_is_no_answer() -> None:
    """What tarteaucitron allows by itself is no sign that anybody was asked; a no is one."""
    banner = Tarteaucitron(categories={"matomo": "anonymous_statistics", "gtag": "statistics"})
    assert found(banner, b"!matomo=true!gtag=wait") is None
    assert decided(banner, b"!matomo=false!gtag=wait") == (set(), {"anonymous_statistics"})
    assert decided(banner, b"!matomo=true!gtag=true") == (
        {"anonymous_statistics", "statistics"},
        set(),
    )
    # Klaro writes nothing down before the visitor has pressed a button.
    asked = Klaro(categories={"matomo": "anonymous_statistics"})
    assert decided(asked, encoded({"matomo": True})) == ({"anonymous_statistics"}, set())


def test_cookieconsent_tells_of_services_by_category() -> None:
    """Services of a category are mapped one by one: the category alone would hide a refusal."""
    record = consented("visits", services={"visits": ["matomo"], "ads": ["pixel"]})
    by_service = CookieConsent(categories={"visits/matomo": "statistics", "ads/pixel": "marketing"})
    assert decided(by_service, encoded(record)) == ONE  # `ads` itself is not accepted.
    both = CookieConsent(categories={"visits/matomo": "statistics", "visits/hotjar": "statistics"})
    assert decided(both, encoded(record)) == (set(), {"statistics"})
    assert decided(CookieConsent(categories=MEANT), encoded(record)) == NONE


def test_a_name_may_have_any_letters() -> None:
    """A service is found by its name in any language, as each tool encodes it."""
    meant = {"vidéos, “toutes”": "marketing"}
    for value in (encoded(dict.fromkeys(meant, True)), js_cookie(dict.fromkeys(meant, True))):
        assert decided(Klaro(categories=meant), value) == ({"marketing"}, set())
        assert decided(Orejime(categories=meant), value) == ({"marketing"}, set())


# When it was said


@pytest.mark.parametrize(
    ("age", "is_found"),
    [(-DAY - 1, False), (-DAY, True), (0.0, True), (10 * DAY - 1, True), (10 * DAY, False)],
)
def test_an_answer_of_cookieconsent_has_its_time(age: float, is_found: bool) -> None:
    """An answer is none from beyond a wrong clock, and none when it is as old as `max_age`."""
    value = encoded(consented("visits", at=NOW - age))
    banner = CookieConsent(categories=MEANT)
    # Asked twice: what is remembered of a value is not whether it is too old.
    assert found(banner, value, now=NOW - age) is not None
    assert (found(banner, value) is not None) == is_found


def test_the_last_answer_counts() -> None:
    """A visitor who changed the answer did so at the last of both times."""
    old, new = iso(NOW - 20 * DAY), iso(NOW - DAY)
    record = consented("visits", consentTimestamp=old, lastConsentTimestamp=new)
    assert found(CookieConsent(categories=MEANT), encoded(record)) is not None
    record = consented("visits", consentTimestamp=old, lastConsentTimestamp=old)
    assert found(CookieConsent(categories=MEANT), encoded(record)) is None


def test_an_answer_under_another_revision_is_none() -> None:
    """Where the site says which revision of the tool's holds, no other one does."""
    value = encoded(consented("visits", revision=2))
    assert found(CookieConsent(categories=MEANT), value) is not None
    assert found(CookieConsent(categories=MEANT, revision=2), value) is not None
    assert found(CookieConsent(categories=MEANT, revision=3), value) is None


# Which answer it is


def test_the_mark_is_of_the_answer() -> None:
    """Eight URL-safe characters: the same for the same answer, others for another."""
    banner = Klaro(categories=MEANT)
    marks = [
        answer.mark
        for visits in (True, False)
        for ads in (True, False)
        if (answer := found(banner, encoded({"visits": visits, "ads": ads})))
    ]
    assert len(set(marks)) == 4
    assert all(
        len(mark) == 8 and mark.replace("-", "").replace("_", "").isalnum() for mark in marks
    )


def test_what_is_no_answer_changes_no_mark() -> None:
    """What tarteaucitron writes down of services that wait, or writes in another order, is none."""
    banner = Tarteaucitron(categories=MEANT | {"maps": "preferences"})
    marks = {
        answer.mark
        for value in (
            b"!visits=true!ads=false",
            b"!ads=false!visits=true",
            b"!ads=false!visits=true!maps=wait!fonts=wait",
            b"!ads=false!fonts=true!visits=true!maps=wait",
        )
        if (answer := found(banner, value))
    }
    assert len(marks) == 1


def test_the_same_words_in_another_cookie_are_another_answer() -> None:
    """A site that asks anew, with another name for the tool's cookie, tells both apart."""
    value = encoded({"visits": True})
    first, second = (
        found(Klaro(categories=MEANT, cookie=name), value) for name in ("klaro", "klaro-2")
    )
    assert first is not None
    assert second is not None
    assert first.granted == second.granted
    assert first.mark != second.mark


def test_an_answer_given_again_later_has_another_mark() -> None:
    """Where the tool says when, the same answer at another time is a new one."""
    banner = CookieConsent(categories=MEANT)
    first = found(banner, encoded(consented("visits", at=NOW - 1)))
    again = found(banner, encoded(consented("visits")))
    assert first is not None
    assert again is not None
    assert first.mark != again.mark


# What says nothing


def valid(tool: Make) -> bytes:
    """Return a value in which the visitor granted all."""
    if tool is Tarteaucitron:
        return b"!visits=true!ads=true"
    if tool is CookieConsent:
        return encoded(consented("visits", "ads"))
    return encoded({"visits": True, "ads": True})


@pytest.mark.parametrize("tool", TOOLS)
def test_several_that_differ_say_nothing(tool: Make) -> None:
    """Two cookies of the name that are not the same are nobody's answer; two that are, one."""
    banner, value = tool(categories=MEANT), valid(tool)
    assert found(banner) is None
    once = found(banner, value)
    assert once is not None
    assert found(banner, value, value) == once
    assert found(banner, value, value + b"x") is None
    assert found(banner, b"", value) is None


ODD = {
    "nothing": "",
    "no object": "[true]",
    "a word": "true",
    "null": "null",
    "no JSON": "{visits:true}",
    "a comma too much": '{"visits":true,}',
    "something behind it": '{"visits":true}x',
    "a name twice": '{"visits":false,"visits":true}',
    "another name twice": '{"visits":true,"a":true,"a":true}',
    "a number for a truth": '{"visits":1}',
    "a text for a truth": '{"visits":"true"}',
    "null for a truth": '{"visits":true,"ads":null}',
    "an object for a truth": '{"visits":{"a":true}}',
    "no number": '{"visits":true,"ads":NaN}',
    "no end of a number": '{"visits":true,"ads":-Infinity}',
    "a control character": '{"visits":true,"a\nb":true}',
    "nested deeply": '{"visits":' + "[" * 300 + "]" * 300 + "}",
    "a long number": '{"visits":' + "9" * 3000 + "}",
    "too long": '{"visits":true,"' + "a" * 4096 + '":true}',
}


@pytest.mark.parametrize("tool", [Klaro, Orejime])
@pytest.mark.parametrize("text", ODD.values(), ids=list(ODD))
def test_odd_json_says_nothing(tool: Make, text: str) -> None:
    """Whatever is not exactly an object of truths is no answer."""
    assert found(tool(categories={"visits": "statistics"}), encoded(text)) is None


@pytest.mark.parametrize(
    "value",
    [
        b'{"visits":true}',
        b"{%22visits%22:true, %22ads%22:true}",
        b"%7B%22visits%22%3Atrue%7",
        b"%7B%22visits%22%3Atrue%7D%",
        b"%7B%22visits%22%3Atrue%7D%zz",
        b"%7B%22visits%22%3Atrue%2C%22%ff%22%3Atrue%7D",
        b"%7B%22visits%22%3Atrue%2C%22%ED%A0%80%22%3Atrue%7D",
        b"%7B%22visits%22%3Atrue%2C%22\xc3\xa9%22%3Atrue%7D",
        b"%257B%2522visits%2522%253Atrue%257D",
        b"%EF%BB%BF%7B%22visits%22%3Atrue%7D",
        b"%7B%22visits%22%3Atrue%7D%00",
    ],
)
@pytest.mark.parametrize("tool", [Klaro, Orejime])
def test_what_is_encoded_otherwise_says_nothing(tool: Make, value: bytes) -> None:
    """Quotes, blanks, broken escapes, bytes that are no UTF-8 and other encodings are no answer."""
    assert found(tool(categories={"visits": "statistics"}), value) is None


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"visits=true",
        b"!visits",
        b"!visits=",
        b"!visits=yes",
        b"!visits=TRUE",
        b"!=true",
        b"!visits=true!",
        b"!visits=true!ads",
        b"!visits=true ",
        b"!visits=true; !ads=true",
        b"!visits=true,!ads=true",
        b"!visits=true!visits=true",
        b"!visits=false!visits=true",
        b"!visits=true!vid\xc3\xa9os=true",
        b"%21visits=true",
        b'"!visits=true"',
        b"!visits=true\n",
        b"!visits=true" + b"!a=wait" * 600,
    ],
)
def test_an_odd_list_of_tarteaucitron_says_nothing(value: bytes) -> None:
    """Whatever is not exactly its list, with each service once, is no answer."""
    assert found(Tarteaucitron(categories={"visits": "statistics"}), value) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"categories": "visits"},
        {"categories": {"visits": True}},
        {"categories": ["visits", 1]},
        {"categories": None},
        {"services": None},
        {"services": ["visits"]},
        {"services": {"visits": "matomo"}},
        {"services": {"visits": [1]}},
        {"revision": "0"},
        {"revision": 0.5},
        {"revision": True},
        {"revision": None},
        {"consentId": ""},
        {"consentId": 1},
        {"consentTimestamp": None},
        {"consentTimestamp": "yesterday"},
        {"lastConsentTimestamp": NOW},
        {"lastConsentTimestamp": "2026-11-25"},
        {"lastConsentTimestamp": "2026-02-31T08:22:30.407Z"},
        {"lastConsentTimestamp": "2026-11-25T08:22:30.407+01:00"},
        {"lastConsentTimestamp": "٢٠٢٦-11-25T08:22:30.407Z"},
        {"lastConsentTimestamp": "0000-11-25T08:22:30.407Z"},
        {"lastConsentTimestamp": "0001-01-01T00:00:00.000Z"},
        {"lastConsentTimestamp": "9999-12-31T23:59:59.999Z"},
    ],
    ids=repr,
)
def test_a_record_of_another_shape_says_nothing(changed: dict[str, Any]) -> None:
    """Where anything that CookieConsent itself asks for is otherwise, there is no answer."""
    banner = CookieConsent(categories=MEANT)
    assert found(banner, encoded(consented("visits"))) is not None
    assert found(banner, encoded(consented("visits", **changed))) is None
    missing = consented("visits")
    for name in changed:
        del missing[name]
    assert found(banner, encoded(missing)) is None


@pytest.mark.parametrize("data", ["NaN", "-Infinity", "[" * 200 + "]" * 200, '{"a":1,"a":2}'])
def test_what_is_not_read_is_json_all_the_same(data: str) -> None:
    """What a site keeps for itself in the record may be any JSON, of some depth, and only that."""
    text = json.dumps(consented("visits"), separators=(",", ":"))
    assert found(CookieConsent(categories=MEANT), encoded(text)) is not None
    usual = text.replace('"data":null', '"data":{"a":[[1.5e3],{}]}')
    assert found(CookieConsent(categories=MEANT), encoded(usual)) is not None
    odd = text.replace('"data":null', f'"data":{data}')
    assert odd != text
    assert found(CookieConsent(categories=MEANT), encoded(odd)) is None


def test_no_depth_is_too_much() -> None:
    """A record as deep as a cookie can hold raises nothing."""
    value = b"{%22visits%22:" + b"[" * 2000 + b"]" * 2000 + b"}"
    assert found(Orejime(categories=MEANT), value) is None
    assert found(Orejime(categories=MEANT), b"[" * 4000) is None


def test_the_record_of_version_2_says_nothing() -> None:
    """CookieConsent 2 had a cookie of the same name, with other things in it."""
    record = {
        "categories": ["visits"],
        "revision": 0,
        "data": None,
        "rfc_cookie": False,
        "consent_date": iso(NOW),
        "consent_uuid": "44ea8397-62f6-4f26-911d-8125329a65ff",
        "last_consent_update": iso(NOW),
    }
    assert found(CookieConsent(categories=MEANT), encoded(record)) is None


@pytest.mark.parametrize("tool", TOOLS)
@given(data=st.data())
def test_whatever_arrives_nothing_is_raised(tool: Make, data: st.DataObject) -> None:
    """Any bytes, and any valid value with bytes exchanged, are an answer or none."""
    banner, whole = tool(categories=MEANT), valid(tool)
    position = data.draw(st.integers(0, len(whole)))
    piece = data.draw(st.binary(max_size=40))
    for value in (piece, whole[:position] + piece + whole[position + len(piece) :]):
        answer = found(banner, value)
        assert answer is None or answer.granted | answer.refused <= {"statistics", "marketing"}


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
SWITCHES = st.dictionaries(NAMES, st.booleans(), min_size=1, max_size=8)


def by_rule(record: Mapping[str, bool | None]) -> tuple[set[str], set[str]]:
    """Return what is granted and refused where names in turn stand for two categories."""
    names = sorted(record)
    groups = {"statistics": names[::2], "marketing": names[1::2]}
    granted = {key for key, group in groups.items() if group and all(record[n] for n in group)}
    refused = {key for key, group in groups.items() if any(record[n] is False for n in group)}
    return granted, refused


def in_turn(record: Mapping[str, object]) -> dict[str, str]:
    """Return a mapping in which names stand for two categories in turn."""
    names = sorted(record)
    return dict.fromkeys(names[::2], "statistics") | dict.fromkeys(names[1::2], "marketing")


@given(SWITCHES)
def test_what_is_written_by_the_rules_reads_back(record: dict[str, bool]) -> None:
    """Whatever the names are, the switches of Klaro and of Orejime come back as they were set."""
    meant = in_turn(record)
    assert decided(Klaro(categories=meant), encoded(record)) == by_rule(record)
    assert decided(Orejime(categories=meant), js_cookie(record)) == by_rule(record)


@given(NAMES.flatmap(lambda name: st.tuples(st.just(name), st.sets(NAMES, max_size=8))))
def test_what_cookieconsent_writes_reads_back(drawn: tuple[str, set[str]]) -> None:
    """Whatever the names are, a category is granted if it is among those that were accepted."""
    name, accepted = drawn
    value = encoded(consented(*accepted, services={}))
    expected = ({"statistics"}, set()) if name in accepted else (set(), {"statistics"})
    assert decided(CookieConsent(categories={name: "statistics"}), value) == expected


KEYS = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)


@given(
    st.dictionaries(KEYS, st.sampled_from([True, False, None]), min_size=1, max_size=8).filter(
        lambda record: any(state is not None for state in record.values())
    )
)
def test_what_tarteaucitron_writes_reads_back(record: dict[str, bool | None]) -> None:
    """Whatever the keys are, services that are allowed, denied or waiting come back as such."""
    words = {True: "true", False: "false", None: "wait"}
    value = "".join(f"!{key}={words[state]}" for key, state in record.items()).encode()
    assert decided(Tarteaucitron(categories=in_turn(record)), value) == by_rule(record)


# What a site says


def test_a_banner_is_what_was_said_of_it() -> None:
    """Two that say the same are equal, and cannot be changed."""
    banner = Klaro(categories={"visits": "statistics"}, cookie="choices")
    assert banner == Klaro(categories={"visits": ["statistics"]}, cookie="choices")
    assert hash(banner) == hash(Klaro(categories={"visits": ["statistics"]}, cookie="choices"))
    assert banner != Klaro(categories={"visits": "marketing"}, cookie="choices")
    assert "choices" in repr(banner)
    with pytest.raises(AttributeError):
        banner.cookie = "other"  # type: ignore[misc]  # what is tested
    with pytest.raises(TypeError):
        banner.categories["ads"] = "marketing"  # type: ignore[index]  # what is tested


@pytest.mark.parametrize(
    ("tool", "name", "provider", "days"),
    [
        (CookieConsent, "cc_cookie", "CookieConsent", 182),
        (Klaro, "klaro", "Klaro", 120),
        (Orejime, "eu-consent", "Orejime", 120),
        (Tarteaucitron, "tarteaucitron", "tarteaucitron.js", 365),
    ],
)
def test_the_cookie_of_a_tool_is_necessary(tool: Make, name: str, provider: str, days: int) -> None:
    """Its row says what it is for, by whom, how long it is kept, and on what it rests."""
    row = tool(categories=MEANT).row
    assert (row.name, row.category, row.provider) == (name, "necessary", provider)
    assert row.lifetime == timedelta(days=days)
    assert tool(categories=MEANT, lifetime=timedelta(days=7)).row.lifetime == timedelta(days=7)
    assert row.exemption == "consent-choice"
    assert not isinstance(row.purpose, str)
    assert row.purpose["en"] == "Remembers your choice about cookies"


def test_categories_are_those_of_the_policy() -> None:
    """A key that is no category of the policy is told, with the nearest one."""
    policy = Policy([Cookie("a", "statistics")], categories=[Category("social")])
    Klaro(categories={"a": ["statistics", "social", "necessary"]}).check(policy)
    with pytest.raises(ConsentGateError, match=r"Klaro\(categories: 'b' stands for 'statistic', "):
        Klaro(categories={"a": "social", "b": "statistic"}).check(policy)
    with pytest.raises(ConsentGateError, match="did you mean 'statistics'"):
        Klaro(categories={"b": "statistic"}).check(policy)


@pytest.mark.parametrize("tool", TOOLS)
def test_an_answer_without_a_time_does_not_outlive_a_choice(tool: Make) -> None:
    """A cookie that is kept for longer than `max_age` would answer again and again."""
    policy = Policy([Cookie("a", "statistics")])
    banner = tool(categories={"a": "statistics"}, lifetime=timedelta(days=183))
    banner.check(policy)
    banner.check(policy, timedelta(days=183))
    if tool is CookieConsent:
        banner.check(policy, timedelta(days=182))
        return
    with pytest.raises(ConsentGateError, match="must not outlive the gate's max_age"):
        banner.check(policy, timedelta(days=182))


@pytest.mark.parametrize(
    ("tool", "options", "message"),
    [
        (Klaro, {"categories": {}}, "say what the tool's names stand for"),
        (Klaro, {"categories": ["visits"]}, "say what the tool's names stand for"),
        (Klaro, {"categories": {"": "statistics"}}, "'' is no name that Klaro writes down"),
        (Klaro, {"categories": {1: "statistics"}}, "1 is no name that Klaro writes down"),
        (Klaro, {"categories": {"visits": "no key"}}, "stands for the key of a category"),
        (Klaro, {"categories": {"visits": []}}, r"not \[\]"),
        (Klaro, {"categories": {"visits": None}}, "not None"),
        (Klaro, {"categories": {"visits": b"statistics"}}, "not b'statistics'"),
        (Klaro, {"categories": {"visits": {"a": "b"}}}, "stands for the key of a category"),
        (Klaro, {"categories": {"visits": [["statistics"]]}}, "stands for the key of a category"),
        (Klaro, {"categories": {"login": "necessary"}}, "nothing in it is a visitor's to decide"),
        (Klaro, {"categories": MEANT, "cookie": "a b"}, "use the name of the tool's cookie"),
        (Klaro, {"categories": MEANT, "cookie": None}, "use the name of the tool's cookie"),
        (Klaro, {"categories": MEANT, "cookie": "klaro*"}, "use its exact name"),
        (Klaro, {"categories": MEANT, "lifetime": 120}, "use a positive timedelta"),
        (Klaro, {"categories": MEANT, "lifetime": timedelta(0)}, "use a positive timedelta"),
        (Tarteaucitron, {"categories": {"a!b": "statistics"}}, "'a!b' is no name"),
        (Tarteaucitron, {"categories": {"vidéos": "statistics"}}, "'vidéos' is no name"),
        (CookieConsent, {"categories": MEANT, "revision": "1"}, "use the number"),
        (CookieConsent, {"categories": MEANT, "revision": True}, "use the number"),
    ],
)
def test_a_mapping_that_cannot_hold_is_told(
    tool: Make, options: dict[str, Any], message: str
) -> None:
    """What is wrong, and where, is said when the banner is made."""
    with pytest.raises(ConsentGateError, match=message) as raised:
        tool(**options)
    assert str(raised.value).startswith(tool.__name__ + "(")


def test_a_value_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read before is remembered, up to a bound; what is too long is not even read."""
    banner, reads = Klaro(categories=MEANT), list[bytes]()
    real = Klaro.read

    def counted(self: Klaro, value: bytes) -> Any:
        reads.append(value)
        return real(self, value)

    monkeypatch.setattr(Klaro, "read", counted)
    for _ in range(3):
        found(banner, encoded({"visits": True}))
        found(banner, b"nothing")
        found(banner, b"x" * 4097)
    assert reads == [encoded({"visits": True}), b"nothing"]
    for number in range(2000):
        found(banner, b"%d" % number)
    assert len(banner._remembered) <= 512
