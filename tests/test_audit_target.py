"""An app is found by its name, and its protocol by its shape."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import audited_apps
from consentgate import ConsentGateError
from consentgate.audit.target import Target, load


@pytest.mark.parametrize(
    ("name", "interface"),
    [
        ("audited_apps:shop", "wsgi"),
        ("audited_apps:gated_shop", "wsgi"),
        ("audited_apps:wsgi_function", "wsgi"),
        ("audited_apps:WsgiClass", "wsgi"),
        ("audited_apps:partial", "wsgi"),
        ("audited_apps:holder.inner", "wsgi"),
        ("audited_apps:asgi_function", "asgi"),
        ("audited_apps:asgi_object", "asgi"),
        ("audited_apps:loose", "asgi"),
        ("audited_apps:starlette", "asgi"),
        ("examples.flask_app:app", "wsgi"),
        ("examples.starlette_app:app", "asgi"),
        ("examples.fastapi_app:app", "asgi"),
        ("examples.portal.wsgi:application", "wsgi"),
        ("examples.portal.asgi:application", "asgi"),
        ("examples.demo:app", "asgi"),
    ],
)
def test_the_shape_of_an_app_tells_its_protocol(name: str, interface: str) -> None:
    """Two arguments are WSGI, three are ASGI, whatever framework the app is of."""
    assert load(name).interface == interface


@pytest.mark.parametrize(
    ("kind", "interface"),
    [
        ("falcon", "wsgi"),
        ("falcon.asgi", "asgi"),
        ("quart", "asgi"),
        ("litestar", "asgi"),
        ("bottle", "wsgi"),
        ("pyramid", "wsgi"),
    ],
)
# Pyramid's WebOb imports `cgi`, and reads its version from setuptools, which both say is over.
@pytest.mark.filterwarnings("ignore:'cgi' is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:pkg_resources is deprecated")
@pytest.mark.filterwarnings("ignore:Deprecated call to `pkg_resources:DeprecationWarning")
def test_frameworks_are_told_apart(
    kind: str, interface: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app objects of six more frameworks are recognised."""
    made = {
        "falcon": "import falcon; app = falcon.App()",
        "falcon.asgi": "import falcon.asgi; app = falcon.asgi.App()",
        "quart": "from quart import Quart; app = Quart('x')",
        "litestar": "from litestar import Litestar; app = Litestar([])",
        "bottle": "import bottle; app = bottle.Bottle()",
        "pyramid": "from pyramid.config import Configurator; app = Configurator().make_wsgi_app()",
    }
    module = f"app_of_{kind.replace('.', '_')}"
    (tmp_path / f"{module}.py").write_text(made[kind])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    assert load(f"{module}:app").interface == interface


def test_what_is_said_of_the_interface_counts() -> None:
    """An interface that is given is not questioned."""
    assert load("audited_apps:anything", interface="wsgi") == Target(audited_apps.anything, "wsgi")


def test_a_factory_is_called_where_it_is_said_to_be_one() -> None:
    """`factory` calls the function, and takes what it returns for the app."""
    assert load("audited_apps:make_shop", factory=True).app is audited_apps.shop


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("audited_apps", {}, "name an app as package.module:app"),
        (":app", {}, "name an app as package.module:app"),
        ("nowhere.at_all:app", {}, "there is no module 'nowhere'"),
        ("audited_apps:nothing", {}, "it has shop, gated_shop"),
        ("audited_apps:holder.nothing", {}, "Holder has no 'nothing'"),
        ("audited_apps:holder.number", {}, "an app can be called, int cannot"),
        ("audited_apps:anything", {}, "say --interface wsgi or --interface asgi"),
        ("audited_apps:make_shop", {}, "say --factory"),
        ("audited_apps:make_later", {"factory": True}, "no factory but an async function"),
        ("audited_apps:make_nothing", {"factory": True}, "RuntimeError: no database"),
        ("audited_apps:holder", {"factory": True}, "a factory is a function"),
        ("audited_apps:shop", {"interface": "cgi"}, "say one of auto, wsgi, asgi"),
        ("builtins:len", {}, "say --interface"),
    ],
)
def test_what_is_no_app_is_said_with_the_remedy(
    name: str, options: dict[str, bool], told: str
) -> None:
    """Each mistake in naming an app has a message of its own that says what to write."""
    with pytest.raises(ConsentGateError, match=f"(?s){told}"):
        load(name, **options)  # type: ignore[arg-type]  # of either type


@pytest.mark.parametrize(
    ("module", "code", "told"),
    [
        ("app_needs", "import nothing_of_the_kind", "needs a module: No module named 'nothing_of"),
        ("app_raises", "x = 1\ny = x / 0", r"ZeroDivisionError: .*app_raises.py, line 2\)"),
        ("app_unread", "app = (", r"SyntaxError"),
    ],
)
def test_an_app_that_cannot_be_imported_says_where(
    module: str, code: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the app's own code raises is said with the file and the line, and is no traceback."""
    (tmp_path / f"{module}.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    with pytest.raises(ConsentGateError, match=told):
        load(f"{module}:app")


def test_the_gate_of_an_app_is_found() -> None:
    """A gate around an app, in its framework's list or inside a middleware is its gate."""
    for name in ("gated_shop", "starlette"):
        assert load(f"audited_apps:{name}").gate is audited_apps.gate
    assert load("examples.demo:app").gate is not None
    assert load("examples.flask_app:app").gate is not None
    assert load("audited_apps:wsgi_function").gate is None


def test_an_app_that_stands_around_itself_has_no_end() -> None:
    """Middlewares that refer to one another in a circle are followed so far and no further."""

    class Circle:
        app: object

        def __call__(self, environ: object, start_response: object) -> None:
            """Be an app."""

    one, other = Circle(), Circle()
    one.app, other.app = other, one
    assert Target(one, "wsgi").gate is None
