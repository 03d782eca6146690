"""Starlette and FastAPI: the choice as a dependency, in `request.state`, and in templates.

    from consentgate.frameworks.starlette import consent, context

    templates = Jinja2Templates("templates", context_processors=[context])

    @app.get("/")
    async def home(consent: Annotated[Consent, Depends(consent)]): ...   # FastAPI

A template then says `{% if consent.statistics %}`, and has `{{ consent_banner() }}`
and `{{ consent_link() }}`.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import HTTPConnection, Request

from consentgate import asgi
from consentgate.consent import Consent


def consent(connection: HTTPConnection) -> Consent:
    """Return the visitor's consent: of a request, or of a websocket; a dependency of FastAPI.

    Raises ConsentGateError where no gate is around the app.
    """
    return asgi.consent(connection.scope)


def context(request: Request) -> dict[str, Any]:
    """Give templates the consent and what they show of the pages: a context processor."""
    handle = consent(request)
    return {"consent": handle, **handle.helpers()}
