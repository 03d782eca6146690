"""What the documentation shows of placeholders works."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator

import pytest
import werkzeug.test

import transcripts


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[werkzeug.test.Client]:
    """Return a visitor of the page that is shown."""
    monkeypatch.chdir(transcripts.FOLDER)
    monkeypatch.syspath_prepend(transcripts.FOLDER)
    monkeypatch.setenv("CONSENTGATE_SECRET_KEY", "a key for the examples of the documentation")
    yield werkzeug.test.Client(importlib.import_module("placeholders").app)
    del sys.modules["placeholders"]


def test_the_helpers_wait_for_consent(client: werkzeug.test.Client) -> None:
    """Frame and script wait before consent, and are ordinary elements after it."""
    before = client.get("/").text
    assert 'data-src="https://video.example.com/film"' in before
    assert "Video host can read cookies" in before
    assert '<script type="text/plain" data-consent="marketing" src=' in before
    client.post(
        "/cookies/choice", data={"answer": "accept"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    after = client.get("/").text
    assert '<iframe src="https://video.example.com/film"' in after
    assert '<script src="https://video.example.com/player.js" defer></script>' in after
    # What is written by hand is the script's to wake.
    assert 'data-src="https://video.example.com/other"' in after
