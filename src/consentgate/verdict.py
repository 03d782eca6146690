"""What holds for one visitor in one exchange, and what is said of each cookie."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from consentgate import cookie_header
from consentgate.category import ALWAYS, NECESSARY, UNDECLARED
from consentgate.choice import Choice
from consentgate.errors import ConsentGateError, ResponseStartedError
from consentgate.gate import ConsentGate
from consentgate.observer import LONGEST_PATH, Event, Reason, is_logged, shown
from consentgate.proof import SOURCES
from consentgate.request import Request, Target
from consentgate.standing import Standing

logger = logging.getLogger("consentgate")

# What the outcome of an exchange can depend on, as `Vary` names it.
ON_CHOICE = (b"Cookie",)
ON_SIGNAL = (b"Cookie", b"Sec-GPC")
ON_LANGUAGE = (b"Cookie", b"Accept-Language")
ON_USE = (b"Sec-Fetch-Dest",)

_NOTHING: frozenset[str] = frozenset()

# What is said of a category. A cookie that is no cookie to some parser is another matter.
_SPARED = frozenset(
    {Reason.UNDECLARED, Reason.UNANSWERED, Reason.REFUSED, Reason.OUTLIVES, Reason.PROLONGS}
)


class Verdict:
    """What holds for a visitor: as the request came, and as the app changed it since.

    `cookie_lines` are the request's `Cookie` headers, `https` whether it came
    over TLS, `path` and `host` where to, `opted_out` whether it said
    `Sec-GPC: 1`. `request` is there only for a gate whose functions ask for one.
    """

    # Defaults of the class: most exchanges end without touching them.
    started = False
    choice: Choice | None = None
    """The choice that was made in this exchange, for the response to record."""
    reviews = False
    """Whether the browser may hold what it may not."""
    varies: tuple[bytes, ...] = ()
    """What the outcome depended on so far, as `Vary` names it."""
    personal = False
    """Whether there is something in the response that no cache may show to anybody else."""
    banner_shown = False
    """Whether the app has asked for the banner, and so shows it."""
    guard_shown = False
    """Whether the app has asked for the guard, and so has it."""
    locate: Callable[[Sequence[bytes]], Target] | None = None
    """Says where the request went, for the pages that ask."""
    narrow: Callable[[], object] | None = None
    """Withholds from the app what it may not read any more, after a change."""
    consent_needed = True
    request: Request | None = None
    source = "app"
    """Where the choice came from, as the ledger has it."""
    _before: Standing | None = None
    _now: Standing | None = None

    def __init__(
        self,
        gate: ConsentGate,
        cookie_lines: Sequence[bytes],
        path: str = "",
        https: bool = False,
        request: Request | None = None,
        *,
        host: bytes = b"",
        opted_out: bool = False,
    ) -> None:
        self.gate = gate
        self.cookie_lines = cookie_lines
        self.path = path
        self.https = https
        self.host = host
        self.opted_out = opted_out
        # What passes without another look: at first, what needs no choice.
        self.passing = _NOTHING if gate.inspects else ALWAYS
        if request is not None:
            self.request = request
            self.consent_needed = self._asks(request)

    @property
    def standing(self) -> Standing:
        """What holds now: as the request came, or as the app changed it since.

        Tokens are verified when this is first asked: a response that sets
        necessary cookies only never pays for it.
        """
        if self._now is None:
            self._now = self._before = self.gate.standing(self.cookie_lines)
        return self._now

    def consulted(self) -> Standing:
        """Return what holds, for the app: what it answers may depend on it."""
        self.varies = self.varies or ON_CHOICE
        return self.standing

    @property
    def target(self) -> Target:
        """Where the request went, as far as the adapter said."""
        return Target() if self.locate is None else self.locate(self.cookie_lines)

    def speaks(self) -> None:
        """Note that the response says something to the visitor, in the visitor's language."""
        self.varies = (*ON_LANGUAGE, *(f for f in self.varies if f not in ON_LANGUAGE))

    def is_personal(self) -> None:
        """Note that the response has in it what no cache may show to anybody else."""
        self.speaks()
        self.personal = True

    def allows(self, category: str) -> bool:
        """Tell whether the cookies of a category may pass. False for an unknown one."""
        if category == NECESSARY:
            return True
        if self.consent_needed:
            return category in self.consulted().allowed
        if category not in self.gate.policy.choosable:
            return False
        self._opens(category)
        return not self._opposed(category)

    def decide(
        self,
        granted: frozenset[str],
        refused: frozenset[str],
        identity: str | None = None,
        *,
        source: str = "app",
    ) -> None:
        """Take the visitor's new choice; `identity` is by default that of the choice before.

        It holds at once and for all of this response. A choice that is held
        already is not recorded again: it lapses when it would have (CNIL: no
        prolongation by visits). `source` is one of `proof.SOURCES`. Raises
        ConsentGateError for another one, ResponseStartedError where the headers
        are gone: it holds, but the browser was not told.
        """
        if source not in SOURCES:
            raise ConsentGateError(f"source={source!r}: use one of {', '.join(SOURCES)}")
        was, self.passing, self.reviews = self.consulted(), _NOTHING, True
        if self._holds(was, granted, refused):
            return
        if self._before and self._holds(self._before, granted, refused):
            self._back_to(self._before, was)
        else:
            identity = identity or (was.choice.id if was.choice else None)
            choice = self.gate.choice(granted, refused, id=identity)
            self._now, self.choice = self.gate.standing_of(choice), choice
        self.source = source
        if self.narrow is not None:
            self.narrow()
        if self.started:
            raise ResponseStartedError(
                "the choice changed after the response had started: it holds in this exchange, "
                "but no Set-Cookie can carry it; decide before the response starts"
            )

    def _back_to(self, before: Standing, was: Standing) -> None:
        """Let what the browser holds hold again; under the id that it has by now, if another one.

        That tells which answer of another banner was taken over meanwhile.
        """
        self._now, self.choice = before, None
        if before.choice and was.choice and before.choice.id != was.choice.id:
            self.choice = before.choice._replace(id=was.choice.id)
            self._now = self.gate.standing_of(self.choice)

    def lost(self) -> frozenset[str]:
        """Return the categories that a visitor may have allowed once, and does not since now."""
        before, now = self._before, self.standing
        if before is None or before is now:
            return _NOTHING
        granted = before.choice.granted if before.choice else _NOTHING
        if before.choice is None and cookie_header.values_of(self.cookie_lines, self.gate.name):
            # A token that lapsed, or that nobody can read any more, may have granted anything.
            granted = self.gate.policy.choosable
        return (before.allowed | granted) - now.allowed

    def outcome(self) -> str:
        """Say in a word what the visitor's new choice comes to, for who counts choices."""
        before, asked = self._before, self.gate.asked
        held = before.choice.granted & before.allowed if before and before.choice else _NOTHING
        granted = self.choice.granted if self.choice else _NOTHING
        if held - granted:
            return "withdrawn"
        if not granted:
            return "refused"
        return "granted" if asked <= granted else "partial"

    def learnt(self) -> frozenset[str]:
        """Find out what passes for this visitor, now that it matters."""
        if self.consent_needed and not self.gate.inspects:
            self.passing = self._depended().allowed
        return self.passing

    def may_read(self, name: bytes) -> bool:
        """Tell whether the app may read a cookie of this name."""
        if self.consent_needed:
            return self.gate.declarations.readable_as[name] in self.standing.allowed
        return not self._opposed(self.gate.category_of[name])

    def objection(self, name: bytes, category: str | None) -> Reason | None:
        """Say why a cookie of this name and category may not be stored; None if it may."""
        if name == self.gate.name:
            return Reason.RESERVED  # Only the gate writes the choice.
        if not self.consent_needed:
            if category != NECESSARY and not self.only_told(category):
                self._opens(category)
            return Reason.REFUSED if self._opposed(category) else None
        if not name:
            return Reason.MALFORMED
        if category is None:
            return Reason.UNDECLARED
        if category == NECESSARY or category in self._depended(category).allowed:
            return None
        # Global Privacy Control: a signal is no choice, but it refuses.
        refused = self.standing.answered or self._signalled(category)
        return Reason.REFUSED if refused else Reason.UNANSWERED

    def tell(
        self,
        action: str,
        name: bytes,
        category: str | None,
        reason: Reason | None,
        enforced: bool = True,
    ) -> None:
        """Tell the observers what becomes of a cookie; daily business only if one was asked for."""
        if self.gate.observed or is_logged(action, reason):
            enforced = enforced and not self.spares(category, reason)
            path = self.path[:LONGEST_PATH]
            self.gate.tell(Event(action, shown(name), category, path, reason, enforced))

    def spares(self, category: str | None, reason: Reason | None) -> bool:
        """Tell whether what would become of a cookie, for this reason, is only told."""
        return self.gate.report_only or (reason in _SPARED and self.only_told(category))

    def only_told(self, category: str | None) -> bool:
        """Tell whether nothing is enforced in a category (None: in no declaration)."""
        return self.gate.report_only or (category or UNDECLARED) in self.gate.reported

    def _depended(self, category: str | None = NECESSARY) -> Standing:
        """Return what holds, for the gate: what leaves depends on it."""
        return self.standing if self.only_told(category) else self.consulted()

    def _opens(self, category: str | None) -> None:
        """Note that what passes an open gate does not pass a closed one."""
        if category in self.gate.policy.sold:
            self.varies = (*ON_SIGNAL, *(f for f in self.varies if f not in ON_SIGNAL))
        else:
            self.varies = self.varies or ON_CHOICE

    def _opposed(self, category: str | None) -> bool:
        """Tell whether a visitor whose consent is not needed refused a category all the same."""
        if category not in self.gate.policy.choosable:
            return False
        choice = self.standing.choice
        refused = choice is not None and category in choice.refused
        return refused or self._signalled(category)

    def _signalled(self, category: str | None) -> bool:
        """Tell whether the browser's signal refuses a category, and no choice grants it."""
        return (
            self.opted_out
            and category in self.gate.policy.sold
            and category not in self.standing.allowed
        )

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
