"""A real PostgreSQL of the tests' own, to use and to break.

For tests that only need databases, in a fixture of the session:

    server = postgres.session_cluster()       # one for the run, or CONSENTGATE_TEST_POSTGRES
    url = server.create_database()            # "postgresql+psycopg://...", a new empty database
    server.drop_database(url)                 # optional: all of them go at the end of the run

For tests that stop, kill or pause it, one of their own, which syncs what it writes:

    with postgres.cluster() as server:        # start() has been said
        server.stop("immediate"); server.start(); server.pause(); server.resume(); server.kill()

Both skip the test where there is none, or fail it where CONSENTGATE_REQUIRE is set. What they
start is stopped at the end, at the latest when the interpreter exits.
"""

from __future__ import annotations

import atexit
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import IO, NoReturn

import psycopg
import pytest
from sqlalchemy import URL, make_url

from serving import HOST, free_port

VARIABLE = "CONSENTGATE_TEST_POSTGRES"
"""The environment variable with a server's URL: its user must be allowed to create databases."""

_DEBIAN = Path("/usr/lib/postgresql")
_OWNER = "consentgate"
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_MISSING = (
    "NO POSTGRESQL FOUND: nothing is shown about ledgers on PostgreSQL without one. Get it with "
    f"`apt-get install postgresql`, put initdb and postgres on the PATH, or set {VARIABLE}."
)
_NOT_OURS = (
    f"NO POSTGRESQL OF OUR OWN: the one of {VARIABLE} is not ours to stop, so faults of the "
    "database are not shown. Get one with `apt-get install postgresql`."
)
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "log_min_messages": "warning",
}
# What a power cut would lose does not matter to a test that only needs a database.
_FAST = {"fsync": "off", "full_page_writes": "off"}


