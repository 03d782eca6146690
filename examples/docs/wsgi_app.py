"""Any WSGI app behind the gate: what docs/how-to/any-app.md shows."""

from __future__ import annotations

# --8<-- [start:wrap]
from collections.abc import Iterable
from typing import TYPE_CHECKING

import consentgate.wsgi
from consentgate import ConsentGate

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

gate = ConsentGate.from_toml("consentgate.toml")


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    consent = consentgate.wsgi.consent(environ)
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Set-Cookie", "session=1")]
    if consent.allows("statistics"):
        headers.append(("Set-Cookie", "_ga=GA1.1.4711; Max-Age=34128000"))
    start_response("200 OK", headers)
    return [f"<body>{consent.banner_html()}<h1>Shop</h1>{consent.link_html()}".encode()]


application = gate.wsgi(app)
# --8<-- [end:wrap]
