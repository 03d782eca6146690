"""The guard that the gate puts into pages: into which, where, and what is said of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from typing import Any

import pytest
from jinja2 import DictLoader

from adapters import KEY, Adapter, Header, Reply, View, Visit, called
from consentgate import Consent, ConsentGate, ConsentGateError, Pages, Policy
from inserting import (
    BY_CHOICE,
    HTML,
    LENGTH,
    MINE,
    NOTHING,
    OF_THE_CONTENT,
    OTHER,
    PAGE,
    SCRIPT,
    START,
    Message,
    answered,
    apart,
    asgi_answer,
    banners,
    body_of,
    guards,
    is_guarded,
    lowered,
    page,
    start_of,
    steps,
    told,
    values,
    wsgi_answer,
    wsgi_talk,
)

DOCUMENT: Header = (b"sec-fetch-dest", b"document")


@pytest.fixture
def gate(policy: Policy) -> ConsentGate:
    """Return a gate that puts the guard in, and no banner."""
    return ConsentGate(policy, secret_key=KEY, inject_guard=True)


@pytest.fixture
def both(policy: Policy) -> ConsentGate:
    """Return a gate that puts the guard in, and the banner for who has not answered."""
    return ConsentGate(policy, secret_key=KEY, inject_guard=True, inject_banner=True)


def list_in(body: bytes) -> str:
    """Return what scripts may write, by the guard in a page."""
    [guard] = guards(body)
    [cookies] = re.findall(r'data-cookies="([^"]*)"', guard.decode())
    return unescape(cookies)


# Where it goes


@pytest.mark.parametrize("headers", [[], [DOCUMENT], [(b"sec-fetch-dest", b"empty")]])
@pytest.mark.parametrize("chunks", [(PAGE,), (START[:9], b"", PAGE[9:]), (PAGE[:30], PAGE[30:])])
@pytest.mark.conformance("T5")
def test_the_guard_is_first_in_the_head(
    adapter: Adapter, gate: ConsentGate, headers: list[Header], chunks: Sequence[bytes]
) -> None:
    """Right after `<head ...>` the guard stands before any script, with ours deferred behind it."""
    answer = adapter(gate, page(body=chunks), Visit(headers=headers))
    assert is_guarded(answer.body)
    [guard], [script] = guards(answer.body), SCRIPT.findall(answer.body)
    assert b"defer" not in guard
    assert b"async" not in guard
    assert b" defer " in script
    assert banners(answer.body) == []


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        (None, "+session +csrftoken +visits -theme -ad_id -_ga*"),
        ((), "+session +csrftoken +visits -theme -ad_id -_ga*"),
        (("statistics",), "+session +csrftoken +visits -theme -ad_id +_ga*"),
        (("marketing", "preferences"), "+session +csrftoken +visits +theme +ad_id -_ga*"),
    ],
)
@pytest.mark.conformance("T5")
def test_every_visitor_gets_a_guard(
    adapter: Adapter, gate: ConsentGate, granted: Sequence[str] | None, expected: str
) -> None:
    """Whoever has answered gets it as well, and it says what this visitor allows."""
    visit = Visit() if granted is None else answered(gate, *granted)
    answer = adapter(gate, page(), visit)
    assert is_guarded(answer.body)
    assert list_in(answer.body) == expected


@pytest.mark.conformance("T5")
def test_a_choice_of_this_very_request_counts(adapter: Adapter, gate: ConsentGate) -> None:
    """What the view grants is in the list of the page that it answers with."""
    answer = adapter(gate, called(Consent.grant_all, page()))
    assert "-" not in list_in(answer.body)


@pytest.mark.conformance("P3", "T5")
def test_guard_and_banner_go_in_together(adapter: Adapter, both: ConsentGate) -> None:
    """One pass puts the one into the head and the other into the body; the length is of both."""
    for chunks in ((PAGE,), (PAGE[:40], PAGE[40:60], PAGE[60:])):
        answer = adapter(both, page(LENGTH, *OF_THE_CONTENT, body=chunks))
        [banner] = banners(answer.body)
        assert is_guarded(answer.body.replace(banner, b""))
        assert answer.body.index(banner) == answer.body.index(b"<p>Hello") - len(banner)
        length = (b"content-length", b"%d" % len(answer.body))
        assert apart(answer.headers) == lowered([HTML, length])
        assert told(answer.headers) == MINE


@pytest.mark.conformance("T5")
def test_who_has_answered_gets_the_guard_alone(adapter: Adapter, both: ConsentGate) -> None:
    """Where nothing is asked any more the page is nobody's own, and still depends on the choice."""
    answer = adapter(both, page(), answered(both, "statistics"))
    assert is_guarded(answer.body)
    assert told(answer.headers) == BY_CHOICE


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"<!doctype html><title>A</title><p>Hello", 15),
        (b"<html lang=en>\n<body><p>Hello", 15),
        (b"<body><p>Hello", 0),
        (b"<title>A</title><body><p>Hello", 0),
        (b"<!doctype html>Hello", 15),
        (b"<head><title>A", 6),
    ],
)
@pytest.mark.conformance("T5")
def test_a_page_without_a_head_of_its_own_gets_it_where_it_opens(
    adapter: Adapter, gate: ConsentGate, body: bytes, place: int
) -> None:
    """Before what opens the head by itself, and after doctype and `<html ...>`."""
    assert is_guarded(adapter(gate, page(body=[body])).body, body, place)


