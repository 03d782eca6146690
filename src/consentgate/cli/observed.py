"""What `consentgate observe` says, and what it adds to the policy file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consentgate.cli.console import remark, say

if TYPE_CHECKING:
    from consentgate.audit.crawl import Crawl
    from consentgate.audit.sighting import Sighting
    from consentgate.audit.suggestion import Comparison, Suggestion


class Added:
    """What is added to the policy file, or might be."""

    def __init__(self, file: Path | None, comparison: Comparison, *, write: bool) -> None:
        from consentgate.audit.suggestion import blocks
        from consentgate.configuration.writing import with_blocks

        self.file = file
        text = "" if file is None else file.read_bytes().decode("utf-8")
        self.blocks = blocks(comparison.suggestions, text)
        self.written = write and file is not None and bool(self.blocks)
        self._active = sum(block.active for block in self.blocks)
        table = "cookies"
        if file is not None and file.name == "pyproject.toml":
            table = "tool.consentgate.cookies"
        self.text = with_blocks("", self.blocks, table=table)
        if self.written and file is not None:
            # As bytes: the file's own line ends stay.
            file.write_bytes(with_blocks(text, self.blocks, table=table).encode("utf-8"))

    def tell(self, *, asked_for: bool) -> None:
        """Say what was written, or what might be; `asked_for` is whether that was wanted."""
        if not self.blocks:
            return
        say()
        if not self.written:
            say(self.text.strip())
        if self.written:
            comments = len(self.blocks) - self._active
            say(f"Added to {self.file}: {self._active} to confirm, {comments} as a comment.")
        elif not asked_for:
            remark(
                "Nothing was written: there is no policy file here. `consentgate init` makes one; "
                "or name it with --policy FILE."
            )


def tell(comparison: Comparison, crawls: Sequence[Crawl]) -> None:
    """Print what was seen, for people."""
    for crawl in crawls:
        _tell_of_crawl(crawl)
    for title, sightings, style in (
        ("Undeclared", comparison.undeclared, "bold red"),
        ("Declared", comparison.declared, "bold green"),
        ("The gate's own", comparison.own, "bold"),
    ):
        if sightings:
            say()
            say((f"{title} ({len(sightings)})", style))
        for seen in sightings:
            _tell_of_sighting(seen)
    if comparison.outliving:
        say()
        say(("Kept for longer than declared", "bold yellow"))
    for name, declared, kept in comparison.outliving:
        say(f"  {name}: {_days(kept)}, declared {_days(declared)}")
    if comparison.unseen:
        names = ", ".join(cookie.name for cookie in comparison.unseen)
        say()
        say(f"Declared and not seen: {names}")
    if not comparison.undeclared:
        say()
        say("Nothing undeclared was seen.")


def _tell_of_crawl(crawl: Crawl) -> None:
    left = f", {crawl.left} more known and left out" if crawl.left else ""
    say(f"{len(crawl.pages)} page{'s' * (len(crawl.pages) != 1)} visited{left}")
    for failure in crawl.failures:
        remark(("not visited: ", "yellow"), failure)
    if crawl.accepted is False:
        remark("there was no consentgate of the site's own to accept all with")


def _tell_of_sighting(seen: Sighting) -> None:
    parts = [f"{seen.by} of {seen.host}" if seen.by == "third party" else seen.by]
    if seen.host:  # A report does not say for how long.
        parts.append(_days(seen.lifetime))
    if seen.pages:
        parts.append(f"at {', '.join(seen.pages)}")
    say(f"  {seen.name}  {', '.join(parts)}")


def _days(lifetime: Any) -> str:
    if lifetime is None:
        return "until the browser closes"
    from consentgate.configuration import duration

    return duration.written(lifetime)


def as_json(comparison: Comparison, crawls: Sequence[Crawl], added: Added) -> dict[str, object]:
    """Return what was seen, and what was added, as plain values."""
    return {
        "pages": [page for crawl in crawls for page in crawl.pages],
        "failures": [failure for crawl in crawls for failure in crawl.failures],
        "declared": [seen.as_json() for seen in comparison.declared],
        "undeclared": [seen.as_json() for seen in comparison.undeclared],
        "gate": [seen.as_json() for seen in comparison.own],
        "outliving": [
            {
                "name": each.name,
                "declared": each.declared.total_seconds(),
                "seen": each.seen.total_seconds(),
            }
            for each in comparison.outliving
        ],
        "unseen": [cookie.name for cookie in comparison.unseen],
        "suggestions": list(map(_suggested, comparison.suggestions)),
        "written": str(added.file) if added.written else None,
    }


def _suggested(suggestion: Suggestion) -> dict[str, object]:
    cookie = suggestion.cookie
    return {
        "names": list(suggestion.names),
        "declare": cookie and cookie.name,
        "category": cookie and cookie.category,
        "active": suggestion.active,
        "preset": suggestion.preset or None,
        "comments": list(suggestion.comments),
    }
