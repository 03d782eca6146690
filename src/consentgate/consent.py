"""The app's handle in an exchange: what this visitor allows, and how to change it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from consentgate.browser_report import BrowserReport
from consentgate.choice import Choice
from consentgate.errors import ConsentGateError
from consentgate.exchange import Exchange
from consentgate.request import Target

if TYPE_CHECKING:
    from consentgate.pages.site import Site

KEY = "consentgate"
"""Where the handle stands in a WSGI environ and an ASGI scope."""


class Consent:
    """What this visitor allows, and how to change it in the response to this very request."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __repr__(self) -> str:
        standing = self._exchange.standing
        return f"<Consent answered={standing.answered}, choice={standing.choice!r}>"

    def allows(self, category: str) -> bool:
        """Tell whether the cookies of a category may be set. False for an unknown category."""
        return self._exchange.allows(category)

    @property
    def answered(self) -> bool:
        """Whether the visitor has answered under the current policy. Refusing is an answer."""
        return self._exchange.consulted().answered

    @property
    def choice(self) -> Choice | None:
        """What the visitor decided, None if nothing. One under an old revision is no answer."""
        return self._exchange.consulted().choice

    @property
    def chosen(self) -> frozenset[str]:
        """The keys of the categories that pass by this visitor's choice, or need none.

        That is what `allows` tells, but where no consent is needed: silence is in no way a choice.
        """
        return self._exchange.consulted().allowed

    @property
    def needed(self) -> bool:
        """Whether this request needs consent at all, by the gate's `needs_consent`."""
        return self._exchange.consent_needed

    @property
    def opted_out(self) -> bool:
        """Whether the browser sends `Sec-GPC: 1` (Global Privacy Control)."""
        return self._exchange.opted_out

    @property
    def target(self) -> Target:
        """Where the request went, and in which language it would like its answer."""
        return self._exchange.target

    @property
    def scripts(self) -> str:
        """What scripts of a page may write into `document.cookie`, as the guard reads it.

        Declared names and patterns with a space between them, in the order in
        which they decide, each behind "+" (may be written), "-" (is refused)
        or "~" (only told).
        """
        return self._exchange.scripts

    def reported(self, report: BrowserReport) -> None:
        """Tell the observers what a browser reports, unless it is allowed by now."""
        self._exchange.hear(report)

    def grant(self, *categories: str) -> None:
        """Record the visitor's choice: these categories granted, every other refused.

        An exempt category stays as it is unless it is named. Raises
        ConsentGateError for an unknown category, ResponseStartedError once the
        response has started.
        """
        self.choose(dict.fromkeys(categories, True))

    def choose(self, decisions: Mapping[str, bool]) -> None:
        """Record the visitor's choice, category by category: True grants, False refuses.

        What is left out is refused, an exempt category stays as it is. Raises
        as `grant` does, and ConsentGateError for anything but True or False.
        """
        gate = self._exchange.gate
        for key, decision in decisions.items():
            if not isinstance(decision, bool):  # A form's "no" would grant.
                raise ConsentGateError(
                    f"choose({{{key!r}: {decision!r}}}): say True to grant, False to refuse"
                )
        gate.checked_categories(decisions)
        granted = gate.checked_categories(key for key, yes in decisions.items() if yes)
        opposed = gate.policy.exempt - self._exchange.standing.allowed
        opposed |= gate.policy.exempt & decisions.keys()
        self._exchange.decide(granted, (gate.policy.needing | opposed) - granted)

    def grant_all(self) -> None:
        """Record that the visitor grants every category. Raises as `grant` does."""
        self._exchange.decide(self._exchange.gate.policy.choosable, frozenset())

    def refuse_all(self) -> None:
        """Record that the visitor refuses every category, and opposes the exempt ones.

        Raises ResponseStartedError once the response has started.
        """
        self._exchange.decide(frozenset(), self._exchange.gate.policy.choosable)

    def withdraw(self, *categories: str) -> None:
        """Record that the visitor takes consent back, in these categories or in all.

        As easy as giving it (GDPR article 7(3)). Naming an exempt category
        opposes it. Raises as `grant` does.
        """
        gate = self._exchange.gate
        known, allowed = gate.policy.choosable, self._exchange.standing.allowed
        lost = gate.checked_categories(categories) if categories else known
        granted = self.choice.granted if self.choice else frozenset()
        kept = (allowed & gate.policy.exempt) - lost
        still = (allowed & granted) - lost
        refused = known - still - kept
        if not self.needed:
            # Here silence is no refusal: the others pass as before.
            refused = lost | (self.choice.refused & known if self.choice else frozenset())
        self._exchange.decide(still, refused)

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

    if not TYPE_CHECKING:  # A checker would take any name for a category.

        def __getattr__(self, name: str) -> bool:
            """Tell whether a category is allowed: templates write `{% if consent.statistics %}`."""
            known = () if name.startswith("_") else self._exchange.gate.policy.categories
            if any(category.key == name for category in known):
                return self.allows(name)
            raise AttributeError(f"no category of the policy, and nothing else, is named {name!r}")


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
