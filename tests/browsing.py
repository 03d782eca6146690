"""A real Chromium, its cookie jar, and a server that sends exactly the bytes it is given."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, NoReturn

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

Header = tuple[bytes, bytes]

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Made-up sites, as `www.shop.test`, are here.
    "--no-proxy-server",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
)
_MISSING = (
    "NO BROWSER FOUND: nothing is shown about real browsers without one. Get it with "
    "`apt-get install chromium`, or put the path of a Chromium into CONSENTGATE_CHROMIUM."
)


def find_chromium() -> str:
    """Return the path of a Chromium.

    Without one the test is skipped, or failed where CONSENTGATE_REQUIRE is set.
    """
    told = os.environ.get("CONSENTGATE_CHROMIUM")
    found = told or next(filter(None, map(shutil.which, _NAMES)), None)
    if not found:
        _give_up()
    return found


def _give_up() -> NoReturn:
    if os.environ.get("CONSENTGATE_REQUIRE"):
        pytest.fail(_MISSING)
    pytest.skip(_MISSING)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a Chromium."""
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """A page in a browser context of its own, with the jar that belongs to it."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        context.set_default_timeout(15_000)
        self.page: Page = context.new_page()
        self._devtools = context.new_cdp_session(self.page)

    def jar(self) -> list[dict[str, Any]]:
        """Return every cookie of this context, HttpOnly and partitioned ones too.

        The bytes of a name or a value that are not UTF-8 are missing here; they
        count in "size".
        """
        cookies: list[dict[str, Any]] = self._devtools.send("Network.getAllCookies")["cookies"]
        return cookies

    def names(self) -> set[str]:
        """Return the names in the jar, as the developer tools and as Playwright tell them."""
        names = {cookie["name"] for cookie in self.jar()}
        assert {cookie.get("name") for cookie in self.context.cookies()} == names
        return names

    def names_with(self, awaited: set[str]) -> set[str]:
        """Return the names in the jar as soon as these are there, or when time is up."""
        deadline = time.monotonic() + 10
        while not awaited <= {cookie["name"] for cookie in self.jar()}:
            if time.monotonic() > deadline:
                break
            self.page.wait_for_timeout(20)
        return self.names()

    def clear(self) -> None:
        """Empty the jar."""
        self._devtools.send("Network.clearBrowserCookies")

    def fetch(self, urls: Sequence[str]) -> list[bool]:
        """Fetch all of these with credentials, at once; tell for each if there was an answer."""
        script = """urls => Promise.all(urls.map(url =>
            fetch(url, {mode: 'no-cors', credentials: 'include'}).then(() => true, () => false)))"""
        answered: list[bool] = self.page.evaluate(script, list(urls))
        return answered


@contextmanager
def tab(browser: Browser, *, scripts: bool = True) -> Iterator[Tab]:
    """Open a page with an empty jar."""
    context = browser.new_context(java_script_enabled=scripts, ignore_https_errors=True)
    try:
        yield Tab(context)
    finally:
        context.close()


@contextmanager
def lasting_tab(browser: Browser) -> Iterator[Tab]:
    """Open a page in a new profile that takes cookies of embedded sites, as many browsers do.

    Outside a profile Chromium never does, and Debian's not by itself.
    """
    settings = {"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory, "Default")
        folder.mkdir()
        (folder / "Preferences").write_text(json.dumps(settings), "utf-8")
        context = browser.browser_type.launch_persistent_context(
            directory,
            executable_path=find_chromium(),
            args=list(_ARGUMENTS),
            ignore_https_errors=True,
        )
        try:
            yield Tab(context)
        finally:
            context.close()


@dataclass(frozen=True)
class Request:
    """What a browser asked for: the target, and the header values by lower-case name."""

    target: str
    headers: dict[str, bytes]
    method: str = "GET"

    @property
    def host(self) -> str:
        """The host name, without the port."""
        return self.headers.get("host", b"").decode("ascii").partition(":")[0]


def response(status: int | bytes, headers: Iterable[Header], body: bytes = b"") -> bytes:
    """Return a response in HTTP/1.1, the given bytes of status line and headers unchanged.

    Its own headers come first: whatever follows cannot cut them off.
    """
    if isinstance(status, int):
        status = f"{status} {HTTPStatus(status).phrase}".encode("ascii")
    own = [(b"Connection", b"close")]
    if not status.startswith((b"1", b"204", b"304")):
        own.append((b"Content-Length", b"%d" % len(body)))
    else:
        own, body = ([] if status.startswith(b"1") else own), b""
    lines = [b"HTTP/1.1 " + status, *(name + b": " + value for name, value in (*own, *headers))]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@dataclass
class RawServer:
    """Answers each request with the bytes that `respond` returns, as they are.

    Over TLS if it is told so, with a certificate that nobody signed.
    """

    respond: Callable[[Request], bytes]
    tls: bool = False
    port: int = field(init=False)

    @contextmanager
    def running(self) -> Iterator[RawServer]:
        """Serve on a free port of 127.0.0.1."""
        respond = self.respond

        class Handler(StreamRequestHandler):
            timeout = 10

            def handle(self) -> None:
                with suppress(OSError):  # A browser closes connections that it opened in vain.
                    if request := _read(iter(self.rfile.readline, b"")):
                        self.wfile.write(respond(request))

        with _Server(("127.0.0.1", 0), Handler) as server:
            self.port = server.server_address[1]
            server.tls = _tls() if self.tls else None
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        assert isinstance(request, socket.socket)
        request.settimeout(10)
        with suppress(OSError), self.tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)


@cache
def _tls() -> ssl.SSLContext:
    """Return the server's side of TLS, with a certificate of its own making."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "certificate.pem")  # The one way in: it takes no bytes.
        file.write_bytes(private + certificate.public_bytes(pem))
        context.load_cert_chain(file)
    return context


def _read(lines: Iterator[bytes]) -> Request | None:
    start = next(lines, b"").split(b" ")
    if len(start) != 3:
        return None
    headers = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            break
        headers[name.decode("latin-1").lower()] = value.strip(b" \t\r\n")
    return Request(start[1].decode("latin-1"), headers, start[0].decode("latin-1"))
