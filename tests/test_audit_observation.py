"""What a site sets is seen: apps, URLs and reports are looked at, without a browser."""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from adapters import KEY
from consentgate import ConsentGate, ConsentGateError, Cookie, Pages, Policy
from consentgate.audit import client, serving
from consentgate.audit.crawl import Bounds, Crawl, NotVisited
from consentgate.audit.observation import Plan, of_app, of_reports, of_site
from consentgate.audit.serving import address, behind, listen, served
from consentgate.audit.target import Target, load

pytestmark = pytest.mark.server


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Check that no thread outlives its test."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def names(crawl: Crawl) -> set[str]:
    """Return the names that were seen."""
    return {seen.name for seen in crawl.sightings}


SHOP = {"sessionid", "_fbp", "mystery", "hop", "dotted", "leaving", "lost"}


def test_all_that_responses_set_is_seen() -> None:
    """Pages, redirects, error pages and pictures are looked at; a log-out link is not pressed."""
    found = of_app(load("audited_apps:shop"), Plan())
    assert names(found) == SHOP
    assert not found.failures
    [hop] = [seen for seen in found.sightings if seen.name == "hop"]
    assert (hop.host, hop.pages, hop.by) == ("127.0.0.1", ("/next",), "header")


def test_the_apps_own_gate_hides_nothing() -> None:
    """An app behind a gate of its own shows what it would set without one; its policy counts."""
    target = load("audited_apps:gated_shop")
    plan = Plan().of_app(target)
    assert plan.policy is not None
    assert plan.policy.lookup(b"sessionid") is not None
    assert names(of_app(target, plan)) == SHOP
    assert Plan(policy=Policy([])).of_app(target) == Plan(policy=Policy([]))


def test_what_needs_consent_is_seen_after_it(caplog: pytest.LogCaptureFixture) -> None:
    """With `accept` an app that asks before it sets a cookie is seen to set it half way."""
    with caplog.at_level(logging.CRITICAL):
        found = of_app(load("audited_apps:shop"), Plan(accept=True))
    assert names(found) == SHOP | {"asked", "cookies_preferences"}
    assert found.accepted


async def greedy(request: Request) -> Response:
    """Show the banner, and set a cookie for who accepted."""
    consent = request.state.consent
    response = HTMLResponse(f"<body>{consent.banner_html('en')}</body>")
    if consent.allows("marketing"):
        response.set_cookie("ad_id", "1", max_age=60)
    return response


def site(gate: ConsentGate) -> Any:
    """Return a site behind its gate."""
    return gate.asgi(Starlette(routes=[Route("/", greedy)]))


GREEDY = Policy([Cookie("ad_id", "marketing")])


@pytest.mark.parametrize("options", [{}, {"pages": Pages("/privacy", languages=["en"])}])
def test_the_banner_of_a_site_is_answered(options: dict[str, Any]) -> None:
    """At a URL, the site's own consentgate is told "accept all" as its banner would tell it."""
    app = site(ConsentGate(GREEDY, secret_key=KEY, **options))
    with served(app) as url:
        assert names(of_site(url, Plan())) == set()
        # The banner says where its answers go, whatever the plan knows.
        found = of_site(url, Plan(accept=True))
    assert names(found) == {"ad_id", "cookies_preferences"}


def test_a_site_that_asks_nothing_is_told_nothing() -> None:
    """Without consentgate's pages there is nobody to accept."""

    async def home(_: Request) -> Response:
        return HTMLResponse(
            '<form action="https://other.test/choice"><button name=answer value=accept></form>'
        )

    with served(Starlette(routes=[Route("/", home)])) as url:
        assert of_site(url, Plan(accept=True)).accepted is False


def test_a_refused_answer_is_no_acceptance() -> None:
    """A site that takes the answer badly was not told "accept all"."""

    async def home(_: Request) -> Response:
        return HTMLResponse('<form action="/no"><button name=answer value=accept></form>')

    with served(Starlette(routes=[Route("/", home)])) as url:
        assert of_site(url, Plan(accept=True)).accepted is False


