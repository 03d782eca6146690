"""The portal's manage.py: `python -m examples.portal` serves it on http://127.0.0.1:8000/."""

from __future__ import annotations

import os
import sys

import django
from django.core.management import execute_from_command_line

from examples.portal.database import prepare_database


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "examples.portal.settings")
    django.setup()
    prepare_database()
    command = sys.argv[1:] or ["runserver", "--noreload"]
    execute_from_command_line(["examples.portal", *command])


if __name__ == "__main__":
    main()
