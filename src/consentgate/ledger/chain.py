"""The seals of a ledger as a check follows them, and which of them has which record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf
from typing import NamedTuple

from consentgate.ledger.findings import Finding, day_of, days_between, found, missing, unproven
from consentgate.ledger.marks import Marks
from consentgate.ledger.seals import Digest, Seal


class Link:
    """A seal that is to be relied on: its digest is made anew from the records that are there."""

    def __init__(self, seal: Seal, is_pruned: bool) -> None:
        self.number = seal.number
        self.made_at = seal.made_at
        self.oldest = seal.oldest
        self.newest = seal.newest
        self.is_pruned = is_pruned
        self.sealed = seal.digest
        self.digest = Digest()
        self.is_spoiled = False
        """Whether something was found about its records: then its digest cannot fit."""


class Span(NamedTuple):
    """A run of a writer's numbers that are in one seal, or in none."""

    first: int
    last: float
    link: Link | None


class Chain:
    """Follows the seals. Whatever is wrong with them is told; the rest is relied on."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._spans: dict[int, list[Span]] = {}
        self._links: list[Link] = []
        self._is_broken = False
        self.count = 0
        self.pruned = 0
        self.pruned_records = 0
        self.first: Seal | None = None
        self.last: Seal | None = None

    def follow(
        self, seals: Iterable[Seal], anchors: Iterable[tuple[int, str]]
    ) -> Iterator[Finding]:
        """Check seals in the order of their numbers, and that those noted elsewhere are there.

        `anchors` are numbers and marks. One number may have been noted with two
        marks, as when an older copy of the ledger was sealed again: then one of
        the two is not there.
        """
        expected, previous = 1, None
        awaited: dict[int, set[str]] = {}
        for number, mac in anchors:
            awaited.setdefault(number, set()).add(mac)
        for seal in seals:
            self.count += 1
            genuine = seal.is_genuine(self._marks)
            name = {"seal": seal.number}
            yield from unproven("seals", genuine, day_of(seal.made_at), name)
            if genuine is False and seal.number != expected:
                continue  # Its number is as little to be relied on as the rest.
            if seal.number > expected:
                yield self._missing(expected, seal)
                previous = None
            expected = seal.number + 1
            yield from _anchored(seal, awaited.pop(seal.number, set()))
            if genuine is False:
                self._is_broken, previous = True, None
                continue
            if previous is not None and seal.previous != previous:
                yield found(
                    *("seals", "order", day_of(seal.made_at)),
                    "does not follow the seal that stands before it",
                    {"seal": seal.number},
                )
            previous = seal.mac
            yield from self._join(seal)
        for number in sorted(awaited):
            yield self._lost(number)

    def spans_of(self, writer: int) -> Iterator[Span]:
        """Return the runs of a writer's numbers, in order: all numbers from 1 on are in one."""
        end = 0
        for span in self._spans.get(writer, ()):
            if span.first > end + 1:
                yield Span(end + 1, span.first - 1, None)
            yield span
            end = int(span.last)
        yield Span(end + 1, inf, None)

    def end_of(self, writer: int) -> int:
        """Return the last number of a writer that is in a seal, 0 for none."""
        spans = self._spans.get(writer)
        return int(spans[-1].last) if spans else 0

    @property
    def writers(self) -> Iterable[int]:
        """The writers that seals have records of."""
        return self._spans

    def digests(self) -> Iterator[Finding]:
        """Compare the digests, once all records were added to them."""
        for link in self._links:
            if link.is_pruned or link.is_spoiled or link.digest.text == link.sealed:
                continue
            yield found(
                *("seals", "digest", days_between(link.oldest, link.newest)),
                "was made over other records than those that are there: they are the ledger's "
                "own, but of another copy of it",
                {"seal": link.number},
            )

    def _missing(self, expected: int, seal: Seal) -> Finding:
        self._is_broken = True
        days = days_between(self.last.made_at if self.last else None, seal.made_at)
        row = {"seal": expected}
        if seal.number - expected > 1:
            row["last"] = seal.number - 1
        return found("seals", "missing", days, missing(row), row)

    def _lost(self, number: int) -> Finding:
        end = "there is no seal at all"
        if self.last:
            end = f"the newest is {self.last.number}, of {day_of(self.last.made_at)}"
        return found(
            *("seals", "anchor", days_between(self.last and self.last.made_at, None)),
            f"was made, and is not there: {end}; was an older copy of the ledger restored?",
            {"seal": number},
        )

    def _join(self, seal: Seal) -> Iterator[Finding]:
        self.first, self.last = self.first or seal, seal
        pruned = False
        if (seal.pruned_at, seal.pruned_key, seal.pruned_mac) != (None, None, None):
            fits = seal.is_pruned(self._marks)
            pruned = fits is not False
            what, name = "the note that its records were pruned", {"seal": seal.number}
            yield from unproven("seals", fits, day_of(seal.made_at), name, what)
        link = Link(seal, pruned)
        self._links.append(link)
        self.pruned += pruned
        self.pruned_records += seal.records if pruned else 0
        for writer, (first, last) in seal.spans.items():
            spans = self._spans.setdefault(writer, [])
            follows = spans[-1].last + 1 if spans else 1
            if first == follows or (first > follows and self._is_broken):
                spans.append(Span(first, last, link))
            else:
                yield found(
                    *("seals", "order", day_of(seal.made_at)),
                    f"begins with number {first} of this writer, and {follows:.0f} is the next",
                    {"seal": seal.number, "writer": writer},
                )


def _anchored(seal: Seal, macs: set[str]) -> Iterator[Finding]:
    if macs - {seal.mac}:
        yield found(
            *("seals", "anchor", day_of(seal.made_at)),
            "is another than the one that was noted: was an older copy of the ledger restored?",
            {"seal": seal.number},
        )
