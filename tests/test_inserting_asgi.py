"""The banner in pages over ASGI: what is held, and what leaves when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from adapters import (
    KEY,
    Visit,
    asgi_scope,
    behind,
    token_pair,
)
from consentgate import ConsentGate, Policy, ResponseStartedError
from inserting import (
    HTML,
    LENGTH,
    OF_THE_CONTENT,
    PAGE,
    REST,
    START,
    Message,
    apart,
    asgi_answer,
    banners,
    body_of,
    lowered,
    no_message,
    start_of,
    steps,
    values,
)


@pytest.fixture
def gate(policy: Policy) -> ConsentGate:
    """Return a gate that puts the banner in."""
    return ConsentGate(policy, secret_key=KEY, inject_banner=True)


@pytest.mark.parametrize("last", [{"type": "http.response.body"}, body_of(b"", more=False)])
def test_the_first_bytes_leave_with_the_tag(gate: ConsentGate, last: Message) -> None:
    """Chunks before `<body>` are held, the one with it lets them go, later ones pass one by one."""
    parts = [body_of(each) for each in (START[:20], b"", START[20:] + b"<p>", b"one", b"two", b"")]
    left = steps(gate, [start_of(HTML, LENGTH), *parts, last])
    assert [len(each) for each in left] == [0, 0, 0, 2, 1, 1, 1, 1, 0]
    start, first = left[3]
    (banner,) = banners(first["body"])
    assert first == body_of(START + banner + b"<p>")
    assert values(start["headers"], b"content-length") == [b"%d" % (len(PAGE) + len(banner))]
    for message, after in zip([*parts[3:], last], left[4:-1], strict=True):
        assert after[0] is message


def test_a_page_in_one_message_leaves_in_one(gate: ConsentGate) -> None:
    """A page whole in its last message leaves whole in one; what else the message says stays."""
    (_, (_, body), _) = steps(gate, [start_of(HTML), {**body_of(PAGE, more=False), "extra": 1}])
    (banner,) = banners(body["body"])
    assert body == {**body_of(START + banner + REST, more=False), "extra": 1}


def test_a_page_without_a_place_leaves_as_soon_as_that_is_known(gate: ConsentGate) -> None:
    """What opens its body by itself is held no longer, and its start is as it was."""
    start, parts = start_of(HTML, *OF_THE_CONTENT), [body_of(b"<html>"), body_of(b"<p>")]
    left = steps(gate, [start, *parts, body_of(b"<body>"), body_of(b"", more=False)])
    assert [len(each) for each in left] == [0, 0, 2, 1, 1, 0]
    assert left[2][1]["body"] == b"<html><p>"
    kept = {id(header) for header in left[2][0]["headers"]}
    assert {id(header) for header in start["headers"]} <= kept


@pytest.mark.parametrize("ends", [[b"<html>"], [b"<!-- ", b"<body>"], [b""]])
def test_a_page_that_ends_too_early_leaves_at_its_end(gate: ConsentGate, ends: list[bytes]) -> None:
    """What was never settled leaves with the last message, byte for byte."""
    *held, last = [body_of(each) for each in ends]
    left = steps(gate, [start_of(HTML), *held, {**last, "more_body": False}])
    assert [len(each) for each in left] == [0] * len(ends) + [2, 0]
    assert left[-2][1] == body_of(b"".join(ends), more=False)


UNTOUCHED = {
    "answered": ([HTML], [token_pair]),
    "text": ([(b"Content-Type", b"text/plain")], []),
    "attachment": ([HTML, (b"Content-Disposition", b"attachment")], []),
}


@pytest.mark.parametrize("case", UNTOUCHED)
def test_what_is_untouched_passes_at_once_as_the_same_objects(gate: ConsentGate, case: str) -> None:
    """Where no banner goes in, nothing is held, and headers and messages are the same objects."""
    headers, by_token = UNTOUCHED[case]
    visit = Visit([token(gate) for token in by_token])
    messages = [start_of(*headers, *OF_THE_CONTENT), body_of(PAGE), body_of(b"", more=False)]
    left = steps(gate, messages, visit)
    assert [len(each) for each in left] == [1, 1, 1, 0]
    assert [each[0] for each in left[1:-1]] == messages[1:]
    assert all(one[0] is message for one, message in zip(left[1:], messages[1:], strict=False))
    kept = [id(header) for header in left[0][0]["headers"]]
    assert kept[: len(messages[0]["headers"])] == [id(h) for h in messages[0]["headers"]]


def test_a_page_with_a_banner_of_the_apps_passes_at_once(gate: ConsentGate) -> None:
    """Where the app has asked for the banner before it starts, nothing is held."""
    sent: list[Message] = []
    parts = [body_of(b"<html>"), body_of(b"<body>", more=False)]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["consentgate"].banner_html()
        for number, message in enumerate([start_of(HTML), *parts]):
            await send(message)
            assert len(sent) == number + 1

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(behind(gate, app)(asgi_scope(Visit()), no_message, send))
    assert [id(message) for message in sent[1:]] == [id(message) for message in parts]


def test_the_servers_own_scope_keeps_its_headers(gate: ConsentGate) -> None:
    """The conditions are taken from what the app gets: the server's own list is as it was."""
    headers = [(b"sec-fetch-dest", b"document"), (b"if-none-match", b'"a"')]
    scope = asgi_scope(Visit(headers=headers))
    given = scope["headers"]
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend(scope["headers"])

    asyncio.run(behind(gate, app)(scope, no_message, None))
    assert seen == headers[:1]
    assert scope["headers"] is given
    assert given == headers


