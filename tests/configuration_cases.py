"""Broken policy files, each with the mistake that it is named after."""

from __future__ import annotations

from dataclasses import dataclass, field

PROJECT = "pyproject.toml"


@dataclass(frozen=True)
class Case:
    """A file with mistakes, what else is in its folder, and what of it is worth reading."""

    title: str
    content: str | bytes | None
    name: str = "consentgate.toml"
    beside: dict[str, str] = field(default_factory=dict)
    shown: str | None = None


def _cookie(lines: str) -> str:
    return f'[[cookies]]\nname = "_ga"\n{lines}\n'


# The reader's own, before any table is looked at.
FILES = [
    Case("there is no file", None),
    Case("a folder", None, name="folder.toml", beside={"folder.toml/x": ""}),
    Case("no UTF-8", b'# \xc3\xa9\nrevision = "caf\xe9"', shown='# é\nrevision = "caf\\xe9"'),
    Case("UTF-16", 'revision = "1"'.encode("utf-16"), shown='revision = "1"  (as UTF-16)'),
    Case("a byte order mark", '\ufeffrevision = "1"', shown='(BOM)revision = "1"'),
    Case("a project without the table", '[project]\nname = "shop"', name=PROJECT),
    Case("the table of a project is none", "tool.consentgate = 1", name=PROJECT),
    Case("the tools of a project are none", "tool = 1", name=PROJECT),
    Case("the names of a project's tables elsewhere", '[tool.consentgate]\nrevision = "1"'),
    Case("in a project", "[tool.consentgate.gate]\nwithold = true", name=PROJECT),
]

SYNTAX = [
    Case("words without quotes", "[[cookies]]\nname = _ga"),
    Case("a number and a word without quotes", _cookie("lifetime = 14 days")),
    Case("True as in Python", "[gate]\nwithhold = True"),
    Case("no value", "revision ="),
    Case("no equals sign", "revision"),
    Case("a colon for an equals sign", 'revision: "1"'),
    Case("a quote that is not closed", 'revision = "1\nx = 1'),
    Case("a list that is not closed", 'presets = ["django"\n'),
    Case("a list without commas", 'presets = ["django" "flask"]\n'),
    Case("an inline table that is not closed", _cookie('purpose = {en = "Why"\n')),
    Case("a header that is not closed", "[gate\nwithhold = true"),
    Case("a header of many that is not closed", '[[cookies]\nname = "a"'),
    Case("a key that is there twice", 'revision = "1"\nrevision = "2"'),
    Case("a table that is there twice", "[gate]\n[pages]\n[gate]"),
    Case("one bracket, then two", '[cookies]\nname = "a"\n[[cookies]]\nname = "b"'),
    Case("a key of an inline table twice", _cookie('purpose = {en = "a", en = "b"}')),
    Case("an inline table that goes on", _cookie('purpose = {en = "a"}\npurpose.fr = "b"')),
    Case("a backslash", '[pages]\ntemplates = "C:\\sites\\own"'),
    Case("a line that ends in a text", '[gate]\n"withhold = true'),
    Case("a curly quote", "revision = “1”"),
    Case("a date that there is not", "[pages]\ngpc = 2026-02-30"),
    Case("a character that no file has", "revision = 1\x00"),
    Case("deep", f"x = {'[' * 5000}", shown="x = [[[[[[[[[...  (5000 of them)"),
    Case("a number without end", f"x = {'1' * 5000}", shown="x = 11111111...  (5000 of them)"),
]

