"""The tables of a policy file: which keys there are, and what each of them can have."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from consentgate.category import BUILT_IN, MARKETING, NECESSARY, UNDECLARED
from consentgate.configuration import field
from consentgate.configuration.mistake import wrong
from consentgate.configuration.value import Age, Length, Lifetime, Text
from consentgate.configuration.words import shown


class Table(BaseModel):
    """A table. A key that is not below is a mistake, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def given(self) -> dict[str, Any]:
        """Return the values of the keys that are in the file."""
        return {key: getattr(self, key) for key in type(self).model_fields if key in self}

    def __contains__(self, key: str) -> bool:
        return key in self.model_fields_set


class HardenTable(Table):
    """What a cookie gets on its way out, if the app left it out."""

    secure: bool = Field(False, description="Add Secure where the response leaves over https.")
    http_only: bool = Field(False, description="Add HttpOnly: no script can read the cookie.")
    same_site: field.SameSite | None = Field(None, description="The least SameSite.")


class CategoryTable(Table):
    """A purpose that a visitor decides on: one more, or a built-in one in other words."""

    key: field.Key = Field(description="Its name in code, as in 'social_media'.")
    title: Text = Field("", description="Its name for people, one or one per language.")
    description: Text = Field("", description="What it means, for people.")
    sale_or_sharing: bool | None = Field(
        None,
        description="Whether its cookies serve to sell or share personal data: a browser's "
        "Global Privacy Control then refuses it. Left out, it is so for marketing alone.",
    )


class CookieTable(Table):
    """A cookie that the site sets, or a pattern of them."""

    name: field.Name = Field(description="As the browser shows it; * stands for any characters.")
    category: field.CategoryKey = Field(
        NECESSARY, description="The key of its category: what a visitor allows or refuses."
    )
    provider: Text = Field("", description="Who sets it.")
    service: Text = Field("", description="For what service.")
    purpose: Text = Field("", description="Why, in words for a visitor.")
    lifetime: Lifetime = Field(
        None,
        description="How long a browser keeps it at most: '14 days', a number of seconds, or "
        "'session' if it goes when the browser closes.",
    )
    party: field.Party = Field(
        "first", description="'third' if another site reads it too, else 'first'."
    )
    domain: field.Domain | None = Field(None, description="The Domain it is set with.")
    path: field.Path = Field("/", description="The Path it is set with.")
    exemption: field.Exemption | None = Field(
        None, description="Why it needs no consent, for a necessary or an exempt cookie."
    )
    harden: HardenTable | None = Field(
        None, description="What it gets on its way out, in place of [harden]."
    )


class KnownCookieTable(Table):
    """A cookie that a third party is known to set."""

    name: field.Name = Field(description="As the browser shows it; * stands for any characters.")
    provider: Text = Field("", description="Who sets it, if not the third party itself.")
    service: Text = Field("", description="For what service.")
    purpose: Text = Field("", description="Why, in words for a visitor.")
    lifetime: Lifetime = Field(
        None, description="How long a browser keeps it at most, as of a cookie of the site."
    )
    domain: field.Domain | None = Field(None, description="The Domain it is set with.")
    path: field.Path = Field("/", description="The Path it is set with.")
    exemption: field.Exemption | None = Field(
        None, description="Why it needs no consent, of a necessary third party."
    )


def _known_cookie(value: Any) -> Any:
    if isinstance(value, str):
        return {"name": value}
    if not isinstance(value, dict):
        raise wrong(
            f"{shown(value)} is no cookie",
            'write its name in quotes, or a table, as in {name = "IDE", lifetime = "13 months"}',
        )
    return value


class ThirdPartyTable(Table):
    """Another site that the pages load things from."""

    name: field.PartyName = Field(description="What people call it.")
    category: field.CategoryKey = Field(description="The key of the category it is loaded under.")
    hosts: list[field.Host] = Field(
        default_factory=list,
        description="Where its things come from, as in '*.example.com' or 'wss://example.com:8080'.",
    )
    cookies: list[
        Annotated[
            KnownCookieTable,
            BeforeValidator(_known_cookie, json_schema_input_type=field.Name | KnownCookieTable),
        ]
    ] = Field(
        default_factory=list,
        description="The cookies that it is known to set: each a name, or a table.",
    )
    purpose: Text = Field("", description="What it is loaded for.")
    privacy: field.Privacy = Field("", description="The address of its privacy notice.")


