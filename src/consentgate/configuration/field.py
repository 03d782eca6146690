"""The values that one key of a policy file can have, each checked by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, PlainValidator, WithJsonSchema

from consentgate import category
from consentgate.configuration.mistake import refused, unknown, wrong
from consentgate.configuration.tools import TOOLS
from consentgate.configuration.value import TEXT_SCHEMA, text_of
from consentgate.configuration.words import did_you_mean, shown
from consentgate.cookie import EXEMPTIONS, Cookie
from consentgate.errors import ConsentGateError
from consentgate.names import is_declarable, is_pattern
from consentgate.options import check_cookie
from consentgate.pages.settings import Pages
from consentgate.policy import REVISION
from consentgate.sources import MODES
from consentgate.third_party import ThirdParty


def _one_of(kind: str, known: Iterable[str]) -> AfterValidator:
    words = tuple(known)

    def check(word: str) -> str:
        if word not in words:
            raise unknown(kind, word, words)
        return word

    return AfterValidator(check)


def _name(name: str) -> str:
    if not is_declarable(name):
        raise wrong(
            f"{shown(name)} is no name of a cookie",
            'write visible ASCII characters without = ; , " or \\, as the browser shows it; '
            "* stands for any characters",
        )
    return name


def _key(key: str) -> str:
    if not category.KEY.fullmatch(key):
        raise wrong(
            f"{shown(key)} is no key of a category",
            "write a letter, then letters, digits, _ or -, 32 characters at most, as in "
            "'social_media'; what people read is the title",
        )
    if refused(partial(category.Category, key)):
        raise wrong(
            f"the key {shown(key)} is taken: it means something else to the gate or in templates",
            f"use another, as in '{key}_cookies'",
        )
    return key


def _attribute(key: str, example: str) -> AfterValidator:
    def check(value: str) -> str:
        cookie: Callable[..., Cookie] = Cookie
        if refused(partial(cookie, "name", **{key: value})):
            raise wrong(
                f"{shown(value)} cannot be the {key} of a cookie",
                f"write visible ASCII characters without ';', as in '{example}'",
            )
        return value

    return AfterValidator(check)


def _cookie_name(name: str) -> str:
    if refused(partial(check_cookie, name, None, True)):
        raise wrong(
            f"{shown(name)} cannot be the name of the consent cookie",
            "write letters, digits, _ and -, as in 'cookies_preferences'; no pattern, and not "
            "the name of a cookie's attribute, as 'path'",
        )
    return name


def _cookie_domain(domain: str) -> str:
    if refused(partial(check_cookie, "name", domain, True)):
        raise wrong(f"{shown(domain)} is no name of a host", "write one as in 'example.com'")
    return domain


def _host(host: str) -> str:
    if refused(partial(ThirdParty, "name", "category", hosts=[host])):
        raise wrong(
            f"{shown(host)} is no name of a host",
            "write one as in 'www.example.com', '*.example.com' for all below it, "
            "'example.com:8080' for another port or 'wss://example.com' for a socket; no path",
        )
    return host


def _party_name(name: str) -> str:
    if not name.strip():
        raise wrong("the name is empty", "write what people call it, as in 'YouTube'")
    return name


def _privacy(value: Any) -> category.Text:
    text = text_of(value)
    for address in [text] if isinstance(text, str) else text.values():
        if refused(partial(ThirdParty, "name", "category", privacy=address)):
            raise wrong(
                f"{shown(address)} is no address of a privacy notice",
                "write all of it, as in 'https://example.com/privacy'",
            )
    return text


def _banner_cookie(name: str) -> str:
    if not is_declarable(name) or is_pattern(name):
        raise wrong(
            f"{shown(name)} is no name of one cookie",
            "write it as the tool has it and the browser shows it, as in 'klaro'",
        )
    return name


def _meanings(value: Any) -> dict[str, tuple[str, ...]]:
    example = 'analytics = "statistics", or several keys in a list'
    if not isinstance(value, dict) or not value:
        said = "an empty table" if value == {} else shown(value)
        raise wrong(
            f"{said} does not say what the names of the tool stand for",
            f"write a table of them, each with the key of a category, as in {example}",
        )
    found = {}
    for name, keys in value.items():
        listed = [keys] if isinstance(keys, str) else keys
        if not isinstance(listed, list) or not listed or not _are_texts(listed):
            raise wrong(
                f"{shown(name)} stands for {shown(keys)}",
                f"write the key of a category, as in {example}",
            )
        found[name] = tuple(listed)
    return found


def _are_texts(values: list[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def _revision(value: Any) -> str:
    number = isinstance(value, int) and not isinstance(value, bool)
    if (not isinstance(value, str) and not number) or not REVISION.fullmatch(str(value)):
        raise wrong(
            f"{shown(value)} is no revision",
            "write 1 to 32 letters, digits, '.', '_' or '-' in quotes, as in '2026-11', or leave "
            "it out to have it derived",
        )
    return str(value)


def _preset(name: str) -> str:
    from consentgate.presets import names  # only a file that has presets loads them

    if name not in names():
        near = did_you_mean(name, names()).partition(" Known")[0]
        raise wrong(
            f"unknown preset {shown(name)}",
            f"{near or 'no preset has a name like it.'} `consentgate presets` lists them",
        )
    return name


def _page(key: str) -> AfterValidator:
    """Return the check of one setting of the pages: Pages knows the rule, and the remedy."""

    def check(value: Any) -> Any:
        try:
            Pages(**{key: value})
        except ConsentGateError as error:
            remedy = str(error).rpartition("): ")[2]
            raise wrong(f"{shown(value)} does not work", remedy) from error
        return value

    return AfterValidator(check)


def _page_path(path: str) -> str:
    if {".", ".."} & set(path.split("/")):
        raise wrong(f"{shown(path)} has '.' or '..' in it", "write what browsers make of it")
    return path


def _page_language(code: str) -> str:
    if refused(partial(Pages, languages=[code], default_language=code)):
        raise wrong(f"{shown(code)} is no code of a language", "write one as in en, fr or pt-BR")
    return code


def _pattern(regex: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{regex}$"})


def _words(known: Iterable[str]) -> WithJsonSchema:
    return WithJsonSchema({"enum": list(known)})


Name = Annotated[str, AfterValidator(_name), _pattern(r"[!#-+\--:<>-\[\]-~]+")]
Key = Annotated[str, AfterValidator(_key), _pattern(category.KEY.pattern)]
CategoryKey = Annotated[
    str,
    WithJsonSchema(
        {
            # Editors offer the built-in ones; a site's own are as right.
            "anyOf": [
                {"enum": [each.key for each in category.BUILT_IN]},
                {"type": "string", "pattern": f"^{category.KEY.pattern}$"},
            ]
        }
    ),
]
Exemption = Annotated[str, _one_of("exemption", EXEMPTIONS), _words(EXEMPTIONS)]
PARTIES = ("first", "third")
Party = Annotated[str, _one_of("party", PARTIES), _words(PARTIES)]
SAME_SITE = ("Lax", "Strict")
SameSite = Annotated[str, _one_of("same_site", SAME_SITE), _words(SAME_SITE)]
Domain = Annotated[str, _attribute("domain", "example.com"), _pattern("[!-:<-~]*")]
Path = Annotated[str, _attribute("path", "/shop"), _pattern("[!-:<-~]*")]

Host = Annotated[str, AfterValidator(_host)]
SourceGate = Annotated[str, _one_of("source_gate", MODES), _words(MODES)]
Tool = Annotated[str, _one_of("tool", TOOLS), _words(TOOLS)]
BannerCookie = Annotated[str, AfterValidator(_banner_cookie), _pattern(r"[!#-)+\--:<>-\[\]-~]+")]
Meanings = Annotated[
    dict[str, tuple[str, ...]],
    PlainValidator(_meanings),
    WithJsonSchema(
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "anyOf": [
                    {"type": "string"},
                    {"type": "array", "items": {"type": "string"}, "minItems": 1},
                ]
            },
        }
    ),
]
PartyName = Annotated[str, AfterValidator(_party_name), _pattern(r".*\S.*")]
Privacy = Annotated[category.Text, PlainValidator(_privacy), WithJsonSchema(TEXT_SCHEMA)]

Preset = Annotated[str, AfterValidator(_preset)]
Revision = Annotated[
    str,
    PlainValidator(_revision),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^{REVISION.pattern}$"},
                {"type": "integer", "minimum": 0},
            ]
        }
    ),
]
CookieName = Annotated[str, AfterValidator(_cookie_name)]
CookieDomain = Annotated[str, AfterValidator(_cookie_domain)]

PagePath = Annotated[
    str, AfterValidator(_page_path), _page("path"), _pattern(r"(?:/[A-Za-z0-9._~-]+)+")
]
PageLanguage = Annotated[
    str, AfterValidator(_page_language), _pattern("[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
]
LanguageCookie = Annotated[str, _page("language_cookie")]
SecurityPolicy = Annotated[str, _page("content_security_policy")]
Proxies = Annotated[int, _page("proxies"), WithJsonSchema({"type": "integer", "minimum": 0})]
