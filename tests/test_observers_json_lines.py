"""Events as lines of JSON in a file: what is in a line, rotation, and files that fail."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adapters import KEY, Adapter, Visit, sets
from consentgate import ConsentGate, ConsentGateError, Event, Policy, Reason
from consentgate.observer import structured
from consentgate.observers import JsonLines
from consentgate.observers.worker import Job

SECONDS = 20.0
LOOSE: Any = JsonLines  # for callers that type wrongly


def event(name: str = "_ga", path: str = "/shop") -> Event:
    """Return an event about a cookie of this name."""
    return Event("stripped", name, "statistics", path, Reason.REFUSED)


def lines(path: Path) -> list[dict[str, Any]]:
    """Return what stands in a file, a JSON object on each of its lines."""
    text = path.read_bytes().decode("ascii")
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


# What is in a line


def test_a_line_tells_of_an_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the time in UTC with milliseconds, and the fields of the event."""
    monkeypatch.setattr(time, "time", lambda: 1795000000.5)
    with JsonLines(tmp_path / "events.jsonl") as observer:
        observer(event())
        observer(Event("withheld", "spy", None, "/", Reason.UNDECLARED, enforced=False))
        observer(Event("granted", "cookies_preferences", None, "/cookies", None))
    assert (tmp_path / "events.jsonl").read_text() == (
        '{"time":"2026-11-18T11:06:40.500Z","action":"stripped","name":"_ga",'
        '"category":"statistics","path":"/shop","reason":"refused","enforced":true}\n'
        '{"time":"2026-11-18T11:06:40.500Z","action":"withheld","name":"spy",'
        '"category":null,"path":"/","reason":"undeclared","enforced":false}\n'
        '{"time":"2026-11-18T11:06:40.500Z","action":"granted","name":"cookies_preferences",'
        '"category":null,"path":"/cookies","reason":null,"enforced":true}\n'
    )


def test_the_time_is_when_it_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that waits to be written has the time of its event, not of the writing."""
    observer = JsonLines(tmp_path / "events.jsonl")
    release = threading.Event()
    observer._relay._worker().take(Job(lambda: release.wait(SECONDS), None))
    monkeypatch.setattr(time, "time", lambda: 1.0)
    observer(event())
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    release.set()
    observer.close()
    assert [line["time"] for line in lines(tmp_path / "events.jsonl")] == [
        "1970-01-01T00:00:01.000Z"
    ]


def test_paths_can_be_left_out(tmp_path: Path) -> None:
    """With paths=False no line says where it was: a path can tell who the visitor is."""
    with JsonLines(tmp_path / "events.jsonl", paths=False) as observer:
        observer(event(path="/users/alice"))
    assert "path" not in lines(tmp_path / "events.jsonl")[0]
    assert b"alice" not in (tmp_path / "events.jsonl").read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([("\ud800\n\u2028", "/\udfff")])
@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=[])), st.text()), max_size=5))
def test_any_text_gives_valid_lines(tmp_path: Path, texts: list[tuple[str, str]]) -> None:
    """Control characters, line ends of any alphabet and lone surrogates: one line of JSON each."""
    file = tmp_path / "events.jsonl"
    file.unlink(missing_ok=True)
    with JsonLines(file) as observer:
        for name, path in texts:
            observer(event(name, path))
    found = lines(file)
    assert len(found) == len(texts)
    for line, (name, _) in zip(found, texts, strict=True):
        line["name"].encode("utf-8")  # what strict readers ask
        if len(name) <= 80 and not re.search("[\ud800-\udfff]", name):
            assert line["name"] == name


def test_a_hostile_cookie_is_one_line(tmp_path: Path, adapter: Adapter) -> None:
    """What an app or a visitor sends through a gate makes no second line, and no long one."""
    file = tmp_path / "events.jsonl"
    with JsonLines(file) as observer:
        gate = ConsentGate(Policy([]), secret_key=KEY, observer=observer)
        hostile = sets(b'"}\x85\xe9{"=1', b"n" * 5000 + b"=1", b"\x0bx=1", b"=1")
        adapter(gate, hostile, Visit(strict=False))
    found = lines(file)
    assert found[0]["name"] == '"}\x85\xe9{"'
    assert found[1]["name"] == "n" * 80
    assert len(found) == 4
    assert max(map(len, file.read_bytes().splitlines())) < 1000


def test_a_path_is_cut() -> None:
    """However long the path of a request, a line has 500 characters of it."""
    fields = structured(event(path="/" + "a" * 100_000))
    assert fields["path"] == "/" + "a" * 499


# Files


def test_a_full_file_is_rotated(tmp_path: Path) -> None:
    """At `max_bytes` a new file begins; of the old ones `backups` are kept, the newest as `.1`."""
    file = tmp_path / "events.jsonl"
    with JsonLines(file, max_bytes=1000, backups=2) as observer:
        for number in range(100):
            observer(event(f"c{number}"))
    kept = sorted(each.name for each in tmp_path.iterdir())
    assert kept == ["events.jsonl", "events.jsonl.1", "events.jsonl.2"]
    assert all(each.stat().st_size <= 1000 for each in tmp_path.iterdir())
    names = [
        line["name"]
        for part in ("events.jsonl.2", "events.jsonl.1", "events.jsonl")
        for line in lines(tmp_path / part)
    ]
    assert names == [f"c{number}" for number in range(100 - len(names), 100)]
    assert len(names) > 10


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    """A new process goes on where the last one ended."""
    for name in ("a", "b"):
        with JsonLines(tmp_path / "events.jsonl") as observer:
            observer(event(name))
    assert [line["name"] for line in lines(tmp_path / "events.jsonl")] == ["a", "b"]


@pytest.mark.parametrize("moved", [True, False])
def test_a_file_that_vanishes_begins_anew(tmp_path: Path, moved: bool) -> None:
    """Moved by logrotate or deleted, the next line is in a new file of the same name."""
    file = tmp_path / "events.jsonl"
    with JsonLines(file) as observer:
        observer(event("a"))
        observer.flush()
        if moved:
            file.rename(tmp_path / "moved.jsonl")
            file.touch()  # as another process may already have begun it
        else:
            file.unlink()
        observer(event("b"))
    assert [line["name"] for line in lines(file)] == ["b"]


def test_the_process_is_part_of_the_path(tmp_path: Path) -> None:
    """`{pid}` is the number of the process that writes."""
    with JsonLines(tmp_path / "events-{pid}.jsonl") as observer:
        observer(event())
        assert repr(observer).endswith("events-{pid}.jsonl')")
    assert len(lines(tmp_path / f"events-{os.getpid()}.jsonl")) == 1


def test_a_relative_path_stays_where_it_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that changes its folder later writes into the same file."""
    monkeypatch.chdir(tmp_path)
    observer = JsonLines("events.jsonl")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    observer(event())
    observer.close()
    assert len(lines(tmp_path / "events.jsonl")) == 1


