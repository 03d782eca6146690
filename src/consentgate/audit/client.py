"""A visitor without a browser: it sees what responses set, and runs no script."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from consentgate.audit.crawl import NotVisited, Visit, changes, is_consentgate
from consentgate.audit.page import Page, joined
from consentgate.audit.sighting import Sighting, from_header, place
from consentgate.errors import ConsentGateError

if TYPE_CHECKING:
    from httpx2 import Client, Response

MOST_BYTES = 1_000_000
"""How much of a page is read; links behind that are not found."""

_REDIRECTS = 10
_LONGEST_WAIT = 15.0
_USER_AGENT = "consentgate (its own site's audit)"


class Caller:
    """Asks for pages by GET, and for what they load from their own host. It keeps cookies."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._seen: list[Sighting] = []
        self._loaded: set[str] = set()

    def visit(self, url: str, seconds: float) -> Visit:
        """Visit a page, and what it loads. Raises NotVisited."""
        end, page = time.monotonic() + seconds, place(url)
        where, html = self._get(url, page, seconds)
        found = Page(html, where)
        for address in found.loads:
            left = end - time.monotonic()
            if address in self._loaded or _host(address) != _host(url) or left <= 0:
                continue
            self._loaded.add(address)
            try:
                self._get(address, page, left)
            except NotVisited:
                continue  # A picture that is not there is no page that is not there.
        return Visit(where, tuple(found.links))

    def accept(self, url: str, asked_at: str) -> bool:
        """Answer with "accept all": the form on a page, or else the pages that ask."""
        try:
            where, html = self._get(url, place(url), _LONGEST_WAIT)
            for action, fields in Page(html, where).answers:
                if _host(action) == _host(url):
                    return self._answered(action, fields, where)
            with self._asked("GET", f"{asked_at}/choice.json", _LONGEST_WAIT) as response:
                known = is_consentgate(_text(response))
            return known and self._answered(f"{asked_at}/choice", {}, where)
        except NotVisited:
            return False

    def _answered(self, action: str, fields: dict[str, str], page: str) -> bool:
        said = {"Sec-Fetch-Site": "same-origin", "Referer": page}
        with self._asked("POST", action, _LONGEST_WAIT, fields, said) as response:
            self._note(response, action, place(page))
            return bool(response.status_code < 400)

    def sightings(self) -> list[Sighting]:
        """Return what responses have set so far."""
        return self._seen

    def _get(self, url: str, page: str, seconds: float) -> tuple[str, str]:
        """Return where a request ended, redirects followed on this host, and the HTML there."""
        for _ in range(_REDIRECTS):
            with self._asked("GET", url, seconds) as response:
                self._note(response, url, page)
                location = response.headers.get("location", "")
                if not (response.is_redirect and location):
                    return url, _html(response)
            there = joined(url, location)
            if _host(there) != _host(url) or changes(there):
                return url, ""
            url = there
        raise NotVisited(f"{url}: more than {_REDIRECTS} redirects")

    def _note(self, response: Response, url: str, page: str) -> None:
        for name, value in response.headers.raw:
            if name.lower() == b"set-cookie":
                seen = from_header(
                    value, host=urlsplit(url).hostname or "", page=page, now=self._clock()
                )
                self._seen += [seen] if seen else []

    @contextmanager
    def _asked(
        self,
        method: str,
        url: str,
        seconds: float,
        fields: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Iterator[Response]:
        """Give a response whose body is not read yet."""
        import httpx2

        data = None if fields is None else {**fields, "answer": "accept"}
        try:
            with self._client.stream(
                method, url, data=data, headers=headers, timeout=min(seconds, _LONGEST_WAIT)
            ) as response:
                yield response
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.CookieConflict) as error:
            raise NotVisited(f"{url}: {error or type(error).__name__}") from error


@contextmanager
def caller(url: str) -> Iterator[Caller]:
    """Give a visitor for the site at a URL, with an empty jar."""
    try:
        import httpx2
    except ImportError as error:
        raise ConsentGateError(
            'httpx2 is not installed: a crawl needs an extra, pip install "consentgate[cli]"'
        ) from error
    # What is on this machine is asked without a proxy on the way.
    there = urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    headers = {"User-Agent": _USER_AGENT, "Accept": "text/html,*/*;q=0.8"}
    with httpx2.Client(headers=headers, trust_env=not there) as client:
        yield Caller(client)


def _html(response: Response) -> str:
    return _text(response) if "html" in response.headers.get("content-type", "") else ""


def _text(response: Response) -> str:
    read = b"".join(_bounded(response.iter_bytes()))
    return read.decode(response.charset_encoding or "utf-8", "replace")


def _bounded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    left = MOST_BYTES
    for chunk in chunks:
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            return


def _host(url: str) -> str:
    """Return the host of a URL, its port too: another port is another site's."""
    return urlsplit(url).netloc.lower()
