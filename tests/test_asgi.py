"""The gate as a good citizen of ASGI."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import gc
import inspect
import threading
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from starlette.datastructures import Headers

from adapters import KEY, Visit, asgi_scope, behind, granted, token_pair
from consentgate import Consent, ConsentGate, ConsentGateError, Policy
from consentgate.asgi import ConsentMiddleware, consent

Message = dict[str, Any]


def conversation(gate: ConsentGate, messages: list[Message], scope: Any = None) -> list[Message]:
    """Return what leaves the gate when an app sends these messages."""
    sent: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    asyncio.run(behind(gate, app)(scope or asgi_scope(Visit()), receive, send))
    return sent


MIXED = [(b"set-cookie", b"session=1"), (b"set-cookie", b"_ga=1"), (b"x-y", b"z")]
# What depends on a visitor's choice says so, and is nothing for shared caches.
KEPT_APART = [(b"vary", b"Cookie"), (b"cache-control", b"private")]
PASSED = [MIXED[0], MIXED[2], *KEPT_APART]


@pytest.mark.conformance("A1", "S10")
@pytest.mark.parametrize(
    "kind", ["http.response.start", "websocket.accept", "websocket.http.response.start"]
)
def test_whatever_starts_a_response_is_filtered(gate: ConsentGate, kind: str) -> None:
    """A response, an accepted handshake and a refused one lose what may not leave."""
    scope = asgi_scope(Visit())
    if kind.startswith("websocket"):
        scope |= {"type": "websocket", "scheme": "wss"}
    sent = conversation(gate, [{"type": kind, "headers": MIXED, "extra": 1}], scope)
    assert sent == [{"type": kind, "headers": PASSED, "extra": 1}]


@pytest.mark.conformance("A1")
def test_every_other_message_is_the_same_object(gate: ConsentGate) -> None:
    """Body, trailers, push, files, hints and kinds yet unknown go on as they are, in order."""
    messages: list[Message] = [
        {"type": "http.response.debug", "info": {}},
        {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]},
        {"type": "http.response.body", "body": b"x", "more_body": True},
        {"type": "http.response.pathsend", "path": "/x"},
        {"type": "http.response.zerocopysend", "file": 1},
        {"type": "http.response.push", "path": "/x", "headers": [(b"set-cookie", b"x")]},
        {"type": "http.response.trailers", "headers": [(b"x-y", b"z")], "more_trailers": True},
        {"type": "http.response.trailers"},
        {"type": "websocket.send", "text": "x"},
        {"type": "websocket.close"},
        {"type": "who.knows", "headers": [(b"set-cookie", b"x")]},
    ]
    sent = conversation(gate, messages)
    assert [id(message) for message in sent] == [id(message) for message in messages]


@pytest.mark.conformance("A1", "S10")
def test_no_cookie_leaves_in_trailers_or_hints(gate: ConsentGate) -> None:
    """A Set-Cookie in trailers, or smuggled into an early hint, is stripped whatever its name."""
    trailers = {"type": "http.response.trailers", "headers": MIXED, "more_trailers": False}
    links = [b"</a.css>; rel=preload", b"x\r\nSet-Cookie: session=1"]
    hint = {"type": "http.response.early_hint", "links": links, "extra": 1}
    assert conversation(gate, [hint, trailers]) == [
        {**hint, "links": links[:1]},
        {**trailers, "headers": [MIXED[2]]},
    ]
    assert trailers["headers"] == MIXED
    assert len(links) == 2


@pytest.mark.conformance("A1")
def test_one_shot_trailers_and_hints_survive(gate: ConsentGate) -> None:
    """Generators of trailers and of links are read once and handed on."""
    messages: list[Message] = [
        {"type": "http.response.trailers", "headers": iter(MIXED[2:])},
        {"type": "http.response.early_hint", "links": iter([b"x"])},
    ]
    assert conversation(gate, messages) == [
        {"type": "http.response.trailers", "headers": MIXED[2:]},
        {"type": "http.response.early_hint", "links": [b"x"]},
    ]


@pytest.mark.conformance("A2")
@pytest.mark.parametrize(
    "headers",
    [
        MIXED,
        tuple(MIXED),
        [list(header) for header in MIXED],
        (header for header in MIXED),
        [(name.title(), value) for name, value in MIXED],
        [(name, bytearray(value)) for name, value in MIXED],
    ],
)
def test_headers_of_any_shape_are_filtered(gate: ConsentGate, headers: Any) -> None:
    """Lists, tuples, lists of lists, generators; names in any case."""
    sent = conversation(gate, [{"type": "http.response.start", "status": 200, "headers": headers}])
    assert [(bytes(n).lower(), bytes(v)) for n, v in sent[0]["headers"]] == PASSED


@pytest.mark.conformance("A2")
@pytest.mark.parametrize("headers", [{}, {"headers": None}])
def test_absent_headers_stay_absent(gate: ConsentGate, headers: Message) -> None:
    """A start message without headers goes on; after a grant it carries the consent cookie."""
    start = {"type": "http.response.start", "status": 200, **headers}
    assert conversation(gate, [start])[0].get("headers") in (None, [])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        consent(scope).grant_all()
        await send(start)

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(behind(gate, app)(asgi_scope(Visit()), send, send))
    (name, value), *others = sent[0]["headers"]
    assert others == KEPT_APART
    assert (name, value.partition(b"=")[0]) == (b"set-cookie", b"cookies_preferences")
    assert start.get("headers") is None


@pytest.mark.conformance("A2")
def test_the_apps_message_is_unchanged(gate: ConsentGate) -> None:
    """The app's message and list are as they were; unknown keys and trailers survive."""
    headers = list(MIXED)
    start = {"type": "http.response.start", "status": 200, "headers": headers, "trailers": True}
    before = copy.deepcopy(start)
    sent = conversation(gate, [start])
    assert start == before
    assert start["headers"] is headers
    assert sent == [{**start, "headers": PASSED}]


