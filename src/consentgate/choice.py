"""What one visitor decided."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from typing import NamedTuple

# What an id is made of: it stands in the token and in the ledger as it is.
ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
# How many characters 128 bits are in base64, without padding (RFC 4648 5).
_RANDOM = 22


def new_id() -> str:
    """Return a fresh random id of nearly 128 bits: 22 URL-safe characters.

    None begins with "-": a command would take it for an option.
    """
    while (drawn := secrets.token_urlsafe(16)).startswith("-"):
        pass
    return drawn


def marked(base: str, mark: str) -> str:
    """Return an id that says which answer of another banner it stands for.

    `base` is the visitor's id before, "" if there was none. Of one that the
    gate made the mark is exchanged and the rest stays; for any other there is a
    new one, which has room for the mark.
    """
    random = base[:_RANDOM]
    return f"{random if len(random) == _RANDOM else new_id()}-{mark}"


def base_of(id: str) -> str:
    """Return what the ids of one visitor have in common, whatever their marks."""
    return id[:_RANDOM] if mark_of(id) else id


def has_marks(id: str) -> bool:
    """Tell whether there may be ids that differ from this one by a mark alone: it is the gate's."""
    return len(base_of(id)) == _RANDOM


def mark_of(id: str) -> str:
    """Return the mark of an id, "" if it has none."""
    return id[_RANDOM + 1 :] if id[_RANDOM : _RANDOM + 1] == "-" else ""


class Choice(NamedTuple):
    """What one visitor decided, when, and under which revision of the policy.

    `granted` and `refused` are keys of categories; refusing is a choice, not
    having answered is none. `made_at` is in whole seconds since the epoch.
    `id` is random: it ties a visitor's later choices and the proof of them
    together, and nothing else (GDPR article 7(1)). `fingerprints` says for
    each granted category what was declared in it then.
    """

    granted: frozenset[str]
    refused: frozenset[str]
    made_at: int
    revision: str
    id: str
    fingerprints: Mapping[str, str]

    @property
    def time(self) -> datetime:
        """When it was made, in UTC."""
        return datetime.fromtimestamp(self.made_at, UTC)


def strictest(choices: Iterable[Choice], revision: str) -> Choice:
    """Return the one choice that stands when a request carries several.

    Granted is what all of them grant, refused what any of them refuses; the
    oldest gives time and id, and unless all are of the current `revision`, an
    old one counts: a duplicated cookie never widens what a visitor agreed to.
    """
    ordered: Sequence[Choice] = sorted(choices, key=lambda choice: (choice.made_at, choice.id))
    first = ordered[0]
    refused = frozenset[str]().union(*(choice.refused for choice in ordered))
    granted = reduce(frozenset.intersection, [choice.granted for choice in ordered]) - refused
    agreed = {
        key: first.fingerprints.get(key, "")
        for key in granted
        if all(choice.fingerprints.get(key) == first.fingerprints.get(key) for choice in ordered)
    }
    old = [choice.revision for choice in ordered if choice.revision != revision]
    return Choice(granted, refused, first.made_at, (*old, revision)[0], first.id, agreed)
