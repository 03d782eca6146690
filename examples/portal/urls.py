"""The portal's addresses."""

from __future__ import annotations

from pathlib import Path

from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.static import serve

from examples.portal import views

urlpatterns = [
    path("", views.home, name="home"),
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    # A real project leaves its files to `django.contrib.staticfiles`, or to its server.
    path("static/<path:path>", serve, {"document_root": Path(__file__).parent / "static"}),
    path("i18n/", include("django.conf.urls.i18n")),  # `set_language`
]
