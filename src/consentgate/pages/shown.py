"""What a visitor is shown before answering, as the ledger keeps it."""

from __future__ import annotations

import logging
from functools import cached_property

from consentgate.consent import Consent
from consentgate.pages import charter
from consentgate.pages.language import Language
from consentgate.pages.rendering import Renderer
from consentgate.pages.settings import Pages
from consentgate.pages.visible import lines_of
from consentgate.policy import Policy
from consentgate.policy_document import policy_document
from consentgate.proof import Document, compact
from consentgate.request import Target

logger = logging.getLogger("consentgate")

# What a visitor answers on. The charter's tables are those of the categories.
_TEMPLATES = {"banner": "banner.html", "preferences": "preferences.html"}


class Shown:
    """Writes down, language by language, what the pages of one site tell and ask.

    GDPR article 7(1): to demonstrate consent is to show what it was given to.
    Words count, and nothing else does: no names of files, and nothing of the
    one visitor.
    """

    def __init__(self, policy: Policy, pages: Pages, renderer: Renderer) -> None:
        self._policy = policy
        self._controller = pages.controller
        self._renderer = renderer
        # A site's own templates may change while it runs, and its pages with them.
        self._lasts = pages.templates is None
        self._kept: dict[str, tuple[dict[str, list[str]], Document]] = {}

    def document(self, language: Language) -> Document:
        """Return the text document of a language: JSON, and the lines of each page in it.

        A template of the site's own that cannot be rendered has no lines:
        nobody saw any. That is logged, and keeps nobody from answering.
        """
        kept = self._kept.get(language.code)
        if kept is not None and self._lasts:
            return kept[1]
        lines = {name: self._lines(template, language) for name, template in _TEMPLATES.items()}
        if kept is None or kept[0] != lines:
            kept = self._kept[language.code] = lines, self._document(lines, language)
        return kept[1]

    @cached_property
    def _policy_hash(self) -> str:
        return policy_document(self._policy).hash

    def _lines(self, template: str, language: Language) -> list[str]:
        nobody = _Nobody(self._policy)
        try:
            return lines_of(self._renderer.html(template, nobody, language.code))
        except Exception:
            logger.exception("%s cannot be rendered; the ledger gets no words of it", template)
            return []

    def _document(self, lines: dict[str, list[str]], language: Language) -> Document:
        said = {
            "policy": self._policy_hash,
            "revision": self._policy.revision,
            "language": language.code,
            "controller": language.words(self._controller)[0],
            **lines,
            "categories": [
                {name: value for name, value in category.items() if name != "allowed"}
                for category in charter.as_json(self._policy, language, ())
            ],
        }
        return Document.of("text", self._policy.revision, language.code, compact(said))


class _Nobody(Consent):
    """A visitor who is asked, and has not answered: in no exchange, so nothing can be changed.

    It tells the pages what they ask of a visitor.
    """

    __slots__ = ("_allowed",)

    answered = False
    choice = None
    needed = True
    opted_out = False
    target = Target()

    def __init__(self, policy: Policy) -> None:
        self._allowed = policy.allowed(frozenset(), frozenset())

    def allows(self, category: str) -> bool:
        """Tell whether a category passes before an answer."""
        return category in self._allowed
