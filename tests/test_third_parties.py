"""The other sites that pages load things from, as visitors are told of them."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import pytest

from adapters import KEY, Adapter, Reply, Visit, called, sets
from consentgate import (
    Consent,
    ConsentGate,
    Cookie,
    Pages,
    Policy,
    ThirdParty,
)
from consentgate.pages.settings import OFFICIAL
from third_party_apps import gate

CHARTER = "/cookies"
PREFERENCES = "/cookies/preferences"
STATE = "/cookies/choice.json"
OTHERS = "Other sites that this site loads content from"


def unreached(_: Consent) -> Reply:
    """Answer nothing: what is for the pages is not for the app."""
    raise AssertionError("the app was asked")


def parsed(markup: str) -> Element:
    """Return a page, or what goes into one, as browsers read it; every error in it raises."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    whole = markup.lstrip().startswith("<!doctype")
    read: Element = parser.parse(markup) if whole else parser.parseFragment(markup)
    return read


def page(adapter: Adapter, gate: ConsentGate, path: str, language: str = "en") -> Element:
    """Return the page that is answered with."""
    answer = adapter(gate, unreached, Visit(path=path, query=f"lang={language}".encode()))
    assert answer.status == 200
    return parsed(answer.body.decode("utf-8"))


def banner(adapter: Adapter, gate: ConsentGate, language: str = "en") -> Element:
    """Return the banner, as a page of the app gets it."""
    seen: list[str] = []
    visit = Visit(query=f"lang={language}".encode())
    adapter(gate, called(lambda consent: seen.append(consent.banner_html(language)), sets()), visit)
    return parsed(seen[0])


def stated(adapter: Adapter, gate: ConsentGate, language: str = "en") -> dict[str, Any]:
    """Return what the JSON says of each category, by its key."""
    visit = Visit(path=STATE, query=f"lang={language}".encode())
    state = json.loads(adapter(gate, unreached, visit).body)
    return {category["key"]: category for category in state["categories"]}


def text_of(element: Element) -> str:
    """Return what an element says, as a browser shows it."""
    return " ".join("".join(element.itertext()).split())


def texts(element: Element, tag: str) -> list[str]:
    """Return what the elements of a name say, in order."""
    return [text_of(each) for each in element.iter(tag)]


def rows(table: Element) -> list[list[str]]:
    """Return what the cells of a table say, row by row, its head first."""
    return [[text_of(cell) for cell in row if cell.tag in ("td", "th")] for row in table.iter("tr")]


def outside(element: Element) -> list[Element]:
    """Return the links to other sites."""
    return [each for each in element.iter("a") if each.attrib["href"].startswith("http")]


def gate_of(*third_parties: ThirdParty, cookies: Any = (), **declared: Any) -> ConsentGate:
    """Return a gate of a site that loads things from these, in English and in French."""
    own = Policy(cookies, third_parties=third_parties, **declared)
    return ConsentGate(own, secret_key=KEY, pages=Pages(languages=["en", "fr"]))


# Where they are told


@pytest.mark.conformance("P5")
def test_the_charter_lists_them(adapter: Adapter) -> None:
    """Behind the cookies of their category a table has name, purpose, notice and hosts of each."""
    document = page(adapter, gate, CHARTER)
    # The first of its sections is the visitor's choice.
    sections = {texts(each, "h3")[0]: each for each in [*document.iter("section")][1:]}
    assert [*sections] == ["Necessary", "Anonymous statistics", "Marketing", "Social media"]
    marketing = sections["Marketing"]
    cookies, others = marketing.iter("table")
    assert rows(cookies)[1][2] == "ad_id"
    assert texts(marketing, "h4") == [OTHERS]
    assert texts(others, "caption") == [f"Marketing – {OTHERS}"]
    assert rows(others) == [
        ["Name", "Purpose", "Loaded from"],
        [
            "YouTube",
            "Plays the films in our articlesPrivacy notice of YouTube",  # On two lines.
            "www.youtube-nocookie.com and *.ytimg.com",
        ],
    ]
    assert [(code.get("dir"), code.text) for code in others.iter("code")] == [
        *(("ltr", "www.youtube-nocookie.com"), ("ltr", "*.ytimg.com"))
    ]
    assert texts(sections["Anonymous statistics"], "h4") == []
    (social,) = sections["Social media"].iter("table")
    assert rows(social)[2] == ["Nobody in particular", "–", "–"]


