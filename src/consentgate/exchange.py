"""One request and its response as the gate sees them, on plain bytes.

What the app may read, and what may leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from consentgate import attributes, caching, cookie_header, wire
from consentgate.category import ALWAYS, ANONYMOUS_STATISTICS
from consentgate.forgetting import DELETABLE
from consentgate.names import is_declarable
from consentgate.observer import Reason
from consentgate.proving import Proving
from consentgate.verdict import ON_CHOICE, ON_USE
from consentgate.wire import Dialect, HeaderKind, Text

_PLAIN, _SET_COOKIE, _UNSAFE = HeaderKind.PLAIN, HeaderKind.SET_COOKIE, HeaderKind.UNSAFE


class Exchange(Proving):
    """The state of one request and its response. Nothing of the request is read later on."""

    gated = False
    """Whether the request brought more than what is necessary, once it arrived."""
    _handed: Sequence[bytes] | None = None
    _told: frozenset[bytes] = frozenset()

    def arrive(self) -> Sequence[bytes]:
        """Return the `Cookie` lines as the app may read them; see `readable`."""
        self._handed = self.readable(self.cookie_lines)
        return self._handed

    def readable(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        """Return `Cookie` lines without the cookies that the visitor does not allow.

        They are as many as before, `b""` where nothing is left of one; a line
        that loses nothing is the same object, and so are they all together.
        ePrivacy directive 5(3): "the storing of information, or the gaining of
        access to information already stored".
        """
        gate = self.gate
        readable_as = gate.declarations.readable_as
        kinds = cookie_header.plain_kinds(lines, readable_as)
        if kinds is not None and kinds <= ALWAYS:
            return lines
        self.gated = True
        if not self.consent_needed and all(map(self.may_read, cookie_header.names_in(lines))):
            return lines
        if self.consent_needed and kinds is not None:
            allowed = self.standing.allowed
            if kinds <= allowed:
                return lines
            left, withheld = cookie_header.divided_plainly(lines, readable_as, allowed)
        else:
            left, withheld = cookie_header.divided(lines, self.may_read)
        if not withheld:
            return lines
        names = dict.fromkeys(map(cookie_header.name_of, withheld))
        self.reviews = self.reviews or any(map(self.goes, names))
        if not gate.withhold:
            return lines
        # What is plain is never withheld for its form, of which the log would hear.
        if gate.observed or kinds is None:
            self._tell_withheld(names)
        if gate.report_only:
            return lines
        return cookie_header.divided(lines, self._stays)[0] if gate.reported else left

    def shares(self, cookie_lines: Sequence[bytes]) -> bool:
        """Tell whether a gate further in, on a request with these cookies, is part of this."""
        values_of, name = cookie_header.values_of, self.gate.name
        handed = self.cookie_lines if self._handed is None else self._handed
        return not self.started and values_of(cookie_lines, name) == values_of(handed, name)

    def leaving(
        self, headers: Iterable[tuple[Text, Text]], dialect: Dialect[Text], status: int
    ) -> list[tuple[Text, Text]]:
        """Return the response headers that may leave, in order, and mark the response started.

        The consent cookie, if a choice was made, comes first; what the browser
        has to forget comes last. Called again with other headers (WSGI's
        `exc_info`), it does the same for them. `status` is the response's.
        """
        kept = self.filtered(headers, dialect)
        self.started = True
        self.add_sources(kept, dialect, status)
        if self.reviews or self.varies or self.depends_on_use:
            self._complete(kept, dialect)
        return kept

    def filtered(
        self, headers: Iterable[tuple[Text, Text]], dialect: Dialect[Text]
    ) -> list[tuple[Text, Text]]:
        """Return those of the response headers that may leave, in a new list.

        They are the same objects, deletions that lost their value and cookies
        that were cut or hardened aside. What a gate further in sends on is
        filtered so, and again further out.
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

        Browsers store no cookie from them; what passes them on may. Nor do they
        lead to another site before the page's policy is there.
        """
        headers = list(headers)
        kinds = wire.header_kinds(headers, dialect)
        return [
            header
            for header, kind in zip(headers, kinds, strict=True)
            if (kind is _PLAIN and self.may_hint(header, dialect))
            or (kind is not _PLAIN and self.refused(header))
        ]

    def judge(self, set_cookie: bytes) -> bytes | None:
        """Return what may leave of one `Set-Cookie` value: itself, a bare deletion, or None.

        Where the site asked for it, with its lifetime cut and its attributes raised.
        """
        name = wire.stored_name(set_cookie)
        category = self.gate.category_of[name]
        if category in self.passing or (category is not None and category in self.learnt()):
            return set_cookie
        return self._judge(set_cookie, name, category)

    def abandoned(self) -> None:
        """End it without a response: the app raised, so nothing further in may share it."""
        self.started, self.narrow = True, None

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
        self.tell("stripped", name, None, Reason.UNSAFE_HEADER)
        return self.gate.report_only

    def _judge(self, set_cookie: bytes, name: bytes, category: str | None) -> bytes | None:
        gate = self.gate
        reason = self.objection(name, category)
        if reason is None and gate.clamp_lifetimes and self._prolongs(set_cookie, name, category):
            reason = Reason.PROLONGS
        # A browser may always be told to forget what it may not store.
        bare = wire.deletion(set_cookie, gate.clock()) if reason in DELETABLE else None
        if reason is not None and bare is None:
            self.tell("stripped", name or wire.written_name(set_cookie), category, reason)
            return set_cookie if self.spares(category, reason) else None
        if gate.observe_passed:
            self.tell("passed", name, category, None)
        shaped = self._shaped(bare or set_cookie, name, category) if gate.inspects else bare
        return set_cookie if shaped is None or self.only_told(category) else shaped

    def _shaped(self, set_cookie: bytes, name: bytes, category: str | None) -> bytes:
        """Cut the lifetime of what passes, and raise its attributes, as far as the site asked."""
        gate = self.gate
        _, longest, hardening = gate.declarations.terms[name]
        if longest is not None:
            cut = attributes.clamped(set_cookie, longest, gate.clock())
            if cut is not set_cookie:
                self.tell("clamped", name, category, Reason.OUTLIVES, gate.clamp_lifetimes)
                set_cookie = cut if gate.clamp_lifetimes else set_cookie
        if hardening is None:
            return set_cookie
        return attributes.hardened(set_cookie, hardening, self.secure)

    def _prolongs(self, set_cookie: bytes, name: bytes, category: str | None) -> bool:
        """Tell whether an exempt cookie that the browser holds would live on for longer.

        CNIL, guidelines of 2020, article 5: new visits must not prolong the life of a tracer
        that is exempt as audience measurement.
        """
        return (
            category == ANONYMOUS_STATISTICS
            and attributes.lasts(set_cookie)
            and name in cookie_header.names_in(self.cookie_lines)
            and wire.deletion(set_cookie, self.gate.clock()) is None
        )

    def _stays(self, name: bytes) -> bool:
        """Tell whether the app reads a cookie of this name: it may, or that is only told."""
        if self.may_read(name):
            return True
        category = self.gate.category_of[name]
        # A name that parsers read in more than one way may be that of an enforced category.
        return is_declarable(name) and self.spares(category, self.objection(name, category))

    def _tell_withheld(self, names: Iterable[bytes]) -> None:
        """Tell which cookies are left out of what the app reads, and why; each name once."""
        names = [name for name in names if name not in self._told]
        self._told |= frozenset(names)
        for name in names:
            category = self.gate.category_of[name]
            reason: Reason | None = Reason.MALFORMED
            if name and name != self.gate.name and (is_declarable(name) or not self.gate.reported):
                readable = self.may_read(name)
                reason = Reason.AMBIGUOUS if readable else self.objection(name, category)
            self.tell("withheld", name, category, reason)

    def _complete(self, kept: list[tuple[Text, Text]], dialect: Dialect[Text]) -> None:
        """Add to the headers that leave what the gate itself has to say."""
        if self.choice is not None:
            text = self.gate.set_cookie_for(self.choice, secure=self.https)
            kept.insert(0, (dialect.set_cookie, dialect.decode(text.encode("ascii"))))
            if self.choice is not self._counted:  # Once, also where the app starts over.
                self._counted = self.choice
                self.tell(self.outcome(), self.gate.name, None, None)
        deletions = self.deletions(kept, dialect) if self.reviews else []
        kept += [(dialect.set_cookie, dialect.decode(line)) for line in deletions]
        if deletions or self.choice is not None:
            self.varies = self.varies or ON_CHOICE
        # Under report_only, what is no header at all may be among them.
        odd = self.gate.report_only and _UNSAFE in wire.header_kinds(kept, dialect)
        fields = (*self.varies, *ON_USE) if self.depends_on_use else self.varies
        if fields and not odd:
            caching.keep_apart(kept, fields, dialect, private=self.personal)
