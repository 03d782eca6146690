"""What a ledger keeps of one choice, as plain values."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

ACTIONS = ("granted", "refused", "partial", "withdrawn", "lapsed", "void")
"""What a record can be of.

The first four are what a visitor chose. "lapsed" says that a choice came to
its end, "void" that a grant was written, but never told to the browser.
"""

SOURCES = ("banner", "page", "api", "app", "gpc", "adapter")
"""Where a choice can come from.

The gate's banner or one of its pages, the JSON beside them, the app's own
code, Global Privacy Control, or the banner of another tool. What lapsed, the
gate itself has found: its records say "gate".
"""

# Seconds: longer than any response takes to begin.
_AFTER = 3600
# 53 bits are left for the time: until the year 2255.
_PLACES = 10


class Document(NamedTuple):
    """A text that records refer to by its hash: a policy, or what a visitor was shown.

    `kind` is "policy" or "text". `content` is TOML of the one, JSON of the other.
    """

    hash: str
    kind: str
    revision: str
    language: str
    content: str

    @classmethod
    def of(cls, kind: str, revision: str, language: str, content: str) -> Document:
        """Return a document under the hash of its content."""
        return cls(digest(content), kind, revision, language, content)


class Entry(NamedTuple):
    """One choice, for the ledger.

    `id` is the choice's own, `sequence` orders those of one id and makes each
    of them one of its kind; `made_at` is in seconds since the epoch.
    `decisions` says yes or no for each category that was decided on.
    `documents` are the texts that it refers to; `text` is the hash of that
    which was shown. `extra` is what the site adds.
    """

    id: str
    sequence: int
    made_at: int
    action: str
    decisions: Mapping[str, bool]
    revision: str
    language: str
    text: str
    source: str
    site: str
    extra: Mapping[str, str]
    documents: tuple[Document, ...] = ()


def digest(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in base64url without padding: 43 characters."""
    return urlsafe_b64encode(sha256(text.encode("utf-8")).digest()).rstrip(b"=").decode("ascii")


def compact(value: object) -> str:
    """Return a value as JSON that is the same text whenever it is the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def first_sequence(seconds: float) -> int:
    """Return the least number of a choice made at a time, in seconds since the epoch."""
    return int(seconds * 1_000_000) << _PLACES


def second_of(sequence: int) -> int:
    """Return the second, since the epoch, that a choice of this number was made in."""
    return (sequence >> _PLACES) // 1_000_000


def sequence_of_void(sequence: int) -> int:
    """Return the number of what takes a grant back: right behind it, and only once."""
    return sequence | 1


def sequence_at_end(made_at: int) -> int:
    """Return the number of the end of a choice: behind the choice, and before what comes later.

    It depends on nothing else: whoever finds that it ended, finds the same.
    """
    return first_sequence(made_at + _AFTER) - 1
