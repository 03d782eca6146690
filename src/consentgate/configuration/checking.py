"""What a table says that cannot be: pydantic finds it, and it is told in the words of the house."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from consentgate.configuration.document import ROWS, TABLES, File, Table
from consentgate.configuration.mistake import HOUSE
from consentgate.configuration.problem import Complaint, KeyPath
from consentgate.configuration.words import did_you_mean, shown

# What Python alone can say of a gate.
_FUNCTIONS = ("observer", "needs_consent", "clock")

# What others call what a cookie has.
_SYNONYMS = {
    **dict.fromkeys(("max_age", "max-age", "maxage", "expires", "duration"), "lifetime"),
    **dict.fromkeys(("secure", "http_only", "same_site"), "harden"),
    "httponly": "harden",
    "samesite": "harden",
    "description": "purpose",
    "type": "category",
}

# What is written below a table by mistake, and then is of that table.
_ABOVE = ("presets", "revision", "pages")

_TYPES = {
    "string_type": ("is no text", "write it in quotes"),
    "float_type": ("is no number", "write one without quotes, as in 2.0"),
    "bool_type": ("is neither true nor false", "write true or false, without quotes"),
    "int_type": ("is no whole number", "write one without quotes, as in 1"),
    "date_type": ("is no date", "write one as in 2026-11-25, without quotes"),
    "date_from_datetime_inexact": ("is no date", "write one as in 2026-11-25, without a time"),
}


def checked(table: Mapping[str, Any]) -> tuple[File | None, list[Complaint]]:
    """Return what a file's table says, or None, and all that is wrong with its values."""
    try:
        return File.model_validate(table), []
    except ValidationError as error:
        return None, [_complaint(each) for each in error.errors(include_url=False)]


def pruned(
    table: Mapping[str, Any], complaints: list[Complaint]
) -> tuple[File, dict[str, list[int]]]:
    """Return what is right in a table, for what can be said of that as well.

    And, since tables that cannot stand without what is wrong in them are left
    out, the number that each of the others has in the file.
    """
    kept: dict[str, Any] = {
        key: dict(value) if isinstance(value, dict) else value for key, value in table.items()
    }
    for key in ROWS:
        if isinstance(kept.get(key), list):
            kept[key] = [dict(row) if isinstance(row, dict) else row for row in kept[key]]
    dropped: set[KeyPath] = set()
    for complaint in complaints:
        if complaint.path[0] == "presets" and len(complaint.path) > 1:
            dropped.add(complaint.path)
        else:
            _prune(kept, complaint.path, dropped)
    numbers = {
        key: [n for n in range(len(kept.get(key, ()))) if (key, n) not in dropped] for key in ROWS
    }
    for key in ("presets", *ROWS):
        if key in kept:
            kept[key] = [each for n, each in enumerate(kept[key]) if (key, n) not in dropped]
    return File.model_validate(kept), numbers


def _prune(kept: dict[str, Any], path: KeyPath, dropped: set[KeyPath]) -> None:
    """Take out of a table what is at a path: the smallest thing that can be missing."""
    top = str(path[0])
    if top in ROWS and len(path) > 1:
        if len(path) == 2 or path[2] in _required(TABLES[(top,)]):
            dropped.add(path[:2])
        else:
            kept[top][path[1]].pop(path[2], None)
    elif isinstance(kept.get(top), dict) and len(path) > 1:
        key = str(path[1])
        table, within = TABLES.get((top, key)), kept[top].get(key)
        if table is None or len(path) == 2 or not within or path[2] in _required(table):
            kept[top].pop(key, None)
        else:
            kept[top][key] = {name: value for name, value in within.items() if name != path[2]}
    else:
        kept.pop(top, None)


def _required(table: type[Table]) -> list[str]:
    return [name for name, field in table.model_fields.items() if field.is_required()]


def _complaint(error: ErrorDetails) -> Complaint:
    path, kind, value = error["loc"], error["type"], error["input"]
    if kind == HOUSE:
        context = error["ctx"]
        if path[-1] == "[key]":  # So pydantic says that the key before it is what is wrong.
            path = path[:-1]
        return Complaint(path, context["what"], context["remedy"], context["in_row"])
    if kind == "missing":
        return _missing(path)
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind in _TYPES:
        what, remedy = _TYPES[kind]
        return Complaint(path, f"{shown(value)} {what}", remedy)
    return _wrong_shape(path, value)


def _missing(path: KeyPath) -> Complaint:
    examples = {
        "name": "sessionid",
        "key": "social_media",
        "category": "marketing",
        "tool": "klaro",
        "url": "sqlite:///consent.db",
        "categories": '{analytics = "statistics"}',
    }
    if path[0] == "third_parties":
        examples["name"] = "IDE" if "cookies" in path else "YouTube"
    key = str(path[-1])
    value = examples[key] if examples[key].startswith("{") else f'"{examples[key]}"'
    return Complaint(path, f"{key} is missing", f"add it, as in {key} = {value}", True)


def _wrong_shape(path: KeyPath, value: object) -> Complaint:
    """Say how to write a table, or a list."""
    top, key = str(path[0]), str(path[-1])
    if top in ROWS and len(path) <= 2:
        what = f"{shown(value)} is no table"
        below = "its keys"
        if isinstance(value, dict):
            what = "one pair of brackets is for what there is one of"
        elif isinstance(value, str) and top == "cookies":
            below = f"name = {json.dumps(value, ensure_ascii=False)}"
        return Complaint(path, what, f"write [[{top}]] above each, and {below} below")
    if key == "harden" and len(path) > 1:
        return Complaint(path, f"{shown(value)} is no table", "write harden = {secure = true}")
    if key in ("presets", "languages", "hosts", "cookies"):
        example = f"{key} = [{shown(value) if isinstance(value, str) else '...'}]"
        return Complaint(path, f"{shown(value)} is no list", f"write one, as in {example}")
    header = ".".join(map(str, path))
    return Complaint(path, f"{shown(value)} is no table", f"write [{header}], and its keys below")


def _unknown_key(path: KeyPath) -> Complaint:
    place, key = path[:-1], str(path[-1])
    names = tuple(part for part in place if isinstance(part, str))
    remedy = _elsewhere(names, key) or did_you_mean(key, TABLES[names].model_fields)
    return Complaint(path, f"unknown key {shown(key)}", remedy, True)


def _elsewhere(names: tuple[str, ...], key: str) -> str:
    """Say where a key belongs that stands in the wrong table, "" if nowhere."""
    if names == ("gate",) and key in _FUNCTIONS:
        return f"a function is no word of a file: ConsentGate.from_toml(..., {key}=...) takes it"
    if not names and key == "tool":
        return "in a file of its own, tables stand without 'tool.consentgate.' before their names"
    if names and key in _ABOVE:
        return "it belongs at the top of the file, above the first line in brackets"
    found = _SYNONYMS.get(key.casefold())
    if names[-1:] == ("cookies",) and found in TABLES[names].model_fields:
        example = ", as in harden = {http_only = true}" if found == "harden" else ""
        return f"did you mean {found!r}{example}?"
    if names in ((), ("gate",), ("pages",)):
        for other in ("gate", "pages"):
            if key in TABLES[(other,)].model_fields:
                return f"it belongs into the table [{other}]"
    return ""
