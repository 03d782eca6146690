"""Between a response and an observer: one that raises or blocks never hurts a response."""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

from consentgate.observer import Observer
from consentgate.observers.worker import Job, Worker

logger = logging.getLogger("consentgate")

Item = TypeVar("Item")

PATIENCE = 1.0
"""How many seconds responses wait for an observer, over the relay's life."""
LONGEST_WAIT = 0.25
"""How many seconds a call waits at most."""
FREE = 0.001
"""A wait up to so many seconds takes nothing of the patience."""
CONTEXTS = 100
"""With more events than these waiting, a new one is told in an empty context.

A context keeps what the request left in it, such as the request itself.
"""


def relayed(observer: Observer) -> Observer:
    """Return what a gate can call instead of an observer, without harm.

    An observer that says of itself `quick = True` is called as it is, in the
    request. Any other is called on a thread of its own, in a copy of the
    request's context (contextvars). The caller waits until the observer has
    heard, as long as its patience lasts: 0.25 seconds a call, and about a second
    in all, calls of less than a millisecond not counted. Then nobody waits any
    more, and the events still arrive, in order. At most 10,000 of them wait;
    what comes then is dropped, counted, and said once in the log `consentgate`.
    """
    return observer if getattr(observer, "quick", False) is True else Relay(observer)


class Relay(Generic[Item]):
    """Hands items to an observer on a thread: one in each process, started by the first item.

    `patience` is how many seconds the callers wait in all, 0 for not at all.
    `at_end` is called on the thread when the relay is closed or collected, and
    all items are told; it must not know the relay.
    """

    quick = True

    def __init__(
        self,
        observer: Callable[[Item], object],
        *,
        patience: float = PATIENCE,
        at_end: Callable[[], object] | None = None,
    ) -> None:
        self._observer = observer
        self._patience = patience
        self._at_end = at_end
        self._closed = False
        self._workers: dict[int, Worker] = {}

    def __repr__(self) -> str:
        return f"<Relay of {self._observer!r}>"

    def __call__(self, item: Item) -> None:
        """Hand on an item; wait until it was heard, as long as the patience lasts."""
        worker = self._worker()
        if self._closed:
            return
        context = copy_context() if worker.waiting < CONTEXTS else Context()
        call = partial(context.run, self._observer, item)
        if self._patience <= 0 or worker.is_current:
            worker.take(Job(call, self._observer))
            return
        heard = Lock()
        heard.acquire()  # the worker releases it
        if worker.take(Job(call, self._observer, heard)):
            self._wait(heard)

    @property
    def dropped(self) -> int:
        """How many items found no room, in this process."""
        return self._worker().dropped

    def flush(self, seconds: float) -> bool:
        """Wait until what came so far is told; tell whether it was, in this time."""
        return self._worker().flush(seconds)

    def close(self, seconds: float) -> bool:
        """Tell what came so far and no more; tell whether that was done in this time."""
        self._closed = True
        worker = self._worker()
        worker.stop(self._at_end)
        return worker.join(seconds)

    def _worker(self) -> Worker:
        """Return the worker of this process. Those of another did not survive the fork."""
        process = os.getpid()
        worker = self._workers.get(process)
        if worker is None:
            # Two threads may come here at once: the dict decides, and no lock, which a fork
            # could have caught locked.
            mine = Worker()
            worker = self._workers.setdefault(process, mine)
            if worker is mine:
                weakref.finalize(self, worker.stop, self._at_end).atexit = False
                self._workers = {process: worker}
        return worker

    def _wait(self, heard: Lock) -> None:
        start = monotonic()
        heard.acquire(timeout=min(max(self._patience, 0), LONGEST_WAIT))
        took = monotonic() - start
        if took >= FREE:
            before = self._patience
            self._patience = before - took
            if self._patience <= 0 < before:
                logger.info("observer %r is slow: no response waits for it", self._observer)
