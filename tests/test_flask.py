"""Flask's idiom: `g.consent` wherever Flask runs something, and the choice in templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask, abort, g, render_template_string, request

from adapters import KEY, token_pair
from consentgate import Category, Consent, ConsentGate, ConsentGateError, Cookie, Policy
from consentgate.frameworks.flask import consent, init_app

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


class BrokenError(Exception):
    """What goes wrong in a view below."""


def anything(value: object) -> Any:
    """Return a value that a type checker would refuse."""
    return value


def gated(view: Callable[[], Any] | None = None) -> Flask:
    """Return an app behind the gate, with a view at `/`."""
    app = Flask(__name__)
    app.secret_key = KEY
    init_app(app, GATE)
    if view is not None:
        app.add_url_rule("/", view_func=view, endpoint="home")
    return app


def body(app: Flask, path: str = "/", cookie: str = UNANSWERED, **headers: str) -> str:
    """Return what a visitor with this cookie reads at a path."""
    client = app.test_client(use_cookies=False)
    if cookie:
        headers["Cookie"] = cookie
    return client.get(path, headers=headers).text


def rendered(source: str, cookie: str = UNANSWERED, **headers: str) -> str:
    """Return what a template shows to a visitor with this cookie."""
    return body(gated(lambda: render_template_string(source)), cookie=cookie, **headers)


def statistics() -> str:
    """Say what `g.consent` says."""
    return "on" if g.consent.allows("statistics") else "off"


# In views, and around them


def everywhere() -> Flask:
    """Return an app that notes what `g.consent` says wherever Flask runs something.

    Its first `before_request` function was there before the gate.
    """
    app = Flask(__name__)
    heard: list[str] = []

    def note(where: str) -> None:
        heard.append(f"{where} {statistics()}")

    def told(where: str, status: int = 200) -> tuple[str, int]:
        note(where)
        said = ", ".join(heard)
        heard.clear()
        return said, status

    def crash() -> str:
        raise BrokenError

    shop = Blueprint("shop", __name__, url_prefix="/shop")
    app.before_request(lambda: note("earlier"))
    init_app(app, GATE)
    app.before_request(lambda: note("later"))
    shop.before_app_request(lambda: note("of all"))
    shop.before_request(lambda: note("of the blueprint"))
    app.add_url_rule("/", view_func=lambda: told("view"), endpoint="home")
    shop.add_url_rule("/", view_func=lambda: told("blueprint's view"), endpoint="home")
    shop.add_url_rule("/gone", view_func=lambda: abort(410), endpoint="gone")
    shop.add_url_rule("/crash", view_func=crash)
    app.register_error_handler(404, lambda _: told("404 handler", 404))
    app.register_error_handler(BrokenError, lambda _: told("crash handler", 500))
    shop.register_error_handler(410, lambda _: told("410 handler", 410))
    app.register_blueprint(shop)
    return app


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ["earlier", "later", "of all", "view"]),
        ("/shop/", ["earlier", "later", "of all", "of the blueprint", "blueprint's view"]),
        ("/shop/gone", ["earlier", "later", "of all", "of the blueprint", "410 handler"]),
        ("/shop/crash", ["earlier", "later", "of all", "of the blueprint", "crash handler"]),
        ("/nowhere", ["earlier", "later", "of all", "404 handler"]),
    ],
)
def test_the_consent_is_there_wherever_flask_runs_something(path: str, expected: list[str]) -> None:
    """Views, error handlers and `before_request` functions, older ones too, ask `g.consent`."""
    app = everywhere()
    for cookie, said in ((GRANTED, "on"), (UNANSWERED, "off"), (ALL_REFUSED, "off")):
        assert body(app, path, cookie).split(", ") == [f"{where} {said}" for where in expected]


@pytest.mark.parametrize(("cookie", "said"), [(GRANTED, "on"), (UNANSWERED, "off")])
def test_the_consent_is_there_before_an_address_is_understood(cookie: str, said: str) -> None:
    """A preprocessor of URLs, an older one too, and its error page ask `g.consent`."""
    app = Flask(__name__)

    def unknown(endpoint: str | None, values: dict[str, Any] | None) -> None:
        abort(404, statistics())

    app.url_value_preprocessor(unknown)
    init_app(app, GATE)
    app.register_error_handler(404, lambda error: f"{error.description} {statistics()}")
    assert body(app, "/xx/", cookie) == f"{said} {said}"


def test_the_consent_is_the_one_of_the_request() -> None:
    """`g.consent`, `consent()` and the environ's entry are one handle, new with each request."""
    seen: list[Consent] = []

    def view() -> str:
        assert g.consent is consent() is request.environ["consentgate"]
        seen.append(g.consent)
        return ""

    app = gated(view)
    body(app)
    body(app, cookie=GRANTED)
    assert [handle.answered for handle in seen] == [False, True]


@pytest.mark.conformance("K6")
def test_a_view_changes_the_choice() -> None:
    """What a view grants by `g.consent` is recorded in its response, and lets a cookie leave."""

    def view() -> tuple[str, list[tuple[str, str]]]:
        g.consent.grant("statistics")
        return statistics(), [("Set-Cookie", "_ga=1"), ("Set-Cookie", "ad_id=2")]

    answer = gated(view).test_client(use_cookies=False).get("/")
    names = [line.partition("=")[0] for line in answer.headers.getlist("Set-Cookie")]
    assert (answer.text, names) == ("on", ["cookies_preferences", "_ga"])


def test_without_a_gate_asking_says_how_to_mend_it() -> None:
    """In an app that no gate stands around, `consent()` raises ConsentGateError."""
    app = Flask(__name__)
    with (
        app.test_request_context("/"),
        pytest.raises(ConsentGateError, match=r"no consent in this environ: put the gate around"),
    ):
        consent()


