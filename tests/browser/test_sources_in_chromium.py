"""From other sites Chromium loads what the visitor allows, and nothing else, by any way it has."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

import third_party_lab as lab
from browsing import Tab
from consentgate.observer import Event
from page_features import featured, features_of
from third_party_lab import (
    ADS,
    CDN,
    COUNT,
    OTHERS,
    STRAY,
    Asked,
    Reply,
    Site,
    View,
    gate_of,
)
from third_party_ways import ONE_OF_A_PAGE, SECURE, WAYS, Loading

pytestmark = [pytest.mark.browser, pytest.mark.server]

PLACES = [("wsgi", True), ("asgi", False)]
NAMES = ["wsgi-https", "asgi-http"]
KEPT = (b"Cache-Control", b"max-age=600")


@pytest.fixture(scope="module")
def profile(chromium: Browser) -> Iterator[Tab]:
    """Return a page in a profile that takes cookies of embedded sites."""
    with lab.visitor(chromium) as opened:
        yield opened


@pytest.fixture
def tab(profile: Tab) -> Tab:
    """Return the same page for all, with an empty jar: a new one for each takes its time."""
    profile.page.goto("about:blank")
    profile.clear()
    return profile


# By any way


@pytest.mark.parametrize(("way", "tls"), PLACES, ids=NAMES)
@pytest.mark.conformance("T1")
def test_no_way_leads_to_a_site_that_is_not_allowed(tab: Tab, way: str, tls: bool) -> None:
    """Before consent, under it and after a withdrawal, their logs and the jar say who was asked."""
    ways = WAYS if tls else WAYS - SECURE

    def view(asked: Asked) -> Reply:
        return loading.page(*hosts) if asked.path == "/" else loading.file(asked)

    hosts: tuple[str, ...] = OTHERS
    site = Site(tab, view, way, gate_of(), tls)
    loading = Loading(site)
    with site.running():
        for open_to in (CDN, ADS, None):
            site.forget()
            site.go()
            if open_to is not None:
                assert ways - site.awaited(open_to, ways) == set()
            site.settle()
            assert site.asked() == {*filter(None, [open_to])}
            assert site.cookie_hosts() == ({*filter(None, [open_to])} if tls else set())
            # What has worked is not tried again: there are many ways.
            hosts = (COUNT, ADS) if open_to is CDN else (ADS,)
            site.choose(*(["marketing"] if open_to is CDN else []))


@pytest.mark.parametrize(("way", "tls"), PLACES, ids=NAMES)
@pytest.mark.conformance("T1")
def test_an_icon_and_a_manifest_are_loaded_as_other_things_are(
    tab: Tab, way: str, tls: bool
) -> None:
    """What belongs to a page once, and what the browser itself shows, is held to the choice too."""
    site = Site(tab, lambda asked: loading.single(ADS), way, gate_of(), tls)
    loading = Loading(site)
    with site.running():
        site.go()
        site.read_manifest()
        site.settle()
        assert site.asked() == set()
        site.choose("marketing")
        site.go()
        site.read_manifest()
        assert site.awaited(ADS, ONE_OF_A_PAGE) == set(ONE_OF_A_PAGE)


TYPES = {
    "html": "text/html; charset=utf-8",
    "none": "",
    "after a comma": "text/plain;x=, text/html",
    "no semicolon": "text/html charset=utf-8",
    "xhtml": "application/xhtml+xml",
    "xml": "application/xml",
    "svg": "image/svg+xml",
    "unknown": "application/unknown",
}


@pytest.mark.parametrize(("way", "tls"), PLACES, ids=NAMES)
@pytest.mark.conformance("T1")
def test_whatever_makes_a_page_is_held_to_the_choice(tab: Tab, way: str, tls: bool) -> None:
    """Every content type that a browser makes a page of has the policy, the others need none."""
    kinds = list(TYPES)

    def view(asked: Asked) -> Reply:
        if asked.path == "/":
            frames = (f"<iframe src=/{number}></iframe>" for number in range(len(kinds)))
            return Reply("<!doctype html>" + "".join(frames))
        kind = kinds[int(asked.path[1:])]
        address = site.at(ADS, f"/{kind.replace(' ', '-')}.png")
        if kind == "svg":
            body = f"<svg xmlns='http://www.w3.org/2000/svg'><image href='{address}'/></svg>"
        elif "x" in TYPES[kind][-3:]:
            body = f"<html xmlns='http://www.w3.org/1999/xhtml'><img src='{address}'/></html>"
        else:
            body = f"<!doctype html><html><img src='{address}'></html>"
        return Reply(body, TYPES[kind])

    site = Site(tab, view, way, gate_of(), tls)
    with site.running():
        site.go()
        assert site.asked() == set()
        site.choose("marketing")
        site.go()
        names = {f"{kind.replace(' ', '-')}.png" for kind in kinds}
        assert site.awaited(ADS, names) == names


# After a change


@pytest.mark.conformance("T1")
def test_the_answer_to_the_banner_holds_from_the_next_page_on(tab: Tab) -> None:
    """Refused, the page goes on without them; accepted later, the third parties come."""
    page = "<!doctype html><title>x</title><body><p>x</p>"
    site = Site(tab, lambda _: Reply(page + site.pictures()), "asgi", gate_of(inject_banner=True))
    with site.running():
        for button, hosts in (("Refuse all", {CDN}), ("Accept all", {CDN, COUNT, ADS})):
            tab.clear()
            site.go()
            assert site.asked() == {CDN}
            tab.page.get_by_role("button", name=button, exact=True).click()
            expect(tab.page.get_by_role("button", name=button, exact=True)).to_have_count(0)
            site.forget()
            site.go()
            assert site.asked() == hosts


def kept_page(site: Site, *, etag: bool, lasts: bool) -> View:
    """Return a page with a picture from each site: it may be kept, asked for again, or both."""
    headers = [*([(b"ETag", b'"1"')] if etag else []), *([KEPT] if lasts else [])]

    def view(asked: Asked) -> Reply:
        if asked.path != "/kept":
            return Reply("<!doctype html><title>x</title>")
        if etag and asked.headers.get("if-none-match") == '"1"':
            return Reply("", "", headers, 304)
        # Another picture each time: those that are shown already are in the browser's memory.
        return Reply(
            "<!doctype html>" + site.pictures(name=f"{len(site.log)}.png"), headers=headers
        )

    return view


CACHED = {
    "kept": ("wsgi", False, True),
    "asked for again": ("asgi", True, False),
    "both": ("wsgi", True, True),
    "both, over ASGI": ("asgi", True, True),
}


@pytest.mark.parametrize(("way", "etag", "lasts"), CACHED.values(), ids=list(CACHED))
@pytest.mark.conformance("T1")
def test_a_cached_page_follows_the_choice(tab: Tab, way: str, etag: bool, lasts: bool) -> None:
    """A page that the browser has kept is not shown with the choice of the day it was kept."""
    site = Site(tab, lambda asked: kept_page(site, etag=etag, lasts=lasts)(asked), way, gate_of())
    with site.running():
        for answer in ((), ("marketing",), ()):
            site.go("/other")
            site.choose(*answer)
            site.forget()
            site.go("/kept")
            assert site.asked() == {CDN, *([ADS] if answer else [])}
        site.go("/other")
        site.choose("statistics")
        site.forget()
        site.back()
        assert ADS not in site.asked()


RENEWALS = {
    "fetch": "fetch('/kept').then(answer => answer.text())",
    "prefetch": """new Promise(done => document.head.append(Object.assign(
        document.createElement('link'), {rel: 'prefetch', href: '/kept', onload: done})))""",
}


@pytest.mark.parametrize("way", ["wsgi", "asgi"])
@pytest.mark.parametrize("renewal", RENEWALS.values(), ids=list(RENEWALS))
@pytest.mark.conformance("T1")
def test_what_a_script_fetches_does_not_renew_a_page_of_another_choice(
    tab: Tab, way: str, renewal: str
) -> None:
    """A 304 to a script would say that the page that is kept, with its policy, is still good."""
    site = Site(tab, lambda asked: kept_page(site, etag=True, lasts=True)(asked), way, gate_of())
    with site.running():
        site.go("/other")
        site.choose("marketing")
        site.go("/kept")
        assert ADS in site.asked()
        site.go("/other")
        site.choose()
        site.page.evaluate(f"async () => {{ await {renewal} }}")
        site.forget()
        site.go("/kept")
        assert ADS not in site.asked()


@pytest.mark.parametrize(("way", "tls"), PLACES, ids=NAMES)
@pytest.mark.conformance("T1")
def test_a_worker_from_the_cache_is_held_to_the_choice(tab: Tab, way: str, tls: bool) -> None:
    """A script that was kept as one, and a worker of another choice, are no way past the policy."""

    def view(asked: Asked) -> Reply:
        if asked.path == "/both.js":
            fetching = f"fetch('{site.at(ADS, '/x.json')}', {{mode: 'no-cors'}})"
            return Reply(f"if (!self.document) {fetching}", "text/javascript", [KEPT])
        script = "<script src=/both.js onload=\"new Worker('/both.js')\"></script>"
        return Reply("<!doctype html>" + (script if asked.path == "/" else ""))

    site = Site(tab, view, way, gate_of(), tls)
    with site.running():
        for answer in ((), ("marketing",), ()):
            site.go("/other")
            site.choose(*answer)
            site.forget()
            site.go()
            if answer:
                assert site.awaited(ADS, ["x.json"])
            site.settle()
            assert site.asked() == ({ADS} if answer else set())


# Service workers

PASSING = """oninstall = () => skipWaiting()
onactivate = event => event.waitUntil(clients.claim())
onfetch = event => event.respondWith(fetch(event.request))"""
REGISTERING = """async () => {
    const controlled = new Promise(done =>
        navigator.serviceWorker.addEventListener('controllerchange', done))
    await navigator.serviceWorker.register('/passing.js')
    await controlled
}"""
UNREGISTERING = """async () => {
    for (const each of await navigator.serviceWorker.getRegistrations()) await each.unregister()
}"""


@pytest.mark.parametrize("way", ["wsgi", "asgi"])
@pytest.mark.parametrize("first", [(), ("marketing",)], ids=["refused", "granted"])
@pytest.mark.conformance("T1")
def test_a_page_with_a_service_worker_follows_the_choice(
    tab: Tab, way: str, first: tuple[str, ...]
) -> None:
    """What passes a service worker is held to today's choice, not to that of its first day."""

    def view(asked: Asked) -> Reply:
        if asked.path == "/passing.js":
            return Reply(PASSING, "text/javascript")
        return kept_page(site, etag=True, lasts=True)(asked)

    site = Site(tab, view, way, gate_of())
    with site.running():
        site.go("/other")
        site.choose(*first)
        site.page.evaluate(REGISTERING)
        for answer in (first, () if first else ("marketing",), first):
            site.choose(*answer)
            site.forget()
            site.go("/kept")
            assert site.asked() == {CDN, *([ADS] if answer else [])}
        site.page.evaluate(UNREGISTERING)


