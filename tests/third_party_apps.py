"""A site that loads things from others: its policy, its gate, and an app for real servers.

Its pages are in all languages that there are, and in one that is written from right to left.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import arabic
from consentgate import Category, ConsentGate, Cookie, Pages, Policy, ThirdParty
from consentgate.pages.settings import OFFICIAL

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

policy = Policy(
    [
        Cookie("session", purpose="Keeps you signed in", exemption="authentication"),
        Cookie("visits", "anonymous_statistics", exemption="audience-measurement"),
        Cookie("ad_id", "marketing", provider="Shop", lifetime=timedelta(days=90)),
    ],
    categories=[
        Category(
            "social",
            title={"en": "Social media", "fr": "Réseaux sociaux"},
            description={"en": "Shows posts of others.", "fr": "Montre des messages d’ailleurs."},
        )
    ],
    third_parties=[
        ThirdParty(
            "Maps of France",
            "necessary",
            hosts=["tiles.the-longest-name-that-a-host-for-maps-could-have.maps.example:8443"],
            purpose={"fr": "Montre la carte des lignes, sur laquelle vous cherchez votre arrêt"},
        ),
        ThirdParty(
            "YouTube",
            "marketing",
            hosts=["www.youtube-nocookie.com", "*.ytimg.com"],
            purpose={"en": "Plays the films in our articles", "fr": "Lit les films des articles"},
            privacy={"en": "https://films.example/en?a=1&b=2", "fr": "https://films.example/fr"},
        ),
        ThirdParty(
            "Mastodon",
            "social",
            hosts=["mastodon.example"],
            purpose="Shows posts",
            privacy="https://mastodon.example/privacy",
        ),
        ThirdParty("Nobody in particular", "social"),
    ],
)


def _gate() -> ConsentGate:
    with tempfile.TemporaryDirectory() as folder:
        arabic.write_catalogue(Path(folder))
        pages = Pages(languages=[*OFFICIAL, "ar"], locales=folder)
        return ConsentGate(policy, secret_key="a secret key that is long enough", pages=pages)


gate = _gate()


def _page(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Answer with a page of the site that has banner and charter in it."""
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    consent = environ["consentgate"]
    yield (
        '<!doctype html><html lang="en"><head><title>A page</title></head><body>'
        f"{consent.banner_html()}<main><h1>A page</h1><h2>Cookies</h2>{consent.charter_html()}"
        f"</main><footer>{consent.link_html()}</footer></body></html>"
    ).encode()


wsgi = gate.wsgi(_page)
