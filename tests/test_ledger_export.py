"""Records and texts that leave a ledger: as a table, as JSON Lines, as consent records."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from consentgate import Cookie, Policy
from consentgate.ledger.export import COLUMNS, as_csv, as_json_lines
from consentgate.ledger.iso27560 import NOT_RECORDED, as_consent_records
from consentgate.ledger.reading import Record, records_in
from consentgate.ledger.store import Store
from consentgate.ledger.tables import documents, records
from consentgate.ledger.texts import Text, Texts
from consentgate.policy_document import policy_document
from consentgate.proof import Document, Entry
from ledger_rows import DAY, NOON, POLICY, add_records, entry, shown

FIRST, SECOND = "first-of-the-visitors1", "other-of-the-visitors2"
RECORD = Record(
    *("id", 1, NOON, "granted", {"statistics": True}, "r1", "en", "hash", "banner"),
    *("shop.example", {}, 1, 1, True),
)


def rows(*found: Record) -> list[dict[str, str]]:
    """Return the table of records as a spreadsheet reads it."""
    return list(csv.DictReader("".join(as_csv(found)).splitlines(keepends=True)))


def lines(store: Store) -> list[dict[str, Any]]:
    """Return what JSON Lines of a whole ledger say."""
    with store.reading() as connection:
        found = records_in(connection, store.marks)
        return [json.loads(line) for line in as_json_lines(found, Texts(connection, store.marks))]


def consent_records(store: Store, **options: Any) -> dict[str, dict[str, Any]]:
    """Return the consent records of a whole ledger, by their id."""
    lifetime = options.pop("lifetime", None)
    with store.reading() as connection:
        found = records_in(connection, store.marks, by_visitor=True, **options)
        texts = Texts(connection, store.marks)
        said = [json.loads(line) for line in as_consent_records(found, texts, lifetime)]
    return {each["header"]["record_id"]: each for each in said}


def told(store: Store, *entries: Entry) -> dict[str, Any]:
    """Return the only consent record of a ledger with these entries alone."""
    add_records(store, entries)
    (record,) = consent_records(store).values()
    return record


def states(record: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return what happened by a consent record: states, and the purposes that came to them."""
    return [(event["event_state"], event["purposes"]) for event in record["events"]]


@pytest.mark.conformance("L11")
def test_a_table_has_the_documented_columns_in_order() -> None:
    """A program that reads the table finds its columns where they were."""
    head, *_ = as_csv([])
    assert head == ",".join(f'"{name}"' for name in COLUMNS) + "\r\n"
    assert (
        *("id", "sequence", "time", "action", "granted", "refused", "revision", "language"),
        *("text", "source", "site", "extra", "writer", "number", "genuine"),
    ) == COLUMNS


def test_a_row_says_what_was_decided_and_when(store: Store) -> None:
    """A row has the record's own words, its time in UTC, and its categories by decision."""
    decided = entry("partial", extra={"user": "7"}, sequence=9, id=FIRST)
    add_records(store, [decided])
    with store.reading() as connection:
        (row,) = rows(*records_in(connection, store.marks))
    assert row == {
        "id": FIRST,
        "sequence": "9",
        "time": "2026-11-25T12:00:00Z",
        "action": "partial",
        "granted": "statistics",
        "refused": "marketing",
        "revision": "r1",
        "language": "en",
        "text": shown().hash,
        "source": "banner",
        "site": "shop.example",
        "extra": '{"user":"7"}',
        "writer": "1",
        "number": "1",
        "genuine": "yes",
    }


@pytest.mark.conformance("L11")
@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@sum", "\tx", "\rx", "'x"])
def test_a_cell_is_no_formula(start: str) -> None:
    """What a spreadsheet would calculate stands behind an apostrophe, which can be taken off."""
    (row,) = rows(RECORD._replace(site=start))
    assert row["site"] == f"'{start}"


def test_a_cell_keeps_commas_quotes_and_line_ends() -> None:
    """What a site adds to a record cannot break the table."""
    (row,) = rows(RECORD._replace(site='a,"b"\r\nc'))
    assert row["site"] == 'a,"b"\r\nc'


@pytest.mark.conformance("L11")
@pytest.mark.parametrize(
    ("genuine", "word"), [(True, "yes"), (False, "no"), (None, "unchecked")], ids=str
)
def test_a_row_says_whether_its_mark_fits(genuine: bool | None, word: str) -> None:
    """An inspector sees in the table itself whether a record is as it was written."""
    (row,) = rows(RECORD._replace(genuine=genuine))
    assert row["genuine"] == word


