"""The clock rate is a board setting: kernel, RCC registers, SysTick and the passing of time agree with it."""

from __future__ import annotations

import pytest

from harness.firmware import fixture
from harness.formats.elf import ElfImage
from harness.virtual.board.board import Board
from harness.virtual.board.peripherals.clock_tree import decode
from harness.virtual.world import World

RCC = 0x4602_0C00
REGISTERS = {"CFGR1": 0x1C, "ICSCR1": 0x08, "CSR": 0xF4, "PLL1CFGR": 0x28, "PLL1DIVR": 0x34}
SYST_CSR, SYST_RVR = 0xE000_E010, 0xE000_E014


@pytest.mark.parametrize("hz", [2_000_000, 4_000_000, 16_000_000, 48_000_000, 64_000_000, 110_000_000, 160_000_000])
def test_a_kilohertz_is_a_kilohertz_at_every_rate(hz: int) -> None:
    world = World()
    board = Board(world, None, name="b", device_sid="UV" + "0" * 32, hclk_hz=hz)
    image = ElfImage.read(fixture("spin-idle").elf.read_bytes())
    board.install(image)
    board.power_on()
    world.clock.sleep("1.2s")

    def word(address: int) -> int:
        return int.from_bytes(board.core.read_memory(address, 4), "little")

    assert decode({name: word(RCC + offset) for name, offset in REGISTERS.items()}) == hz
    assert decode({name: board.read_register(RCC + offset) or 0 for name, offset in REGISTERS.items()}) == hz
    assert (board.clocks.sysclk, board.clocks.hclk, board.clocks.pclk1, board.clocks.pclk2) == (hz,) * 4
    assert word(SYST_CSR) & 7 == 7  # of the core's clock
    assert word(SYST_RVR) + 1 == hz // 1000
    ticks = word(image.symbol("tick_count").address)
    assert 1150 <= ticks <= 1200  # it starts within the first 50 ms
    assert word(image.symbol("spin_count").address) == 2
    assert board.core.cycles == pytest.approx(1.2 * hz, rel=1e-3)
    board.close()
    world.close()
