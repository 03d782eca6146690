"""The server of the single-page app: a page that is the same for everybody."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from consentgate import ConsentGate

FOLDER = Path(__file__).parent
gate = ConsentGate.from_toml(FOLDER.with_name("consentgate.toml"))
files = StaticFiles(directory=FOLDER / "static", html=True)
app = gate.asgi(Starlette(routes=[Mount("/", files)]))
