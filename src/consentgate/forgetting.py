"""What the browser has to forget in one exchange: cookies that it holds and may not hold."""

from __future__ import annotations

from consentgate import cookie_header, expiry, wire
from consentgate.expiry import Place, Stale
from consentgate.names import is_declarable
from consentgate.observer import Reason
from consentgate.verdict import Verdict
from consentgate.wire import Dialect, HeaderKind, Text

DELETABLE = (Reason.UNDECLARED, Reason.UNANSWERED, Reason.REFUSED)
"""Why a cookie may not be stored, where a browser may still be told to forget it."""


class Forgetting(Verdict):
    """Finds what the browser has to forget, and what makes it forget."""

    embedded = False
    """Whether the request is one to which browsers add no SameSite=Lax cookie."""

    def deletions(self, kept: list[tuple[Text, Text]], dialect: Dialect[Text]) -> list[bytes]:
        """Return what makes the browser forget the cookies that it may not hold."""
        gate = self.gate
        kinds = wire.header_kinds(kept, dialect)
        settled = {
            wire.stored_name(dialect.encode(header[1]))
            for header, kind in zip(kept, kinds, strict=True)
            if kind is HeaderKind.SET_COOKIE
        }
        stale = [cookie for cookie in self._stale() if cookie.name not in settled]
        if not stale and self.choice is None:
            return []
        room = expiry.room_beside(
            len(header[0]) + len(header[1]) + 4
            for header, kind in zip(kept, kinds, strict=True)
            if kind is not HeaderKind.UNSAFE
        )
        path = self.path.encode(dialect.path_encoding, "replace")
        place = Place.of(self.host, path, secure=self.secure)
        doubles = self._doubles(place) if self.choice else []
        # What is due at a change of choice starts with the likeliest, whatever was sent before.
        turn = 0 if self.choice or not stale else gate.turn()
        lines = expiry.deletions(stale, place, room, turn, first=doubles)
        for name in dict.fromkeys(line.partition(b"=")[0] for line in lines):
            if name != gate.name:
                category = gate.category_of[name]
                self.tell("expired", name, category, self.objection(name, category))
        return [line for line in lines if not self._is_left(line.partition(b"=")[0])]

    def _is_left(self, name: bytes) -> bool:
        """Tell whether the browser keeps what it would have to forget: that is only told."""
        category = self.gate.category_of[name]
        return name != self.gate.name and self.spares(category, self.objection(name, category))

    def _stale(self) -> list[Stale]:
        """Find the cookies that the browser holds and may not hold."""
        if self.embedded and self.standing.choice is None:
            return []  # The visitor may have granted them: the choice did not come along.
        declarations = self.gate.declarations
        brought = cookie_header.names_in(self.cookie_lines)
        lost = self.lost()
        elsewhere = dict.fromkeys(
            cookie.name.encode("ascii")
            for cookie in declarations.elsewhere
            if cookie.category in lost
        )
        return [
            *(Stale(name, declarations.terms[name].rows) for name in brought if self.goes(name)),
            *(
                Stale(name, declarations.terms[name].rows, brought=False)
                for name in elsewhere
                if name not in brought
            ),
        ]

    def goes(self, name: bytes) -> bool:
        """Tell whether a cookie that the browser sent has to go."""
        reason = self.objection(name, self.gate.category_of[name])
        if reason is Reason.UNDECLARED:
            return self.gate.expire_undeclared and is_declarable(name)
        return reason in DELETABLE

    def _doubles(self, place: Place) -> list[bytes]:
        """Delete consent cookies of other domains: beside a new one they would go on to count."""
        own = cookie_header.values_of(self.cookie_lines, self.gate.name)
        if not own or (len(own) == 1 and self.gate.cookie_domain is None):
            return []
        return expiry.doubles(self.gate.name, self.gate.cookie_domain, place)

    @property
    def secure(self) -> bool:
        """Whether the browser takes cookies that are Secure."""
        return self.https or self.gate.always_secure
