"""`consentgate key new`: a secret key."""

from __future__ import annotations

import secrets

from consentgate.cli.console import say


def new() -> None:
    """Print a fresh secret key, and nothing else.

    It signs what visitors decide. Keep it out of the repository: the app finds it in the
    environment, as CONSENTGATE_SECRET_KEY. Several keys are separated by commas, the oldest
    first; the newest signs.

    Example:
      export CONSENTGATE_SECRET_KEY=$(consentgate key new)
    """
    # 256 bits, as long as the digest that signs (RFC 2104 3).
    say(secrets.token_urlsafe(32))
