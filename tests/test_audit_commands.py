"""`consentgate run` and `consentgate observe`, as they are typed."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner, Result

from consentgate import Event, Reason
from consentgate.cli.app import app
from consentgate.cli.live import MARKS, Live, lines, log_silenced
from consentgate.observer import CHOICES, TOLD
from consentgate.observers import JsonLines
from serving import free_port

pytestmark = pytest.mark.server

POLICY = """\
# ours
[[cookies]]
name = "sessionid"
exemption = "authentication"
lifetime = "session"

[[cookies]]
name = "mystery"
category = "marketing"
lifetime = "60 seconds"

[[cookies]]
name = "never_seen"
category = "statistics"
lifetime = "1 days"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in an empty folder, without a key in the environment, and leave no thread behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONSENTGATE_SECRET_KEY", raising=False)
    before = set(threading.enumerate())
    yield tmp_path
    assert set(threading.enumerate()) <= before


def consentgate(*arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, arguments)


def observe(*arguments: str) -> Result:
    """Run `consentgate observe`."""
    result = consentgate("observe", *arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result


def test_observe_tells_and_adds_what_is_missing(folder: Path) -> None:
    """Undeclared cookies are told and added to the policy file; a second run adds nothing."""
    file = folder / "consentgate.toml"
    file.write_text(POLICY)
    first = observe("audited_apps:shop")
    assert first.exit_code == 0
    assert "Undeclared (5)" in first.stdout
    assert "  _fbp  header, 400 days, at /" in first.stdout
    assert "Declared (2)" in first.stdout
    assert "Kept for longer than declared" in first.stdout
    assert "mystery: 3600 seconds, declared 60 seconds" in first.stdout
    assert "Declared and not seen: never_seen" in first.stdout
    assert "Added to " in first.stdout
    assert ": 1 to confirm, 4 as a comment." in first.stdout
    text = file.read_text()
    assert text.startswith(POLICY)
    names = [row["name"] for row in tomllib.loads(text)["cookies"]]
    assert names == ["sessionid", "mystery", "never_seen", "_fbp"]
    second = observe("audited_apps:shop")
    assert "Added" not in second.stdout
    assert file.read_text() == text


def test_a_pyproject_is_added_to_in_its_own_table(folder: Path) -> None:
    """In a pyproject.toml the tables are those of the tool, and line ends stay as they are."""
    file = folder / "pyproject.toml"
    before = b"[project]\r\nname = 'x'\r\n[tool.consentgate]\r\nrevision = '1'\r\n"
    file.write_bytes(before)
    observe("audited_apps:shop")
    written = file.read_bytes()
    assert written.startswith(before)
    assert written.count(b"\n") == written.count(b"\r\n")
    tool = tomllib.loads(written.decode())["tool"]["consentgate"]
    assert [row["name"] for row in tool["cookies"]] == ["_fbp"]


def test_check_fails_on_what_is_undeclared_and_writes_nothing(folder: Path) -> None:
    """With --check an undeclared cookie is exit code 1, for a build to fail; else it is 0."""
    file = folder / "site.toml"
    file.write_text(POLICY)
    assert observe("audited_apps:shop", "--check", "--policy", "site.toml").exit_code == 1
    assert file.read_text() == POLICY
    clean = observe("audited_apps:wsgi_function", "--check", "--policy", "site.toml")
    assert clean.exit_code == 0
    assert "Nothing undeclared was seen." in clean.stdout


def test_without_a_file_the_blocks_are_printed(folder: Path) -> None:
    """Where there is no policy file, or with --dry-run, what would be written is printed."""
    found = observe("audited_apps:gated_shop")
    assert '\nname = "_fbp"\n' in found.stdout
    assert '\n# name = "mystery"\n' in found.stdout
    assert "Declared (1)" in found.stdout
    assert "Nothing was written: there is no policy file here." in found.stderr
    (folder / "consentgate.toml").write_text(POLICY)
    dry = observe("audited_apps:shop", "--dry-run")
    assert '\nname = "_fbp"\n' in dry.stdout
    assert dry.stderr == ""
    assert (folder / "consentgate.toml").read_text() == POLICY


def test_json_is_for_programs(folder: Path) -> None:
    """With --json everything that was seen is one object, and nothing else is on stdout."""
    (folder / "consentgate.toml").write_text(POLICY)
    told = json.loads(observe("audited_apps:shop", "--json", "--accept").stdout)
    assert {seen["name"] for seen in told["undeclared"]} == {
        *("_fbp", "hop", "dotted", "leaving", "lost", "asked"),
    }
    assert [seen["name"] for seen in told["declared"]] == ["mystery", "sessionid"]
    assert [seen["name"] for seen in told["gate"]] == ["cookies_preferences"]
    assert told["outliving"] == [{"name": "mystery", "declared": 60.0, "seen": 3600.0}]
    assert told["unseen"] == ["never_seen"]
    assert told["written"] == "consentgate.toml" or told["written"].endswith("/consentgate.toml")
    assert len(told["pages"]) == 4
    assert told["failures"] == []
    suggestions = {each["declare"]: each for each in told["suggestions"]}
    assert suggestions["_fbp"]["active"] is True
    assert suggestions["hop"] == {
        "names": ["hop"],
        "declare": "hop",
        "category": "marketing",
        "active": False,
        "preset": None,
        "comments": suggestions["hop"]["comments"],
    }


def test_reports_and_sites_are_taken_together(folder: Path) -> None:
    """Several targets make one answer; of a report no lifetime is known."""
    with JsonLines(folder / "report.jsonl") as observer:
        observer(Event("stripped", "old_one", None, "/basket", Reason.UNDECLARED, False))
    found = observe("report.jsonl", "audited_apps:wsgi_function")
    assert "1 page visited" in found.stdout
    assert "\n  old_one  header, at /basket\n" in found.stdout


def test_what_was_not_visited_and_left_out_is_told(folder: Path) -> None:
    """A bound that was reached, and a site that does not ask, are told."""
    found = observe("audited_apps:shop", "--max-pages", "1")
    assert "1 page visited, 3 more known and left out" in found.stdout
    (folder / "looping.py").write_text(
        "from starlette.applications import Starlette\n"
        "from starlette.responses import HTMLResponse, RedirectResponse\n"
        "from starlette.routing import Route\n"
        "async def home(r): return HTMLResponse('<a href=/loop>')\n"
        "async def loop(r): return RedirectResponse('/loop')\n"
        "app = Starlette(routes=[Route('/', home), Route('/loop', loop)])\n"
    )
    assert "not visited: http" in observe("looping:app").stderr


def test_a_site_that_does_not_ask_is_told(folder: Path) -> None:
    """With --accept it is said that there was nobody to accept."""
    from consentgate.audit.serving import served
    from consentgate.audit.target import load

    with served(load("audited_apps:asgi_function").app) as url:
        found = observe(url, "--accept")
    assert "no consentgate of the site's own to accept all with" in found.stderr


def test_another_sites_cookie_is_told_with_its_host(folder: Path) -> None:
    """Who set a third party's cookie stands beside it."""
    from consentgate.audit.sighting import Sighting
    from consentgate.audit.suggestion import compared
    from consentgate.cli.observed import tell
    from consentgate.policy import Policy

    seen = Sighting("x", "third party", "ads.test")
    told = CliRunner()
    with told.isolation() as (out, *_):
        tell(compared([seen], Policy([]), "c"), [])
        text = out.getvalue().decode()
    assert "  x  third party of ads.test, until the browser closes" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere:app",), "there is no module 'nowhere'"),
        (("missing.jsonl",), "missing.jsonl"),
        (("http://127.0.0.1:9/",), "no page was visited"),
        (("audited_apps:shop", "--policy", "none.toml"), "none.toml"),
        (("audited_apps:make_shop",), "--factory"),
        ((), "Missing argument"),
    ],
)
def test_what_cannot_be_observed_is_exit_code_2(arguments: tuple[str, ...], told: str) -> None:
    """A target that cannot be looked at is said in a line, without a traceback."""
    result = observe(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def run(folder: Path, *arguments: str, port: int, requests: int = 1) -> Result:
    """Run `consentgate run` until some requests are answered, and Ctrl+C is pressed."""

    def visit() -> None:
        deadline = time.monotonic() + 20
        with httpx2.Client(trust_env=False) as browser:
            while time.monotonic() < deadline:
                try:
                    for _ in range(requests):
                        browser.get(f"http://127.0.0.1:{port}/", headers={"Cookie": "old=1"})
                    break
                except httpx2.ConnectError:
                    time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    visitor = threading.Thread(target=visit)
    visitor.start()
    result = consentgate("run", *arguments, "--port", str(port))
    visitor.join()
    return result


def test_run_shows_what_happens_and_ends_well(folder: Path) -> None:
    """Each request is told with what became of its cookies; Ctrl+C is exit code 0."""
    (folder / "consentgate.toml").write_text(POLICY)
    port = free_port()
    result = run(folder, "audited_apps:shop", port=port)
    assert result.exit_code == 0
    shown = [line.split() for line in result.stdout.splitlines()]
    assert shown[0] == ["GET", "/"]
    assert ["#", "withheld", "old", "(undeclared)"] in shown
    assert ["+", "passed", "sessionid", "necessary"] in shown
    assert ["-", "stripped", "mystery", "marketing", "(no", "choice", "yet)"] in shown
    assert f"Serving http://127.0.0.1:{port}/; Ctrl+C ends it." in result.stderr
    assert "CONSENTGATE_SECRET_KEY is not set" in result.stderr
    assert "\033" not in result.output


def test_run_tells_programs_an_event_a_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --json stdout is JSON Lines; with --report-only nothing is enforced; the key is ours."""
    (folder / "site.toml").write_text(POLICY)
    monkeypatch.setenv("CONSENTGATE_SECRET_KEY", "k" * 43)
    arguments = (
        "audited_apps:make_shop",
        "--factory",
        "--json",
        "--report-only",
        "-p",
        "site.toml",
    )
    result = run(folder, *arguments, port=free_port())
    assert result.exit_code == 0
    events = [json.loads(line) for line in result.stdout.splitlines()]
    [mystery] = [event for event in events if event["name"] == "mystery"]
    assert mystery["method"] == "GET"
    assert mystery["action"] == "stripped"
    assert mystery["enforced"] is False
    assert "report only: nothing is stopped" in result.stderr
    assert "CONSENTGATE_SECRET_KEY" not in result.stderr


def test_run_says_that_a_port_is_taken(folder: Path) -> None:
    """A taken port is exit code 2, with the next one to try."""
    (folder / "consentgate.toml").write_text(POLICY)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = consentgate("run", "audited_apps:shop", "--port", str(port))
    assert result.exit_code == 2
    assert f"say --port {port + 1}" in result.stderr


def test_every_action_has_a_mark() -> None:
    """What became of a cookie, and each kind of choice, is shown with a sign of its own kind."""
    assert set(CHOICES) < set(MARKS)
    assert {"passed", "stripped", "withheld", "expired", "clamped", *TOLD} < set(MARKS)


def test_what_is_only_told_is_marked() -> None:
    """An event that was not enforced says so; nothing that anybody sends starts a line."""
    event = Event("stripped", "x\ny", "marketing", "/", Reason.UNANSWERED, enforced=False)
    first, second = lines("GET", "/a\nGET /b", [event])
    assert first == "GET /a\\nGET /b"
    assert second == (
        "  - stripped  x\\ny          marketing    (no choice yet) [not enforced]",
        "red",
    )


def test_what_a_browser_tells_is_shown_with_its_page() -> None:
    """A report comes later, and to another address: the page that it is of stands beside it."""
    event = Event("blocked", "ads.test", None, "/films\n", Reason.UNDECLARED)
    _, second = lines("POST", "/cookies/reports", [event])
    assert second == ("  ! blocked   ads.test                  (undeclared) at /films\\n", "red")


def test_what_is_heard_outside_a_request_is_let_go() -> None:
    """An event that no request waits for is kept by nobody."""
    live = Live(lambda *_: pytest.fail("shown"))
    live(Event("stripped", "x", None, "/", None))


def test_the_log_is_silenced_only_meanwhile(caplog: pytest.LogCaptureFixture) -> None:
    """The log consentgate speaks again afterwards."""
    import logging

    log = logging.getLogger("consentgate")
    with log_silenced():
        log.warning("unheard")
    log.warning("heard")
    assert caplog.messages == ["heard"]
    assert not log.handlers
