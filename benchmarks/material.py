"""The one site that all benchmarks run: its policy, its cookies, its headers."""

from __future__ import annotations

import logging
from base64 import b64encode

from itsdangerous import TimestampSigner

from consentgate import ConsentGate, Cookie, Policy

KEY = "a key for benchmarks, known to all"

POLICY = Policy(
    [
        Cookie("session", exemption="authentication"),
        Cookie("csrftoken", exemption="security"),
        Cookie("_ga*", "statistics", provider="Google"),
    ]
)

HEADERS = [("content-type", "text/html; charset=utf-8"), ("content-length", "1234")]
THREE_COOKIES = [
    ("set-cookie", "session=0123456789abcdefghijklmnopqrstuv; Path=/; HttpOnly; SameSite=Lax"),
    ("set-cookie", "csrftoken=0123456789abcdefghijklmnopqrstuv; Path=/; Max-Age=31449600"),
    ("set-cookie", "_ga=GA1.2.1234567890.1234567890; Path=/; Max-Age=63072000"),
]

REQUEST_HEADERS = [
    ("host", "www.example.org"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/150.0"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("accept-language", "fr,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br"),
    ("connection", "keep-alive"),
]

# More than the gate remembers: going round them, each comes as a new one.
NEW_TOKENS = 5000

# The log's first line per name would go to the terminal otherwise.
logging.getLogger("consentgate").addHandler(logging.NullHandler())

_session_signer = TimestampSigner(KEY)


def new_gate() -> ConsentGate:
    """Return a gate with nothing remembered yet."""
    return ConsentGate(POLICY, secret_key=KEY)


def new_token(gate: ConsentGate) -> str:
    """Return the token of one more visitor, who granted statistics."""
    return gate.set_cookie_for(gate.choice(["statistics"])).partition(";")[0].partition("=")[2]


def checked(gate: ConsentGate, cookie: str) -> str:
    """Return a Cookie header as it is: its token must be one that the gate believes."""
    assert gate.standing([cookie.encode("ascii")]).answered, cookie
    return cookie


def cookie_header(token: str | None, user: int = 1) -> str:
    """Return the Cookie header of a visitor: a session that Starlette reads too, and two more."""
    session = _session_signer.sign(b64encode(b'{"user": %d}' % user)).decode("ascii")
    pairs = [f"session={session}", "csrftoken=0123456789abcdef", "_ga=GA1.2.1234567890.1234567890"]
    if token is not None:
        pairs.insert(1, f"cookies_preferences={token}")
    return "; ".join(pairs)
