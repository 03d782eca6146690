"""What browsers report of pages: who may report, what is a report, and what observers hear of it.

The bodies are those that a Chromium sends, shortened; see the browser's own tests too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import KEY, Adapter, Answer, Header, Reply, Visit, granted
from consentgate import Consent, ConsentGate, Cookie, Event, Policy, ThirdParty
from consentgate.observer import LONGEST_NAME, LONGEST_PATH, Reason
from consentgate.pages.rate import Bucket
from consentgate.pages.reports import BURST, MAX_REPORTS, RATE, Reports
from consentgate.pages.request import MAX_REPORT, PageRequest
from consentgate.pages.settings import Pages
from consentgate.request import Target
from django_setup import GATED, WAYS, site

REPORTS = "/cookies/reports"
HOST: Header = (b"host", b"shop.test")
OWN: Sequence[Header] = (HOST, (b"origin", b"http://shop.test"))
CSP, API, GUARD = b"application/csp-report", b"application/reports+json", b"application/json"
PARTIES = (
    ThirdParty("Adverts Ltd", "marketing", hosts=["*.ads.test", "ads.test:81"]),
    ThirdParty("CDN Ltd", "necessary", hosts=["cdn.test"]),
)
COOKIES = (Cookie("session"), Cookie("_ga*", "statistics"), Cookie("ad_id", "marketing"))
POLICY = Policy(COOKIES, third_parties=PARTIES)

Told = list[Event]


def unreached(_: Consent) -> Reply:
    """Answer nothing: what is for the pages is not for the app."""
    raise AssertionError("the app was asked")


def gate_of(**options: Any) -> tuple[ConsentGate, Told]:
    """Return a gate, and the list of what it tells."""
    told: Told = []
    return ConsentGate(POLICY, secret_key=KEY, observer=told.append, **options), told


def csp(blocked: object, page: object = "http://shop.test/films?q=1", **said: object) -> bytes:
    """Return the body that `report-uri` gets."""
    fields = {"blocked-uri": blocked, "document-uri": page, "disposition": "enforce", **said}
    fields |= {"effective-directive": "img-src", "original-policy": "default-src 'self'"}
    return json.dumps({"csp-report": fields}).encode()


def violation(blocked: object, disposition: object = "report", **said: object) -> dict[str, object]:
    """Return one report of those that an endpoint gets."""
    page = "https://shop.test/films?q=1"
    fields = {"blockedURL": blocked, "documentURL": page, "disposition": disposition, **said}
    return {"type": "csp-violation", "age": 4, "url": page, "body": fields, "user_agent": "x"}


def api(*reports: object) -> bytes:
    """Return the body that an endpoint gets."""
    return json.dumps(reports).encode()


def guarded(*names: object, enforced: object = True, page: object = "/films") -> bytes:
    """Return the body that the guard sends."""
    refused = [{"name": name, "enforced": enforced} for name in names]
    return json.dumps({"refused": refused, "page": page}).encode()


def sent(body: bytes, kind: bytes = CSP, headers: Sequence[Header] = OWN, **more: Any) -> Visit:
    """Return the visit of a report."""
    typed = [*headers, (b"content-type", kind)]
    return Visit(**{"method": "POST", "path": REPORTS, "headers": typed, "body": body, **more})


def told_of(
    adapter: Adapter, body: bytes, kind: bytes = CSP, **more: Any
) -> tuple[Answer, list[tuple[str, str, str, bool]]]:
    """Send a report; return the answer, and what observers hear: action, name, path, enforced."""
    gate, told = gate_of()
    answer = adapter(gate, unreached, sent(body, kind, **more))
    return answer, [(each.action, each.name, each.path, each.enforced) for each in told]


# What is told


@pytest.mark.conformance("T8")
def test_a_violation_is_told(adapter: Adapter) -> None:
    """What a page was not to load is told with its host, its category and the page."""
    gate, told = gate_of()
    answer = adapter(gate, unreached, sent(csp("http://ads.test:81/pixel?id=7")))
    assert (answer.status, answer.body) == (204, b"")
    expected = Event("blocked", "ads.test:81", "marketing", "/films", Reason.UNANSWERED, True)
    assert told == [expected]


@pytest.mark.conformance("T8")
def test_violations_of_the_reporting_api_are_told(adapter: Adapter) -> None:
    """Of a list of reports the violations are told, with what was only reported as that."""
    body = api(
        violation("https://www.ads.test/x"),
        {"type": "deprecation", "body": {"id": "unload"}},
        {"type": "intervention"},
        violation("https://other.test/", "enforce"),
    )
    answer, told = told_of(adapter, body, API)
    assert answer.status == 204
    assert told == [
        ("blocked", "www.ads.test", "/films", False),
        ("blocked", "other.test", "/films", True),
    ]


@pytest.mark.conformance("T8")
def test_what_the_guard_sends_is_told(adapter: Adapter) -> None:
    """Cookies that scripts did not get to write are told, and why: the policy decides that."""
    gate, told = gate_of()
    body = guarded("_ga_X1", "mystery", page="/a%20b")
    assert adapter(gate, unreached, sent(body, GUARD)).status == 204
    assert told == [
        Event("guarded", "_ga_X1", "statistics", "/a b", Reason.UNANSWERED, True),
        Event("guarded", "mystery", None, "/a b", Reason.UNDECLARED, True),
    ]


@pytest.mark.conformance("T8")
def test_what_the_guard_let_pass_is_told_as_that(adapter: Adapter) -> None:
    """A cookie that was written after all is told as not enforced."""
    answer, told = told_of(adapter, guarded("_ga", enforced=False), GUARD)
    assert answer.status == 204
    assert told == [("guarded", "_ga", "/films", False)]


@pytest.mark.conformance("T8")
def test_what_is_allowed_by_now_is_not_told(adapter: Adapter) -> None:
    """A report that comes after the consent says nothing that is to be mended."""
    gate, told = gate_of()
    cookies = granted(gate, "marketing", "statistics").cookies
    for body, kind in ((csp("http://ads.test:81/"), CSP), (guarded("_ga"), GUARD)):
        assert adapter(gate, unreached, sent(body, kind, cookies=cookies)).status == 204
    assert told == []


@pytest.mark.parametrize(
    ("blocked", "name"),
    [
        ("https://WWW.Ads.Test/x", "www.ads.test"),
        ("https://a.test:443/", "a.test"),
        ("http://a.test:80/", "a.test"),
        ("http://a.test:443/", "a.test:443"),
        ("ws://a.test:80/s", "a.test"),
        ("wss://a.test/s", "a.test"),
        ("wss://a.test:8443/s", "a.test:8443"),
        ("https://user:word@a.test/", "a.test"),
        ("https://[2001:DB8::1]:8443/", "[2001:db8::1]:8443"),
        ("http://192.0.2.1/", "192.0.2.1"),
        ("https://xn--bcher-kva.test", "xn--bcher-kva.test"),
    ],
)
@pytest.mark.conformance("T8")
def test_a_source_has_the_name_of_its_host(adapter: Adapter, blocked: str, name: str) -> None:
    """A host is told in lower case, with the port where it is not that of the scheme."""
    assert told_of(adapter, csp(blocked))[1] == [("blocked", name, "/films", True)]
    assert told_of(adapter, api(violation(blocked)), API)[1] == [("blocked", name, "/films", False)]


@pytest.mark.parametrize(
    "blocked",
    [
        *("inline", "eval", "wasm-eval", "data", "blob", "self", "trusted-types-sink", ""),
        *("about", "ftp://a.test/", "javascript:1", "//a.test/", "https://", "https:///x"),
        *("https://[2001/", "https://a.test:x/", "https://a.test:99999/", "https://bücher.test/"),
        *("https://a\u2100.test/", "https://a b/", f"https://{'a' * 254}/"),
    ],
)
@pytest.mark.conformance("T8")
def test_what_has_no_host_is_skipped(adapter: Adapter, blocked: str) -> None:
    """What the page itself has in it, and what no page loads from a host, is no source."""
    answer, told = told_of(adapter, csp(blocked))
    assert (answer.status, told) == (204, [])
    answer, told = told_of(adapter, api(violation(blocked), violation("https://a.test")), API)
    assert (answer.status, len(told)) == (204, 1)


@pytest.mark.conformance("T8")
def test_a_violation_without_an_address_is_skipped(adapter: Adapter) -> None:
    """The Reporting API says null where there is nothing to say."""
    answer, told = told_of(adapter, api(violation(None)), API)
    assert (answer.status, told) == (204, [])


@pytest.mark.parametrize(
    ("page", "path"),
    [
        ("https://shop.test", ""),
        ("https://shop.test/a/b?q=1#f", "/a/b"),
        ("https://shop.test/caf%C3%A9", "/café"),
        ("about", ""),
        ("about:srcdoc", ""),
        ("blob:https://shop.test/x", ""),
    ],
)
@pytest.mark.conformance("T8")
def test_a_page_has_its_path(adapter: Adapter, page: str, path: str) -> None:
    """A page is told by its path, decoded, without query; one without an address has none."""
    assert told_of(adapter, csp("https://a.test", page))[1] == [("blocked", "a.test", path, True)]


@pytest.mark.conformance("T8")
def test_what_browsers_leave_out_is_enforced(adapter: Adapter) -> None:
    """A browser that does not know the word `disposition` tells of what it did."""
    body = json.dumps(
        {"csp-report": {"blocked-uri": "https://a.test/", "document-uri": "https://shop.test/"}}
    )
    assert told_of(adapter, body.encode())[1] == [("blocked", "a.test", "/", True)]


@pytest.mark.parametrize("disposition", ["report", "enforce"])
@pytest.mark.conformance("T8")
def test_a_report_says_whether_it_was_enforced(adapter: Adapter, disposition: str) -> None:
    """What is only reported on is told as not enforced."""
    body = csp("https://a.test", disposition=disposition)
    assert told_of(adapter, body)[1][0][3] is (disposition == "enforce")


@pytest.mark.parametrize(
    "kind",
    [
        "application/csp-report; charset=utf-8",
        "Application/CSP-Report",
        "application/csp-report ;x",
    ],
)
@pytest.mark.conformance("T8")
def test_the_type_has_parameters(adapter: Adapter, kind: str) -> None:
    """A media type is known whatever its case and its parameters."""
    assert told_of(adapter, csp("https://a.test"), kind.encode())[0].status == 204


@pytest.mark.conformance("T8")
def test_names_and_paths_are_cut(adapter: Adapter) -> None:
    """No name and no path grows with what is sent."""
    gate, told = gate_of()
    adapter(gate, unreached, sent(guarded("n" * 5000, page="/" + "p" * 5000), GUARD))
    adapter(gate, unreached, sent(csp(f"https://{'h' * 200}.test/", f"https://s/{'p' * 9000}")))
    assert [(len(e.name), len(e.path)) for e in told] == 2 * [(LONGEST_NAME, LONGEST_PATH)]


@pytest.mark.conformance("T8")
def test_a_name_can_be_shown(adapter: Adapter) -> None:
    """A lone surrogate, which no encoder takes, is told as an escape."""
    answer, told = told_of(adapter, guarded("a\ud800", page="/\ud800"), GUARD)
    assert answer.status == 204
    assert told == [("guarded", "a\\ud800", "/\\ud800", True)]


@pytest.mark.conformance("T8")
def test_a_body_tells_of_twenty_things(adapter: Adapter) -> None:
    """Of one body the first twenty different things are told, each once."""
    bodies = {
        API: api(*(violation(f"https://h{n // 2}.test/{n}") for n in range(60))),
        GUARD: guarded(*(f"c{n // 2}" for n in range(60))),
    }
    for kind, body in bodies.items():
        answer, told = told_of(adapter, body, kind)
        assert answer.status == 204
        assert len(told) == len(set(told)) == MAX_REPORTS
        assert [re.sub(r"\D", "", name) for _, name, *_ in told] == [*map(str, range(MAX_REPORTS))]


@pytest.mark.conformance("T8")
def test_a_body_of_many_reports_is_taken(adapter: Adapter) -> None:
    """Browsers send up to a hundred reports at once, each with the page's whole policy."""
    said = {"originalPolicy": "default-src 'self' " + 40 * "www.example.com "}
    body = api(*(violation(f"https://h{n}.test/", **said) for n in range(100)))
    assert 64 * 1024 < len(body) < MAX_REPORT
    assert told_of(adapter, body, API)[0].status == 204


