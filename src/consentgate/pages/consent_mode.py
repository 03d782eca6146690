"""Google Consent Mode v2: what tags of Google's may store and send, by the visitor's choice.

Google tag platform, "Consent mode", consent types: each of them is "granted" or "denied". One of
which a page says nothing is not denied; so all of them are told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from consentgate.category import MARKETING, NECESSARY, nearest_of
from consentgate.errors import ConsentGateError
from consentgate.policy import Policy

DEFAULT: Mapping[str, str] = MappingProxyType(
    {
        "ad_storage": MARKETING,
        "ad_user_data": MARKETING,
        "ad_personalization": MARKETING,
        "analytics_storage": "statistics",
        "functionality_storage": "preferences",
        "personalization_storage": "preferences",
        "security_storage": NECESSARY,
    }
)
"""The category that each of Google's consent types depends on, where a site says nothing else."""


def checked(given: Mapping[str, str], policy: Policy) -> Mapping[str, str]:
    """Return the category of every consent type: as the site gives it, or else as in DEFAULT.

    Raises ConsentGateError for what is no consent type, or no category of the policy.
    """
    if not isinstance(given, Mapping):
        raise _error(f"{given!r}: use a dict, as in {{'analytics_storage': 'statistics'}}")
    keys = [category.key for category in policy.categories]
    for storage, category in given.items():
        if storage not in DEFAULT:
            raise _error(f"no consent type is {storage!r}; {nearest_of(storage, DEFAULT)}")
        if category not in keys:
            raise _error(
                f"{storage}={category!r} is no category of the policy; {nearest_of(category, keys)}"
            )
    return MappingProxyType({**DEFAULT, **given})


def resolved(categories: Mapping[str, str], allowed: Collection[str]) -> dict[str, str]:
    """Return what each consent type is where these categories pass: "granted" or "denied"."""
    return {
        storage: "granted" if category in allowed else "denied"
        for storage, category in categories.items()
    }


def _error(problem: str) -> ConsentGateError:
    return ConsentGateError(f"Pages(consent_mode): {problem}")
