"""Packages from npm that tests run in a browser, as tests/npm pins them."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

import pytest

FOLDER = Path(__file__).resolve().parent / "npm"
MODULES = FOLDER / "node_modules"
_INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund")
_SECONDS = 240.0


@cache
def installed() -> Path:
    """Return the folder with the packages, installed if they are not, or not in these versions.

    Where that cannot be the test is skipped, or failed where CONSENTGATE_REQUIRE is set.
    """
    wanted = sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    stamp = MODULES / ".consentgate"
    # `npm ci` begins by removing what is there: two at a time would hurt each other.
    with (FOLDER / ".npmrc").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text("ascii") != wanted:
            _install()
            stamp.write_text(wanted, "ascii")
    return MODULES


def _install() -> None:
    npm = shutil.which("npm")
    if npm is None:
        _give_up("get npm, with `apt-get install npm`")
    done = subprocess.run(  # noqa: S603  # our own command line
        [npm, *_INSTALL],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        _give_up(f"`npm {' '.join(_INSTALL)}` in {FOLDER} said:\n{done.stdout}{done.stderr}")


def _give_up(why: str) -> NoReturn:
    message = f"NO PACKAGES FROM NPM: nothing is shown about other tools' banners; {why}"
    if os.environ.get("CONSENTGATE_REQUIRE"):
        pytest.fail(message)
    pytest.skip(message)