# Who is heard


@pytest.mark.parametrize(
    "headers",
    [
        [(b"origin", b"http://shop.test")],
        # Behind a proxy that ends TLS and does not say so.
        [(b"origin", b"https://shop.test")],
        # So a Chromium sends what `report-uri` gets over https.
        [(b"origin", b"http://shop.test"), (b"sec-fetch-site", b"same-origin")],
        [(b"origin", b"https://shop.test"), (b"sec-fetch-site", b"same-origin")],
        [(b"sec-fetch-site", b"none")],
        [(b"origin", b"null")],
        [],
    ],
)
@pytest.mark.conformance("T8")
def test_reports_of_this_site_are_heard(adapter: Adapter, headers: Sequence[Header]) -> None:
    """What comes from this site is heard, and what does not say where it comes from."""
    answer, told = told_of(adapter, csp("https://a.test"), headers=[HOST, *headers])
    assert (answer.status, len(told)) == (204, 1)


@pytest.mark.parametrize(
    "headers",
    [
        [(b"origin", b"http://evil.test")],
        [(b"origin", b"http://shop.test:443")],
        [(b"origin", b"https://shop.test:8080")],
        [(b"origin", b"https://www.shop.test")],
        [(b"origin", b"http://shop.test/")],
        [(b"origin", b"")],
        [(b"origin", b"http://shop.test"), (b"sec-fetch-site", b"cross-site")],
        [(b"origin", b"http://shop.test"), (b"sec-fetch-site", b"same-site")],
        [(b"origin", b"null"), (b"sec-fetch-site", b"cross-site")],
        [(b"sec-fetch-site", b"same-origin, cross-site")],
        [(b"sec-fetch-site", b"")],
    ],
)
@pytest.mark.conformance("T8")
def test_reports_of_other_sites_are_not_heard(adapter: Adapter, headers: Sequence[Header]) -> None:
    """A page of another site, of a sister host too, cannot fill the reports of this one."""
    answer, told = told_of(adapter, csp("https://a.test"), headers=[HOST, *headers])
    assert (answer.status, answer.body, told) == (403, b"", [])


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (b"https://shop.test", 204),
        (b"http://shop.test", 403),
        (b"http://inside:8000", 403),
        (b"https://evil.test", 403),
    ],
)
@pytest.mark.conformance("T8")
def test_a_proxy_says_which_site_it_is(adapter: Adapter, origin: bytes, status: int) -> None:
    """Behind a proxy that tells host and scheme, reports of that very origin are heard."""
    gate, told = gate_of(pages=Pages(proxies=1))
    forwarded = ((b"x-forwarded-proto", b"https"), (b"x-forwarded-host", b"shop.test"))
    headers = [(b"host", b"inside:8000"), (b"origin", origin), *forwarded]
    assert adapter(gate, unreached, sent(csp("https://a.test"), headers=headers)).status == status
    assert len(told) == (status == 204)


