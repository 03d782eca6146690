"""The language of the pages: whose word counts, what a language says, and what it does without."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from hypothesis import example, given
from hypothesis import strategies as st
from markupsafe import Markup

import arabic
from adapters import KEY, Adapter, Reply, Visit, called, sets, token_pair
from consentgate import Category, Consent, ConsentGate, ConsentGateError, Cookie, Policy
from consentgate.pages.language import Language, Languages
from consentgate.pages.settings import OFFICIAL, Pages

CHARTER = "/cookies"
POLICY = Policy([Cookie("lang", exemption="interface"), Cookie("_ga", "statistics")])
GATE = ConsentGate(POLICY, secret_key=KEY, pages=Pages(language_cookie="lang"))


def unreached(_: Consent) -> Reply:
    """Answer nothing: what is for the pages is not for the app."""
    raise AssertionError("the app was asked")


def parsed(markup: str) -> Element:
    """Return a page, or what goes into one, as browsers read it; every error in it raises."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    whole = markup.lstrip().startswith("<!doctype")
    read: Element = parser.parse(markup) if whole else parser.parseFragment(markup)
    return read


def text_of(element: Element) -> str:
    """Return what an element says, as a browser shows it."""
    return " ".join("".join(element.itertext()).split())


def page(adapter: Adapter, gate: ConsentGate, visit: Visit) -> Element:
    """Return the page that is answered with."""
    answer = adapter(gate, unreached, visit)
    assert answer.status == 200
    document = parsed(answer.body.decode("utf-8"))
    assert document.tag == "html"
    return document


def asking(
    lang: bytes = b"", cookie: bytes = b"", accept: bytes = b"", path: str = CHARTER
) -> Visit:
    """Return the visit of somebody who asks for a language in one way or another."""
    return Visit(
        [b"lang=" + cookie] if cookie else [],
        path=path,
        query=b"lang=" + lang if lang else b"",
        headers=[(b"accept-language", accept)] if accept else [],
    )


# Whose word counts


@pytest.mark.conformance("P7")
@pytest.mark.parametrize(
    ("visit", "expected"),
    [
        (asking(), "en"),
        (asking(accept=b"es"), "es"),
        (asking(cookie=b"de", accept=b"es"), "de"),
        (asking(lang=b"fr", cookie=b"de", accept=b"es"), "fr"),
        (asking(lang=b"tlh", cookie=b"de", accept=b"es"), "de"),
        (asking(lang=b"tlh", cookie=b"tlh", accept=b"es"), "es"),
        (asking(lang=b"tlh", cookie=b"tlh", accept=b"tlh"), "en"),
        (asking(lang=b"fr&lang=de", accept=b"es"), "es"),
        (asking(lang=b"FR"), "fr"),
        (asking(lang=b"fr-CA"), "fr"),
        (asking(lang=b"pt_BR"), "pt"),
        (asking(lang=b"pt-Latn-BR-x-own"), "pt"),
        (asking(cookie=b"pt_BR"), "pt"),
        (asking(cookie=b"nl-be"), "nl"),
        (asking(accept=b"fr-CA"), "fr"),
        (asking(accept=b"pt_BR"), "pt"),
        (asking(accept=b"FR-ch, de;q=0.9"), "fr"),
        (asking(accept=b"de;q=0.5, fr;q=0.8"), "fr"),
        (asking(accept=b"tlh, sv;q=0.1"), "sv"),
        (asking(accept=b"fr;q=0, de;q=0.1"), "de"),
        (asking(accept=b"fr-CA, en;q=0.5"), "fr"),
        (asking(accept=b"de-AT, fr;q=0.9, en;q=0.8"), "de"),
        (asking(accept=b"*"), "en"),
        (asking(accept=b"tlh, *;q=0.5"), "en"),
        (asking(accept=b"it, *;q=0.5"), "it"),
        (asking(accept=b"fr;q=0"), "en"),
        (asking(accept=b""), "en"),
    ],
)
def test_the_language_is_the_visitors(adapter: Adapter, visit: Visit, expected: str) -> None:
    """`?lang=` counts before the site's cookie, that before Accept-Language; a region is none."""
    document = page(adapter, GATE, visit)
    assert (document.get("lang"), document.get("dir")) == (expected, "ltr")
    state = adapter(GATE, unreached, replace(visit, path="/cookies/choice.json"))
    assert json.loads(state.body)["language"] == expected


