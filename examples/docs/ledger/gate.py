"""A gate with a ledger in one file: what docs/how-to/ledger.md shows."""

# --8<-- [start:gate]
import os

from consentgate import ConsentGate
from consentgate.ledger import Ledger

gate = ConsentGate.from_toml(
    "consentgate.toml",
    ledger=Ledger(
        "sqlite:////var/lib/shop/consent.db",
        key=os.environ["CONSENTGATE_LEDGER_KEY"].split(","),
        site="shop.example",  # else the host that the visitor asked
    ),
)
# --8<-- [end:gate]
