"""How mistakes are worded: values as the file has them, and the nearest right word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

LANGUAGE_CODE = re.compile("[A-Za-z]{2,3}(?:[_-][A-Za-z0-9]{2,8})*")
"""What the code of a language looks like."""

_LONGEST = 60
# So many words can be read; of more only the nearest is told.
_MANY = 20


def shown(value: object) -> str:
    """Return a value as a person sees it in the file; of what is long, what it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]}...{text[-1]}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like this one, whatever their cases."""
    lowered = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(word.casefold(), lowered, n=1, cutoff=0.65)
    return lowered[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Say which words are known, the nearest one first."""
    known = tuple(known)
    near = nearest(word, known)
    hint = f"did you mean {near!r}?" if near else ""
    if len(known) > _MANY:
        return hint
    return f"{hint} Known are: {', '.join(known)}" if hint else f"known are: {', '.join(known)}"
