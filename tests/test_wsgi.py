"""The gate as a good citizen of PEP 3333."""

from __future__ import annotations

import gc
import io
import sys
import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest

from adapters import KEY, token_pair
from consentgate import Consent, ConsentGate, ConsentGateError, Policy
from consentgate.wsgi import ConsentMiddleware, consent


class Server:
    """Remembers what a server was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.written: list[bytes] = []

    def __call__(self, *args: Any) -> Any:
        self.calls.append(args)
        return self.write

    def write(self, data: bytes) -> None:
        """Take a chunk of the body by the old way."""
        self.written.append(data)


# What depends on a visitor's choice says so, and is nothing for shared caches.
VARIES = ("Vary", "Cookie")
KEPT_APART = [VARIES, ("Cache-Control", "private")]


def set_cookies(headers: list[tuple[str, str]]) -> list[str]:
    """Return the names of the cookies that are set, in order."""
    return [name_of(value) for name, value in headers if name == "Set-Cookie"]


def environ(**extra: Any) -> dict[str, Any]:
    """Return a plain environ."""
    made: dict[str, Any] = {}
    setup_testing_defaults(made)
    return made | {"QUERY_STRING": ""} | extra


@pytest.mark.conformance("W1")
def test_a_late_start_is_filtered_and_reads_nothing_more(gate: ConsentGate) -> None:
    """A generator app starts at its first iteration, when the environ may be gone already."""

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Set-Cookie", "_ga=1"), ("Set-Cookie", "ad_id=1")])
        yield b"late"

    server = Server()
    request = environ(HTTP_COOKIE=token_pair(gate, "statistics").decode())
    body = gate.wsgi(app)(request, server)
    request.clear()
    assert not server.calls
    assert list(body) == [b"late"]
    assert server.calls == [("200 OK", [("Set-Cookie", "_ga=1"), *KEPT_APART])]


@pytest.mark.conformance("W2")
def test_every_start_is_filtered(gate: ConsentGate) -> None:
    """A second call with exc_info replaces the headers, filtered like the first."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        consent(environ).grant("statistics")
        start_response("200 OK", [("Set-Cookie", "_ga=1"), ("Set-Cookie", "unknown=1")])
        try:
            raise RuntimeError("oops")
        except RuntimeError:
            start_response("500 Oops", [("Set-Cookie", "ad_id=1")], sys.exc_info())
        return [b"sorry"]

    server = Server()
    gate.wsgi(app)(environ(), server)
    first, second = server.calls
    assert set_cookies(first[1]) == ["cookies_preferences", "_ga"]
    assert set_cookies(second[1]) == ["cookies_preferences"]
    assert len(first) == 2
    assert isinstance(second[2][1], RuntimeError)


def name_of(set_cookie: str) -> str:
    """Return the name in a Set-Cookie value."""
    return set_cookie.partition("=")[0]


@pytest.mark.conformance("W2")
def test_no_exc_info_is_handed_on_as_none(gate: ConsentGate) -> None:
    """An app that says exc_info=None is as one that says nothing."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [], None)
        return []

    server = Server()
    gate.wsgi(app)(environ(), server)
    assert server.calls == [("200 OK", [])]


class FragileError(RuntimeError):
    """An error that can be watched."""


@pytest.mark.conformance("W2")
def test_no_reference_to_an_exception_is_kept(gate: ConsentGate) -> None:
    """Once the server let go of exc_info the exception is gone, without the garbage collector."""
    watched: list[weakref.ref[FragileError]] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        try:
            raise FragileError
        except FragileError as error:
            watched.append(weakref.ref(error))
            start_response("500 Oops", [], sys.exc_info())
        return []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        del exc_info
        return lambda data: None

    request = environ()
    gate.wsgi(app)(request, start_response)
    assert watched[0]() is None


@pytest.mark.conformance("W3")
def test_write_is_the_servers_own(gate: ConsentGate) -> None:
    """start_response returns the very callable of the server."""
    server = Server()
    kept: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [("Set-Cookie", "_ga=1")])
        kept.append(write)
        write(b"old way")
        return []

    gate.wsgi(app)(environ(), server)
    assert kept == [server.write]
    assert server.written == [b"old way"]


class Body:
    """An iterable whose every use is counted, and whose truth is nobody's business."""

    def __init__(self) -> None:
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"x"])

    def __bool__(self) -> bool:
        raise AssertionError("a body is never truth-tested")

    def close(self) -> None:
        """Count."""
        self.closed += 1


