"""Starlette's and FastAPI's idiom: a dependency, `request.state.consent`, and templates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.templating import Jinja2Templates
from starlette.testclient import TestClient

from adapters import KEY, token_pair
from consentgate import Consent, ConsentGate, ConsentGateError, Cookie, Policy
from consentgate.frameworks.starlette import consent, context

GATE = ConsentGate(
    Policy(
        [
            Cookie("session", exemption="authentication"),
            Cookie("visits", "anonymous_statistics", exemption="audience-measurement"),
            Cookie("_ga*", "statistics"),
            Cookie("ad_id", "marketing"),
        ]
    ),
    secret_key=KEY,
)
UNANSWERED = ""
GRANTED = token_pair(GATE, "statistics").decode()
ALL_REFUSED = GATE.set_cookie_for(GATE.choice([], GATE.policy.choosable)).partition(";")[0]
VISITORS = ((GRANTED, "on"), (UNANSWERED, "off"), (ALL_REFUSED, "off"))
SHOWN = "{% if consent.statistics %}shown{% else %}hidden{% endif %}"


def sent(cookie: str, **headers: str) -> dict[str, str]:
    """Return the headers of a visitor with this cookie."""
    return {"Cookie": cookie, **headers} if cookie else headers


def body(app: Any, path: str = "/", cookie: str = UNANSWERED, **headers: str) -> str:
    """Return what a visitor with this cookie reads at a path, behind the gate."""
    return TestClient(GATE.asgi(app)).get(path, headers=sent(cookie, **headers)).text


def heard(app: Any, path: str = "/socket", cookie: str = UNANSWERED) -> str:
    """Return what a websocket says first to a visitor with this cookie."""
    client = TestClient(app)
    with client.websocket_connect(path, headers=sent(cookie)) as session:
        return session.receive_text()


def said(handle: Consent) -> str:
    """Say what a consent says."""
    return "on" if handle.allows("statistics") else "off"


# Starlette


async def view(request: Request) -> Response:
    """Say what the consent says, found both ways."""
    assert consent(request) is request.state.consent
    return PlainTextResponse(said(consent(request)))


async def grant(request: Request) -> Response:
    """Take the visitor's grant, and set cookies."""
    consent(request).grant("statistics")
    response = PlainTextResponse(said(request.state.consent))
    response.set_cookie("_ga", "1")
    response.set_cookie("ad_id", "2")
    return response


async def socket(websocket: WebSocket) -> None:
    """Say over a websocket what the consent says, found both ways."""
    await websocket.accept()
    assert consent(websocket) is websocket.state.consent
    await websocket.send_text(said(consent(websocket)))
    await websocket.close()


def site(**more: Any) -> Starlette:
    """Return a Starlette app with the views above."""
    routes = [Route("/", view), Route("/grant", grant), WebSocketRoute("/socket", socket)]
    return Starlette(routes=routes, **more)


def test_a_view_asks() -> None:
    """`consent(request)` and `request.state.consent` are one handle that knows what is allowed."""
    assert [body(site(), cookie=cookie) for cookie, _ in VISITORS] == ["on", "off", "off"]


def test_a_websocket_asks() -> None:
    """`consent(websocket)` and `websocket.state.consent` know as much."""
    app = GATE.asgi(site())
    assert [heard(app, cookie=cookie) for cookie, _ in VISITORS] == ["on", "off", "off"]


def test_a_middleware_inside_asks() -> None:
    """Starlette's middleware classes and error handlers, inside the gate, ask in the same ways."""

    async def dispatch(request: Request, call_next: RequestResponseEndpoint) -> Response:
        answer = await call_next(request)
        answer.headers["X-Consent"] = f"{said(consent(request))} {said(request.state.consent)}"
        return answer

    async def not_found(request: Request, error: Exception) -> Response:
        return PlainTextResponse(said(request.state.consent), 404)

    app = site(
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=dispatch)],
        exception_handlers={404: not_found},
    )
    for cookie, expected in VISITORS:
        answer = TestClient(GATE.asgi(app)).get("/nowhere", headers=sent(cookie))
        assert (answer.text, answer.headers["X-Consent"]) == (expected, f"{expected} {expected}")


@pytest.mark.conformance("K6")
def test_a_view_changes_the_choice() -> None:
    """What a view grants is recorded in its response, and lets a cookie leave."""
    answer = TestClient(GATE.asgi(site())).get("/grant")
    names = [line.partition("=")[0] for line in answer.headers.get_list("set-cookie")]
    assert (answer.text, names) == ("on", ["cookies_preferences", "_ga"])


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_without_a_gate_asking_says_how_to_mend_it(kind: str) -> None:
    """In an app that no gate stands around, both ask in vain, and ConsentGateError says why."""
    connection = HTTPConnection({"type": kind, "headers": []})
    with pytest.raises(ConsentGateError, match=r"no consent in this scope: put the gate around"):
        consent(connection)
    with pytest.raises(ConsentGateError):
        TestClient(site()).get("/")


# FastAPI


def ask_twice(handle: Annotated[Consent, Depends(consent)]) -> str:
    """Depend on the consent, for another dependency."""
    return said(handle)


