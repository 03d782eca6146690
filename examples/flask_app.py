"""Flask behind the gate: `flask --app examples/flask_app.py run`, or run this file.

A real site sets CONSENTGATE_SECRET_KEY: a random key forgets every choice when the process ends.
"""

from __future__ import annotations

import os
import secrets
from datetime import timedelta

from flask import Flask, make_response, render_template_string, request, session
from werkzeug.wrappers import Response

from consentgate import ConsentGate, Cookie, Policy
from consentgate.frameworks.flask import init_app

KEY = os.environ.get("CONSENTGATE_SECRET_KEY") or secrets.token_urlsafe(32)
PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>Flask behind consentgate</title>
</head>
<body>
{{ consent_banner() }}
<main>
  <h1>Flask behind consentgate</h1>
  <p>You have {{ "answered" if consent.answered else "not answered yet" }}.
     Statistics are {{ "on" if consent.statistics else "off" }}. This request brought:</p>
  <ul>{% for name in names %}<li><code>{{ name }}</code></li>{% else %}<li>no cookie</li>{% endfor %}</ul>
</main>
<footer>{{ consent_link() }}</footer>
</body>
</html>"""  # noqa: E501  # a line of HTML

policy = Policy(
    [
        Cookie("session", purpose="Keeps your basket", exemption="basket"),
        Cookie("_ga", "statistics", purpose="Counts visits", lifetime=timedelta(days=395)),
        Cookie("ad_id", "marketing", purpose="Chooses adverts", lifetime=timedelta(days=90)),
    ]
)
gate = ConsentGate(policy, secret_key=KEY)

app = Flask(__name__)
app.secret_key = KEY
init_app(app, gate)


@app.get("/")
def home() -> Response:
    session.setdefault("basket", [])
    response = make_response(render_template_string(PAGE, names=sorted(request.cookies)))
    response.set_cookie("_ga", "GA1.1.1", max_age=timedelta(days=395))
    response.set_cookie("ad_id", "42", max_age=timedelta(days=90))
    response.set_cookie("tracker", "7")  # Declared nowhere: it never leaves.
    return response


if __name__ == "__main__":
    app.run()
