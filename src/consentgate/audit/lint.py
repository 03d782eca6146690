"""A policy file read as a privacy officer would: what is valid, and would not stand up.

The rules, and what they rest on, are in `rules`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from consentgate.audit.rules import RULES, Severity, cookie_faults, is_filled
from consentgate.category import Text
from consentgate.configuration.problem import KeyPath, path_text
from consentgate.configuration.reading import Document
from consentgate.policy import Policy


class Fault(NamedTuple):
    """Something in a policy file that would not stand up.

    `rule` is the code of the rule, `where` the key path, and the name of what
    is there; `line` counts from 1, None where nobody knows it. `message` says
    what is wrong, how to mend it, and what the rule rests on.
    """

    rule: str
    severity: Severity
    where: str
    line: int | None
    message: str


class _Found(NamedTuple):
    rule: str
    path: KeyPath
    message: str


def lint(document: Document, policy: Policy) -> tuple[Fault, ...]:
    """Return the faults of a policy file, in the order of the file.

    `policy` is what the file declares. What it takes from presets follows the
    rules already.
    """
    asked = _Languages(document)
    found = [
        *_cookies(document, asked),
        *_providers(document),
        *_categories(document, policy, asked),
        *_third_parties(document, asked),
        *_controller(document),
    ]
    faults = [
        Fault(
            each.rule,
            RULES[each.rule].severity,
            _where(document, each.path),
            document.line_of(each.path),
            f"{each.message} ({RULES[each.rule].source})",
        )
        for each in found
    ]
    return tuple(sorted(faults, key=lambda fault: fault.line or 0))


def _where(document: Document, path: KeyPath) -> str:
    """Return a key path, and what people call what is there, as in "cookies[3] (_ga)"."""
    text = path_text(path)
    rows = getattr(document.file, str(path[0]))
    if not isinstance(rows, list):
        return text
    row = rows[int(path[1])]
    return f"{text} ({row.key if path[0] == 'categories' else row.name})"


def _cookies(document: Document, asked: _Languages) -> Iterator[_Found]:
    for declared in document.cookies:
        if declared.preset is None:
            cookie, table = declared.cookie, document.file.cookies[int(declared.path[1])]
            own = cookie.name == document.file.gate.cookie_name
            for rule, key, message in cookie_faults(cookie, table, own=own):
                yield _Found(rule, (*declared.path, *key), message)
            yield from asked.purpose(cookie.purpose, declared.path)


def _providers(document: Document) -> Iterator[_Found]:
    first: dict[str, Text] = {}
    for declared in document.cookies:
        cookie = declared.cookie
        before = first.setdefault(cookie.name, cookie.provider)
        if declared.preset is None and before != cookie.provider:
            yield _Found(
                "two-providers",
                (*declared.path, "provider"),
                f"{cookie.name} has another provider in another place; keep the one that is true",
            )


def _categories(document: Document, policy: Policy, asked: _Languages) -> Iterator[_Found]:
    used = {cookie.category for cookie in policy.cookies}
    used |= {party.category for party in policy.third_parties}
    for number, category in enumerate(document.declared.categories):
        path: KeyPath = ("categories", number)
        if not is_filled(category.title):
            yield _Found("category-untitled", path, f"visitors read {category.key!r}; add a title")
        if not is_filled(category.description):
            yield _Found(
                "category-undescribed",
                path,
                "visitors do not read what it means; add a description, a sentence long",
            )
        for key, text in (("title", category.title), ("description", category.description)):
            yield from asked.said(text, (*path, key), "category-in-one-language")
        if category.key not in used:
            yield _Found(
                "unused-category",
                path,
                "visitors are asked about it, and nothing is in it; take it out, or declare what "
                "it is for",
            )


def _third_parties(document: Document, asked: _Languages) -> Iterator[_Found]:
    gated = document.file.gate.source_gate != "off"
    # The file's own come first, then those of presets.
    own = document.declared.third_parties[: len(document.file.third_parties)]
    for number, party in enumerate(own):
        path: KeyPath = ("third_parties", number)
        if gated and not party.hosts:
            yield _Found(
                "hosts-missing",
                path,
                "the source gate knows it by its hosts, and it has none: what it loads is neither "
                "held before consent nor let through after it; add hosts, as in "
                "['www.example.com']",
            )
        yield from asked.purpose(party.purpose, path)
        for place, cookie in enumerate(party.declared_cookies):
            below = (*path, "cookies", place, "purpose")
            yield from asked.said(cookie.purpose, below, "purpose-in-one-language")
        if not is_filled(party.privacy):
            yield _Found(
                "privacy-notice-missing",
                path,
                "nobody learns what it does with data; add privacy, the address of its notice",
            )


def _controller(document: Document) -> Iterator[_Found]:
    # A file without this table leaves the pages to the code, which may name one.
    pages = document.file.pages
    if pages is not None and not is_filled(pages.controller):
        yield _Found(
            "controller-missing",
            ("pages", "controller"),
            "the charter does not say who answers for the site; add controller, its name",
        )


class _Languages:
    """The languages in which a site speaks to its visitors, and what is not said in them.

    `told` are those that the file names, None where it leaves it at all 24.
    """

    def __init__(self, document: Document) -> None:
        pages = document.file.pages
        self._told = pages.languages if pages else None
        self._speaks = pages is not None or "pages" not in document.file

    def purpose(self, text: Text, path: KeyPath) -> Iterator[_Found]:
        """Check that a purpose is there, in all languages."""
        if not is_filled(text):
            yield _Found(
                "purpose-missing",
                path,
                "visitors do not read what it is for; add a purpose, a sentence in their words",
            )
        yield from self.said(text, (*path, "purpose"), "purpose-in-one-language")

    def said(self, text: Text, path: KeyPath, rule: str) -> Iterator[_Found]:
        """Check in which languages a text is, if there is one."""
        if not self._speaks or not is_filled(text):
            return
        given = [""] if isinstance(text, str) else [code for code in text if text[code].strip()]
        lacking = [code for code in self._told or () if not _has(given, code)]
        if len(given) == 1 and self._told is None:
            yield _Found(
                rule,
                path,
                "it is in one language, and the pages are in 24; write {en = '...', fr = '...'}, "
                "or name the languages of the site in [pages], as in languages = ['en']",
            )
        elif len(given) == 1 and len(self._told or ()) > 1:
            texts = ", ".join(f"{code} = '...'" for code in self._told or ())
            yield _Found(
                rule, path, f"it is in one language, and the pages are in more; write {{{texts}}}"
            )
        elif lacking and given != [""]:
            yield _Found(
                "translation-missing",
                path,
                f"the pages are in {', '.join(lacking)} too, and this is not; add "
                f"{lacking[0]} = '...'",
            )


def _has(given: list[str], code: str) -> bool:
    """Tell whether a text is in a language, or in what it is a variety of."""
    lowered = {each.replace("_", "-").lower() for each in given}
    return code.lower() in lowered or code.partition("-")[0].lower() in lowered
