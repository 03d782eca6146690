"""Another site that the pages of this one load things from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, field

from consentgate.category import Text, frozen_text
from consentgate.errors import ConsentGateError

_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
# As a Content-Security-Policy names hosts (CSP3 2.3.1, host-source): a star for what stands before.
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?")
_ADDRESS = re.compile(r"https?://[!-~]+")


@dataclass(frozen=True, slots=True)
class ThirdParty:
    """Another site that the pages of this one load things from: a video, a map, an advert.

    `name` is what people call it, `category` the key of the category under
    which it is loaded, `purpose` what for. `hosts` are where its things come
    from; `*.` before one stands for every name below it. `privacy` is the
    address of its privacy notice, one for all languages or one per language
    (GDPR article 13(1): the recipients of personal data are told).

    It is told in the charter. Its cookies are set in its own responses, which
    do not pass this gate. Raises ConsentGateError for a declaration that
    cannot hold.
    """

    name: str
    category: str
    _: KW_ONLY
    hosts: Iterable[str] = ()
    purpose: Text = field(default="", hash=False)
    privacy: Text = field(default="", hash=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ConsentGateError(f"ThirdParty({self.name!r}): a name is a text, as in 'YouTube'")
        object.__setattr__(self, "hosts", self._checked_hosts())
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

    def _error(self, message: str) -> ConsentGateError:
        return ConsentGateError(f"ThirdParty({self.name!r}): {message}")

    @property
    def legal_terms(self) -> list[object]:
        """What a visitor agrees to with this third party, wording aside."""
        return ["third party", self.name, self.category, sorted(self.hosts)]
