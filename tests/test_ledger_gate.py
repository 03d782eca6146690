"""A gate with a ledger, over both protocols: what is kept of a choice, and what is not granted."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy.exc import OperationalError

import consentgate
import consentgate.ledger.journal as journal_module
from adapters import (
    KEY,
    Adapter,
    Answer,
    Communicator,
    Reply,
    Visit,
    asgi_scope,
    called,
    granted,
    sets,
    wsgi_environ,
)
from adapters import cookies as setting
from consentgate import Consent, ConsentGate, ConsentGateError, Event, Policy
from consentgate.banners import Klaro
from consentgate.ledger import Ledger
from consentgate.ledger.lane import Lane
from consentgate.ledger.reading import Record, records_in
from consentgate.ledger.spool import Spool
from consentgate.ledger.store import Store
from consentgate.ledger.texts import Texts
from consentgate.request import Request
from test_ledger_journal import Away, until
from test_ledger_writing import entry

HOST = (b"Host", b"shop.example")
FORM = (
    HOST,
    (b"Origin", b"http://shop.example"),
    (b"Content-Type", b"application/x-www-form-urlencoded"),
)
SCRIPT = (*FORM[:2], (b"Content-Type", b"application/json"))
EVERYTHING = sets("session=1; Path=/", "_ga=1; Path=/", "ad_id=1; Path=/")
NAME = b"cookies_preferences"


class Clock:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.now = 1_796_000_000.25

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


class Site:
    """A gate with a ledger in a file, and what is in it."""

    def __init__(self, folder: Path, policy: Policy, clock: Clock) -> None:
        self._url = f"sqlite:///{folder / 'consent.db'}"
        self._policy = policy
        self._clock = clock
        self._gates: list[ConsentGate] = []

    def gate(self, ledger: dict[str, Any] | None = None, **more: Any) -> ConsentGate:
        """Return a gate with that ledger; `ledger` says more of it."""
        settings = Ledger(self._url, **(ledger or {}))
        options = {"secret_key": KEY, "clock": self._clock, **more}
        gate = ConsentGate(options.pop("policy", self._policy), ledger=settings, **options)
        self._gates.append(gate)
        return gate

    @property
    def records(self) -> list[Record]:
        """What is in the ledger, in order."""
        store = Store(self._url, KEY)
        try:
            with store.reading() as connection:
                return list(records_in(connection, store.marks))
        except OperationalError:
            return []  # Nobody has made it yet.
        finally:
            store.close()

    def text(self, hash: str) -> tuple[str, str]:
        """Return the kind and the content of a text in the ledger."""
        store = Store(self._url, KEY)
        with store.reading() as connection:
            found = Texts(connection, store.marks).find(hash)
        store.close()
        assert found is not None
        return found.kind, found.content

    def close(self) -> None:
        """End all gates."""
        for gate in self._gates:
            assert gate.ledger is not None
            gate.ledger.close()


@pytest.fixture
def site(tmp_path: Path, policy: Policy, clock: Clock) -> Iterator[Site]:
    """Return a site with an empty ledger."""
    made = Site(tmp_path, policy, clock)
    yield made
    made.close()


def posted(answer: str, *, cookies: Iterable[bytes] = (), path: str = "/cookies/choice") -> Visit:
    """Return the visit of a form."""
    return Visit(list(cookies), method="POST", path=path, headers=FORM, body=answer.encode())


def said(answer: dict[str, Any], cookies: Iterable[bytes] = ()) -> Visit:
    """Return the visit of a script."""
    body = json.dumps(answer).encode()
    path = "/cookies/choice.json"
    return Visit(list(cookies), method="POST", path=path, headers=SCRIPT, body=body)


def token_of(answer: Answer) -> bytes:
    """Return the consent cookie that an answer sets."""
    (found,) = [value for value in answer.set_cookies if value.startswith(NAME)]
    return found.partition(b";")[0]


@pytest.mark.conformance("L1", "L3")
def test_a_choice_leaves_a_record(adapter: Adapter, site: Site, clock: Clock) -> None:
    """A record has the token's id, the time, yes or no for each purpose, and what it was about."""
    gate = site.gate()
    answer = adapter(gate, sets(), posted("answer=save&allow-statistics=yes&from=banner"))
    choice = gate.standing([token_of(answer)]).choice
    (record,) = site.records
    assert choice is not None
    assert (record.id, record.made_at) == (choice.id, int(clock.now))
    assert (record.action, record.source, record.site) == ("partial", "banner", "shop.example")
    assert record.decisions == {"statistics": True, "preferences": False, "marketing": False}
    assert (record.revision, record.language) == (gate.policy.revision, "en")
    assert (record.extra, record.genuine) == ({}, True)
    kind, content = site.text(record.text)
    shown = json.loads(content)
    assert kind == "text"
    assert any("this site uses cookies" in line for line in shown["banner"])
    assert site.text(shown["policy"]) == ("policy", gate.policy.to_toml())