# What is odd


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        *((body, kind) for body in (b"", b"{", b"nul", b"\xff") for kind in (CSP, API, GUARD)),
        *((body, CSP) for body in (b"null", b"[]", b"{}", b"1", b'{"csp-report": null}')),
        *((body, API) for body in (b"null", b"{}", b"[1]", b"[null]", b"[[]]", b"[{}]")),
        *((body, GUARD) for body in (b"null", b"[]", b"{}", b'{"refused": [], "page": null}')),
        (csp("https://a.test").decode().encode("utf-16"), CSP),
        (b"\xef\xbb\xbf" + csp("https://a.test"), CSP),
        (csp(None), CSP),
        (csp(1), CSP),
        (csp(["https://a.test"]), CSP),
        (csp("https://a.test", None), CSP),
        (csp("https://a.test", {"/": 1}), CSP),
        (csp("https://a.test", "https://[2001/"), CSP),
        (csp("https://a.test", disposition="maybe"), CSP),
        (csp("https://a.test", disposition=True), CSP),
        (csp("https://a.test", disposition=[]), CSP),
        (api(violation("https://a.test"), {"type": 1}), API),
        (api(violation("https://a.test"), {"type": "csp-violation"}), API),
        (api(violation("https://a.test"), violation(1)), API),
        (api(violation("https://a.test"), violation("https://a.test", "yes")), API),
        (api(violation("https://a.test", documentURL=None)), API),
        (guarded("a", None), GUARD),
        (guarded("a", ["b"]), GUARD),
        (guarded("a", enforced=None), GUARD),
        (guarded("a", enforced=1), GUARD),
        (guarded("a", page="films"), GUARD),
        (guarded("a", page=1), GUARD),
        (b'{"refused": {"name": "a", "enforced": true}, "page": "/"}', GUARD),
        (b"[" * 9_000, API),
        (b'{"refused":' * 1_400, GUARD),
        (b"1" * 9_000, CSP),
    ],
)
@pytest.mark.conformance("T8")
def test_an_odd_body_tells_nothing(adapter: Adapter, body: bytes, kind: bytes) -> None:
    """A body that no browser sends is refused as a whole, and raises nothing."""
    answer, told = told_of(adapter, body, kind)
    assert (answer.status, answer.body, told) == (400, b"", [])


