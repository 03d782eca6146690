"""What the portal's pages say, in French and in English."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import get_language

TEXTS = {
    "fr": {
        "title": "Portail de données",
        "answered": "Vous avez répondu à la question des cookies.",
        "unanswered": "Vous n’avez pas encore répondu à la question des cookies.",
        "brought": "Cookies reçus avec cette requête",
        "none": "aucun",
        "language": "Langue",
        "login": "Se connecter",
        "logout": "Se déconnecter",
        "account": "Compte de démonstration",
        "welcome": "Vous êtes connecté.",
    },
    "en": {
        "title": "Data portal",
        "answered": "You have answered the question about cookies.",
        "unanswered": "You have not answered the question about cookies yet.",
        "brought": "Cookies that came with this request",
        "none": "none",
        "language": "Language",
        "login": "Sign in",
        "logout": "Sign out",
        "account": "Demonstration account",
        "welcome": "You are signed in.",
    },
}


def in_visitors_language() -> dict[str, str]:
    """Return the texts in the language of this request."""
    return TEXTS[get_language() or "fr"]


def context(request: HttpRequest) -> dict[str, object]:
    """Give them to every template, as `text`."""
    return {"text": in_visitors_language()}
