"""Lengths of time as people write them: "14 days", "13 months"."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

from consentgate.configuration.words import did_you_mean
from consentgate.errors import ConsentGateError

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)

# How many seconds each unit has. A month is a twelfth of a year: 13 of them are 395 days.
_SECONDS = {
    "second": Fraction(1),
    "minute": Fraction(60),
    "hour": Fraction(3600),
    "day": Fraction(86_400),
    "week": Fraction(7 * 86_400),
    "month": Fraction(365 * 86_400, 12),
    "year": Fraction(365 * 86_400),
}
UNITS = tuple(_SECONDS)
"""The units, in the singular."""

PATTERN = rf"^[0-9]{{1,15}} +({'|'.join(UNITS)})s?$"
"""What a length of time looks like: a regular expression, of JSON Schema too."""

SESSION = "session"
"""The lifetime of a cookie that goes when the browser closes."""

_FORM = re.compile(r"([0-9]{1,15}) +([A-Za-z]+)")
_REMEDY = (
    "write a number and a unit, as in '14 days'. "
    f"Units are: {', '.join(f'{unit}s' for unit in UNITS)}"
)


def parsed(text: str) -> timedelta:
    """Return the length of time of a text such as "14 days".

    A year is 365 days, a month a twelfth of it; what comes out of months is cut
    to whole days. Raises ConsentGateError that says what is wrong and, after a
    semicolon, how to mend it.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ConsentGateError(f"{text[:60]!r} is no length of time; {_REMEDY}")
    number, word = int(match[1]), match[2]
    unit = word.removesuffix("s")
    if unit not in _SECONDS:
        plurals = [f"{unit}s" for unit in UNITS]
        raise ConsentGateError(
            f"unknown unit {word[:60]!r} in {text[:60]!r}; {did_you_mean(word.lower(), plurals)}"
        )
    seconds = number * _SECONDS[unit]
    if not number or seconds // _SECONDS["day"] > timedelta.max.days:
        raise ConsentGateError(
            f"{text!r} is no length of time that a cookie has; write from 1 second to some years, "
            "as in '14 days'"
        )
    if unit == "month":
        return int(seconds // _SECONDS["day"]) * _DAY
    return int(seconds) * _SECOND


def written(length: timedelta) -> str:
    """Return the text of a length of time: in days if these are whole, else in seconds.

    Raises ConsentGateError for what a file cannot say: parts of seconds.
    """
    if length % _SECOND:
        raise ConsentGateError(
            f"{length!r} cannot be written to a file, which counts in whole seconds"
        )
    size, unit = (_SECOND, "second") if length % _DAY else (_DAY, "day")
    number = length // size
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
