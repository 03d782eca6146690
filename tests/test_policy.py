"""What a site declares, and what it finds out when it declares it wrongly."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentgate import Category, ConsentGateError, Cookie, Policy
from consentgate.cookie import EXEMPTIONS
from consentgate.names import NameTable


def category_of(policy: Policy, name: str | bytes) -> str | None:
    """Return the category that decides about a cookie name."""
    cookie = policy.lookup(name if isinstance(name, bytes) else name.encode())
    return cookie.category if cookie else None


def test_the_allowlist_is_one_line() -> None:
    """Policy.allow makes just these names necessary."""
    policy = Policy.allow("session", "csrftoken", "pref-*")
    assert category_of(policy, "session") == "necessary"
    assert category_of(policy, "pref-lang") == "necessary"
    assert category_of(policy, "_ga") is None


def test_an_empty_policy_declares_nothing() -> None:
    """A policy without cookies is valid: everything is undeclared."""
    assert category_of(Policy([]), "session") is None


@pytest.mark.conformance("S3")
def test_names_compare_byte_for_byte() -> None:
    """Case counts, and bytes outside ASCII never equal a declaration, exact or pattern."""
    policy = Policy.allow("A", "pre-*")
    assert category_of(policy, "A") == "necessary"
    for name in ("a", "A ", b"A\xa0", b"pre-\xe9", b"pre-\x85", "pre-a b", "pre-a,b", 'pre-"', ""):
        assert category_of(policy, name) is None


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("_ga", "statistics"),
        ("_ga_ABC", "preferences"),
        ("_gat", "marketing"),
        ("_gab", "statistics"),
        ("x_ga", None),
        ("mid-1-end", "marketing"),
        ("mid-end", None),
        ("mid--end", "marketing"),
        ("mid-1-end2", None),
        ("aXbYc", "marketing"),
        ("abc", "marketing"),
        ("acb", None),
        ("ab", None),
        ("aba", None),
    ],
)
def test_the_most_exact_declaration_decides(name: str, category: str | None) -> None:
    """An exact name beats a pattern, a longer pattern a shorter one; both ends are anchored."""
    policy = Policy(
        [
            Cookie("_ga*", "statistics"),
            Cookie("_ga_*", "preferences"),
            Cookie("_gat", "marketing"),
            Cookie("mid-*-end", "marketing"),
            Cookie("a*b*c", "marketing"),
        ]
    )
    assert category_of(policy, name) == category


def test_a_pattern_does_not_match_its_ends_twice() -> None:
    """The literal ends of a pattern may not overlap in a name."""
    assert category_of(Policy.allow("ab*ba"), "aba") is None
    assert category_of(Policy.allow("ab*ba"), "abba") == "necessary"


def test_equally_long_patterns_fall_to_the_stricter_category() -> None:
    """Of two patterns that match equally well, the one that needs consent decides."""
    for order in (1, -1):
        cookies = [Cookie("a*", "necessary"), Cookie("*a", "statistics")][::order]
        assert category_of(Policy(cookies), "a") == "statistics"
    exempt = [Cookie("a*", "necessary"), Cookie("*a", "anonymous_statistics")]
    assert category_of(Policy(exempt), "a") == "anonymous_statistics"


def test_fewer_stars_are_more_exact() -> None:
    """Of two patterns with as many literals, the one with fewer stars decides."""
    policy = Policy([Cookie("*_ga*", "marketing"), Cookie("_ga*", "statistics")])
    assert category_of(policy, "_ga_1") == "statistics"
    assert category_of(policy, "x_ga") == "marketing"


def test_one_name_can_be_declared_for_several_places() -> None:
    """Two declarations of a name in one category are two places, not a contradiction."""
    policy = Policy(
        [Cookie("_ga", "statistics"), Cookie("_ga", "statistics", domain="example.com")]
    )
    assert len(policy.cookies) == 2


def test_a_policy_does_not_change() -> None:
    """Assigning to or deleting from a policy raises, and its texts are frozen."""
    texts = {"en": "Hello"}
    policy = Policy([Cookie("a", purpose=texts)])
    with pytest.raises(AttributeError, match="immutable"):
        policy.revision = "2"
    with pytest.raises(AttributeError, match="immutable"):
        del policy.revision
    texts["en"] = "Changed"
    assert policy.cookies[0].purpose == {"en": "Hello"}
    assert "1 cookies" in repr(policy)


def test_built_in_categories_can_be_reworded_and_others_added() -> None:
    """A site's Category of a built-in key replaces its texts; any other key is added."""
    own = Category("chat", title="Live chat")
    reworded = Category("marketing", title={"fr": "Réclame"})
    policy = Policy([Cookie("c", "chat")], categories=[own, reworded])
    assert [category.key for category in policy.categories] == [
        "necessary",
        "anonymous_statistics",
        "preferences",
        "statistics",
        "marketing",
        "chat",
    ]
    assert reworded in policy.categories
    assert "chat" in policy.choosable
    assert "necessary" not in policy.choosable


