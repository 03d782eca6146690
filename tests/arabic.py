"""A site's own catalogue, for a language that the pages do not come with: Arabic, right to left."""

from __future__ import annotations

import re
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import consentgate.pages

# What a visitor sees first, in Arabic; the rest is filled up.
WORDS = {
    "Cookies on this site": "ملفات تعريف الارتباط في هذا الموقع",
    "With your agreement, %(controller)s uses cookies for the purposes below. None of them is set "
    "before you decide.": "بموافقتك، يستخدم %(controller)s ملفات تعريف الارتباط للأغراض أدناه. "
    "لا يُحفظ أي منها قبل أن تقرر.",
    "Your answer is kept for %(duration)s. You can change it at any time.": "يُحتفظ بإجابتك لمدة "
    "%(duration)s. يمكنك تغييرها في أي وقت.",
    "English": "العربية",  # What the language calls itself.
    "Cookie charter": "ميثاق ملفات تعريف الارتباط",
    "Choose": "اختيار",
    "Accept all": "قبول الكل",
    "Refuse all": "رفض الكل",
    "Statistics": "الإحصاءات",
    "Measure how the site is used, visitor by visitor.": "تقيس استخدام الموقع، زائرًا زائرًا.",
    "Marketing": "التسويق",
    "Follow you to choose or to measure advertising.": "تتابعك لاختيار الإعلانات أو قياسها.",
    "%(num)s months": "%(num)s أشهر",
}
FILLER = "نص عربي يحل محل الرسالة"


def write_catalogue(folder: Path) -> None:
    """Write `ar/LC_MESSAGES/consentgate.mo` into a folder, with every message of the pages."""
    template = Path(consentgate.pages.__file__).parent / "locales" / "consentgate.pot"
    catalogue = Catalog("ar")
    with template.open("rb") as file:
        for message in read_po(file):
            # Of a message with a plural the plural: in one form for all numbers.
            text = message.id if isinstance(message.id, str) else message.id[-1]
            words = WORDS.get(text) or _filler(text)
            if text:
                forms = words if text == message.id else (words,) * catalogue.num_plurals
                catalogue.add(message.id, forms)
    path = folder / "ar" / "LC_MESSAGES" / "consentgate.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as written:
        write_mo(written, catalogue)


def _filler(message: str) -> str:
    """Return Arabic words of some length, with the placeholders of the message."""
    words = " ".join([FILLER] * (1 + len(message) // 60))
    return " ".join([words, *re.findall(r"%\(\w+\)s", message)])
