"""What reports of operation say, held against a policy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from consentgate.cli.console import aligned, paragraph, say
from consentgate.cli.words import counted
from consentgate.hosts import HostTable
from consentgate.observer import Reason
from consentgate.observers.report import Report, Row
from consentgate.policy import Policy

# A screen or two; --json has all of them.
_SHOWN = 50
# What is said of a declaration, or for want of one: a policy may have lost it since.
_OF_POLICY = frozenset({Reason.UNDECLARED, Reason.UNANSWERED, Reason.REFUSED})


class Held(NamedTuple):
    """Cookies of one name, or another site's host, held back: or they would have been.

    `category` is what the policy says now, None if it says nothing. `times` is
    how often, `reasons` for each reason, `path` where it was seen once.
    """

    name: str
    category: str | None
    undeclared: bool
    times: int
    reasons: dict[str, int]
    first: datetime
    last: datetime
    path: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        times = {"first": self.first.isoformat(), "last": self.last.isoformat()}
        return {**self._asdict(), **times}


class Summary:
    """The sum of reports, as it matters to a policy.

    A cookie that was undeclared then may be declared now: the policy decides.
    """

    def __init__(self, report: Report, policy: Policy) -> None:
        self._report = report
        hosts = HostTable(policy.third_parties)

        def of_cookie(name: str) -> str | None:
            cookie = policy.lookup(name.encode("latin-1", "replace"))
            return cookie.category if cookie else None

        def of_host(name: str) -> str | None:
            party = hosts.find(name)
            return party.category if party else None

        self.stripped = _held(report, "stripped", of_cookie)
        """What was stripped, or would have been: what is in no declaration first."""
        self.guarded = _held(report, "guarded", of_cookie)
        """What scripts did not get to write, as browsers tell."""
        self.blocked = _held(report, "blocked", of_host)
        """The hosts from which pages did not load things, as browsers tell."""

    @property
    def undeclared(self) -> list[str]:
        """The names of cookies that would not be set because the policy does not have them."""
        found = [each.name for each in (*self.stripped, *self.guarded) if each.undeclared]
        return list(dict.fromkeys(found))

    @property
    def undeclared_hosts(self) -> list[str]:
        """The hosts that would not be loaded from because the policy does not have them."""
        return [each.name for each in self.blocked if each.undeclared]

    @property
    def outliving(self) -> list[str]:
        """The names of cookies that were kept for longer than was declared."""
        return [row.name for row in self._report.rows if row.reason == Reason.OUTLIVES]

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        report = self._report
        return {
            "events": report.events,
            "first": report.first and report.first.isoformat(),
            "last": report.last and report.last.isoformat(),
            "undeclared": self.undeclared,
            "undeclared_hosts": self.undeclared_hosts,
            "stripped": [each.as_json() for each in self.stripped],
            "guarded": [each.as_json() for each in self.guarded],
            "blocked": [each.as_json() for each in self.blocked],
            "outliving": self.outliving,
            "choices": report.choices,
            "not_told_apart": report.others,
            "broken_lines": report.broken,
            "foreign_lines": report.foreign,
        }

    def tell(self) -> None:
        """Print it for people."""
        report = self._report
        say()
        if report.first is None or report.last is None:
            say("The reports have no events.")
        else:
            span = f"{report.first:%Y-%m-%d} to {report.last:%Y-%m-%d}"
            say((f"{counted(report.events, 'event')} from {span}", "bold"))
            self._tell_held()
            made = ", ".join(f"{number} {choice}" for choice, number in report.choices.items())
            say(f"Choices of visitors: {made}.")
        for number, what in (
            (report.others, "events of too many kinds to tell apart"),
            (report.broken, "lines that are broken"),
            (report.foreign, "lines that are no events"),
        ):
            if number:
                say(f"Not counted: {number} {what}.")

    def _tell_held(self) -> None:
        if not self.stripped:
            say("Nothing was stripped, or would have been.")
        for title, found in (
            ("Stripped, or would have been:", self.stripped),
            ("Not written by scripts, or would not have been, as browsers tell:", self.guarded),
            (
                "Not loaded from other sites, or would not have been, as browsers tell:",
                self.blocked,
            ),
        ):
            if found:
                say(title)
                aligned((f"{each.times:>8}", each.name, _why(each)) for each in found[:_SHOWN])
            if len(found) > _SHOWN:
                say(f"          and {len(found) - _SHOWN} more names; --json has all of them.")
        if self.undeclared:
            number = counted(len(self.undeclared), "name")
            paragraph(
                f"{number} in no declaration: they will not leave once the gate enforces. Declare "
                "what the site needs; `consentgate observe REPORT` writes suggestions."
            )
        if self.undeclared_hosts:
            number = counted(len(self.undeclared_hosts), "host")
            paragraph(
                f"{number} in no declaration: pages will not load from them once the gate "
                "enforces. Add what the site needs to the hosts of [[third_parties]]. What a "
                "visitor's browser adds to pages by itself is told too, and needs nothing."
            )
        if self.outliving:
            paragraph(f"Kept for longer than is declared: {', '.join(self.outliving)}.")


def _held(report: Report, action: str, category_of: Callable[[str], str | None]) -> list[Held]:
    """Return what was held back in one way: first what the policy does not have, then by number."""
    names: dict[str, list[Row]] = {}
    for row in report.rows:
        if row.action == action:
            names.setdefault(row.name, []).append(row)
    found = [_summed(name, rows, category_of(name)) for name, rows in names.items()]
    return sorted(found, key=lambda each: (not each.undeclared, -each.times))


def _summed(name: str, rows: list[Row], category: str | None) -> Held:
    reasons: dict[str, int] = {}
    for row in rows:
        reasons[str(row.reason)] = reasons.get(str(row.reason), 0) + row.count
    return Held(
        name,
        category,
        category is None and not _OF_POLICY.isdisjoint(reasons),
        sum(row.count for row in rows),
        reasons,
        min(row.first for row in rows),
        max(row.last for row in rows),
        next((row.path for row in rows if row.path is not None), None),
    )


def _why(each: Held) -> tuple[str, str]:
    at = f", at {each.path}" if each.path else ""
    if each.undeclared:
        return f"undeclared{at}", "red"
    if str(Reason.UNDECLARED) in each.reasons:
        return f"declared since: {each.category}", "green"
    return f"{each.category or 'no cookie'}: {', '.join(each.reasons)}{at}", ""
