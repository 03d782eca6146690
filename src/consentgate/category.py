"""A purpose that a visitor decides on, and texts for people."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from types import MappingProxyType

from consentgate.errors import ConsentGateError

Text = str | Mapping[str, str]
"""A text for people: one for all languages, or one per language (`{"fr": ..., "en": ...}`)."""

NECESSARY = "necessary"
ALWAYS = frozenset({NECESSARY})
"""The keys of the categories that pass whatever a visitor decides."""
ANONYMOUS_STATISTICS = "anonymous_statistics"
MARKETING = "marketing"

UNDECLARED = "undeclared"
"""What stands in place of a category for a cookie that has none; no category is named so."""

KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
"""What a category's key looks like, here and in a token."""


def frozen_text(text: Text, where: str) -> Text:
    """Return a text that nobody can change. Raises ConsentGateError for what is none."""
    if isinstance(text, str):
        return text
    if not isinstance(text, Mapping) or not all(
        isinstance(part, str) for pair in text.items() for part in pair
    ):
        raise ConsentGateError(
            f"{where} must be a text, or one per language as in {{'fr': '...', 'en': '...'}}, "
            f"not {text!r}"
        )
    return MappingProxyType(dict(text))


def nearest_of(word: str, known: Iterable[str]) -> str:
    """Say which words are known, the nearest one first."""
    known = tuple(known)
    near = difflib.get_close_matches(str(word), known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}Known are: {', '.join(known)}"


# What a Consent has by these names: a template would ask for it in place of the category.
_TAKEN = frozenset(
    {
        *("allows", "answered", "chosen", "needed", "opted_out", "choice", "target"),
        *("grant", "grant_also", "choose", "grant_all", "refuse_all", "withdraw", "helpers"),
        *("banner_html", "link_html", "charter_html", "script_html", "guard_html", "mode_html"),
        *("scripts", "reported", "iframe_html", "external_script_html"),
    }
)


@dataclass(frozen=True, slots=True)
class Category:
    """A purpose that a visitor decides on.

    `key` is its name in code (letters, digits, `_` and `-`, 32 at most);
    `title` and `description` are its name and its meaning for people.
    `sale_or_sharing` says that its cookies serve to sell or share personal
    data: a browser's `Sec-GPC: 1` refuses it (Global Privacy Control). Left
    out, it is so for marketing alone. Raises ConsentGateError for what cannot
    be one.
    """

    key: str
    _: KW_ONLY
    title: Text = field(default="", hash=False)
    description: Text = field(default="", hash=False)
    sale_or_sharing: bool | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.key, str) or not KEY.fullmatch(self.key):
            raise ConsentGateError(
                f"Category({self.key!r}): a key is a letter, then letters, digits, '_' or '-', "
                "32 characters at most, as in 'social_media'"
            )
        if self.key in _TAKEN:
            raise ConsentGateError(
                f"Category({self.key!r}): templates ask `consent.{self.key}` for something else; "
                "use another key"
            )
        if self.key == UNDECLARED:
            raise ConsentGateError(
                f"Category({self.key!r}): this word stands for cookies in no declaration; "
                "use another key"
            )
        for name in ("title", "description"):
            text = frozen_text(getattr(self, name), f"Category({self.key!r}): {name}")
            object.__setattr__(self, name, text)
        if self.sale_or_sharing is None:
            object.__setattr__(self, "sale_or_sharing", self.key == MARKETING)
        if not isinstance(self.sale_or_sharing, bool):
            raise ConsentGateError(
                f"Category({self.key!r}): sale_or_sharing is True or False, "
                f"not {self.sale_or_sharing!r}"
            )
        if self.sale_or_sharing and not self.needs_consent:
            raise ConsentGateError(
                f"Category({self.key!r}): what needs no consent serves neither sale nor sharing; "
                "leave sale_or_sharing out, or use a category that needs consent"
            )

    @property
    def always_allowed(self) -> bool:
        """Strictly necessary: nobody is asked, nobody can refuse (ePrivacy directive 5(3))."""
        return self.key == NECESSARY

    @property
    def exempt(self) -> bool:
        """Passes unless the visitor opposes it (CNIL: qualified audience measurement)."""
        return self.key == ANONYMOUS_STATISTICS

    @property
    def needs_consent(self) -> bool:
        """Passes only when the visitor granted it."""
        return not self.always_allowed and not self.exempt


BUILT_IN = (
    Category(
        NECESSARY,
        title={"en": "Necessary", "fr": "Nécessaires"},
        description={
            "en": "The site cannot give you what you ask for without them.",
            "fr": "Sans eux, le site ne peut pas vous fournir ce que vous demandez.",
        },
    ),
    Category(
        ANONYMOUS_STATISTICS,
        title={"en": "Anonymous statistics", "fr": "Statistiques anonymes"},
        description={
            "en": "Count visits without telling one visitor from another. You can object.",
            "fr": "Compter les visites sans distinguer les visiteurs. Vous pouvez vous y opposer.",
        },
    ),
    Category(
        "preferences",
        title={"en": "Preferences", "fr": "Préférences"},
        description={
            "en": "Remember settings that you did not ask the site to keep.",
            "fr": "Retenir des réglages que vous n’avez pas demandé au site de garder.",
        },
    ),
    Category(
        "statistics",
        title={"en": "Statistics", "fr": "Statistiques"},
        description={
            "en": "Measure how the site is used, visitor by visitor.",
            "fr": "Mesurer l’utilisation du site, visiteur par visiteur.",
        },
    ),
    Category(
        MARKETING,
        title={"en": "Marketing", "fr": "Publicité"},
        description={
            "en": "Follow you to choose or to measure advertising.",
            "fr": "Vous suivre pour choisir ou mesurer la publicité.",
        },
    ),
)
