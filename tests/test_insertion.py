"""Texts in somebody else's page: first in its head, right after its body's tag, or nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from consentgate.pages.insertion import (
    Insertion,
    head_headers,
    is_page,
    is_page_request,
    variant_headers,
)
from consentgate.wire import BYTES, NATIVE

TEXT = b"<x-banner></x-banner>"
# Where the text is expected, in a page below; nowhere in one without it.
HERE = b"^^"
Pairs = list[tuple[bytes, bytes]]


def put(chunks: Iterable[bytes], limit: int = 65536) -> bytes:
    """Return what leaves of a page in chunks, the text put in or not."""
    insertion = Insertion(lambda: TEXT, limit=limit)
    return b"".join([*map(insertion.feed, chunks), insertion.end()])


def pieces(page: bytes, size: int) -> list[bytes]:
    """Cut a page into chunks of one size."""
    return [page[start : start + size] for start in range(0, len(page), size)]


PAGES = [
    # As they are written.
    b"<!DOCTYPE html><html lang=en><head><title>A</title></head>\n<body class='a'>^^<p>Hello",
    b"<body>^^",
    b"\xef\xbb\xbf\r\n<html>\t\f <body>^^",
    b"<head><meta charset=utf-8><link rel=x><base><basefont><bgsound></head><body>^^",
    b"<BODY>^^",
    b"<bOdY\nID=x>^^",
    b"<body/>^^<p>",
    b"<body / >^^",
    b"<body>^^<body>",
    b"<html><html a><head><head></head><head><html><body>^^",
    # Attributes.
    b"<body a='>' b=\">\">^^",
    b"<body a='\">' b=\"'>\">^^",
    b"<body a=x'>^^'>",
    b"<body a=\"x\"b='>'c>^^",
    b'<body "x>^^">',
    b'<body a"=">" c>^^',
    b'<body =">^^">',
    b'<body ="x=">">^^',
    b"<body =='>'>^^",
    b"<body/='>^^'>",
    b'<body a/=">^^">',
    b'<body a \n=\t">">^^',
    b"<body a =>^^x>",
    b"<body a= >^^x>",
    b"<body a=/>^^",
    b"<body a=b/c='>^^'>",
    b"<body a b c = d e>^^",
    b"<body a=1 b = 'x>y' c=\">\"\n>^^",
    b"<body a<body>^^",
    b"<body \0='>'>^^",
    b"<body a='x>",
    b'<meta a="<body>"><body>^^',
    b"<meta a=<body><body>^^",
    b"<meta a='<body>",
    # Comments.
    b"<!-- <body> --><body>^^",
    b"<!--><body>^^-->",
    b"<!---><body>^^-->",
    b"<!----><body>^^-->",
    b"<!---!><body>--><body>^^",
    b"<!--!><body>--><body>^^",
    b"<!----!><body>^^",
    b"<!--x--!><body>^^",
    b"<!--x--!-><body>--><body>^^",
    b"<!--x--!--><body>^^",
    b"<!--x->-- ><body>---><body>^^",
    b"<!--x<!--><body>^^",
    b"<!--x<!--!><body>^^",
    b"<!--<!-><body>--><body>^^",
    b"<!--\0><body>--><body>^^",
    b"<!-- <body>",
    # What is taken for a comment, and ends at the first ">".
    b"<?xml version='1.0'?><?php '><body>^^'?>",
    b"<!x '><body>^^'>",
    b"<!-><body>^^",
    b"<!-x--><body>^^",
    b"<!><body>^^",
    b"</3 '><body>^^",
    b"</><body>^^",
    b"</ body><body>^^",
    b"<![CDATA[<body>",
    b"<![CDATA[<p><body>^^",
    b"<!doctype html PUBLIC '><body>^^",
    b"<!DOCTYPE html SYSTEM \"a'<body>",
    # Texts.
    b"<title><body></title><body>^^",
    b"<TITLE a='>'><!--</title ><body>^^-->",
    b"<title/></titlex></ title></title\x0b></title/><body>^^",
    b"<title></title a='><body>'><body>^^",
    b"<title></TITLE\n><body>^^",
    b"<title><body>",
    b"<style><!--<body></style><body>^^-->",
    b"<noframes><body></noframes><body>^^",
    b"<noscript><p><body></noscript><body>^^",
    b"<head></head><style><body></style><noframes><body></noframes><body>^^",
    b"</head><noscript></noscript><body>",
    b"<head></head ><NOSCRIPT></noscript><body>",
    # Scripts.
    b"<script>'<body>'</script><body>^^",
    b"<script/></scriptx></script-></script\0></script/><body>^^",
    b"<script>a<</script><body>^^",
    b"<script><!</script><body>^^",
    b"<script><!-</script><body>^^",
    b"<script><!--</script><body>^^",
    b"<script><!--<script></script><body></script><body>^^",
    b"<script><!--<script><body></script>--></script><body>^^",
    b"<script><!--<SCRIPT/</Script <body></scRIPT\n><body>^^",
    b"<script><!--<script>--></script><body>^^",
    b"<script><!--<script--></script><body>^^",
    b"<script><!--<scriptx></script><body>^^",
    b"<script><!--<script></scriptx></script><body></script><body>^^",
    b"<script><!--<script></script><script></script></script><body>^^",
    b"<script><!--><script></script><body>^^",
    b"<script><!---><script></script><body>^^",
    b"<script><!--x--><script></script><body>^^",
    b"<script><!- -<script></script><body>^^",
    b"<script><!--<script></script><body>",
    b"<head></head><script>if (a < '<body>') </script><body>^^",
    # End tags.
    b"</p></template></abcdefghijklmnopq='><body>^^",
    b"</p a='><body>'><body>^^",
    b"</head></head><body>^^",
    b"</bodyx></abcdefgh></abcdefghi ></abcdefghij/><body>^^",
    b"</abcdefghij='><body>^^'>",
    b"</body><body>",
    b"<html></HTML ><body>",
    b"</br><body>",
    # A body that opens by itself.
    b"",
    b"  \n",
    b"Hello <body>",
    b"<p><body>",
    b"<bodyx><body>",
    b"<body\0><body>",
    b"<body\x0b><body>",
    b"<b><body>",
    b"<htm><body>",
    b"<abcdefghijklm><body>",
    b"<template><body></template><body>",
    b"<frameset><body>",
    b"<textarea><body></textarea><body>",
    b"<svg><body></svg><body>",
    b"<plaintext><body>",
    b"<data><body>",
    b"<name><body>",
    b"<tag><body>",
    b"<\0body><body>",
    b"<<body>",
    b"< body><body>",
    b"<",
    b"<=<body>",
    b"\x0b<body>",
    b"\0<body>",
    b"&#32;<body>",
    b"<head>\xc2\xa0</head><body>",
    b"\xef\xbb\xbf\xef\xbb\xbf<body>",
    b" \xef\xbb\xbf<body>",
    b"\xef\xbb<body>",
    b"\xef\xbb",
    b"\xff\xfe<\0b\0o\0d\0y\0>\0",
    b"\xfe\xff\0<\0b\0o\0d\0y\0>",
    b"<\0b\0o\0d\0y\0>\0",
    # Not finished.
    b"<html><bod",
    b"<body",
    b"<body a",
    b"<body a=x",
    b"</",
    b"<!-",
    b"<!--",
    b"<!---",
    b"<?",
]


@pytest.mark.parametrize("page", PAGES)
def test_the_text_goes_where_a_browser_opens_the_body(page: bytes) -> None:
    """Right after the tag that opens the body, however the page is written; in doubt nowhere."""
    assert put([page.replace(HERE, b"")]) == page.replace(HERE, TEXT)


@pytest.mark.parametrize("page", PAGES)
def test_no_cut_moves_the_text(page: bytes) -> None:
    """Cut in two anywhere, in single bytes, with empty chunks between: the page is the same."""
    plain, expected = page.replace(HERE, b""), page.replace(HERE, TEXT)
    for cut in range(len(plain) + 1):
        assert put([plain[:cut], plain[cut:]]) == expected
    assert put(pieces(plain, 1)) == expected
    assert put(chunk for byte in pieces(plain, 1) for chunk in (b"", byte, b"")) == expected


def test_the_first_byte_leaves_with_the_end_of_the_tag() -> None:
    """All is held until the chunk in which the tag ends, and leaves together with it."""
    insertion = Insertion(lambda: TEXT)
    held = [insertion.feed(chunk) for chunk in (b"<html>", b"", b"<body a='", b">", b"' b")]
    assert held == [b""] * 5
    assert (insertion.settled, insertion.inserted) == (False, b"")
    assert insertion.feed(b"><p") == b"<html><body a='>' b>" + TEXT + b"<p"
    assert (insertion.settled, insertion.inserted) == (True, TEXT)
    assert insertion.end() == b""


@pytest.mark.parametrize(
    "page",
    [
        b"<div ",
        b"<abcdefghi",
        b"a",
        b"\0",
        b"\xef\xbbx",
        b"</body ",
        b"<\xe9",
        b"</head><noscript>",
    ],
)
def test_it_gives_up_as_soon_as_it_can(page: bytes) -> None:
    """What opens the body by itself lets the page go at once, not at the end of its tag."""
    insertion = Insertion(lambda: TEXT)
    assert insertion.feed(b"<html>") == b""
    assert insertion.feed(page) == b"<html>" + page
    assert (insertion.settled, insertion.inserted) == (True, b"")


@pytest.mark.parametrize("page", [b"<body>", b"<p>"])
def test_a_settled_page_passes_as_it_is(page: bytes) -> None:
    """Once it is settled, each chunk comes back as the very same object."""
    insertion = Insertion(lambda: TEXT)
    insertion.feed(page)
    chunk = b"<body>" * 100
    assert insertion.feed(chunk) is chunk


def test_what_is_held_leaves_once() -> None:
    """The end gives what was held, nothing a second time, and settles it."""
    insertion = Insertion(lambda: TEXT)
    insertion.feed(b"<html><body")
    assert [insertion.end(), insertion.end()] == [b"<html><body", b""]
    assert (insertion.settled, insertion.inserted) == (True, b"")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_tag_must_lie_within_the_limit(size: int) -> None:
    """A tag that ends with the last byte of the limit counts, one that ends after it does not."""
    page = b"<html>" + b" " * 20 + b"<body a>" + b"<p>Hello"
    tag_end = page.index(b"<p>")
    assert put(pieces(page, size), tag_end) == page.replace(b"a>", b"a>" + TEXT)
    assert put(pieces(page, size), tag_end - 1) == page
    assert put(pieces(page, size), 0) == page


def test_nothing_is_held_beyond_the_limit() -> None:
    """A page in which nothing was found leaves when the limit is reached."""
    insertion = Insertion(lambda: TEXT, limit=10)
    assert [insertion.feed(b"<!-- "), insertion.feed(b"1234")] == [b"", b""]
    assert insertion.feed(b"5") == b"<!-- 12345"
    assert insertion.settled


def test_the_text_is_asked_for_where_there_is_a_place_only() -> None:
    """The text is made once for a page with a place for it, and never for another."""
    asked: list[None] = []

    def text() -> bytes:
        asked.append(None)
        return TEXT

    for page in (b"<p><body>", b"<!--<body>-->", b"<body"):
        Insertion(text).feed(page)
    assert len(asked) == 0
    insertion = Insertion(text)
    for chunk in pieces(b"<html><body><body></html><body>", 3):
        insertion.feed(chunk)
    assert len(asked) == 1


def test_a_text_that_fails_costs_no_page() -> None:
    """Where the text cannot be made, the page is still there, and it is not asked for again."""

    def text() -> bytes:
        raise ZeroDivisionError

    insertion = Insertion(text)
    with pytest.raises(ZeroDivisionError):
        insertion.feed(b"<body><p>")
    assert (insertion.settled, insertion.inserted) == (True, b"")
    assert insertion.end() == b"<body><p>"


@pytest.mark.parametrize("size", [65536, 64])
@pytest.mark.parametrize(
    ("start", "rest"),
    [
        *((b"", b"<"), (b"", b"<!--"), (b"", b"<script><!--<script>"), (b"", b" "), (b"", b"</a")),
        *((b'<body a="', b">"), (b"<body", b" a='>'"), (b"<body ", b"a"), (b"<body ", b" =")),
        *((b"<!--", b"-"), (b"<!", b"x"), (b"<title>", b"</titl"), (b"<script>", b"<!---->")),
    ],
)
def test_no_page_is_too_long_a_work(start: bytes, rest: bytes, size: int) -> None:
    """64 KiB of what never comes to an end pass, in one chunk and in many."""
    page = start + (rest * 65536)[: 65536 - len(start)]
    assert put(pieces(page, size), 1 << 20) == page


# What is in no page of a sane author; two of three are whole.
NASTY = (
    b"<body q>|<BODY q=1\n>|<body q='>'>|<body q=\">\" b>|<body/q>|<body q/>|<body q =\t'|<body q|"
    b'<bodyx>|<body\0 q>|<html>|<html q>|<head>|</head>|</head =">">|</head\n|</p>|</body>|</br>|'
    b"</html>|<p>|<link>|<meta a='|<base a=\"|<basefont x=y>|<frameset>|<!doctype html>|"
    b"<!DOCTYPE a PUBLIC '>|<!--|-->|--!>|<!-->|<!--->|-|--|!|>|<|</|<!|<?|<?x>|<!x>|</3>|</>|"
    b"<![CDATA[|]]>|<script>|<script |</script>|</script |<scriptx>|<script/|</script\x0b>|"
    b"<!--<script>|</scriptx>|<style>|</style>|<title>|</title>|<TiTlE/>|</title/|<noscript>|"
    b"</noscript>|<noframes>|</noframes>|'|\"|=|a|/| |\n\r\t\f|\x0b|x\0|\xef\xbb\xbf|\xc3\xa9|"
    b'</longlongname="x>|</abcdefgh="x>'
).split(b"|")
# Without what gives up at once, the end of a page is reached more often.
DEEP = (
    b"<!--|-->|--!>|<!-->|-|<script>|<script |</script>|</scriptx>|</script |<title>|</title>|"
    b"<head>|</head>|<meta a='|<meta |<body q x=\"|<body q |</p |'|\"|>|=|/| "
).split(b"|")
pages = st.builds(
    lambda parts, last: b"".join([*parts, last]),
    st.one_of(*(st.lists(st.sampled_from(some), max_size=12) for some in (NASTY, DEEP))),
    st.sampled_from([b"", b"<body q>hi"]),
)


@given(page=pages, cuts=st.lists(st.integers(0, 200), max_size=8))
def test_the_chunks_do_not_matter(page: bytes, cuts: Sequence[int]) -> None:
    """Cut anywhere, a page comes out as it does uncut: with one text more, or as it was."""
    whole = put([page])
    places = [0, *sorted(min(cut, len(page)) for cut in cuts), len(page)]
    chunks = [page[start:end] for start, end in pairwise(places)]
    assert put(chunks) == put(pieces(page, 1)) == whole
    assert whole == page or (whole.count(TEXT) == 1 and whole.replace(TEXT, b"") == page)


@given(page=st.binary(), start=st.sampled_from([b"", b"<html>", b"<body ", b"<script>", b"<!--"]))
def test_any_bytes_pass(page: bytes, start: bytes) -> None:
    """Bytes of any kind come out whole."""
    assert put([start, page]).replace(TEXT, b"", 1) == start + page


def parsed(page: bytes) -> tuple[Element, bool]:
    """Return a page's tree as html5lib reads it, and whether a tag of its own opened the body."""
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"))
    tree: Any = parser.tree
    bodies: list[bool] = []
    insert: Callable[[dict[str, Any]], Any] = tree.insertElementNormal

    def inserted(token: dict[str, Any]) -> Any:
        if token["name"] == "body":
            bodies.append(bool(token["data"]))  # Each tag has an attribute, here.
        return insert(token)

    tree.insertElementNormal = inserted
    # As in a browser that runs scripts: a noscript in the head is text.
    root: Element = parser.parse(page, scripting=True, override_encoding="utf-8")
    return root, bodies[:1] == [True]


