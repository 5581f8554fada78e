"""``mvh deploy``: an application onto a device, from ELF file to running, as one command."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from harness.cli.output import console, print_json

if TYPE_CHECKING:
    from harness.drivers.cloud import CloudClient


def deploy(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An ELF image, a raw flash image (.bin) or a bundle.")],
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="SID or unique name of the device.")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Unique name for the App.")] = None,
    log: Annotated[bool, typer.Option("--log", help="Follow the device's log then, until Ctrl-C.")] = False,
    within: Annotated[str, typer.Option(metavar="TIME", help="How long the update may take.")] = "120s",
    stack: Annotated[str | None, typer.Option(metavar="NAME", help="Which stack, where several run.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Upload an application to a running `mvh up`, aim a device at it, and wait until the device runs it.

    An ELF image gets an unsigned bundle with default policies; for others see `mvh bundle create`.
    """
    from harness.cli.logs import entries, print_log
    from harness.clock import to_ns
    from harness.rig.board_run import read_bundle
    from harness.rig.doors import read_doors

    to_ns(within)  # complain of it before anything is changed
    bundle = read_bundle(image)
    read = partial(read_doors, stack)
    doors = read()
    with _client(doors) as cloud:
        target = cloud.microvisor.device(device)
        before = max((entry["sequence"] for entry in entries(doors, device, False, 0)), default=0)
        app = cloud.microvisor.upload(bundle, unique_name=name)
        _tell(as_json, "uploaded", app=app.sid, hash=app.hash, size=len(bundle))
        deployment = target.deploy(app)
        _tell(as_json, "deploying", device=target.sid, app=app.sid)
        deployment.expect("up-to-date", within=within)
        _tell(as_json, "running", device=target.sid, app=app.sid)
        if log and not target.refresh().logging_enabled:
            target.enable_logging()
    if log:
        print_log(read, device, as_json=as_json, after=before)


def _client(doors: dict[str, Any]) -> CloudClient:
    from harness.clock import RealClock
    from harness.drivers.cloud import CloudClient, CloudUrls, Credentials
    from harness.journal import Journal

    clock = RealClock()
    return CloudClient(CloudUrls(**doors["urls"]),
                       Credentials(user=doors["account_sid"], password=doors["auth_token"]),
                       clock, Journal(now=clock.now), trust_env=False)


def _tell(as_json: bool, step: str, **facts: object) -> None:
    if as_json:
        print_json({"step": step, **facts})
        return
    words = "  ".join(f"[dim]{fact}[/dim] {escape(str(value))}" for fact, value in facts.items())
    console().print(f"[green]{step:<10}[/green] {words}")
