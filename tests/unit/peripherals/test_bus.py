"""Register access: sizes, masks, addresses where nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.virtual.board.core.interface import BusError
from harness.virtual.board.peripherals.base import Peripheral, Register

if TYPE_CHECKING:
    from tests.unit.peripherals.conftest import Chip


class Block(Peripheral):
    """Plain bits below, clear-by-one bits in the middle, clear-by-zero bits above."""

    REGISTERS = (Register(name="R", offset=4, reset=0xFF00_FF00, write=0xFF, clear_by_one=0xFF00,
                          clear_by_zero=0xFF00_0000),)


@settings(deadline=None)
@given(st.integers(0, 3), st.sampled_from([1, 2, 4]), st.integers(0, 0xFFFF_FFFF))
def test_partial_writes_touch_only_their_bytes(offset: int, size: int, value: int) -> None:
    if offset % size:
        return
    block = Block(None, "BLOCK", 0)  # type: ignore[arg-type]
    block.write(4 + offset, size, value)
    mask = ((1 << 8 * size) - 1) << 8 * offset
    value = value << 8 * offset & mask
    expected = value & 0xFF | 0xFF00 & ~value | (0xFF00_0000 & (value | ~mask))
    assert block.read(4, 4) == expected
    assert block.read(4 + offset, size) == (expected & mask) >> 8 * offset


def test_what_is_not_modelled_reads_as_zero_and_is_told_once(chip: Chip) -> None:
    for _ in range(3):
        assert chip.soc.bus.read(0x4000_7800, 4) == 0
        chip.soc.bus.write(0x4202_0038, 4, 1)
    assert chip.of("unmodelled_register_accessed") == [
        {"address": "0x40007800", "peripheral": "", "write": False},
        {"address": "0x42020038", "peripheral": "GPIOA", "write": True, "value": 1}]


def test_strict_boards_fault_on_what_is_not_modelled(strict_chip: Chip) -> None:
    with pytest.raises(BusError) as caught:
        strict_chip.soc.bus.write(0x4000_7800, 4, 1)
    assert (caught.value.address, caught.value.write) == (0x4000_7800, True)
    assert strict_chip.read("GPIOA", "IDR") >= 0


def test_secure_aliases_fault_on_every_board(chip: Chip) -> None:
    with pytest.raises(BusError):
        chip.soc.bus.read(0x5202_0000, 4)


@pytest.mark.parametrize("name", ["PA16", "PJ0", "A5", "PA", "PA05", "pa5", ""])
def test_pins_that_do_not_exist(chip: Chip, name: str) -> None:
    with pytest.raises(UsageError, match="PA0 to PI15"):
        chip.soc.pin(name)


def test_names_that_do_not_exist(chip: Chip) -> None:
    with pytest.raises(UsageError, match="USART1"):
        chip.soc.uart("USART9")
    with pytest.raises(UsageError, match="GPIOA"):
        chip.soc.peripheral("GPIOZ")
