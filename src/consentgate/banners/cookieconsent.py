"""CookieConsent: the categories, and services within them, that the visitor accepted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from consentgate.banners.banner import Banner
from consentgate.banners.found import Said
from consentgate.banners.record import read_record
from consentgate.errors import ConsentGateError

# As `Date.prototype.toISOString` writes it, in the years that a datetime can have.
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


@dataclass(frozen=True, kw_only=True)
class CookieConsent(Banner):
    """CookieConsent 3 by Orest Bida (npm: vanilla-cookieconsent).

    `categories` maps its categories. One that has services of its own is
    mapped service by service, as in {"analytics/matomo": "statistics"}: the
    cookie names those that were accepted, and does not tell if any is missing.
    `cookie` is its `cookie.name`, `lifetime` its `cookie.expiresAfterDays`.
    `revision` is its `revision`: an answer under another one is none, as it is
    for the tool; None takes any. It writes down when the visitor answered: an
    answer that is older than the gate's `max_age` is none.
    """

    tool: ClassVar[str] = "CookieConsent"
    writes_time: ClassVar[bool] = True
    cookie: str = "cc_cookie"
    lifetime: timedelta = timedelta(days=182)
    revision: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        revision = self.revision
        if revision is not None and (not isinstance(revision, int) or isinstance(revision, bool)):
            raise ConsentGateError(
                f"{type(self).__name__}(revision={revision!r}): use the number that the tool has "
                "in its own `revision`, or leave it out"
            )

    def read(self, value: bytes) -> Said | None:
        """Read `{"categories":["analytics"],"services":{},"revision":0,...}`, percent-encoded."""
        record = read_record(value)
        if record is None or not self._is_answer(record):
            return None
        made_at = _seconds(record["lastConsentTimestamp"])
        if made_at is None or _seconds(record["consentTimestamp"]) is None:
            return None
        # What was refused is not in it: all that is not accepted.
        accepted = frozenset(_accepted(record["categories"], record["services"]))
        return Said(accepted, frozenset(self.categories) - accepted, made_at)

    def _is_answer(self, record: dict[str, Any]) -> bool:
        """Tell whether it has what the tool itself asks for; version 2 wrote other names."""
        services, revision = record.get("services"), record.get("revision")
        return (
            _is_texts(record.get("categories"))
            and isinstance(services, dict)
            and all(map(_is_texts, services.values()))
            and isinstance(revision, int)
            and not isinstance(revision, bool)
            and self.revision in (None, revision)
            and isinstance(record.get("consentId"), str)
            and record["consentId"] != ""
        ) and all(
            isinstance(record.get(name), str)
            for name in ("consentTimestamp", "lastConsentTimestamp")
        )


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _accepted(categories: list[str], services: dict[str, list[str]]) -> list[str]:
    """Return the names of what is accepted: categories without services, and services."""
    names = []
    for category in categories:
        within = services.get(category)
        names += [f"{category}/{service}" for service in within] if within else [category]
    return names


def _seconds(time: str) -> float | None:
    """Return the seconds since the epoch, None for what is no time."""
    if _TIME.fullmatch(time) is None:
        return None
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:  # There is no 31 February.
        return None