def outline(element: Element) -> Any:
    """Return all there is to an element, so that two can be compared."""
    inside = [outline(child) for child in element]
    return str(element.tag), dict(element.attrib), element.text or "", inside, element.tail or ""


@given(page=pages)
@example(b"<!-- <body q> --><body q>")
@example(b"<script><!--<script></script><body q></script><body q>")
@example(b"<title><body q></title a='<body q>'><meta a='<body q>'><body q>")
def test_html5lib_agrees(page: bytes) -> None:
    """The text is the body's first child, nothing else changes, and no place is missed."""
    tree, explicit = parsed(page)
    changed = put([page])
    assert (changed != page) == explicit
    if explicit:
        with_text, _ = parsed(changed)
        body = next(with_text.iter("{http://www.w3.org/1999/xhtml}body"))
        assert not body.text
        banner = body[0]
        assert banner.tag == "{http://www.w3.org/1999/xhtml}x-banner"
        body.text = banner.tail
        body.remove(banner)
        assert outline(with_text) == outline(tree)


# Into the head

FIRST = b"<script x-guard></script>"
# Where it is expected, in a page below; nowhere in one without it.
THERE = b"@@"

HEADS = [
    # A tag of its own.
    b"<!DOCTYPE html><html lang=en><head>@@<title>A</title></head>\n<body class='a'>^^<p>Hello",
    b"<head>@@<body>^^",
    b"<HEAD\nid=x >@@\n<meta charset=utf-8><body>^^",
    b"<head/>@@<body>^^",
    b"<head a='>' b=\">\">@@<body>^^",
    b"<html><!-- <head> --><head>@@<!-- --><body>^^",
    b"\xef\xbb\xbf<!doctype html SYSTEM 'x'>\r\n <html>\t<head>@@</head><body>^^",
    b"<?xml version='1'?><html><html a><head>@@<head><body>^^",
    b"</p></title></abcdefghijk><head>@@</head><body>^^",
    b"<head>@@Hello<body>",
    b"<head>@@<p><body>",
    b"<head>@@</body><body>",
    b"<head>@@<frameset>",
    b"<head>@@<script><!--<script></script><body>--></script><body>^^",
    # None: it opens by itself.
    b"<!doctype html>@@<title>A</title><body>^^",
    b"<!doctype html><html>\n@@<meta charset=utf-8><body>^^",
    b"<html><!-- a -->@@<script></script><head><body>^^",
    b"<html> @@<body>^^",
    b"@@<body>^^",
    b"@@</head><body>^^",
    b"<html>@@</head ><body>^^",
    b"@@</body><body>",
    b"@@</html a='><body>'><body>",
    b"<!doctype html>@@</br>",
    b"<!doctype html>\n @@Hello <body>",
    b"\xef\xbb\xbf@@Hello",
    b"\xef\xbb\xbf@@\xef\xbb\xbf<body>",
    b"<html>@@\0<head>",
    b"<html>@@< head>",
    b"<html>@@<\xe9",
    b"@@<p a='>",
    b"@@<header>",
    b"@@<heading-of-a-kind>",
    b"@@<head\0>",
    b"@@<link a='<head>'><head><body>^^",
    b"@@<frameset><frame></frameset>",
    b"@@<noscript><body></noscript><body>^^",
    b"</p>\n</x>@@<svg><body></svg>",
    # Not surely found.
    b"",
    b"\xef\xbb",
    b" \n<!doctype html>\n<html>\n",
    b"<html><!-- <head><body>",
    b"<!doctype html SYSTEM '<head",
    b"<html><head a='><body>",
    b"<head",
    b"<html><",
    b"</head",
    b"</p><!",
]


