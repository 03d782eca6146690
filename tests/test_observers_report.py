"""Files of events, read back and summed up, whatever stands in them."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import KEY, Adapter, sets
from consentgate import ConsentGate, ConsentGateError, Policy
from consentgate.observers import JsonLines
from consentgate.observers.report import KINDS, Report, read

DAY = "2026-11-25T09:30:00.000Z"


def line(**fields: object) -> bytes:
    """Return a line about a cookie, with other fields where they are given."""
    usual = {
        "time": DAY,
        "action": "stripped",
        "name": "_ga",
        "category": "statistics",
        "path": "/",
        "reason": "refused",
        "enforced": True,
    }
    return json.dumps(usual | fields).encode() + b"\n"


def written(path: Path, *found: bytes) -> Path:
    """Write lines into a file, and return it."""
    path.write_bytes(b"".join(found))
    return path


def test_what_json_lines_wrote_is_summed_up(tmp_path: Path, adapter: Adapter) -> None:
    """Events of a gate under report_only come back as rows, by kind, the most frequent first."""
    file = tmp_path / "events.jsonl"
    with JsonLines(file) as observer:
        gate = ConsentGate(
            Policy.allow("session"), secret_key=KEY, observer=observer, report_only=True
        )
        for number in range(3):
            adapter(gate, sets("session=1", "_ga=1", *["spy=1"] * (number == 1)))
    report = read([file])
    assert [(row.action, row.name, row.category, row.count) for row in report.rows] == [
        ("stripped", "_ga", None, 3),
        ("stripped", "spy", None, 1),
    ]
    first = report.rows[0]
    assert (first.reason, first.enforced, first.path) == ("undeclared", False, "/")
    assert report.first == first.first <= first.last
    assert report.last is not None
    assert abs((datetime.now(UTC) - report.last).total_seconds()) < 60
    assert report.undeclared == ["_ga", "spy"]
    assert (report.events, report.others, report.broken, report.foreign) == (4, 0, 0, 0)


def test_kinds_are_told_apart(tmp_path: Path) -> None:
    """Action, name, category, reason and `enforced` make a kind; the time and the path do not."""
    other: list[dict[str, Any]] = [
        {"action": "withheld"},
        {"name": "_gid"},
        {"category": "marketing"},
        {"reason": "no choice yet"},
        {"enforced": False},
    ]
    same = [{"time": "2026-11-24T00:00:00+01:00", "path": "/a"}, {"time": "2026-11-26T00:00:00Z"}]
    file = written(
        tmp_path / "x", line(), *(line(**each) for each in other), *(line(**each) for each in same)
    )
    report = read(file)
    assert [row.count for row in report.rows] == [3, 1, 1, 1, 1, 1]
    row = report.rows[0]
    assert (row.first, row.last) == (
        datetime(2026, 11, 23, 23, tzinfo=UTC),
        datetime(2026, 11, 26, tzinfo=UTC),
    )
    assert (report.first, report.last) == (row.first, row.last)
    assert row.path == "/"


def test_what_browsers_tell_is_summed_up(tmp_path: Path) -> None:
    """Hosts and cookies of scripts are rows of their own; a host is no cookie to be declared."""
    told = [("blocked", "ads.test"), ("guarded", "spy"), ("stripped", "x")]
    lines = [line(action=a, name=n, category=None, reason="undeclared") for a, n in told]
    report = read(written(tmp_path / "x", *lines))
    assert [(row.action, row.name) for row in report.rows] == told
    assert report.undeclared == ["spy", "x"]


def test_choices_are_counted(tmp_path: Path) -> None:
    """They are no rows; all four outcomes are there, with 0 too."""
    found = [line(action=action) for action in ("granted", "granted", "withdrawn")]
    report = read([written(tmp_path / "x", *found)])
    assert report.choices == {"granted": 2, "refused": 0, "partial": 0, "withdrawn": 1}
    assert (report.rows, report.events) == ([], 3)


def test_an_example_path_is_kept_once_there_is_one(tmp_path: Path) -> None:
    """Lines without paths are events like others; the first path that is told is the example."""
    without = line().replace(b'"path": "/", ', b"")
    report = read([written(tmp_path / "x", without, line(path="/b"), line(path="/c"))])
    assert [(row.path, row.count) for row in report.rows] == [("/b", 3)]


# Files


def test_rotated_files_are_read_with_theirs(tmp_path: Path) -> None:
    """`.1`, `.2`, ..., `.10` belong to a file; others that begin alike do not."""
    for name in ("x.jsonl", "x.jsonl.1", "x.jsonl.10"):
        written(tmp_path / name, line(name=name))
    for name in ("x.jsonl.old", "x.jsonl.", "y.jsonl.1", "xx.jsonl"):
        written(tmp_path / name, line(name="not this one"))
    report = read(tmp_path / "x.jsonl")
    assert {row.name for row in report.rows} == {"x.jsonl", "x.jsonl.1", "x.jsonl.10"}


@pytest.mark.parametrize("pattern", ["*.jsonl", "events-{pid}.jsonl", "*.jsonl*"])
def test_a_pattern_means_every_file_that_matches(tmp_path: Path, pattern: str) -> None:
    """`*` and `{pid}` find the files of several processes, each file read once."""
    for name in ("events-1.jsonl", "events-1.jsonl.1", "events-22.jsonl"):
        written(tmp_path / name, line())
    assert read([tmp_path / pattern, str(tmp_path / "events-1.jsonl")]).events == 3


def test_a_name_that_looks_like_a_pattern_is_a_name(tmp_path: Path) -> None:
    """A file that is there is read, whatever characters are in its name."""
    assert read(written(tmp_path / "x[1]{pid}.jsonl", line())).events == 1


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (lambda folder: folder / "none.jsonl", "none.jsonl: there is no such file of events"),
        (lambda folder: [folder / "*.none"], "*.none: there is no such file of events"),
        (lambda folder: folder, "cannot be read (Is a directory)"),
    ],
)
def test_a_file_that_is_not_there_is_an_error(
    tmp_path: Path, found: Callable[[Path], Any], says: str
) -> None:
    """It says which file, and what would write it."""
    with pytest.raises(ConsentGateError, match=re.escape(says)):
        read(found(tmp_path))


# What else may stand in them


@pytest.mark.parametrize(
    "broken",
    [
        line()[:40] + b"\n",
        b"GET / HTTP/1.1\n",
        b"\xff\xfe\n",
        b"[" * 50_000 + b"\n",
        b'{"time": "' + b"x" * 200_000 + b'"}\n',
        b"1" * 5000 + b"\n",
        line()[:-2],
    ],
)
def test_a_broken_line_is_counted(tmp_path: Path, broken: bytes) -> None:
    """What is no JSON, or too long, costs itself alone: the lines around it count."""
    file = written(tmp_path / "x", line(), broken.rstrip(b"\n") + b"\n", b"\n", b"  \r\n", line())
    report = read([file])
    assert (report.events, report.broken, report.foreign) == (2, 1, 0)
    assert read(written(file, line(), line()[:30])).broken == 1


@pytest.mark.parametrize(
    "foreign",
    [
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        line(time=None),
        line(time="yesterday"),
        line(time="2026-11-25T09:30:00"),
        line(time=1795000000),
        line(action="eaten"),
        line(action=["stripped"]),
        line(name=None),
        line(name=7),
        line(path=7),
        line(category=7),
        line(category="a\nb"),
        line(category="x" * 501),
        line(reason=["refused"]),
        line(enforced="yes"),
        line(enforced=1),
    ],
)
def test_a_foreign_line_is_counted(foreign: bytes) -> None:
    """JSON that is no event of ours is counted, and nothing of it is kept."""
    report = Report()
    report.add(foreign)
    assert (report.events, report.broken, report.foreign, report.rows) == (0, 0, 1, [])
    assert report.first is report.last is None


def test_names_are_cut_and_can_be_shown(tmp_path: Path) -> None:
    """Whoever wrote the file: a name has 80 characters at most, and every terminal takes it."""
    report = read(written(tmp_path / "x", line(name="\udc80" + "n" * 500, path="/" + "p" * 900)))
    (row,) = report.rows
    assert row.name == "\\udc80" + "n" * 79
    assert row.path == "/" + "p" * 499


@given(st.binary(max_size=300))
def test_any_bytes_are_taken(data: bytes) -> None:
    """No line whatever is an error."""
    report = Report()
    report.add(data)
    assert report.events + report.broken + report.foreign == 1


def test_memory_is_bounded() -> None:
    """Of each action 5,000 kinds are told apart; what visitors send leaves room for the app's."""
    report = Report()
    for number in range(KINDS + 200):
        report.add(line(action="withheld", name=f"junk{number}"))
    tracemalloc.start()
    for number in range(KINDS, 3 * KINDS):
        report.add(line(action="withheld", name=f"junk{number}"))
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert grown < 100_000
    report.add(line(action="withheld", name="junk0"))
    report.add(line(name="_ga", reason="undeclared"))
    assert len(report.rows) == KINDS + 1
    assert report.rows[0].name == "junk0"
    assert report.others == 200 + 2 * KINDS
    assert report.undeclared == ["_ga"]
