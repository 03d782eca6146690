"""`consentgate token`: what a token says, why it is (not) valid, and tokens for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters import Adapter, Visit, called, sets
from commanding import KEY, NEW_KEY, PORTAL, Said, command
from consentgate import Consent, ConsentGate
from consentgate.choice import marked, new_id
from consentgate.token import TokenSigner

BOTH = f"{KEY},{NEW_KEY}"
NAME = "cookies_preferences"


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in an empty folder, with one key in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONSENTGATE_SECRET_KEY", KEY)


def made(*args: str, **environment: str) -> str:
    """Return a token under the portal's policy."""
    said = command("token", "make", *args, "--policy", PORTAL, **environment)
    assert said.code == 0, said.err
    return said.out.strip()


def inspected(token: str, *args: str | Path, **environment: str) -> Said:
    """Inspect a token under the portal's policy."""
    return command("token", "inspect", token, "--policy", PORTAL, *args, **environment)


def test_a_token_that_is_made_is_valid() -> None:
    """What `make` writes, `inspect` reads: what was granted and refused, and how long it lasts."""
    said = inspected(made("--grant", "statistics", "--at", f"{datetime.now(UTC):%Y-%m-%d}"))
    assert said.code == 0
    assert said.out.startswith("valid: signed by key 1")
    assert "granted   statistics\n" in said.out
    assert "refused   marketing, preferences\n" in said.out
    assert "passes    anonymous_statistics, necessary, statistics\n" in said.out
    until = datetime.now(UTC) + timedelta(days=182)
    assert f"until {until:%Y-%m-%d} 00:00:00 UTC (182 days)" in said.out


def test_a_real_gate_takes_a_token_that_is_made(adapter: Adapter) -> None:
    """An app with the same key and policy believes the token, in both protocols."""
    gate = ConsentGate.from_toml(PORTAL, secret_key=[KEY])
    seen: list[bool] = []

    def look(consent: Consent) -> None:
        seen.extend(consent.allows(key) for key in ("statistics", "marketing"))

    pair = f"{NAME}={made('--grant', 'statistics')}".encode()
    adapter(gate, called(look, sets()), Visit([pair]))
    assert seen == [True, False]


@pytest.mark.parametrize(
    ("args", "granted", "refused"),
    [
        (["--all"], {"anonymous_statistics", "preferences", "statistics", "marketing"}, set()),
        (["--none"], set(), {"anonymous_statistics", "preferences", "statistics", "marketing"}),
        (["--grant", "marketing"], {"marketing"}, {"preferences", "statistics"}),
        (["--grant", "marketing", "--refuse", "statistics"], {"marketing"}, {"statistics"}),
        (["--refuse", "anonymous_statistics"], set(), {"anonymous_statistics"}),
    ],
)
def test_a_choice_is_made_of_what_is_said(
    args: list[str], granted: set[str], refused: set[str]
) -> None:
    """All, none, or category by category; what is not granted is refused unless it is listed."""
    said = inspected(made(*args), "--json").json
    assert (set(said["granted"]), set(said["refused"])) == (granted, refused)
    assert said["valid"] is True


def test_a_whole_set_cookie_value_can_be_made() -> None:
    """With --set-cookie it is what the gate would send, and inspect reads that as well."""
    value = made("--all", "--set-cookie")
    assert value.startswith(f"{NAME}=1~")
    assert "; Max-Age=15724800; Path=/; SameSite=Lax; HttpOnly" in value
    assert inspected(f"Set-Cookie: {value}").code == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "say what is chosen"),
        (["--all", "--none"], "say what is chosen"),
        (["--all", "--grant", "statistics"], "say what is chosen"),
        (["--grant", "statistics", "--refuse", "statistics"], "statistics is both"),
        (["--grant", "statistic"], "unknown category 'statistic'"),
        (["--all", "--at", "yesterday"], "--at yesterday: write a time"),
        (["--all", "--at", "1969-12-31"], "--at 1969-12-31: write a time"),
    ],
)
def test_a_choice_that_cannot_be_is_said(args: list[str], message: str) -> None:
    """What contradicts itself, or is not in the policy, makes no token."""
    said = command("token", "make", *args, "--policy", PORTAL)
    assert (said.code, said.out) == (2, "")
    assert message in said.err


