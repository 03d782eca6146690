"""Where a request comes from, and where its sender may be sent back to.

Consent comes from the visitor: a form on another site cannot give it, and the
answer to it leads to no other site.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

_PORTS = {"http": "80", "https": "443"}
# What a URL reference can be made of, visible ASCII without what browsers or proxies read
# as something else: a backslash is a slash to browsers (WHATWG URL, path state).
_REFERENCE = re.compile(r"/[!-\[\]-~]{0,2047}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


def own_origin(https: bool, host: str, headers: Mapping[str, str], proxies: int) -> str:
    """Return the origin that a request was sent to, "" if that is unknown.

    `headers` are by lower-case name, fields of one name joined by a comma.
    X-Forwarded-Proto and -Host count where `proxies` of them are known to
    stand in front: each appends what it saw, so theirs are the last entries.
    """
    scheme = "https" if https else "http"
    if proxies:
        scheme = _forwarded(headers, "x-forwarded-proto", proxies).lower() or scheme
        host = _forwarded(headers, "x-forwarded-host", proxies) or host
    return _normal(f"{scheme}://{host}")


def is_same_origin(own: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a request was sent by a page of the origin `own`, or by the visitor alone.

    W3C Fetch Metadata: `Sec-Fetch-Site` is the browser's own word, and no page
    can change it; "none" is what the visitor did without any page, and so
    without the origin of another. Where a browser does not send it, `Origin`
    says who sends a form (RFC 6454 7, "null" is nobody known), and where that
    is missing `Referer`. Who says nothing at all is not believed.
    """
    site = headers.get("sec-fetch-site")
    if site is not None and (site != "none" or "origin" not in headers):
        return site in ("same-origin", "none")
    sender = headers.get("origin")
    if sender is None:
        sender = headers.get("referer", "")
    elif sender != sender.rstrip("/"):
        return False  # An origin has no path.
    return own != "" and _normal(sender) == own


def way_back(root: str, own: str, asked: str | None, headers: Mapping[str, str]) -> str:
    """Return the page on this host to send a visitor back to: a path, with its query.

    It is what the form asked for, else where the request says that it comes
    from, else the start of the app, which is mounted at `root`.
    """
    home = root + "/"
    if asked is not None:
        return asked if is_own_path(asked) else home
    referer = headers.get("referer", "")
    if own == "" or _normal(referer) != own:
        return home
    # The normal form may be shorter than what was sent; the path is what was sent.
    path = referer.partition("://")[2]
    path = path[path.find("/") :].partition("#")[0] if "/" in path else ""
    return path if is_own_path(path) else home


def is_own_path(reference: str) -> bool:
    r"""Tell whether a reference is a path on this host, however a browser or proxy reads it.

    RFC 3986 4.2: what begins with "//" names another host; browsers take "\"
    for "/", and drop tabs and line ends. Encoded ones count as what they stand
    for: what is on the way may decode them.
    """
    if not _REFERENCE.fullmatch(reference):
        return False
    path = re.split("[?#]", reference, maxsplit=1)[0]
    for _ in range(4):
        if "//" in path or "\\" in path or _CONTROL.search(path):
            return False
        if {".", ".."} & set(path.split("/")):
            return False  # Removed by browsers: "/.//host" would be left as "//host".
        decoded = unquote(path, errors="replace")
        if decoded == path:
            return True
        path = decoded
    return False  # Nobody encodes a path so often without a purpose.


def _normal(url: str) -> str:
    """Return the origin of an absolute http URL, without the port that is usual; "" if none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    # What `urlsplit` drops without a word, and what no browser sends.
    if parts.scheme not in _PORTS or "@" in parts.netloc or re.search(r"[^!-~]", url):
        return ""
    bracketed = f"[{host}]" if ":" in host else host
    if not _HOST.fullmatch(bracketed):
        return ""
    usual = port is None or str(port) == _PORTS[parts.scheme]
    return f"{parts.scheme}://{bracketed}" + ("" if usual else f":{port}")


def _forwarded(headers: Mapping[str, str], name: str, proxies: int) -> str:
    entries = [entry.strip(" \t") for entry in headers.get(name, "").split(",")]
    return entries[-proxies] if len(entries) >= proxies else ""