@pytest.mark.parametrize("body", [b"<p>Hello", b"<tr><td>1", b"Hello", b"<option>a"])
@pytest.mark.conformance("T5")
def test_a_piece_of_a_page_gets_none(adapter: Adapter, gate: ConsentGate, body: bytes) -> None:
    """What may be a piece that a script asked for goes as it is, where it is not to be shown."""
    for headers in ([], [(b"sec-fetch-dest", b"empty")], [(b"hx-request", b"true")]):
        answer = adapter(gate, page(*OF_THE_CONTENT, body=[body]), Visit(headers=headers))
        assert answer.body == body
        assert apart(answer.headers) == lowered([HTML, *OF_THE_CONTENT])
    shown = adapter(gate, page(body=[body]), Visit(headers=[DOCUMENT]))
    assert is_guarded(shown.body, body, 0)


@pytest.mark.parametrize(
    ("method", "status", "guarded"),
    [
        *(("GET", status, True) for status in (200, 203, 400, 403, 404, 422, 500, 503)),
        *(("POST", status, True) for status in (200, 201, 202, 400, 422)),
        *((method, 200, False) for method in ("PUT", "DELETE", "PATCH", "OPTIONS")),
        *(("GET", status, False) for status in (206, 300, 301, 302, 303, 307)),
    ],
)
@pytest.mark.conformance("T5")
def test_whatever_a_browser_shows_is_guarded(
    adapter: Adapter, both: ConsentGate, method: str, status: int, guarded: bool
) -> None:
    """Error pages and answers to forms have scripts too; a banner goes where it always went."""
    answer = adapter(both, page(status=status), Visit(method=method))
    assert len(guards(answer.body)) == guarded
    assert len(banners(answer.body)) == (method == "GET" and status == 200)
    assert answer.status == status


@pytest.mark.parametrize(
    "header",
    [
        (b"Content-Type", b"text/plain"),
        (b"Content-Type", b"text/html; charset=utf-16"),
        (b"Content-Type", b"application/xhtml+xml"),
        (b"Content-Encoding", b"gzip"),
        (b"Content-Disposition", b"attachment"),
        (b"Content-Range", b"bytes 0-9/10"),
    ],
)
@pytest.mark.conformance("T5")
def test_no_guard_goes_into_what_is_no_page(
    adapter: Adapter, gate: ConsentGate, header: Header
) -> None:
    """What is no HTML, is compressed, saved, or a part passes as it is."""
    kind, more = (header, []) if header[0] == b"Content-Type" else (HTML, [header])
    answer = adapter(gate, page(*more, *OF_THE_CONTENT, kind=kind))
    assert answer.body == PAGE
    assert apart(answer.headers) == lowered([kind, *more, *OF_THE_CONTENT])
    assert told(answer.headers) == NOTHING


