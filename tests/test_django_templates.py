"""Django's idiom: the choice in templates, the tags that show the pages, the app with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from django.apps import apps
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import TemplateSyntaxError
from django.template.loader import render_to_string
from django.test import RequestFactory, override_settings
from django.urls import path
from django.utils import translation
from jinja2 import DictLoader

from adapters import KEY, Answer, Visit, behind, behind_wsgi, token_pair
from consentgate import Consent, ConsentGate, ConsentGateError, Cookie, Policy
from consentgate.frameworks.django import consent
from django_setup import (
    GATED,
    by_asgi,
    by_async_client,
    by_client,
    by_wsgi,
    run_asgi,
    run_wsgi,
    site,
)

APP = "consentgate.frameworks.django"
CONTEXT = "consentgate.frameworks.django.context"
REQUEST = "django.template.context_processors.request"
LOCALE = "django.middleware.locale.LocaleMiddleware"
GATE = ConsentGate(
    Policy(
        [
            Cookie("sessionid", exemption="authentication"),
            Cookie("visits", "anonymous_statistics", exemption="audience-measurement"),
            Cookie("_ga*", "statistics"),
            Cookie("ad_id", "marketing"),
        ]
    ),
    secret_key=KEY,
)
UNANSWERED = b""
GRANTED = token_pair(GATE, "statistics")
REFUSAL = GATE.set_cookie_for(GATE.choice([], GATE.policy.choosable))
ALL_REFUSED = REFUSAL.partition(";")[0].encode()
SHOWN = "{% if consent.statistics %}shown{% else %}hidden{% endif %}"


# A site of one page, made of a template


def page(request: HttpRequest) -> HttpResponse:
    """Render the template."""
    return render(request, "page.html", {"language": "fr"})


def in_french(request: HttpRequest) -> HttpResponse:
    """Render the template in a language that the view has chosen."""
    with translation.override("fr"):
        return page(request)


def in_no_language(request: HttpRequest) -> HttpResponse:
    """Render the template where Django translates nothing."""
    with translation.override(None):
        return page(request)


urlpatterns = [path("", page), path("french", in_french), path("none", in_no_language)]


def by_gated_wsgi(visit: Visit) -> Answer:
    """Visit a Django without the middleware, behind a gate."""
    with override_settings(MIDDLEWARE=[]):
        return run_wsgi(behind_wsgi(GATE, WSGIHandler()), visit)


def by_gated_asgi(visit: Visit) -> Answer:
    """Visit it over ASGI."""
    with override_settings(MIDDLEWARE=[]):
        return run_asgi(behind(GATE, ASGIHandler()), visit)


def by_both(visit: Visit) -> Answer:
    """Visit a Django with the middleware, behind the same gate."""
    return run_wsgi(behind_wsgi(GATE, WSGIHandler()), visit)


Way = Callable[[Visit], Answer]
WAYS: Mapping[str, Way] = {
    "client": by_client,
    "async-client": by_async_client,
    "wsgi": by_wsgi,
    "asgi": by_asgi,
    "gate around, wsgi": by_gated_wsgi,
    "gate around, asgi": by_gated_asgi,
    "gate around and middleware": by_both,
}


def settings(source: str, processors: Sequence[str] = (CONTEXT, REQUEST)) -> Any:
    """Return the settings of the site, with a template and these context processors."""
    loader = ("django.template.loaders.locmem.Loader", {"page.html": source})
    options = {"context_processors": list(processors), "loaders": [loader]}
    return override_settings(
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=[APP],
        TEMPLATES=[
            {"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": options}
        ],
    )


def answer(
    source: str,
    cookie: bytes = UNANSWERED,
    way: Way = by_client,
    *,
    at: str = "/",
    accept: str = "en",
    processors: Sequence[str] = (CONTEXT, REQUEST),
) -> Answer:
    """Answer a visitor with a page made of a template."""
    cookies, headers = [cookie] if cookie else [], [(b"Accept-Language", accept.encode())]
    with site(GATE, [GATED, LOCALE]), settings(source, processors):
        return way(Visit(cookies, path=at, headers=headers))


def shown(source: str, *args: Any, **options: Any) -> str:
    """Return what a template shows; arguments are those of `answer`."""
    answered = answer(source, *args, **options)
    assert answered.status == 200
    return answered.body.decode()


# The choice


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
@pytest.mark.parametrize(
    ("cookie", "expected"),
    [(GRANTED, "shown"), (UNANSWERED, "hidden"), (ALL_REFUSED, "hidden")],
    ids=["granted", "unanswered", "refused"],
)
def test_a_template_shows_what_is_allowed(way: Way, cookie: bytes, expected: str) -> None:
    """`{% if consent.statistics %}` shows what was granted, and hides what was not."""
    assert shown(SHOWN, cookie, way) == expected
    assert shown(SHOWN.replace("statistics", "marketing"), cookie, way) == "hidden"


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
def test_the_consent_is_found_however_the_gate_is_there(way: Way) -> None:
    """`consent(request)` and `context` give what the middleware or a gate around Django has."""
    source = "{{ consent.answered }} {{ consent.anonymous_statistics }} {{ consent.necessary }}"
    assert shown(source, UNANSWERED, way) == "False True True"
    assert shown(source, ALL_REFUSED, way) == "True False True"


def test_request_consent_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the middleware, `consent(request)` is the handle that is `request.consent`."""
    seen: list[bool] = []

    def context(request: Any) -> dict[str, object]:
        seen.append(consent(request) is request.consent)
        return {}

    monkeypatch.setattr(f"{__name__}.heard", context, raising=False)
    shown(SHOWN, processors=[f"{__name__}.heard", CONTEXT])
    assert seen == [True]