def put_both(
    chunks: Iterable[bytes], *, limit: int = 65536, whole: bool = True, body: bytes | None = TEXT
) -> bytes:
    """Return what leaves of a page that should get both texts, or the first alone."""
    second = None if body is None else lambda: body
    insertion = Insertion(second, head=lambda: FIRST, whole=whole, limit=limit)
    return b"".join([*map(insertion.feed, chunks), insertion.end()])


def plain_page(page: bytes) -> bytes:
    """Return a page without its marks."""
    return page.replace(HERE, b"").replace(THERE, b"")


@pytest.mark.parametrize("page", HEADS)
def test_both_texts_go_where_a_browser_opens_head_and_body(page: bytes) -> None:
    """One pass finds both places, or one of them, and each text goes alone too."""
    plain = plain_page(page)
    assert put_both([plain]) == page.replace(THERE, FIRST).replace(HERE, TEXT)
    assert put_both([plain], body=None) == page.replace(THERE, FIRST).replace(HERE, b"")
    assert put([plain]) == page.replace(THERE, b"").replace(HERE, TEXT)


@pytest.mark.parametrize("page", [*HEADS, *PAGES])
def test_no_cut_moves_either_text(page: bytes) -> None:
    """Cut in two anywhere, or in single bytes, each text is where it is in the whole page."""
    plain = plain_page(page)
    for whole in (True, False):
        expected, alone = put_both([plain], whole=whole), put_both([plain], whole=whole, body=None)
        for cut in range(len(plain) + 1):
            cuts = [plain[:cut], plain[cut:]]
            assert put_both(cuts, whole=whole) == expected
            assert put_both(cuts, whole=whole, body=None) == alone
        assert put_both(pieces(plain, 1), whole=whole) == expected
        assert put_both(pieces(plain, 1), whole=whole, body=None) == alone