@pytest.mark.conformance("P7", "P8")
def test_json_speaks_the_language_too(adapter: Adapter) -> None:
    """The words in JSON are those of the visitor's language."""
    said = {
        "fr": ("Statistiques", "Vous n’avez pas encore fait de choix"),
        "de": ("Statistik", "Sie haben noch nicht entschieden"),
        "en": ("Statistics", "You have not decided yet"),
    }
    for language, (title, start) in said.items():
        visit = asking(lang=language.encode(), path="/cookies/choice.json")
        state = json.loads(adapter(GATE, unreached, visit).body)
        assert state["categories"][1]["title"] == title
        assert state["status"][0].startswith(start)


@pytest.mark.conformance("P7")
def test_a_cookie_counts_where_the_site_says_so(adapter: Adapter) -> None:
    """Without the option no cookie says the language; with it only one that can be read does."""
    plain = ConsentGate(POLICY, secret_key=KEY)
    assert page(adapter, plain, asking(cookie=b"de")).get("lang") == "en"
    for value in (b"\xff", b"%00", b'"de', b"", b"d e", b"x" * 5000):
        assert page(adapter, GATE, asking(cookie=value)).get("lang") == "en"


@pytest.mark.conformance("P7")
def test_the_default_is_the_sites(adapter: Adapter) -> None:
    """A site says which language is spoken to who asks for none of its own; one alone is it."""
    for pages, expected in (
        (Pages(default_language="fr"), "fr"),
        (Pages(languages=["fr"]), "fr"),
        (Pages(languages=["it", "en"]), "en"),
        (Pages(languages=["it", "de"], default_language="de"), "de"),
    ):
        gate = ConsentGate(POLICY, secret_key=KEY, pages=pages)
        for visit in (asking(), asking(lang=b"tlh"), asking(accept=b"tlh, *;q=0.1")):
            assert page(adapter, gate, visit).get("lang") == expected


@pytest.mark.conformance("P7")
def test_a_query_without_end_says_nothing(adapter: Adapter) -> None:
    """A query of more fields than anybody needs is not read, and the page is there all the same."""
    assert page(adapter, GATE, asking(lang=b"fr" + b"&a=1" * 98)).get("lang") == "fr"
    assert page(adapter, GATE, asking(lang=b"fr" + b"&a=1" * 200)).get("lang") == "en"


@pytest.mark.conformance("P7")
@pytest.mark.parametrize(
    "value",
    [
        *(b"\xff\xfe", b"%00", b"%FF", b"../../etc/passwd", b"fr/../de", b"<script>", b"f r"),
        *(b"-", b"--", b"_", b"-fr", b"x" * 10000, b"fr-" * 3000, b"\xc4\xb0", b"{}", b"%s"),
        *(b"*", b",", b";", b";q=", b"q=1", b"fr;q=nan", b"fr;q=inf", b"fr;q=1e999", b"fr;q=-1"),
        *(b"fr;q=x", b"fr;q==1", b'fr;q="', b"," * 5000, b"fr;q=0.5;q=0.6;x", b"fr;*0=a"),
    ],
)
def test_odd_values_are_no_language(adapter: Adapter, value: bytes) -> None:
    """Whatever is said in place of a language, the page is there, in one that it has."""
    for visit in (asking(lang=value), asking(cookie=value), asking(accept=value)):
        assert page(adapter, GATE, visit).get("lang") in OFFICIAL


