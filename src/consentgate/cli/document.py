"""The charter as a document of its own: HTML, Markdown, CSV or JSON.

Its words are those of the pages: sections, catalogues and templates are theirs.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from consentgate.errors import ConsentGateError
from consentgate.gate import ConsentGate
from consentgate.pages.charter import CookieRow, Section, ThirdPartyRow, as_json, sections
from consentgate.pages.language import Language, Languages
from consentgate.pages.settings import OFFICIAL, Pages
from consentgate.pages.static import static_files

COLUMNS = ("Provider", "Service", "Name", "Purpose", "Kept for", "Read by")
"""What the charter's tables are headed with, as the catalogues know it."""

EXEMPT = (
    "These cookies are kept for 13 months at most, and what they collect for 25 months at most. "
    "They follow nobody from site to site. You can object to them."
)
"""What the charter says of exempt cookies, as the catalogues know it."""

# What means something in Markdown, wherever it stands (a pipe in GitHub's tables).
_MARKS = re.compile(r"[\\`*_\[\]<>|~#&]")
# A spreadsheet takes a cell that begins so for a formula, whoever wrote it.
_FORMULA = re.compile(r"[=+\-@\t\r]")


class Document:
    """The charter of a gate's policy in one language, by default that of its pages.

    `pages` are the gate's settings of its pages, if it has any. Raises
    ConsentGateError for a language that the site does not speak.
    """

    def __init__(self, gate: ConsentGate, pages: object, language: str | None = None) -> None:
        languages = gate.site.renderer.languages if gate.site else Languages(OFFICIAL, "en")
        self._policy = gate.policy
        self._controller = pages.controller if isinstance(pages, Pages) else ""
        self._language = _spoken(languages, language)
        self._sections = [
            section
            for section in sections(self._policy, self._language)
            if section.cookies or section.third_parties
        ]

    def html(self) -> str:
        """Return a page that needs nothing else: no file, no script, no network."""
        loaders = [PackageLoader("consentgate.cli"), PackageLoader("consentgate.pages")]
        templates = Environment(
            loader=ChoiceLoader(loaders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        return templates.get_template("document.html").render(
            _=self._language.say,
            language=self._language,
            controller=self._language.html(self._controller),
            categories=self._sections,
            alone=False,
            stylesheet=Markup(static_files()["css"].content.decode("utf-8")),  # noqa: S704  # ours
        )

    def markdown(self) -> str:
        """Return Markdown, its tables as GitHub's."""
        return "\n\n".join(self._blocks()) + "\n"

    def csv(self) -> str:
        """Return a row for each cookie and each third party, under headings (RFC 4180)."""
        say = self._language.say
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow([say("Cookies"), *map(say, COLUMNS), say("Loaded from")])
        for section in self._sections:
            for cookie in section.cookies:
                rows.writerow(map(_cell, (section.title, *_columns(cookie), "")))
            for party in section.third_parties:
                columns = (party.name, "", "", party.purpose, "", party.name, party.hosts)
                rows.writerow(map(_cell, (section.title, *columns)))
        return text.getvalue()

    def json(self) -> str:
        """Return the same as values, for programs; what is allowed is so before any answer."""
        allowed = self._policy.allowed(frozenset(), frozenset())
        document = {
            "language": self._language.code,
            "revision": self._policy.revision,
            "controller": self._language.words(self._controller)[0],
            "categories": as_json(self._policy, self._language, allowed),
        }
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    def _blocks(self) -> Iterator[str]:
        say = self._language.say
        yield f"# {_marked(say('Cookie charter'))}"
        if self._controller:
            controller = self._language.words(self._controller)[0]
            yield f"{_marked(say('Controller'))} – {_marked(controller)}"
        for section in self._sections:
            yield from self._section(section)

    def _section(self, section: Section) -> Iterator[str]:
        say = self._language.say
        yield f"## {_marked(section.title)}"
        if section.description:
            yield _marked(section.description)
        if section.kind == "exempt":
            yield _marked(say(EXEMPT))
        if section.cookies:
            rows = (
                [_code(cell) if cell is cookie.name else _marked(cell) for cell in _columns(cookie)]
                for cookie in section.cookies
            )
            yield _table(map(say, COLUMNS), rows)
        if section.third_parties:
            yield f"### {_marked(say('Other sites that this site loads content from'))}"
            others = (
                [_marked(p.name), self._purpose(p), _marked(p.hosts)] for p in section.third_parties
            )
            yield _table(map(say, ("Name", "Purpose", "Loaded from")), others)

    def _purpose(self, party: ThirdPartyRow) -> str:
        if not party.privacy:
            return _marked(party.purpose)
        notice = _marked(self._language.say("Privacy notice of %(name)s", name=party.name))
        address = re.sub(r"[<>|\\]", lambda found: f"%{ord(found[0]):02X}", party.privacy)
        return f"{_marked(party.purpose)} [{notice}](<{address}>)".strip()


def _spoken(languages: Languages, code: str | None) -> Language:
    if code is None:
        return languages.default
    found = languages.named(code)
    if found is None:
        raise ConsentGateError(
            f"the pages are not offered in {code!r}; they are in {', '.join(languages.all)}"
        )
    return found


def _columns(cookie: CookieRow) -> tuple[str, ...]:
    """Return what a cookie has under COLUMNS."""
    return (
        cookie.provider,
        cookie.service,
        cookie.name,
        cookie.purpose,
        cookie.kept,
        cookie.reader,
    )


def _plain(text: str) -> str:
    """Return a text of a section in one line, without the markup that it may have."""
    return text.striptags() if isinstance(text, Markup) else " ".join(text.split())


def _cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    plain = _plain(text)
    return f"'{plain}" if _FORMULA.match(plain) else plain


def _marked(text: str) -> str:
    """Return a text as Markdown that shows it as it is."""
    return _MARKS.sub(lambda found: f"\\{found[0]}", _plain(text))


def _code(name: str) -> str:
    """Return a cookie's name as code. A table ends a cell at a pipe, in code too."""
    fence = "``" if "`" in name else "`"
    space = " " if "`" in name else ""
    return f"{fence}{space}{name}{space}{fence}".replace("|", "\\|")


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = [_marked(heading) for heading in headings]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell or '–' for cell in line)} |" for line in lines)
