"""``mvh modem``: the module types there are, and what each understands."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from harness.cli.output import console, print_json

app = typer.Typer(no_args_is_help=True)


@app.command()
def profiles(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the profiles of virtual modems, with the dialect by which the driver speaks to each."""
    from harness.rig.modem_types import modem_types

    types = modem_types()
    if as_json:
        for item in types:
            print_json({"profile": item.profile, "manufacturer": item.manufacturer, "model": item.model,
                        "revision": item.revision, "dialect": item.dialect, "commands": len(item.commands),
                        "description": item.description})
        return
    out = console()
    for item in types:
        out.print(f"[bold]{item.profile:<9}[/bold] {item.dialect:<8} {escape(item.description)}")


@app.command()
def commands(
    profile: Annotated[str, typer.Argument(metavar="PROFILE", help="One of 'mvh modem profiles'.")],
) -> None:
    """Print a profile's command table: test, read, set and execute forms, and where each is described."""
    from harness.rig.modem_types import modem_type

    out = console()
    for line in modem_type(profile).commands:
        out.print(escape(line), highlight=False)
