"""What the browser is told to hold a page to, in one exchange.

From whom it may load things, and what its scripts may write.
"""

from __future__ import annotations

from consentgate.browser_report import BrowserReport
from consentgate.category import ALWAYS
from consentgate.documents import Use, is_asked_for, leads_on, use_of
from consentgate.forgetting import Forgetting
from consentgate.hosts import hosts_in
from consentgate.observer import LONGEST_NAME, LONGEST_PATH, Event, Reason
from consentgate.wire import Dialect, HeaderKind, Text, header_kinds

# RFC 9110 15: before the final response, and of what has no content, nothing is shown.
_FINAL = 200
_EMPTY = (204, 205)
_NOT_MODIFIED = 304


class Sourcing(Forgetting):
    """Says what holds for the browser, and hears what the browser says of it."""

    destination: str | None = None
    """What the response is for, as Sec-Fetch-Dest of the request says."""
    depends_on_use = False
    """Whether the response would be another one for another destination."""
    ours = False
    """Whether the response is one of the gate's own pages: these have a policy of their own."""

    @property
    def scripts(self) -> str:
        """What scripts of the page may write, for the guard; see `ScriptRules`."""
        return self.gate.script_rules.text(self._permitted(), not self.consent_needed)

    def is_anew(self, method: str, accept: str) -> bool:
        """Tell whether the app is to answer as if the browser had no copy of this page.

        `accept` is the request's header of that name. A stored page has the
        policy of the choice that held then, and a 304 would go on with it. To
        other methods a condition says what is not to be overwritten (RFC 9110
        13.1.2): it stays.
        """
        sources = self.gate.sources
        depends = sources is not None and bool(sources.categories)
        reading = method in ("GET", "HEAD")
        return depends and reading and is_asked_for(self.destination, accept)

    def add_sources(
        self, kept: list[tuple[Text, Text]], dialect: Dialect[Text], status: int
    ) -> None:
        """Add to the headers of a page whom it may load things from.

        RFC 9111 3.2: the fields of a 304 take the place of those that were
        stored, and so would this one of the app's own policy.
        """
        sources = self.gate.sources
        if sources is None or self.ours or status < _FINAL:
            return
        # Under report_only, what is no header at all may be among them.
        plain = self._plain(kept, dialect) if self.gate.report_only else kept
        if status == _NOT_MODIFIED or status in _EMPTY or leads_on(plain, status, dialect):
            return
        use = use_of(plain, self.destination, dialect)
        self.depends_on_use = use is Use.ELSEWHERE
        if use is not Use.PAGE:
            return
        allowed = self._permitted() if sources.categories else ALWAYS
        # Where no consent is needed, there is none until the visitor refuses something of it. Then
        # what is undeclared is stopped as well: a policy cannot say "all but".
        if self.consent_needed or not sources.categories <= allowed:
            root = self.target.root if sources.reports else ""
            fields = sources.fields(allowed & sources.categories, root, self.secure)
            kept += fields[type(dialect.vary)]

    def may_hint(self, header: tuple[Text, Text], dialect: Dialect[Text]) -> bool:
        """Tell whether a field may leave before the response does, with no policy to hold it to.

        RFC 8297: browsers preload what a Link of an early hint says.
        """
        sources = self.gate.sources
        if sources is None or dialect.encode(header[0]).lower() != b"link":
            return True
        hosts = hosts_in(dialect.encode(header[1])) - {self.host.decode("latin-1").lower()}
        if not hosts:
            return True
        allowed = self._permitted()
        is_open = not self.consent_needed and sources.categories <= allowed
        return is_open or all(sources.lets(host, allowed) for host in hosts)

    def hear(self, report: BrowserReport) -> None:
        """Tell the observers what a browser reports, unless it is allowed by now."""
        gate = self.gate
        if report.kind == "source":
            action = "blocked"
            category = None if gate.sources is None else gate.sources.category_of(report.name)
        else:
            action = "guarded"
            category = gate.category_of[report.name.encode("utf-8", "replace")]
        if gate.observed and (category is None or category not in self.consulted().allowed):
            name, page = report.name[:LONGEST_NAME], report.page[:LONGEST_PATH]
            reason = self._held_back(report.name, category)
            gate.tell(Event(action, name, category, page, reason, report.enforced))

    def _held_back(self, name: str, category: str | None) -> Reason:
        """Say why a browser was to hold something back, whatever that address itself needs."""
        if category is None:
            return Reason.RESERVED if name == self.gate.cookie_name else Reason.UNDECLARED
        refused = self.standing.answered or self._signalled(category)
        return Reason.REFUSED if refused else Reason.UNANSWERED

    @staticmethod
    def _plain(headers: list[tuple[Text, Text]], dialect: Dialect[Text]) -> list[tuple[Text, Text]]:
        kinds = header_kinds(headers, dialect)
        return [h for h, kind in zip(headers, kinds, strict=True) if kind is not HeaderKind.UNSAFE]

    def _permitted(self) -> frozenset[str]:
        """Return the categories that pass for this visitor; what is said of it depends on that."""
        if self.consent_needed:
            return self.consulted().allowed
        choosable = self.gate.policy.choosable
        for category in choosable:
            self._opens(category)
        return ALWAYS | {each for each in choosable if not self._opposed(each)}
