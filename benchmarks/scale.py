"""What grows and what does not: headers, declared cookies, and names and tokens without end."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import count, repeat
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from benchmarks import asgi, material, wsgi
from benchmarks.measure import QUICK, Batch, Effort, Spread, overheads, paired_times, ratios
from benchmarks.tables import MICRO, Table
from consentgate import ConsentGate, Cookie, Policy

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_NUMBERS = (1, 10, 100)
_SIZES = (10, 1_000, 10_000)
_MEGA = 2**20


def headers_table(effort: Effort) -> Table:
    """Measure responses with more and more Set-Cookie headers, of a visitor who has answered."""
    gate = material.new_gate()
    visit = asgi.scope(material.cookie_header(material.new_token(gate)))
    found: dict[str, Batch] = {}
    for number in _NUMBERS:
        cookies = [("set-cookie", f"_ga_{i}=1; Path=/; Max-Age=63072000") for i in range(number)]
        app = asgi.bare([*material.HEADERS, *cookies])
        found[f"bare {number}"] = asgi.batch(app, repeat(visit))
        found[f"gate {number}"] = asgi.batch(gate.asgi(app), repeat(visit))
    times = paired_times(found, effort)
    rows = []
    for number in _NUMBERS:
        over = Spread.of(overheads(times, f"bare {number}")[f"gate {number}"])
        micro = over.median * MICRO
        rows.append([str(number), f"{micro:.1f}", f"{micro / number:.2f}"])
    return Table(
        "Set-Cookie headers in a response (ASGI, known token)",
        ["Set-Cookie", "µs over bare", "µs each"],
        rows,
        ["goal: linear"],
    )


def declared_table(effort: Effort) -> Table:
    """Measure a response with three cookies under smaller and larger policies."""
    found: dict[str, Batch] = {}
    for kind, star in (("exact", ""), ("patterns", "*")):
        for size in _SIZES:
            cookies = [Cookie(f"c{i}{star}") for i in range(size)]
            gate = ConsentGate(Policy(cookies), secret_key=material.KEY)
            for fresh in ("same names",) if not star else ("same names", "new names"):
                found[f"{kind}, {fresh}: {size:,}"] = _declared(gate, fresh)
    bare = {"bare app": asgi.batch(asgi.bare(material.HEADERS), repeat(asgi.scope()))}
    over = overheads(paired_times({**bare, **found}, effort), "bare app")
    rows = []
    for name, seconds in over.items():
        smallest = ratios(over, f"{name.partition(':')[0]}: {_SIZES[0]}")[name]
        micro = Spread.of(seconds).median * MICRO
        rows.append([name, f"{micro:.2f}", f"{Spread.of(smallest).median:.2f}"])
    return Table(
        "Declared cookies (ASGI, three Set-Cookie)",
        ["declared", "µs over bare", f"times {_SIZES[0]} declared"],
        rows,
        ["goal: flat, 1.0 times"],
    )


def _declared(gate: ConsentGate, names: str) -> Batch:
    fixed = asgi.encoded([("set-cookie", f"c{i}=1; Path=/") for i in (1, 5, 9)])
    plain = asgi.encoded(material.HEADERS)
    numbers = count()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        cookies = fixed
        if names == "new names":
            number = next(numbers)
            cookies = [(b"set-cookie", b"c%d_%d=1; Path=/" % (i, number)) for i in (1, 5, 9)]
        start = {"type": "http.response.start", "status": 200, "headers": [*plain, *cookies]}
        await send(start)
        await send({"type": "http.response.body", "body": b"hello"})

    return asgi.batch(gate.asgi(app), repeat(asgi.scope()))


def memory_table(effort: Effort) -> Table:
    """Let names and tokens arrive that were never seen, and watch the memory."""
    marks = (10_000, 50_000) if effort is QUICK else (10_000, 100_000, 1_000_000)
    gate = material.new_gate()
    rows, done = [], 0
    for mark in marks:
        _visits(gate, done, mark)
        done = mark
        gc.collect()
        rows.append([f"{done:,}", f"{sys.getallocatedblocks():,}", _resident()])
    return Table(
        "Distinct cookie names, header names and tokens",
        ["so many of each", "memory blocks", "resident MiB"],
        rows,
        ["goal: bounded"],
    )


def _visits(gate: ConsentGate, first: int, last: int) -> None:
    """Answer visitors with a token each, where each response sets two cookies of new names."""
    numbers = iter(range(first, last))

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        number = next(numbers)
        headers = [
            (f"x-{number}", "1"),
            ("set-cookie", f"_ga_{number}=1"),
            ("set-cookie", f"undeclared_{number}=1"),
        ]
        start_response("200 OK", headers)
        return []

    gated = gate.wsgi(app)
    for _ in range(first, last):
        cookie = f"cookies_preferences={material.new_token(gate)}"
        gated(wsgi.environ(cookie), wsgi.start_response)


def _resident() -> str:
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return "unknown here"
    pages = int(statm.read_text().split()[1])
    return f"{pages * os.sysconf('SC_PAGE_SIZE') / _MEGA:.1f}"


def tables(effort: Effort) -> Iterator[Table]:
    """Measure all of it."""
    yield headers_table(effort)
    yield declared_table(effort)
    yield memory_table(effort)