class Server:
    """A PostgreSQL, by the address of a database on it whose user may create others."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._created: list[str] = []

    def create_database(self) -> str:
        """Create an empty database; return its address."""
        name = f"consentgate_test_{secrets.token_hex(6)}"
        self._say(f"CREATE DATABASE {name} TEMPLATE template0")
        self._created.append(name)
        return _text(make_url(self.url).set(database=name))

    def drop_database(self, url: str) -> None:
        """Remove a database that was created here, whoever is connected to it."""
        name = str(make_url(url).database)
        self._created.remove(name)
        self._say(f"DROP DATABASE {name} WITH (FORCE)")

    def drop_all(self) -> None:
        """Remove all databases that were created here."""
        for name in list(self._created):
            self.drop_database(_text(make_url(self.url).set(database=name)))

    def _say(self, statement: str) -> None:
        with psycopg.connect(_libpq(self.url), autocommit=True, connect_timeout=10) as connection:
            connection.execute(statement.encode())


class Cluster(Server):
    """A PostgreSQL in a folder of its own, on a free port of 127.0.0.1 that it keeps.

    Without `durable` it does not sync: it then is faster, and outlives all but
    a power cut. It refuses to be root's: if the tests are, it is another's.
    """

    def __init__(self, binaries: Path, *, durable: bool) -> None:
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="consentgate-postgres-"))
        self._user = _unprivileged() if os.geteuid() == 0 else None
        self._settings = _SETTINGS | ({} if durable else _FAST)
        self._process: subprocess.Popen[bytes] | None = None
        self._runs = count(1)
        password = secrets.token_urlsafe(24)
        super().__init__(f"postgresql+psycopg://{_OWNER}:{password}@{HOST}:{free_port()}/postgres")
        self._initialise(password)

    def start(self) -> None:
        """Start it unless it runs, and wait until it answers.

        Raises RuntimeError with what it says where it does not.
        """
        if self._process is not None:
            return None
        log = self._folder / f"log-{next(self._runs)}"
        settings = self._settings | {"port": str(make_url(self.url).port)}
        options = [f"--{name}={value}" for name, value in settings.items()]
        with log.open("wb") as output:
            self._process = self._begin("postgres", ["-D", str(self._data), *options], output)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(psycopg.OperationalError):
                return self._say("SELECT 1")
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text('utf-8', 'replace')}")

    def stop(self, mode: str = "fast") -> None:
        """Stop it, and wait until it is gone.

        "smart" waits for those who are connected, "fast" ends what they do,
        "immediate" leaves all at once, and what is there is mended at the next start.
        """
        if self._process is not None:
            self._process.send_signal(_SIGNALS[mode])
            self._process.wait(_STOP_SECONDS)
            self._process = None

    def restart(self, mode: str = "fast") -> None:
        """Stop it and start it again."""
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """Kill all of its processes, paused or not, and wait until they are gone."""
        if self._process is not None:
            family = self._send(signal.SIGKILL)
            self._process.wait(_STOP_SECONDS)
            self._process = None
            _until(lambda: not any(map(_lives, family)))

    def pause(self) -> None:
        """Let all of its processes stand still, as on a machine that hangs."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        self._send(signal.SIGCONT)

    def close(self) -> None:
        """Kill it if it runs, and remove its folder."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _initialise(self, password: str) -> None:
        secret = self._folder / "password"
        secret.write_text(password, "utf-8")
        if self._user is not None:
            shutil.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
            shutil.chown(secret, self._user.pw_uid, self._user.pw_gid)
        options = ["-D", str(self._data), "-U", _OWNER, "--pwfile", str(secret), "--no-sync"]
        options += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        with tempfile.TemporaryFile() as output:
            status = self._begin("initdb", options, output).wait(_START_SECONDS)
            output.seek(0)
            said = output.read().decode("utf-8", "replace")
        if status != 0:
            raise RuntimeError(f"initdb ended with {status}:\n{said}")

    def _begin(self, name: str, options: list[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
        user = self._user
        return subprocess.Popen(  # noqa: S603  # Debian's programs, and our own options
            [str(self._binaries / name), *options],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            extra_groups=None if user is None else [],
        )

    def _send(self, number: signal.Signals) -> list[int]:
        """Send a signal to all of its processes, the one that starts the others first."""
        assert self._process is not None
        os.kill(self._process.pid, number)
        family = [self._process.pid, *_children(self._process.pid)]
        for pid in family[1:]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return family[1:]


@cache
def session_cluster() -> Server:
    """Return the server of this run: that of the environment, or one that is started here."""
    if told := os.environ.get(VARIABLE):
        server = Server(_text(make_url(told).set(drivername="postgresql+psycopg")))
        atexit.register(server.drop_all)
        return server
    own = Cluster(find_binaries() or _give_up(_MISSING), durable=False)
    atexit.register(own.close)
    own.start()
    return own


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Start a server that the test may break, and that syncs what it writes."""
    missing = _NOT_OURS if os.environ.get(VARIABLE) else _MISSING
    own = Cluster(find_binaries() or _give_up(missing), durable=True)
    atexit.register(own.close)
    try:
        own.start()
        yield own
    finally:
        own.close()
        atexit.unregister(own.close)


def find_binaries() -> Path | None:
    """Return the folder that has initdb and postgres: of the newest Debian has, or of the PATH."""
    folders = [*_DEBIAN.glob("*/bin")]
    folders.sort(key=lambda folder: int(folder.parent.name), reverse=True)
    if on_path := shutil.which("initdb"):
        folders.append(Path(on_path).resolve().parent)
    complete = (f for f in folders if (f / "initdb").exists() and (f / "postgres").exists())
    return next(complete, None)


def _give_up(why: str) -> NoReturn:
    # A server that was named instead is not a want of this machine's.
    if os.environ.get("CONSENTGATE_REQUIRE") and why == _MISSING:
        pytest.fail(why)
    pytest.skip(why)


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("PostgreSQL refuses to run as root, and there is no user `nobody`")


def _children(parent: int) -> list[int]:
    """Return the processes that a process started itself, as /proc says (Linux)."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in pids if _state(pid)[1:2] == [str(parent)]]


def _lives(pid: int) -> bool:
    # Of an orphan that ended, a Z is left until somebody asks how.
    return _state(pid)[:1] not in ([], ["Z"])


def _state(pid: int) -> list[str]:
    """Return what stands behind a process's name: its state, its parent, ... (proc_pid_stat(5))."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return stat.rpartition(")")[2].split()


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _STOP_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("PostgreSQL's processes do not end")
        time.sleep(0.01)


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _libpq(url: str) -> str:
    return _text(make_url(url).set(drivername="postgresql"))
