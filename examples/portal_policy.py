"""The policy of a public data portal: its charter of cookies, as declarations.

The first four rows are what the platform needs to work; the others are what a
portal may add, each under what it has to rest on. Texts are for the visitor.
"""

from __future__ import annotations

from datetime import timedelta

from consentgate import Cookie, Policy

PLATFORM = "Opendatasoft"
PORTAL = {"fr": "Le portail", "en": "The portal"}

necessary = [
    Cookie(
        "sessionid",
        provider=PLATFORM,
        service={
            "fr": "Authentification (front-office et back-office)",
            "en": "Authentication (front office and back office)",
        },
        purpose={
            "fr": "Vous reconnaît d’une page à l’autre lorsque vous êtes connecté.",
            "en": "Recognises you from page to page while you are signed in.",
        },
        lifetime=timedelta(days=14),
        exemption="authentication",
    ),
    Cookie(
        "django_language",  # No lifetime: it goes when the browser closes.
        provider=PLATFORM,
        service={
            "fr": "Choix de la langue (front-office et back-office)",
            "en": "Choice of language (front office and back office)",
        },
        purpose={
            "fr": "Retient la langue que vous avez choisie.",
            "en": "Remembers the language that you chose.",
        },
        exemption="interface",
    ),
    Cookie(
        "csrftoken",
        provider=PLATFORM,
        service={
            "fr": "API, protection CSRF (front-office et back-office)",
            "en": "API, CSRF protection (front office and back office)",
        },
        purpose={
            "fr": "Permet aux pages d’obtenir des données par l’API, et empêche un autre site "
            "d’envoyer des requêtes en votre nom.",
            "en": "Lets the pages fetch data through the API, and keeps other sites from sending "
            "requests in your name.",
        },
        lifetime=timedelta(days=364),
        exemption="security",
    ),
    Cookie(
        "cookies_preferences",
        provider=PLATFORM,
        service={"fr": "Choix au sujet des cookies", "en": "Choice about cookies"},
        purpose={
            "fr": "Retient ce que vous avez accepté et refusé au sujet des cookies.",
            "en": "Remembers what you accepted and refused about cookies.",
        },
        lifetime=timedelta(days=182),
        exemption="consent-choice",
    ),
]

optional = [
    Cookie(
        "visits",
        "anonymous_statistics",
        provider=PORTAL,
        service={"fr": "Mesure d’audience anonyme", "en": "Anonymous audience measurement"},
        purpose={
            "fr": "Compte les visites du portail, sans distinguer les visiteurs ni les suivre "
            "sur d’autres sites.",
            "en": "Counts visits to the portal, without telling visitors apart or following "
            "them to other sites.",
        },
        lifetime=timedelta(days=365),
        exemption="audience-measurement",
    ),
    Cookie(
        "_ga*",
        "statistics",
        provider="Google",
        service={"fr": "Mesure d’audience (Google Analytics)", "en": "Analytics (Google)"},
        purpose={
            "fr": "Distingue les visiteurs pour mesurer quelles pages chacun consulte.",
            "en": "Tells visitors apart, to measure which pages each of them reads.",
        },
        lifetime=timedelta(days=395),
        party="third",  # Set on this site, and read by another.
    ),
    Cookie(
        "ad_id",
        "marketing",
        provider=PORTAL,
        service={"fr": "Campagnes d’information", "en": "Information campaigns"},
        purpose={
            "fr": "Vous suit d’une visite à l’autre pour choisir les annonces que vous voyez.",
            "en": "Follows you from visit to visit, to choose the announcements that you see.",
        },
        lifetime=timedelta(days=90),
    ),
]

policy = Policy(necessary + optional)
