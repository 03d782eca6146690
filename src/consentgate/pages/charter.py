"""The policy as a visitor reads it: categories and cookies in one language."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from markupsafe import Markup

from consentgate.category import Category
from consentgate.cookie import Cookie
from consentgate.pages.answer import PREFIX
from consentgate.pages.language import Language
from consentgate.policy import Policy
from consentgate.third_party import ThirdParty


class CookieRow(NamedTuple):
    """A declared cookie in words. Texts of a site may be markup: in another language."""

    name: str
    provider: str
    service: str
    purpose: str
    kept: str
    reader: str


class ThirdPartyRow(NamedTuple):
    """Another site that pages load things from, in words. `privacy` is an address, or empty."""

    name: str
    hosts: str
    purpose: str
    privacy: str


class Section(NamedTuple):
    """A category in words, with what is in it. `kind` is necessary, exempt or consent.

    `providers` are those who read something once the visitor agrees.
    """

    key: str
    kind: str
    title: str
    description: str
    providers: str
    cookies: tuple[CookieRow, ...]
    third_parties: tuple[ThirdPartyRow, ...]

    @property
    def field(self) -> str:
        """The name of the form field in which it is decided."""
        return PREFIX + self.key


def sections(policy: Policy, language: Language) -> tuple[Section, ...]:
    """Return what the policy declares, category by category, in a language."""
    return tuple(_section(category, policy, language) for category in policy.offered)


def _section(category: Category, policy: Policy, language: Language) -> Section:
    cookies = [cookie for cookie in policy.cookies if cookie.category == category.key]
    others = [party for party in policy.third_parties if party.category == category.key]
    return Section(
        category.key,
        _kind(category),
        language.html(category.title) or category.key,
        language.html(category.description),
        _providers(cookies, others, language) if category.needs_consent else "",
        (*(_row(cookie, language) for cookie in cookies), *_foreign_rows(others, language)),
        tuple(_third_party_row(party, language) for party in others),
    )


def _providers(cookies: Iterable[Cookie], others: Iterable[ThirdParty], language: Language) -> str:
    # Of a service that is loaded, also the company behind it.
    every = [*cookies, *(cookie for party in others for cookie in party.declared_cookies)]
    providers = [cookie.provider for cookie in every if cookie.provider]
    # By the words: a name that is marked as of another language is the same name.
    told = {language.words(provider)[0] for provider in providers}
    more = [party.name for party in others if party.name not in told]
    return language.listed([*map(language.html, providers), *more])


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


def _foreign_rows(others: Iterable[ThirdParty], language: Language) -> Iterator[CookieRow]:
    """Return the cookies that third parties set: nobody here knows more than is declared."""
    for cookie in (each for party in others for each in party.declared_cookies):
        row = _row(cookie, language)
        yield row if cookie.lifetime else row._replace(kept="–")


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


def _third_party_row(party: ThirdParty, language: Language) -> ThirdPartyRow:
    hosts = [Markup('<code dir="ltr">{}</code>').format(host) for host in party.hosts]
    return ThirdPartyRow(
        party.name,
        language.listed(hosts),
        language.html(party.purpose),
        language.words(party.privacy)[0],
    )


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
                _cookie_as_json(cookie, language)
                for cookie in policy.cookies
                if cookie.category == category.key
            ],
            "third_parties": [
                {
                    "name": party.name,
                    "hosts": list(party.hosts),
                    "purpose": language.words(party.purpose)[0],
                    "privacy": language.words(party.privacy)[0],
                    "cookies": [_cookie_as_json(each, language) for each in party.declared_cookies],
                }
                for party in policy.third_parties
                if party.category == category.key
            ],
        }
        for category in policy.offered
    ]


def _cookie_as_json(cookie: Cookie, language: Language) -> dict[str, Any]:
    return {
        "name": cookie.name,
        "provider": language.words(cookie.provider)[0],
        "service": language.words(cookie.service)[0],
        "purpose": language.words(cookie.purpose)[0],
        "lifetime": cookie.lifetime and int(cookie.lifetime.total_seconds()),
        "party": cookie.party,
    }
