"""Any access anywhere in the peripheral space, with any time between: at most a bus error, and it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.virtual.board.core.interface import BusError
from harness.virtual.board.devices.ht16k33 import Ht16k33
from harness.virtual.board.devices.lis3dh import Lis3dh
from harness.virtual.board.devices.mcp9808 import Mcp9808
from harness.virtual.board.devices.spi import SpiLoopback

if TYPE_CHECKING:
    from tests.unit.peripherals.conftest import Chip

MAX_EVENTS = 20_000
"""More than any of these runs may need: a peripheral that calls itself for ever is found out."""

_WORDS = st.one_of(st.integers(0, 0xFFFF_FFFF), st.sampled_from([0, 1, 0xFFFF_FFFF, 0x8000_0000, 0xFFFF]))


def addresses(chip: Chip) -> list[int]:
    blocks = [chip.soc.peripheral(name) for name in chip.soc.names]
    return [block.base + register.offset for block in blocks for register in block.REGISTERS]


def access(chip: Chip, address: int, size: int, value: int | None) -> None:
    address &= ~(size - 1)
    try:
        if value is None:
            found = chip.soc.bus.read(address, size)
            assert 0 <= found < 1 << 8 * size
        else:
            chip.soc.bus.write(address, size, value & (1 << 8 * size) - 1)
    except BusError:
        pass  # the application's fault, in both senses


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_registers_bear_anything(new_chip: Callable[[], Chip], data: st.DataObject) -> None:
    chip = new_chip()
    for device in (Mcp9808(), Lis3dh(), Ht16k33()):
        chip.soc.i2c("I2C1").attach(device)
    chip.soc.spi("SPI1").attach(SpiLoopback(), select="PA4")
    chip.soc.spi("SPI2").attach(SpiLoopback())
    known = addresses(chip)
    steps = data.draw(st.lists(st.tuples(
        st.sampled_from(known), st.sampled_from([1, 2, 4]), st.one_of(st.none(), _WORDS), st.integers(0, 3),
        st.integers(0, 2000)), min_size=5, max_size=60))
    for address, size, value, within, cycles in steps:
        access(chip, address + within, size, value)
        if cycles % 7 == 0:
            chip.soc.uart("USART2").send(b"x")
            chip.soc.pin("PA0").drive(cycles & 1)
        chip.run(cycles, at_most=MAX_EVENTS)
    chip.soc.reset()
    chip.run(1000, at_most=MAX_EVENTS)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["GPDMA1", "I2C1", "SPI1", "USART2", "TIM1", "TIM2", "ADC1", "RTC", "IWDG", "RNG"]), st.data())
def test_one_peripheral_bears_anything(new_chip: Callable[[], Chip], name: str, data: st.DataObject) -> None:
    """Many accesses to one block reach further into its states than a few to each."""
    chip = new_chip()
    chip.soc.i2c("I2C1").attach(Mcp9808())
    block = chip.soc.peripheral(name)
    offsets = [register.offset for register in block.REGISTERS][:40]
    for offset, value, cycles in data.draw(st.lists(st.tuples(
            st.sampled_from(offsets), st.one_of(st.none(), _WORDS), st.integers(0, 5000)), min_size=10, max_size=80)):
        access(chip, block.base + offset, 4, value)
        chip.run(cycles, at_most=MAX_EVENTS)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0x4000_0000, 0x5FFF_FFFF), st.sampled_from([1, 2, 4]),
                          st.one_of(st.none(), _WORDS)), max_size=40), st.booleans())
def test_the_whole_space_bears_anything(new_chip: Callable[..., Chip], steps: list[tuple[int, int, int | None]],
                                        strict: bool) -> None:
    chip = new_chip(strict=strict)
    for address, size, value in steps:
        access(chip, address, size, value)
    chip.run(1000, at_most=MAX_EVENTS)


def test_a_scan_of_the_whole_space_is_told_of_within_bounds(chip: Chip) -> None:
    for address in range(0x4000_0000, 0x4002_0000, 4):
        access(chip, address, 4, None)
        access(chip, address, 4, 0)
    assert len(chip.of("unmodelled_register_accessed")) == 4096