FORK = """
import os, sys
from consentgate import Event
from consentgate.observers import JsonLines

def told(name):
    observer(Event("stripped", name, None, "/", None))

observer = JsonLines(sys.argv[1])
told("before")
observer.flush()
child = os.fork()
if not child:
    told(f"child {os.getpid()}")
    observer.close()
    os._exit(0)
told(f"parent {os.getpid()}")
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
@pytest.mark.parametrize("name", ["events.jsonl", "events-{pid}.jsonl"])
def test_a_fork_writes_on_both_sides(tmp_path: Path, name: str) -> None:
    """As with gunicorn --preload: parent and child write, in two files if the path says so.

    The parent says no close: its end writes what is waiting.
    """
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK]
    subprocess.run([*command, str(tmp_path / name)], check=True, timeout=60)  # noqa: S603  # our own script
    written = {file: [line["name"] for line in lines(file)] for file in tmp_path.iterdir()}
    everything = sorted(name.split()[0] for names in written.values() for name in names)
    assert everything == ["before", "child", "parent"]
    assert len(written) == (2 if "{pid}" in name else 1)
    for file, names in written.items():
        for who, _, process in (name.partition(" ") for name in names):
            assert who == "before" or "{pid}" not in name or process in file.name


def test_another_process_opens_the_file_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the number of the process is another, as after a fork, so is the file."""
    observer = JsonLines(tmp_path / "{pid}.jsonl")
    observer(event("a"))
    assert observer.flush()
    process = os.getpid()
    with monkeypatch.context() as patched:
        patched.setattr(os, "getpid", lambda: process + 1)
        assert observer.lost == 0
        observer(event("b"))
        observer.close()
    assert [line["name"] for line in lines(tmp_path / f"{process + 1}.jsonl")] == ["b"]
    assert [line["name"] for line in lines(tmp_path / f"{process}.jsonl")] == ["a"]


