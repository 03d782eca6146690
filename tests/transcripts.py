"""Console sessions that the documentation shows: run in a folder of their own, and compared.

A session is a file `*.console` under examples/docs. Its sections, as `pymdownx.snippets`
marks them, are what pages show: commands after `$ `, each with its output. Lines outside of
the sections are for this module:

    # copy FILE [AS]       puts a file of examples/docs into the folder first, or later again
    # env NAME=VALUE       sets a variable of the environment
    # serve PORT OPTION    the next section's command is a server: it gets OPTION and a free port,
                           which stands in for PORT from here on, and it goes on in the background
    # stop                 ends it
    # not run              the next section is not run: it is compared with nothing
    # database HOST        HOST stands for a PostgreSQL of the tests' own, from here on

In the output a line `...` stands for any lines. What differs from run to run (times, keys,
tokens, versions) counts as the same. CONSENTGATE_UPDATE_TRANSCRIPTS=1 writes what was seen.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from serving import ROOT, free_port

FOLDER = ROOT / "examples" / "docs"
SECONDS = 120
_MARK = re.compile(r"--8<-- \[(start|end):([a-z0-9-]+)\]")

# What is another one each time.
_VARIABLE = (
    (re.compile(r"1~[A-Za-z0-9_-]{22}~[0-9]+~(\S*)\.[A-Za-z0-9_-]{43}"), r"<token \1>"),
    (re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"), "<key>"),
    (re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])"), "<id>"),
    (re.compile(r"\b1[0-9]{18}\b"), "<sequence>"),
    (re.compile(r"eyJ[A-Za-z0-9_.-]+"), "<session>"),
    (re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"), "<date>"),
    (re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?)?"), "<time>"),
    (re.compile(r"\[\d\d/[A-Z][a-z]{2}/\d{4} \d\d:\d\d:\d\d\]"), "<time>"),
    (
        re.compile(
            r"(?<=kept until )[A-Z][a-z]+ \d+, \d{4}|(?<=decided on )[A-Z][a-z]+ \d+, \d{4}"
        ),
        "",
    ),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "<time>"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s|seconds)\b"), "<duration>"),
    (re.compile(r"(Werkzeug|Python|uvicorn)/[0-9.]+"), r"\1"),
    (re.compile(r"(?<=process \[)\d+"), ""),
)


@dataclass
class Command:
    """A command of a session, and the lines that stand below it."""

    text: str
    expected: list[str] = field(default_factory=list)
    server: str = ""
    """The option that gives a server its port."""
    runs: bool = True


@dataclass(frozen=True)
class Setting:
    """A directive: what is done before the command that follows."""

    word: str
    arguments: list[str]


Step = Command | Setting


def sessions() -> list[Path]:
    """Return all sessions."""
    return sorted(FOLDER.glob("**/*.console"))


def steps(lines: list[str]) -> Iterator[Step]:
    """Read a session: directives outside of its sections, commands inside of them."""
    inside, server, runs = False, "", True
    command: Command | None = None
    for line in lines:
        mark = _MARK.fullmatch(line)
        if mark:
            if command is not None:
                yield command
            inside, command = mark[1] == "start", None
            runs = runs if inside else True
        elif not inside and line.startswith("# "):
            word, *arguments = shlex.split(line[2:])
            if line == "# not run":
                runs = False
            elif word == "serve":
                server = arguments[1]
                yield Setting(word, arguments)
            else:
                yield Setting(word, arguments)
        elif inside and line.startswith("$ "):
            if command is not None:
                yield command
            command, server = Command(line[2:], server=server, runs=runs), ""
        elif inside and command is not None:
            if line.startswith("> "):
                command.text += "\n" + line[2:]
            else:
                command.expected.append(line)
    if command is not None:
        yield command


def needs_database(path: Path) -> bool:
    """Tell whether a session needs a PostgreSQL: such ones are run by who has one."""
    return any(line.startswith("# database ") for line in path.read_text("utf-8").splitlines())


class Session:
    """Runs one session, command by command, in one shell.

    `database` are the variables by which libpq finds and enters the PostgreSQL
    on 127.0.0.1 that the session's own host stands for.
    """

    def __init__(self, path: Path, place: Path, database: Mapping[str, str] | None = None) -> None:
        self.path = path
        self._database = database
        self._hosts: list[str] = []
        self._place = place / "shop"
        self._outputs = place / "outputs"
        self._ports: list[tuple[str, str]] = []
        self._script = ["set +e", f"cd {shlex.quote(str(self._place))}"]
        self._ran: list[Command] = []

    def run(self) -> list[tuple[Command, list[str]]]:
        """Run it; return each command with the lines that it wrote."""
        self._place.mkdir()
        self._outputs.mkdir()
        for step in steps(self.path.read_text("utf-8").splitlines()):
            if isinstance(step, Command):
                self._command(step)
            else:
                self._setting(step.word, step.arguments)
        self._setting("stop", [])
        self._execute("\n".join(self._script) + "\n")
        return [(command, self._output(number)) for number, command in enumerate(self._ran)]

    def _command(self, command: Command) -> None:
        if not command.runs:
            return
        text = self._as_it_is(command.text)
        output = self._outputs / str(len(self._ran))
        self._ran.append(command)
        if not command.server:
            self._script.append(f"{{ {text}\n}} > {output} 2>&1 < /dev/null")
            return
        port = self._ports[-1][1]
        lines = sum(line != "..." for line in command.expected)
        self._script += [
            f"{{ exec {text} {command.server} {port}\n}} > {output} 2>&1 < /dev/null &",
            "SERVER=$!",
            f"for _ in $(seq 400); do (: < /dev/tcp/127.0.0.1/{port}) 2> /dev/null && break",
            "kill -0 $SERVER 2> /dev/null || break; sleep 0.05; done",
            f"LOG={output} LINES={lines}",
        ]

    def _setting(self, word: str, arguments: list[str]) -> None:
        if word == "copy":
            source, *name = arguments
            target = self._place / (name[0] if name else Path(source).name)
            self._script.append(f"mkdir -p {target.parent} && cp -r {FOLDER / source} {target}")
        elif word == "env":
            self._script.append(f"export {shlex.quote(arguments[0])}")
        elif word == "serve":
            self._ports.append((arguments[0], str(free_port())))
        elif word == "database" and self._database is not None:
            self._hosts.append(arguments[0])
            pairs = (f"{name}={value}" for name, value in self._database.items())
            self._script += [f"export {shlex.quote(pair)}" for pair in pairs]
        elif word == "stop":
            # What it tells of the last request may still be on its way.
            self._script += [
                'if [ -n "$SERVER" ]; then',
                '  for _ in $(seq 60); do [ "$(wc -l < $LOG)" -ge "$LINES" ] && break',
                "  sleep 0.05; done; kill $SERVER; wait $SERVER 2> /dev/null; SERVER=; fi",
            ]
        else:
            raise ValueError(f"{self.path}: unknown directive {word!r}")

    def _execute(self, script: str) -> None:
        tools = Path(sys.executable).parent
        environment = {
            "PATH": os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath)]),
            "HOME": str(self._place.parent),
            "LANG": "C.UTF-8",
            "COLUMNS": "80",
            "PYTHONUNBUFFERED": "1",
        }
        process = subprocess.Popen(  # noqa: S603  # a script of the documentation's own
            [shutil.which("bash") or "/bin/bash"],
            stdin=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        try:
            process.communicate(script.encode(), timeout=SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _as_it_is(self, text: str) -> str:
        for told, free in dict(self._ports).items():
            text = text.replace(f":{told}", f":{free}")
        for host in self._hosts:
            text = text.replace(host, "127.0.0.1")
        return text

    def _output(self, number: int) -> list[str]:
        text = (self._outputs / str(number)).read_text("utf-8")
        for told, free in self._ports:
            text = text.replace(free, told)
        for host in self._hosts:
            text = text.replace("127.0.0.1", host)
        text = text.replace(str(self._place), "/home/you/shop")
        return [line.rstrip() for line in text.replace("\r", "").splitlines()]


def agree(expected: list[str], seen: list[str]) -> bool:
    """Tell whether an output is the expected one; a line `...` stands for any lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else re.escape(settled(line.rstrip())) + r"\n"
        for line in expected
    )
    return re.fullmatch(pattern, "".join(f"{settled(line)}\n" for line in seen)) is not None


def settled(line: str) -> str:
    """Return a line with what is another one each time taken out."""
    for pattern, word in _VARIABLE:
        line = pattern.sub(word, line)
    return line


def rewrite(path: Path, seen: list[tuple[Command, list[str]]]) -> None:
    """Write what was seen into a session, where it is not what stands there."""
    outputs = iter(seen)
    lines: list[str] = []
    skipping, runs = False, True
    for line in path.read_text("utf-8").splitlines():
        mark = _MARK.fullmatch(line)
        if line == "# not run":
            runs = False
        if mark or (line.startswith("$ ") and runs):
            skipping = False
        if not skipping:
            lines.append(line)
        if mark and mark[1] == "end":
            runs = True
        if line.startswith("$ ") and runs:
            command, output = next(outputs)
            if not agree(command.expected, output):
                extra = command.text.splitlines()[1:]
                lines += [*(f"> {each}" for each in extra), *output]
                skipping = True
    path.write_text("\n".join(lines) + "\n", "utf-8")
