"""Events for OpenTelemetry: log records with an event name, in the trace of the request."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from consentgate.errors import ConsentGateError
from consentgate.observer import CHOICES, Reason, structured
from consentgate.observers.relay import Relay

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider

    from consentgate.observer import Event

# What a visitor decides is daily business; so is what passes. The rest is a mistake to mend.
_EXPECTED = (None, Reason.UNANSWERED, Reason.REFUSED)


class OpenTelemetry:
    """An observer that emits each event as a log record of OpenTelemetry.

    Its event name is `consentgate.cookie.` and the action,
    `consentgate.source.blocked` of another site from which nothing was loaded,
    or `consentgate.choice.` and the choice; its attributes are
    `consentgate.action`, `consentgate.name`, `consentgate.category`,
    `consentgate.path`, `consentgate.reason` and `consentgate.enforced`, those
    left out that are None. It belongs to the span in which the request was
    answered. The severity is INFO for what visitors decide and for what passes,
    WARN for what is a mistake to mend.

    `logger_provider` is by default the global one, set up before or after. The
    record is made in the request; a thread hands it to the provider, since what
    exports each record at once may block.

    Raises ConsentGateError where `opentelemetry-api` is missing.
    """

    quick = True

    def __init__(self, logger_provider: LoggerProvider | None = None) -> None:
        try:
            # The package of logs has its underscore until OpenTelemetry calls it stable.
            from opentelemetry import _logs
        except ImportError as error:
            raise ConsentGateError(
                'OpenTelemetry needs its extra: pip install "consentgate[opentelemetry]"'
            ) from error
        if not isinstance(logger_provider, _logs.LoggerProvider | None):
            raise ConsentGateError(
                f"OpenTelemetry({logger_provider!r}): use a LoggerProvider, or leave it out for "
                "the global one"
            )
        logger = _logs.get_logger("consentgate", logger_provider=logger_provider)
        self._record = _logs.LogRecord
        self._severity = _logs.SeverityNumber
        # The relay must not lead back here: its thread would keep both alive.
        self._relay: Relay[_logs.LogRecord] = Relay(logger.emit)

    def __call__(self, event: Event) -> None:
        """Emit the event."""
        kind = "choice" if event.action in CHOICES else "cookie"
        kind = "source" if event.action == "blocked" else kind
        level = self._severity.INFO if event.reason in _EXPECTED else self._severity.WARN
        fields = structured(event, "consentgate.")
        now = time.time_ns()
        # A record takes the span from where it is made: here, not on the thread.
        self._relay(
            self._record(
                timestamp=now,
                observed_timestamp=now,
                severity_number=level,
                severity_text=level.name,
                attributes={key: value for key, value in fields.items() if value is not None},
                event_name=f"consentgate.{kind}.{event.action}",
            )
        )
