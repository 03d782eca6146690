"""Whatever arrives and whatever the app does: nothing raises, nothing leaks, nothing is lost.

In the suite the examples are few and always the same; `make fuzz` runs many new ones.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters import KEY, Visit, asgi_scope, behind, behind_wsgi, token_pair
from consentgate import ConsentGate, Cookie, Policy, ResponseStartedError
from consentgate.names import is_declarable

CATEGORIES = ("necessary", "anonymous_statistics", "preferences", "statistics", "marketing")
NAMES = ("session", "_ga", "_ga_X", "ad", "pre-1", "unknown", "Session", "cookies_preferences", "")

POLICY = Policy(
    [
        Cookie("session"),
        Cookie("pre-*"),
        Cookie("_ga*", "statistics"),
        Cookie("_ga_*", "marketing"),
        Cookie("ad", "marketing"),
    ]
)
GATE = ConsentGate(POLICY, secret_key=KEY)

blanks = st.sampled_from(
    [b"", b" ", b"\t", b"\xa0", b"\x85", b"\x0b", b"\0", b"\r", b"\n", b'"', b","]
)
names = st.sampled_from([name.encode() for name in NAMES]) | st.binary(max_size=8)
attributes = st.sampled_from(
    [
        b"Path=/",
        b"Max-Age=0",
        b"Max-Age=60",
        b"max-age = -1",
        b"Max-Age=",
        b"Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        b"Expires=Fri, 01 Jan 2100 00:00:00 GMT",
        b"Domain=example.com",
        b"Secure",
        b"HttpOnly",
        b"Partitioned",
        b"",
    ]
) | st.binary(max_size=8)


@st.composite
def set_cookies(draw: st.DrawFn) -> bytes:
    """Draw a Set-Cookie value that is nearly right, or not at all."""
    equals = draw(st.sampled_from([b"=", b"=", b"=", b"", b"=="]))
    value = draw(st.sampled_from([b"1", b"", b'"a;b"', b"a,b=c"]) | st.binary(max_size=8))
    pair = b"".join([draw(blanks), draw(names), draw(blanks), equals, draw(blanks), value])
    return b"; ".join([pair, *draw(st.lists(attributes, max_size=4))])


header_names = st.sampled_from(
    [b"set-cookie", b"Set-Cookie", b"set-cookie ", b"x-y", b"content-type", b"set-cookie: a=b;x"]
) | st.binary(max_size=8)
headers: st.SearchStrategy[Any] = st.tuples(header_names, set_cookies() | st.binary(max_size=20))
odd_headers: st.SearchStrategy[Any] = headers | st.sampled_from(
    [
        None,
        (),
        ("set-cookie", "a=b"),
        (b"set-cookie", None),
        [b"set-cookie", b"session=1"],
        (b"x", 1),
    ]
)
tokens = st.sampled_from(
    [
        token_pair(GATE),
        token_pair(GATE, "statistics"),
        token_pair(GATE, "statistics", "marketing"),
        b"cookies_preferences=yes",
        b"",
    ]
) | st.binary(max_size=40)
acts = st.sampled_from(["grant", "grant_all", "refuse_all", "withdraw", "nothing", "start", "body"])


def browser_name(value: bytes) -> bytes:
    """Return the name a browser stores, said a second way: the oracle of this file."""
    if any((byte < 0x20 and byte != 0x09) or byte == 0x7F for byte in value):
        return b""
    pair = value.split(b";", 1)[0]
    if b"=" not in pair:
        return b""
    return pair.split(b"=", 1)[0].strip(b" \t")


def category_of(name: bytes) -> str | None:
    """Return the category of a name under POLICY, said a second way."""
    if not name.isascii() or not is_declarable(name.decode("ascii")):
        return None
    if name.startswith(b"_ga"):
        return "marketing" if name.startswith(b"_ga_") else "statistics"
    if name.startswith(b"pre-"):
        return "necessary"
    return {b"session": "necessary", b"ad": "marketing"}.get(name)


def run(
    script: list[tuple[str, list[Any]]], lines: list[bytes]
) -> tuple[list[dict[str, Any]], frozenset[str]]:
    """Run an app that follows a script behind the gate; return what left and what holds."""
    sent: list[dict[str, Any]] = []
    allowed: list[frozenset[str]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        consent = scope["consentgate"]
        for act, given_headers in script:
            if act == "start":
                allowed.append(frozenset(key for key in CATEGORIES if consent.allows(key)))
                await send({"type": "http.response.start", "status": 200, "headers": given_headers})
            elif act == "body":
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
            elif act != "nothing":
                change = getattr(consent, act)
                try:
                    change("statistics") if act == "grant" else change()
                except ResponseStartedError:
                    assert sent

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(behind(GATE, app)(asgi_scope(Visit(lines)), send, send))
    return sent, allowed[-1] if allowed else frozenset()


@given(st.lists(st.tuples(acts, st.lists(odd_headers, max_size=5)), max_size=6), st.lists(tokens))
def test_no_sequence_of_messages_raises_or_leaks(
    script: list[tuple[str, list[Any]]], lines: list[bytes]
) -> None:
    """Any order of grants, starts and bodies, any headers: no error, and no cookie too many."""
    sent, _ = run(script, lines)
    for message in sent:
        for name, value in message.get("headers", ()):
            assert (
                name.lower() != b"set-cookie"
                or category_of(browser_name(value))
                or (
                    value.startswith(b"cookies_preferences=1~")
                    or b"=;" in value.replace(b'""', b"")
                )
            )


@given(st.lists(headers, max_size=6), st.lists(tokens, max_size=3))
def test_exactly_what_may_leave_leaves(given_headers: list[Any], lines: list[bytes]) -> None:
    """Every allowed cookie and every safe header survives byte for byte, in order, and no other."""
    (start,), allowed = run([("start", given_headers)], lines)
    # What the gate adds for shared caches comes last.
    added = (b"vary", b"cache-control")
    survivors = [header for header in start["headers"] if header[0] not in added]
    for header in given_headers:
        name, value = header
        category = category_of(browser_name(value))
        if name.lower() == b"set-cookie":
            passes = category in allowed and not {*value} & {0, 10, 13}
        else:
            token = name and all(chr(byte) in TOKEN for byte in name)
            passes = bool(token) and not {*value} & {0, 10, 13}
        if passes:
            assert survivors.pop(0) == header
        elif survivors and survivors[0] not in given_headers:
            kept_name, kept_value = survivors.pop(0)  # A deletion, emptied.
            assert kept_name == name
            assert browser_name(kept_value) == browser_name(value) != b"cookies_preferences"
            assert kept_value.split(b";")[0].split(b"=", 1)[1] == b""
        elif survivors and survivors[0] == header and name.lower() == b"set-cookie":
            survivors.pop(0)  # A deletion that carried no value.
            assert value.split(b";")[0].split(b"=", 1)[1].strip(b' \t"') == b""
    assert not survivors


TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@given(st.lists(st.binary(max_size=200), max_size=4))
def test_no_cookie_header_grants_anything(lines: list[bytes]) -> None:
    """No bytes in a Cookie header but a real token make an answer."""
    standing = GATE.standing([*lines, b"; cookies_preferences=".join(lines)])
    assert not standing.answered
    assert standing.allowed == {"necessary", "anonymous_statistics"}


declared = st.builds(
    lambda name, category: (name, category),
    st.text("ab*_-", min_size=1, max_size=5),
    st.sampled_from(CATEGORIES),
)


@given(
    st.lists(declared, max_size=10, unique_by=lambda pair: pair[0]),
    st.text("ab_-", min_size=1, max_size=6),
    st.sets(st.sampled_from(CATEGORIES)),
)
def test_any_policy_decides_by_the_category_alone(
    pairs: list[tuple[str, str]], name: str, categories: set[str]
) -> None:
    """Under any policy a cookie passes if and only if its category is allowed."""
    policy = Policy([Cookie(text, category) for text, category in pairs if set(text) != {"*"}])
    gate = ConsentGate(policy, secret_key=KEY)
    choice = gate.choice(categories, policy.choosable - categories)
    line = gate.set_cookie_for(choice).partition(";")[0].encode()
    allowed = gate.standing([line]).allowed
    assert allowed == {"necessary"} | categories
    cookie = policy.lookup(name.encode())
    sent: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Set-Cookie", f"{name}=1")])
        return []

    behind_wsgi(gate, app)({"HTTP_COOKIE": line.decode()}, lambda *args: sent.append(args[1]))
    passes = cookie is not None and cookie.category in allowed
    assert [pair for pair in sent[0] if pair[0] == "Set-Cookie"] == [("Set-Cookie", f"{name}=1")][
        : bool(passes)
    ]


@given(
    st.text(max_size=30),
    st.lists(st.tuples(st.text(max_size=10), st.text(max_size=30)), max_size=4),
)
def test_no_wsgi_text_raises(status: str, pairs: list[tuple[str, str]]) -> None:
    """Any text as status and headers, latin-1 or not, gets through or is dropped, never raises."""
    sent: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, pairs)
        return []

    behind_wsgi(GATE, app)({"HTTP_COOKIE": status}, lambda *args: sent.append(args))
    ((safe_status, kept),) = sent
    for text in (safe_status, *(part for pair in kept for part in pair)):
        assert not {*text} & {"\r", "\n", "\0"}
