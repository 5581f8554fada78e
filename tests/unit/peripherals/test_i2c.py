"""I2C interfaces, driven step by step as the vendor's HAL drives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import UsageError
from harness.virtual.board.devices.i2c import I2cDevice
from harness.virtual.board.devices.mcp9808 import Mcp9808
from harness.virtual.board.devices.registers import I2cRegisters
from harness.virtual.board.peripherals.i2c import (
    ARLO,
    AUTOEND,
    BERR,
    BUSY,
    NACKF,
    RD_WRN,
    RELOAD,
    RXNE,
    START,
    STOP,
    STOPF,
    TC,
    TCR,
    TIMEOUT,
    TXE,
    TXIS,
)

if TYPE_CHECKING:
    from tests.unit.peripherals.conftest import Chip

TIMING = 0x00C0_1F67
"""SCLH 0x1F, SCLL 0x67: what the vendor's tool makes of a slow peripheral clock."""
SCL = 0x1F + 0x67 + 2


def enable(chip: Chip, name: str = "I2C1", cr1: int = 0) -> None:
    chip.write(name, "CR1", 0)
    chip.write(name, "TIMINGR", TIMING)
    chip.write(name, "CR1", 1 | cr1)


def transfer(chip: Chip, address: int, count: int, flags: int, name: str = "I2C1") -> None:
    """I2C_TransferConfig: the address is the 8-bit one."""
    chip.write(name, "CR2", address << 1 | count << 16 | flags)


def mem_read(chip: Chip, address: int, register: int, count: int) -> bytes:
    """HAL_I2C_Mem_Read with an 8-bit register number."""
    transfer(chip, address, 1, START)
    chip.wait("I2C1", "ISR", TXIS)
    chip.write("I2C1", "TXDR", register)
    chip.wait("I2C1", "ISR", TC)
    transfer(chip, address, count, START | RD_WRN | AUTOEND)
    data = bytearray()
    for _ in range(count):
        chip.wait("I2C1", "ISR", RXNE)
        data.append(chip.read("I2C1", "RXDR"))
    chip.wait("I2C1", "ISR", STOPF)
    chip.write("I2C1", "ICR", STOPF)
    return bytes(data)


def mem_write(chip: Chip, address: int, register: int, data: bytes) -> None:
    """HAL_I2C_Mem_Write: the register's number in reload mode, then the data."""
    transfer(chip, address, 1, START | RELOAD)
    chip.wait("I2C1", "ISR", TXIS)
    chip.write("I2C1", "TXDR", register)
    chip.wait("I2C1", "ISR", TCR)
    transfer(chip, address, len(data), AUTOEND)
    for byte in data:
        chip.wait("I2C1", "ISR", TXIS)
        chip.write("I2C1", "TXDR", byte)
    chip.wait("I2C1", "ISR", STOPF)
    chip.write("I2C1", "ICR", STOPF)


def is_ready(chip: Chip, address: int) -> bool:
    """One trial of HAL_I2C_IsDeviceReady."""
    transfer(chip, address, 0, START | AUTOEND)
    status = chip.wait("I2C1", "ISR", STOPF | NACKF)
    chip.wait("I2C1", "ISR", STOPF)
    chip.write("I2C1", "ICR", STOPF | NACKF)
    assert chip.read("I2C1", "ISR") == TXE
    return not status & NACKF


def test_reset_values(chip: Chip) -> None:
    assert chip.read("I2C1", "ISR") == TXE
    assert {name: chip.read(name, "CR1") for name in ("I2C2", "I2C3", "I2C4")} == dict.fromkeys(
        ("I2C2", "I2C3", "I2C4"), 0)


def test_ready_and_not_ready(chip: Chip) -> None:
    chip.soc.i2c("I2C1").attach(Mcp9808())
    enable(chip)
    assert is_ready(chip, 0x18)
    assert not is_ready(chip, 0x19)
    assert chip.read("I2C1", "CR2") & (START | STOP) == 0


