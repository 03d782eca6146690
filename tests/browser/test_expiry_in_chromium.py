"""What a visitor does not allow any more, Chromium forgets, wherever it keeps it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser

import browsing
from adapters import KEY, Adapter, Reply, Visit
from browsing import RawServer, Request, Tab, response
from consentgate import Category, Consent, ConsentGate, Cookie, Policy

pytestmark = pytest.mark.browser

CHOICE = "cookies_preferences"
MOST = 50
DAY = 86400


class Scene(NamedTuple):
    """Where a site is: its host, the domain above it, and what Chromium takes from it.

    `told` says whether the app's server knows of TLS, or a proxy keeps it to itself.
    """

    host: str
    parent: str = ""
    tls: bool = False
    trusted: bool = True
    told: bool = True


SHOP = Scene("www.shop.test", "shop.test", tls=True)
SCENES = {
    "localhost": Scene("localhost"),
    "http": Scene("www.shop.test", "shop.test", trusted=False),
    "https": SHOP,
    "an address": Scene("127.0.0.1"),
    "below localhost": Scene("www.shop.localhost", "shop.localhost"),
    "https, known to the proxy alone": SHOP._replace(told=False),
}

# The last three are there for how a host and a scheme are read, which is the same over both.
PLACES = [
    *((way, where) for way in ("wsgi", "asgi") for where in [*SCENES][:3]),
    *zip(("wsgi", "asgi", "wsgi"), [*SCENES][3:], strict=True),
]

# By kind, the lines that set a cookie at /shop/page, and what is declared of it beside its name.
PLAIN: dict[str, Sequence[str]] = {
    "of the host": ["_ga=1; Path=/"],
    "kept for a year": ["_ga=1; Path=/; Max-Age=31536000"],
    "HttpOnly": ["_ga=1; Path=/; HttpOnly"],
    "SameSite=Strict": ["_ga=1; Path=/; SameSite=Strict"],
    "SameSite=Lax": ["_ga=1; Path=/; SameSite=Lax"],
    "without a path": ["_ga=1"],
    "of a folder": ["_ga=1; Path=/shop"],
    "of a folder, with a slash": ["_ga=1; Path=/shop/"],
    "of a page": ["_ga=1; Path=/shop/page"],
    "of three paths": ["_ga=1; Path=/", "_ga=2", "_ga=3; Path=/shop/page"],
    "declared, of another folder": ["deep=1; Path=/deep/er"],
}
OF_DOMAINS: dict[str, Sequence[str]] = {
    "of the host's domain": ["_ga=1; Path=/; Domain={host}"],
    "of the parent": ["_ga=1; Path=/; Domain={parent}"],
    "of the parent, without a path": ["_ga=1; Domain={parent}"],
    "of all three": ["_ga=1; Path=/", "_ga=2; Path=/; Domain={host}", "_ga=3; Domain=.{parent}"],
    "declared, of the parent and another folder": ["wide=1; Path=/deep/er; Domain={parent}"],
}
SECURE: dict[str, Sequence[str]] = {
    "Secure": ["_ga=1; Path=/; Secure"],
    "SameSite=None": ["_ga=1; Path=/; SameSite=None; Secure"],
    "__Secure-": ["__Secure-id=1; Path=/; Secure"],
    "__Secure-, without a path": ["__Secure-id=1; Secure"],
    "__SECURE-": ["__SECURE-id=1; Path=/; Secure"],
    "__Host-": ["__Host-id=1; Path=/; Secure"],
    "__Http-": ["__Http-id=1; Path=/; Secure; HttpOnly"],
    "__Host-Http-": ["__Host-Http-id=1; Path=/; Secure; HttpOnly"],
    "Partitioned": ["_ga=1; Path=/; Secure; Partitioned"],
    "Partitioned, without a path": ["_ga=1; Secure; Partitioned"],
    "__Host- and Partitioned": ["__Host-id=1; Path=/; Secure; SameSite=None; Partitioned"],
    "Partitioned and not": ["_ga=1; Path=/; Secure", "_ga=2; Path=/; Secure; Partitioned"],
    "declared, Partitioned, of another folder": ["deep=1; Path=/deep/er; Secure; Partitioned"],
}
SECURE_OF_DOMAINS: dict[str, Sequence[str]] = {
    "__Secure- of the parent": ["__Secure-id=1; Path=/; Secure; Domain={parent}"],
    "Partitioned, of the parent": ["_ga=1; Path=/; Secure; Partitioned; Domain={parent}"],
    "Partitioned, of the parent, without a path": [
        "_ga=1; Secure; Partitioned; SameSite=None; Domain={parent}"
    ],
    "declared, Partitioned, of the parent and another folder": [
        "wide=1; Path=/deep/er; Secure; Partitioned; Domain={parent}"
    ],
}
# A site next door on the same host has its own cookies, and this one may have forgotten some.
NECESSARY = ["session=1; Path=/; HttpOnly", "csrf=1; Path=/shop"]
UNDECLARED = ["stray=1; Path=/"]
OTHERS = [*UNDECLARED, "sibling=1; Path=/other-app"]
DECLARED = [
    *(Cookie("session"), Cookie("csrf", path="/shop")),
    *(Cookie("_ga*", "statistics"), Cookie("__*-id", "marketing")),
]
ACTS: dict[str, Callable[[Consent], object]] = {
    "accept": Consent.grant_all,
    "refuse": Consent.refuse_all,
    "withdraw": Consent.withdraw,
}


def elsewhere(scene: Scene) -> list[Cookie]:
    """Return the declarations of cookies that are kept in another folder."""
    return [
        Cookie("deep", "statistics", path="/deep/er"),
        Cookie("wide", "marketing", path="/deep/er", domain=scene.parent or None),
    ]


def kinds_in(scene: Scene) -> dict[str, list[str]]:
    """Return the kinds of cookies that Chromium takes in a scene, with the lines that set each."""
    known = dict(PLAIN)
    if scene.parent:
        known |= OF_DOMAINS
    if scene.trusted:
        known |= SECURE
    if scene.parent and scene.trusted:
        known |= SECURE_OF_DOMAINS
    return {
        kind: [line.format(host=scene.host, parent=scene.parent) for line in lines]
        for kind, lines in known.items()
    }


@dataclass
class Reader(Adapter):
    """Runs a view behind a gate, and notes which cookies it could read."""

    read: list[str] = field(default_factory=list)

    def _wrapped(self, gate: ConsentGate, app: Any) -> Any:
        def over_wsgi(environ: Any, start_response: Any) -> Any:
            self._note(environ.get("HTTP_COOKIE", "").encode("latin-1"))
            return app(environ, start_response)

        async def over_asgi(scope: Any, receive: Any, send: Any) -> None:
            for name, value in scope["headers"]:
                if name == b"cookie":
                    self._note(value)
            await app(scope, receive, send)

        return super()._wrapped(gate, over_wsgi if self.protocol == "wsgi" else over_asgi)

    def _note(self, line: bytes) -> None:
        self.read += [pair.partition("=")[0] for pair in line.decode("ascii").split("; ") if pair]


@dataclass
class Site:
    """A site, its gate, and a visitor's tab. A target's query says what the app does there."""

    way: str
    gate: ConsentGate
    scene: Scene
    tab: Tab
    url: str = ""
    seeds: Sequence[str] = ()
    left: list[list[str]] = field(default_factory=list)
    """The Set-Cookie values of each response that left the gate."""
    read: list[list[str]] = field(default_factory=list)
    """The cookies that the app could read, of each request."""

    def respond(self, request: Request) -> bytes:
        """Answer as the app does behind the gate, or in its place where the query is `raw`."""
        path, _, act = request.target.partition("?")
        if path == "/favicon.ico":
            return response(404, [])
        if act == "raw":
            return response(200, [(b"Set-Cookie", line.encode()) for line in self.seeds])
        reader = Reader(self.way)

        def view(consent: Consent) -> Reply:
            if act in ACTS:
                assert request.method == "POST"
                ACTS[act](consent)
            page = f"<p>{' '.join(sorted(reader.read))}</p><form method=post action='?withdraw'>"
            return Reply([(b"Content-Type", b"text/html")], 200, [page.encode(), b"<button>"])

        answer = reader(self.gate, view, self._visit(request, path))
        self.read.append(sorted(reader.read))
        self.left.append([value.decode("ascii") for value in answer.set_cookies])
        return response(answer.status, answer.headers, answer.body)

    def _visit(self, request: Request, path: str) -> Visit:
        # PEP 3333 has the bytes of a path as latin-1, ASGI its characters.
        path = unquote(path, "latin-1" if self.way == "wsgi" else "utf-8")
        told = [(name.encode(), value) for name, value in request.headers.items()]
        cookies = [value for name, value in told if name == b"cookie"]
        headers = [each for each in told if each[0] == b"host" or each[0].startswith(b"sec-")]
        https = self.scene.tls and self.scene.told
        return Visit(cookies, https, request.method, path, headers)

    @contextmanager
    def running(self) -> Iterator[Site]:
        """Serve, and show a page."""
        with RawServer(self.respond, tls=self.scene.tls).running() as server:
            scheme = "https" if self.scene.tls else "http"
            self.url = f"{scheme}://{self.scene.host}:{server.port}"
            self.go()
            yield self

    def go(self, path: str = "/shop/page") -> set[str]:
        """Visit a page; return the names of the cookies that it says it read."""
        self.tab.page.goto(self.url + path)
        return set(self.tab.page.inner_text("p").split())

    def fetch(self, path: str, method: str = "GET") -> None:
        """Have the page fetch another one of its site, and forget what it says."""
        script = "([url, method]) => fetch(url, {method}).then(answer => answer.text())"
        self.tab.page.evaluate(script, [self.url + path, method])

    def seed(self, *lines: str, path: str = "/shop/page") -> None:
        """Set cookies past the gate; every one of them is in the jar then."""
        before, self.seeds = self.jar(), lines
        self.fetch(f"{path}?raw")
        assert self.jar() == sorted([*before, *map(name_of, lines)])

    def token(self, *granted: str) -> str:
        """Return the line that records a choice."""
        choice = self.gate.choice(granted or self.gate.policy.choosable)
        return self.gate.set_cookie_for(choice, secure=self.scene.tls)

    def jar(self) -> list[str]:
        """Return the names in the jar, each as often as it is there."""
        return sorted(cookie["name"] for cookie in self.tab.jar())

    def choice(self) -> list[str]:
        """Return the values of the consent cookies in the jar."""
        return [cookie["value"] for cookie in self.tab.jar() if cookie["name"] == CHOICE]


def name_of(line: str) -> str:
    """Return the name of the cookie that a Set-Cookie line sets."""
    return line.partition("=")[0]


def names_of(lines: Sequence[str]) -> list[str]:
    """Return the names of the cookies that these lines set."""
    return [name_of(line) for line in lines]


def deleting(lines: Sequence[str]) -> list[str]:
    """Return those of the Set-Cookie values that delete."""
    return [line for line in lines if "; Max-Age=0" in line]


def gate_of(*cookies: Cookie, **options: Any) -> ConsentGate:
    """Return a gate for what the site declares, and for these cookies."""
    return ConsentGate(Policy([*DECLARED, *cookies]), secret_key=KEY, **options)


@pytest.fixture
def shop(tab: Tab, way: str) -> Iterator[Site]:
    """Return a site over https at a host of three labels."""
    with Site(way, gate_of(), SHOP, tab).running() as site:
        yield site


@pytest.mark.conformance("R5", "K9")
@pytest.mark.parametrize(("way", "where"), PLACES, ids=map("-".join, PLACES))
def test_a_withdrawal_empties_the_jar_in_one_response(tab: Tab, way: str, where: str) -> None:
    """Whatever Chromium keeps a refused cookie under, the withdrawal itself deletes it."""
    scene = SCENES[where]
    options = {} if scene.told else {"always_secure": True}
    kept = sorted([CHOICE, *names_of([*NECESSARY, *OTHERS])])
    left = {}
    with Site(way, gate_of(**options), scene, tab).running() as site:
        for kind, lines in kinds_in(scene).items():
            tab.clear()
            declared = elsewhere(scene) if kind.startswith("declared") else []
            site.gate = gate_of(*declared, **options)
            site.seed(*NECESSARY, *OTHERS, site.token(), *lines)
            site.fetch("/shop/page?withdraw", "POST")
            left[kind] = site.jar()
            assert names_of(site.left[-1])[0] == CHOICE
    assert left == dict.fromkeys(kinds_in(scene), kept)


@pytest.mark.conformance("R5")
def test_undeclared_cookies_go_where_the_site_asked_for_it(shop: Site) -> None:
    """Told so, a withdrawal deletes undeclared cookies as well, but for those it cannot see."""
    stray = [
        *("stray=1; Path=/", "stray=2; Path=/; Domain=shop.test", "stray=3; Path=/shop/page"),
        "stray=4; Path=/; Secure; Partitioned",
    ]
    seeds = [*NECESSARY, "sibling=1; Path=/other-app", "_ga=1; Path=/", *stray]
    left = {}
    for option in (False, True):
        shop.tab.clear()
        shop.gate = gate_of(expire_undeclared=option)
        shop.seed(*seeds, shop.token())
        shop.fetch("/shop/page?withdraw", "POST")
        left[option] = shop.jar()
    kept = [CHOICE, "csrf", "session", "sibling"]
    assert left == {False: [*kept, *["stray"] * 4], True: kept}


@pytest.mark.conformance("R1", "R5", "K9", "K15")
def test_a_form_withdraws(shop: Site) -> None:
    """A form does it too: the page that answers is the last to be sent what was refused."""
    shop.seed(*NECESSARY, "_ga=1; Path=/", "_ga_2=1; Domain=shop.test", shop.token())
    assert shop.go() == {CHOICE, "session", "csrf", "_ga", "_ga_2"}
    with shop.tab.page.expect_navigation():
        shop.tab.page.get_by_role("button").click()
    assert shop.jar() == [CHOICE, "csrf", "session"]
    assert shop.go() == {CHOICE, "session", "csrf"}
    assert shop.left[-1] == []
