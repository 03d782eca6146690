"""`consentgate charter`: the charter as a document of its own."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import html5lib
import pytest

from commanding import PORTAL, Said, command
from consentgate.cli.document import COLUMNS, EXEMPT
from consentgate.pages.settings import OFFICIAL

TEMPLATES = Path(__file__).parent.parent / "src" / "consentgate" / "pages" / "templates"

HOSTILE = """\
[pages]
languages = ["en", "fr"]
controller = {en = "<b>Shop & Sons</b>", fr = "<i>Boutique</i>"}

[[categories]]
key = "social"
title = {en = "<Social> | media", fr = "Réseaux"}
description = "# *Shows*\\nwhat_others_say"

[[cookies]]
name = "a|b`c"
category = "social"
provider = "=cmd|'/c calc'!A0"
service = "+1"
purpose = "-2\\n\\nmore"
lifetime = "1 day"

[[cookies]]
name = "@x"
category = "social"
provider = "</style><script>alert(1)</script>"
party = "third"
lifetime = "1 day"

[[third_parties]]
name = "Video | Ltd"
category = "social"
hosts = ["*.video.example", "cdn.example"]
purpose = "Shows [films](x)"
privacy = "https://video.example/privacy?a=<b>|c"

[[third_parties]]
name = "Maps"
category = "statistics"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with a policy whose texts mean something to every format."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "consentgate.toml").write_text(HOSTILE, encoding="utf-8")
    return tmp_path


def rows(said: Said) -> list[list[str]]:
    """Return the cells of a document in CSV."""
    return list(csv.reader(io.StringIO(said.out)))


@pytest.mark.parametrize("language", OFFICIAL)
def test_the_page_is_whole_in_every_language(language: str) -> None:
    """Strict HTML in each language, with nothing to load, to run or to answer."""
    said = command("charter", PORTAL, "--language", language)
    assert said.code == 0
    html5lib.HTMLParser(strict=True).parse(said.out)
    assert f'<html lang="{language}" dir="ltr">' in said.out
    assert not re.search(r"<(?:link|script|img|form|button|iframe)|https?:|url\(", said.out)
    assert "%(" not in said.out
    assert "<td" in said.out
    assert "_ga*" in said.out


def test_the_page_says_what_the_site_says() -> None:
    """By default it is in the site's own language; controller and all rows are there."""
    said = command("charter")
    html5lib.HTMLParser(strict=True).parse(said.out)
    assert "&lt;b&gt;Shop &amp; Sons&lt;/b&gt;" in said.out
    assert "<script>" not in said.out
    assert said.out.count("</style>") == 1
    assert "Other sites that this site loads content from" in said.out
    french = command("charter", "-l", "fr").out
    assert "&lt;i&gt;Boutique&lt;/i&gt;" in french
    assert "Charte" in french


def test_a_language_that_is_not_offered_is_said() -> None:
    """The message lists those that are."""
    said = command("charter", "--language", "de")
    assert said.code == 2
    assert "not offered in 'de'; they are in en, fr" in said.err


def test_a_variety_of_a_language_is_that_language() -> None:
    """fr-CA is answered in French, as the pages would."""
    assert '<html lang="fr"' in command("charter", "--language", "fr-CA").out


def test_a_site_without_pages_has_a_charter(folder: Path) -> None:
    """Its words are there all the same: in all official languages, English by default."""
    (folder / "consentgate.toml").write_text(
        'pages = false\n[[cookies]]\nname = "a"\n', encoding="utf-8"
    )
    assert '<html lang="en"' in command("charter").out
    assert '<html lang="ga"' in command("charter", "--language", "ga").out


@pytest.mark.parametrize(("language", "purpose"), [("en", "Purpose"), ("fr", "Finalité")])
def test_a_table_is_a_row_per_cookie(language: str, purpose: str) -> None:
    """CSV has a row of headings in the language, and a row for each cookie with its category."""
    said = command("charter", PORTAL, "--format", "csv", "--language", language)
    heads, *cells = rows(said)
    assert heads[4] == purpose
    assert [row[3] for row in cells] == [
        *("sessionid", "django_language", "csrftoken", "cookies_preferences"),
        *("visits", "_ga*", "ad_id"),
    ]
    assert {len(row) for row in cells} == {len(heads)}
    command("charter", PORTAL, "--output", "c.csv")
    assert Path("c.csv").read_bytes().count(b"\r\n") == len(cells) + 1  # RFC 4180 2.1


