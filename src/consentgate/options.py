"""The gate's options, checked at construction: what is wrong, where, and how to mend it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING

from consentgate import wire
from consentgate.category import NECESSARY, UNDECLARED, nearest_of
from consentgate.cookie import CONSENT_COOKIE_PURPOSE, Cookie
from consentgate.errors import ConsentGateError
from consentgate.names import NameTable, is_declarable, is_pattern
from consentgate.observer import Observer
from consentgate.policy import Policy
from consentgate.token import SecretKey

if TYPE_CHECKING:
    from consentgate.ledger.journal import Journal

# What RFC 2109 parsers, Python's own among them, do not read as a cookie's name.
_ATTRIBUTES = ("expires", "path", "comment", "domain", "max-age", "secure", "httponly", "version")

# RFC 6265bis 5.5: a longer one is cut, and what visitors are told would not be true.
_LONGEST = timedelta(days=400)

_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_DOMAIN = re.compile(rf"\.?{_LABEL}(?:\.{_LABEL})*")


def check_cookie(name: str, domain: str | None, always_secure: bool) -> None:
    """Raise ConsentGateError for a consent cookie that browsers would not keep."""
    if not isinstance(name, str) or not is_declarable(name) or is_pattern(name):
        raise ConsentGateError(
            f'cookie_name={name!r}: use visible ASCII characters without = ; , " \\ or *'
        )
    if wire.header_kind(name.encode("ascii")) is wire.HeaderKind.UNSAFE:
        raise ConsentGateError(
            f"cookie_name={name!r}: a cookie's name is a token (RFC 6265 4.1.1): letters, "
            "digits and !#$%&'+-.^_`|~"
        )
    if name.startswith("$") or name.lower() in _ATTRIBUTES:
        raise ConsentGateError(
            f"cookie_name={name!r}: older parsers take this for an attribute; use another name"
        )
    if domain is not None and (not isinstance(domain, str) or not _DOMAIN.fullmatch(domain)):
        raise ConsentGateError(f"cookie_domain={domain!r}: use a host name, as in 'example.com'")
    # RFC 6265bis 4.1.3: browsers compare these prefixes without case.
    prefix = name.lower()
    if prefix.startswith(("__secure-", "__host-", "__http-")) and not always_secure:
        raise ConsentGateError(
            f"cookie_name={name!r}: browsers take this prefix only with Secure; "
            "add always_secure=True"
        )
    if prefix.startswith("__host-") and domain:
        raise ConsentGateError(
            f"cookie_name={name!r}: browsers take this prefix only without a Domain; "
            "leave cookie_domain out"
        )


def check_age(max_age: timedelta) -> None:
    """Raise ConsentGateError for what is no length of time."""
    if not isinstance(max_age, timedelta) or not timedelta(seconds=1) <= max_age <= _LONGEST:
        raise ConsentGateError(
            f"max_age={max_age!r}: use a positive timedelta of 400 days at most, as in "
            "timedelta(days=182)"
        )


def check_callable(option: str, function: object) -> None:
    """Raise ConsentGateError for an option that cannot be called, or only awaited."""
    if not callable(function):
        raise ConsentGateError(f"{option} must be callable, not {function!r}")
    if iscoroutinefunction(function) or iscoroutinefunction(type(function).__call__):
        raise ConsentGateError(
            f"{option} must be a plain function, not the coroutine function {function!r}: "
            "nobody would await it"
        )


def check_flags(**options: object) -> None:
    """Raise ConsentGateError for a flag that is not True or False: "no" would mean yes."""
    for option, value in options.items():
        if not isinstance(value, bool):
            raise ConsentGateError(f"{option} must be True or False, not {value!r}")


def check_guard(inject_guard: object, pages: object) -> None:
    """Raise ConsentGateError where the guard is to be put in, but there is nothing to load it."""
    check_flags(inject_guard=inject_guard)
    if inject_guard and pages is None:
        raise ConsentGateError(
            "inject_guard=True: the guard is loaded from the pages, and pages=None serves none; "
            "leave one of them out"
        )


def checked_observers(observer: Observer | Iterable[Observer] | None) -> tuple[Observer, ...]:
    """Return the observers, so that none of them hurts a response by raising or blocking.

    Raises ConsentGateError for one that cannot be called.
    """
    if observer is None:
        return ()
    from consentgate.observers.relay import relayed  # a gate without observers has no threads

    observers = (observer,) if callable(observer) else tuple(_listed(observer))
    for each in observers:
        check_callable("observer", each)
    return tuple(map(relayed, observers))


def _listed(observer: object) -> Iterable[Observer]:
    if isinstance(observer, (str, bytes, Mapping)) or not isinstance(observer, Iterable):
        raise ConsentGateError(f"observer must be callable, or a list of such, not {observer!r}")
    return observer


def checked_report(report_only: object, policy: Policy) -> frozenset[str]:
    """Return the categories that are only reported on, none where all or nothing is.

    Raises ConsentGateError for a word that is no category, or one in which nothing is stopped.
    """
    if isinstance(report_only, bool):
        return frozenset()
    if isinstance(report_only, (str, bytes, Mapping)) or not isinstance(report_only, Iterable):
        raise ConsentGateError(
            f"report_only={report_only!r}: use True, False, or a list of categories, as in "
            "['marketing', 'undeclared']"
        )
    reported = tuple(report_only)
    known = sorted(policy.choosable)
    for key in reported:
        if key not in (*known, UNDECLARED):
            raise ConsentGateError(
                f"report_only: {key!r} is no category in which anything is stopped; "
                f"{nearest_of(key, (*known, UNDECLARED))}"
            )
    return frozenset(reported)


def with_consent_cookie(policy: Policy, cookie_name: str, max_age: timedelta) -> Policy:
    """Return the policy with the row of the consent cookie itself, and its revision kept."""
    if not isinstance(policy, Policy):
        raise ConsentGateError(
            f"policy: a Policy is needed, not {policy!r}; as in Policy.allow('session')"
        )
    for cookie in policy.cookies:
        if is_pattern(cookie.name):
            if NameTable([(cookie.name, 0, cookie)]).find(cookie_name.encode("ascii")):
                raise ConsentGateError(
                    f"Cookie({cookie.name!r}) matches the consent cookie {cookie_name!r}; make "
                    "the pattern narrower"
                )
        elif cookie.name == cookie_name and cookie.category != NECESSARY:
            raise ConsentGateError(
                f"Cookie({cookie_name!r}) is declared in {cookie.category!r}; the consent cookie "
                "is necessary (exemption 'consent-choice'): leave category out"
            )
    if any(cookie.name == cookie_name for cookie in policy.cookies):
        return policy
    row = Cookie(
        cookie_name,
        purpose=CONSENT_COOKIE_PURPOSE,
        lifetime=max_age,
        exemption="consent-choice",
    )
    return _with_row(policy, row)


def with_banner_cookie(
    policy: Policy, banner: object, cookie_name: str, max_age: timedelta, *, asks: bool
) -> Policy:
    """Return the policy with the row of the cookie in which another banner keeps its answer.

    `asks` is whether the gate's own banner is put into pages too. Raises
    ConsentGateError where it is, for what is no banner, and for one that speaks
    of categories that are not there, or has the consent cookie for its own.
    """
    if banner is None:
        return policy
    from consentgate.banners.banner import Banner  # loaded only where a site has one

    if not isinstance(banner, Banner):
        raise ConsentGateError(
            f"consent_from={banner!r}: use one of consentgate.banners, as in "
            "Klaro(categories={'matomo': 'statistics'})"
        )
    if asks:
        raise ConsentGateError(
            f"inject_banner=True: visitors would be asked twice, by {banner.tool} as well "
            "(consent_from); leave one of them out"
        )
    banner.check(policy, max_age)
    if banner.cookie == cookie_name:
        raise ConsentGateError(
            f"consent_from: its cookie {banner.cookie!r} is the consent cookie's own name; use "
            "another name in the tool, or another cookie_name"
        )
    declared = policy.lookup(banner.cookie.encode("ascii"))
    if declared is None:
        return _with_row(policy, banner.row)
    if declared.category != NECESSARY:
        raise ConsentGateError(
            f"consent_from: its cookie {banner.cookie!r} is declared in {declared.category!r}, and "
            "only a necessary one is read without consent; leave the declaration out"
        )
    return policy


def _with_row(policy: Policy, row: Cookie) -> Policy:
    """Return the policy with one more row, and its revision kept."""
    return Policy(
        [*policy.cookies, row],
        categories=policy.categories,
        revision=policy.revision,
        harden=policy.harden,
        third_parties=policy.third_parties,
    )


def journal_of(
    ledger: object, policy: Policy, secret_key: SecretKey, clock: Callable[[], float]
) -> Journal | None:
    """Return what keeps the proof of choices; None for a gate that keeps none.

    Raises ConsentGateError where the extra is not installed, or for a ledger
    that cannot be.
    """
    if ledger is None:
        return None
    try:  # only who has a ledger needs a database
        from consentgate.ledger import Ledger
        from consentgate.ledger.journal import Journal
    except ImportError as error:
        raise ConsentGateError(
            f"ledger: {error.name} is not installed; say pip install 'consentgate[ledger]'"
        ) from error
    settings = Ledger(ledger) if isinstance(ledger, str) else ledger
    if not isinstance(settings, Ledger):
        raise ConsentGateError(
            f"ledger={ledger!r}: use an address as in 'sqlite:///consent.db', a Ledger(...), or "
            "None for no proof of choices"
        )
    return Journal(settings, policy, secret_key, clock)
