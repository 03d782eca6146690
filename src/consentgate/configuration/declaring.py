"""From the tables of a file to what they declare, and what contradicts what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from consentgate.attributes import Hardening
from consentgate.category import BUILT_IN, Category
from consentgate.configuration.declared import Declarations, Declared
from consentgate.configuration.document import (
    CookieTable,
    File,
    HardenTable,
    Table,
    ThirdPartyTable,
)
from consentgate.configuration.problem import Complaint, KeyPath, path_text
from consentgate.configuration.taking import cookies_of_presets, parties_of_presets
from consentgate.configuration.words import did_you_mean, shown
from consentgate.cookie import Cookie
from consentgate.errors import ConsentGateError
from consentgate.third_party import ThirdParty

Built = TypeVar("Built")

# What a declaration may say that another key of it contradicts.
_CONTRADICTING = ("exemption", "lifetime", "sale_or_sharing")


class Reader:
    """Reads the declarations of a file, and collects complaints.

    `numbers` are the places that the tables of each kind have in the file,
    `line_of` tells the line of a key path. `certain` says that no category of
    the file was lost for a mistake in it.
    """

    def __init__(
        self,
        file: File,
        numbers: Mapping[str, list[int]],
        line_of: Callable[[KeyPath], int | None],
        *,
        certain: bool,
    ) -> None:
        self.complaints: list[Complaint] = []
        self._file = file
        self._numbers = numbers
        self._line_of = line_of
        self._certain = certain
        self._keys = [each.key for each in BUILT_IN]

    def read(self) -> Declarations:
        """Return what is declared, as far as it can be."""
        categories = self._categories()
        own = tuple(self._own_cookies())
        self._check_presets()
        parties = self._third_parties()
        known = parties_of_presets(self._file.presets, parties, own)
        return Declarations(
            categories,
            (*own, *cookies_of_presets(self._file.presets, own, known)),
            (*parties, *known.values()),
            hardening(self._file.harden),
        )

    def _rows(self, kind: str, tables: Iterable[Table]) -> Iterator[tuple[KeyPath, Any]]:
        for number, table in zip(self._numbers[kind], tables, strict=True):
            yield (kind, number), table

    def _categories(self) -> tuple[Category, ...]:
        found: dict[str, tuple[KeyPath, Category]] = {}
        for path, table in self._rows("categories", self._file.categories):
            # A cookie in it is not wrong for what is wrong with the category.
            self._keys = list(dict.fromkeys([*self._keys, table.key]))
            if table.key in found:
                self._twice("category", table.key, (*path, "key"), found[table.key][0])
            elif category := self._built(path, Category, table.key, table.given()):
                found[table.key] = path, category
        return tuple(category for _, category in found.values())

    def _own_cookies(self) -> Iterator[Declared]:
        first: dict[str, tuple[KeyPath, str]] = {}
        for path, table in self._rows("cookies", self._file.cookies):
            if not self._in_category(path, table):
                continue
            before, category = first.setdefault(table.name, (path, table.category))
            if category != table.category:
                self._complain(
                    (*path, "category"),
                    f"{shown(table.category)} contradicts {self._place(before)}, which has "
                    f"{shown(category)} for the same name",
                    "keep the one that is true",
                    in_row=False,
                )
            if cookie := self._built(path, Cookie, table.name, _cookie_values(table)):
                yield Declared(cookie, path)

    def _check_presets(self) -> None:
        from consentgate.presets import preset  # only a file that has presets loads them

        names = self._file.presets
        for number, name in enumerate(names):
            for other in names[:number]:
                if other in preset(name).instead_of:
                    self._complain(
                        ("presets", number),
                        f"presets {shown(other)} and {shown(name)} say otherwise about the same "
                        "cookies",
                        "keep the one that your set-up is",
                    )

    def _third_parties(self) -> tuple[ThirdParty, ...]:
        found: dict[str, tuple[KeyPath, ThirdParty]] = {}
        for path, table in self._rows("third_parties", self._file.third_parties):
            known = self._in_category(path, table)
            if table.name in found:
                self._twice("third party", table.name, (*path, "name"), found[table.name][0])
            elif known and (party := self._third_party(path, table)):
                found[table.name] = path, party
        return tuple(party for _, party in found.values())

    def _third_party(self, path: KeyPath, table: ThirdPartyTable) -> ThirdParty | None:
        values = table.given()
        cookies = [
            # In the category, so that what cannot be there is said of the cookie.
            self._built(
                (*path, "cookies", number),
                Cookie,
                each.name,
                {**each.given(), "category": table.category},
            )
            for number, each in enumerate(table.cookies)
        ]
        if None in cookies:
            return None
        if "cookies" in values:
            values["cookies"] = cookies
        return self._built(path, ThirdParty, table.name, values)

    def _in_category(self, path: KeyPath, table: Any) -> bool:
        """Complain of an unknown category, and tell whether it is known."""
        known = table.category in self._keys
        if not known and self._certain:
            self._complain(
                (*path, "category"),
                f"unknown category {shown(table.category)}",
                f"{did_you_mean(table.category, self._keys)}. Or add it as one of [[categories]]",
            )
        return known

    def _built(
        self, path: KeyPath, kind: Callable[..., Built], name: str, values: dict[str, Any]
    ) -> Built | None:
        """Build what a table declares; what its keys say against each other is a complaint."""
        try:
            return kind(**values)
        except ConsentGateError as error:
            said = str(error).partition(f"({name!r}): ")[2]
            what, _, remedy = said.partition("; ")
            key = next((key for key in _CONTRADICTING if key in said and key in values), None)
            self._complain((*path, key) if key else path, what, remedy, in_row=False)
            return None

    def _twice(self, kind: str, name: str, path: KeyPath, before: KeyPath) -> None:
        self._complain(
            path,
            f"{kind} {shown(name)} is declared again",
            f"keep one of them, this one or {self._place(before)}",
        )

    def _complain(self, path: KeyPath, what: str, remedy: str, *, in_row: bool = True) -> None:
        self.complaints.append(Complaint(path, what, remedy, in_row))

    def _place(self, path: KeyPath) -> str:
        line = self._line_of(path)
        return path_text(path) if line is None else f"{path_text(path)} (line {line})"


def hardening(table: HardenTable | None) -> Hardening | None:
    """Return the hardening of a table."""
    return None if table is None else Hardening(**table.given())


def _cookie_values(table: CookieTable) -> dict[str, Any]:
    values = table.given()
    if "harden" in values:
        values["harden"] = hardening(table.harden)
    return values