@pytest.mark.conformance("T1")
def test_a_worker_behind_a_service_worker_is_held_to_the_choice(tab: Tab) -> None:
    """Passed on by a service worker, a request does not say any more that it is for a worker."""

    def view(asked: Asked) -> Reply:
        if asked.path == "/passing.js":
            return Reply(PASSING, "text/javascript")
        if asked.path == "/worker.js":
            fetching = f"fetch('{site.at(ADS, '/x.json')}', {{mode: 'no-cors'}})"
            return Reply(fetching, "text/javascript")
        script = "new Worker('/worker.js'); new SharedWorker('/worker.js')"
        return Reply(
            "<!doctype html>" + (f"<script>{script}</script>" if asked.path == "/" else "")
        )

    site = Site(tab, view, "asgi", gate_of())
    with site.running():
        site.go("/other")
        site.page.evaluate(REGISTERING)
        site.forget()
        site.go()
        site.settle()
        assert "/worker.js" in {asked.path for asked in site.log}
        assert site.asked() == set()
        site.go("/other")
        site.choose("marketing")
        site.go()
        assert site.awaited(ADS, ["x.json"])
        site.page.evaluate(UNREGISTERING)


# Reports


@pytest.mark.parametrize(("way", "tls"), PLACES, ids=NAMES)
@pytest.mark.conformance("T1")
def test_a_report_tells_what_would_not_have_been_loaded(
    chromium: Browser, way: str, tls: bool
) -> None:
    """Under "report" all is loaded, and the observers hear of what no visitor has allowed."""
    events: list[Event] = []
    gate = gate_of(source_gate="report", observer=events.append)
    page = "<!doctype html><title>x</title>"
    # Over https Chromium sends the first report of a profile at once, the others in a minute.
    hosts = [ADS] if tls else OTHERS
    with lab.visitor(chromium) as tab:
        site = Site(tab, lambda _: Reply(page + site.pictures(*hosts)), way, gate, tls)
        with site.running():
            site.go()
            assert site.asked() == set(hosts)
            deadline = time.monotonic() + 90
            while len(events) < len({*hosts} - {CDN}) and time.monotonic() < deadline:
                tab.page.wait_for_timeout(50)
    categories = {CDN: "necessary", COUNT: "statistics", ADS: "marketing", STRAY: None}
    assert {(event.action, event.name, event.category, event.enforced) for event in events} == {
        ("blocked", f"{host}:{site.ports[host]}", categories[host], False)
        for host in hosts
        if host != CDN
    }


