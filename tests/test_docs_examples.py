"""What the documentation shows works: each file under examples/docs does what its page says."""

from __future__ import annotations

import importlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import opentelemetry._logs
import pytest
import werkzeug.test
from prometheus_client import REGISTRY, generate_latest

import transcripts
from banner_apps import BANNERS
from browsing import chromium
from browsing import tab as opened_tab
from consentgate import ConsentGate, Event, Policy
from consentgate.observers import JsonLines
from serving import ROOT, free_port, run_server, serve
from test_examples import CONSENT, Answer, Visitor, starlette_visitor, werkzeug_visitor
from test_proxies import find_nginx

FOLDER = transcripts.FOLDER
KEY = "a key for the examples of the documentation"
SESSION = {"session"}

WSGI = {
    "flask_app": "app",
    "pyramid_app": "application",
    "bottle_app": "application",
    "falcon_app": "application",
    "wsgi_app": "application",
}
ASGI = {"starlette_app": "app", "fastapi_app": "app", "quart_app": "app", "litestar_app": "app"}
ASGI |= {"asgi_app": "app"}


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be where the reader is: in the folder of the examples, with a key in the environment."""
    monkeypatch.chdir(FOLDER)
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setenv("CONSENTGATE_SECRET_KEY", KEY)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(FOLDER)):
            del sys.modules[name]


def loaded(name: str) -> ModuleType:
    """Import a module of the examples, as the reader's server does."""
    return importlib.import_module(name)


# Apps of every framework


def is_gated(visitor: Visitor) -> None:
    """Show that a visitor is asked, tracked only after consent, and not after a withdrawal."""
    assert "data-consentgate-banner" in visitor.get().text
    assert visitor.jar() == visitor.necessary
    visitor.press("Accept all")
    assert "data-consentgate-banner" not in visitor.get().text
    assert visitor.jar() == visitor.necessary | {CONSENT, "_ga"}
    visitor.press("Withdraw my consent")
    assert set(visitor.get().names_set) <= visitor.necessary


# WebOb, which Pyramid stands on, imports `cgi` and `pkg_resources`.
@pytest.mark.filterwarnings("ignore:'cgi' is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:pkg_resources is deprecated", "ignore:Deprecated call to")
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", WSGI)
def test_a_wsgi_app_is_gated(name: str) -> None:
    """Each WSGI app of the pages asks, and sets no tracking cookie before consent."""
    app = getattr(loaded(name), WSGI[name])
    is_gated(werkzeug_visitor(werkzeug.test.Client(app), SESSION))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ASGI)
def test_an_asgi_app_is_gated(name: str) -> None:
    """Each ASGI app of the pages asks, and sets no tracking cookie before consent."""
    is_gated(starlette_visitor(getattr(loaded(name), ASGI[name]), SESSION))


@pytest.mark.usefixtures("folder")
def test_a_gate_inside_starlette_is_gated() -> None:
    """The app with the gate as its first middleware sets its session, and does not track."""
    visitor = starlette_visitor(loaded("starlette_inside").app, SESSION)
    assert visitor.get().names_set == ["session"]


@pytest.mark.usefixtures("folder")
def test_a_view_in_flask_withdraws() -> None:
    """The view that takes consent back does so in its own response."""
    visitor = werkzeug_visitor(werkzeug.test.Client(loaded("flask_app").app), SESSION)
    visitor.press("Accept all")
    assert "_ga" in visitor.get().names_set
    left = visitor.send("POST", "/count-me-out", {}, {})
    assert left.status == 302
    assert CONSENT in left.names_set
    assert "_ga" not in visitor.get().names_set


@pytest.mark.usefixtures("folder")
def test_a_deletion_in_falcon_passes() -> None:
    """A deletion by a date of 1970 leaves, without consent."""
    client = werkzeug.test.Client(loaded("falcon_app").application)
    assert "1970" in client.get("/forget").headers["Set-Cookie"]


