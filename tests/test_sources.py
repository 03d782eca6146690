"""The source gate: one more policy on pages, made from third parties and the choice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adapters import (
    KEY,
    Adapter,
    Answer,
    Header,
    Reply,
    View,
    Visit,
    asgi_scope,
    behind,
    behind_wsgi,
    called,
    granted,
    wsgi_environ,
)
from consentgate import Consent, ConsentGate, ConsentGateError, Cookie, Event, Policy, ThirdParty
from consentgate.browser_report import BrowserReport
from consentgate.pages.settings import Pages
from consentgate.sources import Sources

ENFORCED, REPORTED = b"content-security-policy", b"content-security-policy-report-only"
ALWAYS_ALLOWED = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob: filesystem: mediastream:"
)
CDN = ThirdParty("CDN Ltd", "necessary", hosts=["cdn.test:8080"])
COUNTER = ThirdParty("Counter Ltd", "statistics", hosts=["count.test", "wss://count.test"])
VIDEO = ThirdParty("Video Ltd", "marketing", hosts=["*.video.test", "video.test"])

HTML = (b"Content-Type", b"text/html; charset=utf-8")
PAGE: View = lambda _: Reply([HTML])  # noqa: E731  # a view of one expression


def policy_of(*parties: ThirdParty) -> Policy:
    """Return a policy with these third parties."""
    cookies = [Cookie("session"), Cookie("_ga*", "statistics"), Cookie("ad_id", "marketing")]
    return Policy(cookies, third_parties=parties)


def gate_of(*parties: ThirdParty, **options: Any) -> ConsentGate:
    """Return a gate that knows these third parties, or three of them."""
    return ConsentGate(policy_of(*(parties or (CDN, COUNTER, VIDEO))), secret_key=KEY, **options)


def allowed_hosts(answer: Answer, field: bytes = ENFORCED) -> list[str]:
    """Return the hosts in the one policy of the gate's."""
    [line] = answer.values(field)
    policy = line.decode().partition(";")[0]
    assert policy.startswith(ALWAYS_ALLOWED)
    return policy.removeprefix(ALWAYS_ALLOWED).split()


@pytest.mark.parametrize(
    ("categories", "hosts"),
    [
        (None, []),
        ((), []),
        (("statistics",), ["count.test", "wss://count.test"]),
        (("marketing",), ["*.video.test", "video.test"]),
        (
            ("statistics", "marketing"),
            ["count.test", "wss://count.test", "*.video.test", "video.test"],
        ),
    ],
)
@pytest.mark.conformance("T1")
def test_a_page_loads_from_whom_the_visitor_allows(
    adapter: Adapter, categories: tuple[str, ...] | None, hosts: list[str]
) -> None:
    """A page may load from this site, from necessary hosts, and from those that were granted."""
    gate = gate_of()
    visit = None if categories is None else granted(gate, *categories)
    answer = adapter(gate, PAGE, visit)
    assert allowed_hosts(answer) == ["cdn.test:8080", *hosts]
    assert answer.values(b"vary") == [b"Cookie"]
    assert not answer.values(REPORTED)


@pytest.mark.conformance("T1")
def test_a_choice_in_the_same_request_counts(adapter: Adapter) -> None:
    """The policy of a response is that of the choice which this very response records."""
    grant = called(lambda consent: consent.grant("marketing"), PAGE)
    assert "video.test" in allowed_hosts(adapter(gate_of(), grant))


@pytest.mark.conformance("T1", "T2")
def test_the_apps_own_policies_are_left_alone(adapter: Adapter) -> None:
    """However many policies the app sends they stay as they are, and one more comes behind."""
    own = [
        (b"Content-Security-Policy", b"default-src 'self'; script-src 'nonce-abc'"),
        (b"content-security-policy", b"img-src *"),
        (b"Content-Security-Policy-Report-Only", b"img-src 'none'"),
    ]
    answer = adapter(gate_of(), lambda _: Reply([HTML, *own]))
    assert answer.values(ENFORCED)[:2] == [own[0][1], own[1][1]]
    assert len(answer.values(ENFORCED)) == 3
    assert answer.values(REPORTED) == [own[2][1]]


@pytest.mark.parametrize("parties", [(), (ThirdParty("Video Ltd", "marketing"),)])
@pytest.mark.conformance("T1")
def test_without_declared_hosts_nothing_is_added(
    adapter: Adapter, parties: tuple[ThirdParty, ...]
) -> None:
    """Where no third party with hosts is declared, pages are as they were."""
    gate = ConsentGate(policy_of(*parties), secret_key=KEY)
    assert gate.sources is None
    assert [name.lower() for name, _ in adapter(gate, PAGE).headers] == [b"content-type"]


