"""What templates show of the pages that ask: `{% load consentgate %}`.

The language is that which Django has chosen for the page, or the one named as in
`{% consent_banner "fr" %}`.
"""

from __future__ import annotations

from django.template import Context, Library
from django.utils.translation import get_language
from markupsafe import Markup

from consentgate.consent import Consent
from consentgate.errors import ConsentGateError
from consentgate.frameworks.django.handle import consent

register = Library()


def _consent(context: Context) -> Consent:
    # A context for a request has it, whatever context processors there are.
    request = getattr(context, "request", None) or context.get("request")
    if request is None:
        raise ConsentGateError(
            "a consent tag in a template without a request: render it by render(request, ...)"
        )
    return consent(request)


@register.simple_tag(takes_context=True)
def consent_banner(
    context: Context, language: str | None = None, nonce: str | None = None
) -> Markup:
    """Show the banner, first in the body of a page, to visitors who have not answered."""
    return _consent(context).banner_html(language or get_language(), nonce=nonce)


@register.simple_tag(takes_context=True)
def consent_link(context: Context, language: str | None = None) -> Markup:
    """Show the link to the preferences, in the footer of every page."""
    return _consent(context).link_html(language or get_language())


@register.simple_tag(takes_context=True)
def consent_charter(context: Context, language: str | None = None) -> Markup:
    """Show the tables of the charter in a page of the site's own."""
    return _consent(context).charter_html(language or get_language())


@register.simple_tag(takes_context=True)
def consent_script(context: Context, nonce: str | None = None) -> Markup:
    """Load the script that tells other scripts what is allowed."""
    return _consent(context).script_html(nonce)


@register.simple_tag(takes_context=True)
def consent_guard(context: Context, nonce: str | None = None) -> Markup:
    """Load the guard, first in the head of a page: it holds what scripts write to the policy."""
    return _consent(context).guard_html(nonce)


@register.simple_tag(takes_context=True)
def consent_iframe(
    context: Context,
    src: str,
    category: str,
    title: str,
    language: str | None = None,
    **attributes: object,
) -> Markup:
    """Show a frame that needs consent to a category, or what stands in its place."""
    return _consent(context).iframe_html(
        src, category, title, language=language or get_language(), **attributes
    )


@register.simple_tag(takes_context=True)
def consent_external_script(
    context: Context, src: str, category: str, nonce: str | None = None, **attributes: object
) -> Markup:
    """Load a script that needs consent to a category, or have it wait."""
    return _consent(context).external_script_html(src, category, nonce=nonce, **attributes)


@register.simple_tag(takes_context=True)
def consent_mode(context: Context, nonce: str | None = None) -> Markup:
    """Tell Google's tags, which stand behind it, what they may do."""
    return _consent(context).mode_html(nonce)