@pytest.mark.conformance("P4")
def test_the_preferences_list_them(adapter: Adapter) -> None:
    """Each category that the visitor decides on says what is loaded for it, and from where."""
    fieldsets = {
        texts(each, "legend")[0]: each for each in page(adapter, gate, PREFERENCES).iter("fieldset")
    }
    assert texts(fieldsets["Marketing"], "summary") == ["Cookies for this purpose: 1", OTHERS]
    assert texts(fieldsets["Social media"], "summary") == [OTHERS]
    assert texts(fieldsets["Social media"], "label") == ["Accept", "Refuse"]
    assert texts(fieldsets["Marketing"], "dt")[1:] == ["YouTube"]
    assert texts(fieldsets["Marketing"], "dd")[1] == (
        "Plays the films in our articles "
        "Loaded from – www.youtube-nocookie.com and *.ytimg.com Privacy notice of YouTube"
    )
    assert texts(fieldsets["Social media"], "dd") == [
        "Shows posts Loaded from – mastodon.example Privacy notice of Mastodon",
        "–",
    ]


@pytest.mark.conformance("P4", "P5")
@pytest.mark.parametrize("path", [CHARTER, PREFERENCES])
def test_their_notices_are_links(adapter: Adapter, path: str) -> None:
    """A link to a notice says whose it is, opens where one is, and takes no address along."""
    for language, address in (
        ("en", "https://films.example/en?a=1&b=2"),
        ("fr", "https://films.example/fr"),
        ("de", "https://films.example/en?a=1&b=2"),
    ):
        links = outside(page(adapter, gate, path, language))
        assert [(link.attrib["href"], link.get("rel"), link.get("target")) for link in links] == [
            (address, "noreferrer", None),
            ("https://mastodon.example/privacy", "noreferrer", None),
        ]
        assert ["YouTube" in text_of(links[0]), "Mastodon" in text_of(links[1])] == [True, True]


@pytest.mark.conformance("P2", "P4", "P5")
def test_a_category_without_cookies_is_shown(adapter: Adapter) -> None:
    """A built-in category for which a site only loads things is asked about and told as others."""
    only = gate_of(ThirdParty("YouTube", "marketing"))
    assert texts(page(adapter, only, CHARTER), "h3") == ["Necessary", "Marketing"]
    assert texts(page(adapter, only, PREFERENCES), "legend") == ["Necessary", "Marketing"]
    assert texts(banner(adapter, only), "li")[0].startswith("Marketing (YouTube)")
    assert list(stated(adapter, only)) == ["necessary", "marketing"]
    tables = [*page(adapter, only, CHARTER).iter("table")]
    assert [rows(table)[0][0] for table in tables] == ["Provider", "Name"]


def test_exempt_cookies_are_told_of_where_there_are_some(adapter: Adapter) -> None:
    """How long the cookies of exempt statistics last is said of cookies, not of other sites."""
    told = "These cookies are kept for 13 months at most"
    party = ThirdParty("Counter", "anonymous_statistics")
    cookie = Cookie("v", "anonymous_statistics", exemption="audience-measurement")
    assert told not in text_of(page(adapter, gate_of(party), CHARTER))
    assert told in text_of(page(adapter, gate_of(party, cookies=[cookie]), CHARTER))


@pytest.mark.conformance("P2")
def test_the_banner_names_each_once(adapter: Adapter) -> None:
    """Who reads is told with the purpose: providers and third parties, nobody twice."""
    shown = gate_of(
        ThirdParty("Google", "marketing"),
        ThirdParty("YouTube", "marketing"),
        ThirdParty("Regie", "marketing"),
        ThirdParty("Pay", "necessary"),
        cookies=[
            Cookie("a", "marketing", provider="Shop"),
            Cookie("b", "marketing", provider={"en": "Google"}),
            Cookie("c", "marketing", provider={"fr": "Regie"}),
            Cookie("d", "marketing"),
        ],
    )
    (purpose,) = texts(banner(adapter, shown), "li")
    assert purpose.startswith("Marketing (Shop, Google, Regie and YouTube)")
    (purpose,) = texts(banner(adapter, shown, "fr"), "li")
    assert purpose.startswith("Publicité (Shop, Google, Regie et YouTube)")
    assert "Pay" not in text_of(banner(adapter, shown))


def test_without_any_nothing_is_said(adapter: Adapter) -> None:
    """A site that loads nothing from others has no word of them on its pages."""
    alone = gate_of(cookies=[Cookie("ad", "marketing")])
    for path in (CHARTER, PREFERENCES):
        document = page(adapter, alone, path)
        assert OTHERS not in text_of(document) and texts(document, "h4") == []
    assert [each["third_parties"] for each in stated(adapter, alone).values()] == [[], []]


