"""The command line as tests call it: in this process, or as a program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from typer.testing import CliRunner

from consentgate.cli.app import app

PORTAL = Path(__file__).parent.parent / "examples" / "portal.toml"
KEY = "an-old-key-of-thirty-two-letters"
NEW_KEY = "a-newer-key-of-thirty-two-letter"


class Said(NamedTuple):
    """What a command answered: its exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer as plain values."""
        return json.loads(self.out)

    @property
    def words(self) -> str:
        """All that was said, in one line."""
        return " ".join((self.out + self.err).split())


def command(*args: str | Path, given: str | None = None, **environment: str) -> Said:
    """Run a command in this process. Whatever it raises, a mistake of ours, is raised."""
    result = CliRunner().invoke(
        app, [str(arg) for arg in args], input=given, env=environment, catch_exceptions=False
    )
    return Said(result.exit_code, result.stdout, result.stderr)


def in_terminal(*args: str | Path, width: int = 60) -> Said:
    """Run a command in this process, as if it spoke to a terminal of this width."""
    return command(*args, FORCE_COLOR="1", COLUMNS=str(width), TERM="xterm-256color")


def program(*args: str | Path, cwd: Path, given: str = "", **environment: str) -> Said:
    """Run `python -m consentgate` as a program of its own, its streams piped."""
    done = subprocess.run(  # noqa: S603  # what the test gives
        [sys.executable, "-m", "consentgate", *map(str, args)],
        cwd=cwd,
        input=given,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, **environment},
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)
