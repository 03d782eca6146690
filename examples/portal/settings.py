"""Django's settings. Two of them are the gate's: the first of MIDDLEWARE, and CONSENTGATE."""

from __future__ import annotations

import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key

from examples.portal.database import database_file

MIDDLEWARE = [
    "consentgate.frameworks.django.ConsentMiddleware",  # First: it sees what all others set.
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
CONSENTGATE = "examples.portal.cookies.gate"

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or get_random_secret_key()
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]  # The last is Django's test client.
ROOT_URLCONF = "examples.portal.urls"
WSGI_APPLICATION = "examples.portal.wsgi.application"
ASGI_APPLICATION = "examples.portal.asgi.application"

INSTALLED_APPS = [
    "consentgate.frameworks.django",  # For the template tags.
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database_file()}}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.i18n",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "consentgate.frameworks.django.context",  # `consent`
                "examples.portal.texts.context",
            ],
        },
    },
]

LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français"), ("en", "English")]

LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "home"
# Django's default would set a cookie `messages`, which is not in the portal's charter.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
