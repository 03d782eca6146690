"""What visitors are shown, as the ledger keeps it: every word of it, and nothing but words."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import BaseLoader, DictLoader, PackageLoader

from adapters import KEY, Adapter, Reply, Visit, cookies, granted
from consentgate import (
    Category,
    Consent,
    ConsentGate,
    ConsentGateError,
    Cookie,
    Pages,
    Policy,
    ThirdParty,
)
from consentgate.pages import static
from consentgate.pages.settings import OFFICIAL
from consentgate.pages.visible import lines_of
from consentgate.policy_document import policy_document
from consentgate.proof import Document, digest
from consentgate.request import Target
from examples import portal_policy

COOKIES = (
    Cookie("session", purpose="Keeps you signed in", exemption="authentication"),
    Cookie("_ga*", "statistics", provider="Google", lifetime=timedelta(days=395)),
    Cookie("ad_id", "marketing", purpose={"en": "Chooses ads", "fr": "Choisit les annonces"}),
)
POLICY = Policy(COOKIES)


def shown(policy: Policy = POLICY, target: Target | None = None, **pages: Any) -> Document:
    """Return the document of what the pages of a site show."""
    gate = ConsentGate(policy, secret_key=KEY, pages=Pages(**pages))
    assert gate.site is not None
    return gate.site.shown(target or Target())


def content(document: Document) -> Any:
    """Return what a document says."""
    return json.loads(document.content)


# What it says


@pytest.mark.conformance("L3")
def test_the_document_has_the_words_of_the_pages() -> None:
    """Banner and preferences are in it line by line, with the policy's hash and its categories."""
    document = shown(controller={"en": "The Shop", "fr": "La Boutique"})
    gate = ConsentGate(POLICY, secret_key=KEY)
    said = content(document)
    assert document == Document.of("text", gate.policy.revision, "en", document.content)
    assert document.hash == digest(document.content)
    assert said["policy"] == policy_document(gate.policy).hash
    assert said["revision"] == gate.policy.revision
    assert (said["language"], said["controller"]) == ("en", "The Shop")
    assert said["banner"] == [
        "Cookies on this site",
        (
            "With your agreement, The Shop uses cookies for the purposes below. None of them is "
            "set before you decide."
        ),
        "Statistics (Google)",
        "Measure how the site is used, visitor by visitor.",
        "Marketing",
        "Follow you to choose or to measure advertising.",
        "Your answer is kept for 6 months. You can change it at any time. Cookie charter",
        "Accept all",
        "Refuse all",
        "Choose",
    ]
    assert said["preferences"][:4] == [
        "Your choice about cookies",
        "Your choice about cookies",
        "You have not decided yet. Until you do, only cookies that need no consent are set.",
        "Decide for each purpose. What you leave open counts as refused. Cookie charter",
    ]
    assert "_ga*" in said["preferences"]
    assert said["preferences"][-1] == "Save my choice"
    keys = [category["key"] for category in said["categories"]]
    assert keys == ["necessary", "statistics", "marketing"]
    assert not any("allowed" in category for category in said["categories"])
    assert said["categories"][2]["cookies"][0]["purpose"] == "Chooses ads"


@pytest.mark.conformance("L3")
@pytest.mark.parametrize("language", OFFICIAL)
def test_each_language_has_a_document_of_its_own(language: str) -> None:
    """In each language the words are that language's, under a hash of their own."""
    gate = ConsentGate(portal_policy.policy, secret_key=KEY)
    assert gate.site is not None
    document = gate.site.shown(Target(accept_language=language))
    assert document.language == content(document)["language"] == language
    catalogue = gate.site.renderer.languages.all[language]
    assert catalogue.say("Accept all") in content(document)["banner"]
    assert catalogue.say("Save my choice") in content(document)["preferences"]
    others = {gate.site.shown(Target(accept_language=code)).hash for code in OFFICIAL}
    assert len(others) == len(OFFICIAL)


@pytest.mark.conformance("L3")
@pytest.mark.parametrize(
    ("target", "language"),
    [
        (Target(), "en"),
        (Target(accept_language="fr-CA, de;q=0.5"), "fr"),
        (Target(accept_language="fr", cookie_lines=[b"language=da"]), "da"),
        (Target(query="lang=sv", accept_language="fr", cookie_lines=[b"language=da"]), "sv"),
        (Target(query="lang=tlh"), "en"),
    ],
)
def test_the_language_is_that_of_the_page(target: Target, language: str) -> None:
    """The text is in the language in which a page answers the same request."""
    policy = Policy([*COOKIES, Cookie("language", exemption="interface")])
    assert shown(policy, target, language_cookie="language").language == language


# What changes it, and what does not


def reworded(name: str, old: str, new: str) -> DictLoader:
    """Return templates of a site: one of the package's with other words in it."""
    source, _, _ = PackageLoader("consentgate.pages").get_source(_environment(), name)
    assert old in source
    return DictLoader({name: source.replace(old, new)})


def _environment() -> Any:
    from jinja2 import Environment

    return Environment(autoescape=True)


