"""A site that loads a film from elsewhere: what docs/how-to/third-parties.md shows."""

from flask import Flask

from consentgate import ConsentGate
from consentgate.frameworks.flask import init_app

app = Flask(__name__)


@app.get("/")
def home() -> str:
    return "<body><iframe src='https://video.example.com/film' title='A film'></iframe>"


# --8<-- [start:report]
gate = ConsentGate.from_toml("third_parties.toml", source_gate="report")
# --8<-- [end:report]
# --8<-- [start:on]
gate = ConsentGate.from_toml("third_parties.toml")
init_app(app, gate)
# --8<-- [end:on]
