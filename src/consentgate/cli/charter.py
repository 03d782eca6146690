"""`consentgate charter`: the charter of cookies as a document, in a language."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from consentgate.cli.console import GivenFile, gate_of, loaded, remark


class Format(StrEnum):
    """What a charter can be written as."""

    HTML = "html"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"


_BY_SUFFIX = {
    ".htm": Format.HTML,
    ".html": Format.HTML,
    ".md": Format.MARKDOWN,
    ".csv": Format.CSV,
    ".json": Format.JSON,
}


def charter(
    file: GivenFile = None,
    as_format: Annotated[
        Format | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="html, markdown, csv or json; by default as the output's name ends, else html.",
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            "--language", "-l", metavar="CODE", help="As in fr; by default the site's own."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="By default stdout.")
    ] = None,
) -> None:
    """Write the charter of cookies as a document.

    It says what the page at /cookies says, in the same words: a copy for the file, for review,
    or for a site that has its pages elsewhere.

    Examples:
      consentgate charter --language fr --output charte.html
      consentgate charter --format markdown | less
    """
    from consentgate.cli.document import Document

    configuration = loaded(file)
    document = Document(gate_of(configuration), configuration.options.get("pages"), language)
    suffix = output.suffix.lower() if output else ""
    chosen = as_format or _BY_SUFFIX.get(suffix, Format.HTML)
    text: str = getattr(document, chosen.value)()
    if output is None:
        sys.stdout.flush()
        # Whatever the console speaks: a document is UTF-8, and says so.
        sys.stdout.buffer.write(text.encode("utf-8"))
        sys.stdout.buffer.flush()
        return
    output.write_text(text, encoding="utf-8", newline="")
    remark(f"wrote {output}")
