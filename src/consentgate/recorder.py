"""Makes choices, and the cookie that records one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

from consentgate.category import NECESSARY
from consentgate.choice import ID, Choice, new_id
from consentgate.errors import ConsentGateError
from consentgate.policy import Policy
from consentgate.standing import Standings
from consentgate.token import MAX_BYTES, TokenSigner


class Recorder:
    """Makes choices under a policy, and writes them down.

    `name`, `domain` and `max_age` are the consent cookie's. `clock` gives the
    seconds since the epoch.
    """

    def __init__(
        self,
        policy: Policy,
        signer: TokenSigner,
        name: str,
        domain: str | None,
        max_age: timedelta,
        clock: Callable[[], float],
    ) -> None:
        self._policy = policy
        self._signer = signer
        self._name = name
        self._domain = domain
        self._max_age = max_age
        self._clock = clock

    def choice(
        self, granted: Iterable[str], refused: Iterable[str] | None, id: str | None
    ) -> Choice:
        """Return a choice made now; see `ConsentGate.choice`."""
        if id is not None and not (isinstance(id, str) and ID.fullmatch(id)):
            raise ConsentGateError(
                f"id={id!r}: use 1 to 32 letters, digits, '_' or '-', or leave it out"
            )
        keys = self.checked(granted)
        others = self._policy.needing if refused is None else self.checked(refused)
        return Choice(
            granted=keys,
            refused=others - keys,
            made_at=int(self._clock()),
            revision=self._policy.revision,
            id=id or new_id(),
            fingerprints={key: self._policy.fingerprints[key] for key in keys},
        )

    def checked(self, keys: Iterable[str]) -> frozenset[str]:
        """Return those of the keys that a visitor decides on.

        Raises ConsentGateError for one that is not a category of the policy.
        """
        keys = (keys,) if isinstance(keys, str) else tuple(keys)
        known = self._policy.choosable | {NECESSARY}
        for key in keys:
            if not isinstance(key, str) or key not in known:
                raise ConsentGateError(
                    f"unknown category {key!r}; known are: {', '.join(sorted(known))}"
                )
        return frozenset(keys) - {NECESSARY}

    def set_cookie(self, choice: Choice, secure: bool) -> str:
        """Return the `Set-Cookie` value that records a choice; see `ConsentGate.set_cookie_for`."""
        parts = [
            f"{self._name}={self._signer.write(choice).decode('ascii')}",
            f"Max-Age={int(self._max_age.total_seconds())}",
            "Path=/",
            "SameSite=Lax",
            "HttpOnly",
        ]
        if self._domain:
            parts.append(f"Domain={self._domain}")
        if secure:
            parts.append("Secure")
        return "; ".join(parts)

    def check(self, standings: Standings) -> None:
        """Write a choice and read it back: what no visitor could do is said at once."""
        try:
            text = self.set_cookie(self.choice(self._policy.choosable, None, None), secure=True)
            pair = text.partition(";")[0].encode("ascii")
            answered = standings.of_request([pair]).answered
        except (TypeError, ValueError, OverflowError):
            text, answered = "", False
        if len(text) > MAX_BYTES:
            raise ConsentGateError(
                f"Policy(categories): a choice over {len(self._policy.choosable)} categories needs "
                f"{len(text)} bytes, {MAX_BYTES} are what browsers keep safely; use fewer "
                "categories or shorter keys"
            )
        if not answered:
            raise ConsentGateError(
                f"clock={self._clock!r}: must return the seconds since the epoch, as time.time does"
            )
