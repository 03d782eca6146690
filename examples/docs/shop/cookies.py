"""The project's gate."""

# --8<-- [start:gate]
from pathlib import Path

from consentgate import ConsentGate

gate = ConsentGate.from_toml(Path(__file__).with_name("consentgate.toml"))
# --8<-- [end:gate]
