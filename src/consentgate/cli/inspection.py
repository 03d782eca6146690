"""What a token says, and why a gate believes it or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from consentgate.choice import Choice, mark_of
from consentgate.gate import ConsentGate
from consentgate.token import MAX_BYTES, TokenSigner, unverified


class Inspection(NamedTuple):
    """What is known of a token.

    `choice` is what it says, whoever wrote it, None if it says nothing. `key`
    is the number of the key that signed it, 1 for the oldest; None if none
    did, or if there is no key to check with. `faults` are why a gate does not
    believe it, `notes` what else is to be known. `allowed` is what passes now
    for the browser that sends it.
    """

    choice: Choice | None
    key: int | None
    checked: bool
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    allowed: tuple[str, ...]
    answered: bool
    until: datetime | None

    @property
    def valid(self) -> bool | None:
        """Whether a gate believes it; None where nobody can tell without a key."""
        if self.faults:
            return False
        return True if self.checked else None

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values; times in RFC 3339."""
        choice = self.choice
        return {
            "valid": self.valid,
            "answered": self.answered,
            "faults": self.faults,
            "notes": self.notes,
            "id": choice and choice.id,
            "made_at": choice and choice.time.isoformat(),
            "until": self.until and self.until.isoformat(),
            "revision": choice and choice.revision,
            "granted": choice and sorted(choice.granted),
            "refused": choice and sorted(choice.refused),
            "allowed": self.allowed,
            "signature": {"checked": self.checked, "key": self.key},
        }


def inspected(
    token: bytes, gate: ConsentGate, keys: Sequence[str | bytes], *, compares: bool
) -> Inspection:
    """Return what is known of a token, under a gate's policy and options.

    `keys` are those that may have signed it, oldest first; none leaves the
    signature unchecked. `compares` says whether the policy is the site's, and
    so whether it matters what the token says of it.
    """
    choice = unverified(token)
    key = _signing_key(token, keys, gate.cookie_name)
    faults = tuple(_faults(token, choice, gate, keys, key))
    answered = choice is not None and not faults and gate.standing_of(choice).answered
    standing = gate.standing_of(choice) if choice and not faults else gate.standing(())
    return Inspection(
        choice,
        key,
        bool(keys),
        faults,
        tuple(_notes(choice, gate, key, len(keys))) if choice and compares else (),
        tuple(sorted(standing.allowed)) if compares else (),
        answered,
        choice and datetime.fromtimestamp(gate.standing_of(choice).until, UTC),
    )


def _signing_key(token: bytes, keys: Sequence[str | bytes], cookie_name: str) -> int | None:
    for number, key in enumerate(keys, start=1):
        if TokenSigner(key, cookie_name).read(token) is not None:
            return number
    return None


def _faults(
    token: bytes,
    choice: Choice | None,
    gate: ConsentGate,
    keys: Sequence[str | bytes],
    key: int | None,
) -> Iterator[str]:
    if len(token) > MAX_BYTES:
        yield f"it has {len(token)} bytes, and no token has more than {MAX_BYTES}"
    elif choice is None:
        yield (
            "it is not in the form of a token, "
            "1~ID~SECONDS~REVISION~GRANTED~REFUSED.SIGNATURE: cut off, quoted or not one at all"
        )
    if choice is None:
        return
    if keys and key is None:
        yield (
            "no key signed it: its text was changed, or it was signed with another key, or for a "
            f"cookie of another name than {gate.cookie_name}"
        )
    standing, now = gate.standing_of(choice), gate.clock()
    if now < standing.since:
        yield "it was made in the future: a clock is wrong, or somebody forged it"
    if now >= standing.until:
        yield f"it is too old: a choice lasts {gate.max_age.days} days"


def _notes(choice: Choice, gate: ConsentGate, key: int | None, keys: int) -> Iterator[str]:
    policy = gate.policy
    if key is not None and key < keys:
        yield f"signed by key {key} of {keys}: an older one, which is believed and signs no more"
    if mark_of(choice.id):
        yield "taken over from the banner of another tool (consent_from)"
    if choice.revision != policy.revision:
        kept = ", but what did not change is kept (keep_unchanged)" if gate.keep_unchanged else ""
        yield (
            f"made under revision {choice.revision}, and the policy is at {policy.revision}: "
            f"the visitor is asked again{kept}"
        )
    lost = sorted((choice.granted | choice.refused) - policy.choosable)
    if lost:
        yield f"the policy has no category {', '.join(lost)} any more: it is ignored"
