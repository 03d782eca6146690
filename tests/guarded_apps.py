"""A shop with trackers, under a strict Content-Security-Policy, for browsers to visit.

In `by_gate` the gate puts the guard and the banner in; `by_helper` asks for them itself.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.serving import WSGIRequestHandler, make_server

from adapters import KEY
from consentgate import Consent, ConsentGate, Cookie, Event, Policy
from consentgate.wsgi import consent

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TRACKERS = Path(__file__).resolve().parent / "trackers"
POLICY = Policy(
    [
        Cookie("session", exemption="authentication"),
        Cookie("_ga*", "statistics", provider="Google"),
        Cookie("_pk_*", "statistics", provider="Matomo"),
        Cookie("mtm_*", "statistics", provider="Matomo"),
        Cookie("ad_id", "marketing"),
    ]
)
CSP = "default-src 'self'; script-src 'nonce-{nonce}' 'strict-dynamic'; base-uri 'none'"

GA4 = """
<script nonce="{nonce}">
  window.dataLayer = window.dataLayer || [];
  function gtag() {{ dataLayer.push(arguments); }}
  gtag("config", "G-TEST1234");
  document.addEventListener("consentgate:change", (event) => {{
    if (event.detail.allowed.includes("statistics")) gtag("config", "G-TEST1234");
  }});
</script>
<script nonce="{nonce}" src="/trackers/ga4.js" async></script>
"""
MODE = """
<script nonce="{nonce}">
  window.dataLayer = window.dataLayer || [];
  function gtag() {{ dataLayer.push(arguments); }}
  gtag("config", "G-TEST1234");
</script>
<script nonce="{nonce}" src="/trackers/ga4.js" async></script>
"""
MATOMO = """
<script nonce="{nonce}">
  window._paq = window._paq || [];
  _paq.push(["trackPageView"]);
  document.addEventListener("consentgate:change", (event) => {{
    if (event.detail.allowed.includes("statistics")) _paq.push(["trackPageView"]);
  }});
</script>
<script nonce="{nonce}" src="/trackers/matomo.js" async></script>
"""
ASKING = """
<script nonce="{nonce}">
  const given = {given};
  window._paq = window._paq || [];
  _paq.push(["requireCookieConsent"]);
  if (given) _paq.push(["setCookieConsentGiven"]);
  _paq.push(["trackPageView"]);
  document.addEventListener("consentgate:change", (event) => {{
    const now = event.detail.allowed.includes("statistics");
    _paq.push([now ? "setCookieConsentGiven" : "forgetCookieConsentGiven"]);
  }});
</script>
<script nonce="{nonce}" src="/trackers/matomo.js" async></script>
"""
PAGES = {"/": "", "/ga4": GA4, "/mode": MODE, "/matomo": MATOMO, "/asking": ASKING}
PAGE = """<!doctype html>
<html lang=en><head>
{head}<title>Shop</title>{trackers}</head>
<body>{banner}<h1>Shop</h1>{link}</body></html>
"""


def _answer(
    environ: WSGIEnvironment, start_response: StartResponse, *, by_helper: bool
) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path.startswith("/trackers/"):
        start_response("200 OK", [("Content-Type", "text/javascript")])
        return [(TRACKERS / path.rpartition("/")[2]).read_bytes()]
    if path not in PAGES:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b""]
    handle, nonce = consent(environ), secrets.token_urlsafe(16)
    text = _page(handle, nonce, path, by_helper=by_helper)
    kind = ("Content-Type", "text/html; charset=utf-8")
    start_response("200 OK", [kind, ("Content-Security-Policy", CSP.format(nonce=nonce))])
    return [text.encode()]


def _page(handle: Consent, nonce: str, path: str, *, by_helper: bool) -> str:
    head = banner = ""
    if by_helper:
        head = handle.guard_html(nonce) + handle.script_html(nonce)
        banner = handle.banner_html(nonce=nonce)
    if path == "/mode":
        head += handle.mode_html(nonce)
    given = json.dumps(handle.allows("statistics"))
    trackers = PAGES[path].format(nonce=nonce, given=given)
    return PAGE.format(head=head, trackers=trackers, banner=banner, link=handle.link_html())


def app(*, by_helper: bool, tell: Callable[[Event], object], **options: Any) -> WSGIApplication:
    """Return the shop behind a gate that tells its events."""
    puts_in = not by_helper
    gate = ConsentGate(
        POLICY,
        secret_key=KEY,
        inject_guard=puts_in,
        inject_banner=puts_in,
        observer=tell,
        **options,
    )
    return gate.wsgi(lambda environ, start: _answer(environ, start, by_helper=by_helper))


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # its name
        """Say nothing."""


@contextmanager
def serving(served: WSGIApplication) -> Iterator[int]:
    """Serve an app in a thread of its own, so that what it tells is heard here; yield the port."""
    server = make_server("127.0.0.1", 0, served, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