OTHER_ENDS: list[Message] = [
    {"type": "http.response.pathsend", "path": "/page.html"},
    {"type": "http.response.zerocopysend", "file": 3},
    {"type": "http.response.trailers", "headers": [(b"x-checksum", b"1")]},
]


@pytest.mark.parametrize("end", OTHER_ENDS, ids=lambda end: end["type"])
def test_another_end_lets_the_start_go_first(gate: ConsentGate, end: Message) -> None:
    """A file that the server sends, or trailers: the start leaves before, with what was held."""
    start = start_of(HTML, *OF_THE_CONTENT)
    left = steps(gate, [start, end])
    assert [[m["type"] for m in each] for each in left] == [[], [start["type"], end["type"]], []]
    assert left[1][1] is end
    assert apart(left[1][0]["headers"]) == start["headers"]
    left = steps(gate, [start, body_of(b"<html>"), end])
    assert left[2][1:] == [body_of(b"<html>"), end]


def test_trailers_follow_the_banner(gate: ConsentGate) -> None:
    """A page with trailers gets the banner, and its trailers after it."""
    end = OTHER_ENDS[2]
    left = steps(gate, [{**start_of(HTML), "trailers": True}, body_of(PAGE, more=False), end])
    assert left[1][0]["trailers"] is True
    assert len(banners(left[1][1]["body"])) == 1
    assert left[2] == [end]


@pytest.mark.parametrize("page", [PAGE, b"<p>"], ids=["put in", "not put in"])
def test_trailers_tell_nothing_of_another_page(gate: ConsentGate, page: bytes) -> None:
    """A digest of the page without the banner does not follow the page with it."""
    digest, other = (b"repr-digest", b"sha-256=:AA==:"), (b"x-checksum", b"1")
    end = {"type": "http.response.trailers", "headers": [digest, other]}
    left = steps(gate, [{**start_of(HTML), "trailers": True}, body_of(page, more=False), end])
    expected = [other] if page is PAGE else [digest, other]
    assert left[2] == [{**end, "headers": expected}]
    silent = {"type": "http.response.trailers"}
    left = steps(gate, [{**start_of(HTML), "trailers": True}, body_of(page, more=False), silent])
    assert left[2][0] is silent


@pytest.mark.parametrize("parts", [[], [b"<html>"], [b"<html>", b"<!--"]])
def test_an_app_that_forgets_the_end_loses_nothing(gate: ConsentGate, parts: list[bytes]) -> None:
    """Where the app returns without an end, what it said leaves, and the server sees no end."""
    left = steps(gate, [start_of(HTML, *OF_THE_CONTENT), *map(body_of, parts)])
    start, *rest = left[-1]
    assert not any(left[:-1])
    assert apart(start["headers"]) == lowered([HTML, *OF_THE_CONTENT])
    assert rest == ([body_of(b"".join(parts))] if parts else [])


def test_an_app_that_fails_while_it_is_held_has_sent_nothing(gate: ConsentGate) -> None:
    """The error passes, and the server can still answer with an error page of its own."""
    sent: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start_of(HTML))
        await send(body_of(b"<html><head>"))
        raise BrokenPipeError

    async def send(message: Any) -> None:
        sent.append(message)

    with pytest.raises(BrokenPipeError):
        asyncio.run(behind(gate, app)(asgi_scope(Visit()), no_message, send))
    assert sent == []


def test_an_error_page_replaces_what_was_held(gate: ConsentGate) -> None:
    """An app that starts anew while nothing has left is understood: the last start counts."""
    error = start_of(HTML, status=500)
    left = steps(gate, [start_of(HTML), body_of(b"<html>"), error, body_of(PAGE, more=False)])
    assert [len(each) for each in left] == [0, 0, 1, 1, 0]
    assert left[2][0]["status"] == 500
    assert left[3][0]["body"] == PAGE


def test_a_client_that_has_gone_is_the_apps_to_notice(gate: ConsentGate) -> None:
    """What the server raises at the release reaches the app, which may go on; nothing is resent."""
    sent: list[Message] = []
    raised: list[OSError] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start_of(HTML))
        try:
            await send(body_of(PAGE))
        except OSError as error:
            raised.append(error)
        await send(body_of(b"more", more=False))

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == 1:
            raise ConnectionResetError

    asyncio.run(behind(gate, app)(asgi_scope(Visit()), no_message, send))
    assert len(raised) == 1
    assert [message["type"] for message in sent] == [
        "http.response.start",
        "http.response.body",
    ]
    assert sent[1] == body_of(b"more", more=False)


