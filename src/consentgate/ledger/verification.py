"""A check of a whole ledger: that all of it is as it was written, and that nothing is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select

from consentgate.ledger.chain import Chain
from consentgate.ledger.findings import Finding, day_of, found, unproven
from consentgate.ledger.marks import Marks
from consentgate.ledger.numbering import Numbering
from consentgate.ledger.reading import mapping_in
from consentgate.ledger.registration import Registration
from consentgate.ledger.seals import seals_in
from consentgate.ledger.store import Store
from consentgate.ledger.tables import documents
from consentgate.proof import digest

_FEW = 100
_LONG = timedelta(days=3)


@dataclass
class Verification:
    """What was checked, and what was found; iterating over it gives the findings.

    `findings` has the first ones, `found` is how many there are. The numbers
    are of rows: of `pruned` records nothing but the `pruned_seals` is left, of
    `erased` ones their marks. `first_sealed` and `last_sealed` are the days of
    the seals, `unsealed_since` is that of the first record in none; "" for none.
    """

    findings: list[Finding] = field(default_factory=list)
    found: int = 0
    records: int = 0
    erased: int = 0
    writers: int = 0
    documents: int = 0
    seals: int = 0
    first_sealed: str = ""
    last_sealed: str = ""
    pruned_seals: int = 0
    pruned: int = 0
    unsealed: int = 0
    unsealed_since: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.found

    @property
    def is_unsealed_long(self) -> bool:
        """Whether records of more than two days ago are in no seal, though one is made each day.

        That is nothing wrong in itself: an app may have stopped. But it is how
        a ledger looks whose newest seals were removed.
        """
        if not self.unsealed_since:
            return False
        since = datetime.strptime(self.unsealed_since, "%Y-%m-%d").replace(tzinfo=UTC)
        return datetime.now(UTC) - since > _LONG

    def counts(self) -> dict[str, int | str]:
        """Return what was checked, as plain values."""
        return {each.name: getattr(self, each.name) for each in fields(self)[2:]}

    def __iter__(self) -> Iterator[Finding]:
        """Iterate over the findings that are kept."""
        return iter(self.findings)


def verify(
    store: Store, *, anchors: Iterable[tuple[int, str]] = (), most: int = 1_000
) -> Verification:
    """Check a ledger as it is at one moment, whoever writes to it meanwhile.

    `anchors` are numbers and marks of seals that were noted elsewhere. Without
    one, a copy of the whole database from an earlier day looks as it did on
    that day: nothing in it can tell. `most` is how many findings are kept; all
    are counted. Raises SQLAlchemyError where the database cannot be read.
    """
    checked = Verification()
    with store.reading() as connection:
        for finding in _findings(connection, store.marks, anchors, checked):
            checked.found += 1
            if checked.found <= most:
                checked.findings.append(finding)
    return checked


def _findings(
    connection: Connection, marks: Marks, anchors: Iterable[tuple[int, str]], checked: Verification
) -> Iterator[Finding]:
    registration, chain, hashes = Registration(marks), Chain(marks), {""}
    yield from registration.findings(connection)
    yield from chain.follow(seals_in(connection), anchors)
    yield from _check_documents(connection, marks, hashes, checked)
    if checked.documents and not registration.writers:
        text = "is empty, and there are texts: somebody wrote them"
        yield found("registry", "missing", "", text, {})
    numbering = Numbering(connection, marks, registration.writers, chain, hashes)
    yield from numbering.findings()
    yield from chain.digests()
    checked.writers = len(registration.writers)
    checked.records, checked.erased = numbering.records, numbering.erased
    checked.unsealed = numbering.unsealed
    checked.unsealed_since = day_of(numbering.unsealed_since)
    checked.seals, checked.pruned_seals = chain.count, chain.pruned
    checked.pruned = chain.pruned_records
    if chain.first and chain.last:
        checked.first_sealed = day_of(chain.first.made_at)
        checked.last_sealed = day_of(chain.last.made_at)


def _check_documents(
    connection: Connection, marks: Marks, hashes: set[str], checked: Verification
) -> Iterator[Finding]:
    """Check the texts, and note the hashes of those that are there."""
    policies: dict[str, int] = {}
    query = select(documents).order_by(documents.c.first_at, documents.c.hash)
    for row in connection.execute(query.execution_options(yield_per=_FEW)):
        checked.documents += 1
        hashes.add(row.hash)
        values = (row.hash, row.kind, row.revision, row.language, row.first_at)
        fits = marks.genuine((row.key, row.mac), "document", *values)
        fits = fits if _holds(row.content, row.hash) else False
        yield from unproven("documents", fits, day_of(row.first_at), {"hash": row.hash})
        if fits and row.kind == "text":
            policies.setdefault(_policy_of(row.content), row.first_at)
    for missing in policies.keys() - hashes:
        day, text = day_of(policies[missing]), "is missing, the policy of a text"
        yield found("documents", "missing", day, text, {"hash": missing})


def _holds(content: object, hash: str) -> bool:
    return isinstance(content, str) and digest(content) == hash


def _policy_of(content: str) -> str:
    """Return the hash of the policy that the JSON of a shown text names, "" for none."""
    return str(mapping_in(content).get("policy", ""))