@pytest.mark.parametrize(
    "page",
    [
        *(b"<p>Hello", b"Hello", b"<tr><td>", b"<title>A</title>", b"<link><p>", b"</head>"),
        *(b"</html>", b"</body>", b"<!-- <!doctype html> --><p>", b"<?!doctype html><p>"),
        *(b"<!doc><p>", b"<!-><p>", b"</!doctype html><p>", b"<script></script><header>"),
    ],
)
def test_a_piece_of_a_page_is_left_alone(page: bytes) -> None:
    """What nothing shows to be a whole page may be a piece of one, for a script to put in."""
    assert put_both([page], whole=False) == page
    assert put_both([page]) != page


@pytest.mark.parametrize(
    "page",
    [
        *(b"<!DocType html>@@<p>", b"<!doctype>@@Hello", b" <!-- --><!DOCTYPE html >@@</head>"),
        *(b"<html>@@<p>", b"<HTML/>@@<title>", b"<head>@@Hello", b"@@<body>^^<p>"),
        *(b"@@<title>A</title><body>^^", b"@@<meta><link a='>'></p><html><body>^^"),
        *(b"@@<style><p></style><frameset>", b"</p>@@<link></head><body>^^"),
        b"@@<link><head><script></script><body>^^",
    ],
)
def test_a_whole_page_shows_that_it_is_one(page: bytes) -> None:
    """A doctype, or a tag that no piece has, tells; where it comes later, the place is the same."""
    plain = plain_page(page)
    expected = page.replace(THERE, FIRST)
    for chunks in ([plain], pieces(plain, 1)):
        assert put_both(chunks, whole=False) == expected.replace(HERE, TEXT)
        assert put_both(chunks, whole=False, body=None) == expected.replace(HERE, b"")


