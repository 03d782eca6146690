"""Declared names: exact ones and patterns, compiled once to a lookup by cookie name.

A lookup costs the same for ten declarations and for ten thousand, and takes
time linear in the name, whatever name arrives. Only patterns that share both
their literal ends (`a*1*b`, `a*2*b`) are tried one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

Entry = TypeVar("Entry")

# A name that can be declared: visible ASCII without the characters that end a
# name (`=`, `;`) or that one of the parsers on the way reads as more than a
# character (`,`, `"`, `\`). Nothing else is ever matched, by a pattern neither:
# a non-ASCII name never equals an ASCII declaration.
_DECLARABLE = re.compile(r"[!#-+\--:<>-\[\]-~]+")
_DECLARABLE_BYTES = re.compile(_DECLARABLE.pattern.encode("ascii"))


def is_declarable(name: str | bytes) -> bool:
    """Tell whether a cookie of this name, or pattern of names, can be declared."""
    if isinstance(name, bytes):
        return _DECLARABLE_BYTES.fullmatch(name) is not None
    return _DECLARABLE.fullmatch(name) is not None


def is_pattern(name: str) -> bool:
    """Tell whether a declared name stands for many: it has a `*`."""
    return "*" in name


class _Pattern(NamedTuple, Generic[Entry]):
    middles: tuple[bytes, ...]
    rank: tuple[int, int, int, int]
    entry: Entry

    def fits(self, middle: bytes) -> bool:
        """Find the literals between the stars one after the other: the first place is the best."""
        position = 0
        for literal in self.middles:
            position = middle.find(literal, position)
            if position < 0:
                return False
            position += len(literal)
        return True


class NameTable(Generic[Entry]):
    """Finds what is declared for a cookie name.

    An exact name beats every pattern. Of two patterns that match, the one with
    more literal characters wins, then the one with fewer stars, then the one
    of greater `weight`, then the first declared.
    """

    def __init__(self, entries: Iterable[tuple[str, int, Entry]]) -> None:
        self._exact: dict[bytes, Entry] = {}
        # Patterns by the lengths of their literal ends, then by these ends:
        # a name is sliced once per pair of lengths, not compared with each.
        self._shapes: dict[tuple[int, int], dict[tuple[bytes, bytes], list[_Pattern[Entry]]]] = {}
        for order, (name, weight, entry) in enumerate(entries):
            if is_pattern(name):
                self._add_pattern(name.encode("ascii"), weight, order, entry)
            else:
                self._exact.setdefault(name.encode("ascii"), entry)

    def _add_pattern(self, name: bytes, weight: int, order: int, entry: Entry) -> None:
        prefix, *middles, suffix = name.split(b"*")
        middles = [middle for middle in middles if middle]
        literals = len(name) - name.count(b"*")
        pattern = _Pattern(tuple(middles), (literals, -name.count(b"*"), weight, -order), entry)
        ends = self._shapes.setdefault((len(prefix), len(suffix)), {})
        ends.setdefault((prefix, suffix), []).append(pattern)

    def in_order(self) -> Iterator[Entry]:
        """Return what is declared, in the order in which it decides: the first that fits does."""
        yield from self._exact.values()
        patterns = (p for ends in self._shapes.values() for found in ends.values() for p in found)
        yield from (p.entry for p in sorted(patterns, key=lambda p: p.rank, reverse=True))

    def find(self, name: bytes) -> Entry | None:
        """Return the entry declared for a cookie name, or None."""
        entry = self._exact.get(name)
        return self._match(name) if entry is None and self._shapes else entry

    def _match(self, name: bytes) -> Entry | None:
        if not is_declarable(name):
            return None
        best: _Pattern[Entry] | None = None
        for (before, after), ends in self._shapes.items():
            end = len(name) - after
            if end < before:
                continue
            for pattern in ends.get((name[:before], name[end:]), ()):
                if (best is None or pattern.rank > best.rank) and pattern.fits(name[before:end]):
                    best = pattern
        return best.entry if best else None
