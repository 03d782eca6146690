"""Sites that ask with another tool's banner, behind a gate that reads its answer.

`wsgi` and `asgi` are each four sites, by host: `klaro.test` asks with Klaro,
and so on. Every page sets a necessary cookie and one for each of two purposes,
which no script can see. `/tool/` is the tool's package from npm, as it is.
"""

from __future__ import annotations

import html
from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Host, Mount, Route
from starlette.staticfiles import StaticFiles
from werkzeug.middleware.shared_data import SharedDataMiddleware
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wrappers import Response as WerkzeugResponse

from consentgate import ConsentGate, Cookie, Policy
from consentgate.banners import Banner, CookieConsent, Klaro, Orejime, Tarteaucitron
from npm_packages import MODULES
from serving import ROOT

KEY = "shared by the servers and the tests"
POLICY = Policy(
    [
        Cookie("session", exemption="authentication"),
        Cookie("_ga*", "statistics"),
        Cookie("ad_id", "marketing"),
    ]
)
EXAMPLES = ROOT / "examples" / "docs" / "other_banners"
MEANT = {"visits": "statistics", "ads": "marketing"}
SETS = ("session=1; Path=/; HttpOnly", "_ga=1; Path=/; HttpOnly", "ad_id=1; Path=/; HttpOnly")

BANNERS: dict[str, Banner] = {
    "cookieconsent": CookieConsent(categories=MEANT, revision=1),
    "klaro": Klaro(categories=MEANT),
    "tarteaucitron": Tarteaucitron(categories=MEANT, lifetime=timedelta(days=182)),
    "orejime": Orejime(categories=MEANT),
}
GATES = {
    name: ConsentGate(POLICY, secret_key=KEY, consent_from=banner)
    for name, banner in BANNERS.items()
}
PACKAGES = {
    "cookieconsent": "vanilla-cookieconsent",
    "klaro": "klaro",
    "tarteaucitron": "tarteaucitronjs",
    "orejime": "orejime",
}

# The settings are those that the documentation shows. CookieConsent hides from browsers that a
# program drives, unless it is told not to.
SETTINGS = {
    name: (EXAMPLES / f"{name}.js")
    .read_text("utf-8")
    .replace("CookieConsent.run({", "CookieConsent.run({ hideFromBots: false,")
    for name in BANNERS
}
# How each tool's own documentation says that a page has it.
HEADS = {
    "cookieconsent": """
<link rel="stylesheet" href="/tool/dist/cookieconsent.css">
<script defer src="/tool/dist/cookieconsent.umd.js"></script>
<script defer src="/settings.js"></script>
""",
    "klaro": """
<script src="/settings.js"></script>
<script defer src="/tool/dist/klaro.js"></script>
""",
    "tarteaucitron": """
<script src="/tool/tarteaucitron.js"></script>
<script src="/settings.js"></script>
""",
    "orejime": """
<link rel="stylesheet" href="/tool/dist/orejime-standard.css">
<script src="/settings.js"></script>
""",
}
# What its page has in the body: how the visitor comes back to it.
BODIES = {
    "cookieconsent": '<button data-cc="show-preferencesModal">Cookie settings</button>',
    "klaro": '<button onclick="klaro.show()">Cookie settings</button>',
    "tarteaucitron": "",  # It shows a button of its own.
    "orejime": """<button onclick="orejime.prompt()">Cookie settings</button>
<script src="/tool/dist/orejime-standard-en.js"></script>""",
}


def page(name: str, cookies: str) -> str:
    """Return a page, on which stands what the server may read."""
    return (
        f'<!doctype html><html lang="en"><head><title>{name}</title>{HEADS[name]}</head>'
        f"<body><h1>A page</h1><output>{html.escape(cookies)}</output>{BODIES[name]}"
        "</body></html>"
    )


def _over_wsgi(name: str) -> Any:
    @WerkzeugRequest.application
    def app(request: WerkzeugRequest) -> WerkzeugResponse:
        if request.path == "/settings.js":
            return WerkzeugResponse(SETTINGS[name], content_type="text/javascript")
        names = " ".join(sorted(request.cookies))
        answer = WerkzeugResponse(page(name, names), content_type="text/html")
        for line in SETS:
            answer.headers.add("Set-Cookie", line)
        return answer

    files = str(MODULES / PACKAGES[name])
    return GATES[name].wsgi(SharedDataMiddleware(app, {"/tool": files}))


def _over_asgi(name: str) -> Any:
    async def view(request: Request) -> HTMLResponse:
        answer = HTMLResponse(page(name, " ".join(sorted(request.cookies))))
        for line in SETS:
            answer.headers.append("Set-Cookie", line)
        return answer

    async def settings(request: Request) -> Response:
        return Response(SETTINGS[name], media_type="text/javascript")

    files = StaticFiles(directory=MODULES / PACKAGES[name], check_dir=False)  # installed later on
    routes = [Mount("/tool", files), Route("/settings.js", settings), Route("/", view)]
    return GATES[name].asgi(Starlette(routes=routes))


_BY_HOST = {f"{name}.test": _over_wsgi(name) for name in BANNERS}


def wsgi(environ: Any, start_response: Any) -> Any:
    """Answer with the site that was asked for."""
    return _BY_HOST[environ["HTTP_HOST"].partition(":")[0]](environ, start_response)


asgi = Starlette(routes=[Host(f"{name}.test", _over_asgi(name)) for name in BANNERS])
