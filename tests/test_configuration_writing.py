"""A policy is written, and read again: it is the same."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentgate import (
    Category,
    ConsentGateError,
    Cookie,
    Hardening,
    Policy,
    ThirdParty,
)
from consentgate.category import BUILT_IN
from consentgate.configuration.reading import load
from consentgate.configuration.writing import Block, with_blocks
from consentgate.cookie import EXEMPTIONS
from examples.portal_policy import policy as portal

# What TOML and Unicode have trouble with, and what they have none with.
words = st.text(
    st.sampled_from("aé'\"\\\n\r\t#=[]{}\x00\x1b\x7f\u0085\u2028\ufeff\U0001f36aقжעん")
    | st.characters(exclude_categories=["Cs"])
)
codes = st.sampled_from(["en", "fr", "pt-BR", "zh_Hant", "ar", "ckb"])
texts = words | st.dictionaries(codes, words, max_size=3)
names = st.from_regex(r"[!#-)+\--:<>-\[\]-~]{1,3}(\*[a-z]{0,3}){0,2}", fullmatch=True).filter(
    # The gate takes no pattern that matches its own cookie.
    lambda name: Policy.allow(name).lookup(b"cookies_preferences") is None
)
keys = st.from_regex(r"own_[a-z]{0,3}", fullmatch=True)
lifetimes = st.none() | st.integers(1, 10**9).map(lambda seconds: timedelta(seconds=seconds))
hardenings = st.builds(
    Hardening,
    secure=st.booleans(),
    http_only=st.booleans(),
    same_site=st.sampled_from([None, "Lax", "Strict"]),
)
categories = st.builds(
    Category,
    st.sampled_from(["preferences", "statistics", "marketing"]) | keys,
    title=texts,
    description=texts,
    sale_or_sharing=st.none() | st.booleans(),
) | st.builds(
    Category,
    st.sampled_from(["necessary", "anonymous_statistics"]),
    title=texts,
    description=texts,
)


@st.composite
def cookies(draw: st.DrawFn, known: list[str]) -> Cookie:
    """Draw a declaration in one of the categories."""
    category = draw(st.sampled_from(known))
    exempt = category in ("necessary", "anonymous_statistics")
    lifetime = draw(lifetimes)
    if category == "anonymous_statistics" and lifetime is not None:
        lifetime = min(lifetime, timedelta(days=396))
    return Cookie(
        draw(names),
        category,
        provider=draw(texts),
        service=draw(texts),
        purpose=draw(texts),
        lifetime=lifetime,
        party=draw(st.sampled_from(["first", "third"])),
        domain=draw(st.sampled_from([None, "", ".example.com", "a\"b'c\\"])),
        path=draw(st.sampled_from(["/", "", "/a\\b'"])),
        exemption=draw(st.sampled_from([None, *EXEMPTIONS])) if exempt else None,
        harden=draw(st.none() | hardenings),
    )


known_cookies = st.builds(
    Cookie,
    names,
    provider=texts,
    service=texts,
    purpose=texts,
    lifetime=st.none() | st.integers(1, 34_000_000).map(lambda seconds: timedelta(seconds=seconds)),
    domain=st.sampled_from([None, ".example.com"]),
    path=st.sampled_from(["/", "/a\\b'"]),
)


def third_party(name: str, category: str, **more: Any) -> ThirdParty:
    """Return a third party, in some cases with a cookie that says what it rests on."""
    if category == "necessary":
        more["cookies"] = [*more["cookies"], Cookie("balance", exemption="load-balancing")]
    return ThirdParty(name, category, **more)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Draw a policy that a gate takes."""
    own = draw(st.lists(categories, max_size=3, unique_by=lambda each: each.key))
    known = [each.key for each in (*BUILT_IN, *own)]
    rows = draw(st.lists(cookies(known), max_size=4, unique_by=lambda each: each.name))
    parties = draw(
        st.lists(
            st.builds(
                third_party,
                words.filter(str.strip),
                st.sampled_from(known),
                cookies=st.lists(known_cookies | names, max_size=2),
                hosts=st.lists(st.sampled_from(["a.example", "*.b.example", "wss://c:*"])),
                purpose=texts,
                privacy=st.sampled_from(["", "https://example.com/?a='b'&c=\"d\"", {}])
                | st.dictionaries(codes, st.just("http://example.com"), min_size=1),
            ),
            max_size=2,
            unique_by=lambda each: each.name,
        )
    )
    return Policy(
        rows,
        categories=own,
        revision=draw(st.sampled_from([None, "7", "2026-11"])),
        harden=draw(st.none() | hardenings),
        third_parties=parties,
    )


