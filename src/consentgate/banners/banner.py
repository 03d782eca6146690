"""Another tool's banner, as the gate reads it: whose names are whose, and what a cookie says."""

from __future__ import annotations

import json
import logging
import re
from abc import ABC, abstractmethod
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import ClassVar, NamedTuple

from consentgate.banners.found import Found, Said
from consentgate.banners.record import MAX_BYTES
from consentgate.category import ALWAYS, ANONYMOUS_STATISTICS, KEY, nearest_of
from consentgate.cookie import CONSENT_COOKIE_PURPOSE, Cookie
from consentgate.errors import ConsentGateError
from consentgate.memory import Memory
from consentgate.names import is_declarable, is_pattern
from consentgate.policy import Policy
from consentgate.wire import CLOCK_MARGIN

logger = logging.getLogger("consentgate")

# A visitor's clock says when: it may be as wrong as a margin elsewhere takes it to be.
_CLOCK_SKEW = CLOCK_MARGIN.total_seconds()
# How many characters of a digest tell one answer from another.
_MARK = 8


class _Understood(NamedTuple):
    found: Found
    made_at: float | None


@dataclass(frozen=True, kw_only=True)
class Banner(ABC):
    """Reads the cookie in which another tool keeps what a visitor answered.

    `categories` says what the tool's names stand for: the key of one of the
    policy's categories each, or several. A category is granted where all that
    stands for it is; names of the tool that are not here are ignored. `cookie`
    is the name of the tool's cookie, `lifetime` how long the tool has a browser
    keep it: both as they are set there.

    Nobody signed that cookie. Its author is the visitor's own browser, so it
    speaks for this visitor alone, as a form does that the visitor sends.
    Raises ConsentGateError for a mapping that cannot hold.
    """

    tool: ClassVar[str]
    """The tool, as people call it."""
    name_pattern: ClassVar[str] = r"(?s:.+)"
    """What a name of the tool looks like."""
    writes_unasked: ClassVar[bool] = False
    """Whether the tool writes down, before any answer, what it allows without one."""
    writes_time: ClassVar[bool] = False
    """Whether the tool writes down when the visitor answered."""

    categories: Mapping[str, str | Iterable[str]] = field(hash=False)
    cookie: str
    lifetime: timedelta
    _needed: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)
    """For each category the names that stand for it."""
    _remembered: Memory[bytes, _Understood | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.cookie, str) or not is_declarable(self.cookie):
            raise self._error(
                f"cookie={self.cookie!r}: use the name of the tool's cookie, visible ASCII "
                'characters without = ; , " or \\'
            )
        if is_pattern(self.cookie):
            raise self._error(f"cookie={self.cookie!r}: one cookie is read; use its exact name")
        if not isinstance(self.lifetime, timedelta) or self.lifetime <= timedelta(0):
            raise self._error(
                f"lifetime={self.lifetime!r}: use a positive timedelta, as long as the tool's "
                "cookie is kept, as in timedelta(days=120)"
            )
        named = self._checked_categories()
        meant = frozenset[str]().union(*named.values()) - ALWAYS
        if not meant:
            raise self._error(
                "categories: nothing in it is a visitor's to decide; say which names stand for "
                "categories other than 'necessary'"
            )
        vars(self).update(
            categories=MappingProxyType(named),
            _needed={
                key: frozenset(name for name, keys in named.items() if key in keys)
                for key in sorted(meant)
            },
            _remembered=Memory(self._understand, limit=512, longest=MAX_BYTES),
        )

    @abstractmethod
    def read(self, value: bytes) -> Said | None:
        """Return what the value of the tool's cookie says, None for anything odd. Never raises.

        The value is no longer than a browser keeps one.
        """

    def found(self, values: Sequence[bytes], now: float, max_age: float) -> Found | None:
        """Return what the visitor answered, None where that is not certain.

        `values` are those of all cookies of the tool's name in a request. `now`
        is in seconds since the epoch; `max_age` is how many seconds an answer
        lasts, where the tool wrote down when it was given. Never raises.
        """
        # RFC 6265bis 5.8.3: "servers SHOULD NOT rely upon the serialization order": of several
        # that differ nobody knows which one the tool wrote last.
        if len(set(values)) != 1 or len(values[0]) > MAX_BYTES:
            return None
        known = self._remembered[values[0]]
        if known is None:
            return None
        made_at = now if known.made_at is None else known.made_at
        return known.found if made_at - _CLOCK_SKEW <= now < made_at + max_age else None

    def check(self, policy: Policy, max_age: timedelta | None = None) -> None:
        """Raise ConsentGateError for what does not fit the policy, or the gate's `max_age`.

        That is a name that stands for what is no category of it, and a cookie
        without a time that outlives a choice.
        """
        if max_age is not None and self.lifetime > max_age and not self.writes_time:
            # CNIL, recommendation of 17 September 2020: six months, and then the question is put
            # again. Here it would not be: the old answer would be taken for a new one.
            raise self._error(
                f"lifetime={self.lifetime!r}: {self.tool} does not write down when a visitor "
                f"answered, so its cookie must not outlive the gate's max_age ({max_age!r}); "
                "shorten it in the tool, and say so here"
            )
        known = [category.key for category in policy.categories]
        for name, keys in self.categories.items():
            for key in keys:
                if key not in known:
                    raise self._error(
                        f"categories: {name!r} stands for {key!r}, which is no category of the "
                        f"policy; {nearest_of(key, known)}"
                    )

    @property
    def row(self) -> Cookie:
        """The declaration of the tool's cookie: it is exempt as the gate's own is."""
        return Cookie(
            self.cookie,
            provider=self.tool,
            purpose=CONSENT_COOKIE_PURPOSE,
            lifetime=self.lifetime,
            exemption="consent-choice",
        )

    def _understand(self, value: bytes) -> _Understood | None:
        try:
            said = self.read(value)
        except Exception:  # A banner of the site's own; the cookie is anybody's.
            logger.exception("%s cannot read its cookie: that is no answer", self.tool)
            return None
        if said is None:
            return None
        needed = self._needed
        granted = frozenset(key for key, names in needed.items() if names <= said.allowed)
        refused = frozenset(key for key, names in needed.items() if names & said.denied)
        # What passes without an answer is no sign of one.
        passing = {ANONYMOUS_STATISTICS} if self.writes_unasked else set()
        asked = frozenset[str]().union(*(needed[key] for key in needed.keys() - passing))
        allowed = said.allowed & asked
        denied = said.denied & frozenset[str]().union(*needed.values())
        if not allowed and not denied:
            return None
        # A site that asks anew takes another cookie: there the same words are another answer.
        answer = [self.cookie, sorted(allowed), sorted(denied), said.made_at]
        found = Found(granted, refused, _mark(answer), said.made_at)
        return _Understood(found, said.made_at)

    def _checked_categories(self) -> dict[str, tuple[str, ...]]:
        if not isinstance(self.categories, Mapping) or not self.categories:
            raise self._error(
                f"categories: say what the tool's names stand for, as in "
                f"{{'analytics': 'statistics'}}, not {self.categories!r}"
            )
        named = {}
        for name, keys in self.categories.items():
            if not isinstance(name, str) or not re.fullmatch(self.name_pattern, name):
                raise self._error(f"categories: {name!r} is no name that {self.tool} writes down")
            named[name] = self._checked_keys(name, keys)
        return named

    def _checked_keys(self, name: str, keys: object) -> tuple[str, ...]:
        listed = (keys,) if isinstance(keys, str) else keys
        if isinstance(listed, (bytes, Mapping)) or not isinstance(listed, Iterable):
            listed = ()
        checked = tuple(listed)
        if not checked or not all(isinstance(key, str) and KEY.fullmatch(key) for key in checked):
            raise self._error(
                f"categories: {name!r} stands for the key of a category of the policy, as in "
                f"'statistics', or for a list of them, not {keys!r}"
            )
        return checked

    def _error(self, message: str) -> ConsentGateError:
        return ConsentGateError(f"{type(self).__name__}({message})")


def _mark(answer: object) -> str:
    text = json.dumps(answer, separators=(",", ":"))
    return urlsafe_b64encode(sha256(text.encode("ascii")).digest())[:_MARK].decode("ascii")
