"""Command line options, and the line in pytest's header that says what the tests run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.rig.model import RigFile

RIG_FILE = pytest.StashKey["RigFile"]()
"""The rig file of this run, read once."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("harness", "microvisor-harness: cellular devices, real or virtual")
    group.addoption("--rig", metavar="FILE", help="rig file (TOML) that describes cloud, modems and boards; "
                    "without one: a virtual modem and a virtual board")
    group.addoption("--devices", choices=("auto", "virtual", "real"), default="auto",
                    help="auto: what the rig file declares, if all of it is healthy, else virtual devices; "
                    "virtual: virtual devices only; real: what the rig file declares, or fail (default: auto)")
    group.addoption("--seed", type=int, metavar="N", dest="harness_seed",
                    help="seed of the virtual parts (default: the rig file's, or 1)")
    group.addoption("--strict-registers", action="store_true",
                    help="let an application fault that touches a register which virtual boards do not model "
                    "(default: the journal tells of it)")


def rig_file(config: pytest.Config) -> RigFile:
    """Return the rig file of this run.

    Raises:
        pytest.UsageError: the file is wrong.
    """
    found = config.stash.get(RIG_FILE, None)
    if found is None:
        from harness.errors import RigFileError
        from harness.rig.load import load_rig

        try:
            found = load_rig(config.getoption("--rig"))
        except RigFileError as error:
            raise pytest.UsageError(str(error)) from None
        config.stash[RIG_FILE] = found
    return found


def pytest_report_header(config: pytest.Config) -> str | None:
    if config.getoption("--rig") is None and config.getoption("--devices") == "auto":
        return None  # nobody asked: do not import a thing
    file = rig_file(config)
    devices = [f"{modem.name} ({modem.profile}, {modem.kind})" for modem in file.modem]
    devices += [f"{board.name} ({board.kind})" for board in file.board]
    return f"rig: {file.name}, {file.cloud.kind} cloud, {', '.join(devices)}; devices: {config.getoption('--devices')}"
