"""`consentgate ledger prune`."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consentgate.cli.console import PolicyFile, fail, is_interactive, loaded, say
from consentgate.cli.ledger.opened import LedgerUrl, opened
from consentgate.cli.words import counted, period
from consentgate.errors import ConsentGateError

if TYPE_CHECKING:
    from consentgate.ledger.seals import Seal

_SHORT = re.compile(r"([1-9][0-9]{0,5})([dy])")
_UNITS = {"d": timedelta(days=1), "y": timedelta(days=365)}
_FIVE_YEARS = 5 * _UNITS["y"]
_USUAL = timedelta(days=182)


def prune(
    older_than: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="As in 5y or 2000d, a year being 365 days; by default what a choice lasts and 5y.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")
    ] = False,
    ledger: LedgerUrl = None,
    policy: PolicyFile = None,
) -> None:
    """Remove records that are older than the site has to keep them.

    How long that is, is the site's own decision: as long as it may have to show that somebody
    consented, and no longer. The proposal is what a choice lasts by the policy file ([gate]
    max_age, else 182 days), and five years after it, in which somebody may still go to court in
    many countries.

    Whole seals go, once the newest of their records is old enough. The seals themselves stay, with
    a note in them: `consentgate ledger verify` is clean before and after. Run it before, since
    what is gone cannot be checked any more. Texts and policies stay: they are about nobody.

    Each seal is removed at once or not at all. On SQLite choices wait meanwhile: take a quiet hour.

    Examples:
      consentgate ledger prune --dry-run
      consentgate ledger prune --older-than 6y --yes
    """
    from consentgate.ledger.pruning import old_in
    from consentgate.ledger.pruning import prune as prune_seals
    from consentgate.ledger.seals import seal

    age = _proposed(policy) if older_than is None else _length(older_than)
    now = time.time()
    before = now - age.total_seconds()
    with opened(ledger, policy, needs_key=True, changes=True) as store:
        if not dry_run:
            seal(store, now)
        old = old_in(store, before)
        _tell(old, age)
        if not old or dry_run:
            return
        _ask(yes)
        removed = sum(prune_seals(store, old, now))
    say(f"removed: {counted(removed, 'record')}")


def _length(text: str) -> timedelta:
    from consentgate.configuration.duration import parsed

    match = _SHORT.fullmatch(text)
    try:
        return int(match[1]) * _UNITS[match[2]] if match else parsed(text)
    except ConsentGateError:
        fail(f"--older-than {text}: write a number of years or days, as in 5y or 2000d")


def _proposed(policy: Path | None) -> timedelta:
    from consentgate.configuration.finding import find

    path = policy or find()
    lasts = _USUAL if path is None else loaded(path).options.get("max_age", _USUAL)
    return lasts + _FIVE_YEARS


def _tell(old: tuple[Seal, ...], age: timedelta) -> None:
    from consentgate.ledger.findings import day_of

    if not old:
        say(f"no seal has only records that are older than {period(age)}")
        return
    first, last = min(each.oldest for each in old), max(each.newest for each in old)
    say(
        f"older than {period(age)}: {counted(sum(each.records for each in old), 'record')} of "
        f"{counted(len(old), 'seal')}, made from {day_of(first)} to {day_of(last)}"
    )


def _ask(yes: bool) -> None:
    if yes:
        return
    if not is_interactive():
        fail("there is nobody to ask: say --yes to remove them, --dry-run to see what would go")
    typer.confirm("Remove them for good?", abort=True)
