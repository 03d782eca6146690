"""One request and its response as the gate sees them: what may leave, on plain bytes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from consentgate import wire
from consentgate.category import NECESSARY
from consentgate.choice import Choice
from consentgate.errors import ResponseStartedError
from consentgate.gate import ConsentGate, Standing
from consentgate.observer import Event, Reason, shown
from consentgate.request import Request
from consentgate.wire import Dialect, HeaderKind, Text

logger = logging.getLogger("consentgate")

_NOTHING: frozenset[str] = frozenset()
_ALWAYS = frozenset({NECESSARY})
_PLAIN, _SET_COOKIE, _UNSAFE = HeaderKind.PLAIN, HeaderKind.SET_COOKIE, HeaderKind.UNSAFE


class Exchange:
    """The state of one request and its response.

    `cookie_lines` are the request's `Cookie` headers, `https` whether it came
    over TLS, `path` where to. `request` is there only for a gate with a
    `needs_consent` predicate. Nothing of the request is read later on.
    """

    __slots__ = (
        "_before",
        "_choice",
        "_now",
        "_passing",
        "consent_needed",
        "cookie_lines",
        "gate",
        "https",
        "path",
        "started",
    )

    def __init__(
        self,
        gate: ConsentGate,
        cookie_lines: Sequence[bytes],
        path: str = "",
        https: bool = False,
        request: Request | None = None,
    ) -> None:
        self.gate = gate
        self.cookie_lines = cookie_lines
        self.path = path
        self.https = https
        self.started = False
        self.consent_needed = request is None or self._asks(request)
        self._before: Standing | None = None
        self._now: Standing | None = None
        self._choice: Choice | None = None
        # What passes without another look: at first, what needs no choice.
        self._passing = _NOTHING if gate.observe_passed else _ALWAYS

    @property
    def standing(self) -> Standing:
        """What holds now: as the request came, or as the app changed it since.

        Tokens are verified when this is first asked: a response that sets
        necessary cookies only never pays for it.
        """
        if self._now is None:
            self._now = self._before = self.gate.standing(self.cookie_lines)
        return self._now

    def allows(self, category: str) -> bool:
        """Tell whether the cookies of a category may pass. False for an unknown one."""
        if self.consent_needed:
            return category in self.standing.allowed
        return category == NECESSARY or category in self.gate.policy.choosable

    def decide(self, granted: frozenset[str], refused: frozenset[str]) -> None:
        """Take the visitor's new choice.

        It holds at once and for all of this response. A choice that is held
        already is not recorded again: it lapses when it would have (CNIL: no
        prolongation by visits). Raises ResponseStartedError where the headers
        are gone: it holds, but the browser was not told.
        """
        was, self._passing = self.standing, _NOTHING
        if self._holds(was, granted, refused):
            return
        if self._before and self._holds(self._before, granted, refused):
            self._now, self._choice = self._before, None  # Back to what the browser holds.
        else:
            choice = self.gate.choice(granted, refused, id=was.choice.id if was.choice else None)
            self._now, self._choice = self.gate.standing_of(choice), choice
        if self.started:
            raise ResponseStartedError(
                "the choice changed after the response had started: it holds in this exchange, "
                "but no Set-Cookie can carry it; decide before the response starts"
            )

    def leaving(
        self, headers: Iterable[tuple[Text, Text]], dialect: Dialect[Text]
    ) -> list[tuple[Text, Text]]:
        """Return the response headers that may leave, in order, and mark the response started.

        The consent cookie, if a choice was made, comes first. Called again
        with other headers (WSGI's `exc_info`), it does the same for them.
        """
        kept = self.filtered(headers, dialect)
        issued = self.issued()
        if issued is not None:
            kept.insert(0, (dialect.set_cookie, dialect.decode(issued)))
        return kept

    def filtered(
        self, headers: Iterable[tuple[Text, Text]], dialect: Dialect[Text]
    ) -> list[tuple[Text, Text]]:
        """Return those of the response headers that may leave, in a new list.

        They are the same objects, deletions that lost their value aside. What a
        gate further in sends on is filtered so, and again further out.
        """
        headers = list(headers)
        kinds = wire.header_kinds(headers, dialect)
        if kinds.count(_PLAIN) == len(headers):
            return headers
        kept = []
        for position, header in enumerate(headers):
            kind = kinds[position]
            if kind is _PLAIN or (kind is _UNSAFE and self.refused(header)):
                kept.append(header)
            elif kind is _SET_COOKIE:
                raw = dialect.encode(header[1])
                judged = self.judge(raw)
                if judged is raw:
                    kept.append(header)
                elif judged is not None:
                    kept.append((header[0], dialect.decode(judged)))
        return kept

    def without_cookies(
        self, headers: Iterable[tuple[Text, Text]], dialect: Dialect[Text]
    ) -> list[tuple[Text, Text]]:
        """Return headers that no cookie may be in: trailers, early hints.

        Browsers store no cookie from them; what passes them on may.
        """
        headers = list(headers)
        kinds = wire.header_kinds(headers, dialect)
        return [
            header
            for header, kind in zip(headers, kinds, strict=True)
            if kind is _PLAIN or self.refused(header)
        ]

    def judge(self, set_cookie: bytes) -> bytes | None:
        """Return what may leave of one `Set-Cookie` value: itself, a bare deletion, or None."""
        name = wire.stored_name(set_cookie)
        category = self.gate.category_of[name]
        if category in self._passing or category in self._learnt():
            return set_cookie
        return self._judge(set_cookie, name, category)

    def _learnt(self) -> frozenset[str]:
        """Find out what passes for this visitor, now that it matters."""
        if self.consent_needed and not self.gate.observe_passed:
            self._passing = self.standing.allowed
        return self._passing

    def _judge(self, set_cookie: bytes, name: bytes, category: str | None) -> bytes | None:
        gate = self.gate
        reason = self._objection(name, category)
        # A browser may always be told to forget what it may not store.
        bare = wire.deletion(set_cookie, gate.clock()) if reason in _DELETABLE else None
        if reason is not None and bare is None:
            self._tell("stripped", name or wire.written_name(set_cookie), category, reason)
            return set_cookie if gate.report_only else None
        if gate.observe_passed:
            self._tell("passed", name, category, None)
        return set_cookie if bare is None or gate.report_only else bare

    def issued(self) -> bytes | None:
        """Return the `Set-Cookie` value that records a choice made in this exchange, if any was."""
        self.started = True
        if self._choice is None:
            return None
        return self.gate.set_cookie_for(self._choice, secure=self.https).encode("ascii")

    def abandoned(self) -> None:
        """End it without a response: the app raised, so nothing further in may share it."""
        self.started = True

    def status(self, status: str) -> str:
        """Return the WSGI status line that may leave: cut where it could start a header."""
        safe = wire.safe_status(status)
        if safe == status or self.refused(("status", status)):
            return status
        return safe

    def refused(self, header: object) -> bool:
        """Report a header that could smuggle another one in; tell whether it leaves."""
        name = header[0] if isinstance(header, (tuple, list)) and header else header
        if not isinstance(name, bytes):
            text = name if isinstance(name, str) else repr(name)
            name = text.encode("latin-1", "replace")
        self._tell("stripped", name, None, Reason.UNSAFE_HEADER)
        return self.gate.report_only

    def shares(self, cookie_lines: Sequence[bytes]) -> bool:
        """Tell whether a gate further in, on a request with these cookies, is part of this."""
        here, there = (list(filter(None, lines)) for lines in (self.cookie_lines, cookie_lines))
        return not self.started and here == there

    def _asks(self, request: Request) -> bool:
        """Ask the site's predicate, once. One that raises means that consent is needed."""
        predicate = self.gate.needs_consent
        try:
            return predicate is None or bool(predicate(request))
        except Exception:
            logger.exception("needs_consent failed at %r; consent is needed", self.path[:200])
            return True

    def _holds(self, standing: Standing, granted: frozenset[str], refused: frozenset[str]) -> bool:
        choice, known = standing.choice, self.gate.policy.choosable
        return (
            standing.answered
            and choice is not None
            and choice.granted & known == granted
            and choice.refused & known == refused
        )

    def _objection(self, name: bytes, category: str | None) -> Reason | None:
        if name == self.gate.name:
            return Reason.RESERVED  # Only the gate writes the choice.
        if not self.consent_needed:
            return None
        if not name:
            return Reason.MALFORMED
        if category is None:
            return Reason.UNDECLARED
        if category in self.standing.allowed:
            return None
        return Reason.REFUSED if self.standing.answered else Reason.UNANSWERED

    def _tell(self, action: str, name: bytes, category: str | None, reason: Reason | None) -> None:
        enforced = not self.gate.report_only
        self.gate.tell(Event(action, shown(name), category, self.path, reason, enforced))


_DELETABLE = (Reason.UNDECLARED, Reason.UNANSWERED, Reason.REFUSED)