SHAPES = [
    Case("unknown keys at the top", 'revison = "1"\ncookie = []\nxyzzy = 1'),
    Case("options at the top", 'cookie_name = "choice"\nlanguages = ["en"]'),
    Case("options in the wrong table", '[gate]\nlanguages = ["en"]\n[pages]\nmax_age = "1 day"'),
    Case("keys of the top below a table", _cookie('revision = "1"\npresets = []\npages = false')),
    Case("functions", "[gate]\nobserver = 'print'\nneeds_consent = 'x'\nclock = 'time.time'"),
    Case("unknown keys of a cookie", _cookie('porpose = "Why"\nHttpOnly = true\nmax_age = 1')),
    Case(
        "unknown keys elsewhere",
        "[gate]\nwithold = true\n[pages]\nlang = 'en'\n[harden]\nsecur = 1",
    ),
    Case(
        "odd keys",
        _cookie("purpose = {'[key]' = 'a', 'a b' = 'c', \"\\n\" = 'd'}")
        + "'[key]' = 1\n\"\\u2028\" = 1\n''.'secret-key' = 1",
    ),
    Case("one pair of brackets", '[cookies]\nname = "_ga"'),
    Case("one pair of brackets for others", '[categories]\nkey = "a"\n[third_parties]\nname = "b"'),
    Case("cookies by their names alone", 'cookies = ["session", "csrftoken"]'),
    Case("a cookie as a text", 'cookies = "session"'),
    Case("tables that are none", "gate = true\nharden = true\npages = 1"),
    Case("pages = true", "pages = true"),
    Case("lists that are none", 'presets = "django"\n[pages]\nlanguages = "en"'),
    Case("words of lists that are none", "presets = [1]\n[pages]\nlanguages = [true]"),
    Case(
        "hosts that are no list",
        '[[third_parties]]\nname = "V"\ncategory = "marketing"\nhosts = "v.example"',
    ),
    Case(
        "cookies of a third party that are no list",
        '[[third_parties]]\nname = "V"\ncategory = "marketing"\ncookies = "IDE"',
    ),
    Case(
        "unknown keys of a third party's cookie",
        '[[third_parties]]\nname = "V"\ncategory = "marketing"\n'
        'cookies = [{name = "IDE", max_age = 1, secure = true, colour = 2}, {lifetime = 1}]',
    ),
    Case("a banner that is no table", '[gate]\nconsent_from = "klaro"'),
    Case(
        "unknown keys of a banner",
        '[gate.consent_from]\ntools = "klaro"\ncategories = {a = "marketing"}',
    ),
    Case("consent types that are no table", '[pages]\nconsent_mode = "marketing"'),
    Case(
        "unknown consent types", '[pages.consent_mode]\nad_storge = "marketing"\nad_user_data = 1'
    ),
    Case("reports in quotes", '[pages]\nreports = "no"\n[gate]\ninject_guard = "yes"'),
    Case("no name", '[[cookies]]\ncategory = "marketing"\n[[categories]]\ntitle = "Social"'),
    Case("no name and no category", "[[third_parties]]\nhosts = []"),
    Case("booleans in quotes", '[gate]\nwithhold = "yes"\ninject_banner = 1'),
    Case("hardening that is none", _cookie("harden = true")),
    Case("hardening in quotes", '[harden]\nsecure = "yes"\nsame_site = "lax"'),
    Case("hardening of None", '[harden]\nsame_site = "None"\nhttp_only = 1.5'),
    Case("numbers for words", "[[cookies]]\nname = 1\ncategory = 2\nparty = 3\nexemption = 4"),
    Case(
        "numbers for words of other tables",
        "[[categories]]\nkey = 1\n[[third_parties]]\nname = 1\ncategory = 2",
    ),
]

