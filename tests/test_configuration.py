"""A policy file: what it says comes out as the policy and the options that one would write."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

import consentgate
from adapters import KEY
from consentgate import (
    Category,
    ConsentGate,
    ConsentGateError,
    Cookie,
    Hardening,
    Pages,
    Policy,
    ThirdParty,
)
from consentgate.banners import Banner, CookieConsent, Klaro, Orejime, Tarteaucitron
from consentgate.configuration import duration, tools
from consentgate.configuration.document import ConsentModeTable, GateTable, PagesTable
from consentgate.configuration.finding import find
from consentgate.configuration.problem import ConfigurationError, Problem
from consentgate.configuration.reading import document, load
from consentgate.configuration.secrets import from_environment
from consentgate.ledger import Ledger
from consentgate.pages.consent_mode import DEFAULT
from consentgate.presets import preset
from examples.portal_policy import policy as portal

EXAMPLES = Path(__file__).parent.parent / "examples"

EVERYTHING = """
presets = ["django"]
revision = "2026-11"

[gate]
cookie_name = "__Host-choice"
max_age = "6 months"
always_secure = true
withhold = true
withhold_undeclared = true
expire_undeclared = true
clamp_lifetimes = true
report_only = ["marketing", "undeclared"]
observe_passed = true
keep_unchanged = true
inject_banner = false
inject_guard = true
source_gate = "report"

[gate.ledger]
url = "sqlite:///proof/consent.db"
site = "shop"
spool = "proof/spool"
timeout = 1.5
lapses = true

[gate.consent_from]
tool = "klaro"
cookie = "our_klaro"
lifetime = "120 days"
categories = {analytics = "statistics", posts = ["social", "marketing"]}

[pages]
path = "/choices"
languages = ["en", "fr"]
default_language = "fr"
language_cookie = "lang"
locales = "texts"
controller = {en = "Shop Ltd", fr = "Shop SARL"}
templates = "own"
content_security_policy = "default-src 'self'"
proxies = 1
gpc = 2026-11-25
reports = false
consent_mode = {analytics_storage = "social"}

[harden]
secure = true
same_site = "Lax"

[[categories]]
key = "social"
title = {en = "Social media", fr = "Réseaux sociaux"}
description = "What you share."
sale_or_sharing = true

[[cookies]]
name = "lang"
exemption = "interface"
lifetime = 3600
path = "/shop"
domain = "example.com"
harden.http_only = true

[[third_parties]]
name = "YouTube"
category = "social"
hosts = ["www.youtube-nocookie.com", "*.ytimg.com", "wss://example.com:*"]
cookies = ["YSC", {name = "PREF", lifetime = "8 months", purpose.en = "Plays", domain = "x.com"}]
purpose.en = "Videos"
privacy = "https://example.com/privacy"

