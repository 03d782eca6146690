"""What every test can ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

import postgres
from adapters import KEY, Adapter
from consentgate import ConsentGate, Cookie, Policy
from consentgate.ledger.migrating import upgrade
from consentgate.ledger.store import Store

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "examples.portal.settings")
# The demo's choices in tests are not those that somebody made by hand.
_folder = TemporaryDirectory(prefix="consentgate-")
os.environ.setdefault("CONSENTGATE_DEMO_LEDGER", f"sqlite:///{_folder.name}/consent-demo.db")

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


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the address of an empty database: each test that asks for it runs on both."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'consent.db'}"
        return
    server = postgres.session_cluster()
    url = server.create_database()
    yield url
    server.drop_database(url)


@pytest.fixture
def store(ledger_url: str) -> Iterator[Store]:
    """Return a ledger with its tables, and nothing in them."""
    opened = Store(ledger_url, KEY, connections=4)
    upgrade(opened)
    yield opened
    opened.close()
