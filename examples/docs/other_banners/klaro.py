"""A gate that takes the answer of Klaro: what docs/how-to/other-banners.md shows."""

# --8<-- [start:all]
from consentgate import ConsentGate
from consentgate.banners import Klaro

banner = Klaro(categories={"visits": "statistics", "ads": "marketing"})
gate = ConsentGate.from_toml("consentgate.toml", consent_from=banner)
# --8<-- [end:all]
