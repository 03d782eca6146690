"""A policy file is read: all that is wrong with it at once, or what it says."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from consentgate.configuration import checking, settings
from consentgate.configuration.declared import Declarations, Declared
from consentgate.configuration.declaring import Reader
from consentgate.configuration.document import ROWS, File
from consentgate.configuration.problem import (
    Complaint,
    KeyPath,
)
from consentgate.configuration.source import Source, source, without_secrets
from consentgate.errors import ConsentGateError
from consentgate.gate import ConsentGate
from consentgate.policy import Policy


@dataclass(frozen=True)
class Document:
    """A policy file without mistakes.

    `file` has its values by their keys, `declared` what they declare: each
    cookie with its place, and the preset that it comes from.
    """

    source: Source
    file: File
    declared: Declarations

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.source.path

    @property
    def table(self) -> Mapping[str, Any]:
        """The policy's table as TOML has it."""
        return self.source.table

    @property
    def cookies(self) -> tuple[Declared, ...]:
        """Every cookie of the policy: the file's own, then those of presets."""
        return self.declared.cookies

    def line_of(self, path: KeyPath) -> int | None:
        """Return the line of a key path, or of the nearest thing around it that is there.

        `("cookies", 3, "purpose", "fr")` is one. None where nobody knows it.
        """
        return self.source.line_of(path)


@dataclass(frozen=True)
class Configuration:
    """What a policy file says: a policy, and options of a gate (`ConsentGate(**options)`).

    `document` is the file itself.
    """

    document: Document
    policy: Policy
    options: Mapping[str, Any]

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.document.path


def document(path: str | PathLike[str]) -> Document:
    """Return a file, checked. Raises ConfigurationError that tells all that is wrong with it."""
    found = source(path)
    table, complaints = without_secrets(found.table)
    file, wrong = checking.checked(table)
    complaints += wrong
    numbers = {key: list(range(len(getattr(file, key)))) for key in ROWS} if file else {}
    if file is None:
        file, numbers = checking.pruned(table, wrong)
    broken = {complaint.path for complaint in wrong}
    reader = Reader(
        file,
        numbers,
        found.line_of,
        certain=not any(
            place[0] == "categories" and (len(place) < 3 or place[2] == "key") for place in broken
        ),
    )
    declared = reader.read()
    checks = settings.Checks(file, declared, found.path.parent, broken)
    complaints += [*reader.complaints, *checks.complaints]
    if complaints:
        raise found.error(complaints)
    return Document(found, file, declared)


def load(path: str | PathLike[str]) -> Configuration:
    """Return the policy and the options in a file.

    Raises ConfigurationError that tells all that is wrong with it.
    """
    found = document(path)
    declared = found.declared
    try:
        policy = Policy(
            [each.cookie for each in declared.cookies],
            categories=declared.categories,
            revision=found.file.revision,
            harden=declared.harden,
            third_parties=declared.third_parties,
        )
        options = settings.options(found.file, found.path.parent)
        # What only the whole can tell, as templates that cannot be loaded. The key opens nothing.
        ConsentGate(policy, secret_key=secrets.token_bytes(), **options)
    except ConsentGateError as error:
        raise found.source.error([_whole(str(error))]) from error
    return Configuration(found, policy, options)


def _whole(said: str) -> Complaint:
    """Return what only the whole can tell, with the place that it names."""
    what, _, remedy = said.partition("; ")
    match = re.match(r"(Pages|Policy|Ledger)\((\w+)\): ", what)
    if match is None:
        return Complaint((), what, remedy, in_row=True)
    key = match[2]
    path = {"Pages": ("pages", key), "Ledger": ("gate", "ledger", key)}.get(match[1], (key,))
    return Complaint(path, what[match.end() :], remedy)