def test_what_is_not_there_is_told() -> None:
    """A page that redirects for ever, or hangs up, is told with its reason."""

    async def home(_: Request) -> Response:
        return HTMLResponse(
            '<a href="/loop"></a><a href="/broken"></a><a href="/no"><img src="/loop">'
        )

    async def loop(_: Request) -> Response:
        return RedirectResponse("/loop")

    async def nowhere(_: Request) -> Response:
        return Response("", 302, {"Location": "http://["})

    async def garbled(_: Request) -> Response:
        return Response(b"no gzip", headers={"Content-Encoding": "gzip"}, media_type="text/html")

    routes = [
        *(Route("/", home), Route("/loop", loop)),
        *(Route("/broken", garbled), Route("/no", nowhere)),
    ]
    with served(Starlette(routes=routes)) as url:
        loop_failure, broken_failure = of_site(url, Plan()).failures
        assert "/loop: more than 10 redirects" in loop_failure
        assert "/broken: " in broken_failure
        with client.caller(url) as caller:
            assert caller.accept(f"{url}loop", url) is False


def test_time_is_up_in_the_middle_of_a_page() -> None:
    """What a page loads is not fetched once time is up, and nothing is fetched twice."""
    asked: list[str] = []

    async def home(request: Request) -> Response:
        asked.append(request.url.path)
        return HTMLResponse('<img src="/dot"><img src="/dot"><img src="//other.test/x"><img src>')

    async def dot(request: Request) -> Response:
        asked.append(request.url.path)
        return PlainTextResponse("dot")

    with (
        served(Starlette(routes=[Route("/", home), Route("/dot", dot)])) as url,
        client.caller(url) as caller,
    ):
        caller.visit(url, 10)
        caller.visit(url, 10)
        assert asked == ["/", "/dot", "/"]
        with pytest.raises(NotVisited):
            caller.visit(url, 0)


def test_a_page_is_read_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links behind the bound on bytes are not found; nothing grows with what a site sends."""
    monkeypatch.setattr(client, "MOST_BYTES", 1000)

    async def home(_: Request) -> Response:
        return HTMLResponse("<a href='/near'>" + "x" * 200_000 + "<a href='/far'>")

    with served(Starlette(routes=[Route("/", home)])) as url, client.caller(url) as caller:
        assert [link.removeprefix(url) for link in caller.visit(url, 10).links] == ["near"]


@pytest.mark.parametrize(
    "url", ["shop.test", "ftp://shop.test/", "http://", "http://[", "http://x:0"]
)
def test_a_site_is_named_by_its_url(url: str) -> None:
    """What is no http address is said to be none, with an example."""
    with pytest.raises(ConsentGateError, match="a site is named as in https"):
        of_site(url, Plan())


def test_the_plan_follows_the_files_options() -> None:
    """Cookie name and pages are the file's; nothing is enforced, whatever the file says."""
    options = {
        "cookie_name": "choice",
        "pages": Pages("/legal/cookies"),
        "report_only": ["marketing"],
        "clamp_lifetimes": True,
    }
    plan = Plan(GREEDY, options)
    gate = plan.gate()
    assert (gate.cookie_name, gate.report_only, gate.clamp_lifetimes) == ("choice", True, False)
    assert (plan.cookie_name, plan.asked_at) == ("choice", "/legal/cookies")
    assert Plan(GREEDY, {"pages": None}).asked_at == "/cookies"
    assert Plan(GREEDY, {"pages": "/x"}).asked_at == "/x"
    assert Plan(GREEDY, {"pages": None}).gate().site is not None
    assert Bounds(1, 10).half == Bounds(1, 5)


