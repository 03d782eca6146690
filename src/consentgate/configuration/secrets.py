"""The secret key: from the environment, never from a file."""

from __future__ import annotations

import os

from consentgate.errors import ConsentGateError

VARIABLE = "CONSENTGATE_SECRET_KEY"
"""The environment variable that has the key, or several with commas between them."""


def from_environment() -> list[str]:
    """Return the keys that the environment has, the oldest first.

    Raises ConsentGateError where it has none.
    """
    keys = [key.strip() for key in os.environ.get(VARIABLE, "").split(",")]
    found = [key for key in keys if key]
    if not found:
        raise ConsentGateError(
            f"there is no secret key: set the environment variable {VARIABLE} to what "
            "`consentgate key new` prints, or pass secret_key=...; several keys stand with "
            "commas between them, the oldest first"
        )
    return found
