"""A site on several processes, and what its ledger must have of what visitors were told."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

import pytest

import ledger_apps
from consentgate import Choice
from consentgate.ledger.migrating import upgrade
from consentgate.ledger.reading import Record, records_in
from consentgate.ledger.store import Store
from consentgate.ledger.verification import verify
from ledger_visitors import Visitor, worker
from serving import free_port, run_server

SERVERS = ("gunicorn", "uvicorn")
BOUND = 2.0
"""How many seconds the gate waits for its ledger at most (`Ledger.timeout`)."""
SLACK = 2.0
"""What a machine that does other things at once may add to a bound."""

# Two processes each. gunicorn's come from one that has the gate already, uvicorn's make theirs.
_COMMANDS = {
    "gunicorn": "-m gunicorn --bind 127.0.0.1:{port} --workers 2 --threads 24 --log-level error"
    " --graceful-timeout 1 --no-control-socket --preload ledger_apps:wsgi()",
    "uvicorn": "-m uvicorn --port {port} --workers 2 --log-level error --loop asyncio"
    " --timeout-graceful-shutdown 1 --factory ledger_apps:asgi",
}
_NO_DISK = (
    "NO DISK TO FILL: `unshare -rm` (util-linux) may not mount one here, so nothing is shown "
    "about full disks. Run the tests as root, or allow user namespaces."
)
_BACKUP = """\
import sqlite3, sys
from contextlib import closing
with closing(sqlite3.connect(sys.argv[1])) as one, closing(sqlite3.connect(sys.argv[2])) as other:
    one.backup(other)
"""
_PATIENCE = 60.0
"""What a machine without time to spare may need: gunicorn lingers on each connection it closes."""


@contextmanager
def site(
    server: str, ledger: str, *, spool: str | None = None, prefix: Sequence[str] = ()
) -> Iterator[str]:
    """Run two processes of a server with this ledger; yield the site's base URL.

    `prefix` stands before the command, for a program that starts it its own way.
    """
    port = free_port()
    words = _COMMANDS[server].format(port=port).split()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ledger_apps.LEDGER, ledger)
        if spool is not None:
            patch.setenv(ledger_apps.SPOOL, spool)
        with run_server([*prefix, sys.executable, *words], port) as url:
            yield url


class TinyDisk:
    """A file system of four megabytes that only a site sees: its commands mount it for itself.

    That takes root, or a Linux that lets anybody have a namespace (unshare(1)). Where
    neither is, the test is skipped, or failed where CONSENTGATE_REQUIRE is set.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "disk"
        self.path.mkdir()
        self._how = next(filter(self._works, ("-m", "-rm")), None)
        if self._how is None:
            give_up = pytest.fail if os.environ.get("CONSENTGATE_REQUIRE") else pytest.skip
            give_up(_NO_DISK)
        self._pid = 0

    @property
    def prefix(self) -> list[str]:
        """What stands before a command that is to see it."""
        return self._prefix(self._how or "")

    def found_by(self, pid: int) -> None:
        """Take note of a process that sees it."""
        self._pid = pid

    def fill(self) -> None:
        """Leave no byte free."""
        with suppress(OSError), self._filler.open("wb", buffering=0) as filler:
            while filler.write(bytes(4096)):
                pass

    def make_space(self) -> None:
        """Remove what filled it."""
        self._filler.unlink()

    def copy(self, name: str, to: Path) -> None:
        """Copy a database of SQLite from it.

        SQLite follows /proc/<pid>/root as a link, by its text, and so does not
        come there: it has to be run there.
        """
        user = ["-U", "--preserve-credentials"] if self._how == "-rm" else []
        command = ["nsenter", "-t", str(self._pid), "-m", *user, sys.executable, "-c", _BACKUP]
        subprocess.run([*command, str(self.path / name), str(to)], check=True)  # noqa: S603

    @property
    def _filler(self) -> Path:
        return Path(f"/proc/{self._pid}/root") / self.path.relative_to("/") / "filler"

    def _prefix(self, how: str) -> list[str]:
        mount = 'mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@"'
        return ["unshare", how, "sh", "-c", mount, str(self.path)]

    def _works(self, how: str) -> bool:
        command = [*self._prefix(how), "true"]
        with suppress(OSError):
            return subprocess.run(command, capture_output=True, timeout=10).returncode == 0  # noqa: S603
        return False


