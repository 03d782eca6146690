"""What the source gate costs: a page for a known visitor, with one more header and without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from timeit import timeit

from benchmarks import asgi, material
from benchmarks.measure import Batch, Effort, paired_times
from benchmarks.tables import MICRO, Table, overhead_table
from consentgate import ConsentGate, Policy, ThirdParty

POLICY = Policy(
    material.POLICY.cookies,
    third_parties=[
        ThirdParty("CDN Ltd", "necessary", hosts=["cdn.example.net"]),
        ThirdParty("Counter Ltd", "statistics", hosts=["*.counter.example", "counter.example"]),
        ThirdParty("Video Ltd", "marketing", hosts=["www.video.example", "*.images.example"]),
    ],
)
_COPIES = 100_000


def contenders() -> dict[str, Batch]:
    """Return the bare app, alone and behind each gate; the visitor granted statistics."""
    app = asgi.bare([*material.HEADERS, *material.THREE_COOKIES])

    def gated(mode: str) -> Batch:
        gate = ConsentGate(POLICY, secret_key=material.KEY, source_gate=mode)
        cookie = material.checked(gate, material.cookie_header(material.new_token(gate)))
        return asgi.batch(gate.asgi(app), repeat(asgi.scope(cookie)))

    scope = asgi.scope(material.cookie_header(None))
    return {
        "bare app": asgi.batch(app, repeat(scope)),
        "no-op": asgi.batch(asgi.NoOp(app), repeat(scope)),
        'source_gate="off"': gated("off"),
        'source_gate="on"': gated("on"),
        'source_gate="report"': gated("report"),
    }


def tables(effort: Effort) -> Iterator[Table]:
    """Measure a page behind each gate."""
    table = overhead_table(
        "The source gate (ASGI, a page, known token, three Set-Cookie)",
        paired_times(contenders(), effort),
    )
    headers = asgi.encoded([*material.HEADERS, *material.THREE_COOKIES])
    copy = timeit(lambda: list(headers), number=_COPIES) / _COPIES
    line = f"one copy of the headers, which the gate makes in any case: {copy * MICRO:.2f} µs"
    yield replace(table, remarks=[*table.remarks, line])
