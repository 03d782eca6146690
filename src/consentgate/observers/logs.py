"""Every event in a log of Python's own (logging), its fields beside the message."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from consentgate.errors import ConsentGateError
from consentgate.observer import LONGEST_PATH, structured

if TYPE_CHECKING:
    from consentgate.observer import Event


class Logging:
    """An observer that logs every event, where the built-in log tells each name once.

    `logger` is a Logger or the name of one, by default `consentgate.events`;
    `level` is that of each record. A record has the event's fields as
    `consentgate_action`, `consentgate_name`, `consentgate_category`,
    `consentgate_path`, `consentgate_reason` and `consentgate_enforced`, for
    formatters that write them.

    `quick=True` logs in the request itself: only where none of the log's
    handlers can block. Otherwise the gate does it on a thread of its own.

    Raises ConsentGateError for what is no log, level or flag.
    """

    def __init__(
        self,
        logger: logging.Logger | str | None = None,
        level: int = logging.INFO,
        *,
        quick: bool = False,
    ) -> None:
        if logger is None or isinstance(logger, str):
            logger = logging.getLogger(logger or "consentgate.events")
        if not isinstance(logger, logging.Logger):
            raise ConsentGateError(
                f"Logging({logger!r}): use the name of a log, or logging.getLogger(name)"
            )
        if type(level) is not int:
            raise ConsentGateError(f"Logging(level={level!r}): use a number, as in logging.INFO")
        if type(quick) is not bool:
            raise ConsentGateError(f"Logging(quick={quick!r}): use True or False")
        self.quick = quick
        self._logger = logger
        self._level = level

    def __repr__(self) -> str:
        return f"Logging({self._logger.name!r})"

    def __call__(self, event: Event) -> None:
        """Log the event."""
        if not self._logger.isEnabledFor(self._level):
            return
        # %r: a name is the app's or a visitor's text, and a log line is one line.
        self._logger.log(
            self._level,
            "%s%s %r%s at %r%s",
            "" if event.enforced else "not enforced: ",
            event.action,
            event.name,
            f" ({event.category})" if event.category else "",
            event.path[:LONGEST_PATH],
            f": {event.reason}" if event.reason else "",
            extra=structured(event, "consentgate_"),
        )
