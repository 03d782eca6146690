"""What proves that a row is as the ledger wrote it: an HMAC under its own key (RFC 2104)."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256
from json import JSONEncoder
from typing import Any, NamedTuple

from itsdangerous import Signer

from consentgate.token import SecretKey, checked_keys

# As `proof.compact` writes, but made once: millions of rows are checked in one run.
_compact = JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class Mark(NamedTuple):
    """The HMAC of a row, and the name of the key that it was made with."""

    key: str
    mac: str


class Marks:
    """Makes and checks the marks of rows, under one list of keys from the oldest to the newest.

    The newest marks; whatever an older one marked is known by that key's name,
    which says nothing about the key.
    """

    def __init__(self, secret_key: SecretKey) -> None:
        derived = Signer(
            checked_keys(secret_key),
            salt="consentgate.ledger",
            key_derivation="hmac",
            digest_method=sha256,
        )
        self._keyed: dict[str, hmac.HMAC] = {}
        for key in map(derived.derive_key, derived.secret_keys):
            keyed = hmac.new(key, digestmod=sha256)
            self._newest = _mac(keyed, b"name")[:6]
            self._keyed[self._newest] = keyed

    @property
    def newest(self) -> str:
        """The name of the key that marks what is written now."""
        return self._newest

    def of(self, kind: str, *values: Any) -> Mark:
        """Return the mark of a row: of its kind ("record", "seal", ...) and its values."""
        key = self._newest
        return Mark(key, _mac(self._keyed[key], _compact([kind, key, *values]).encode("ascii")))

    def is_known(self, key: str) -> bool:
        """Tell whether what a key of this name marked can be checked."""
        return key in self._keyed

    def fits(self, mark: tuple[str, str], kind: str, *values: Any) -> bool:
        """Tell whether a row of this kind and with these values has the mark that it must have."""
        key, mac = mark
        keyed = self._keyed.get(key)
        if keyed is None:
            return False
        try:
            text = _compact([kind, key, *values])
        except TypeError:
            return False  # SQLite keeps bytes in a column of texts for whoever puts them there.
        return _mac(keyed, text.encode("ascii")) == mac

    def genuine(self, mark: tuple[str, str], kind: str, *values: Any) -> bool | None:
        """Tell the same, and None where the key that the mark was made with is not given."""
        return self.fits(mark, kind, *values) if mark[0] in self._keyed else None


def _mac(keyed: hmac.HMAC, text: bytes) -> str:
    """Return the HMAC of a text, of 43 characters; what the key alone makes is made before."""
    mac = keyed.copy()
    mac.update(text)
    return urlsafe_b64encode(mac.digest())[:-1].decode("ascii")
