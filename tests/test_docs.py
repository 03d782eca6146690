"""The documentation: it builds, loads nothing from elsewhere, and shows nothing untested."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

import transcripts
from browsing import chromium
from browsing import tab as opened_tab
from consentgate import Event, Reason
from consentgate.cli.app import app as command_line
from consentgate.observer import CHOICES, structured
from serving import HOST, ROOT, free_port, run_server
from test_docs_examples import TESTED

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))

# The site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site, with warnings as errors."""
    place = tmp_path_factory.mktemp("site")
    done = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", place],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return place


class Resources(HTMLParser):
    """What a page loads, and what it links to."""

    LOADS: ClassVar = {
        "script": "src",
        "img": "src",
        "iframe": "src",
        "source": "src",
        "video": "src",
    }

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember what belongs to the tag."""
        found = dict(attrs)
        if tag == "link" and "canonical" not in (found.get("rel") or ""):
            self.loads.append(found.get("href") or "")
        elif tag in self.LOADS and self.LOADS[tag] in found:
            self.loads.append(found[self.LOADS[tag]] or "")


def test_the_site_has_every_page(site: Path) -> None:
    """The strict build writes an HTML page for each page of docs."""
    for page in PAGES:
        below = page.relative_to(DOCS).with_suffix("")
        name = below.parent if below.name == "index" else below
        assert (site / name / "index.html").is_file(), page


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """No page and no stylesheet names a resource of another host."""
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(PAGES) - 1
    for page in pages:
        for address in Resources(page.read_text("utf-8")).loads:
            assert not urlsplit(address).netloc, f"{page}: {address}"
    for sheet in site.rglob("*.css"):
        for address in re.findall(r"url\(\s*[\"']?([^\"')]+)", sheet.read_text("utf-8")):
            assert not urlsplit(address).netloc, f"{sheet}: {address}"


@pytest.mark.browser
def test_the_built_site_keeps_to_itself_in_a_browser(site: Path) -> None:
    """Chromium asks no other host, stores no cookie, and finds words."""
    asked: list[str] = []
    with serve_files(site) as url, chromium() as browser, opened_tab(browser) as tab:
        host = urlsplit(url).netloc
        tab.page.on(
            "request",
            lambda request: asked.append(urlsplit(request.url).netloc),
        )
        for path in ("/", "/tutorial/", "/how-to/django/", "/reference/command-line/"):
            tab.page.goto(url + path)
        tab.page.goto(url + "/")
        tab.page.keyboard.press("/")
        tab.page.keyboard.type("always_secure", delay=20)
        result = tab.page.locator(".md-search-result__link").first
        result.wait_for()
        assert "always_secure" in (tab.page.locator(".md-search-result__list").text_content() or "")
        assert tab.jar() == []
    assert set(asked) <= {host, ""}


def serve_files(folder: Path) -> AbstractContextManager[str]:
    """Serve a folder over http; a context manager that gives its URL."""
    port = free_port()
    module = ["-m", "http.server", str(port), "--bind", HOST, "--directory", str(folder)]
    return run_server([sys.executable, *module], port)


# What pages may hold

FENCE = re.compile(r"^([ ]*)(```+)[^\n`]*\n(.*?)^\1\2[ ]*$", re.MULTILINE | re.DOTALL)
SNIPPET = re.compile(r'^\s*--8<-- "([^":]+)(?::([a-z0-9_-]+))?"$')


def snippets() -> Iterator[tuple[Path, str]]:
    """Yield the page and the file of each snippet that a page shows."""
    for page in PAGES:
        for line in page.read_text("utf-8").splitlines():
            if found := SNIPPET.match(line):
                yield page, found[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_no_code_is_written_in_a_page(page: Path) -> None:
    """A block of code in a page is a file's, and has nothing else in it."""
    for found in FENCE.finditer(page.read_text("utf-8")):
        lines = [line for line in found[3].splitlines() if line.strip()]
        assert lines, page
        assert all(SNIPPET.match(line) for line in lines), f"{page}: {found[0]}"


def test_every_file_that_a_page_shows_is_tested() -> None:
    """No page shows a file that no test below runs."""
    shown = {file.removeprefix("examples/docs/") for _, file in snippets()}
    assert shown - TESTED == set()


def test_every_example_is_shown() -> None:
    """No session stands in the folder that no page shows."""
    shown = {file for _, file in snippets()}
    told = {
        f"examples/docs/{path.relative_to(transcripts.FOLDER)}" for path in transcripts.sessions()
    }
    assert told - shown == set()


INLINE = re.compile(r"(?<!`)`consentgate ([^`]+)`")


def test_every_command_and_option_that_a_page_names_exists() -> None:
    """What pages call `consentgate ...` is a command, and its options are options of it."""
    named = []
    for page in [*PAGES, *transcripts.sessions()]:
        text = page.read_text("utf-8")
        named += INLINE.findall(text)
        named += re.findall(r"^\$ consentgate (.+)$", text, re.MULTILINE)
    assert named
    for text in named:
        words = text.split()
        command = words[: 2 if words[0] in ("token", "key", "ledger") else 1]
        if command[0].startswith("-"):
            command = []
        result = CliRunner().invoke(command_line, [*command, "--help"])
        assert result.exit_code == 0, text
        for word in words:
            option = word.partition("=")[0]
            if option.startswith("-"):
                assert re.search(rf"{re.escape(option)}\b", result.output), f"{option} of {text}"


def test_the_reference_tells_every_event_and_reason() -> None:
    """The page about events names each action, each reason and each field."""
    text = (DOCS / "reference" / "events.md").read_text("utf-8")
    actions = ("stripped", "withheld", "expired", "clamped", "passed", *CHOICES)
    fields = structured(Event("stripped", "x", None, "/", None))
    for word in (*actions, *Reason, *fields, "time"):
        assert f"| `{word}` |" in text
