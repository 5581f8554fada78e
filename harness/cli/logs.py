"""``mvh logs``: follows the log of a device of a running stack."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.output import console

if TYPE_CHECKING:
    import requests

_TIMEOUTS = (5.0, 90.0)  # to connect, and between two lines: the stream sends empty ones meanwhile
_RETRIES = 5
_PAUSE = "500ms"


def logs(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="SID or unique name of the device.")],
    stack: Annotated[str | None, typer.Option(metavar="NAME", help="Which stack, where several run.")] = None,
    follow: Annotated[bool, typer.Option(help="Stay and wait for more.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each entry.")] = False,
) -> None:
    """Print the log of a device of a running `mvh up`, and follow it until Ctrl-C.

    A connection that breaks is made again, and goes on behind the last entry. Real services have no such stream: the
    format of theirs was never published.
    """
    from harness.rig.doors import read_doors

    read = partial(read_doors, stack)
    print_log(read, device, follow=follow, as_json=as_json)


def print_log(read: Callable[[], dict[str, Any]], device: str, *, follow: bool = True, as_json: bool = False,
              after: int = 0) -> None:
    """Print the entries of a device's log behind the one numbered ``after``, until Ctrl-C if ``follow``.

    Args:
        read: what tells the doors of the stack, and raises UsageError once it has ended.

    Raises:
        ApiError: there is no such device.
        CloudUnreachable: the stream broke, and could not be made again.
    """
    from harness.clock import RealClock
    from harness.errors import CloudUnreachable

    doors, clock, last, failures = read(), RealClock(), after, 0
    try:
        while True:
            try:
                for entry in entries(doors, device, follow, last):
                    _show(entry, as_json)
                    last, failures = entry["sequence"], 0
                if not follow:
                    return
            except CloudUnreachable:
                failures += 1
                if not follow or failures > _RETRIES:
                    raise
            read()  # a stack that has ended says so
            clock.sleep(_PAUSE)
    except KeyboardInterrupt:
        return


def entries(doors: dict[str, Any], device: str, follow: bool, after: int) -> Any:
    """Give the entries of one connection; raises CloudUnreachable where it breaks."""
    from urllib.parse import quote

    import requests

    from harness.errors import ApiError, CloudUnreachable

    session = requests.Session()
    session.trust_env = False
    url = f"{doors['urls']['microvisor']}/v1/Devices/{quote(device, safe='')}/Logs"
    query = {"After": str(after), "Follow": str(follow).lower()}
    try:
        with session.get(url, params=query, auth=(doors["account_sid"], doors["auth_token"]), stream=True,
                         timeout=_TIMEOUTS) as response:
            if response.status_code != 200:
                raise ApiError(_message(response), status=response.status_code)
            for line in response.iter_lines():
                if line:
                    yield json.loads(line)
    except requests.exceptions.RequestException as error:
        raise CloudUnreachable(f"the log stream broke: {type(error).__name__}") from None
    finally:
        session.close()


def _message(response: requests.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return str(response.reason)


def _show(entry: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(entry), flush=True)
        return
    out = console()
    out.print(f"{entry['timestamp']} {entry['origin']:<6} ", style="dim", end="", markup=False)
    out.print(entry["text"], markup=False, highlight=False)
