"""What a visitor does not allow any more, Chromium forgets, wherever it keeps it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
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
OTHERS = ["stray=1; Path=/", "sibling=1; Path=/other-app"]
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


def names_in(line: bytes) -> list[str]:
    """Return the names of the cookies in a Cookie line, as Chromium writes it."""
    return sorted(pair.partition("=")[0] for pair in line.decode("ascii").split("; ") if pair)


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
        self.read += names_in(line)


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
    brought: list[list[str]] = field(default_factory=list)
    """The cookies that each request to the gate brought."""
    read: list[list[str]] = field(default_factory=list)
    """Those of them that the app could read."""
    embedding: bytes = b""
    """What other sites, at any other host, show."""

    def respond(self, request: Request) -> bytes:
        """Answer as the app does behind the gate, or in its place where the query is `raw`."""
        path, _, act = request.target.partition("?")
        if path == "/favicon.ico":
            return response(404, [])
        if request.host != self.scene.host:
            return response(200, [(b"Content-Type", b"text/html")], self.embedding)
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
        self.brought.append(names_in(request.headers.get("cookie", b"")))
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

    def fetch(self, path: str = "/shop/page", method: str = "GET") -> set[str]:
        """Have the page fetch another one of its site; return the cookies that that one read."""
        script = "([url, method]) => fetch(url, {method}).then(answer => answer.text())"
        text: str = self.tab.page.evaluate(script, [self.url + path, method])
        return set(text.removeprefix("<p>").partition("</p>")[0].split())

    def post(self, act: str) -> set[str]:
        """Have the page send a choice; return the cookies that the app read before it."""
        return self.fetch(f"/shop/page?{act}", "POST")

    def seed(self, *lines: str, path: str = "/shop/page") -> None:
        """Set cookies past the gate; every one of them is in the jar then."""
        before, self.seeds = self.jar(), lines
        self.fetch(f"{path}?raw")
        assert self.jar() == sorted([*before, *map(name_of, lines)])

    def token(self, granted: Iterable[str] | None = None) -> str:
        """Return the line that records a choice, by default for all there is."""
        choice = self.gate.choice(self.gate.policy.choosable if granted is None else granted)
        return self.gate.set_cookie_for(choice, secure=self.scene.tls)

    def jar(self) -> list[str]:
        """Return the names in the jar, each as often as it is there."""
        return sorted(cookie["name"] for cookie in self.tab.jar())

    def choices(self) -> list[tuple[str, str]]:
        """Return domain and value of the consent cookies in the jar."""
        jar = self.tab.jar()
        return [(cookie["domain"], cookie["value"]) for cookie in jar if cookie["name"] == CHOICE]


def name_of(line: str) -> str:
    """Return the name of the cookie that a Set-Cookie line sets."""
    return line.partition("=")[0]


def names_of(lines: Sequence[str]) -> list[str]:
    """Return the names of the cookies that these lines set."""
    return [name_of(line) for line in lines]


def deleting(lines: Sequence[str]) -> list[str]:
    """Return those of the Set-Cookie values that delete."""
    return [line for line in lines if "; Max-Age=0" in line]


def gate_of(*cookies: Cookie, revision: Any = None, **options: Any) -> ConsentGate:
    """Return a gate for what the site declares, and for these cookies."""
    own = [Category("social")] if any(cookie.category == "social" for cookie in cookies) else []
    policy = Policy([*DECLARED, *cookies], categories=own, revision=revision)
    return ConsentGate(policy, secret_key=KEY, **options)


@pytest.fixture(scope="module")
def profile(chromium: Browser) -> Iterator[Tab]:
    """Return a page in a profile that takes cookies of embedded sites."""
    with browsing.lasting_tab(chromium) as opened:
        yield opened


@pytest.fixture
def tab(profile: Tab) -> Tab:
    """Return the same page for all, with an empty jar: a new one for each takes its time."""
    profile.clear()
    return profile


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
            site.post("withdraw")
            left[kind] = site.jar()
            assert names_of(site.left[-1])[0] == CHOICE
            assert len(site.left[-1]) == len(set(site.left[-1]))
    assert left == dict.fromkeys(kinds_in(scene), kept)


AT_ONCE = ["_ga_host=1; Path=/", "_ga_folder=1", "deep=1; Path=/deep/er"]
AT_ONCE_OF_DOMAINS = [
    "_ga_wide=1; Path=/; Domain={parent}",
    "wide=1; Path=/deep/er; Domain={parent}",
]
AT_ONCE_SECURE = [
    *("_ga_secure=1; Path=/; Secure", "__Host-id=1; Path=/; Secure"),
    "_ga_part=1; Path=/; Secure; SameSite=None; Partitioned",
]


@pytest.mark.conformance("R5", "K9")
@pytest.mark.parametrize(("way", "where"), PLACES[:6], ids=map("-".join, PLACES[:6]))
def test_a_withdrawal_empties_a_jar_of_every_kind(tab: Tab, way: str, where: str) -> None:
    """A jar with a cookie of each usual kind at once is clean after one response."""
    scene = SCENES[where]
    lines = [
        *AT_ONCE,
        *(AT_ONCE_OF_DOMAINS if scene.parent else []),
        *(AT_ONCE_SECURE if scene.trusted else []),
    ]
    lines = [line.format(parent=scene.parent) for line in lines]
    with Site(way, gate_of(*elsewhere(scene)), scene, tab).running() as site:
        site.seed(*NECESSARY, *OTHERS, site.token(), *lines)
        site.post("withdraw")
        assert site.jar() == sorted([CHOICE, *names_of([*NECESSARY, *OTHERS])])
        assert len(deleting(site.left[-1])) <= MOST


PATHS = (
    *("/caf%C3%A9/page", "/a%20b/page", "/a%7Cb/page", "/a%5Bb%5D/page", "/a'b%22/page"),
    *("/a%25zz/page", "/a,b~$&()!*+=:@/page", "/a//b/page", "//a/page", "/a/b.c/d_e/f-g/page"),
    *("/caf%c3%a9/x", "/%41b/x", "/a%2Fb/x", "/a[b]/x", "/a;b/x", "/a/b/c/d/e/f/g/h/i/j/x"),
)


@pytest.mark.conformance("R5", "K9")
def test_a_folder_is_named_as_chromium_names_it(shop: Site) -> None:
    """A cookie without a path has that of its page's folder, in the spelling of the URL."""
    left = {}
    for path in PATHS:
        shop.tab.clear()
        shop.seed("_ga=1", shop.token(), path=path)
        shop.fetch(f"{path}?withdraw", "POST")
        left[path] = shop.jar()
    assert left == {path: [CHOICE] for path in PATHS}


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
        shop.post("withdraw")
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


