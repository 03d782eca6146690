"""The same Set-Cookie lines go to Chromium raw and through the gate; the jars are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import pytest

from laboratory import CAPACITY, RAW, Laboratory, allowed, is_allowed, is_clean, is_same
from set_cookie_lines import LINES, ODDITIES, generated, generated_deletions, lines

pytestmark = pytest.mark.browser

GATED = ("wsgi", "asgi")

T = TypeVar("T")


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut the items so that a batch fits into the jar."""
    return (items[start : start + CAPACITY] for start in range(0, len(items), CAPACITY))


def breaks_line(line: bytes) -> bool:
    """Tell whether this cannot be sent as one header: the gate refuses all of it."""
    return any(end in line for end in (b"\r", b"\n", b"\0"))


@pytest.mark.conformance("K1", "S1", "S2", "S3", "S4", "S5", "S6", "S8", "S9", "S11")
def test_chromium_stores_what_is_allowed_and_nothing_else(laboratory: Laboratory) -> None:
    """Whatever an app sends, no other name is stored, and no allowed cookie is lost or changed."""
    every_line = [*ODDITIES, *generated(lines(), LINES)]
    wrong: list[tuple[object, ...]] = []
    seen_allowed = seen_others = 0
    for batch in batches(every_line):
        laboratory.send_lines(batch, RAW)
        raw = laboratory.emptied_jars()
        for way in GATED:
            arrived = laboratory.send_lines(batch, way)
            gated = laboratory.emptied_jars()
            for line, before, after, answered in zip(batch, raw, gated, arrived, strict=True):
                if not answered or not is_clean(after):
                    wrong.append(("leaked", way, line, after))
                elif not breaks_line(line) and not is_same(allowed(before), after):
                    wrong.append(("lost", way, line, before, after))
        seen_allowed += sum(allowed(jar) != [] for jar in raw)
        seen_others += sum(not is_clean(jar) for jar in raw)
    assert not wrong
    assert min(seen_allowed, seen_others) > len(every_line) / 6  # Else there was nothing to see.


@pytest.mark.conformance("K11", "S8")
@pytest.mark.parametrize("way", GATED)
def test_what_passes_as_a_deletion_deletes_in_chromium(laboratory: Laboratory, way: str) -> None:
    """A cookie that may not be stored is gone after a deletion that passes, else untouched."""
    wrong: list[tuple[object, ...]] = []
    seen_passed = seen_stripped = 0
    forbidden = [each for each in generated_deletions() if not is_allowed(each.name)]
    for batch in batches(forbidden):
        laboratory.send_lines([deletion.setting for deletion in batch], RAW)
        before = laboratory.jars()
        laboratory.send_lines([deletion.line for deletion in batch], way)
        after = laboratory.emptied_jars()
        for number, (was, now) in enumerate(zip(before, after, strict=True)):
            passed = laboratory.left[number] != []
            if now != [] if passed else not is_same(was, now):
                wrong.append((batch[number], passed, was, now))
            seen_passed += passed and was != []
            seen_stripped += not passed and was != []
    assert not wrong
    assert min(seen_passed, seen_stripped) > LINES / 20  # Else there was nothing to see.


@pytest.mark.conformance("K11", "S8", "S11")
def test_a_deletion_of_an_allowed_cookie_works_as_without_the_gate(laboratory: Laboratory) -> None:
    """What a line does to a cookie that is allowed, it does behind the gate too."""
    ours = [each for each in generated_deletions() if is_allowed(each.name)][:CAPACITY]
    jars = []
    for way in (RAW, *GATED):
        laboratory.send_lines([deletion.setting for deletion in ours], RAW)
        laboratory.send_lines([deletion.line for deletion in ours], way)
        jars.append(laboratory.emptied_jars())
    for line, raw, *gated in zip(ours, *jars, strict=True):
        assert all(is_same(raw, jar) for jar in gated), line
    assert sum(jar == [] for jar in jars[0]) > len(ours) / 4  # Else there was nothing to see.
