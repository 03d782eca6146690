"""The languages of the pages: what a visitor asks for, and how a language says it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache, cached_property
from gettext import NullTranslations
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.lists import format_list
from babel.support import Translations
from markupsafe import Markup, escape
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from consentgate.category import BUILT_IN, Text
from consentgate.cookie import CONSENT_COOKIE_PURPOSE
from consentgate.errors import ConsentGateError
from consentgate.memory import Memory
from consentgate.pages.settings import OFFICIAL

DOMAIN = "consentgate"
_LOCALES = Path(__file__).parent / "locales"

# The lengths in which people count, longest first, in seconds.
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
_YEAR = 365
_MONTH = 365.25 / 12

# What the package itself says in a policy: the catalogues have it in all their languages.
_OURS = {
    text["en"]
    for text in (
        *(text for each in BUILT_IN for text in (each.title, each.description)),
        CONSENT_COOKIE_PURPOSE,
    )
    if not isinstance(text, str)
}


class Language:
    """One language of the pages. `code` is its BCP 47 tag."""

    def __init__(self, code: str, default: str, catalogue: NullTranslations) -> None:
        self.code = code
        self._default = default
        self._catalogue = catalogue
        locale = Locale.parse(code, sep="-")
        # CLDR's plain English is that of the United States, dates included.
        self._locale = Locale("en", "GB") if code == "en" else locale

    @cached_property
    def name(self) -> str:
        """What the language calls itself."""
        _ = self._catalogue.gettext
        name = _("English")
        if name != "English" or self.code == "en":
            return name
        # Not for all: for each language CLDR's data takes a megabyte of memory.
        return (self._locale.get_display_name() or self.code).capitalize()

    @cached_property
    def direction(self) -> str:
        """How it is written: "ltr" or "rtl"."""
        return self._locale.text_direction

    def say(self, message: str, **values: object) -> str:
        """Return a message of the catalogue, with these values in it; markup where one is."""
        said = self._catalogue.gettext(message)
        if any(isinstance(value, Markup) for value in values.values()):
            return escape(said) % values
        return said % values if values else said

    def words(self, text: Text) -> tuple[str, str | None]:
        """Return a site's text in this language, or in another and the code of that one.

        What is missing is said in the default language, or in the first that
        there is: never not at all.
        """
        if isinstance(text, str):
            return text, None
        given = {code.replace("_", "-").lower(): words for code, words in text.items() if words}
        for code in (self.code.lower(), self.code.partition("-")[0].lower()):
            if code in given:
                return given[code], None
        if (english := given.get("en")) in _OURS:
            said = self._catalogue.gettext(english)
            # "Marketing" is German as well; a site's own catalogue may lack the word.
            if said != english or self.code in OFFICIAL:
                return said, None
        fallback = self._default.lower()
        if fallback not in given:
            fallback = next(iter(given), "")
        return given.get(fallback, ""), fallback or None

    def html(self, text: Text) -> str:
        """Return a site's text; in another language, one that says so to screen readers."""
        words, code = self.words(text)
        if code is None:
            return words
        return Markup('<span lang="{}" dir="auto">{}</span>').format(code, words)

    def date(self, time: datetime) -> str:
        """Return the day of a time, written out."""
        return format_date(time, format="long", locale=self._locale)

    def listed(self, items: Iterable[str]) -> str:
        """Return a list of things as a part of a sentence."""
        items = list(dict.fromkeys(items))
        if not any(isinstance(item, Markup) for item in items):
            return format_list(items, locale=self._locale)
        joined = format_list([f"{{{number}}}" for number in range(len(items))], locale=self._locale)
        # Not by Babel itself: what is markup stays markup, and what is not is escaped.
        return Markup(joined).format(*items)  # noqa: S704  # Babel's words, and numbers in braces

    def duration(self, length: timedelta) -> str:
        """Return a length of time in the unit in which it is a whole number, months included."""
        seconds = int(length.total_seconds())
        days, rest = divmod(seconds, 86400)
        months = round(days / _MONTH)
        if not rest and days and days % _YEAR == 0:
            return self._count("year", days // _YEAR)
        # A month has no length of its own: 182 days are six, 395 thirteen.
        if not rest and months and abs(days - months * _MONTH) < 1:
            return self._count("month", months)
        for unit, size in _UNITS:
            if seconds >= size and seconds % size == 0:
                return self._count(unit, seconds // size)
        return self._count("second", max(seconds, 1))

    def _count(self, unit: str, number: int) -> str:
        """Return a number of units. Not by Babel: of six languages it has not all the units."""
        ngettext = self._catalogue.ngettext
        said = {
            "year": ngettext("%(num)s year", "%(num)s years", number),
            "month": ngettext("%(num)s month", "%(num)s months", number),
            "day": ngettext("%(num)s day", "%(num)s days", number),
            "hour": ngettext("%(num)s hour", "%(num)s hours", number),
            "minute": ngettext("%(num)s minute", "%(num)s minutes", number),
            "second": ngettext("%(num)s second", "%(num)s seconds", number),
        }
        return said[unit] % {"num": number}


class Languages:
    """The languages that the pages of one site are offered in.

    `codes` are their tags, `default` is one of them, `locales` the folder of
    the site's own catalogues. Raises ConsentGateError for a language that has
    no catalogue.
    """

    def __init__(self, codes: Iterable[str], default: str, locales: str | None = None) -> None:
        self.all = {code: _language(code, default, locales) for code in codes}
        self.default = self.all[default]
        self._lowered = {code.lower(): language for code, language in self.all.items()}
        self._accepted = Memory(self._accept, limit=1024, longest=256)

    def named(self, code: str | None) -> Language | None:
        """Return the language of a tag, or of what the tag is a variety of; None if there is none.

        RFC 4647 3.4, lookup: the tag is shortened from its end until one fits.
        """
        tag = (code or "")[:35].replace("_", "-").lower()
        base = tag.partition("-")[0]
        while tag:
            if tag in self._lowered:
                return self._lowered[tag]
            tag = tag.rpartition("-")[0]
        # The site may have but a variety of it.
        varieties = (code for code in self._lowered if base and code.startswith(f"{base}-"))
        return self._lowered.get(next(varieties, ""))

    def best(self, asked: str | None, remembered: str | None, header: str) -> Language:
        """Return the language for a visitor: as asked for, remembered, accepted, or the default."""
        return self.named(asked) or self.named(remembered) or self._accepted[header] or self.default

    def _accept(self, header: str) -> Language | None:
        """Return the best language for an `Accept-Language` header (RFC 9110 12.5.4).

        RFC 4647 3.4, lookup: of the tags, the dearest first, the first that one is found for.
        """
        # Werkzeug reads the header; its own choice takes a dearer "fr-CA" for nothing.
        for tag, quality in parse_accept_header(header[:1024], LanguageAccept):
            found = self.default if tag == "*" else self.named(tag)
            if found is not None and quality > 0:
                return found
        return None


@cache
def _language(code: str, default: str, locales: str | None) -> Language:
    own = _load(locales, code)
    catalogue = own or _load(str(_LOCALES), code)
    if own is not None and (package := _load(str(_LOCALES), code)) is not None:
        own.add_fallback(package)
    if catalogue is None:
        raise ConsentGateError(
            f"Pages(languages): there is no catalogue for {code!r}; leave it out, or put one into "
            f"Pages(locales=FOLDER) as FOLDER/{code}/LC_MESSAGES/{DOMAIN}.mo"
        )
    try:
        return Language(code, default, catalogue)
    except (UnknownLocaleError, ValueError) as error:
        raise ConsentGateError(
            f"Pages(languages): {code!r} is no language that Babel knows: {error}"
        ) from error


def _load(folder: str | None, code: str) -> NullTranslations | None:
    if folder is None:
        return None
    found = Translations.load(folder, [code.replace("-", "_")], DOMAIN)
    return found if isinstance(found, Translations) else None