def test_a_token_needs_a_key() -> None:
    """Without a key nothing is signed, and the message says how to get one."""
    said = command("token", "make", "--all", "--policy", PORTAL, CONSENTGATE_SECRET_KEY="")
    assert (said.code, said.out) == (2, "")
    assert "consentgate key new" in said.err


@pytest.mark.parametrize("form", ["{}", "{name}={}", "a=b; {name}={}; c=d", "Cookie: {name}={}"])
def test_a_token_is_found_in_a_pair_and_in_a_header(form: str) -> None:
    """A token alone, a cookie, a line of cookies and a whole header are all read, piped too."""
    text = form.format(made("--all"), name=NAME)
    assert inspected(text).code == 0
    piped = command("token", "inspect", "--policy", PORTAL, given=f"{text}\n")
    assert piped == inspected(text)


def test_a_token_is_not_found_in_other_cookies() -> None:
    """The names that are there are said; so is that there are two different ones."""
    said = inspected("session=1; theme=dark")
    assert said.code == 2
    assert f"there is no cookie {NAME} in this; there is session, theme" in said.err
    said = inspected(f"{NAME}={made('--all')}; {NAME}={made('--none')}")
    assert said.code == 2
    assert f"there are 2 different cookies called {NAME}" in said.err


def test_nobody_waits_for_a_token_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a token, and with nothing piped in, it is said that one is needed."""
    monkeypatch.setattr("consentgate.cli.token.is_interactive", lambda: True)
    said = command("token", "inspect", "--policy", PORTAL)
    assert said.code == 2
    assert "no token" in said.err


def test_a_changed_token_is_read_and_not_believed() -> None:
    """What it says is shown all the same; nothing of it passes."""
    token = made("--grant", "statistics").replace("statistics:", "marketing:", 1)
    said = inspected(token)
    assert said.code == 1
    assert said.out.startswith("not valid: no key signed it")
    assert "granted   marketing\n" in said.out
    assert "passes    anonymous_statistics, necessary\n" in said.out
    assert inspected(made("--all"), CONSENTGATE_SECRET_KEY=NEW_KEY).code == 1


def test_the_key_that_signed_is_told() -> None:
    """Of several keys, the place of the one that signed; an older one is noted."""
    old, new = made("--all"), made("--all", CONSENTGATE_SECRET_KEY=BOTH)
    said = inspected(old, CONSENTGATE_SECRET_KEY=BOTH)
    assert said.code == 0
    assert "signed by key 1 of 2: an older one" in said.out
    said = inspected(new, CONSENTGATE_SECRET_KEY=BOTH)
    assert said.out.startswith("valid: signed by key 2")
    assert "older" not in said.out


def test_without_a_key_the_signature_is_not_checked() -> None:
    """The text is read, that the signature was not checked is said, and exit code 2 tells it."""
    said = inspected(made("--grant", "statistics"), CONSENTGATE_SECRET_KEY="")
    assert said.code == 2
    assert said.out.startswith("not checked: whether it was signed")
    assert "granted   statistics\n" in said.out
    assert "(if it is signed)" in said.out
    answer = inspected(made("--all"), "--json", CONSENTGATE_SECRET_KEY="").json
    assert answer["valid"] is None
    assert answer["signature"] == {"checked": False, "key": None}


def test_without_a_key_an_old_token_is_old_all_the_same() -> None:
    """What is wrong with the text alone makes a token invalid, whoever signed it."""
    said = inspected(made("--all", "--at", "2020-01-01"), CONSENTGATE_SECRET_KEY="")
    assert said.code == 1
    assert "not valid: it is too old: a choice lasts 182 days" in said.out
    assert "not checked: " in said.out


@pytest.mark.parametrize(
    ("token", "fault"),
    [
        ("yes", "not in the form of a token"),
        ("", "not in the form of a token"),
        ("1~abc~99~rev~~.", "not in the form of a token"),
        ("1~abc~99~rev~bad grant~.sig", "not in the form of a token"),
        ("é\udcff", "not in the form of a token"),
        ("1~" + "x" * 2050, "it has 2052 bytes"),
    ],
)
def test_what_is_no_token_says_so(token: str, fault: str) -> None:
    """Junk of any kind is answered, never an error: it says nothing, and nothing passes by it."""
    said = inspected(token, "--json")
    assert said.code == 1
    assert fault in said.json["faults"][0]
    assert (said.json["id"], said.json["made_at"], said.json["until"]) == (None, None, None)
    assert said.json["allowed"] == ["anonymous_statistics", "necessary"]
    assert inspected(token).out.startswith("not valid: ")


def test_a_token_from_the_future_is_not_believed() -> None:
    """A clock that is wrong, or a forgery: it is said."""
    said = inspected(made("--all", "--at", "2199-01-01T00:00:00+02:00"))
    assert said.code == 1
    assert "it was made in the future" in said.out
    assert "made      2198-12-31 22:00:00 UTC" in said.out


def test_a_token_of_another_revision_asks_again(tmp_path: Path) -> None:
    """It is valid, its grants do not hold, its refusals do; unchanged grants may be kept."""
    token = made("--grant", "statistics")
    file = tmp_path / "consentgate.toml"
    cookies = '[[cookies]]\nname = "x"\ncategory = "statistics"\n'
    file.write_text(f'revision = "two"\n{cookies}', encoding="utf-8")
    said = command("token", "inspect", token)
    assert said.code == 0
    assert said.out.startswith("valid: signed by key 1 of CONSENTGATE_SECRET_KEY, but the visitor")
    assert "and the policy is at two: the visitor is asked again\n" in said.out
    assert command("token", "inspect", token, "--json").json["answered"] is False
    file.write_text(f'revision = "two"\n[gate]\nkeep_unchanged = true\n{cookies}', encoding="utf-8")
    assert "(keep_unchanged)" in command("token", "inspect", token).out


def test_an_answer_to_another_banner_is_noted() -> None:
    """A token for what somebody answered to another tool's banner says where it comes from."""
    gate = ConsentGate.from_toml(PORTAL, secret_key=[KEY])
    choice = gate.choice(["statistics"], id=marked("", "abcdefgh"))
    token = gate.set_cookie_for(choice).partition(";")[0].partition("=")[2]
    assert "taken over from the banner of another tool" in inspected(token).out


