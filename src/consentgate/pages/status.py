"""What a visitor is told about the choice that stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from consentgate.pages.charter import Section
from consentgate.pages.language import Language

if TYPE_CHECKING:
    from consentgate.consent import Consent


class Status:
    """The choice of one visitor, in words of one language.

    `max_age` is how long an answer is kept; `saved` says that this visitor was
    sent here by the answer.
    """

    def __init__(
        self,
        consent: Consent,
        sections: Sequence[Section],
        language: Language,
        max_age: timedelta,
        *,
        saved: bool,
    ) -> None:
        self._consent = consent
        self._sections = sections
        self._language = language
        self._max_age = max_age
        self._saved = saved

    @property
    def withdrawable(self) -> bool:
        """Whether there is consent that could be withdrawn."""
        return any(
            section.kind == "consent" and self._decided(section) for section in self._sections
        )

    @property
    def decisions(self) -> dict[str, str]:
        """What was decided, as forms say it, by category. Nothing before an answer."""
        if not self._consent.answered:
            return {}
        decided = {section.key: self._decided(section) for section in self._sections}
        return {key: "yes" if yes else "no" for key, yes in decided.items() if yes is not None}

    @property
    def lines(self) -> list[str]:
        """The choice and its date; or that there is none, and what holds until there is one."""
        consent, _ = self._consent, self._language.say
        if all(section.kind == "necessary" for section in self._sections):
            return [_("This site uses only cookies that need no consent.")]
        if not consent.answered or consent.choice is None:
            return self._unanswered()
        made = consent.choice.time
        lines = [_("Your choice is saved.")] if self._saved else []
        lines.append(_("You decided on %(date)s.", date=self._language.date(made)))
        lines += self._held()
        until = self._language.date(made + self._max_age)
        lines.append(_("This answer is kept until %(date)s.", date=until))
        return lines

    def _held(self) -> list[str]:
        """Return what is accepted and refused: of an older choice, what of it still holds."""
        _ = self._language.say
        lines = []
        if accepted := self._titles(True):
            lines.append(_("Accepted: %(purposes)s.", purposes=accepted))
        if refused := self._titles(False):
            lines.append(_("Refused: %(purposes)s.", purposes=refused))
        return lines

    def _titles(self, decision: bool) -> str:
        titles = [s.title for s in self._sections if self._decided(s) is decision]
        return self._language.listed(titles) if titles else ""

    def _unanswered(self) -> list[str]:
        consent, _ = self._consent, self._language.say
        if consent.choice is not None:
            lines = [
                _("The cookies of this site have changed since you decided. Please decide again."),
                *self._held(),
            ]
        elif consent.needed:
            lines = [
                _(
                    "You have not decided yet. Until you do, only cookies that need no consent are "
                    "set."
                )
            ]
        else:
            lines = [_("You have not decided yet. You need not, but you can refuse at any time.")]
        if consent.opted_out:
            lines.append(
                _(
                    "Your browser asks that your data be neither sold nor shared (Global Privacy "
                    "Control). Where you have not decided, that counts as a refusal."
                )
            )
        return lines

    def _decided(self, section: Section) -> bool | None:
        """Tell what the visitor decided on a category, and what still holds; None if nothing."""
        consent, choice = self._consent, self._consent.choice
        if choice is None or section.kind == "necessary":
            return None
        refused = section.key in choice.refused
        if section.kind == "exempt":
            return False if refused else (section.key in choice.granted or None)
        if section.key in consent.chosen:
            return True
        # Silence refuses where consent is needed; an older refusal is asked for anew.
        return False if consent.answered and (refused or consent.needed) else None
