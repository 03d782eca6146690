"""How the commands of `consentgate ledger` find and open it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consentgate.cli.console import environment_keys, fail, loaded
from consentgate.configuration.secrets import LEDGER_VARIABLE, VARIABLE, ledger_keys
from consentgate.errors import ConsentGateError

if TYPE_CHECKING:
    from consentgate.ledger.store import Store

LedgerUrl = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="URL",
        envvar="CONSENTGATE_LEDGER",
        help="The ledger's database, as in sqlite:///consent.db; by default the policy file's.",
    ),
]
"""The ledger's address, as an option."""


@contextmanager
def opened(
    url: str | None, policy: Path | None, *, needs_key: bool = False, changes: bool = False
) -> Iterator[Store]:
    """Open the ledger that is meant, without bounds of time; to read it, unless it `changes`.

    Without a key nothing is marked, and no mark can be checked: that ends with
    exit code 2 where `needs_key`. What the database refuses does, too, and
    tables that are not of the form that this version writes.
    """
    from consentgate.ledger.migrating import check_is_current

    with connected(url, policy, needs_key=needs_key, changes=changes) as store:
        check_is_current(store)
        yield store


@contextmanager
def connected(
    url: str | None, policy: Path | None, *, needs_key: bool = False, changes: bool = True
) -> Iterator[Store]:
    """Open the database of the ledger that is meant, whatever is in it; see `opened`."""
    from sqlalchemy.exc import SQLAlchemyError

    from consentgate.ledger.store import Store

    keys = ledger_keys() or environment_keys()
    if needs_key and not keys:
        fail(f"there is no key: set {LEDGER_VARIABLE}, or {VARIABLE}, to the ledger's")
    key = keys or secrets.token_urlsafe(32)
    store = Store(ledger_url(url, policy), key, timeout=None, changes=changes)
    if store.is_embedded and not changes and not store.file.exists():
        fail(f"there is no file {store.file}")
    try:
        yield store
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        fail(f"the ledger at {store.name} does not answer: {cause}".strip())
    finally:
        store.close()


def ledger_url(url: str | None, policy: Path | None) -> str:
    """Return the address that is meant; says so and ends with exit code 2 if there is none."""
    if url is not None:
        return url
    found = loaded(policy).options.get("ledger")
    if found is None:
        raise ConsentGateError(
            "there is no ledger: name it with --ledger URL or CONSENTGATE_LEDGER, or set "
            "[gate] ledger in the policy file"
        )
    return str(getattr(found, "url", found))
