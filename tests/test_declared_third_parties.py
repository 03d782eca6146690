"""Third parties in a policy: what can be declared, and what it changes."""

from __future__ import annotations

from typing import Any

import pytest

from consentgate import Category, ConsentGateError, Cookie, Policy, ThirdParty

VIDEO = ThirdParty(
    "Video Ltd",
    "marketing",
    hosts=["video.example", "*.cdn.example", "localhost:8001"],
    purpose={"en": "Shows films", "fr": "Montre des films"},
    privacy={"en": "https://video.example/privacy", "fr": "https://video.example/fr"},
)


def declared(**changes: Any) -> ThirdParty:
    """Return a third party with something changed."""
    fields: dict[str, Any] = {"name": "Video Ltd", "category": "marketing"} | changes
    return ThirdParty(fields.pop("name"), fields.pop("category"), **fields)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "a name is a text"),
        ({"name": "  "}, "a name is a text"),
        ({"name": 3}, "a name is a text"),
        ({"hosts": "video.example"}, "hosts is a list"),
        ({"hosts": 3}, "hosts is a list"),
        ({"hosts": ["https://video.example/films"]}, "names of hosts"),
        ({"hosts": ["ftp://video.example"]}, "names of hosts"),
        ({"hosts": ["video.example:port"]}, "names of hosts"),
        ({"cookies": "IDE"}, "cookies is a list"),
        ({"cookies": 3}, "cookies is a list"),
        ({"cookies": [3]}, "cookies are Cookies, or their names"),
        ({"cookies": ["a b"]}, "visible ASCII"),
        ({"cookies": [Cookie("IDE", "statistics")]}, "leave the cookie's category out"),
        ({"hosts": ["video.*"]}, "names of hosts"),
        ({"hosts": ["*"]}, "names of hosts"),
        ({"hosts": ["video.example; script-src *"]}, "names of hosts"),
        ({"hosts": [b"video.example"]}, "names of hosts"),
        ({"purpose": 3}, "purpose must be a text"),
        ({"privacy": "video.example/privacy"}, "the address of a privacy notice"),
        ({"privacy": "javascript:alert(1)"}, "the address of a privacy notice"),
        ({"privacy": {"en": "https://ok.example", "fr": "no"}}, "the address of a privacy notice"),
    ],
)
def test_what_is_no_third_party_is_refused(changes: dict[str, Any], message: str) -> None:
    """A declaration that cannot hold says what is wrong with it."""
    with pytest.raises(ConsentGateError, match=message):
        declared(**changes)


@pytest.mark.parametrize(
    ("third_parties", "message"),
    [
        ([declared(category="marketting")], "unknown category 'marketting'; did you mean"),
        ([VIDEO, VIDEO], "is declared twice"),
        (["YouTube"], "is not a ThirdParty"),
        ("YouTube", "a list of ThirdParty is needed"),
        ({"YouTube": VIDEO}, "a list of ThirdParty is needed"),
        (3, "a list of ThirdParty is needed"),
    ],
)
def test_a_policy_refuses_wrong_third_parties(third_parties: Any, message: str) -> None:
    """What is no list of known third parties in known categories is said at construction."""
    with pytest.raises(ConsentGateError, match=message):
        Policy([], third_parties=third_parties)


def test_a_new_third_party_is_a_new_revision() -> None:
    """Visitors are asked again when another site is added, or serves from elsewhere."""
    revisions = {
        Policy([Cookie("a")], third_parties=parties).revision
        for parties in ([], [VIDEO], [declared()], [declared(category="statistics")])
    }
    assert len(revisions) == 4


def test_new_words_about_a_third_party_are_no_new_revision() -> None:
    """A reworded purpose, another notice, and hosts in another order ask nobody again."""
    reworded = declared(
        hosts=reversed(list(VIDEO.hosts)), purpose="Films", privacy="https://other.example"
    )
    first, second = (Policy([], third_parties=[party]) for party in (VIDEO, reworded))
    assert first.revision == second.revision
    assert first.fingerprints == second.fingerprints


def test_a_category_of_third_parties_alone_is_asked_about() -> None:
    """A category in which no cookie is, but another site, concerns a visitor."""
    assert [category.key for category in Policy([], third_parties=[VIDEO]).offered] == ["marketing"]


def test_policies_that_declare_the_same_are_equal() -> None:
    """Two policies are equal if cookies, categories, third parties and revision are."""
    counts = Cookie("_ga*", "statistics", purpose={"en": "Counts", "fr": "Compte"})
    first, second = (Policy([counts], third_parties=[VIDEO]) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    others: list[object] = [
        Policy([Cookie("_ga*", "statistics")], third_parties=[VIDEO]),
        Policy([counts]),
        Policy(first.cookies, third_parties=[VIDEO], categories=[Category("social")]),
        Policy(first.cookies, third_parties=[VIDEO], revision=2),
        "no policy",
    ]
    assert first not in others


def test_a_policy_knows_the_revision_that_was_set() -> None:
    """What the site set is told apart from what was derived."""
    assert Policy([], revision=7).declared_revision == "7"
    assert Policy([]).declared_revision is None


def test_a_third_partys_cookies_are_its_own() -> None:
    """What a third party is known to set is in its category, and read by it."""
    party = declared(
        cookies=["IDE", Cookie("VISITOR", "marketing", provider="Films Ltd", purpose="Counts")]
    )
    cookies = party.declared_cookies
    told = [(each.name, each.category, each.provider, each.party) for each in cookies]
    assert told == [
        ("IDE", "marketing", "Video Ltd", "third"),
        ("VISITOR", "marketing", "Films Ltd", "third"),
    ]
    assert cookies == party.cookies


def test_a_third_partys_cookies_are_no_declarations() -> None:
    """A cookie of that name from the site itself is as undeclared as before."""
    assert Policy([], third_parties=[declared(cookies=["IDE"])]).lookup(b"IDE") is None


def test_another_cookie_of_a_third_party_asks_again() -> None:
    """A cookie that a third party begins to set is a new term; one in other words is none."""

    def revision(*cookies: Cookie | str) -> str:
        return Policy([], third_parties=[declared(cookies=cookies)]).revision

    assert len({revision(), revision("IDE"), revision("IDE", "DSID")}) == 3
    assert revision("IDE") == revision(Cookie("IDE", purpose="Follows you"))