GRANTED = ["_ga=1; Path=/", "_ga_2=1; Domain=shop.test", "__Host-id=1; Path=/; Secure"]


@pytest.mark.conformance("K4", "R1", "R5")
def test_a_choice_that_lapsed_keeps_nothing(shop: Site) -> None:
    """After 182 days the app reads nothing of it, the jar loses it, and nothing is recorded."""
    shop.seed(*NECESSARY, *OTHERS, *GRANTED, shop.token())
    before = shop.choices()
    shop.gate = gate_of(clock=lambda: time.time() + 181 * DAY)
    assert shop.go() == {CHOICE, *names_of([*NECESSARY, *GRANTED])}
    assert shop.left[-1] == []
    shop.gate = gate_of(clock=lambda: time.time() + 183 * DAY)
    assert shop.go() == {CHOICE, *names_of(NECESSARY)}
    assert shop.jar() == sorted([CHOICE, *names_of([*NECESSARY, *OTHERS])])
    assert shop.left[-1] == deleting(shop.left[-1])
    assert shop.choices() == before


@pytest.mark.conformance("K5", "R1", "R5")
def test_a_choice_under_an_older_policy_keeps_nothing(shop: Site) -> None:
    """With a new revision of the policy what was granted goes, and nothing is recorded."""
    shop.seed(*NECESSARY, *OTHERS, *GRANTED, shop.token())
    before = shop.choices()
    assert shop.go() == {CHOICE, *names_of([*NECESSARY, *GRANTED])}
    shop.gate = gate_of(Cookie("new", "preferences"))
    assert shop.go() == {CHOICE, *names_of(NECESSARY)}
    assert shop.jar() == sorted([CHOICE, *names_of([*NECESSARY, *OTHERS])])
    assert shop.left[-1] == deleting(shop.left[-1])
    assert shop.choices() == before


class Change(NamedTuple):
    """A change of the policy: what is declared before and after, and what the visitor granted.

    The cookies are in the jar before; `read` are those of them that the app could read then.
    """

    before: list[Cookie]
    after: list[Cookie]
    granted: list[str]
    cookies: list[str]
    read: set[str]


CHANGES = {
    "no longer necessary": Change(
        [Cookie("track")], [Cookie("track", "statistics")], ["marketing"], ["track=1"], {"track"}
    ),
    "a category vanished": Change(
        [Cookie("share", "social")],
        [Cookie("share", "marketing")],
        ["social"],
        ["share=1; Domain=shop.test"],
        {"share"},
    ),
    "a new pattern": Change(
        [], [Cookie("lab_*", "statistics")], [], ["lab_a=1; Path=/", "lab_b=1; Secure"], set()
    ),
    "a stricter pattern": Change(
        [Cookie("lab_*")],
        [Cookie("lab_*"), Cookie("lab_ad*", "marketing")],
        [],
        ["lab_ad1=1; Path=/"],
        {"lab_ad1"},
    ),
}


