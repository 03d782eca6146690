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


class Files(NamedTuple):
    """Paths on this host, of what pages load."""

    css: str
    js: str
    guard: str
    mode: str
    copy: str


class Links(NamedTuple):
    """Paths on this host, with the query that keeps language and way back."""

    charter: str
    preferences: str
    choose: str
    choice: str
    json: str
    css: str
    js: str
    guard: str
    mode: str
    copy: str
    here: str
    """Where an answer leads back to."""
    back: str | None
    languages: list[tuple[str, str, str]]


def fields_of(target: Target) -> dict[str, str]:
    """Read the query of a request. A name that comes twice, or is odd, says nothing."""
    return {name: values[0] for name, values in _found(target).items() if len(values) == 1}


def query_of(target: Target) -> Query:
    """Read what the pages know in a query."""
    said = fields_of(target)
    back = said.get("back")
    own = back if back and is_own_path(back) else None
    # After a second answer it is there twice.
    return Query(said.get("lang"), own, saved="saved" in _found(target))


def _found(target: Target) -> dict[str, list[str]]:
    try:
        return parse_qs(target.query, errors="replace", max_num_fields=100)
    except ValueError:
        return {}


def files(base: str, root: str) -> Files:
    """Return the addresses of the files of a site whose pages are below `base`."""
    return Files(**{kind: f"{root}{base}/static/{f.name}" for kind, f in static_files().items()})


def links(base: str, target: Target, query: Query, told: str | None, languages: Languages) -> Links:
    """Return the links of a page below `base`, in the language that was told, if one was."""
    start = target.root + base
    page = _page_of_ours(base, target)
    here, back = _places(base, page, target, query, told)
    return Links(
        charter=_with(start, lang=told),
        preferences=_with(f"{start}/preferences", lang=told),
        choose=_with(f"{start}/preferences", lang=told, back=None if page else here),
        choice=_with(f"{start}/choice", lang=told),
        json=_with(f"{start}/choice.json", lang=told),
        **files(base, target.root)._asdict(),
        here=here,
        back=back,
        languages=[
            (code, language.name, _with(target.root + page, lang=code, back=back))
            for code, language in languages.all.items()
            if page
        ],
    )


def with_saved(location: str, base: str) -> str:
    """Return where to go after an answer: a page of ours says there that it is saved."""
    path, _, query = location.partition("#")[0].partition("?")
    if path.removesuffix("/") not in (base, f"{base}/preferences"):
        return location
    return f"{path}?{query}&saved=1#consentgate-status".replace("?&", "?")


def _page_of_ours(base: str, target: Target) -> str:
    """Return the path of the page that is shown, below the root; "" for one of the app."""
    page = target.path.removesuffix("/")
    if page == f"{base}/choice":
        return f"{base}/preferences"  # That one only takes answers.
    return page if page in (base, f"{base}/preferences") else ""


def _places(
    base: str, page: str, target: Target, query: Query, told: str | None
) -> tuple[str, str | None]:
    """Return where an answer leads back to, and where the visitor came from before."""
    if page:
        return _with(target.root + page, lang=told, back=query.back), query.back
    if target.path.removesuffix("/") == f"{base}/placeholder":
        return query.back or "", None  # It is put into the page that says so.
    path = target.root + target.path
    location = f"{path}?{target.query}" if target.query else path
    return location if is_own_path(location) else "", None


def _with(path: str, **parameters: str | None) -> str:
    said = {name: value for name, value in parameters.items() if value}
    return f"{path}?{urlencode(said)}" if said else path
