"""``mvh doctor``: what is installed, what is found on this machine, and what to do about what is missing."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer
from rich.markup import escape

from harness.cli.output import console, print_json

_PACKAGES = ("pyserial", "pyocd", "pytest", "requests", "unicorn", "pyelftools", "starlette", "uvicorn", "httptools")
_PROGRAMS = {
    "arm-none-eabi-gcc": "builds firmware (or: pip install 'microvisor-harness[firmware]')",
    "gdb-multiarch": "debugs an application over pyocd's gdb server",
    "gammu": "a judge of the virtual modem in the client tests",
    "curl": "a judge of the virtual cloud in the client tests",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report; ``ok`` is None where it is merely a fact."""

    what: str
    found: str
    ok: bool | None = None
    advice: str = ""


def doctor(as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """Tell what this machine has for the harness; exit code 1 if something needed is missing."""
    findings = [finding for check in _CHECKS for finding in check()]
    if as_json:
        for finding in findings:
            print_json({"what": finding.what, "found": finding.found, "ok": finding.ok, "advice": finding.advice})
    else:
        out = console()
        for finding in findings:
            mark = {True: "[green]ok[/green]  ", False: "[red]no[/red]  ", None: "    "}[finding.ok]
            out.print(f"{mark}{finding.what:<20} {escape(finding.found)}  [dim]{escape(finding.advice)}[/dim]".rstrip())
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)


def _python() -> list[Finding]:
    return [Finding(what="python", found=f"{platform.python_version()} on {platform.system()} {platform.machine()}",
                    ok=sys.version_info >= (3, 11), advice="")]


def _packages() -> list[Finding]:
    findings = []
    for name in _PACKAGES:
        try:
            findings.append(Finding(what=name, found=version(name), ok=True))
        except PackageNotFoundError:
            findings.append(Finding(what=name, found="not installed", ok=False, advice=f"pip install {name}"))
    return findings


def _core() -> list[Finding]:
    from harness.rig.facts import core_in_use

    return [Finding(what="cpu core", found=core_in_use())]


def _ports() -> list[Finding]:
    from harness.errors import UsageError
    from harness.runtime_dir import running_stacks, runtime_root

    try:
        stacks = ", ".join(folder.name for folder in running_stacks()) or "none"
        return [Finding(what="runtime folder", found=str(runtime_root()), ok=True),
                Finding(what="running stacks", found=stacks)]
    except UsageError as error:
        return [Finding(what="runtime folder", found=str(error), ok=False, advice="chmod 0700, or set XDG_RUNTIME_DIR")]


def _programs() -> list[Finding]:
    return [Finding(what=name, found=shutil.which(name) or "not found", advice=use) for name, use in _PROGRAMS.items()]


_CHECKS: tuple[Callable[[], list[Finding]], ...] = (_python, _packages, _core, _ports, _programs)