@pytest.mark.conformance("T1")
def test_the_source_gate_can_be_left_out(adapter: Adapter) -> None:
    """A site that declares third parties for its charter alone says source_gate="off"."""
    answer = adapter(gate_of(source_gate="off"), PAGE)
    assert not answer.values(ENFORCED)
    assert not answer.values(b"vary")


@pytest.mark.conformance("T1")
def test_necessary_hosts_alone_depend_on_nobody(adapter: Adapter) -> None:
    """Where every third party is necessary the policy is one for all, and caches may know it."""
    answer = adapter(gate_of(CDN), PAGE)
    assert allowed_hosts(answer) == ["cdn.test:8080"]
    assert not answer.values(b"vary")


@pytest.mark.parametrize("options", [{"source_gate": "report"}, {"report_only": True}])
@pytest.mark.conformance("T1")
def test_a_report_only_policy_says_where_to_report(
    adapter: Adapter, options: dict[str, Any]
) -> None:
    """Under a report nothing is enforced, and browsers are told where to say what would be."""
    answer = adapter(gate_of(**options), PAGE, Visit(https=True))
    assert not answer.values(ENFORCED)
    assert allowed_hosts(answer, REPORTED) == ["cdn.test:8080"]
    [line] = answer.values(REPORTED)
    assert line.endswith(b"; report-uri /cookies/reports; report-to consentgate")
    assert answer.values(b"reporting-endpoints") == [b'consentgate="/cookies/reports"']


@pytest.mark.conformance("T1")
def test_on_plain_http_reports_go_the_older_way(adapter: Adapter) -> None:
    """Browsers take endpoints over https alone, and would report to nowhere."""
    answer = adapter(gate_of(source_gate="report"), PAGE)
    [line] = answer.values(REPORTED)
    assert line.endswith(b"; report-uri /cookies/reports")
    assert not answer.values(b"reporting-endpoints")


@pytest.mark.conformance("T1")
def test_reports_go_to_where_the_app_is_mounted(adapter: Adapter) -> None:
    """The address to report to begins with the place where the app is mounted."""
    gate = gate_of(source_gate="report", pages="/biscuits")
    answer = adapter(gate, PAGE, Visit(root="/shop", https=True))
    assert answer.values(b"reporting-endpoints") == [b'consentgate="/shop/biscuits/reports"']


@pytest.mark.parametrize("pages", [None, Pages(reports=False)])
@pytest.mark.conformance("T1")
def test_without_an_endpoint_nothing_is_sent_anywhere(
    adapter: Adapter, pages: Pages | None
) -> None:
    """A report-only policy of a gate that takes no reports is for the browser's console."""
    answer = adapter(gate_of(source_gate="report", pages=pages), PAGE)
    assert answer.values(REPORTED) == [f"{ALWAYS_ALLOWED} cdn.test:8080".encode()]
    assert not answer.values(b"reporting-endpoints")


@pytest.mark.conformance("T1")
def test_a_category_that_is_only_reported_on_is_loaded(adapter: Adapter) -> None:
    """What is not granted of a reported category loads and is told; of the others it does not."""
    answer = adapter(gate_of(report_only=["marketing"]), PAGE)
    assert allowed_hosts(answer) == ["cdn.test:8080", "*.video.test", "video.test"]
    assert allowed_hosts(answer, REPORTED) == ["cdn.test:8080"]


@pytest.mark.conformance("T1")
def test_what_is_granted_needs_no_report(adapter: Adapter) -> None:
    """Where the enforced policy is the strict one already, there is nothing to report on."""
    gate = gate_of(report_only=["marketing"])
    answer = adapter(gate, PAGE, granted(gate, "marketing"))
    assert not answer.values(REPORTED)
    assert not answer.values(b"reporting-endpoints")


@pytest.mark.conformance("T1")
def test_undeclared_hosts_that_are_only_reported_on_load(adapter: Adapter) -> None:
    """No policy can allow what nobody names: under a report on it nothing is enforced at all."""
    answer = adapter(gate_of(report_only=["undeclared"]), PAGE)
    assert not answer.values(ENFORCED)
    assert allowed_hosts(answer, REPORTED) == ["cdn.test:8080"]


