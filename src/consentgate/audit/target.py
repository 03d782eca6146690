"""An app by its name, "package.module:attribute", and the protocol that it speaks."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from consentgate.errors import ConsentGateError
from consentgate.gate import ConsentGate

INTERFACES = ("auto", "wsgi", "asgi")
"""What can be said of the protocol; "auto" finds it out."""

# Where middlewares and frameworks keep the app that they stand around.
_INSIDE = ("app", "wsgi_app", "asgi_app")
_DEPTH = 20


@dataclass(frozen=True)
class Target:
    """An app, and whether it is called by "wsgi" or by "asgi"."""

    app: Any
    interface: str

    @property
    def gate(self) -> ConsentGate | None:
        """The gate that stands around the app already, or as a middleware in it; None if unseen."""
        return next(iter(_gates(self.app, _DEPTH)), None)


def load(name: str, *, interface: str = "auto", factory: bool = False) -> Target:
    """Import an app, from the current folder too.

    `name` is "package.module:attribute", where the attribute may have dots.
    `factory` says that it is a function that returns the app. `interface` is
    one of INTERFACES. Raises ConsentGateError for what cannot be imported, or
    is no app.
    """
    if interface not in INTERFACES:
        raise ConsentGateError(f"interface {interface!r}: say one of {', '.join(INTERFACES)}")
    found = _attribute(name)
    if factory:
        found = _made(found, name)
    if not callable(found):
        raise ConsentGateError(
            f"{name}: an app can be called, {type(found).__name__} cannot; name the app itself, "
            "as in package.module:app"
        )
    return Target(found, _interface(found, name) if interface == "auto" else interface)


def _attribute(name: str) -> Any:
    module_name, colon, path = name.partition(":")
    if not (module_name and colon and path):
        raise ConsentGateError(f"{name!r}: name an app as package.module:app")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    found = _module(module_name, name)
    for part in path.split("."):
        if not hasattr(found, part):
            raise ConsentGateError(f"{name}: {_called(found)} has no {part!r}{_candidates(found)}")
        found = getattr(found, part)
    return found


def _module(module_name: str, name: str) -> Any:
    try:
        return import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise ConsentGateError(
                f"{name}: there is no module {error.name!r} in {Path.cwd()} or among what is "
                "installed; go to the folder that the app is imported from"
            ) from error
        raise ConsentGateError(f"{name}: {module_name} needs a module: {error}") from error
    except Exception as error:
        # Whatever the app's own code raises: its place in it is what helps.
        raise ConsentGateError(
            f"{name}: importing {module_name} failed: {type(error).__name__}: {error}{_at(error)}"
        ) from error


def _at(error: BaseException) -> str:
    """Say where in the app's own files an error came up: those of the current folder."""
    frames = traceback.extract_tb(error.__traceback__)
    here = str(Path.cwd())
    own = [f for f in frames if f.filename.startswith(here) and "site-packages" not in f.filename]
    return f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""


def _called(found: Any) -> str:
    return str(getattr(found, "__name__", type(found).__name__))


def _candidates(module: Any) -> str:
    """Name what in a module looks like an app: objects with a framework's class, and `app`."""
    own = (
        [
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and not inspect.isclass(value) and _is_app(value)
        ]
        if inspect.ismodule(module)
        else []
    )
    return f"; it has {', '.join(own[:5])}" if own else ""


def _is_app(value: Any) -> bool:
    return not inspect.isroutine(value) and callable(value) and len(_protocols(value)) == 1


def _made(found: Any, name: str) -> Any:
    if not callable(found):
        raise ConsentGateError(f"{name}: a factory is a function without arguments; leave it out")
    try:
        made = found()
    except Exception as error:
        raise ConsentGateError(
            f"{name}: the factory failed: {type(error).__name__}: {error}{_at(error)}"
        ) from error
    if inspect.iscoroutine(made):
        made.close()
        raise ConsentGateError(f"{name}: this is no factory but an async function")
    return made


def _interface(app: Callable[..., Any], name: str) -> str:
    found = _protocols(app)
    if len(found) == 1:
        return found[0]
    if found or not _takes(app, 0):
        raise ConsentGateError(
            f"{name}: nothing tells whether this is called as WSGI or as ASGI; say "
            "--interface wsgi or --interface asgi"
        )
    raise ConsentGateError(
        f"{name}: no app takes no arguments; if it is a function that returns one, say --factory"
    )


def _protocols(app: Callable[..., Any]) -> tuple[str, ...]:
    """Return what an app can be called as: `app(environ, start_response)`, or three, by ASGI 3."""
    wsgi, asgi = _takes(app, 2), _takes(app, 3)
    if wsgi and asgi and _is_async(app):
        return ("asgi",)
    return ("wsgi",) * wsgi + ("asgi",) * asgi


def _takes(app: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(app).bind(*(None,) * count)
    except Exception:
        # It takes another number. Or it is not written in Python, or stands for something that is
        # there only in a request, as Flask's `session`: whatever it raises then, it is no app.
        return False
    return True


def _is_async(app: Callable[..., Any]) -> bool:
    call = app if inspect.isroutine(app) else type(app).__call__
    return inspect.iscoroutinefunction(call)


def _gates(app: Any, depth: int) -> Iterable[ConsentGate]:
    """Yield the gates from the outside in: of middlewares, and of what frameworks keep of them."""
    gate = getattr(app, "gate", None)
    if isinstance(gate, ConsentGate):
        yield gate
    for middleware in getattr(app, "user_middleware", ()):  # Starlette, FastAPI
        gate = getattr(middleware, "kwargs", {}).get("gate")
        if isinstance(gate, ConsentGate):
            yield gate
    for name in _INSIDE if depth else ():
        inside = getattr(app, name, None)
        inside = getattr(inside, "__self__", inside)  # a bound method is its object's
        if inside is not None and inside is not app:
            yield from _gates(inside, depth - 1)
