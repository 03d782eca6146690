"""A page with films that wait for consent: what docs/how-to/placeholders.md shows."""

from flask import Flask, render_template

from consentgate import ConsentGate
from consentgate.frameworks.flask import init_app

app = Flask(__name__)
init_app(app, ConsentGate.from_toml("third_parties.toml"))


@app.get("/")
def films() -> str:
    return render_template("placeholders.html")
