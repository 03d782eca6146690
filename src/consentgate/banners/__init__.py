"""The banners of other tools: what a visitor answered there, read from the tool's own cookie.

A site that asks with one of them keeps it, and the gate holds what leaves to the
answer: `ConsentGate(policy, consent_from=Klaro(categories={"matomo": "statistics"}))`.
"""

from consentgate.banners.banner import Banner
from consentgate.banners.cookieconsent import CookieConsent
from consentgate.banners.found import Found
from consentgate.banners.switches import Klaro, Orejime
from consentgate.banners.tarteaucitron import Tarteaucitron

__all__ = ["Banner", "CookieConsent", "Found", "Klaro", "Orejime", "Tarteaucitron"]