@pytest.mark.parametrize(
    ("status", "adds"),
    [
        *((200, True), (404, True), (500, True), (301, True), (300, True)),
        *((204, False), (205, False), (304, False)),
    ],
)
@pytest.mark.conformance("T1")
def test_a_304_takes_no_policy(adapter: Adapter, status: int, adds: bool) -> None:
    """Every status has it but 304, where it would take the app's place in caches, and the empty."""
    visit = Visit(strict=status not in (204, 304))  # such an app breaks PEP 3333 with its type
    answer = adapter(gate_of(), lambda _: Reply([HTML], status, []), visit)
    assert bool(answer.values(b"vary")) is adds
    assert bool(answer.values(ENFORCED)) is adds


@pytest.mark.conformance("T1")
def test_what_leads_on_is_no_page(adapter: Adapter) -> None:
    """A redirect is shown to nobody: it depends on no choice, and caches may keep it."""
    answer = adapter(gate_of(), lambda _: Reply([HTML, (b"Location", b"/elsewhere")], 302, []))
    assert not answer.values(ENFORCED)
    assert not answer.values(b"vary")


@pytest.mark.parametrize(
    ("content_type", "destination", "adds"),
    [
        (b"text/html", None, True),
        (b"TEXT/HTML;charset=utf-8", "empty", True),
        (b"application/xhtml+xml", "image", True),
        (b"image/svg+xml", None, True),
        (b"image/svg+xml", "document", True),
        (b"image/svg+xml", "iframe", True),
        (b"image/svg+xml", "image", False),
        (b"application/xml", "document", True),
        (b"application/atom+xml", "document", True),
        (None, None, True),
        (None, "document", True),
        (None, "script", False),
        (b"html", "document", True),
        (b"*/*", "document", True),
        (b"unknown/unknown", "document", True),
        (b"text/plain", "document", False),
        (b"application/json", None, False),
        (b"application/json", "document", False),
        (b"text/javascript", "script", False),
        (b"text/javascript", "worker", True),
        (b"text/javascript", "sharedworker", True),
        (b"text/javascript", "serviceworker", False),
        (b"text/javascript", None, True),
        (b"text/javascript", "empty", True),
        (b"image/svg+xml", "empty", True),
        (b"application/x-javascript; charset=utf-8", None, True),
        (b"text/css", None, False),
        (b"text/plain;x=, text/html", "document", True),
        (b"text/xsl", "document", True),
    ],
)
@pytest.mark.conformance("T1")
def test_what_becomes_a_page_or_a_worker_has_the_policy(
    adapter: Adapter, content_type: bytes | None, destination: str | None, adds: bool
) -> None:
    """Pages and workers have it, and what browsers may take for a page; images and data do not."""
    headers = [(b"Content-Type", content_type)] if content_type is not None else []
    sent = [(b"Sec-Fetch-Dest", destination.encode())] if destination else []
    visit = Visit(headers=sent, strict=content_type is not None)  # wsgiref wants a type
    answer = adapter(gate_of(), lambda _: Reply(headers), visit)
    assert bool(answer.values(ENFORCED)) is adds
    assert (answer.values(b"vary")[:1] == [b"Cookie"]) is adds


@pytest.mark.parametrize(
    ("content_type", "destination", "vary"),
    [
        (b"text/javascript", "script", [b"Sec-Fetch-Dest"]),
        (b"text/javascript", "serviceworker", [b"Sec-Fetch-Dest"]),
        (b"image/svg+xml", "image", [b"Sec-Fetch-Dest"]),
        (b"image/png", "image", []),
        (b"text/css", "style", []),
    ],
)
@pytest.mark.conformance("T1")
def test_what_may_be_a_worker_elsewhere_says_so_to_caches(
    adapter: Adapter, content_type: bytes, destination: str, vary: list[bytes]
) -> None:
    """A script that was loaded as one, and kept, is not taken for a worker without a policy."""
    visit = Visit(headers=[(b"Sec-Fetch-Dest", destination.encode())])
    answer = adapter(gate_of(), lambda _: Reply([(b"Content-Type", content_type)]), visit)
    assert answer.values(b"vary") == vary


@pytest.mark.conformance("T1")
def test_a_script_that_sets_cookies_depends_on_both(adapter: Adapter) -> None:
    """Where a cookie depended on the choice as well, both are named."""
    headers = [(b"Content-Type", b"text/javascript"), (b"Set-Cookie", b"_ga=1")]
    visit = Visit(headers=[(b"Sec-Fetch-Dest", b"script")])
    answer = adapter(gate_of(), lambda _: Reply(headers), visit)
    assert answer.values(b"vary") == [b"Cookie, Sec-Fetch-Dest"]


