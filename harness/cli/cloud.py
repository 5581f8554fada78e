"""``mvh cloud``: what the virtual cloud decides where documentation is silent, and how its resources move."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from harness.cli.output import console, print_json
from harness.errors import UsageError

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command()
def choices(as_json: Json = False) -> None:
    """List every decision that the public documentation leaves open, its value, and why."""
    from harness.rig.cloud_facts import choices as facts

    rows = facts()
    if as_json:
        for row in rows:
            print_json(row)
        return
    out = console()
    for row in rows:
        out.print(f"[bold]{row['name']}[/bold] = {escape(row['value'])}\n    [dim]{escape(row['why'])}[/dim]")


@app.command()
def machines(name: Annotated[str, typer.Argument(help="Only machines whose name holds this.")] = "",
             as_json: Json = False) -> None:
    """List the state machines: who moves a resource, through which state, how long it takes, who is called."""
    from harness.rig.cloud_facts import machines as facts

    found = {title: entry for title, entry in facts().items() if name.lower() in title.lower()}
    if not found:
        raise UsageError(f"no state machine's name holds {name!r}; there are {', '.join(facts())}")
    out = console()
    for title, (text, rows) in found.items():
        if as_json:
            print_json({"machine": title, "moves": rows})
        else:
            out.print(f"[bold]{escape(title)}[/bold]\n{escape(text)}\n")


@app.command()
def codes(as_json: Json = False) -> None:
    """List the error codes of Super SIM and Programmable Wireless with their HTTP status."""
    from harness.rig.cloud_facts import codes as facts

    out = console()
    for row in facts():
        if as_json:
            print_json(row)
        else:
            out.print(f"{row['code']}  {row['status'] or '---'}  {escape(str(row['meaning']))}")


@app.command()
def webhooks(as_json: Json = False) -> None:
    """List the kinds of webhooks and the parameters each has."""
    from harness.rig.cloud_facts import webhooks as facts

    out = console()
    for row in facts():
        if as_json:
            print_json(row)
        else:
            names = row["parameters"]
            out.print(f"[bold]{row['kind']}[/bold]  {', '.join(names if isinstance(names, list) else [])}")
