"""The commands of ``mvh`` and what each is called."""

from __future__ import annotations

import typer

from harness.cli import (
    board,
    broadcast,
    bundle,
    cloud,
    debug,
    deploy,
    doctor,
    env,
    fault,
    firmware,
    keys,
    logs,
    modem,
    run,
    up,
)

app = typer.Typer(
    help="Test cellular IoT devices, real or virtual: Microvisor boards, Super SIM modems and their cloud.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(run.run)
app.command("up")(up.up)
app.command("broadcast")(broadcast.broadcast)
app.command("env")(env.env)
app.command("deploy")(deploy.deploy)
app.command("logs")(logs.logs)
app.command("debug")(debug.debug)
app.command("doctor")(doctor.doctor)
app.add_typer(board.app, name="board", help="One virtual board.")
app.add_typer(bundle.app, name="bundle", help="Application bundles: create, inspect, verify.")
app.add_typer(cloud.app, name="cloud", help="The virtual cloud: its choices, state machines, codes and webhooks.")
app.add_typer(keys.app, name="keys", help="Key pairs for bundles.")
app.add_typer(fault.app, name="fault", help="What goes wrong with the modems and the network of a running stack.")
app.add_typer(modem.app, name="modem", help="The module types that virtual modems can be.")
app.add_typer(firmware.app, name="firmware", help="The firmware fixtures that ship with the harness.")