def test_nobody_answers_on_an_empty_bus(chip: Chip) -> None:
    enable(chip)
    transfer(chip, 0x18, 2, START | AUTOEND)
    chip.run(9 * SCL)
    assert chip.read("I2C1", "ISR") & (BUSY | NACKF) == BUSY
    chip.run(SCL)
    assert chip.read("I2C1", "ISR") & (BUSY | NACKF | TXIS) == BUSY | NACKF
    chip.run(2 * SCL)
    assert chip.read("I2C1", "ISR") & (BUSY | NACKF | STOPF) == NACKF | STOPF


def test_registers_are_read_and_written(chip: Chip) -> None:
    device = chip.soc.i2c("I2C1").attach(I2cRegisters(0x68, {0x75: 0x68}, read_only=[0x75]))
    enable(chip)
    mem_write(chip, 0x68, 0x10, b"\x01\x02\x03")
    assert device.registers.written == [(0x10, 1), (0x11, 2), (0x12, 3)]
    assert mem_read(chip, 0x68, 0x10, 4) == b"\x01\x02\x03\x00"
    mem_write(chip, 0x68, 0x75, b"\xff")
    assert mem_read(chip, 0x68, 0x75, 1) == b"\x68"


def test_a_preloaded_byte_goes_out_without_being_asked_for(chip: Chip) -> None:
    """HAL_I2C_Master_Transmit of newer releases writes TXDR before the start."""
    device = chip.soc.i2c("I2C1").attach(I2cRegisters(0x68))
    enable(chip)
    chip.write("I2C1", "TXDR", 5)
    transfer(chip, 0x68, 2, START | AUTOEND)
    chip.wait("I2C1", "ISR", TXIS)
    chip.write("I2C1", "TXDR", 0xAB)
    chip.wait("I2C1", "ISR", STOPF)
    assert device.registers[5] == 0xAB


def test_more_than_255_bytes_by_reload(chip: Chip) -> None:
    data = bytes(n & 0xFF for n in range(256))
    device = chip.soc.i2c("I2C1").attach(I2cRegisters(0x68, dict(enumerate(data))))
    enable(chip)
    transfer(chip, 0x68, 1, START)
    chip.wait("I2C1", "ISR", TXIS)
    chip.write("I2C1", "TXDR", 0)
    chip.wait("I2C1", "ISR", TC)
    transfer(chip, 0x68, 255, START | RD_WRN | RELOAD)
    heard = bytearray()
    for n in range(300):
        if n == 255:
            chip.wait("I2C1", "ISR", TCR)
            transfer(chip, 0x68, 45, RD_WRN | AUTOEND)
        chip.wait("I2C1", "ISR", RXNE)
        heard.append(chip.read("I2C1", "RXDR"))
    chip.wait("I2C1", "ISR", STOPF)
    assert bytes(heard) == data + data[:44]
    assert device.registers.written == []


def test_a_stop_by_software(chip: Chip) -> None:
    chip.soc.i2c("I2C1").attach(I2cRegisters(0x68))
    enable(chip)
    transfer(chip, 0x68, 1, START)
    chip.wait("I2C1", "ISR", TXIS)
    chip.write("I2C1", "TXDR", 0)
    chip.wait("I2C1", "ISR", TC)
    chip.write("I2C1", "CR2", chip.read("I2C1", "CR2") | STOP)
    chip.wait("I2C1", "ISR", STOPF)
    assert chip.read("I2C1", "CR2") & STOP == 0


class Picky(I2cDevice):
    """Acknowledges one byte only."""

    def __init__(self) -> None:
        super().__init__(0x20)
        self.stops = 0

    def write(self, byte: int) -> bool:
        return byte != 0xFF

    def read(self) -> int:
        return 0

    def stopped(self) -> None:
        self.stops += 1


def test_data_that_is_not_acknowledged(chip: Chip) -> None:
    device = chip.soc.i2c("I2C1").attach(Picky())
    enable(chip)
    transfer(chip, 0x20, 3, START | AUTOEND)
    chip.wait("I2C1", "ISR", TXIS)
    chip.write("I2C1", "TXDR", 1)
    chip.wait("I2C1", "ISR", TXIS)
    chip.write("I2C1", "TXDR", 0xFF)
    assert chip.wait("I2C1", "ISR", STOPF) & (NACKF | TXIS) == NACKF
    assert device.stops == 1