@pytest.mark.conformance("A2", "S7")
@pytest.mark.parametrize(
    "header",
    [
        (b"x-foo", b"bar\rSet-Cookie: evil=1"),
        (b"set-cookie\t", b"evil=1"),
        (b" set-cookie", b"evil=1"),
        (b"set-cookie: evil=1;x", b"y"),
        ("set-cookie", "evil=1"),
        (b"set-cookie",),
        7,
    ],
)
def test_unsafe_headers_are_dropped(gate: ConsentGate, header: Any) -> None:
    """Whatever could carry another header in, or is no header, does not leave."""
    start = {"type": "http.response.start", "status": 200, "headers": [header, *MIXED]}
    assert conversation(gate, [start])[0]["headers"] == PASSED


@pytest.mark.conformance("A3")
@pytest.mark.parametrize("kind", ["lifespan", "who.knows"])
def test_other_scopes_are_none_of_its_business(gate: ConsentGate, kind: str) -> None:
    """The app gets the very same scope, receive and send."""
    got: list[Any] = []

    async def app(*args: Any) -> None:
        got.extend(args)

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        return None

    scope = {"type": kind, "state": {}}
    asyncio.run(behind(gate, app)(scope, receive, send))
    assert [id(thing) for thing in got] == [id(scope), id(receive), id(send)]
    assert scope == {"type": kind, "state": {}}


@pytest.mark.conformance("A4")
@pytest.mark.parametrize("state", [None, {"db": "x"}])
def test_the_scope_is_copied_and_receive_untouched(
    gate: ConsentGate, state: dict[str, Any] | None
) -> None:
    """The handle is in the app's scope and state, and not in the server's."""
    scope = asgi_scope(granted(gate, "statistics"))
    if state is not None:
        scope["state"] = state
    before = copy.deepcopy(scope)
    got: list[Any] = []

    async def app(*args: Any) -> None:
        got.extend(args)

    async def receive() -> Message:
        raise AssertionError("the gate never reads the body")

    async def send(message: Message) -> None:
        return None

    asyncio.run(behind(gate, app)(scope, receive, send))
    inner, inner_receive, _ = got
    assert scope == before
    assert inner_receive is receive
    handle = consent(inner)
    assert isinstance(handle, Consent)
    assert inner["state"] == {**(state or {}), "consent": handle}
    assert {key: inner[key] for key in before if key != "state"} == {
        key: before[key] for key in before if key != "state"
    }


@pytest.mark.conformance("A4")
@pytest.mark.parametrize("headers", [{}, {"headers": None}, {"headers": iter([(b"x", b"y")])}])
def test_a_predicate_leaves_the_scope_alone(policy: Policy, headers: dict[str, Any]) -> None:
    """Headers that are absent, None or one-shot are read for the predicate and left for the app."""
    asked: list[Any] = []
    gate = ConsentGate(
        policy, secret_key=KEY, needs_consent=lambda request: asked.append(request.headers.get("x"))
    )
    scope = {"type": "http", **headers}
    before = dict(scope)
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(list(scope.get("headers", ())))

    asyncio.run(behind(gate, app)(scope, None, None))
    assert scope == before
    expected = [(b"x", b"y")] if headers.get("headers") else []
    assert (seen, asked) == ([expected], ["y" if expected else None])


