"""A page of a site, as far as a crawl needs it: where it leads, what it loads, whether it asks."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin

# A link that a script sends by another method than GET (Rails, htmx and their kin).
_METHODS = ("data-method", "data-confirm", "hx-post", "hx-put", "hx-patch", "hx-delete")


class Page(HTMLParser):
    """What of a page matters here: its links, what it loads by itself, and the forms that ask.

    `links` and `loads` are absolute URLs. `answers` are the addresses and
    hidden fields of the forms in which the site's consentgate can be told
    "accept all".
    """

    def __init__(self, html: str, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.loads: list[str] = []
        self.answers: list[tuple[str, dict[str, str]]] = []
        self._base = url
        self._form: tuple[str, dict[str, str]] | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what a start tag refers to."""
        said = {name: value or "" for name, value in reversed(attrs)}  # the first one counts
        self._field(tag, said)
        match tag:
            case "base" if "href" in said:
                self._base = joined(self._base, said["href"])
            case "a" | "area" if "href" in said and "download" not in said:
                if not any(said.get(name, "get").lower() != "get" for name in _METHODS):
                    self.links.append(joined(self._base, said["href"]))
            case "iframe" | "frame" if "src" in said:
                self.links.append(joined(self._base, said["src"]))
            case "img" | "script" | "embed" | "source" | "audio" | "video" | "track" | "input":
                self._load(said.get("src", ""))
            case "link" if said.get("rel", "").lower() in ("stylesheet", "icon", "preload"):
                self._load(said.get("href", ""))
            case "form":
                self._form = (joined(self._base, said.get("action", "")), {})

    def handle_endtag(self, tag: str) -> None:
        """Leave a form."""
        if tag == "form":
            self._form = None

    def _load(self, address: str) -> None:
        if address:
            self.loads.append(joined(self._base, address))

    def _field(self, tag: str, said: dict[str, str]) -> None:
        if self._form is None:
            return
        if tag == "input" and said.get("type") == "hidden":
            self._form[1][said.get("name", "")] = said.get("value", "")
        elif tag == "button" and (said.get("name"), said.get("value")) == ("answer", "accept"):
            self.answers.append(self._form)


def joined(base: str, reference: str) -> str:
    """Return a reference as an absolute URL, "" for what is none."""
    try:
        return urljoin(base, reference.strip())
    except ValueError:
        return ""