@pytest.mark.parametrize(
    "kind", [b"", b"text/plain", b"application/x-www-form-urlencoded", b"application/csp-report, x"]
)
@pytest.mark.conformance("T8")
def test_other_types_are_no_reports(adapter: Adapter, kind: bytes) -> None:
    """What a form of another site could send without asking is no report."""
    answer, told = told_of(adapter, csp("https://a.test"), kind)
    assert (answer.status, told) == (415, [])


@pytest.mark.conformance("T8")
def test_a_body_that_is_too_long_is_refused(adapter: Adapter) -> None:
    """A body beyond the bound is not read."""
    body = csp("https://a.test", sample="x" * MAX_REPORT)
    answer, told = told_of(adapter, body)
    assert (answer.status, told) == (413, [])


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
@pytest.mark.conformance("T8")
def test_reports_are_posted(adapter: Adapter, method: str) -> None:
    """Another method than POST is answered with that, and says nothing to anybody."""
    answer, told = told_of(adapter, csp("https://a.test"), method=method)
    assert (answer.status, told) == (405, [])
    assert answer.values(b"allow") == [b"POST"]


@pytest.mark.conformance("T8")
def test_without_reports_there_is_no_endpoint(adapter: Adapter) -> None:
    """A site that wants no reports has none to send them to: the app is asked."""
    gate, told = gate_of(pages=Pages(reports=False))
    answer = adapter(gate, lambda _: Reply([(b"Content-Type", b"text/plain")], 404), sent(b"{}"))
    assert (answer.status, told) == (404, [])


