"""A policy is written: as a file of its own, or as cookies added to a file that is there."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tomlkit

from consentgate.attributes import Hardening
from consentgate.category import BUILT_IN, MARKETING, Category, Text
from consentgate.configuration import duration
from consentgate.configuration.duration import SESSION
from consentgate.configuration.words import LANGUAGE_CODE
from consentgate.cookie import Cookie
from consentgate.errors import ConsentGateError
from consentgate.third_party import ThirdParty

if TYPE_CHECKING:
    from consentgate.policy import Policy

_TEXTS = ("provider", "service", "purpose")
# What people read in one line; a longer list has a line for each.
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Block:
    """A cookie to be added to a file.

    `comments` are lines that stand above it. One that is not `active` is
    commented out: it declares nothing until somebody says so.
    """

    cookie: Cookie
    comments: tuple[str, ...]
    active: bool


def written(policy: Policy) -> str:
    """Return the text of a file in which `Policy.from_toml` finds an equal policy.

    Raises ConsentGateError for what a file cannot say: parts of seconds in a
    lifetime, a text for what is no language, text that is no Unicode.
    """
    own = [c for c in policy.categories if not any(c is built_in for built_in in BUILT_IN)]
    blocks = [
        _lines({"revision": policy.declared_revision}),
        _hardening(policy.harden),
        *(["[[categories]]", *_category(category)] for category in own),
        *(["[[cookies]]", *_cookie(cookie)] for cookie in policy.cookies),
        *(["[[third_parties]]", *_third_party(party)] for party in policy.third_parties),
    ]
    text = "\n\n".join("\n".join(block) for block in blocks if block)
    return f"{text}\n" if text else ""


def with_blocks(text: str, blocks: Iterable[Block], *, table: str = "cookies") -> str:
    """Return the text of a file with cookies added at its end; what was there stays as it is.

    `table` is the array of tables that they are added to, in a pyproject.toml
    "tool.consentgate.cookies". Raises ConsentGateError for a text that is no
    TOML, or in which that array is written in another way.
    """
    blocks = tuple(blocks)
    if not blocks:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    added = ["", *(line for block in blocks for line in ("", *_block(block, table)))]
    # A blank line stands between what was there and what is added.
    lead = added[1:] if not text or text.endswith("\n") else added
    if not text:
        lead = lead[1:]
    _check_room(text, table)
    return text + newline.join([*lead, ""])


def _check_room(text: str, table: str) -> None:
    """Raise ConsentGateError where tables cannot be added at the end of a text."""
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConsentGateError(f"nothing can be added to what is no TOML: {error}") from error
    try:
        tomllib.loads(f"{text}\n[[{table}]]\n")
    except ValueError as error:
        raise ConsentGateError(
            f"{table} is written as a list in brackets; write each of them as a table below "
            f"[[{table}]], so that others can be added"
        ) from error


def _block(block: Block, table: str) -> Iterator[str]:
    for comment in block.comments:
        # A name that somebody set may have anything in it: a comment ends with its line.
        shown = "".join(c if c.isprintable() else "\ufffd" for c in comment)
        yield f"# {shown}".rstrip()
    for line in (f"[[{table}]]", *_cookie(block.cookie)):
        yield line if block.active else f"# {line}"


def _cookie(cookie: Cookie) -> list[str]:
    harden = None if cookie.harden is None else _hardening_values(cookie.harden)
    return _lines(
        {
            "name": cookie.name,
            "category": cookie.category,
            **{key: _said(getattr(cookie, key)) for key in _TEXTS},
            "lifetime": SESSION if cookie.lifetime is None else duration.written(cookie.lifetime),
            "party": None if cookie.party == "first" else cookie.party,
            "domain": cookie.domain,
            "path": None if cookie.path == "/" else cookie.path,
            "exemption": cookie.exemption,
            "harden": harden,
        }
    )


def _category(category: Category) -> list[str]:
    sold = category.sale_or_sharing
    return _lines(
        {
            "key": category.key,
            "title": _said(category.title),
            "description": _said(category.description),
            "sale_or_sharing": None if sold == (category.key == MARKETING) else sold,
        }
    )


def _third_party(party: ThirdParty) -> list[str]:
    return _lines(
        {
            "name": party.name,
            "category": party.category,
            "hosts": list(party.hosts) or None,
            "cookies": [_known_cookie(each, party) for each in party.declared_cookies] or None,
            "purpose": _said(party.purpose),
            "privacy": _said(party.privacy),
        }
    )


def _known_cookie(cookie: Cookie, party: ThirdParty) -> object:
    """Return a cookie of a third party as a list of them has it: its name, if that is all."""
    if cookie.harden is not None:
        raise ConsentGateError(
            f"harden of {cookie.name!r} cannot be written to a file: {party.name!r} sets it, and "
            "its responses do not pass the gate; leave harden out"
        )
    provider = None if cookie.provider == party.name else _said(cookie.provider)
    values = {
        "name": cookie.name,
        "provider": provider,
        **{key: _said(getattr(cookie, key)) for key in ("service", "purpose")},
        "lifetime": None if cookie.lifetime is None else duration.written(cookie.lifetime),
        "domain": cookie.domain,
        "path": None if cookie.path == "/" else cookie.path,
        "exemption": cookie.exemption,
    }
    said = {key: value for key, value in values.items() if value is not None}
    return said if len(said) > 1 else cookie.name


def _hardening(harden: Hardening | None) -> list[str]:
    return [] if harden is None else ["[harden]", *_lines(_hardening_values(harden))]


def _hardening_values(harden: Hardening) -> dict[str, object]:
    values = {
        "secure": harden.secure,
        "http_only": harden.http_only,
        "same_site": harden.same_site,
    }
    return {key: value for key, value in values.items() if value}


def _lines(values: Mapping[str, object]) -> list[str]:
    return [line for key, value in values.items() for line in _pairs(key, value)]


def _pairs(key: str, value: object) -> Iterator[str]:
    """Yield the lines of a key: one, or one per key in it; none where there is nothing to say."""
    if isinstance(value, Mapping) and value:
        for inner, each in value.items():
            yield f"{key}.{inner} = {_value(each)}"
    elif value is not None:
        yield f"{key} = {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        # On a line of their own there are none; in a list there is no other way.
        pairs = (f"{key} = {_value(each)}" for key, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        values = [_value(each) for each in value]
        line = f"[{', '.join(values)}]"
        return (
            line if len(line) <= _LONGEST else "\n".join(["[", *map("    {},".format, values), "]"])
        )
    text = tomlkit.item(value).as_string()
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ConsentGateError(f"{value!r} cannot be written to a file: it is no Unicode text")
    return text


def _said(text: Text) -> Text | None:
    """Return a text if there is one."""
    for code in () if isinstance(text, str) else text:
        if not LANGUAGE_CODE.fullmatch(code):
            raise ConsentGateError(
                f"a text for {code!r} cannot be written to a file, where texts are told by the "
                "codes of languages, as 'fr'"
            )
    return None if text == "" else text