VALUES = [
    Case(
        "names that no cookie has",
        '[[cookies]]\nname = "a b"\n[[cookies]]\nname = "é"\n[[cookies]]\nname = ""',
    ),
    Case("a provider that is no text", _cookie("provider = 1")),
    Case("a text that is a list", _cookie('purpose = ["Why"]')),
    Case("languages that are none", _cookie('purpose = {french = "Pourquoi", en = 1}')),
    Case(
        "lifetimes that are none",
        "\n".join(
            _cookie(f"lifetime = {value}").replace("_ga", f"c{n}")
            for n, value in enumerate(
                [
                    '"14"',
                    '"two days"',
                    '"14 dasy"',
                    '"3 fortnights"',
                    '"-1 days"',
                    '"0 days"',
                    '"99999999999999 years"',
                    "0",
                    "-5",
                    "1.5",
                    "true",
                    "2026-11-25",
                    '"forever"',
                    '""',
                    f"{10**20}",
                ]
            )
        ),
    ),
    Case("a party that is none", _cookie('party = "frist"')),
    Case("a party from elsewhere", _cookie('party = "Google"')),
    Case(
        "exemptions that are none",
        _cookie('exemption = "autentication"') + _cookie('exemption = "because"'),
    ),
    Case("a domain and a path that are none", _cookie('domain = "a;b"\npath = "/é"')),
    Case("a revision that is none", 'revision = "next week"'),
    Case("a revision that is a date", "revision = 2026-11-25"),
    Case("a revision that is a boolean", "revision = true"),
    Case(
        "keys of categories that are none",
        '[[categories]]\nkey = "social media"\n[[categories]]\nkey = "1"',
    ),
    Case(
        "keys of categories that are taken",
        '[[categories]]\nkey = "allows"\n[[categories]]\nkey = "undeclared"',
    ),
    Case("sale of what is none", '[[categories]]\nkey = "social"\nsale_or_sharing = "no"'),
    Case("unknown presets", 'presets = ["djnago", "zzzzzzzz"]'),
    Case("the consent cookie's name", '[gate]\ncookie_name = "my cookie"'),
    Case("the consent cookie's name as a pattern", '[gate]\ncookie_name = "choice*"'),
    Case("the consent cookie's name as an attribute", '[gate]\ncookie_name = "path"'),
    Case("the consent cookie's domain", '[gate]\ncookie_domain = "https://example.com"'),
    Case("the choice's age", '[gate]\nmax_age = "2 years"'),
    Case("the choice's age as a session", '[gate]\nmax_age = "session"'),
    Case("the choice's age as nothing", "[gate]\nmax_age = 0"),
    Case("a ledger that is no address", '[gate]\nledger = "consent.db"'),
    Case("a ledger that is no text", "[gate]\nledger = 1"),
    Case("a ledger without an address", '[gate.ledger]\nsite = "shop"'),
    Case("a ledger of another kind", '[gate]\nledger = "mysql://host/consent"'),
    Case("a ledger whose site is none", '[gate.ledger]\nurl = "sqlite:///a.db"\nsite = "a b"'),
    Case("a ledger that waits in words", '[gate.ledger]\nurl = "sqlite:///a.db"\ntimeout = "2 s"'),
    Case("a ledger that never waits", '[gate.ledger]\nurl = "sqlite:///a.db"\ntimeout = 0'),
    Case("a ledger with an unknown key", '[gate.ledger]\nurl = "sqlite:///a.db"\nkey = "x"'),
    Case("report-only as a word", '[gate]\nreport_only = "marketing"'),
    Case("report-only as numbers", "[gate]\nreport_only = [1]"),
    Case(
        "third parties",
        '[[third_parties]]\nname = " "\ncategory = "marketing"\n'
        'hosts = ["https://www.example.com/embed", 1]\nprivacy = "example.com/privacy"',
    ),
    Case(
        "cookies of a third party",
        '[[third_parties]]\nname = "V"\ncategory = "marketing"\n'
        'cookies = ["a b", 1, {name = "é", lifetime = "2 yaers"}]',
    ),
    Case("a mode of the source gate", '[gate]\nsource_gate = "report-only"'),
    Case("a source gate that is switched", "[gate]\nsource_gate = true"),
    Case(
        "a banner's tool and cookie",
        '[gate.consent_from]\ntool = "claro"\ncookie = "k*"\ncategories = {a = "marketing"}\n'
        'lifetime = "session"\nrevision = "1"',
    ),
    Case(
        "what a banner's names stand for",
        '[gate.consent_from]\ntool = "klaro"\ncategories = {a = 1, b = []}',
    ),
    Case("a banner of which nothing is known", '[gate.consent_from]\ntool = "klaro"'),
    Case(
        "a banner whose names mean nothing", '[gate.consent_from]\ntool = "klaro"\ncategories = {}'
    ),
    Case(
        "a notice in one language",
        '[[third_parties]]\nname = "V"\ncategory = "marketing"\n'
        'privacy = {en = "https://example.com", fr = "/fr"}',
    ),
    Case(
        "a notice that is no text",
        '[[third_parties]]\nname = "V"\ncategory = "marketing"\nprivacy = 1',
    ),
    Case("paths of pages", '[pages]\npath = "cookies/"'),
    Case("paths of pages with dots", '[pages]\npath = "/a/../b"'),
    Case("codes of languages", '[pages]\nlanguages = ["English", "fr"]\ndefault_language = "FR"'),
    Case("a language's cookie", '[pages]\nlanguage_cookie = "lang*"'),
    Case("a security policy", '[pages]\ncontent_security_policy = ""'),
    Case("proxies", "[pages]\nproxies = -1"),
    Case("proxies as a boolean", "[pages]\nproxies = true"),
    Case("dates", '[pages]\ngpc = "2026-11-25"'),
    Case("times", "[pages]\ngpc = 2026-11-25T12:00:00Z"),
    Case("folders that are none", "[pages]\nlocales = 1\ntemplates = true"),
    Case(
        "secrets",
        'secret_key = "hush"\n[gate]\nsecret-key = ["hush", "hush"]\n'
        '[[cookies]]\nname = "a"\nsecret = "hush"',
    ),
]

