"""The files that come with the pages, under names that change with what is in them."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).parent / "static"
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}


class StaticFile(NamedTuple):
    """A file: its name with a hash of its content in it, its media type, its bytes."""

    name: str
    content_type: str
    content: bytes


@cache
def static_files() -> dict[str, StaticFile]:
    """Return the files by what they are: "css" and "js"."""
    return {kind: _file(kind) for kind in _TYPES}


def _file(kind: str) -> StaticFile:
    content = (_FOLDER / f"consentgate.{kind}").read_bytes()
    name = f"consentgate.{sha256(content).hexdigest()[:12]}.{kind}"
    return StaticFile(name, _TYPES[kind], content)
