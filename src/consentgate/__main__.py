"""The command line, as `consentgate` or `python -m consentgate`."""

from __future__ import annotations

import sys
from importlib.util import find_spec


def main() -> None:
    """Run the command line. Without its extra, say how to get it, and end with exit code 2."""
    if find_spec("typer") is None:
        sys.exit(_missing())
    for stream in (sys.stdout, sys.stderr):
        # A console that has no é or no dash shows its code; it is no reason to fall over.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a real stream
    from consentgate.cli.app import app

    app(prog_name="consentgate")


def _missing() -> int:
    print('The command line needs its extra: pip install "consentgate[cli]"', file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
