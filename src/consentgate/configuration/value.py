"""The values that every table of a policy file can have: texts and lengths of time."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, PlainValidator, TypeAdapter, WithJsonSchema
from pydantic_core import PydanticCustomError

from consentgate import category
from consentgate.configuration import duration
from consentgate.configuration.duration import SESSION
from consentgate.configuration.mistake import refused, wrong
from consentgate.configuration.words import LANGUAGE_CODE, shown
from consentgate.errors import ConsentGateError
from consentgate.options import check_age


def _language(code: str) -> str:
    if not LANGUAGE_CODE.fullmatch(code):
        raise wrong(f"{shown(code)} is no code of a language", "write one as in en, fr or pt-BR")
    return code


_BY_LANGUAGE: TypeAdapter[dict[str, str]] = TypeAdapter(
    dict[Annotated[str, AfterValidator(_language)], str], config={"strict": True}
)


def text_of(value: Any) -> category.Text:
    """Return a text for people. Raises a mistake for what is none."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        raise wrong(
            f"{shown(value)} is no text",
            'write it in quotes, or one for each language, as in {en = "...", fr = "..."}',
        )
    return _BY_LANGUAGE.validate_python(value)


def _length(value: Any) -> timedelta:
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 < value <= timedelta.max.days * 86_400:
            raise wrong(
                f"{shown(value)} seconds are no length of time",
                "write a number above 0, or a text as in '14 days'",
            )
        return timedelta(seconds=value)
    if not isinstance(value, str):
        raise wrong(f"{shown(value)} is no length of time", "write a text as in '14 days'")
    try:
        return duration.parsed(value)
    except ConsentGateError as error:
        what, _, remedy = str(error).rpartition("; ")
        raise wrong(what, remedy) from error


def _lifetime(value: Any) -> timedelta | None:
    if value == SESSION:
        return None
    try:
        return _length(value)
    except PydanticCustomError as error:
        context = error.context or {}
        # Of a misspelt unit only the unit is told.
        remedy = context["remedy"].replace(
            "as in '14 days'", "as in '14 days', or 'session' if it goes when the browser closes"
        )
        raise wrong(context["what"], remedy) from error


def _age(value: Any) -> timedelta:
    length = _length(value)
    if refused(partial(check_age, length)):
        raise wrong(
            f"{shown(value)} is longer than browsers keep a cookie",
            "write 400 days at most; the CNIL recommends six months, '182 days'",
        )
    return length


TEXT_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "propertyNames": {"pattern": f"^{LANGUAGE_CODE.pattern}$"},
            "additionalProperties": {"type": "string"},
        },
    ]
}
_SECONDS = {"type": "integer", "minimum": 1, "description": "Seconds, as in Max-Age."}
_LENGTH = {"type": "string", "pattern": duration.PATTERN, "examples": ["14 days", "13 months"]}

Text = Annotated[category.Text, PlainValidator(text_of), WithJsonSchema(TEXT_SCHEMA)]
Lifetime = Annotated[
    timedelta | None,
    PlainValidator(_lifetime),
    WithJsonSchema({"anyOf": [{"const": SESSION}, _LENGTH, _SECONDS]}),
]
Length = Annotated[
    timedelta, PlainValidator(_length), WithJsonSchema({"anyOf": [_LENGTH, _SECONDS]})
]
Age = Annotated[timedelta, PlainValidator(_age), WithJsonSchema({"anyOf": [_LENGTH, _SECONDS]})]