def test_no_more_is_held_than_needed() -> None:
    """Where the head alone is asked for, a page leaves with the end of its tag."""
    insertion = Insertion(head=lambda: FIRST)
    assert [insertion.feed(chunk) for chunk in (b"<html>", b"<head", b" a='>'")] == [b""] * 3
    assert insertion.feed(b"><title>") == b"<html><head a='>'>" + FIRST + b"<title>"
    assert (insertion.settled, insertion.inserted) == (True, FIRST)
    chunk = b"<head><body>"
    assert insertion.feed(chunk) is chunk


def test_both_texts_count_as_inserted() -> None:
    """What is added is the one text and the other, in the order of the page."""
    insertion = Insertion(lambda: TEXT, head=lambda: FIRST)
    assert insertion.feed(b"<head></head>") == b""
    assert insertion.inserted == FIRST
    assert insertion.feed(b"<body>x") == b"<head>" + FIRST + b"</head><body>" + TEXT + b"x"
    assert insertion.inserted == FIRST + TEXT


def test_without_a_text_all_passes() -> None:
    """Where nothing is asked for, each chunk comes back as it is."""
    insertion, chunk = Insertion(), b"<head><body>"
    assert insertion.settled
    assert insertion.feed(chunk) is chunk
    assert insertion.end() == b""


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_each_place_must_lie_within_the_limit(size: int) -> None:
    """What is put in counts for nothing: the limit is on the bytes of the page."""
    page = b"<head>" + b" " * 9 + b"<body a>" + b"<p>Hello"
    end = page.index(b"<p>")
    first = page.replace(b"<head>", b"<head>" + FIRST)
    assert put_both(pieces(page, size), limit=end) == first.replace(b"a>", b"a>" + TEXT)
    assert put_both(pieces(page, size), limit=end - 1) == first
    assert put_both(pieces(page, size), limit=6) == first
    assert put_both(pieces(page, size), limit=5) == page


