"""``mvh up``: the whole virtual stack in real time, until Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.ending import until_told
from harness.cli.output import console, print_json, reader_gone

if TYPE_CHECKING:
    from harness.journal import Entry
    from harness.rig.up import Doors


def up(
    rig: Annotated[Path | None, typer.Option(metavar="FILE", help="Rig file (TOML); one modem and one board without.")]
    = None,
    pcap: Annotated[Path | None, typer.Option(metavar="FILE", help="Write what crosses the network for Wireshark.")]
    = None,
    state: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the cloud's state in this folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="First line: one JSON object; then one a journal entry.")]
    = False,
) -> None:
    """Start cloud, network, modems and boards in real time and keep them up until Ctrl-C.

    Prints URLs, credentials, serial ports and devices, then what happens. With --state everything that clients made
    is there again after a restart, and what fell due meanwhile happens.
    """
    from harness.rig import collector
    from harness.rig.load import load_rig
    from harness.rig.up import RunningStack

    over = until_told()
    stack = RunningStack(load_rig(rig), pcap=pcap, state=state)
    collector.settle()
    try:
        if as_json:
            print_json(stack.doors.to_json())
        else:
            _show(stack.doors)
        follow = _print_json_entry if as_json else _print_entry
        cursor, done = 0, False
        while not done:
            if done := over.wait(0.1):
                stack.tell_what_never_happened()
            for entry in stack.journal.since(cursor):
                cursor = entry.seq + 1
                follow(entry)
    except BrokenPipeError:
        reader_gone()  # and means it
    finally:
        stack.close()


def _print_entry(entry: Entry) -> None:
    console().print(str(entry), markup=False)


def _print_json_entry(entry: Entry) -> None:
    print(entry.to_json(), flush=True)


def _show(doors: Doors) -> None:
    out = console()
    rows = [("account", doors.account_sid), ("auth token", doors.auth_token)]
    rows += [(name, getattr(doors.urls, name)) for name in ("supersim", "wireless", "microvisor", "upload")]
    rows += [("proxy", f"{doors.tls.proxy}  for the services' own host names: eval \"$(mvh env)\"")]
    rows += [("admin", f"{doors.admin.url}  token {doors.admin.token}")]
    rows += [(modem.name, "  ".join([*modem.ports, f"Sim {modem.sim_sid}", f"ICCID {modem.iccid}"]))
             for modem in doors.modems]
    rows += [(board.name, "  ".join([f"{board.device_sid}  debug probe {board.probe}", *(
        f"{name} {path}" for name, path in board.consoles.items())])) for board in doors.boards]
    for name, value in rows:
        out.print(f"{name:<12} ", style="dim", end="", markup=False)
        out.print(value, style="bold", markup=False)
    if doors.modems:
        out.print("\ntry it:", style="dim")
        out.print(f"  curl -u {doors.account_sid}:{doors.auth_token} {doors.urls.supersim}/v1/SmsCommands "
                  f"-d Sim={doors.modems[0].sim_sid} -d Payload=hello", markup=False)
        out.print(f"  python -m serial.tools.miniterm {doors.modems[0].port} 115200", markup=False)
    out.print("\nCtrl-C ends it. What happens:", style="dim")
