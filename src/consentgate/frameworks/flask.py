"""Flask: the gate around an app, and the choice in views and templates.

    from consentgate.frameworks.flask import init_app

    init_app(app, gate)

A view then asks `g.consent`, a template `{% if consent.statistics %}`, and has
`{{ consent_banner() }}` and `{{ consent_link() }}`.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, g, has_request_context, request

from consentgate import wsgi
from consentgate.consent import KEY, Consent
from consentgate.gate import ConsentGate, check_wiring


def init_app(app: Flask, gate: ConsentGate) -> None:
    """Put a gate around an app, and the consent into its views and templates.

    Raises ConsentGateError for what is no gate.
    """
    check_wiring(app, gate)
    app.wsgi_app = gate.wsgi(app.wsgi_app)  # type: ignore[method-assign]  # the way Flask documents
    # The first of all that Flask does for a request: whatever else it does may ask already.
    app.url_value_preprocessors.setdefault(None, []).insert(0, _remember)
    app.context_processor(_context)


def consent() -> Consent:
    """Return the visitor's consent. Raises ConsentGateError where no gate is around the app."""
    return wsgi.consent(request.environ)


def _remember(endpoint: str | None, values: dict[str, Any] | None) -> None:  # noqa: ARG001  # as Flask calls it
    g.consent = consent()


def _context() -> dict[str, object]:
    """Give templates the consent and what they show of the pages."""
    # Not for a mail, say, that is rendered outside of any visitor's request.
    handle = request.environ.get(KEY) if has_request_context() else None
    if not isinstance(handle, Consent):
        return {}
    return {"consent": handle, **handle.helpers()}
