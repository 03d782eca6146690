"""What a site says about its pages that ask, checked at construction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import date, timedelta
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from consentgate.category import NECESSARY, Text, frozen_text
from consentgate.errors import ConsentGateError
from consentgate.names import is_declarable, is_pattern
from consentgate.policy import Policy

if TYPE_CHECKING:
    from jinja2 import BaseLoader

    from consentgate.pages.site import Site

OFFICIAL: tuple[str, ...] = (
    *("bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr"),
    *("hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv"),
)
"""The official languages of the European Union (Regulation No 1 of 1958, as amended, article 1)."""

_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
_CODE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)


@dataclass(frozen=True, slots=True)
class Pages:
    """Where the pages that ask are, and how they speak.

    `path` is where they start, below the place where the app is mounted.
    `languages` are those that they are offered in (by default the 24 official
    ones of the EU), `default_language` is what a visitor gets who asks for
    none of them. `language_cookie` is the cookie in which the site keeps the
    visitor's language; it counts before `Accept-Language`. `locales` is a
    folder with the site's own gettext catalogues (`xx/LC_MESSAGES/consentgate.mo`):
    they add languages, or reword messages; "English" stands there for what the
    language calls itself.

    `controller` is who answers for the site, for people. `templates` is a
    Jinja loader, or a folder: a template of the same name there replaces one
    of these pages, and can extend the original as `consentgate/NAME`.
    `content_security_policy` is what the pages send in place of their own.

    `proxies` is how many proxies in front of the app add to X-Forwarded-Proto
    and X-Forwarded-Host; with 0 nobody is believed. `gpc` is the date on which
    the site last changed how it treats Global Privacy Control: with it
    `/.well-known/gpc.json` is served. `reports` lets browsers report here what
    was refused to a page and to its scripts. `consent_mode` says which category
    a consent type of Google's stands for, where it is another than usual
    (`{"analytics_storage": "statistics"}`).

    Raises ConsentGateError for what cannot work.
    """

    path: str = "/cookies"
    _: KW_ONLY
    languages: Iterable[str] = OFFICIAL
    default_language: str = "en"
    language_cookie: str | None = None
    locales: str | PathLike[str] | None = None
    controller: Text = ""
    templates: BaseLoader | str | PathLike[str] | None = None
    content_security_policy: str = _CSP
    proxies: int = 0
    gpc: date | None = None
    reports: bool = True
    consent_mode: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not _PATH.fullmatch(self.path):
            raise _error(
                f"path={self.path!r}", "use a path as in '/cookies', without a slash at its end"
            )
        if set(self.path.split("/")) & {".", ".."}:
            raise _error(f"path={self.path!r}", "browsers resolve '.' and '..' before they ask")
        self._check_languages()
        cookie = self.language_cookie
        named = isinstance(cookie, str) and is_declarable(cookie) and not is_pattern(cookie)
        if cookie is not None and not named:
            raise _error(f"language_cookie={cookie!r}", "use a cookie's name")
        object.__setattr__(self, "controller", frozen_text(self.controller, "Pages: controller"))
        if type(self.proxies) is not int or self.proxies < 0:
            raise _error(f"proxies={self.proxies!r}", "say how many there are: 0, 1, ...")
        if self.gpc is not None and type(self.gpc) is not date:
            raise _error(f"gpc={self.gpc!r}", "use a date, as in date(2026, 11, 25)")
        if not isinstance(self.reports, bool):
            raise _error(f"reports={self.reports!r}", "say True or False")
        policy = self.content_security_policy
        if not isinstance(policy, str) or not re.fullmatch(r"[ -~]+", policy):
            raise _error(f"content_security_policy={policy!r}", "use one line of visible ASCII")
        for option in ("locales", "templates"):
            self._check_folder(option)

    @property
    def endpoint(self) -> str | None:
        """Where browsers report to, below the place where the app is mounted; None for nowhere."""
        return f"{self.path}/reports" if self.reports else None

    def _check_languages(self) -> None:
        given = self.languages
        codes = () if isinstance(given, str) or not isinstance(given, Iterable) else tuple(given)
        if not codes or not all(isinstance(code, str) and _CODE.fullmatch(code) for code in codes):
            raise _error(f"languages={given!r}", "use a list of codes, as in ['fr', 'en']")
        if len(set(codes)) < len(codes):
            raise _error(f"languages={given!r}", "name each of them once")
        object.__setattr__(self, "languages", codes)
        if self.default_language not in codes:
            # Nobody who says languages=["fr"] means to speak English to the others.
            if self.default_language != "en":
                raise _error(
                    f"default_language={self.default_language!r}",
                    f"use one of languages: {', '.join(codes)}",
                )
            object.__setattr__(self, "default_language", codes[0])

    def _check_folder(self, option: str) -> None:
        value = getattr(self, option)
        if value is None or (option == "templates" and _is_loader(value)):
            return
        if not isinstance(value, (str, PathLike)) or not Path(value).is_dir():
            raise _error(f"{option}={value!r}", "use the path of a folder")


def _is_loader(value: object) -> bool:
    if isinstance(value, (str, PathLike)):
        return False
    from jinja2 import BaseLoader  # loaded only where a site has one

    return isinstance(value, BaseLoader)


def as_pages(pages: object, policy: Policy, inject_banner: bool) -> Pages | None:
    """Return what is said about the pages that ask, None where there are none.

    Raises ConsentGateError where the banner is to be put in, but leads nowhere,
    or where the language is read from a cookie that may not be read.
    """
    if pages is None:
        if inject_banner:
            raise ConsentGateError(
                "inject_banner=True: the banner leads to the pages, and pages=None serves none; "
                "leave one of them out"
            )
        return None
    settings = Pages(pages) if isinstance(pages, str) else pages
    if not isinstance(settings, Pages):
        raise ConsentGateError(
            f"pages={pages!r}: use a path as in '/cookies', a Pages(...), or None for no pages"
        )
    cookie = settings.language_cookie
    if cookie is not None:
        declared = policy.lookup(cookie.encode("ascii"))
        if declared is None or declared.category != NECESSARY:
            raise ConsentGateError(
                f"Pages(language_cookie={cookie!r}): only a necessary cookie is read without "
                f"consent; declare it: Cookie({cookie!r}, exemption='interface')"
            )
    return settings


def site_of(
    pages: Pages | None,
    policy: Policy,
    max_age: timedelta,
    always_secure: bool,
    keeps_proof: bool = False,
) -> Site | None:
    """Return the pages that ask; see `Site`. Raises ConsentGateError for pages that cannot be."""
    if pages is None:
        return None
    # Without them nothing of templates and languages is loaded.
    from consentgate.pages.site import Site

    return Site(
        policy, pages, max_age=max_age, always_secure=always_secure, keeps_proof=keeps_proof
    )


def _error(what: str, remedy: str) -> ConsentGateError:
    return ConsentGateError(f"Pages({what}): {remedy}")
