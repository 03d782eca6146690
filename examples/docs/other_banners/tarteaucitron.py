"""A gate that takes the answer of tarteaucitron: what docs/how-to/other-banners.md shows."""

# --8<-- [start:all]
from datetime import timedelta

from consentgate import ConsentGate
from consentgate.banners import Tarteaucitron

banner = Tarteaucitron(
    categories={"visits": "statistics", "ads": "marketing"},
    lifetime=timedelta(days=182),
)
gate = ConsentGate.from_toml("consentgate.toml", consent_from=banner)
# --8<-- [end:all]
