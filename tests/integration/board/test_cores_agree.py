"""Every fixture does the same, event for event and cycle for cycle, on both cores, in one run and in slices."""

from __future__ import annotations

import pytest

from harness.firmware import fixture, fixture_names
from harness.formats.elf import ElfImage
from harness.virtual.board.board import Board
from harness.virtual.board.core import CoreChoice
from harness.virtual.world import World

MHZ = 1_000_000


def _run(name: str, core: CoreChoice, slices: int) -> tuple[str, str, int]:
    world = World(seed=3)
    # A slow clock: what spins would take the readable hook long.
    board = Board(world, None, name="b", device_sid="UV" + "0" * 32, hclk_hz=MHZ, core=core)
    board.core.trace.enabled = True  # type: ignore[attr-defined]
    board.install(ElfImage.read(fixture(name).elf.read_bytes()))
    board.power_on()
    for _ in range(slices):
        world.clock.sleep(1.2 / slices)
    told = board.core.trace.digest()  # type: ignore[attr-defined]
    result = told, world.journal.digest(), board.core.cycles
    board.close()
    world.close()
    return result


@pytest.mark.parametrize("name", fixture_names())
def test_fixtures_leave_one_trace(name: str) -> None:
    assert _run(name, "c", 1) == _run(name, "python", 1) == _run(name, "c", 6)