def test_a_report_tells_what_is_undeclared(tmp_path: Path) -> None:
    """What was stripped counts; what browsers brought counts only if a preset knows the name."""
    events = [
        ("stripped", "mystery", "undeclared"),
        ("stripped", "mystery", "undeclared"),
        ("stripped", "_ga", "no choice yet"),
        ("withheld", "_fbp", "undeclared"),
        ("withheld", "made_up_by_a_visitor", "undeclared"),
        ("guarded", "_gcl_au", "undeclared"),
        ("guarded", "made_up_too", "undeclared"),
        ("blocked", "_gid", "undeclared"),
        ("expired", "old", "undeclared"),
    ]
    file = tmp_path / "report.jsonl"
    lines = [
        {
            "time": "2026-11-25T10:00:00.000Z",
            "action": action,
            "name": name,
            "category": None,
            "path": "/a" if name == "mystery" else None,
            "reason": reason,
            "enforced": False,
        }
        for action, name, reason in events
    ]
    for line in lines:
        if line["path"] is None:
            del line["path"]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    mystery, ad, fbp = of_reports([str(file)])
    assert (mystery.name, mystery.by, mystery.count, mystery.pages) == (
        "mystery",
        "header",
        2,
        ("/a",),
    )
    assert (fbp.name, fbp.by, fbp.pages) == ("_fbp", "script", ())
    assert (ad.name, ad.by) == ("_gcl_au", "script")


def test_a_port_that_is_taken_is_said_with_the_remedy() -> None:
    """Who listens on a taken port is told so, and which one to try."""
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConsentGateError, match=f"port {port}: .* say --port {port + 1}"):
            listen("127.0.0.1", port)
        assert address(taken) == f"http://127.0.0.1:{port}/"
    with pytest.raises(ConsentGateError, match="port 70000"):
        listen("127.0.0.1", 70000)


def test_an_address_may_be_of_ip_6() -> None:
    """An IPv6 address stands in brackets in a URL."""
    try:
        listener = listen("::1", 0)
    except ConsentGateError:
        pytest.skip("no IPv6 here")
    with listener:
        assert address(listener).startswith("http://[::1]:")


def test_an_app_that_does_not_start_is_said() -> None:
    """Where the app's own start fails there is nothing to look at."""
    with (
        pytest.raises(ConsentGateError, match="the app did not start"),
        served(load("audited_apps:failing").app),
    ):
        pytest.fail("it started")


def test_an_app_that_never_starts_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start is waited for as long as patience lasts."""
    monkeypatch.setattr(serving, "_START_SECONDS", 0.1)
    started = threading.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        started.set()
        await receive()
        while threading.main_thread().is_alive() and not over.is_set():
            await asyncio_sleep()
        await send({"type": "lifespan.startup.failed"})

    over = threading.Event()
    with pytest.raises(ConsentGateError, match="the app did not start"), served(slow):
        pytest.fail("it started")
    over.set()
    for thread in threading.enumerate():
        if thread.name == "observed":
            thread.join(10)
    assert started.is_set()


async def asyncio_sleep() -> None:
    """Give other tasks a turn."""
    import asyncio

    await asyncio.sleep(0.01)


@contextmanager
def without(monkeypatch: pytest.MonkeyPatch, module: str) -> Iterator[None]:
    """Make a module one that is not installed."""
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, module, None)
        yield


def test_what_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a2wsgi, uvicorn or httpx2 the extra is named that brings them."""
    gate = ConsentGate(GREEDY, secret_key=KEY)
    told = r'pip install "consentgate\[cli\]"'
    with without(monkeypatch, "a2wsgi"), pytest.raises(ConsentGateError, match=told):
        behind(gate, Target(print, "wsgi")).__enter__()
    with without(monkeypatch, "uvicorn"), pytest.raises(ConsentGateError, match=told):
        serving.server(print)
    with without(monkeypatch, "httpx2"), pytest.raises(ConsentGateError, match=told):
        client.caller("http://x/").__enter__()


def test_no_port_stays_open() -> None:
    """Once an app has been looked at, nobody listens where it was served."""
    with served(site(ConsentGate(GREEDY, secret_key=KEY))) as url:
        port = int(url.rstrip("/").rpartition(":")[2])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