@pytest.mark.conformance("T1")
def test_two_content_types_are_a_page_if_one_is(adapter: Adapter) -> None:
    """Of several types browsers differ in which one they take: any that is a page's counts."""
    headers = [(b"Content-Type", b"text/plain"), HTML]
    assert adapter(gate_of(), lambda _: Reply(headers)).values(ENFORCED)


@pytest.mark.conformance("T1")
def test_the_gates_own_pages_have_their_own_policy(adapter: Adapter) -> None:
    """The charter is held to a stricter policy of its own, and to no second one."""
    answer = adapter(gate_of(), PAGE, Visit(path="/cookies"))
    assert len(answer.values(ENFORCED)) == 1
    assert b"default-src 'none'" in answer.values(ENFORCED)[0]


@pytest.mark.conformance("T1")
def test_two_gates_add_one_policy(adapter: Adapter) -> None:
    """Two gates around one app are one: the page has the policy once."""
    answer = Adapter(adapter.protocol, wrap_twice=True)(gate_of(), PAGE)
    assert len(answer.values(ENFORCED)) == 1


CONDITIONS: tuple[Header, ...] = (
    (b"If-None-Match", b'"abc"'),
    (b"If-Modified-Since", b"Wed, 25 Nov 2026 10:00:00 GMT"),
)


def conditions_seen(adapter: Adapter, gate: ConsentGate, visit: Visit) -> int:
    """Return how many conditions of a request an app behind the gate sees."""
    seen: list[object] = []

    def wsgi_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.extend(key for key in environ if key.startswith("HTTP_IF_"))
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b""]

    async def asgi_app(scope: Any, _: Any, __: Any) -> None:
        seen.extend(name for name, _ in scope["headers"] if name.lower().startswith(b"if-"))

    if adapter.protocol == "wsgi":
        behind_wsgi(gate, wsgi_app)(wsgi_environ(visit), lambda *_: None)
    else:
        asyncio.run(behind(gate, asgi_app)(asgi_scope(visit), None, None))
    return len(seen)


@pytest.mark.parametrize(
    ("parties", "sent", "kept"),
    [
        ((), (b"Sec-Fetch-Dest", b"document"), False),
        ((), (b"Sec-Fetch-Dest", b"iframe"), False),
        ((), (b"Sec-Fetch-Dest", b"worker"), False),
        ((), (b"Accept", b"text/html,*/*;q=0.8"), False),
        ((), (b"Accept", b"*/*"), False),
        ((), (b"Sec-Fetch-Dest", b"image"), True),
        ((), (b"Accept", b"application/json"), True),
        ((CDN,), (b"Sec-Fetch-Dest", b"document"), True),
    ],
)
@pytest.mark.conformance("T1")
def test_a_page_is_never_the_stored_one(
    adapter: Adapter, parties: tuple[ThirdParty, ...], sent: Header, kept: bool
) -> None:
    """The app cannot say that a page is as it was: its policy may not be, and a 304 has none."""
    visit = Visit(headers=[sent, *CONDITIONS])
    assert conditions_seen(adapter, gate_of(*parties), visit) == (2 if kept else 0)


@pytest.mark.parametrize(
    ("cookies", "hosts"),
    [
        ((), None),
        (("marketing",), ["cdn.test:8080", "*.video.test", "video.test"]),
        (("statistics", "marketing"), None),
    ],
)
@pytest.mark.conformance("T1")
def test_where_no_consent_is_needed_what_was_refused_is_stopped(
    adapter: Adapter, cookies: tuple[str, ...], hosts: list[str] | None
) -> None:
    """An open gate adds no policy until the visitor refuses something that pages load."""
    gate = gate_of(needs_consent=lambda _: False)
    visit = granted(gate, *cookies) if cookies else None
    answer = adapter(gate, PAGE, visit)
    assert answer.values(b"vary") == [b"Cookie, Sec-GPC"]
    if hosts is None:
        assert not answer.values(ENFORCED)
    else:
        assert allowed_hosts(answer) == hosts


@pytest.mark.conformance("T1")
def test_a_signal_refuses_what_is_sold(adapter: Adapter) -> None:
    """Global Privacy Control closes even an open gate to the hosts of marketing."""
    gate = gate_of(needs_consent=lambda _: False)
    answer = adapter(gate, PAGE, Visit(headers=[(b"Sec-GPC", b"1")]))
    assert allowed_hosts(answer) == ["cdn.test:8080", "count.test", "wss://count.test"]


