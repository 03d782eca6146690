"""Litestar behind the gate: what docs/how-to/quart-litestar.md shows."""

# --8<-- [start:wrap]
from typing import Any

from litestar import Litestar, Request, Response, get
from litestar.middleware.session.client_side import CookieBackendConfig

import consentgate.asgi
from consentgate import ConsentGate

gate = ConsentGate.from_toml("consentgate.toml")


@get("/", media_type="text/html")
async def home(request: Request[Any, Any, Any]) -> Response[str]:
    request.set_session({"basket": []})
    consent = consentgate.asgi.consent(request.scope)
    page = f"<body>{consent.banner_html()}<h1>Shop</h1>{consent.link_html()}"
    response = Response(page)
    if consent.allows("statistics"):
        response.set_cookie("_ga", "GA1.1.4711", max_age=395 * 86400)
    return response


session = CookieBackendConfig(secret=b"sixteen bytes ok")
app = gate.asgi(Litestar([home], middleware=[session.middleware]))
# --8<-- [end:wrap]
