"""Brings the catalogues of the pages up to date, compiles them, or says what they want."""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from consentgate.category import BUILT_IN, Text
from consentgate.cookie import CONSENT_COOKIE_PURPOSE

LANGUAGES = (
    *("bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr"),
    *("hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv"),
)
PAGES = Path(__file__).parent.parent / "src" / "consentgate" / "pages"

# How the files are read, and which of their functions take a text.
_SOURCES = (
    ("templates/*.html", "jinja2.ext:babel_extract", {"_": None, "ngettext": (1, 2)}),
    ("*.py", "python", {"_": None, "N_": None, "ngettext": (1, 2)}),
)
_OPTIONS = {"silent": "false", "newstyle_gettext": "true", "encoding": "utf-8"}


class Translations(Catalog):
    """A catalogue with a header that is the same in each run: no dates, no versions."""

    def __iter__(self) -> Iterator[Message]:
        """Return the header, then the messages in the order they were added in."""
        lines = ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8"]
        lines += [f"Language: {self.locale or ''}", f"Plural-Forms: {self.plural_forms}"]
        yield Message("", "".join(f"{line}\n" for line in lines))
        yield from messages(super().__iter__())


def messages(catalog: Catalog | Iterator[Message]) -> list[Message]:
    """Return the messages of a catalogue without its header."""
    return [message for message in catalog if message.id]


def extracted(pages: Path = PAGES) -> Catalog:
    """Return all there is to translate: the pages' own texts, and those of what is built in."""
    template = Translations(header_comment="# What the pages of consentgate say.")
    for pattern, method, keywords in _SOURCES:
        for path in sorted(pages.glob(pattern)):
            with path.open("rb") as file:
                for _, message, _, _ in extract(method, file, keywords, options=_OPTIONS):
                    template.add(message)
    texts: list[Text] = [text for each in BUILT_IN for text in (each.title, each.description)]
    for text in (*texts, CONSENT_COOKIE_PURPOSE):
        if english := text if isinstance(text, str) else text["en"]:
            template.add(english)
    return template


def updated(template: Catalog, language: str, old: Catalog) -> Catalog:
    """Return a language's catalogue: of the old one what still holds, and room for the rest."""
    catalog = Translations(language, header_comment="# What the pages of consentgate say.")
    for message in messages(template):
        kept = old.get(message.id)
        if language == "en" or kept is None or kept.id != message.id:
            kept = Message(message.id, message.id if language == "en" else "")
        marks = {"fuzzy"} & kept.flags
        catalog.add(message.id, kept.string, flags=marks, user_comments=kept.user_comments)
    return catalog


def path_of(language: str, pages: Path = PAGES) -> Path:
    """Return where the catalogue of a language is."""
    return pages / "locales" / language / "LC_MESSAGES" / "consentgate.po"


def read(language: str, pages: Path = PAGES) -> Catalog:
    """Return the catalogue of a language as it is, an empty one where there is none."""
    path = path_of(language, pages)
    text = path.read_text("utf-8") if path.exists() else ""
    return read_po(io.StringIO(text), locale=language, abort_invalid=True)


def written(catalog: Catalog) -> bytes:
    """Return a catalogue as people read it."""
    write_po(file := io.BytesIO(), catalog, width=100, no_location=True)
    return file.getvalue()


def compiled(catalog: Catalog, language: str) -> bytes:
    """Return a catalogue as gettext reads it."""
    write_mo(file := io.BytesIO(), updated(catalog, language, catalog))
    return file.getvalue()


def pairs(message: Message) -> list[tuple[str, str]]:
    """Return each form of a translation, behind the English text that it translates."""
    texts = [message.id] if isinstance(message.id, str) else message.id
    forms = [message.string] if isinstance(message.string, str) else message.string or [""]
    # The first of several forms is the singular; a language with only one has none.
    return [(texts[0 if n == 0 < len(forms) - 1 else -1], form) for n, form in enumerate(forms)]


def placeholders(text: str) -> set[str]:
    """Return what is put into a text, "" for a % that should be %%: every text is formatted."""
    return set(re.findall(r"%(%|\(\w+\)s|)", text)) - {"%"}


def problems(template: Catalog, catalog: Catalog) -> Iterator[str]:
    """Say what is wrong with a catalogue, a line for each."""
    wanted, there = messages(template), messages(catalog)
    yield from (f"missing: {m.id!r}" for m in wanted if m.id not in [n.id for n in there])
    yield from (f"obsolete: {m.id!r}" for m in there if m.id not in [n.id for n in wanted])
    yield from (f"fuzzy: {m.id!r}" for m in there if m.fuzzy)
    yield from (f"{error}: {m.id!r}" for m in there for error in m.check(catalog))
    for english, form in (pair for m in there for pair in pairs(m)):
        if not form:
            yield f"missing: {english!r}"
        elif "" in placeholders(form) or placeholders(form) != placeholders(english):
            yield f"placeholders differ: {english!r}, {form!r}"


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("update", "compile", "check"))
    command = parser.parse_args().command
    template, found = extracted(), []
    for language in LANGUAGES:
        path, catalog = path_of(language), read(language)
        if command == "update":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(written(updated(template, language, catalog)))
        elif command == "compile":
            path.with_suffix(".mo").write_bytes(compiled(catalog, language))
        else:
            found += [f"{language}: {problem}" for problem in problems(template, catalog)]
    if command == "update":
        (PAGES / "locales" / "consentgate.pot").write_bytes(written(template))
    print(*found, sep="\n", end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
