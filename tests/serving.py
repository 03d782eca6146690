"""Real servers as subprocesses, and raw sockets to read exactly what they put on the wire."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
START_SECONDS = 30.0
STOP_SECONDS = 5.0
ANSWER_SECONDS = 20.0

_WERKZEUG = """\
import logging, sys
from werkzeug.serving import run_simple
from werkzeug.utils import import_string
logging.getLogger("werkzeug").setLevel(logging.ERROR)
run_simple("127.0.0.1", int(sys.argv[1]), import_string(sys.argv[2]), threaded=True)
"""
_UVICORN = "-m uvicorn --log-level error --loop asyncio --timeout-graceful-shutdown 1 --port {port}"
_GRANIAN = (
    "-m granian --host 127.0.0.1 --port {port} --workers 1 --loop asyncio --http 1"
    " --log-level error --workers-kill-timeout 1"
)

# The arguments to Python, before the target.
_COMMANDS = {
    "gunicorn": "-m gunicorn --bind 127.0.0.1:{port} --workers 1 --threads 8 --keep-alive 5"
    " --log-level error --graceful-timeout 1 --no-control-socket --preload",
    "waitress": "-m waitress --listen=127.0.0.1:{port} --threads=8",
    "werkzeug": "-c <werkzeug> {port}",
    "granian-wsgi": _GRANIAN + " --interface wsgi --blocking-threads 8",
    "uvicorn-h11": _UVICORN + " --http h11",
    "uvicorn-httptools": _UVICORN + " --http httptools",
    "hypercorn": "-m hypercorn --bind 127.0.0.1:{port} --workers 0 --log-level error"
    " --graceful-timeout 1",
    "granian": _GRANIAN + " --interface asgi",
}

WSGI_SERVERS = ("gunicorn", "waitress", "werkzeug", "granian-wsgi")
ASGI_SERVERS = ("uvicorn-h11", "uvicorn-httptools", "hypercorn", "granian")
SERVERS = WSGI_SERVERS + ASGI_SERVERS


def command(server: str, target: str, port: int) -> list[str]:
    """Return the command line of a server for an app, "package.module:attribute"."""
    words = _COMMANDS[server].format(port=port).split()
    script = [_WERKZEUG if word == "<werkzeug>" else word for word in words]
    return [sys.executable, *script, target]


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def serve(server: str, target: str) -> Iterator[str]:
    """Run an app, "package.module:attribute", on a real server; yield its base URL."""
    port = free_port()
    with run_server(command(server, target, port), port) as url:
        yield url


@contextmanager
def each_once(module: str) -> Iterator[Callable[[str], str]]:
    """Give the URL of a module's `wsgi` or `asgi` on a server: started when first asked for."""
    with ExitStack() as stack:

        @cache
        def url(server: str) -> str:
            app = "wsgi" if server in WSGI_SERVERS else "asgi"
            return stack.enter_context(serve(server, f"{module}:{app}"))

        yield url


@contextmanager
def run_server(arguments: list[str], port: int) -> Iterator[str]:
    """Run a server that listens on this port; yield its base URL."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # noqa: S603  # our own command lines
            arguments,
            cwd=ROOT,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_it_accepts(process, port, output)
            yield f"http://{HOST}:{port}"
        finally:
            _stop(process)


def raw_exchange(url: str, request: bytes) -> bytes:
    """Send the bytes to the server of `url`; return all that it sends until it closes."""
    with connect(url) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: _received(connection), b""))


def connect(url: str) -> socket.socket:
    """Open a raw connection to the server of `url`, with a deadline on each step."""
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=ANSWER_SECONDS)


@dataclass(frozen=True)
class Answer:
    """One response as its bytes say, and nothing that a parser made of it."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        """The number in the status line."""
        return int(self.head.split(b" ", 2)[1])

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Names and values, in order, as a browser sees them: a bare CR or LF ends a line too."""
        lines = re.split(rb"\r\n|\r|\n", self.head)[1:]
        pairs = [line.partition(b":") for line in lines if line]
        return [(name.strip(b" \t").lower(), value.strip(b" \t")) for name, _, value in pairs]

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of one header, by its name in lower case."""
        return [value for key, value in self.headers if key == name]

    @property
    def set_cookies(self) -> list[bytes]:
        """The values of all Set-Cookie headers, in order."""
        return self.values(b"set-cookie")

    @property
    def names(self) -> list[bytes]:
        """The names of the cookies that are set, in order."""
        return [value.partition(b"=")[0].strip(b" \t") for value in self.set_cookies]


def answers(data: bytes, *, to_head: bool = False) -> list[Answer]:
    """Split the bytes of a connection into its responses, 1xx ones too.

    `to_head` says that they answer HEAD requests. Bytes that no response
    accounts for, or that are missing, are an error.
    """
    found = []
    while data:
        head, blank, data = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1."), head[:200]
        assert blank, "the head is cut short"
        answer = Answer(head, b"")
        bodiless = to_head or answer.status < 200 or answer.status in (204, 304)
        body, data = (b"", data) if bodiless else _body(answer, data)
        found.append(Answer(head, body))
    return found


def _body(answer: Answer, data: bytes) -> tuple[bytes, bytes]:
    """Return the body, as the head frames it, and the bytes behind it (RFC 9112 6.3)."""
    if answer.values(b"transfer-encoding") == [b"chunked"]:
        return _dechunked(data)
    if lengths := answer.values(b"content-length"):
        assert len(lengths) == 1, lengths
        length = int(lengths[0])
        assert len(data) >= length, f"{len(data)} bytes of {length}"
        return data[:length], data[length:]
    return data, b""


def _dechunked(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, line_end, data = data.partition(b"\r\n")
        length = int(size, 16)
        chunk, data = data[:length], data[length:]
        assert line_end, "a chunk's size is cut short"
        assert len(chunk) == length, f"{len(chunk)} bytes of {length}"
        assert data.startswith(b"\r\n"), "a chunk has no end"
        data = data[2:]
        if not chunk:
            return body, data
        body += chunk


def _received(connection: socket.socket) -> bytes:
    """Return the next bytes; a server that resets after its answer has closed, too."""
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""


def _environment() -> dict[str, str]:
    paths = [str(ROOT), str(ROOT / "tests")]
    if inherited := os.environ.get("PYTHONPATH"):
        paths.append(inherited)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def _wait_until_it_accepts(process: subprocess.Popen[bytes], port: int, output: IO[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.02)
    _stop(process)
    output.seek(0)
    said = output.read().decode("utf-8", "replace")
    raise RuntimeError(f"the server did not start: {process.args!r}\n{said}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and every worker it started."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