def api() -> FastAPI:
    """Return a FastAPI app that asks by its dependencies."""
    app = FastAPI()
    router = APIRouter(prefix="/router")

    @app.get("/")
    async def home(consent: Annotated[Consent, Depends(consent)]) -> str:
        return said(consent)

    @app.get("/sync")
    def in_a_thread(consent: Annotated[Consent, Depends(consent)]) -> str:
        return said(consent)

    @app.get("/one")
    async def one(
        request: Request,
        handle: Annotated[Consent, Depends(consent)],
        again: Annotated[str, Depends(ask_twice)],
    ) -> str:
        assert handle is request.state.consent
        return again

    @router.get("/")
    async def of_a_router(handle: Annotated[Consent, Depends(consent)]) -> str:
        return said(handle)

    @app.websocket("/socket")
    async def talk(
        websocket: WebSocket,
        handle: Annotated[Consent, Depends(consent)],
        again: Annotated[str, Depends(ask_twice)],
    ) -> None:
        assert handle is websocket.state.consent
        await websocket.accept()
        await websocket.send_text(again)
        await websocket.close()

    app.include_router(router)
    return app


@pytest.mark.parametrize("path", ["/", "/sync", "/one", "/router/"])
def test_an_endpoint_depends_on_the_consent(path: str) -> None:
    """`Depends(consent)` gives endpoints of every kind, and dependencies, what is allowed."""
    for cookie, expected in VISITORS:
        assert body(api(), path, cookie) == f'"{expected}"'


def test_a_websocket_depends_on_the_consent() -> None:
    """`Depends(consent)` gives it to a websocket's endpoint as well."""
    for cookie, expected in VISITORS:
        assert heard(GATE.asgi(api()), cookie=cookie) == expected


def test_the_consent_is_no_part_of_the_api() -> None:
    """What depends on the consent has no parameter for it that a client would have to send."""
    schema = api().openapi()
    assert not [
        get for path in schema["paths"].values() for get in path["get"].get("parameters", ())
    ]


# Templates


def rendered(folder: Path, source: str, cookie: str = UNANSWERED, **headers: str) -> str:
    """Return what a template in a folder shows to a visitor with this cookie."""
    (folder / "page.html").write_text(source, "utf-8")
    templates = Jinja2Templates(folder, context_processors=[context])

    async def page(request: Request) -> Response:
        return templates.TemplateResponse(request, "page.html")

    return body(Starlette(routes=[Route("/", page)]), cookie=cookie, **headers)


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [(GRANTED, "shown"), (UNANSWERED, "hidden"), (ALL_REFUSED, "hidden")],
    ids=["granted", "unanswered", "refused"],
)
def test_a_template_shows_what_is_allowed(tmp_path: Path, cookie: str, expected: str) -> None:
    """`{% if consent.statistics %}` shows what was granted, and hides what was not."""
    assert rendered(tmp_path, SHOWN, cookie) == expected
    assert rendered(tmp_path, SHOWN.replace("statistics", "marketing"), cookie) == "hidden"


def test_a_template_shows_what_needs_no_consent(tmp_path: Path) -> None:
    """The necessary is shown to everybody, what is exempt until the visitor opposes it."""
    source = "{{ consent.necessary }} {{ consent.anonymous_statistics }}"
    assert rendered(tmp_path, source) == rendered(tmp_path, source, GRANTED) == "True True"
    assert rendered(tmp_path, source, ALL_REFUSED) == "True False"


@pytest.mark.parametrize("cookie", [UNANSWERED, GRANTED])
def test_an_unknown_category_is_false(tmp_path: Path, cookie: str) -> None:
    """What is no category of the policy is false in a template, and empty."""
    source = "{% if consent.unheard_of %}shown{% endif %}[{{ consent.unheard_of }}]"
    assert rendered(tmp_path, source, cookie) == "[]"


@pytest.mark.conformance("P7")
@pytest.mark.parametrize(
    ("source", "start", "english", "french"),
    [
        ("{{ consent_banner() }}", "<section ", "Accept all", "Tout accepter"),
        ("{{ consent_link() }}", "<div ", "Cookie settings", "Gestion des cookies"),
        ("{{ consent_charter() }}", "<div ", "Statistics", "Statistiques"),
    ],
)
def test_a_template_has_what_the_pages_are_made_of(
    tmp_path: Path, source: str, start: str, english: str, french: str
) -> None:
    """Each helper gives markup as it is, in the language of the browser or the one it is told."""
    plain = rendered(tmp_path, source)
    told = rendered(tmp_path, source.replace("()", "('fr')"))
    asked = rendered(tmp_path, source, **{"Accept-Language": "fr"})
    for text, words in ((plain, english), (told, french), (asked, french)):
        assert text.startswith(start)
        assert words in text
        assert "&lt;" not in text
    assert french not in plain


def test_a_template_loads_the_script(tmp_path: Path) -> None:
    """`consent_script()` is the element that loads the script, told what is allowed."""
    text = rendered(tmp_path, "{{ consent_script() }}", GRANTED)
    assert text.startswith("<script src=")
    assert 'data-allowed="necessary anonymous_statistics statistics"' in text


def test_the_banner_is_not_shown_to_who_has_answered(tmp_path: Path) -> None:
    """After an answer, a refusal too, `consent_banner()` is empty."""
    for cookie in (GRANTED, ALL_REFUSED):
        assert rendered(tmp_path, "[{{ consent_banner() }}]", cookie) == "[]"


def test_templates_of_fastapi_ask_as_well(tmp_path: Path) -> None:
    """FastAPI's templates are Starlette's: the same context processor serves them."""
    (tmp_path / "page.html").write_text(SHOWN, "utf-8")
    templates, app = Jinja2Templates(tmp_path, context_processors=[context]), FastAPI()

    @app.get("/")
    def page(request: Request) -> Response:
        return templates.TemplateResponse(request, "page.html")

    assert [body(app, cookie=cookie) for cookie in (GRANTED, UNANSWERED)] == ["shown", "hidden"]
