"""Pyramid behind the gate: what docs/how-to/any-app.md shows."""

# --8<-- [start:wrap]
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from pyramid.session import SignedCookieSessionFactory

import consentgate.wsgi
from consentgate import ConsentGate

gate = ConsentGate.from_toml("consentgate.toml")


def home(request: Request) -> Response:
    request.session["basket"] = []
    consent = consentgate.wsgi.consent(request.environ)
    page = f"<body>{consent.banner_html()}<h1>Shop</h1>{consent.link_html()}"
    response = Response(page)
    if consent.allows("statistics"):
        response.set_cookie("_ga", "GA1.1.4711", max_age=395 * 86400)
    return response


with Configurator(session_factory=SignedCookieSessionFactory("only for this example")) as config:
    config.add_route("home", "/")
    config.add_view(home, route_name="home")
    application = gate.wsgi(config.make_wsgi_app())
# --8<-- [end:wrap]
