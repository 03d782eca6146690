"""Django: the gate as a middleware, and the choice in views and templates.

    INSTALLED_APPS = ["consentgate.frameworks.django", ...]                 # for the template tags
    MIDDLEWARE = ["consentgate.frameworks.django.ConsentMiddleware", ...]   # first
    CONSENTGATE = "mysite.cookies.gate"                                     # a ConsentGate

A view then asks `request.consent`; a template, with the context processor
`consentgate.frameworks.django.context`, `{% if consent.statistics %}`, and after
`{% load consentgate %}` it has `{% consent_banner %}` and `{% consent_link %}`.

A gate around the whole app (`gate.wsgi(get_wsgi_application())`) is safer
still: nothing is outside it. The test client goes round such a wrapper, and
through the middleware.
"""

from __future__ import annotations

from consentgate.frameworks.django.handle import consent, context
from consentgate.frameworks.django.middleware import ConsentMiddleware, configured_gate

__all__ = ["ConsentMiddleware", "configured_gate", "consent", "context"]