def test_built_in_texts_are_in_french_and_english() -> None:
    """Every built-in category has a title and a description in both languages."""
    for category in Policy([]).categories:
        for text in (category.title, category.description):
            assert not isinstance(text, str)
            assert text["fr"] and text["en"]


BASE = Cookie("a", "statistics", provider="X", lifetime=timedelta(days=1))


@pytest.mark.parametrize(
    "changed",
    [
        [],
        [BASE, Cookie("b", "statistics")],
        [Cookie("b", "statistics", provider="X", lifetime=timedelta(days=1))],
        [Cookie("a", "marketing", provider="X", lifetime=timedelta(days=1))],
        [Cookie("a", "statistics", provider="Y", lifetime=timedelta(days=1))],
        [Cookie("a", "statistics", provider={"en": "Y"}, lifetime=timedelta(days=1))],
        [Cookie("a", "statistics", provider="X", lifetime=timedelta(days=2))],
        [Cookie("a", "statistics", provider="X")],
        [Cookie("a", "statistics", provider="X", lifetime=timedelta(days=1), party="third")],
    ],
)
def test_a_legal_change_is_a_new_revision(changed: list[Cookie]) -> None:
    """Another cookie, category, provider, lifetime or party gives another revision."""
    assert Policy(changed).revision != Policy([BASE]).revision


@pytest.mark.parametrize(
    "same",
    [
        Cookie(
            "a", "statistics", provider="X", lifetime=timedelta(hours=24), purpose="Other words"
        ),
        Cookie("a", "statistics", provider="X", lifetime=timedelta(days=1), service={"fr": "Ici"}),
        Cookie("a", "statistics", provider={"en": "X", "fr": "X (F)"}, lifetime=timedelta(days=1)),
    ],
)
def test_other_words_are_the_same_revision(same: Cookie) -> None:
    """A reworded purpose, service or translation does not ask anyone again."""
    assert Policy([same]).revision == Policy([BASE]).revision


def test_order_is_not_a_change() -> None:
    """The order of declarations and of categories changes no revision."""
    one, two = Cookie("a"), Cookie("b", "marketing")
    assert Policy([one, two]).revision == Policy([two, one]).revision


def test_a_new_category_is_a_new_revision() -> None:
    """A new purpose asks again; new words for an old one do not."""
    policy = Policy([BASE])
    assert Policy([BASE], categories=[Category("chat")]).revision != policy.revision
    reworded = Policy([BASE], categories=[Category("statistics", title="Numbers")])
    assert reworded.revision == policy.revision


def test_a_site_can_set_its_revision() -> None:
    """A revision that the site sets stands as it is, a number too."""
    assert Policy([BASE], revision="2026-11").revision == "2026-11"
    assert Policy([BASE], revision=3).revision == "3"


def anything(value: object) -> Any:
    """Return a value that a type checker would refuse."""
    return value


