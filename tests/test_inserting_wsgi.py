"""The banner in pages over WSGI: what is held, and what leaves when (PEP 3333)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest

from adapters import (
    KEY,
    Visit,
    behind_wsgi,
    token_pair,
    wsgi_environ,
)
from consentgate import ConsentGate, Policy
from inserting import (
    NATIVE_HTML,
    PAGE,
    REST,
    START,
    Server,
    banners,
    served,
    values,
    with_one_banner,
    wsgi_answer,
    wsgi_talk,
)


@pytest.fixture
def gate(policy: Policy) -> ConsentGate:
    """Return a gate that puts the banner in."""
    return ConsentGate(policy, secret_key=KEY, inject_banner=True)


class Body:
    """A body that notes what becomes of it; `fails` says after how many chunks it raises."""

    def __init__(self, *chunks: bytes, fails: int | None = None) -> None:
        self.chunks = chunks
        self.fails = fails
        self.closed = 0
        self.asked = 0

    def __iter__(self) -> Iterator[bytes]:
        for number, chunk in enumerate(self.chunks):
            self.asked += 1
            if number == self.fails:
                raise BrokenPipeError
            yield chunk

    def close(self) -> None:
        """Note that it is closed."""
        self.closed += 1


def answering(body: Any, headers: Any = (NATIVE_HTML,)) -> Any:
    """Return an app that starts, and returns this very body."""

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", list(headers))
        return body

    return app


def test_the_body_of_a_wsgi_app_leaves_as_soon_as_it_can(gate: ConsentGate) -> None:
    """The server hears of the start with the chunk that has the tag, and of later ones singly."""
    body = Body(START[:20], b"", START[20:] + b"<p>", b"one", b"", b"two")
    server = Server()
    chunks = iter(behind_wsgi(gate, answering(body))(wsgi_environ(Visit()), server))
    assert (server.starts, body.asked) == ([], 0)
    first = next(chunks)
    assert (len(server.starts), body.asked) == (1, 3)
    assert with_one_banner(first, START + b"<p>")
    for number, chunk in enumerate(body.chunks[3:], 4):
        assert next(chunks) is chunk
        assert body.asked == number
    assert list(chunks) == []


@pytest.mark.parametrize(
    "headers",
    [[("Content-Type", "text/plain")], [NATIVE_HTML, ("Content-Disposition", "attachment")]],
)
def test_the_apps_own_body_is_returned_where_nothing_goes_in(
    gate: ConsentGate, headers: list[tuple[str, str]]
) -> None:
    """A response that has started, and takes no banner, keeps its iterable and its headers."""
    body = Body(PAGE)
    server = Server()
    assert behind_wsgi(gate, answering(body, headers))(wsgi_environ(Visit()), server) is body
    kept = [id(header) for header in server.starts[0][1]]
    assert kept[: len(headers)] == [id(header) for header in headers]


def test_the_apps_own_body_is_returned_to_who_has_answered(gate: ConsentGate) -> None:
    """For a visitor who has answered a page is the app's own object, and so are its headers."""
    body, headers = Body(PAGE), [NATIVE_HTML, ("ETag", '"a"'), ("Content-Length", str(len(PAGE)))]
    environ, server = wsgi_environ(Visit([token_pair(gate)])), Server()
    assert behind_wsgi(gate, answering(body, headers))(environ, server) is body
    assert [id(header) for header in server.starts[0][1][:3]] == [id(header) for header in headers]


def test_a_file_wrapper_stays_one_where_nothing_goes_in(gate: ConsentGate) -> None:
    """A file that the server can send by itself is still one, but for a page with the banner."""
    wrapper = FileWrapper(BytesIO(PAGE))
    app = answering(wrapper, [("Content-Type", "text/plain")])
    assert behind_wsgi(gate, app)(wsgi_environ(Visit()), Server()) is wrapper
    file = BytesIO(PAGE)
    answer, _ = wsgi_talk(gate, answering(FileWrapper(file, 10)))
    assert with_one_banner(answer.body)
    assert file.closed