[[cookies]]
name = "likes"
category = "social"
provider = "Somebody"
party = "third"
lifetime = "13 months"
"""


def put(folder: Path, text: str, name: str = "consentgate.toml") -> Path:
    """Write a policy file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_says_what_one_would_write_in_python(tmp_path: Path) -> None:
    """Every key of a file comes out as the declaration or the option of its name."""
    (tmp_path / "texts").mkdir()
    (tmp_path / "own").mkdir()
    (tmp_path / "proof").mkdir()
    found = load(put(tmp_path, EVERYTHING))
    harden = Hardening(secure=True, same_site="Lax")
    assert found.policy == Policy(
        [
            Cookie(
                "lang",
                exemption="interface",
                lifetime=timedelta(hours=1),
                path="/shop",
                domain="example.com",
                harden=Hardening(http_only=True),
            ),
            Cookie(
                "likes",
                "social",
                provider="Somebody",
                party="third",
                lifetime=timedelta(days=395),
            ),
            *preset("django").cookies,
        ],
        categories=[
            Category(
                "social",
                title={"en": "Social media", "fr": "Réseaux sociaux"},
                description="What you share.",
                sale_or_sharing=True,
            )
        ],
        revision="2026-11",
        harden=harden,
        third_parties=[
            ThirdParty(
                "YouTube",
                "social",
                hosts=["www.youtube-nocookie.com", "*.ytimg.com", "wss://example.com:*"],
                cookies=[
                    Cookie("YSC"),
                    Cookie(
                        "PREF",
                        lifetime=timedelta(days=243),
                        purpose={"en": "Plays"},
                        domain="x.com",
                    ),
                ],
                purpose={"en": "Videos"},
                privacy="https://example.com/privacy",
            )
        ],
    )
    assert found.options == {
        "cookie_name": "__Host-choice",
        "max_age": timedelta(days=182),
        "always_secure": True,
        "withhold": True,
        "withhold_undeclared": True,
        "expire_undeclared": True,
        "clamp_lifetimes": True,
        "report_only": ("marketing", "undeclared"),
        "observe_passed": True,
        "keep_unchanged": True,
        "inject_banner": False,
        "inject_guard": True,
        "source_gate": "report",
        "ledger": Ledger(
            f"sqlite:///{tmp_path}/proof/consent.db",
            site="shop",
            spool=tmp_path / "proof" / "spool",
            timeout=1.5,
            lapses=True,
        ),
        "consent_from": Klaro(
            cookie="our_klaro",
            lifetime=timedelta(days=120),
            categories={"analytics": ["statistics"], "posts": ["social", "marketing"]},
        ),
        "pages": Pages(
            "/choices",
            languages=["en", "fr"],
            default_language="fr",
            language_cookie="lang",
            locales=tmp_path / "texts",
            controller={"en": "Shop Ltd", "fr": "Shop SARL"},
            templates=tmp_path / "own",
            content_security_policy="default-src 'self'",
            proxies=1,
            gpc=date(2026, 11, 25),
            reports=False,
            consent_mode={"analytics_storage": "social"},
        ),
    }


def test_what_is_left_out_is_left_to_the_gate(tmp_path: Path) -> None:
    """An option that the file does not name is not passed on: the gate's default holds."""
    found = load(put(tmp_path, '[[cookies]]\nname = "session"\n'))
    assert found.options == {}
    assert found.policy == Policy.allow("session")
    assert found.path == tmp_path / "consentgate.toml"


def test_an_empty_file_declares_nothing(tmp_path: Path) -> None:
    """A file without a word is the policy without a cookie, as Policy([]) is."""
    assert Policy.from_toml(put(tmp_path, "")) == Policy([])


def test_pages_can_be_left_out_of_a_site(tmp_path: Path) -> None:
    """`pages = false` serves no pages, and a table [pages] without keys is that of all defaults."""
    assert load(put(tmp_path, "pages = false")).options == {"pages": None}
    assert load(put(tmp_path, "[pages]\nlanguages = ['en']")).options["pages"].path == "/cookies"


@pytest.mark.parametrize("value", ["true", "false"])
def test_report_only_is_for_all_or_for_nothing_too(tmp_path: Path, value: str) -> None:
    """`report_only` takes true and false as well as categories."""
    found = load(put(tmp_path, f"[gate]\nreport_only = {value}"))
    assert found.options == {"report_only": value == "true"}


def test_a_revision_can_be_a_number(tmp_path: Path) -> None:
    """`revision = 7` is what Policy(revision=7) is."""
    assert Policy.from_toml(put(tmp_path, "revision = 7")) == Policy([], revision=7)


@pytest.mark.parametrize(
    ("text", "banner"),
    [
        (
            'tool = "cookieconsent"\nrevision = 3',
            CookieConsent(revision=3, categories={"ads": "marketing"}),
        ),
        ('tool = "klaro"', Klaro(categories={"ads": "marketing"})),
        (
            'tool = "tarteaucitron"\nlifetime = 3600',
            Tarteaucitron(lifetime=timedelta(hours=1), categories={"ads": "marketing"}),
        ),
        ('tool = "orejime"', Orejime(categories={"ads": "marketing"})),
    ],
)
def test_another_banner_is_named_by_its_tool(tmp_path: Path, text: str, banner: Banner) -> None:
    """Each tool has a word, and what is left out is as the tool itself has it."""
    file = put(tmp_path, f'[gate.consent_from]\n{text}\ncategories.ads = "marketing"')
    assert load(file).options == {"consent_from": banner}