def failing() -> bytes:
    """Be a text that cannot be made."""
    raise ZeroDivisionError


@pytest.mark.parametrize("second", [None, lambda: TEXT], ids=["alone", "both"])
def test_a_first_text_that_fails_costs_no_page(second: Callable[[], bytes] | None) -> None:
    """Where the first text cannot be made, the page is still there."""
    insertion = Insertion(second, head=failing)
    with pytest.raises(ZeroDivisionError):
        insertion.feed(b"<head><p>")
    assert insertion.inserted == b""
    assert insertion.feed(b"") + insertion.end() == b"<head><p>"


WITH_HEADS = tuple(b"<head q>|<head q='>|<head|<head q/>|<header>|<head\0>|</head q>".split(b"|"))
headed_pages = st.builds(
    lambda start, parts: b"".join([*start, *parts]),
    st.lists(st.sampled_from((b"<!doctype html>", b"<html q>", b" \n", b"</p>", b"<!-- -->"))),
    st.one_of(
        *(st.lists(st.sampled_from((*some, *WITH_HEADS)), max_size=12) for some in (NASTY, DEEP))
    ),
)
HTML_ELEMENT = "{http://www.w3.org/1999/xhtml}"


@given(page=headed_pages)
@example(b"<html></p></head><head q><body>")
@example(b"<!doctype html>\0<html q><head q>")
@example(b"</p><html q><head q='>'> \n<title></title>")
def test_html5lib_agrees_on_the_head(page: bytes) -> None:
    """The text is the head's first element, nothing else changes, and no place is missed."""
    tree, _ = parsed(page)
    changed = put_both([page], body=None)
    with_text, _ = parsed(changed)
    head = next(with_text.iter(f"{HTML_ELEMENT}head"))
    if changed == page:
        body = with_text.find(f"{HTML_ELEMENT}body")
        assert body is not None
        assert [*head, *body] == []
        # What could have become a tag is text at the end of the page.
        assert (body.text or "") in ("", "<", "</")
        return
    guard = head[0]
    assert "x-guard" in guard.attrib
    head.text = (head.text or "") + (guard.tail or "")
    head.remove(guard)
    assert outline(with_text) == outline(tree)


