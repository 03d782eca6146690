"""A ledger that knows the accounts of a site: what docs/how-to/ledger.md shows."""

# --8<-- [start:extra]
import os

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadData
from werkzeug.http import parse_cookie

from consentgate import ConsentGate
from consentgate.frameworks.flask import init_app
from consentgate.ledger import Ledger
from consentgate.request import Request

app = Flask(__name__)
app.secret_key = "only for this example"
sessions = SecureCookieSessionInterface().get_signing_serializer(app)


def account(request: Request) -> dict[str, str]:
    cookies = parse_cookie(request.headers.get("Cookie") or "")
    try:
        session = sessions.loads(cookies.get("session", "")) if sessions else {}
    except BadData:
        return {}
    return {"account": str(session["account"])} if "account" in session else {}


gate = ConsentGate.from_toml(
    "consentgate.toml",
    ledger=Ledger(
        "sqlite:////var/lib/shop/consent.db",
        key=os.environ["CONSENTGATE_LEDGER_KEY"].split(","),
        extra=account,
    ),
)
init_app(app, gate)
# --8<-- [end:extra]