ALL_LANGUAGES = Languages(OFFICIAL, "en")


@pytest.mark.conformance("P7")
@given(
    asked=st.none() | st.text(),
    header=st.text(st.characters(max_codepoint=255))
    | st.from_regex(r"([a-zA-Z*_-]{0,5}(;q=[0-9.e-]{0,4}|;)?[, ]{0,2}){0,6}", fullmatch=True),
)
@example("\x00", "*;q=1.5")
def test_any_text_names_a_language(asked: str | None, header: str) -> None:
    """Whatever is asked for or accepted, there is one language, and nothing raises."""
    assert ALL_LANGUAGES.best(asked, asked, header).code in OFFICIAL


@pytest.mark.conformance("P7")
def test_a_variety_is_a_language_of_its_own_where_the_site_has_it() -> None:
    """A site that offers a variety gets it said; who asks for another gets the nearest there is."""
    languages = Languages(["en", "pt-BR", "fr"], "en")
    assert languages.best("pt-BR", None, "").code == "pt-BR"
    assert languages.best("pt_br", None, "").code == "pt-BR"
    assert languages.best(None, None, "pt-BR, fr;q=0.5").code == "pt-BR"
    assert languages.best(None, None, "pt, fr;q=0.5").code == "pt-BR"
    assert languages.best(None, None, "fr-CA, en;q=0.5").code == "fr"


@pytest.mark.conformance("P7")
def test_a_page_of_the_app_says_its_language(adapter: Adapter) -> None:
    """What is put into a page speaks the language that the page tells it, and links go on in it."""
    seen: list[Markup] = []

    def act(consent: Consent) -> None:
        helpers = (consent.banner_html, consent.link_html, consent.charter_html)
        seen.extend(helper("it-CH") for helper in helpers)

    adapter(GATE, called(act, sets()), asking(lang=b"fr", cookie=b"de", path="/basket"))
    for markup in seen:
        (element,) = list(parsed(markup))
        assert element.get("lang") == "it"
        for each in element.iter("a"):
            assert "lang=it" in each.attrib["href"]
    untold: list[Markup] = []
    spanish = asking(accept=b"es", path="/basket")
    adapter(GATE, called(lambda c: untold.append(c.banner_html()), sets()), spanish)
    (element,) = list(parsed(untold[0]))
    assert element.get("lang") == "es"
    assert not [each for each in element.iter("a") if "lang=" in each.attrib["href"]]


@pytest.mark.conformance("P7")
def test_every_page_has_the_other_languages(adapter: Adapter) -> None:
    """Each language is a link, in its own words and marked as such; this one is the current."""
    document = page(adapter, GATE, asking(lang=b"fr"))
    (nav,) = list(document.iter("nav"))
    assert nav.get("aria-label") == "Langue"
    anchors = list(nav.iter("a"))
    assert [each.get("lang") for each in anchors] == [each.get("hreflang") for each in anchors]
    assert [each.get("lang") for each in anchors] == list(OFFICIAL)
    assert [text_of(e) for e in anchors if e.get("lang") in ("de", "el", "fr")] == [
        *("Deutsch", "Ελληνικά", "Français")
    ]
    assert [e.get("lang") for e in anchors if e.get("aria-current") == "true"] == ["fr"]
    assert all(each.get("href") == f"/cookies?lang={each.get('lang')}" for each in anchors)
    alone = ConsentGate(POLICY, secret_key=KEY, pages=Pages(languages=["fr"]))
    assert not list(page(adapter, alone, asking()).iter("nav"))