@pytest.mark.parametrize("cookie", [UNANSWERED, GRANTED])
@pytest.mark.parametrize("name", ["unheard_of", "Statistics", "statistics.more", "0", "allows.x"])
def test_an_unknown_category_is_false(cookie: bytes, name: str) -> None:
    """What is no category of the policy is false in a template, and empty, and raises nothing."""
    source = f"{{% if consent.{name} %}}shown{{% endif %}}[{{{{ consent.{name} }}}}]"
    assert shown(source, cookie) == "[]"
    assert shown(f"{{% if not consent.{name} %}}hidden{{% endif %}}", cookie) == "hidden"


@pytest.mark.parametrize("cookie", [UNANSWERED, GRANTED, ALL_REFUSED])
@pytest.mark.parametrize("act", ["grant", "choose", "grant_all", "refuse_all", "withdraw"])
@pytest.mark.parametrize("where", ["consent", "request.consent", "request.META.consentgate"])
def test_a_template_cannot_change_the_choice(where: str, act: str, cookie: bytes) -> None:
    """What changes the choice is empty in a template, and changes nothing."""
    state = "{{ consent.answered }} {{ consent.statistics }} {{ consent.marketing }}"
    before = shown(state, cookie)
    changed = f"[{{{{ {where}.{act} }}}}{{% if {where}.{act} %}}yes{{% endif %}}]"
    answered = answer(changed + state, cookie)
    assert answered.body.decode() == f"[]{before}"
    assert answered.set_cookies == []


def test_a_request_that_passed_no_gate_says_so() -> None:
    """`consent(request)` raises ConsentGateError where neither the middleware nor a gate was."""
    with pytest.raises(ConsentGateError, match=r"no consent in this request: put the gate around"):
        consent(RequestFactory().get("/"))


def test_what_asks_nothing_is_rendered_without_a_gate() -> None:
    """A view is tested with a RequestFactory; only a template that asks says what is wrong."""
    with settings("Hello {{ language }}"):
        assert page(RequestFactory().get("/")).content == b"Hello fr"
    with settings(SHOWN), pytest.raises(ConsentGateError, match="no consent in this request"):
        page(RequestFactory().get("/"))


def test_a_jinja_template_of_django_asks_as_well() -> None:
    """Under Django's Jinja2 backend the context processor gives the same `consent`."""
    source = f"{SHOWN}{{% if consent.unheard_of %}}never{{% endif %}}{{{{ consent.link_html() }}}}"
    options = {"context_processors": [CONTEXT], "loader": DictLoader({"page.html": source})}
    backend = {"BACKEND": "django.template.backends.jinja2.Jinja2", "OPTIONS": options}
    for cookie, expected in ((GRANTED, "shown"), (UNANSWERED, "hidden"), (ALL_REFUSED, "hidden")):
        visit = Visit([cookie] if cookie else [])
        with site(GATE), override_settings(ROOT_URLCONF=__name__, TEMPLATES=[backend]):
            text = by_client(visit).body.decode()
        assert text.startswith(f"{expected}<div class=")
        assert "Cookie settings" in text


# The tags

TAGS = {
    "consent_banner": ("<section ", "Accept all", "Tout accepter"),
    "consent_link": ("<div ", "Cookie settings", "Gestion des cookies"),
    "consent_charter": ("<div ", "Statistics", "Statistiques"),
}


def tag(name: str) -> str:
    """Return a template of one tag, with its argument."""
    return f"{{% load consentgate %}}{{% {name} %}}"


@pytest.mark.conformance("P7")
@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
@pytest.mark.parametrize("name", TAGS)
def test_a_tag_shows_its_part_of_the_pages(name: str, way: Way) -> None:
    """Each tag gives markup as it is, in French where the template or the view says so."""
    start, english, french = TAGS[name]
    for source, at, words in (
        (tag(f"{name} 'en'"), "/", english),
        (tag(f"{name} 'en'"), "/french", english),
        (tag(f"{name} 'fr'"), "/", french),
        (tag(f"{name} language=language"), "/", french),
        (tag(name), "/french", french),
    ):
        text = shown(source, way=way, at=at)
        assert text.startswith(start)
        assert words in text
        assert "&lt;" not in text
        assert (f'lang="{"fr" if words == french else "en"}"') in text


