"""What the pages say, in each of the languages that they say it in."""

from __future__ import annotations

import pytest
from babel.messages.catalog import Catalog

from scripts import catalogues

OFFICIAL = {
    *("bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr"),
    *("hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv"),
}

SAME = {
    "cs": {"Marketing"},
    "da": {"Cookies"},
    "de": {"Cookies", "Marketing", "Name"},
    "el": {"Cookies"},
    "es": {"Cookies", "Marketing"},
    "fr": {"Cookies", "Service"},
    "hr": {"Marketing"},
    "hu": {"Marketing"},
    "it": {"Marketing"},
    "mt": {"Cookies", "Marketing"},
    "nl": {"Cookies", "Marketing"},
    "pl": {"Marketing"},
    "pt": {"Cookies", "Marketing"},
    "ro": {"Accept", "Marketing"},  # "I accept"
    "sk": {"Marketing"},
}
"""The texts that are the same words in a language as in English."""


@pytest.fixture(scope="module")
def template() -> Catalog:
    """Return all there is to translate."""
    return catalogues.extracted()


@pytest.fixture(params=sorted(OFFICIAL))
def language(request: pytest.FixtureRequest) -> str:
    """Return a language."""
    return str(request.param)


@pytest.fixture
def catalogue(language: str) -> Catalog:
    """Return the catalogue of the language."""
    return catalogues.read(language)


def pairs(catalogue: Catalog) -> list[tuple[str, str]]:
    """Return each English text of a catalogue and its translation."""
    return [pair for each in catalogues.messages(catalogue) for pair in catalogues.pairs(each)]


def edges(text: str) -> tuple[str, str, str]:
    """Return the space before a text, the space behind it, and the mark that it ends with."""
    before, behind = text.removesuffix(text.lstrip()), text.removeprefix(text.rstrip())
    return before, behind, text.strip()[-1:] if text.strip().endswith((".", "?", ":")) else ""


def test_the_languages_are_the_official_ones() -> None:
    """There is a catalogue for each official language of the European Union, and no other."""
    folders = catalogues.path_of("xx").parent.parent.parent.glob("*/")
    assert {folder.name for folder in folders} == set(catalogues.LANGUAGES) == OFFICIAL


def test_every_text_is_translated(catalogue: Catalog, template: Catalog) -> None:
    """A catalogue has what the pages say, all of it, in their order, and nothing else."""
    assert [each.id for each in catalogues.messages(catalogue)] == [
        each.id for each in catalogues.messages(template)
    ], "run: make catalogues"
    assert [english for english, form in pairs(catalogue) if not form.strip()] == []


def test_no_translation_is_a_guess(catalogue: Catalog) -> None:
    """No translation is marked as fuzzy: gettext would leave it out."""
    assert [each.id for each in catalogues.messages(catalogue) if each.fuzzy] == []


def test_placeholders_agree(catalogue: Catalog, template: Catalog) -> None:
    """A translation names the values that its English text names, and can be formatted."""
    others = ("missing: ", "obsolete: ", "fuzzy: ")
    problems = catalogues.problems(template, catalogue)
    assert [each for each in problems if not each.startswith(others)] == []


def test_no_english_is_left(language: str, catalogue: Catalog) -> None:
    """A translation that is its English text is one that was said to be the same word."""
    left = {english for english, form in pairs(catalogue) if form == english}
    assert language == "en" or left == SAME.get(language, set()), (
        f"translate it, or add it to SAME[{language!r}] if it is truly the same word there "
        "(and take out of there what is not)"
    )


def test_what_is_compiled_is_up_to_date(language: str, catalogue: Catalog) -> None:
    """What gettext reads is what compiling the catalogue gives."""
    path = catalogues.path_of(language).with_suffix(".mo")
    assert path.read_bytes() == catalogues.compiled(catalogue, language), "run: make catalogues"


def test_texts_begin_and_end_alike(language: str, catalogue: Catalog) -> None:
    """A translation has the space around it and the final mark of its English text."""
    for english, form in pairs(catalogue):
        if language == "el" and form.rstrip().endswith((";", "\N{GREEK QUESTION MARK}")):
            form = form.rstrip()[:-1] + "?" + form[len(form.rstrip()) :]
        assert edges(form) == edges(english), f"{english!r}: {form!r}"
