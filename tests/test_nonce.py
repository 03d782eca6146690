"""The nonce of an app's page: found in its Content-Security-Policy, or not where it is in doubt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentgate.pages.nonce import nonce_of

CSP = b"Content-Security-Policy"
REPORTED = b"Content-Security-Policy-Report-Only"


def nonce_in(*policies: bytes) -> str | None:
    """Return the nonce of a page with these policies, each in a field of its own."""
    return nonce_of([(b"Content-Type", b"text/html"), *((CSP, policy) for policy in policies)])


@pytest.mark.parametrize(
    ("policy", "nonce"),
    [
        (b"script-src 'nonce-abc'", "abc"),
        (b"script-src 'nonce-aB+/_-9==' 'strict-dynamic'", "aB+/_-9=="),
        (b"default-src 'self'; SCRIPT-SRC\t'self'  'NONCE-abc';", "abc"),
        (b"default-src 'nonce-abc'", "abc"),
        (b"default-src 'nonce-d'; script-src 'nonce-abc'", "abc"),
        (b"script-src 'nonce-s'; script-src-elem 'nonce-abc'; default-src 'nonce-d'", "abc"),
        (b"script-src 'nonce-abc'; script-src 'nonce-second'", "abc"),
        (b"; ;script-src 'nonce-abc' 'nonce-abc'", "abc"),
    ],
)
@pytest.mark.conformance("T5")
def test_the_directive_that_speaks_of_scripts_has_the_nonce(policy: bytes, nonce: str) -> None:
    """Browsers ask script-src-elem, else script-src, else default-src, and the first of a name."""
    assert nonce_in(policy) == nonce


@pytest.mark.parametrize(
    "policy",
    [
        b"",
        b"script-src 'self' https://cdn.example",
        b"default-src 'nonce-abc'; script-src 'self'",
        b"script-src 'nonce-abc'; script-src-elem 'self'",
        b"style-src 'nonce-abc'",
        b"script-src-attr 'nonce-abc'",
        b"script-src nonce-abc",
        b"script-src 'nonce-'",
        b"script-src 'nonce-a=b'",
        b"script-src 'nonce-ab===' 'sha256-abc'",
        b"script-src 'nonce-\"onload=x'",
        b"script-src 'nonce-\xe9'",
    ],
)
@pytest.mark.conformance("T5")
def test_a_policy_without_a_nonce_for_scripts_has_none(policy: bytes) -> None:
    """What is for other things, or is no nonce as the grammar has it, counts for nothing."""
    assert nonce_in(policy) is None


@pytest.mark.parametrize(
    ("policies", "nonce"),
    [
        ([b"script-src 'nonce-a'", b"script-src 'nonce-a' 'strict-dynamic'"], "a"),
        ([b"script-src 'nonce-a', script-src 'nonce-b' 'nonce-a'"], "a"),
        ([b"script-src 'nonce-a'", b"script-src 'self'", b"img-src *"], "a"),
        ([b"script-src 'nonce-a'", b"script-src 'nonce-b'"], None),
        ([b"script-src 'nonce-a' 'nonce-b'"], None),
        ([b"script-src 'nonce-a' 'nonce-b'", b"script-src 'nonce-b' 'nonce-a'"], None),
        ([], None),
    ],
)
@pytest.mark.conformance("T5")
def test_every_policy_has_its_say(policies: list[bytes], nonce: str | None) -> None:
    """The one nonce that all policies with a nonce take is taken; of several none is."""
    assert nonce_in(*policies) == nonce


@pytest.mark.conformance("T5")
def test_what_is_only_reported_counts_where_nothing_is_enforced() -> None:
    """A site that tries a policy out hears of no violation of ours; an enforced one goes first."""
    tried = (REPORTED.lower(), b"script-src 'nonce-tried'")
    assert nonce_of([tried]) == "tried"
    assert nonce_of([tried, (CSP, b"script-src 'self'")]) == "tried"
    assert nonce_of([tried, (CSP.upper(), b"script-src 'nonce-a'")]) == "a"


@given(st.lists(st.tuples(st.sampled_from((CSP, REPORTED, b"\xe9")), st.binary())))
@pytest.mark.conformance("T5")
def test_odd_policies_never_raise(headers: list[tuple[bytes, bytes]]) -> None:
    """Whatever stands there, it is a nonce or none."""
    nonce = nonce_of(headers)
    assert nonce is None or nonce.isascii()