@pytest.mark.parametrize("cut", [0, 5, 20, len(START), len(PAGE)])
def test_an_app_that_starts_late_is_asked_for(gate: ConsentGate, cut: int) -> None:
    """A generator starts when it is first asked for a chunk; the banner goes in all the same."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [NATIVE_HTML, ("Content-Length", str(len(PAGE)))])
        yield PAGE[:cut]
        yield PAGE[cut:]

    for gated in (gate.wsgi(app), validator(gate.wsgi(validator(app)))):
        answer = wsgi_answer(gated)
        assert with_one_banner(answer.body)
        assert values(answer.headers, b"content-length") == [b"%d" % len(answer.body)]


def test_a_late_app_without_a_page_passes_chunk_by_chunk(gate: ConsentGate) -> None:
    """What a generator yields beside pages are the same objects, and nothing is held."""
    chunks = [b"one", b"", b"two"]

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield from chunks

    _, server = wsgi_talk(gate, app)
    assert [id(chunk) for chunk in server.written] == [id(chunk) for chunk in chunks]


def writing(parts: Sequence[bytes], body: Any = ()) -> Any:
    """Return an app that writes parts, and returns others."""

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        write = start_response("200 OK", [NATIVE_HTML, ("Content-Length", str(len(PAGE)))])
        for part in parts:
            write(part)
        return body

    return app


@pytest.mark.parametrize("cut", [0, 5, 20, len(START), len(PAGE)])
def test_what_is_written_counts_as_what_is_returned(gate: ConsentGate, cut: int) -> None:
    """By `write`, by the iterable, or by both: the page leaves whole, in order, with one banner."""
    one, two = PAGE[:cut], PAGE[cut:]
    for app in (writing([one, two]), writing([one], [two]), writing([], [one, two])):
        for gated in (gate.wsgi(app), validator(gate.wsgi(validator(app)))):
            answer = wsgi_answer(gated)
            assert with_one_banner(answer.body)
            assert values(answer.headers, b"content-length") == [b"%d" % len(answer.body)]


def test_what_is_written_leaves_at_once(gate: ConsentGate) -> None:
    """The part with the tag, and each after it, is with the server when `write` returns."""
    server = Server()
    lengths = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [NATIVE_HTML])
        for part in (START[:20], START[20:], b"one", REST):
            write(part)
            lengths.append(len(server.written))
        return rest

    rest = [b"more"]
    body = behind_wsgi(gate, app)(wsgi_environ(Visit()), server)
    assert lengths == [0, 1, 2, 3]
    assert body is rest
    assert with_one_banner(server.answer.body, START + b"one" + REST)


def test_what_is_written_without_an_end_leaves_with_the_body(gate: ConsentGate) -> None:
    """A page that is never settled, all of it written, leaves when the server asks for a body."""
    answer, server = wsgi_talk(gate, writing([b"<html>", b"<!-- <body>"]))
    assert answer.body == b"<html><!-- <body>"
    assert len(server.starts) == 1


def restarting(before: Sequence[bytes], status: str, after: bytes, *, write: bool = False) -> Any:
    """Return an app that fails after some chunks, and starts anew with exc_info."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        started = start_response("200 OK", [NATIVE_HTML, ("X-First", "1")])
        if write:
            for chunk in before:
                started(chunk)
        else:
            yield from before
        try:
            raise RuntimeError("oops")
        except RuntimeError:
            start_response(status, [NATIVE_HTML], sys.exc_info())
        yield after

    return app


@pytest.mark.conformance("W2")
@pytest.mark.parametrize("write", [False, True], ids=["yielded", "written"])
@pytest.mark.parametrize("before", [[], [b"<html>"], [b"<html>", b"<head>"]])
def test_an_error_before_the_release_replaces_the_page(
    gate: ConsentGate, before: list[bytes], write: bool
) -> None:
    """While nothing has left, the error page stands for the page, and no byte of it leaves."""
    error = restarting(before, "500 Oops", PAGE, write=write)
    answer, server = wsgi_talk(gate, error)
    assert (answer.status, answer.body, len(server.starts)) == (500, PAGE, 1)
    assert values(answer.headers, b"x-first") == []
    page = restarting(before, "200 OK", PAGE, write=write)
    answer, server = wsgi_talk(gate, page)
    assert (answer.status, len(server.starts)) == (200, 1)
    assert with_one_banner(answer.body)
    assert values(answer.headers, b"x-first") == []


@pytest.mark.conformance("W2")
@pytest.mark.parametrize("status", ["500 Oops", "200 OK"])
@pytest.mark.parametrize("before", [[START], [b"<html>", b"<p>"]], ids=["with", "without"])
def test_an_error_after_the_release_is_the_servers(
    gate: ConsentGate, before: list[bytes], status: str
) -> None:
    """Once bytes have left, the server hears of the new start, and raises what it is told."""
    server = Server()
    body = behind_wsgi(gate, restarting(before, status, PAGE))(wsgi_environ(Visit()), server)
    with pytest.raises(RuntimeError, match="oops"):
        server.send(body)
    assert [first for first, _ in server.starts] == ["200 OK"]


