"""Faults of a ledger's database, and of processes: what a visitor was told is true all the same.

Each site is two processes of a real server; choices are made by many visitors at once.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

import postgres
from consentgate.ledger.store import Store
from consentgate.ledger.tables import records
from ledger_faults import (
    BOUND,
    SERVERS,
    SLACK,
    TinyDisk,
    amid_a_kill,
    check,
    in_order,
    is_settled,
    opened,
    site,
    until,
)
from ledger_visitors import (
    GRANTING,
    Visitor,
    all_at_once,
    crowd,
    eventually_grants,
    look,
    worker,
)

pytestmark = pytest.mark.server
on_both_servers = pytest.mark.parametrize("server", SERVERS)


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    """Run a PostgreSQL that the tests may break; each leaves it running."""
    with postgres.cluster() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a new ledger, in a file and on a PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/consent.db"
    return prepared(request.getfixturevalue("cluster"))


def prepared(cluster: postgres.Cluster) -> str:
    """Return the address of a new database with the tables of a ledger."""
    address = cluster.create_database()
    with opened(address):
        return address


@pytest.mark.conformance("L6")
@on_both_servers
def test_a_worker_is_killed(server: str, ledger: str) -> None:
    """SIGKILL of a worker amid 1,000 choices costs no choice that a visitor was told of."""
    visitors = [Visitor() for _ in range(1000)]

    async def run(url: str) -> None:
        await amid_a_kill(url, visitors, after=200)
        visitors.append(await eventually_grants(url))

    with site(server, ledger) as url:
        asyncio.run(run(url))
    with opened(ledger) as store:
        check(store, visitors)


@pytest.mark.conformance("L6", "L8")
def test_two_servers_share_a_database(ledger: str) -> None:
    """Two gunicorn and two uvicorn workers write into one ledger, and nobody is put off."""
    visitors: list[Visitor] = []

    async def run(one: str, other: str) -> None:
        halves = crowd(200), crowd(200)
        await asyncio.gather(all_at_once(one, halves[0]), all_at_once(other, halves[1]))
        visitors.extend(visitor for half in halves for visitor, _ in half)
        # Each goes on with the other server: what it holds was said by the first.
        again = [[(v, "withdraw") for v, answer in half if answer != "refuse"] for half in halves]
        await asyncio.gather(all_at_once(other, again[0]), all_at_once(one, again[1]))

    servers = site("gunicorn", ledger), site("uvicorn", ledger)
    with servers[0] as one, servers[1] as other, opened(ledger) as store:
        # One process may take all there is for a while, above all before the other is there.
        for _ in range(10):
            asyncio.run(run(one, other))
            if writers_of(store) == 4:
                break
        check(store, visitors)
        assert writers_of(store) == 4
    assert statuses(visitors) == {200}


@pytest.mark.conformance("L6")
@on_both_servers
def test_the_database_is_stopped_and_started(server: str, cluster: postgres.Cluster) -> None:
    """Without its database a site starts, and refuses; whenever it comes back, all goes on."""
    ledger = prepared(cluster)
    visitors = [Visitor() for _ in range(12)]
    over = asyncio.Event()

    async def run(url: str) -> None:
        away = Visitor()
        assert (await away.choose(url, "accept")).status == 503
        assert (await away.choose(url, "refuse")).status == 200
        chosen = (v.go_on(url, over.is_set, first=n, pause=0.02) for n, v in enumerate(visitors))
        everybody = asyncio.gather(*chosen)
        await asyncio.to_thread(cluster.start)
        visitors.extend([away, await eventually_grants(url)])
        for mode in ("fast", "immediate"):
            await asyncio.to_thread(cluster.restart, mode)
            visitors.append(await eventually_grants(url))
        await asyncio.to_thread(cluster.stop)
        await asyncio.sleep(0.7)
        await asyncio.to_thread(cluster.start)
        visitors.append(await eventually_grants(url))
        over.set()
        await everybody

    with stopped(cluster), site(server, ledger) as url:
        asyncio.run(run(url))
        with opened(ledger) as store:
            check(store, visitors)
    assert statuses(visitors) == {200, 503}
    assert max(reply.seconds for v in visitors for reply in v.replies) < BOUND + SLACK


@pytest.mark.conformance("L6")
@on_both_servers
def test_the_database_stands_still(
    server: str, ledger: str, request: pytest.FixtureRequest
) -> None:
    """While a database hangs grants are put off in time, refusals hold, and pages are served."""
    granting = [Visitor() for _ in range(8)]
    early, late = [Visitor() for _ in range(8)], [Visitor() for _ in range(8)]
    over = asyncio.Event()

    async def run(url: str) -> float:
        # Both processes write, and have a connection.
        await all_at_once(url, [(visitor, "accept") for visitor in early + late])
        pages = asyncio.create_task(look(url, over.is_set))
        with standing_still(ledger, request):
            for refusing, answer in ((early, "refuse"), (late, "withdraw")):
                grants = [(visitor, "accept") for visitor in granting]
                await all_at_once(url, grants + [(visitor, answer) for visitor in refusing])
                await asyncio.sleep(0.3)
        after = await eventually_grants(url)
        late.append(after)
        over.set()
        return await pages

    with site(server, ledger) as url:
        slowest = asyncio.run(run(url))
        with opened(ledger) as store:
            check(store, granting + early + late)
    assert statuses(granting) == {503}
    assert statuses(early + late[:8]) == {200}
    replies = [reply for visitor in granting + early + late for reply in visitor.replies]
    assert max(reply.seconds for reply in replies) < BOUND + SLACK
    assert slowest < BOUND / 2


@pytest.mark.conformance("L6")
@on_both_servers
def test_the_disk_is_full(server: str, tmp_path: Path) -> None:
    """On a full disk grants are put off and refusals hold; with space again both are kept."""
    disk = TinyDisk(tmp_path)
    before, during = crowd(60), crowd(60)
    visitors = [visitor for visitor, _ in before + during]

    async def run(url: str) -> None:
        await all_at_once(url, before)
        disk.found_by(await worker(url))
        disk.fill()
        await all_at_once(url, during)
        disk.make_space()
        visitors.append(await eventually_grants(url))

    def is_copied() -> bool:
        disk.copy("consent.db", tmp_path / "copy.db")
        with opened(copy) as store:
            return is_settled(store, visitors)

    copy = f"sqlite:///{tmp_path}/copy.db"
    with site(server, f"sqlite:///{disk.path}/consent.db", prefix=disk.prefix) as url:
        asyncio.run(run(url))
        assert until(is_copied)
    with opened(copy) as store:
        check(store, visitors)
    for visitor, answer in during:
        assert statuses([visitor]) == {503 if answer in GRANTING else 200}


@pytest.mark.conformance("L6", "L5")
@pytest.mark.parametrize(
    ("server", "drains"), [("gunicorn", "next"), ("uvicorn", "running")], ids=SERVERS
)
def test_the_database_is_gone_for_the_whole_run(
    server: str, drains: str, cluster: postgres.Cluster, tmp_path: Path
) -> None:
    """A spool takes all choices, also amid a SIGKILL, and hands them on in order, each once.

    That is done by the running site, or by the next that is started.
    """
    ledger, spool = prepared(cluster), str(tmp_path / "spool.db")
    visitors = [Visitor() for _ in range(300)]

    async def run(url: str) -> None:
        await amid_a_kill(url, visitors, after=100)
        again = [visitor for visitor in visitors if visitor.told]
        await all_at_once(url, [(v, "withdraw" if v.told[-1].granted else "save") for v in again])

    with stopped(cluster):
        with site(server, ledger, spool=spool) as url:
            asyncio.run(run(url))
            if drains == "running":
                cluster.start()
                with opened(ledger) as store:
                    check(store, visitors)
        cluster.start()
        with site(server, ledger, spool=spool) as url, opened(ledger) as store:
            visitors.append(asyncio.run(eventually_grants(url)))
            check(store, visitors)
            assert in_order(store)
    assert statuses(visitors) == {200, 0}


@pytest.mark.conformance("L6")
def test_the_spools_disk_is_full(cluster: postgres.Cluster, tmp_path: Path) -> None:
    """Where the spool is full, too, grants are put off until the disk or the database is back."""
    ledger, disk = prepared(cluster), TinyDisk(tmp_path)
    spooled, during = crowd(30), crowd(30)
    visitors = [visitor for visitor, _ in spooled + during]

    async def run(url: str) -> None:
        await all_at_once(url, spooled)
        disk.found_by(await worker(url))
        disk.fill()
        await all_at_once(url, during)
        await asyncio.to_thread(cluster.start)
        # The database is what matters then, to either process.
        visitors.append(await eventually_grants(url, in_a_row=20))
        disk.make_space()
        visitors.append(await eventually_grants(url))

    spool = f"{disk.path}/spool.db"
    with stopped(cluster), site("gunicorn", ledger, spool=spool, prefix=disk.prefix) as url:
        asyncio.run(run(url))
        with opened(ledger) as store:
            check(store, visitors)
    assert statuses(visitor for visitor, _ in spooled) == {200}
    for visitor, answer in during:
        assert statuses([visitor]) == {503 if answer in GRANTING else 200}


def writers_of(store: Store) -> int:
    """Return how many writers have records in a ledger."""
    with store.reading() as connection:
        written = connection.execute(select(func.count(func.distinct(records.c.writer))))
        return int(written.scalar_one())


def statuses(visitors: Iterable[Visitor]) -> set[int]:
    """Return how these visitors were answered, 0 where a connection was cut."""
    return {reply.status for visitor in visitors for reply in visitor.replies}


@contextmanager
def stopped(cluster: postgres.Cluster, mode: str = "fast") -> Iterator[None]:
    """Have the server stopped until somebody starts it, or to the end."""
    cluster.stop(mode)
    try:
        yield
    finally:
        cluster.start()


@contextmanager
def standing_still(ledger: str, request: pytest.FixtureRequest) -> Iterator[None]:
    """Pause the server of a ledger; of a file, hold the lock without which nobody writes."""
    path = ledger.removeprefix("sqlite:///")
    if path == ledger:
        running: postgres.Cluster = request.getfixturevalue("cluster")
        running.pause()
        try:
            yield
        finally:
            running.resume()
    else:
        with closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            yield
