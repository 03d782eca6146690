"""`consentgate init`: a first policy file for the framework that is there."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from commanding import KEY, Said, command
from consentgate import ConsentGate, Policy, presets
from consentgate.cli.framework import FRAMEWORKS, surroundings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder, alone: whoever starts the tests is not asked."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONSENTGATE_SECRET_KEY", raising=False)
    return tmp_path


def asked(monkeypatch: pytest.MonkeyPatch, *args: str, given: str) -> Said:
    """Run `init` with somebody there who answers."""
    monkeypatch.setattr("consentgate.cli.init.is_interactive", lambda: True)
    return command("init", *args, given=given)


def declared() -> list[str]:
    """Return the presets of the file that was written."""
    found: list[str] = tomllib.loads(Path("consentgate.toml").read_text("utf-8"))["presets"]
    return found


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_file_for_each_framework_is_clean(name: str) -> None:
    """What is written loads, has the framework's cookies, and `check` finds nothing in it."""
    assert command("init", "--framework", name).code == 0
    checked = command("check")
    assert (checked.code, checked.out) == (0, "All is well with consentgate.toml.\n")
    policy = Policy.from_toml("consentgate.toml")
    known = presets.preset(name).cookies if name in presets.names() else ()
    assert {cookie.name for cookie in policy.cookies} == {cookie.name for cookie in known}
    assert command("explain", "_ga").code == 1


@pytest.mark.parametrize("codes", [["fr"], ["de"], ["fr", "en"], ["en", "de", "fr", "en"]])
def test_the_file_is_in_the_languages_of_the_site(codes: list[str]) -> None:
    """The pages speak the languages that are named, the first one by default; it is clean too."""
    languages = [arg for code in codes for arg in ("--language", code)]
    assert command("init", "--framework", "flask", *languages).code == 0
    gate = ConsentGate.from_toml("consentgate.toml", secret_key=KEY)
    assert gate.site is not None
    spoken = gate.site.renderer.languages
    assert list(spoken.all) == list(dict.fromkeys(codes))
    assert spoken.default.code == codes[0]
    assert command("check").code == 0


def test_a_language_that_the_pages_do_not_speak_is_said() -> None:
    """There is no catalogue for it: nothing is written."""
    said = command("init", "--framework", "flask", "--language", "tlh")
    assert said.code == 2
    assert "'tlh'" in said.err
    assert not Path("consentgate.toml").exists()


def test_what_is_commented_out_is_right_as_well() -> None:
    """Who takes the marks off the examples has a file that is valid and clean."""
    command("init", "--framework", "flask")
    file = Path("consentgate.toml")
    lines = file.read_text(encoding="utf-8").splitlines()
    table = re.compile(r"# (\[\[cookies\]\]|\w+ = .*)$")
    file.write_text("\n".join(table.sub(r"\1", line) for line in lines), encoding="utf-8")
    assert {cookie.name for cookie in Policy.from_toml(file).cookies} >= {"basket", "visitor"}
    assert command("check").code == 0


def pasted(said: Said) -> list[str]:
    """Return the lines of Python that a command says to paste."""
    return [
        line.strip()
        for line in said.out.splitlines()
        if line.startswith("       ") and ("from consentgate" in line or " = " in line)
    ]


class _App:
    """An app of any framework, as far as the lines to paste touch it."""

    def __init__(self) -> None:
        self.wsgi_app = self.asgi_app = self

    def __call__(self, *args: Any) -> None:
        """Answer nothing."""

    def make_wsgi_app(self) -> _App:
        """Return itself, as Pyramid's configurator would return its app."""
        return self


