"""Google Consent Mode: which of Google's consent types depends on which category."""

from __future__ import annotations

from typing import Any

import pytest

from consentgate import Category, ConsentGateError, Cookie, Policy
from consentgate.pages.consent_mode import DEFAULT, checked, resolved

POLICY = Policy(
    [Cookie("_ga*", "statistics"), Cookie("ab", "experiments")],
    categories=[Category("experiments")],
)
TYPES = {
    *("ad_storage", "ad_user_data", "ad_personalization", "analytics_storage"),
    *("functionality_storage", "personalization_storage", "security_storage"),
}


@pytest.mark.conformance("T6")
def test_every_consent_type_has_a_category() -> None:
    """Google's seven types are all in the default map, each with a category of any policy."""
    assert set(DEFAULT) == TYPES
    assert checked({}, Policy([])) == DEFAULT


@pytest.mark.conformance("T6")
def test_a_site_maps_what_it_wants_otherwise() -> None:
    """What the site says counts, and what it leaves out is as by default."""
    mapped = checked({"analytics_storage": "experiments"}, POLICY)
    assert mapped == {**DEFAULT, "analytics_storage": "experiments"}


@pytest.mark.conformance("T6")
def test_the_map_cannot_be_changed_later() -> None:
    """Whoever keeps the dict that was given changes nothing by it."""
    given = {"ad_storage": "experiments"}
    mapped = checked(given, POLICY)
    given["ad_storage"] = "necessary"
    assert mapped["ad_storage"] == "experiments"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ad_storge": "marketing"}, "no consent type is 'ad_storge'; did you mean 'ad_storage'?"),
        ({"zzz": "marketing"}, "no consent type is 'zzz'; Known are: ad_storage, ad_user_data"),
        (
            {"ad_storage": "marketng"},
            "ad_storage='marketng' is no category of the policy; did you mean 'marketing'?",
        ),
        ({"ad_storage": None}, "ad_storage=None is no category of the policy; Known are: "),
        ({1: "marketing"}, "no consent type is 1; Known are: "),
        (["ad_storage"], "['ad_storage']: use a dict, as in {'analytics_storage': 'statistics'}"),
    ],
)
@pytest.mark.conformance("T6")
def test_a_wrong_map_is_said_at_once(given: Any, message: str) -> None:
    """An unknown type or category is told with the nearest word."""
    with pytest.raises(ConsentGateError) as raised:
        checked(given, POLICY)
    assert str(raised.value).startswith(f"Pages(consent_mode): {message}")


@pytest.mark.parametrize(
    ("allowed", "granted"),
    [
        ((), set()),
        (("necessary",), {"security_storage"}),
        (("necessary", "statistics"), {"security_storage", "analytics_storage"}),
        (
            ("marketing", "preferences"),
            {
                *("ad_storage", "ad_user_data", "ad_personalization"),
                *("functionality_storage", "personalization_storage"),
            },
        ),
    ],
)
@pytest.mark.conformance("T6")
def test_each_type_is_as_its_category(allowed: tuple[str, ...], granted: set[str]) -> None:
    """A type is granted where its category passes, and denied where it does not."""
    states = resolved(DEFAULT, allowed)
    assert set(states) == TYPES
    assert {storage for storage, state in states.items() if state == "granted"} == granted
    assert set(states.values()) <= {"granted", "denied"}
