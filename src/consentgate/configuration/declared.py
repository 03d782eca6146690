"""What a file declares: each cookie with its place, categories, third parties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from consentgate.attributes import Hardening
from consentgate.category import BUILT_IN, Category
from consentgate.configuration.problem import KeyPath
from consentgate.cookie import Cookie
from consentgate.third_party import ThirdParty


@dataclass(frozen=True, slots=True)
class Declared:
    """A cookie, where the file says it, and the preset that it comes from; None if the site's."""

    cookie: Cookie
    path: KeyPath
    preset: str | None = None


class Declarations(NamedTuple):
    """What a file declares."""

    categories: tuple[Category, ...]
    cookies: tuple[Declared, ...]
    third_parties: tuple[ThirdParty, ...]
    harden: Hardening | None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all categories."""
        keys = [category.key for category in (*BUILT_IN, *self.categories)]
        return tuple(dict.fromkeys(keys))
