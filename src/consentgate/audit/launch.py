"""A real Chromium is found and started: headless, in a new profile."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from consentgate.errors import ConsentGateError

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

CHROMIUM = "CONSENTGATE_CHROMIUM"
"""The environment's word for the path of a Chromium."""

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Other sites' cookies are stored, as many browsers do: what they set by script is seen so.
_SETTINGS = {"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}


@contextmanager
def launched(url: str) -> Iterator[BrowserContext]:
    """Run a Chromium for the site at a URL; give its one context, with an empty jar.

    Raises ConsentGateError where there is none.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise ConsentGateError(
            "playwright is not installed: a crawl in a browser needs an extra, "
            'pip install "consentgate[browser]"'
        ) from error
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        Path(folder, "Default").mkdir()
        Path(folder, "Default", "Preferences").write_text(json.dumps(_SETTINGS), "utf-8")
        try:
            context = playwright.chromium.launch_persistent_context(
                folder,
                executable_path=_executable(playwright.chromium.executable_path),
                args=[*_ARGUMENTS, *_as_root()],
                ignore_https_errors=_is_loopback(url),
            )
        except Error as error:
            raise ConsentGateError(f"Chromium does not start: {error.message}") from error
        try:
            yield context
        finally:
            context.close()


def _executable(bundled: str) -> str:
    """Return the path of a Chromium: the environment's, an installed one, or Playwright's own."""
    told = os.environ.get(CHROMIUM)
    found = told or next(filter(None, map(shutil.which, _NAMES)), None) or bundled
    if shutil.which(found) is None:
        raise ConsentGateError(
            f"no Chromium at {found}: "
            f"install one (apt-get install chromium, or playwright install chromium), or put the "
            f"path of one into {CHROMIUM}"
        )
    return found


def _as_root() -> list[str]:
    """Return what lets Chromium start for root, as in a container: it refuses its sandbox then."""
    return ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