@pytest.mark.conformance("A4")
def test_a_state_that_is_no_mapping_is_left_alone(gate: ConsentGate) -> None:
    """Something else under "state" stays what it is; the handle is in the scope all the same."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([scope["state"], consent(scope).answered])

    asyncio.run(behind(gate, app)({"type": "http", "state": 7}, None, None))
    assert seen == [7, False]


@pytest.mark.conformance("K19")
def test_two_gates_are_one_exchange(gate: ConsentGate) -> None:
    """The inner gate hands on the outer's scope and handle, and the choice is issued once."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        consent(scope).grant("statistics")
        await send({"type": "http.response.start", "status": 200, "headers": MIXED})

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(behind(gate, gate.asgi(app))(asgi_scope(Visit()), None, send))
    names = [value.partition(b"=")[0] for _, value in sent[0]["headers"]]
    assert names == [b"cookies_preferences", b"session", b"_ga", b"z", b"Cookie", b"private"]


@pytest.mark.conformance("K19", "R1")
def test_a_gate_further_in_withholds_what_came_back(gate: ConsentGate) -> None:
    """What stands between two gates may edit the cookies: the app still reads no refused one."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append([value for name, value in scope["headers"] if name == b"cookie"])
        consent(scope).grant("statistics")
        await send({"type": "http.response.start", "status": 200, "headers": MIXED})

    inner = gate.asgi(app)

    async def between(scope: Any, receive: Any, send: Any) -> None:
        assert [value for name, value in scope["headers"]] == [b"session=1"]
        headers = [(b"x", b"y"), (b"cookie", b"session=1; ad_id=2"), (b"cookie", b"theme=1")]
        await inner({**scope, "headers": headers}, receive, send)

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = asgi_scope(Visit([b"session=1; _ga=1"]))
    asyncio.run(behind(gate, between)(scope, None, send))
    assert seen == [[b"session=1"]]
    assert sent[0]["headers"][0][1].startswith(b"cookies_preferences=1~")


@pytest.mark.conformance("R1", "K9")
@pytest.mark.parametrize("shape", [list, tuple])
def test_a_withdrawal_reaches_copies_of_the_scope(gate: ConsentGate, shape: Any) -> None:
    """ASGI tells middleware to copy the scope: what is withheld from now on is gone there, too."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        copied = dict(scope)
        if shape is list:  # Starlette puts a list of its own into the scope.
            assert Headers(scope=scope)["cookie"]
        consent(scope).withdraw()
        seen.extend(value for name, value in copied["headers"] if name == b"cookie")
        seen.append([value for name, value in scope["headers"] if name == b"cookie"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Message) -> None:
        pass

    token = token_pair(gate, "statistics")
    scope = asgi_scope(Visit([b"_ga=1; " + token]))
    scope["headers"] = shape(scope["headers"])
    asyncio.run(behind(gate, app)(scope, None, send))
    held = b"_ga=1; " + token if shape is tuple else token
    assert seen == [held, [token]]


@pytest.mark.conformance("R1")
@pytest.mark.parametrize("failing", [True, False])
def test_nothing_is_left_for_the_garbage_collector(gate: ConsentGate, failing: bool) -> None:
    """A request with cookies to withhold is gone with its last reference, crashes included."""
    handles: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        handles.append(weakref.ref(scope["consentgate"]._exchange))
        if failing:
            raise RuntimeError("oops")

    async def visit() -> None:
        with suppress(RuntimeError):
            await behind(gate, app)(asgi_scope(Visit([b"session=1; _ga=1"])), None, None)

    gc.collect()
    gc.disable()
    try:
        asyncio.run(visit())
        assert handles[0]() is None
    finally:
        gc.enable()


@pytest.mark.conformance("K19")
def test_a_handle_of_another_visitor_is_not_joined(gate: ConsentGate) -> None:
    """A request made in the course of another, with other tokens, is an exchange of its own."""
    seen: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(consent(scope).allows("statistics"))
        await send({"type": "http.response.start", "status": 200, "headers": MIXED})

    inner = gate.asgi(app)

    async def portal(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"cookie", token_pair(gate, "statistics"))]
        await inner({**scope, "headers": headers}, receive, send)

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(behind(gate, portal)(asgi_scope(Visit()), None, send))
    assert seen == [True]
    assert sent[0]["headers"] == PASSED


@pytest.mark.conformance("A4")
def test_a_bare_scope_is_enough(gate: ConsentGate) -> None:
    """Headers, path and scheme may be missing."""
    start = {"type": "http.response.start", "status": 200, "headers": MIXED}
    assert conversation(gate, [start], {"type": "http"})[0]["headers"] == PASSED


