"""Which tests show which behaviour: read from the tests, written into docs/conformance.md.

`python tests/conformance.py` brings the table's last column up to date.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
TABLE = TESTS.parent / "docs" / "conformance.md"
ROW = re.compile(
    r"^\| (?P<id>[A-Z]\d+) \| (?P<statement>[^|]*) \|(?P<tests>[^|]*)\|$", re.MULTILINE
)


def shown_by() -> dict[str, list[str]]:
    """Return the tests that are marked to show a behaviour, by its id."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for function, ids in _marked(ast.parse(path.read_text("utf-8"))):
            for behaviour in ids:
                found[behaviour].append(f"{path.relative_to(TESTS).as_posix()}::{function}")
    return found


def _marked(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith(".conformance"):
                    yield node.name, [ast.literal_eval(argument) for argument in mark.args]


def rows() -> dict[str, tuple[str, list[str]]]:
    """Return the table of docs/conformance.md: statement and tests by id."""
    return {
        row["id"]: (row["statement"].strip(), re.findall(r"`([^`]+)`", row["tests"]))
        for row in ROW.finditer(TABLE.read_text("utf-8"))
    }


def refresh() -> None:
    """Write the tests that are found into the table."""
    tests = shown_by()

    def row(found: re.Match[str]) -> str:
        names = "<br>".join(f"`{test}`" for test in tests[found["id"]])
        count = f"{len(tests[found['id']])} tests"
        cell = f"<details><summary>{count}</summary>{names}</details>"
        return f"| {found['id']} | {found['statement'].strip()} | {cell} |"

    TABLE.write_text(ROW.sub(row, TABLE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    refresh()
