"""The portal's gate: one object, named by `settings.CONSENTGATE` and by both entry points."""

from __future__ import annotations

import os
import secrets

from consentgate import ConsentGate, Pages
from examples.portal_policy import policy

# A real site sets the key: a random one forgets every choice when the process ends.
KEY = os.environ.get("CONSENTGATE_SECRET_KEY") or secrets.token_urlsafe(32)

gate = ConsentGate(
    policy,
    secret_key=KEY,
    # French first, as the portal itself; and the language that its visitors chose in Django.
    pages=Pages(
        languages=["fr", "en"],
        language_cookie="django_language",
        controller={"fr": "le portail de données", "en": "the data portal"},
    ),
)
