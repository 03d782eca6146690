"""The browser of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

import browsing
from laboratory import Laboratory


# Not for the whole session: while Playwright's sync API is open, its event loop runs in this
# thread, and no other test could run one of its own.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return a running Chromium."""
    with browsing.chromium() as browser:
        yield browser


@pytest.fixture
def tab(chromium: Browser) -> Iterator[browsing.Tab]:
    """Return a page with an empty jar."""
    with browsing.tab(chromium) as opened:
        yield opened


@pytest.fixture(params=["wsgi", "asgi"])
def way(request: pytest.FixtureRequest) -> str:
    """Return the protocol that responses leave over."""
    return str(request.param)


@pytest.fixture
def laboratory(tab: browsing.Tab) -> Iterator[Laboratory]:
    """Return a laboratory in operation."""
    with Laboratory(tab).open() as opened:
        yield opened
