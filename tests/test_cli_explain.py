"""`consentgate explain`: which rule decides about a cookie, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters import Adapter, Visit, sets, token_pair
from commanding import KEY, PORTAL, Said, command
from consentgate import ConsentGate

POLICY = """\
presets = ["google-analytics"]

[gate]
report_only = ["preferences"]

[harden]
secure = true
same_site = "Lax"

[[cookies]]
name = "_ga_shop"
category = "marketing"
provider = "Shop"
lifetime = "30 days"

[[cookies]]
name = "_ga*"
category = "statistics"
lifetime = "13 months"

[[cookies]]
name = "_g*a*_shop"
category = "preferences"
harden = {http_only = true}

[[cookies]]
name = "plain"
exemption = "basket"
harden = {}

[[cookies]]
name = "plain"
exemption = "basket"
path = "/other"

[[cookies]]
name = "ab*"
category = "statistics"

[[cookies]]
name = "*ab"
category = "marketing"

[[cookies]]
name = "a*b"
category = "marketing"

[[cookies]]
name = "*a*b"
category = "marketing"

[[cookies]]
name = "cd*"
exemption = "basket"

[[cookies]]
name = "*cd"
category = "statistics"

[[cookies]]
name = "partner"
category = "marketing"
party = "third"
domain = "ads.example"
"""


@pytest.fixture(autouse=True)
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with a policy file."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "consentgate.toml"
    file.write_text(POLICY, encoding="utf-8")
    return file


def explained(name: str, *args: str | Path) -> Said:
    """Explain a name under the policy of the folder."""
    return command("explain", name, *args)


def rivals(name: str) -> dict[str, str]:
    """Return the declarations that lose, and why."""
    answer = explained(name, "--json").json
    return {each["name"]: each["why_not"] for each in answer["also_match"]}


def test_the_declaration_that_decides_is_named_with_its_line() -> None:
    """File and line, category, provider and what the cookie is for."""
    said = explained("_ga_shop")
    assert said.code == 0
    assert said.out.startswith("_ga_shop: marketing\n")
    assert "as _ga_shop in consentgate.toml:10\n" in said.out
    assert "marketing, which needs consent\n" in said.out
    assert "provider          Shop\n" in said.out
    assert "purpose           nobody says\n" in said.out


def test_a_declaration_of_a_preset_is_named_as_such() -> None:
    """The preset, and the line of the file that takes it."""
    said = explained("_gid")
    assert "as _gid in preset google-analytics (consentgate.toml:1)\n" in said.out


def test_those_that_lose_say_why() -> None:
    """An exact name beats patterns, more literals beat fewer, fewer stars beat more."""
    assert rivals("_ga_shop") == {
        "_ga*": "a pattern, and an exact name beats it",
        "_g*a*_shop": "a pattern, and an exact name beats it",
    }
    assert rivals("_ga__shop") == {"_ga*": "a shorter pattern, and the longer one decides"}
    assert rivals("plain") == {
        "plain": "of the same name: what either of them allows, the cookie may do"
    }
    assert rivals("abab") == {
        "*ab": "as long a pattern, and the first one decides",
        "a*b": "as long a pattern, and the first one decides",
        "*a*b": "a pattern with more stars, and the one with fewer decides",
    }
    assert rivals("cdcd") == {"cd*": "as long a pattern, and the stricter category decides"}
    said = explained("_ga_shop")
    assert "- _ga* (statistics) in consentgate.toml:16: a pattern, and" in said.out


@pytest.mark.parametrize(
    ("name", "before", "accepted", "refused"),
    [
        ("plain", True, True, True),
        ("_ga_shop", False, True, False),
        ("_gx_a_shop", True, True, True),
        ("mystery", False, False, False),
        ("cookies_preferences", True, True, True),
    ],
)
def test_what_comes_of_a_cookie_is_told(
    name: str, before: bool, accepted: bool, refused: bool
) -> None:
    """Before an answer, after accept, after refuse: it passes, or it does not."""
    answer = explained(name, "--json").json
    told = [answer[key]["passes"] for key in ("before_an_answer", "after_accept", "after_refuse")]
    assert told == [before, accepted, refused]


@pytest.mark.parametrize("name", ["plain", "_ga_shop", "_ga1", "_gx_a_shop", "mystery", "abab"])
def test_a_real_gate_does_what_is_told(adapter: Adapter, policy: Path, name: str) -> None:
    """The cookie is set by a real app behind the gate: it leaves just where explain says so."""
    gate = ConsentGate.from_toml(policy, secret_key=KEY)
    answer: dict[str, Any] = explained(name, "--json").json
    visits = {
        "before_an_answer": Visit(),
        "after_accept": Visit([token_pair(gate, *gate.policy.choosable)]),
        "after_refuse": Visit([token_pair(gate)]),
    }

    for key, visit in visits.items():
        sent = adapter(gate, sets(f"{name}=1; Path=/"), visit).values(b"set-cookie")
        passed = f"{name}=1".encode() in [line.partition(b";")[0] for line in sent]
        assert passed == answer[key]["passes"], key


def test_a_category_that_is_only_reported_passes_and_says_so() -> None:
    """report_only of a category: nothing is stopped, and what would be is told."""
    said = explained("_gx_a_shop")
    assert "passes, and it is told that it would be stripped" in said.out
    assert "(report_only)" in said.out


def test_a_gate_that_only_reports_says_so_of_all(policy: Path) -> None:
    """report_only of all: undeclared cookies pass as well."""
    policy.write_text("[gate]\nreport_only = true\n", encoding="utf-8")
    said = explained("mystery")
    assert said.code == 1
    assert "always  passes, and it is told that it would be stripped" in said.out


def test_attributes_that_change_on_the_way_are_told(policy: Path) -> None:
    """Lifetimes are told or cut, attributes raised, by the cookie's own words or the policy's."""
    said = explained("_ga_shop").out
    assert "- kept for 30 days at most: longer is told, and not cut (clamp_lifetimes)" in said
    assert "- gets Secure over https, SameSite=Lax where the app left it out (harden)" in said
    assert "- a browser that sends Sec-GPC: 1 refuses it, unless its visitor accepts" in said
    assert "- gets HttpOnly where the app left it out (harden)" in explained("_gx_a_shop").out
    assert "harden" not in explained("plain").out
    assert "- set by ads.example: its responses do not pass this gate" in explained("partner").out
    cutting = POLICY.replace("[gate]", "[gate]\nclamp_lifetimes = true")
    policy.write_text(cutting, encoding="utf-8")
    assert "longer is cut (clamp_lifetimes)" in explained("_ga_shop").out


def test_the_consent_cookie_is_the_gates_own() -> None:
    """It is declared by the gate itself where the file says nothing of it."""
    said = explained("cookies_preferences")
    assert said.code == 0
    assert "as cookies_preferences in the gate itself\n" in said.out
    assert "set by the gate alone\n" in said.out
    assert "the app may read it, and is stopped if it sets it" in said.out
    assert explained("cookies_preferences", "--json").json["consent_cookie"] is True


def test_an_exempt_cookie_passes_until_it_is_opposed() -> None:
    """Anonymous statistics pass before an answer; what they rest on is told."""
    said = command("explain", "visits", "--policy", PORTAL)
    assert "passes unless opposed; rests on audience-measurement\n" in said.out
    assert "before an answer  passes\n" in said.out
    assert "after refuse      stripped" in said.out


def test_an_undeclared_cookie_never_passes() -> None:
    """Exit code 1, what is done with it, and what to do."""
    said = explained("mystery")
    assert said.code == 1
    assert said.out.startswith("mystery: undeclared\n")
    assert "always  stripped from responses and withheld from the app\n" in said.out
    assert "If the site needs it, declare it in the policy file." in said.out


def test_what_presets_know_of_an_undeclared_name_is_told() -> None:
    """The preset, its category, and what the cookie is for."""
    said = explained("_fbp")
    assert 'the preset "meta" knows it as _fbp, in marketing: ' in said.out
    assert "add that preset" in said.out
    known = explained("_fbp", "--json").json["known"]
    assert [each["preset"] for each in known] == ["meta"]


def test_a_cookie_that_a_third_party_sets_is_told_as_its_own(policy: Path) -> None:
    """It is no declaration of the site's: who sets it is told, and no preset is recommended."""
    policy.write_text('presets = ["google-ads"]\n', encoding="utf-8")
    said = explained("IDE")
    assert said.code == 1
    assert "Google Ads is known to set one of this name in its own responses" in said.out
    assert "it is loaded under marketing" in said.out
    assert "add that preset" not in said.out
    assert explained("IDE", "--json").json["known"] == []


def test_declared_names_like_an_undeclared_one_are_told() -> None:
    """A slip of the pen, or of the case, is seen."""
    assert "declared names like it: plain" in explained("Plain").out
    assert explained("partners", "--json").json["near"] == ["partner"]


def test_what_is_done_with_undeclared_cookies_follows_the_options(policy: Path) -> None:
    """They may be expired as well, or read, or only stripped."""
    policy.write_text("[gate]\nexpire_undeclared = true\n", encoding="utf-8")
    assert (
        "stripped from responses, withheld from the app and expired in the browser\n"
        in explained("mystery").out
    )
    policy.write_text("[gate]\nwithhold_undeclared = false\n", encoding="utf-8")
    assert "always  stripped from responses\n" in explained("mystery").out
    policy.write_text("[gate]\nwithhold = false\n", encoding="utf-8")
    assert "always  stripped from responses\n" in explained("mystery").out


@pytest.mark.parametrize("name", ["a b", "é", "a=b", "", "\udcff"])
def test_a_name_that_nothing_can_declare_says_so(name: str) -> None:
    """Names that browsers do not agree on are undeclared whatever a file says."""
    said = explained(name)
    assert said.code == 1
    assert "no name that every browser agrees on: nothing can declare it" in said.out
