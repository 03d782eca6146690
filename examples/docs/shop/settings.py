"""The project's settings."""

from pathlib import Path

SECRET_KEY = "only for this example"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
ROOT_URLCONF = "shop.urls"
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"

# --8<-- [start:settings]
INSTALLED_APPS = [
    "consentgate.frameworks.django",  # for the template tags
    "django.contrib.sessions",
]
MIDDLEWARE = [
    "consentgate.frameworks.django.ConsentMiddleware",  # first: it sees what all others set
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
CONSENTGATE = "shop.cookies.gate"  # a ConsentGate, or the path of one
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "consentgate.frameworks.django.context",  # `consent` in every template
            ],
        },
    },
]
# --8<-- [end:settings]