def again(policy: Policy) -> Policy:
    """Write a policy to a file, and read it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "consentgate.toml"
        path.write_bytes(policy.to_toml().encode())
        return Policy.from_toml(path)


@given(policies())
def test_what_is_written_is_read_again(policy: Policy) -> None:
    """Any policy that a file can say comes back equal, and is offered in the same words."""
    found = again(policy)
    assert found == policy
    assert found.offered == policy.offered
    assert found.declared_revision == policy.declared_revision


def test_the_cookies_of_a_third_party_are_written() -> None:
    """A cookie of which nothing more is said is its name alone; else it is a table in the list."""
    known = Cookie("IDE", lifetime=timedelta(days=390), purpose={"en": "Follows you", "fr": "Vous"})
    party = ThirdParty("Ads", "marketing", hosts=["*.ads.example"], cookies=["test", known])
    text = Policy([], third_parties=[party]).to_toml()
    assert (
        '\nhosts = ["*.ads.example"]\ncookies = [\n    "test",\n    {name = "IDE", '
        'purpose = {en = "Follows you", fr = "Vous"}, lifetime = "390 days"},\n]\n'
    ) in text
    assert "provider" not in text


HARDENED = Cookie("a", harden=Hardening(secure=True))
SPEECHLESS = Cookie("a", purpose={"French": "Pourquoi"})


def test_a_written_file_is_for_people() -> None:
    """Texts stand on lines of their own by language, lifetimes in days, defaults are left out."""
    text = portal.to_toml()
    assert (
        '[[cookies]]\nname = "sessionid"\ncategory = "necessary"\nprovider = "Opendatasoft"' in text
    )
    assert '\nlifetime = "session"\nexemption = "interface"\n' in text
    assert '\npurpose.fr = "Retient la langue que vous avez choisie."\n' in text
    assert '\nlifetime = "395 days"\nparty = "third"\n' in text
    assert "path" not in text
    assert Policy([]).to_toml() == ""


@pytest.mark.parametrize(
    "policy",
    [
        Policy([Cookie("a", purpose={"French": "Pourquoi"})]),
        Policy([Cookie("a", purpose="\ud800")]),
        Policy([Cookie("a", lifetime=timedelta(milliseconds=1500))]),
        Policy([], third_parties=[ThirdParty("A", "marketing", cookies=[HARDENED])]),
        Policy([], third_parties=[ThirdParty("A", "marketing", cookies=[SPEECHLESS])]),
    ],
    ids=["no language", "no Unicode", "parts of seconds", "hardening elsewhere", "no language too"],
)
def test_what_a_file_cannot_say_is_refused(policy: Policy) -> None:
    """What would not come back as it was is not written."""
    with pytest.raises(ConsentGateError, match="cannot be written to a file"):
        policy.to_toml()


GA = Cookie("_ga", "statistics", provider="Google", lifetime=timedelta(days=395))
ODD = Cookie("odd")
SEEN = (
    "Seen at https://example.com/\n[[cookies]]\nname = 'x'",
    "",
    "A suggestion \ud800: confirm.",
)
WITH_COOKIES = """\
# A comment, and odd   spaces.
presets   = ["django"] # kept


[[cookies]]
name='a'   # kept too
[pages]
languages=["en"]"""


def rows(text: str, *tables: str) -> list[dict[str, Any]]:
    """Return the cookies of a text."""
    table: Any = tomllib.loads(text)
    for name in tables:
        table = table[name]
    return list(table.get("cookies", []))


@pytest.mark.parametrize(
    "text", ["", "\n", "# only a comment", WITH_COOKIES, f"{WITH_COOKIES}\n", f"{WITH_COOKIES}\n\n"]
)
@pytest.mark.parametrize("change", [str, lambda text: text.replace("\n", "\r\n")])
def test_cookies_are_added_at_the_end(text: str, change: Callable[[str], str]) -> None:
    """Every byte that was there stays, and a block declares its cookie if it is active."""
    text = change(text)
    added = with_blocks(text, [Block(GA, SEEN, True), Block(ODD, ("What is it?",), False)])
    assert added.startswith(text)
    assert rows(added) == [
        *rows(text),
        {
            "name": "_ga",
            "category": "statistics",
            "provider": "Google",
            "lifetime": "395 days",
        },
    ]
    assert "\n# [[cookies]]" in added
    assert ("\r\n" in added) == ("\r\n" in text)
    assert added.count("\n") == added.count("\r\n") or "\r\n" not in text


def test_what_is_commented_out_can_be_taken_in() -> None:
    """A block that is not active becomes one when its comment signs are taken away."""
    added = with_blocks("", [Block(GA, ("What is it?",), False)])
    assert rows(added) == []
    lines = added.splitlines()
    assert lines[0] == "# What is it?"
    assert rows("\n".join(line.removeprefix("# ") for line in lines[1:]))[0]["name"] == "_ga"


def test_cookies_are_added_to_a_project(tmp_path: Path) -> None:
    """In a pyproject.toml the tables have their longer name, and the file reads as before."""
    path = tmp_path / "pyproject.toml"
    text = (
        "[tool.consentgate]\nrevision = '1'\n[[tool.consentgate.cookies]]\nname = 'a'\n[tool.x]\n"
    )
    path.write_text(with_blocks(text, [Block(GA, (), True)], table="tool.consentgate.cookies"))
    assert Policy.from_toml(path) == Policy([Cookie("a"), GA], revision="1")
    assert load(path).document.line_of(("cookies", 1)) == 7


def test_nothing_is_added_for_nothing() -> None:
    """Without blocks a text stays what it is, whatever it is."""
    assert with_blocks("no toml", []) == "no toml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('cookies = [{name = "a"}]', r"cookies is written as a list.*\[\[cookies\]\]"),
        ("cookies = []\n", r"below \[\[cookies\]\]"),
        ("cookies = ", "no TOML"),
    ],
)
def test_what_cannot_be_added_to_is_said(text: str, message: str) -> None:
    """A list in brackets takes no further tables: it is said how to mend that."""
    with pytest.raises(ConsentGateError, match=message):
        with_blocks(text, [Block(ODD, (), False)])


@given(policies(), st.lists(words, max_size=3), st.booleans())
def test_whatever_is_added_the_file_stays_one(
    policy: Policy, comments: list[str], active: bool
) -> None:
    """To any written policy, any cookie can be added under any comment."""
    text = policy.to_toml()
    added = with_blocks(text, [Block(GA, tuple(comments), active)])
    assert added.startswith(text)
    assert len(rows(added)) == len(policy.cookies) + active
    assert isinstance(tomllib.loads(added), Mapping)
