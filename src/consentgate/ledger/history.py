"""What a ledger has of one visitor: every choice, and the texts that they were about."""

from __future__ import annotations

from typing import NamedTuple

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
        found = list(records_in(connection, store.marks, id=_id_in(number)))
        texts = Texts(connection, store.marks)
        about = [text for record in found for _, text in texts.first_of(record) if text]
    return History(found, about)


def _id_in(text: str) -> str:
    """Return the id in what somebody copied: the id itself, a token, or a cookie."""
    value = text.strip().partition(";")[0].rpartition("=")[2]
    choice = unverified(value.encode("utf-8", "replace"))
    return value if choice is None else choice.id
