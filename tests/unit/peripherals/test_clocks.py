"""The clock tree: register values decode to what the kernel tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.virtual.board.peripherals.clock_tree import MSI_RANGES, clock_tree, decode

if TYPE_CHECKING:
    from tests.unit.peripherals.conftest import Chip


@pytest.mark.parametrize("hz", [*MSI_RANGES, 16_000_000, 32_000_000, 64_000_000, 72_000_000, 80_000_000, 100_000_000,
                                110_000_000, 120_000_000, 160_000_000])
def test_frequencies_come_back(hz: int) -> None:
    tree = clock_tree(hz)
    assert decode(tree.registers) == hz == tree.hclk == tree.pclk1 == tree.pclk2
    assert tree.registers["CFGR2"] == tree.registers["CFGR3"] == 0


@settings(deadline=None)
@given(st.integers(1, 160))
def test_every_whole_megahertz_that_is_accepted_comes_back(mhz: int) -> None:
    try:
        tree = clock_tree(mhz * 1_000_000)
    except UsageError:
        return
    assert decode(tree.registers) == mhz * 1_000_000


def test_pll_fields_mean_what_the_manual_says() -> None:
    """PLL1SRC counts otherwise than SWS: 1 is MSIS, 2 is HSI16. Applications that use a UART decode it themselves."""
    registers = clock_tree(64_000_000).registers
    assert registers["CFGR1"] >> 2 & 3 == 3  # SWS: PLL1
    assert registers["PLL1CFGR"] & 3 == 2
    divided = 16_000_000 // ((registers["PLL1CFGR"] >> 8 & 0xF) + 1)
    assert divided * ((registers["PLL1DIVR"] & 0x1FF) + 1) // ((registers["PLL1DIVR"] >> 24 & 0x7F) + 1) == 64_000_000
    from_msis = registers | {"PLL1CFGR": registers["PLL1CFGR"] & ~3 | 1}
    assert decode(from_msis) == 16_000_000  # a quarter, from 4 MHz
    assert decode(from_msis | {"ICSCR1": 0, "CSR": 2 << 12 | 7 << 8}) == 64_000_000  # MSISSRANGE, not MSIKSRANGE
    for source in (0, 3):
        with pytest.raises(UsageError, match="no external oscillator"):
            decode(registers | {"PLL1CFGR": registers["PLL1CFGR"] & ~3 | source})


@pytest.mark.parametrize("hz", [0, -1, 7, 160_000_001, 63_999_999])
def test_frequencies_the_chip_can_not_make(hz: int) -> None:
    with pytest.raises(UsageError, match="can't make a clock"):
        clock_tree(hz)


def test_rcc_shows_the_tree_and_keeps_it(chip: Chip) -> None:
    assert chip.soc.bus.read(0x4602_0C20, 4) == 0  # what HAL_Init loads directly
    before = chip.read("RCC", "CFGR1")
    assert before & 0xC == 0xC
    chip.write("RCC", "CFGR1", 0)
    assert chip.read("RCC", "CFGR1") == before
    chip.write("RCC", "AHB2ENR1", 1)
    assert chip.read("RCC", "AHB2ENR1") == 1


def test_power_is_always_ready_and_flash_has_a_latency(chip: Chip) -> None:
    assert chip.read("PWR", "VOSR") & 1 << 15
    assert chip.read("FLASH", "ACR") == 4
    chip.write("PWR", "DBPR", 0xFF)
    assert chip.read("PWR", "DBPR") == 1
