"""A site whose pages load things from other sites, in every way that a browser has.

The site is behind a gate, over WSGI or ASGI. The other sites keep a log of what
reaches them, and set a cookie with everything that they answer.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import ssl
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from socketserver import StreamRequestHandler
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from playwright.sync_api import Browser, Page

import browsing
from adapters import KEY, Header, Visit, asgi_scope, wsgi_environ
from browsing import RawServer, Request, Tab, response
from consentgate import Consent, ConsentGate, Cookie, Policy, ThirdParty

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SHOP = "www.shop.test"
CDN, COUNT, ADS, STRAY = "cdn.parts.test", "count.test", "px.ads.test", "stray.test"
OTHERS = (CDN, COUNT, ADS, STRAY)
THIRD_PARTIES = [
    ThirdParty("Parts", "necessary", hosts=[f"{CDN}:*", f"wss://{CDN}:*", f"ws://{CDN}:*"]),
    ThirdParty("Count", "statistics", hosts=[f"{COUNT}:*", f"wss://{COUNT}:*", f"ws://{COUNT}:*"]),
    ThirdParty(
        "Ads", "marketing", hosts=["*.ads.test:*", "wss://*.ads.test:*", "ws://*.ads.test:*"]
    ),
]
POLICY = Policy([Cookie("session"), Cookie("_ga*", "statistics")], third_parties=THIRD_PARTIES)


def gate_of(**options: Any) -> ConsentGate:
    """Return the gate of the site."""
    return ConsentGate(POLICY, secret_key=KEY, **options)


class Asked(NamedTuple):
    """What a page of the site is asked. Names of headers are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    consent: Consent | None


class Reply(NamedTuple):
    """What it answers."""

    body: bytes | str
    type: str = "text/html; charset=utf-8"
    headers: Sequence[Header] = ()
    status: int = 200

    def fields(self) -> list[Header]:
        """Return all header fields."""
        kind = [(b"Content-Type", self.type.encode("latin-1"))] if self.type else []
        return [*kind, *self.headers]

    def raw(self) -> bytes:
        """Return the body."""
        return self.body.encode() if isinstance(self.body, str) else self.body


View = Callable[[Asked], Reply]
QUIET = 0.5
"""How many seconds without a request mean that a page has loaded what it loads."""

# The other sites. A PNG, a sound and a film of nothing: it is enough to be asked for them.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360"
    "60606000000005000160f6a0530000000049454e44ae426082"
)
KINDS: dict[str, tuple[str, bytes]] = {
    "js": ("text/javascript", b"globalThis.ran = (globalThis.ran || 0) + 1;"),
    "mjs": ("text/javascript", b"export default 1;"),
    "css": ("text/css", b"@import 'imported.css'; body { background: url(background.png) }"),
    "png": ("image/png", PNG),
    "html": ("text/html", b"<p>of another site</p>"),
    "svg": ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'><g id='g'/></svg>"),
    "json": ("application/json", b"{}"),
    "txt": ("text/plain", b"text"),
    "vtt": ("text/vtt", b"WEBVTT\n\n"),
}


@dataclass
class Others:
    """The other sites: what reached them, by host."""

    tls: bool = True
    log: list[tuple[str, str]] = field(default_factory=list)

    def respond(self, request: Request) -> bytes:
        """Answer, with a cookie, and note it."""
        path, _, query = request.target.partition("?")
        self.log.append((request.host, path))
        attributes = "; SameSite=None; Secure" if self.tls else ""
        own = f"{request.host.partition('.')[0]}=1; Path=/; Max-Age=600{attributes}"
        headers = [
            (b"Set-Cookie", own.encode()),
            (b"Access-Control-Allow-Origin", request.headers.get("origin", b"*")),
            (b"Access-Control-Allow-Credentials", b"true"),
            (b"Access-Control-Allow-Headers", b"*, content-type, ping-from, ping-to"),
            (b"Service-Worker-Allowed", b"/"),
            (b"Cache-Control", b"no-store"),
        ]
        if to := parse_qs(query).get("to"):
            return response(302, [*headers, (b"Location", to[0].encode())])
        if path.endswith(".events"):
            return response(204, headers)  # HTML 9.2.3: so a browser does not ask again.
        kind, body = KINDS.get(path.rpartition(".")[2], ("application/octet-stream", b""))
        return response(200, [*headers, (b"Content-Type", kind.encode())], body)

    def of(self, host: str) -> set[str]:
        """Return the paths that were asked for at a host."""
        return {path for each, path in list(self.log) if each == host}


