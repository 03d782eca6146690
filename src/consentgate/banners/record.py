"""The JSON that a script of the site put into a cookie, read strictly."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

# RFC 6265bis 5.7: a browser keeps no cookie whose name and value are longer together.
MAX_BYTES = 4096

# What scripts leave as it is: `encodeURIComponent` the unreserved characters and !'()*, js-cookie
# all but what ends or quotes a cookie's value (RFC 6265 4.1.1, cookie-octet). The rest is encoded.
_ENCODED = re.compile(rb"(?:[!#$&-+\--:<-\[\]-~]|%[0-9A-Fa-f]{2})*")

# More objects and lists than a banner has categories: so none is too deep for the parser either.
_MAX_BRACKETS = 128


def read_record(value: bytes) -> dict[str, Any] | None:
    """Return the JSON object in a percent-encoded cookie value, None for anything else."""
    if _ENCODED.fullmatch(value) is None:
        return None
    try:
        text = unquote_to_bytes(value).decode("utf-8")
        if text.count("[") + text.count("{") > _MAX_BRACKETS:
            return None
        record = json.loads(text, object_pairs_hook=_unambiguous, parse_constant=_refuse)
    except ValueError:  # UnicodeDecodeError and JSONDecodeError are such.
        return None
    return record if isinstance(record, dict) else None


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object in which each name stands once: of two, parsers pick different ones."""
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a name stands twice in an object (RFC 8259 4)")
    return record


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON (RFC 8259 6)")
