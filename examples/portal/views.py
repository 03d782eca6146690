"""The portal's pages. They set cookies as if no gate was there: the gate decides."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from examples.portal.database import PASSWORD, USERNAME
from examples.portal.texts import in_visitors_language


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    response = render(request, "home.html", {"brought": sorted(request.COOKIES)})
    response.set_cookie("_ga", "GA1.1.1", max_age=timedelta(days=395), samesite="Lax")
    response.set_cookie("ad_id", "42", max_age=timedelta(days=90), samesite="Lax")
    response.set_cookie("tracker", "7")  # Declared nowhere: it never leaves.
    return response


class SignIn(LoginView):
    """Django's own login, with a word of welcome."""

    template_name = "login.html"
    extra_context = {"username": USERNAME, "password": PASSWORD}  # noqa: RUF012  # Django's way

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign the visitor in, and say so."""
        response = super().form_valid(form)
        messages.success(self.request, in_visitors_language()["welcome"])
        return response