@pytest.mark.server
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("server", "app"),
    [("waitress", "shop.wsgi:application"), ("uvicorn-h11", "shop.asgi:application")],
)
def test_the_django_project_is_gated(
    server: str, app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Django project asks on a real server, and sets no tracking cookie before consent."""
    monkeypatch.setenv("PYTHONPATH", str(FOLDER))
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    with serve(server, app) as url, httpx2.Client(base_url=url) as client:
        is_gated(server_visitor(client))


def server_visitor(client: httpx2.Client) -> Visitor:
    """Visit a real server."""

    def send(method: str, path: str, headers: Any, data: Any) -> Answer:
        response = client.request(method, path, headers=dict(headers), data=dict(data))
        lines = response.headers.get_list("set-cookie")
        return Answer(response.status_code, response.headers.get("location"), lines, response.text)

    return Visitor(send, lambda: {cookie.name for cookie in client.cookies.jar}, {"sessionid"})


# Policy files

FILES = sorted(path for path in FOLDER.rglob("*.toml") if path.name != "ruff.toml")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_policy_file_makes_a_gate(path: Path) -> None:
    """Each policy file of the pages is right, makes a gate, and survives being written."""
    gate = ConsentGate.from_toml(path, secret_key=KEY)
    assert set(gate.policy.cookies) >= set(Policy.from_toml(path).cookies)
    assert tomllib.loads(gate.policy.to_toml())


def test_a_policy_file_reports_in_part() -> None:
    """The file that enforces in part strips marketing, and only tells of statistics."""
    heard: list[Event] = []
    gate = ConsentGate.from_toml(FOLDER / "partial.toml", secret_key=KEY, observer=heard.append)
    answer = werkzeug.test.Client(gate.wsgi(tracking)).get("/")
    left = [line.partition("=")[0] for line in answer.headers.getlist("Set-Cookie")]
    assert left == ["_ga", "spy"]
    assert {event.name: event.enforced for event in heard} == {
        "_ga": False,
        "ad_id": True,
        "spy": False,
    }


def tracking(environ: Any, start_response: Any) -> list[bytes]:
    """Set a cookie of statistics, one of marketing, and one that nobody declared."""
    lines = [("Set-Cookie", f"{name}=1") for name in ("_ga", "ad_id", "spy")]
    start_response("200 OK", [("Content-Type", "text/plain"), *lines])
    return [b"tracked"]


def test_the_options_for_proxies_are_heeded() -> None:
    """Behind a proxy the consent cookie is Secure, and a form's origin is the public one."""
    gate = ConsentGate.from_toml(FOLDER / "proxies" / "proxies.toml", secret_key=KEY)
    client = werkzeug.test.Client(gate.wsgi(tracking))
    headers = {
        "Origin": "https://shop.example",
        "X-Forwarded-Host": "shop.example",
        "X-Forwarded-Proto": "https",
    }
    answer = client.post("/cookies/choice", data={"answer": "refuse"}, headers=headers)
    assert answer.status_code == 303
    assert "; Secure" in answer.headers["Set-Cookie"]


def test_asp_net_s_options_are_there() -> None:
    """What ASP.NET's options did is done by the file of that page."""
    gate = ConsentGate.from_toml(FOLDER / "aspnet.toml", secret_key=KEY)

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Set-Cookie", "session=1"), ("Set-Cookie", "visitor=1")])
        return []

    answer = werkzeug.test.Client(gate.wsgi(app)).get("/", base_url="https://shop.example")
    lines = answer.headers.getlist("Set-Cookie")
    assert lines == ["session=1; Secure; HttpOnly; SameSite=Lax"]


# Observers


@pytest.mark.usefixtures("folder")
def test_a_gate_that_reports_enforces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Report-only lets every cookie pass, and writes what would have been stripped."""
    (tmp_path / "consentgate.toml").write_text((FOLDER / "consentgate.toml").read_text("utf-8"))
    monkeypatch.chdir(tmp_path)
    gate = loaded("report_only").gate
    answer = werkzeug.test.Client(gate.wsgi(tracking)).get("/")
    assert len(answer.headers.getlist("Set-Cookie")) == 3
    flush(gate)
    lines = (tmp_path / "report.jsonl").read_text("utf-8").splitlines()
    told = {each["name"]: each["enforced"] for each in map(json.loads, lines)}
    assert told == {"_ga": False, "ad_id": False, "spy": False}


def track(gate: ConsentGate) -> None:
    """Have a gate see a visit on which cookies are set, and a visitor who accepts."""
    client = werkzeug.test.Client(gate.wsgi(tracking))
    client.get("/")
    own = {"Sec-Fetch-Site": "same-origin"}
    assert client.post("/cookies/choice", data={"answer": "accept"}, headers=own).status_code == 303


@pytest.fixture
def observing(folder: None) -> ModuleType:
    """Return the module whose gates have observers."""
    return loaded("observing")


def test_json_lines_have_no_paths(
    observing: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of this process gets a line for each event, without the addresses of pages."""
    (tmp_path / "consentgate.toml").write_text((FOLDER / "consentgate.toml").read_text("utf-8"))
    (tmp_path / "logs").mkdir()
    monkeypatch.chdir(tmp_path)
    gate = observing.json_lines()
    track(gate)
    flush(gate)
    file = tmp_path / "logs" / f"consentgate-{os.getpid()}.jsonl"
    events = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert {event["action"] for event in events} == {"stripped", "granted"}
    assert not any("path" in event for event in events)


def flush(gate: ConsentGate) -> None:
    """Have everything written that a gate has told."""
    (lines,) = (each for each in gate._observers if isinstance(each, JsonLines))
    lines.close()


def test_prometheus_counts_what_the_page_says(observing: ModuleType) -> None:
    """Each counter that the page shows is there, by name and labels."""
    track(observing.prometheus())
    series = {line.rpartition(" ")[0] for line in generate_latest(REGISTRY).decode().splitlines()}
    text = (FOLDER / "metrics.txt").read_text("utf-8")
    shown = {line.rpartition(" ")[0] for line in text.splitlines() if "_total" in line}
    assert len(shown) == 5
    assert shown <= series


def test_open_telemetry_takes_the_global_provider(
    observing: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate with OpenTelemetry emits its events to the provider of the process."""
    emitted: list[str] = []

    class Logger:
        def emit(self, record: Any) -> None:
            emitted.append(record.event_name)

    monkeypatch.setattr(opentelemetry._logs, "get_logger", lambda *_, **__: Logger())
    gate = observing.opentelemetry()
    track(gate)
    deadline = 100
    while "consentgate.choice.granted" not in emitted and (deadline := deadline - 1):
        gate._observers[-1]._relay.flush(0.1)
    assert {"consentgate.cookie.stripped", "consentgate.choice.granted"} <= set(emitted)


def test_a_log_of_the_site_s_own_gets_everything(
    observing: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    """The log that the page names gets a record for each event, with its fields."""
    caplog.set_level(logging.INFO, "shop.cookies")
    gate = observing.logs()
    track(gate)
    track(gate)
    records = [vars(each) for each in caplog.records if each.name == "shop.cookies"]
    assert [each["consentgate_name"] for each in records].count("spy") == 2


def test_an_observer_of_one_s_own_counts(observing: ModuleType) -> None:
    """The counter of the page counts undeclared cookies by name."""
    gate, undeclared = observing.own()
    track(gate)
    assert undeclared == {"ad_id": 1, "spy": 1}


# Keys


@pytest.mark.usefixtures("folder")
def test_the_newest_key_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    """With two keys the last one signs, and a choice of the first one is believed."""
    old, new = "the old key of the shop", "the new key of the shop"
    monkeypatch.setenv("OLD_KEY", old)
    monkeypatch.setenv("NEW_KEY", new)
    both = loaded("keys").gate
    one, two = (ConsentGate.from_toml("consentgate.toml", secret_key=key) for key in (old, new))

    def believes(gate: ConsentGate, other: ConsentGate) -> bool:
        pair = other.set_cookie_for(other.choice(["statistics"])).partition(";")[0]
        return gate.standing([pair.encode()]).answered

    assert believes(both, one)
    assert believes(two, both)
    assert not believes(one, both)


# In the page


@pytest.mark.usefixtures("folder")
def test_the_policy_of_a_page_follows_the_choice() -> None:
    """The header is the one shown, and the hosts of a third party come with its category."""
    name, _, shown = (
        (FOLDER / "third_parties.txt").read_text("utf-8").splitlines()[1].partition(": ")
    )
    client = werkzeug.test.Client(loaded("third_parties").app)
    assert client.get("/").headers[name] == shown
    own = {"Sec-Fetch-Site": "same-origin"}
    client.post("/cookies/choice", data={"answer": "accept"}, headers=own)
    allowed = client.get("/").headers[name].removeprefix(shown.removesuffix("static.example.org"))
    assert allowed.split() == ["video.example.com", "*.images.example.com", "static.example.org"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", BANNERS)
def test_the_answer_of_another_banner_is_taken(name: str) -> None:
    """Each gate of the page reads the tool that a browser test presses the buttons of."""
    shown = loaded(f"other_banners.{name}")
    assert shown.banner == BANNERS[name]
    assert shown.gate.banner is shown.banner
    assert shown.gate.policy.lookup(shown.banner.cookie.encode()) == shown.banner.row


@pytest.mark.browser
@pytest.mark.usefixtures("folder")
def test_the_banner_works_under_the_policy_of_the_page() -> None:
    """In Chromium the banner is styled and answers by its script under the directives shown."""
    shown = (FOLDER / "csp.txt").read_text("utf-8").splitlines()[1]
    name, _, value = shown.partition(": ")
    violations: list[str] = []
    with (
        serve("waitress", "docs_apps:strict") as url,
        chromium() as browser,
        opened_tab(browser) as tab,
    ):
        tab.page.on("console", lambda message: violations.append(message.text))
        answer = tab.page.goto(url)
        assert answer is not None
        assert answer.headers[name.lower()] == value
        tab.page.get_by_role("button", name="Accept all").click()
        tab.page.locator("[data-consentgate-banner]").wait_for(state="detached")
        assert tab.page.url.rstrip("/") == url
    assert violations == []


@pytest.mark.browser
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("button", "allowed"), [("Accept all", "necessary statistics"), ("Refuse all", "necessary")]
)
def test_the_single_page_app_asks(button: str, allowed: str, monkeypatch: Any) -> None:
    """In Chromium the page asks by its script, takes the answer, and does not ask again."""
    monkeypatch.setenv("PYTHONPATH", str(FOLDER / "spa"))
    with (
        serve("uvicorn-h11", "app:app") as url,
        chromium() as browser,
        opened_tab(browser) as tab,
    ):
        tab.page.goto(url)
        tab.page.get_by_role("button", name=button).click()
        state = tab.page.locator("#state")
        for _ in range(2):
            tab.page.locator("#question").wait_for(state="hidden")
            state.get_by_text(re.compile(f"^{allowed}$")).or_(state).wait_for()
            tab.page.wait_for_function("document.querySelector('#state').textContent")
            words = (state.text_content() or "").split()
            assert sorted({*words} & {"necessary", "statistics", "marketing"}) == allowed.split()
            tab.page.reload()


@pytest.mark.browser
@pytest.mark.usefixtures("folder")
def test_a_page_hears_of_the_choice() -> None:
    """In Chromium the script of the page learns of a choice when it is made."""
    with (
        serve("waitress", "docs_apps:listening") as url,
        chromium() as browser,
        opened_tab(browser) as tab,
    ):
        tab.page.goto(url)
        assert tab.page.get_attribute("html", "data-counted") is None
        tab.page.get_by_role("button", name="Accept all").click()
        tab.page.locator("html[data-counted=yes]").wait_for()


# Tests of the reader's own


@pytest.mark.usefixtures("folder")
def test_the_reader_s_tests_pass() -> None:
    """The tests that the page shows pass, run by pytest as the reader runs them."""
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "test_shop.py"]
    environment = {**os.environ, "PYTHONPATH": str(FOLDER)}
    done = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, *arguments],
        cwd=FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


# Proxies

_AROUND = """\
pid nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {server}
}}
"""


@pytest.mark.server
@pytest.mark.parametrize("name", ["nginx.conf", "cache.conf"])
def test_nginx_takes_the_configuration(name: str, tmp_path: Path) -> None:
    """A real nginx finds nothing amiss in what the page shows."""
    server = (FOLDER / "proxies" / name).read_text("utf-8")
    (tmp_path / "nginx.conf").write_text(_AROUND.format(server=server), "utf-8")
    done = subprocess.run(  # noqa: S603  # found by name
        [find_nginx(), "-t", "-p", str(tmp_path), "-c", "nginx.conf"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


@pytest.mark.server
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["nginx.conf", "cache.conf"])
def test_an_app_behind_nginx_asks_each_visitor(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind nginx, with and without a cache, one visitor's choice is never another's."""
    monkeypatch.setenv("PYTHONPATH", str(FOLDER))
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    port = free_port()
    with serve("waitress", "shop.wsgi:application") as origin:
        server = (FOLDER / "proxies" / name).read_text("utf-8")
        server = server.replace("http://127.0.0.1:8000", origin).replace("8080", str(port))
        text = "daemon off;\nmaster_process off;\n" + _AROUND.format(server=server)
        (tmp_path / "nginx.conf").write_text(text, "utf-8")
        nginx = [find_nginx(), "-p", str(tmp_path), "-c", "nginx.conf"]
        with (
            run_server(nginx, port) as url,
            httpx2.Client(base_url=url) as one,
            httpx2.Client(base_url=url) as other,
        ):
            is_gated(server_visitor(one))
            is_gated(server_visitor(other))


