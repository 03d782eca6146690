"""A token seen for the first time, against itsdangerous' own verification of the same content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import cycle, islice
from time import perf_counter
from typing import TypeVar

from itsdangerous import Signer, TimestampSigner, URLSafeTimedSerializer

from benchmarks import material
from benchmarks.measure import Batch, Effort, Spread, Times, paired_times, ratios
from benchmarks.tables import Table, time_table
from consentgate import Choice, ConsentGate

Token = TypeVar("Token")

_GOAL = 1.3
_AGE = 182 * 24 * 3600
_GATE, _SIGNER, _TIMED, _SERIALIZER = (
    "consentgate, all a request pays for it",
    "Signer.unsign",
    "TimestampSigner.unsign",
    "URLSafeTimedSerializer.loads",
)


def batch(verify: Callable[[Token], object], tokens: Sequence[Token]) -> Batch:
    """Return what verifies the next tokens, going round them."""
    source = cycle(tokens)

    def run(count: int) -> float:
        some = list(islice(source, count))
        start = perf_counter()
        for token in some:
            verify(token)
        return perf_counter() - start

    return run


def contenders() -> dict[str, Batch]:
    """Return the gate, and three ways to verify the same with itsdangerous alone."""
    gate = material.new_gate()
    choices = [gate.choice(["statistics"]) for _ in range(material.NEW_TOKENS)]
    signer = Signer(material.KEY, key_derivation="hmac", digest_method=sha256)
    timed = TimestampSigner(material.KEY, key_derivation="hmac", digest_method=sha256)
    serializer = URLSafeTimedSerializer(
        material.KEY, signer_kwargs={"key_derivation": "hmac", "digest_method": sha256}
    )
    payloads = [_payload(gate, choice) for choice in choices]
    pairs = [(gate.set_cookie_for(choice).partition(";")[0].encode(),) for choice in choices]
    assert all(gate.standing(pair).answered for pair in pairs[:10])
    return {
        _SIGNER: batch(signer.unsign, [signer.sign(payload) for payload in payloads]),
        _TIMED: batch(
            lambda token: timed.unsign(token, max_age=_AGE),
            [timed.sign(payload) for payload in payloads],
        ),
        _SERIALIZER: batch(
            lambda token: serializer.loads(token, max_age=_AGE),
            [serializer.dumps(_fields(choice)) for choice in choices],
        ),
        _GATE: batch(gate.standing, pairs),
    }


def _payload(gate: ConsentGate, choice: Choice) -> bytes:
    """Return what the gate signs: its token without the signature."""
    token = gate.set_cookie_for(choice).partition(";")[0].partition("=")[2]
    return token.rpartition(".")[0].encode()


def _fields(choice: Choice) -> dict[str, object]:
    return {
        "id": choice.id,
        "revision": choice.revision,
        "granted": dict(choice.fingerprints),
        "refused": sorted(choice.refused),
    }


def tables(effort: Effort) -> Iterator[Table]:
    """Measure it."""
    times = paired_times(contenders(), effort)
    remarks = [
        f"goal {_GOAL} times {name}, measured {_against(times, name):.2f}"
        for name in (_SIGNER, _TIMED, _SERIALIZER)
    ]
    yield time_table("A token seen for the first time", times, _SIGNER, remarks)


def _against(times: Times, name: str) -> float:
    return Spread.of(ratios(times, name)[_GATE]).median
