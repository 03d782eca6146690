"""The PostgreSQL that other tests use and break does what they think it does."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import make_url

import postgres

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def own() -> Iterator[postgres.Cluster]:
    """Run a server to break."""
    with postgres.cluster() as server:
        yield server


def asked(url: str, *statements: bytes, seconds: int = 5) -> str:
    """Return the value that a database answers to the last one, over a connection of its own."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, connect_timeout=seconds, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        row = cursor.fetchone()
    assert row is not None
    return str(row[0])


def test_each_database_is_new_and_empty() -> None:
    """Databases of the session's server have nothing in common, and go away when asked to."""
    server = postgres.session_cluster()
    one, other = server.create_database(), server.create_database()
    asked(one, b"CREATE TABLE t AS SELECT 1 AS n", b"SELECT 1")
    assert asked(one, b"SELECT count(*) FROM pg_class WHERE relname = 't'") == "1"
    assert asked(other, b"SELECT count(*) FROM pg_class WHERE relname = 't'") == "0"
    for url in (one, other):
        server.drop_database(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        asked(one, b"SELECT 1")


def test_the_server_to_break_syncs_what_it_writes(own: postgres.Cluster) -> None:
    """What a server to break says that it wrote is on the disk."""
    assert asked(own.url, b"SHOW fsync") == "on"
    assert asked(own.url, b"SHOW synchronous_commit") == "on"


@pytest.mark.parametrize("mode", ["smart", "fast", "immediate", "kill"])
def test_what_was_written_is_there_after_a_stop(own: postgres.Cluster, mode: str) -> None:
    """However it ended, the server comes back at the same address with what was committed."""
    url = own.create_database()
    asked(url, b"CREATE TABLE t AS SELECT 7 AS n", b"SELECT 1")
    if mode == "kill":
        own.kill()
    else:
        own.stop(mode)
    with pytest.raises(psycopg.OperationalError, match="refused"):
        asked(url, b"SELECT 1")
    own.start()
    assert asked(url, b"SELECT n FROM t") == "7"


def test_a_paused_server_says_nothing_until_it_goes_on(own: postgres.Cluster) -> None:
    """A paused server takes connections and answers none; then all is as before."""
    own.pause()
    try:
        began = time.monotonic()
        with pytest.raises(psycopg.OperationalError, match="time"):
            asked(own.url, b"SELECT 1", seconds=2)
        assert time.monotonic() - began >= 1
    finally:
        own.resume()
    assert asked(own.url, b"SELECT 1") == "1"
