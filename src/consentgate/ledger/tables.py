"""The tables of a ledger. How they came to be is in `migrations`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

metadata = MetaData()

_HASH = String(43)  # SHA-256 in base64url, without padding
_KEY = String(6)
# Bytes in their order, whatever the language of the database: ranges of ids are read by it.
_ID = String(32).with_variant(String(32, collation="C"), "postgresql")


def _marks() -> tuple[Column[str], Column[str]]:
    """Return the columns for the HMAC of a row, and for the name of its key."""
    return Column("key", _KEY, nullable=False), Column("mac", _HASH, nullable=False)


# A range of `sequence` is a range of time: the table can be partitioned by it, since the
# primary key has it. So nothing but the primary key is unique here; `verify` looks for the rest.
records = Table(
    "consentgate_records",
    metadata,
    Column("id", _ID, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("action", String(16), nullable=False),
    Column("decisions", Text, nullable=False),
    Column("revision", String(32), nullable=False),
    Column("language", String(64), nullable=False),
    Column("text", _HASH, nullable=False),
    Column("source", String(16), nullable=False),
    Column("site", String(255), nullable=False),
    Column("extra", Text, nullable=False),
    Column("writer", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    *_marks(),
    PrimaryKeyConstraint("id", "sequence", name="consentgate_records_pk"),
    Index("consentgate_records_writer", "writer", "number"),
)

documents = Table(
    "consentgate_documents",
    metadata,
    Column("hash", _HASH, primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("revision", String(32), nullable=False),
    Column("language", String(64), nullable=False),
    Column("content", Text, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    *_marks(),
)

writers = Table(
    "consentgate_writers",
    metadata,
    Column("writer", Integer, primary_key=True, autoincrement=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("written", BigInteger, nullable=False),
    *_marks(),
)

registry = Table(
    "consentgate_registry",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("writers", Integer, nullable=False),
    *_marks(),
)

seals = Table(
    "consentgate_seals",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("made_at", BigInteger, nullable=False),
    Column("ranges", Text, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("oldest", BigInteger, nullable=False),
    Column("newest", BigInteger, nullable=False),
    Column("digest", _HASH, nullable=False),
    Column("previous", String(43), nullable=False),
    *_marks(),
    Column("pruned_at", BigInteger, nullable=True),
    Column("pruned_key", _KEY, nullable=True),
    Column("pruned_mac", _HASH, nullable=True),
)

erasures = Table(
    "consentgate_erasures",
    metadata,
    Column("writer", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("record_mac", _HASH, nullable=False),
    Column("erased_at", BigInteger, nullable=False),
    *_marks(),
    PrimaryKeyConstraint("writer", "number", name="consentgate_erasures_pk"),
)
