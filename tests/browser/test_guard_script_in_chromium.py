"""The guard alone, in Chromium: what its list lets scripts of a page write, delete and announce."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

import browsing
from adapters import KEY
from browsing import RawServer, Request, Tab, response
from consentgate import ConsentGate
from consentgate.pages.static import static_files
from laboratory import POLICY, Jar, is_allowed, is_clean
from set_cookie_lines import LINES, ODDITIES, SITE, generated, generated_deletions, lines

pytestmark = pytest.mark.browser

GUARD = static_files()["guard"].content
HOST = "www.shop.test"
LIST = ConsentGate(POLICY, secret_key=KEY).script_rules.text(frozenset({"necessary"}), False)

# Chromium writes when it comes to it; a page that reads waits until it has.
WRITE = "line => { document.cookie = line; return document.cookie; }"
HTML = (b"Content-Type", b"text/html; charset=utf-8")


@pytest.mark.conformance("T4")
def test_the_guard_is_small() -> None:
    """The guard stands in the way of the page: it has at most 2 KiB on the wire."""
    assert len(gzip.compress(GUARD, 9)) <= 2048


def respond(request: Request) -> bytes:
    """Send the guard, a page that has it with the list of the query, or a plain page."""
    path, _, query = request.target.partition("?")
    if path == "/guard.js":
        return response(200, [(b"Content-Type", b"text/javascript")], GUARD)
    tag = ""
    if query:
        cookies = escape(bytes.fromhex(query.removeprefix("list=")).decode())
        tag = f'<script src="/guard.js" data-cookies="{cookies}" data-report="/reports"></script>'
    return response(200, [HTML], f"<!doctype html><html><head>{tag}<title>A</title>".encode())


class Bench:
    """Two pages of one site: one with the guard, and one beside it without."""

    def __init__(self, tab: Tab, origin: str) -> None:
        self.tab = tab
        self.origin = origin
        self.plain = tab.context.new_page()
        self.plain.goto(f"{origin}/app/deep/page")

    @property
    def page(self) -> Page:
        """The page with the guard."""
        return self.tab.page

    def open(self, cookies: str = LIST, path: str = "/app/deep/page") -> None:
        """Open the page with a list for the guard."""
        self.page.goto(f"{self.origin}{path}?list={cookies.encode().hex()}")

    def written(self, line: str, *, guarded: bool) -> Jar:
        """Return what there is in the jar after a line was written, and empty it."""
        (self.page if guarded else self.plain).evaluate(WRITE, line)
        return self.emptied()

    def emptied(self) -> Jar:
        """Return what there is in the jar, and empty it."""
        jar = sorted(self.tab.jar(), key=lambda cookie: str(cookie["name"]))
        self.tab.clear()
        return jar

    def names(self) -> list[str]:
        """Return the names in the jar."""
        return sorted(cookie["name"] for cookie in self.tab.jar())

    def comes_to(self, names: Sequence[str]) -> bool:
        """Tell whether these are the names in the jar, once all that was written is in there."""
        deadline = time.monotonic() + 10
        while self.names() != sorted(names) and time.monotonic() < deadline:
            self.page.wait_for_timeout(20)
        return self.names() == sorted(names)


@contextmanager
def benched(browser: Browser, *, tls: bool, host: str = HOST) -> Iterator[Bench]:
    """Open both pages."""
    scheme = "https" if tls else "http"
    with RawServer(respond, tls=tls).running() as server, browsing.tab(browser) as tab:
        yield Bench(tab, f"{scheme}://{host}:{server.port}")


@pytest.fixture(scope="module")
def both(chromium: Browser) -> Iterator[Bench]:
    """Return a bench over TLS, where all is possible that pages can do with cookies."""
    with benched(chromium, tls=True) as opened:
        yield opened


@pytest.fixture
def bench(both: Bench) -> Bench:
    """Return the bench with an empty jar and the usual list."""
    both.tab.clear()
    both.open()
    return both


def text(line: bytes) -> str:
    """Return a line as a script would write it, a character for a byte."""
    return line.replace(SITE, b"shop.test").decode("latin-1")


def alike(jar: Jar, other: Jar) -> bool:
    """Tell whether these are the same cookies, but for the seconds between two runs."""
    timeless = [{**c, "expires": pytest.approx(c["expires"], abs=60)} for c in jar]
    return timeless == other


# What may be written


@pytest.mark.conformance("T4")
def test_chromium_stores_what_scripts_may_write_and_nothing_else(bench: Bench) -> None:
    """Whatever a script writes, nothing else is stored, and nothing that may be is lost."""
    every_line = [text(line) for line in [*ODDITIES, *generated(lines(), LINES // 2)]]
    wrong: list[tuple[object, ...]] = []
    seen_allowed = seen_others = 0
    for line in every_line:
        before = bench.written(line, guarded=False)
        after = bench.written(line, guarded=True)
        if not is_clean(after):
            wrong.append(("leaked", line, after))
        elif not alike([cookie for cookie in before if is_allowed(cookie["name"])], after):
            wrong.append(("lost", line, before, after))
        seen_allowed += any(is_allowed(cookie["name"]) for cookie in before)
        seen_others += not is_clean(before)
    assert not wrong
    assert min(seen_allowed, seen_others) > len(every_line) / 6  # Else there was nothing to see.


@pytest.mark.conformance("T4")
def test_what_passes_as_a_deletion_deletes(bench: Bench) -> None:
    """A cookie that may not be written is gone after a line that passes, else it is untouched."""
    wrong: list[tuple[object, ...]] = []
    seen = {True: 0, False: 0}
    for deletion in generated_deletions():
        if is_allowed(deletion.name):
            continue
        bench.plain.evaluate(WRITE, text(deletion.setting))
        was = bench.tab.jar()
        bench.page.evaluate(WRITE, text(deletion.line))
        now = bench.emptied()
        if now not in ([], was):
            wrong.append((deletion, was, now))
        if was:
            seen[now == []] += 1
    assert not wrong
    assert min(seen.values()) > sum(seen.values()) / 10  # Else there was nothing to see.


PAST = "Thu, 01 Jan 1970 00:00:00 GMT"


@pytest.mark.parametrize(
    "end",
    [
        *("Max-Age=0", "max-age=-1", " MAX-AGE = 0 ", f"Expires={PAST}", f"expires = {PAST}"),
        *("expires=Thu, 01 Jan 1970 00:00:00 UTC", "expires=Thu, 01-Jan-1970 00:00:01 GMT"),
        *("Max-Age=5000; Max-Age=0", f"Max-Age=0; Expires={PAST.replace('1970', '2070')}"),
        f"expires=Fri, 01 Jan 2077 00:00:00 GMT; expires={PAST}",
        "Expires=Fri, 31 Dec 1999 23:59:59 GMT",
        *("Expires=Thu, 01-Jan-70 00:00:01 GMT", "Expires=Thu, 1 Jan 1970 00:00:00 GMT"),
    ],
)
@pytest.mark.conformance("T4")
def test_the_usual_deletions_delete(bench: Bench, end: str) -> None:
    """What libraries write to delete a cookie deletes it, whatever its name."""
    bench.plain.evaluate(WRITE, "evil=1; Path=/")
    bench.page.evaluate(WRITE, f"evil=; Path=/; {end}")
    assert bench.comes_to([])


@pytest.mark.parametrize(
    "end",
    [
        *("Max-Age=1", "Max-Age=", "Max-Age=0; Max-Age=1", "Max-Age=0; Max-Age=x"),
        *("Max-Age=" + "0" * 1100, f"Max-Age=9; Expires={PAST}", "Expires=0", "Expires="),
        f"Expires={PAST}; Expires=Fri, 01 Jan 2077 00:00:00 GMT",
        "Expires=Thu, 31 Feb 2020 00:00:00 GMT",
        "Expires=Dec, 01 Jan 1970 00:00:00 GMT",
        *("Expires=Thu, 01 Jan 69 00:00:00 GMT", "Expires=Wed, 01-Jan-69 00:00:00 GMT"),
        # Browsers read no year before 1601.
        "Expires=Sat, 01 Jan 1600 00:00:00 GMT",
        "Expires=1970-01-01",
        "x-Max-Age=0",
    ],
)
@pytest.mark.conformance("T4")
def test_what_may_be_none_is_no_deletion(bench: Bench, end: str) -> None:
    """In doubt nothing is written, so that nothing is stored: not under a refused name."""
    bench.plain.evaluate(WRITE, "evil=1; Path=/")
    was = bench.tab.jar()
    bench.page.evaluate(WRITE, f"evil=2; Path=/; {end}")
    assert bench.tab.jar() == was


CLASS = "[!#-+--:<-[]-~]"


@pytest.mark.parametrize(
    ("cookies", "written", "stored"),
    [
        # The first that fits decides; names are compared with case.
        ("+a_b -a* +*", ["a_b", "a_c", "b", "A"], ["A", "a_b", "b"]),
        ("-a_b +a*", ["a_b", "a_c", "a", "b"], ["a", "a_c"]),
        # A pattern stands for what can be declared, and everything but "*" in it for itself.
        ("+a.b +(x)* +[a-c] +$^|?", ["axb", "a.b", "(x)", "(x)y", "b", "[a-c]", "$^|?", "x"], None),
        ("+a*", ['a"', "a,", "a\\", "a\u00e9", "a b", "a~!#'{}"], ["a~!#'{}"]),
        ("+*a*b*", ["ab", "xaxbx", "ba", "a"], ["ab", "xaxbx"]),
        # Nothing is allowed by a list that says nothing.
        ("", ["a", ""], []),
        ("+", ["a", "+"], []),
        ("*", ["a", "*"], []),
        # Where nothing is enforced, or no consent needed, the last row is for all others.
        ("~ad +*", ["ad", "x", "a\u00e9", ""], ["", "ad", "a\u00e9", "x"]),
        ("+x ~*", ["ad", "x", ""], ["", "ad", "x"]),
        # Of a nameless one servers read the value as a name.
        ("-ad +*", ["ad", "x", ""], ["x"]),
        ("-ad ~*", ["ad", "x", ""], ["x"]),
    ],
)
@pytest.mark.conformance("T4")
def test_the_list_decides(
    bench: Bench, cookies: str, written: list[str], stored: list[str] | None
) -> None:
    """The list is data: names, patterns, and what is said of all others."""
    bench.open(cookies)
    if stored is None:
        stored = ["$^|?", "(x)", "(x)y", "[a-c]", "a.b"]
    for name in written:
        bench.page.evaluate(WRITE, f"{name}=1; Path=/")
        bench.page.evaluate("name => cookieStore.set(name, '2').catch(() => {})", name)
    assert bench.names() == sorted(stored)


@pytest.mark.conformance("T4")
def test_a_list_runs_nothing(bench: Bench) -> None:
    """What stands in a list is compared, whatever it looks like."""
    bench.open("+${alert(1)} +(a+)+$ +\\d +`a` +.")
    for name in ("1", "a", "aa", "7"):
        bench.page.evaluate(WRITE, f"{name}=1")
    assert bench.names() == []


@pytest.mark.conformance("T4")
def test_reading_is_as_before(bench: Bench) -> None:
    """Scripts read what they may read without the guard."""
    bench.plain.evaluate(WRITE, "evil=1; Path=/")
    bench.page.evaluate(WRITE, "session=2; Path=/")
    assert bench.page.evaluate("document.cookie") == "evil=1; session=2"
    assert bench.page.evaluate("cookieStore.get('evil').then(each => each.value)") == "1"


@pytest.mark.conformance("T4")
def test_a_refused_write_is_silent(bench: Bench) -> None:
    """Nothing is thrown, nothing is logged, and what is no text is turned into one, once."""
    heard: list[str] = []
    bench.page.on("console", lambda message: heard.append(message.text))
    bench.page.on("pageerror", lambda error: heard.append(str(error)))
    script = """() => {
        let asked = 0;
        const odd = { toString: () => (asked++ ? "evil=1" : "session=1") };
        document.cookie = "evil=1";
        document.cookie = "_ga=1; Max-Age=9";
        document.cookie = null;
        document.cookie = odd;
        return [asked, document.cookie];
    }"""
    assert bench.page.evaluate(script) == [1, "session=1"]
    assert heard == []


# The cookie store

STORE = """async code => {
    const tried = new Function("return " + code);
    try { return [typeof await tried()]; } catch (error) { return [error.name]; }
}"""


@pytest.mark.parametrize(
    ("call", "answer", "stored"),
    [
        ("cookieStore.set('session', '1')", "undefined", ["session"]),
        ("cookieStore.set({name: 'pref-a', value: '1'})", "undefined", ["pref-a"]),
        ("cookieStore.set({name: ' session\\t', value: '1', path: '/app'})", "undefined", None),
        ("cookieStore.set({name: 'session', value: '1', domain: 'shop.test'})", "undefined", None),
        ("cookieStore.set('evil', '1')", "undefined", []),
        ("cookieStore.set({name: '_ga', value: '1', sameSite: 'lax'})", "undefined", []),
        ("cookieStore.set({name: '_ga', value: '1', expires: Date.now() + 1e9})", "undefined", []),
        ("cookieStore.set({name: '_ga', value: '1', expires: null})", "undefined", []),
        ("cookieStore.set({name: '_ga', value: '1', expires: 1, maxAge: 9})", "undefined", []),
        ("cookieStore.set('', 'evil')", "undefined", []),
        ("cookieStore.set('evil', '1', 'session')", "undefined", []),
        ("cookieStore.set(['session'], '1')", "undefined", ["session"]),
        # What can be no cookie is refused by the browser, as it is without the guard.
        ("cookieStore.set('session', 'a;b')", "TypeError", []),
        ("cookieStore.set()", "TypeError", []),
        ("cookieStore.set(null)", "TypeError", []),
        ("cookieStore.set('session')", "TypeError", []),
        ("cookieStore.set('evil')", "TypeError", []),
        ("cookieStore.set(Symbol('session'), '1')", "TypeError", []),
    ],
)
@pytest.mark.conformance("T4")
def test_the_cookie_store_is_held_to_the_list(
    bench: Bench, call: str, answer: str, stored: list[str] | None
) -> None:
    """What may be set is, and the promise of what may not comes true all the same."""
    assert bench.page.evaluate(STORE, call) == [answer]
    assert bench.names() == (["session"] if stored is None else stored)


SET = """([name, value]) => cookieStore.set(name, value).then(() => true, () => false)"""


@pytest.mark.conformance("T4")
def test_the_cookie_store_stores_what_may_be_set_and_nothing_else(bench: Bench) -> None:
    """Whatever name a script gives, what may be set is stored as without the guard, or refused."""
    wrong: list[tuple[object, ...]] = []
    seen_allowed = seen_others = 0
    for line in [*ODDITIES, *generated(lines(), LINES // 4)]:
        name, _, rest = text(line).partition("=")
        pair = [name, rest.partition(";")[0]]
        taken = bench.plain.evaluate(SET, pair)
        before = bench.emptied()
        answer = bench.page.evaluate(SET, pair)
        after = bench.emptied()
        allowed = [cookie for cookie in before if is_allowed(cookie["name"])]
        if not is_clean(after) or not alike(allowed, after) or (allowed and answer != taken):
            wrong.append((pair, taken, answer, before, after))
        seen_allowed += allowed != []
        seen_others += not is_clean(before)
    assert not wrong
    assert min(seen_allowed, seen_others) > 30  # Else there was nothing to see.


@pytest.mark.conformance("T4")
def test_the_cookie_store_deletes(bench: Bench) -> None:
    """Deletions pass, by their own name or by a time that is over."""
    for call in (
        "cookieStore.delete('evil')",
        "cookieStore.delete({name: 'evil', path: '/'})",
        "cookieStore.set({name: 'evil', value: '', expires: 0})",
        "cookieStore.set({name: 'evil', value: '', expires: Date.now() - 60000})",
    ):
        bench.plain.evaluate(WRITE, "evil=1; Path=/")
        assert bench.page.evaluate(STORE, call) == ["undefined"]
        assert bench.names() == []


# What is announced

LISTEN = """() => {
    window.heard = [];
    document.addEventListener("consentgate:refused", event => {
        window.heard.push(event.detail);
        document.cookie = "again=1";
        document.cookie = event.detail.name + "=2";
    });
}"""


BEACONS = """() => {
    window.sent = [];
    navigator.sendBeacon = (address, blob) => {
        window.sent.push([address, blob.type, blob.text()]);
        return true;
    };
}"""
SENT = """() => Promise.all(window.sent.map(
    async ([address, type, body]) => [address, type, JSON.parse(await body)]))"""


def sent(page: Page, count: int = 1) -> list[Any]:
    """Return what the page reports, once that many reports are sent and no other is due."""
    page.wait_for_function("count => window.sent.length >= count", arg=count)
    page.wait_for_timeout(600)  # Longer than the guard gathers.
    found: list[Any] = page.evaluate(SENT)
    address = page.evaluate("location.origin + '/reports'")
    assert {(each[0], each[1]) for each in found} == {(address, "application/json")}
    return [body for _, _, body in found]


@pytest.mark.conformance("T4")
def test_a_refused_write_is_announced_once(bench: Bench) -> None:
    """An event and one report for all: each name once, even where a listener writes again."""
    bench.page.evaluate(LISTEN)
    bench.page.evaluate(BEACONS)
    for line in ("evil=1", "evil=2", "session=1", "_ga=1; Path=/", "=x", "lang=; Max-Age=0"):
        bench.page.evaluate(WRITE, line)
    bench.page.evaluate("cookieStore.set('stored', '1')")
    names = ["evil", "again", "_ga", "", "stored"]
    expected = [{"name": name, "enforced": True} for name in names]
    assert bench.page.evaluate("heard.map(each => each.name).sort()") == sorted(names)
    [report] = sent(bench.page)
    assert report["page"] == "/app/deep/page"
    assert sorted(report["refused"], key=str) == sorted(expected, key=str)
    bench.page.evaluate(WRITE, "late=1")
    assert sent(bench.page, 2)[1]["refused"] == [{"name": "late", "enforced": True}]


@pytest.mark.conformance("T4")
def test_a_base_of_another_site_gets_no_report(bench: Bench) -> None:
    """Under a <base> the report goes to this site all the same."""
    bench.page.evaluate(BEACONS)
    bench.page.evaluate("""() => {
        const base = document.createElement("base");
        base.href = "https://elsewhere.test/x/";
        document.head.append(base);
        document.cookie = "evil=1";
    }""")
    assert [each["name"] for each in sent(bench.page)[0]["refused"]] == ["evil"]


@pytest.mark.conformance("T4")
def test_a_browser_without_beacons_loses_nothing(bench: Bench) -> None:
    """Where pages cannot send beacons, nothing is reported and nothing is thrown."""
    lost: list[str] = []
    bench.page.on("pageerror", lambda error: lost.append(str(error)))
    bench.page.evaluate("""() => {
        navigator.sendBeacon = undefined;
        document.cookie = "evil=1";
    }""")
    bench.page.wait_for_timeout(700)  # Longer than the guard gathers.
    assert lost == []
    assert bench.names() == []


@pytest.mark.conformance("T4")
def test_what_is_only_told_is_written(bench: Bench) -> None:
    """A name under a report passes, and is announced as not enforced."""
    bench.open("~ad -_ga ~*")
    bench.page.evaluate(LISTEN)
    bench.page.evaluate(BEACONS)
    for name in ("ad", "_ga", "x"):
        bench.page.evaluate(WRITE, f"{name}=1")
    assert bench.names() == ["ad", "again", "x"]
    [report] = sent(bench.page)
    told = {each["name"]: each["enforced"] for each in report["refused"]}
    assert told == {"ad": False, "_ga": True, "x": False, "again": False}


@pytest.mark.conformance("T4")
def test_what_old_browsers_cut_is_refused(bench: Bench) -> None:
    """A line with a control character in it is another line to some browsers: none is written."""
    bench.open("+session +*")
    bench.page.evaluate(LISTEN)
    for line in ("session=1; Path=/\x01", "s\x00ession=1", "other=\x7f; Max-Age=0"):
        bench.page.evaluate(WRITE, line)
    heard = [each["name"] for each in bench.page.evaluate("heard")]
    assert heard == ["session", "s\x00ession", "other"]
    assert bench.page.evaluate("heard.every(each => each.enforced)")
    # What the listener writes in turn is nothing odd.
    assert bench.names() == ["again", "other", "session"]


@pytest.mark.conformance("T4")
def test_what_is_announced_has_a_bound(bench: Bench) -> None:
    """Of a page that writes name after name twenty are told, and no more of one than it needs."""
    bench.page.evaluate(BEACONS)
    bench.page.evaluate("""() => {
        document.cookie = "x".repeat(3000) + "=1";
        for (let n = 0; n < 99; n++) document.cookie = `n${n}=1`;
    }""")
    [report] = sent(bench.page)
    long = ["x" * 200, *(f"n{n}" for n in range(19))]
    assert [each["name"] for each in report["refused"]] == long
    assert bench.names() == []


@pytest.mark.conformance("T4")
def test_what_is_due_is_told_when_the_page_goes(bench: Bench) -> None:
    """A visitor who leaves at once takes no report along."""
    bench.page.evaluate(BEACONS)
    told = bench.page.evaluate("""() => {
        document.cookie = "evil=1";
        dispatchEvent(new Event("pagehide"));
        dispatchEvent(new Event("pagehide"));
        return window.sent.length;
    }""")
    assert told == 1


# Another list

CHANGE = """scripts => document.dispatchEvent(
    new CustomEvent("consentgate:change", { bubbles: true, detail: { scripts } }))"""


@pytest.mark.conformance("T4")
def test_a_new_choice_brings_a_new_list(bench: Bench) -> None:
    """Who starts at the event writes by the new list; one without a list changes nothing."""
    bench.page.evaluate("""() => document.addEventListener(
        "consentgate:change", () => { document.cookie = "_ga=1; Path=/"; })""")
    bench.page.evaluate(CHANGE, None)
    assert bench.names() == []
    bench.page.evaluate(CHANGE, "+_ga* -session")
    assert bench.names() == ["_ga"]
    bench.page.evaluate(WRITE, "session=1")
    assert bench.names() == ["_ga"]


PLACES = (
    *("Path=/", "", "Path=/app/deep/page", "Path=/app/", "Path=/; Secure"),
    *("Path=/; Domain=shop.test", "Path=/app; Domain=www.shop.test"),
)


@pytest.mark.conformance("T4")
def test_a_withdrawal_expires_what_can_be_seen(bench: Bench) -> None:
    """What is declared and refused goes wherever it is; what is allowed or undeclared stays."""
    for number, place in enumerate(PLACES):
        for name in (f"_ga_{number}", f"pref-{number}", f"other{number}"):
            bench.plain.evaluate(WRITE, f"{name}=1; {place}")
    assert len(bench.names()) == 3 * len(PLACES)
    bench.plain.evaluate(WRITE, "__Secure-_ga=1; Path=/; Secure")
    bench.page.evaluate(CHANGE, "-_ga* -__Secure-* +pref-*")
    left = sorted(f"{name}{number}" for name in ("pref-", "other") for number in range(len(PLACES)))
    assert bench.comes_to(left)
    bench.open("-pref-*")  # At load as well: it may be older than the refusal.
    assert bench.comes_to([name for name in left if name.startswith("other")])


@pytest.mark.parametrize(("tls", "host"), [(True, HOST), (False, "localhost")])
@pytest.mark.conformance("T4")
def test_what_is_refused_goes_from_its_partition_as_well(
    chromium: Browser, tls: bool, host: str
) -> None:
    """A partitioned cookie, which no deletion without that word reaches, is expired too."""
    with benched(chromium, tls=tls, host=host) as bench:
        for place in ("Path=/", "Path=/app/"):
            bench.plain.evaluate(WRITE, f"_ga=1; {place}; Secure; SameSite=None; Partitioned")
        assert bench.names() == ["_ga", "_ga"]
        bench.open("+session -_ga*")
        assert bench.comes_to([])


@pytest.mark.conformance("T4")
def test_what_is_refused_goes_on_plain_http_as_well(chromium: Browser) -> None:
    """Without TLS a deletion is not Secure, which browsers would not take there."""
    with benched(chromium, tls=False) as bench:
        bench.plain.evaluate(WRITE, "_ga=1; Path=/; Domain=shop.test")
        assert bench.names() == ["_ga"]
        bench.open()
        assert bench.comes_to([])


@pytest.mark.conformance("T4")
def test_no_address_makes_a_cookie_of_a_deletion(bench: Bench) -> None:
    """A path that looks like attributes deletes what it can, and stores nothing."""
    for path in ("/", "/x"):
        bench.plain.evaluate(WRITE, f"_ga=1; Path={path}")
    bench.open(path="/x/y;Max-Age=999;Domain=shop.test/z")
    assert bench.comes_to([])


@pytest.mark.conformance("T4")
def test_what_expires_has_a_bound(bench: Bench) -> None:
    """The longest address and the most cookies hold no page up."""
    for number in range(150):
        bench.plain.evaluate(WRITE, f"_ga{number}=1; Path=/")
    bench.open(path="/a" * 1500)
    assert bench.page.evaluate("performance.now()") < 5000
    assert bench.comes_to([])


@pytest.mark.conformance("T4")
def test_a_second_guard_is_ignored(bench: Bench) -> None:
    """By helper and by the gate it may be in a page twice: the first one holds."""
    bench.page.evaluate("""() => new Promise(done => {
        const second = document.createElement("script");
        Object.assign(second, { src: "/guard.js", onload: done });
        second.dataset.cookies = "+evil";
        document.head.append(second);
    })""")
    bench.page.evaluate(LISTEN)
    bench.page.evaluate(WRITE, "evil=1")
    bench.page.evaluate(WRITE, "session=1")
    assert bench.names() == ["session"]
    assert bench.page.evaluate("heard.map(each => each.name)") == ["evil", "again"]


@pytest.mark.conformance("T4")
def test_a_guard_without_a_list_lets_nothing_pass(bench: Bench) -> None:
    """Loaded as it should not be, where it cannot see its own tag, it refuses everything."""
    bench.plain.evaluate("() => import('/guard.js')")
    bench.plain.evaluate(WRITE, "session=1")
    assert bench.names() == []
    bench.plain.reload()


@pytest.mark.conformance("T4")
def test_a_page_in_a_sandbox_loses_nothing(bench: Bench) -> None:
    """Where there are no cookies, reading and writing fail as they do without the guard."""
    bench.plain.evaluate("""() => new Promise(done => {
        const frame = document.createElement("iframe");
        Object.assign(frame, { sandbox: "allow-scripts", onload: done });
        frame.src = "/?list=2b61202d62";
        document.body.append(frame);
    })""")
    frame = bench.plain.frames[-1]
    tried = """line => { try { document.cookie = line; } catch (error) { return error.name; } }"""
    assert frame.evaluate(tried, "a=1") == "SecurityError"
    assert frame.evaluate(tried, "b=1") is None
    bench.plain.reload()
