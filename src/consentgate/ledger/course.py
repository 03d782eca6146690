"""One writer's records as a check meets them: numbered from 1, without gaps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from consentgate.ledger.chain import Chain, Link
from consentgate.ledger.erased import Erased, Erasure
from consentgate.ledger.findings import Finding, days_between, found, missing


class Registered(NamedTuple):
    """A writer as it is registered; `written` is None where that is not to be relied on."""

    opened_at: object
    written: int | None


class Met(NamedTuple):
    """A record that a check met: what names it, its mark, and whether that fits."""

    number: int
    made_at: Any
    mac: str
    day: str
    row: Mapping[str, Any]
    genuine: bool | None

    def finding(self, text: str) -> Finding:
        """Return what is to be said of a record that the ledger wrote, and that is out of place."""
        return found("records", "unexpected", self.day, text, self.row)


class Course:
    """Goes along the numbers of one writer.

    Up to `limit` nothing can be wrong with a genuine record but its number:
    there it is in the seal of the one before, and nothing is erased or pruned.
    """

    def __init__(
        self, writer: int, registered: Registered | None, chain: Chain, erased: Erased
    ) -> None:
        self.writer = writer
        self.next = 1
        self.limit = 0.0
        self.unsealed_since: int | None = None
        self._is_registered = registered is not None
        self._made_at, self._written = registered or Registered(None, None)
        self._erased = erased
        self._sealed = chain.end_of(writer)
        self._spans = chain.spans_of(writer)
        self._span = next(self._spans)
        self._doubtful = 0
        # What is in no seal was written after the newest one.
        self._sealed_at = chain.last.made_at if chain.last else None

    @property
    def unsealed(self) -> int:
        """How many of the records are in no seal yet."""
        return max(0, self.next - 1 - self._sealed)

    def go(self, number: int, made_at: Any, mac: str) -> None:
        """Go past a record."""
        self.next = number + 1
        self._made_at = made_at
        if self._span.link is not None:
            self._span.link.digest.add(self.writer, number, mac)

    def meet(self, record: Met) -> Iterator[Finding]:
        """Meet a record that may be out of place, and tell what is found."""
        if record.genuine and not self._is_registered:
            self._is_registered = True
            yield record.finding("is of a writer that is not registered, as all behind it")
        if record.number < self.next:
            yield from self._meet_again(record)
            return
        if record.genuine is False and record.number > self._reach():
            return
        yield from self._gap(record.number - 1, record.made_at)
        self._enter(record.number)
        yield from self._meet_erased(record)
        if record.genuine and self._link and self._link.is_pruned:
            yield record.finding(f"was pruned with seal {self._link.number}, and is there again")
        if not record.genuine:
            self._doubtful = record.number
            self._spoil()
        if not self._link and self.unsealed_since is None and record.genuine:
            self.unsealed_since = record.made_at
        self.go(record.number, record.made_at, record.mac)
        plain = not (self._link and self._link.is_pruned)
        end = self._span.last + 1 if plain else 0
        self.limit = min(end, self._erased.next_of(self.writer))

    def end(self) -> Iterator[Finding]:
        """Come to the end, and tell what should have been there."""
        highest = max(self.next - 1, self._sealed)
        if self._written is not None and highest > self._written:
            yield found(
                *("writers", "unexpected", days_between(self._made_at, None)),
                f"counts {self._written} records, and wrote {highest}: its row is an older one",
                {"writer": self.writer},
            )
        yield from self._gap(max(self._written or 0, self._sealed), None)

    @property
    def _link(self) -> Link | None:
        return self._span.link

    def _reach(self) -> int:
        """How far a number is to be believed that no mark vouches for."""
        return max(self.next if self._written is None else self._written, self._sealed)

    def _enter(self, number: int) -> None:
        while self._span.last < number:
            self._span = next(self._spans)

    def _spoil(self) -> None:
        if self._link:
            self._link.is_spoiled = True

    def _meet_again(self, record: Met) -> Iterator[Finding]:
        self._spoil()
        if record.genuine and record.number != self._doubtful:
            yield record.finding("has the number of a record that is there as well")

    def _meet_erased(self, record: Met) -> Iterator[Finding]:
        erasure = self._erased.pop(self.writer, record.number)
        if erasure is None:
            return
        yield from erasure.unproven()
        if erasure.genuine and record.genuine:
            yield record.finding("was erased, and is there again")

    def _gap(self, last: int, until: Any) -> Iterator[Finding]:
        """Go past numbers that no record has: each was erased, pruned, or is missing."""
        while self.next <= last:
            erasure = self._erased.pop(self.writer, last)
            yield from self._missing(erasure.number - 1 if erasure else last, until)
            if erasure:
                yield from self._erasure(erasure)

    def _missing(self, last: int, until: Any) -> Iterator[Finding]:
        while self.next <= last:
            self._enter(self.next)
            end = int(min(last, self._span.last))
            if not (self._link and self._link.is_pruned):
                self._spoil()
                row = {"writer": self.writer, "number": self.next}
                if end > self.next:
                    row["last"] = end
                text = missing(row) + self._of_seal()
                yield found("records", "missing", self._days(until), text, row)
            self.next = end + 1

    def _erasure(self, erasure: Erasure) -> Iterator[Finding]:
        self._enter(erasure.number)
        yield from erasure.unproven()
        if not erasure.genuine:
            self._spoil()
        elif self._link and self._link.is_pruned:
            yield from erasure.stray()
        if self._link:
            self._link.digest.add(self.writer, erasure.number, erasure.record_mac)
        self.next = erasure.number + 1

    def _of_seal(self) -> str:
        return f", of seal {self._link.number}" if self._link else ""

    def _days(self, until: Any) -> str:
        """Return the days of what is missing: between its neighbours, and within its seal."""
        first, last = self._made_at, until
        if until is None and not self._link and self._sealed_at is not None:
            first = max(first, self._sealed_at) if isinstance(first, int) else self._sealed_at
        if self._link:
            first = max(first, self._link.oldest) if isinstance(first, int) else self._link.oldest
            last = min(last, self._link.newest) if isinstance(last, int) else self._link.newest
        return days_between(first, last)
