"""What a site's own predicate can ask about a request."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class RequestHeaders(Protocol):
    """The headers of a request, by name without case."""

    def get(self, key: str, /) -> str | None:
        """Return a header's value, None if it is not there."""

    def __getitem__(self, key: str, /) -> str: ...

    def __contains__(self, key: str, /) -> bool: ...


class Request(NamedTuple):
    """What a `needs_consent` predicate decides on."""

    method: str
    path: str
    headers: RequestHeaders
