"""A dict that computes what it does not hold, and stays small."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import KEY, Adapter, sets
from consentgate import ConsentGate, Policy
from consentgate.memory import Memory


def test_it_computes_once() -> None:
    """What was asked before is not computed again."""
    asked: list[bytes] = []

    def compute(key: bytes) -> int:
        asked.append(key)
        return len(key)

    memory = Memory(compute, limit=10, longest=10)
    assert [memory[b"abc"], memory[b"abc"], memory[b""]] == [3, 3, 0]
    assert asked == [b"abc", b""]


@given(st.lists(st.binary(max_size=6)))
def test_it_never_outgrows_its_bounds(keys: list[bytes]) -> None:
    """Whatever keys arrive, it answers right, holds few, and no long ones."""
    memory: Memory[bytes, int] = Memory(len, limit=3, longest=4)
    for key in keys:
        assert memory[key] == len(key)
        assert len(memory) <= 3
        assert all(len(held) <= 4 for held in memory)


@pytest.mark.conformance("S6")
def test_a_gate_does_not_grow_with_the_names_and_tokens_it_sees() -> None:
    """Thousands of names and tokens later, a gate holds no more than before."""
    gate = ConsentGate(Policy.allow("pre-*"), secret_key=KEY)

    def visit_many(start: int) -> None:
        for first in range(start, start + 5000, 50):
            numbers = range(first, first + 50)
            Adapter("wsgi")(gate, sets(*(f"pre-{n}=1" for n in numbers), f"x{first}=1"))
            for number in numbers:
                gate.standing([b"cookies_preferences=%d" % number])

    visit_many(0)
    tracemalloc.start()
    visit_many(5000)
    before = tracemalloc.get_traced_memory()[0]
    visit_many(10000)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 2_000_000
