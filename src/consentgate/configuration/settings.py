"""From the tables `[gate]` and `[pages]` to options, and what contradicts what in them."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

from consentgate.category import NECESSARY, UNDECLARED
from consentgate.configuration.declared import Declarations
from consentgate.configuration.document import ConsentModeTable, File, GateTable, PagesTable
from consentgate.configuration.mistake import refused
from consentgate.configuration.problem import Complaint, KeyPath
from consentgate.configuration.proving import ledger_of
from consentgate.configuration.tools import banner_of, contradictions
from consentgate.configuration.words import did_you_mean, shown
from consentgate.names import NameTable, is_pattern
from consentgate.options import check_cookie
from consentgate.pages.settings import OFFICIAL, Pages

# What is put into pages of the app, and what it has from the gate's own.
_OF_PAGES = {
    "inject_banner": "the banner leads to",
    "inject_guard": "the guard is loaded from",
}


def options(file: File, folder: Path) -> dict[str, Any]:
    """Return the options of a gate that a file without mistakes sets, `pages` among them."""
    found = file.gate.given()
    if file.gate.consent_from is not None:
        found["consent_from"] = banner_of(file.gate.consent_from)
    if file.gate.ledger is not None:
        found["ledger"] = ledger_of(file.gate.ledger, folder)
    if "pages" in file:
        found["pages"] = None if file.pages is None else Pages(**_page_values(file.pages, folder))
    return found


def _page_values(table: PagesTable, folder: Path) -> dict[str, Any]:
    values = table.given()
    for key in ("locales", "templates"):
        if key in values:
            values[key] = folder / values[key]
    if table.consent_mode is not None:
        values["consent_mode"] = table.consent_mode.given()
    return values


class Checks:
    """Collects what contradicts what in the options of a file.

    `broken` are the paths of what was wrong by itself: nothing that rests on
    them is said.
    """

    def __init__(
        self, file: File, declared: Declarations, folder: Path, broken: Collection[KeyPath]
    ) -> None:
        self.complaints: list[Complaint] = []
        self._file = file
        self._declared = declared
        self._folder = folder
        self._broken = broken
        self._gate(file.gate)
        self._consent_cookie(file.gate.cookie_name)
        if file.pages is not None:
            self._pages(file.pages)

    def _complain(self, path: KeyPath, what: str, remedy: str, *, in_row: bool = False) -> None:
        self.complaints.append(Complaint(path, what, remedy, in_row))

    def _right(self, *paths: KeyPath) -> bool:
        """Tell whether nothing was wrong at these paths and below."""
        return not any(broken[: len(path)] == path for broken in self._broken for path in paths)

    def _gate(self, gate: GateTable) -> None:
        self._prefix(gate)
        if gate.expire_undeclared and not gate.withhold_undeclared:
            self._complain(
                ("gate", "expire_undeclared"),
                "what the app may read, by withhold_undeclared = false, is not expired",
                "leave one of them out",
            )
        if gate.inject_banner and gate.consent_from is not None:
            self._complain(
                ("gate", "inject_banner"),
                "visitors would be asked twice, by the banner of consent_from as well",
                "leave one of them out",
            )
        if "pages" in self._file and self._file.pages is None:
            for key, why in _OF_PAGES.items():
                if getattr(gate, key):
                    self._complain(
                        ("gate", key),
                        f"{why} the pages, and pages = false serves none",
                        "leave one of them out",
                    )
        self.complaints += contradictions(gate, self._declared, self._right)
        if not isinstance(gate.report_only, bool) and self._right(("categories",)):
            known = [*self._declared.keys[1:], UNDECLARED]
            for number, key in enumerate(gate.report_only):
                if key not in known:
                    self._complain(
                        ("gate", "report_only", number),
                        f"{shown(key)} is no category in which anything is stopped",
                        did_you_mean(key, known),
                    )

    def _prefix(self, gate: GateTable) -> None:
        """RFC 6265bis 4.1.3: what browsers ask of a cookie whose name begins with `__Host-`."""
        path, name, domain = ("gate", "cookie_name"), gate.cookie_name, gate.cookie_domain
        if not self._right(path, ("gate", "always_secure"), ("gate", "cookie_domain")):
            return
        if refused(partial(check_cookie, name, None, gate.always_secure)):
            self._complain(
                path,
                f"browsers take a name like {shown(name)} only with Secure",
                "add always_secure = true, or leave the prefix out",
            )
        if refused(partial(check_cookie, name, domain, True)):
            self._complain(
                path,
                f"browsers take a name like {shown(name)} only without a Domain",
                "leave cookie_domain or the prefix out",
            )

    def _consent_cookie(self, name: str) -> None:
        if not self._right(("gate", "cookie_name")):
            return
        for declared in self._declared.cookies:
            cookie = declared.cookie
            path = declared.path if declared.preset else (*declared.path, "name")
            if is_pattern(cookie.name):
                if NameTable([(cookie.name, 0, cookie)]).find(name.encode("ascii")):
                    self._complain(
                        path,
                        f"the pattern {cookie.name} matches the consent cookie {name} too",
                        "make the pattern narrower, or give the consent cookie another name: "
                        "cookie_name in [gate]",
                    )
            elif cookie.name == name and cookie.category != NECESSARY:
                self._complain(
                    path,
                    f"{name} is the consent cookie, which is necessary, and not in "
                    f"{shown(cookie.category)}",
                    f"{'' if declared.preset else 'leave category out, or '}give the consent "
                    "cookie another name: cookie_name in [gate]",
                )

    def _pages(self, pages: PagesTable) -> None:
        for key in ("locales", "templates"):
            value = getattr(pages, key)
            if value is not None and not (self._folder / value).is_dir():
                self._complain(
                    ("pages", key),
                    f"there is no folder {shown(value)}",
                    "write the path of one, from the folder of this file on",
                )
        self._languages(pages)
        self._language_cookie(pages.language_cookie)
        if pages.consent_mode is not None and self._right(("categories",)):
            self._consent_mode(pages.consent_mode)

    def _consent_mode(self, table: ConsentModeTable) -> None:
        for storage, key in table.given().items():
            if key not in self._declared.keys:
                self._complain(
                    ("pages", "consent_mode", storage),
                    f"unknown category {shown(key)}",
                    did_you_mean(key, self._declared.keys),
                )

    def _languages(self, pages: PagesTable) -> None:
        codes = OFFICIAL if pages.languages is None else tuple(pages.languages)
        if not codes:
            self._complain(("pages", "languages"), "the list is empty", "write one as in ['en']")
            return
        for number, code in enumerate(codes if pages.languages else ()):
            if code in codes[:number]:
                self._complain(
                    ("pages", "languages", number), f"{shown(code)} is there twice", "keep one"
                )
        default = pages.default_language
        if not self._right(("pages", "languages")):
            return
        if "default_language" in pages and default not in codes:
            self._complain(
                ("pages", "default_language"),
                f"{shown(default)} is none of languages",
                f"add it to them, or write one of {', '.join(codes)}",
            )
        if self._right(("pages", "locales")):
            self._catalogues(codes if pages.languages else (), pages)

    def _catalogues(self, codes: tuple[str, ...], pages: PagesTable) -> None:
        from consentgate.pages.language import Languages  # loads the data of languages

        locales = None if pages.locales is None else str(self._folder / pages.locales)
        for number, code in enumerate(codes):
            if not refused(partial(Languages, [code], code, locales)):
                continue
            self._complain(
                ("pages", "languages", number),
                f"there is no catalogue for the language {shown(code)}",
                "leave it out, or put one into the folder of locales, as "
                f"{code.replace('-', '_')}/LC_MESSAGES/consentgate.mo",
            )

    def _language_cookie(self, name: str | None) -> None:
        if name is None or not self._right(("cookies",), ("presets",)):
            return
        table = NameTable((each.cookie.name, 0, each.cookie) for each in self._declared.cookies)
        cookie = table.find(name.encode("ascii"))
        if cookie is None or cookie.category != NECESSARY:
            self._complain(
                ("pages", "language_cookie"),
                f"{shown(name)} is no necessary cookie, and only such are read without consent",
                f'declare it: [[cookies]] with name = "{name}" and exemption = "interface"',
            )
