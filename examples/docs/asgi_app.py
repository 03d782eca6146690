"""Any ASGI app behind the gate: what docs/how-to/any-app.md shows."""

# --8<-- [start:wrap]
from typing import Any

import consentgate.asgi
from consentgate import ConsentGate

gate = ConsentGate.from_toml("consentgate.toml")


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    consent = consentgate.asgi.consent(scope)
    page = f"<body>{consent.banner_html()}<h1>Shop</h1>{consent.link_html()}".encode()
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"set-cookie", b"session=1")]
    if consent.allows("statistics"):
        headers.append((b"set-cookie", b"_ga=GA1.1.4711; Max-Age=34128000"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": page})


app = gate.asgi(application)
# --8<-- [end:wrap]
