"""The proof of a choice in one exchange: what the ledger has to keep before the browser is told."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, NamedTuple

from consentgate.adopting import Adopting
from consentgate.choice import Choice
from consentgate.proof import Document, Entry, compact, sequence_at_end

if TYPE_CHECKING:
    from consentgate.gate import ConsentGate
    from consentgate.ledger.journal import Journal

logger = logging.getLogger("consentgate")

# The gate's own words are what the visitor read there; elsewhere they are the app's.
_OWN = ("banner", "page", "api")
_LONGEST_EXTRA = 2000
_HOST = re.compile(r"[a-z0-9._:\[\]-]{1,255}")
_LONGEST_LANGUAGE = 64


class Proof(NamedTuple):
    """What the ledger has to keep, and whether something is granted by it."""

    entry: Entry
    grants: bool


class Proving(Adopting):
    """Says what there is to prove, and takes back what cannot be.

    GDPR article 7(1): "the controller shall be able to demonstrate that the
    data subject has consented". What is not written down cannot be shown, so
    it is no consent; to refuse needs no proof.
    """

    _proven: Choice | None = None
    """The choice that the ledger has."""
    _asked: Choice | None = None
    """The choice of which a proof is on its way: the app may make another one meanwhile."""

    @property
    def is_unproven(self) -> bool:
        """Whether there is a choice that the ledger does not have yet."""
        return self.choice is not None and self.choice is not self._proven

    def proof(self, ledger: Journal) -> Proof | None:
        """Return what the ledger has to keep before this response may leave; None for nothing."""
        choice = self._asked = self.choice
        if choice is None or choice is self._proven:
            return None
        return Proof(self._record_of(choice, ledger), self._grants(choice))

    def proved(self, kept: bool) -> bool:
        """Take what became of the proof, and return it.

        Without one what was granted is not; what was withdrawn, is. Then there
        is a smaller choice to prove.
        """
        asked = self._asked
        if kept:
            self._proven = asked
        elif asked is not None and asked is self.choice:
            self._take_back(asked)
        return kept

    def joined(self, gate: ConsentGate) -> None:
        """Note that a gate further in leaves all to this one: also its ledger stays empty."""
        if gate.ledger is not None and self.gate.ledger is None:
            gate.ledger.tell_unused()

    def lapse(self, ledger: Journal) -> Entry | None:
        """Return the record of a choice that came to its end, where this request shows one.

        Its time is over, or the policy has another revision since. It is the
        same record whenever it is found.
        """
        if not self.cookie_lines:
            return None
        before = self._before or self.standing
        if before.answered:
            return None
        ended = before.choice or self.gate.lapsed_of(self.cookie_lines)
        if ended is None:
            return None
        sequence = sequence_at_end(ended.made_at)
        # Before the site is asked what it adds: most requests show what is noted already.
        if not ledger.is_new(ended.id, sequence):
            return None
        return self._record_of(ended, ledger)._replace(
            sequence=sequence,
            made_at=int(self.gate.clock()),
            action="lapsed",
            language="",
            text=ledger.policy.hash,
            source="gate",
            documents=(ledger.policy,),
        )

    def _grants(self, choice: Choice) -> bool:
        """Tell whether something is granted that was not, or is from now on for longer.

        Where an old revision goes on to hold (`keep_unchanged`), the same
        answer to a new one is a new choice.
        """
        before = self._before
        if choice.granted - self._held():
            return True
        renews = before is not None and not before.answered
        return renews and bool(choice.granted) and not self._lost(choice)

    def _lost(self, choice: Choice) -> frozenset[str]:
        """Return what passed before this choice, and does not any more."""
        before = self._before or self.standing
        if self.consent_needed:
            return before.allowed - self.gate.standing_of(choice).allowed
        return choice.refused - (before.choice.refused if before.choice else frozenset())

    def _held(self) -> frozenset[str]:
        """Return what was granted before, and still held."""
        before = self._before
        return before.choice.granted & before.allowed if before and before.choice else frozenset()

    def _take_back(self, choice: Choice) -> None:
        before = self._before or self.standing
        previous = before.choice.refused if before.choice else frozenset()
        still = choice.granted & self._held()
        lost = self._lost(choice)
        silent = self.gate.policy.needing if self.consent_needed else previous
        self._now, self.choice = before, None
        if lost:
            unproven = choice.granted - still
            refused = choice.refused | (unproven & (silent | previous))
            self.choice = self.gate.choice(still, refused, id=choice.id)
            self._now = self.gate.standing_of(self.choice)
        if self.narrow is not None:
            self.narrow()

    def _record_of(self, choice: Choice, ledger: Journal) -> Entry:
        shown, *others = self._documents(ledger)
        return Entry(
            id=choice.id,
            sequence=ledger.sequence.at(self._later(self.gate.clock())),
            made_at=choice.made_at,
            action=self.outcome(),
            decisions=self._decisions(choice),
            revision=choice.revision,
            language=shown.language[:_LONGEST_LANGUAGE],
            text=shown.hash,
            source=self.source,
            site=ledger.site or self._site(),
            extra=self._extra(ledger),
            documents=(shown, *others),
        )

    def _later(self, now: float) -> float:
        """Return a time behind the choice before, also where the clock has gone back since."""
        held = self._before.choice if self._before else None
        return held.made_at + 1.0 if held is not None and held.made_at > now else now

    def _decisions(self, choice: Choice) -> dict[str, bool]:
        """Return yes and no by category; of what no visitor is asked about there is no no."""
        refused = choice.refused & {category.key for category in self.gate.policy.offered}
        return dict.fromkeys(refused, False) | dict.fromkeys(choice.granted, True)

    def _site(self) -> str:
        """Return the host that the visitor asked, as far as it can be one."""
        host = self.host.decode("latin-1").lower()
        return host if _HOST.fullmatch(host) else ""

    def _documents(self, ledger: Journal) -> tuple[Document, ...]:
        """Return the text that the visitor was shown, as far as the gate knows, and the policy."""
        if self.gate.site is None or self.source not in _OWN:
            return (ledger.policy,)
        return (self.gate.site.shown(self.target), ledger.policy)

    def _extra(self, ledger: Journal) -> dict[str, str]:
        """Ask the site for what it adds. A hook that fails costs nobody the choice."""
        if ledger.hook is None or self.request is None:
            return {}
        try:
            extra = {str(name): str(text) for name, text in ledger.hook(self.request).items()}
        except Exception:
            logger.exception("Ledger(extra=...) failed; the choice is kept without it")
            return {}
        if len(compact(extra)) > _LONGEST_EXTRA:
            logger.error(
                "Ledger(extra=...) says more than %d characters; the choice is kept without it",
                _LONGEST_EXTRA,
            )
            return {}
        return extra
