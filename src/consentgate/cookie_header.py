"""The `Cookie` header of a request: what a browser says in it, and what an app may read of it.

A browser's reading decides (RFC 6265bis 5.8.3: pairs joined by `; `). But apps
read with parsers that see more in some lines, and a cookie that is withheld
must be gone for each of them: `http.cookies` ends a value at white space as
well, and both it and werkzeug read what stands between two quotes as one
value, whatever is in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from itertools import pairwise

from consentgate.wire import BLANKS

# What is rare in a Cookie header, and what parsers disagree on: everything but visible ASCII and
# SP, and the quote. A table that changes nothing but these: one pass over the line.
_RARE = bytes([*range(0x20), 0x22, *range(0x7F, 0x100)])
_RARE_MARKED = bytes.maketrans(_RARE, b"?" * len(_RARE))


def values_of(lines: Iterable[bytes], name: bytes) -> list[bytes]:
    """Return the value of every cookie called `name` in the `Cookie` header lines of a request.

    The lines are read as one, joined as RFC 9113 8.2.3 says. A part without
    `=` is nobody's; a name behind a comma, where a server joined lines with
    one, belongs to the value before it, so neither is trusted.
    """
    values = []
    for line in lines:
        position = line.find(name)
        while position >= 0:
            start, end = line.rfind(b";", 0, position) + 1, line.find(b";", position)
            part = line[start:] if end < 0 else line[start:end]
            key, equals, value = part.partition(b"=")
            if equals and key.strip(BLANKS) == name:
                values.append(value.strip(BLANKS))
            position = -1 if end < 0 else line.find(name, end)
    return values


def names_in(lines: Iterable[bytes]) -> list[bytes]:
    """Return the names of the cookies that a browser sent, each once, in order."""
    parts = (part.partition(b"=") for line in lines for part in line.split(b";"))
    return list(dict.fromkeys(name.strip(BLANKS) for name, equals, _ in parts if equals))


def plain_kinds(
    lines: Iterable[bytes], kinds: Mapping[bytes, str | None]
) -> set[str | None] | None:
    """Return the kinds of all the cookies, where each is written as browsers write it.

    None where it takes a closer look: this is the short way for most requests.
    """
    found = set()
    for line in lines:
        pairs = line.split(b"; ")
        joints = len(pairs) - 1
        # Each blank and each semicolon belongs to a joint, so none is in a pair.
        if line.count(b" ") != joints or line.count(b";") != joints:
            return None
        if line.translate(_RARE_MARKED) != line:
            return None
        for pair in pairs:
            name, equals, _ = pair.partition(b"=")
            if not equals:
                return None
            found.add(kinds[name])
    return found


def divided_plainly(
    lines: Sequence[bytes], kinds: Mapping[bytes, str | None], allowed: Container[str | None]
) -> tuple[Sequence[bytes], list[bytes]]:
    """Do what `divided` does, for lines in which each cookie is written as browsers write it.

    There every parser reads the same, and no part depends on its neighbours.
    """
    left: list[bytes] = []
    withheld: list[bytes] = []
    for line in lines:
        kept: list[bytes] = []
        before = len(withheld)
        for pair in line.split(b"; "):
            readable = kinds[pair.partition(b"=")[0]] in allowed
            (kept if readable else withheld).append(pair)
        left.append(line if len(withheld) == before else b"; ".join(kept))
    return left, withheld


def divided(
    lines: Sequence[bytes], allowed: Callable[[bytes], bool]
) -> tuple[Sequence[bytes], list[bytes]]:
    """Return the lines that are left for the app, and the parts that are withheld from it.

    `allowed` tells of a name whether it may be read. The lines are as many as
    before, `b""` where nothing is left; one that loses nothing is the same
    object, and what stays keeps its bytes and its order. It takes time linear
    in the lines.
    """
    parts = [line.split(b";") for line in lines]
    # An open quote goes on to the next one, wherever that is: then no quote is what it seems.
    open_quotes = [part for line in parts for part in line if _opens_quote(part)]
    withheld = [
        part
        for line in parts
        for part in line
        if not _is_readable(part, allowed, trust_quotes=not open_quotes)
    ]
    if not withheld:
        return lines, []
    # What stands between the quotes changes when a part between them goes: a kept part that opens
    # one would swallow its new neighbours, or free them. One that closes it stays as browsers read
    # it: it may be necessary.
    withheld += open_quotes
    gone = frozenset(withheld)
    left = [
        line if gone.isdisjoint(pairs) else _joined(pairs, gone)
        for line, pairs in zip(lines, parts, strict=True)
    ]
    return left, list(dict.fromkeys(withheld))


def name_of(part: bytes) -> bytes:
    """Return the name in a part of a `Cookie` header; `b""` if there is none."""
    name, equals, _ = part.partition(b"=")
    return name.strip(BLANKS) if equals else b""


def _joined(pairs: Iterable[bytes], gone: Container[bytes]) -> bytes:
    # The blank before what is first now stood behind a semicolon that is gone.
    return b";".join(pair for pair in pairs if pair not in gone).strip(BLANKS + b";")


_QUOTED = re.compile(rb'"(?:[^\\"]|\\.)*"')


def _is_readable(part: bytes, allowed: Callable[[bytes], bool], *, trust_quotes: bool) -> bool:
    """Tell whether every parser reads nothing but allowed names in a part of a `Cookie` header."""
    name, equals, value = part.partition(b"=")
    name = name.strip(BLANKS)
    if not equals:
        # A nameless cookie is nobody's; nothing between two semicolons is no cookie.
        return not name
    if not allowed(name):
        return False
    quoted = trust_quotes and _QUOTED.fullmatch(value.strip())
    hidden = [] if quoted else _names_behind_space(value)
    return not hidden or (b'"' not in value and all(map(allowed, hidden)))


def _names_behind_space(value: bytes) -> list[bytes]:
    """Return the names that `http.cookies` finds in a value: for it, white space ends a cookie."""
    names = []
    # Something stands before the first blank, and be it nothing: `a= b=c` is two cookies as well.
    for before, word in pairwise((b"." + value).split()):
        name, equals, _ = word.partition(b"=")
        if equals:
            names.append(name or before)
    return names


def _opens_quote(part: bytes) -> bool:
    """Tell whether a value starts with a quote that does not end with it."""
    value = part.partition(b"=")[2].strip()  # `http.cookies` passes over any white space here.
    return value.startswith(b'"') and not _QUOTED.fullmatch(value)
