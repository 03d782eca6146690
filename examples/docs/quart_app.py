"""Quart behind the gate: what docs/how-to/quart-litestar.md shows."""

# --8<-- [start:wrap]
from quart import Quart, Response, request, session

import consentgate.asgi
from consentgate import ConsentGate

app = Quart(__name__)
app.secret_key = "only for this example"
gate = ConsentGate.from_toml("consentgate.toml")
app.asgi_app = gate.asgi(app.asgi_app)  # type: ignore[method-assign]  # the way Quart documents


@app.get("/")
async def home() -> Response:
    session["basket"] = []
    consent = consentgate.asgi.consent(request.scope)
    page = f"<body>{consent.banner_html()}<h1>Shop</h1>{consent.link_html()}"
    response = Response(page)
    if consent.allows("statistics"):
        response.set_cookie("_ga", "GA1.1.4711", max_age=395 * 86400)
    return response


# --8<-- [end:wrap]
