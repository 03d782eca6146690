"""Which third party a host belongs to, as browsers match hosts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from consentgate.third_party import ThirdParty

# RFC 8288 3: the target of a Link stands in angle brackets.
_TARGET = re.compile(rb"<([^>]*)>")
# CSP3 6.7.2.10, port-part match: without a port it is that of the scheme.
_USUAL = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def named(scheme: str, host: str, port: int | None) -> str:
    """Return a host as policies name it: with its port where that is not the scheme's own."""
    return host if port in (None, _USUAL.get(scheme)) else f"{host}:{port}"


def hosts_in(link: bytes) -> set[str]:
    """Return the hosts that a Link field leads to, as policies name them; none for own paths.

    What is no address that can be read leads to "", which is nobody's.
    """
    targets = (target.decode("latin-1") for target in _TARGET.findall(link))
    return {host for target in targets if (host := _host_of(target)) is not None}


def _host_of(target: str) -> str | None:
    # WHATWG URL: browsers drop these, and take "\" for "/".
    address = re.sub(r"[\x00-\x20]", "", target).replace("\\", "/")
    try:
        parts = urlsplit(f"https:{address}" if address.startswith("//") else address)
        port = parts.port
    except ValueError:
        return ""
    if not parts.scheme:
        return None
    return named(parts.scheme, parts.hostname or "", port)


class _Host(NamedTuple):
    """A declared host in its parts: `below` is whether it stands for the names below it."""

    below: bool
    name: str
    port: str
    party: ThirdParty

    @classmethod
    def of(cls, written: str, party: ThirdParty) -> _Host:
        name, _, port = written.lower().rpartition("://")[2].partition(":")
        return cls(name.startswith("*."), name.removeprefix("*"), port, party)

    def fits(self, name: str, port: str) -> bool:
        # CSP3 6.7.2.9, host-part match: "*.example.com" is not example.com itself.
        named = name.endswith(self.name) and name != self.name if self.below else name == self.name
        usual = port == "" and self.port in ("80", "443")
        return named and (usual or self.port in ("*", port))


class HostTable:
    """The hosts of third parties."""

    def __init__(self, parties: Iterable[ThirdParty]) -> None:
        self._hosts = [_Host.of(host, party) for party in parties for host in party.hosts]

    def find(self, host: str) -> ThirdParty | None:
        """Return whose a host is, with its port if that is unusual; None if undeclared.

        An exact name beats a pattern, a longer pattern a shorter one, then the first declared.
        """
        name, _, port = host.lower().partition(":")
        fitting = [each for each in self._hosts if each.fits(name, port)]
        best = max(fitting, key=lambda each: (not each.below, len(each.name)), default=None)
        return best.party if best else None