# The app's own policy

_HASHED = base64.b64encode(hashlib.sha256(b"did('hashed')").digest()).decode()
POLICIES: dict[str, list[str]] = {
    "none": [],
    "nonce": ["script-src 'nonce-N'; style-src 'self' 'nonce-N'; object-src 'none'"],
    "strict-dynamic": ["script-src 'nonce-N' 'strict-dynamic' https: 'unsafe-inline'"],
    "hash": [f"script-src 'self' 'nonce-N' 'sha256-{_HASHED}'; default-src 'self'"],
    "twice": [
        "script-src 'nonce-N' 'self'",
        "default-src 'self' 'nonce-N' data:; worker-src blob:",
    ],
    "trusted types": ["require-trusted-types-for 'script'; script-src 'nonce-N' 'self'"],
    "sandbox": ["sandbox allow-scripts"],
    "nothing": ["default-src 'none'; script-src 'nonce-N'; form-action 'none'"],
    "others": [f"default-src 'self' 'nonce-N'; img-src https://{STRAY}:* https://{CDN}:*"],
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.conformance("T1")
def test_the_policy_of_the_app_is_kept_and_nothing_of_the_app_breaks(tab: Tab, policy: str) -> None:
    """With the gate and without it the same things of the app work, and the same are stopped."""
    headers = [(b"Content-Security-Policy", line.encode()) for line in POLICIES[policy]]
    way = ("wsgi", "asgi")[list(POLICIES).index(policy) % 2]
    found = []
    for gate in (None, gate_of()):
        site = Site(tab, lambda asked: featured(asked, headers), way, gate)
        with site.running():
            site.go()
            found.append(features_of(tab.page))
    assert found[0] == found[1]
    assert "nonced" in found[1]