# The visitor.


@contextmanager
def visitor(browser: Browser) -> Iterator[Tab]:
    """Open a page in a profile that takes cookies of embedded sites.

    These servers' certificate is believed: from others nothing is cached, no
    service worker is taken, and nothing is reported.
    """
    settings = {"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory, "Default")
        folder.mkdir()
        (folder / "Preferences").write_text(json.dumps(settings), "utf-8")
        context = browser.browser_type.launch_persistent_context(
            directory,
            executable_path=browsing.find_chromium(),
            args=[*browsing._ARGUMENTS, f"--ignore-certificate-errors-spki-list={_pin()}"],
        )
        try:
            yield Tab(context)
        finally:
            context.close()


def _pin() -> str:
    """Return the hash of the key of these servers' certificate (RFC 7469 2.4)."""
    with RawServer(lambda _: b"", tls=True).running() as server:
        pem = ssl.get_server_certificate(("127.0.0.1", server.port))
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    spki = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()


# The site.


Answer = tuple[int, list[Header], bytes]


def _over_wsgi(wrap: Callable[[Any], Any], view: View, visit: Visit) -> Answer:
    """Have a view answer behind a gate, as a WSGI app."""
    started: list[Any] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        names = {key: key.removeprefix("HTTP_").replace("_", "-").lower() for key in environ}
        headers = {names[key]: environ[key] for key in environ if key.startswith("HTTP_")}
        handle = environ.get("consentgate")
        reply = view(Asked(visit.method, visit.path, environ["QUERY_STRING"], headers, handle))
        fields = [(each.decode("latin-1"), raw.decode("latin-1")) for each, raw in reply.fields()]
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", fields)
        return [reply.raw()]

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        started[:] = [int(status[:3]), headers]

    body = b"".join(wrap(app)(wsgi_environ(visit), start))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in started[1]]
    return started[0], raw, body


