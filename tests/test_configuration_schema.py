"""The JSON Schema that editors check a policy file by says what the reader says."""

from __future__ import annotations

import json
import sys
import tomllib
from datetime import date
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from configuration_cases import SHAPES, VALUES, Case
from consentgate import Policy
from consentgate.configuration import schema
from consentgate.configuration.problem import ConfigurationError
from consentgate.configuration.reading import load
from test_configuration import EVERYTHING, EXAMPLES, put

VALIDATOR = Draft202012Validator(schema.schema(), format_checker=FormatChecker())

# What only the reader knows: rules that no pattern says, and words that it takes for others.
BEYOND = {
    "a notice in one language",
    "keys of categories that are taken",
    "the consent cookie's name",
    "the consent cookie's name as a pattern",
    "the consent cookie's name as an attribute",
    "the consent cookie's domain",
    "the choice's age",
    "paths of pages with dots",
    "a language's cookie",
    "a security policy",
    # TOML's own dates are texts to an editor.
    "a revision that is a date",
    "dates",
}

BROKEN = [
    'cookies = ["session"]',
    "[[cookies]]\ncategory = 'marketing'",
    "[[cookies]]\nname = 'a b'",
    "[[cookies]]\nname = 'a'\nporpose = 'x'",
    "[[cookies]]\nname = 'a'\nlifetime = '14 dasy'",
    "[[cookies]]\nname = 'a'\nexemption = 'because'",
    "[[cookies]]\nname = 'a'\nparty = 'second'",
    "[gate]\nwithhold = 'yes'",
    "presets = ['djnago']",
    "[harden]\nsame_site = 'lax'",
    "[[third_parties]]\nname = 'V'",
    "pages = true",
]


def plain(value: Any) -> Any:
    """Return TOML's values as JSON has them."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value


def accepts(text: str) -> bool:
    """Tell whether an editor finds nothing wrong with a file."""
    return bool(VALIDATOR.is_valid(plain(tomllib.loads(text))))


def test_it_is_a_schema() -> None:
    """The schema holds to the metaschema that it names."""
    made = schema.schema()
    assert made["$schema"] == Draft202012Validator.META_SCHEMA["$schema"]
    Draft202012Validator.check_schema(made)


def test_what_is_shipped_is_up_to_date() -> None:
    """After a change: python -m consentgate.configuration.schema."""
    assert schema.FILE.read_text(encoding="utf-8") == schema.text()


def test_it_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a program, the module writes the schema to the file that it is given."""
    path = tmp_path / "x.json"
    monkeypatch.setattr(sys, "argv", ["schema", str(path)])
    run_path(str(schema.__file__), run_name="__main__")
    assert json.loads(path.read_text(encoding="utf-8")) == schema.schema()


def test_right_files_are_right(tmp_path: Path) -> None:
    """Files that the reader takes are taken: the portal's, one with every key, a written one."""
    portal = (EXAMPLES / "portal.toml").read_text(encoding="utf-8")
    for text in ("", portal, EVERYTHING, Policy.from_toml(put(tmp_path, portal)).to_toml()):
        assert accepts(text)


@pytest.mark.parametrize("text", BROKEN)
def test_broken_files_are_refused_by_both(text: str, tmp_path: Path) -> None:
    """What an editor marks as wrong, the reader refuses, and the other way round."""
    assert not accepts(text)
    with pytest.raises(ConfigurationError):
        load(put(tmp_path, text))


@pytest.mark.parametrize("case", [*SHAPES, *VALUES], ids=lambda case: case.title)
def test_mistakes_of_form_are_seen_in_an_editor(case: Case) -> None:
    """All that is wrong by its form alone is refused, but for what no pattern can say."""
    assert isinstance(case.content, str)
    assert accepts(case.content) == (case.title in BEYOND)


def test_everything_is_described() -> None:
    """Each table and each key says what it is for, and no key is left to be anything."""
    made = schema.schema()
    for table in (made, *made["$defs"].values()):
        assert table["description"]
        assert table["additionalProperties"] is False
        for value in table["properties"].values():
            assert value.get("description", "")[-1:] == "."
            assert not {"default", "title"} & set(value)
            assert {"type": "null"} not in value.get("anyOf", ())