@pytest.mark.conformance("L1")
@pytest.mark.parametrize(
    ("visit", "source"),
    [
        (posted("answer=accept&from=banner"), "banner"),
        (posted("answer=accept&from=page"), "page"),
        (posted("answer=accept"), "page"),
        (said({"answer": "accept"}), "api"),
        (said({"answer": "accept", "from": "banner"}), "banner"),
    ],
)
def test_a_record_says_where_it_came_from(
    adapter: Adapter, site: Site, visit: Visit, source: str
) -> None:
    """Banner, preferences page and a script of the app's own are told apart."""
    adapter(site.gate(), sets(), visit)
    (record,) = site.records
    assert record.source == source


@pytest.mark.conformance("L1", "L3")
@pytest.mark.parametrize("source", ["app", "gpc", "banner"])
def test_an_app_says_where_a_choice_came_from(adapter: Adapter, site: Site, source: str) -> None:
    """What the app decides is its own, unless it says otherwise; what it showed is not known."""
    view = called(lambda consent: consent.refuse_all(source=source), sets())
    adapter(site.gate(), view)
    (record,) = site.records
    assert (record.source, record.action) == (source, "refused")
    kind, _ = site.text(record.text)
    assert (kind, record.language) == (("text", "en") if source == "banner" else ("policy", ""))


def test_a_source_that_there_is_not_is_told(adapter: Adapter, gate: ConsentGate) -> None:
    """A source that the ledger does not know is an error of the app's, with a ledger or without."""
    with pytest.raises(ConsentGateError, match="source='cellar': use one of banner"):
        adapter(gate, called(lambda consent: consent.grant("statistics", source="cellar"), sets()))


@pytest.mark.conformance("L1")
def test_the_answer_to_another_banner_is_kept(adapter: Adapter, site: Site) -> None:
    """What another tool's banner was answered is kept once, as of an adapter."""
    klaro = Klaro(categories={"visits": "statistics", "ads": "marketing"})
    gate = site.gate(consent_from=klaro)
    yes = b"klaro=" + quote('{"visits":true,"ads":false}').encode()
    answer = adapter(gate, EVERYTHING, Visit([yes]))
    adapter(gate, EVERYTHING, Visit([yes, token_of(answer)]))
    (record,) = site.records
    assert (record.source, record.action, record.language) == ("adapter", "partial", "")
    assert b"_ga" in answer.names


@pytest.mark.conformance("L1")
def test_what_is_held_already_leaves_no_record(adapter: Adapter, site: Site) -> None:
    """The same answer again is no new choice."""
    gate = site.gate()
    first = adapter(gate, sets(), posted("answer=accept"))
    adapter(gate, sets(), posted("answer=accept", cookies=[token_of(first)]))
    assert len(site.records) == 1


@pytest.mark.conformance("L1")
def test_choices_of_a_visitor_have_one_id(adapter: Adapter, site: Site, clock: Clock) -> None:
    """A grant, a change and a withdrawal stand under one id, in order."""
    gate = site.gate()
    token = token_of(adapter(gate, sets(), posted("answer=accept")))
    clock.now += 60
    save = posted("answer=save&allow-statistics=yes", cookies=[token])
    token = token_of(adapter(gate, sets(), save))
    clock.now += 60
    adapter(gate, sets(), posted("answer=withdraw", cookies=[token]))
    assert [record.action for record in site.records] == ["granted", "withdrawn", "withdrawn"]
    assert len({record.id for record in site.records}) == 1