@pytest.mark.conformance("P7")
@pytest.mark.parametrize("language", OFFICIAL)
def test_every_language_makes_pages_in_good_order(language: str) -> None:
    """In each official language all pages read without an error, and nothing in them is empty."""
    adapter, lang = Adapter("asgi"), language.encode()
    for path in (CHARTER, "/cookies/preferences"):
        for cookies in ([], [token_pair(GATE, "statistics")]):
            visit = Visit(cookies, path=path, query=b"lang=" + lang)
            document = page(adapter, GATE, visit)
            assert document.get("lang") == language
            for tag in ("title", "h1", "h2", "p", "button", "legend", "th", "dt", "dd", "label"):
                assert all(text_of(each) for each in document.iter(tag))
            assert "%(" not in text_of(document)


# What is not translated


def policy_saying(text: str | Mapping[str, str]) -> Policy:
    """Return a policy that says this wherever it can say something."""
    return Policy(
        [Cookie("a", "own", provider=text, service=text, purpose=text)],
        categories=[Category("own", title=text, description=text)],
    )


MISSING: list[tuple[Mapping[str, str], str, str | None]] = [
    # text, shown to who asks for English where the default is French, marked as
    ({"en": "English", "fr": "Français"}, "English", None),
    ({"EN": "English", "fr": "Français"}, "English", None),
    ({"fr": "Français", "de": "Deutsch"}, "Français", "fr"),
    ({"de": "Deutsch", "FR": "Français"}, "Français", "fr"),
    ({"de": "Deutsch"}, "Deutsch", "de"),
    ({"de": "Deutsch", "sv": "Svenska"}, "Deutsch", "de"),
    ({"en": "", "de": "Deutsch"}, "Deutsch", "de"),
    ({"fr": "", "pt_BR": "Português"}, "Português", "pt-br"),
    ({"en-GB": "British"}, "British", "en-gb"),
]


@pytest.mark.conformance("P7")
@pytest.mark.parametrize(("text", "shown", "marked"), MISSING)
def test_what_is_missing_is_said_in_another_language(
    adapter: Adapter, text: Mapping[str, str], shown: str, marked: str | None
) -> None:
    """A text without a translation stands in the default language, or another, and says so."""
    gate = ConsentGate(policy_saying(text), secret_key=KEY, pages=Pages(default_language="fr"))
    visits = [asking(lang=b"en"), asking(lang=b"en", path="/cookies/preferences")]
    for visit in visits:
        document = page(adapter, gate, visit)
        marks = {(text_of(e), e.get("lang"), e.get("dir")) for e in document.iter("span")}
        expected = {(shown, marked, "auto")} if marked else set()
        assert {each for each in marks if each[1]} == expected
        assert shown in text_of(document)
    state = adapter(gate, unreached, asking(lang=b"en", path="/cookies/choice.json"))
    own = json.loads(state.body)["categories"][1]
    assert (own["title"], own["cookies"][0]["purpose"]) == (shown, shown)


@pytest.mark.conformance("P7")
def test_a_title_is_never_missing(adapter: Adapter) -> None:
    """A category without any title is called by its key."""
    for title in ("", {}, {"fr": ""}):
        policy = Policy([Cookie("a", "own")], categories=[Category("own", title=title)])
        gate = ConsentGate(policy, secret_key=KEY)
        document = page(adapter, gate, asking(path="/cookies/preferences"))
        assert [text_of(each) for each in document.iter("legend")] == ["Necessary", "own"]
        state = adapter(gate, unreached, asking(path="/cookies/choice.json"))
        assert json.loads(state.body)["categories"][1]["title"] == "own"


@pytest.mark.conformance("P7")
def test_one_text_for_all_languages_is_not_marked(adapter: Adapter) -> None:
    """What a site says once is said so everywhere, in no language that the gate could know."""
    gate = ConsentGate(policy_saying("Überall"), secret_key=KEY)
    document = page(adapter, gate, asking(lang=b"fr"))
    assert "Überall" in text_of(document)
    assert not [e for e in document.iter("span") if e.get("lang")]


