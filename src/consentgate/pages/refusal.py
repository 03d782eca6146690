"""Why a request for one of the pages is not answered, in words for people."""

from __future__ import annotations

from collections.abc import Sequence

from consentgate.pages.language import Language

Field = tuple[str, str]
"""A header field of a response: name and value."""


class Refusal(Exception):  # noqa: N818  # it is no error of ours
    """Ends the answer to a request: a status, the field that is wrong, more header fields."""

    def __init__(self, status: int, field: str = "", headers: Sequence[Field] = ()) -> None:
        super().__init__(status, field)
        self.status = status
        self.field = field
        self.headers = headers

    def words(self, language: Language) -> tuple[str, str]:
        """Return a title and a message."""
        _ = language.say
        unread = _("This answer cannot be read")
        return {
            400: (unread, self._wrong_field(language)),
            403: (
                _("This answer was refused"),
                _("It does not come from a page of this site. Nothing was changed."),
            ),
            405: (
                _("Nothing to see here"),
                _("This address takes the answers of forms. Nothing was changed."),
            ),
            413: (_("This answer is too long"), _("Nothing was changed.")),
            415: (unread, _("It is not in the form that is expected. Nothing was changed.")),
            503: (
                _("Please try again"),
                _(
                    "Your choice could not be saved just now, so nothing new is allowed. Please "
                    "try again in a moment."
                ),
            ),
        }[self.status]

    def _wrong_field(self, language: Language) -> str:
        _ = language.say
        field = self.field[:100]  # However long a name was sent, it is one to read.
        return _("The field %(field)s is not as expected. Nothing was changed.", field=field)


UNRECORDED = Refusal(503, headers=[("Retry-After", "5")])
"""Says that a grant could not be recorded. In five seconds a database can have come back."""
