"""The gate: a policy, keys and options, compiled once and shared by every request."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import count
from os import PathLike
from typing import TYPE_CHECKING, Any

from consentgate.choice import Choice
from consentgate.declared import Declarations
from consentgate.errors import ConsentGateError
from consentgate.frozen import Frozen
from consentgate.memory import Memory
from consentgate.observer import Event, LogObserver, Observer
from consentgate.options import (
    check_age,
    check_callable,
    check_cookie,
    check_flags,
    check_guard,
    checked_observers,
    checked_report,
    journal_of,
    with_banner_cookie,
    with_consent_cookie,
)
from consentgate.pages.settings import Pages, as_pages, site_of
from consentgate.policy import Policy
from consentgate.recorder import Recorder
from consentgate.request import Request
from consentgate.scripted import ScriptRules
from consentgate.sources import Sources, sources_of
from consentgate.standing import Standing, Standings
from consentgate.token import SecretKey, TokenSigner, checked_keys

if TYPE_CHECKING:
    from consentgate.asgi import ConsentMiddleware as AsgiMiddleware
    from consentgate.banners.banner import Banner
    from consentgate.ledger import Ledger
    from consentgate.ledger.journal import Journal
    from consentgate.pages.site import Site
    from consentgate.wsgi import ConsentMiddleware as WsgiMiddleware

logger = logging.getLogger("consentgate")


class ConsentGate(Frozen):
    """The gate in front of an app: lets through what is necessary or consented to.

    `policy` is what the site declares. `secret_key` signs choices: one key, or
    a list from the oldest to the newest; any verifies, the newest signs.

    `cookie_name` is the consent cookie's name, `cookie_domain` its Domain
    (None: this host alone), `max_age` how long a choice lasts, granted and
    refused alike (CNIL: six months). `always_secure` marks it Secure on plain
    http too, for a site whose proxy ends TLS without telling.

    `withhold` leaves cookies that the visitor did not allow out of what the app
    reads, `withhold_undeclared` those in no declaration too. `expire_undeclared`
    expires these in the browser: on a shared domain they may be another app's.
    `clamp_lifetimes` cuts Max-Age and Expires to what is declared.

    `pages` is where the pages that ask are served, a path or a Pages; None
    serves none. `inject_banner` puts the banner into the HTML pages of the app,
    for visitors who have not answered.

    `source_gate` holds the pages of the app to the third parties that are
    declared, by one more Content-Security-Policy: "on" where any has hosts,
    "report" lets browsers tell what they would not load, "off" leaves it out.
    `inject_guard` puts into the app's pages the script that holds other scripts
    to the policy, and the one that wakes what waits for consent.
    `consent_from` is the banner of another tool that the site asks with: its
    answer is taken over, and signed.

    `report_only` tells the observers what would happen, and nothing happens:
    True, or the keys of the categories in which it is so, and "undeclared" for
    cookies in no declaration (with it the source gate reports on every host: a
    policy can only name what may be loaded). `observer`, or each of a list of them, is called
    with an Event for each cookie that is stripped, withheld, expired or
    outlives its declaration, with `observe_passed` for each that passes too,
    and for each choice; the log `consentgate` is written in any case.
    `needs_consent` is a predicate on a Request: where it is False the gate
    stands open, and only what the visitor refused is stopped. `keep_unchanged`
    keeps, after a new revision, the grants of categories in which nothing
    changed. `clock` gives the seconds since the epoch.

    `ledger` is where the proof of choices is kept: the address of a database,
    "sqlite:///consent.db" or "postgresql+psycopg://...", or a Ledger that says
    more; None keeps none. A grant that cannot be written there is none.

    Raises ConsentGateError for options that cannot work.
    """

    policy: Policy
    site: Site | None
    """The pages that ask."""
    injects: bool
    """Whether the banner is put into pages of the app."""
    inject_guard: bool
    """Whether the guard is put into pages of the app."""
    sources: Sources | None
    """The third parties that pages are held to; None where they are not."""
    script_rules: ScriptRules
    """What scripts may write."""
    banner: Banner | None
    """The banner of another tool that the site asks with."""
    banner_name: bytes
    """The name of its cookie."""
    cookie_name: str
    max_age: timedelta
    cookie_domain: str | None
    always_secure: bool
    withhold: bool
    withhold_undeclared: bool
    expire_undeclared: bool
    clamp_lifetimes: bool
    report_only: bool
    reported: frozenset[str]
    """The categories in which nothing is enforced, where that is not so of all."""
    asked: frozenset[str]
    """The categories that a visitor is asked about."""
    ledger: Journal | None
    """What keeps the proof of choices."""
    takes_requests: bool
    """Whether a function of the site asks for the request."""
    asks: bool
    """Whether a visitor is asked: not where cookies are set whatever the answer."""
    observe_passed: bool
    needs_consent: Callable[[Request], object] | None
    keep_unchanged: bool
    clock: Callable[[], float]
    name: bytes
    _observers: tuple[Observer, ...]
    _recorder: Recorder
    _turns: Iterator[int]
    standing: Callable[[Iterable[bytes]], Standing]
    """Returns what holds for a request with these `Cookie` header lines; see `Standings`."""
    choices_of: Callable[[Iterable[bytes]], list[Choice] | None]
    """Returns the choices of all valid tokens of such a request; see `Standings`."""
    lapsed_of: Callable[[Iterable[bytes]], Choice | None]
    """Returns the choice of such a request whose time is over; see `Standings`."""
    standing_of: Callable[[Choice], Standing]
    """Returns what holds under a choice."""
    declarations: Declarations
    category_of: Memory[bytes, str | None]
    """`declarations.category_of`."""
    observed: bool
    """Whether somebody wants to hear of what happens day by day."""
    inspects: bool
    """Whether each cookie that leaves takes a closer look."""

    def __init__(
        self,
        policy: Policy,
        *,
        secret_key: SecretKey,
        cookie_name: str = "cookies_preferences",
        max_age: timedelta = timedelta(days=182),
        cookie_domain: str | None = None,
        always_secure: bool = False,
        withhold: bool = True,
        withhold_undeclared: bool = True,
        expire_undeclared: bool = False,
        clamp_lifetimes: bool = False,
        report_only: bool | Iterable[str] = False,
        observer: Observer | Iterable[Observer] | None = None,
        observe_passed: bool = False,
        needs_consent: Callable[[Request], object] | None = None,
        keep_unchanged: bool = False,
        pages: Pages | str | None = "/cookies",
        inject_banner: bool = False,
        inject_guard: bool = False,
        source_gate: str = "on",
        consent_from: Banner | None = None,
        ledger: Ledger | str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_cookie(cookie_name, cookie_domain, always_secure)
        check_age(max_age)
        check_callable("clock", clock)
        if needs_consent is not None:
            check_callable("needs_consent", needs_consent)
        observers = checked_observers(observer)
        flags = {
            "always_secure": always_secure,
            "withhold": withhold,
            "withhold_undeclared": withhold_undeclared,
            "expire_undeclared": expire_undeclared,
            "clamp_lifetimes": clamp_lifetimes,
            "observe_passed": observe_passed,
            "keep_unchanged": keep_unchanged,
        }
        check_flags(**flags, inject_banner=inject_banner)
        check_guard(inject_guard, pages)
        if expire_undeclared and not withhold_undeclared:
            raise ConsentGateError(
                "expire_undeclared=True: what the app may read, by withhold_undeclared=False, is "
                "not expired; leave one of them out"
            )
        policy = with_consent_cookie(policy, cookie_name, max_age)
        policy = with_banner_cookie(policy, consent_from, cookie_name, max_age, asks=inject_banner)
        reported = checked_report(report_only, policy)
        asked = frozenset(category.key for category in policy.offered) & policy.needing
        asks = report_only is not True and not asked <= reported
        settings = as_pages(pages, policy, inject_banner)
        keys = checked_keys(secret_key)
        journal = journal_of(ledger, policy, keys, clock)
        site = site_of(settings, policy, max_age, always_secure, journal is not None)
        endpoint = None if settings is None else settings.endpoint
        name = cookie_name.encode("ascii")
        declarations = Declarations(policy, name, pass_undeclared=not withhold_undeclared)
        signer = TokenSigner(keys, cookie_name)
        standings = Standings(
            policy,
            signer,
            name,
            lasts=max_age.total_seconds(),
            keep_unchanged=keep_unchanged,
            clock=clock,
        )
        recorder = Recorder(policy, signer, cookie_name, cookie_domain, max_age, clock)
        vars(self).update(
            flags,
            policy=policy,
            site=site,
            report_only=report_only is True,
            reported=reported,
            asked=asked,
            asks=asks,
            injects=inject_banner and asks and site is not None,
            inject_guard=inject_guard,
            sources=sources_of(policy, source_gate, report_only is True, reported, endpoint),
            script_rules=ScriptRules(
                policy, cookie_name, report_only=report_only is True, reported=reported
            ),
            banner=consent_from,
            banner_name=consent_from.cookie.encode("ascii") if consent_from else b"",
            cookie_name=cookie_name,
            max_age=max_age,
            cookie_domain=cookie_domain,
            needs_consent=needs_consent,
            ledger=journal,
            takes_requests=needs_consent is not None
            or (journal is not None and journal.hook is not None),
            clock=clock,
            name=name,
            declarations=declarations,
            category_of=declarations.category_of,
            observed=bool(observers),
            inspects=observe_passed
            or bool(reported)
            or declarations.hardens
            or (declarations.limits and (clamp_lifetimes or bool(observers))),
            _observers=(LogObserver(), *observers),
            standing=standings.of_request,
            choices_of=standings.choices_of,
            lapsed_of=standings.lapsed_of,
            standing_of=standings.of_choice,
            _recorder=recorder,
            _turns=count(),
        )
        recorder.check(standings)

    def __repr__(self) -> str:
        return f"<ConsentGate {self.cookie_name}, {self.policy!r}>"

    @classmethod
    def from_toml(
        cls, path: str | PathLike[str], *, secret_key: SecretKey | None = None, **options: Any
    ) -> ConsentGate:
        """Return the gate of a file: a `consentgate.toml`, or the table of a `pyproject.toml`.

        `secret_key` is never in the file. Left out, it is what the environment
        has in CONSENTGATE_SECRET_KEY: one key, or several with commas between
        them, the oldest first. `options` are those of a gate; they beat the file's.

        Raises ConsentGateError that tells all that is wrong with the file, and where.
        """
        from consentgate.configuration.reading import load  # only who has a file needs a reader
        from consentgate.configuration.secrets import from_environment

        found = load(path)
        keys = from_environment() if secret_key is None else secret_key
        return cls(found.policy, secret_key=keys, **{**found.options, **options})

    def wsgi(self, app: Any) -> WsgiMiddleware:
        """Return a WSGI app: `app` behind this gate (PEP 3333)."""
        from consentgate.wsgi import ConsentMiddleware  # the gate knows no protocol

        return ConsentMiddleware(app, gate=self)

    def asgi(self, app: Any) -> AsgiMiddleware:
        """Return an ASGI app: `app` behind this gate (ASGI 3)."""
        from consentgate.asgi import ConsentMiddleware  # the gate knows no protocol

        return ConsentMiddleware(app, gate=self)

    def choice(
        self,
        granted: Iterable[str],
        refused: Iterable[str] | None = None,
        *,
        id: str | None = None,
    ) -> Choice:
        """Return a choice made now, under the policy's revision.

        `refused` is by default every other category that needs consent. `id`
        is that of the visitor's choice before, if there was one. Raises
        ConsentGateError for a category that is not in the policy.
        """
        return self._recorder.choice(granted, refused, id)

    def checked_categories(self, keys: Iterable[str]) -> frozenset[str]:
        """Return those of the keys that a visitor decides on.

        Raises ConsentGateError for one that is not a category of the policy.
        """
        return self._recorder.checked(keys)

    def set_cookie_for(self, choice: Choice, *, secure: bool = False) -> str:
        """Return the `Set-Cookie` value that records a choice.

        `secure` adds the attribute of that name: say True where the response
        leaves over https. Granted and refused choices look alike.
        """
        return self._recorder.set_cookie(choice, secure or self.always_secure)

    def turn(self) -> int:
        """Return the next number: it says which part of the deletions that are due is sent."""
        return next(self._turns)

    def tell(self, event: Event) -> None:
        """Hand an event to the observers. One that raises never hurts a response."""
        for observer in self._observers:
            try:
                observer(event)
            except Exception:
                logger.exception("observer %r failed; the response goes on", observer)


def check_wiring(app: object, gate: object) -> None:
    """Raise ConsentGateError where a middleware is given no app or no gate."""
    if not callable(app):
        raise ConsentGateError(f"app: a WSGI or ASGI app is needed, not {app!r}")
    if not isinstance(gate, ConsentGate):
        raise ConsentGateError(
            f"gate: a ConsentGate is needed, not {gate!r}; as in gate=ConsentGate(policy, "
            "secret_key=...)"
        )
