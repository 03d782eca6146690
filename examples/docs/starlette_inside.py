"""The gate inside Starlette, where it has to be: what docs/how-to/starlette.md shows."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from consentgate import ConsentGate
from consentgate.asgi import ConsentMiddleware

gate = ConsentGate.from_toml("consentgate.toml")


async def home(request: Request) -> Response:
    request.session["basket"] = []
    response = PlainTextResponse("shop")
    response.set_cookie("_ga", "GA1.1.4711")
    return response


routes = [Route("/", home)]
# --8<-- [start:app]
app = Starlette(
    routes=routes,
    middleware=[
        Middleware(ConsentMiddleware, gate=gate),  # the first: it sees what the others set
        Middleware(SessionMiddleware, secret_key="only for this example", max_age=None),
    ],
)
# --8<-- [end:app]
