"""`consentgate ledger show`: what a visitor decided, and what it was about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consentgate.cli.console import Json, PolicyFile, paragraph, print_json, remark, say, say_no
from consentgate.cli.ledger.opened import LedgerUrl, opened

if TYPE_CHECKING:
    from consentgate.ledger.reading import Record
    from consentgate.ledger.texts import Text

_SOURCES = {
    "banner": "on the banner",
    "page": "on the preferences page",
    "api": "by a script of the site",
    "app": "by the app",
    "gpc": "by the browser's signal (Global Privacy Control)",
    "adapter": "on the banner of another tool",
    "gate": "found by the gate",
}
_GENUINE = {
    True: ("as it was written", "green"),
    False: ("CHANGED SINCE IT WAS WRITTEN", "bold red"),
    None: ("not checked, for want of the key", "yellow"),
}


def show(
    number: Annotated[
        str,
        typer.Argument(metavar="ID", help="The number of the choice, as the preferences show it."),
    ],
    ledger: LedgerUrl = None,
    policy: PolicyFile = None,
    as_json: Json = False,
) -> None:
    """Print what was decided under a number, and the very text and cookies it was about.

    The number is what visitors see, and can copy, on the page where they decide. A token does as
    well, or a whole cookie. With the ledger's key it is said of each record whether it is as it was
    written.

    Exit codes: 0 there is a record, and none was changed; 1 there is none, or one was changed;
    2 it cannot be told.

    Examples:
      consentgate ledger show 8sUXk0mC2b8xWc5r0o3J1A
      consentgate ledger show 8sUXk0mC2b8xWc5r0o3J1A --json
    """
    from consentgate.ledger.export import as_json as record_as_json
    from consentgate.ledger.history import history

    with opened(ledger, policy) as store:
        found = history(store, number)
    if as_json:
        records = [record_as_json(record) for record in found.records]
        print_json({"records": records, "texts": [text.as_json() for text in found.texts]})
    else:
        voided = {record.extra.get("voids") for record in found.records if record.action == "void"}
        for record in found.records:
            _tell(record, str(record.sequence) in voided)
        shown = {record.text for record in found.records}
        for text in found.texts:
            if text.hash in shown:  # The policy behind a text says nothing that is not in it.
                _tell_text(text)
    if not found.records:
        remark(f"there is no record under {number}")
    changed = any(each.genuine is False for each in found.records)
    if not found.records or changed or any(each.genuine is False for each in found.texts):
        say_no()


def _tell(record: Record, is_void: bool) -> None:
    from consentgate.ledger.texts import utc

    time = utc(record.made_at) or str(record.made_at)
    say(
        (record.action, "bold"),
        f" at {time.replace('T', ' ').replace('Z', ' UTC')}, {_where(record)}",
    )
    if is_void:
        _row("void", "the browser was never told: nothing was granted by it")
    _row("id", record.id)
    _row("sequence", str(record.sequence))
    for label, decision in (("yes to", True), ("no to", False)):
        keys = [key for key, yes in sorted(record.decisions.items()) if yes is decision]
        _row(label, ", ".join(keys) or "nothing")
    _row("policy", f"revision {record.revision}")
    _row("shown", f"{record.text}{f' in {record.language}' if record.language else ''}")
    for name, value in sorted(record.extra.items()):
        _row(name, str(value))
    _row("record", f"number {record.number} of writer {record.writer}, ", _GENUINE[record.genuine])
    say("")


def _where(record: Record) -> str:
    source = _SOURCES.get(record.source, record.source)
    return f"{source} of {record.site}" if record.site else source


def _row(label: str, *value: str | tuple[str, str]) -> None:
    say(("  " + label.ljust(10), "dim"), *value)


def _tell_text(text: Text) -> None:
    said = "the text" if text.kind == "text" else "the policy"
    say((f"{said} {text.hash}", "bold"), ", ", _GENUINE[text.genuine])
    values = text.values() if text.kind == "text" else {}
    if not values:
        for line in text.content.splitlines():
            say("  " + line)
    for name in ("banner", "preferences"):
        if lines := _texts(values.get(name)):
            say((f"  {name}", "dim"))
            for line in lines:
                paragraph(line, indent=4)
    for category in _tables(values.get("categories")):
        _tell_category(category)
    say("")


def _tell_category(category: Mapping[str, Any]) -> None:
    say(("  purpose", "dim"), f" {category.get('key')}: {category.get('title')}")
    if description := category.get("description"):
        paragraph(str(description), indent=4)
    for cookie in _tables(category.get("cookies")):
        _tell_row("cookie", cookie, cookie.get("provider"), cookie.get("purpose"))
    for party in _tables(category.get("third_parties")):
        hosts = ", ".join(_texts(party.get("hosts")))
        _tell_row("other site", party, hosts, party.get("purpose"))


def _tell_row(kind: str, row: Mapping[str, Any], *more: object) -> None:
    details = ": ".join(str(each) for each in more if each)
    paragraph(f"{kind} {row.get('name')}{f' ({details})' if details else ''}", indent=4)


def _texts(values: object) -> list[str]:
    return [str(value) for value in values] if isinstance(values, list) else []


def _tables(values: object) -> Iterable[Mapping[str, Any]]:
    rows = values if isinstance(values, list) else []
    return [row for row in rows if isinstance(row, dict)]