def test_no_cell_is_a_formula() -> None:
    """What a spreadsheet would run is text, and texts are in one line."""
    cells = [cell for row in rows(command("charter", "--format", "csv")) for cell in row]
    assert not [cell for cell in cells if re.match(r"[=+\-@\t\r\n]", cell)]
    assert {"'=cmd|'/c calc'!A0", "'+1", "'-2 more", "'@x", "<Social> | media"} <= set(cells)


def test_third_parties_are_in_the_table() -> None:
    """Their names, what for, and where their things are loaded from."""
    cells = rows(command("charter", "--format", "csv"))
    (video,) = [row for row in cells if row[1] == "Video | Ltd"]
    assert video[0] == "<Social> | media"
    assert video[4] == "Shows [films](x)"
    assert video[7] == "*.video.example and cdn.example"


def test_markdown_shows_texts_as_they_are() -> None:
    """What Markdown would take for marks is escaped; every row has all its cells."""
    said = command("charter", "--format", "markdown")
    assert r"Controller – \<b\>Shop \& Sons\</b\>" in said.out
    assert r"## \<Social\> \| media" in said.out
    assert "\n\n" + r"\# \*Shows\* what\_others\_say" + "\n\n" in said.out
    assert r"| `` a\|b`c `` |" in said.out
    assert r"Shows \[films\](x) [Privacy notice of Video \| Ltd]" in said.out
    assert "(<https://video.example/privacy?a=%3Cb%3E%7Cc>)" in said.out
    assert "| Maps | – | – |" in said.out
    for table in re.findall(r"(?:^\|.*\n)+", said.out, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_markdown_is_the_same_charter_in_french() -> None:
    """The words are those of the pages, the sentence about exempt cookies among them."""
    said = command("charter", PORTAL, "--format", "markdown", "--language", "fr")
    assert said.out.startswith("# Charte")
    assert "| Fournisseur | Service | Nom | Finalité |" in said.out
    assert "13 mois au plus" in said.out
    assert "Controller" not in said.out


def test_a_category_without_a_description_has_none(folder: Path) -> None:
    """Nothing stands in its place."""
    (folder / "consentgate.toml").write_text(
        '[[categories]]\nkey = "social"\n[[cookies]]\nname = "x"\ncategory = "social"\n',
        encoding="utf-8",
    )
    assert "## social\n\n| Provider |" in command("charter", "--format", "markdown").out


def test_json_is_the_same_as_values() -> None:
    """Language, revision, controller, and what is declared category by category."""
    said = command("charter", "--format", "json").json
    assert said["language"] == "en"
    assert said["controller"] == "<b>Shop & Sons</b>"
    assert len(said["revision"]) == 8
    social = next(each for each in said["categories"] if each["key"] == "social")
    assert [cookie["name"] for cookie in social["cookies"]] == ["a|b`c", "@x"]
    assert social["third_parties"][0]["name"] == "Video | Ltd"


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("c.html", "<!doctype html>"),
        ("c.htm", "<!doctype html>"),
        ("c.MD", "# Cookie charter"),
        ("c.csv", "Cookies,Provider"),
        ("c.json", "{"),
        ("c", "<!doctype html>"),
    ],
)
def test_the_name_of_the_output_says_the_format(name: str, start: str) -> None:
    """A file is written, in UTF-8, and said on stderr; --format beats its name."""
    said = command("charter", "--output", name)
    assert (said.code, said.out, said.err) == (0, "", f"wrote {name}\n")
    assert Path(name).read_text(encoding="utf-8").startswith(start)
    command("charter", "--output", name, "--format", "csv")
    assert Path(name).read_text(encoding="utf-8").startswith("Cookies,")


def test_the_words_are_those_of_the_templates() -> None:
    """What is looked up in the catalogues is what the pages look up: nothing is worded twice."""
    texts = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.glob("*.html"))
    for message in (*COLUMNS, EXEMPT, "Cookies", "Cookie charter", "Controller", "Loaded from"):
        assert f'_("{message}")' in texts, message
    assert '_("Other sites that this site loads content from")' in texts
    assert '_("Privacy notice of %(name)s", name=' in texts
