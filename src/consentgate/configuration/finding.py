"""Where the policy file is."""

from __future__ import annotations

import tomllib
from pathlib import Path

NAME = "consentgate.toml"
"""The name of a file that is all policy."""

PROJECT = "pyproject.toml"
"""The name of a file in which the policy is the table `[tool.consentgate]`."""


def find(folder: Path | None = None) -> Path | None:
    """Return the policy file of a folder (by default the current one), None if there is none.

    That is its consentgate.toml, or its pyproject.toml if it has a table
    `[tool.consentgate]`.
    """
    folder = Path() if folder is None else folder
    own, project = folder / NAME, folder / PROJECT
    if own.is_file():
        return own
    return project if project.is_file() and _has_table(project) else None


def _has_table(project: Path) -> bool:
    text = project.read_text(encoding="utf-8", errors="replace")
    try:
        tool = tomllib.loads(text).get("tool")
    except (ValueError, RecursionError):
        # A file that cannot be read is read all the same: so its mistake is told.
        return "tool.consentgate" in text
    return isinstance(tool, dict) and "consentgate" in tool
