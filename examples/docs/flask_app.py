"""Flask behind the gate: what docs/how-to/flask.md shows."""

# --8<-- [start:wrap]
from flask import Flask, g, make_response, redirect, render_template, session
from werkzeug.wrappers import Response

from consentgate import ConsentGate
from consentgate.frameworks.flask import init_app

app = Flask(__name__)
app.secret_key = "only for this example"
gate = ConsentGate.from_toml("consentgate.toml")
init_app(app, gate)
# --8<-- [end:wrap]


# --8<-- [start:view]
@app.get("/")
def home() -> Response:
    session["basket"] = []
    response = make_response(render_template("shop.html"))
    if g.consent.allows("statistics"):  # spares the work; the gate would strip it anyway
        response.set_cookie("_ga", "GA1.1.4711", max_age=395 * 86400)
    return response


# --8<-- [end:view]


# --8<-- [start:change]
@app.post("/count-me-out")
def count_me_out() -> Response:
    g.consent.withdraw("statistics")
    return redirect("/")


# --8<-- [end:change]
