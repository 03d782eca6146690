"""The ledger: the append-only proof of choices, in one file or on PostgreSQL."""

from consentgate.ledger.settings import Ledger

__all__ = ["Ledger"]
