"""The files that come with the pages, under names that change with what is in them."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).parent / "static"
_COMMENT_LINE = re.compile(rb"^[ \t]*//.*\n", re.MULTILINE)
_SCRIPT = "text/javascript; charset=utf-8"
_FILES = {
    "css": ("consentgate.css", "text/css; charset=utf-8"),
    "js": ("consentgate.js", _SCRIPT),
    "guard": ("consentgate-guard.js", _SCRIPT),
    "mode": ("consentgate-mode.js", _SCRIPT),
    "copy": ("consentgate-copy.js", _SCRIPT),
}


class StaticFile(NamedTuple):
    """A file: its name with a hash of its content in it, its media type, its bytes."""

    name: str
    content_type: str
    content: bytes


@cache
def static_files() -> dict[str, StaticFile]:
    """Return the files by what they are: "css", "js", "guard", "mode" and "copy"."""
    return {kind: _file(*file) for kind, file in _FILES.items()}


def _file(name: str, content_type: str) -> StaticFile:
    content = (_FOLDER / name).read_bytes()
    if content_type == _SCRIPT:
        # What is said to who reads the source need not be sent to every visitor.
        content = _COMMENT_LINE.sub(b"", content)
    stem, _, ending = name.rpartition(".")
    return StaticFile(f"{stem}.{sha256(content).hexdigest()[:12]}.{ending}", content_type, content)
