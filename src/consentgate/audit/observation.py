"""Sites and reports of what happened: each is asked what it sets."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from consentgate.audit.crawl import Bounds, Crawl, Progress, Visitor, crawl
from consentgate.audit.serving import behind, served
from consentgate.audit.sighting import Sighting
from consentgate.audit.target import Target
from consentgate.category import BUILT_IN
from consentgate.errors import ConsentGateError
from consentgate.gate import ConsentGate
from consentgate.observer import Reason
from consentgate.pages.settings import Pages
from consentgate.policy import Policy
from consentgate.presets import known

# What of a file holds for a gate that only looks.
_KEPT = ("cookie_name", "pages", "max_age")


@dataclass(frozen=True)
class Plan:
    """How sites are looked at.

    `policy` is what is declared, None if nobody said; `options` are those of
    its gate. `browser` takes a Chromium, `accept` consents half way.
    """

    policy: Policy | None = None
    options: Mapping[str, Any] | None = None
    browser: bool = False
    accept: bool = False
    bounds: Bounds = field(default_factory=Bounds)

    @property
    def cookie_name(self) -> str:
        """The name of the consent cookie."""
        name: str = (self.options or {}).get("cookie_name", "cookies_preferences")
        return name

    def of_app(self, target: Target) -> Plan:
        """Return the plan for an app: what its own gate declares counts, if nobody said."""
        gate = target.gate
        if self.policy is not None or gate is None:
            return self
        return replace(self, policy=gate.policy, options={"cookie_name": gate.cookie_name})

    def gate(self) -> ConsentGate:
        """Return a gate that stops nothing, to stand around all that an app has of its own.

        The outermost gate decides: an app behind a gate of its own shows what
        it would set without one.
        """
        policy = self.policy
        if policy is None:
            # Nothing is declared; but whoever asks for a category can be given it.
            policy = Policy([], categories=[replace(category) for category in BUILT_IN])
        options = {key: value for key, value in (self.options or {}).items() if key in _KEPT}
        options["pages"] = options.get("pages") or "/cookies"  # Consent is given there.
        return ConsentGate(
            policy, secret_key=secrets.token_urlsafe(32), report_only=True, **options
        )

    @property
    def asked_at(self) -> str:
        """The path of the pages that ask."""
        pages = (self.options or {}).get("pages")
        return pages.path if isinstance(pages, Pages) else pages or "/cookies"


def of_app(target: Target, plan: Plan, progress: Progress | None = None) -> Crawl:
    """Serve an app on this machine, and look at what it sets. Raises ConsentGateError."""
    with ExitStack() as stack:
        app = stack.enter_context(behind(plan.gate(), target))
        return of_site(stack.enter_context(served(app)), plan, progress)


def of_site(url: str, plan: Plan, progress: Progress | None = None) -> Crawl:
    """Look at what the site at a URL sets. Raises ConsentGateError."""
    _check(url)
    with ExitStack() as stack:
        visitor: Visitor
        if plan.browser:
            from consentgate.audit.browser import chromium

            visitor = stack.enter_context(chromium(url))
        else:
            from consentgate.audit.client import caller

            visitor = stack.enter_context(caller(url))
        where = urljoin(url, plan.asked_at) if plan.accept else None
        return crawl(visitor, url, plan.bounds, accept=where, progress=progress)


def of_reports(paths: Iterable[str]) -> tuple[Sighting, ...]:
    """Return what reports (JSON Lines, written by JsonLines) say of undeclared cookies.

    What was stripped, the site set. What was withheld, or refused to a script,
    came from a browser, and anybody can send anything: it counts where a preset
    knows it, as scripts'.
    Raises ConsentGateError for a file that cannot be read.
    """
    from consentgate.observers import report

    rows = [row for row in report.read(paths).rows if row.reason == Reason.UNDECLARED]
    setters = {"stripped": "header", "withheld": "script", "guarded": "script"}
    return tuple(
        Sighting(
            row.name,
            setters[row.action],
            pages=(row.path,) if row.path else (),
            count=row.count,
        )
        for row in rows
        if row.action == "stripped" or (row.action in ("withheld", "guarded") and known(row.name))
    )


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right:
        raise ConsentGateError(f"{url!r}: a site is named as in https://www.example.com/")
