"""Copies a ledger in one file while it is in use: what docs/how-to/ledger-backup.md shows."""

# --8<-- [start:backup]
import sqlite3
import sys
from contextlib import closing

source, target = sys.argv[1:]
with (
    closing(sqlite3.connect(f"file:{source}?mode=rw", uri=True)) as ledger,
    closing(sqlite3.connect(target)) as copy,
):
    ledger.backup(copy)
# --8<-- [end:backup]
