"""The addresses in the pages: where a visitor can go from here."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qs, urlencode

from consentgate.pages.language import Languages
from consentgate.pages.origin import is_own_path
from consentgate.pages.static import static_files
from consentgate.request import Target


class Query(NamedTuple):
    """What the query of a request says to the pages."""

    lang: str | None = None
    back: str | None = None
    saved: bool = False


class Links(NamedTuple):
    """Paths on this host, with the query that keeps language and way back."""

    charter: str
    preferences: str
    choose: str
    choice: str
    json: str
    css: str
    js: str
    here: str
    back: str | None
    languages: list[tuple[str, str, str]]


def query_of(target: Target) -> Query:
    """Read what the pages know in a query. A name that comes twice, or is odd, says nothing."""
    try:
        found = parse_qs(target.query, errors="replace", max_num_fields=100)
    except ValueError:
        return Query()
    single = {name: values[0] for name, values in found.items() if len(values) == 1}
    back = single.get("back")
    return Query(
        single.get("lang"), back if back and is_own_path(back) else None, "saved" in single
    )


def location_of(target: Target) -> str:
    """Return where a request went, as a link has it."""
    path = target.root + target.path
    return f"{path}?{target.query}" if target.query else path


def links(base: str, target: Target, told: str | None, languages: Languages) -> Links:
    """Return the links of a page below `base`, in the language that was told, if one was."""
    query = query_of(target)
    start = target.root + base
    files = static_files()
    came_from = location_of(target)
    own = target.path.startswith(base)
    back = query.back if own else None
    return Links(
        charter=_with(start, lang=told),
        preferences=_with(f"{start}/preferences", lang=told),
        choose=_with(
            f"{start}/preferences",
            lang=told,
            back=None if own or not is_own_path(came_from) else came_from,
        ),
        choice=_with(f"{start}/choice", lang=told),
        json=_with(f"{start}/choice.json", lang=told),
        css=f"{start}/static/{files['css'].name}",
        js=f"{start}/static/{files['js'].name}",
        here=_with(target.root + target.path, lang=told, back=back) if own else came_from,
        back=back,
        languages=[
            (code, language.name, _with(target.root + target.path, lang=code, back=back))
            for code, language in languages.all.items()
        ]
        if own
        else [],
    )


def with_saved(location: str, base: str) -> str:
    """Return where to go after an answer: a page of ours says there that it is saved."""
    path, _, query = location.partition("#")[0].partition("?")
    if path not in (base, f"{base}/preferences"):
        return location
    return f"{path}?{query}&saved=1#consentgate-status".replace("?&", "?")


def _with(path: str, **parameters: str | None) -> str:
    said = {name: value for name, value in parameters.items() if value}
    return f"{path}?{urlencode(said)}" if said else path
