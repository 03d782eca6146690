"""What the reference has from the program itself, put in when the site is built.

A line `<!-- generated: NAME -->` in a page is replaced by what the function of
that name returns. So these pages cannot tell what is no longer true.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

Json = Mapping[str, Any]

_MARKER = re.compile(r"^<!-- generated: ([a-z_]+) -->$", re.MULTILINE)
_WIDTH = 80


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put in what is generated. MkDocs calls this for each page."""
    return _MARKER.sub(lambda found: GENERATED[found[1]](), markdown)


# The command line


def command_line() -> str:
    """Return the help of every command, as it says it itself."""
    return "\n\n".join(_commands())


def _commands() -> Iterator[str]:
    from typer.main import get_command

    from consentgate.cli.app import app

    yield f"## consentgate\n\n{_help([])}"
    for words in _leaves(get_command(app), []):
        yield f"## consentgate {' '.join(words)}\n\n{_help(words)}"


def _leaves(group: Any, words: list[str]) -> Iterator[list[str]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _leaves(command, [*words, name])
        else:
            yield [*words, name]


def _help(words: Sequence[str]) -> str:
    from typer.testing import CliRunner

    from consentgate.cli.app import app

    environment = {"COLUMNS": str(_WIDTH), "TERMINAL_WIDTH": str(_WIDTH), "NO_COLOR": "1"}
    result = CliRunner().invoke(app, [*words, "--help"], prog_name="consentgate", env=environment)
    if result.exit_code:
        raise RuntimeError(f"consentgate {' '.join(words)} --help: {result.output}")
    return f"```text\n{result.output.strip()}\n```"


# The policy file


def policy_file() -> str:
    """Return every key of the policy file, from its JSON Schema."""
    from consentgate.configuration.schema import schema

    whole = schema()
    sections = [_table("The top of the file", whole, whole)]
    told = set()
    for path, value in _tables("", whole, whole):
        found = _object_of(value, whole) or {}
        if found["title"] not in told:  # what a cookie has of [harden] is told there
            told.add(found["title"])
            repeated = _is_list(value, whole)
            sections.append(_table(f"[[{path}]]" if repeated else f"[{path}]", found, whole))
    return "\n\n".join(sections)


def _tables(path: str, table: Json, whole: Json) -> Iterator[tuple[str, Json]]:
    """Yield the tables below a table with their paths, each before those below it."""
    for key, value in _properties(table).items():
        below = f"{path}.{key}".removeprefix(".")
        found = _object_of(value, whole)
        if found is not None:
            yield below, value
            yield from _tables(below, found, whole)


def _table(title: str, table: Json, whole: Json) -> str:
    required = table.get("required", ())
    rows = [
        f"| `{key}` | {_type(value, whole)} | {_said(value, whole, key in required)} |"
        for key, value in _properties(table).items()
    ]
    said = table.get("description", "") if table is not whole else ""
    lines = [f"## `{title}`" if "[" in title else f"## {title}", "", said, ""]
    return "\n".join([*lines, "| key | value | meaning |", "|---|---|---|", *rows])


def _properties(table: Json) -> Json:
    found: Json = table.get("properties", {})
    return found


def _resolved(value: Json, whole: Json) -> Json:
    """Follow a reference to where the schema defines what it means."""
    while "$ref" in value:
        target: Any = whole
        for step in value["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        value = {**target, **{key: each for key, each in value.items() if key != "$ref"}}
    return value


def _choices(value: Json, whole: Json) -> list[Json]:
    value = _resolved(value, whole)
    for word in ("anyOf", "oneOf"):
        if word in value:
            return [choice for each in value[word] for choice in _choices(each, whole)]
    return [value]


def _is_list(value: Json, whole: Json) -> bool:
    return any(choice.get("type") == "array" for choice in _choices(value, whole))


def _object_of(value: Json, whole: Json) -> Json | None:
    """Return the table that a key holds, or holds a list of; None for anything else."""
    for choice in _choices(value, whole):
        if "properties" in choice:
            return choice
        if choice.get("type") == "array":
            return _object_of(choice.get("items", {}), whole)
    return None


def _type(value: Json, whole: Json) -> str:
    words = dict.fromkeys(_word(choice, whole) for choice in _choices(value, whole))
    return " or ".join(filter(None, words))


def _word(choice: Json, whole: Json) -> str:
    if "const" in choice:
        return f"`{_toml(choice['const'])}`"
    if "enum" in choice:
        return ", ".join(f"`{_toml(each)}`" for each in choice["enum"])
    kind = choice.get("type")
    if kind == "array":
        return f"list of {_type(choice.get('items', {}), whole) or 'values'}"
    if kind == "object":
        return "table of one text per language" if "propertyNames" in choice else "table"
    names = {"string": "text", "boolean": "`true` or `false`", "integer": "whole number"}
    return names.get(str(kind), str(kind or ""))


def _said(value: Json, whole: Json, required: bool) -> str:
    resolved = _resolved(value, whole)
    parts = [resolved.get("description", "")]
    if required:
        parts.append("**Required.**")
    elif resolved.get("default") is not None:
        parts.append(f"By default `{_toml(resolved['default'])}`.")
    return " ".join(filter(None, parts)).replace("|", "\\|").replace("\n", " ")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


# Presets


def presets_of_frameworks() -> str:
    """Return what frameworks set, preset by preset."""
    return _presets(framework=True)


def presets_of_providers() -> str:
    """Return what well-known providers set, preset by preset."""
    return _presets(framework=False)


def _presets(*, framework: bool) -> str:
    from consentgate.presets import names, preset

    found = [preset(name) for name in names()]
    return "\n\n".join(_preset(each) for each in found if each.framework is framework)


def _preset(preset: Any) -> str:
    title = "" if preset.title.lower() == preset.name else f"{preset.title}. "
    lines = [f"### {preset.name}", "", f"{title}{_english(preset.note)}".strip()]
    lines += ["", "| cookie | category | purpose | kept for |", "|---|---|---|---|"]
    for cookie in preset.cookies:
        exemption = f"<br>({cookie.exemption})" if cookie.exemption else ""
        name = cookie.name.replace("|", "\\|")
        purpose = _english(cookie.purpose).replace("|", "\\|")
        lines.append(
            f"| `{name}` | {cookie.category}{exemption} | {purpose} | {_length(cookie.lifetime)} |"
        )
    lines = lines if preset.cookies else lines[:-2]
    if preset.third_party is not None:
        party = preset.third_party
        hosts = ", ".join(f"`{host}`" for host in party.hosts)
        lines += ["", f"Third party in {party.category}: [{party.name}]({party.privacy}), {hosts}."]
    return "\n".join(lines)


def _english(text: str | Mapping[str, str]) -> str:
    return text if isinstance(text, str) else text.get("en", "")


def _length(lifetime: timedelta | None) -> str:
    """Return a length of time as the charter says it."""
    from consentgate.pages.language import Languages

    english = Languages(("en",), "en").best("en", None, "")
    return "the session" if lifetime is None else english.duration(lifetime)


GENERATED: Mapping[str, Callable[[], str]] = {
    "command_line": command_line,
    "policy_file": policy_file,
    "presets_of_frameworks": presets_of_frameworks,
    "presets_of_providers": presets_of_providers,
}
