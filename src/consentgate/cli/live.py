"""What the gate does, request by request, while an app runs."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from consentgate.cli.console import Styled, say
from consentgate.observer import TOLD, Event, structured

# How each action is marked: a sign, and a style on a terminal.
MARKS = {
    "passed": ("+", "green"),
    "stripped": ("-", "red"),
    "withheld": ("#", "yellow"),
    "expired": ("x", "magenta"),
    "clamped": ("~", "cyan"),
    "blocked": ("!", "red"),
    "guarded": ("!", "yellow"),
    "granted": ("*", "bold"),
    "refused": ("*", "bold"),
    "partial": ("*", "bold"),
    "withdrawn": ("*", "bold"),
}

Show = Callable[[str, str, Sequence[Event]], object]
"""Is told the method and the path of a request, and what the gate said during it."""


class Live:
    """An observer that keeps what the gate says until the request is over, and shows it then.

    Give it to the gate as `observer`, and put `around` around the gated app.
    """

    quick = True

    def __init__(self, show: Show) -> None:
        self.show = show
        self._heard: ContextVar[list[Event]] = ContextVar("heard")

    def __call__(self, event: Event) -> None:
        """Keep an event."""
        self._heard.get([]).append(event)

    def around(self, app: Any) -> Watched:
        """Return an ASGI app: `app`, with what the gate says in it shown."""
        return Watched(app, self)

    def listen(self) -> list[Event]:
        """Return the list into which what is heard from now on, in this context, is put."""
        events: list[Event] = []
        self._heard.set(events)
        return events


class Watched:
    """An ASGI app that is watched. `app` is what it stands around."""

    def __init__(self, app: Any, live: Live) -> None:
        self.app = app
        self._live = live

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the app, and show what the gate said meanwhile."""
        events = self._live.listen()
        try:
            await self.app(scope, receive, send)
        finally:
            method = scope.get("method", scope["type"].upper())
            if events or method == "POST":
                self._live.show(method, scope["path"], events)


def lines(method: str, path: str, events: Sequence[Event]) -> Iterator[Styled]:
    """Yield the lines that tell people what became of a request's cookies."""
    yield _in_one_line(f"{method} {path}")
    for event in events:
        sign, style = MARKS[event.action]
        line = f"  {sign} {event.action:9} {event.name:12} {event.category or '':12}"
        why = f" ({event.reason})" if event.reason else ""
        # A browser tells of a page that it got before.
        where = f" at {event.path}" if event.action in TOLD else ""
        only_told = "" if event.enforced else " [not enforced]"
        yield _in_one_line(line + why + where + only_told).rstrip(), style


def _in_one_line(text: str) -> str:
    """Keep a path or a name, which anybody can choose, from starting a line of its own."""
    return text.replace("\n", "\\n")


def show(method: str, path: str, events: Sequence[Event]) -> None:
    """Print what became of a request's cookies, for people."""
    for line in lines(method, path, events):
        say(line)
    sys.stdout.flush()


def show_json(method: str, _: str, events: Sequence[Event]) -> None:
    """Print what became of a request's cookies, an event a line, for programs."""
    for event in events:
        sys.stdout.write(json.dumps({"method": method, **structured(event)}) + "\n")
    sys.stdout.flush()


@contextmanager
def log_silenced() -> Iterator[None]:
    """Keep the log `consentgate` from saying the same in its own way."""
    log = logging.getLogger("consentgate")
    propagated, handler = log.propagate, logging.NullHandler()
    log.addHandler(handler)
    log.propagate = False
    try:
        yield
    finally:
        log.propagate = propagated
        log.removeHandler(handler)
