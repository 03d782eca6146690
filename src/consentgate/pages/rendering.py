"""From a template and a visitor to HTML."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from os import PathLike, fspath
from typing import TYPE_CHECKING

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateError,
)
from markupsafe import Markup

from consentgate import cookie_header
from consentgate.errors import ConsentGateError
from consentgate.pages.charter import Section, sections
from consentgate.pages.language import Language, Languages
from consentgate.pages.links import Query, files, links, query_of
from consentgate.pages.settings import Pages
from consentgate.pages.status import Status
from consentgate.policy import Policy
from consentgate.request import Target

if TYPE_CHECKING:
    from consentgate.consent import Consent


NAMES = (
    *("banner.html", "charter.html", "error.html", "link.html"),
    *("preferences.html", "script.html", "table.html"),
    *("guard.html", "mode.html", "placeholder.html", "frame.html"),
)
"""The templates that are rendered; they use others."""


class Renderer:
    """Renders the templates of one site. What is worked out per language is remembered."""

    def __init__(
        self, policy: Policy, pages: Pages, *, max_age: timedelta, keeps_proof: bool = False
    ) -> None:
        locales = None if pages.locales is None else fspath(pages.locales)
        self.languages = Languages(pages.languages, pages.default_language, locales)
        self._policy = policy
        self._pages = pages
        self._max_age = max_age
        self._keeps_proof = keeps_proof
        self._cookie = pages.language_cookie and pages.language_cookie.encode("ascii")
        self._templates = _templates(pages.templates)
        self._check_templates()
        self._sections: dict[str, tuple[Section, ...]] = {}

    def html(
        self, template: str, consent: Consent, told: str | None = None, **more: object
    ) -> Markup:
        """Render a template for a visitor, in the language that is told or asked for."""
        target = consent.target
        query = query_of(target)
        asked = self.languages.named(told) or self.languages.named(query.lang)
        language = asked or self.language(target)
        context = self._context(consent, language, query)
        # Links go on in a language that was asked for: the other ways are found again.
        told = None if asked is None else asked.code
        context["place"] = "banner" if template == "banner.html" else "page"
        context["links"] = links(self._pages.path, target, query, told, self.languages)
        rendered = self._templates.get_template(template).render(context | more)
        return Markup(rendered)  # noqa: S704  # the templates escape what they are given

    def tag(self, template: str, target: Target, **more: object) -> Markup:
        """Render an element that loads one of the files: it has no words in it."""
        found = files(self._pages.path, target.root)
        rendered = self._templates.get_template(template).render(links=found, **more)
        return Markup(rendered)  # noqa: S704  # the templates escape what they are given

    def allowed(self, consent: Consent) -> str:
        """Return the categories that pass, as the script of the pages reads them."""
        return " ".join(c.key for c in self._policy.categories if consent.allows(c.key))

    def language(self, target: Target) -> Language:
        """Return the language for a request: asked for, remembered, accepted, or the default."""
        remembered = None
        if self._cookie:
            values = cookie_header.values_of(target.cookie_lines, self._cookie)
            remembered = values[0].decode("ascii", "replace") if values else None
        return self.languages.best(query_of(target).lang, remembered, target.accept_language)

    def status(self, consent: Consent, language: Language, *, saved: bool) -> Status:
        """Return what is to be said about the choice that stands."""
        return Status(consent, self.sections(language), language, self._max_age, saved=saved)

    def sections(self, language: Language) -> tuple[Section, ...]:
        """Return the policy in a language."""
        if language.code not in self._sections:
            self._sections[language.code] = sections(self._policy, language)
        return self._sections[language.code]

    def _check_templates(self) -> None:
        """Load what is there to be rendered: a template that cannot be read is said at once."""
        for name in NAMES:
            try:
                self._templates.get_template(name)
            except TemplateError as error:
                raise ConsentGateError(
                    f"Pages(templates): {name} cannot be loaded: {type(error).__name__}: {error}; "
                    "mend it, or leave it out to have the page of the package"
                ) from error

    def _context(self, consent: Consent, language: Language, query: Query) -> dict[str, object]:
        categories = self.sections(language)
        return {
            "_": language.say,
            "language": language,
            "controller": language.html(self._pages.controller),
            "categories": categories,
            "asked": [category for category in categories if category.kind == "consent"],
            "choosable": any(category.kind != "necessary" for category in categories),
            "kept": language.duration(self._max_age),
            "standing": self.status(consent, language, saved=query.saved),
            "allowed": self.allowed(consent),
            "keeps_proof": self._keeps_proof,
            "number": "",
            "alone": False,
            "nonce": None,
        }


_PACKAGE = PackageLoader("consentgate.pages")
# The package's own are `consentgate/NAME` as well, for a site's to extend.
_LOADERS: tuple[BaseLoader, ...] = (_PACKAGE, PrefixLoader({"consentgate": _PACKAGE}))


@cache
def _own_environment() -> Environment:
    """Return the package's templates, compiled once for all gates."""
    return _environment(_LOADERS)


def _templates(given: BaseLoader | str | PathLike[str] | None) -> Environment:
    """Return where templates come from: the site's own first, then those of the package."""
    if given is None:
        return _own_environment()
    own = given if isinstance(given, BaseLoader) else FileSystemLoader(given)
    return _environment((own, *_LOADERS))


def _environment(loaders: Sequence[BaseLoader]) -> Environment:
    return Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=loaders is not _LOADERS,
    )