def test_another_banner_may_be_kept_as_long_as_a_choice(tmp_path: Path) -> None:
    """The cookie of a tool that writes no time is held to the choice's own age."""
    table = '[gate.consent_from]\ntool = "orejime"\ncategories.ads = "marketing"\n'
    with pytest.raises(ConfigurationError, match=r"kept for 120 days, longer .* \(30 days\)"):
        load(put(tmp_path, f'{table}[gate]\nmax_age = "30 days"'))
    right = load(put(tmp_path, f'{table}lifetime = "30 days"\n[gate]\nmax_age = "30 days"'))
    assert right.options["consent_from"].lifetime == timedelta(days=30)
    usual = signature(ConsentGate.__init__).parameters["max_age"].default
    assert usual == tools.MAX_AGE


def test_a_file_knows_every_tool_and_every_consent_type() -> None:
    """The words of a file are as many as the package's banners, and as Google's consent types."""
    banners = [name for name in consentgate.banners.__all__ if name not in ("Banner", "Found")]
    assert sorted(word.casefold() for word in banners) == sorted(tools.TOOLS)
    fields = ConsentModeTable.model_fields
    assert {name: field.default for name, field in fields.items()} == dict(DEFAULT)


def test_every_option_of_a_file_is_one_of_the_gate() -> None:
    """The tables [gate] and [pages] have no key that ConsentGate and Pages do not know."""
    functions = {"observer", "needs_consent", "clock"}
    of_gate = set(signature(ConsentGate.__init__).parameters)
    assert set(GateTable.model_fields) == of_gate - functions - {
        *("self", "policy", "secret_key", "pages")
    }
    assert set(PagesTable.model_fields) == set(signature(Pages).parameters)


def test_a_table_of_pyproject_says_the_same(tmp_path: Path) -> None:
    """In a pyproject.toml the policy is [tool.consentgate], whatever else is in the file."""
    text = """
    [project]
    name = "shop"
    [tool.consentgate]
    revision = "1"
    [[tool.consentgate.cookies]]
    name = "session"
    [tool.other]
    [[tool.consentgate.cookies]]
    name = "basket"
    """
    found = load(put(tmp_path, text, "pyproject.toml"))
    assert found.policy == Policy([Cookie("session"), Cookie("basket")], revision="1")
    assert found.document.line_of(("cookies", 1, "name")) == 10
    assert found.document.line_of(("revision",)) == 5


def test_the_portals_charter_is_the_same_in_a_file() -> None:
    """examples/portal.toml declares what examples/portal_policy.py declares."""
    assert Policy.from_toml(EXAMPLES / "portal.toml") == portal


