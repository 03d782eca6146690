"""Compares what Chromium stores from a response with what it stores from it through the gate.

Chromium alone says what a line stores: nothing here reads a Set-Cookie line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

import pytest

from adapters import KEY, Adapter, Reply, Visit
from browsing import RawServer, Request, Tab, response
from consentgate import ConsentGate, Cookie, Policy
from set_cookie_lines import ALLOWED, SITE

ROOT = "lines.localhost"  # Chromium resolves it itself, and trusts it with Secure cookies.
CAPACITY = 100  # A browser keeps some 180 cookies for one site.
RAW = "raw"  # Not through a gate. The other ways are "wsgi" and "asgi".

POLICY = Policy([*(Cookie(name) for name in ALLOWED), Cookie("_ga*", "statistics")])


def is_allowed(name: str) -> bool:
    r"""Tell whether a cookie of this name may be stored before consent.

    A pattern stands for names that can be declared: visible ASCII without `,` `"` and `\`.
    """
    declarable = all("!" <= character <= "~" and character not in ',"\\' for character in name)
    return declarable and any(fnmatchcase(name, allowed) for allowed in ALLOWED)


Jar = list[dict[str, Any]]
"""The cookies of one host. Names and values have one character per byte; "" is no name."""


def is_clean(jar: Jar) -> bool:
    """Tell whether there is nothing in the jar that may not be stored before consent."""
    return all(is_allowed(cookie["name"]) for cookie in jar)


def allowed(jar: Jar) -> Jar:
    """Return the cookies that may be stored before consent."""
    return [cookie for cookie in jar if is_allowed(cookie["name"])]


def is_same(jar: Jar, other: Jar) -> bool:
    """Tell whether these are the same cookies, but for the seconds between two runs."""
    timeless = [{**c, "expires": pytest.approx(c["expires"], abs=60)} for c in jar]
    return timeless == other


def is_exact(cookie: dict[str, Any]) -> bool:
    """Tell whether all bytes are there: the developer tools leave out what is not UTF-8."""
    return bool(cookie["size"] == len((cookie["name"] + cookie["value"]).encode()))


def exact(cookie: dict[str, Any], pairs: Sequence[bytes]) -> dict[str, Any]:
    """Return a cookie with its bytes, from what it is sent back as if need be."""
    pair = b"%b=%b" % (cookie["name"].encode(), cookie["value"].encode())
    if not is_exact(cookie):
        [pair] = {pair for pair in pairs if len(pair) - (b"=" in pair) == cookie["size"]}
    name, equals, value = pair.decode("latin-1").partition("=")
    return {**cookie, "name": name if equals else "", "value": value if equals else name}


class Laboratory:
    """Serves each reply at a host of its own, so that none meets another one's cookies."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.gate = ConsentGate(POLICY, secret_key=KEY)
        self.replies: Sequence[Reply] = ()
        self.left: dict[int, list[bytes]] = {}
        self.sent_back: dict[int, list[bytes]] = {}
        self.server = RawServer(self.respond)

    @contextmanager
    def open(self) -> Iterator[Laboratory]:
        """Serve, and show a page on the domain above all the hosts: they are one site."""
        with self.server.running():
            self.tab.page.goto(f"http://{ROOT}:{self.server.port}/")
            yield self

    def respond(self, request: Request) -> bytes:
        """Send a host's reply, or note the cookies that the host gets back."""
        if request.host == ROOT:
            return response(200, [])
        number = number_of(request.host)
        way = request.target.partition("?")[2]
        if way == "probe":
            self.sent_back[number] = request.headers.get("cookie", b"").split(b"; ")
            return response(200, [])
        reply = self.replies[number]
        headers = [(name, at_site(value, number)) for name, value in reply.headers]
        if way != RAW:
            reply = Reply(headers, reply.status, ())
            visit = Visit(path="/app/deep/page", strict=False)
            headers = Adapter(way)(self.gate, lambda _: reply, visit).headers
        self.left[number] = [value for name, value in headers if name.lower() == b"set-cookie"]
        return response(reply.status, headers)

    def send(self, replies: Sequence[Reply], way: str) -> list[bool]:
        """Have the browser fetch each reply from its host; tell which ones it took."""
        assert len(replies) <= CAPACITY
        self.replies = replies
        return self.tab.fetch(self.urls(way))

    def send_lines(self, lines: Sequence[bytes], way: str) -> list[bool]:
        """Send each of these Set-Cookie values to a host of its own."""
        return self.send([Reply([(b"Set-Cookie", line)]) for line in lines], way)

    def jars(self) -> list[Jar]:
        """Return what each host has stored."""
        jars: list[Jar] = [[] for _ in self.replies]
        cookies = sorted(self.tab.jar(), key=lambda cookie: str(cookie["name"]))
        self.probe({number_of(cookie["domain"]) for cookie in cookies if not is_exact(cookie)})
        for cookie in cookies:
            number = number_of(cookie["domain"])
            jars[number].append(exact(cookie, self.sent_back.get(number, ())))
        return jars

    def probe(self, numbers: Iterable[int]) -> None:
        """Learn what these hosts get back, byte for byte."""
        urls = self.urls("probe")
        assert all(self.tab.fetch([urls[number] for number in numbers]))

    def emptied_jars(self) -> list[Jar]:
        """Return what each host has stored, and empty the jars."""
        jars = self.jars()
        self.tab.clear()
        return jars

    def urls(self, query: str) -> list[str]:
        """Return the URL of each host, below every path that the lines name."""
        hosts = [f"www.h{number}.{ROOT}:{self.server.port}" for number in range(len(self.replies))]
        return [f"http://{host}/app/deep/page?{query}" for host in hosts]


def at_site(value: bytes, number: int) -> bytes:
    """Put the domain of a host in."""
    return value.replace(SITE, f"h{number}.{ROOT}".encode())


def number_of(domain: str) -> int:
    """Return which reply a host, or a cookie's domain, belongs to."""
    return int(domain.lstrip(".").removeprefix("www.").partition(".")[0].removeprefix("h"))
