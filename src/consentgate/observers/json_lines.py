"""Events in a file, a JSON object on each line (JSON Lines), rotated when it is full."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from json import JSONEncoder
from logging.handlers import RotatingFileHandler
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from consentgate.errors import ConsentGateError
from consentgate.observer import structured
from consentgate.observers.relay import Relay

if TYPE_CHECKING:
    from consentgate.observer import Event

logger = logging.getLogger("consentgate")

CLOSING_SECONDS = 5.0

# ASCII only: what some readers take for the end of a line (U+0085, U+2028) is escaped too.
_encoded = JSONEncoder(separators=(",", ":"), check_circular=False).encode


class JsonLines:
    """An observer that appends each event to a file, as a line of JSON.

    The fields of a line are `time` (RFC 3339, in UTC, with milliseconds),
    `action`, `name`, `category`, `path`, `reason` and `enforced`, as in Event.
    `paths=False` leaves `path` out, where it could tell who the visitor is. No
    value of a cookie is ever written.

    `path` is the file's; `{pid}` in it becomes the number of the process:
    several processes should not rotate one file. At `max_bytes` the file
    becomes `path.1`, that one `path.2`, and so on up to `backups` of them.

    A thread writes; a response never waits for it. What finds no room among
    10,000 lines waiting is dropped and counted (`dropped`), and a line that
    cannot be written, as on a full disk, is lost (`lost`); the log
    `consentgate` says so once. `close`, the end of a `with`, or the end of the
    process write what is waiting.

    Raises ConsentGateError for a file that cannot be written.
    """

    quick = True

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        max_bytes: int = 10_000_000,
        backups: int = 5,
        paths: bool = True,
    ) -> None:
        for option, number in (("max_bytes", max_bytes), ("backups", backups)):
            if type(number) is not int or number < 1:
                raise ConsentGateError(f"JsonLines({option}={number!r}): use a number from 1 on")
        if type(paths) is not bool:
            raise ConsentGateError(f"JsonLines(paths={paths!r}): use True or False")
        self._writer = _Writer(_checked(path), max_bytes, backups, paths)
        self._relay = Relay(self._writer, patience=0, at_end=self._writer.close)

    def __repr__(self) -> str:
        return f"JsonLines({self._writer.path!r})"

    def __call__(self, event: Event) -> None:
        """Have the event written, with the time that it is now."""
        self._relay((time.time(), event))

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def dropped(self) -> int:
        """How many events found no room, in this process."""
        return self._relay.dropped

    @property
    def lost(self) -> int:
        """How many lines could not be written, in this process."""
        return self._writer.lost

    def flush(self, seconds: float = CLOSING_SECONDS) -> bool:
        """Wait until all events so far are written; tell whether they were in this time."""
        return self._relay.flush(seconds)

    def close(self) -> None:
        """Write what is waiting, for five seconds at most, and close the file.

        Events that come later are not written.
        """
        self._relay.close(CLOSING_SECONDS)


def _checked(path: object) -> str:
    """Return the path as text. Raises ConsentGateError where no file can be written."""
    text = os.fspath(path) if isinstance(path, (str, PathLike)) else path
    if not isinstance(text, str):
        raise ConsentGateError(f"JsonLines({path!r}): use the path of a file, as in 'events.jsonl'")
    # A relative path stays where it was said: a server may change its folder.
    text = os.path.abspath(text)  # noqa: PTH100  # resolve() would follow links that change
    try:
        with Path(_placed(text)).open("a", encoding="ascii"):
            pass
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConsentGateError(
            f"JsonLines({path!r}): the file cannot be written ({why}); use a path in a folder "
            "that is there and that this process may write to"
        ) from error
    return text


def _placed(path: str) -> str:
    return path.replace("{pid}", str(os.getpid()))


class _Writer:
    """Writes the lines, on the relay's thread. It does not know the observer: see Relay."""

    def __init__(self, path: str, max_bytes: int, backups: int, paths: bool) -> None:
        self.path = path
        self._sizes = max_bytes, backups
        self._paths = paths
        self._file: _File | None = None
        self._process = 0
        self._failures = 0

    def __call__(self, item: tuple[float, Event]) -> None:
        moment, event = item
        fields = structured(event)
        if not self._paths:
            del fields["path"]
        line = _encoded({"time": stamp(moment), **fields})
        self._current().emit(logging.makeLogRecord({"msg": line}))

    @property
    def lost(self) -> int:
        """How many lines could not be written, in this process."""
        return self._file.lost if self._file and self._process == os.getpid() else 0

    def close(self) -> None:
        """Close the file; the next line would open it again."""
        if self._file is not None:
            with suppress(OSError):  # what a full disk did not take is counted already
                self._file.close()

    def _current(self) -> _File:
        """Return the file of this process: another after a fork."""
        if self._file is None or self._process != os.getpid():
            self.close()
            self._file, self._process = _File(_placed(self.path), *self._sizes), os.getpid()
        return self._file


class _File(RotatingFileHandler):
    """A rotating file that is opened anew where somebody moved it, and says once if it fails."""

    def __init__(self, path: str, max_bytes: int, backups: int) -> None:
        super().__init__(
            path, maxBytes=max_bytes, backupCount=backups, encoding="ascii", delay=True
        )
        self.lost = 0

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802  # logging's name
        """Tell whether the file is full, once it is the one that has this name."""
        stream = self.stream
        if stream is not None and not self._is_in_place(stream):
            self.stream = None
            stream.close()  # may fail, on what a full disk did not take
        return bool(super().shouldRollover(record))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # logging's
        """Count the line as lost, and say so of the first one."""
        self.lost += 1
        if self.lost == 1:
            logger.exception("%r cannot be written: events are lost", self.baseFilename)

    def _is_in_place(self, stream: TextIO) -> bool:
        if stream.closed:  # by a rotation that failed half way
            return False
        try:
            found = Path(self.baseFilename).stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(found, os.fstat(stream.fileno()))


def stamp(seconds: float) -> str:
    """Return seconds since the epoch as RFC 3339 has them: `2026-11-25T09:30:00.000Z`."""
    moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds") + "Z"