@pytest.mark.parametrize("made_at", [10**17, -(10**17), "noon", float("nan")], ids=str)
def test_a_record_at_no_time_is_in_the_table(made_at: Any) -> None:
    """A time that somebody spoiled costs an export nothing but that time."""
    (row,) = rows(RECORD._replace(made_at=made_at))
    assert row["time"] == "" and row["id"] == "id"


@pytest.mark.conformance("L11")
def test_json_lines_have_each_text_once_before_its_records(store: Store) -> None:
    """Who reads from the top knows every text that a record refers to, its policy's too."""
    german = shown("de")
    add_records(store, [entry(), entry(), entry(shown=german), entry("refused")])
    said = lines(store)
    assert [line["type"] for line in said] == [
        *("document", "document", "record", "record", "document", "record", "record"),
    ]
    assert [line["hash"] for line in said if line["type"] == "document"] == [
        *(shown().hash, POLICY.hash, german.hash),
    ]
    assert said[1] == {
        "type": "document",
        "hash": POLICY.hash,
        "kind": "policy",
        "revision": "r1",
        "language": "",
        "content": POLICY.content,
        "first_at": "2026-11-25T12:00:00Z",
        "genuine": "yes",
    }


def test_a_json_line_has_the_whole_record(store: Store) -> None:
    """A record's line has the columns of its row; a sequence is a text, of which nothing is cut."""
    add_records(store, [entry("withdrawn", sequence=2**62 + 1, id=FIRST)])
    assert lines(store)[-1] == {
        "type": "record",
        "id": FIRST,
        "sequence": str(2**62 + 1),
        "time": "2026-11-25T12:00:00Z",
        "action": "withdrawn",
        "decisions": {"marketing": False, "statistics": False},
        "revision": "r1",
        "language": "en",
        "text": shown().hash,
        "source": "banner",
        "site": "shop.example",
        "extra": {},
        "writer": 1,
        "number": 1,
        "genuine": "yes",
    }


def test_a_lost_text_is_named(store: Store) -> None:
    """Where the ledger has lost a text, the export says which one it was."""
    add_records(store, [entry(), entry()])
    with store.writing() as connection:
        connection.execute(delete(documents))
    assert [line["type"] for line in lines(store)] == ["missing", "record", "record"]
    assert lines(store)[0]["hash"] == shown().hash


def test_records_can_be_written_without_texts() -> None:
    """Where texts go into files of their own, JSON Lines have records alone."""
    (line,) = as_json_lines([RECORD], None)
    assert json.loads(line)["type"] == "record"


@pytest.mark.parametrize(
    ("change", "genuine"),
    [
        ({"content": "[]"}, "no"),
        ({"language": "fr"}, "no"),
        ({"first_at": 0}, "no"),
        ({"key": "other!"}, "unchecked"),
    ],
    ids=["content", "language", "first_at", "key"],
)
def test_an_edited_text_is_not_genuine(store: Store, change: dict[str, Any], genuine: str) -> None:
    """A text whose words, or whose row, somebody changed says so in the export."""
    add_records(store, [entry()])
    with store.writing() as connection:
        connection.execute(update(documents).where(documents.c.kind == "text").values(**change))
    assert lines(store)[0]["genuine"] == genuine


@pytest.mark.parametrize("content", ["no JSON", "[]", '{"policy": ""}'])
def test_a_text_that_names_no_policy_stands_alone(store: Store, content: str) -> None:
    """A text that is not as the pages write it is exported all the same."""
    text = Document.of("text", "r1", "en", content)
    add_records(store, [entry(shown=text)])
    assert [line["type"] for line in lines(store)] == ["document", "record"]


def test_a_file_of_a_text_is_named_by_its_hash() -> None:
    """A text is found by the hash that a record has; a hash that somebody wrote is no path."""
    text = Text(POLICY.hash, "policy", "r1", "", "", NOON, True)
    assert text.file_name == f"{POLICY.hash}.toml"
    assert text._replace(kind="text").file_name == f"{POLICY.hash}.json"
    assert text._replace(kind="else").file_name == f"{POLICY.hash}.txt"
    assert "/" not in text._replace(hash="../../etc/passwd").file_name


