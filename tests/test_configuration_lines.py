"""On which line something is: found for every key, however the file is written."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentgate.configuration.lines import Lines
from consentgate.configuration.problem import KeyPath


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a = 1\n\nb = 2", ("b",), 3),
        ("\n# comment\na.b.c = 1\na.b.d = 2", ("a", "b", "d"), 4),
        ("[a]\nx = 1\n[b]\n[a.c]\ny = 1", ("a", "c", "y"), 5),
        ("[a.c]\ny = 1\n[b]\n[a]\nx = 1", ("a", "x"), 5),
        ("[[a]]\nx = 1\n[b]\n[[a]]\nx = 2", ("a", 1, "x"), 5),
        (
            "[[a]]\n[[a.b]]\n[a.b.c]\n[[a.b]]\nx = 1\n[[a]]\n[[a.b]]\nx = 2",
            ("a", 0, "b", 1, "x"),
            5,
        ),
        (
            "[[a]]\n[[a.b]]\n[a.b.c]\n[[a.b]]\nx = 1\n[[a]]\n[[a.b]]\nx = 2",
            ("a", 1, "b", 0, "x"),
            8,
        ),
        ("a = [\n  1, # 2\n  # 2, 3\n  2,\n]\nb = 1", ("a", 1), 4),
        ("a = [\n  1, # 2\n  # 2, 3\n  2,\n]\nb = 1", ("b",), 6),
        ("a = [\n[1],\n[2,\n3]]", ("a", 1, 1), 4),
        ("a = [\n{b = 1},\n{c.d = [\n1], e = [\n2]}]", ("a", 1, "e", 0), 5),
        ('a = """\n[b]\n"""\n[b]\nx = 1', ("b",), 4),
        ("a = '''\n[b]\n'''\n[b]\nx = 1", ("b", "x"), 5),
        ('["a.b"]\n"c d" = 1', ("a.b", "c d"), 2),
        ("[a] # b\r\nx = 1\r\ny = 2", ("a", "y"), 3),
        ("  [a]\n  x = 1", ("a", "x"), 2),
    ],
)
def test_lines_are_found(text: str, path: KeyPath, line: int) -> None:
    """Whatever form a key has, and in whatever order tables come, its line is found."""
    assert Lines(text).of(path) == line


def test_what_is_not_there_is_where_it_would_be() -> None:
    """A key that the file lacks has the line of what it would be in; nothing at all has none."""
    lines = Lines("a = 1\n[[cookies]]\nname = 'x'\n")
    assert lines.of(("cookies", 0, "purpose", "fr")) == 2
    assert lines.of(("gate", "max_age")) is None
    assert lines.of(()) is None


def test_what_tomlkit_cannot_read_has_no_lines() -> None:
    """A section that tomlkit refuses costs its lines, and nothing else."""
    lines = Lines("a = 1\n[b]\n]]\n")
    assert lines.of(("a",)) == 1
    assert lines.of(("b",)) is None


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Draw a document in which each number is the line that it stands on."""
    return "\n".join(_numbered([*draw(_pairs()), *_sections(draw)]))


def _numbered(lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        yield line.replace("@", str(number))


@st.composite
def _pairs(draw: st.DrawFn) -> list[str]:
    """Draw the lines of some keys."""
    form = st.sampled_from(
        [
            ["{key} = @"],
            ["{key}.x = @", "{key}.'y z' = @  # [a]"],
            ["# [b]", "", "{key} = [ # 1", "", "  @,", "  # 7,", "  [@,", "[@]], ]"],
            ["{key} = {{x = @, y.z = [", "@", "], w = @}}"],
            ['{key} = {{t = """', "[a]", 'x = 1""", u = [', "[@], @]}}"],
            ["\t{key} = [", "{{x = @}},{{x = @}},", "]"],
        ]
    )
    chosen = draw(st.lists(form, max_size=3))
    return [line.format(key=f"k{n}") for n, lines in enumerate(chosen) for line in lines]


def _sections(draw: st.DrawFn) -> list[str]:
    """Draw tables and arrays of tables, in any order that TOML allows."""
    lines: list[str] = []
    plain = draw(st.permutations(["[a]", "[a.b]", "['c.d'.e]", "[f.g.h]"]))
    # A table below an array's is told after that; the arrays come again and again.
    arrays = draw(
        st.lists(st.sampled_from(["[[r]]", "[[s.t]]", "[[r]]|[r.u]", "[[r]]|[[r.v]]|[[r.v]]"]))
    )
    for header in draw(st.permutations([*plain, *arrays])):
        for each in header.split("|"):
            lines += [draw(st.sampled_from(["", "  # [z]"])), each, *draw(_pairs())]
    return lines


def _numbers(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, int]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _numbers(inner, (*path, number))
    elif isinstance(value, int):
        yield path, value


@given(documents())
def test_every_value_of_any_document_is_found(text: str) -> None:
    """In generated documents each number stands on its own line, and that is what is found."""
    lines = Lines(text)
    for path, number in _numbers(tomllib.loads(text)):
        assert lines.of(path) == number
