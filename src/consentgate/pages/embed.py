"""Something of another site in a page, that waits for consent: a frame, or a script."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from markupsafe import Markup

from consentgate.errors import ConsentGateError
from consentgate.hosts import named
from consentgate.pages.origin import is_own_path

# WHATWG URL: browsers drop tabs and line ends, and take "\" for "/".
_ADDRESS = re.compile(r"(?:https?:)?//[^\x00-\x20\x7f\\]{1,2000}", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9-]{0,40}")
# What says what is loaded, or when, is said by the helper; a handler would be inline script.
_OURS = re.compile(r"src|srcdoc|type|title|nonce|hidden|data-.*|on.*")


class Source(NamedTuple):
    """Where something comes from: an address, its origin, and its host as policies name it.

    Origin and host are "" on this very site.
    """

    address: str
    origin: str
    host: str


def source(address: object) -> Source | None:
    """Read an address, None for what is none that a page loads: http, https, or a path here."""
    if not isinstance(address, str):
        return None
    if is_own_path(address):
        return Source(address, "", "")
    if not _ADDRESS.fullmatch(address):
        return None
    try:
        parts = urlsplit(f"https:{address}" if address.startswith("//") else address)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    # What is no plain name would be another word in a Content-Security-Policy.
    if not re.fullmatch(r"[a-z0-9._-]+", host) or "@" in parts.netloc:
        return None
    name = named(parts.scheme, host, port)
    return Source(address, f"{parts.scheme}://{name}", name)


def checked_source(helper: str, address: object) -> Source:
    """Return where something comes from. Raises ConsentGateError for what is no address."""
    found = source(address)
    if found is None:
        raise ConsentGateError(
            f"{helper}: src={address!r}: use an address as in 'https://video.example.com/film', or "
            "a path on this site"
        )
    return found


def attributes(helper: str, given: Mapping[str, object]) -> Markup:
    """Return the attributes of an element, escaped; True stands for one without a value.

    An underscore is written as a dash, one at the end is dropped (`class_`).
    Raises ConsentGateError for a name that is none, or that is the helper's to set.
    """
    written = Markup("")
    for key, value in given.items():
        name = key.rstrip("_").replace("_", "-")
        if not _ATTRIBUTE.fullmatch(name) or _OURS.fullmatch(name):
            raise ConsentGateError(
                f"{helper}: {key!r} is no attribute that can be set here; leave it out"
            )
        if value is True:
            written += Markup(" {}").format(name)
        elif value is not False and value is not None:
            written += Markup(' {}="{}"').format(name, value)
    return written
