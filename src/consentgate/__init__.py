"""consentgate: no cookie leaves a Python web app before consent, except the necessary ones."""

from consentgate.choice import Choice
from consentgate.consent import Consent
from consentgate.errors import ConsentGateError, ResponseStartedError
from consentgate.gate import ConsentGate, Request
from consentgate.observer import Event, Reason
from consentgate.policy import Category, Cookie, Policy

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
