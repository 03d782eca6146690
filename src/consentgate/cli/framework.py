"""Web frameworks as `init` knows them: how one is found, and what is pasted where."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Framework(NamedTuple):
    """A framework: its name here and for people, and the lines that put the gate around its app.

    `where` says where these lines go. `maker` is the call that makes its app.
    """

    name: str
    title: str
    where: str
    lines: tuple[str, ...]
    maker: str = ""


_GATE = 'gate = ConsentGate.from_toml("consentgate.toml")'
_END = "at the end of the module that has the app"


def _around(protocol: str) -> tuple[str, ...]:
    return (_GATE, f"app = gate.{protocol}(app)")


def _inside(protocol: str) -> tuple[str, ...]:
    return (_GATE, f"app.{protocol}_app = gate.{protocol}(app.{protocol}_app)")


_ALL = (
    Framework(
        "django",
        "Django",
        "at the end of settings.py",
        (
            'CONSENTGATE = ConsentGate.from_toml(BASE_DIR / "consentgate.toml")',
            'MIDDLEWARE = ["consentgate.frameworks.django.ConsentMiddleware", *MIDDLEWARE]',
        ),
        "get_[aw]sgi_application",
    ),
    Framework("flask", "Flask", "below the line that makes the app", _inside("wsgi"), "Flask"),
    Framework("quart", "Quart", "below the line that makes the app", _inside("asgi"), "Quart"),
    Framework("fastapi", "FastAPI", _END, _around("asgi"), "FastAPI"),
    Framework("starlette", "Starlette", _END, _around("asgi"), "Starlette"),
    Framework("litestar", "Litestar", _END, _around("asgi"), "Litestar"),
    Framework(
        "pyramid",
        "Pyramid",
        "in place of config.make_wsgi_app()",
        (_GATE, "app = gate.wsgi(config.make_wsgi_app())"),
        r"\w+\.make_wsgi_app",
    ),
    Framework("bottle", "Bottle", _END, _around("wsgi"), r"(?:bottle\.)?(?:Bottle|default_app)"),
    Framework("falcon", "Falcon", _END, _around("wsgi"), r"(?:falcon\.)?App"),
    Framework("wsgi", "any other WSGI app", _END, _around("wsgi")),
    Framework("asgi", "any other ASGI app", _END, _around("asgi")),
)
FRAMEWORKS = {framework.name: framework for framework in _ALL}
"""The frameworks by name; the last two stand for any other app of their protocol."""

# What one of these brings along says nothing.
_BROUGHT = {"fastapi": "starlette", "quart": "flask"}
_IMPORT = re.compile(rf"^[ \t]*(?:from|import)[ \t]+({'|'.join(FRAMEWORKS)})\b(?!_)", re.MULTILINE)
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

# A look around, no search: a project's own modules are few, and near.
_FILES, _DEPTH, _BYTES = 300, 3, 65536
_NOT_OURS = {"node_modules", "site-packages", "venv", "env", "build", "dist", "__pycache__"}


class Surroundings(NamedTuple):
    """What a folder tells: the frameworks that its app may use, the packages it asks for.

    `app` is where the app seems to be, as MODULE:APP; empty if nobody knows.
    """

    frameworks: tuple[str, ...]
    packages: frozenset[str]
    app: str


def surroundings(folder: Path) -> Surroundings:
    """Look around in a project's folder. What cannot be read there is passed over."""
    sources = list(_sources(folder))
    packages = frozenset(_packages(folder))
    # What the code imports is what it uses; what is asked for may be for something else.
    imported = {name for _, text in sources for name in _IMPORT.findall(text)}
    found = imported or (FRAMEWORKS.keys() & packages)
    if (folder / "manage.py").is_file():
        found = {"django"}
    found -= {_BROUGHT[name] for name in found & _BROUGHT.keys()}
    names = tuple(name for name in FRAMEWORKS if name in found)
    return Surroundings(names, packages, _app(folder, sources, names))


def _sources(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the first modules of a folder, the nearest first, and their text."""
    seen = 0
    for root, folders, files in os.walk(folder):
        here = Path(root)
        deep = len(here.relative_to(folder).parts) >= _DEPTH
        own = [] if deep else [f for f in folders if f not in _NOT_OURS and not f.startswith(".")]
        folders[:] = sorted(own)
        for name in sorted(files):
            if name.endswith(".py"):
                seen += 1
                if seen > _FILES:
                    return
                yield here / name, _text(here / name)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _app(folder: Path, sources: Iterable[tuple[Path, str]], names: tuple[str, ...]) -> str:
    """Return where an app of these frameworks is made, as servers name it."""
    makers = "|".join(FRAMEWORKS[name].maker for name in names)
    if not makers:
        return ""
    made = re.compile(rf"^(\w+)[ \t]*(?::[^=\n]+)?=[ \t]*(?:{makers})\(", re.MULTILINE)
    for path, text in sources:
        match = made.search(text)
        if match:
            module = path.relative_to(folder).with_suffix("")
            return f"{'.'.join(module.parts).removesuffix('.__init__')}:{match[1]}"
    return ""


def _packages(folder: Path) -> Iterator[str]:
    """Yield what the project says it needs, by the names of packages (PEP 503)."""
    lines = list(_project(folder / "pyproject.toml"))
    files = [*folder.glob("requirements*.txt"), *folder.glob("requirements/*.txt")]
    for file in sorted(files):
        lines += _text(file).splitlines()
    for line in lines:
        match = _REQUIREMENT.match(line.strip())
        if match:
            yield re.sub(r"[-_.]+", "-", match[0]).lower()


def _project(file: Path) -> Iterator[str]:
    """Yield the requirements of a pyproject.toml, groups and extras and Poetry's own too."""
    try:
        data = tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError:
        return
    project = _table(data, "project")
    groups = [*_table(project, "optional-dependencies").values()]
    groups += _table(data, "dependency-groups").values()
    yield from _texts(project.get("dependencies"))
    for group in groups:
        yield from _texts(group)
    yield from _table(data, "tool", "poetry", "dependencies")


def _table(data: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
