"""A policy file: what it says comes out as the policy and the options that one would write."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

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
from consentgate.configuration import duration
from consentgate.configuration.document import GateTable, PagesTable
from consentgate.configuration.finding import find
from consentgate.configuration.problem import ConfigurationError, Problem
from consentgate.configuration.reading import document, load
from consentgate.configuration.secrets import from_environment
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
inject_banner = true

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
hosts = ["www.youtube-nocookie.com", "*.ytimg.com"]
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
                hosts=["www.youtube-nocookie.com", "*.ytimg.com"],
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
        "inject_banner": True,
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
