"""A site whose pages wait for consent to a film and to a counter, for a real server.

`/helper` writes what waits by the helpers, `/hand` by hand; `?port=` says where
the other sites listen. `/strict` is `/hand` under a policy of the app's own,
with a nonce and 'strict-dynamic'; `/closed` is one whose own policy forbids the film,
`/narrow` one that has the film and no frame of the site itself, `/silent` one whose scripts may
ask for nothing, `/trusted` one that requires trusted types; `/based` has a <base> of another site.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

import arabic
from consentgate import Consent, ConsentGate, Cookie, Pages, Policy, ThirdParty
from consentgate.pages.settings import OFFICIAL

policy = Policy(
    [Cookie("session"), Cookie("_own*", "statistics")],
    third_parties=[
        ThirdParty("Films Ltd", "marketing", hosts=["films.test:*"]),
        ThirdParty("Counters Ltd", "statistics", hosts=["count.test:*"]),
    ],
)


def _gate() -> ConsentGate:
    with tempfile.TemporaryDirectory() as folder:
        arabic.write_catalogue(Path(folder))
        pages = Pages(languages=[*OFFICIAL, "ar"], locales=folder)
        return ConsentGate(policy, secret_key="shared by the servers and the tests", pages=pages)


gate = _gate()

_NONCE = "cGxhY2Vob2xkZXI="
_POLICIES = {
    "/strict": f"script-src 'nonce-{_NONCE}' 'strict-dynamic'; base-uri 'none'",
    "/closed": "frame-src 'self'",
    "/narrow": "frame-src http://films.test:*",
    "/silent": "connect-src 'none'",
    "/trusted": "require-trusted-types-for 'script'; trusted-types consentgate",
}
# The app's own element: it says what ran, and in which order.
_FIRST = Markup('<script nonce="{nonce}">window.ran = []; window.mark = Math.random();</script>')
_BY_HAND = Markup("""
<script type="text/plain" data-consent="statistics" nonce="{nonce}" src="/first.js"></script>
<script type="text/plain" data-consent="statistics" nonce="{nonce}">
  window.ran.push(document.currentScript.nonce ? "inline with nonce" : "inline");
</script>
<script type="text/plain" data-consent="statistics" data-type="module" nonce="{nonce}">
  window.ran.push("module");
</script>
{counter}
<iframe data-consent="marketing" data-src="{film}" title="A film of the sea" width="400"></iframe>
""")
_BASE = Markup('<base href="http://elsewhere.test/x/">')
_COUNTER = Markup('<script type="text/plain" data-consent="statistics" src="{src}"></script>')


def _page(request: Request, waiting: Markup, nonce: str | None = None) -> Response:
    consent: Consent = request.state.consent
    html = Markup(
        '<!doctype html><html lang="{lang}" dir="{dir}"><head><meta charset="utf-8">'
        '<title>A page</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        "{first}{script}{base}"
        "</head><body>{banner}<main><h1>A page</h1>{waiting}</main></body></html>"
    )
    return HTMLResponse(
        html.format(
            lang=request.query_params.get("lang", "en"),
            dir="rtl" if request.query_params.get("lang") == "ar" else "ltr",
            first=_FIRST.format(nonce=nonce or ""),
            script=consent.script_html(nonce),
            base=_BASE if request.url.path == "/based" else "",
            banner=consent.banner_html(request.query_params.get("lang"), nonce=nonce)
            if "banner" in request.query_params
            else "",
            waiting=waiting,
        )
    )


def _film(request: Request) -> str:
    return f"http://films.test:{request.query_params['port']}/film"


async def helper(request: Request) -> Response:
    """Write what waits by the helpers."""
    consent: Consent = request.state.consent
    lang = request.query_params.get("lang")
    film = consent.iframe_html(
        _film(request), "marketing", "A film of the sea", language=lang, width=400, allow="autoplay"
    )
    return _page(request, consent.external_script_html("/first.js", "statistics") + film)


async def hand(request: Request) -> Response:
    """Write what waits by hand."""
    nonce = _NONCE if request.url.path == "/strict" else ""
    src = f"http://count.test:{request.query_params['port']}/count.js"
    counter = _COUNTER.format(src=src) if "count" in request.query_params else ""
    waiting = _BY_HAND.format(nonce=nonce, film=_film(request), counter=counter)
    response = _page(request, waiting, nonce or None)
    if request.url.path in _POLICIES:
        response.headers["Content-Security-Policy"] = _POLICIES[request.url.path]
    return response


async def first(_: Request) -> Response:
    """Answer with a script that is to run first."""
    return Response('window.ran.push("first");', media_type="text/javascript")


_routes: list[Any] = [
    Route("/helper", helper),
    *(Route(path, hand) for path in ("/hand", "/based", *_POLICIES)),
    Route("/first.js", first),
]
asgi = gate.asgi(Starlette(routes=_routes))
