"""Another site that the pages of this one load things from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, field, replace

from consentgate.category import NECESSARY, Text, frozen_text
from consentgate.cookie import Cookie
from consentgate.errors import ConsentGateError

_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
# As a Content-Security-Policy names hosts (CSP3 2.3.1, host-source), without a path: a star for
# what stands before, or for any port. Without a scheme it is that of the page, or its secure one.
_HOST = re.compile(
    rf"(?:(?:https?|wss?)://)?(?:\*\.)?{_LABEL}(?:\.{_LABEL})*(?::(?:[0-9]{{1,5}}|\*))?"
)
_ADDRESS = re.compile(r"https?://[!-~]+")


@dataclass(frozen=True, slots=True)
class ThirdParty:
    """Another site that the pages of this one load things from: a video, a map, an advert.

    `name` is what people call it, `category` the key of the category under
    which it is loaded, `purpose` what for. `hosts` are where its things come
    from: `*.` before one stands for every name below it, `:8080` or `:*` after
    it for another port than the usual, `wss://` before it for a socket.
    `cookies` are those that it is known to set, each a Cookie or a name alone.
    `privacy` is the address of its privacy notice, one for all languages or
    one per language (GDPR article 13(1): the recipients of personal data are
    told).

    It is told in the charter, and what pages load is held to it (`source_gate`
    of a gate). Its cookies are set in its own responses, which do not pass
    this gate: they are told, with this third party as who reads them, and are
    no declarations of the policy. Raises ConsentGateError for a declaration
    that cannot hold.
    """

    name: str
    category: str
    _: KW_ONLY
    hosts: Iterable[str] = ()
    cookies: Iterable[Cookie | str] = ()
    purpose: Text = field(default="", hash=False)
    privacy: Text = field(default="", hash=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ConsentGateError(f"ThirdParty({self.name!r}): a name is a text, as in 'YouTube'")
        object.__setattr__(self, "hosts", self._checked_hosts())
        object.__setattr__(self, "cookies", self._checked_cookies())
        for name in ("purpose", "privacy"):
            text = frozen_text(getattr(self, name), f"ThirdParty({self.name!r}): {name}")
            object.__setattr__(self, name, text)
        for address in [self.privacy] if isinstance(self.privacy, str) else self.privacy.values():
            if address and not _ADDRESS.fullmatch(address):
                raise self._error(
                    f"privacy is the address of a privacy notice, as in "
                    f"'https://example.com/privacy', not {address!r}"
                )

    def _checked_hosts(self) -> tuple[str, ...]:
        if isinstance(self.hosts, str) or not isinstance(self.hosts, Iterable):
            raise self._error(f"hosts is a list, as in ['www.example.com'], not {self.hosts!r}")
        hosts = tuple(self.hosts)
        for host in hosts:
            if not isinstance(host, str) or not _HOST.fullmatch(host):
                raise self._error(
                    f"hosts are names of hosts, as in 'www.example.com' or '*.example.com', "
                    f"not {host!r}"
                )
        return hosts

    def _checked_cookies(self) -> tuple[Cookie, ...]:
        if isinstance(self.cookies, str) or not isinstance(self.cookies, Iterable):
            raise self._error(f"cookies is a list, as in ['IDE'], not {self.cookies!r}")
        return tuple(map(self._own, self.cookies))

    def _own(self, cookie: object) -> Cookie:
        """Return a cookie as one that this third party sets and reads."""
        if isinstance(cookie, str):
            cookie = Cookie(cookie)
        if not isinstance(cookie, Cookie):
            raise self._error(f"cookies are Cookies, or their names, not {cookie!r}")
        if cookie.category not in (NECESSARY, self.category):
            raise self._error(
                f"its cookie {cookie.name!r} is in {cookie.category!r}, and all that it does is in "
                f"{self.category!r}; leave the cookie's category out"
            )
        provider = cookie.provider or self.name
        return replace(cookie, category=self.category, provider=provider, party="third")

    def _error(self, message: str) -> ConsentGateError:
        return ConsentGateError(f"ThirdParty({self.name!r}): {message}")

    @property
    def legal_terms(self) -> list[object]:
        """What a visitor agrees to with this third party, wording aside."""
        cookies = sorted(repr(cookie.legal_terms) for cookie in self.declared_cookies)
        return ["third party", self.name, self.category, sorted(self.hosts), *cookies]

    @property
    def declared_cookies(self) -> tuple[Cookie, ...]:
        """The cookies that it is known to set, as its own."""
        return tuple(map(self._own, self.cookies))
