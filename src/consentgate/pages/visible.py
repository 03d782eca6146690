"""The words of an HTML page, as its readers come to see or hear them."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser

# HTML 13.1.2: elements without an end tag.
_VOID = frozenset(
    {
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source"),
        *("track", "wbr"),
    }
)
# What is in them is no text of the page.
_UNREAD = frozenset({"script", "style", "template"})
# What stands in a line of its own. A button and a label do here, too: each is something to press.
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "br", "button", "caption", "dd"),
        *("details", "dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer"),
        *("form", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr", "html", "label"),
        *("legend", "li", "main", "nav", "ol", "option", "p", "pre", "search", "section"),
        *("select", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "title", "tr", "ul"),
    }
)
# Words that a browser shows, or reads out, from an attribute.
_SPOKEN = ("aria-label", "alt", "title", "placeholder")
_PRESSED = ("submit", "button", "reset")

_Attributes = Sequence[tuple[str, str | None]]


def lines_of(html: str) -> list[str]:
    """Return the lines of text of a page, or of a piece of one, without what is hidden."""
    reader = _Reader()
    # HTML 13.2.5.42: a comment up to the next ">". Python's parser may raise an AssertionError.
    reader.feed(html.replace("<![", "<!x["))
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.text).split(_LINE_END))
    return [line for line in lines if line]


# A line of the source is none of the text: this sign is in no page, where it is U+FFFD.
_LINE_END = "\0"


class _Reader(HTMLParser):
    """Gathers the text between the tags.

    `text` is what was read, in pieces; a line ends with _LINE_END.
    """

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self._open: list[tuple[str, bool]] = []

    @property
    def _is_read(self) -> bool:
        return not any(hidden for _, hidden in self._open)

    def handle_starttag(self, tag: str, attrs: _Attributes) -> None:
        """Go into an element, and take what it says by itself."""
        said = {name: value or "" for name, value in attrs}
        if tag in _BLOCKS:
            # HTML 13.2.6.4.7: the end tag of a paragraph may be left out.
            self._leave("p")
            self.text.append(_LINE_END)
        hidden = tag in _UNREAD or "hidden" in said
        if self._is_read and not hidden:
            self._speak(tag, said)
        if tag not in _VOID:
            self._open.append((tag, hidden))

    def handle_startendtag(self, tag: str, attrs: _Attributes) -> None:
        """Take it for a start tag, as HTML 13.2.5.40 does; what SVG has so ends with its parent."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Leave an element, and all in it that was left open."""
        self._leave(tag)
        if tag in _BLOCKS:
            self.text.append(_LINE_END)

    def handle_data(self, data: str) -> None:
        """Take a text."""
        if self._is_read:
            self.text.append(data.replace(_LINE_END, "\N{REPLACEMENT CHARACTER}"))

    def _leave(self, tag: str) -> None:
        places = [place for place, (name, _) in enumerate(self._open) if name == tag]
        if places:
            del self._open[places[-1] :]

    def _speak(self, tag: str, said: dict[str, str]) -> None:
        words = [said[name] for name in _SPOKEN if said.get(name)]
        if tag == "input" and said.get("type", "").lower() in _PRESSED:
            words.append(said.get("value", ""))
        for each in words:
            self.handle_data(f" {each} ")
