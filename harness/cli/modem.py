"""``mvh modem``: the module types there are and what each understands; recordings of real ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from harness.cli.ending import until_told
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


@app.command()
def record(
    port: Annotated[str, typer.Argument(metavar="PORT", help="The modem: /dev/ttyUSB2, socket://HOST:PORT, ...")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; it must not exist.")],
    link: Annotated[Path | None, typer.Option(metavar="PATH", help="Port for the program; a free one without.")] = None,
    baud: Annotated[int, typer.Option(metavar="N", min=1, help="Bits per second of the modem's port.")] = 115_200,
) -> None:
    """Pass everything between a program and a modem, and write it down with its time, until Ctrl-C.

    The file is text that can be read, cut and mended; 'mvh modem replay' plays it.
    """
    from harness.rig.recorder import Recorder
    from harness.runtime_dir import StackDir

    over = until_told()
    folder = StackDir(f"record-{os.getpid()}")
    try:
        recorder = Recorder(port, file, link or folder.path / "port", baudrate=baud, gone=over.set)
        try:
            console().print(f"[bold]{escape(str(link or folder.path / 'port'))}[/bold] leads to {escape(port)}; "
                            "Ctrl-C ends the recording")
            over.wait()
        finally:
            recorder.close()
        console().print(f"{recorder.pieces} pieces in {escape(str(file))}")
    finally:
        folder.close()


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording.")],
    link: Annotated[Path | None, typer.Option(metavar="PATH", help="Port for the program; a free one without.")] = None,
    pace: Annotated[float, typer.Option(metavar="X", min=0, max=1_000, help="Pauses: 0 none, 1 as recorded.")] = 1.0,
) -> None:
    """Be the modem of a recording at a port, for any program, until Ctrl-C.

    A program that does as the recorded one did gets the same answers; what was never sent is answered ERROR.
    """
    from harness.rig.recorder import Replay
    from harness.runtime_dir import StackDir

    over = until_told()
    folder = StackDir(f"replay-{os.getpid()}")
    try:
        player = Replay(file, link or folder.path / "port", pace=pace)
        try:
            console().print(f"[bold]{escape(str(link or folder.path / 'port'))}[/bold] says what {escape(str(file))} "
                            "says; Ctrl-C ends it")
            shown = 0
            while not over.wait(0.1):
                for command in player.modem.unknown[shown:]:
                    console().print(f"not recorded: {escape(command)}")
                shown = len(player.modem.unknown)
        finally:
            player.close()
    finally:
        folder.close()
