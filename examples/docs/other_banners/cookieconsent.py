"""A gate that takes the answer of CookieConsent: what docs/how-to/other-banners.md shows."""

# --8<-- [start:all]
from consentgate import ConsentGate
from consentgate.banners import CookieConsent

banner = CookieConsent(
    categories={"visits": "statistics", "ads": "marketing"},
    revision=1,
)
gate = ConsentGate.from_toml("consentgate.toml", consent_from=banner)
# --8<-- [end:all]
