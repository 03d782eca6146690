"""`consentgate init`: a first policy file, and the two lines that put the gate around the app."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from consentgate.category import nearest_of
from consentgate.cli.console import fail, is_interactive, paragraph, remark, say
from consentgate.cli.framework import FRAMEWORKS, Framework, Surroundings, surroundings

_FILE = Path("consentgate.toml")


def init(
    framework: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help=f"One of {', '.join(FRAMEWORKS)}; by default what is found here."
        ),
    ] = None,
    app: Annotated[
        str | None,
        typer.Option(metavar="MODULE:APP", help="Where the app is; by default what is found here."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")
    ] = _FILE,
    language: Annotated[
        list[str] | None,
        typer.Option(
            "--language",
            "-l",
            metavar="CODE",
            help="A language of the site, the first one by default; repeatable. "
            "Left out: en and fr.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write over a file that is there.")
    ] = False,
) -> None:
    """Write a first consentgate.toml, and say which two lines to paste.

    The framework is found by what the project asks for and imports. Where none is found, or
    several are, you are asked. A file that is there already is left as it is.

    Examples:
      consentgate init
      consentgate init --framework flask --language fr --language en
    """
    _check_output(output, force=force)
    languages = _checked_languages(language or ["en", "fr"])
    around = surroundings(Path())
    chosen = _framework(framework, around)
    presets = _presets(chosen, around)
    with output.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
        file.write(written(presets, languages))
    _tell(chosen, output, presets, app or around.app)


def _check_output(output: Path, *, force: bool) -> None:
    from consentgate.configuration.finding import find

    if output.suffix != ".toml" or output.name == "pyproject.toml":
        fail(f"--output {output}: a file of its own is written, as in consentgate.toml")
    if force:
        return
    if output.exists():
        fail(f"{output} is there already; --force writes over it")
    found = find()
    if found is not None and found.name == "pyproject.toml":
        fail("pyproject.toml has a policy already, in [tool.consentgate]; --force writes a file")


def _checked_languages(codes: list[str]) -> list[str]:
    """Return the codes. Raises ConsentGateError for what the pages do not speak."""
    from consentgate.pages.language import Languages
    from consentgate.pages.settings import Pages

    codes = list(dict.fromkeys(codes))
    Languages(Pages(languages=codes, default_language=codes[0]).languages, codes[0])
    return codes


def _framework(asked: str | None, around: Surroundings) -> Framework:
    if asked is not None:
        name = asked.lower()
        if name not in FRAMEWORKS:
            fail(f"unknown framework {asked!r}; {nearest_of(name, FRAMEWORKS)}")
        return FRAMEWORKS[name]
    if len(around.frameworks) == 1:
        return FRAMEWORKS[around.frameworks[0]]
    if not is_interactive():
        _fail_to_choose(around.frameworks)
    return _answer(around.frameworks)


def _fail_to_choose(found: tuple[str, ...]) -> NoReturn:
    seen = (
        f"several frameworks are used here: {', '.join(found)}" if found else "no framework found"
    )
    known = ", ".join(found or FRAMEWORKS)
    fail(f"{seen}; say which one with --framework NAME: {known}")


def _answer(found: tuple[str, ...]) -> Framework:
    names = found or tuple(FRAMEWORKS)
    remark("Which framework is the app made with? ", ", ".join(names))
    while True:
        name = typer.prompt("Framework", default=found[0] if found else None, err=True).lower()
        if name in FRAMEWORKS:
            return FRAMEWORKS[name]
        remark(f"unknown framework {name!r}; {nearest_of(name, FRAMEWORKS)}")


def _presets(framework: Framework, around: Surroundings) -> list[str]:
    """Return the presets for an app: the framework's behind those of its extensions."""
    from consentgate import presets

    known = [name for name in presets.names() if presets.preset(name).framework]
    extensions = [name for name in known if name in around.packages - FRAMEWORKS.keys()]
    return [*extensions, *({framework.name} & {*known})]


def written(presets: list[str], languages: list[str]) -> str:
    """Return the text of a first policy file."""
    publisher = {"en": "The publisher of this site", "fr": "L’éditeur de ce site"}
    controllers = {code: publisher[code] for code in languages if code in publisher}
    return _TEXT.format(
        presets=json.dumps(presets),
        languages=json.dumps(languages),
        default=json.dumps(languages[0]),
        controller=_texts(controllers) if controllers else json.dumps(publisher["en"]),
        basket=_texts({code: _BASKET.get(code, "...") for code in languages}),
        visits=_texts({code: _VISITS.get(code, "...") for code in languages}),
    )


def _texts(texts: dict[str, str]) -> str:
    pairs = (
        f"{json.dumps(code) if '-' in code else code} = {json.dumps(text, ensure_ascii=False)}"
        for code, text in texts.items()
    )
    return f"{{ {', '.join(pairs)} }}"


_BASKET = {
    "en": "Keeps what you want to buy.",
    "fr": "Garde ce que vous voulez acheter.",
}
_VISITS = {
    "en": "Tells visitors apart, to measure which pages are read.",
    "fr": "Distingue les visiteurs pour mesurer quelles pages sont lues.",
}

_TEXT = """\
# The cookies of this site, and what they are for. A cookie that is declared nowhere never leaves
# the app; one that needs consent leaves once the visitor gave it.
#
#   consentgate observe MODULE:APP   runs the app, and adds here what is missing
#   consentgate check                reads this file as a privacy officer would

# Cookies that are known already: `consentgate presets` lists them, and `consentgate presets NAME`
# says what one has in it. A block [[cookies]] below beats them.
presets = {presets}

# The pages that ask, and the charter of cookies: at /cookies, made of this file.
[pages]
languages = {languages}
default_language = {default}
# Who answers for the site (GDPR, article 13). Put your name here: it stands in the charter.
controller = {controller}

# What else the site sets: a block for each cookie, or for all those of a pattern ("cart-*").
#
# One that needs no consent says what it rests on: authentication, security, basket, interface,
# load-balancing, free-sample. No other cookie is necessary.
#
# [[cookies]]
# name = "basket"
# exemption = "basket"
# purpose = {basket}
# lifetime = "7 days"               # or "session": until the browser closes
#
# One that needs consent says for which category, and who reads it: preferences, statistics,
# marketing, or a category of your own.
#
# [[cookies]]
# name = "visitor"
# category = "statistics"
# provider = "Example Analytics"
# purpose = {visits}
# lifetime = "13 months"
# party = "third"                   # another company reads it, too
"""


def _tell(framework: Framework, output: Path, presets: list[str], app: str) -> None:
    taken = f" with the presets {', '.join(presets)}" if len(presets) > 1 else ""
    taken = f" with the preset {presets[0]}" if len(presets) == 1 else taken
    say(("Wrote ", "bold"), (str(output), "bold cyan"), f" for {framework.title}{taken}.")
    say()
    paragraph(f"Paste this {framework.where}:", mark="1. ")
    say()
    say("       from consentgate import ConsentGate")
    for line in framework.lines:
        say("       ", (line.replace(str(_FILE), output.as_posix()), "green"))
    say()
    paragraph("Give the app a key, the same for all its processes and after a restart:", mark="2. ")
    say()
    say("       ", ("export CONSENTGATE_SECRET_KEY=$(consentgate key new)", "green"))
    say()
    paragraph(
        "It signs what visitors decide: keep it with the other secrets of the site, not in the "
        "repository. Without it their answers are lost.",
        indent=3,
    )
    say()
    paragraph("See what the app sets that is not declared yet:", mark="3. ")
    say()
    say("       ", (f"consentgate observe {app or 'MODULE:APP'}", "green"))
