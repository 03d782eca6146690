"""A site whose scripts write cookies: what docs/how-to/scripts.md and tag-managers.md show."""

import secrets

from flask import Flask, make_response, render_template
from werkzeug.wrappers import Response

from consentgate import ConsentGate, Pages
from consentgate.frameworks.flask import init_app

app = Flask(__name__)

# --8<-- [start:inserted]
gate = ConsentGate.from_toml("scripts.toml", inject_guard=True)
init_app(app, gate)
# --8<-- [end:inserted]


@app.get("/")
def home() -> str:
    return "<!doctype html><html lang=en><head><title>Shop</title></head><body><h1>Shop</h1>"


# --8<-- [start:nonce]
@app.get("/<page>")
def strict(page: str) -> Response:
    nonce = secrets.token_urlsafe(16)
    response = make_response(render_template(f"{page}.html", nonce=nonce))
    response.headers["Content-Security-Policy"] = (
        f"default-src 'self'; script-src 'nonce-{nonce}' 'strict-dynamic'"
    )
    return response


# --8<-- [end:nonce]

# --8<-- [start:mode]
pages = Pages(consent_mode={"personalization_storage": "marketing"})
mapped = ConsentGate.from_toml("scripts.toml", inject_guard=True, pages=pages)
# --8<-- [end:mode]
