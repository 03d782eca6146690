"""Secret keys: from the environment, never from a file."""

from __future__ import annotations

import os

from consentgate.errors import ConsentGateError

VARIABLE = "CONSENTGATE_SECRET_KEY"
"""The environment variable that has the key, or several with commas between them."""

LEDGER_VARIABLE = "CONSENTGATE_LEDGER_KEY"
"""The same for the key that the records of a ledger are marked with, if it has one of its own."""


def from_environment() -> list[str]:
    """Return the keys that the environment has, the oldest first.

    Raises ConsentGateError where it has none.
    """
    found = _keys(VARIABLE)
    if not found:
        raise ConsentGateError(
            f"there is no secret key: set the environment variable {VARIABLE} to what "
            "`consentgate key new` prints, or pass secret_key=...; several keys stand with "
            "commas between them, the oldest first"
        )
    return found


def ledger_keys() -> list[str]:
    """Return the ledger's own keys that the environment has, the oldest first; [] for none."""
    return _keys(LEDGER_VARIABLE)


def _keys(variable: str) -> list[str]:
    keys = [key.strip() for key in os.environ.get(variable, "").split(",")]
    return [key for key in keys if key]