def test_a_gate_comes_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ConsentGate.from_toml takes policy and options from the file, the key from its caller."""
    path = put(tmp_path, '[gate]\ncookie_name = "choice"\nmax_age = "1 day"')
    gate = ConsentGate.from_toml(path, secret_key=KEY, max_age=timedelta(days=2))
    assert (gate.cookie_name, gate.max_age) == ("choice", timedelta(days=2))
    monkeypatch.setenv("CONSENTGATE_SECRET_KEY", f"an older key that is long, {KEY}")
    of_environment = ConsentGate.from_toml(path)
    token = gate.set_cookie_for(gate.choice(["marketing"])).partition(";")[0].encode()
    assert of_environment.standing([token]).answered


def test_a_preset_brings_its_cookies(tmp_path: Path) -> None:
    """A preset's cookies come after the file's own, and the document says whose they are."""
    path = put(tmp_path, 'presets = ["django"]\n[[cookies]]\nname = "basket"')
    found = document(path)
    assert [each.cookie.name for each in found.cookies] == [
        "basket",
        *(cookie.name for cookie in preset("django").cookies),
    ]
    assert [(each.path, each.preset) for each in found.cookies[:2]] == [
        (("cookies", 0), None),
        (("presets", 0), "django"),
    ]
    assert found.line_of(found.cookies[1].path) == 1


@pytest.mark.parametrize("names", [["flask", "flask-session"], ["flask-session", "flask"]])
def test_of_two_presets_the_longer_lifetime_stays(tmp_path: Path, names: list[str]) -> None:
    """Where two presets know one name, what visitors are told is true whichever sets it."""
    found = document(put(tmp_path, f"presets = {names}"))
    assert [(each.cookie.name, each.cookie.lifetime, each.preset) for each in found.cookies] == [
        ("session", timedelta(days=31), "flask-session")
    ]


@pytest.mark.parametrize("name", ["sessionid", "session*", "*ionid"])
def test_a_sites_own_line_beats_a_preset(tmp_path: Path, name: str) -> None:
    """A preset's cookie is left out where the site itself declares its name, or a pattern of it."""
    text = f'presets = ["django"]\n[[cookies]]\nname = "{name}"\ncategory = "preferences"'
    found = Policy.from_toml(put(tmp_path, text)).lookup(b"sessionid")
    assert found is not None
    assert found.category == "preferences"


def test_of_two_presets_the_first_stays(tmp_path: Path) -> None:
    """A name that two presets let live as long is declared once, as the first of them does."""
    flask = put(tmp_path, 'presets = ["flask", "flask-wtf"]')
    names = [cookie.name for cookie in Policy.from_toml(flask).cookies]
    assert names.count("session") == 1
    first = next(cookie for cookie in preset("flask").cookies if cookie.name == "session")
    assert first in Policy.from_toml(flask).cookies


def parties(path: Path) -> dict[str, ThirdParty]:
    """Return the third parties that a file declares, by their names."""
    return {party.name: party for party in Policy.from_toml(path).third_parties}


def test_a_preset_brings_its_third_party(tmp_path: Path) -> None:
    """A preset's third party comes after the file's own, with what it sets in its own responses."""
    own = '[[third_parties]]\nname = "Films"\ncategory = "marketing"\nhosts = ["films.example"]'
    path = put(tmp_path, f'presets = ["youtube", "django"]\n{own}')
    youtube = preset("youtube").third_party
    assert youtube is not None
    assert list(parties(path).values()) == [
        ThirdParty("Films", "marketing", hosts=["films.example"]),
        youtube,
    ]
    told = {each.name for each in youtube.declared_cookies}
    declared = [each.cookie for each in document(path).cookies if each.preset == "youtube"]
    # What is in another category than the third party stays a cookie of its own.
    assert {cookie.name for cookie in declared} == {"PREF"}
    assert {cookie.name for cookie in preset("youtube").cookies} == told | {"PREF"}


def test_a_third_party_of_the_same_name_beats_a_preset(tmp_path: Path) -> None:
    """Where the site has a third party of that name, it alone says what holds for it."""
    own = '[[third_parties]]\nname = "youTube"\ncategory = "preferences"\nhosts = ["yt.example"]'
    path = put(tmp_path, f'presets = ["youtube"]\n{own}')
    assert [party.hosts for party in parties(path).values()] == [("yt.example",)]
    declared = [each.cookie for each in document(path).cookies]
    assert declared == list(preset("youtube").cookies)


@pytest.mark.parametrize(
    "host",
    ["www.youtube.com", "https://www.youtube.com", "*.youtube.com", "WWW.youtube.com"],
)
def test_a_sites_own_host_beats_a_preset(tmp_path: Path, host: str) -> None:
    """A host that the site declares itself is under its category alone."""
    own = f'[[third_parties]]\nname = "Films"\ncategory = "preferences"\nhosts = ["{host}"]'
    found = parties(put(tmp_path, f'presets = ["youtube"]\n{own}'))
    assert list(found["YouTube"].hosts) == ["www.youtube-nocookie.com", "*.ytimg.com"]


