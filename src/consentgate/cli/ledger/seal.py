"""`consentgate ledger seal`."""

from __future__ import annotations

import time

from consentgate.cli.console import PolicyFile, remark, say
from consentgate.cli.ledger.opened import LedgerUrl, opened


def seal(ledger: LedgerUrl = None, policy: PolicyFile = None) -> None:
    """Seal what the ledger has and no seal covers yet, and print the newest seal.

    An app seals once a day by itself, and writes the same line into its log. Run this where no app
    runs each day, and to have the line. Keep the lines where whoever can write to the database
    cannot: somebody who puts back an older copy of it is found by nothing else, see
    `consentgate ledger verify --anchors`.

    It needs the ledger's key, CONSENTGATE_LEDGER_KEY or CONSENTGATE_SECRET_KEY.

    Examples:
      consentgate ledger seal >> anchors
    """
    from consentgate.ledger.seals import newest_in
    from consentgate.ledger.seals import seal as seal_now

    with opened(ledger, policy, needs_key=True, changes=True) as store:
        made = seal_now(store, time.time())
        if made is None:
            remark("nothing is new since the last seal")
            with store.reading() as connection:
                made = newest_in(connection, store.marks)
        if made is not None:
            say(str(made))