@pytest.mark.conformance("W4")
@pytest.mark.parametrize(
    "body", [Body(), [b"x"], (b"x",), FileWrapper(io.BytesIO(b"x")), (b for b in [b"x"]), b"x"]
)
def test_the_body_is_the_apps_own(gate: ConsentGate, body: Any) -> None:
    """The very object comes back: file wrappers, len() and close() stay the server's business."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Set-Cookie", "_ga=1")])
        return body

    assert gate.wsgi(app)(environ(), Server()) is body
    assert getattr(body, "closed", 0) == 0


@pytest.mark.conformance("W5")
def test_headers_are_a_new_list_of_native_pairs(gate: ConsentGate) -> None:
    """The app's list is not changed, and the server gets a real list of (str, str)."""
    own = [("Content-Type", "text/plain"), ("Set-Cookie", "_ga=1"), ("sEt-cOOkie", "session=\xe9")]

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", own)
        return []

    server = Server()
    gate.wsgi(app)(environ(), server)
    headers = server.calls[0][1]
    assert type(headers) is list
    assert headers == [own[0], own[2], *KEPT_APART]
    assert all(type(pair) is tuple and type(pair[0]) is type(pair[1]) is str for pair in headers)
    assert len(own) == 3


@pytest.mark.conformance("W5")
@pytest.mark.parametrize("count", [0, 1])
def test_what_nothing_happens_to_is_still_a_copy(gate: ConsentGate, count: int) -> None:
    """Even unchanged headers are handed on in a list that is not the app's."""
    own = [("Set-Cookie", "session=1")] * count

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", own)
        return []

    server = Server()
    gate.wsgi(app)(environ(), server)
    assert server.calls[0][1] == own
    assert server.calls[0][1] is not own


