"""The command line as a whole: what every command has, and the small ones."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from commanding import KEY, PORTAL, command, in_terminal, program
from consentgate import presets
from consentgate.__main__ import main
from consentgate.cli import console
from consentgate.configuration.schema import schema

COMMANDS = (
    *("init", "observe", "check", "run", "explain", "charter", "presets", "schema"),
    *("token inspect", "token make", "key new"),
)


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in an empty folder, without a key in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONSENTGATE_SECRET_KEY", raising=False)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    """The help of a command says what it does in a sentence, and shows it on a line of its own."""
    said = command(*name.split(), "--help")
    assert said.code == 0
    assert re.search(rf"^    (?:.*\W)?consentgate {name}", said.out, re.MULTILINE)
    assert "\b" not in said.out
    assert command(*name.split(), "-h") == said


def test_the_help_lists_every_command_in_a_whole_sentence() -> None:
    """The overview names the commands, what their exit codes mean, and cuts no sentence off."""
    said = command("--help")
    for name in COMMANDS:
        assert f"\n  {name.split()[0]} " in said.out
    assert "..." not in said.out.replace("[ARGS]...", "")
    assert "Exit codes: 0 all is well 1 the answer is no" in said.words


def test_no_command_at_all_shows_the_help() -> None:
    """Who says nothing is shown what there is, with exit code 2: nothing was done."""
    said = program(cwd=Path())
    assert said.code == 2
    assert "Usage: consentgate" in said.err


def test_the_version_is_that_of_the_package() -> None:
    """--version prints name and version."""
    assert re.fullmatch(r"consentgate \d+\.\d+\.\d+\n", command("--version").out)


@pytest.mark.parametrize(
    "args",
    [
        ["chek"],
        ["check", "--jsn"],
        ["explain"],
        ["charter", "--format", "pdf"],
        ["check", "missing.toml"],
        ["explain", "x"],
        ["charter", "missing.toml"],
        ["presets", "flsk"],
        ["token", "make", "--all"],
    ],
)
def test_what_cannot_be_done_is_exit_code_2_and_no_traceback(args: list[str]) -> None:
    """Wrong arguments, files that are not there, a missing key: a sentence, and exit code 2."""
    said = command(*args)
    assert said.code == 2
    assert said.err or args[0] == "check"
    assert "Traceback" not in said.out + said.err


def test_without_a_policy_file_it_is_said_how_to_get_one() -> None:
    """The message names the command that writes a file, and the option that names one."""
    said = command("charter")
    assert (said.code, said.out) == (2, "")
    assert "consentgate init" in said.err
    assert "--policy" in said.err


def test_the_policy_file_of_the_folder_is_found(tmp_path: Path) -> None:
    """consentgate.toml is found by its name, and so is a pyproject.toml with the table."""
    project = tmp_path / "pyproject.toml"
    project.write_text('[[tool.consentgate.cookies]]\nname = "one"\n', encoding="utf-8")
    assert command("explain", "one").code == 0
    (tmp_path / "consentgate.toml").write_text('[[cookies]]\nname = "two"\n', encoding="utf-8")
    assert command("explain", "two").code == 0
    assert command("explain", "one").code == 1
    assert command("explain", "one", "--policy", project).code == 0


def test_all_mistakes_of_a_policy_file_are_told_by_every_command(tmp_path: Path) -> None:
    """A file that is not right stops a command: each mistake with its line, on stderr."""
    file = tmp_path / "consentgate.toml"
    file.write_text('[[cookies]]\nname = "a b"\n\n[gate]\nwithold = true\n', encoding="utf-8")
    for args in (["explain", "x"], ["charter"], ["token", "make", "--all"]):
        said = command(*args, CONSENTGATE_SECRET_KEY=KEY)
        assert said.code == 2
        assert "line 2" in said.err
        assert "line 5" in said.err
        assert "withhold" in said.err


def test_a_key_is_fresh_and_alone_on_stdout() -> None:
    """`key new` prints 256 random bits, and nothing else."""
    keys = {command("key", "new").out for _ in range(3)}
    assert len(keys) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}\n", key) for key in keys)


def test_the_schema_is_the_one_of_the_package() -> None:
    """`schema` prints the JSON Schema of the policy file."""
    assert command("schema").json == schema()


def test_the_presets_are_listed() -> None:
    """Every preset is in the list, by its name, one on a line."""
    said = command("presets")
    first = [line.split()[0] for line in said.out.splitlines() if line.startswith("  ")]
    assert tuple(first) == presets.names()
    assert [each["name"] for each in command("presets", "--json").json] == list(presets.names())


def test_a_preset_is_shown_with_its_cookies() -> None:
    """The cookies of a preset are told with category, exemption and lifetime, and its source."""
    said = command("presets", "django")
    for text in ("sessionid", "necessary (authentication)", "14 days", "messages", "Source: "):
        assert text in said.out
    said = command("presets", "google-analytics")
    assert "statistics; Google; " in said.out
    assert "Note: " in said.out
    assert "Note: " not in command("presets", "asgi-csrf").out


def test_a_preset_is_shown_with_its_third_party() -> None:
    """Where pages load things from is told with its category, its hosts and its privacy notice."""
    said = command("presets", "youtube").out
    party = said[said.index("Third party: YouTube") :]
    for text in ("marketing; https://policies.google.com/privacy", "Hosts: ", "*.ytimg.com"):
        assert text in party
    assert "Third party: " not in command("presets", "django").out


def test_a_preset_as_json_has_its_third_party() -> None:
    """For programs, a third party has its hosts, and the names of what it sets by itself."""
    party = command("presets", "youtube", "--json").json["third_party"]
    assert party["name"] == "YouTube"
    assert party["category"] == "marketing"
    assert "www.youtube-nocookie.com" in party["hosts"]
    assert "YSC" in party["cookies"]
    assert party["purpose"].keys() == {"en", "fr"}
    assert party["privacy"] == "https://policies.google.com/privacy"
    assert command("presets", "django", "--json").json["third_party"] is None


def test_a_preset_as_json_has_all_that_is_declared() -> None:
    """For programs, lifetimes are seconds, and texts are given in each language."""
    said = command("presets", "django", "--json").json
    session = next(cookie for cookie in said["cookies"] if cookie["name"] == "sessionid")
    assert session["lifetime"] == 14 * 86400
    assert session["exemption"] == "authentication"
    assert session["purpose"].keys() == {"en", "fr"}
    assert said["framework"] is True
    assert isinstance(said["note"], dict)


@pytest.mark.parametrize("width", [60, 100])
@pytest.mark.parametrize(
    "args",
    [["presets"], ["presets", "django"], ["explain", "_ga"], ["explain", "_pk_id.1"], ["init"]],
)
def test_nothing_is_wider_than_a_narrow_terminal(args: list[str], width: int) -> None:
    """In a terminal of 60 columns prose and tables are wrapped between words."""
    given = [*args, "-p", PORTAL] if args[0] == "explain" else args
    if args == ["init"]:
        given = ["init", "--framework", "flask"]
    said = in_terminal(*given, width=width)
    assert "\x1b[" in said.out
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said.out)
    assert max(map(len, plain.splitlines())) <= width


def test_no_color_is_heeded_in_a_terminal() -> None:
    """NO_COLOR takes the colours away: what is bold may stay so."""
    said = command("presets", "django", FORCE_COLOR="1", NO_COLOR="1", COLUMNS="80")
    codes = set(re.findall(r"\x1b\[([0-9;]*)m", said.out))
    assert codes <= {"0", "1", ""}


def test_a_pipe_gets_no_escape_codes_and_whole_lines(tmp_path: Path) -> None:
    """As a program whose output is piped: no colours, no wrapping, exit codes as in the help."""
    said = program("explain", "_ga_1", "-p", PORTAL, cwd=tmp_path, TERM="xterm-256color")
    assert said.code == 0
    assert "\x1b" not in said.out
    assert "stripped from responses, withheld from the app and expired in the browser\n" in said.out
    assert program("explain", "x", "-p", PORTAL, cwd=tmp_path).code == 1
    assert program("check", "nowhere.toml", cwd=tmp_path).code == 2


def test_a_reader_who_has_seen_enough_is_no_mistake(tmp_path: Path) -> None:
    """A pipe that is closed early, as by `head`, ends the program without a word."""
    first = subprocess.Popen(
        [sys.executable, "-m", "consentgate", "presets", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    )
    assert first.stdout is not None
    assert first.stderr is not None
    first.stdout.close()
    assert first.stderr.read() == b""
    first.stderr.close()
    first.wait()


def test_a_name_that_steers_terminals_is_shown_escaped(tmp_path: Path) -> None:
    """Escape sequences and line breaks of a name are printed as what they are."""
    said = command("explain", "a\x1b]0;owned\x07\u202eb", "-p", PORTAL)
    assert "a\\x1b]0;owned\\x07\\u202eb" in said.out
    assert "\x1b" not in said.out


def test_without_typer_it_is_said_how_to_get_it(tmp_path: Path) -> None:
    """Where the extra is not installed, the program says its name and ends with exit code 2."""
    code = "import sys; sys.modules['typer'] = None; from consentgate.__main__ import main; main()"
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 2
    assert done.stderr == ('The command line needs its extra: pip install "consentgate[cli]"\n')


def test_main_without_typer_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same in this process."""
    monkeypatch.setitem(sys.modules, "typer", None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "consentgate[cli]" in capsys.readouterr().err


def test_the_module_is_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m consentgate` runs the command line."""
    monkeypatch.setattr(sys, "argv", ["consentgate", "--version"])
    monkeypatch.delitem(sys.modules, "consentgate.__main__")
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("consentgate", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("consentgate ")


def test_a_console_without_the_letters_shows_their_codes(tmp_path: Path) -> None:
    """A stdout that is ASCII gets escapes in place of what it cannot say, and no failure."""
    said = program(*("presets", "flask"), cwd=tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert said.code == 0
    (tmp_path / "consentgate.toml").write_text(
        '[[cookies]]\nname = "a"\nprovider = "Café"\n', encoding="utf-8"
    )
    said = program("explain", "a", cwd=tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert said.code == 0
    assert "Caf\\xe9" in said.out


def test_help_does_not_wait_for_what_it_does_not_need(tmp_path: Path) -> None:
    """Neither Rich nor pydantic's models nor a template is loaded to show the help."""
    code = (
        "import sys; from typer.testing import CliRunner; from consentgate.cli.app import app; "
        "CliRunner().invoke(app, ['--help']); "
        "print([m for m in ('rich.console', 'tomlkit', 'jinja2.environment', 'uvicorn', 'httpx2', "
        "'playwright', 'babel', 'consentgate.configuration.reading') if m in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout == "[]\n"


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """An error of the system is told with the file's name."""
    said = command("charter", PORTAL, "--output", tmp_path / "no" / "folder.html")
    assert said.code == 2
    assert "folder.html: No such file or directory" in said.err


def test_an_error_without_a_file_is_told_as_it_is() -> None:
    """Not every error of the system is about a file."""

    @console.told
    def failing() -> None:
        raise OSError("the cat is on the disk")

    with pytest.raises(BaseException) as ended:
        failing()
    assert getattr(ended.value, "exit_code", None) == console.CANNOT


def test_a_broken_pipe_is_left_to_typer() -> None:
    """It is no error to tell of: nobody reads any more."""

    @console.told
    def failing() -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        failing()


def test_json_is_plain_ascii_for_any_reader() -> None:
    """Answers for programs are JSON whatever the console's encoding."""
    said = command("presets", "django", "--json")
    assert said.out.isascii()
    assert json.loads(said.out)["title"] == "Django"
    assert os.linesep in said.out
