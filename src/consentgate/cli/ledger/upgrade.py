"""`consentgate ledger upgrade`: makes the tables of a ledger, or brings them up to date."""

from __future__ import annotations

from consentgate.cli.console import PolicyFile, say
from consentgate.cli.ledger.opened import LedgerUrl, connected


def upgrade(ledger: LedgerUrl = None, policy: PolicyFile = None) -> None:
    """Make the tables of a ledger, or bring them to the form that this version writes.

    To be run before a new version of consentgate starts to serve. It is one transaction, and can
    be run again: then there is nothing to do. The user of the database must be allowed to make
    tables; to serve, one that can only read and add is enough. A ledger in an SQLite file makes
    its tables by itself.

    Examples:
      consentgate ledger upgrade
      consentgate ledger upgrade --ledger postgresql+psycopg://owner@db/consent
    """
    from consentgate.ledger import migrating

    with connected(ledger, policy) as store:
        before, after = migrating.upgrade(store)
        where = store.name
    if before == after:
        say(f"{where} is of revision {after} already")
    else:
        say(("done", "bold green"), f": {where} is of revision {after}")
