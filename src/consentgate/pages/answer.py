"""What a visitor answered: read from a form, or from JSON. Nothing but an answer is one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any, NamedTuple

from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

PREFIX = "allow-"
"""What the name of a field for one category starts with; its key is the rest."""

_ANSWERS = ("accept", "refuse", "save", "withdraw", "allow")
# For these it is said category by category; "allow" says yes, and leaves the others as they are.
_BY_CATEGORY = ("save", "allow")
_DECISIONS = {"yes": True, "no": False}
# What the forms of the pages say of themselves.
_PLACES = ("banner", "page")
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class WrongField(Exception):  # noqa: N818  # it is no error of ours
    """A field is missing, repeated, unknown, or says what it cannot; `args[0]` is its name."""


class WrongType(Exception):  # noqa: N818  # it is no error of ours
    """The body is of a media type that no answer comes in."""


class Answer(NamedTuple):
    """What a visitor answered.

    `answer` is "accept", "refuse", "save", "withdraw" or "allow"; `decisions`
    says what was decided per category, for "save", and what is allowed beside
    what was decided before, for "allow". `back` is the page to go back to, as
    the form asks for it. `source` is where it comes from, as the ledger has it:
    "banner" or "page", or "api" for what says neither and is no form.
    """

    answer: str
    decisions: Mapping[str, bool]
    back: str | None = None
    source: str = "page"


def from_form(body: bytes, content_type: str, choosable: Iterable[str]) -> Answer:
    """Read the fields of a form: `answer`, `back`, `from`, and `allow-KEY` for each category.

    Raises WrongType for what is no form, WrongField for a field that is wrong.
    """
    mimetype, options = parse_options_header(content_type)
    mimetype = mimetype.lower()
    if mimetype not in _FORMS:
        raise WrongType
    parser = FormDataParser(
        stream_factory=lambda *_, **__: BytesIO(), max_form_parts=200, silent=False
    )
    try:
        _, form, files = parser.parse(BytesIO(body), mimetype, len(body), options)
    except Exception as error:  # Whatever the parser cannot take.
        raise WrongField("Content-Type") from error
    for name in files:
        raise WrongField(name or "")
    fields: dict[str, Any] = {}
    for name, values in form.lists():
        # By the name "allow" a form says nothing: each category has a field of its own.
        if len(values) > 1 or name in (None, "allow"):
            raise WrongField(name or "")
        key = name.removeprefix(PREFIX)
        if key == name:
            fields[name] = values[0]
        else:
            fields.setdefault("allow", {})[key] = _DECISIONS.get(values[0])
    return _checked(fields, choosable, PREFIX, "page")


def from_json(body: bytes, content_type: str, choosable: Iterable[str]) -> Answer:
    """Read `{"answer": "save", "allow": {"statistics": true}}`. Raises as `from_form` does."""
    if parse_options_header(content_type)[0].lower() != "application/json":
        raise WrongType
    try:
        fields = json.loads(body.decode("utf-8"), object_pairs_hook=_unrepeated)
    except (ValueError, RecursionError) as error:
        raise WrongField("JSON") from error
    if not isinstance(fields, dict):
        raise WrongField("JSON")
    if not isinstance(fields.get("allow", {}), dict):
        raise WrongField("allow")
    return _checked(fields, choosable, "allow.", "api")


def _checked(fields: dict[str, Any], choosable: Iterable[str], prefix: str, source: str) -> Answer:
    answer, back = fields.pop("answer", None), fields.pop("back", None)
    decisions = fields.pop("allow", {})
    if "from" in fields:
        source = fields.pop("from")
        if source not in _PLACES:
            raise WrongField("from")
    for name in fields:
        raise WrongField(name)
    if answer not in _ANSWERS:
        raise WrongField("answer")
    if back is not None and not isinstance(back, str):
        raise WrongField("back")
    known = set(choosable)
    for key, decision in decisions.items():
        # What is decided for all at once cannot be decided for one as well.
        if answer not in _BY_CATEGORY or key not in known or not isinstance(decision, bool):
            raise WrongField(prefix + key)
        if answer == "allow" and not decision:
            raise WrongField(prefix + key)
    if answer == "allow" and not decisions:
        raise WrongField(prefix.rstrip("-."))
    return Answer(answer, decisions, back, source)


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that comes twice: two readers could take it for two things."""
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise WrongField(name)
        fields[name] = value
    return fields