# Sessions


# Those that need a database are run in tests/test_docs_ledger.py.
SESSIONS = [path for path in transcripts.sessions() if not transcripts.needs_database(path)]


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_session_goes_as_it_is_shown(path: Path, tmp_path: Path) -> None:
    """Every command of a session, run in a folder of its own, writes what stands below it."""
    if not shutil.which("curl"):
        give_up = pytest.fail if os.environ.get("CONSENTGATE_REQUIRE") else pytest.skip
        give_up("NO CURL FOUND: no session of the documentation is shown to work without one")
    ran = transcripts.Session(path, tmp_path).run()
    assert ran
    if os.environ.get("CONSENTGATE_UPDATE_TRANSCRIPTS"):
        transcripts.rewrite(path, ran)
        return
    for command, seen in ran:
        assert transcripts.agree(command.expected, seen), "\n".join(
            [f"$ {command.text}", *seen, "", "where the page shows:", *command.expected]
        )


def test_what_is_installed_can_be() -> None:
    """Each extra of the package that a page tells to install is one that it has."""
    extras = set(distribution("consentgate").metadata.get_all("Provides-Extra") or ())
    told: set[str] = set()
    for page in [*(ROOT / "docs").rglob("*.md"), *transcripts.sessions()]:
        for several in re.findall(r'"consentgate\[([a-z,-]+)\]"', page.read_text("utf-8")):
            told.update(several.split(","))
    assert {"cli", "browser", "ledger", "postgresql", "prometheus", "opentelemetry"} <= told
    assert told <= extras


