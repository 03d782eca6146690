"""The nonce by which an app's own Content-Security-Policy lets scripts run.

Under 'strict-dynamic' a script from this very site does not run without it: what is put into such
a page carries the nonce of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# CSP3 3.1 and RFC 9110 5.3: several fields, and several policies in one, all have their say.
_ENFORCED = b"content-security-policy"
_REPORTED = b"content-security-policy-report-only"
# CSP3 2.3.1: nonce-source = "'nonce-" base64-value "'", whatever the case of its keyword.
_NONCE = re.compile(rb"'[Nn][Oo][Nn][Cc][Ee]-([A-Za-z0-9+/_-]+={0,2})'")
# CSP3 6.8.4, "script-src-elem": the first that is there speaks of script elements.
_SPEAKING = (b"script-src-elem", b"script-src", b"default-src")


def nonce_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the nonce that scripts of a page need, by the headers of its response.

    None where no policy has any, and where it is in doubt which one they all
    take. What is only reported counts where nothing is enforced by a nonce.
    """
    said = [(name.lower(), value) for name, value in headers]
    return _common(said, _ENFORCED) or _common(said, _REPORTED)


def _common(said: Iterable[tuple[bytes, bytes]], field: bytes) -> str | None:
    policies = (policy for name, value in said if name == field for policy in value.split(b","))
    asked = [nonces for policy in policies if (nonces := set(_nonces(policy)))]
    common = set.intersection(*asked) if asked else set()
    return common.pop().decode("ascii") if len(common) == 1 else None


def _nonces(policy: bytes) -> Iterator[bytes]:
    """Return the nonces that a policy takes for script elements."""
    directives: dict[bytes, list[bytes]] = {}
    for directive in policy.split(b";"):
        name, *sources = directive.split() or [b""]
        # CSP3 2.2.1 step 3: the second of a name is ignored.
        directives.setdefault(name.lower(), sources)
    speaking = next((name for name in _SPEAKING if name in directives), b"")
    return (found[1] for each in directives.get(speaking, ()) if (found := _NONCE.fullmatch(each)))
