"""What stands in a page for something that waits for consent, until there is consent."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

from markupsafe import Markup

from consentgate.category import NECESSARY, nearest_of
from consentgate.errors import ConsentGateError
from consentgate.hosts import HostTable
from consentgate.pages.embed import Source, attributes, checked_source, source
from consentgate.pages.links import fields_of
from consentgate.pages.refusal import Field, Refusal
from consentgate.pages.rendering import Renderer
from consentgate.pages.request import PageRequest
from consentgate.policy import Policy

if TYPE_CHECKING:
    from consentgate.consent import Consent

_FRAME = Markup('<iframe src="{}" title="{}"{}></iframe>')
_WAITING_FRAME = Markup('<iframe data-consent="{}" data-src="{}" title="{}" hidden{}></iframe>')
_SCRIPT = Markup('<script src="{}"{}></script>')
_WAITING_SCRIPT = Markup('<script type="text/plain" data-consent="{}" src="{}"{}></script>')
# How much of what a page says of a frame comes back in an answer to it.
_LONGEST = 500
# The scripts of a page ask for these, and its frames. Another site's page can, too.
_OWN = (None, "same-origin")
# The page around a frame is for frames: as a page of its own it would show what nobody asked for.
_FRAMED = (None, "iframe", "frame")
# In a sandbox that page is of no origin, to which browsers give no stylesheet of ours: it has its
# few rules in itself, and its policy allows just these.
_FRAME_STYLE = Markup(
    "body,iframe{position:fixed;inset:0;width:100%;height:100%;margin:0;border:0;background:none}"
)
_FRAME_STYLE_HASH = b64encode(sha256(_FRAME_STYLE.encode()).digest()).decode()


class Placeholders:
    """Frames and scripts that wait, the boxes in the place of frames, and the page around one.

    Of another site a page may frame only what its policies allow, and they are
    those of the choice with which it was loaded. A frame of our own may frame
    more: it has a policy of its own.
    """

    def __init__(self, policy: Policy, renderer: Renderer) -> None:
        self._policy = policy
        self._renderer = renderer
        self._hosts = HostTable(policy.third_parties)
        self._keys = [category.key for category in policy.offered]

    def iframe(
        self,
        consent: Consent,
        src: str,
        category: str,
        title: str,
        given: Mapping[str, object],
        language: str | None,
    ) -> Markup:
        """Return a frame, or what stands for it; see `Consent.iframe_html`."""
        found = self._checked("iframe_html", src, category)
        rest = attributes("iframe_html", given)
        if title is None or not str(title).strip():
            raise ConsentGateError(
                f"iframe_html: title={title!r}: say in a few words what is in the frame"
            )
        if consent.allows(category):
            return _FRAME.format(src, title, rest)
        box = self._box(consent, found, category, title, language)
        return box + _WAITING_FRAME.format(category, src, title, rest)

    def script(
        self,
        consent: Consent,
        src: str,
        category: str,
        nonce: str | None,
        given: Mapping[str, object],
    ) -> Markup:
        """Return a script, or one that waits; see `Consent.external_script_html`."""
        self._checked("external_script_html", src, category)
        rest = attributes("external_script_html", given)
        if nonce:
            rest += Markup(' nonce="{}"').format(nonce)
        if consent.allows(category):
            return _SCRIPT.format(src, rest)
        return _WAITING_SCRIPT.format(category, src, rest)

    def box(self, request: PageRequest, consent: Consent) -> Markup:
        """Return what stands for a frame that a page has written by itself.

        Raises Refusal for a request that no script of ours sends.
        """
        said = self._said(request)
        found, category = source(said.get("src")), said.get("category", "")
        if found is None:
            raise Refusal(400, "src")
        if category not in self._keys or category not in self._policy.choosable:
            raise Refusal(400, "category")
        return self._box(consent, found, category, said.get("title", ""), None)

    def frame(self, request: PageRequest, consent: Consent) -> tuple[Markup, list[Field]]:
        """Return the page around a frame, and the header fields that it needs.

        Only declared third parties are framed so, with consent or where the
        visitor asked for it this once. Raises Refusal for anything else.
        """
        said = self._said(request)
        if request.headers.get("sec-fetch-dest") not in _FRAMED:
            raise Refusal(403)
        found = source(said.get("src"))
        party = self._hosts.find(found.host) if found else None
        if found is None or party is None:
            raise Refusal(400, "src")
        if "once" not in said and not consent.allows(party.category):
            raise Refusal(403)
        page = self._renderer.html(
            "frame.html",
            consent,
            src=found.address,
            title=said.get("title") or party.name,
            allow=said.get("allow", ""),
            full=said.get("full") == "1",
            style=_FRAME_STYLE,
        )
        hosts = " ".join([found.origin, *party.hosts])
        policy = (
            f"default-src 'none'; style-src 'sha256-{_FRAME_STYLE_HASH}'; frame-src {hosts}; "
            "base-uri 'none'; frame-ancestors 'self'"
        )
        # Players ask where they are: the origin, and no more.
        referrer = ("Referrer-Policy", "strict-origin-when-cross-origin")
        return page, [("Content-Security-Policy", policy), referrer]

    def _said(self, request: PageRequest) -> dict[str, str]:
        if request.headers.get("sec-fetch-site") not in _OWN:
            raise Refusal(403)
        return {
            name: value if name == "src" else value[:_LONGEST]
            for name, value in fields_of(request.target).items()
        }

    def _checked(self, helper: str, src: str, category: str) -> Source:
        if category not in (NECESSARY, *self._keys):
            raise ConsentGateError(
                f"{helper}: category={category!r} is none that visitors are asked about; "
                f"{nearest_of(category, self._keys)}. Or declare a cookie or a third party in it"
            )
        return checked_source(helper, src)

    def _box(
        self, consent: Consent, found: Source, category: str, title: str, language: str | None
    ) -> Markup:
        party = self._hosts.find(found.host)
        return self._renderer.html(
            "placeholder.html",
            consent,
            language,
            key=category,
            source=found.address,
            party=party.name if party else found.host,
            about=title,
        )
