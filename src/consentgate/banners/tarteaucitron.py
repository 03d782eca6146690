"""tarteaucitron: a list of services, each with what the visitor said of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from consentgate.banners.banner import Banner
from consentgate.banners.found import Said

# The tool encodes nothing. A name of what a declared cookie's could have, and no `!`.
_NAME = r"[#-+\--:<>-\[\]-~]+"
_ENTRY = re.compile(rf"!({_NAME})=(true|false|wait)".encode("ascii"))
_VALUE = re.compile(rb"(?:" + _ENTRY.pattern + rb")+")


@dataclass(frozen=True, kw_only=True)
class Tarteaucitron(Banner):
    """tarteaucitron.js (npm: tarteaucitronjs), whose cookie says of each service what holds.

    `categories` maps keys of services, as "gtag"; one that waits for an answer
    is not granted. `cookie` is its `cookieName`, and `lifetime` its
    `tarteaucitronForceExpire`: no longer than the gate's `max_age`, for it does
    not write down when the visitor answered. Its own default is a year.
    """

    tool: ClassVar[str] = "tarteaucitron.js"
    name_pattern: ClassVar[str] = _NAME
    writes_unasked: ClassVar[bool] = True
    cookie: str = "tarteaucitron"
    lifetime: timedelta = timedelta(days=365)

    def read(self, value: bytes) -> Said | None:
        """Read `!gtag=true!youtube=false!vimeo=wait`."""
        if _VALUE.fullmatch(value) is None:
            return None
        entries = [(key.decode("ascii"), state) for key, state in _ENTRY.findall(value)]
        if len(dict(entries)) != len(entries):
            return None  # It removes the entry before it writes a new one.
        return Said(
            frozenset(key for key, state in entries if state == b"true"),
            frozenset(key for key, state in entries if state == b"false"),
        )
