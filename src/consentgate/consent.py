"""The app's handle in an exchange: what this visitor allows, how to change it, and how to ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from consentgate.errors import ConsentGateError
from consentgate.exchange import Exchange
from consentgate.handle import Handle

if TYPE_CHECKING:
    from consentgate.pages.site import Site

KEY = "consentgate"
"""Where the handle stands in a WSGI environ and an ASGI scope."""


class Consent(Handle):
    """What this visitor allows, how to change it in the response to this very request, and to ask.

    What ends in `_html` goes into a page of the app, and raises
    ConsentGateError for a gate without pages.
    """

    __slots__ = ()

    def banner_html(self, language: str | None = None, *, nonce: str | None = None) -> Markup:
        """Return the banner, to stand first in the page's body; empty where nothing is to be asked.

        That is where the visitor has answered, where no consent is needed, and
        behind a gate that only reports. `language` is the page's own, by default
        the one that the visitor asks for. `nonce` is that of the page's
        Content-Security-Policy, if it has one. Raises ConsentGateError for a
        gate without pages.
        """
        site = self._site("banner_html")
        # There all cookies are set, whatever the banner would promise.
        banner = site.banner(self, language, nonce) if self._exchange.gate.asks else Markup("")
        if banner:
            self._exchange.banner_shown = True
            self._exchange.is_personal()
        return banner

    def link_html(self, language: str | None = None) -> Markup:
        """Return the link to the preferences, for every page's footer; and the way to withdraw.

        GDPR article 7(3): "as easy to withdraw as to give consent". Arguments
        and errors are those of `banner_html`.
        """
        site = self._site("link_html")
        self._exchange.consulted()
        self._exchange.speaks()
        return site.renderer.html("link.html", self, language)

    def charter_html(self, language: str | None = None) -> Markup:
        """Return the tables of the charter alone, for a page of the app's own.

        Arguments and errors are those of `banner_html`.
        """
        site = self._site("charter_html")
        self._exchange.speaks()
        return site.renderer.html("table.html", self, language, alone=True)

    def script_html(self, nonce: str | None = None) -> Markup:
        """Return the element that loads the script `window.consentgate`; the banner has it too.

        `nonce` is that of the page's Content-Security-Policy, if it has one.
        Raises ConsentGateError for a gate without pages.
        """
        return self._site("script_html").elements.script(self, nonce)

    def guard_html(self, nonce: str | None = None) -> Markup:
        """Return the element that loads the guard, to stand first in the page's head.

        The guard holds what other scripts write into `document.cookie` to the
        policy. Arguments and errors are those of `script_html`.
        """
        guard = self._site("guard_html").elements.guard(self, nonce)
        self._exchange.guard_shown = True
        return guard

    def mode_html(self, nonce: str | None = None) -> Markup:
        """Return the element that tells Google's tags what they may do, to stand before them.

        Google Consent Mode v2, with what this visitor allows as its default.
        Arguments and errors are those of `script_html`.
        """
        return self._site("mode_html").elements.mode(self, nonce)

    def iframe_html(
        self,
        src: str,
        category: str,
        title: str,
        *,
        language: str | None = None,
        **attributes: object,
    ) -> Markup:
        """Return a frame that needs consent to a category; without it, what stands in its place.

        That is a box which says what would be loaded and from whom, with the
        ways to allow it; it wakes up without a reload where the script of the
        pages is there, and has a link to the source where no script is.
        `title` says in a few words what is in the frame. `attributes` are those
        of the element (`allow="fullscreen"`, `loading="lazy"`; True for one
        without a value). Raises ConsentGateError for an unknown category, an
        address that is none, an attribute that is the helper's own, or a gate
        without pages.
        """
        found = self._site("iframe_html").placeholders
        self._exchange.speaks()
        return found.iframe(self, src, category, title, attributes, language)

    def external_script_html(
        self, src: str, category: str, *, nonce: str | None = None, **attributes: object
    ) -> Markup:
        """Return a script that needs consent to a category; without it, one that waits for it.

        The script of the pages wakes it up. `attributes` and errors are those
        of `iframe_html`, `nonce` is that of the page's Content-Security-Policy.
        """
        found = self._site("external_script_html").placeholders
        return found.script(self, src, category, nonce, attributes)

    def helpers(self) -> dict[str, Callable[..., Markup]]:
        """Return what templates have of the pages, by the names that they call it."""
        return {
            "consent_banner": self.banner_html,
            "consent_link": self.link_html,
            "consent_charter": self.charter_html,
            "consent_script": self.script_html,
            "consent_guard": self.guard_html,
            "consent_mode": self.mode_html,
            "consent_iframe": self.iframe_html,
            "consent_external_script": self.external_script_html,
        }

    def _site(self, asked: str) -> Site:
        site = self._exchange.gate.site
        if site is None:
            raise ConsentGateError(
                f"consent.{asked}: this gate has pages=None; leave that out, or ask by yourself"
            )
        return site


def exchange_around(found: object, cookie_lines: Sequence[bytes]) -> Exchange | None:
    """Return the exchange of a gate further out that this request is already part of.

    Two gates around one app, by mistake or a mounted app with a gate of its
    own, are one exchange: the outermost gate decides, once. A handle that a
    finished request left behind is none.
    """
    if isinstance(found, Consent) and found._exchange.shares(cookie_lines):
        return found._exchange
    return None


def required(found: object, where: str) -> Consent:
    """Return the handle that was found.

    Raises ConsentGateError where there is none: no gate stands around the app.
    """
    if isinstance(found, Consent):
        return found
    raise ConsentGateError(
        f"no consent in this {where}: put the gate around the app, as in gate.wsgi(app) or "
        "gate.asgi(app), or add ConsentMiddleware"
    )