@pytest.mark.conformance("T8")
def test_reports_are_below_the_pages(adapter: Adapter) -> None:
    """The endpoint is below the path of the pages, wherever the app is mounted."""
    gate, told = gate_of(pages="/biscuits")
    visit = sent(csp("https://a.test"), path="/biscuits/reports", root="/shop")
    assert (adapter(gate, unreached, visit).status, len(told)) == (204, 1)


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.conformance("T8")
def test_django_takes_reports(name: str) -> None:
    """Through Django's middleware alone a report arrives, and one of another site does not."""
    gate, told = gate_of()
    evil: Header = (b"origin", b"http://evil.test")
    with site(gate, [GATED, "django.middleware.csrf.CsrfViewMiddleware"]):
        answers = [
            WAYS[name](sent(csp("https://a.test"), headers=[HOST, *headers]))
            for headers in ([], [evil])
        ]
    assert [answer.status for answer in answers] == [204, 403]
    assert [(event.name, event.path) for event in told] == [("a.test", "/films")]


@pytest.mark.conformance("T8")
def test_a_report_changes_nothing(adapter: Adapter) -> None:
    """A report sets no cookie, is kept by no cache, and is nothing to look at."""
    gate, _ = gate_of()
    for body, kind in ((csp("https://a.test"), CSP), (b"{", CSP), (b"", b"text/plain")):
        answer = adapter(gate, unreached, sent(body, kind))
        assert answer.set_cookies == []
        assert answer.values(b"cache-control") == [b"no-store"]
        length = [] if answer.status == 204 else [b"0"]
        assert answer.values(b"content-length") == length


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["https://a.test/x", "http://[", "enforce", "csp-violation", "/films"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("csp-report", "blocked-uri", "document-uri", "disposition", "type"),
                    *("body", "blockedURL", "documentURL", "refused", "name", "enforced", "page"),
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


class Heard:
    """Stands in for a consent: keeps what is reported."""

    def __init__(self) -> None:
        self.reports: list[Any] = []

    def reported(self, report: object) -> None:
        """Keep a report."""
        self.reports.append(report)


def taken(reports: Reports, body: bytes | None, kind: str, **headers: str) -> tuple[int, Any]:
    """Have a body taken; return the status, and what was reported."""
    heard: Any = Heard()
    fields: Mapping[str, str] = {"content-type": kind, **headers}
    request = PageRequest("POST", REPORTS, Target(), fields, host="shop.test", body=body)
    status, _ = reports.take(request, heard)
    return status, heard.reports


@given(
    st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([CSP, API, GUARD]),
)
@pytest.mark.conformance("T8")
def test_whatever_is_sent_is_answered(body: bytes, kind: bytes) -> None:
    """No body raises; what is told has a name and a path, and what is refused tells nothing."""
    status, reports = taken(Reports(), body, kind.decode())
    assert status in (204, 400)
    assert len(reports) <= (MAX_REPORTS if status == 204 else 0)
    for kind_of, name, page, enforced in reports:
        assert kind_of in ("source", "cookie")
        assert isinstance(enforced, bool)
        assert name.isascii() if kind_of == "source" else name.encode() is not None
        assert page == "" or page.startswith("/")


@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=9), st.booleans()), max_size=20),
    st.text(max_size=20),
)
@pytest.mark.conformance("T8")
def test_what_the_guard_says_is_told_as_it_is(refused: list[tuple[str, bool]], page: str) -> None:
    """Every name is told once with its flag, in order, whatever characters are in it."""
    body = {"refused": [{"name": n, "enforced": e} for n, e in refused], "page": f"/{page}"}
    status, reports = taken(Reports(), json.dumps(body).encode(), GUARD.decode())
    assert status == 204
    assert [(r.name, r.enforced) for r in reports] == list(dict.fromkeys(refused))


