"""The fixtures: a rig of its own for each test, and what is in it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from harness.pytest_plugin.options import rig_file

if TYPE_CHECKING:
    from harness.clock import Clock
    from harness.journal import Journal
    from harness.rig import (
        BoardUnderTest,
        CloudClient,
        Faults,
        FirmwareShelf,
        Modem,
        Network,
        Rig,
        RigOpener,
        VirtualInternet,
        WebhookSink,
    )

LAST_RIG = pytest.StashKey["Rig"]()
"""The rig of a test, for its report."""

FAULT_STRUCK, FAULT_UNSTRUCK = "fault struck", "fault not struck"
"""Names of the report properties that tell which faults of the rig file struck in a test."""

NOTE = "rig note"
"""Name of the report property that tells what is not as the rig file asked."""


@pytest.fixture(scope="session")
def rig_opener(request: pytest.FixtureRequest) -> Iterator[RigOpener]:
    """Opens the rigs of this run; the virtual cloud's server lives as long."""
    from harness.rig import RigOpener

    config = request.config
    opener = RigOpener(rig_file(config), devices=config.getoption("--devices"), seed=config.getoption("harness_seed"),
                       capture=config.getoption("harness_pcap") != "none",
                       strict=config.getoption("strict_registers"))
    yield opener
    opener.close()


@pytest.fixture
def rig(rig_opener: RigOpener, request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig for this test: cloud, modems, boards, clock and journal. Virtual parts are made anew for each test."""
    opened = rig_opener.open()
    request.node.stash[LAST_RIG] = opened
    request.node.user_properties.append(("rig", opened.description))
    request.node.user_properties.extend((NOTE, note) for note in opened.notes)
    yield opened
    if opened.seed is not None:
        struck = {entry.data["fault"] for entry in opened.journal.select("fault_injected", source="fault")}
        for number, fault in enumerate(rig_opener.file.faults, start=1):
            told = f"{fault.spec.kind.name} (fault {number} of the rig file)"
            request.node.user_properties.append((FAULT_STRUCK if number in struck else FAULT_UNSTRUCK, told))
    opened.close()


@pytest.fixture
def cloud(rig: Rig) -> CloudClient:
    """The near end of the cloud: ``cloud.supersim``, ``cloud.microvisor``."""
    return rig.cloud


@pytest.fixture
def modem(rig: Rig) -> Modem:
    """The first modem of the rig, with its port open; others: ``rig.modem("name")``. Skips where the rig has none."""
    if not rig.modems:
        pytest.skip(f"rig {rig.name!r} has no modem")
    return rig.modem()


@pytest.fixture
def board(rig: Rig) -> BoardUnderTest:
    """The first board of the rig; others: ``rig.board("name")``. Skips where the rig has none."""
    if not rig.boards:
        pytest.skip(f"rig {rig.name!r} has no board")
    return rig.board()


@pytest.fixture
def network(rig: Rig) -> Network:
    """The virtual cellular network: ``network.lose_coverage(modem.iccid, duration="1h")``. Skips on a real rig."""
    if rig.seed is None:
        pytest.skip(f"rig {rig.name!r} is real, and so is the network around it")
    return rig.network


@pytest.fixture
def faults(rig: Rig) -> Iterator[Faults]:
    """What goes wrong with virtual modems and their network: ``faults.on("AT+CMGS", nth=2).truncate(after=5)``.

    Skips on a real rig. What a test set and what has not struck when it ends is told in a warning.
    """
    from harness.pytest_plugin import FaultNeverStruck

    if rig.seed is None:
        pytest.skip(f"rig {rig.name!r} is real: its faults are its own")
    of_the_rig = len(rig.journal.select("fault_set", source="fault"))
    yield rig.faults
    for fault in rig.faults.unstruck:
        if fault.number > of_the_rig and fault.spec.p == 1:  # what is left to chance may well not strike
            warnings.warn(f"fault {fault.number} never struck: {fault.spec.describe()}; {fault.seen} fitted",
                          FaultNeverStruck, stacklevel=1)


@pytest.fixture
def internet(rig: Rig) -> VirtualInternet:
    """The hosts that virtual boards and modems reach: ``internet.add_host("api.example.com").on_http(answer)``.

    Skips on a real rig, whose devices reach the real internet.
    """
    if rig.seed is None:
        pytest.skip(f"rig {rig.name!r} is real: its devices reach the real internet")
    return rig.internet


@pytest.fixture
def webhooks(rig: Rig) -> WebhookSink:
    """A receiver of webhooks; the Fleets of the rig's SIM cards report to it."""
    return rig.webhooks


@pytest.fixture
def firmware(rig: Rig) -> FirmwareShelf:
    """Bundles: ``firmware.bundle("heartbeat")``, ``firmware.bundle("build/app.elf")``."""
    return rig.firmware


@pytest.fixture
def clock(rig: Rig) -> Clock:
    """The rig's clock: ``clock.sleep("24h")`` lets time pass, in virtual time at once."""
    return rig.clock


@pytest.fixture
def journal(rig: Rig) -> Journal:
    """Everything that happened in the rig."""
    return rig.journal
