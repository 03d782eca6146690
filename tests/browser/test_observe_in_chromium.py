"""`consentgate observe --browser`: a real Chromium sees what scripts and other sites set."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from typer.testing import CliRunner

import browsing
from adapters import KEY
from consentgate import ConsentGate, ConsentGateError, Cookie, Policy
from consentgate.audit import launch
from consentgate.audit.browser import chromium
from consentgate.audit.crawl import Bounds, Crawl
from consentgate.audit.observation import Plan, of_site
from consentgate.audit.serving import served
from consentgate.cli.app import app as command
from examples import demo

pytestmark = [pytest.mark.browser, pytest.mark.server]


@pytest.fixture(autouse=True)
def _nothing_left_behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take the browser of the other tests, and check that no thread outlives its test."""
    monkeypatch.setenv("CONSENTGATE_CHROMIUM", browsing.find_chromium())
    before = set(threading.enumerate())
    yield
    # What AnyIO keeps ready for an app's files ends by itself, some time after its loop.
    left = {each for each in threading.enumerate() if each.name != "AnyIO worker thread"}
    assert left <= before


def pairs(sightings: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Return who set what."""
    return {(seen["by"], seen["name"]) for seen in sightings}


DEMO = {
    *(("header", name) for name in demo.ATTEMPTS),
    ("script", demo.SCRIPTED),
    ("third party", demo.PARTNER),
}


@pytest.mark.parametrize("arguments", [(), ("--accept",)])
def test_every_cookie_of_the_demo_is_found_and_no_other(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By header, by script and by the other site: all that the demo sets, and none besides."""
    monkeypatch.chdir(tmp_path)
    target = ("observe", "examples.demo:app", "--browser", "--json", "--max-pages", "12")
    result = CliRunner().invoke(command, [*target, *arguments])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert pairs(told["declared"] + told["undeclared"]) == DEMO
    assert [seen["name"] for seen in told["undeclared"]] == ["spy"]
    assert pairs(told["gate"]) == ({("header", "cookies_preferences")} if arguments else set())
    seen = {each["name"]: each for each in told["declared"]}
    assert seen["ad_id"]["http_only"] is True
    assert seen["partner_id"]["host"] == "localhost"
    assert seen["partner_id"]["same_site"] == "None"
    year = timedelta(days=365).total_seconds()
    assert {seen[name]["lifetime"] for name in ("clicks_js", "partner_id", "_ga_DEMO")} == {year}


def test_the_demo_in_operation_shows_what_gets_past_its_gate() -> None:
    """At its URL the gate is in force: before consent what is necessary is set, and nothing else.

    Neither a script nor the other site gets past it; after consent both do.
    """
    with served(demo.app) as url:
        before = of_site(url, Plan(browser=True, bounds=Bounds(6)))
        after = of_site(url, Plan(browser=True, accept=True, bounds=Bounds(8)))
    necessary = {("header", "session"), ("header", "basket")}
    past = {("script", "clicks_js"), ("third party", "partner_id")}
    assert pairs([vars(seen) for seen in before.sightings]) == necessary
    consented = {("header", "_ga_DEMO"), ("header", "ad_id"), ("header", "cookies_preferences")}
    assert pairs([vars(seen) for seen in after.sightings]) == necessary | past | consented
    assert after.accepted


def crawled(pages: dict[str, Any], plan: Plan | None = None) -> Crawl:
    """Look at a site of these pages: HTML, or a function that responds."""
    with served(Starlette(routes=[route(*page) for page in pages.items()])) as url:
        return of_site(url, plan or Plan(browser=True))


def route(path: str, page: Any) -> Any:
    """Return a route to a page."""
    if callable(page):
        return (WebSocketRoute if path.endswith("socket") else Route)(path, page)

    async def html(_: Request) -> Response:
        return HTMLResponse(page)

    return Route(path, html)


def test_what_scripts_do_by_any_way_is_seen() -> None:
    """document.cookie, cookieStore, and what lives for a moment only: all are the script's."""
    found = crawled(
        {
            "/": """<script>
                document.cookie = "plain=1; path=/; max-age=3600; SameSite=Strict";
                document.cookie = "brief=1; path=/deep";
                cookieStore.set("stored", "1").then(() => cookieStore.set(
                  {name: "lasting", value: "1", expires: Date.now() + 86400000}));
                document.cookie = "moment=1; path=/";
                setTimeout(() => { document.cookie = "moment=; path=/; max-age=0"; }, 400);
            </script>"""
        }
    )
    seen = {sighting.name: sighting for sighting in found.sightings}
    assert seen.keys() == {"plain", "brief", "stored", "lasting", "moment"}
    assert {sighting.by for sighting in found.sightings} == {"script"}
    assert seen["plain"].lifetime == timedelta(hours=1)
    assert seen["plain"].same_site == "Strict"
    assert seen["lasting"].lifetime == timedelta(days=1)
    assert (seen["brief"].path, seen["brief"].lifetime) == ("/deep", None)


def test_a_header_that_nobody_shows_is_a_header_all_the_same() -> None:
    """A cookie that came with the handshake of a WebSocket is HttpOnly, so no script's."""

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept(headers=[(b"set-cookie", b"shaken=1; HttpOnly")])
        await websocket.close()

    script = "<script>new WebSocket(location.href.replace('http', 'ws') + 'socket')</script>"
    [shaken] = crawled({"/": script, "/socket": socket}).sightings
    assert (shaken.name, shaken.by, shaken.http_only) == ("shaken", "header", True)


def test_the_browser_does_not_leave_the_host() -> None:
    """A page, a script or a redirect that leads elsewhere is not followed; windows are closed."""
    asked: list[str] = []

    async def elsewhere(request: Request) -> Response:
        asked.append(request.headers["host"])
        response = PlainTextResponse("elsewhere")
        response.set_cookie("elsewhere", "1")
        return response

    async def away(request: Request) -> Response:
        response = RedirectResponse(f"http://localhost:{request.url.port}/elsewhere")
        response.set_cookie("leaving", "1")
        return response

    found = crawled(
        {
            "/": "<a href='/away'>away</a><a href='/scripted'>scripted</a><a href='/open'>open</a>",
            "/away": away,
            "/scripted": "<script>location.hostname = 'localhost'</script>",
            "/open": "<script>window.open('/window')</script>",
            "/window": "<a href='/unseen'>unseen</a>",
            "/elsewhere": elsewhere,
        }
    )
    assert asked == []
    assert [seen.name for seen in found.sightings] == ["leaving"]
    assert len(found.pages) == 4


def test_a_page_that_does_not_come_is_told() -> None:
    """A download, and a page that fails, are told with their reason; the crawl goes on."""

    async def download(_: Request) -> Response:
        return Response(b"x", headers={"Content-Disposition": "attachment"})

    found = crawled(
        {
            "/": "<a href='/download'>download</a><a href='/after'>after</a>",
            "/download": download,
            "/after": "<p>after",
        }
    )
    assert len(found.pages) == 2
    [failure] = found.failures
    assert "/download: " in failure
    with pytest.raises(ConsentGateError, match="no page was visited"):
        of_site("http://127.0.0.1:9/", Plan(browser=True))


def test_a_site_that_does_not_ask_or_does_not_take_the_answer_accepted_nothing() -> None:
    """Without a banner and consentgate's pages, or with broken ones, nothing is accepted."""
    plan = Plan(browser=True, accept=True, bounds=Bounds(2, 20))
    assert crawled({"/": "<p>nothing"}, plan).accepted is False

    async def refused(_: Request) -> Response:
        return PlainTextResponse("no", 403)

    form = (
        '<form method="post" action="/no"><button name="answer" value="accept">Yes</button></form>'
    )
    pages: dict[str, Any] = {"/": form}
    with served(
        Starlette(
            routes=[route(*page) for page in pages.items()]
            + [Route("/no", refused, methods=["POST"])]
        )
    ) as url:
        assert of_site(url, plan).accepted is False
        with chromium(url) as visitor:
            assert visitor.accept("http://127.0.0.1:9/", url) is False


def test_the_pages_that_ask_take_the_answer_where_no_banner_is() -> None:
    """A site that shows no banner on its first page is answered where consentgate's pages are."""

    async def home(request: Request) -> Response:
        response = HTMLResponse("<p>no banner")
        response.set_cookie("ad_id", "1")
        return response

    gate = ConsentGate(Policy([Cookie("ad_id", "marketing")]), secret_key=KEY)
    with served(gate.asgi(Starlette(routes=[Route("/", home)]))) as url:
        found = of_site(url, Plan(browser=True, accept=True))
    assert {seen.name for seen in found.sightings} == {"ad_id", "cookies_preferences"}


def test_without_a_chromium_it_is_said_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path in the environment counts; a browser that is not there, or none, is said."""
    monkeypatch.setenv("CONSENTGATE_CHROMIUM", "/nowhere/chromium")
    with (
        pytest.raises(
            ConsentGateError, match=r"no Chromium at /nowhere/chromium: .* CONSENTGATE_CHROMIUM"
        ),
        chromium("http://127.0.0.1/"),
    ):
        pytest.fail("it started")
    monkeypatch.setenv("CONSENTGATE_CHROMIUM", "/bin/false")
    with (
        pytest.raises(ConsentGateError, match="Chromium does not start"),
        chromium("http://127.0.0.1/"),
    ):
        pytest.fail("it started")


def test_without_playwright_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser needs an extra."""
    import sys

    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    with (
        pytest.raises(ConsentGateError, match=r'pip install "consentgate\[browser\]"'),
        chromium("http://127.0.0.1/"),
    ):
        pytest.fail("it started")


def test_only_root_gives_up_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chromium keeps its sandbox for everybody but root, for whom it would not start."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert launch._as_root() == []
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert launch._as_root() == ["--no-sandbox"]
