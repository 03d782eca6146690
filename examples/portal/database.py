"""The demonstration's database: a file of this process, with one account in it.

A real project has neither this nor its password: it runs `migrate`.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from threading import Thread

USERNAME = PASSWORD = "demo"


@cache
def database_file() -> Path:
    """Return the path of the database: in a new folder, removed when the process ends."""
    folder = tempfile.mkdtemp(prefix="consentgate-portal-")
    atexit.register(_remove, folder, os.getpid())
    return Path(folder, "db.sqlite3")


def _remove(folder: str, owner: int) -> None:
    """Remove the folder, but not when a worker ends that a server forked off its owner."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def prepare_database() -> None:
    """Create the tables and the account, once.

    In a thread: servers import `asgi` in their event loop, where Django's models refuse to work.
    """
    thread = Thread(target=_fill)
    thread.start()
    thread.join()


def _fill() -> None:
    from django.contrib.auth.models import User  # once Django is set up
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    User.objects.create_user(USERNAME, password=PASSWORD)
    connection.close()