def test_a_host_that_a_preset_s_pattern_means_beats_it(tmp_path: Path) -> None:
    """A pattern of a preset is left out where it would let through what the site holds."""
    own = '[[third_parties]]\nname = "P"\ncategory = "preferences"\nhosts = ["i.ytimg.com"]'
    found = parties(put(tmp_path, f'presets = ["youtube"]\n{own}'))
    assert "*.ytimg.com" not in list(found["YouTube"].hosts)


def test_a_preset_without_hosts_that_are_left_has_no_third_party(tmp_path: Path) -> None:
    """Where the site declares all hosts itself, nothing is left of the preset's third party."""
    own = """[[third_parties]]
name = "Films"
category = "preferences"
hosts = ["*.youtube.com", "*.youtube-nocookie.com", "*.ytimg.com"]"""
    path = put(tmp_path, f'presets = ["youtube"]\n{own}')
    assert list(parties(path)) == ["Films"]
    assert [each.cookie for each in document(path).cookies] == list(preset("youtube").cookies)


def test_a_sites_own_line_beats_a_third_party_s_cookie(tmp_path: Path) -> None:
    """A cookie of which the site itself says something is told once, as the site says it."""
    own = '[[cookies]]\nname = "YSC"\ncategory = "preferences"\ndomain = "youtube.com"'
    path = put(tmp_path, f'presets = ["youtube"]\n{own}')
    told = {cookie.name for cookie in parties(path)["YouTube"].declared_cookies}
    assert "GPS" in told
    assert "YSC" not in told


def test_the_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder's consentgate.toml is its policy file, else a pyproject.toml with the table."""
    monkeypatch.chdir(tmp_path)
    assert find() is None
    project = put(tmp_path, "[project]\nname = 'x'", "pyproject.toml")
    assert find() is None
    put(tmp_path, "[tool]\nx = 1", "pyproject.toml")
    assert find() is None
    put(tmp_path, "tool = 1", "pyproject.toml")
    assert find(tmp_path) is None
    put(tmp_path, "[tool.consentgate]\nrevision = '1'", "pyproject.toml")
    assert find(tmp_path) == project
    own = put(tmp_path, "")
    assert find(tmp_path) == own


def test_a_broken_project_file_is_found_all_the_same(tmp_path: Path) -> None:
    """A pyproject.toml that is no TOML, but speaks of consentgate, is found so as to be told of."""
    project = put(tmp_path, "[tool.consentgate]\nrevision = ", "pyproject.toml")
    assert find(tmp_path) == project
    put(tmp_path, "[tool.other]\nrevision = ", "pyproject.toml")
    assert find(tmp_path) is None


def test_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """CONSENTGATE_SECRET_KEY has one key, or several with commas, the oldest first."""
    monkeypatch.setenv("CONSENTGATE_SECRET_KEY", " old key ,, new key,")
    assert from_environment() == ["old key", "new key"]


@pytest.mark.parametrize("value", [None, "", " , "])
def test_no_key_is_said(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """Without a key the error names the variable, and how a key is made."""
    monkeypatch.delenv("CONSENTGATE_SECRET_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("CONSENTGATE_SECRET_KEY", value)
    with pytest.raises(ConsentGateError, match=r"CONSENTGATE_SECRET_KEY.*`consentgate key new`"):
        from_environment()


def test_a_key_is_never_told(tmp_path: Path) -> None:
    """A secret key in a file is an error that does not repeat it, wherever it stands."""
    text = """
    secret_key = "hunter-1"
    [gate]
    Secret-Key = ["hunter-2"]
    [[cookies]]
    name = "a"
    purpose = {secret_key = "hunter-3"}
    """
    with pytest.raises(ConfigurationError) as caught:
        load(put(tmp_path, text))
    assert [problem.line for problem in caught.value.problems] == [2, 4, 7]
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("1 second", timedelta(seconds=1)),
        ("90 minutes", timedelta(minutes=90)),
        ("2 hours", timedelta(hours=2)),
        ("14 days", timedelta(days=14)),
        ("1  week", timedelta(days=7)),
        ("1 month", timedelta(days=30)),
        ("6 months", timedelta(days=182)),
        ("13 months", timedelta(days=395)),
        ("12 months", timedelta(days=365)),
        ("1 year", timedelta(days=365)),
        ("999999999 days", timedelta(days=999999999)),
    ],
)
def test_lengths_of_time_are_read(text: str, length: timedelta) -> None:
    """A number and a unit are a length of time; months are cut to whole days."""
    assert duration.parsed(text) == length


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(days=395), "395 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=1, seconds=1), "86401 seconds"),
        (timedelta(seconds=1), "1 second"),
    ],
)
def test_lengths_of_time_are_written(length: timedelta, text: str) -> None:
    """A length of time is written in days where they are whole, else in seconds."""
    assert duration.written(length) == text
    assert duration.parsed(text) == length


