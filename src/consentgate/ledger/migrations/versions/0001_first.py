"""The first tables of a ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    c = sa.String(32, collation="C")
    op.create_table(
        "consentgate_records",
        sa.Column("id", sa.String(32).with_variant(c, "postgresql"), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("decisions", sa.Text, nullable=False),
        sa.Column("revision", sa.String(32), nullable=False),
        sa.Column("language", sa.String(64), nullable=False),
        sa.Column("text", sa.String(43), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("site", sa.String(255), nullable=False),
        sa.Column("extra", sa.Text, nullable=False),
        sa.Column("writer", sa.Integer, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("key", sa.String(6), nullable=False),
        sa.Column("mac", sa.String(43), nullable=False),
        sa.PrimaryKeyConstraint("id", "sequence", name="consentgate_records_pk"),
    )
    op.create_index("consentgate_records_writer", "consentgate_records", ["writer", "number"])
    op.create_table(
        "consentgate_documents",
        sa.Column("hash", sa.String(43), primary_key=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("revision", sa.String(32), nullable=False),
        sa.Column("language", sa.String(64), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("key", sa.String(6), nullable=False),
        sa.Column("mac", sa.String(43), nullable=False),
    )
    op.create_table(
        "consentgate_writers",
        sa.Column("writer", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("written", sa.BigInteger, nullable=False),
        sa.Column("key", sa.String(6), nullable=False),
        sa.Column("mac", sa.String(43), nullable=False),
    )
    op.create_table(
        "consentgate_registry",
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("writers", sa.Integer, nullable=False),
        sa.Column("key", sa.String(6), nullable=False),
        sa.Column("mac", sa.String(43), nullable=False),
    )
    op.create_table(
        "consentgate_seals",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("ranges", sa.Text, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.Column("oldest", sa.BigInteger, nullable=False),
        sa.Column("newest", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(43), nullable=False),
        sa.Column("previous", sa.String(43), nullable=False),
        sa.Column("key", sa.String(6), nullable=False),
        sa.Column("mac", sa.String(43), nullable=False),
        sa.Column("pruned_at", sa.BigInteger, nullable=True),
        sa.Column("pruned_key", sa.String(6), nullable=True),
        sa.Column("pruned_mac", sa.String(43), nullable=True),
    )
    op.create_table(
        "consentgate_erasures",
        sa.Column("writer", sa.Integer, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("record_mac", sa.String(43), nullable=False),
        sa.Column("erased_at", sa.BigInteger, nullable=False),
        sa.Column("key", sa.String(6), nullable=False),
        sa.Column("mac", sa.String(43), nullable=False),
        sa.PrimaryKeyConstraint("writer", "number", name="consentgate_erasures_pk"),
    )