CONTRADICTIONS = [
    Case("an unknown category", _cookie('category = "statistic"')),
    Case("a category that nothing is like", _cookie('category = "xyzzy"')),
    Case("the category of a third party", '[[third_parties]]\nname = "V"\ncategory = "video"'),
    Case(
        "two categories for a name",
        _cookie('category = "statistics"') + _cookie('category = "marketing"'),
    ),
    Case("a category twice", '[[categories]]\nkey = "social"\n[[categories]]\nkey = "social"'),
    Case("a third party twice", 2 * '[[third_parties]]\nname = "V"\ncategory = "marketing"\n'),
    Case("sale of what is necessary", '[[categories]]\nkey = "necessary"\nsale_or_sharing = true'),
    Case(
        "an exemption where consent is needed",
        _cookie('category = "marketing"\nexemption = "security"'),
    ),
    Case(
        "anonymous statistics for ever",
        _cookie('category = "anonymous_statistics"\nlifetime = "2 years"'),
    ),
    Case("presets of two set-ups", 'presets = ["matomo", "django", "matomo-exempt"]'),
    Case("a pattern that is too wide", '[[cookies]]\nname = "cookies_*"'),
    Case(
        "the consent cookie in a category",
        '[[cookies]]\nname = "cookies_preferences"\ncategory = "preferences"',
    ),
    Case(
        "the consent cookie in a preset",
        'presets = ["google-analytics"]\n[gate]\ncookie_name = "_ga"',
    ),
    Case("a prefix without Secure", '[gate]\ncookie_name = "__Host-choice"'),
    Case(
        "a prefix with a domain",
        '[gate]\ncookie_name = "__Host-choice"\nalways_secure = true\n'
        'cookie_domain = "example.com"',
    ),
    Case(
        "what is not withheld is not expired",
        "[gate]\nexpire_undeclared = true\nwithhold_undeclared = false",
    ),
    Case(
        "two banners",
        "[gate]\ninject_banner = true\n"
        '[gate.consent_from]\ntool = "klaro"\ncategories.ads = "marketing"',
    ),
    Case("a banner without pages", "pages = false\n[gate]\ninject_banner = true"),
    Case("a guard without pages", "pages = false\n[gate]\ninject_guard = true"),
    Case(
        "a third party's cookie for ever",
        '[[third_parties]]\nname = "V"\ncategory = "anonymous_statistics"\n'
        'cookies = [{name = "v", lifetime = "2 years"}]',
    ),
    Case(
        "unknown categories of a banner",
        '[gate.consent_from]\ntool = "klaro"\n'
        'categories = {ads = "maketing", films = ["statistics", "video"]}',
    ),
    Case(
        "a banner's names that it cannot write",
        '[gate.consent_from]\ntool = "tarteaucitron"\nrevision = 1\nlifetime = "182 days"\n'
        'categories = {"a=b" = "marketing"}',
    ),
    Case(
        "a banner about nothing",
        '[gate.consent_from]\ntool = "klaro"\ncategories = {session = "necessary"}',
    ),
    Case(
        "a banner that outlives a choice",
        '[gate.consent_from]\ntool = "tarteaucitron"\ncategories = {ads = "marketing"}',
    ),
    Case(
        "a banner with the consent cookie's name",
        '[gate]\ncookie_name = "klaro"\n[gate.consent_from]\ntool = "klaro"\n'
        'categories = {ads = "marketing"}',
    ),
    Case(
        "a banner whose cookie needs consent",
        '[gate.consent_from]\ntool = "klaro"\ncookie = "ours"\nlifetime = "1 day"\n'
        'categories = {ads = "marketing"}\n[[cookies]]\nname = "ours"\ncategory = "preferences"',
    ),
    Case(
        "a banner with more than one mistake",
        '[gate.consent_from]\ntool = "klaro"\nlifetime = "1 dya"\ncategories = {ads = "maketing"}',
    ),
    Case(
        "consent types of unknown categories",
        '[pages.consent_mode]\nad_storage = "adverts"\nanalytics_storage = "statistic"\n'
        "security_storage = 1",
    ),
    Case("report-only in what is never stopped", '[gate]\nreport_only = ["necessary", "marketin"]'),
    Case("no languages", "[pages]\nlanguages = []"),
    Case("a language twice", '[pages]\nlanguages = ["fr", "en", "fr"]'),
    Case("a language without a catalogue", '[pages]\nlanguages = ["en", "tlh", "fr-CH"]'),
    Case(
        "a default that is none of them",
        '[pages]\nlanguages = ["fr", "de"]\ndefault_language = "en"',
    ),
    Case("folders that are not there", '[pages]\nlocales = "texts"\ntemplates = "own"'),
    Case("a language's cookie that is not declared", '[pages]\nlanguage_cookie = "lang"'),
    Case(
        "a language's cookie that needs consent",
        '[pages]\nlanguage_cookie = "_ga"\n' + _cookie('category = "statistics"'),
    ),
    Case(
        "a template that is broken",
        '[pages]\ntemplates = "own"',
        beside={"own/banner.html": "{% if %}"},
    ),
    Case(
        "more categories than a cookie can hold",
        "".join(f'[[categories]]\nkey = "a_rather_long_key_number_{n}"\n' for n in range(60)),
        shown='[[categories]]\nkey = "a_rather_long_key_number_0"\n...  (60 of them)',
    ),
    Case(
        "all at once",
        'presets = ["djago"]\n[gate]\nmax_age = "7 mnths"\nreport_only = ["socal"]\n'
        '[[categories]]\nkey = "social"\nsale_or_sharing = "yes"\n'
        '[[cookies]]\nname = "likes"\ncategory = "socail"\nlifetime = "90 dasy"\n'
        '[[cookies]]\nname = "a b"\ncategory = "maketing"\n[[cookies]]\nname = "*"\n',
    ),
]

CASES = [*FILES, *SYNTAX, *SHAPES, *VALUES, *CONTRADICTIONS]