def _report(value: Any) -> bool | tuple[str, ...]:
    if isinstance(value, bool):
        return value
    if not isinstance(value, list) or not all(isinstance(key, str) for key in value):
        raise wrong(
            f"{shown(value)} does not say what is only reported on",
            "write true, false, or a list of categories, as in ['marketing', 'undeclared']",
        )
    return tuple(value)


_REPORT_SCHEMA = {
    "anyOf": [
        {"type": "boolean"},
        {
            "type": "array",
            "items": {
                "anyOf": [
                    {
                        "enum": [
                            *(each.key for each in BUILT_IN if not each.always_allowed),
                            UNDECLARED,
                        ]
                    },
                    {"type": "string"},
                ]
            },
        },
    ]
}
ReportOnly = Annotated[
    bool | tuple[str, ...], PlainValidator(_report), WithJsonSchema(_REPORT_SCHEMA)
]


class ConsentFromTable(Table):
    """Another tool whose banner asks in place of the gate's."""

    tool: field.Tool = Field(description="Which one it is.")
    categories: field.Meanings = Field(
        description="What its names stand for: the key of a category each, or a list of keys."
    )
    cookie: field.BannerCookie | None = Field(
        None, description="The name of its cookie, where that is not its own default."
    )
    lifetime: Length | None = Field(
        None, description="How long it has browsers keep its cookie, as it is set there."
    )
    revision: int | None = Field(
        None, description="Of cookieconsent: its revision; an answer under another one is none."
    )


LEDGER_URL = r"^(sqlite|postgresql|cockroachdb)(\+[a-z0-9]+)?://."
"""What the address of a ledger looks like, for editors."""
_SECONDS = {"type": "number", "exclusiveMinimum": 0, "maximum": 60}


class LedgerTable(Table):
    """Where the proof of choices is kept."""

    url: Annotated[str, WithJsonSchema({"type": "string", "pattern": LEDGER_URL})] = Field(
        description="The database, as in 'sqlite:///consent.db' or "
        "'postgresql+psycopg://user@host/database'."
    )
    site: Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[!-~]{1,255}$"})] | None = (
        Field(
            None,
            description="The name that records are kept under; left out, the host that was asked.",
        )
    )
    spool: str | None = Field(
        None, description="A file that takes choices while the database does not answer."
    )
    timeout: Annotated[float, WithJsonSchema(_SECONDS)] = Field(
        2.0, description="How many seconds a choice waits for the database at most."
    )
    lapses: bool = Field(False, description="Keep a record of each choice that ends, too.")


