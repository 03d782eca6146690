"""What a broken policy file is told: every message stands in a file that people read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from configuration_cases import CASES, FILES, SYNTAX, Case
from consentgate import ConsentGateError
from consentgate.configuration import reading
from consentgate.configuration.problem import ConfigurationError
from consentgate.configuration.reading import document, load

SNAPSHOT = Path(__file__).parent / "snapshots" / "configuration_errors.txt"


def told(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ConfigurationError:
    """Read the file of a case in a folder of its own, and return the error."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name, text in case.beside.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    content = case.content.encode() if isinstance(case.content, str) else case.content
    if content is not None:
        (folder / case.name).write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load(case.name)
    return caught.value


def entry(case: Case, error: ConfigurationError) -> str:
    """Return what a person reads about a case: the file, and what is said of it."""
    text = case.content if case.shown is None else case.shown
    shown = text.strip("\n") if isinstance(text, str) else ""
    shown = shown.replace("\x00", "\\x00")
    indented = "".join(f"    {line}".rstrip() + "\n" for line in shown.splitlines())
    said = "".join(f"{line}\n" for line in str(error).splitlines())
    return f"## {case.title}\n\n{indented}{'' if not indented else chr(10)}{said}"


def test_every_message_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The messages are those in tests/snapshots: CONSENTGATE_UPDATE_SNAPSHOTS=1 writes them."""
    entries = [
        entry(case, told(case, tmp_path / str(number), monkeypatch))
        for number, case in enumerate(CASES)
    ]
    text = "\n\n".join(entries)
    if os.environ.get("CONSENTGATE_UPDATE_SNAPSHOTS"):
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(text, encoding="utf-8")
    assert text == SNAPSHOT.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_every_message_names_the_place(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each problem has the file, a message of one line, and a line if there is one to have."""
    for problem in told(case, tmp_path / "site", monkeypatch).problems:
        assert problem.file == case.name
        assert problem.message and problem.message.isprintable()
        if problem.where:
            assert problem.line is not None
            assert problem.where in problem.message
        elif case not in (*FILES, *SYNTAX):
            assert problem.line is not None or len(problem.message) > 40
        for jargon in ("Input", "valid", "dictionary", "True", "timedelta", "str,"):
            assert jargon not in problem.message


def test_all_is_told_at_once(tmp_path: Path) -> None:
    """Mistakes of every kind are told together, in the order of the file, and nothing twice."""
    path = tmp_path / "consentgate.toml"
    path.write_text(
        """\
revison = "1"
secret_key = "hush"
[gate]
withhold = "yes"
report_only = ["social", "socal"]
[[categories]]
key = "social"
sale_or_sharing = 1
[[cookies]]
name = "likes"
category = "social"
lifetime = "1 yaer"
exemption = "security"
[[cookies]]
nam = "x"
category = "nothing"
[[cookies]]
name = "_ga"
category = "statistic"
[[third_parties]]
name = "V"
category = "videos"
"""
    )
    with pytest.raises(ConfigurationError) as caught:
        document(path)
    assert [(problem.line, problem.where) for problem in caught.value.problems] == [
        (1, ""),
        (2, "secret_key"),
        (4, "gate.withhold"),
        (8, "categories[0].sale_or_sharing"),
        (12, "cookies[0].lifetime"),
        (13, "cookies[0].exemption"),
        (14, "cookies[1]"),
        (15, "cookies[1]"),
        (19, "cookies[2]"),
        (22, "third_parties[0]"),
    ]


def test_what_rests_on_a_mistake_is_not_told(tmp_path: Path) -> None:
    """A mistake is told once: what is wrong for its sake alone is no mistake of its own."""
    path = tmp_path / "consentgate.toml"
    path.write_text(
        """\
presets = ["djago"]
[gate]
cookie_name = "a b"
cookie_domain = "example.com"
[pages]
languages = ["English"]
default_language = "de"
language_cookie = "django_language"
locales = 1
[[categories]]
key = "so cial"
[[cookies]]
name = "likes"
category = "so cial"
[[cookies]]
name = "shares"
category = "unknown"
"""
    )
    with pytest.raises(ConfigurationError) as caught:
        document(path)
    assert [problem.line for problem in caught.value.problems] == [1, 3, 6, 9, 11]


def test_what_a_banner_rests_on_is_not_told(tmp_path: Path) -> None:
    """Of another banner nothing is said that rests on a mistake elsewhere in the file."""
    path = tmp_path / "consentgate.toml"
    path.write_text(
        """\
[gate]
max_age = "1 dya"
[gate.consent_from]
tool = "tarteaucitron"
cookie = "likes"
categories = {films = "so cial"}
[pages.consent_mode]
ad_storage = "so cial"
[[categories]]
key = "so cial"
[[cookies]]
name = "likes"
category = "marketing"
lifetime = "1 dya"
"""
    )
    with pytest.raises(ConfigurationError) as caught:
        document(path)
    assert [problem.line for problem in caught.value.problems] == [2, 10, 14]


def test_whatever_is_left_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What only the policy and the gate as a whole refuse is told of the file, in their words."""

    def refuse(*_: object, **__: object) -> None:
        raise ConsentGateError("the whole does not hold together; mend it")

    monkeypatch.setattr(reading, "ConsentGate", refuse)
    path = tmp_path / "consentgate.toml"
    path.touch()
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: the whole does not hold together; mend it"


@pytest.mark.parametrize("name", ["\0.toml", "x" * 300, "consentgate.toml/x"])
def test_a_path_that_cannot_be_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A path that the system refuses is an error like any other."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "consentgate.toml").touch()
    with pytest.raises(ConfigurationError, match=r"cannot be read: \w") as caught:
        load(name)
    assert caught.value.problems[0].file == name


keys = st.sampled_from(
    [
        *("presets", "revision", "gate", "pages", "harden", "categories", "cookies"),
        *("third_parties", "name", "key", "category", "purpose", "lifetime", "secure"),
        *("report_only", "languages", "hosts", "max_age", "tool", "secret_key", "en"),
    ]
)
values = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.dates()
    | st.datetimes()
    | st.times()
    | st.sampled_from(
        ["", "session", "1 day", "marketing", "django", "en", "/x", "a b", "\n", "*"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(keys, values, max_size=5))
def test_nothing_but_a_configuration_error_is_raised(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, Any]
) -> None:
    """Whatever a file has in it, it is read, or told of in words."""
    path = tmp_path_factory.getbasetemp() / "consentgate.toml"
    path.write_text(tomlkit.dumps(table))
    try:
        load(path)
    except ConfigurationError as error:
        assert error.problems  # noqa: PT017  # most are wrong, and some are right