@pytest.mark.conformance("K5", "R1", "R5")
@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_new_policy_is_obeyed_at_the_next_request(shop: Site, change: Change) -> None:
    """What it allows no longer is withheld and deleted, whether it is a new revision or not."""
    necessary = {CHOICE, *names_of(NECESSARY)}
    for options in ({}, {"revision": "1"}, {"keep_unchanged": True}):
        shop.tab.clear()
        shop.gate = gate_of(*change.before, **options)
        shop.seed(*NECESSARY, *OTHERS, *change.cookies, shop.token(change.granted))
        assert shop.fetch() == {*necessary, *change.read}
        assert shop.left[-1] == []
        shop.gate = gate_of(*change.after, **options)
        assert shop.fetch() == necessary
        assert shop.jar() == sorted([*necessary, *names_of(OTHERS)])
        shop.post("accept")
        shop.seed(*change.cookies)
        assert shop.fetch() == {*necessary, *names_of(change.cookies)}


@pytest.mark.conformance("R5", "K9")
@pytest.mark.parametrize("attributes", ["Path=/", "Path=/; Domain=shop.test", "Secure"])
def test_many_cookies_are_deleted_in_a_few_responses(shop: Site, attributes: str) -> None:
    """Thirty refused cookies take some reloads, and no response deletes more than fifty times."""
    many = [f"_ga{number}=1; {attributes}" for number in range(30)]
    kept = [CHOICE, *sorted(names_of(NECESSARY))]
    shop.seed(*NECESSARY, *many, shop.token())
    shop.post("withdraw")
    for _ in range(20):
        if shop.jar() == kept:
            break
        shop.fetch()
    assert shop.jar() == kept
    numbers = [len(deleting(lines)) for lines in shop.left]
    assert 0 < max(numbers) <= MOST, numbers


@pytest.mark.conformance("K13", "K15")
@pytest.mark.parametrize(
    ("old", "new"),
    [(None, "shop.test"), ("www.shop.test", "shop.test"), ("shop.test", "www.shop.test")],
)
def test_a_consent_cookie_of_another_domain_does_not_stay(
    shop: Site, old: str | None, new: str
) -> None:
    """Once the site keeps choices for another domain, the next one is the only one, and counts."""
    shop.gate = gate_of(cookie_domain=old)
    shop.post("refuse")
    assert [domain for domain, _ in shop.choices()] == [f".{old}" if old else SHOP.host]
    shop.gate = gate_of(cookie_domain=new)
    shop.post("accept")
    assert [domain for domain, _ in shop.choices()] == [f".{new}"]
    shop.seed("_ga=1; Path=/")
    assert shop.fetch() == {CHOICE, "_ga"}
    assert shop.jar() == ["_ga", CHOICE]


EMBEDDINGS = {
    "a frame": "<iframe src='{url}'></iframe>",
    "an image": "<img src='{url}'>",
    "a script": "<script src='{url}'></script>",
    "a fetch": "",
    "a form": "<form method=post action='{url}'><button>",
}


def embed(site: Site, kind: str) -> None:
    """Show another site, and have it ask for a page of this one."""
    url = f"{site.url}/shop/page"
    site.embedding = EMBEDDINGS[kind].format(url=url).encode()
    site.tab.page.goto(site.url.replace(SHOP.host, "blog.other.test"))
    if kind == "a fetch":
        assert site.tab.fetch([url]) == [True]
    if kind == "a form":
        with site.tab.page.expect_navigation():
            site.tab.page.get_by_role("button").click()


@pytest.mark.conformance("R1", "R5")
def test_what_was_granted_survives_a_visit_to_a_site_that_embeds_this_one(
    tab: Tab, way: str
) -> None:
    """Where the choice did not come along, cookies are withheld and not deleted."""
    # In a frame, say, Chromium obeys no deletion without SameSite=None: so none may be sent.
    found = {}
    with Site(way, gate_of(), SHOP, tab).running() as shop:
        for kind in EMBEDDINGS:
            tab.clear()
            shop.seed("_ga=1; Path=/; SameSite=None; Secure", shop.token())
            embed(shop, kind)
            found[kind] = (shop.brought[-1], shop.read[-1], shop.left[-1], shop.jar())
            assert shop.go() == {CHOICE, "_ga"}
    assert found == dict.fromkeys(EMBEDDINGS, (["_ga"], [], [], ["_ga", CHOICE]))


@pytest.mark.conformance("R1", "R5")
def test_what_no_choice_grants_goes_at_the_next_visit_to_the_site_itself(
    tab: Tab, way: str
) -> None:
    """The same cookie without a choice survives being embedded, and not a visit."""
    with Site(way, gate_of(), SHOP, tab).running() as shop:
        shop.seed("_ga=1; Path=/; SameSite=None; Secure")
        embed(shop, "a frame")
        assert (shop.brought[-1], shop.read[-1], shop.left[-1]) == (["_ga"], [], [])
        assert shop.jar() == ["_ga"]
        assert shop.go() == set()
        assert (shop.brought[-1], shop.jar()) == (["_ga"], [])
