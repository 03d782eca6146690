"""Bottle behind the gate: what docs/how-to/any-app.md shows."""

# --8<-- [start:wrap]
from bottle import Bottle, request, response

import consentgate.wsgi
from consentgate import ConsentGate

gate = ConsentGate.from_toml("consentgate.toml")
app = Bottle()


def home() -> str:
    response.set_cookie("session", "1")
    consent = consentgate.wsgi.consent(request.environ)
    if consent.allows("statistics"):
        response.set_cookie("_ga", "GA1.1.4711", max_age=395 * 86400)
    return f"<body>{consent.banner_html()}<h1>Shop</h1>{consent.link_html()}"


app.route("/", callback=home)
application = gate.wsgi(app)
# --8<-- [end:wrap]