@pytest.mark.parametrize("path", ["/cookies", "/cookies/preferences", "/cookies/choice"])
@pytest.mark.conformance("T5")
def test_the_gates_own_pages_have_no_guard(adapter: Adapter, gate: ConsentGate, path: str) -> None:
    """No script but the gate's own runs there."""
    assert guards(adapter(gate, page(), Visit(path=path)).body) == []


@pytest.mark.conformance("T5")
def test_a_page_with_a_guard_gets_no_other(adapter: Adapter, gate: ConsentGate) -> None:
    """Where the app has asked for it by the helper, its page is left as it is."""

    def view(consent: Consent) -> Reply:
        guard = consent.guard_html().encode()
        return Reply([HTML, OTHER, *OF_THE_CONTENT], body=[START, guard])

    answer = adapter(gate, view)
    assert answer.body.startswith(START)
    assert len(guards(answer.body)) == 1
    assert apart(answer.headers) == lowered([HTML, OTHER, *OF_THE_CONTENT])


@pytest.mark.conformance("T5")
def test_two_gates_put_in_one_guard(adapter: Adapter, gate: ConsentGate) -> None:
    """Two gates around one app, by mistake, hold scripts once."""
    adapter.wrap_twice = True
    assert is_guarded(adapter(gate, page()).body)


@pytest.mark.conformance("T5")
def test_where_the_app_is_mounted_the_guard_is_below_it(
    adapter: Adapter, gate: ConsentGate
) -> None:
    """Address and report endpoint are those of the app, wherever it is mounted."""
    answer = adapter(gate, page(), Visit(root="/shop"))
    assert b'<script src="/shop/cookies/static/consentgate-guard.' in answer.body
    assert b' data-report="/shop/cookies/reports"' in answer.body


@pytest.mark.conformance("T5")
def test_a_guard_may_report_to_nobody(adapter: Adapter, policy: Policy) -> None:
    """Without an endpoint it names none."""
    pages = Pages(reports=False)
    gate = ConsentGate(policy, secret_key=KEY, inject_guard=True, pages=pages)
    [guard] = guards(adapter(gate, page()).body)
    assert b"data-report" not in guard


@pytest.mark.parametrize("charset", ["windows-1252", "shift_jis", "utf-8"])
@pytest.mark.conformance("T5")
def test_the_guard_is_pure_ascii(adapter: Adapter, gate: ConsentGate, charset: str) -> None:
    """It reads the same in a page of any charset."""
    kind = (b"Content-Type", f"text/html; charset={charset}".encode())
    assert is_guarded(adapter(gate, page(kind=kind)).body)


