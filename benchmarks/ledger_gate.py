"""What a ledger costs where nobody chooses: a request, and the import of the package."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks import asgi, material, wsgi
from benchmarks.measure import QUICK, Batch, Effort, Spread, overheads, paired_times, ratios
from benchmarks.tables import MICRO, Table
from consentgate import ConsentGate
from consentgate.ledger import Ledger

_BARE, _WITH, _WITHOUT, _AGAIN = "bare app", "with", "without", "without, once more"
_MILLI = 1e3
_IMPORTS = {
    "Python, and nothing imported": "",
    "import consentgate": "import consentgate",
    "import consentgate, where the extra is not installed": (
        "import sys; sys.modules.update(sqlalchemy=None, alembic=None); import consentgate"
    ),
}
_CHECK = (
    "import sys; from consentgate import ConsentGate, Policy; "
    "ConsentGate(Policy.allow('session'), secret_key='a key that all know, for benchmarks'); "
    "assert not {'sqlalchemy', 'alembic'} & sys.modules.keys()"
)


def request_table(effort: Effort) -> Table:
    """Run the same requests through a gate with a ledger and through two without one."""
    rows = []
    with TemporaryDirectory() as folder:
        for title, scenario in _scenarios(Path(folder) / "consent.db").items():
            over = overheads(paired_times(scenario, effort), _BARE)
            micro = {name: Spread.of(over[name]).median * MICRO for name in (_WITHOUT, _WITH)}
            times = {
                name: f"{Spread.of(seconds).median:.2f}"
                for name, seconds in ratios(over, _WITHOUT).items()
            }
            cells = (f"{micro[_WITHOUT]:.2f}", f"{micro[_WITH]:.2f}", times[_WITH], times[_AGAIN])
            rows.append([title, *cells])
    return Table(
        "The ledger: what a request pays that makes no choice",
        ["request", "µs without", "µs with a ledger", "times", "times, without once more"],
        rows,
        ["goal: 1.00 times, within what two gates without a ledger differ by"],
    )


def _gates(path: Path) -> dict[str, ConsentGate]:
    ledger = Ledger(f"sqlite:///{path}")
    return {
        _WITHOUT: material.new_gate(),
        _WITH: ConsentGate(material.POLICY, secret_key=material.KEY, ledger=ledger),
        _AGAIN: material.new_gate(),
    }


def _scenarios(path: Path) -> dict[str, dict[str, Batch]]:
    return {
        f"{name}, {visit}": scenario(path, known=visit == "known token")
        for name, scenario in (("WSGI", _over_wsgi), ("ASGI", _over_asgi))
        for visit in ("no token", "known token")
    }


def _over_wsgi(path: Path, *, known: bool) -> dict[str, Batch]:
    app = wsgi.bare([*material.HEADERS, *material.THREE_COOKIES])
    found = {_BARE: wsgi.batch(app, repeat(wsgi.environ(_cookie(known=known))))}
    for name, gate in _gates(path).items():
        visit = wsgi.environ(_cookie(known=known))
        found[name] = wsgi.batch(gate.wsgi(app), repeat(visit))
    return found


def _over_asgi(path: Path, *, known: bool) -> dict[str, Batch]:
    app = asgi.bare([*material.HEADERS, *material.THREE_COOKIES])
    found = {_BARE: asgi.batch(app, repeat(asgi.scope(_cookie(known=known))))}
    for name, gate in _gates(path).items():
        visit = asgi.scope(_cookie(known=known))
        found[name] = asgi.batch(gate.asgi(app), repeat(visit))
    return found


def _cookie(*, known: bool) -> str:
    """Return the cookies of a visitor who has answered, or has not; every gate has the same key."""
    gate = material.new_gate()
    cookie = material.cookie_header(material.new_token(gate) if known else None)
    return material.checked(gate, cookie) if known else cookie


def import_table(effort: Effort) -> Table:
    """Start Python anew, and import the package with SQLAlchemy to be had and without."""
    _run(_CHECK)
    runs = 5 if effort is QUICK else 25
    times: dict[str, list[float]] = {name: [] for name in _IMPORTS}
    for _ in range(runs):
        for name, code in _IMPORTS.items():
            times[name].append(_seconds(partial(_run, code)))
    rows = [
        [name, f"{min(seconds) * _MILLI:.0f}", f"{median(seconds) * _MILLI:.0f}"]
        for name, seconds in times.items()
    ]
    return Table(
        "The ledger: what an import costs that does not use it",
        ["a process that does", "ms at best", "ms, median"],
        rows,
        ["a gate without a ledger imports neither SQLAlchemy nor Alembic: that was looked at"],
    )


def _run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603  # code of our own


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def tables(effort: Effort) -> Iterator[Table]:
    """Measure both."""
    yield request_table(effort)
    yield import_table(effort)
