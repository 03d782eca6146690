"""The project's views."""

# --8<-- [start:view]
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from consentgate.frameworks.django import consent


def home(request: HttpRequest) -> HttpResponse:
    request.session["basket"] = []
    response = render(request, "shop.html")
    if consent(request).allows("statistics"):  # or request.consent, which type checkers do not know
        response.set_cookie("_ga", "GA1.1.4711", max_age=395 * 86400)
    return response


urlpatterns = [path("", home)]
# --8<-- [end:view]
