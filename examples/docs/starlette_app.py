"""Starlette behind the gate: what docs/how-to/starlette.md shows."""

# --8<-- [start:wrap]
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from consentgate import ConsentGate
from consentgate.frameworks.starlette import context

gate = ConsentGate.from_toml("consentgate.toml")
templates = Jinja2Templates("templates", context_processors=[context])


async def home(request: Request) -> Response:
    request.session["basket"] = []
    response = templates.TemplateResponse(request, "shop.html")
    if request.state.consent.allows("statistics"):
        response.set_cookie("_ga", "GA1.1.4711", max_age=395 * 86400)
    return response


session = Middleware(SessionMiddleware, secret_key="only for this example", max_age=None)
app = gate.asgi(Starlette(routes=[Route("/", home)], middleware=[session]))
# --8<-- [end:wrap]