@pytest.mark.conformance("P7")
def test_what_comes_with_the_package_is_translated(adapter: Adapter) -> None:
    """Built-in categories, and the consent cookie's purpose, are said in all languages."""
    document = page(adapter, GATE, asking(lang=b"de"))
    assert "Statistik" in text_of(document)
    assert "Measure how" not in text_of(document)
    assert "Remembers your choice" not in text_of(document)
    assert not [each for each in document.iter("span") if each.get("lang")]


@pytest.mark.conformance("P7")
def test_a_sentence_has_the_mark_of_a_word_in_it(adapter: Adapter) -> None:
    """Where a list or a sentence has a text of another language in it, only that is marked."""
    cookies = [Cookie("a", "own", provider={"de": "Firma"}), Cookie("b", "own", provider="B & C")]
    policy = Policy(cookies, categories=[Category("own", title={"de": "Eigene"})])
    gate = ConsentGate(policy, secret_key=KEY, pages=Pages(controller={"de": "Die Bude"}))
    seen: list[Markup] = []
    adapter(gate, called(lambda consent: seen.append(consent.banner_html()), sets()))
    banner = parsed(seen[0])
    assert "With your agreement, Die Bude uses cookies" in text_of(banner)
    assert [text_of(each) for each in banner.iter("li")] == ["Eigene (Firma and B & C)"]
    assert [text_of(each) for each in banner.iter("span")] == ["Die Bude", "Eigene", "Firma"]
    visit = Visit([token_pair(gate, "own")], path="/cookies/choice.json")
    assert "Accepted: Eigene." in json.loads(adapter(gate, unreached, visit).body)["status"]


# A language of the site's own


def test_a_site_brings_a_language(adapter: Adapter, tmp_path: Path) -> None:
    """A language with a catalogue of the site's is offered, in its direction and its own name."""
    arabic.write_catalogue(tmp_path)
    pages = Pages(languages=["ar", "en"], locales=tmp_path)
    gate = ConsentGate(POLICY, secret_key=KEY, pages=pages)
    document = page(adapter, gate, asking(accept=b"ar-EG"))
    assert (document.get("lang"), document.get("dir")) == ("ar", "rtl")
    assert text_of(next(document.iter("h1"))) == arabic.WORDS["Cookie charter"]
    assert [text_of(each) for each in document.iter("nav")] == ["العربية English"]
    assert all(each.get("dir") == "ltr" for each in document.iter("code"))
    seen: list[Markup] = []
    adapter(gate, called(lambda consent: seen.append(consent.banner_html("ar")), sets()))
    (banner,) = list(parsed(seen[0]))
    assert (banner.get("lang"), banner.get("dir")) == ("ar", "rtl")
    assert page(adapter, gate, asking()).get("dir") == "ltr"


def write(folder: Path, language: str, messages: Mapping[str, str]) -> Path:
    """Write a catalogue into a folder, and return the folder."""
    catalogue = Catalog()
    for message, words in messages.items():
        catalogue.add(message, words)
    path = folder / language / "LC_MESSAGES" / "consentgate.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_mo(file, catalogue)
    return folder


def test_a_site_says_it_in_its_own_words(adapter: Adapter, tmp_path: Path) -> None:
    """A catalogue of the site's rewords what it names; all else is as it was."""
    locales = write(tmp_path, "fr", {"Cookie charter": "Nos biscuits"})
    for folder in (locales, str(locales)):
        gate = ConsentGate(POLICY, secret_key=KEY, pages=Pages(locales=folder))
        document = page(adapter, gate, asking(lang=b"fr"))
        assert [text_of(each) for each in document.iter("h1")] == ["Nos biscuits"]
        assert text_of(next(document.iter("h2"))) == "Votre choix"
    # Nobody else's pages have changed.
    assert text_of(next(page(adapter, GATE, asking(lang=b"fr")).iter("h1"))) == "Charte cookies"


