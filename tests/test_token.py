"""A choice as signed text, and everything that is not one."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import Signer, TimestampSigner, URLSafeTimedSerializer

from adapters import KEY
from consentgate import Choice, ConsentGate, Policy
from consentgate.choice import new_id, strictest
from consentgate.token import MAX_BYTES, TokenSigner

SALT = "consentgate.choice.cookies_preferences"
CHOICE = Choice(
    granted=frozenset({"statistics"}),
    refused=frozenset({"marketing", "preferences"}),
    made_at=1795000000,
    revision="abc",
    id=new_id(),
    fingerprints={"statistics": "abcdef"},
)


def signer(salt: str = SALT) -> Signer:
    """Return a signer with the real key, to sign what is no token."""
    return Signer(KEY, salt=salt, key_derivation="hmac", digest_method=sha256)


def test_a_choice_comes_back_as_it_was() -> None:
    """Reading a written token gives the same choice."""
    tokens = TokenSigner(KEY, "cookies_preferences")
    assert tokens.read(tokens.write(CHOICE)) == CHOICE


def test_the_same_choice_is_the_same_token() -> None:
    """Writing is deterministic: no time of writing gets in."""
    tokens = TokenSigner(KEY, "cookies_preferences")
    assert tokens.write(CHOICE) == tokens.write(CHOICE)


def test_a_choice_over_five_categories_is_under_200_bytes() -> None:
    """The token of a visitor who grants all five built-in categories stays compact."""
    gate = ConsentGate(Policy([]), secret_key=KEY)
    everything = gate.choice(gate.policy.choosable)
    assert len(TokenSigner(KEY, "cookies_preferences").write(everything)) < 200


def test_a_token_needs_no_quoting_anywhere() -> None:
    """A token is made of characters that every cookie parser takes as they are."""
    token = TokenSigner(KEY, "cookies_preferences").write(CHOICE).decode()
    assert not set(token) - set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~:"
    )


REAL = TokenSigner(KEY, "cookies_preferences").write(CHOICE)


@pytest.mark.conformance("K4")
@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"yes",
        b"true",
        b"1",
        b'{"statistics": true}',
        b"%7B%22statistics%22%3Atrue%7D",
        REAL.rpartition(b".")[0],
        REAL.rpartition(b".")[0] + b".",
        REAL[:-1],
        REAL[:-10],
        REAL[1:],
        REAL + b"x",
        b'"' + REAL + b'"',
        REAL.replace(b"statistics", b"marketing_"),
        REAL.replace(b"~abc~", b"~abd~"),
        b"\xff\xfe" + REAL,
        "é".encode(),
        b"\xed\xa0\x80",
        b"x" * 10_000,
        REAL + b"=" * MAX_BYTES,
        signer().sign(b""),
        signer().sign(b"junk"),
        signer().sign(b"\xff\xfe\xed\xa0\x80"),
        signer().sign(b"2~id~1795000000~abc~~"),
        signer().sign(b"1~id~1795000000~abc~statistics~"),
        signer().sign(b"1~id~1795000000~abc~statistics:abcdef"),
        signer().sign(b"1~id~99999999999999999999~abc~~"),
        signer().sign(b"1~id~-1~abc~~"),
        signer().sign(b"1~id~1795000000~abc~~\n"),
        signer().sign(b'{"granted": ["statistics"]}'),
        signer("consentgate.choice.other_name").sign(REAL.rpartition(b".")[0]),
        signer("itsdangerous.Signer").sign(REAL.rpartition(b".")[0]),
        TimestampSigner(KEY, salt=SALT).sign(b"1~id~1795000000~abc~~"),
        URLSafeTimedSerializer(KEY, salt=SALT).dumps({"statistics": True}).encode(),
        TokenSigner("another key that is long enough", "cookies_preferences").write(CHOICE),
    ],
)
def test_whatever_is_no_token_is_no_choice(junk: bytes) -> None:
    """Unsigned, forged, cut, foreign or oddly shaped texts are None, and nothing raises."""
    assert TokenSigner(KEY, "cookies_preferences").read(junk) is None


@given(st.binary(max_size=400))
def test_no_bytes_are_believed(junk: bytes) -> None:
    """Random bytes are never a choice, signed with the real key or not."""
    tokens = TokenSigner(KEY, "cookies_preferences")
    assert tokens.read(junk) is None
    assert tokens.read(signer().sign(junk)) is None


@given(st.data())
def test_a_changed_byte_breaks_the_token(data: st.DataObject) -> None:
    """Changing any byte but the unused last bits of the signature makes it no token."""
    position = data.draw(st.integers(0, len(REAL) - 2))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != REAL[position]))
    changed = REAL[:position] + bytes([byte]) + REAL[position + 1 :]
    assert TokenSigner(KEY, "cookies_preferences").read(changed) is None


@pytest.mark.conformance("K14")
def test_every_listed_key_verifies_and_the_newest_signs() -> None:
    """Keys rotate: old tokens stay valid while their key is listed, new ones need the newest."""
    old, new = "the old key, long enough", b"the new key, long enough"
    both = TokenSigner([old, new], "c")
    assert both.read(TokenSigner(old, "c").write(CHOICE)) == CHOICE
    assert TokenSigner(new, "c").read(both.write(CHOICE)) == CHOICE
    assert TokenSigner(old, "c").read(both.write(CHOICE)) is None


@pytest.mark.conformance("K4")
def test_a_token_is_bound_to_its_cookie_name() -> None:
    """A token of another cookie, signed with the same key, says nothing."""
    assert TokenSigner(KEY, "other").read(REAL) is None


def choice(granted: str, refused: str, made_at: int = 1, revision: str = "r") -> Choice:
    """Return a choice over categories of one letter."""
    marks = dict.fromkeys(granted, "abcdef")
    return Choice(frozenset(granted), frozenset(refused), made_at, revision, str(made_at), marks)


@pytest.mark.conformance("K13")
def test_several_choices_hold_as_the_strictest() -> None:
    """Granted is what all grant, refused what any refuses, and the order does not matter."""
    one, two = choice("ab", "c", 1), choice("bc", "a", 2)
    for pair in ([one, two], [two, one]):
        both = strictest(pair, "r")
        assert both.granted == {"b"}
        assert both.refused == {"a", "c"}
        assert (both.made_at, both.id, both.revision) == (1, "1", "r")
        assert both.fingerprints == {"b": "abcdef"}


@pytest.mark.conformance("K13")
def test_an_old_revision_among_several_counts() -> None:
    """Unless all choices are of the current revision, an old one is taken."""
    assert strictest([choice("a", "", 1), choice("a", "", 2, "old")], "r").revision == "old"


@pytest.mark.conformance("K13")
def test_choices_that_agreed_to_different_terms_agree_on_none() -> None:
    """A fingerprint on which the choices differ is not carried over."""
    other = choice("a", "", 2)._replace(fingerprints={"a": "ghijkl"})
    assert strictest([choice("a", "", 1), other], "r").fingerprints == {}
