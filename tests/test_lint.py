"""What a privacy officer would find in a policy file that is valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from consentgate.audit.lint import Fault, lint
from consentgate.audit.rules import RULES
from consentgate.configuration.reading import load

HERE = Path(__file__).parent
BROKEN = HERE / "broken_policies"

# The faults of each file, all of them: the code of the rule, and where it does not hold.
EXPECTED = {
    "01_necessary.toml": {
        ("necessary-without-exemption", "cookies[0] (shop-login)"),
        ("exemption-does-not-fit", "cookies[1].exemption (hits)"),
        ("exemption-does-not-fit", "cookies[2].exemption (answers)"),
        ("necessary-without-exemption", "cookies[3] (cookies_preferences)"),
    },
    "02_anonymous.toml": {
        ("exempt-without-exemption", "cookies[0] (visits)"),
        ("exemption-does-not-fit", "cookies[1].exemption (pages)"),
        ("exempt-for-third-party", "cookies[2].party (audience)"),
    },
    "03_lifetimes.toml": {
        ("exempt-too-long", "cookies[0].lifetime (wish-list)"),
        ("lifetime-missing", "cookies[1] (colours)"),
        ("lifetime-too-long", "cookies[2].lifetime (panel)"),
    },
    "04_trackers.toml": {
        ("tracker-as-necessary", "cookies[0].category (_ga)"),
        ("tracker-as-necessary", "cookies[1].category (_fbp)"),
        ("tracker-as-necessary", "cookies[2].category (_pk_ses*)"),
    },
    "05_sessions.toml": {
        ("session-cookie-as-marketing", "cookies[0].category (sessionid)"),
        ("session-cookie-as-marketing", "cookies[1].category (csrf*)"),
    },
    "06_readers.toml": {
        ("third-party-as-first", "cookies[0].party (_ga)"),
        ("provider-missing", "cookies[1] (campaign)"),
        ("two-providers", "cookies[3].provider (offers)"),
    },
    "07_patterns.toml": {
        ("pattern-too-short", "cookies[0].name (s*)"),
        ("pattern-too-short", "cookies[1].name (*_x*)"),
        ("necessary-without-exemption", "cookies[2] (shop-*)"),
    },
    "08_languages.toml": {
        ("category-in-one-language", "categories[0].title (social)"),
        ("purpose-in-one-language", "cookies[0].purpose (login)"),
        ("purpose-in-one-language", "cookies[1].purpose (basket)"),
        ("translation-missing", "cookies[2].purpose (theme)"),
    },
    "09_categories.toml": {
        ("category-untitled", "categories[0] (social)"),
        ("category-undescribed", "categories[0] (social)"),
        ("unused-category", "categories[2] (games)"),
        ("purpose-missing", "third_parties[0] (Maps Ltd)"),
        ("privacy-notice-missing", "third_parties[0] (Maps Ltd)"),
        ("hosts-missing", "third_parties[0] (Maps Ltd)"),
    },
    "10_nobody.toml": {
        ("controller-missing", "pages.controller"),
        ("purpose-missing", "cookies[0] (login)"),
        ("purpose-missing", "cookies[1] (basket)"),
        ("purpose-in-one-language", "cookies[2].purpose (theme)"),
    },
}


def faults_of(path: Path) -> tuple[Fault, ...]:
    """Return the faults of a policy file."""
    configuration = load(path)
    return lint(configuration.document, configuration.policy)


def written(folder: Path, text: str) -> Path:
    """Return a policy file with this text."""
    file = folder / "consentgate.toml"
    file.write_text(text, encoding="utf-8")
    return file


def codes(folder: Path, text: str) -> list[str]:
    """Return the codes of the faults of a policy file with this text."""
    return [fault.rule for fault in faults_of(written(folder, text))]


@pytest.mark.parametrize("name", EXPECTED)
def test_all_faults_of_a_broken_file_are_named_and_no_others(name: str) -> None:
    """Each file has the faults that are stated here: none is missed, none is made up."""
    found = [(fault.rule, fault.where) for fault in faults_of(BROKEN / name)]
    assert sorted(found) == sorted(EXPECTED[name])


def test_every_broken_file_and_every_rule_is_tried() -> None:
    """The ten files are all in the list, and together they break every rule that there is."""
    assert {path.name for path in BROKEN.glob("*.toml")} == set(EXPECTED)
    assert {rule for faults in EXPECTED.values() for rule, _ in faults} == set(RULES)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_fault_has_the_line_on_which_it_is(name: str) -> None:
    """The line is that of the key, or of the table where the key is missing; in order."""
    lines = (BROKEN / name).read_text(encoding="utf-8").splitlines()
    faults = faults_of(BROKEN / name)
    for fault in faults:
        place = fault.where.partition(" ")[0]
        table, _, key = place.partition(".")
        assert fault.line is not None
        line = lines[fault.line - 1]
        assert line.startswith((f"{key} =", f"[[{table.partition('[')[0]}]]", f"[{table}]")), fault
    assert [fault.line for fault in faults] == sorted(fault.line or 0 for fault in faults)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_fault_says_what_to_do_and_on_what_it_rests(name: str) -> None:
    """A message has its remedy behind a semicolon, and the source of its rule in brackets."""
    for fault in faults_of(BROKEN / name):
        rule = RULES[fault.rule]
        assert fault.message.endswith(f" ({rule.source})")
        assert "; " in fault.message.removesuffix(f" ({rule.source})") or "add " in fault.message
        assert fault.severity == rule.severity


def test_the_portal_is_clean() -> None:
    """The policy of the source document, as a file, has no fault."""
    assert faults_of(HERE.parent / "examples" / "portal.toml") == ()


THIRD = """[pages]
languages = ["en", "fr"]
controller = "Shop Ltd"
[[third_parties]]
name = "Films Ltd"
category = "marketing"
purpose = {en = "Shows films.", fr = "Montre des films."}
privacy = "https://films.example.com/privacy"
"""


def test_a_third_party_without_hosts_is_told_where_hosts_count(tmp_path: Path) -> None:
    """The source gate knows third parties by hosts; where it is off, the charter is enough."""
    assert codes(tmp_path, THIRD) == ["hosts-missing"]
    assert codes(tmp_path, f'{THIRD}hosts = ["films.example.com"]') == []
    assert codes(tmp_path, f'{THIRD}[gate]\nsource_gate = "off"') == []
    assert codes(tmp_path, f'{THIRD}[gate]\nsource_gate = "report"') == ["hosts-missing"]


def test_a_cookie_of_a_third_party_speaks_as_the_site_does(tmp_path: Path) -> None:
    """What a third party's cookie is for is said in the languages of the site, if it is said."""
    text = f"""{THIRD}hosts = ["films.example.com"]
cookies = ["seen", {{name = "liked", purpose.en = "Knows what you liked."}}]
"""
    [fault] = faults_of(written(tmp_path, text))
    assert (fault.rule, fault.where) == (
        "purpose-in-one-language",
        "third_parties[0].cookies[1].purpose (Films Ltd)",
    )


