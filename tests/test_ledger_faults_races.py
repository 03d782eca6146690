"""Two threads, or two processes, at the same moment: orders that real faults meet only by luck."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from threading import Thread

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

import postgres
from consentgate.ledger.desk import Desk
from consentgate.ledger.store import Store
from consentgate.ledger.ticket import Fate, Ticket
from consentgate.ledger.verification import verify
from consentgate.ledger.writing import Writer
from consentgate.proof import Document, Entry
from ledger_faults import opened
from ledger_sequences import sequence_at

_POLICY = Document.of("policy", "r1", "en", "cookies = []")


def entry(id: str) -> Entry:
    """Return a choice for a ledger, made now."""
    now, decisions = time.time(), {"statistics": True}
    order = (id, sequence_at(now), int(now), "granted", decisions, "r1", "en", _POLICY.hash)
    return Entry(*order, "api", "shop.test", {}, (_POLICY,))


@pytest.fixture
def stores() -> Iterator[tuple[Store, Store]]:
    """Open one new ledger on PostgreSQL twice."""
    address = postgres.session_cluster().create_database()
    with opened(address) as one, opened(address) as other:
        yield one, other


def test_two_writers_register_at_once(stores: tuple[Store, Store]) -> None:
    """Of the first two writers one may come between the other's steps, and both are counted."""
    first, second = Writer(stores[0]), Writer(stores[1])
    steps: list[str] = []
    beside = Thread(target=lambda: second.write([entry("second")]))

    @event.listens_for(stores[0].engine, "before_cursor_execute")
    def between(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("SELECT") and re.search(
            "consentgate_(registry|writers)", statement
        ):
            steps.append(statement)
            if len(steps) == 2:
                beside.start()
                beside.join(0.5)  # It may have to wait for what the first one has begun.

    first.write([entry("first")])
    beside.join(10)
    assert len(steps) >= 2
    assert [str(finding) for finding in verify(stores[0])] == []
    assert verify(stores[0]).writers == 2


class Failing(Writer):
    """A writer whose database fails once, and that says when it is asked the next time."""

    def __init__(self, when_asked: Callable[[], object]) -> None:
        self.written: list[Entry] = []
        self._when_asked = when_asked
        self._fails = True

    def write(self, entries: Sequence[Entry], *, again: bool = False) -> None:
        """Take entries; fail as long as nothing was asked."""
        if self._fails:
            raise OperationalError("INSERT", None, Exception("disk full"))
        self.written += entries

    def probe(self) -> None:
        """Answer, and from now on work."""
        self._fails = False
        self._when_asked()

    def those_there(self, entries: Sequence[Entry]) -> list[Entry]:
        """Have none of them."""
        return []


def test_a_refusal_is_kept_while_a_turn_goes_on() -> None:
    """A refusal whose write failed is written later, though it is settled amid the next turn."""
    ticket = Ticket(entry("refusal"))
    writer = Failing(lambda: ticket.settle(Fate.KEPT))
    desk = Desk(writer, None, time.time, lambda: None)
    desk.turn([ticket])
    assert not ticket.wait(0)
    desk.turn([])
    desk.turn([])
    assert [each.id for each in writer.written] == ["refusal"]
