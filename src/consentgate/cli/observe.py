"""`consentgate observe`: what a site sets, and what of it is in no declaration."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consentgate.cli.console import (
    Json,
    PolicyFile,
    loaded,
    print_json,
    say_no,
    stderr,
)
from consentgate.cli.live import log_silenced
from consentgate.cli.observed import Added, as_json, tell
from consentgate.cli.run import Factory, Interface

if TYPE_CHECKING:
    from consentgate.audit.crawl import Crawl, Progress
    from consentgate.audit.observation import Plan
    from consentgate.audit.sighting import Sighting


def observe(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET...",
            help="The URL of a site, MODULE:APP, or a report written by JsonLines.",
        ),
    ],
    policy: PolicyFile = None,
    browser: Annotated[
        bool,
        typer.Option("--browser", help="In a real Chromium: scripts and other sites are seen too."),
    ] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help='Press "accept all" half way, and look again.')
    ] = False,
    max_pages: Annotated[int, typer.Option(min=1, help="How many pages to visit at most.")] = 50,
    max_seconds: Annotated[float, typer.Option(min=1, help="How long to look at most.")] = 60,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if something is undeclared.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be written; write nothing.")
    ] = False,
    interface: Interface = "auto",
    factory: Factory = False,
    json: Json = False,
) -> None:
    """Look at what a site sets, and write what is missing into the policy as suggestions.

    It follows the links of one host, by GET alone, and none that would log out or delete. An app
    is served on this machine, and nothing of it is stopped meanwhile, not by its own gate either.

    What a preset knows as needing consent is added, to be confirmed. All else is added as a
    comment: nothing becomes necessary because a tool says so.

    Examples:
      consentgate observe shop.web:app
      consentgate observe https://www.example.com/ --browser --accept
      consentgate observe shop.web:app --check        fails a build
      consentgate observe reports/consent.jsonl       from production, with report_only

    Exit codes: 0 it was looked at; 1 with --check, something is undeclared; 2 it could not be done.
    """
    from consentgate.audit.crawl import Bounds
    from consentgate.audit.observation import Plan
    from consentgate.audit.sighting import merged
    from consentgate.audit.suggestion import compared

    file = _policy_file(policy)
    found = None if file is None else loaded(file)
    plan = Plan(
        None if found is None else found.policy,
        None if found is None else found.options,
        browser,
        accept,
        Bounds(max_pages, max_seconds),
    )
    seen: list[Sighting] = []
    crawls: list[Crawl] = []
    with log_silenced():
        for target in _sorted_out(targets):
            sightings, crawled, plan = _observed(target, plan, interface, factory)
            seen += sightings
            crawls += crawled
    comparison = compared(merged(seen), _declared(plan), plan.cookie_name)
    added = Added(file, comparison, write=not (check or dry_run))
    if json:
        print_json(as_json(comparison, crawls, added))
    else:
        tell(comparison, crawls)
        if not check:
            added.tell(asked_for=dry_run)
    if check and comparison.undeclared:
        say_no()


def _policy_file(policy: Path | None) -> Path | None:
    from consentgate.configuration.finding import find

    return policy or find()


def _declared(plan: Plan) -> Any:
    from consentgate.policy import Policy

    return plan.policy or Policy([])


def _sorted_out(targets: Sequence[str]) -> list[str | list[str]]:
    """Return sites and apps one by one, and all reports together."""
    sites: list[str | list[str]] = []
    reports: list[str] = []
    for target in targets:
        if "://" in target or not _is_report(target):
            sites.append(target)
        else:
            reports.append(target)
    return [*sites, reports] if reports else sites


def _is_report(target: str) -> bool:
    """Tell a file from MODULE:APP: it is there, or it is no name of an app."""
    module, colon, attribute = target.partition(":")
    named = module.replace(".", "").isidentifier() and attribute.replace(".", "").isidentifier()
    return Path(target).exists() or not (colon and named)


def _observed(
    target: str | list[str], plan: Plan, interface: str, factory: bool
) -> tuple[Sequence[Sighting], list[Crawl], Plan]:
    from consentgate.audit import observation

    if isinstance(target, list):
        return observation.of_reports(target), [], plan
    with _progress(target) as progress:
        if "://" in target:
            crawl = observation.of_site(target, plan, progress)
        else:
            from consentgate.audit.target import load

            app = load(target, interface=interface, factory=factory)
            plan = plan.of_app(app)
            # What the app prints is not what was found.
            with redirect_stdout(sys.stderr):
                crawl = observation.of_app(app, plan, progress)
    return crawl.sightings, [crawl], plan


@contextmanager
def _progress(target: str) -> Iterator[Progress]:
    """Show a bar while there is a terminal to show it on."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = stderr()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(target, total=None)

        def tell(done: int, known: int) -> None:
            bar.update(task, completed=done, total=known)

        yield tell
