"""The policy as a visitor reads it: categories and cookies in one language."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from consentgate.category import BUILT_IN, Category
from consentgate.cookie import Cookie
from consentgate.pages.answer import PREFIX
from consentgate.pages.language import Language
from consentgate.policy import Policy


class CookieRow(NamedTuple):
    """A declared cookie in words. Texts of a site may be markup: in another language."""

    name: str
    provider: str
    service: str
    purpose: str
    kept: str
    reader: str


class Section(NamedTuple):
    """A category in words, with the cookies in it. `kind` is necessary, exempt or consent."""

    key: str
    kind: str
    title: str
    description: str
    providers: str
    cookies: tuple[CookieRow, ...]

    @property
    def field(self) -> str:
        """The name of the form field in which it is decided."""
        return PREFIX + self.key


def offered(policy: Policy) -> tuple[Category, ...]:
    """Return the categories that concern a visitor, in order.

    A built-in one without a cookie in it, and without a word from the site, is
    not asked about: it serves nothing.
    """
    used = {cookie.category for cookie in policy.cookies}
    return tuple(
        category
        for category in policy.categories
        if category.key in used or not any(category is built_in for built_in in BUILT_IN)
    )


def sections(policy: Policy, language: Language) -> tuple[Section, ...]:
    """Return what the policy declares, category by category, in a language."""
    return tuple(_section(category, policy, language) for category in offered(policy))


def _section(category: Category, policy: Policy, language: Language) -> Section:
    cookies = [cookie for cookie in policy.cookies if cookie.category == category.key]
    providers = [language.html(cookie.provider) for cookie in cookies if cookie.provider]
    return Section(
        category.key,
        _kind(category),
        language.html(category.title) or category.key,
        language.html(category.description),
        language.listed(providers) if category.needs_consent else "",
        tuple(_row(cookie, language) for cookie in cookies),
    )


def _kind(category: Category) -> str:
    if category.needs_consent:
        return "consent"
    return "exempt" if category.exempt else "necessary"


def _row(cookie: Cookie, language: Language) -> CookieRow:
    return CookieRow(
        cookie.name,
        language.html(cookie.provider),
        language.html(cookie.service),
        language.html(cookie.purpose),
        _kept(cookie, language),
        _reader(cookie, language),
    )


def _kept(cookie: Cookie, language: Language) -> str:
    """Planet49, C-673/17: "the duration of the operation of cookies" is to be told."""
    _ = language.say
    if cookie.lifetime is None:
        return _("Until you close the browser")
    return language.duration(cookie.lifetime)


def _reader(cookie: Cookie, language: Language) -> str:
    """Planet49, C-673/17: so is "whether or not third parties may have access to those cookies"."""
    _ = language.say
    if cookie.party == "first":
        return _("This site")
    return language.html(cookie.provider) or _("Another site")


def as_json(policy: Policy, language: Language, allowed: Collection[str]) -> list[dict[str, Any]]:
    """Return the same as plain values, with what is allowed now."""
    return [
        {
            "key": category.key,
            "title": language.words(category.title)[0] or category.key,
            "description": language.words(category.description)[0],
            "kind": _kind(category),
            "allowed": category.key in allowed,
            "cookies": [
                {
                    "name": cookie.name,
                    "provider": language.words(cookie.provider)[0],
                    "service": language.words(cookie.service)[0],
                    "purpose": language.words(cookie.purpose)[0],
                    "lifetime": cookie.lifetime and int(cookie.lifetime.total_seconds()),
                    "party": cookie.party,
                }
                for cookie in policy.cookies
                if cookie.category == category.key
            ],
        }
        for category in offered(policy)
    ]