@pytest.mark.conformance("K14")
@pytest.mark.parametrize("wrong", [None, "gate", GATE.policy, ConsentGate])
def test_what_is_no_gate_is_refused_at_once(wrong: object) -> None:
    """`init_app` with something else raises ConsentGateError, and leaves the app as it was."""
    app = Flask(__name__)
    with pytest.raises(ConsentGateError, match="a ConsentGate is needed"):
        init_app(app, anything(wrong))
    assert not hasattr(app.wsgi_app, "gate")
    assert not app.before_request_funcs
    assert not app.url_value_preprocessors
    with pytest.raises(ConsentGateError, match="a WSGI or ASGI app is needed"):
        init_app(anything(GATE), anything(app))


# In templates

SHOWN = "{% if consent.statistics %}shown{% else %}hidden{% endif %}"


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [(GRANTED, "shown"), (UNANSWERED, "hidden"), (ALL_REFUSED, "hidden")],
    ids=["granted", "unanswered", "refused"],
)
def test_a_template_shows_what_is_allowed(cookie: str, expected: str) -> None:
    """`{% if consent.statistics %}` shows what was granted, and hides what was not."""
    assert rendered(SHOWN, cookie) == expected
    assert rendered(SHOWN.replace("statistics", "marketing"), cookie) == "hidden"


def test_a_template_shows_what_needs_no_consent() -> None:
    """The necessary is shown to everybody, what is exempt until the visitor opposes it."""
    source = "{{ consent.necessary }} {{ consent.anonymous_statistics }}"
    assert rendered(source) == rendered(source, GRANTED) == "True True"
    assert rendered(source, ALL_REFUSED) == "True False"


@pytest.mark.parametrize("cookie", [UNANSWERED, GRANTED])
@pytest.mark.parametrize("name", ["unheard_of", "Statistics", "_ga", "__wrapped__"])
def test_an_unknown_category_is_false(cookie: str, name: str) -> None:
    """What is no category of the policy is false in a template, and empty."""
    source = f"{{% if consent.{name} %}}shown{{% endif %}}[{{{{ consent.{name} }}}}]"
    assert rendered(source, cookie) == "[]"


@pytest.mark.conformance("K14")
@pytest.mark.parametrize("key", [name for name in dir(Consent) if not name.startswith("_")])
def test_no_category_has_the_name_of_something_else(key: str) -> None:
    """A category that templates could not ask by its name, as `grant`, is refused at once.

    `{% if consent.grant %}` would be the method, which is always true.
    """
    with pytest.raises(ConsentGateError, match=key):
        Policy([Cookie("a", key)], categories=[Category(key)])


def test_templates_of_blueprints_and_error_pages_ask_as_well() -> None:
    """The context is there in a blueprint's view, and in the page for an error."""
    app, shop = gated(), Blueprint("shop", __name__)
    shop.add_url_rule("/shop", view_func=lambda: render_template_string(SHOWN), endpoint="home")
    app.register_blueprint(shop)
    app.register_error_handler(404, lambda _: (render_template_string(SHOWN), 404))
    for path in ("/shop", "/nowhere"):
        assert [body(app, path, cookie) for cookie in (GRANTED, UNANSWERED)] == ["shown", "hidden"]


@pytest.mark.parametrize(
    ("source", "start", "english", "french"),
    [
        ("{{ consent_banner() }}", "<section ", "Accept all", "Tout accepter"),
        ("{{ consent_link() }}", "<div ", "Cookie settings", "Gestion des cookies"),
        ("{{ consent_charter() }}", "<div ", "Statistics", "Statistiques"),
    ],
)
@pytest.mark.conformance("P7")
def test_a_template_has_what_the_pages_are_made_of(
    source: str, start: str, english: str, french: str
) -> None:
    """Each helper gives markup as it is, in the language of the browser or the one it is told."""
    plain, told = rendered(source), rendered(source.replace("()", "('fr')"))
    asked = rendered(source, **{"Accept-Language": "fr"})
    for text, words in ((plain, english), (told, french), (asked, french)):
        assert text.startswith(start)
        assert words in text
        assert "&lt;" not in text
    assert french not in plain


def test_a_template_loads_the_script() -> None:
    """`consent_script()` is the element that loads the script, told what is allowed."""
    text = rendered("{{ consent_script() }}", GRANTED)
    assert text.startswith("<script src=")
    assert 'data-allowed="necessary anonymous_statistics statistics"' in text


def test_the_banner_is_not_shown_to_who_has_answered() -> None:
    """After an answer, a refusal too, `consent_banner()` is empty."""
    for cookie in (GRANTED, ALL_REFUSED):
        assert rendered("[{{ consent_banner() }}]", cookie) == "[]"


def test_a_view_can_use_the_name_for_something_else() -> None:
    """What a view gives its template under the name `consent` is what the template has."""
    app = gated(lambda: render_template_string("{{ consent }}", consent="a word of its own"))
    assert body(app) == "a word of its own"


def test_a_template_is_rendered_outside_of_a_request() -> None:
    """A mail, say, that is rendered with no visitor there, has no consent and needs none."""
    app = gated()
    with app.app_context():
        assert render_template_string("Hello {{ name }}", name="you") == "Hello you"
        assert render_template_string("{{ consent is defined }}") == "False"


def test_a_template_is_rendered_in_a_request_that_no_visitor_made() -> None:
    """In Flask's `test_request_context`, which passes no gate, a template that asks nothing works.

    Mails are rendered so: there `url_for` has a host.
    """
    app = gated()
    with app.test_request_context("/"):
        assert render_template_string("Hello {{ name }}", name="you") == "Hello you"
