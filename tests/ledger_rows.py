"""Ledgers for tests: entries that are right, and the database that has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from consentgate.ledger.migrating import upgrade
from consentgate.ledger.store import Store
from consentgate.ledger.writing import Writer
from consentgate.proof import Document, Entry, compact
from ledger_sequences import sequence_at

LEDGER_KEY = "a-key-of-the-ledger-in-32-letters"
NOON = int(datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp())
"""The time of an entry that says nothing else."""
DAY = 86_400

POLICY = Document.of("policy", "r1", "", '[[cookies]]\nname = "_ga*"\ncategory = "statistics"\n')


def shown(language: str = "en", **changes: Any) -> Document:
    """Return the text of a banner that asks for two categories; `changes` are to its JSON."""
    visits = {
        "name": "_ga*",
        "provider": "Counters",
        "service": "",
        "purpose": "Counts visits",
        "lifetime": 395 * DAY,
        "party": "third",
    }
    text = {
        "policy": POLICY.hash,
        "revision": POLICY.revision,
        "controller": "The shop",
        "banner": ["May we count?"],
        "preferences": ["What may we do?"],
        "categories": [
            _category("necessary", "necessary", "Necessary"),
            _category("counting", "exempt", "Anonymous counting"),
            _category("statistics", "consent", "Statistics", cookies=[visits]),
            _category("marketing", "consent", "Advertising", third_parties=[_third_party()]),
        ],
        **changes,
    }
    return Document.of("text", POLICY.revision, language, compact({**text, "language": language}))


def entry(
    action: str = "granted",
    *,
    at: float = NOON,
    decisions: Mapping[str, bool] | None = None,
    **more: Any,
) -> Entry:
    """Return an entry made at `at`, in seconds; `more` is what it says otherwise."""
    text = more.pop("shown", None) or shown()
    values: dict[str, Any] = {
        "id": "0123456789abcdefghijkl",
        "sequence": sequence_at(at),
        "made_at": int(at),
        "action": action,
        "decisions": _decided(action) if decisions is None else decisions,
        "revision": text.revision,
        "language": text.language,
        "text": text.hash,
        "source": "banner",
        "site": "shop.example",
        "extra": {},
        "documents": (text, POLICY),
    }
    return Entry(**{**values, **more})


def add_records(store: Store, *batches: Iterable[Entry]) -> None:
    """Write entries, each batch as a writer of its own, which numbers them from 1."""
    for batch in batches:
        Writer(store, clock=lambda: NOON).write(list(batch))


def sqlite_store(folder: Path, key: str | Sequence[str] = LEDGER_KEY) -> Store:
    """Return a ledger with its tables, and nothing in them, in a file of this folder."""
    store = Store(f"sqlite:///{folder / 'consent.db'}", key)
    upgrade(store)
    return store


def _decided(action: str) -> dict[str, bool]:
    statistics = action in ("granted", "partial", "lapsed", "void")
    return {"statistics": statistics, "marketing": statistics and action != "partial"}


def _category(key: str, kind: str, title: str, **more: Any) -> dict[str, Any]:
    text = {"key": key, "title": title, "description": f"{title}, in a sentence.", "kind": kind}
    return {**text, "cookies": [], "third_parties": [], **more}


def _third_party() -> dict[str, Any]:
    return {
        "name": "Adverts",
        "hosts": ["ads.example"],
        "purpose": "Shows adverts",
        "privacy": "https://ads.example/privacy",
        "cookies": [],
    }
