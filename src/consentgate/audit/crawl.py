"""A crawl: which pages of a site are visited, in which order, and when it ends."""

from __future__ import annotations

import json
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from urllib.parse import urldefrag, urlsplit

from consentgate.audit.sighting import Sighting, merged
from consentgate.errors import ConsentGateError

# A link that ends a session or changes something: nobody presses it to look around. Whole words.
_CHANGING = re.compile(
    r"(?<![a-z])(log-?_?out|log-?_?off|sign-?_?out|sign-?_?off|deconnexion|d%C3%A9connexion|delete|"
    r"destroy|remove|unsubscribe|supprimer|desinscription|cancel)(?![a-z])",
    re.IGNORECASE,
)
# Calendars and filters have no end: of one path, so many different queries are visited.
_QUERIES = 5
_EXTENSIONS = re.compile(r"\.(?:zip|gz|tgz|pdf|exe|dmg|iso|mp4|webm|mp3|csv|xlsx?|docx?)$", re.I)


class NotVisited(ConsentGateError):  # noqa: N818  # it ends a visit, not the crawl
    """A page gave no answer; the message says why."""


class Visit(NamedTuple):
    """What a visit found: where it ended, after redirects, and where it can go on."""

    url: str
    links: tuple[str, ...] = ()


class Visitor(Protocol):
    """Who visits pages, and sees which cookies are set meanwhile."""

    def visit(self, url: str, seconds: float) -> Visit:
        """Visit a page. Raises NotVisited."""

    def accept(self, url: str, asked_at: str) -> bool:
        """Press "accept all" of the site's own consentgate, on a page; tell whether it did.

        Where nothing on the page asks, the answer is sent to `asked_at`, if
        consentgate's pages are there.
        """

    def sightings(self) -> Iterable[Sighting]:
        """Return what was seen so far."""


@dataclass(frozen=True)
class Bounds:
    """How far a crawl goes: in pages, and in seconds."""

    pages: int = 50
    seconds: float = 60.0

    @property
    def half(self) -> Bounds:
        """Half as far."""
        return Bounds(max(1, self.pages // 2), self.seconds / 2)


class Crawl(NamedTuple):
    """What a crawl saw.

    `pages` are those that were visited, `failures` say of others why they were
    not. `left` is how many were known and left out when it ended. `accepted`
    is whether "accept all" was pressed half way, None if that was not asked.
    """

    sightings: tuple[Sighting, ...]
    pages: tuple[str, ...]
    failures: tuple[str, ...] = ()
    left: int = 0
    accepted: bool | None = None


Progress = Callable[[int, int], object]
"""Is told how many pages have been visited, and how many there will be as far as is known."""


class Frontier:
    """The pages that are to be visited, each once, in the order in which they were found."""

    def __init__(self, start: str) -> None:
        self._origin = _origin(start)
        self._waiting: deque[str] = deque()
        self._known: set[str] = set()
        self._queries: Counter[str] = Counter()
        self._admit(_cleaned(start))

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, links: Iterable[str]) -> None:
        """Add those of the links that are on this host, and change nothing there."""
        for link in map(_cleaned, links):
            if link and link not in self._known and self._is_to_be_visited(link):
                self._admit(link)

    def known(self, url: str) -> bool:
        """Note a page where a redirect ended; tell whether it is on this host."""
        self._known.add(_cleaned(url))
        return _origin(url) == self._origin

    def next(self) -> str | None:
        """Return the next page, None if there is none left."""
        return self._waiting.popleft() if self._waiting else None

    def _admit(self, link: str) -> None:
        self._known.add(link)
        self._queries[link.partition("?")[0]] += 1
        self._waiting.append(link)

    def _is_to_be_visited(self, link: str) -> bool:
        parts = urlsplit(link)
        return (
            _origin(link) == self._origin
            and self._queries[link.partition("?")[0]] < _QUERIES
            and not changes(link)
            and not _EXTENSIONS.search(parts.path)
        )


def changes(link: str) -> bool:
    """Tell whether a link looks as if it ended a session or changed something."""
    parts = urlsplit(link)
    return _CHANGING.search(f"{parts.path}?{parts.query}") is not None


def crawl(
    visitor: Visitor,
    start: str,
    bounds: Bounds,
    *,
    accept: str | None = None,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Crawl:
    """Visit the pages of a site, one after the other, from `start` on.

    With `accept` half of the bounds go to the time before consent is given,
    half to the time after it: it is the address of the pages that ask, should
    the first page not. Raises ConsentGateError where the very first page gives
    no answer.
    """
    tell = progress or _nobody
    first = _Round(visitor, start, bounds.half if accept else bounds, tell, clock)
    first.run()
    if not first.pages:
        raise ConsentGateError(f"{start}: no page was visited: {first.failures[0]}")
    rounds, accepted = [first], None
    if accept:
        accepted = visitor.accept(first.pages[0], accept)
        if accepted:
            rounds.append(_Round(visitor, start, bounds.half, tell, clock, first))
            rounds[-1].run()
    return Crawl(
        merged(visitor.sightings()),
        tuple(dict.fromkeys(page for each in rounds for page in each.pages)),
        tuple(dict.fromkeys(failure for each in rounds for failure in each.failures)),
        len(rounds[-1].frontier),
        accepted,
    )


def is_consentgate(state: str) -> bool:
    """Tell whether a text is what consentgate says of a choice, at `choice.json`."""
    try:
        told = json.loads(state)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and {"answered", "allowed", "revision"} <= told.keys()


def _nobody(done: int, known: int) -> None:
    """Tell nobody."""


class _Round:
    """One way through the site, within bounds of its own."""

    def __init__(
        self,
        visitor: Visitor,
        start: str,
        bounds: Bounds,
        progress: Progress,
        clock: Callable[[], float],
        before: _Round | None = None,
    ) -> None:
        self.frontier = Frontier(start)
        self.pages: list[str] = []
        self.failures: list[str] = []
        self._visitor, self._bounds, self._clock = visitor, bounds, clock
        self._progress, self._done = progress, 0
        if before is not None:
            # What was seen before is looked at again, and counted on from there.
            self.frontier.add(before.pages)
            self._done = len(before.pages) + len(before.failures)

    def run(self) -> None:
        """Visit pages until there is none left, or a bound is reached."""
        end = self._clock() + self._bounds.seconds
        for visited in range(self._bounds.pages):
            left = end - self._clock()
            page = self.frontier.next() if left > 0 else None
            if page is None:
                return
            self._visit(page, left)
            known = min(len(self.frontier), self._bounds.pages - visited - 1)
            self._done += 1
            self._progress(self._done, self._done + known)

    def _visit(self, page: str, left: float) -> None:
        try:
            visit = self._visitor.visit(page, left)
        except NotVisited as error:
            self.failures.append(str(error))
            return
        self.pages.append(page)
        if self.frontier.known(visit.url):
            self.frontier.add(visit.links)


def _cleaned(url: str) -> str:
    """Return a URL as it is compared: without its fragment, its empty path a slash."""
    try:
        parts = urlsplit(urldefrag(url).url)
        parts.port  # noqa: B018  # it raises where it is no number
    except ValueError:
        return ""
    return parts._replace(netloc=parts.netloc.lower(), path=parts.path or "/").geturl()


def _origin(url: str) -> tuple[str, int | None] | None:
    """Return host and port, None for what is no page. Over TLS or not, it is one site."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return None
    return parts.hostname or "", parts.port if parts.port not in (80, 443) else None