def test_parts_of_seconds_are_not_written() -> None:
    """A file counts in whole seconds: anything else is refused rather than rounded."""
    with pytest.raises(ConsentGateError, match="whole seconds"):
        duration.written(timedelta(milliseconds=1500))


def test_problems_are_values() -> None:
    """An error has its problems one by one: file, line, place and message."""
    problem = Problem("a.toml", 3, "gate", "wrong")
    error = ConfigurationError([problem, Problem("a.toml", None, "", "worse")])
    assert error.problems[0] is problem
    assert str(error) == "a.toml, line 3: wrong\na.toml: worse"


@pytest.mark.parametrize(
    ("imported", "forbidden"),
    [
        ("consentgate", ("consentgate.configuration", "pydantic", "tomlkit")),
        ("consentgate.configuration.finding", ("pydantic", "tomlkit")),
        ("consentgate.configuration.secrets", ("pydantic", "tomlkit")),
        ("consentgate.configuration.writing", ("pydantic",)),
        ("consentgate.configuration.reading", ("tomlkit", "consentgate.presets")),
    ],
)
def test_what_is_not_used_is_not_loaded(imported: str, forbidden: tuple[str, ...]) -> None:
    """Who has no file pays for no reader, and who reads a right file for no line numbers."""
    program = f"import sys, {imported}; print(*sys.modules)"
    done = subprocess.run(  # noqa: S603  # this very Python
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not set(forbidden) & set(done.stdout.split())


def test_values_of_a_file_are_at_hand(tmp_path: Path) -> None:
    """A document has its values by their keys, as the file has them, for who looks closer."""
    found = document(put(tmp_path, '[[cookies]]\nname = "a"\nlifetime = "session"'))
    row: Any = found.table["cookies"][0]
    assert row["lifetime"] == "session"
    assert "lifetime" in found.file.cookies[0]
    assert "purpose" not in found.file.cookies[0]


def test_a_ledger_can_be_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger is its address alone, or a table; its key is the environment's, if it has one."""
    monkeypatch.delenv("CONSENTGATE_LEDGER_KEY", raising=False)
    file = put(tmp_path, '[gate]\nledger = "sqlite:///consent.db"\n')
    assert load(file).options == {"ledger": Ledger(f"sqlite:///{tmp_path}/consent.db")}
    keys = ["an older key of the ledger", "a newer key of the ledger"]
    monkeypatch.setenv("CONSENTGATE_LEDGER_KEY", ", ".join(keys))
    assert load(file).options["ledger"].key == keys


def test_a_server_stands_in_no_folder(tmp_path: Path) -> None:
    """The address of a database server is taken as it is."""
    url = "postgresql+psycopg://gate@db.example/consent"
    assert load(put(tmp_path, f'gate.ledger = "{url}"')).options["ledger"].url == url


def test_without_the_extra_a_file_with_a_ledger_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where SQLAlchemy is not installed, the file's mistake says what to install."""
    monkeypatch.setattr(consentgate, "ledger", consentgate.ledger)  # put back with the rest
    for name in [name for name in sys.modules if name.startswith("consentgate.ledger")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(ConsentGateError, match=r"pip install 'consentgate\[ledger\]'"):
        load(put(tmp_path, 'gate.ledger = "sqlite:///consent.db"'))
