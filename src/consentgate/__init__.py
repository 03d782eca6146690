"""consentgate: no cookie leaves a Python web app before consent, except the necessary ones."""

from importlib import import_module
from types import ModuleType

from consentgate.attributes import Hardening
from consentgate.category import Category
from consentgate.choice import Choice
from consentgate.consent import Consent
from consentgate.cookie import Cookie
from consentgate.errors import ConsentGateError, ResponseStartedError
from consentgate.gate import ConsentGate
from consentgate.observer import Event, Reason
from consentgate.pages.settings import Pages
from consentgate.policy import Policy
from consentgate.request import Request
from consentgate.third_party import ThirdParty

__all__ = [
    "Category",
    "Choice",
    "Consent",
    "ConsentGate",
    "ConsentGateError",
    "Cookie",
    "Event",
    "Hardening",
    "Pages",
    "Policy",
    "Reason",
    "Request",
    "ResponseStartedError",
    "ThirdParty",
]


def __getattr__(name: str) -> ModuleType:
    """Import `consentgate.asgi` and `consentgate.wsgi` when they are first asked for (PEP 562)."""
    if name in ("asgi", "wsgi"):
        return import_module(f"consentgate.{name}")
    raise AttributeError(f"module 'consentgate' has no attribute {name!r}")
