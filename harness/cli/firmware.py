"""``mvh firmware``: list the fixtures, build them again, and compare with what is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from harness.cli.output import console, print_json
from harness.errors import UsageError

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_fixtures(as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """List the fixtures: name, what it does, where the prebuilt images are."""
    from harness.firmware import fixture, fixture_names

    fixtures = [fixture(name) for name in fixture_names()]
    if as_json:
        for item in fixtures:
            print_json({"name": item.name, "description": item.description, "elf": str(item.elf),
                        "bundle": str(item.bundle), "sha256": item.hashes()})
        return
    out = console()
    width = max(len(item.name) for item in fixtures)
    for item in fixtures:
        out.print(f"[bold]{item.name:<{width}}[/bold]  {escape(item.description)}")


@app.command()
def build(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAMES]...", help="Fixtures; all if none.")] = None,
    toolchain: Annotated[str | None, typer.Option(help="zig or gcc; by default what is found.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; compare with the prebuilt images.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder that gets NAME/NAME.elf and NAME/NAME.zip.")] = None,
) -> None:
    """Build fixtures from their C sources.

    Without --out the prebuilt images of a checkout are replaced, which takes the compiler release they were made with.
    Exit code 1: --check found a difference.
    """
    from harness.firmware import build_fixture, find_toolchain, fixture, fixture_names
    from harness.firmware.build import differences

    compiler = find_toolchain(toolchain)
    chosen = [fixture(name) for name in names or fixture_names()]
    target = None if check else out or _prebuilt_root(compiler.is_reference)
    screen = console()
    screen.print(f"{compiler}")
    differing = False
    for item in chosen:
        built = build_fixture(item.name, compiler, target / item.name if target else None)
        if not check:
            sizes = f"ELF {len(built.elf)} bytes, bundle {len(built.bundle)} bytes"
            screen.print(f"[green]built[/green] {item.name}: {sizes}")
            continue
        found = differences(built, comparable=compiler.is_reference)
        differing |= bool(found)
        for difference in found:
            screen.print(f"[red]differs[/red] {item.name}: {difference}")
        if not found:
            verdict = "same bytes" if compiler.is_reference else "builds; another compiler gives other bytes"
            screen.print(f"[green]ok[/green] {item.name}: {verdict}")
    if differing:
        raise typer.Exit(1)


def _prebuilt_root(is_reference: bool) -> Path:
    from harness.firmware.catalogue import fixtures_root, is_installed
    from harness.firmware.toolchain import PINNED_ZIG

    if is_installed():
        raise UsageError("the fixtures are part of an installation and stay as they are: name a folder with --out")
    if not is_reference:
        raise UsageError(f"the prebuilt images are made with ziglang {PINNED_ZIG}: name a folder with --out for "
                         "another compiler's")
    return fixtures_root()
