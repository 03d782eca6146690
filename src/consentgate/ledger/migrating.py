"""Brings the tables of a ledger to the form that this version writes (Alembic)."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from consentgate.errors import ConsentGateError
from consentgate.ledger.store import Store

_VERSIONS = "consentgate_version"
_lock = Lock()


def upgrade(store: Store) -> tuple[str | None, str]:
    """Apply what is missing; return the revisions of the tables before and after.

    All of it is one transaction. Two that do it at once do it one after the other.
    """
    config = _config()
    # Alembic has one context for a whole process.
    with _lock, store.writing() as connection:
        if not store.is_embedded:
            # 1128809079 is nothing but a number that others will not take: "CGL7".
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(1128809079)")
        before = _revision_in(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, newest()


def revision_of(store: Store) -> str | None:
    """Return the revision of the tables that are there, None for none."""
    with store.reading() as connection:
        return _revision_in(connection)


def newest() -> str:
    """Return the revision that this version of the package writes."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def check_is_current(store: Store) -> None:
    """Raise ConsentGateError where the tables are not of the form that this version writes."""
    found = revision_of(store)
    if found != newest():
        state = "has no tables yet" if found is None else f"has tables of revision {found}"
        raise ConsentGateError(
            f"the ledger at {store.name} {state}, and {newest()} is needed: "
            "say `consentgate ledger upgrade`"
        )


def _revision_in(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": _VERSIONS})
    return context.get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
