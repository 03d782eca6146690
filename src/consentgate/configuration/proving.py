"""The ledger that a file names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from consentgate.configuration.secrets import ledger_keys
from consentgate.errors import ConsentGateError

if TYPE_CHECKING:
    from consentgate.configuration.document import LedgerTable
    from consentgate.ledger import Ledger


def ledger_of(table: LedgerTable, folder: Path) -> Ledger:
    """Return the ledger of a table; its files are found from the folder that the file is in.

    Its key is what the environment has in CONSENTGATE_LEDGER_KEY, if it has
    one. Raises ConsentGateError for a ledger that cannot be, or where the extra
    is not installed.
    """
    try:  # only a file that names one loads a database
        from consentgate.ledger import Ledger
        from consentgate.ledger.store import checked_url
    except ImportError as error:
        raise ConsentGateError(
            f"ledger: {error.name} is not installed; say pip install 'consentgate[ledger]'"
        ) from error
    options = table.given()
    url = checked_url(options.pop("url"))
    if url.get_backend_name() == "sqlite":
        url = url.set(database=str(folder / str(url.database)))
    if "spool" in options:
        options["spool"] = folder / options["spool"]
    return Ledger(url.render_as_string(hide_password=False), key=ledger_keys() or None, **options)
