"""Apps with the banner in them, around files that the documentation shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from consentgate import ConsentGate, Cookie, Policy
from transcripts import FOLDER

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

policy = Policy([Cookie("_ga", "statistics")])
gate = ConsentGate(policy, secret_key="shared by the servers and the tests", inject_banner=True)

PAGE = b"<!doctype html><html lang=en><title>Shop</title><body><h1>Shop</h1>%s"
NEEDED = (FOLDER / "csp.txt").read_text("utf-8").splitlines()[1]
LISTENING = (FOLDER / "spa" / "static" / "listening.js").read_bytes()


def _strict(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the policy that the page about it names as needed."""
    name, _, value = NEEDED.partition(": ")
    if environ["PATH_INFO"] != "/":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b""]
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), (name, value)])
    return [PAGE % b""]


def _listening(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with a page whose own script listens to the choice."""
    if environ["PATH_INFO"] == "/listening.js":
        start_response("200 OK", [("Content-Type", "text/javascript")])
        return [LISTENING]
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE % b"<script src=/listening.js defer></script>"]


strict = gate.wsgi(_strict)
listening = gate.wsgi(_listening)