@pytest.mark.parametrize("mode", ["On", True, None, 3, ""])
@pytest.mark.conformance("T1")
def test_a_source_gate_of_no_kind_is_refused(mode: object) -> None:
    """A word that is no mode says which ones there are."""
    with pytest.raises(ConsentGateError, match=r"source_gate=.*'report'"):
        gate_of(source_gate=mode)


@pytest.mark.parametrize(
    ("host", "category"),
    [
        ("cdn.test:8080", "necessary"),
        ("cdn.test", None),
        ("cdn.test:8081", None),
        ("count.test", "statistics"),
        ("COUNT.test", "statistics"),
        ("www.video.test", "marketing"),
        ("a.b.video.test", "marketing"),
        ("video.test", "marketing"),
        ("evilvideo.test", None),
        (".video.test", None),
        ("any.test:1", "preferences"),
        ("any.test", "preferences"),
        ("help.video.test", "preferences"),
        ("named.test", "preferences"),
        ("named.test:8443", None),
        ("", None),
    ],
)
@pytest.mark.conformance("T1")
def test_a_host_is_found_as_browsers_match_it(host: str, category: str | None) -> None:
    """A host belongs to the third party that names it, the more exactly the better."""
    extra = ThirdParty(
        "Any Ltd", "preferences", hosts=["any.test:*", "help.video.test", "named.test:443"]
    )
    sources = Sources(
        policy_of(CDN, COUNTER, VIDEO, extra), report=False, reported=frozenset(), endpoint=None
    )
    assert sources.category_of(host) == category


@pytest.mark.conformance("T1")
def test_a_policy_is_made_once_per_combination() -> None:
    """Two visitors who allow the same get the very same header objects."""
    sources = gate_of().sources
    assert sources is not None
    first = sources.fields(frozenset({"statistics"}), "", https=True)
    assert sources.fields(frozenset({"statistics"}), "", https=True) is first
    assert sources.fields(frozenset(), "", https=True) is not first


@pytest.mark.parametrize(
    ("visit", "report", "told"),
    [
        ((), ("source", "www.video.test"), ("blocked", "marketing", "no choice yet")),
        (("statistics",), ("source", "video.test"), ("blocked", "marketing", "refused")),
        (("marketing",), ("source", "video.test"), None),
        ((), ("source", "cdn.test:8080"), None),
        ((), ("source", "spy.test"), ("blocked", None, "undeclared")),
        ((), ("cookie", "_ga_X"), ("guarded", "statistics", "no choice yet")),
        (("statistics",), ("cookie", "_ga_X"), None),
        ((), ("cookie", "spy\u00e9"), ("guarded", None, "undeclared")),
        ((), ("cookie", "cookies_preferences"), ("guarded", None, "reserved for the gate")),
    ],
)
@pytest.mark.conformance("T1")
def test_what_a_browser_reports_is_told(
    adapter: Adapter,
    visit: tuple[str, ...],
    report: tuple[Any, str],
    told: tuple[str, str | None, str] | None,
) -> None:
    """What browsers held back reaches the observers with category and reason, unless allowed."""
    events: list[Event] = []
    gate = gate_of(observer=events.append)
    said = BrowserReport(*report, page="/films", enforced=False)

    def hear(consent: Consent) -> Reply:
        consent.reported(said)
        return Reply([(b"Content-Type", b"text/plain")])

    adapter(gate, hear, granted(gate, *visit) if visit else None)
    heard = [(e.action, e.category, e.reason and str(e.reason)) for e in events]
    assert heard == ([] if told is None else [told])
    assert all(e.name == report[1] and e.path == "/films" and not e.enforced for e in events)


@pytest.mark.conformance("T1")
def test_a_report_that_nobody_hears_is_no_event(adapter: Adapter) -> None:
    """Without observers a report comes to nothing, also where no host is declared."""
    gate = ConsentGate(policy_of(), secret_key=KEY)
    hear = called(lambda consent: consent.reported(BrowserReport("source", "x", "/")), PAGE)
    assert adapter(gate, hear).status == 200


@pytest.mark.conformance("T1")
def test_a_reported_host_is_undeclared_without_third_parties(adapter: Adapter) -> None:
    """A report of a policy that is no more speaks of a host that nobody declares."""
    events: list[Event] = []
    gate = ConsentGate(policy_of(), secret_key=KEY, observer=events.append)
    adapter(gate, called(lambda c: c.reported(BrowserReport("source", "x", "/")), PAGE))
    assert [(event.action, event.category) for event in events] == [("blocked", None)]


