"""A thread of its own for what may block, fed by a queue that does not grow."""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Lock, RLock, Thread, get_ident
from time import monotonic
from typing import NamedTuple

logger = logging.getLogger("consentgate")

LIMIT = 10_000
"""How many jobs wait at most; what comes then is dropped."""
LAST_SECONDS = 1.0
"""How long the end of the process waits for what is still to be told."""


class Job(NamedTuple):
    """Something to call, on whose behalf, and what to release when it is done."""

    call: Callable[[], object]
    observer: object
    done: Lock | None = None


class Worker:
    """Does jobs one by one, in order, in the process that it was made in.

    The thread starts with the first job. It does not keep the interpreter from
    exiting, and between jobs it knows nobody: whoever owns it can be collected,
    and says `stop` then.
    """

    def __init__(self) -> None:
        self.process = os.getpid()
        self.dropped = 0
        # Its `put` may be interrupted by another in the same thread, as a collector's or a
        # signal's call does; queue.Queue would wait for itself. It has no bound of its own.
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = RLock()
        self._thread: Thread | None = None

    @property
    def is_current(self) -> bool:
        """Whether the caller is a job of this very worker: waiting would be for itself."""
        return self._thread is not None and self._thread.ident == get_ident()

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return self._jobs.qsize()

    def take(self, job: Job) -> bool:
        """Queue a job; tell whether there was room, and a thread to be had."""
        if self._jobs.qsize() >= LIMIT:
            self._drop(job, f"{LIMIT} wait already")
            return False
        if self._thread is None and not self._start():
            self._drop(job, "no thread can be started")
            return False
        self._jobs.put(job)
        return True

    def flush(self, seconds: float) -> bool:
        """Wait until what was taken so far is done; tell whether it was, in this time."""
        if self._thread is None or not self._thread.is_alive():
            return self.waiting == 0
        if self.is_current:
            return False
        done = Lock()
        done.acquire()  # the thread releases it
        self._jobs.put(Job(_nothing, None, done))
        return done.acquire(timeout=max(seconds, 0))

    def stop(self, last: Callable[[], object] | None = None) -> None:
        """End the thread behind what was taken so far, and behind `last`. Waits for nothing."""
        if self._thread is not None and self.process == os.getpid():
            if last is not None:
                self._jobs.put(Job(last, last))
            self._jobs.put(None)

    def join(self, seconds: float) -> bool:
        """Wait for the end of the thread; tell whether it came, in this time."""
        thread = self._thread
        if thread is not None and self.process == os.getpid() and not self.is_current:
            thread.join(seconds)
            return not thread.is_alive()
        return thread is None

    def _start(self) -> bool:
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="consentgate-observer", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:  # the system has no more of them, or the interpreter ends
                    self._thread = None
                    return False
        return True

    def _run(self) -> None:
        _running.add(self)
        try:
            # By an argument: a variable would keep the last job, and whose request it was.
            while _done(self._jobs.get()):
                pass
        finally:
            _running.discard(self)

    def _drop(self, job: Job, why: str) -> None:
        with self._lock:
            self.dropped += 1
            first = self.dropped == 1
        if first:
            logger.warning("observer %r does not hear of every event: %s", job.observer, why)


_running: set[Worker] = set()


def _nothing() -> None:
    pass


def _done(job: Job | None) -> bool:
    """Do a job, whatever comes of it; tell whether there may be another."""
    if job is None:
        return False
    try:
        job.call()
    except BaseException:  # SystemExit too: it would end this thread, and nothing else
        with suppress(BaseException):  # a filter of the log, or a name that cannot be shown
            logger.exception("observer %r failed; the response goes on", job.observer)
    finally:
        if job.done is not None:
            job.done.release()
    return True


@atexit.register
def _flush_all() -> None:
    """Give all workers of this process together a moment for what they still have."""
    end = monotonic() + LAST_SECONDS
    for worker in tuple(_running):
        if worker.process == os.getpid():
            worker.flush(end - monotonic())
