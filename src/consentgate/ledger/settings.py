"""What a site says about its ledger, checked at construction."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from os import PathLike
from pathlib import Path

from consentgate.errors import ConsentGateError
from consentgate.request import Request
from consentgate.token import SecretKey, checked_keys

_SITE = re.compile(r"[!-~]{1,255}")

Hook = Callable[[Request], Mapping[str, str]]
"""Says what a site adds to a record, of the request that the choice came with."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where the proof of choices is kept, and how.

    `url` is the database, as SQLAlchemy writes it: "sqlite:///consent.db", a
    file that is made at first use, or "postgresql+psycopg://user@host/name",
    which `consentgate ledger upgrade` prepares. `key` is what the records are
    marked with, a key or a list from the oldest to the newest; by default the
    gate's own `secret_key`. One for the ledger alone is better: records are
    kept for years.

    `site` is the name that records are kept under; by default the host that
    the visitor asked. `spool` is a file on a local disk that takes choices
    while the database does not answer; without it such a grant is none.
    `timeout` is how many seconds a choice waits for the database at most.
    `extra` is asked for more to be kept with a choice, as short texts by name;
    what identifies people is then the site's to justify. `lapses` keeps a
    record, too, of each choice that a request shows to have come to its end.

    Raises ConsentGateError for what cannot work.
    """

    url: str = field(repr=False)
    _: KW_ONLY
    key: SecretKey | None = field(default=None, repr=False)
    site: str | None = None
    spool: str | PathLike[str] | None = None
    timeout: float = 2.0
    extra: Hook | None = None
    lapses: bool = False

    def __post_init__(self) -> None:
        from consentgate.ledger.store import checked_url

        checked_url(self.url)
        if self.key is not None:
            checked_keys(self.key)
        if self.site is not None and not _matches(self.site):
            raise _error(
                "site",
                f"{self.site!r} is no name of a site",
                "use up to 255 visible ASCII characters, without spaces",
            )
        if self.extra is not None and not callable(self.extra):
            raise _error("extra", f"{self.extra!r} cannot be asked", "use a function of a Request")
        if not isinstance(self.lapses, bool):
            raise _error("lapses", f"{self.lapses!r} is neither yes nor no", "say True or False")
        self._check_timeout()
        self._check_spool()

    def _check_timeout(self) -> None:
        number = isinstance(self.timeout, (int, float)) and not isinstance(self.timeout, bool)
        if not number or not 0 < self.timeout <= 60:  # NaN is neither
            raise _error(
                "timeout",
                f"{self.timeout!r} is no time to wait",
                "use seconds, more than 0 and at most 60",
            )

    def _check_spool(self) -> None:
        if self.spool is None:
            return
        if not _can_be_made(self.spool):
            raise _error(
                "spool",
                f"{self.spool!r} is no file that could be made",
                "use a path in a folder that is there",
            )


def _can_be_made(path: object) -> bool:
    if not isinstance(path, (str, PathLike)) or not str(path) or ":memory:" in str(path):
        return False
    return Path(path).parent.is_dir() and not Path(path).is_dir()


def _matches(site: object) -> bool:
    return isinstance(site, str) and _SITE.fullmatch(site) is not None


def _error(option: str, what: str, remedy: str) -> ConsentGateError:
    return ConsentGateError(f"Ledger({option}): {what}; {remedy}")
