"""The table of behaviours tells the truth about the tests."""

from __future__ import annotations

import conformance


def test_the_table_and_the_tests_agree() -> None:
    """Each behaviour names exactly the tests that are marked with it, and has at least one."""
    table = {behaviour: tests for behaviour, (_, tests) in conformance.rows().items()}
    assert table == dict(conformance.shown_by()), "run: python tests/conformance.py"
    assert all(table.values())


def test_every_behaviour_is_in_the_table() -> None:
    """No behaviour is left out."""
    expected = {
        *(f"K{number}" for number in range(1, 20)),
        *(f"S{number}" for number in range(1, 14)),
        *(f"R{number}" for number in range(1, 6)),
        *(f"W{number}" for number in range(1, 8)),
        *(f"A{number}" for number in range(1, 7)),
        "C1",
        *(f"P{number}" for number in range(1, 11)),
        *(f"T{number}" for number in range(1, 9)),
        *(f"L{number}" for number in range(1, 17)),
    }
    assert set(conformance.rows()) == expected
    assert all(len(statement) > 20 for statement, _ in conformance.rows().values())
