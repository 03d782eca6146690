"""Visitors who choose, many at once, over connections of their own, and what they were told.

A choice is *told* where the head of a response reached its visitor with a consent cookie
that verifies, *put off* where the answer was 503, and *cut* where the connection ended
before a head was there.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import NamedTuple
from urllib.parse import urlsplit

import ledger_apps
from consentgate import Choice
from consentgate.token import TokenSigner

_BODIES = {
    "accept": b'{"answer": "accept"}',
    "save": b'{"answer": "save", "allow": {"statistics": true}}',
    "refuse": b'{"answer": "refuse"}',
    "withdraw": b'{"answer": "withdraw"}',
}
GRANTING = ("accept", "save")
"""The answers that grant something."""

# Each changes what the one before decided: what is held already is not recorded again.
_ROUND = ("accept", "withdraw", "save", "refuse")
_PATIENCE = 60.0
_COOKIE = re.compile(rb"(?i)^set-cookie: *(cookies_preferences=[^;\r]+)", re.MULTILINE)
_tokens = TokenSigner(ledger_apps.KEY, ledger_apps.COOKIE_NAME)


class Reply(NamedTuple):
    """What came back of a choice: `status` is 0 where the connection was cut."""

    answer: str
    status: int
    choice: Choice | None
    seconds: float

    @property
    def grants(self) -> bool:
        """Whether a cookie came back that grants anything."""
        return self.choice is not None and bool(self.choice.granted)


@dataclass
class Visitor:
    """A browser: it sends its consent cookie along, and keeps the one that comes back."""

    cookie: bytes = b""
    replies: list[Reply] = field(default_factory=list)

    @property
    def told(self) -> list[Choice]:
        """The choices that this visitor knows to be kept, in order."""
        return [reply.choice for reply in self.replies if reply.choice is not None]

    @property
    def cut(self) -> int:
        """How many choices nobody told this visitor anything about."""
        return sum(reply.status == 0 for reply in self.replies)

    async def choose(self, url: str, answer: str) -> Reply:
        """Send a choice to a site, as its own page does, and note what came back."""
        began = time.monotonic()
        path, body = "/cookies/choice.json", _BODIES[answer]
        head = _head(await _answered(url, "POST", path, self.cookie, body))
        status, found = _status(head), _COOKIE.search(head)
        choice = _tokens.read(found[1].partition(b"=")[2]) if found else None
        reply = Reply(answer, status, choice, time.monotonic() - began)
        assert self._may_get(reply), (self, head)
        self.cookie = found[1] if found else self.cookie
        self.replies.append(reply)
        return reply

    def _may_get(self, reply: Reply) -> bool:
        """Tell whether a reply is one of those that there can be."""
        if reply.choice is None:
            # What is held already is not said again: after a grant that was put off.
            refused = bool(self.told) and not self.told[-1].granted
            return reply.status != 200 or (reply.answer not in GRANTING and refused)
        return reply.status == 200 and reply.grants == (reply.answer in GRANTING)

    async def go_on(
        self, url: str, until: Callable[[], bool], *, first: int = 0, pause: float = 0.0
    ) -> None:
        """Choose one thing after the other, once at least, until it is said to be enough."""
        for answer in islice(cycle(_ROUND), first % len(_ROUND), None):
            await self.choose(url, answer)
            if until():
                return
            await asyncio.sleep(pause)


def crowd(size: int) -> list[tuple[Visitor, str]]:
    """Return so many new visitors, each with a first choice: three kinds in turn."""
    return [(Visitor(), answer) for answer in islice(cycle(("accept", "refuse", "save")), size)]


async def worker(url: str) -> int:
    """Return the number of the process that answers now."""
    while not (body := (await _answered(url, "GET", "/")).rpartition(b"\r\n\r\n")[2]):
        await asyncio.sleep(0.05)  # It was killed before it could.
    return int(body)


async def look(url: str, until: Callable[[], bool]) -> float:
    """Ask for another page all the time; return how many seconds the slowest answer took."""
    slowest = 0.0
    while not until():
        began = time.monotonic()
        assert _status(_head(await _answered(url, "GET", "/"))) == 200
        slowest = max(slowest, time.monotonic() - began)
        await asyncio.sleep(0.05)
    return slowest


async def eventually_grants(url: str, *, in_a_row: int = 1, within: float = 15.0) -> Visitor:
    """Have a visitor accept and withdraw until so many grants in a row held.

    Raises TimeoutError if they never do.
    """
    visitor, held = Visitor(), 0
    async with asyncio.timeout(within):
        while held < in_a_row:
            grants = (await visitor.choose(url, "accept")).grants
            held = held + 1 if grants else 0
            if grants and held < in_a_row:
                await visitor.choose(url, "withdraw")
            await asyncio.sleep(0 if grants else 0.1)
    return visitor


async def all_at_once(url: str, choices: Sequence[tuple[Visitor, str]]) -> None:
    """Have all of these choices made at the same time."""
    await asyncio.gather(*(visitor.choose(url, answer) for visitor, answer in choices))


async def _answered(
    url: str, method: str, path: str, cookie: bytes = b"", body: bytes = b""
) -> bytes:
    """Return all that a server sends until it closes, or until the connection is cut."""
    address = urlsplit(url)
    request = (
        f"{method} {path} HTTP/1.1\r\nHost: {address.netloc}\r\nOrigin: {url}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n"
    ).encode()
    request += b"Cookie: " + cookie + b"\r\n\r\n" if cookie else b"\r\n"
    data = b""
    async with asyncio.timeout(_PATIENCE):
        with suppress(ConnectionError):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            try:
                writer.write(request + body)
                while more := await reader.read(65536):
                    data += more
            finally:
                writer.close()
    return data


def _head(data: bytes) -> bytes:
    """Return the head of a response, b"" where it is not whole: then nothing of it counts."""
    head, blank, _ = data.partition(b"\r\n\r\n")
    return head if blank else b""


def _status(head: bytes) -> int:
    return int(head.split(b" ", 2)[1]) if head else 0
