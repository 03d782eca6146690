"""The project's entry point over WSGI."""

# --8<-- [start:wsgi]
import os

from django.core.wsgi import get_wsgi_application

from consentgate.frameworks.django import configured_gate

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = configured_gate().wsgi(get_wsgi_application())
# --8<-- [end:wsgi]
