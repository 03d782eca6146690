"""The pages of one gate: a request for one of them in, a response out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from consentgate.pages import answer, charter
from consentgate.pages.answer import Answer, WrongField, WrongType
from consentgate.pages.elements import Elements
from consentgate.pages.links import query_of, with_saved
from consentgate.pages.origin import is_same_origin, own_origin, way_back
from consentgate.pages.placeholders import Placeholders
from consentgate.pages.refusal import Field, Refusal
from consentgate.pages.rendering import Renderer
from consentgate.pages.reports import Reports
from consentgate.pages.request import MAX_BODY, MAX_REPORT, READING, PageRequest, PageResponse
from consentgate.pages.settings import Pages
from consentgate.pages.static import StaticFile, static_files
from consentgate.policy import Policy

if TYPE_CHECKING:
    from consentgate.consent import Consent

WELL_KNOWN_GPC = "/.well-known/gpc.json"

Handler = Callable[[PageRequest, "Consent"], PageResponse]

_HTML = "text/html; charset=utf-8"
_JSON = "application/json"
# Nobody keeps what is one visitor's: RFC 9111 5.2.2.5. Back in history it is asked for again.
_NOT_KEPT = "no-store"
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
    visitor comes by https, whatever a request looks like here.
    """

    def __init__(
        self, policy: Policy, pages: Pages, *, max_age: timedelta, always_secure: bool = False
    ) -> None:
        self.renderer = Renderer(policy, pages, max_age=max_age)
        self._policy = policy
        self._pages = pages
        self._always_secure = always_secure
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
            response = self._refused(refusal, route, consent)
        # RFC 9110 9.3.2: HEAD is answered as GET, "but [...] the server MUST NOT send content".
        return response._replace(body=b"") if request.method == "HEAD" else response

    def _routed(self) -> dict[str, Route]:
        base = self._pages.path
        routes = {
            base: Route(READING, self._charter, _HTML),
            f"{base}/preferences": Route(READING, self._preferences, _HTML),
            f"{base}/choice": Route(("POST",), self._choose, _HTML),
            f"{base}/choice.json": Route((*READING, "POST"), self._state, _JSON),
            f"{base}/placeholder": Route(READING, self._placeholder, _HTML),
            f"{base}/frame": Route(READING, self._frame, _HTML),
        }
        if self._pages.endpoint is not None:
            routes[self._pages.endpoint] = Route(("POST",), self._report, _JSON)
        for file in static_files().values():
            path = f"{base}/static/{file.name}"
            routes[path] = Route(READING, self._file(file), file.content_type)
        if self._pages.gpc is not None:
            routes[WELL_KNOWN_GPC] = Route(READING, self._gpc, _JSON)
        return routes

    def _charter(self, _: PageRequest, consent: Consent) -> PageResponse:
        return self._response(200, _HTML, self.renderer.html("charter.html", consent))

    def _preferences(self, _: PageRequest, consent: Consent) -> PageResponse:
        return self._response(200, _HTML, self.renderer.html("preferences.html", consent))

    def _choose(self, request: PageRequest, consent: Consent) -> PageResponse:
        own = self._from_own_page(request)
        given = self._taken(answer.from_form, request, consent)
        root = request.target.root
        back = way_back(root, own, given.back, request.headers)
        location = with_saved(back, root + self._pages.path)
        # RFC 9110 15.4.4: the page is got anew, and a reload sends nothing twice.
        return self._response(303, "text/plain", "", headers=[("Location", location)])

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
            },
            "revision": policy.revision,
            "language": language.code,
            "status": [
                line.striptags() if isinstance(line, Markup) else line
                for line in self.renderer.status(consent, language, saved=saved).lines
            ],
            "categories": charter.as_json(policy, language, allowed),
        }
        return self._response(200, _JSON, json.dumps(state, ensure_ascii=False))

    def _placeholder(self, request: PageRequest, consent: Consent) -> PageResponse:
        return self._response(200, _HTML, self.placeholders.box(request, consent))

    def _frame(self, request: PageRequest, consent: Consent) -> PageResponse:
        page, fields = self.placeholders.frame(request, consent)
        return self._response(200, _HTML, page, headers=fields)

    def _report(self, request: PageRequest, consent: Consent) -> PageResponse:
        status, fields = self._reports.take(request, consent)
        return PageResponse(status, fields, b"")

    def _gpc(self, _: PageRequest, __: Consent) -> PageResponse:
        """Global Privacy Control, "GPC Support Resource": the site heeds the signal."""
        support = {"gpc": True, "lastUpdate": f"{self._pages.gpc}"}
        return self._response(200, _JSON, json.dumps(support), _KEPT_FOR_A_DAY)

    def _file(self, file: StaticFile) -> Handler:
        response = self._response(
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
            consent.choose(dict.fromkeys(self._choosable, True))
        elif given.answer == "refuse":
            consent.refuse_all()
        elif given.answer == "withdraw":
            consent.withdraw()
        elif given.answer == "allow":
            consent.grant_also(*given.decisions)
        else:
            consent.choose(given.decisions)
        return given

    def _refused(self, refusal: Refusal, route: Route, consent: Consent) -> PageResponse:
        title, message = refusal.words(self.renderer.language(consent.target))
        if route.content_type == _JSON:
            body = json.dumps({"error": message, "field": refusal.field}, ensure_ascii=False)
            return self._response(refusal.status, _JSON, body, headers=refusal.headers)
        body = self.renderer.html("error.html", consent, title=title, message=message)
        return self._response(refusal.status, _HTML, body, headers=refusal.headers)

    def _response(
        self,
        status: int,
        content_type: str,
        text: str,
        kept: str = _NOT_KEPT,
        headers: Sequence[Field] = (),
    ) -> PageResponse:
        body = text.encode("utf-8", "replace")  # A visitor may name a lone surrogate.
        fields = {
            "Content-Type": content_type,
            "Content-Length": str(len(body)),
            "Cache-Control": kept,
            "Content-Security-Policy": self._pages.content_security_policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "SAMEORIGIN",
            # Forms sent from here name their origin: with less of a referrer it would be "null".
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            **dict(headers),
        }
        return PageResponse(status, list(fields.items()), body)