@pytest.mark.conformance("T1", "R3")
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_what_guards_against_overwriting_stays(adapter: Adapter, method: str) -> None:
    """To a request that changes something a condition says what it must not overwrite."""
    visit = Visit(method=method, headers=[(b"Accept", b"*/*"), *CONDITIONS])
    assert conditions_seen(adapter, gate_of(), visit) == 2


@pytest.mark.conformance("T1")
@pytest.mark.parametrize(
    "header", [("Content-Type", "text/html; x=\u2603"), ("\u2603", "x"), ("a",), None]
)
def test_under_a_report_what_is_no_header_passes(header: Any) -> None:
    """A gate that only reports changes nothing, whatever an app has among its headers."""
    left: list[Any] = []

    def app(_: Any, start_response: Any) -> list[bytes]:
        start_response("302 Found", [header, ("Content-Type", "text/html")])
        return [b""]

    gate = gate_of(report_only=True, inject_guard=True)
    behind_wsgi(gate, app)(wsgi_environ(Visit()), lambda _, headers: left.extend(headers))
    assert left[0] is header


@pytest.mark.conformance("T1")
@pytest.mark.parametrize(
    ("link", "passes"),
    [
        (b"</own.css>; rel=preload", True),
        (b"<own.css>; rel=preload, <//cdn.test:8080/a.js>; rel=preload", True),
        (b"<https://cdn.test:8080/a.js>; rel=preload", True),
        (b"<http://127.0.0.1/a.js>; rel=preload", True),
        (b"<https://www.video.test/a.js>; rel=preload", False),
        (b"</own.css>; rel=preload, <//www.video.test/a.js>; rel=preload", False),
        (b"< \\\\www.video.test/a.js>; rel=preload", False),
        (b"<https://stray.test/>; rel=preconnect", False),
        (b"<https://[>; rel=preload", False),
        (b"<data:text/css,x>; rel=preload", False),
    ],
)
def test_early_hints_lead_to_no_other_site(link: bytes, passes: bool) -> None:
    """A hint leaves before the page's policy does: it leads to this site, or to what is allowed."""
    sent: list[Any] = []

    async def app(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.early_hint", "links": [link]})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = asgi_scope(Visit(headers=[(b"Host", b"127.0.0.1")]))
    asyncio.run(behind(gate_of(), app)(scope, None, send))
    assert bool(sent[0]["links"]) is passes
    sent.clear()
    reporting = gate_of(source_gate="report")
    asyncio.run(behind(reporting, app)(scope, None, send))
    assert sent[0]["links"] == [link]


@pytest.mark.conformance("T1")
def test_an_open_gate_hints_at_what_it_likes() -> None:
    """Where no consent is needed and nothing was refused, hints are as they were."""
    sent: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["wsgi.early_hints"]([("Link", "<https://stray.test/>; rel=preload")])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    gate = gate_of(needs_consent=lambda _: False)
    environ = wsgi_environ(Visit()) | {"wsgi.early_hints": sent.extend}
    behind_wsgi(gate, app)(environ, lambda *_: None)
    assert sent == [("Link", "<https://stray.test/>; rel=preload")]


@pytest.mark.conformance("T1")
@pytest.mark.parametrize(
    ("root", "told"),
    [("/a;b,c", b"/a%3Bb%2Cc/cookies/reports"), ("/" + "a" * 300, b"aaa/cookies/reports")],
)
def test_a_place_of_any_form_ends_no_policy(adapter: Adapter, root: str, told: bytes) -> None:
    """Where the app is mounted may be a visitor's word: it is an address, and no directive."""
    answer = adapter(gate_of(source_gate="report"), PAGE, Visit(root=root))
    [line] = answer.values(REPORTED)
    assert line.endswith(told)


@pytest.mark.conformance("T8")
def test_a_long_host_is_whose_it_is(adapter: Adapter) -> None:
    """What is told of a name is cut, what is decided on it is not."""
    events: list[Event] = []
    gate = gate_of(observer=events.append)
    host = "a" * 60 + "." + "b" * 60 + ".video.test"
    adapter(gate, called(lambda c: c.reported(BrowserReport("source", host, "/")), PAGE))
    assert [(e.category, len(e.name)) for e in events] == [("marketing", 80)]
