"""Runs the migrations of a ledger on the connection that it is given (Alembic)."""

from alembic import context

from consentgate.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="consentgate_version",
    # One transaction, which the caller began: all of it, or nothing.
    transactional_ddl=True,
)
context.run_migrations()
