"""Cookies in words and in plain values, as commands tell of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from consentgate.category import Text
from consentgate.cookie import Cookie


def english(text: Text) -> str:
    """Return a text in English if there is one, else in its first language."""
    if isinstance(text, str):
        return text
    return text.get("en") or next(iter(text.values()), "")


def kept(cookie: Cookie) -> str:
    """Return how long a cookie is kept, as a policy file says it."""
    return "until the browser closes" if cookie.lifetime is None else period(cookie.lifetime)


def period(length: timedelta) -> str:
    """Return a length of time, as a policy file says it."""
    from consentgate.configuration.duration import written

    return written(length)


def as_values(cookie: Cookie) -> dict[str, Any]:
    """Return a declaration as plain values: a lifetime in seconds, a text as it was given."""
    lifetime = None if cookie.lifetime is None else int(cookie.lifetime.total_seconds())
    texts = ("provider", "service", "purpose")
    return {
        "name": cookie.name,
        "category": cookie.category,
        **{name: as_plain(getattr(cookie, name)) for name in texts},
        "lifetime": lifetime,
        "party": cookie.party,
        "domain": cookie.domain,
        "path": cookie.path,
        "exemption": cookie.exemption,
    }


def as_plain(text: Text) -> str | dict[str, str]:
    """Return a text as plain values."""
    return text if isinstance(text, str) else dict(text)


def counted(number: int, thing: str) -> str:
    """Return a number of things."""
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"
