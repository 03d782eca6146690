"""What a ledger has of one visitor: every choice, and the texts that they were about."""

from __future__ import annotations

from typing import NamedTuple

from consentgate.choice import ID
from consentgate.errors import ConsentGateError
from consentgate.ledger.reading import Record, records_in
from consentgate.ledger.store import Store
from consentgate.ledger.texts import Text, Texts
from consentgate.token import unverified


class History(NamedTuple):
    """The choices of one visitor in their order, and each of the texts once."""

    records: list[Record]
    texts: list[Text]


def history(store: Store, number: str) -> History:
    """Return what there is of a visitor, by the number of a choice, its token or its cookie."""
    with store.reading() as connection:
        found = list(records_in(connection, store.marks, id=id_in(number)))
        texts = Texts(connection, store.marks)
        about = [text for record in found for _, text in texts.first_of(record) if text]
    return History(found, about)


def id_in(text: str) -> str:
    """Return the id in what somebody copied: the id itself, a token, a cookie, a line of cookies.

    Raises ConsentGateError for what has none.
    """
    for pair in text.strip().removeprefix("Cookie:").split(";"):
        choice = unverified(pair.strip().rpartition("=")[2].encode("utf-8", "replace"))
        if choice is not None:
            return choice.id
    value = text.strip()
    if ID.fullmatch(value) is None:
        raise ConsentGateError(
            f"{value!r} is no number of a choice: copy it from the preferences page, or the cookie "
            "from the browser"
        )
    return value