ADVERTS = ThirdParty("Adverts", "marketing", hosts=["ads.example"])
OTHERS: Mapping[str, tuple[Policy, dict[str, Any]]] = {
    "a purpose": (Policy([*COOKIES[:2], Cookie("ad_id", "marketing", purpose="Ads")]), {}),
    "a cookie": (Policy([*COOKIES, Cookie("_gid", "statistics")]), {}),
    "a category": (Policy([*COOKIES, Cookie("c", "x")], categories=[Category("x")]), {}),
    "a third party": (Policy(COOKIES, third_parties=[ADVERTS]), {}),
    "a revision": (Policy(COOKIES, revision="2"), {}),
    "the controller": (POLICY, {"controller": "Another"}),
    "the banner": (
        POLICY,
        {"templates": reworded("banner.html", "</ul>", "</ul><p>And mind the dog.</p>")},
    ),
    "the preferences": (
        POLICY,
        {"templates": reworded("preferences.html", "</form>", "<small>Hm</small></form>")},
    ),
    "what is read aloud": (
        POLICY,
        {"templates": reworded("banner.html", "</ul>", "</ul><img src='/x' alt='A dog'>")},
    ),
}


@pytest.mark.conformance("L3")
@pytest.mark.parametrize("what", OTHERS)
def test_whatever_visitors_read_is_in_the_hash(what: str) -> None:
    """Where a word changes, in the policy or in a template of the site, the hash does."""
    policy, pages = OTHERS[what]
    assert shown(policy, **pages).hash != shown().hash


SAME: Mapping[str, dict[str, Any]] = {
    "another place": {"path": "/legal"},
    "fewer languages": {"languages": ["en"]},
    "a policy of the pages": {"content_security_policy": "default-src 'self'"},
    "reports": {"reports": False},
    "a class": {"templates": reworded("banner.html", 'class="consentgate-inner"', 'class="x"')},
    "a hidden field": {
        "templates": reworded("banner.html", "</form>", "<input type=hidden value=1></form>")
    },
    "a style": {"templates": reworded("banner.html", "</ul>", "</ul><style>p { x: y }</style>")},
    "a script": {"templates": reworded("banner.html", "</ul>", "</ul><script>x()</script>")},
    "white space": {"templates": reworded("banner.html", "</ul>", "</ul>\n\n  <p>\n\n</p>")},
}


@pytest.mark.conformance("L3")
@pytest.mark.parametrize("what", SAME)
def test_what_nobody_reads_is_not(what: str) -> None:
    """Where nothing changes that visitors read, the hash stays."""
    assert shown(**SAME[what]) == shown()


def test_names_of_files_are_no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new version of style or script changes no hash."""
    before = shown()
    changed = {
        kind: file._replace(name=f"new.{kind}") for kind, file in static.static_files().items()
    }
    monkeypatch.setattr("consentgate.pages.links.static_files", lambda: changed)
    assert shown() == before


@pytest.mark.conformance("L3")
def test_it_is_the_same_for_every_visitor(adapter: Adapter) -> None:
    """It has nothing in it of who asks: no choice, no signal, no page that somebody comes from."""
    gate = ConsentGate(POLICY, secret_key=KEY)
    seen: set[Document] = set()

    def asking(consent: Consent) -> Reply:
        assert gate.site is not None
        seen.add(gate.site.shown(consent.target))
        return cookies()

    visits = [
        Visit(),
        granted(gate, "statistics"),
        Visit(headers=[(b"sec-gpc", b"1")]),
        Visit(path="/basket", query=b"back=/cookies&saved=1", root="/mount"),
        Visit(path="/cookiesx", https=True, method="POST"),
    ]
    for visit in visits:
        adapter(gate, asking, visit)
    assert len(seen) == 1


def test_a_ledger_does_not_change_it() -> None:
    """The number of a choice, which only a site with a ledger shows, is no part of the text."""
    from consentgate.pages.site import Site

    policy, age = ConsentGate(POLICY, secret_key=KEY).policy, timedelta(days=182)
    with_one, without = (
        Site(policy, Pages(), max_age=age, keeps_proof=keeps) for keeps in (True, False)
    )
    assert with_one.shown(Target()) == without.shown(Target())


# Templates of a site


class Changing(BaseLoader):
    """The package's banner in a file that somebody writes to."""

    def __init__(self) -> None:
        self.source = ""

    def get_source(self, environment: Any, template: str) -> Any:
        """Return the template as it is now; there is only one."""
        if template != "banner.html":
            return PackageLoader("consentgate.pages").get_source(environment, template)
        source = self.source
        return source, None, lambda: source == self.source


@pytest.mark.conformance("L3")
def test_a_template_that_changes_is_read_anew() -> None:
    """The text follows a site's own templates while it runs, as its pages do."""
    templates = Changing()
    templates.source = "<p>One</p>"
    gate = ConsentGate(POLICY, secret_key=KEY, pages=Pages(templates=templates))
    assert gate.site is not None
    first = gate.site.shown(Target())
    assert content(first)["banner"] == ["One"]
    assert gate.site.shown(Target()) is first
    templates.source = "<p>Two</p>"
    assert content(gate.site.shown(Target()))["banner"] == ["Two"]