def exchange(
    gate: ConsentGate,
    app: Callable[..., Awaitable[None]],
    send: Callable[[Message], Awaitable[None]] | None = None,
) -> Any:
    """Return the running of an app behind the gate."""

    async def quiet(message: Message) -> None:
        return None

    async def receive() -> Message:
        return {"type": "http.request"}

    return behind(gate, app)(asgi_scope(Visit()), receive, send or quiet)


@pytest.mark.conformance("A5")
def test_errors_pass_unchanged(gate: ConsentGate) -> None:
    """An exception of the app, and one of the server's send, are the very same outside."""
    error = OSError("the client is gone")

    async def sends(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def raises(scope: Any, receive: Any, send: Any) -> None:
        raise error

    async def broken(message: Message) -> None:
        raise error

    async def main() -> None:
        for app, send in ((sends, broken), (raises, None)):
            with pytest.raises(OSError) as caught:
                await exchange(gate, app, send)
            assert caught.value is error

    asyncio.run(main())


@pytest.mark.conformance("A5")
def test_cancellation_reaches_the_app(gate: ConsentGate) -> None:
    """A cancelled request is cancelled in the app."""
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main() -> None:
        task = asyncio.ensure_future(exchange(gate, app))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen == ["cancelled"]


@pytest.mark.conformance("A5")
def test_nothing_stands_between_the_app_and_its_caller(gate: ConsentGate) -> None:
    """No task is made, a ContextVar set inside is seen outside, and later work still runs."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        variable.set("inside")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        seen.append((asyncio.current_task(), len(asyncio.all_tasks())))

    async def main() -> None:
        await exchange(gate, app)
        assert variable.get() == "inside"
        assert seen == [(asyncio.current_task(), 1)]

    asyncio.run(main())


@pytest.mark.conformance("A6")
def test_servers_see_an_asgi_3_app(gate: ConsentGate) -> None:
    """It is an instance whose __call__ is a coroutine function, as servers detect it."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        return None

    made = gate.asgi(app)
    assert type(made) is ConsentMiddleware
    assert not inspect.isclass(made)
    assert inspect.iscoroutinefunction(made.__call__)
    assert (made.app, made.gate) == (app, gate)


@pytest.mark.conformance("S12", "K2")
def test_cookie_lines_are_read_together(gate: ConsentGate) -> None:
    """HTTP/2 sends several Cookie lines: the token counts wherever it stands, in any case."""
    start = {"type": "http.response.start", "status": 200, "headers": MIXED}
    scope = asgi_scope(Visit([b"a=b; c=d", token_pair(gate, "statistics"), b"e=f"]))
    assert conversation(gate, [start], scope)[0]["headers"] == [*MIXED, *KEPT_APART]
    scope["headers"] = [(b"Cookie", token_pair(gate, "statistics"))]
    assert conversation(gate, [start], scope)[0]["headers"] == [*MIXED, *KEPT_APART]


@pytest.mark.conformance("K18")
def test_two_loops_share_a_gate(gate: ConsentGate) -> None:
    """Two event loops in two threads, many requests interleaved: each gets its own answer."""
    wrong: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 200, "headers": MIXED})

    async def visit(categories: list[str]) -> None:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            await asyncio.sleep(0)
            sent.append(message)

        visit = granted(gate, *categories) if categories else Visit()
        await behind(gate, app)(asgi_scope(visit), send, send)
        if sent[0]["headers"] != ([*MIXED, *KEPT_APART] if categories else PASSED):
            wrong.append(sent)

    async def main() -> None:
        await asyncio.gather(*(visit(["statistics"] * (number % 2)) for number in range(100)))

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_consent_without_a_gate_says_what_to_do() -> None:
    """Asking a scope that no gate stands around raises, and names the remedy."""
    with pytest.raises(ConsentGateError, match="put the gate around the app"):
        consent({"type": "http"})


@pytest.mark.conformance("K8")
def test_a_choice_after_the_start_cannot_be_sent(gate: ConsentGate) -> None:
    """Background work that grants is told that the browser will not hear of it."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": MIXED})
        handle = consent(scope)
        with pytest.raises(ConsentGateError, match="after the response had started"):
            handle.grant_all()
        seen.append(handle.allows("statistics"))
        await send({"type": "http.response.body", "body": b"done"})

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(behind(gate, app)(asgi_scope(Visit()), send, send))
    assert seen == [True]
    assert [message.get("body") for message in sent] == [None, b"done"]
    assert sent[0]["headers"] == PASSED
