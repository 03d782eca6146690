"""`consentgate check`: a policy file, and what reports of production say of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from adapters import KEY, Adapter, Visit, sets, token_pair
from commanding import PORTAL, command, in_terminal, program
from consentgate import ConsentGate
from consentgate.observers import JsonLines
from test_lint import BROKEN, EXPECTED

CLEAN = """\
[pages]
languages = ["en"]
controller = "Shop Ltd"

[[cookies]]
name = "session"
exemption = "authentication"
lifetime = "session"
purpose = "Keeps you signed in."

[[cookies]]
name = "visitor"
category = "statistics"
provider = "Shop"
lifetime = "1 month"
purpose = "Tells visitors apart."
"""


@pytest.fixture(autouse=True)
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with a policy file that is right."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "consentgate.toml"
    file.write_text(CLEAN, encoding="utf-8")
    return file


def event(name: str, reason: str | None = "undeclared", **more: Any) -> str:
    """Return a line of a report: a cookie that would have been stripped."""
    said = {
        "time": "2026-11-20T10:00:00.000Z",
        "action": "stripped",
        "name": name,
        "category": None,
        "path": "/basket",
        "reason": reason,
        "enforced": False,
    }
    return json.dumps(said | more) + "\n"


def reported(*lines: str, name: str = "report.jsonl") -> Path:
    """Write a report of these lines."""
    Path(name).write_text("".join(lines), encoding="utf-8")
    return Path(name)


def test_a_file_that_is_well_is_said_to_be() -> None:
    """Nothing to mend: one line, and exit code 0."""
    said = command("check")
    assert (said.code, said.out, said.err) == (0, "All is well with consentgate.toml.\n", "")
    assert command("check", PORTAL).code == 0


@pytest.mark.parametrize("name", EXPECTED)
def test_the_faults_of_every_broken_file_are_listed(name: str) -> None:
    """A line for each: file, line, rule, where, and what to do; as JSON they are the same."""
    said = command("check", BROKEN / name)
    assert said.code == 1
    lines = said.out.splitlines()
    assert len(lines) == len(EXPECTED[name]) + 1
    listed = set()
    for line in lines[:-1]:
        match = re.fullmatch(rf"{re.escape(str(BROKEN / name))}:\d+: ([a-z-]+) (.+?): .+", line)
        assert match, line
        listed.add((match[1], match[2]))
    assert listed == EXPECTED[name]
    answer = command("check", BROKEN / name, "--json")
    assert answer.code == 1
    assert {(fault["rule"], fault["where"]) for fault in answer.json["faults"]} == EXPECTED[name]
    assert answer.json["valid"] is True


def test_errors_and_warnings_are_counted() -> None:
    """The last line says how many of each."""
    assert command("check", BROKEN / "09_categories.toml").out.endswith(
        "Found 2 errors, 4 warnings.\n"
    )
    assert command("check", BROKEN / "10_nobody.toml").out.endswith("Found 4 errors.\n")
    assert command("check", BROKEN / "05_sessions.toml").out.endswith("Found 2 warnings.\n")


def test_in_a_terminal_a_fault_is_a_paragraph() -> None:
    """What is wrong stands below its rule, wrapped between words."""
    said = in_terminal("check", "09.toml")
    assert said.code == 2
    Path("09.toml").write_text((BROKEN / "09_categories.toml").read_text("utf-8"), "utf-8")
    said = in_terminal("check", "09.toml")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said.out)
    assert "\n    visitors read 'social'; add a title (CNIL" in plain
    assert max(len(line) for line in plain.splitlines() if line.startswith(" ")) <= 60


def test_all_mistakes_of_a_file_are_listed(policy: Path) -> None:
    """A file that cannot be used is exit code 2, and every mistake is told."""
    policy.write_text(
        '[[cookies]]\nname = "a b"\n[[cookies]]\nname = "c"\ncategory = "statistic"\n', "utf-8"
    )
    said = command("check")
    assert (said.code, said.err) == (2, "")
    assert re.search(r"^consentgate.toml:2: mistake: .*a b", said.out, re.MULTILINE)
    assert re.search(r"^consentgate.toml:5: mistake: .*did you mean 'statistics'", said.out, re.M)
    assert said.out.endswith("2 mistakes: the file cannot be used.\n")
    answer = command("check", "--json")
    assert answer.code == 2
    assert answer.json["valid"] is False
    assert [problem["line"] for problem in answer.json["problems"]] == [2, 5]


def test_a_file_that_is_not_there_has_no_line() -> None:
    """It is told as a mistake like the others."""
    said = command("check", "missing.toml")
    assert said.code == 2
    assert said.out.startswith("missing.toml: mistake: there is no such file; ")


def test_a_report_without_undeclared_names_is_well() -> None:
    """What is stripped for want of consent is told, with counts; exit code 0."""
    report = reported(
        event("visitor", "no choice yet", category="statistics"),
        event("visitor", "refused", category="statistics", path=None),
        event("visitor", "no choice yet", category="statistics", time="2026-11-22T09:00:00Z"),
    )
    said = command("check", "--against", report)
    assert said.code == 0
    assert "3 events from 2026-11-20 to 2026-11-22\n" in said.out
    assert "       3  visitor  statistics: no choice yet, refused, at /basket\n" in said.out
    assert "Choices of visitors: 0 granted, 0 refused, 0 partial, 0 withdrawn.\n" in said.out


def test_an_undeclared_name_is_first_and_the_answer_is_no() -> None:
    """However rare it is: it stands first, and exit code 1 makes a build fail."""
    report = reported(event("visitor", "refused") * 9, event("spy"), event("ad", path=None) * 2)
    said = command("check", "--against", report)
    assert said.code == 1
    listed = re.findall(r"^ +(\d+)  (\S+) +(.*)$", said.out, re.MULTILINE)
    assert listed == [
        ("2", "ad", "undeclared"),
        ("1", "spy", "undeclared, at /basket"),
        ("9", "visitor", "statistics: refused, at /basket"),
    ]
    assert "2 names in no declaration: they will not leave once the gate enforces." in said.out
    answer = command("check", "--against", report, "--json").json["against"]
    assert answer["undeclared"] == ["ad", "spy"]
    assert [each["times"] for each in answer["stripped"]] == [2, 1, 9]


def test_what_was_declared_since_is_well() -> None:
    """The policy of today decides: a name that was undeclared then may be in it now."""
    said = command("check", "--against", reported(event("session"), event("session", "refused")))
    assert said.code == 0
    assert "2  session  declared since: necessary\n" in said.out


def test_what_is_no_cookie_is_told_and_not_missed() -> None:
    """Unsafe headers and reserved names are in no declaration, and no suggestion would help."""
    said = command("check", "--against", reported(event("x\udce9", "unsafe header")))
    assert said.code == 0
    assert "no cookie: unsafe header, at /basket\n" in said.out


def test_what_was_declared_before_is_undeclared() -> None:
    """The policy of today decides: a name that was refused then may be in no declaration now."""
    said = command("check", "--against", reported(event("old", "refused", category="statistics")))
    assert said.code == 1
    assert "1  old  undeclared, at /basket\n" in said.out


WITH_SITES = (
    CLEAN
    + """
