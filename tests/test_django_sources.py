"""The source gate as Django's middleware adds it: one line for each header name is all it has."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from adapters import KEY
from consentgate import ConsentGate, Cookie, Policy, ThirdParty
from consentgate.banners import Klaro
from consentgate.frameworks.django import ConsentMiddleware

POLICY = Policy(
    [Cookie("session")], third_parties=[ThirdParty("Video Ltd", "marketing", hosts=["video.test"])]
)
SOURCES = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob: filesystem: mediastream:"


def answered(
    view: Any, headers: dict[str, str] | None = None, path: str = "/", **options: Any
) -> HttpResponse:
    """Return what a view behind the middleware answers."""
    gate = ConsentGate(POLICY, secret_key=KEY, **options)
    answer: HttpResponse = ConsentMiddleware(view, gate=gate)(
        RequestFactory().get(path, headers=headers or {}, secure=True)
    )
    return answer


def page(headers: dict[str, str] | None = None) -> Any:
    """Return a view that answers with a page."""
    return lambda _: HttpResponse("<p>hello", headers=headers or {})


@pytest.mark.conformance("T1")
def test_a_page_without_a_policy_gets_one() -> None:
    """The middleware adds the policy as a header of its own."""
    answer = answered(page())
    assert answer["Content-Security-Policy"] == SOURCES
    assert answer["Vary"] == "Cookie"


@pytest.mark.conformance("T1", "T2")
def test_the_apps_policy_stays_before_the_gates() -> None:
    """Behind a comma the gate's is a second policy: the app's own is not weakened."""
    own = {"Content-Security-Policy": "script-src 'nonce-abc'"}
    answer = answered(page(own))
    assert answer["Content-Security-Policy"] == f"script-src 'nonce-abc', {SOURCES}"


@pytest.mark.conformance("T1")
def test_reports_go_beside_those_of_the_app() -> None:
    """The endpoint of the gate is one more member of the app's list of endpoints."""
    own = {"Reporting-Endpoints": 'own="/own"', "Content-Security-Policy": "img-src *"}
    answer = answered(page(own), source_gate="report")
    assert answer["Reporting-Endpoints"] == 'own="/own", consentgate="/cookies/reports"'
    assert answer["Content-Security-Policy"] == "img-src *"
    assert answer["Content-Security-Policy-Report-Only"].startswith(SOURCES)


@pytest.mark.parametrize(("destination", "kept"), [("document", False), ("image", True)])
@pytest.mark.conformance("T1")
def test_a_page_is_never_the_stored_one(destination: str, kept: bool) -> None:
    """Django does not see the conditions under which it could answer a page with 304."""
    seen: list[bool] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append("If-None-Match" in request.headers)
        return HttpResponse("")

    answered(view, {"Sec-Fetch-Dest": destination, "If-None-Match": '"abc"'})
    assert seen == [kept]


@pytest.mark.conformance("T1")
def test_the_gates_own_pages_have_their_own_policy() -> None:
    """The charter that the middleware serves has no second policy."""
    answer = answered(page(), path="/cookies")
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")
    assert "mediastream" not in answer["Content-Security-Policy"]


@pytest.mark.conformance("T7")
@pytest.mark.parametrize(("site", "taken"), [("same-origin", True), ("cross-site", False)])
def test_another_banners_answer_is_taken_over(site: str, taken: bool) -> None:
    """The middleware signs what the site's own banner has, unless the choice could not come."""
    banner = Klaro(categories={"films": "marketing"})
    answer = answered(
        page(),
        {"Cookie": "klaro=%7B%22films%22%3Atrue%7D", "Sec-Fetch-Site": site},
        consent_from=banner,
    )
    assert ("cookies_preferences" in answer.cookies) is taken
    assert answer["Content-Security-Policy"].endswith("video.test") is taken
