"""``mvh debug``: a GDB server on a board, where Microvisor's own tool had it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.output import console, print_json
from harness.errors import BoardError, UsageError

_LOOK = "500ms"


def debug(
    device: Annotated[str | None, typer.Argument(
        metavar="[DEVICE]", help="Name or SID of a board of a running `mvh up`; none: the only one.")] = None,
    private_key: Annotated[Path | None, typer.Argument(
        hidden=True, help="Taken for the sake of old launch files and not used: nothing here is encrypted.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port on loopback; 0: a free one.")] = 8001,
    probe: Annotated[str | None, typer.Option(metavar="UID", help="A debug probe as `pyocd list` shows it, "
                                              "instead of a board of a stack.")] = None,
    stack: Annotated[str | None, typer.Option(metavar="NAME", help="Which stack, where several run.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object when it listens.")] = False,
) -> None:
    """Serve gdb on a board until Ctrl-C: `target remote localhost:8001`, as with Microvisor's own tool.

    The board runs on until gdb attaches, and goes on when it detaches.
    """
    del private_key
    from harness.clock import RealClock
    from harness.drivers.board.gdb_server import gdb_server

    if probe is not None and device is not None:
        raise UsageError("name a board of a stack or a debug probe, not both")
    name, uid = (probe, probe) if probe is not None else _board(device, stack)
    clock = RealClock()
    with gdb_server(uid, name, port=port) as server:
        if as_json:
            print_json({"board": name, "probe": uid, "host": "localhost", "port": server.port})
        else:
            out = console()
            out.print(f"GDB server listening on localhost:{server.port}  ({name})", markup=False)
            out.print(f"  gdb-multiarch app.elf -ex 'target remote localhost:{server.port}'", style="dim", markup=False)
        try:
            while server.alive:
                clock.sleep(_LOOK)
        except KeyboardInterrupt:
            return
    raise BoardError(f"{name}: the board was lost")


def _board(device: str | None, stack: str | None) -> tuple[str, str]:
    """Return name and probe of a board of a running stack, given by name or SID."""
    from harness.rig.doors import read_doors

    boards: list[dict[str, Any]] = read_doors(stack)["boards"]
    found = [board for board in boards if device in (None, board["name"], board["device_sid"])]
    if len(found) != 1:
        names = ", ".join(board["name"] for board in boards) or "none"
        raise UsageError(f"no board {device!r}: there is {names}" if device else f"name a board: there is {names}")
    return found[0]["name"], found[0]["probe"]
