"""The project's entry point over ASGI."""

# --8<-- [start:asgi]
import os

from django.core.asgi import get_asgi_application

from consentgate.frameworks.django import configured_gate

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = configured_gate().asgi(get_asgi_application())
# --8<-- [end:asgi]