def test_our_own_templates_are_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot change is remembered: a choice costs no rendering."""
    gate = ConsentGate(POLICY, secret_key=KEY)
    assert gate.site is not None
    first = gate.site.shown(Target())
    monkeypatch.setattr(gate.site.renderer, "html", None)
    assert gate.site.shown(Target()) is first


def test_a_template_that_fails_keeps_nobody_from_answering(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What cannot be rendered was shown to nobody: it has no lines, and the log says why."""
    templates = DictLoader({"banner.html": "<p>Hello{{ 1 // 0 }}</p>"})
    with caplog.at_level(logging.ERROR, "consentgate"):
        said = content(shown(templates=templates))
    assert said["banner"] == []
    assert said["preferences"]
    assert "banner.html cannot be rendered" in caplog.text


# The words of a page


@pytest.mark.conformance("L3")
@pytest.mark.parametrize(
    ("html", "lines"),
    [
        ("", []),
        ("<p>One</p><p>Two</p>", ["One", "Two"]),
        ("<p>One<p>Two", ["One", "Two"]),
        ("<p>One <b>and</b>\n <i>the\tsame</i></p>", ["One and the same"]),
        ("One<br>Two<hr/>Three", ["One", "Two", "Three"]),
        ("<li>a<ul><li>b</ul>c</li>", ["a", "b", "c"]),
        ("caf&eacute; &lt;b&gt; &amp;amp;", ["café <b> &amp;"]),
        ("<title>A</title><style>p{}</style><script>x</script>B", ["A", "B"]),
        ("a<template><p>b</p></template>c", ["a", "c"]),
        ("a<div hidden><p>b<p>c</div>d", ["a", "d"]),
        ("<p hidden>a<p>b", ["b"]),
        ("<p hidden>a<b>b</p>c", ["c"]),
        ("<div hidden><br>a<img alt=b>c</div>d", ["d"]),
        ("<button hidden title=x>a</button><button>b</button>", ["b"]),
        ("<p><img alt='A dog' src=x>barks", ["A dog barks"]),
        ("<p>a<img src=x alt>b", ["ab"]),
        ("<input type=submit value=Accept><input type=hidden value=x><input value=y>", ["Accept"]),
        ("<input type=BUTTON>", []),
        ("<section aria-label=Cookies><h2>Hello</h2></section>", ["Cookies", "Hello"]),
        ("<label><input type=radio> Yes</label><label>No</label>", ["Yes", "No"]),
        ("</p>a</div>b", ["a", "b"]),
        ("<svg><path/><title>Dog</title></svg>x", ["Dog", "x"]),
        ("a<!-- b -->c", ["ac"]),
        ("a<![CDATA[b]]>c<![if x]>d", ["acd"]),
        ("a\0b", ["a\N{REPLACEMENT CHARACTER}b"]),
    ],
)
def test_lines_are_what_is_read(html: str, lines: list[str]) -> None:
    """Blocks make lines, blanks are one, and what is hidden or for machines is left out."""
    assert lines_of(html) == lines


PIECES = st.sampled_from(
    [
        *("<", "</", ">", "<p hidden>", "</p>", "<!--", "-->", "<![", "]]>", "<?x", "<!doctype x>"),
        *(
            "<br/>",
            "<script>",
            "</script>",
            "<textarea>",
            "<title>",
            "&amp",
            "&#x0;",
            "=",
            "'",
            '"',
        ),
        *("<input type=submit value='x'>", "<svg/>", "a", "\0", " ", "\n"),
    ]
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=12))
def test_any_page_has_lines(pieces: list[str]) -> None:
    """Whatever a template makes, its lines are lines with something in them."""
    for line in lines_of("".join(pieces)):
        assert line == " ".join(line.split()) != ""


# The policy


@pytest.mark.conformance("L3")
def test_a_policy_can_be_read_again(tmp_path: Path) -> None:
    """The document of a policy is the file that it could be, under the hash of that."""
    policy = ConsentGate(portal_policy.policy, secret_key=KEY).policy
    document = policy_document(policy)
    assert document == Document.of("policy", policy.revision, "", policy.to_toml())
    assert document.hash == digest(document.content)
    (tmp_path / "consentgate.toml").write_text(document.content, "utf-8")
    assert Policy.from_toml(tmp_path / "consentgate.toml") == policy


def test_a_policy_that_no_file_can_say_has_none() -> None:
    """What cannot be written down cannot be shown later on: that is an error."""
    policy = Policy([Cookie("a", "statistics", lifetime=timedelta(milliseconds=1500))])
    with pytest.raises(ConsentGateError, match="whole seconds"):
        policy_document(policy)


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    """Neither a writer of files nor the pages are loaded by who only imports it."""
    code = (
        "import sys, consentgate.policy_document; "
        "print({'tomlkit', 'jinja2', 'consentgate.pages.site'} & sys.modules.keys())"
    )
    ran = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert ran.stdout.strip() == "set()"