[[third_parties]]
name = "Video Ltd"
category = "marketing"
hosts = ["*.video.test"]
purpose = "Shows films."
privacy = "https://video.test/privacy"
"""
)


def blocked(host: str, reason: str = "undeclared", **more: Any) -> str:
    """Return a line of a report: a host that would not have been loaded from."""
    return event(host, reason, action="blocked", **more)


def test_hosts_are_summed_up(policy: Path) -> None:
    """Hosts stand apart from cookies, first what is in no declaration; that makes the answer no."""
    policy.write_text(WITH_SITES, "utf-8")
    known = blocked("www.video.test", "no choice yet", category="marketing", path="/films")
    report = reported(known * 5, blocked("ads.test"), blocked("cdn.test:8080", path=None) * 2)
    said = command("check", "--against", report)
    assert said.code == 1
    assert "Nothing was stripped, or would have been.\n" in said.out
    assert (
        "Not loaded from other sites, or would not have been, as browsers tell:\n"
        "       2  cdn.test:8080   undeclared\n"
        "       1  ads.test        undeclared, at /basket\n"
        "       5  www.video.test  marketing: no choice yet, at /films\n"
    ) in said.out
    assert "2 hosts in no declaration: pages will not load from them" in said.out
    answer = command("check", "--against", report, "--json").json["against"]
    assert (answer["undeclared"], answer["undeclared_hosts"]) == ([], ["cdn.test:8080", "ads.test"])
    assert [each["times"] for each in answer["blocked"]] == [2, 1, 5]


def test_a_host_that_was_declared_since_is_well(policy: Path) -> None:
    """The policy of today decides about hosts too: one that it has now is no finding."""
    policy.write_text(WITH_SITES, "utf-8")
    said = command("check", "--against", reported(blocked("cdn.video.test")))
    assert said.code == 0
    assert "1  cdn.video.test  declared since: marketing\n" in said.out


def test_cookies_of_scripts_are_summed_up() -> None:
    """What scripts did not get to write stands apart, and an undeclared one is told once."""
    report = reported(
        event("visitor", "refused", action="guarded", category="statistics"),
        event("spy", action="guarded") * 2,
        event("spy"),
        event("cookies_preferences", "reserved for the gate", action="guarded"),
    )
    said = command("check", "--against", report)
    assert said.code == 1
    assert (
        "Not written by scripts, or would not have been, as browsers tell:\n"
        "       2  spy                  undeclared, at /basket\n"
        "       1  cookies_preferences  no cookie: reserved for the gate, at /basket\n"
        "       1  visitor              statistics: refused, at /basket\n"
    ) in said.out
    assert "1 name in no declaration" in said.out
    answer = command("check", "--against", report, "--json").json["against"]
    assert answer["undeclared"] == ["spy"]
    assert len(answer["guarded"]) == 3


def test_choices_and_lifetimes_are_summed_up() -> None:
    """How visitors chose, and which cookies are kept for longer than is declared."""
    report = reported(
        event("cookies_preferences", None, action="granted", enforced=True) * 3,
        event("cookies_preferences", None, action="withdrawn", enforced=True),
        event("visitor", "outlives its declared lifetime", action="clamped"),
        event("session", None, action="passed", enforced=True),
    )
    said = command("check", "--against", report)
    assert said.code == 0
    assert "3 granted, 0 refused, 0 partial, 1 withdrawn." in said.out
    assert "Nothing was stripped, or would have been.\n" in said.out
    assert "Kept for longer than is declared: visitor.\n" in said.out
    assert command("check", "--against", report, "--json").json["against"]["outliving"] == [
        "visitor"
    ]


def test_broken_and_foreign_lines_are_counted() -> None:
    """What a full disk cut, or another program wrote, is said and hurts nothing."""
    said = command("check", "--against", reported("{cut", "\n", '{"x": 1}\n'))
    assert said.code == 0
    assert "The reports have no events.\n" in said.out
    assert "Not counted: 1 lines that are broken.\n" in said.out
    assert "Not counted: 1 lines that are no events.\n" in said.out
    answer = command("check", "--against", "report.jsonl", "--json").json["against"]
    assert (answer["first"], answer["broken_lines"], answer["foreign_lines"]) == (None, 1, 1)


def test_several_reports_and_patterns_are_one_sum() -> None:
    """The option is repeatable, and takes patterns."""
    Path("logs").mkdir()
    for number in range(2):
        reported(event("spy"), name=f"logs/{number}.jsonl")
    reported(event("ad"), name="other.jsonl")
    said = command("check", "--against", "logs/*.jsonl", "--against", "other.jsonl")
    assert said.code == 1
    assert "2  spy" in said.out
    assert "1  ad" in said.out


def test_a_report_that_is_not_there_is_said() -> None:
    """Exit code 2: it could not be done."""
    said = command("check", "--against", "nowhere.jsonl")
    assert said.code == 2
    assert "nowhere.jsonl: there is no such file of events" in said.err


def test_a_long_list_is_cut_for_people_alone() -> None:
    """Fifty names are shown, and how many more there are; JSON has all of them."""
    report = reported(*(event(f"spy{number}") for number in range(60)))
    said = command("check", "--against", report)
    assert "and 10 more names; --json has all of them." in said.out
    answer = command("check", "--against", report, "--json").json
    assert len(answer["against"]["undeclared"]) == 60


def test_faults_and_reports_are_told_together(policy: Path) -> None:
    """Faults of the file make the answer no, whatever a report says."""
    policy.write_text(CLEAN.replace('provider = "Shop"\n', ""), encoding="utf-8")
    said = command("check", "--against", reported(event("visitor", "refused")))
    assert said.code == 1
    assert "provider-missing" in said.out
    assert "1 event from " in said.out


def test_the_table_of_a_report_fits_a_narrow_terminal() -> None:
    """A long name is folded in its column, and counts stay beside their names."""
    said = in_terminal("check", "--against", reported(event("a_very_long_name" * 5), event("spy")))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said.out)
    assert max(map(len, plain.splitlines()[:-1])) <= 60
    assert re.search(r"^ +1  spy +undeclared, at", plain, re.MULTILINE)


def test_a_name_in_a_report_cannot_steer_a_terminal() -> None:
    """Names come from anybody: control characters are shown as what they are."""
    said = command("check", "--against", reported(event("a\x1b[2Jb")))
    assert "\x1b" not in said.out
    assert "\\x1b[2Jb" in said.out


def test_a_real_gate_that_only_reports_is_summed_up(
    adapter: Adapter, policy: Path, tmp_path: Path
) -> None:
    """From report_only in production to the answer: what the app set, and what visitors chose."""
    path = tmp_path / f"{adapter.protocol}.jsonl"
    with JsonLines(path) as observer:
        gate = ConsentGate.from_toml(policy, secret_key=KEY, report_only=True, observer=observer)
        view = sets("session=1", "visitor=2", "spy=3")
        adapter(gate, view)
        adapter(gate, view, Visit([token_pair(gate)]))
        adapter(gate, view, Visit([token_pair(gate, "statistics")]))
    answer = command("check", "--against", path, "--json")
    assert answer.code == 1
    against = answer.json["against"]
    assert against["undeclared"] == ["spy"]
    assert {each["name"]: each["times"] for each in against["stripped"]} == {
        "spy": 3,
        "visitor": 2,
    }


def test_as_a_program_it_is_made_for_builds(tmp_path: Path) -> None:
    """Piped, the lines are whole and plain, and the exit code is the answer."""
    said = program("check", BROKEN / "09_categories.toml", cwd=tmp_path)
    assert said.code == 1
    assert "\x1b" not in said.out
    assert len(said.out.splitlines()) == 7
    assert program("check", cwd=tmp_path).code == 0
