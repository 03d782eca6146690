"""`consentgate ledger verify`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consentgate.cli.console import (
    Json,
    PolicyFile,
    aligned,
    fail,
    print_json,
    remark,
    say,
    say_no,
)
from consentgate.cli.ledger.opened import LedgerUrl, opened
from consentgate.cli.words import counted
from consentgate.configuration.secrets import LEDGER_VARIABLE as KEY_VARIABLE

if TYPE_CHECKING:
    from consentgate.ledger.verification import Verification

_MAC = "[A-Za-z0-9_-]{43}"
_ANCHOR = re.compile(rf"(\d{{1,9}}):({_MAC})")
# As `consentgate ledger seal` prints it, and as it stands in a line of a log.
_LINE = re.compile(rf"\bseal (\d{{1,9}}) ({_MAC})(?![A-Za-z0-9_-])")
_SHOWN = 100


def verify(
    anchor: Annotated[
        list[str] | None,
        typer.Option(metavar="N:MAC", help="A seal that must be there; repeatable."),
    ] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A file with seals that must be there: lines of `ledger seal`, or a log.",
        ),
    ] = None,
    as_json: Json = False,
    ledger: LedgerUrl = None,
    policy: PolicyFile = None,
) -> None:
    """Check that the ledger is as it was written, and that nothing is missing.

    It finds records, texts, seals and notes of erased records that were changed, removed, put there
    or put elsewhere, and says of each on which day that was, in UTC, and in which row. It reads all
    of one moment: apps may go on writing.

    What cannot be seen from inside is an older copy: of the whole database, or of rows that fit
    together, as the newest seals, what no seal has yet, or a record that was erased since. So keep
    the line that `consentgate ledger seal` prints, and the app logs once a day, in another place,
    and name it here: a seal that was made must still be there, and with it all that it covers.

    It needs all keys that the ledger ever had, in CONSENTGATE_LEDGER_KEY with commas between them,
    the oldest first.

    Exit codes: 0 all is as it was written; 1 it is not; 2 it could not be checked.

    Examples:
      consentgate ledger verify
      consentgate ledger verify --anchors anchors --json
      consentgate ledger verify --anchor 31:5fJk0Vb0qXwAr0mF1yq8dXw2mJk7s9aQzC3tLe6uNhI
    """
    from consentgate.ledger.verification import verify as verify_all

    noted = [_anchor(text) for text in anchor or ()]
    if anchors is not None:
        noted += _anchors_in(anchors)
    with opened(ledger, policy, needs_key=True) as store:
        checked = verify_all(store, anchors=noted, most=_SHOWN)
    if as_json:
        print_json(_as_json(checked, len(noted)))
    else:
        _tell(checked, len(noted))
    if not checked.is_clean:
        say_no()


def _anchor(text: str) -> tuple[int, str]:
    match = _ANCHOR.fullmatch(text)
    if match is None:
        fail(f"--anchor {text}: write the number of a seal, a colon, and its 43 characters")
    return int(match[1]), match[2]


def _anchors_in(path: Path) -> list[tuple[int, str]]:
    text = path.read_text(encoding="utf-8", errors="replace")
    found = [*_LINE.findall(text), *(m.groups() for m in map(_ANCHOR.fullmatch, text.split()) if m)]
    if not found:
        fail(f"{path}: no line of it has a seal, as in: seal 31 5fJk0Vb0...")
    return [(int(number), mac) for number, mac in found]


def _tell(checked: Verification, anchors: int) -> None:
    for finding in checked:
        say((finding.kind.ljust(11), "bold red"), finding.day.ljust(24), finding.text)
    if checked.found > len(checked.findings):
        say(f"and {checked.found - len(checked.findings)} more")
    if any(finding.kind == "key" for finding in checked):
        remark(f"set {KEY_VARIABLE} to all keys that the ledger had, the oldest first")
    if checked.is_clean:
        say(("clean", "bold green"), ": all is as the ledger wrote it, and nothing is missing")
    aligned(_rows(checked, anchors))
    if checked.is_unsealed_long:
        remark(
            f"note: what was written since {checked.unsealed_since} is in no seal. Either none was "
            "made since, or seals were removed: compare the newest with your log, or with --anchors"
        )


def _rows(checked: Verification, anchors: int) -> Iterator[tuple[str, str]]:
    yield "  records", f"{checked.records} of {counted(checked.writers, 'writer')}"
    sealed = f"{checked.first_sealed} to {checked.last_sealed}" if checked.seals else ""
    yield "  seals", f"{checked.seals}{sealed and ', '}{sealed}"
    unsealed = f", since {checked.unsealed_since}" if checked.unsealed_since else ""
    yield "  unsealed", f"{checked.unsealed}{unsealed}"
    yield "  texts", str(checked.documents)
    yield "  erased", str(checked.erased)
    yield "  pruned", f"{checked.pruned} of {counted(checked.pruned_seals, 'seal')}"
    yield "  anchors", str(anchors)


def _as_json(checked: Verification, anchors: int) -> dict[str, Any]:
    return {
        "clean": checked.is_clean,
        "found": checked.found,
        "findings": [finding.as_json() for finding in checked],
        "checked": checked.counts() | {"anchors": anchors},
        "unsealed_long": checked.is_unsealed_long,
    }
