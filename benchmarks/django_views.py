"""Django: the gate and django-cookie-consent's middleware around the same view."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from benchmarks import material, wsgi
from benchmarks.measure import Batch, Effort, paired_times
from benchmarks.tables import Table, overhead_table

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

GetResponse = Callable[[HttpRequest], HttpResponse]

GATE = material.new_gate()


def plain(request: HttpRequest) -> HttpResponse:
    """Answer without cookies."""
    return HttpResponse(b"hello")


def with_cookies(request: HttpRequest) -> HttpResponse:
    """Answer with three cookies."""
    response = HttpResponse(b"hello")
    response.set_cookie("session", "0123456789abcdefghijklmnopqrstuv", httponly=True)
    response.set_cookie("csrftoken", "0123456789abcdefghijklmnopqrstuv", max_age=31449600)
    response.set_cookie("_ga", "GA1.2.1234567890.1234567890", max_age=63072000)
    return response


urlpatterns = [path("", plain), path("three", with_cookies)]


def no_op(get_response: GetResponse) -> GetResponse:
    """Return what any middleware costs at least."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    return middleware


def set_up() -> str:
    """Configure Django; return the other tool's cookie of a visitor who accepted all."""
    settings.configure(
        ALLOWED_HOSTS=["*"],
        CONSENTGATE=GATE,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["cookie_consent"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)
    from cookie_consent.models import Cookie, CookieGroup

    accepted = []
    for key, name in (("statistics", "_ga"), ("marketing", "ads")):
        group = CookieGroup.objects.create(varname=key, name=key)
        cookie = Cookie.objects.create(cookiegroup=group, name=name)
        accepted.append(f"{key}={cookie.get_version()}")
    return "cookie_consent=" + "|".join(accepted)


def handlers() -> dict[str, WSGIApplication]:
    """Return Django's own WSGI handler, with one middleware or none."""
    stacks = {
        "bare view": [],
        "no-op": [f"{__name__}.no_op"],
        "consentgate's middleware": ["consentgate.frameworks.django.ConsentMiddleware"],
        "django-cookie-consent": ["cookie_consent.middleware.CleanCookiesMiddleware"],
    }
    found: dict[str, WSGIApplication] = {}
    for name, middleware in stacks.items():
        with override_settings(MIDDLEWARE=middleware):
            found[name] = WSGIHandler()  # It loads its middleware when it is made.
    found["consentgate around the app"] = GATE.wsgi(found["bare view"])
    return found


def contenders(where: str, cookie: str | None) -> dict[str, Batch]:
    """Return Django with one middleware or none, answering at a path."""
    environ = {**wsgi.environ(cookie), "PATH_INFO": where}
    found = handlers()
    for name, app in found.items():
        status, headers = wsgi.answer(app, environ)
        cookies = [pair for pair in headers if pair[0].lower() == "set-cookie"]
        assert (status, len(cookies)) == ("200 OK", 3 if cookie else 0), f"{name}: {status}"
    return {name: wsgi.batch(app, repeat(environ)) for name, app in found.items()}


def tables(effort: Effort) -> Iterator[Table]:
    """Measure both views."""
    accepted = set_up()
    known = f"{material.cookie_header(material.new_token(GATE))}; {accepted}"
    # A single request is as long as a batch elsewhere; a batch needs some.
    longer = replace(effort, batch_seconds=4 * effort.batch_seconds)
    version = f"Django {django.get_version()}"
    for title, where, cookie in (
        ("nothing to do", "/", None),
        ("known choice, three cookies set", "/three", known),
    ):
        times = paired_times(contenders(where, cookie), longer)
        yield overhead_table(f"{version}, {title}", times, yardstick="consentgate's middleware")