@pytest.mark.conformance("S1", "S7")
@pytest.mark.parametrize(
    "header",
    [
        ("X-Foo", "bar\rSet-Cookie: evil=1"),
        ("X-Foo", "bar\r\nSet-Cookie: evil=1"),
        ("X-Foo", "bar\0"),
        ("X-Foo\r\nSet-Cookie: evil=1;", "x"),
        ("Set-Cookie ", "evil=1"),
        ("Set-Cookie\t", "evil=1"),
        (" Set-Cookie", "evil=1"),
        ("Set-Cookie: evil=1;x", "y"),
        ("Set-Cookie", "session=1\r\nSet-Cookie: evil=1"),
        ("Set-Cookie", "session=\u20ac"),
        ("S\u20act", "x"),
        ("Set-Cookie", b"session=1"),
        (b"Set-Cookie", "session=1"),
        ("X", None),
        ("X",),
        None,
    ],
)
def test_unsafe_headers_are_dropped_and_logged(
    gate: ConsentGate, header: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever could carry another header in, or is no header at all, does not leave."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("A", "1"), header, ("Set-Cookie", "session=1")])
        return []

    server = Server()
    gate.wsgi(app)(environ(), server)
    assert server.calls == [("200 OK", [("A", "1"), ("Set-Cookie", "session=1")])]
    assert "unsafe header" in caplog.text
    if isinstance(header, tuple) and isinstance(header[0], str):
        assert (
            f"stripped {header[0].encode('latin-1', 'replace').decode('latin-1')!r} at"
            in caplog.text
        )


@pytest.mark.conformance("S1")
def test_a_status_cannot_carry_a_cookie(
    gate: ConsentGate, caplog: pytest.LogCaptureFixture
) -> None:
    """A line end in the status cuts it there, in each call."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK\r\nSet-Cookie: evil=1", [])
        start_response("500 Oops\nSet-Cookie: evil=1", [], (None, None, None))
        return []

    server = Server()
    gate.wsgi(app)(environ(), server)
    assert [call[0] for call in server.calls] == ["200 OK", "500 Oops"]
    assert "stripped 'status' at '/': unsafe header" in caplog.text


def test_report_only_reports_a_status(policy: Policy) -> None:
    """Under report_only an unsafe status is told, and left to the server."""
    seen: list[Any] = []
    gate = ConsentGate(policy, secret_key=KEY, report_only=True, observer=seen.append)

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK\rX", [])
        return []

    server = Server()
    gate.wsgi(app)(environ(), server)
    assert server.calls == [("200 OK\rX", [])]
    assert [event.name for event in seen] == ["status"]


@pytest.mark.conformance("W6")
def test_environ_stays_the_servers_dict(gate: ConsentGate) -> None:
    """The app gets the same object, with a `consentgate` key and nothing else changed."""
    request = environ(HTTP_COOKIE="session=b")
    before = dict(request)
    seen: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(environ)
        start_response("200 OK", [])
        return []

    gate.wsgi(app)(request, Server())
    assert seen[0] is request
    assert isinstance(request.pop("consentgate"), Consent)
    assert request == before
    assert type(request) is dict


@pytest.mark.conformance("W6", "W7")
def test_the_environ_key_is_an_extension_to_the_checker(gate: ConsentGate) -> None:
    """Wsgiref's checker accepts the handle, and the key is plain text for everyone else."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        keys = [key for key in environ if key.startswith("consent")]
        assert keys == ["consentgate"]
        assert "gate" in keys[0] and "x" not in keys[0] and 7 not in list(keys[0])
        assert "{consentgate}".format(**environ).startswith("<Consent")
        return [b""]

    checked = validator(gate.wsgi(validator(app)))
    body = checked(environ(), lambda *args: lambda data: None)
    list(body)
    body.close()  # type: ignore[attr-defined]  # wsgiref's iterator has one


@pytest.mark.conformance("W6")
def test_early_hints_carry_no_cookie(gate: ConsentGate, caplog: pytest.LogCaptureFixture) -> None:
    """The callback of a server that writes headers early gets no Set-Cookie, whoever asks."""
    sent: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["wsgi.early_hints"](
            [
                ("Link", "</a.css>; rel=preload"),
                ("Set-Cookie", "session=1"),
                ("set-cookie", "_ga=1"),
                ("Link", "x\r\nSet-Cookie: evil=1"),
                ("Link", 7),
            ]
        )
        start_response("200 OK", [])
        return []

    gate.wsgi(app)(environ(**{"wsgi.early_hints": sent.append}), Server())
    assert sent == [[("Link", "</a.css>; rel=preload")]]


def test_an_environ_that_is_used_again_is_a_new_request(gate: ConsentGate) -> None:
    """A caller that re-uses its dict gets a fresh decision: nothing of the last one leaks."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/grant":
            consent(environ).grant_all()
        if environ["PATH_INFO"] == "/crash":
            raise RuntimeError("before the start")
        start_response("200 OK", [("Set-Cookie", "_ga=1")])
        return []

    gated = gate.wsgi(app)
    request = environ(PATH_INFO="/grant")
    server = Server()
    gated(request, server)
    for path in ("/", "/crash", "/"):
        request["PATH_INFO"] = path
        try:
            gated(request, server)
        except RuntimeError:
            continue
    names = [set_cookies(call[1]) for call in server.calls]
    assert names == [["cookies_preferences", "_ga"], [], []]


@pytest.mark.conformance("K19")
def test_a_foreign_value_under_the_key_is_replaced(gate: ConsentGate) -> None:
    """Something else under the key in environ is not taken for a gate further out."""
    server = Server()

    def app(environ: Any, start_response: Any) -> list[bytes]:
        assert isinstance(environ["consentgate"], Consent)
        start_response("200 OK", [("Set-Cookie", "_ga=1")])
        return []

    gate.wsgi(app)(environ(consentgate="yes"), server)
    assert server.calls == [("200 OK", [VARIES])]


@pytest.mark.conformance("K19")
def test_a_middleware_between_two_gates_can_still_decide(gate: ConsentGate) -> None:
    """What the inner gate has let through is not yet sent: a grant outside of it still counts."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Set-Cookie", "session=1"), ("Set-Cookie", "_ga=1")])
        return []

    def between(environ: Any, start_response: Any) -> Any:
        def started(status: str, headers: Any) -> Any:
            consent(environ).grant("statistics")
            return start_response(status, [*headers, ("Set-Cookie", "_ga=2")])

        return gate.wsgi(app)(environ, started)  # type: ignore[arg-type]  # no exc_info here

    server = Server()
    gate.wsgi(between)(environ(), server)
    assert set_cookies(server.calls[0][1]) == ["cookies_preferences", "session", "_ga"]


