"""The portal for ASGI servers: `uvicorn examples.portal.asgi:application`."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

from examples.portal.cookies import gate
from examples.portal.database import prepare_database

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "examples.portal.settings")

# Around the whole app: nothing that Django answers is outside the gate.
application = gate.asgi(get_asgi_application())
prepare_database()
