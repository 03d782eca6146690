"""Mistakes in the words of the house, as pydantic hands them on."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pydantic_core import PydanticCustomError

from consentgate.configuration.words import did_you_mean, shown
from consentgate.errors import ConsentGateError

HOUSE = "consentgate"
"""The type of the mistakes that are worded here."""


def wrong(what: str, remedy: str, *, in_row: bool = False) -> PydanticCustomError:
    """Return a mistake in the words of the house; see `Complaint`."""
    return PydanticCustomError(HOUSE, "{what}", {"what": what, "remedy": remedy, "in_row": in_row})


def unknown(kind: str, word: str, known: Iterable[str]) -> PydanticCustomError:
    """Return the mistake of a word that is none of those that are known."""
    return wrong(f"unknown {kind} {shown(word)}", did_you_mean(word, known), in_row=True)


def refused(build: Callable[[], object]) -> bool:
    """Tell whether something raises ConsentGateError: the rule is there, and only there."""
    try:
        build()
    except ConsentGateError:
        return True
    return False
