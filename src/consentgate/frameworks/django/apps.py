"""The Django app that has the template tags."""

from __future__ import annotations

from django.apps import AppConfig


class ConsentConfig(AppConfig):
    """An entry of `INSTALLED_APPS`. It has no models."""

    name = "consentgate.frameworks.django"
    label = "consentgate"
    verbose_name = "consentgate"