def test_a_consent_record_has_the_parts_of_the_guide(store: Store) -> None:
    """A consent record has a header, processing, parties and events, and says what it lacks."""
    record = told(store, entry(id=FIRST))
    assert list(record) == ["header", "processing", "parties", "events", "not_recorded"]
    assert record["header"]["record_id"] == record["header"]["pii_principal_id"] == FIRST
    assert "27560" in record["header"]["schema_version"]
    assert record["not_recorded"] == list(NOT_RECORDED)


def test_a_consent_record_refers_to_its_notice(store: Store) -> None:
    """The notice of a consent record is the text that was shown, and where it is found."""
    record = told(store, entry())
    assert record["processing"]["language"] == ["en"]
    assert record["processing"]["privacy_notice"] == [
        {
            "id": shown().hash,
            "type": "dpv:ConsentNotice",
            "location": f"{shown().hash}.json",
            "language": "en",
            "revision": "r1",
            "since": "2026-11-25T12:00:00Z",
            "genuine": "yes",
        }
    ]


def test_a_consent_record_has_the_purposes_that_were_decided_on(store: Store) -> None:
    """A purpose is a category in the words that were shown, with its cookies and its basis."""
    purposes = told(store, entry("partial"))["processing"]["purposes"]
    marketing, statistics = sorted(purposes, key=lambda purpose: str(purpose["purpose"]))
    assert statistics == {
        "purpose_id": "statistics",
        "purpose": "Statistics",
        "purpose_description": "Statistics, in a sentence.",
        "lawful_basis": ["eu-gdpr:A6-1-a", "Directive 2002/58/EC article 5(3): consent"],
        "pii_information": [
            {
                "pii_type": "cookie",
                "pii_attribute_id": "_ga*",
                "purpose": "Counts visits",
                "retention_period": "P395D",
            }
        ],
        "pii_controllers": ["controller"],
        "collection_method": "cookies, and what is like them, in the visitor's browser",
        "retention_period": "P395D",
        "service": [],
        "recipient_third_parties": ["Counters"],
        "withdrawal_method": statistics["withdrawal_method"],
        "privacy_notice": shown().hash,
    }
    assert marketing["recipient_third_parties"] == ["Adverts"]
    assert marketing["retention_period"] is None


def test_an_exempt_category_is_no_consent(store: Store) -> None:
    """Of what needs no consent a consent record does not say that there was one."""
    (purpose,) = told(store, entry("refused", decisions={"counting": False}))["processing"][
        "purposes"
    ]
    assert purpose["lawful_basis"] == [
        "Directive 2002/58/EC article 5(3): exempt, and the visitor can object"
    ]


def test_lifetimes_are_iso_8601(store: Store) -> None:
    """A lifetime is in days where these are whole, else in seconds; some end with the browser."""
    cookies = [
        {"name": "hour", "lifetime": 3600, "service": "Shop"},
        {"name": "session", "lifetime": None, "service": "Shop"},
        {"name": "spoiled", "lifetime": "long"},
    ]
    parties = [{"name": "Them", "cookies": [{"name": "theirs"}, {"name": "day", "lifetime": DAY}]}]
    text = shown(
        categories=[{"key": "statistics", "cookies": cookies, "third_parties": parties}],
    )
    (purpose,) = told(store, entry(shown=text, decisions={"statistics": True}))["processing"][
        "purposes"
    ]
    assert {
        each["pii_attribute_id"]: each["retention_period"] for each in purpose["pii_information"]
    } == {
        "hour": "PT3600S",
        "session": "until the browser closes",
        "spoiled": "long",
        "theirs": "not told",
        "day": "P1D",
    }
    assert purpose["retention_period"] == "P1D" and purpose["service"] == ["Shop"]


def test_a_consent_record_names_the_parties(store: Store) -> None:
    """Parties are who answers for the site, and the third parties of what was decided on."""
    record = told(store, entry())
    assert sorted(record["parties"], key=lambda party: str(party["party_id"])) == [
        {
            "party_id": "Adverts",
            "party_name": "Adverts",
            "party_role": "dpv:ThirdParty",
            "party_url": "https://ads.example/privacy",
        },
        {"party_id": "Counters", "party_name": "Counters", "party_role": "dpv:ThirdParty"},
        {
            "party_id": "controller",
            "party_name": "The shop",
            "party_role": "dpv:DataController",
        },
    ]


