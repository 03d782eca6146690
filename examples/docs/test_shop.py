"""Tests of an app behind the gate: what docs/how-to/testing.md shows."""

# --8<-- [start:granted]
import pytest
from flask.testing import FlaskClient
from werkzeug.test import Client

from consentgate import ConsentGate, Event, Reason
from flask_app import app, gate


@pytest.fixture
def client() -> FlaskClient:
    return app.test_client()


def test_nobody_is_counted_without_consent(client: FlaskClient) -> None:
    client.get("/")
    assert client.get_cookie("_ga") is None


def test_who_consents_is_counted(client: FlaskClient) -> None:
    choice = gate.choice(["statistics"])
    name, _, token = gate.set_cookie_for(choice).partition(";")[0].partition("=")
    client.set_cookie(name, token)
    client.get("/")
    assert client.get_cookie("_ga") is not None


# --8<-- [end:granted]


# --8<-- [start:undeclared]
@pytest.mark.parametrize("path", ["/", "/nowhere"])
def test_no_cookie_is_undeclared(path: str) -> None:
    heard: list[Event] = []
    watching = ConsentGate.from_toml("consentgate.toml", observer=heard.append)
    Client(watching.wsgi(app)).get(path)  # the outer of two gates decides, and hears
    assert [event.name for event in heard if event.reason is Reason.UNDECLARED] == []


# --8<-- [end:undeclared]