# The conditions

HTML = (b"Content-Type", b"text/html")


@pytest.mark.parametrize(
    "value",
    [
        *(b"text/html", b"TEXT/HTML", b" text/html\t", b"text/html;", b"text/html; level=1"),
        *(
            b"text/html;charset=utf-8",
            b'text/html ; Charset="UTF-8" ; x',
            b"text/html; charset=UTF8",
        ),
        *(b"text/html; charset=" + name for name in b"us-ascii latin1 iso-8859-15 gbk".split()),
        *(b"text/html; charset=" + name for name in b"Windows-1252 KOI8-R gb18030 big5".split()),
        *(b"text/html; x=1;charset=utf-8 \t", b"text/html;charset=utf-8;x"),
        *(b"text/html; charset=" + name for name in b"euc-jp EUC-KR Shift_JIS macintosh".split()),
    ],
)
def test_a_banner_goes_into_html(value: bytes) -> None:
    """A page of HTML, in no or in any charset that has ASCII for ASCII, takes a banner."""
    assert is_page([(b"X-Other", b"1"), (b"cONTENT-tYPE", value)])


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"text/plain", b"text/htmlx", b"application/xhtml+xml", b"text/html, text/html"),
        *(b"text/html; charset=" + name for name in b"utf-16 UTF-16LE utf-32 utf-7 hz".split()),
        *(b"text/html; charset=" + name for name in b"iso-2022-jp cp037 iso-8859-12 x".split()),
        *(b"text/html; charset=", b"text/html; charset=utf-8\xe9", b"text/html; charset='utf-8'"),
        *(
            b"text/html; charset=utf-8 x",
            b"text/html; charset*=utf-8''utf-8",
            b"text/html charset=utf-8",
        ),
        *(b"text/html; charset=utf-16; charset=utf-8", b"text/html; charset=utf-8; charset=utf-16"),
        *(b"text/html; charset = utf-16", b'text/html; charset="utf-8'),
    ],
)
def test_no_banner_goes_into_anything_else(value: bytes) -> None:
    """What is not HTML, or may not have ASCII for ASCII, takes none."""
    assert not is_page([(b"content-type", value)])


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ([], True),
        ([(b"Content-Encoding", b"Identity ")], True),
        ([(b"content-encoding", b"gzip")], False),
        ([(b"Content-Encoding", b"identity"), (b"Content-Encoding", b"br")], False),
        ([(b"Content-Encoding", b"identity, gzip")], False),
        ([(b"Content-Encoding", b"\xff")], False),
        ([(b"Content-Disposition", b"Inline; filename=a")], True),
        ([(b"Content-Disposition", b"inline")], True),
        ([(b"CONTENT-DISPOSITION", b"attachment")], False),
        ([(b"Content-Disposition", b"inline"), (b"Content-Disposition", b"attachment")], False),
        ([(b"Content-Disposition", b"form-data")], False),
        ([(b"Content-Disposition", b"")], False),
        ([(b"Content-Range", b"bytes 0-1/2")], False),
        ([HTML], False),
    ],
)
def test_a_banner_goes_into_whole_pages_that_are_shown(more: Pairs, expected: bool) -> None:
    """What is compressed, saved, a part, or of two types takes no banner."""
    assert is_page([HTML, *more]) is expected


def test_an_answer_without_a_type_is_no_page() -> None:
    """What says nothing of its type may be anything."""
    assert not is_page([(b"X-Other", b"1")])


FIELDS = [b"Content-Type", b"Content-Encoding", b"content-disposition", b"Content-Range", b"\xe9"]
odd_values = st.one_of(
    st.binary(),
    st.builds(
        b"text/html; charset%b%b".__mod__,
        st.tuples(st.sampled_from([b"*=", b"=", b""]), st.binary()),
    ),
    st.builds(b"text/html; charset*=utf-8''%b".__mod__, st.binary()),
)