def _ledger(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


class GateTable(Table):
    """Options of the gate."""

    cookie_name: field.CookieName = Field(
        "cookies_preferences", description="The name of the cookie that keeps the choice."
    )
    max_age: Age | None = Field(None, description="How long a choice lasts, as in '182 days'.")
    cookie_domain: field.CookieDomain | None = Field(
        None, description="The Domain of the consent cookie; left out, this host alone."
    )
    always_secure: bool = Field(False, description="Mark it Secure on plain http too.")
    withhold: bool = Field(True, description="Hide from the app what the visitor did not allow.")
    withhold_undeclared: bool = Field(
        True, description="Hide from the app cookies that are in no declaration."
    )
    expire_undeclared: bool = Field(
        False, description="Delete cookies in no declaration from the browser."
    )
    clamp_lifetimes: bool = Field(False, description="Cut lifetimes to what is declared.")
    report_only: ReportOnly = Field(
        False,
        description="Tell what would happen and do nothing: true, or the categories in which "
        "it is so, and 'undeclared'.",
    )
    observe_passed: bool = Field(False, description="Tell observers of what passes too.")
    keep_unchanged: bool = Field(
        False, description="Keep consent to categories in which a new revision changes nothing."
    )
    inject_banner: bool = Field(False, description="Put the banner into the pages of the app.")
    inject_guard: bool = Field(
        False, description="Put the script into them that holds other scripts to the policy."
    )
    source_gate: field.SourceGate = Field(
        "on", description="Hold pages to the hosts of third parties: on, report or off."
    )
    consent_from: ConsentFromTable | None = Field(
        None, description="Another tool whose banner asks in place of the gate's."
    )
    ledger: Annotated[LedgerTable | None, BeforeValidator(_ledger)] = Field(
        None, description="Where the proof of choices is kept: a database, or a table."
    )


class ConsentModeTable(Table):
    """Google Consent Mode: the category that each consent type depends on."""

    ad_storage: field.CategoryKey = Field(
        MARKETING, description="The category for cookies of adverts."
    )
    ad_user_data: field.CategoryKey = Field(
        MARKETING, description="The category for sending data about visitors to Google for adverts."
    )
    ad_personalization: field.CategoryKey = Field(
        MARKETING, description="The category for adverts that are chosen for the visitor."
    )
    analytics_storage: field.CategoryKey = Field(
        "statistics", description="The category for cookies that measure."
    )
    functionality_storage: field.CategoryKey = Field(
        "preferences", description="The category for what a site remembers, as a language."
    )
    personalization_storage: field.CategoryKey = Field(
        "preferences", description="The category for contents that are chosen for the visitor."
    )
    security_storage: field.CategoryKey = Field(
        NECESSARY, description="The category for signing in and against abuse."
    )


class PagesTable(Table):
    """The pages that ask, and the charter."""

    path: field.PagePath = Field("/cookies", description="Where they start.")
    languages: list[field.PageLanguage] | None = Field(
        None, description="The languages they are offered in; by default the 24 of the EU."
    )
    default_language: field.PageLanguage = Field(
        "en", description="What a visitor gets who asks for none of them."
    )
    language_cookie: field.LanguageCookie | None = Field(
        None, description="The cookie in which the site keeps the visitor's language."
    )
    locales: str | None = Field(
        None, description="A folder of the site's own catalogues, from this file's folder on."
    )
    controller: Text = Field("", description="Who answers for the site.")
    templates: str | None = Field(
        None, description="A folder of the site's own templates, from this file's folder on."
    )
    content_security_policy: field.SecurityPolicy | None = Field(
        None, description="What the pages send in place of their own."
    )
    proxies: field.Proxies = Field(
        0, description="How many proxies in front add to X-Forwarded-Proto and -Host."
    )
    gpc: date | None = Field(
        None,
        description="The date on which the site last changed how it treats Global Privacy Control.",
    )
    reports: bool = Field(
        True, description="Let browsers report here what was refused to a page and its scripts."
    )
    consent_mode: ConsentModeTable | None = Field(
        None, description="Google Consent Mode: the category of a consent type, if not the usual."
    )


def _pages(value: Any) -> Any:
    if value is True:
        raise wrong(
            "true says nothing of them",
            "leave it out to have them at /cookies, or write a table [pages]",
        )
    return None if value is False else value


class File(Table):
    """A policy file: what a site declares about its cookies."""

    presets: list[field.Preset] = Field(
        default_factory=list,
        description="Cookies that are known already, by the names of what sets them.",
    )
    revision: field.Revision | None = Field(
        None, description="The version as visitors see it; left out, it is derived."
    )
    gate: GateTable = Field(
        default_factory=lambda: GateTable.model_validate({}),
        description="How the gate works; nothing has to be said.",
    )
    pages: Annotated[PagesTable | None, BeforeValidator(_pages)] = Field(
        None, description="The pages that ask; false for none."
    )
    harden: HardenTable | None = Field(
        None, description="What every cookie gets whose declaration says nothing else."
    )
    categories: list[CategoryTable] = Field(
        default_factory=list, description="Categories of the site's own, or reworded ones."
    )
    cookies: list[CookieTable] = Field(
        default_factory=list, description="The cookies that the site sets."
    )
    third_parties: list[ThirdPartyTable] = Field(
        default_factory=list, description="Other sites that the pages load things from."
    )


TABLES: dict[tuple[str, ...], type[Table]] = {
    (): File,
    ("gate",): GateTable,
    ("gate", "consent_from"): ConsentFromTable,
    ("gate", "ledger"): LedgerTable,
    ("pages",): PagesTable,
    ("pages", "consent_mode"): ConsentModeTable,
    ("harden",): HardenTable,
    ("categories",): CategoryTable,
    ("cookies",): CookieTable,
    ("cookies", "harden"): HardenTable,
    ("third_parties",): ThirdPartyTable,
    ("third_parties", "cookies"): KnownCookieTable,
}
"""What each table of a file is, by its key path without the numbers."""

ROWS = ("categories", "cookies", "third_parties")
"""The arrays of tables."""
