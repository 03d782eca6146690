"""What reports of operation say, held against a policy."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from consentgate.cli.console import aligned, paragraph, say
from consentgate.cli.words import counted
from consentgate.observer import Reason
from consentgate.observers.report import Report, Row
from consentgate.policy import Policy

# A screen or two; --json has all of them.
_SHOWN = 50


class Stripped(NamedTuple):
    """Cookies of one name that were stripped, or would have been.

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
        rows: dict[str, list[Row]] = {}
        for row in report.rows:
            if row.action == "stripped":
                rows.setdefault(row.name, []).append(row)
        found = [_stripped(name, same, policy) for name, same in rows.items()]
        self.stripped = sorted(found, key=lambda each: (not each.undeclared, -each.times))
        """What was stripped, or would have been: what is in no declaration first."""

    @property
    def undeclared(self) -> list[str]:
        """The names that would be stripped because the policy does not have them."""
        return [each.name for each in self.stripped if each.undeclared]

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
            "stripped": [each.as_json() for each in self.stripped],
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
            self._tell_stripped()
            made = ", ".join(f"{number} {choice}" for choice, number in report.choices.items())
            say(f"Choices of visitors: {made}.")
        for number, what in (
            (report.others, "events of too many kinds to tell apart"),
            (report.broken, "lines that are broken"),
            (report.foreign, "lines that are no events"),
        ):
            if number:
                say(f"Not counted: {number} {what}.")

    def _tell_stripped(self) -> None:
        if not self.stripped:
            say("Nothing was stripped, or would have been.")
        else:
            say("Stripped, or would have been:")
            aligned((f"{each.times:>8}", each.name, _why(each)) for each in self.stripped[:_SHOWN])
        if len(self.stripped) > _SHOWN:
            say(f"          and {len(self.stripped) - _SHOWN} more names; --json has all of them.")
        if self.undeclared:
            number = counted(len(self.undeclared), "name")
            paragraph(
                f"{number} in no declaration: they will not leave once the gate enforces. Declare "
                "what the site needs; `consentgate observe REPORT` writes suggestions."
            )
        if self.outliving:
            paragraph(f"Kept for longer than is declared: {', '.join(self.outliving)}.")


def _stripped(name: str, rows: list[Row], policy: Policy) -> Stripped:
    reasons: dict[str, int] = {}
    for row in rows:
        reasons[str(row.reason)] = reasons.get(str(row.reason), 0) + row.count
    cookie = policy.lookup(name.encode("latin-1", "replace"))
    return Stripped(
        name,
        cookie.category if cookie else None,
        cookie is None and str(Reason.UNDECLARED) in reasons,
        sum(row.count for row in rows),
        reasons,
        min(row.first for row in rows),
        max(row.last for row in rows),
        next((row.path for row in rows if row.path is not None), None),
    )


def _why(each: Stripped) -> tuple[str, str]:
    at = f", at {each.path}" if each.path else ""
    if each.undeclared:
        return f"undeclared{at}", "red"
    if str(Reason.UNDECLARED) in each.reasons:
        return f"declared since: {each.category}", "green"
    return f"{each.category or 'no cookie'}: {', '.join(each.reasons)}{at}", ""