@given(headers=st.lists(st.tuples(st.sampled_from(FIELDS), odd_values)))
@example([(b"Content-Type", b"text/html; charset*=utf-8''%ED%A0%80%ff")])
def test_odd_bytes_never_raise(headers: Pairs) -> None:
    """Whatever stands in its headers, an answer is a page or is none."""
    assert is_page(headers) in (True, False)


@pytest.mark.parametrize("fetch", [None, "document", "iframe", "frame", "empty"])
def test_a_page_is_requested(fetch: str | None) -> None:
    """A request is for a page where the browser says so, says nothing, or a service worker asks."""
    said = {"Sec-Fetch-Dest": fetch} if fetch else {}
    assert is_page_request(Headers({"Accept": "text/html", **said}))


def test_a_browser_in_an_app_asks_for_pages() -> None:
    """A browser inside an app names the app with every request, and says that it wants a page."""
    said = {"Sec-Fetch-Dest": "document", "X-Requested-With": "com.example.app"}
    assert is_page_request(Headers(said))


@pytest.mark.parametrize(
    "headers",
    [
        *({"Sec-Fetch-Dest": word} for word in ("empty", "image", "script", "embed", "")),
        *({name: "true"} for name in ("HX-Request", "turbo-frame", "X-PJAX")),
        *({name: ""} for name in ("X-Requested-With", "x-up-target")),
        {"HX-Request": "true", "HX-Boosted": "true", "Sec-Fetch-Dest": "document"},
        {"X-Requested-With": "XMLHttpRequest", "Sec-Fetch-Dest": "document"},
        {"X-Requested-With": "com.example.app"},
    ],
)
def test_a_piece_is_no_page(headers: dict[str, str]) -> None:
    """What a script fetches, to put it into a page that is there, is for no page."""
    assert not is_page_request(Headers(headers))


# The headers

Change = Callable[[Pairs], Pairs]


def native(headers: Pairs) -> list[tuple[str, str]]:
    """Return headers in native strings."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def changed(headers: Pairs, added: int = 5) -> Pairs:
    """Return the headers of the variant, which are the same ones in each dialect."""
    variant = variant_headers(headers, added, BYTES)
    assert variant_headers(native(headers), added, NATIVE) == native(variant)
    return variant


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        *((b"0", b"5"), (b"95", b"100"), (b" 7\t", b"12"), (b"007", b"12")),
        (b"9" * 18, b"1" + b"0" * 17 + b"4"),
        *((length, None) for length in (b"", b"-1", b"+1", b"5, 5", b"1e3", b"\xb2", b"9" * 5000)),
    ],
)
def test_the_length_grows(length: bytes, expected: bytes | None) -> None:
    """A Content-Length says what is there then; one that is no number is left out."""
    lines = [] if expected is None else [(b"CONTENT-length", expected)]
    assert changed([HTML, (b"CONTENT-length", length)]) == [HTML, *lines]


GONE = (
    b"ETag Last-Modified Content-MD5 Digest Content-Digest REPR-DIGEST Accept-Ranges content-range"
).split()
STAYING = (
    b"Want-Content-Digest Want-Repr-Digest Want-Digest Vary Cache-Control Set-Cookie Date Age "
    b"Content-Type ETags X-ETag Expires Link"
).split()


@pytest.mark.parametrize("change", [partial(variant_headers, added=3), head_headers])
def test_what_told_of_the_other_content_goes(change: Callable[..., Pairs]) -> None:
    """Validators, digests and ranges go; all else are the same objects in the same order."""
    staying = [(name, b"1") for name in STAYING]
    mixed = [(name, b"1") for name in GONE]
    for place, header in enumerate(staying):
        mixed.insert(2 * place, header)
    kept = change(mixed, dialect=BYTES)
    assert [id(header) for header in kept] == [id(header) for header in staying]
    assert len(mixed) == len(GONE) + len(STAYING)


def test_head_says_no_length() -> None:
    """The answer to a HEAD leaves the length out, which only the content would tell."""
    headers = [HTML, (b"Content-Length", b"5"), (b"ETag", b'"a"'), (b"X", b"1")]
    assert head_headers(headers, BYTES) == [HTML, (b"X", b"1")]
    assert head_headers(native(headers), NATIVE) == native([HTML, (b"X", b"1")])