def test_the_choices_of_an_id_are_one_consent_record(store: Store) -> None:
    """What one visitor chose one after the other is one record, whoever wrote it, in order."""
    first = [entry("granted", id=FIRST, at=NOON), entry("refused", id=SECOND, at=NOON + 1)]
    add_records(store, first, [entry("withdrawn", id=FIRST, at=NOON + 2)])
    found = consent_records(store)
    assert set(found) == {FIRST, SECOND}
    assert [event["event_time"] for event in found[FIRST]["events"]] == [
        *("2026-11-25T12:00:00Z", "2026-11-25T12:00:02Z"),
    ]
    assert found[FIRST]["events"][0]["entity_id"] == FIRST


def test_a_consent_record_has_every_notice_with_its_purposes(store: Store) -> None:
    """Who chose in two languages was told twice: each purpose says by which text."""
    german = shown("de", controller="Der Laden")
    record = told(store, entry(id=FIRST), entry(id=FIRST, shown=german))
    assert record["processing"]["language"] == ["en", "de"]
    assert [purpose["privacy_notice"] for purpose in record["processing"]["purposes"]] == [
        *(shown().hash, shown().hash, german.hash, german.hash),
    ]
    controllers = [party for party in record["parties"] if party["party_id"] == "controller"]
    assert [party["party_name"] for party in controllers] == ["The shop"]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([entry("granted")], [("dpv:ConsentGiven", ["marketing", "statistics"])]),
        (
            [entry("partial")],
            [("dpv:ConsentGiven", ["statistics"]), ("dpv:ConsentRefused", ["marketing"])],
        ),
        ([entry("refused")], [("dpv:ConsentRefused", ["marketing", "statistics"])]),
        (
            [entry("partial"), entry("withdrawn")],
            [
                ("dpv:ConsentGiven", ["statistics"]),
                ("dpv:ConsentRefused", ["marketing"]),
                ("dpv:ConsentRefused", ["marketing"]),
                ("dpv:ConsentWithdrawn", ["statistics"]),
            ],
        ),
        ([entry("withdrawn")], [("dpv:ConsentWithdrawn", ["marketing", "statistics"])]),
        (
            [entry("granted"), entry("lapsed"), entry("withdrawn")],
            [
                ("dpv:ConsentGiven", ["marketing", "statistics"]),
                ("dpv:ConsentExpired", ["marketing", "statistics"]),
                ("dpv:ConsentWithdrawn", ["marketing", "statistics"]),
            ],
        ),
        (
            [entry("granted"), entry("void")],
            [
                ("dpv:ConsentGiven", ["marketing", "statistics"]),
                ("dpv:ConsentInvalidated", ["marketing", "statistics"]),
            ],
        ),
        ([entry("refused", decisions={})], [("dpv:ConsentUnknown", [])]),
    ],
    ids=[
        *("granted", "partial", "refused", "withdrawn", "withdrawn alone", "lapsed", "void"),
        "spoiled",
    ],
)
def test_an_event_is_a_state_and_its_purposes(
    store: Store, entries: list[Entry], expected: list[tuple[str, list[str]]]
) -> None:
    """An action becomes states of the vocabulary: withdrawn is only what was given before."""
    assert states(told(store, *entries)) == expected


def test_ids_with_a_mark_are_of_the_same_visitor(store: Store) -> None:
    """What a visitor answered to another tool's banner is in the record of this one, in order."""
    marked = f"{FIRST}-abc"
    entries = [entry(id=FIRST), entry("refused", id=marked), entry(id=FIRST), entry(id=SECOND)]
    add_records(store, entries)
    found = consent_records(store)
    assert set(found) == {FIRST, SECOND}
    given, refused = "dpv:ConsentGiven", "dpv:ConsentRefused"
    assert [state for state, _ in states(found[FIRST])] == [given, refused, given]
    assert set(consent_records(store, id=marked)) == {FIRST}


def test_what_ends_a_choice_tells_nobody_anything(store: Store) -> None:
    """That a choice came to its end is no notice: the record has that of the choice alone."""
    given = entry(id=FIRST)
    ended = entry("lapsed", id=FIRST, text=POLICY.hash, language="", source="gate")
    record = told(store, given, ended)
    processing = record["processing"]
    assert [notice["id"] for notice in processing["privacy_notice"]] == [shown().hash]
    assert processing["language"] == ["en"]
    assert record["events"][1]["privacy_notice"] is None


