"""consentgate: no cookie leaves a Python web app before consent, except the necessary ones."""

from consentgate.category import Category
from consentgate.choice import Choice
from consentgate.consent import Consent
from consentgate.errors import ConsentGateError, ResponseStartedError
from consentgate.gate import ConsentGate
from consentgate.observer import Event, Reason
from consentgate.policy import Cookie, Policy
from consentgate.request import Request

__all__ = [
    "Category",
    "Choice",
    "Consent",
    "ConsentGate",
    "ConsentGateError",
    "Cookie",
    "Event",
    "Policy",
    "Reason",
    "Request",
    "ResponseStartedError",
]
