"""The examples on pages with a strict CSP; the banner by the helper, or by the gate instead.

Servers take them by name: `flask` is the example as it is, in `flask_inserted` the gate puts the
banner in, and the helper gives nothing. `portal_in_all_languages` is such a portal too, with pages
in all languages that there are and in one more.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from markupsafe import Markup
from werkzeug.utils import import_string

import arabic
from consentgate import Consent, ConsentGate, Pages
from consentgate.pages.settings import OFFICIAL

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CSP = "default-src 'self'"
EXAMPLES = {
    "flask": "examples.flask_app:app",
    "fastapi": "examples.fastapi_app:app",
    "starlette": "examples.starlette_app:app",
    "portal": "examples.portal.wsgi:application",
    "portal_asgi": "examples.portal.asgi:application",
}
ASGI = {"fastapi", "starlette", "portal_asgi"}
_IN_ALL_LANGUAGES = "_in_all_languages"


def __getattr__(name: str) -> Any:
    """Return an app, by the name that a server was given."""
    polyglot = name.endswith(_IN_ALL_LANGUAGES)
    example = name.removesuffix("_inserted").removesuffix(_IN_ALL_LANGUAGES)
    if example not in EXAMPLES:
        raise AttributeError(name)
    inserted = name != example
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "examples.portal.settings")
    changed: dict[str, Any] = {"inject_banner": True} if inserted else {}
    with tempfile.TemporaryDirectory() as folder:
        if polyglot:
            changed["pages"] = _polyglot_pages(Path(folder))
        with _gates_with(**changed):
            app = import_string(EXAMPLES[example])
    if inserted:
        # For as long as this process lives.
        patch.object(Consent, "banner_html", lambda *_, **__: Markup("")).start()
    return _strict_asgi(app) if example in ASGI else _strict_wsgi(app)


def _polyglot_pages(folder: Path) -> Pages:
    arabic.write_catalogue(folder)
    return Pages(
        languages=[*OFFICIAL, "ar"],
        default_language="fr",
        language_cookie="django_language",
        locales=folder,
        controller={"fr": "le portail de données", "en": "the data portal", "ar": "بوابة البيانات"},
    )


@contextmanager
def _gates_with(**changed: Any) -> Iterator[None]:
    """Have each gate that is made meanwhile made with these options."""
    construct: Callable[..., None] = ConsentGate.__init__

    def altered(self: ConsentGate, *policy: Any, **given: Any) -> None:
        construct(self, *policy, **(given | changed))

    with patch.object(ConsentGate, "__init__", altered):
        yield


def _strict_wsgi(app: WSGIApplication) -> WSGIApplication:
    def strict(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            # The pages that ask have a policy of their own.
            if not any(name.lower() == "content-security-policy" for name, _ in headers):
                headers = [*headers, ("Content-Security-Policy", CSP)]
            return start_response(status, headers, *exc_info)

        return app(environ, start)

    return strict


def _strict_asgi(app: Any) -> Any:
    async def strict(scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                if not any(name == b"content-security-policy" for name, _ in headers):
                    headers.append((b"content-security-policy", CSP.encode()))
                message = {**message, "headers": headers}
            await send(message)

        await app(scope, receive, sent)

    return strict
