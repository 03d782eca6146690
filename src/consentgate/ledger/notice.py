"""What a visitor was told, as a consent record speaks of it: purposes, and who is involved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from consentgate.errors import ConsentGateError
from consentgate.ledger.texts import GENUINE, Text, utc

CONTROLLER = "controller"
"""The `party_id` of who answers for the site."""

_DIRECTIVE = "Directive 2002/58/EC article 5(3)"
_BASES = {
    "consent": ["eu-gdpr:A6-1-a", f"{_DIRECTIVE}: consent"],
    "exempt": [f"{_DIRECTIVE}: exempt, and the visitor can object"],
    "necessary": [f"{_DIRECTIVE}: exempt"],
}
_SESSION, _UNTOLD = "until the browser closes", "not told"
_COLLECTED = "cookies, and what is like them, in the visitor's browser"
_WITHDRAWN = "on the site's page of preferences, as it was given (GDPR article 7(3))"


class Notice:
    """A text by its hash, as far as the ledger has it: what was shown, or else the policy.

    Of a text that is lost, or that somebody spoiled, only the hash is told.
    """

    def __init__(self, hash: str, text: Text | None) -> None:
        self._hash = hash
        self._text = text
        self._values = text.values() if text else {}
        self._categories = {str(row.get("key")): row for row in categories_of(text)}
        self._purposes: dict[str, dict[str, Any]] = {}

    def as_json(self) -> dict[str, Any]:
        """Return which text it is, and where it stands."""
        text = self._text
        if text is None:
            return {"id": self._hash, "type": "dpv:ConsentNotice", "location": None}
        return {
            "id": self._hash,
            # Where the gate's own pages were not what was shown, it only has the policy.
            "type": "dpv:ConsentNotice" if text.kind == "text" else "dpv:PrivacyNotice",
            "location": text.file_name,
            "language": text.language,
            "revision": text.revision,
            "since": utc(text.first_at),
            "genuine": GENUINE[text.genuine],
        }

    def purpose(self, key: str) -> dict[str, Any]:
        """Return what the text says of a category: one purpose and the fields that go with it."""
        if key not in self._purposes:
            self._purposes[key] = self._purpose(key)
        return self._purposes[key]

    def parties(self, keys: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Return who is involved: who answers for the site, and the third parties of categories."""
        name = self._values.get("controller")
        yield {"party_id": CONTROLLER, "party_name": name, "party_role": "dpv:DataController"}
        for key in keys:
            yield from _recipients(self._categories.get(key, {}))

    def _purpose(self, key: str) -> dict[str, Any]:
        category = self._categories.get(key, {})
        cookies = list(_cookies(category))
        longest = max((_seconds(cookie) or 0 for cookie in cookies), default=0)
        return {
            "purpose_id": key,
            "purpose": category.get("title") or key,
            "purpose_description": category.get("description") or "",
            "lawful_basis": _BASES.get(str(category.get("kind")), []),
            "pii_information": [_information(cookie) for cookie in cookies],
            "pii_controllers": [CONTROLLER],
            "collection_method": _COLLECTED,
            "retention_period": iso_duration(longest) if longest else None,
            "service": _distinct(cookie.get("service") for cookie in cookies),
            "recipient_third_parties": [party["party_id"] for party in _recipients(category)],
            "withdrawal_method": _WITHDRAWN,
            "privacy_notice": self._hash,
        }


def categories_of(text: Text | None) -> list[Mapping[str, Any]]:
    """Return the categories that a text tells of, as `consentgate.pages.charter.as_json` does.

    Of a policy that is in English, as far as it has English words. Nothing of
    what cannot be read.
    """
    if text is None:
        return []
    return _rows(text.values(), "categories") if text.kind == "text" else _of_policy(text.content)


def iso_duration(seconds: int) -> str:
    """Return a length of time as ISO 8601 says it: in days if these are whole, else in seconds."""
    days, rest = divmod(seconds, 86_400)
    return f"PT{seconds}S" if rest else f"P{days}D"


def _of_policy(content: str) -> list[Mapping[str, Any]]:
    from consentgate.pages.charter import as_json
    from consentgate.pages.language import Languages
    from consentgate.policy import Policy

    with TemporaryDirectory() as folder:
        path = Path(folder) / "policy.toml"
        path.write_text(content, encoding="utf-8")
        try:
            policy = Policy.from_toml(path)
        except ConsentGateError:
            return []
    return list(as_json(policy, Languages(["en"], "en").default, ()))


def _rows(values: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = values.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _cookies(category: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from _rows(category, "cookies")
    for cookie in (
        each for party in _rows(category, "third_parties") for each in _rows(party, "cookies")
    ):
        # Nobody here knows more of these than is declared.
        yield cookie if cookie.get("lifetime") else {**cookie, "lifetime": _UNTOLD}


def _information(cookie: Mapping[str, Any]) -> dict[str, Any]:
    seconds, lifetime = _seconds(cookie), cookie.get("lifetime")
    return {
        "pii_type": "cookie",
        "pii_attribute_id": cookie.get("name"),
        "purpose": cookie.get("purpose") or "",
        "retention_period": iso_duration(seconds) if seconds else lifetime or _SESSION,
    }


def _recipients(category: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the third parties: those that set a cookie, and those that pages load from."""
    role = "dpv:ThirdParty"
    loaded = _rows(category, "third_parties")
    setting = [cookie for cookie in _cookies(category) if cookie.get("party") == "third"]
    names = {str(party.get("name")): party.get("privacy") for party in loaded}
    for name in [*names, *_distinct(cookie.get("provider") for cookie in setting)]:
        party = {"party_id": name, "party_name": name, "party_role": role}
        yield party | ({"party_url": names[name]} if names.get(name) else {})


def _seconds(cookie: Mapping[str, Any]) -> int | None:
    lifetime = cookie.get("lifetime")
    return int(lifetime) if isinstance(lifetime, (int, float)) else None


def _distinct(values: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(str(value) for value in values if value))
