"""A Content-Security-Policy by the visitor's choice: what docs/how-to/csp.md shows."""

from flask import Flask, Response, g

from consentgate import ConsentGate
from consentgate.frameworks.flask import init_app

app = Flask(__name__)
gate = ConsentGate.from_toml("csp.toml")
init_app(app, gate)


# --8<-- [start:hook]
@app.after_request
def by_choice(response: Response) -> Response:
    allowed = [
        host
        for party in gate.policy.third_parties
        if g.consent.allows(party.category)
        for host in party.hosts
    ]
    sources = " ".join(["'self'", *allowed])
    response.headers["Content-Security-Policy"] = f"default-src 'self'; frame-src {sources}"
    return response


# --8<-- [end:hook]


@app.get("/")
def home() -> str:
    return "<body><iframe src='https://video.example.com/film'></iframe>"
