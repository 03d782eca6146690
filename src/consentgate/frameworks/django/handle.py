"""The visitor's consent in a Django request, and in its templates."""

from __future__ import annotations

from functools import partial

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from consentgate.consent import KEY, Consent, required

# Django's templates call what they are shown: these change something, and so are not called.
for _act in ("grant", "grant_also", "choose", "grant_all", "refuse_all", "withdraw"):
    getattr(Consent, _act).alters_data = True


def consent(request: HttpRequest) -> Consent:
    """Return the visitor's consent, by the middleware or a gate around the app.

    Raises ConsentGateError where there is neither.
    """
    scope = getattr(request, "scope", {})
    return required(request.META.get(KEY) or scope.get(KEY), "request")


def context(request: HttpRequest) -> dict[str, object]:
    """Give templates `consent`: a context processor. It is looked for when a template asks."""
    return {"consent": SimpleLazyObject(partial(consent, request))}