# How often


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


@pytest.mark.conformance("T8")
def test_a_flood_is_held_back() -> None:
    """So many reports at once are heard, then so many a second, and who comes too soon waits."""
    clock = Clock()
    reports, body = Reports(clock=clock), csp("https://a.test")
    assert [taken(reports, body, CSP.decode())[0] for _ in range(BURST)] == BURST * [204]
    assert taken(reports, body, CSP.decode()) == (429, [])
    clock.now += 1
    answers = [taken(reports, body, CSP.decode())[0] for _ in range(RATE + 1)]
    assert answers == [*RATE * [204], 429]


@pytest.mark.conformance("T8")
def test_a_flood_is_told_when_to_come_again(adapter: Adapter) -> None:
    """A 429 says in how many seconds a report is heard again, over each protocol."""
    gate, told = gate_of()
    answers = [adapter(gate, unreached, sent(csp("https://a.test"))) for _ in range(BURST + 50)]
    late = [answer for answer in answers if answer.status == 429]
    assert late and {answer.status for answer in answers} == {204, 429}
    assert len(told) == len(answers) - len(late)
    assert {value for each in late for value in each.values(b"retry-after")} == {b"1"}


@pytest.mark.conformance("T8")
def test_other_sites_take_nothing_from_the_bucket() -> None:
    """Requests of other sites do not use up what is there for this one."""
    reports, body = Reports(), csp("https://a.test")
    for _ in range(BURST + 1):
        assert taken(reports, body, CSP.decode(), origin="http://evil.test")[0] == 403
    assert taken(reports, body, CSP.decode())[0] == 204


@pytest.mark.conformance("T8")
def test_what_is_too_long_counts() -> None:
    """A body that was too long to be read takes its token too."""
    reports = Reports(clock=Clock())
    answers = [taken(reports, None, CSP.decode())[0] for _ in range(BURST + 1)]
    assert answers == [*BURST * [413], 429]


@pytest.mark.conformance("T8")
def test_a_bucket_fills_up_to_its_brim() -> None:
    """Tokens come back with time, never more than fit, and a wait is never too short."""
    clock = Clock()
    bucket = Bucket(2, 3, clock)
    clock.now += 1000
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now += 0.25
    assert bucket.take() == 0.25
    clock.now += 0.25
    assert bucket.take() == 0
    assert bucket.take() == 0.5


@pytest.mark.conformance("T8")
def test_a_clock_that_goes_back_takes_nothing() -> None:
    """A clock that goes back takes no token away, and gives none either."""
    clock = Clock()
    bucket = Bucket(1, 2, clock)
    clock.now -= 500
    assert [bucket.take(), bucket.take()] == [0, 0]
    assert bucket.take() == 1


@pytest.mark.conformance("T8")
def test_threads_share_a_bucket() -> None:
    """Threads together get as many tokens as there are, and not one more."""
    bucket, got = Bucket(1, 500, Clock()), [0] * 8

    def work(mine: int) -> None:
        for _ in range(200):
            got[mine] += bucket.take() == 0

    threads = [Thread(target=work, args=(number,)) for number in range(len(got))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(got) == 500


@given(st.lists(st.floats(0, 5), min_size=1, max_size=40))
@pytest.mark.conformance("T8")
def test_a_wait_is_long_enough(steps: list[float]) -> None:
    """Who waits as long as was said gets a token, but for a rounding."""
    clock = Clock()
    bucket = Bucket(3, 2, clock)
    for step in steps:
        clock.now += step
        if wait := bucket.take():
            clock.now += wait * (1 + 1e-9) + 1e-9
            assert bucket.take() == 0