def test_categories_that_the_policy_lost_are_noted(tmp_path: Path) -> None:
    """A category that is no more is named: what the token says of it is ignored."""
    gate = ConsentGate.from_toml(PORTAL, secret_key=[KEY])
    choice = gate.choice(["statistics"])._replace(granted=frozenset({"social"}), fingerprints={})
    token = TokenSigner(KEY, NAME).write(choice._replace(id=new_id())).decode()
    said = inspected(token)
    assert said.code == 0
    assert "the policy has no category social any more: it is ignored" in said.out


def test_a_token_is_read_without_a_policy() -> None:
    """Where there is no policy file, signature and age are told, and compared with nothing."""
    said = command("token", "inspect", made("--all"))
    assert said.code == 0
    assert "no policy file here" in said.out
    assert "passes" not in said.out
    assert "asked again" not in said.out
    assert command("token", "inspect", made("--all"), "--json").json["allowed"] == []


def test_the_cookie_of_the_policy_file_is_looked_for(tmp_path: Path) -> None:
    """A site that calls its consent cookie otherwise has it read under that name."""
    (tmp_path / "consentgate.toml").write_text(
        '[gate]\ncookie_name = "choice"\nmax_age = "30 days"\n', encoding="utf-8"
    )
    pair = command("token", "make", "--all", "--set-cookie").out.partition(";")[0]
    assert pair.startswith("choice=1~")
    assert "(30 days)" in command("token", "inspect", f"a=b; {pair}").out
    token = pair.partition("=")[2]
    assert "of another name than cookies_preferences" in inspected(token).out