@pytest.mark.conformance("T5")
def test_a_template_that_fails_costs_no_page(
    adapter: Adapter, policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a template of the site's own cannot be rendered the page goes on; the log says why."""
    pages = Pages(templates=DictLoader({"guard.html": "{{ 1 / 0 }}"}))
    gate = ConsentGate(policy, secret_key=KEY, inject_guard=True, pages=pages)
    answer = adapter(gate, page(*OF_THE_CONTENT, LENGTH))
    assert answer.body == PAGE
    assert apart(answer.headers) == lowered([HTML, *OF_THE_CONTENT, LENGTH])
    [record] = [each for each in caplog.records if "the guard cannot be" in each.getMessage()]
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


@pytest.mark.conformance("T5")
def test_a_gate_without_pages_has_no_guard_to_put_in(policy: Policy) -> None:
    """The guard is one of the files of the pages: without them it cannot be asked for."""
    with pytest.raises(ConsentGateError, match="inject_guard"):
        ConsentGate(policy, secret_key=KEY, inject_guard=True, pages=None)


# Under the page's own Content-Security-Policy


def csp(value: bytes, *more: Header, name: bytes = b"Content-Security-Policy") -> View:
    """Return a view that answers with a page under a policy."""
    return page((name, value), *more)


def nonces(body: bytes) -> list[bytes]:
    """Return the nonce of each script element in a page, b"" for none."""
    tags = re.findall(rb"<script [^>]*>", body)
    return [(re.findall(rb' nonce="([^"]*)"', tag) or [b""])[0] for tag in tags]


STRICT = b"default-src 'self'; script-src 'nonce-aB3+/=' 'strict-dynamic'"


@pytest.mark.conformance("T5")
def test_what_goes_in_carries_the_nonce_of_the_page(adapter: Adapter, both: ConsentGate) -> None:
    """Under 'strict-dynamic' a script of the site itself needs it: guard, script and banner."""
    answer = adapter(both, csp(STRICT))
    assert len(banners(answer.body)) == 1
    assert nonces(answer.body) == [b"aB3+/="] * 3
    assert values(answer.headers, b"content-security-policy") == [STRICT]


@pytest.mark.parametrize(
    "view",
    [
        page(),
        csp(b"script-src 'self'"),
        csp(b"script-src 'nonce-a'", (b"content-security-policy", b"script-src 'nonce-b'")),
        csp(b"style-src 'nonce-a'"),
    ],
    ids=["none", "by host", "two", "of styles"],
)
@pytest.mark.conformance("T5")
def test_without_one_nonce_there_is_none(adapter: Adapter, both: ConsentGate, view: View) -> None:
    """Where no policy asks for a nonce, or it is in doubt for which, no tag carries any."""
    assert nonces(adapter(both, view).body) == [b"", b"", b""]


# What is said of it


@pytest.mark.conformance("P6", "T5")
def test_what_told_of_the_page_without_the_guard_goes(adapter: Adapter, gate: ConsentGate) -> None:
    """The length is right, validators, digests and ranges go, and caches are told of the choice."""
    answer = adapter(gate, page(OTHER, *OF_THE_CONTENT, LENGTH))
    length = (b"content-length", b"%d" % len(answer.body))
    assert apart(answer.headers) == lowered([HTML, OTHER, length])
    assert told(answer.headers) == BY_CHOICE
    public = adapter(gate, page((b"Cache-Control", b"public, max-age=60")))
    assert told(public.headers) == ([b"Cookie"], [b"public, max-age=60"])


@pytest.mark.conformance("C1", "T5")
def test_where_a_signal_counts_caches_are_told(adapter: Adapter, policy: Policy) -> None:
    """Where no consent is needed, what the browser's signal refuses is refused to scripts too."""
    gate = ConsentGate(policy, secret_key=KEY, inject_guard=True, needs_consent=lambda _: False)
    silent, opted_out = (
        adapter(gate, page(), Visit(headers=headers)) for headers in ([], [(b"sec-gpc", b"1")])
    )
    assert list_in(silent.body).split()[-1] == "+*"
    assert "-ad_id" in list_in(opted_out.body).split()
    assert "-ad_id" not in list_in(silent.body).split()
    for answer in (silent, opted_out):
        [vary] = values(answer.headers, b"vary")
        assert vary == b"Cookie, Sec-GPC"


@pytest.mark.conformance("T5")
def test_under_a_report_nothing_is_refused(adapter: Adapter, policy: Policy) -> None:
    """A gate that only reports guards too: all passes, and is announced."""
    gate = ConsentGate(policy, secret_key=KEY, inject_guard=True, report_only=True)
    signs = {row[0] for row in list_in(adapter(gate, page()).body).split()}
    assert signs == {"+", "~"}


@pytest.mark.conformance("T5")
def test_head_omits_what_would_differ(adapter: Adapter, gate: ConsentGate) -> None:
    """The answer to HEAD says nothing of the content, in which the guard may be."""
    view = page(OTHER, *OF_THE_CONTENT, LENGTH, body=())
    for visit in (Visit(method="HEAD"), answered(gate, method="HEAD")):
        answer = adapter(gate, view, visit)
        assert apart(answer.headers) == lowered([HTML, OTHER])
        assert told(answer.headers) == BY_CHOICE


CONDITIONS = [
    (b"if-none-match", b'"a"'),
    (b"if-modified-since", b"Wed, 25 Nov 2026 08:00:00 GMT"),
]


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ([DOCUMENT], False),
        ([(b"accept", b"text/html,*/*;q=0.8")], False),
        ([], True),
        ([(b"sec-fetch-dest", b"image")], True),
        ([DOCUMENT, (b"hx-request", b"true")], True),
    ],
)
@pytest.mark.conformance("T5")
def test_a_page_is_asked_for_anew(
    adapter: Adapter, gate: ConsentGate, headers: list[Header], kept: bool
) -> None:
    """A copy has the list of an older choice: who opens a page gets it whole, answered or not."""
    for visit in (Visit(), answered(gate, "statistics")):
        asked = Visit(visit.cookies, headers=[*headers, *CONDITIONS])
        seen: list[Any] = []
        if adapter.protocol == "wsgi":
            answer_of_wsgi(gate, asked, seen)
        else:
            answer_of_asgi(gate, asked, seen)
        assert bool(seen) == kept