def test_third_parties_of_presets_are_clean(tmp_path: Path) -> None:
    """What a preset says of its third party is not held against the file."""
    pages = '[pages]\nlanguages = ["en", "fr", "de"]\ncontroller = "Shop Ltd"\n'
    assert codes(tmp_path, f'presets = ["youtube", "google-ads"]\n{pages}') == []


def test_presets_are_clean(tmp_path: Path) -> None:
    """What a file takes from presets is not held against it."""
    text = 'presets = ["django", "google-analytics", "meta"]\n'
    assert codes(tmp_path, text) == []


def test_a_site_without_pages_has_its_texts_elsewhere(tmp_path: Path) -> None:
    """With pages = false nobody reads the texts here: no language and no controller is missed."""
    text = """
        pages = false
        [[cookies]]
        name = "login"
        exemption = "authentication"
        lifetime = "session"
        purpose = "Keeps you signed in."
    """
    assert codes(tmp_path, text) == []


def test_a_file_without_a_table_of_pages_leaves_them_to_the_code(tmp_path: Path) -> None:
    """Who answers for the site may be said in Python; but one language is few for 24."""
    text = """
        [[cookies]]
        name = "login"
        exemption = "authentication"
        lifetime = "session"
        purpose = "Keeps you signed in."
    """
    assert codes(tmp_path, text) == ["purpose-in-one-language"]


def test_a_text_in_a_language_that_the_site_does_not_speak_is_missing_one(tmp_path: Path) -> None:
    """A site in French alone, with a text in English alone, lacks the French one."""
    text = """
        [pages]
        languages = ["fr"]
        controller = "La boutique"
        [[cookies]]
        name = "login"
        exemption = "authentication"
        lifetime = "session"
        purpose = {en = "Keeps you signed in."}
    """
    assert codes(tmp_path, text) == ["translation-missing"]


def test_a_name_that_is_only_known_elsewhere_is_the_sites_own(tmp_path: Path) -> None:
    """What a provider sets on its own host says nothing of a cookie of that name here."""
    text = """
        [pages]
        languages = ["en"]
        controller = "Shop Ltd"
        [[cookies]]
        name = "IDE"
        exemption = "interface"
        lifetime = "session"
        purpose = "Keeps the settings of our editor."
    """
    assert codes(tmp_path, text) == []
    assert codes(tmp_path, text + 'domain = "doubleclick.net"') == ["tracker-as-necessary"]


def test_the_consent_cookie_may_rest_on_the_choice(tmp_path: Path) -> None:
    """The exemption "consent-choice" fits the consent cookie, whatever the file calls it."""
    text = """
        [gate]
        cookie_name = "answers"
        [pages]
        languages = ["en"]
        controller = "Shop Ltd"
        [[cookies]]
        name = "answers"
        exemption = "consent-choice"
        lifetime = "182 days"
        purpose = "Remembers your choice about cookies."
    """
    assert codes(tmp_path, text) == []


def test_a_policy_in_a_project_file_has_the_lines_of_that_file(tmp_path: Path) -> None:
    """In a pyproject.toml the line is counted from the top of the file."""
    file = tmp_path / "pyproject.toml"
    file.write_text(
        '[project]\nname = "shop"\n\n[[tool.consentgate.cookies]]\nname = "login"\n'
        'lifetime = "session"\npurpose = {en = "In.", fr = "Dedans."}\n',
        encoding="utf-8",
    )
    (fault,) = faults_of(file)
    assert (fault.rule, fault.line) == ("necessary-without-exemption", 4)