@pytest.mark.conformance("L1")
def test_two_gates_in_a_row_keep_one_record(adapter: Adapter, site: Site) -> None:
    """Where a gate stands around another, the outermost keeps the choice, once."""
    twice = Adapter(adapter.protocol, wrap_twice=True)
    twice(site.gate(), called(lambda consent: consent.grant("statistics"), sets()))
    assert len(site.records) == 1


@pytest.mark.conformance("L1")
def test_what_the_app_decides_last_is_kept(adapter: Adapter, site: Site) -> None:
    """Of several decisions in one response the browser is told the last, and the ledger, too."""

    def act(consent: Consent) -> None:
        consent.grant("statistics")
        consent.grant("marketing")

    adapter(site.gate(), called(act, sets()))
    (record,) = site.records
    assert record.decisions["marketing"]
    assert not record.decisions["statistics"]


@pytest.mark.conformance("L7")
def test_without_a_choice_nothing_is_opened(adapter: Adapter, site: Site, tmp_path: Path) -> None:
    """A request that makes no choice does nothing with the ledger: there is no file, no thread."""
    gate = site.gate()
    adapter(gate, EVERYTHING)
    adapter(gate, EVERYTHING, granted(gate, "statistics"))
    assert gate.ledger is not None
    assert gate.ledger._running is None
    assert list(tmp_path.iterdir()) == []