@pytest.mark.conformance("W2")
def test_an_error_with_the_head_still_there_is_the_servers(gate: ConsentGate) -> None:
    """After the release, where the server has sent nothing yet, the new start is handed on."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            raise RuntimeError("oops")
        except RuntimeError:
            start_response("200 OK", [NATIVE_HTML], sys.exc_info())
        return [PAGE]

    answer, server = wsgi_talk(gate, app)
    assert [status for status, _ in server.starts] == ["200 OK", "200 OK"]
    assert answer.body == PAGE


def test_the_old_way_to_write_goes_on_after_an_error(gate: ConsentGate) -> None:
    """What the first start gave to write with writes into the page that took its place."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [NATIVE_HTML])
        try:
            raise RuntimeError("oops")
        except RuntimeError:
            start_response("500 Oops", [NATIVE_HTML], sys.exc_info())
        write(PAGE)
        return []

    answer, _ = wsgi_talk(gate, app)
    assert (answer.status, answer.body) == (500, PAGE)


@pytest.mark.conformance("W4")
@pytest.mark.parametrize("chunks", [(PAGE,), (b"<html>",), (b"",), (), (START, REST)])
def test_a_body_is_closed_once(gate: ConsentGate, chunks: tuple[bytes, ...]) -> None:
    """The app's own `close` is called once, with a banner in the page and without."""
    body = Body(*chunks)
    answer, server = wsgi_talk(gate, answering(body))
    assert (body.closed, len(server.starts)) == (1, 1)
    assert len(answer.body) >= sum(map(len, chunks))


@pytest.mark.conformance("W4")
@pytest.mark.parametrize(
    ("chunks", "fails", "started"),
    [((b"<html>", b"x"), 0, 0), ((b"<html>", b"x"), 1, 0), ((START, b"x"), 1, 1)],
    ids=["at once", "while held", "later"],
)
def test_a_body_that_fails_is_closed_once(
    gate: ConsentGate, chunks: tuple[bytes, ...], fails: int, started: int
) -> None:
    """The error passes to the server, which has heard of a start if something had left."""
    body, server = Body(*chunks, fails=fails), Server()
    found = behind_wsgi(gate, answering(body))(wsgi_environ(Visit()), server)
    with pytest.raises(BrokenPipeError):
        server.send(found)
    found.close()
    assert (body.closed, len(server.starts)) == (1, started)


class Unreadable(Body):
    """A body that cannot even be looked into."""

    def __iter__(self) -> Iterator[bytes]:
        raise BrokenPipeError


@pytest.mark.conformance("W4")
def test_a_body_that_cannot_be_looked_into_is_closed(gate: ConsentGate) -> None:
    """Where `iter` fails the server closes what it got, and that closes the app's own."""
    body = Unreadable()
    with pytest.raises(BrokenPipeError):
        served(gate.wsgi(answering(body)), wsgi_environ(Visit()))
    assert body.closed == 1


@pytest.mark.conformance("W4")
def test_a_client_that_has_gone_ends_the_body(gate: ConsentGate) -> None:
    """A server that stops to ask, while all is held or later, closes the app's body."""
    for asked in (0, 1):
        body, server = Body(START, b"one", b"two"), Server()
        found = behind_wsgi(gate, answering(body))(wsgi_environ(Visit()), server)
        for _ in range(asked):
            next(iter(found))
        found.close()
        assert (body.closed, body.asked, len(server.starts)) == (1, asked, asked)


def test_a_plain_list_needs_no_close(gate: ConsentGate) -> None:
    """A body without `close` can be closed by the server all the same."""
    found = behind_wsgi(gate, answering([PAGE]))(wsgi_environ(Visit()), Server())
    assert with_one_banner(b"".join(found))
    found.close()


def test_a_streaming_wsgi_page_that_asks_later_gets_one_banner(gate: ConsentGate) -> None:
    """A helper that is called after the start, and before the tag, is enough."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [NATIVE_HTML, ("ETag", '"a"')])
        yield b"<!doctype html>"
        yield START[15:] + environ["consentgate"].banner_html().encode() + REST

    answer, _ = wsgi_talk(gate, app)
    assert with_one_banner(answer.body)
    assert values(answer.headers, b"etag") == [b'"a"']


@pytest.mark.parametrize("status", ["", "2", "20", "abc", "²00 OK", "2e2 OK", "200", "200 Fine"])
def test_odd_status_lines_do_not_stop_a_page(gate: ConsentGate, status: str) -> None:
    """A status line that starts with no number is none of 200; it passes."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, [NATIVE_HTML])
        return [PAGE]

    server = Server()
    body = b"".join(behind_wsgi(gate, app)(wsgi_environ(Visit()), server))
    assert server.starts[0][0] == status
    assert len(banners(body)) == status.startswith("200")


def test_a_request_without_a_method_is_a_get(gate: ConsentGate) -> None:
    """An environ that names no method, as some tests make it, is one of GET."""
    environ = wsgi_environ(Visit())
    del environ["REQUEST_METHOD"]
    body = behind_wsgi(gate, answering([PAGE]))(environ, Server())
    assert with_one_banner(b"".join(body))
