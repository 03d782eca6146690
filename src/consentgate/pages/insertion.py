"""Texts in somebody else's page: where they go, and which answers and requests they are for.

One goes first into the head, another right after the `<body ...>` tag. Both places are found as
browsers find them: by the states of WHATWG HTML 13.2.5, "Tokenization", and by what 13.2.6.4
lets stand before the head and the body. In doubt nothing is put in: a page without a banner is
better than one that is broken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from consentgate.caching import Headers
from consentgate.request import RequestHeaders
from consentgate.wire import BLANKS, Dialect, Text


def _compiled(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.encode(), re.IGNORECASE | re.VERBOSE)


# Whitespace; a CR is a newline (13.2.3.5), a vertical tab is none, unlike in `\s`.
_WS = r"\t\n\f\r\x20"
# 13.2.5.8, tag name state: what a name goes on to. None that matters is longer than `noscript`.
_STOP = rf"(?=[{_WS}/>])"
_TAG_NAME = rf"[a-z] (?: [^{_WS}/>]{{0,7}}+ {_STOP} | [^{_WS}/>]{{8}} )"
# 13.2.5.32 to 39: an attribute's name may start with "=" and have quotes in it.
_NAME = rf"[{_WS}/]*+ [^{_WS}/>] [^{_WS}/>=]*+"
_IS = rf"[{_WS}]*+ = [{_WS}]*+"
_PLAIN = rf"""(?: {_NAME} (?: {_IS} (?!["']) [^{_WS}>]*+ | (?! [{_WS}]*+ = ) ) )*+"""
_QUOTED = rf"""{_PLAIN} {_NAME} {_IS} (?: "[^"]*+" | '[^']*+' )"""

# 13.2.6.4.4: elements without elements in them; so is `script`.
_TEXTS = ("title", "style", "noscript", "noframes")
# What ends or changes each state. The next state is the name of the group that matched, "data"
# where none did, and begins where the match ends. Possessive throughout: nothing is tried twice.
_NEXT = {
    # 13.2.5.6 tag open, 7 end tag open, 42 markup declaration open. A DOCTYPE ends at its first
    # ">", in quotes too (57 and on), as "<?", "</3" and CDATA do; "<!-->" and "<!--->" are comments
    # (43, 44). A byte order mark (13.2.3.2) is no text, nor is what may become one of these.
    "data": _compiled(
        rf"""[{_WS}]*+ < (?:
        !-- (?: -?> | (?P<comment> (?=-?+[^>]) ) )
        | (?P<bogus> \? | ! (?=[^-]|-[^-]) | / (?=[^a-z]) )
        | (?P<start> {_TAG_NAME}) | / (?P<end> {_TAG_NAME}) )
        | \A\xef\xbb\xbf | [{_WS}]++
        | (?P<text> (?! \A\xef\xbb?\Z | < (?: [a-z!/] | \Z ) ) [^{_WS}] )"""
    ).match,
    "name": _compiled(rf"(?P<tag> {_STOP})").search,
    "tag": _compiled(
        rf"""(?: {_QUOTED} )*+ {_PLAIN} [{_WS}/]*+ (?P<over> > ) | (?P<tag> (?: {_QUOTED} )++ )
        | {_PLAIN} {_NAME} {_IS} (?: (?P<double> ") | (?P<single> ') )"""
    ).match,
    "double": _compiled('(?P<tag> ")').search,
    "single": _compiled("(?P<tag> ')").search,
    # 13.2.5.51 and 52, comment end and comment end bang state; 41, bogus comment state.
    "comment": _compiled("--!?>").search,
    "bogus": _compiled(">").search,
    # 13.2.5.11 and 14: up to "an appropriate end tag token", which may have attributes.
    **{name: _compiled(rf"(?P<tag> </{name} {_STOP})").search for name in _TEXTS},
    # 13.2.5.15 to 31. Of "<!--" the dashes are left: with a ">" after them they are a "-->" (22).
    "script": _compiled(rf"< (?: (?P<escaped> ! (?=--)) | (?P<tag> /script {_STOP}) )").search,
    "escaped": _compiled(
        rf"(?P<script> -->) | < (?: (?P<doubly> script {_STOP}) | (?P<tag> /script {_STOP}) )"
    ).search,
    "doubly": _compiled(rf"(?P<script> -->) | (?P<escaped> </script {_STOP})").search,
}
_LONGEST = len("noscript")
# 13.2.6.4.1 to 6: the start tags that do not open a body of their own.
_BEFORE = {"html", "head", "base", "basefont", "bgsound", "link", "meta", "body", "script", *_TEXTS}
# 13.2.6.4.2 and 3: the end tags that open a head; others are ignored before it.
_OPENING = {"head", "body", "html", "br"}
# What is in no piece of a page.
_WHOLE = {"html", "head", "body", "frameset"}
_DOCTYPE = b"!doctype"


class Insertion:
    """Puts texts into an HTML page that comes in chunks, in one pass.

    `body` makes what goes right after the `<body ...>` tag, `head` what goes
    right after the `<head ...>` tag, or to where a page without one opens its
    head. In a page that is not `whole` by itself, and has neither a doctype nor
    a tag that only whole pages have, that may be nowhere: it may be a piece.
    """

    def __init__(
        self,
        body: Callable[[], bytes] | None = None,
        *,
        head: Callable[[], bytes] | None = None,
        whole: bool = False,
        limit: int = 65536,
    ) -> None:
        self.settled = body is None and head is None
        """Whether all is decided: then chunks need not be fed any more."""
        self.inserted = b""
        self._body, self._head, self._whole = body, head, whole
        self._limit, self._page = limit, bytearray()
        self._state, self._tag, self._head_is_over = "data", "", False
        self._at = self._seen = self._end = self._began = 0
        self._place: int | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk, return what may leave now: nothing before it is settled."""
        if self.settled:
            return chunk
        self._seen = len(self._page)
        self._page += chunk
        self._end = min(len(self._page), self._limit)
        while not self.settled and self._step():
            pass
        self.settled = self.settled or self._end >= self._limit
        return self.end() if self.settled else b""

    def end(self) -> bytes:
        """Return what is still held back: the page is over."""
        self.settled = True
        held, self._page = bytes(self._page), bytearray()
        return held

    def _step(self) -> bool:
        """Go on to the next state, or return False: more must come first."""
        newest = max(self._at, self._seen)
        if self._state == "tag" and self._page.find(b">", newest, self._end) < 0:
            return False  # What cannot end the tag is no reason to read a long attribute again.
        found = _NEXT[self._state](self._page, self._at, self._end)
        if not found:
            if self._state not in ("data", "tag"):
                self._at = max(self._at, self._end - len("</") - _LONGEST)
            return False
        if self._state == "bogus":  # It ends: what was it?
            word = self._page[self._began : self._began + len(_DOCTYPE)]
            self._whole = self._whole or word.lower() == _DOCTYPE
        self._at, self._state = found.end(), found.lastgroup or "data"
        if self._state == "bogus":
            self._began = found.start("bogus")
        elif self._state in ("start", "end"):
            opened = found.start(self._state) - len("<" if self._state == "start" else "</")
            self._name(found[self._state].lower().decode("latin-1"), opened)
        elif self._state == "over":
            self._over()
        elif self._state == "text":  # 13.2.6.4.6, "Anything else": it opens the body.
            self._opens_head(found.start("text"))
            self.settled = True
        return True

    def _name(self, name: str, opened: int) -> None:
        """Take the name of a tag that starts there; give up where it opens the body by itself."""
        is_end, self._state = self._state == "end", "name" if len(name) > _LONGEST else "tag"
        if name in _WHOLE and not is_end:
            self._whole = True
        if self._place is not None:  # What opened the head may have been a piece of a page.
            self._opens_head(self._place)
        elif name in _OPENING if is_end else name not in ("html", "head"):
            self._opens_head(opened)
        if is_end:  # "Any other end tag: Parse error. Ignore the token."
            self.settled = self.settled or name in ("body", "html", "br")
            self._head_is_over = self._head_is_over or name == "head"
            return
        # 13.2.6.4.4 knows a `noscript` in the head, 13.2.6.4.6 none after it.
        over = name not in _BEFORE or (name == "noscript" and self._head_is_over)
        self._tag, self.settled = name, self.settled or over

    def _over(self) -> None:
        tag, self._tag = self._tag, ""  # What ends by "/>" is a start tag like others.
        self._state = tag if tag == "script" or tag in _TEXTS else "data"
        if tag == "head" and self._place is None:
            self._opens_head(self._at)
        elif tag == "body" and self._body is not None:
            self.settled = True
            self._put(self._body, self._at)

    def _opens_head(self, place: int) -> None:
        """Take the place where the head opens, and use it if this is a whole page for sure."""
        self._place = place
        head = self._head
        if head is not None and self._whole:
            self._head, self.settled = None, self._body is None
            self._put(head, place)

    def _put(self, text: Callable[[], bytes], place: int) -> None:
        made = text()
        self._page[place:place] = made
        self.inserted += made
        self._at, self._limit, self._end = (
            number + len(made) for number in (self._at, self._limit, self._end)
        )


# WHATWG Encoding 4.2: labels of what has ASCII for ASCII, so neither UTF-16 nor ISO-2022-JP.
_ISO_8859 = {*range(1, 17)} - {12}
_CHARSETS = {
    *b"""utf-8 utf8 us-ascii ascii latin1 l1 latin2 l2 latin3 l3 latin4 l4 latin5 l5 latin6 l6 l9
    koi koi8 koi8-r koi8-u koi8-ru mac macintosh x-mac-roman x-mac-cyrillic ibm866 cp866 tis-620
    gbk x-gbk gb2312 gb_2312 gb18030 big5 big5-hkscs euc-jp x-euc-jp euc-kr ks_c_5601-1987
    shift_jis shift-jis sjis x-sjis ms932 windows-31j windows-874 windows-949""".split(),
    *(b"%b125%d" % (form, n) for form in (b"windows-", b"cp", b"x-cp") for n in range(9)),
    *(b"%b8859-%d" % (form, n) for form in (b"iso-", b"iso", b"iso_") for n in _ISO_8859),
}
_CHARSET = re.compile(rb';[ \t]*charset=("?)([^"; \t]*+)\1[ \t]*(?:;|\Z)')
# RFC 9110 8.8: a validator is of one representation; so are digests (RFC 9530) and ranges.
_OF_THE_OTHER = b"""etag last-modified accept-ranges content-range
    content-md5 digest content-digest repr-digest""".split()
FRAGMENT = ("HX-Request", "Turbo-Frame", "X-PJAX", "X-Up-Target")
"""The headers by which scripts ask for a piece of a page (htmx, Turbo, PJAX, Unpoly)."""


def is_page(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Tell whether an answer is a whole HTML page to be shown, whose bytes read as ASCII does."""
    said = [(name.lower(), value.lower()) for name, value in headers]
    types = sum(name == b"content-type" for name, _ in said)
    return types == 1 and all(_suits(name, value) for name, value in said)


def _suits(name: bytes, value: bytes) -> bool:
    word = value.partition(b";")[0].strip(BLANKS)
    if name == b"content-type":
        # Of two charsets some browsers take the first, and some read what others do not.
        named, found = value.count(b"charset"), _CHARSET.search(value)
        known = named == 1 and found is not None and found[2] in _CHARSETS
        return word == b"text/html" and (known or not named)
    if name == b"content-disposition":  # RFC 6266 4.2: what is unknown is as "attachment".
        return word == b"inline"
    return word == b"identity" if name == b"content-encoding" else name != b"content-range"


def is_page_request(headers: RequestHeaders) -> bool:
    """Tell whether a request is for a whole page, and not for a piece of one by a script."""
    destination = headers.get("Sec-Fetch-Dest")
    # A service worker that passes a page on says "empty", as scripts do that fetch something; but
    # it asks for what the page was asked for.
    passed_on = destination == "empty" and "text/html" in (headers.get("Accept") or "")
    if destination not in (None, "document", "iframe", "frame") and not passed_on:
        return False
    if any(name in headers for name in FRAGMENT):
        return False
    # The browsers in Android's apps send their app's name in it, with every page.
    script = headers.get("X-Requested-With")
    return script is None or (destination is not None and script.lower() != "xmlhttprequest")


def variant_headers(headers: Headers[Text], added: int, dialect: Dialect[Text]) -> Headers[Text]:
    """Return the headers of a page that has `added` bytes more than theirs."""
    kept: Headers[Text] = []
    for header in headers:
        name = dialect.encode(header[0]).lower()
        if name == b"content-length":
            length = dialect.encode(header[1]).strip(BLANKS)
            if length.isdigit() and len(length) < 19:  # No number is too long for `int`.
                kept.append((header[0], dialect.decode(b"%d" % (int(length) + added))))
        elif name not in _OF_THE_OTHER:
            kept.append(header)
    return kept


def head_headers(headers: Headers[Text], dialect: Dialect[Text]) -> Headers[Text]:
    """Return the headers of the answer to HEAD; RFC 9110 9.3.2 lets it leave out a length."""
    kept = variant_headers(headers, 0, dialect)
    return [each for each in kept if dialect.encode(each[0]).lower() != b"content-length"]