def answer_of_wsgi(gate: ConsentGate, visit: Visit, seen: list[Any]) -> None:
    """Note which conditions reach a WSGI app."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.extend(key for key in environ if key.startswith("HTTP_IF_"))
        start_response("200 OK", [("Content-Type", "text/html")])
        return [PAGE]

    wsgi_answer(gate.wsgi(app), visit)


def answer_of_asgi(gate: ConsentGate, visit: Visit, seen: list[Any]) -> None:
    """Note which conditions reach an ASGI app."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend(name for name, _ in scope["headers"] if name.startswith(b"if-"))
        await send(start_of(HTML))
        await send(body_of(PAGE, more=False))

    asgi_answer(gate.asgi(app), visit)


# What is held


@pytest.mark.conformance("T5")
def test_the_page_leaves_with_the_head(gate: ConsentGate) -> None:
    """Over ASGI no more is held than up to `<head ...>`: a page that streams goes on streaming."""
    parts: list[Message] = [body_of(part) for part in (b"<!doctype html><ht", b"ml><head>", b"<t")]
    left = steps(gate, [start_of(HTML, *OF_THE_CONTENT), *parts, body_of(b"", more=False)])
    assert [len(each) for each in left] == [0, 0, 2, 1, 1, 0]
    assert len(guards(left[2][1]["body"])) == 1
    assert left[3][0] is parts[2]


@pytest.mark.conformance("T5")
def test_over_wsgi_the_page_leaves_with_the_head(gate: ConsentGate) -> None:
    """Over WSGI the chunk that has the head in it leaves with the guard, the next as they are."""
    chunks = [b"<!doctype html><ht", b"ml><head>", b"<title>", b"A"]

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        return chunks

    _, server = wsgi_talk(gate, app)
    assert len(guards(server.written[0])) == 1
    assert server.written[1:] == chunks[2:]


@pytest.mark.conformance("T5")
def test_a_streaming_page_that_asks_later_gets_one_guard(gate: ConsentGate) -> None:
    """A helper that is called after the start, and before the head, is enough."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start_of(HTML, *OF_THE_CONTENT))
        guard = scope["consentgate"].guard_html().encode()
        await send(body_of(b"<!doctype html><head>"))
        await send(body_of(guard + b"<title>A</title><body>", more=False))

    answer = asgi_answer(gate.asgi(app), Visit())
    assert len(guards(answer.body)) == 1
    assert apart(answer.headers) == lowered([HTML, *OF_THE_CONTENT])
