"""The source gate: from which other sites a page may load things, as a Content-Security-Policy.

A third party sets its cookies in its own responses, which never pass here. But
a browser asks a page's policies before it sends a request (CSP3 4.1.2), and
one that is refused reaches nobody: there is no response, and no cookie.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from consentgate.category import NECESSARY, UNDECLARED
from consentgate.errors import ConsentGateError
from consentgate.hosts import HostTable
from consentgate.policy import Policy

# CSP3 6.1: what a directive of its own does not speak of falls back to `default-src`: scripts,
# styles, images, fonts, media, connections, frames, workers, objects and manifests. Forms,
# `<base>` and who may frame the page do not, and stay as the app has them. What a page can do
# without another site it can do as before: the app's own policy says whether it may.
_SELF = (
    *("'self'", "'unsafe-inline'", "'unsafe-eval'"),
    *("data:", "blob:", "filesystem:", "mediastream:"),
)
# CSP3 3.1: of several policies each has its say, so that one more never allows what another
# forbids. A field of the app is therefore left alone.
_ENFORCED = "Content-Security-Policy"
_REPORTED = "Content-Security-Policy-Report-Only"
_ENDPOINTS = "Reporting-Endpoints"
JOINED = tuple(name.lower() for name in (_ENFORCED, _REPORTED, _ENDPOINTS))
"""The fields of which a second one means the same as a comma behind the first (RFC 9110 5.3)."""

Fields = Mapping[type, tuple[tuple[Any, Any], ...]]
"""Header fields, in native strings and in bytes, by the type that a dialect has."""


_LONGEST_ROOT = 100

MODES = ("on", "report", "off")


def sources_of(
    policy: Policy, mode: object, report_only: bool, reported: frozenset[str], endpoint: str | None
) -> Sources | None:
    """Return what holds pages to the declared third parties, None where nothing does.

    Raises ConsentGateError for a mode that is none of MODES.
    """
    if mode not in MODES:
        raise ConsentGateError(
            f"source_gate={mode!r}: use 'on', 'report' to have browsers tell what they would not "
            "load, or 'off'"
        )
    if mode == "off" or not any(party.hosts for party in policy.third_parties):
        return None
    report = report_only or mode == "report"
    return Sources(policy, report=report, reported=reported, endpoint=endpoint)


class Sources:
    """The declared third parties of a policy, and the header fields that hold pages to them.

    `report` says that nothing is enforced, `reported` in which categories
    nothing is. `endpoint` is where browsers report to, below the place where
    the app is mounted; None for nowhere.
    """

    def __init__(
        self, policy: Policy, *, report: bool, reported: frozenset[str], endpoint: str | None
    ) -> None:
        self._hosts = [
            (host, party.category) for party in policy.third_parties for host in party.hosts
        ]
        self._table = HostTable(policy.third_parties)
        self.categories = frozenset(category for _, category in self._hosts) - {NECESSARY}
        """The categories on which it depends what may be loaded."""
        self._report = report or UNDECLARED in reported
        self._reported = reported
        self._endpoint = endpoint
        self.reports = endpoint is not None and (self._report or bool(reported & self.categories))
        """Whether browsers are told where to report to: that depends on where the app is."""
        self._remembered = lru_cache(maxsize=256)(self._fields)

    def category_of(self, host: str) -> str | None:
        """Return the category of a host, with its port if that is unusual; None if undeclared."""
        party = self._table.find(host)
        return party.category if party else None

    def lets(self, host: str, allowed: frozenset[str]) -> bool:
        """Tell whether a page of who allows these categories may load from a host."""
        category = self.category_of(host)
        return self._report or category in (NECESSARY, *allowed, *self._reported)

    def fields(self, allowed: frozenset[str], root: str, https: bool) -> Fields:
        """Return the fields for a page; see `_fields`. Computed once per combination."""
        # A visitor may write where an app is mounted: what is remembered stays small.
        compute = self._remembered if len(root) <= _LONGEST_ROOT else self._fields
        return compute(allowed, root, https)

    def _fields(self, allowed: frozenset[str], root: str, https: bool) -> Fields:
        """Return the fields for a page of who allows these categories.

        `root` is where the app is mounted, percent-encoded; `https` is whether
        the page came over it.
        """
        lines = tuple(self._lines(allowed, root, https))
        raw = tuple((name.lower().encode("ascii"), text.encode("ascii")) for name, text in lines)
        return {str: lines, bytes: raw}

    def _lines(self, allowed: frozenset[str], root: str, https: bool) -> Iterator[tuple[str, str]]:
        strict = self._policy(allowed)
        enforced = None if self._report else self._policy(allowed | self._reported)
        if enforced is not None:
            yield _ENFORCED, enforced
        if enforced == strict:
            return
        if self._endpoint is None:
            yield _REPORTED, strict
            return
        # In a policy these two would end the directive, or the policy.
        where = (root + self._endpoint).replace(";", "%3B").replace(",", "%2C")
        told = f"{strict}; report-uri {where}"
        if not https:
            # Reporting API 3.2: endpoints are of secure pages. Browsers that know `report-to` leave
            # `report-uri` aside (CSP3 6.5.1), and would report nowhere.
            yield _REPORTED, told
            return
        yield _REPORTED, f"{told}; report-to consentgate"
        yield _ENDPOINTS, f'consentgate="{where}"'

    def _policy(self, allowed: frozenset[str]) -> str:
        hosts: Iterable[str] = (
            host for host, category in self._hosts if category == NECESSARY or category in allowed
        )
        return " ".join(("default-src", *_SELF, *dict.fromkeys(hosts)))