@pytest.mark.conformance("K19")
def test_a_crash_behind_the_inner_gate_can_be_answered(gate: ConsentGate) -> None:
    """A middleware between two gates that catches an error can still change the choice."""

    def crashes(environ: Any, start_response: Any) -> list[bytes]:
        raise RuntimeError("before the start")

    def between(environ: Any, start_response: Any) -> list[bytes]:
        with pytest.raises(RuntimeError):
            gate.wsgi(crashes)(environ, start_response)
        consent(environ).grant("statistics")
        start_response("500 Oops", [("Set-Cookie", "_ga=1")])
        return []

    server = Server()
    gate.wsgi(between)(environ(), server)
    assert set_cookies(server.calls[0][1]) == ["cookies_preferences", "_ga"]


@pytest.mark.conformance("K19")
def test_a_crash_ends_the_exchange(gate: ConsentGate) -> None:
    """A handle that a crashed request left behind is nobody's any more."""

    def crashes(environ: Any, start_response: Any) -> list[bytes]:
        consent(environ).grant_all()
        raise RuntimeError("before the start")

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Set-Cookie", "_ga=1")])
        return []

    request, server = environ(), Server()
    with pytest.raises(RuntimeError):
        gate.wsgi(crashes)(request, server)
    gate.wsgi(app)(request, server)
    assert server.calls == [("200 OK", [VARIES])]


@pytest.mark.conformance("K19", "W7")
def test_a_foreign_key_does_not_stay(gate: ConsentGate) -> None:
    """Where the key was taken by something else, the checker still accepts ours."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    body = gate.wsgi(validator(app))(environ(consentgate="yes"), lambda *args: lambda data: None)
    list(body)
    body.close()  # type: ignore[attr-defined]  # wsgiref's iterator has one


@pytest.mark.conformance("K19")
def test_the_outer_gate_decides(gate: ConsentGate) -> None:
    """Behind a gate, another gate with another policy lets nothing more and nothing less pass."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Set-Cookie", "session=1"), ("Set-Cookie", "_ga=1")])
        return []

    inner = ConsentGate(Policy.allow("_ga"), secret_key=KEY)
    server = Server()
    gate.wsgi(inner.wsgi(app))(environ(), server)
    assert server.calls == [("200 OK", [("Set-Cookie", "session=1"), *KEPT_APART])]


@pytest.mark.conformance("R1")
def test_nothing_is_left_for_the_garbage_collector(gate: ConsentGate) -> None:
    """A request with cookies to withhold is gone with its last reference, crashes included."""

    def crashes(environ: Any, start_response: Any) -> list[bytes]:
        raise RuntimeError("oops")

    def late(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"late"

    gc.collect()
    gc.disable()
    try:
        for app in (crashes, late):
            request = environ(HTTP_COOKIE="session=1; _ga=1")
            with suppress(RuntimeError):
                list(gate.wsgi(app)(request, Server()))
            handle = weakref.ref(request["consentgate"]._exchange)
            del request
            assert handle() is None
    finally:
        gc.enable()


def test_consent_without_a_gate_says_what_to_do() -> None:
    """Asking an environ that no gate stands around raises, and names the remedy."""
    with pytest.raises(ConsentGateError, match="put the gate around the app"):
        consent({})


def test_the_class_and_the_method_are_one(gate: ConsentGate) -> None:
    """gate.wsgi(app) is ConsentMiddleware(app, gate=gate)."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        return []

    made = gate.wsgi(app)
    assert type(made) is ConsentMiddleware
    assert (made.app, made.gate) == (app, gate)


def test_the_apps_exceptions_are_its_own(gate: ConsentGate) -> None:
    """An exception of the app passes unchanged."""
    error = RuntimeError("mine")

    def app(environ: Any, start_response: Any) -> list[bytes]:
        raise error

    with pytest.raises(RuntimeError) as caught:
        gate.wsgi(app)(environ(), Server())
    assert caught.value is error
