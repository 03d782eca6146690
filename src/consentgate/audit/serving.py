"""An app on a port of this machine, by uvicorn."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

from consentgate.audit.target import Target
from consentgate.errors import ConsentGateError
from consentgate.gate import ConsentGate

if TYPE_CHECKING:
    from uvicorn import Server

_START_SECONDS = 30.0
_STOP_SECONDS = 5


@contextmanager
def behind(gate: ConsentGate, target: Target) -> Iterator[Any]:
    """Give an ASGI app: the target behind a gate.

    A WSGI app is translated outside the gate: it finds its consent in environ.
    """
    if target.interface == "asgi":
        yield gate.asgi(target.app)
        return
    try:
        from a2wsgi import WSGIMiddleware
    except ImportError as error:
        raise _missing("a2wsgi") from error
    app: Any = gate.wsgi(target.app)  # it has types of its own for what PEP 3333 says
    translated = WSGIMiddleware(app)
    try:
        yield translated
    finally:
        translated.executor.shutdown()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any free one.

    Raises ConsentGateError for an address that cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise ConsentGateError(
            f"{host}, port {port}: {getattr(error, 'strerror', None) or error}; is another server "
            f"running there? End it, or say --port {port + 1}"
        ) from error
    return listener


def address(listener: socket.socket) -> str:
    """Return the URL of what answers on a socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def server(app: Any) -> Server:
    """Return a server for an ASGI app: `run(sockets=[listen(...)])` ends with Ctrl+C."""
    try:
        import uvicorn
    except ImportError as error:
        raise _missing("uvicorn") from error
    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=_STOP_SECONDS, server_header=False
    )
    return uvicorn.Server(config)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an ASGI app on a free port of 127.0.0.1, in a thread; yield its URL.

    Raises ConsentGateError for an app that does not start.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(closing(listen("127.0.0.1", 0)))
        running = server(app)
        thread = Thread(target=_run, args=(running, listener), name="observed", daemon=True)
        thread.start()
        try:
            _await_start(running, thread)
            yield address(listener)
        finally:
            running.should_exit = True
            thread.join(_START_SECONDS)


def _run(running: Server, listener: socket.socket) -> None:
    # That is how uvicorn gives up where an app does not start; it has logged why.
    with suppress(SystemExit):
        running.run(sockets=[listener])


def _await_start(running: Server, thread: Thread) -> None:
    waited = 0.0
    while not running.started and waited < _START_SECONDS:
        thread.join(0.02)
        if not thread.is_alive():
            break
        waited += 0.02
    if not running.started:
        raise ConsentGateError("the app did not start; what it says is above")


def _missing(package: str) -> ConsentGateError:
    return ConsentGateError(
        f'{package} is not installed: serving an app needs an extra, pip install "consentgate[cli]"'
    )
