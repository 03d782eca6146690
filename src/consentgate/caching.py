"""Shared caches: a response that depended on one visitor's choice is not served to another.

RFC 9111 4.1: a stored response is selected by what `Vary` names. RFC 9111
5.2.2.7: of a `private` one "a shared cache MUST NOT store the response".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import Any

from consentgate.memory import Memory
from consentgate.wire import BLANKS, Dialect, Text

Headers = list[tuple[Text, Text]]

# A quoted string that does not end goes on to the end of the value.
_DIRECTIVE = re.compile(rb'(?:[^,"]|"(?:[^\\"]|\\.)*"?)+')
# What keeps a response out of shared caches already.
_STRICT = (b"private", b"no-store")
# What is said to shared caches alone.
_SHARED = (b"public", b"s-maxage")


class CacheField(Enum):
    """What a response header says to caches, by its name."""

    VARY = auto()
    CONTROL = auto()
    OVERRULING = auto()
    """In a shared cache it counts more than Cache-Control does."""
    COOKIE = auto()


# Targeted fields (RFC 9213 2.2), and what nginx, Varnish and others have of their own.
_OVERRULING = re.compile(
    rb"(?:.*-)?cdn-cache-control|surrogate-control|edge-control|x-accel-expires"
)
_CACHE_FIELDS = {
    b"vary": CacheField.VARY,
    b"cache-control": CacheField.CONTROL,
    b"set-cookie": CacheField.COOKIE,
}


def _field(name: bytes) -> CacheField | None:
    """Classify the name of a response header, None if caches do not read it."""
    name = name.lower()
    return CacheField.OVERRULING if _OVERRULING.fullmatch(name) else _CACHE_FIELDS.get(name)


# Two memories: one dict would compare bytes with text, which `python -bb` forbids.
_FIELDS: dict[type, Memory[Any, CacheField | None]] = {
    bytes: Memory(_field, limit=1024, longest=64),
    str: Memory(lambda name: _field(name.encode("latin-1")), limit=1024, longest=64),
}


def keep_apart(
    headers: Headers[Text],
    fields: Sequence[bytes],
    dialect: Dialect[Text],
    *,
    private: bool = False,
) -> None:
    """Tell caches, in the headers of a response, that it depends on these fields of the request.

    With cookies in it, or where it is `private` by itself, it is nothing for
    shared caches at all: it is somebody's. What is stricter already stays as
    it is.
    """
    field_of = _FIELDS[type(dialect.vary)]
    kinds = [field_of[header[0]] for header in headers]
    _vary(headers, _places(kinds, CacheField.VARY), fields, dialect)
    if private or CacheField.COOKIE in kinds:
        emptied = _control(headers, _places(kinds, CacheField.CONTROL), dialect)
        overruling = [
            place
            for place in _places(kinds, CacheField.OVERRULING)
            if not _forbids(dialect.encode(headers[place][1]))
        ]
        for place in sorted(emptied + overruling, reverse=True):
            del headers[place]


def _places(kinds: list[CacheField | None], kind: CacheField) -> list[int]:
    if kind not in kinds:
        return []
    return [place for place, each in enumerate(kinds) if each is kind]


def _vary(
    headers: Headers[Text], places: list[int], fields: Sequence[bytes], dialect: Dialect[Text]
) -> None:
    if not places:
        headers.append((dialect.vary, dialect.decode(b", ".join(fields))))
        return
    named = {
        field.strip(BLANKS).lower()
        for place in places
        for field in dialect.encode(headers[place][1]).split(b",")
    }
    # RFC 9110 12.5.5: "*" says that anything about the request may matter.
    missing = [field for field in fields if field.lower() not in named and b"*" not in named]
    if missing:
        _extend(headers, places[-1], missing, dialect)


def _control(headers: Headers[Text], places: list[int], dialect: Dialect[Text]) -> list[int]:
    """Make Cache-Control say `private`; return where nothing is left of it."""
    if not places:
        headers.append((dialect.cache_control, dialect.decode(b"private")))
        return []
    said = {place: _DIRECTIVE.findall(dialect.encode(headers[place][1])) for place in places}
    if any(map(_is_strict, said.values())):
        return []
    for place, directives in said.items():
        left = [each for each in directives if _word(each) not in _SHARED]
        if len(left) != len(directives):
            value = b",".join(left).strip(BLANKS)
            headers[place] = (headers[place][0], dialect.decode(value))
    _extend(headers, places[-1], [b"private"], dialect)
    return [place for place in places if not headers[place][1]]


def _forbids(value: bytes) -> bool:
    """Tell whether a field that overrules forbids storing; nginx says so in its own with a 0."""
    return value.strip(BLANKS) == b"0" or _is_strict(_DIRECTIVE.findall(value))


def _is_strict(directives: Iterable[bytes]) -> bool:
    return any(each.strip(BLANKS).lower() in _STRICT for each in directives)


def _word(directive: bytes) -> bytes:
    return directive.partition(b"=")[0].strip(BLANKS).lower()


def _extend(
    headers: Headers[Text], place: int, parts: Sequence[bytes], dialect: Dialect[Text]
) -> None:
    name, value = headers[place]
    before = dialect.encode(value).rstrip(BLANKS + b",")
    headers[place] = (name, dialect.decode(b", ".join(filter(None, [before, *parts]))))
