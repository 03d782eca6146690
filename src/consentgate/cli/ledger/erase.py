"""`consentgate ledger erase`."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from consentgate.cli.console import PolicyFile, fail, is_interactive, remark, say, say_no
from consentgate.cli.ledger.opened import LedgerUrl, opened
from consentgate.cli.words import counted


def erase(
    id: Annotated[str, typer.Argument(metavar="ID", help="The id, as on the preferences page.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    ledger: LedgerUrl = None,
    policy: PolicyFile = None,
) -> None:
    """Take all records of one id out of the ledger.

    With them goes the proof that this visitor consented: whether the site owes the one (GDPR
    article 17) or the other (article 17(3)(e), legal claims) is its own decision. Of each record a
    keyed hash stays, which says nothing of it, so that `consentgate ledger verify` is clean: the
    record was not lost. Back-ups and a spool are not reached from here.

    Exit codes: 0 they are gone; 1 there are none; 2 it could not be done.

    Examples:
      consentgate ledger erase 8sUXo1P0b2C5t0mHqv8y3w
    """
    from consentgate.ledger.erasing import count_of
    from consentgate.ledger.erasing import erase as erase_all
    from consentgate.ledger.history import id_in

    with opened(ledger, policy, needs_key=True, changes=True) as store:
        number = id_in(id)
        count = count_of(store, number)
        if not count:
            remark(f"the ledger has no record of {number}")
            say_no()
        if not yes:
            if not is_interactive():
                fail(f"there is nobody to ask: say --yes to erase {counted(count, 'record')}")
            typer.confirm(f"Erase {counted(count, 'record')} of {number} for good?", abort=True)
        removed = erase_all(store, number, time.time())
    say(f"erased: {counted(removed.erased, 'record')} of {number}")
    if removed.forged:
        remark(
            f"note: {counted(removed.forged, 'row')} of this id the ledger did not write; removed, "
            "but `consentgate ledger verify` may say where it was"
        )
