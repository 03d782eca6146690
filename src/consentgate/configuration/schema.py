"""The JSON Schema of a policy file: editors complete and check the file by it.

`python -m consentgate.configuration.schema` writes it anew, after a change of
what a file can have; to another file if one is named.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from consentgate.configuration.document import LEDGER_URL, File

FILE = Path(__file__).with_name("consentgate.schema.json")
"""Where it is shipped."""

# What pydantic makes of it, and nobody needs: a name for each key, and nothing as a value.
_NOISE = ("title", "default")


class _Dialect(GenerateJsonSchema):
    schema_dialect = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a `consentgate.toml`, and of `[tool.consentgate]` elsewhere."""
    from consentgate.presets import names  # the words that a file can have

    made = File.model_json_schema(schema_generator=_Dialect)
    tables = made.pop("$defs")
    for name, table in tables.items():
        _tidy(table, name)
    _tidy(made, "consentgate.toml")
    properties = made["properties"]
    properties["presets"]["items"] = {"enum": sorted(names())}
    properties["pages"]["anyOf"].append({"const": False})
    ledger = tables["GateTable"]["properties"]["ledger"]
    ledger["anyOf"] = [{"type": "string", "pattern": LEDGER_URL}, {"$ref": ledger.pop("$ref")}]
    return {"$schema": _Dialect.schema_dialect, **made, "$defs": tables}


def text() -> str:
    """Return the schema as it is shipped."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _tidy(table: dict[str, Any], title: str) -> None:
    """Take out of a table's schema what says nothing in a TOML file, where there is no null."""
    table["title"] = title.removesuffix("Table")
    for key, value in table["properties"].items():
        for noise in _NOISE:
            value.pop(noise, None)
        if "anyOf" in value:
            choices = [each for each in value["anyOf"] if each != {"type": "null"}]
            value["anyOf"] = choices
            if len(choices) == 1 and key != "pages":
                del value["anyOf"]
                table["properties"][key] = {**choices[0], **value}


if __name__ == "__main__":
    Path([str(FILE), *sys.argv[1:]][-1]).write_text(text(), encoding="utf-8")
