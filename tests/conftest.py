"""What every test can ask for."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings

from adapters import KEY, Adapter
from consentgate import ConsentGate, Cookie, Policy

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "examples.portal.settings")

# In the suite, examples are the same in every run; `make fuzz` looks for new ones.
settings.register_profile(
    "suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get("CONSENTGATE_FUZZ_EXAMPLES", "20000")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("CONSENTGATE_PROFILE", "suite"))


@pytest.fixture(params=["wsgi", "asgi"])
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """Return the runner of one protocol: each test that asks for it runs over both."""
    return Adapter(request.param)


@pytest.fixture
def policy() -> Policy:
    """Return a policy with a cookie in each category."""
    return Policy(
        [
            Cookie("session", purpose="Keeps you signed in", exemption="authentication"),
            Cookie("csrftoken", exemption="security"),
            Cookie("visits", "anonymous_statistics", exemption="audience-measurement"),
            Cookie("theme", "preferences"),
            Cookie("_ga*", "statistics", provider="Google", lifetime=timedelta(days=395)),
            Cookie("ad_id", "marketing"),
        ]
    )


@pytest.fixture
def gate(policy: Policy) -> ConsentGate:
    """Return a gate with every option at its default."""
    return ConsentGate(policy, secret_key=KEY)