def _over_asgi(wrap: Callable[[Any], Any], view: View, visit: Visit) -> Answer:
    """Have a view answer behind a gate, as an ASGI app."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = {each.decode("latin-1"): raw.decode("latin-1") for each, raw in scope["headers"]}
        query, handle = scope["query_string"].decode("latin-1"), scope.get("consentgate")
        reply = view(Asked(visit.method, visit.path, query, headers, handle))
        fields = [(name.lower(), value) for name, value in reply.fields()]
        await send({"type": "http.response.start", "status": reply.status, "headers": fields})
        await send({"type": "http.response.body", "body": reply.raw()})

    async def receive() -> Any:
        return {"type": "http.request", "body": visit.body}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(wrap(app)(asgi_scope(visit), receive, send))
    return sent[0]["status"], sent[0]["headers"], b"".join(part["body"] for part in sent[1:])


@contextmanager
def _served(respond: Callable[[Request, bytes], bytes], tls: bool) -> Iterator[int]:
    """Serve on a free port, which is given; a request comes with its body."""

    class Handler(StreamRequestHandler):
        timeout = 10

        def handle(self) -> None:
            with suppress(OSError):  # A browser closes connections that it opened in vain.
                if request := browsing._read(iter(self.rfile.readline, b"")):
                    body = self.rfile.read(int(request.headers.get("content-length", b"0")))
                    self.wfile.write(respond(request, body))

    with browsing._Server(("127.0.0.1", 0), Handler) as server:
        server.tls = browsing._tls() if tls else None
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Site:
    """The site at work: its view, its gate (None: it has none), a visitor's tab, the others."""

    tab: Tab
    view: View
    way: str = "wsgi"
    gate: ConsentGate | None = None
    tls: bool = True
    url: str = ""
    others: Others = field(default_factory=Others)
    ports: dict[str, int] = field(default_factory=dict)
    log: list[Asked] = field(default_factory=list)
    """What reached the app."""

    def _respond(self, request: Request, body: bytes) -> bytes:
        path, _, query = request.target.partition("?")
        told = [(name.encode(), value) for name, value in request.headers.items()]
        cookies = [value for name, value in told if name == b"cookie"]
        headers = [header for header in told if header[0] != b"cookie"]
        visit = Visit(
            cookies, self.tls, request.method, path, headers, query=query.encode(), body=body
        )
        run = _over_wsgi if self.way == "wsgi" else _over_asgi
        return response(*run(self._wrapped, self._noting, visit))

    def _wrapped(self, app: Any) -> Any:
        if self.gate is None:
            return app
        return self.gate.wsgi(app) if self.way == "wsgi" else self.gate.asgi(app)

    def _noting(self, asked: Asked) -> Reply:
        self.log.append(asked)
        if asked.path == "/favicon.ico":
            return Reply("not found", status=404)
        return self.view(asked)

    @contextmanager
    def running(self) -> Iterator[Site]:
        """Serve."""
        self.others = Others(self.tls)
        others = RawServer(self.others.respond, tls=self.tls)
        with others.running(), _served(self._respond, self.tls) as port:
            self.ports = {SHOP: port} | dict.fromkeys(OTHERS, others.port)
            self.url = self.at(SHOP)
            yield self
            self.page.goto("about:blank")

    def at(self, host: str, path: str = "", scheme: str = "http") -> str:
        """Return the address of a path at a host."""
        return f"{scheme}{'s' if self.tls else ''}://{host}:{self.ports[host]}{path}"

    @property
    def page(self) -> Page:
        """The page that is open."""
        return self.tab.page

    def go(self, path: str = "/") -> None:
        """Visit a page, and wait until all that is in its markup is there, or failed."""
        self.page.goto(self.url + path, wait_until="load")

    def settle(self) -> None:
        """Wait until nothing has been asked for a while, of this site and of the others.

        That is for what scripts and workers do; a page waits for its pictures by itself.
        """
        since, asked = time.monotonic(), -1
        deadline = since + 15
        while since < deadline and time.monotonic() - since < QUIET:
            if asked != (now := len(self.log) + len(self.others.log)):
                since, asked = time.monotonic(), now
            self.page.wait_for_timeout(20)

    def choose(self, *categories: str) -> None:
        """Have the page send a choice: these are allowed, the others refused."""
        allow = {each: each in categories for each in ("statistics", "marketing")}
        status = self.page.evaluate(
            """([url, allow]) => fetch(url, {
                method: 'POST', headers: {'Content-Type': 'application/json'},
                body: JSON.stringify({answer: 'save', allow})}).then(answer => answer.status)""",
            [f"{self.url}/cookies/choice.json", allow],
        )
        assert status == 200, status

    def reached(self, host: str) -> set[str]:
        """Return what was asked for at another site."""
        return {path.removeprefix("/") for path in self.others.of(host)}

    def awaited(self, host: str, names: Collection[str]) -> set[str]:
        """Return which of these were asked for at another site, once all were or time is up."""
        deadline = time.monotonic() + 20
        while not self.reached(host) >= set(names) and time.monotonic() < deadline:
            self.page.wait_for_timeout(20)
        return self.reached(host) & set(names)

    def asked(self) -> set[str]:
        """Return the other sites that were asked for anything."""
        return {host for host, _ in list(self.others.log)}

    def pictures(self, *hosts: str, name: str = "a.png") -> str:
        """Return the markup of a picture from each of these other sites, by default from all."""
        return "".join(f"<img src='{self.at(host, '/' + name)}'>" for host in hosts or OTHERS)

    def back(self) -> None:
        """Go back in the browser's history."""
        self.page.go_back(wait_until="load")

    def read_manifest(self) -> None:
        """Have the browser read the page's manifest, as it does before it installs an app."""
        devtools = self.tab.context.new_cdp_session(self.page)
        devtools.send("Page.getAppManifest")
        devtools.detach()

    def forget(self) -> None:
        """Empty the logs, and the jar of what the other sites set."""
        self.log.clear()
        self.others.log.clear()
        for host in OTHERS:
            self.tab.context.clear_cookies(domain=host)

    def cookie_hosts(self) -> set[str]:
        """Return the other sites of which the browser holds cookies."""
        return {c["domain"].lstrip(".") for c in self.tab.jar()} & set(OTHERS)