@pytest.mark.conformance("P7")
@pytest.mark.parametrize("name", TAGS)
def test_a_tag_speaks_the_language_that_django_chose(name: str) -> None:
    """The language is Django's own, whatever the browser asks for; the browser's, without one."""
    _, english, french = TAGS[name]
    # The site has French and English, by its settings; the pages have German too.
    assert french in shown(tag(name), accept="fr")
    assert english in shown(tag(name), accept="en")
    assert 'lang="de"' not in shown(tag(name), accept="de")
    assert french in shown(tag(name), at="/french", accept="en")
    assert 'lang="de"' in shown(tag(name), at="/none", accept="de")


def test_a_tag_loads_the_script() -> None:
    """`{% consent_script %}` is the element that loads the script, told what is allowed."""
    text = shown(tag("consent_script"), GRANTED)
    assert text.startswith("<script src=")
    assert 'data-allowed="necessary anonymous_statistics statistics"' in text


def test_the_banner_is_not_shown_to_who_has_answered() -> None:
    """After an answer, a refusal too, `{% consent_banner %}` is empty."""
    for cookie in (GRANTED, ALL_REFUSED):
        assert shown(tag("consent_banner"), cookie) == ""


def test_the_link_withdraws_where_something_is_granted() -> None:
    """`{% consent_link %}` has the button that withdraws after a grant, and not before."""
    assert "Withdraw my consent" in shown(tag("consent_link"), GRANTED)
    assert "Withdraw my consent" not in shown(tag("consent_link"))


def test_a_tag_can_be_kept_in_a_variable() -> None:
    """`{% consent_banner as banner %}` keeps the markup, to be shown as it is."""
    kept = shown(tag("consent_banner as banner") + "{% if banner %}<b>{{ banner }}</b>{% endif %}")
    assert kept == f"<b>{shown(tag('consent_banner'))}</b>"


@pytest.mark.parametrize("name", [*TAGS, "consent_script"])
def test_a_tag_needs_no_context_processor(name: str) -> None:
    """A template that is rendered for a request has the tags, whatever processors there are."""
    assert shown(tag(name), processors=[]) == shown(tag(name))


@pytest.mark.parametrize("name", [*TAGS, "consent_script"])
def test_a_tag_without_a_request_says_what_is_missing(name: str) -> None:
    """In a template that is rendered for nobody, a mail say, a tag raises ConsentGateError."""
    with settings(tag(name)), pytest.raises(ConsentGateError, match="request"):
        render_to_string("page.html")


@pytest.mark.parametrize("name", [*TAGS, "consent_script"])
def test_a_tag_without_pages_says_so(name: str) -> None:
    """With a gate that has no pages, a tag raises ConsentGateError."""
    gate = ConsentGate(GATE.policy, secret_key=KEY, pages=None)
    request = RequestFactory().get("/")
    request.META["consentgate"] = _handle(gate)
    with settings(tag(name)), pytest.raises(ConsentGateError, match="this gate has pages=None"):
        page(request)


def _handle(gate: ConsentGate) -> Consent:
    """Return the handle that a gate puts into a request."""
    found: list[Consent] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        found.append(environ["consentgate"])
        start_response("200 OK", [])
        return []

    behind_wsgi(gate, app)({}, lambda *_: None)
    return found[0]


# The app


def test_the_app_passes_the_checks_of_django(capsys: pytest.CaptureFixture[str]) -> None:
    """`manage.py check` finds nothing amiss with the app, which has no models."""
    # Django's own are there because other tests have loaded their checks.
    installed = [APP, "django.contrib.auth", "django.contrib.contenttypes"]
    with site(GATE), settings(""), override_settings(INSTALLED_APPS=installed):
        call_command("check", fail_level="DEBUG")
        assert "no issues" in capsys.readouterr().out
        config = apps.get_app_config("consentgate")
        assert config.name == APP
        assert list(config.get_models()) == []


def test_the_tags_are_there_with_the_app_alone() -> None:
    """Without the app in INSTALLED_APPS, Django does not know the tags, and says so."""
    with (
        settings(tag("consent_banner")),
        override_settings(INSTALLED_APPS=[]),
        pytest.raises(TemplateSyntaxError, match="'consentgate' is not a registered tag library"),
    ):
        render_to_string("page.html")


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_tags_for_scripts_and_frames_are_there(way: Way) -> None:
    """Guard, consent mode and placeholders come by tags too, with the page's nonce and language."""
    source = (
        "{% load consentgate %}{% consent_guard nonce='n1' %}{% consent_mode nonce='n2' %}"
        "{% consent_script 'n3' %}{% consent_external_script '/c.js' 'statistics' nonce='n4' %}"
        "{% consent_iframe 'https://video.test/' 'marketing' 'A film' loading='lazy' %}"
    )
    text = answer(source, way=way, accept="fr").body.decode()
    for number in range(1, 5):
        assert f'nonce="n{number}"' in text
    assert 'data-cookies="+sessionid +visits -ad_id -_ga*"' in text
    assert "analytics_storage" in text
    assert 'type="text/plain" data-consent="statistics" src="/c.js"' in text
    assert 'data-src="https://video.test/" title="A film" hidden loading="lazy"' in text
    assert 'lang="fr"' in text
