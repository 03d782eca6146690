"""What a request brings: few and many cookies, of which none, some or all are withheld."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

from benchmarks import asgi, material
from benchmarks.measure import Batch, Effort, Spread, overheads, paired_times
from benchmarks.tables import MICRO, Table
from consentgate import ConsentGate, Cookie, Policy

_NUMBERS = (4, 40)

POLICY = Policy(
    [
        Cookie("kept*", exemption="interface"),
        Cookie("granted*", "preferences"),
        Cookie("refused*", "statistics"),
    ]
)


def gated(gate: ConsentGate, kinds: list[str]) -> Batch:
    """Return what runs requests with cookies of these kinds through the gate."""
    token = gate.set_cookie_for(gate.choice(["preferences"])).partition(";")[0]
    names = [f"{kind}{number}=0123456789abcdef" for number, kind in enumerate(kinds)]
    visit = asgi.scope("; ".join([token, *names]))
    return asgi.batch(gate.asgi(asgi.bare(material.HEADERS)), repeat(visit))


def mixes(number: int) -> dict[str, list[str]]:
    """Return so many cookies, of the kinds that make a difference."""
    half = number // 2
    return {
        "all necessary": ["kept"] * number,
        "all granted": ["granted"] * number,
        "half undeclared: withheld": ["kept"] * half + ["foreign"] * half,
        "all undeclared: withheld": ["foreign"] * number,
        "one refused: withheld and expired": ["kept"] * (number - 1) + ["refused"],
        "half refused: withheld and expired": ["kept"] * half + ["refused"] * half,
        "all refused: withheld and expired": ["refused"] * number,
    }


def tables(effort: Effort) -> Iterator[Table]:
    """Measure all mixes."""
    gate = ConsentGate(POLICY, secret_key=material.KEY)
    found: dict[str, Batch] = {"bare app": asgi.batch(asgi.bare(material.HEADERS), _nothing())}
    withheld: dict[str, int] = {}
    for number in _NUMBERS:
        for mix, kinds in mixes(number).items():
            name = f"{number} cookies, {mix}"
            found[name] = gated(gate, kinds)
            withheld[name] = sum(kind in ("foreign", "refused") for kind in kinds)
    over = overheads(paired_times(found, effort), "bare app")
    rows = []
    for name, seconds in over.items():
        necessary = f"{name.partition(',')[0]}, all necessary"
        more = Spread.of([own - kept for own, kept in zip(seconds, over[necessary], strict=True)])
        each = f"{more.median * MICRO / withheld[name]:.2f}" if withheld[name] else ""
        rows.append([name, f"{Spread.of(seconds).median * MICRO:.1f}", each])
    yield Table(
        "Cookies in a request (ASGI, known token, nothing set)",
        ["the request brings", "µs over bare", "µs more per cookie withheld"],
        rows,
        ["a browser that is told to forget a cookie does not bring it again: that is paid once"],
    )


def _nothing() -> Iterator[dict[str, object]]:
    return repeat(dict(asgi.scope()))
