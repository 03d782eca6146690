"""Flask: the gate around an app, and the choice in views and templates.

    from consentgate.frameworks.flask import init_app

    init_app(app, gate)

A view then asks `g.consent`, a template `{% if consent.statistics %}`, and has
`{{ consent_banner() }}` and `{{ consent_link() }}`.
"""

from __future__ import annotations

from flask import Flask, g, has_request_context, request

from consentgate import wsgi
from consentgate.consent import Consent
from consentgate.gate import ConsentGate, check_wiring


def init_app(app: Flask, gate: ConsentGate) -> None:
    """Put a gate around an app, and the consent into its views and templates.

    Raises ConsentGateError for what is no gate.
    """
    check_wiring(app, gate)
    app.wsgi_app = gate.wsgi(app.wsgi_app)  # type: ignore[method-assign]  # the way Flask documents
    # The first of all: what others do before a request may ask already.
    app.before_request_funcs.setdefault(None, []).insert(0, _remember)
    app.context_processor(_context)


def consent() -> Consent:
    """Return the visitor's consent. Raises ConsentGateError where no gate is around the app."""
    return wsgi.consent(request.environ)


def _remember() -> None:
    g.consent = consent()


def _context() -> dict[str, object]:
    """Give templates the consent and what they show of the pages."""
    if not has_request_context():
        return {}  # A mail, say, that is rendered outside of any request.
    handle = consent()
    return {"consent": handle, **handle.helpers()}