async def amid_a_kill(url: str, visitors: Sequence[Visitor], after: int) -> None:
    """Have all visitors choose until so many replies are there and a worker is killed.

    SIGKILL, as the kernel does where memory runs out. A worker that had nothing under way
    by then does not count: it may be that the other one took all there was.
    """
    struck = asyncio.Event()
    everybody = asyncio.gather(
        *(visitor.go_on(url, struck.is_set, first=n) for n, visitor in enumerate(visitors))
    )
    while sum(len(visitor.replies) for visitor in visitors) < after:
        await asyncio.sleep(0.001)
    async with asyncio.timeout(_PATIENCE):
        while not any(visitor.cut for visitor in visitors):
            os.kill(await worker(url), signal.SIGKILL)
            await asyncio.sleep(0.1)
    struck.set()
    await everybody


@contextmanager
def opened(ledger: str) -> Iterator[Store]:
    """Open a ledger with the key of the sites, patiently; it is given tables if it has none."""
    store = Store(ledger, ledger_apps.KEY, timeout=20.0)
    try:
        upgrade(store)
        yield store
    finally:
        store.close()


def check(store: Store, visitors: Iterable[Visitor]) -> None:
    """Check that a ledger has what these visitors were told, all of it and exactly once.

    What it has beside that was made void, or is a choice that nobody was told
    anything about, as its connection was cut.
    """
    visitors = list(visitors)
    until(lambda: is_settled(store, visitors))
    findings = verify(store).findings
    assert not findings, findings
    found = _by_id(store)
    more = 0
    for visitor in visitors:
        others, missing = _compared(found.pop(_id_of(visitor), []), visitor.told)
        assert not missing, ("was told, and is not there", missing, visitor)
        assert len(others) <= visitor.cut, (visitor, others)
        more += visitor.cut - len(others)
    # Of a visitor who was never told anything the id is not known.
    unknown = list(chain.from_iterable(_compared(mine, [])[0] for mine in found.values()))
    assert len(unknown) <= more, unknown


def is_settled(store: Store, visitors: Iterable[Visitor]) -> bool:
    """Tell whether a ledger has all that these visitors were told."""
    found = _by_id(store)
    return not any(_compared(found[_id_of(each)], each.told)[1] for each in visitors)


def in_order(store: Store) -> bool:
    """Tell whether each writer wrote what it wrote of one id in the order in which it was made."""
    numbers: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for record in _all(store):
        numbers[record.id, record.writer].append(record.number)
    return all(row == sorted(row) for row in numbers.values())


def _compared(
    records: Sequence[Record], told: Sequence[Choice]
) -> tuple[list[Record], list[Choice]]:
    """Return which records, in the order they were made, are neither told nor made void.

    And what was told that no record is about.
    """
    void = {record.extra["voids"] for record in records if record.action == "void"}
    rest = [r for r in records if r.action != "void" and str(r.sequence) not in void]
    others = []
    waited = list(told)
    for record in rest:
        if waited and _is_of(record, waited[0]):
            waited.pop(0)
        else:
            others.append(record)
    return others, waited


def _is_of(record: Record, choice: Choice) -> bool:
    granted = frozenset(key for key, yes in record.decisions.items() if yes)
    same = (record.id, record.made_at, granted) == (choice.id, choice.made_at, choice.granted)
    # "withdrawn" is also what is less than before, though something is granted still.
    actions = ("granted", "partial", "withdrawn") if granted else ("refused", "withdrawn")
    return same and record.action in actions and record.genuine is True


def _id_of(visitor: Visitor) -> str:
    """Return the id of a visitor's choices, "" for who was never told of one."""
    return visitor.told[0].id if visitor.told else ""


def _by_id(store: Store) -> defaultdict[str, list[Record]]:
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for record in _all(store):
        found[record.id].append(record)
    return found


def _all(store: Store) -> list[Record]:
    with store.reading() as connection:
        return list(records_in(connection, store.marks))


def until(is_so: Callable[[], bool], seconds: float = _PATIENCE) -> bool:
    """Wait until something is so, this long at most; tell whether it is."""
    deadline = time.monotonic() + seconds
    while not (so := is_so()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return so
