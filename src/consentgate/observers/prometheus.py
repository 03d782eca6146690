"""Events as numbers for Prometheus: how many, by what became of them, never by name."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from consentgate.category import UNDECLARED
from consentgate.errors import ConsentGateError
from consentgate.observer import CHOICES, Reason

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter

    from consentgate.observer import Event


class Prometheus:
    """An observer that counts events, for `prometheus_client` to expose.

    `consentgate_cookies_total` counts by `action`, `category`, `reason` and
    `enforced` ("true" or "false"); a cookie in no declaration has the category
    "undeclared". `consentgate_sources_total` counts what browsers did not load
    from other sites by `category`, `reason` and `enforced`.
    `consentgate_choices_total` counts by `choice`: granted, refused, partial,
    withdrawn, each there with 0 from the start. No label is ever a cookie's
    name or a host: the series are as few as the categories, whatever visitors
    send.

    `registry` is a CollectorRegistry, by default prometheus_client's own. Gates
    that use one registry add to the same counters; give them one each to tell
    them apart.

    Raises ConsentGateError where `prometheus_client` is missing, or where
    somebody else has counters of these names.
    """

    quick = True

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        try:
            import prometheus_client  # an extra: only who counts so has it
        except ImportError as error:
            raise ConsentGateError(
                'Prometheus needs its extra: pip install "consentgate[prometheus]"'
            ) from error
        found = prometheus_client.REGISTRY if registry is None else registry
        if not isinstance(found, prometheus_client.CollectorRegistry):
            raise ConsentGateError(
                f"Prometheus({registry!r}): use a CollectorRegistry of prometheus_client, or "
                "leave it out"
            )
        self._cookies, self._sources, self._choices = _counters(found)

    def __call__(self, event: Event) -> None:
        """Count the event."""
        if event.action in CHOICES:
            self._choices.labels(event.action).inc()
            return
        undeclared = UNDECLARED if event.reason is Reason.UNDECLARED else ""
        labels = (
            event.category or undeclared,
            event.reason or "",
            "true" if event.enforced else "false",
        )
        if event.action == "blocked":
            self._sources.labels(*labels).inc()
        else:
            self._cookies.labels(event.action, *labels).inc()


class _Counters(NamedTuple):
    cookies: Counter
    sources: Counter
    choices: Counter


# Registered once in each registry: a second gate, or a module that is loaded again, goes on.
_known: WeakKeyDictionary[CollectorRegistry, _Counters] = WeakKeyDictionary()
_lock = Lock()


def _counters(registry: CollectorRegistry) -> _Counters:
    with _lock:
        if registry not in _known:
            _known[registry] = _registered(registry)
        return _known[registry]


def _registered(registry: CollectorRegistry) -> _Counters:
    from prometheus_client import Counter  # as above

    labels = ("category", "reason", "enforced")
    try:
        cookies = Counter(
            "consentgate_cookies",
            "What the gate did with cookies.",
            ("action", *labels),
            registry=registry,
        )
        sources = Counter(
            "consentgate_sources",
            "What browsers did not load from other sites.",
            labels,
            registry=registry,
        )
        choices = Counter(
            "consentgate_choices", "Choices that visitors made.", ["choice"], registry=registry
        )
    except ValueError as error:
        raise ConsentGateError(
            "Prometheus: the registry has metrics of the name consentgate_cookies, "
            "consentgate_sources or consentgate_choices that are not this package's; use another: "
            "Prometheus(CollectorRegistry())"
        ) from error
    for choice in CHOICES:
        choices.labels(choice)
    return _Counters(cookies, sources, choices)
