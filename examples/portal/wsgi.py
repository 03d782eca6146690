"""The portal for WSGI servers: `gunicorn examples.portal.wsgi`."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from examples.portal.cookies import gate
from examples.portal.database import prepare_database

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "examples.portal.settings")

# Around the whole app: nothing that Django answers is outside the gate.
application = gate.wsgi(get_wsgi_application())
prepare_database()
