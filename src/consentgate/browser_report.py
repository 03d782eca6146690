"""What a browser says that it did not do, after the fact."""

from __future__ import annotations

from typing import Literal, NamedTuple


class BrowserReport(NamedTuple):
    """One thing that a browser held back, or would have.

    `kind` is "source" for a thing that was not loaded: `name` is then the host
    that it would have come from, with the port if that is unusual. Or it is
    "cookie" for one that a script did not get to write, of that `name`. `page`
    is the path of the page. `enforced` is False where it happened all the
    same. All of it is a visitor's word: anybody can send it.
    """

    kind: Literal["source", "cookie"]
    name: str
    page: str
    enforced: bool = True
