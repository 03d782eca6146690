"""Consent records in the structure of ISO/IEC TS 27560:2023, as far as public sources describe it.

The text of the standard is not free, and was not read. The four parts of a
record, the names of its fields and which of them are mandatory follow the
guide "Consent Records and Receipts as per ISO/IEC TS 27560:2023 using DPV" of
the W3C Data Privacy Vocabularies and Controls Community Group (2024-08-01,
https://w3id.org/dpv/guides/consent-27560, its tables of terms):

- `header`: `schema_version`, `record_id`, `pii_principal_id`;
- `processing`: `privacy_notice`, `language`, and for each purpose `purpose`,
  `lawful_basis`, `pii_information` (`pii_type`, `pii_attribute_id`),
  `pii_controllers`, `collection_method`, `retention_period`,
  `recipient_third_parties`, `service`, `withdrawal_method`;
- `parties`: `party_id`, `party_name`, `party_role`, `party_url`;
- `events`: `event_time`, `validity_duration`, `entity_id`, `event_type`,
  `event_state`, and `indication_method`, which that guide adds.

States, types and lawful bases are terms of the vocabulary itself ("dpv:" is
https://w3id.org/dpv#, "eu-gdpr:" https://w3id.org/dpv/legal/eu/gdpr#). Times
and durations are ISO 8601. That the record says by which method consent was
collected comes from the specification that the standard grew from, Kantara's
Consent Receipt 1.1.0 (2018-02-20, "Collection Method").

Not covered, for a ledger does not know it, though the guide calls it
mandatory: what is in `NOT_RECORDED`. Each record names it; the site has it in
its record of processing activities (GDPR article 30). So a record is no proof
of conformity with the standard.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

from consentgate.choice import base_of
from consentgate.ledger.export import keys_of
from consentgate.ledger.notice import CONTROLLER, Notice, iso_duration
from consentgate.ledger.reading import Record
from consentgate.ledger.texts import GENUINE, Texts, utc

SCHEMA = "ISO/IEC TS 27560:2023 by https://w3id.org/dpv/guides/consent-27560; consentgate 1"
"""The `schema_version`: a profile of our own, as the guide allows."""

NOT_RECORDED = (
    *("storage_locations", "jurisdiction", "party_address", "party_contact", "party_type"),
)
"""The mandatory fields that a ledger knows nothing of."""

_METHODS = {
    "banner": "a button of the site's banner",
    "page": "the form on the site's page of preferences",
    "api": "a call from a script of the page",
    "app": "a control of the site's own",
    "gpc": "the browser's Global Privacy Control signal",
    "adapter": "the banner of another tool",
    "gate": "found by the gate at a later request",
}
_GIVEN, _REFUSED = "dpv:ConsentGiven", "dpv:ConsentRefused"
_WITHDRAWN, _UNKNOWN = "dpv:ConsentWithdrawn", "dpv:ConsentUnknown"
# What no visitor does: it ends what was given.
_ENDED = {"lapsed": "dpv:ConsentExpired", "void": "dpv:ConsentInvalidated"}


def as_consent_records(
    found: Iterable[Record], texts: Texts, lifetime: timedelta | None
) -> Iterator[str]:
    """Write the consent record of each visitor as JSON, one in a line.

    The records that are `found` come visitor by visitor. `lifetime` is how long
    a choice lasts; without it `validity_duration` is None.
    """
    notices = _Notices(texts)
    for base, group in groupby(found, lambda record: base_of(record.id)):
        in_order = sorted(group, key=lambda record: record.sequence)
        yield json.dumps(_consent_record(base, in_order, notices, lifetime)) + "\n"


class _Notices(dict[str, Notice]):
    """Notices by hash, each of them read once."""

    def __init__(self, texts: Texts) -> None:
        super().__init__()
        self._texts = texts

    def __missing__(self, hash: str) -> Notice:
        found = self[hash] = Notice(hash, self._texts.find(hash))
        return found


def _consent_record(
    id: str, found: list[Record], notices: _Notices, lifetime: timedelta | None
) -> dict[str, Any]:
    told: dict[str, dict[str, None]] = {}
    # Nobody was told anything when a choice came to its end.
    for record in [each for each in found if each.action not in _ENDED] or found:
        told.setdefault(record.text, {}).update(dict.fromkeys(record.decisions))
    parties = {
        party["party_id"]: party
        for text, keys in reversed(told.items())
        for party in notices[text].parties(keys)
    }
    return {
        "header": {"schema_version": SCHEMA, "record_id": id, "pii_principal_id": id},
        "processing": {
            "privacy_notice": [notices[text].as_json() for text in told],
            "language": list(dict.fromkeys(each.language for each in found if each.language)),
            "purposes": [notices[text].purpose(key) for text, keys in told.items() for key in keys],
        },
        "parties": list(parties.values()),
        "events": list(_events(id, found, lifetime)),
        "not_recorded": NOT_RECORDED,
    }


def _events(
    id: str, found: Sequence[Record], lifetime: timedelta | None
) -> Iterator[dict[str, Any]]:
    """Return what happened: an event for each state that a record brings, with its purposes."""
    before: list[str] | None = None
    by_sequence = {str(record.sequence): record for record in found}
    for record in found:
        # What a grant that was never told would have given, its record says.
        voided = (
            by_sequence.get(str(record.extra.get("voids"))) if record.action == "void" else None
        )
        for state, keys in _states(voided or record, before).items():
            if voided is not None:
                state = _ENDED["void"]
            yield _event(record, state, keys, lifetime) | _by(id, record)
        if record.action not in _ENDED:
            before = keys_of(record.decisions, True)
        elif record.action == "lapsed":
            before = None


def _states(record: Record, before: list[str] | None) -> dict[str, list[str]]:
    """Return the purposes by the state that a record brings them to.

    `before` are those that were given before, None where that is not known:
    then of what a withdrawal leaves out all counts as withdrawn.
    """
    granted, others = (keys_of(record.decisions, yes) for yes in (True, False))
    if record.action in _ENDED:
        return {_ENDED[record.action]: granted}
    lost = [
        key for key in others if record.action == "withdrawn" and (before is None or key in before)
    ]
    refused = [key for key in others if key not in lost]
    found = {_GIVEN: granted, _REFUSED: refused, _WITHDRAWN: lost}
    return {state: keys for state, keys in found.items() if keys} or {_UNKNOWN: []}


def _event(
    record: Record, state: str, keys: list[str], lifetime: timedelta | None
) -> dict[str, Any]:
    return {
        "event_id": str(record.sequence),
        "event_time": utc(record.made_at),
        "validity_duration": iso_duration(int(lifetime.total_seconds())) if lifetime else None,
        "event_type": "dpv:ExpressedConsent",
        "event_state": state,
        "purposes": keys,
        "indication_method": _METHODS.get(record.source, record.source),
        "site": record.site,
        "extra": record.extra,
        "genuine": GENUINE[record.genuine],
    }


def _by(id: str, record: Record) -> dict[str, Any]:
    """Return who brought an event about, and by which notice: the visitor, or the site alone."""
    if record.action in _ENDED:
        return {"entity_id": CONTROLLER, "validity_duration": None, "privacy_notice": None}
    return {"entity_id": id, "privacy_notice": record.text, "language": record.language}