def test_interrupts(chip: Chip) -> None:
    chip.soc.i2c("I2C1").attach(I2cRegisters(0x68))
    enable(chip, cr1=1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7)
    transfer(chip, 0x68, 2, START | AUTOEND)
    for byte in (3, 4):
        chip.run(20 * SCL)
        assert chip.lines[55]
        assert chip.read("I2C1", "ISR") & TXIS
        chip.write("I2C1", "TXDR", byte)
        assert not chip.lines[55]
    chip.run(20 * SCL)
    assert chip.lines[55]
    assert chip.read("I2C1", "ISR") & STOPF
    chip.write("I2C1", "ICR", STOPF)
    assert not chip.lines[55]
    assert not chip.lines.get(56)


@pytest.mark.parametrize(("fault", "flag"), [("lose_arbitration", ARLO), ("disturb", BERR)])
def test_faults_on_the_bus(chip: Chip, fault: str, flag: int) -> None:
    bus = chip.soc.i2c("I2C2")
    bus.attach(I2cRegisters(0x68))
    enable(chip, "I2C2", cr1=1 << 7)
    getattr(bus, fault)()
    transfer(chip, 0x68, 1, START | AUTOEND, "I2C2")
    assert chip.wait("I2C2", "ISR", flag) & BUSY == 0
    assert chip.raised == [58]
    chip.write("I2C2", "ICR", flag)
    assert not chip.lines[58]
    transfer(chip, 0x68, 1, START | AUTOEND, "I2C2")
    chip.wait("I2C2", "ISR", TXIS)


def test_a_held_clock_stops_everything_until_it_is_released(chip: Chip) -> None:
    bus = chip.soc.i2c("I2C1")
    bus.attach(I2cRegisters(0x68))
    enable(chip)
    bus.hold_clock()
    transfer(chip, 0x68, 1, START | AUTOEND)
    chip.run(64_000_000)
    assert chip.read("I2C1", "ISR") == BUSY | TXE
    assert len(chip.agenda) == 0  # nothing polls meanwhile
    bus.release()
    chip.wait("I2C1", "ISR", TXIS)


def test_a_held_clock_times_out_if_asked_for(chip: Chip) -> None:
    bus = chip.soc.i2c("I2C1")
    enable(chip, cr1=1 << 7)
    chip.write("I2C1", "TIMEOUTR", 1 << 15 | 99)
    bus.hold_clock()
    transfer(chip, 0x68, 1, START | AUTOEND)
    start = chip.cycles
    chip.wait("I2C1", "ISR", TIMEOUT)
    assert 0 <= chip.cycles - start - 100 * 2048 - 10 * SCL < 20
    assert chip.raised == [56]


def test_clearing_pe_resets_the_bus_side(chip: Chip) -> None:
    chip.soc.i2c("I2C1").attach(I2cRegisters(0x68))
    enable(chip)
    transfer(chip, 0x68, 1, START)
    chip.wait("I2C1", "ISR", TXIS)
    chip.write("I2C1", "CR1", 0)
    assert chip.read("I2C1", "ISR") == TXE
    assert chip.read("I2C1", "TIMINGR") == TIMING
    chip.write("I2C1", "CR2", START)
    assert chip.read("I2C1", "CR2") & START == 0


def test_time_goes_by_timingr_and_the_kernel_clock(chip: Chip) -> None:
    i2c = chip.soc.i2cs["I2C1"]
    chip.write("I2C1", "TIMINGR", 3 << 28 | 9 << 8 | 9)
    assert i2c.scl_cycles == 4 * 20
    chip.write("RCC", "CCIPR1", 2 << 10)  # HSI16
    assert i2c.scl_cycles == 4 * 4 * 20


def test_names_and_addresses(chip: Chip) -> None:
    with pytest.raises(UsageError, match="I2C1, I2C2, I2C3, I2C4"):
        chip.soc.i2c("I2C5")
    bus = chip.soc.i2c("I2C1")
    bus.attach(Mcp9808())
    with pytest.raises(UsageError, match="has this address already"):
        bus.attach(I2cRegisters(0x18))
    with pytest.raises(UsageError, match="0x08 to 0x77"):
        Mcp9808(0x80)