@pytest.mark.conformance("P8")
def test_json_has_them(adapter: Adapter) -> None:
    """In JSON each category has its third parties, in plain words of the visitor's language."""
    said = stated(adapter, gate, "fr")
    assert said["marketing"]["third_parties"] == [
        {
            "name": "YouTube",
            "hosts": ["www.youtube-nocookie.com", "*.ytimg.com"],
            "purpose": "Lit les films des articles",
            "privacy": "https://films.example/fr",
            "cookies": [],
        }
    ]
    assert said["social"]["third_parties"] == [
        {
            "name": "Mastodon",
            "hosts": ["mastodon.example"],
            "purpose": "Shows posts",
            "privacy": "https://mastodon.example/privacy",
            "cookies": [],
        },
        {
            "name": "Nobody in particular",
            "hosts": [],
            "purpose": "",
            "privacy": "",
            "cookies": [],
        },
    ]
    assert said["anonymous_statistics"]["third_parties"] == []
    (maps,) = stated(adapter, gate, "de")["necessary"]["third_parties"]
    assert maps["purpose"].startswith("Montre la carte")


# What they say

LANGUAGES = [*OFFICIAL, "ar"]
HARMFUL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;{{ 7*7 }}%(x)s 100 %"


@pytest.mark.conformance("P6")
@pytest.mark.parametrize("purpose", [HARMFUL, {"de": HARMFUL}])
def test_texts_are_text(adapter: Adapter, purpose: Any) -> None:
    """What a site writes of them is shown as it was written, and nothing of it is markup."""
    harmful = gate_of(
        ThirdParty(HARMFUL, "marketing", purpose=purpose, privacy="https://a.example/\"'><b>&x="),
        cookies=[Cookie("ad", "marketing")],
    )
    documents = [page(adapter, harmful, path) for path in (CHARTER, PREFERENCES)]
    for document in (*documents, banner(adapter, harmful)):
        assert HARMFUL in text_of(document)
        assert not [*document.iter("img"), *document.iter("b")]
        assert all(script.get("src") for script in document.iter("script"))
    for document in documents:
        (link,) = outside(document)
        assert link.attrib["href"] == "https://a.example/\"'><b>&x="
        assert text_of(link) == f"Privacy notice of {HARMFUL}"
    (party,) = stated(adapter, harmful)["marketing"]["third_parties"]
    assert party["name"] == party["purpose"] == HARMFUL


@pytest.mark.conformance("P7")
@pytest.mark.parametrize("path", [CHARTER, PREFERENCES])
def test_a_purpose_in_another_language_says_so(adapter: Adapter, path: str) -> None:
    """A purpose that the visitor's language lacks is shown in another, and marked as of it."""
    spans = [
        (each.get("lang"), each.get("dir"), text_of(each))
        for each in page(adapter, gate, path, "en").iter("span")
        if each.get("lang")
    ]
    assert spans == [
        ("fr", "auto", "Montre la carte des lignes, sur laquelle vous cherchez votre arrêt")
    ]
    french = page(adapter, gate, path, "fr")
    assert not [each for each in french.iter("span") if each.get("lang")]
    assert "Lit les films des articles" in text_of(french)


@pytest.mark.conformance("P7")
def test_every_language_has_its_own_words(adapter: Adapter) -> None:
    """Heading, column and link are said in each language in words that no other has."""
    headings, columns, links = set(), set(), set()
    for language in LANGUAGES:
        document = page(adapter, gate, CHARTER, language)
        headings |= set(texts(document, "h4"))
        columns.add(rows([*document.iter("table")][-1])[0][2])
        links |= {text_of(link) for link in outside(document)}
        summaries = texts(page(adapter, gate, PREFERENCES, language), "summary")
        assert set(texts(document, "h4")) < set(summaries), language
    assert len(headings) == len(columns) == len(LANGUAGES)
    assert len(links) == 2 * len(LANGUAGES)
    assert all("YouTube" in link or "Mastodon" in link for link in links)


@pytest.mark.conformance("P5", "P10")
@pytest.mark.parametrize("language", LANGUAGES)
def test_headings_are_in_order(adapter: Adapter, language: str) -> None:
    """No heading is more than one step below the one before it, and a page has one first."""
    document = page(adapter, gate, CHARTER, language)
    levels = [int(each.tag[1]) for each in document.iter() if each.tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1 and levels.count(1) == 1 and levels.count(4) == 3
    assert all(below - above <= 1 for above, below in pairwise(levels))
