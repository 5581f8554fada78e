"""``mvh run``: the end-to-end suite that ships with the harness, or your own tests, with progress and a report."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from enum import StrEnum
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer


class Devices(StrEnum):
    """What the tests run on."""

    AUTO = "auto"
    VIRTUAL = "virtual"
    REAL = "real"


def run(
    context: typer.Context,
    rig: Annotated[Path | None, typer.Option(metavar="FILE", help="Rig file (TOML); virtual devices without one.")]
    = None,
    devices: Annotated[Devices, typer.Option(help="What to run on; auto falls back to virtual devices and says so.")]
    = Devices.AUTO,
    report: Annotated[Path, typer.Option(metavar="FILE", help="Where the JUnit XML goes.")]
    = Path("mvh-results/junit.xml"),
) -> None:
    """Run the end-to-end suite and tell what the devices did.

    Further arguments go to pytest: '-k sms', '-x', '--seed 7', '-n 2', or paths of your own tests instead of the suite.
    """
    from harness import suite

    arguments = [*context.args, f"--devices={devices.value}", f"--junitxml={report}", "--steps",
                 "-p", "no:cacheprovider"]
    if rig is not None:
        arguments.append(f"--rig={rig}")
    if not any(Path(argument.split("::")[0]).exists() for argument in context.args if not argument.startswith("-")):
        # The suite is ours: a configuration file of the folder we happen to stand in must not change it.
        arguments += [str(Path(suite.__file__).parent), "-c", os.devnull, "-q", "--no-header"]
    environment = dict(os.environ)
    if not any(point.name == "harness" for point in entry_points(group="pytest11")):  # a checkout, not installed
        arguments += ["-p", "harness.pytest_plugin"]
        checkout = str(Path(suite.__file__).parents[2])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [checkout, os.environ.get("PYTHONPATH", "")]))
    report.unlink(missing_ok=True)  # or an old one would be taken for this run's
    # A process of its own, so that pytest can rewrite the assertions of a package that this process has imported; -P,
    # so that it takes the harness that is installed also where the current folder holds a checkout.
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches pytest too, which ends in its own orderly way
    code = subprocess.run([sys.executable, "-P", "-m", "pytest", *arguments], env=environment, check=False).returncode
    if report.exists():
        print(f"report: {report}")
    sys.exit(code if code >= 0 else 128 - code)
