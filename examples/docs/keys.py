"""Two keys, the newest last: what docs/how-to/keys.md shows."""

# --8<-- [start:keys]
import os

from consentgate import ConsentGate

gate = ConsentGate.from_toml(
    "consentgate.toml",
    secret_key=[os.environ["OLD_KEY"], os.environ["NEW_KEY"]],  # the oldest first
)
# --8<-- [end:keys]