@pytest.mark.conformance("P7")
def test_a_catalogue_of_the_sites_may_lack_words(adapter: Adapter, tmp_path: Path) -> None:
    """What the package says of a category is marked where a site's own language has no word."""
    locales = write(tmp_path, "ja", {"Marketing": "マーケティング"})
    policy = Policy([Cookie("_ga", "statistics"), Cookie("ad", "marketing")])
    pages = Pages(languages=["en", "ja"], locales=locales)
    gate = ConsentGate(policy, secret_key=KEY, pages=pages)
    document = page(adapter, gate, asking(lang=b"ja", path="/cookies/preferences"))
    legends = {text_of(each): [e.get("lang") for e in each] for each in document.iter("legend")}
    assert legends == {"Necessary": ["en"], "Statistics": ["en"], "マーケティング": []}


@pytest.mark.parametrize(
    ("languages", "says"),
    [
        (["en", "ja"], r"there is no catalogue for 'ja'.*ja/LC_MESSAGES/consentgate\.mo"),
        (["en", "xx"], "'xx' is no language that Babel knows"),
    ],
)
def test_a_language_that_cannot_be_spoken_is_an_error(
    tmp_path: Path, languages: list[str], says: str
) -> None:
    """A language without a catalogue, or of which nothing is known, is said at construction."""
    pages = Pages(languages=languages, locales=write(tmp_path, "xx", {"Choose": "Xxx"}))
    with pytest.raises(ConsentGateError, match=says):
        ConsentGate(POLICY, secret_key=KEY, pages=pages)


# How a language counts


def language(code: str) -> Language:
    """Return a language of the pages."""
    return ALL_LANGUAGES.all[code]


@pytest.mark.conformance("P5")
@pytest.mark.parametrize(
    ("length", "said"),
    [
        ({"microseconds": 1}, "1 second"),
        ({"seconds": 1}, "1 second"),
        ({"seconds": 90}, "90 seconds"),
        ({"minutes": 1}, "1 minute"),
        ({"minutes": 30}, "30 minutes"),
        ({"hours": 1}, "1 hour"),
        ({"hours": 36}, "36 hours"),
        ({"days": 1}, "1 day"),
        ({"days": 7}, "7 days"),
        ({"days": 14}, "14 days"),
        ({"days": 30}, "1 month"),
        ({"days": 31}, "1 month"),
        ({"days": 90}, "90 days"),
        ({"days": 91}, "3 months"),
        ({"days": 182}, "6 months"),
        ({"days": 183}, "6 months"),
        ({"days": 182, "seconds": 1}, "15724801 seconds"),
        ({"days": 364}, "364 days"),
        ({"days": 365}, "1 year"),
        ({"days": 366}, "12 months"),
        ({"days": 395}, "13 months"),
        ({"days": 730}, "2 years"),
    ],
)
def test_a_length_of_time_is_said_as_people_do(length: dict[str, Any], said: str) -> None:
    """A lifetime is told in the longest unit in which it is a whole number."""
    assert language("en").duration(timedelta(**length)) == said


@pytest.mark.conformance("P5", "P7")
def test_dates_and_lists_are_those_of_the_language() -> None:
    """A day is written out, and a list is joined, as the language does it."""
    then = datetime(2027, 1, 15, 23, 59, tzinfo=UTC)
    assert [language(code).date(then) for code in ("en", "fr", "de")] == [
        *("15 January 2027", "15 janvier 2027", "15. Januar 2027")
    ]
    assert language("en").listed(["a", "b", "a", "c"]) == "a, b and c"
    assert language("fr").listed(["a", "b"]) == "a et b"
    assert language("fr").listed(["{0}", "%s"]) == "{0} et %s"
    assert language("en").listed([]) == ""
    marked = language("en").listed([Markup("<i>a</i>"), "<b>", "{1}"])
    assert marked == Markup("<i>a</i>, &lt;b&gt; and {1}")
    assert isinstance(marked, Markup)
