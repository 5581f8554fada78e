"""Modems in real time, for clients in other threads and processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from harness.clock import RealClock
from harness.virtual.modem import VirtualModem
from harness.virtual.network import Network
from harness.virtual.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """A world in real time."""
    made = World(seed=3, clock=RealClock())
    made.start()
    yield made
    made.close()


@pytest.fixture
def make_modem(world: World) -> Iterator[Callable[..., VirtualModem]]:
    modems = []

    def make(**options: object) -> VirtualModem:
        with world.turn():
            modem = VirtualModem(world, Network(world), name="modem-1", time_scale=0, **options)  # type: ignore[arg-type]
            modem.power_on()
        modems.append(modem)
        return modem

    yield make
    with world.turn():
        for modem in modems:
            modem.close()
