"""The attributes of a `Set-Cookie` that leaves: lifetimes cut to what is declared, safety raised.

What the app wrote stays byte for byte, but for the number or the date that is
cut; what is raised is added at the end, since the last attribute of a name
counts (RFC 6265bis 5.7).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate

from consentgate.errors import ConsentGateError
from consentgate.wire import BLANKS, MAX_ATTRIBUTE, NUMBER, cookie_date

# RFC 6265bis 5.6.7: what a site may ask for, from the weakest to the strongest.
_SAME_SITE = {b"none": 0, b"lax": 1, b"strict": 2}
# More digits than any lifetime has.
_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Hardening:
    """What a cookie gets when it leaves, if the app left it out. What the app set is never lowered.

    `secure` adds Secure where the response leaves over https: over plain http
    it would lose the cookie. `http_only` adds HttpOnly: no script can read it.
    `same_site` is the least SameSite, "Lax" or "Strict". Raises
    ConsentGateError for anything else.
    """

    secure: bool = False
    http_only: bool = False
    same_site: str | None = None

    def __post_init__(self) -> None:
        for name in ("secure", "http_only"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise ConsentGateError(f"Hardening({name}={value!r}): use True or False")
        if self.same_site not in (None, "Lax", "Strict"):
            raise ConsentGateError(
                f"Hardening(same_site={self.same_site!r}): use 'Lax', 'Strict', or leave it out"
            )


def hardened(set_cookie: bytes, hardening: Hardening, https: bool) -> bytes:
    """Return a `Set-Cookie` value with what it lacks of a hardening added at its end.

    `https` says whether the response leaves over TLS.
    """
    # What is too long is ignored by browsers: as if it were not there.
    last = {
        name: value
        for _, name, value in _attributes(set_cookie)
        if len(name) + len(value) <= MAX_ATTRIBUTE
    }
    if hardening.secure and https and b"secure" not in last:
        set_cookie += b"; Secure"
    if hardening.http_only and b"httponly" not in last:
        set_cookie += b"; HttpOnly"
    if hardening.same_site:
        least = hardening.same_site.encode("ascii")
        # An unknown value counts as none said, which some browsers take for None.
        if _SAME_SITE.get(last.get(b"samesite", b"").lower(), -1) < _SAME_SITE[least.lower()]:
            set_cookie += b"; SameSite=" + least
    return set_cookie


def clamped(set_cookie: bytes, longest: float, now: float) -> bytes:
    """Return a `Set-Cookie` value that no browser keeps longer than `longest` seconds from `now`.

    The same object if it is kept no longer anyway. Every Max-Age and Expires
    is cut by itself: so it does not matter which of them a browser follows.
    """
    pair, *attributes = set_cookie.split(b";")
    cut = [_cut(*each, longest, now) for each in _attributes(set_cookie)]
    return set_cookie if cut == attributes else b";".join([pair, *cut])


def lasts(set_cookie: bytes) -> bool:
    """Tell whether a `Set-Cookie` value may be kept when the browser closes."""
    return any(name in (b"max-age", b"expires") for _, name, _ in _attributes(set_cookie))


def _attributes(set_cookie: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield each attribute as it is written, its name in lower case, and its value."""
    for attribute in set_cookie.split(b";")[1:]:
        name, _, value = attribute.partition(b"=")
        yield attribute, name.strip(BLANKS).lower(), value.strip(BLANKS)


def _cut(attribute: bytes, name: bytes, value: bytes, longest: float, now: float) -> bytes:
    if name == b"max-age" and NUMBER.fullmatch(value) and not value.startswith(b"-"):
        number = value.lstrip(b"0") or b"0"
        if len(number) > _DIGITS or int(number) > longest:
            return _with_value(attribute, value, b"%d" % max(1, int(longest)))
    elif name == b"expires":
        # Where browsers differ on a date, the one that keeps the cookie counts.
        date = cookie_date(value, agreed=False)
        if date is not None and date.timestamp() > now + longest:
            return _with_value(attribute, value, formatdate(now + longest, usegmt=True).encode())
    return attribute


def _with_value(attribute: bytes, value: bytes, new: bytes) -> bytes:
    name, equals, rest = attribute.partition(b"=")
    return name + equals + rest.replace(value, new, 1)
