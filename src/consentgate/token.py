"""A choice as signed text, and back: the value of the consent cookie.

    1~<id>~<seconds>~<revision>~<granted>~<refused>.<signature>

`granted` is `key:fingerprint` joined by dots, `refused` is keys joined by
dots. All of it is made of characters that no cookie parser quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Set
from hashlib import sha256

from itsdangerous import BadData, Signer

from consentgate.category import KEY
from consentgate.choice import ID, Choice
from consentgate.errors import ConsentGateError
from consentgate.memory import Memory
from consentgate.policy import FINGERPRINT, REVISION

SecretKey = str | bytes | Iterable[str | bytes]
"""One key, or a list of them from the oldest to the newest."""

# RFC 2104 3: a key shorter than the hash "would decrease the security strength";
# 128 bits are what no search will find (NIST SP 800-57 part 1, 5.6.1).
MIN_KEY_BYTES = 16

# A grant whose terms nobody noted: it outlives no new revision.
_UNKNOWN = "-" * FINGERPRINT

# No token is longer, so nothing longer is verified or remembered.
MAX_BYTES = 2048

_KEY = KEY.pattern
_GRANT = f"{_KEY}:[A-Za-z0-9_-]{{{FINGERPRINT}}}"
_PAYLOAD = re.compile(rf"1~({ID.pattern})~([0-9]{{1,11}})~(.*)".encode("ascii"))
_TERMS = re.compile(
    rf"{REVISION.pattern}~(?:{_GRANT}(?:\.{_GRANT})*)?~(?:{_KEY}(?:\.{_KEY})*)?".encode("ascii")
)


def checked_keys(secret_key: SecretKey) -> list[bytes]:
    """Return the keys as bytes, oldest first.

    Raises ConsentGateError where there is none, or one is too short to be secret.
    """
    keys = [secret_key] if isinstance(secret_key, (str, bytes)) else secret_key
    if not isinstance(keys, Iterable) or isinstance(keys, (Mapping, Set)):
        raise ConsentGateError(f"{_NEEDED}, not {type(secret_key).__name__}")
    checked = []
    for position, key in enumerate(keys):
        if not isinstance(key, (str, bytes)):
            raise ConsentGateError(f"{_NEEDED}, not {type(key).__name__} at position {position}")
        raw = key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key
        if len(raw.strip()) < MIN_KEY_BYTES:
            raise ConsentGateError(
                f"secret_key at position {position} has {len(raw.strip())} bytes, at least "
                f"{MIN_KEY_BYTES} are needed; make one with "
                'python -c "import secrets; print(secrets.token_urlsafe(32))"'
            )
        checked.append(raw)
    if not checked:
        raise ConsentGateError(f"{_NEEDED}, not an empty list")
    return checked


_NEEDED = "secret_key is a str, bytes, or a list of them from the oldest to the newest"


class TokenSigner:
    """Turns choices into tokens and back, for one cookie name and one list of keys.

    Any key of the list verifies, the newest signs. The salt is bound to the
    cookie's name and to this purpose: a text signed for anything else with the
    same key is not a token.
    """

    def __init__(self, secret_key: SecretKey, cookie_name: str) -> None:
        derived = Signer(
            checked_keys(secret_key),
            salt=f"consentgate.choice.{cookie_name}",
            key_derivation="hmac",
            digest_method=sha256,
        )
        # The same signatures, without deriving the keys anew for each of them.
        keys = [derived.derive_key(key) for key in derived.secret_keys]
        self._signer = Signer(keys, key_derivation="none", digest_method=sha256)
        # What visitors decide has few forms: each is read once.
        self._terms = Memory(_read_terms, limit=1024, longest=MAX_BYTES)

    def write(self, choice: Choice) -> bytes:
        """Return the token of a choice. The same choice gives the same token."""
        granted = ".".join(
            f"{key}:{choice.fingerprints.get(key, _UNKNOWN)}" for key in sorted(choice.granted)
        )
        refused = ".".join(sorted(choice.refused))
        payload = f"1~{choice.id}~{choice.made_at}~{choice.revision}~{granted}~{refused}"
        return self._signer.sign(payload.encode("ascii"))

    def read(self, token: bytes) -> Choice | None:
        """Return the choice of a token, None for anything that is not one of ours.

        Says nothing about its age: that depends on when it is asked.
        """
        if len(token) > MAX_BYTES:
            return None
        try:
            payload = self._signer.unsign(token)
        except BadData:
            return None
        return _read_payload(payload, self._terms.__getitem__)


def unverified(token: bytes) -> Choice | None:
    """Return what a token says, whoever signed it, None for what has not the form of one.

    For people who want to know why a gate does not believe it. It is nobody's choice.
    """
    payload, _, signature = token.rpartition(b".")
    if not signature or len(token) > MAX_BYTES:
        return None
    return _read_payload(payload, _read_terms)


def _read_payload(payload: bytes, terms_of: Callable[[bytes], Choice | None]) -> Choice | None:
    found = _PAYLOAD.fullmatch(payload)
    terms = terms_of(found[3]) if found else None
    if found is None or terms is None:
        return None
    return terms._replace(id=found[1].decode("ascii"), made_at=int(found[2]))


def _read_terms(text: bytes) -> Choice | None:
    """Read revision, grants and refusals, as a choice of nobody at no time."""
    if _TERMS.fullmatch(text) is None:
        return None
    revision, granted, refused = text.decode("ascii").split("~")
    fingerprints = dict(grant.split(":") for grant in granted.split(".") if grant)
    return Choice(
        granted=frozenset(fingerprints),
        refused=frozenset(refused.split(".") if refused else ()),
        made_at=0,
        revision=revision,
        id="",
        fingerprints=fingerprints,
    )
