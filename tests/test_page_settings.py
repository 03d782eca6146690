"""What a site says about its pages: what cannot work is said at once, and how to mend it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from jinja2 import DictLoader

from adapters import KEY, Adapter, Answer, Reply, Visit, called, sets
from consentgate import Consent, ConsentGate, ConsentGateError, Cookie, Policy
from consentgate.pages.settings import OFFICIAL, Pages

Build = Callable[..., Any]
FOLDER = Path(__file__).parent


def unreached(_: Consent) -> Reply:
    """Answer nothing: what is for the pages is not for the app."""
    raise AssertionError("the app was asked")


def body(adapter: Adapter, gate: ConsentGate, path: str = "/cookies", **visit: Any) -> str:
    """Return the page that is answered with."""
    answer: Answer = adapter(gate, unreached, Visit(path=path, **visit))
    return answer.body.decode("utf-8")


WRONG: list[tuple[dict[str, Any], str]] = [
    *(
        ({"path": path}, r"path=.*: use a path as in '/cookies'")
        for path in ("", "/", "cookies", "/cookies/", "//cookies", "/a b", "/é", "/a?b", "/a#b")
    ),
    *(({"path": path}, "path=.*: use a path") for path in (None, 1, b"/cookies", "/a\n", "/%41")),
    *(
        ({"path": path}, "browsers resolve")
        for path in ("/.", "/..", "/a/..", "/./a", "/../cookies")
    ),
    *(
        ({"languages": languages}, r"languages=.*: use a list of codes, as in \['fr', 'en'\]")
        for languages in ("fr", [], (), None, 1, [1], ["FR"], ["f"], ["fr_CA"], [""], ["fr", None])
    ),
    ({"languages": ["fr", "fr"]}, "languages=.*: name each of them once"),
    ({"languages": ["fr", "en"], "default_language": "de"}, "default_language='de'.*: fr, en"),
    ({"default_language": "xx"}, "default_language='xx'.*use one of languages"),
    ({"default_language": None}, "default_language=None"),
    *(
        ({"language_cookie": name}, "language_cookie=.*: use a cookie's name")
        for name in ("", "a b", "a=b", "é", 1, b"lang")
    ),
    ({"controller": 1}, "controller must be a text"),
    ({"controller": {"fr": 1}}, "controller must be a text"),
    *(
        ({"proxies": number}, "proxies=.*: say how many there are")
        for number in (-1, True, 1.0, "1", None)
    ),
    *(
        ({"gpc": day}, r"gpc=.*: use a date, as in date\(2026, 11, 25\)")
        for day in ("2026-11-25", True, 0, datetime(2026, 11, 25))
    ),
    *(({"reports": value}, "reports=.*: say True or False") for value in (1, "no", None)),
    *(
        ({"content_security_policy": value}, "content_security_policy=.*: use one line")
        for value in ("", None, "a\nb", "a\r\nSet-Cookie: a=1", "é", 1)
    ),
    *(
        ({"locales": value}, "locales=.*: use the path of a folder")
        for value in (1, ["a"], True, b"a", "/nowhere/at/all", Path(__file__))
    ),
    *(
        ({"templates": value}, "templates=.*: use the path of a folder")
        for value in (1, {"a": "b"}, b"a")
    ),
]


@pytest.mark.parametrize(("options", "says"), WRONG)
def test_what_cannot_work_is_said_at_once(options: dict[str, Any], says: str) -> None:
    """An option that no site can mean raises, and names itself and the way to mend it."""
    with pytest.raises(ConsentGateError, match=f"^Pages.*{says}"):
        Pages(**options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"path": "/a/b.c~d_e-f"},
        {"path": "/.well-known/cookies"},
        {"languages": ("fr", "en")},
        {"languages": iter(["fr", "en"])},
        {"languages": {"fr": 1, "en": 2}},
        {"language_cookie": "lang"},
        {"controller": "The Shop"},
        {"controller": {"fr": "La Boutique"}},
        {"proxies": 2},
        {"gpc": date(2026, 11, 25)},
        {"reports": False},
        {"content_security_policy": "default-src 'self'"},
        {"templates": DictLoader({})},
        {"templates": str(FOLDER)},
        {"templates": FOLDER},
        {"locales": FOLDER},
    ],
)
def test_what_can_work_is_taken(options: dict[str, Any]) -> None:
    """Each option is taken as it is written, and can be read again."""
    pages = Pages(**options)
    assert pages.path == options.get("path", "/cookies")
    assert pages.proxies == options.get("proxies", 0)
    if "languages" in options:
        assert pages.languages == ("fr", "en")


def test_settings_do_not_change() -> None:
    """What was checked stays as it is."""
    pages = Pages()
    assert pages.languages == OFFICIAL
    with pytest.raises(FrozenInstanceError):
        pages.path = "/other"  # type: ignore[misc]  # that is what is tried


def test_a_list_of_languages_without_english_needs_no_default() -> None:
    """Who offers French alone means no English; the first language is the default."""
    assert Pages(languages=["fr", "de"]).default_language == "fr"
    assert Pages(languages=["fr", "en"]).default_language == "en"


GATES: list[tuple[Any, dict[str, Any], str]] = [
    (None, {"inject_banner": True}, "inject_banner=True: .*pages=None"),
    (1, {}, r"pages=1: use a path as in '/cookies', a Pages\(\.\.\.\), or None"),
    (True, {}, "pages=True: use a path"),
    (Pages, {}, "pages=.*: use a path"),
    ("cookies", {}, "Pages.path='cookies'.*: use a path"),
    (Pages(language_cookie="lang"), {}, r"Pages\(language_cookie='lang'\): only a necessary"),
    (Pages(language_cookie="_ga"), {}, r"Pages\(language_cookie='_ga'\): only a necessary"),
]


@pytest.mark.parametrize(("pages", "options", "says"), GATES)
def test_a_gate_says_what_its_pages_cannot(pages: Any, options: dict[str, Any], says: str) -> None:
    """Pages that a gate cannot serve are said when it is made, and how to mend them."""
    policy = Policy([Cookie("session"), Cookie("_ga", "statistics")])
    with pytest.raises(ConsentGateError, match=says):
        ConsentGate(policy, secret_key=KEY, pages=pages, **options)


def test_a_pattern_is_no_cookie_to_read() -> None:
    """The language is in a cookie with a name, and a pattern is no name."""
    with pytest.raises(ConsentGateError, match="language_cookie"):
        Pages(language_cookie="lang*")


# A site's own templates

OWN = {
    "charter.html": "{% extends 'consentgate/charter.html' %}"
    "{% block header %}<header>Our shop</header>{% endblock %}",
    "preferences.html": "{% extends 'base.html' %}{% block main %}{{ categories|length }} "
    "purposes for {{ controller }}, {{ standing.decisions }}{% endblock %}",
    "base.html": "<!doctype html><title>{% block title %}{% endblock %}</title><body>"
    "{% block header %}{% endblock %}{% block main %}{% endblock %}<footer>Ours</footer>",
    "banner.html": "<p>{{ _('Accept all') }}, please</p>",
}


def in_a_folder(folder: Path) -> Path:
    """Write the templates into a folder."""
    for name, text in OWN.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("kind", ["loader", "folder", "path of a folder"])
def test_a_site_has_its_own_templates(
    adapter: Adapter, policy: Policy, tmp_path: Path, kind: str
) -> None:
    """A template of the site replaces the one of its name, and can extend the original."""
    folder = in_a_folder(tmp_path)
    templates: dict[str, Any] = {"loader": DictLoader(OWN), "folder": folder}
    pages = Pages(templates=templates.get(kind, str(folder)), controller="<b>Us</b>")
    gate = ConsentGate(policy, secret_key=KEY, pages=pages)
    charter = body(adapter, gate)
    assert "<header>Our shop</header>" in charter
    assert "<h1>Cookie charter</h1>" in charter
    assert charter.endswith("<footer>Ours</footer>")
    preferences = body(adapter, gate, "/cookies/preferences")
    assert "5 purposes for &lt;b&gt;Us&lt;/b&gt;, {}" in preferences
    seen: list[str] = []
    adapter(gate, called(lambda consent: seen.append(consent.banner_html("fr")), sets()))
    assert seen == ["<p>Tout accepter, please</p>"]
    error = adapter(gate, unreached, Visit(method="POST", path="/cookies/choice"))
    assert error.status == 403 and error.body.endswith(b"<footer>Ours</footer>")


def test_a_sites_templates_are_for_its_gate_alone(adapter: Adapter, policy: Policy) -> None:
    """Another gate in the same process has the pages of the package."""
    own = ConsentGate(policy, secret_key=KEY, pages=Pages(templates=DictLoader(OWN)))
    assert "Our shop" in body(adapter, own)
    assert "Our shop" not in body(adapter, ConsentGate(policy, secret_key=KEY))


def test_a_template_is_read_anew_when_it_changes(
    adapter: Adapter, policy: Policy, tmp_path: Path
) -> None:
    """A loader that says that its template is out of date is asked again, as in development."""
    texts = dict(OWN)
    gate = ConsentGate(policy, secret_key=KEY, pages=Pages(templates=DictLoader(texts)))
    assert "Our shop" in body(adapter, gate)
    texts["charter.html"] = "anew"
    assert body(adapter, gate) == "anew"


def test_a_template_that_cannot_be_read_is_said_at_once(policy: Policy) -> None:
    """A template with a fault in its syntax is no page that a visitor is the first to miss."""
    for name in ("banner.html", "error.html", "link.html", "charter.html"):
        pages = Pages(templates=DictLoader({name: "{% if %}"}))
        with pytest.raises(ConsentGateError, match=rf"Pages\(templates\): {name} cannot be loaded"):
            ConsentGate(policy, secret_key=KEY, pages=pages)


def test_a_folder_without_templates_has_those_of_the_package(
    adapter: Adapter, policy: Policy, tmp_path: Path
) -> None:
    """What a site does not replace is as it was."""
    gate = ConsentGate(policy, secret_key=KEY, pages=Pages(templates=tmp_path))
    assert body(adapter, gate) == body(adapter, ConsentGate(policy, secret_key=KEY))
