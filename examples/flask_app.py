"""Flask behind the gate: `flask --app examples/flask_app.py run`, or run this file.

A real site sets CONSENTGATE_SECRET_KEY: a random key forgets every choice when the process ends.
"""

from __future__ import annotations

import os
import secrets
from datetime import timedelta

from flask import Flask, abort, make_response, redirect, render_template_string, request, session
from werkzeug.wrappers import Response

from consentgate import Consent, ConsentGate, Cookie, Policy
from consentgate.wsgi import consent

KEY = os.environ.get("CONSENTGATE_SECRET_KEY") or secrets.token_urlsafe(32)
ANSWERS = {"accept": Consent.grant_all, "refuse": Consent.refuse_all, "withdraw": Consent.withdraw}
PAGE = """<!doctype html><html lang="en"><title>Flask behind consentgate</title>
<h1>Flask behind consentgate</h1>
<p>You have {{ "answered" if answered else "not answered yet" }}. This request brought:</p>
<ul>{% for name in names %}<li><code>{{ name }}</code></li>{% else %}<li>no cookie</li>{% endfor %}</ul>
<form method="post">
  <button formaction="/accept">Accept all</button> <button formaction="/refuse">Refuse all</button>
  <button formaction="/withdraw">Withdraw</button>
</form></html>"""  # noqa: E501  # a line of HTML

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
app.wsgi_app = gate.wsgi(app.wsgi_app)  # type: ignore[method-assign]  # the way Flask documents


@app.get("/")
def home() -> Response:
    session.setdefault("basket", [])
    answered = consent(request.environ).answered
    names = sorted(request.cookies)
    response = make_response(render_template_string(PAGE, answered=answered, names=names))
    response.set_cookie("_ga", "GA1.1.1", max_age=timedelta(days=395))
    response.set_cookie("ad_id", "42", max_age=timedelta(days=90))
    response.set_cookie("tracker", "7")  # Declared nowhere: it never leaves.
    return response


@app.post("/<any(accept, refuse, withdraw):answer>")
def decide(answer: str) -> Response:
    # Consent comes from the visitor: a form on another site cannot give it. A browser that does
    # not send Sec-Fetch-Site, on plain http say, tells the Origin of every POST.
    own = request.host_url.rstrip("/")
    sender = request.headers.get("Sec-Fetch-Site") or request.headers.get("Origin", own)
    if sender not in ("same-origin", "none", own):
        abort(403)
    ANSWERS[answer](consent(request.environ))
    return redirect("/", 303)


if __name__ == "__main__":
    app.run()
