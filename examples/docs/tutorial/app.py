"""A shop that asks before it tracks its visitors."""

# mypy: disable-error-code="method-assign"

from flask import Flask, Response, make_response, session

# --8<-- [start:import]
from consentgate import ConsentGate

# --8<-- [end:import]

app = Flask(__name__)
app.secret_key = "only for this tutorial"
# --8<-- [start:gate]
gate = ConsentGate.from_toml("consentgate.toml")
app.wsgi_app = gate.wsgi(app.wsgi_app)
# --8<-- [end:gate]

PAGE = """<!doctype html>
<html lang="en">
<head><title>Shop</title></head>
<body><h1>Shop</h1></body>
</html>"""


@app.get("/")
def home() -> Response:
    session["basket"] = []
    response = make_response(PAGE)
    response.set_cookie("_ga", "GA1.1.4711", max_age=395 * 86400)
    response.set_cookie("campaign", "autumn")
    return response