@pytest.mark.conformance("K14")
@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: Policy([Cookie("a"), Cookie("a", "marketing")]),
            "Cookie('a') is declared in 'necessary' and again in 'marketing'; keep the one",
        ),
        (
            lambda: Policy([Cookie("a", "statistic")]),
            "Cookie('a'): unknown category 'statistic'; did you mean 'statistics'?",
        ),
        (lambda: Policy([Cookie("a", "zzz")]), "Category('zzz', title=...)"),
        (lambda: Policy([Cookie("a", anything(None))]), "unknown category None"),
        (lambda: Policy(anything("session")), "Policy.allow('session', ...)"),
        (lambda: Policy(anything(None)), "a list of Cookie is needed, not None"),
        (lambda: Policy(anything({"a": 1})), "a list of Cookie is needed"),
        (lambda: Policy(anything(["session"])), "'session' is not a Cookie"),
        (lambda: Policy([], categories=anything(["chat"])), "'chat' is not a Category"),
        (lambda: Policy([], categories=[Category("x"), Category("x")]), "declared twice"),
        (lambda: Policy([], categories=anything(3)), "a list of Category is needed, not 3"),
        (lambda: Cookie("a", domain=anything(4)), "Cookie('a'): domain is a text"),
        (lambda: Cookie("a", path=anything(None)), "Cookie('a'): path is a text"),
        (lambda: Policy([], revision="a b"), "Policy(revision='a b')"),
        (lambda: Policy([], revision=""), "Policy(revision='')"),
        (lambda: Category("1x"), "Category('1x'): a key is a letter"),
        (lambda: Category(anything(None)), "Category(None)"),
        (lambda: Category("a.b"), "Category('a.b')"),
        (lambda: Category("x", title=anything(7)), "Category('x'): title must be a text"),
        (lambda: Cookie("a", exemption="login"), "unknown exemption 'login'"),
        (lambda: Cookie("a", exemption="autentication"), "did you mean 'authentication'?"),
        (
            lambda: Cookie("a", "marketing", exemption="basket"),
            "a cookie in 'marketing' needs consent and rests on no exemption",
        ),
        (lambda: Cookie("a", party="second"), "party is 'first' or 'third', not 'second'"),
        (lambda: Cookie("a", lifetime=anything(30)), "lifetime is a positive timedelta"),
        (lambda: Cookie("a", lifetime=timedelta(0)), "lifetime is a positive timedelta"),
        (
            lambda: Cookie("a", "anonymous_statistics", lifetime=timedelta(days=397)),
            "13 months (396 days) at most, not 397 days",
        ),
        (lambda: Cookie("a", purpose=anything({"en": 1})), "Cookie('a'): purpose must be a text"),
        (lambda: Cookie("a", provider=anything(None)), "Cookie('a'): provider must be a text"),
        (lambda: Cookie(""), "Cookie(''): a name is one or more visible ASCII"),
        (lambda: Cookie("a=b"), "Cookie('a=b')"),
        (lambda: Cookie("a b"), "Cookie('a b')"),
        (lambda: Cookie("a;b"), "Cookie('a;b')"),
        (lambda: Cookie("a,b"), "Cookie('a,b')"),
        (lambda: Cookie("é"), "Cookie('é')"),
        (lambda: Cookie(anything(b"a")), "Cookie(b'a')"),
    ],
)
def test_a_wrong_declaration_says_how_to_mend_it(build: Callable[[], object], message: str) -> None:
    """A wrong configuration raises at construction, naming the cookie and the way out."""
    with pytest.raises(ConsentGateError, match=re.escape(message)):
        build()


@pytest.mark.parametrize("exemption", EXEMPTIONS)
def test_every_exemption_of_the_design_is_known(exemption: str) -> None:
    """A necessary cookie can name any of the eight exemptions."""
    assert Cookie("a", exemption=exemption).exemption == exemption


def test_thirteen_months_are_exempt() -> None:
    """An exempt statistics cookie may live 13 months."""
    assert Cookie("a", "anonymous_statistics", lifetime=timedelta(days=396)).lifetime


def test_a_declaration_can_be_hashed_and_compared() -> None:
    """Equal declarations are one in a set, texts per language included."""
    pair = {Cookie("a", purpose={"en": "x"}), Cookie("a", purpose={"en": "x"})}
    assert len(pair) == 1
    assert len({Category("a", title={"en": "x"}), Category("a", title={"en": "x"})}) == 1


def regex_of(pattern: str) -> re.Pattern[str]:
    """Return what a pattern means, said with the regular expressions of Python."""
    return re.compile(".*".join(map(re.escape, pattern.split("*"))))


@given(
    st.lists(st.text("ab*", min_size=1, max_size=6), min_size=1, max_size=12),
    st.text("ab", max_size=10),
)
def test_patterns_mean_what_regular_expressions_say(patterns: list[str], name: str) -> None:
    """A name is found exactly when an anchored regular expression finds it, and most exactly."""
    table = NameTable((pattern, 0, pattern) for pattern in patterns)
    found = table.find(name.encode())
    matching = [pattern for pattern in patterns if regex_of(pattern).fullmatch(name)]
    if name in patterns:
        assert found == name
    elif not name or not matching:
        assert found is None
    else:
        assert found in matching
        literals = max(len(pattern.replace("*", "")) for pattern in matching)
        assert len((found or "").replace("*", "")) == literals


def test_a_name_longer_than_any_memory_is_still_judged() -> None:
    """A huge name is matched by a pattern like any other, without being remembered."""
    policy = Policy.allow("pre-*")
    assert category_of(policy, "pre-" + "x" * 100_000) == "necessary"
    assert category_of(policy, "x" * 100_000) is None
