"""SPI interfaces, driven step by step as the vendor's HAL drives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.virtual.board.devices.registers import SpiRegisters
from harness.virtual.board.devices.spi import SpiDevice, SpiLoopback
from harness.virtual.board.peripherals.spi import EOT, OVR, RXP, SPIS, SUSP, TXC, TXP, TXTF

if TYPE_CHECKING:
    from tests.unit.peripherals.conftest import Chip

SPE, MASRX, CSTART, CSUSP, SSI = 1, 1 << 8, 1 << 9, 1 << 10, 1 << 12
MASTER, SSM = 1 << 22, 1 << 26
SEND_ONLY, RECEIVE_ONLY = 1 << 17, 2 << 17
DIVIDE_BY_16 = 3 << 28


def start(chip: Chip, count: int, *, bits: int = 8, cfg2: int = 0, threshold: int = 1, name: str = "SPI1",
          cfg1: int = 0) -> None:
    chip.write(name, "CR1", SSI)
    chip.write(name, "CFG1", DIVIDE_BY_16 | (threshold - 1) << 5 | bits - 1 | cfg1)
    chip.write(name, "CFG2", MASTER | SSM | cfg2)
    chip.write(name, "CR2", count)
    chip.write(name, "CR1", SSI | SPE)
    chip.write(name, "CR1", SSI | SPE | CSTART)


def finish(chip: Chip, name: str = "SPI1") -> int:
    """SPI_CloseTransfer."""
    status = chip.read(name, "SR")
    chip.write(name, "IFCR", EOT | TXTF)
    chip.write(name, "CR1", SSI)
    return status


def transmit_receive(chip: Chip, data: bytes, *, bits: int = 8, name: str = "SPI1") -> bytes:
    """HAL_SPI_TransmitReceive with one frame an access."""
    size = 1 if bits <= 8 else 2 if bits <= 16 else 4
    frames = [data[n:n + size] for n in range(0, len(data), size)]
    start(chip, len(frames), bits=bits, name=name)
    heard, pending, deadline = bytearray(), list(frames), chip.cycles + 10_000_000
    while len(heard) < len(data):
        status = chip.read(name, "SR")
        if status & TXP and pending:
            chip.write(name, "TXDR", int.from_bytes(pending.pop(0), "little"), size)
        if status & RXP:
            heard += chip.read(name, "RXDR", size).to_bytes(size, "little")
        chip.run(8)
        assert chip.cycles < deadline
    chip.wait(name, "SR", EOT)
    assert not finish(chip, name) & OVR
    return bytes(heard)


def test_reset_values(chip: Chip) -> None:
    for name in SPIS:
        assert chip.read(name, "SR") == TXC | TXP
        assert chip.read(name, "CFG1") == 0x0007_0007


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=1, max_size=60), st.sampled_from([(8, 1), (16, 2), (32, 4)]), st.sampled_from(list(SPIS)))
def test_a_loop_gives_back_what_was_sent(new_chip: Callable[[], Chip], data: bytes, width: tuple[int, int],
                                         name: str) -> None:
    chip = new_chip()
    chip.soc.spi(name).attach(SpiLoopback())
    bits, size = width
    data = data[:len(data) // size * size] or bytes(size)
    assert transmit_receive(chip, data, bits=bits, name=name) == data


def test_nobody_drives_miso(chip: Chip) -> None:
    assert transmit_receive(chip, b"\x00\x01") == b"\xff\xff"


def test_frames_take_their_time(chip: Chip) -> None:
    start(chip, 2)
    chip.write("SPI1", "TXDR", 0x55, 1)
    chip.run(8 * 16 - 1)
    assert chip.read("SPI1", "SR") >> 16 == 2
    chip.run(1)
    assert chip.read("SPI1", "SR") >> 16 == 1
    assert not chip.read("SPI1", "SR") & EOT


def test_wide_accesses_move_several_frames(chip: Chip) -> None:
    """With a data threshold of four frames the HAL writes and reads words."""
    chip.soc.spi("SPI1").attach(SpiLoopback())
    start(chip, 4, threshold=4)
    assert chip.read("SPI1", "SR") & TXP
    chip.write("SPI1", "TXDR", 0x0403_0201)
    assert chip.read("SPI1", "SR") & TXTF
    chip.wait("SPI1", "SR", RXP)
    assert chip.read("SPI1", "RXDR") == 0x0403_0201
    assert chip.read("SPI1", "SR") & EOT


def test_sending_only(chip: Chip) -> None:
    heard: list[int] = []

    class Listener(SpiDevice):
        def transfer(self, value: int, bits: int) -> int:
            heard.append(value)
            return 0

    chip.soc.spi("SPI1").attach(Listener())
    start(chip, 20, cfg2=SEND_ONLY)
    for n in range(20):
        chip.wait("SPI1", "SR", TXP)
        chip.write("SPI1", "TXDR", n, 1)
    assert not chip.wait("SPI1", "SR", EOT) & (OVR | RXP)
    assert heard == list(range(20))


def test_receiving_only(chip: Chip) -> None:
    chip.soc.spi("SPI1").attach(SpiRegisters({0x7F: 7}, read_bit=0x80))
    start(chip, 3, cfg2=RECEIVE_ONLY)
    heard = []
    for _ in range(3):
        chip.wait("SPI1", "SR", RXP)
        heard.append(chip.read("SPI1", "RXDR", 1))
    chip.wait("SPI1", "SR", EOT)
    assert heard == [0xFF, 7, 0]  # MOSI is high: register 0x7f is read


def test_registers_behind_a_select_pin(chip: Chip) -> None:
    first = chip.soc.spi("SPI1").attach(SpiRegisters({0x0F: 0x33}), select="PA4")
    chip.soc.spi("SPI1").attach(SpiRegisters({0x0F: 0x44}), select="PB0")
    chip.write("GPIOA", "BSRR", 1 << 4)
    chip.write("GPIOB", "BSRR", 1)
    chip.write("GPIOA", "MODER", 0xABFF_FDFF)
    chip.write("GPIOB", "MODER", 0xFFFF_FEBD)
    chip.write("GPIOA", "BRR", 1 << 4)
    assert transmit_receive(chip, b"\x8f\x00") == b"\xff\x33"
    chip.write("GPIOA", "BSRR", 1 << 4)
    chip.write("GPIOB", "BRR", 1)
    assert transmit_receive(chip, b"\x8f\x00") == b"\xff\x44"
    chip.write("GPIOB", "BSRR", 1)
    assert transmit_receive(chip, b"\x8f\x00") == b"\xff\xff"
    chip.write("GPIOA", "BRR", 1 << 4)
    transmit_receive(chip, b"\x20\x57\x08")
    assert first.registers.written == [(0x20, 0x57), (0x21, 0x08)]


def test_least_significant_bit_first(chip: Chip) -> None:
    seen: list[int] = []

    class Listener(SpiDevice):
        def transfer(self, value: int, bits: int) -> int:
            seen.append(value)
            return 0x01

    chip.soc.spi("SPI1").attach(Listener())
    start(chip, 1, cfg2=1 << 23)
    chip.write("SPI1", "TXDR", 0x80, 1)
    chip.wait("SPI1", "SR", EOT)
    assert seen == [0x01]
    assert chip.read("SPI1", "RXDR", 1) == 0x80


def test_interrupts_and_the_end(chip: Chip) -> None:
    chip.soc.spi("SPI1").attach(SpiLoopback())
    chip.write("SPI1", "IER", 1 << 0 | 1 << 1 | 1 << 3)
    start(chip, 2)
    assert chip.lines[59]
    chip.write("SPI1", "TXDR", 1, 1)
    chip.write("SPI1", "TXDR", 2, 1)
    assert not chip.lines[59]
    chip.run(8 * 16)
    assert chip.lines[59]
    assert chip.read("SPI1", "RXDR", 1) == 1
    assert not chip.lines[59]
    chip.run(8 * 16)
    assert chip.read("SPI1", "RXDR", 1) == 2
    assert chip.lines[59]
    chip.write("SPI1", "IFCR", EOT | TXTF)
    assert not chip.lines[59]
    assert chip.read("SPI1", "CR1") & CSTART == 0


def test_what_is_not_fetched_overruns(chip: Chip) -> None:
    start(chip, 20)
    for n in range(20):
        chip.wait("SPI1", "SR", TXP)
        chip.write("SPI1", "TXDR", n, 1)
    assert chip.wait("SPI1", "SR", EOT) & OVR
    chip.write("SPI1", "IFCR", OVR)
    assert not chip.read("SPI1", "SR") & OVR


def test_suspension(chip: Chip) -> None:
    start(chip, 0)
    chip.write("SPI1", "CR1", SSI | SPE | CSUSP)
    assert chip.read("SPI1", "SR") & SUSP
    assert chip.read("SPI1", "CR1") & CSTART == 0


def test_by_dma(chip: Chip) -> None:
    chip.soc.spi("SPI1").attach(SpiLoopback())
    chip.ram[:6] = b"by dma"
    for channel, registers in ((0, {"TR1": 1 << 19, "TR2": 6, "SAR": chip.address("SPI1", "RXDR"), "DAR": 0x2000_0100}),
                               (1, {"TR1": 1 << 3, "TR2": 7 | 1 << 10, "SAR": 0x2000_0000,
                                    "DAR": chip.address("SPI1", "TXDR")})):
        for register, value in registers.items():
            chip.write("GPDMA1", f"C{channel}{register}", value)
        chip.write("GPDMA1", f"C{channel}BR1", 6)
        chip.write("GPDMA1", f"C{channel}CR", 1 | 1 << 8)
    start(chip, 6, cfg1=1 << 14 | 1 << 15)
    chip.wait("SPI1", "SR", EOT)
    chip.run(20)
    assert chip.ram[0x100:0x106] == b"by dma"
    assert sorted(chip.raised) == [29, 30]


def test_attaching(chip: Chip) -> None:
    bus = chip.soc.spi("SPI1")
    device = bus.attach(SpiLoopback())
    with pytest.raises(UsageError, match="attached already"):
        bus.attach(device)
    with pytest.raises(UsageError, match="no pin"):
        bus.attach(SpiLoopback(), select="PX1")
    bus.detach(device)
    bus.detach(device)
    assert bus.devices == ()
    with pytest.raises(UsageError, match="SPI1, SPI2, SPI3"):
        chip.soc.spi("SPI4")
