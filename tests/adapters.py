"""One way to run an app behind a gate, over WSGI and over ASGI alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from asgiref.testing import ApplicationCommunicator

from consentgate import Consent, ConsentGate

Header = tuple[bytes, bytes]
Communicator: Any = ApplicationCommunicator  # asgiref says no types of it
KEY = "a secret key that is long enough"


@dataclass(frozen=True)
class Reply:
    """What the app under test answers: as an app of either protocol would say it."""

    headers: Sequence[Header] = ()
    status: int = 200
    body: Sequence[bytes] = (b"hello",)


@dataclass(frozen=True)
class Answer:
    """What left the gate."""

    status: int
    headers: list[Header]
    body: bytes

    @property
    def set_cookies(self) -> list[bytes]:
        """The values of all Set-Cookie headers, in order."""
        return [value for name, value in self.headers if name.lower().strip() == b"set-cookie"]

    @property
    def names(self) -> list[bytes]:
        """The names of the cookies that are set, in order."""
        return [value.partition(b"=")[0] for value in self.set_cookies]

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of all headers of a name in lower case, in order."""
        return [value for each, value in self.headers if each.lower() == name]


@dataclass(frozen=True)
class Visit:
    """A request: what the tests vary of it."""

    cookies: Sequence[bytes] = ()
    https: bool = False
    method: str = "GET"
    path: str = "/"  # below `root`, where the app is mounted
    headers: Sequence[Header] = ()
    strict: bool = True  # False where the app breaks PEP 3333 on purpose
    query: bytes = b""
    body: bytes = b""
    root: str = ""


View = Callable[[Consent], Reply]


@dataclass
class Adapter:
    """Runs views behind a gate over one protocol."""

    protocol: str
    wrap_twice: bool = field(default=False)

    def __call__(self, gate: ConsentGate, view: View, visit: Visit | None = None) -> Answer:
        """Answer one visit."""
        run = _over_wsgi if self.protocol == "wsgi" else _over_asgi
        return run(lambda app: self._wrapped(gate, app), view, visit or Visit())

    def _wrapped(self, gate: ConsentGate, app: Any) -> Any:
        wrap = gate.wsgi if self.protocol == "wsgi" else gate.asgi
        return wrap(wrap(app)) if self.wrap_twice else wrap(app)


def behind(gate: ConsentGate, app: Any) -> Any:
    """Return an ASGI app behind the gate, for callers that type loosely."""
    return gate.asgi(app)


def behind_wsgi(gate: ConsentGate, app: Any) -> Any:
    """Return a WSGI app behind the gate, for callers that type loosely."""
    return gate.wsgi(app)


def called(act: Callable[[Consent], object], view: View) -> View:
    """Return a view that first acts on the consent, or notes something about it."""

    def both(consent: Consent) -> Reply:
        act(consent)
        return view(consent)

    return both


def cookies(*values: str | bytes) -> Reply:
    """Return a reply that sets these cookies."""
    raw = [value.encode() if isinstance(value, str) else value for value in values]
    return Reply([(b"Content-Type", b"text/plain"), *((b"Set-Cookie", value) for value in raw)])


def sets(*values: str | bytes) -> View:
    """Return a view that just sets these cookies."""
    return lambda _: cookies(*values)


def granted(gate: ConsentGate, *categories: str) -> Visit:
    """Return a visit with the token of a visitor who granted these categories."""
    return Visit([token_pair(gate, *categories)])


def token_pair(gate: ConsentGate, *categories: str) -> bytes:
    """Return the consent cookie of a visitor who granted these categories."""
    return gate.set_cookie_for(gate.choice(categories)).partition(";")[0].encode()


def wsgi_environ(visit: Visit) -> dict[str, Any]:
    """Return the environ of a visit. Several headers of one name arrive joined by a comma."""
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ |= {
        "REQUEST_METHOD": visit.method,
        "SCRIPT_NAME": visit.root,
        "PATH_INFO": visit.path,
        "QUERY_STRING": visit.query.decode("latin-1"),
        "wsgi.url_scheme": "https" if visit.https else "http",
        "wsgi.input": BytesIO(visit.body),
    }
    if visit.body:
        environ["CONTENT_LENGTH"] = str(len(visit.body))
    fields: dict[str, list[bytes]] = {}
    for name, value in visit.headers:
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        fields.setdefault(key, []).append(value)
    environ |= {key: b",".join(values).decode("latin-1") for key, values in fields.items()}
    if visit.cookies:
        environ["HTTP_COOKIE"] = b",".join(visit.cookies).decode("latin-1")
    return environ


def asgi_scope(visit: Visit) -> dict[str, Any]:
    """Return the HTTP scope of a visit."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": visit.method,
        "scheme": "https" if visit.https else "http",
        "path": visit.root + visit.path,
        "raw_path": (visit.root + visit.path).encode(),
        "query_string": visit.query,
        "root_path": visit.root,
        "headers": [*visit.headers, *((b"cookie", line) for line in visit.cookies)],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 80),
    }


def _over_wsgi(wrap: Callable[[Any], Any], view: View, visit: Visit) -> Answer:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        reply = view(environ["consentgate"])
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in reply.headers
        ]
        start_response(f"{reply.status} Status", headers)
        return [] if reply.status in (204, 304) else list(reply.body)

    gated = validator(wrap(validator(app))) if visit.strict else wrap(app)
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started[:] = [status, headers]
        return lambda data: None

    chunks = gated(wsgi_environ(visit), start_response)
    try:
        body = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    status, headers = started
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return Answer(int(status[:3]), pairs, body)


def _over_asgi(wrap: Callable[[Any], Any], view: View, visit: Visit) -> Answer:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        reply = view(scope["consentgate"])
        headers = [(name.lower(), value) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        for chunk in reply.body:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def talk() -> list[Any]:
        communicator: Any = Communicator(wrap(app), asgi_scope(visit))
        await communicator.send_input({"type": "http.request", "body": visit.body})
        messages = [await communicator.receive_output()]
        while messages[-1]["type"] != "http.response.body" or messages[-1].get("more_body"):
            messages.append(await communicator.receive_output())
        await communicator.wait()
        return messages

    start, *body = asyncio.run(talk())
    return Answer(start["status"], list(start["headers"]), b"".join(part["body"] for part in body))