def test_of_an_end_alone_the_policy_is_told(store: Store) -> None:
    """Where the choice is too old to be asked for, its end refers to the policy."""
    record = told(store, entry("lapsed", text=POLICY.hash, language="", source="gate"))
    assert [notice["id"] for notice in record["processing"]["privacy_notice"]] == [POLICY.hash]


def test_a_choice_lasts_as_long_as_the_gate_says(store: Store) -> None:
    """A choice's events have its duration; what ends it, which no visitor does, has none."""
    add_records(store, [entry("granted", id=FIRST), entry("lapsed", id=FIRST)])
    record = consent_records(store, lifetime=timedelta(days=182))[FIRST]
    assert [event["validity_duration"] for event in record["events"]] == ["P182D", None]
    assert [event["entity_id"] for event in record["events"]] == [FIRST, "controller"]


@pytest.mark.parametrize(
    ("source", "method"),
    [("gpc", "the browser's Global Privacy Control signal"), ("else", "else")],
)
def test_an_event_says_how_it_was_indicated(store: Store, source: str, method: str) -> None:
    """An event says by what means the visitor chose."""
    (event,) = told(store, entry(source=source))["events"]
    assert event["indication_method"] == method
    assert event["genuine"] == "yes" and event["event_type"] == "dpv:ExpressedConsent"


def test_where_only_the_policy_is_known_the_purposes_are_its_own(store: Store) -> None:
    """Of a choice by the app's own pages the policy tells the purposes, as far as it has words."""
    cookie = Cookie("_ga*", "statistics", provider="Counters", party="third")
    text = policy_document(Policy([cookie]))
    choice = entry(shown=text, source="app", decisions={"statistics": True}, documents=(text,))
    processing = told(store, choice)["processing"]
    (notice,), (purpose,) = processing["privacy_notice"], processing["purposes"]
    assert notice["type"] == "dpv:PrivacyNotice" and notice["location"] == f"{text.hash}.toml"
    assert purpose["purpose"] == "Statistics"
    assert purpose["recipient_third_parties"] == ["Counters"]


@pytest.mark.parametrize(
    "text",
    [
        Document.of("policy", "r1", "", "cookies = 7"),
        Document.of("text", "r1", "en", "no JSON"),
        Document.of("text", "r1", "en", '{"categories": {}}'),
        Document.of("text", "r1", "en", '{"categories": [7, {"cookies": 7}]}'),
    ],
    ids=["policy", "no JSON", "no list", "no category"],
)
def test_a_text_that_cannot_be_read_names_the_category_alone(store: Store, text: Document) -> None:
    """Of a text that somebody spoiled a consent record says which one it was, and no more."""
    record = told(store, entry(shown=text, decisions={"statistics": True}, documents=(text,)))
    (purpose,) = record["processing"]["purposes"]
    assert purpose["purpose"] == "statistics" and purpose["lawful_basis"] == []


def test_a_lost_notice_is_known_by_its_hash(store: Store) -> None:
    """Where a text is lost, the consent record has its hash and no place where it is found."""
    add_records(store, [entry(id=FIRST)])
    with store.writing() as connection:
        connection.execute(delete(documents))
    processing = consent_records(store)[FIRST]["processing"]
    assert processing["privacy_notice"] == [
        {"id": shown().hash, "type": "dpv:ConsentNotice", "location": None}
    ]
    assert {purpose["purpose"] for purpose in processing["purposes"]} == {"marketing", "statistics"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"id": FIRST}, {FIRST}),
        ({"since": NOON + DAY}, {SECOND}),
        ({"until": NOON + DAY}, {FIRST}),
        ({"since": NOON + 1, "until": NOON + DAY}, set()),
    ],
    ids=["id", "since", "until", "between"],
)
def test_consent_records_can_be_of_one_id_or_of_a_time(
    store: Store, options: dict[str, Any], expected: set[str]
) -> None:
    """Only the events that are asked for are read; the second behind the last is not."""
    add_records(store, [entry(id=FIRST), entry(id=SECOND, at=NOON + DAY)])
    assert set(consent_records(store, **options)) == expected


def test_an_edited_record_is_exported_and_not_genuine(store: Store) -> None:
    """A record that somebody edited leaves the ledger as it is, marked as not genuine."""
    add_records(store, [entry(id=FIRST)])
    with store.writing() as connection:
        connection.execute(update(records).values(decisions='{"marketing":true}'))
    assert consent_records(store)[FIRST]["events"][0]["genuine"] == "no"
    assert lines(store)[-1]["genuine"] == "no"