TESTED = {
    *(str(path.relative_to(FOLDER)) for path in [*transcripts.sessions(), *FILES]),
    *(f"{name}.py" for name in [*WSGI, *ASGI]),
    *("starlette_inside.py", "report_only.py", "observing.py", "keys.py", "third_parties.py"),
    *(
        "test_shop.py",
        "templates/shop.html",
        "metrics.txt",
        "csp.txt",
        "token.txt",
        "third_parties.txt",
    ),
    *(f"shop/{name}.py" for name in ("cookies", "settings", "urls", "wsgi", "asgi")),
    *("shop/templates/shop.html", "proxies/nginx.conf", "proxies/cache.conf"),
    *("placeholders.py", "templates/placeholders.html"),
    *("spa/static/spa.js", "spa/static/listening.js"),
    *("tutorial/bare.py", "tutorial/app.py"),
    # Their pages are visited with trackers: tests/test_docs_scripts.py.
    *("scripts.py", "static/refused.js"),
    *(f"templates/{name}.html" for name in ("guarded", "gtag", "matomo")),
    # Their gates write into a ledger, and their SQL runs on a database: tests/test_docs_ledger.py.
    *(f"ledger/{name}.py" for name in ("gate", "extra")),
    *(f"ledger/{name}.sql" for name in ("roles", "rights", "watch", "spool")),
    *("ledger/backup.py", "ledger/crontab"),
    # tests/test_docs_ledger_partitions.py
    "ledger/partitions.sql",
    # Their pages use the scripts: tests/browser/test_other_banners_in_chromium.py.
    *(f"other_banners/{name}.{kind}" for name in BANNERS for kind in ("py", "js")),
}
"""The files that the tests here, or a session, run."""
