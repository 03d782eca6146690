"""Observers to hand to a gate: who hears of what it does, and keeps it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consentgate.observers.json_lines import JsonLines
    from consentgate.observers.logs import Logging
    from consentgate.observers.opentelemetry import OpenTelemetry
    from consentgate.observers.prometheus import Prometheus

__all__ = ["JsonLines", "Logging", "OpenTelemetry", "Prometheus"]

_MODULES = {
    "JsonLines": "json_lines",
    "Logging": "logs",
    "OpenTelemetry": "opentelemetry",
    "Prometheus": "prometheus",
}


def __getattr__(name: str) -> object:
    """Import an observer when it is first asked for (PEP 562): a gate without them needs none."""
    if name in _MODULES:
        return getattr(import_module(f"consentgate.observers.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'consentgate.observers' has no attribute {name!r}")
