"""Who hears of what the gate does: what docs/how-to/observing.md shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from consentgate import ConsentGate, Event


def json_lines() -> ConsentGate:
    # --8<-- [start:json_lines]
    from consentgate.observers import JsonLines

    events = JsonLines("logs/consentgate-{pid}.jsonl", paths=False)
    gate = ConsentGate.from_toml("consentgate.toml", observer=events)
    # --8<-- [end:json_lines]
    return gate


def prometheus() -> ConsentGate:
    # --8<-- [start:prometheus]
    from consentgate.observers import Prometheus

    gate = ConsentGate.from_toml("consentgate.toml", observer=Prometheus())
    # --8<-- [end:prometheus]
    return gate


def opentelemetry() -> ConsentGate:
    # --8<-- [start:opentelemetry]
    from consentgate.observers import OpenTelemetry

    gate = ConsentGate.from_toml("consentgate.toml", observer=OpenTelemetry())
    # --8<-- [end:opentelemetry]
    return gate


def logs() -> ConsentGate:
    # --8<-- [start:logging]
    from consentgate.observers import Logging

    gate = ConsentGate.from_toml("consentgate.toml", observer=Logging("shop.cookies"))
    # --8<-- [end:logging]
    return gate


def own() -> tuple[ConsentGate, Counter[str]]:
    # --8<-- [start:own]
    undeclared: Counter[str] = Counter()

    def count(event: Event) -> None:
        if event.action == "stripped" and event.category is None:
            undeclared[event.name] += 1

    gate = ConsentGate.from_toml("consentgate.toml", observer=[count])
    # --8<-- [end:own]
    return gate, undeclared


GATES: dict[str, Callable[[], ConsentGate]] = {
    "json_lines": json_lines,
    "prometheus": prometheus,
    "opentelemetry": opentelemetry,
    "logging": logs,
}