def test_without_a_ledger_there_is_no_database() -> None:
    """Who has no ledger never loads SQLAlchemy."""
    import subprocess

    script = (
        "import sys; from consentgate import *; "
        "gate = ConsentGate(Policy([]), secret_key='k' * 32); gate.wsgi(print); gate.asgi(print); "
        "sys.exit('sqlalchemy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0  # noqa: S603  # our own script


@pytest.mark.conformance("L4")
@pytest.mark.parametrize(
    ("visit", "content_type", "word"),
    [
        (posted("answer=accept"), b"text/html; charset=utf-8", b"<h1>Please try again</h1>"),
        (said({"answer": "accept"}), b"application/json", b'"error": "Your choice could not'),
        (Visit(headers=((b"Accept", b"text/html"),)), b"text/html; charset=utf-8", b"<h1>"),
        (Visit(headers=((b"Accept", b"*/*"),)), b"text/plain; charset=utf-8", b"Your choice"),
    ],
)
def test_without_proof_nothing_is_granted(
    adapter: Adapter,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    visit: Visit,
    content_type: bytes,
    word: bytes,
) -> None:
    """Where a grant cannot be kept, a 503 leaves in place of the response, and no cookie at all."""
    Away(monkeypatch)
    heard: list[Event] = []
    gate = site.gate(observer=heard.append)
    view = called(lambda consent: consent.grant("statistics"), EVERYTHING)
    answer = adapter(gate, view, visit)
    assert answer.status == 503
    assert answer.names == []
    assert answer.values(b"content-type") == [content_type]
    assert answer.values(b"retry-after") == [b"5"]
    assert answer.values(b"cache-control") == [b"no-store"]
    assert word in answer.body
    assert b"hello" not in answer.body
    assert not any(event.action in ("granted", "partial") for event in heard)


@pytest.mark.conformance("L4")
def test_without_pages_it_is_said_in_a_line(
    adapter: Adapter, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate without pages says in one line of text that the visitor is to try again."""
    Away(monkeypatch)
    view = called(lambda consent: consent.grant("statistics"), EVERYTHING)
    answer = adapter(site.gate(pages=None), view)
    assert (answer.status, answer.names) == (503, [])
    assert answer.body.startswith(b"Please try again")


@pytest.mark.conformance("L4")
def test_an_answer_to_head_has_no_body(
    adapter: Adapter, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To HEAD the same is said, without a body (RFC 9110 9.3.2)."""
    Away(monkeypatch)
    view = called(lambda consent: consent.grant("statistics"), lambda _: Reply(body=[b""]))
    answer = adapter(site.gate(), view, Visit(method="HEAD", strict=False))
    assert (answer.status, answer.body) == (503, b"")


@pytest.mark.conformance("L4")
@pytest.mark.parametrize("answer", ["refuse", "withdraw", "save"])
def test_a_refusal_holds_whatever_the_database_does(
    adapter: Adapter, site: Site, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """To refuse and to withdraw takes effect at once, and is kept when the database is back."""
    away = Away(monkeypatch)
    gate = site.gate()
    visit = granted(gate, "statistics")
    reply = adapter(gate, sets(), posted(f"answer={answer}", cookies=visit.cookies))
    assert reply.status == 303
    standing = gate.standing([token_of(reply)])
    assert standing.answered
    assert "statistics" not in standing.allowed
    away.is_away = False
    until(lambda: len(site.records) == 1)
    assert site.records[0].action == "withdrawn"


@pytest.mark.conformance("L4")
@pytest.mark.parametrize("needed", [True, False])
def test_a_change_that_grants_and_withdraws_withdraws(
    adapter: Adapter, site: Site, monkeypatch: pytest.MonkeyPatch, needed: bool
) -> None:
    """Of a choice that takes one thing back and grants another, what is taken back holds."""
    away = Away(monkeypatch)
    gate = site.gate(needs_consent=lambda _: needed)
    visit = granted(gate, "statistics")
    change = "answer=save&allow-marketing=yes&allow-statistics=no"
    reply = adapter(gate, sets(), posted(change, cookies=visit.cookies))
    assert reply.status == 503
    standing = gate.standing([token_of(reply)])
    assert standing.choice is not None
    assert standing.choice.granted == frozenset()
    assert "statistics" in standing.choice.refused
    away.is_away = False
    until(lambda: len(site.records) == 1)
    (record,) = site.records
    assert record.action == "withdrawn"
    assert not any(record.decisions.values())


@pytest.mark.conformance("L4")
def test_what_was_held_before_is_held_on(
    adapter: Adapter, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where more was granted than can be kept, the visitor keeps the choice that there was."""
    Away(monkeypatch)
    gate = site.gate()
    visit = granted(gate, "statistics")
    reply = adapter(gate, sets(), posted("answer=accept", cookies=visit.cookies))
    assert (reply.status, reply.names) == (503, [])


@pytest.mark.conformance("L4")
def test_an_objection_is_lifted_only_with_proof(
    adapter: Adapter, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who objected to what is exempt stays heard until the lifting is kept."""
    Away(monkeypatch)
    gate = site.gate()
    choice = gate.choice(["statistics"], ["anonymous_statistics", "marketing", "preferences"])
    held = gate.set_cookie_for(choice).partition(";")[0].encode()
    change = "answer=save&allow-anonymous_statistics=yes&allow-statistics=no"
    reply = adapter(gate, sets(), posted(change, cookies=[held]))
    assert reply.status == 503
    assert "anonymous_statistics" not in gate.standing([token_of(reply)]).allowed


@pytest.mark.conformance("L4")
def test_another_banners_grant_waits_for_its_proof(
    adapter: Adapter, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another tool was answered is not taken over unproven; the page itself is there."""
    away = Away(monkeypatch)
    gate = site.gate(consent_from=Klaro(categories={"visits": "statistics", "ads": "marketing"}))
    yes = b"klaro=" + quote('{"visits":true,"ads":true}').encode()
    seen: list[bool] = []
    view = called(lambda consent: seen.append(consent.allows("statistics")), EVERYTHING)
    answer = adapter(gate, view, Visit([yes + b"; _ga=1; ad_id=1"]))
    assert (answer.status, answer.body, seen) == (200, b"hello", [False])
    assert NAME not in answer.names
    assert not any(value.startswith(b"_ga=1") for value in answer.set_cookies)
    away.is_away = False
    until(lambda: b"_ga" in adapter(gate, EVERYTHING, Visit([yes])).names)


@pytest.mark.conformance("L4")
def test_another_banners_refusal_is_taken_over(
    adapter: Adapter, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A no to another tool's banner holds at once, also without a database."""
    Away(monkeypatch)
    gate = site.gate(consent_from=Klaro(categories={"visits": "statistics", "ads": "marketing"}))
    no = b"klaro=" + quote('{"visits":false,"ads":false}').encode()
    answer = adapter(gate, EVERYTHING, Visit([no]))
    assert answer.names[:2] == [NAME, b"session"]


@pytest.mark.conformance("L2")
def test_a_site_adds_what_it_wants(adapter: Adapter, site: Site) -> None:
    """A function of the site's own adds to a record, from the request."""

    def user(request: Request) -> dict[str, str]:
        return {"user": request.headers.get("X-User") or "", "path": request.path}

    gate = site.gate({"extra": user})
    view = called(lambda consent: consent.grant("statistics"), sets())
    adapter(gate, view, Visit(path="/yes", headers=((b"x-user", b"7"),)))
    adapter(gate, called(lambda consent: consent.refuse_all(), sets()))
    assert [record.extra for record in site.records] == [
        {"user": "7", "path": "/yes"},
        {"user": "", "path": "/"},
    ]


@pytest.mark.conformance("L2")
@pytest.mark.parametrize(
    "hook", [lambda _: 1 / 0, lambda _: None, lambda _: {"much": "x" * 10_000}]
)
def test_a_hook_that_fails_costs_nobody_the_choice(
    adapter: Adapter, site: Site, hook: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Where what a site adds cannot be had, or is too long, the choice is kept without it."""
    adapter(site.gate({"extra": hook}), called(lambda consent: consent.grant("marketing"), sets()))
    (record,) = site.records
    assert record.extra == {}
    assert "the choice is kept without it" in caplog.text


@pytest.mark.conformance("L1")
@pytest.mark.parametrize(
    ("fixed", "host", "kept"),
    [
        ("our shop".replace(" ", "-"), b"shop.example", "our-shop"),
        (None, b"Shop.Example:8080", "shop.example:8080"),
        (None, b"[::1]:80", "[::1]:80"),
        (None, b"a<script>", ""),
        (None, b"x" * 300, ""),
        (None, b"", ""),
    ],
)
def test_a_record_names_the_site(
    adapter: Adapter, site: Site, fixed: str | None, host: bytes, kept: str
) -> None:
    """The site is what its operator calls it, or the host that was asked, if that can be one."""
    gate = site.gate({"site": fixed})
    view = called(lambda consent: consent.refuse_all(), sets())
    adapter(gate, view, Visit(headers=((b"Host", host),), strict=False))
    (record,) = site.records
    assert record.site == kept


@pytest.mark.parametrize("by", ["time", "revision"])
def test_the_end_of_a_choice_is_kept_on_request(
    adapter: Adapter, site: Site, clock: Clock, policy: Policy, by: str
) -> None:
    """Where a site wants it, a choice that came to its end leaves a record, once."""
    settings = {"lapses": True}
    gate = site.gate(settings)
    token = token_of(adapter(gate, sets(), posted("answer=accept")))
    if by == "time":
        clock.now += 183 * 86400
        later = [gate, gate, site.gate(settings)]
    else:
        clock.now += 5
        changed = Policy(policy.cookies, revision="next")
        later = [site.gate(settings, policy=changed) for _ in range(2)]
        later.append(later[0])
    for each in later:
        adapter(each, EVERYTHING, Visit([token]))
        assert each.ledger is not None
        each.ledger.close()
    first, end = site.records
    assert (end.id, end.action, end.source) == (first.id, "lapsed", "gate")
    assert (end.decisions, end.revision) == (first.decisions, first.revision)
    assert end.made_at == int(clock.now)


def test_what_did_not_end_is_not_noted(adapter: Adapter, site: Site) -> None:
    """Choices that hold, visitors without one and forged tokens leave no record of an end."""
    gate = site.gate({"lapses": True})
    token = token_of(adapter(gate, sets(), posted("answer=accept")))
    for cookies in ([token], [], [NAME + b"=forged"], [token + b"x"], [b"other=1"]):
        adapter(gate, EVERYTHING, Visit(list(cookies)))
    adapter(gate, sets("session=1"), Visit([token]))
    assert gate.ledger is not None
    gate.ledger.close()
    assert len(site.records) == 1


def test_memory_of_what_ended_has_an_end(
    adapter: Adapter, site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many choices end, few are remembered, and the ledger has the end of each once."""
    monkeypatch.setattr(journal_module, "_MOST_NOTED", 2)
    gate = site.gate({"lapses": True})
    tokens = [token_of(adapter(gate, sets(), posted("answer=accept"))) for _ in range(3)]
    clock.now += 183 * 86400
    for token in [*tokens, *tokens]:
        adapter(gate, EVERYTHING, Visit([token]))
    assert gate.ledger is not None
    gate.ledger.close()
    assert sum(record.action == "lapsed" for record in site.records) == 3


def check_takes_over(site: Site, folder: Path, respond: Callable[[ConsentGate], object]) -> None:
    """Check that a process writes what another one left, once it responds to anything."""
    left = entry()
    spool = Spool(folder / "spool", KEY, 1.0)
    spool.put([left])
    respond(site.gate({"spool": folder / "spool"}))
    until(lambda: spool.waiting() == 0)
    assert [record.id for record in site.records] == [left.id]
    spool.close()


@pytest.mark.conformance("L5")
def test_what_was_left_in_a_spool_needs_no_choice(
    adapter: Adapter, site: Site, tmp_path: Path
) -> None:
    """What a process left in the spool is written from the first response of the next one on."""
    check_takes_over(site, tmp_path, lambda gate: adapter(gate, EVERYTHING))


def test_without_anything_in_a_spool_nothing_is_opened(
    adapter: Adapter, site: Site, tmp_path: Path
) -> None:
    """A process that finds no file of a spool opens nothing before its first choice."""
    gate = site.gate({"spool": tmp_path / "spool"})
    adapter(gate, EVERYTHING)
    assert gate.ledger is not None
    assert gate.ledger._running is None
    assert list(tmp_path.iterdir()) == []


def test_a_spool_that_cannot_be_looked_into_is_told(
    adapter: Adapter,
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where no thread can be had for the spool the response goes on, once and again."""

    def none(lane: Lane) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Lane, "begin", none)
    (tmp_path / "spool").touch()
    gate = site.gate({"spool": tmp_path / "spool"})
    for _ in range(2):
        assert adapter(gate, EVERYTHING).set_cookies == [b"session=1; Path=/"]
    assert caplog.text.count("the spool is not looked into") == 1


@pytest.mark.parametrize("ledger", [7, b"sqlite:///x.db", {}, "nonsense", "sqlite://"])
def test_a_ledger_that_cannot_be_is_told(policy: Policy, ledger: Any) -> None:
    """What is no ledger is told at construction, with what to write instead."""
    with pytest.raises(ConsentGateError, match=r"sqlite:///consent\.db"):
        ConsentGate(policy, secret_key=KEY, ledger=ledger)


def test_without_the_extra_it_is_told(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SQLAlchemy is not installed, the error says what to install."""
    monkeypatch.setattr(consentgate, "ledger", consentgate.ledger)  # put back with the rest
    for name in [name for name in sys.modules if name.startswith("consentgate.ledger")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(ConsentGateError, match=r"pip install 'consentgate\[ledger\]'"):
        ConsentGate(policy, secret_key=KEY, ledger="sqlite:///consent.db")


class _Closed(list[bytes]):
    """A body that notes that it was closed."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True


def over_wsgi(gate: ConsentGate, app: Any, visit: Visit | None = None) -> Answer:
    """Answer a visit by a WSGI app as it is written."""
    started: list[Any] = []
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started[:] = [status, headers]
        return written.append

    chunks = gate.wsgi(app)(wsgi_environ(visit or Visit()), start_response)
    body = b"".join(chunks)
    if hasattr(chunks, "close"):
        chunks.close()
    pairs = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in started[1]]
    return Answer(int(started[0][:3]), pairs, b"".join(written) + body)


@pytest.mark.conformance("L4")
@pytest.mark.parametrize("inject", [False, True])
@pytest.mark.parametrize("shape", ["generator", "list", "write", "empty"])
def test_no_app_gets_its_response_out(
    site: Site, monkeypatch: pytest.MonkeyPatch, shape: str, inject: bool
) -> None:
    """However a WSGI app answers, nothing of it leaves where the grant could not be kept."""
    away = Away(monkeypatch)
    gate = site.gate(inject_banner=inject)
    bodies = []

    def started(environ: Any, start_response: Any) -> Any:
        environ["consentgate"].grant("statistics")
        return start_response("200 OK", [("Content-Type", "text/html"), ("Set-Cookie", "_ga=1")])

    def generator(environ: Any, start_response: Any) -> Iterator[bytes]:
        started(environ, start_response)
        yield b"<body>one"
        yield b"two"

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        if shape == "generator":
            return generator(environ, start_response)
        write = started(environ, start_response)
        if shape == "write":
            write(b"<body>one")
        bodies.append(_Closed([] if shape == "empty" else [b"<body>two"]))
        return bodies[0]

    answer = over_wsgi(gate, app)
    assert (answer.status, answer.names) == (503, [])
    assert answer.body.startswith(b"Your choice")
    assert all(body.is_closed for body in bodies)
    away.is_away = False
    until(lambda: over_wsgi(gate, app).status == 200)
    answer = over_wsgi(gate, app)
    assert answer.names == [NAME, b"_ga"]
    assert b"one" in answer.body or b"two" in answer.body or shape == "empty"


@pytest.mark.conformance("L4")
def test_an_app_that_starts_over_is_heard(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A WSGI app that fails after its response was replaced shows its own error (PEP 3333)."""
    Away(monkeypatch)

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        environ["consentgate"].grant("statistics")
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            raise ValueError
        except ValueError:
            start_response("500 Oh", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"failed"]

    answer = over_wsgi(site.gate(), app)
    assert (answer.status, answer.names, answer.body) == (500, [], b"failed")


async def _talk(gate: ConsentGate, app: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
    communicator: Any = Communicator(gate.asgi(app), scope)
    await communicator.send_input({"type": "http.request", "body": b""})
    await communicator.wait(timeout=10)
    messages = []
    while not communicator.output_queue.empty():
        messages.append(communicator.output_queue.get_nowait())
    return messages


@pytest.mark.conformance("L4")
def test_no_message_of_an_app_gets_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever an ASGI app sends after its start, nothing of it leaves in place of the 503."""
    Away(monkeypatch)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["consentgate"].grant("statistics")
        await send({"type": "http.response.early_hint", "links": []})
        await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.pathsend", "path": "/two"})
        await send({"type": "http.response.trailers", "headers": []})

    messages = asyncio.run(_talk(site.gate(inject_banner=True), app, asgi_scope(Visit())))
    assert [message["type"] for message in messages] == [
        "http.response.early_hint",
        "http.response.start",
        "http.response.body",
    ]
    assert messages[1]["status"] == 503
    assert messages[2]["body"].startswith(b"Your choice")


@pytest.mark.conformance("L4")
@pytest.mark.parametrize("start", ["websocket.accept", "websocket.http.response.start"])
def test_a_websocket_that_cannot_be_proven_is_closed(
    site: Site, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    """A websocket whose start would carry a grant is not opened where that cannot be kept."""
    away = Away(monkeypatch)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["consentgate"].grant("statistics")
        await send({"type": start, "status": 403, "headers": []})
        await send({"type": "websocket.send", "text": "one"})

    gate = site.gate()
    scope = {**asgi_scope(Visit()), "type": "websocket"}
    del scope["method"]
    messages = asyncio.run(_talk(gate, app, scope))
    if start == "websocket.accept":
        expected = {"type": "websocket.close", "code": 1013, "reason": "try again later"}
        assert messages == [expected]
    else:
        assert [each["type"] for each in messages] == [start, "websocket.http.response.body"]
        assert messages[0]["status"] == 503
    away.is_away = False
    until(lambda: asyncio.run(_talk(gate, app, scope))[0]["type"] == start)


@pytest.mark.conformance("L7")
def test_a_loop_goes_on_while_a_choice_waits(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a choice waits for the database, an event loop serves others."""
    from test_ledger_journal import Slow

    slow = Slow(monkeypatch)
    gate = site.gate({"timeout": 1.0})

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/yes":
            scope["consentgate"].grant("statistics")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def visits() -> tuple[int, list[float]]:
        choosing = asyncio.create_task(_talk(gate, app, asgi_scope(Visit(path="/yes"))))
        await asyncio.to_thread(slow.entered.wait, 10)
        times: list[float] = []
        while not choosing.done() and len(times) < 20:
            began = time.monotonic()
            await _talk(gate, app, asgi_scope(Visit()))
            times.append(time.monotonic() - began)
        messages = await choosing
        return messages[0]["status"], times

    status, times = asyncio.run(visits())
    slow.go_on.set()
    assert status == 503
    assert len(times) == 20
    assert max(times) < 0.9


def test_setting_cookies_beside_a_choice_needs_its_proof(adapter: Adapter, site: Site) -> None:
    """What a grant lets pass leaves in the very response whose grant was kept."""
    view = called(lambda consent: consent.grant("statistics"), lambda _: setting("_ga=1"))
    answer = adapter(site.gate(), view)
    assert answer.names == [NAME, b"_ga"]
    assert len(site.records) == 1
