"""The pages of one gate: a request for one of them in, a response out."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from consentgate.pages import answer, charter
from consentgate.pages.answer import Answer, WrongField, WrongType
from consentgate.pages.elements import Elements
from consentgate.pages.links import query_of, with_saved
from consentgate.pages.origin import is_same_origin, own_origin, way_back
from consentgate.pages.placeholders import Placeholders
from consentgate.pages.refusal import UNRECORDED, Refusal
from consentgate.pages.rendering import Renderer
from consentgate.pages.reports import Reports
from consentgate.pages.request import MAX_BODY, MAX_REPORT, READING, PageRequest, PageResponse
from consentgate.pages.responses import HTML, JSON, TEXT, Responses
from consentgate.pages.settings import Pages
from consentgate.pages.shown import Shown
from consentgate.pages.static import StaticFile, static_files
from consentgate.policy import Policy
from consentgate.proof import Document
from consentgate.request import Target

if TYPE_CHECKING:
    from consentgate.consent import Consent

WELL_KNOWN_GPC = "/.well-known/gpc.json"

Handler = Callable[[PageRequest, "Consent"], PageResponse]

# The name has the content's hash in it: what is under it never changes (RFC 8246).
_KEPT_FOR_EVER = "public, max-age=31536000, immutable"
_KEPT_FOR_A_DAY = "public, max-age=86400"


class Route(NamedTuple):
    """What is at a path: the methods that it takes, who answers, and in which media type."""

    methods: tuple[str, ...]
    handler: Handler
    content_type: str

    def taking(self, request: PageRequest) -> Handler:
        """Return who answers a request. Raises Refusal for one of another method.

        RFC 9110 9.2.1: GET and HEAD are safe. What changes something takes POST alone.
        """
        if request.method not in self.methods:
            raise Refusal(405, headers=[("Allow", ", ".join(self.methods))])
        return self.handler


class Site:
    """The banner, the preferences page, the charter, and what is behind their forms.

    `max_age` is how long an answer is kept. `always_secure` says that every
    visitor comes by https, whatever a request looks like here. `keeps_proof`
    says that there is a ledger, in which a choice is found by its id.
    """

    def __init__(
        self,
        policy: Policy,
        pages: Pages,
        *,
        max_age: timedelta,
        always_secure: bool = False,
        keeps_proof: bool = False,
    ) -> None:
        self.renderer = Renderer(policy, pages, max_age=max_age, keeps_proof=keeps_proof)
        self._policy = policy
        self._pages = pages
        self._always_secure = always_secure
        self._keeps_proof = keeps_proof
        self._responses = Responses(pages, self.renderer)
        self._shown = Shown(policy, pages, self.renderer)
        self.elements = Elements(policy, pages, self.renderer)
        self.placeholders = Placeholders(policy, self.renderer)
        self._reports = Reports(pages.proxies)
        self._choosable = policy.choosable & {category.key for category in policy.offered}
        self._routes = self._routed()
        # Most requests are for no page: that is seen at once.
        self._prefixes = (pages.path, *(() if pages.gpc is None else (WELL_KNOWN_GPC,)))

    def has(self, path: str) -> bool:
        """Tell whether there is a page at a path below the place where the app is mounted."""
        return path.startswith(self._prefixes) and (
            path in self._routes or path.removesuffix("/") in self._routes
        )

    def room(self, path: str) -> int:
        """Return how many bytes the body of a request to a path may have."""
        return MAX_REPORT if path.removesuffix("/") == self._pages.endpoint else MAX_BODY

    def banner(self, consent: Consent, told: str | None = None, nonce: str | None = None) -> Markup:
        """Return the banner for a visitor, empty where there is nothing to answer any more."""
        if not consent.needed or consent.answered:
            return Markup("")
        return self.renderer.html("banner.html", consent, told, nonce=nonce)

    def answer(self, request: PageRequest, consent: Consent) -> PageResponse:
        """Answer a request for one of the pages; a choice is taken by `consent`."""
        route = self._routes.get(request.path) or self._routes[request.path.removesuffix("/")]
        try:
            response = route.taking(request)(request, consent)
        except Refusal as refusal:
            response = self._responses.refused(refusal, route.content_type, consent)
        # RFC 9110 9.3.2: HEAD is answered as GET, "but [...] the server MUST NOT send content".
        return response._replace(body=b"") if request.method == "HEAD" else response

    def shown(self, target: Target) -> Document:
        """Return what a visitor is shown who sends a request there, as the ledger keeps it.

        The language is that in which the pages answer such a request.
        """
        return self._shown.document(self.renderer.language(target))

    def unrecorded(self, path: str, accept: str, consent: Consent) -> PageResponse:
        """Return what is answered in place of a grant that the ledger could not keep.

        GDPR article 7(1): what cannot be demonstrated is no consent. `path` is
        the request's, below the place where the app is mounted, `accept` its
        header of that name, `consent` its handle, from which the grant has been
        taken back. The answer has a body, also where the method is HEAD.
        """
        route = self._routes.get(path.removesuffix("/"))
        if route is not None:
            content_type = route.content_type
        else:
            content_type = HTML if "text/html" in accept.lower() else TEXT
        return self._responses.refused(UNRECORDED, content_type, consent)

    def _routed(self) -> dict[str, Route]:
        base = self._pages.path
        routes = {
            base: Route(READING, self._charter, HTML),
            f"{base}/preferences": Route(READING, self._preferences, HTML),
            f"{base}/choice": Route(("POST",), self._choose, HTML),
            f"{base}/choice.json": Route((*READING, "POST"), self._state, JSON),
            f"{base}/placeholder": Route(READING, self._placeholder, HTML),
            f"{base}/frame": Route(READING, self._frame, HTML),
        }
        if self._pages.endpoint is not None:
            routes[self._pages.endpoint] = Route(("POST",), self._report, JSON)
        for file in static_files().values():
            path = f"{base}/static/{file.name}"
            routes[path] = Route(READING, self._file(file), file.content_type)
        if self._pages.gpc is not None:
            routes[WELL_KNOWN_GPC] = Route(READING, self._gpc, JSON)
        return routes

    def _charter(self, _: PageRequest, consent: Consent) -> PageResponse:
        return self._responses.made(200, HTML, self.renderer.html("charter.html", consent))

    def _preferences(self, _: PageRequest, consent: Consent) -> PageResponse:
        number = consent.choice.id if self._keeps_proof and consent.choice else ""
        page = self.renderer.html("preferences.html", consent, number=number)
        return self._responses.made(200, HTML, page)

    def _choose(self, request: PageRequest, consent: Consent) -> PageResponse:
        own = self._from_own_page(request)
        given = self._taken(answer.from_form, request, consent)
        root = request.target.root
        back = way_back(root, own, given.back, request.headers)
        location = with_saved(back, root + self._pages.path)
        # RFC 9110 15.4.4: the page is got anew, and a reload sends nothing twice.
        return self._responses.made(303, "text/plain", "", headers=[("Location", location)])

    def _state(self, request: PageRequest, consent: Consent) -> PageResponse:
        """Answer with the choice and the policy, for a page that is one script."""
        saved = request.method == "POST"
        if saved:
            self._from_own_page(request)
            self._taken(answer.from_json, request, consent)
        saved = saved or query_of(consent.target).saved
        language = self.renderer.language(consent.target)
        policy, choice = self._policy, consent.choice
        # Whatever `needs_consent` says of this very address: it is another page that asks.
        allowed = [c.key for c in policy.categories if c.key in consent.chosen]
        state = {
            "answered": consent.answered,
            "needed": consent.needed,
            "allowed": allowed,
            "scripts": consent.scripts,
            "choice": choice
            and {
                "granted": sorted(choice.granted),
                "refused": sorted(choice.refused),
                "time": choice.time.isoformat(),
                "revision": choice.revision,
                **({"id": choice.id} if self._keeps_proof else {}),
            },
            "revision": policy.revision,
            "language": language.code,
            "status": [
                line.striptags() if isinstance(line, Markup) else line
                for line in self.renderer.status(consent, language, saved=saved).lines
            ],
            "categories": charter.as_json(policy, language, allowed),
        }
        return self._responses.made(200, JSON, json.dumps(state, ensure_ascii=False))

    def _placeholder(self, request: PageRequest, consent: Consent) -> PageResponse:
        return self._responses.made(200, HTML, self.placeholders.box(request, consent))

    def _frame(self, request: PageRequest, consent: Consent) -> PageResponse:
        page, fields = self.placeholders.frame(request, consent)
        return self._responses.made(200, HTML, page, headers=fields)

    def _report(self, request: PageRequest, consent: Consent) -> PageResponse:
        status, fields = self._reports.take(request, consent)
        return PageResponse(status, fields, b"")

    def _gpc(self, _: PageRequest, __: Consent) -> PageResponse:
        """Global Privacy Control, "GPC Support Resource": the site heeds the signal."""
        support = {"gpc": True, "lastUpdate": f"{self._pages.gpc}"}
        return self._responses.made(200, JSON, json.dumps(support), _KEPT_FOR_A_DAY)

    def _file(self, file: StaticFile) -> Handler:
        response = self._responses.made(
            200, file.content_type, file.content.decode("utf-8"), _KEPT_FOR_EVER
        )
        return lambda _, __: response

    def _from_own_page(self, request: PageRequest) -> str:
        """Return the origin of this site. Raises Refusal for a request of any other."""
        https = request.https or self._always_secure
        own = own_origin(https, request.host, request.headers, self._pages.proxies)
        if not is_same_origin(own, request.headers):
            raise Refusal(403)
        return own

    def _taken(
        self,
        read: Callable[[bytes, str, frozenset[str]], Answer],
        request: PageRequest,
        consent: Consent,
    ) -> Answer:
        """Take the choice in a request. Raises Refusal for what is none."""
        if request.body is None:
            raise Refusal(413)
        try:
            given = read(request.body, request.headers.get("content-type", ""), self._choosable)
        except WrongType as error:
            raise Refusal(415) from error
        except WrongField as error:
            raise Refusal(400, error.args[0]) from error
        if given.answer == "accept":
            # All that was asked for: a purpose that no cookie serves yet was shown to nobody.
            consent.choose(dict.fromkeys(self._choosable, True), source=given.source)
        elif given.answer == "refuse":
            consent.refuse_all(source=given.source)
        elif given.answer == "withdraw":
            consent.withdraw(source=given.source)
        elif given.answer == "allow":
            consent.grant_also(*given.decisions, source=given.source)
        else:
            consent.choose(given.decisions, source=given.source)
        return given