@pytest.mark.parametrize("name", [name for name in FRAMEWORKS if name != "django"])
def test_the_lines_to_paste_put_the_gate_around_the_app(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are an import and two lines, which run as they are, with the key in the environment."""
    lines = pasted(command("init", "--framework", name))
    lines = [line for line in lines if not line.startswith("export")]
    assert len(lines) == 3
    monkeypatch.setenv("CONSENTGATE_SECRET_KEY", KEY)
    app = _App()
    names: dict[str, Any] = {"app": app, "config": app}
    exec("\n".join(lines), names)  # noqa: S102  # our own lines, as a developer pastes them
    protocol = "asgi" if "asgi" in lines[-1] else "wsgi"
    outermost = names["app"] if names["app"] is not app else getattr(app, f"{protocol}_app")
    assert type(outermost).__module__ == f"consentgate.{protocol}"
    assert names["gate"].policy.lookup(b"_ga") is None


def test_the_lines_for_django_are_its_settings(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They go to the end of settings.py: the gate, and its middleware before all others."""
    lines = pasted(command("init", "--framework", "django"))
    lines = [line for line in lines if not line.startswith("export")]
    monkeypatch.setenv("CONSENTGATE_SECRET_KEY", KEY)
    names: dict[str, Any] = {"BASE_DIR": folder, "MIDDLEWARE": ["first"]}
    exec("\n".join(lines), names)  # noqa: S102  # our own lines, as a developer pastes them
    middleware, first = names["MIDDLEWARE"]
    assert first == "first"
    module, _, attribute = middleware.rpartition(".")
    assert isinstance(sys.modules.get(module, ModuleType("")), ModuleType)
    assert (module, attribute) == ("consentgate.frameworks.django", "ConsentMiddleware")
    assert isinstance(names["CONSENTGATE"], ConsentGate)


def test_another_name_of_the_file_is_in_the_lines_to_paste() -> None:
    """--output names the file, and the lines read that one."""
    said = command("init", "--framework", "flask", "--output", "policy.toml")
    assert 'from_toml("policy.toml")' in said.out
    assert Path("policy.toml").exists()
    assert "Wrote policy.toml for Flask with the preset flask." in said.out


def test_what_to_do_about_the_key_is_said() -> None:
    """The next steps: the key, kept with the other secrets, and what to look at."""
    said = command("init", "--framework", "flask", "--app", "shop.web:app")
    assert "export CONSENTGATE_SECRET_KEY=$(consentgate key new)" in said.out
    assert "not in the repository" in said.words
    assert "consentgate observe shop.web:app\n" in said.out
    assert (
        "consentgate observe MODULE:APP\n" in command("init", "--framework", "flask", "--force").out
    )


def test_a_file_that_is_there_is_left_as_it_is() -> None:
    """Without --force nothing is written over, with it the file is new."""
    Path("consentgate.toml").write_text("# mine\n", encoding="utf-8")
    said = command("init", "--framework", "flask")
    assert said.code == 2
    assert "consentgate.toml is there already; --force writes over it" in said.err
    assert Path("consentgate.toml").read_text(encoding="utf-8") == "# mine\n"
    assert command("init", "--framework", "flask", "--force").code == 0
    assert declared() == ["flask"]


def test_a_policy_in_the_project_file_is_not_hidden() -> None:
    """A consentgate.toml would be found before the pyproject.toml: only --force writes it."""
    Path("pyproject.toml").write_text("[tool.consentgate]\npresets = []\n", encoding="utf-8")
    said = command("init", "--framework", "flask")
    assert said.code == 2
    assert "pyproject.toml has a policy already" in said.err
    assert command("init", "--framework", "flask", "--force").code == 0


@pytest.mark.parametrize("name", ["pyproject.toml", "policy.json"])
def test_only_a_toml_file_of_its_own_is_written(name: str) -> None:
    """A pyproject.toml is never written over, by --force neither."""
    said = command("init", "--framework", "flask", "--output", name, "--force")
    assert said.code == 2
    assert "a file of its own is written" in said.err
    assert not Path(name).exists()


def test_a_folder_that_is_not_there_is_said() -> None:
    """The file's name stands in the message."""
    said = command("init", "--framework", "flask", "--output", "no/where.toml")
    assert said.code == 2
    assert "no/where.toml: No such file or directory" in said.err


REQUIREMENTS = {
    "flask": "flask>=3\n",
    "django": "Django==5.2\n",
    "fastapi": "fastapi[standard]\nstarlette\n",
    "quart": "# web\nquart\nflask\n",
    "litestar": "litestar ; python_version > '3.8'\n",
}


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_the_framework_is_found_by_what_is_asked_for(name: str) -> None:
    """Requirements name it; what it brings along is not taken for another."""
    Path("requirements.txt").write_text(REQUIREMENTS[name], encoding="utf-8")
    assert command("init").code == 0
    assert declared() == [name]


@pytest.mark.parametrize(
    "project",
    [
        '[project]\nname = "x"\ndependencies = ["falcon>=4"]\n',
        '[project.optional-dependencies]\nweb = ["falcon"]\n',
        '[dependency-groups]\nweb = ["falcon", {include-group = "x"}]\nx = []\n',
        '[tool.poetry.dependencies]\npython = "^3.11"\nfalcon = "^4"\n',
    ],
)
def test_the_framework_is_found_in_a_project_file(project: str) -> None:
    """Dependencies, extras, groups, and Poetry's own way to write them."""
    Path("pyproject.toml").write_text(project, encoding="utf-8")
    assert command("init").code == 0
    assert declared() == ["falcon"]


@pytest.mark.parametrize(
    "project",
    [
        "no toml at all [",
        "[project]\ndependencies = 3\n",
        "project = 1\ntool = 2\ndependency-groups = 3\n",
        '[tool]\npoetry = ["x"]\n',
    ],
)
def test_a_project_file_that_says_nothing_is_passed_over(project: str) -> None:
    """Whatever is wrong with it, another tool tells: here nothing is found."""
    Path("pyproject.toml").write_text(project, encoding="utf-8")
    said = command("init")
    assert said.code == 2
    assert "no framework found; say which one with --framework NAME: django, flask" in said.err


def test_manage_py_is_django(folder: Path) -> None:
    """A project of Django has it, whatever else is imported there."""
    Path("manage.py").write_text("import flask\n", encoding="utf-8")
    assert surroundings(folder).frameworks == ("django",)


def test_imports_tell_more_than_requirements(folder: Path) -> None:
    """What the code imports is what it uses; a tool of its own may need another framework."""
    Path("requirements-dev.txt").write_text("flask\nfastapi\n", encoding="utf-8")
    Path("shop").mkdir()
    module = Path("shop/web.py")
    module.write_text("import os\n    \n    from bottle import Bottle\n", encoding="utf-8")
    assert surroundings(folder).frameworks == ("bottle",)
    module.write_text("from flask_login import x\nimport djangorestframework\n", encoding="utf-8")
    assert surroundings(folder).frameworks == ("flask", "fastapi")


@pytest.mark.parametrize(
    ("file", "line", "app"),
    [
        ("app.py", "app = Flask(__name__)", "app:app"),
        ("shop/web.py", "import flask\nsite: flask.Flask = Flask('x')", "shop.web:site"),
        ("shop/__init__.py", "api=FastAPI()", "shop:api"),
        ("site/wsgi.py", "application = get_wsgi_application()", "site.wsgi:application"),
        ("app.py", "app = falcon.App()", "app:app"),
        ("app.py", "def make():\n    app = Flask()", ""),
        ("app.py", "flask = 1", ""),
    ],
)
def test_the_place_of_the_app_is_guessed(folder: Path, file: str, line: str, app: str) -> None:
    """An app that is made at the top of a module is named as servers name it."""
    Path(file).parent.mkdir(exist_ok=True)
    Path(file).write_text(
        f"import flask\nimport fastapi\nimport falcon\nimport django\n{line}\n", encoding="utf-8"
    )
    assert surroundings(folder).app == app


def test_only_the_projects_own_modules_are_read(folder: Path) -> None:
    """Virtual environments, hidden folders and what lies deep are not looked into."""
    for name in ("venv", ".tox", "node_modules", "a/b/c/d"):
        Path(name).mkdir(parents=True)
        Path(name, "web.py").write_text("import flask\n", encoding="utf-8")
    assert surroundings(folder).frameworks == ()
    Path("a/b/c/web.py").write_text("import flask\n", encoding="utf-8")
    assert surroundings(folder).frameworks == ("flask",)


def test_a_huge_project_is_looked_at_for_a_moment(folder: Path) -> None:
    """No more than 300 modules are read."""
    for number in range(301):
        Path(f"m{number:03}.py").write_text("import os\n", encoding="utf-8")
    Path("m300.py").write_text("import flask\n", encoding="utf-8")
    assert surroundings(folder).frameworks == ()
    Path("m299.py").write_text("import flask\n", encoding="utf-8")
    assert surroundings(folder).frameworks == ("flask",)


def test_a_module_that_cannot_be_read_is_passed_over(folder: Path) -> None:
    """A broken link is no module."""
    Path("gone.py").symlink_to("nowhere.py")
    Path("odd.py").write_bytes(b"\xff\xfe\nimport flask\n")
    assert surroundings(folder).frameworks == ("flask",)


def test_extensions_that_set_cookies_are_taken_as_well() -> None:
    """A package whose cookies are known adds its preset, before that of the framework."""
    Path("requirements").mkdir()
    Path("requirements/base.txt").write_text("Flask\nFlask_Login\nflask-session\n", "utf-8")
    said = command("init")
    assert declared() == ["flask-login", "flask-session", "flask"]
    assert "Wrote consentgate.toml for Flask with the presets flask-login, flask-ses" in said.out


def test_several_frameworks_are_not_guessed_at() -> None:
    """With nobody to ask, the option to give is said, and which frameworks there are."""
    Path("app.py").write_text("import flask\nimport bottle\n", encoding="utf-8")
    said = command("init")
    assert said.code == 2
    assert "several frameworks are used here: flask, bottle" in said.err
    assert "--framework NAME: flask, bottle" in said.err
    assert not Path("consentgate.toml").exists()


def test_who_is_there_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal the answer decides; a slip of the pen is asked about once more."""
    said = asked(monkeypatch, given="flsk\nFlask\n")
    assert said.code == 0
    assert "Which framework is the app made with?" in said.err
    assert "unknown framework 'flsk'; did you mean 'flask'?" in said.err
    assert declared() == ["flask"]


def test_of_several_the_first_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter alone takes it."""
    Path("app.py").write_text("import bottle\nimport flask\n", encoding="utf-8")
    assert asked(monkeypatch, given="\n").code == 0
    assert declared() == ["flask"]


def test_an_unknown_framework_is_said_with_the_nearest() -> None:
    """The option is checked as the answer is."""
    said = command("init", "--framework", "djagno")
    assert said.code == 2
    assert "unknown framework 'djagno'; did you mean 'django'?" in said.err
    assert command("init", "--framework", "Django").code == 0


def test_every_line_to_paste_is_python() -> None:
    """The lines of every framework are parsed by Python itself."""

    def lines() -> Iterator[str]:
        for framework in FRAMEWORKS.values():
            yield from framework.lines

    assert all(ast.parse(line) for line in lines())