# What goes wrong


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda folder: JsonLines(folder / "none" / "x"), "No such file or directory"),
        (lambda folder: JsonLines(folder), "Is a directory"),
        (lambda folder: JsonLines(folder / "a\0b"), "null byte"),
        (lambda folder: LOOSE(7), "JsonLines(7): use the path of a file"),
        (lambda folder: LOOSE(b"events"), "use the path of a file"),
        (lambda folder: JsonLines(folder / "x", max_bytes=0), "JsonLines(max_bytes=0): use a"),
        (lambda folder: JsonLines(folder / "x", backups=True), "JsonLines(backups=True): use a"),
        (lambda folder: LOOSE(folder / "x", paths="no"), "JsonLines(paths='no'): use True"),
    ],
)
def test_what_cannot_be_written_is_said_at_once(
    tmp_path: Path, build: Callable[[Path], JsonLines], says: str
) -> None:
    """A path, a size or a flag that cannot work is an error at construction, with its reason."""
    with pytest.raises(ConsentGateError, match=re.escape(says)):
        build(tmp_path)


FULL = Path("/dev/full")


@pytest.mark.skipif(
    not FULL.exists() or not stat.S_ISCHR(FULL.stat().st_mode), reason="no device that is full"
)
def test_a_full_disk_hurts_no_response(adapter: Adapter, caplog: pytest.LogCaptureFixture) -> None:
    """Lines that find no room are counted, the log says so once, and responses go on."""
    observer = JsonLines(FULL)
    gate = ConsentGate(Policy.allow("session"), secret_key=KEY, observer=observer)
    for _ in range(5):
        assert adapter(gate, sets("session=1", "_ga=1")).names == [b"session"]
    assert observer.flush()
    assert observer.lost == 5
    observer.close()
    assert caplog.text.count("'/dev/full' cannot be written: events are lost") == 1
    assert "failed" not in caplog.text


def test_a_disk_with_room_again_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a rotation that failed, the file goes on as soon as it can."""
    file = tmp_path / "events.jsonl"
    observer = JsonLines(file, max_bytes=300, backups=1)
    observer(event("a"))
    observer(event("b"))
    assert observer.flush()

    def refuse(source: object, target: object) -> None:
        raise PermissionError(13, "not here")

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", refuse)
        observer(event("c"))
        assert observer.flush()
    assert observer.lost == 1
    observer(event("d"))
    observer.close()
    assert [line["name"] for line in lines(tmp_path / "events.jsonl.1")] == ["a", "b"]
    assert [line["name"] for line in lines(file)] == ["d"]


def test_a_stream_that_somebody_closed_is_opened_again(tmp_path: Path) -> None:
    """A rotation that ended half way leaves a closed stream: the next line opens the file."""
    observer = JsonLines(tmp_path / "events.jsonl")
    observer(event("a"))
    assert observer.flush()
    writer = observer._writer._file
    assert writer is not None
    assert writer.stream is not None
    writer.stream.close()
    observer(event("b"))
    observer.close()
    assert [line["name"] for line in lines(tmp_path / "events.jsonl")] == ["a", "b"]


def test_what_finds_no_room_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where the disk holds up the thread, 10,000 lines wait and the rest is dropped."""
    observer = JsonLines(tmp_path / "events.jsonl")
    release = threading.Event()
    observer._relay._worker().take(Job(lambda: release.wait(SECONDS), None))
    while observer._relay._worker().waiting:
        time.sleep(0.001)
    for _ in range(12_000):
        observer(event())
    assert observer.dropped == 2_000
    assert caplog.text.count("does not hear of every event") == 1
    release.set()
    observer.close()
    assert len(lines(tmp_path / "events.jsonl")) == 10_000
    observer(event())  # after the end: nothing
    assert observer.flush()


def test_it_is_collected_with_its_file_closed(tmp_path: Path) -> None:
    """Left alone it writes what it has, and leaves no thread and no open file."""
    before = set(threading.enumerate())
    observer = JsonLines(tmp_path / "events.jsonl")
    observer(event())
    (thread,) = set(threading.enumerate()) - before
    file = observer._writer._file
    del observer
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert file is None or file.stream is None
    assert len(lines(tmp_path / "events.jsonl")) == 1


def test_nothing_of_it_reaches_the_site_s_own_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is written by logging's handler, and no logger hears of it."""
    caplog.set_level(logging.DEBUG)
    with JsonLines(tmp_path / "events.jsonl") as observer:
        observer(event())
    assert not caplog.records
