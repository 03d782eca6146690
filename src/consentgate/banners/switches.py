"""Klaro and Orejime: both write down what is on and what is off, as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from consentgate.banners.banner import Banner
from consentgate.banners.found import Said
from consentgate.banners.record import read_record


def _read_switches(value: bytes) -> Said | None:
    """Read an object whose values are all true or false."""
    record = read_record(value)
    if record is None or not all(isinstance(on, bool) for on in record.values()):
        return None
    allowed = frozenset(name for name, on in record.items() if on)
    return Said(allowed, frozenset(record) - allowed)


@dataclass(frozen=True, kw_only=True)
class Klaro(Banner):
    """Klaro (npm: klaro), whose cookie says of each service whether it is on.

    `categories` maps names of services. `cookie` is its `storageName`, and
    `lifetime` its `cookieExpiresAfterDays`: no longer than the gate's
    `max_age`, for it does not write down when the visitor answered.
    """

    tool: ClassVar[str] = "Klaro"
    cookie: str = "klaro"
    lifetime: timedelta = timedelta(days=120)

    def read(self, value: bytes) -> Said | None:
        """Read `{"matomo":true,"youtube":false}`, percent-encoded."""
        return _read_switches(value)


@dataclass(frozen=True, kw_only=True)
class Orejime(Banner):
    """Orejime 3 (npm: orejime), whose cookie says of each purpose whether it is on.

    `categories` maps ids of purposes: of a group, those within it. `cookie` is
    its `cookie.name`, "eu-consent" unless it is set, and `lifetime` its
    `cookie.duration`: no longer than the gate's `max_age`, for it does not
    write down when the visitor answered.
    """

    tool: ClassVar[str] = "Orejime"
    cookie: str = "eu-consent"
    lifetime: timedelta = timedelta(days=120)

    def read(self, value: bytes) -> Said | None:
        """Read `{"analytics":true,"ads":false}`, percent-encoded where a cookie needs it."""
        return _read_switches(value)