def test_an_app_hears_that_the_client_has_gone(gate: ConsentGate) -> None:
    """While the start is held, what the client says reaches the app; it may stop, and does."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start_of(HTML))
        assert await receive() == {"type": "http.disconnect"}

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    sent: list[Message] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(behind(gate, app)(asgi_scope(Visit()), receive, send))
    assert [message["type"] for message in sent] == ["http.response.start"]


def test_a_streaming_page_that_asks_later_gets_one_banner(gate: ConsentGate) -> None:
    """A helper that is called after the start, and before the tag, is enough."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start_of(HTML, *OF_THE_CONTENT))
        banner = scope["consentgate"].banner_html().encode()
        await send(body_of(START))
        await send(body_of(banner + REST, more=False))

    answer = asgi_answer(behind(gate, app), Visit())
    assert answer.body.startswith(START)
    assert len(banners(answer.body)) == 1
    assert apart(answer.headers) == lowered([HTML, *OF_THE_CONTENT])


def test_a_choice_comes_too_late_while_the_start_is_held(gate: ConsentGate) -> None:
    """That the start is held is the gate's affair: for the app it has started."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start_of(HTML))
        with pytest.raises(ResponseStartedError):
            scope["consentgate"].grant_all()
        await send(body_of(PAGE, more=False))

    answer = asgi_answer(behind(gate, app), Visit())
    # It holds all the same: who has answered is not asked in the same page.
    assert (answer.body, answer.set_cookies) == (PAGE, [])


@pytest.mark.parametrize("headers", [{}, {"headers": None}])
def test_a_start_without_headers_is_no_page(gate: ConsentGate, headers: Message) -> None:
    """A start without headers, which has no type, passes at once."""
    start: Message = {"type": "http.response.start", "status": 200, **headers}
    left = steps(gate, [start, body_of(PAGE, more=False)])
    assert [len(each) for each in left] == [1, 1, 0]


@pytest.mark.parametrize("make", [tuple, iter])
def test_headers_that_can_be_read_once_are_read_once(
    gate: ConsentGate, make: Callable[[Any], Any]
) -> None:
    """Headers in a tuple, or in an iterator, say what those in a list say."""
    start = {**start_of(HTML, LENGTH), "headers": make(lowered([HTML, LENGTH]))}
    (_, (begun, body), _) = steps(gate, [start, body_of(PAGE, more=False)])
    assert values(begun["headers"], b"content-length") == [b"%d" % len(body["body"])]


def test_a_request_without_headers_is_a_page(gate: ConsentGate) -> None:
    """A scope that has no headers at all is one that says nothing: the banner goes in."""
    sent: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start_of(HTML))
        await send(body_of(PAGE, more=False))

    async def send(message: Any) -> None:
        sent.append(message)

    scope = asgi_scope(Visit())
    del scope["headers"]
    asyncio.run(behind(gate, app)(scope, no_message, send))
    assert len(banners(sent[1]["body"])) == 1


def test_websockets_are_left_alone(gate: ConsentGate) -> None:
    """A handshake with HTML in its denial is no page."""
    sent: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        start = {**start_of(HTML), "type": "websocket.http.response.start"}
        await send(start)
        await send({**body_of(PAGE, more=False), "type": "websocket.http.response.body"})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = asgi_scope(Visit()) | {"type": "websocket"}
    del scope["method"]
    asyncio.run(behind(gate, app)(scope, no_message, send))
    assert sent[1]["body"] == PAGE


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "cut off"])
def test_an_answer_that_comes_in_parts_is_read_to_its_end(gate: ConsentGate, whole: bool) -> None:
    """An answer in several messages is taken; one whose visitor goes on the way is none."""
    end: Message = {"type": "http.request", "body": b"accept"}
    parts: Iterator[Message] = iter(
        [
            {"type": "http.request", "body": b"answer=", "more_body": True},
            {"type": "http.request", "more_body": True},
            end if whole else {"type": "http.disconnect"},
        ]
    )
    sent: list[Message] = []

    async def receive() -> Message:
        return next(parts)

    async def send(message: Any) -> None:
        sent.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError(scope)

    form = (b"content-type", b"application/x-www-form-urlencoded")
    headers = [(b"sec-fetch-site", b"same-origin"), form]
    scope = asgi_scope(Visit(method="POST", path="/cookies/choice", headers=headers))
    asyncio.run(behind(gate, app)(scope, receive, send))
    assert sent[0]["status"] == (303 if whole else 413)
    assert len(values(sent[0]["headers"], b"set-cookie")) == whole
