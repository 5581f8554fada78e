"""The DMA controller: blocks, widths, lists, requests of peripherals, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.virtual.board.devices.registers import I2cRegisters
from harness.virtual.board.peripherals.gpdma import DTEF, HTF, IDLEF, IRQS, SUSPF, TCF, ULEF, USEF

if TYPE_CHECKING:
    from tests.unit.peripherals.conftest import Chip

RAM = 0x2000_0000
EN, RESET, SUSP, TCIE, HTIE, DTEIE = 1, 2, 4, 1 << 8, 1 << 9, 1 << 10
SINC, DINC, SWREQ, DREQ = 1 << 3, 1 << 19, 1 << 9, 1 << 10
UT1, UT2, UB1, USA, UDA, ULL = 1 << 31, 1 << 30, 1 << 29, 1 << 28, 1 << 27, 1 << 16
USART2_RX, USART2_TX, I2C1_RX, I2C1_TX = 26, 27, 12, 13
UE, RE, TE, DMAR, DMAT = 1, 4, 8, 1 << 6, 1 << 7


def start(chip: Chip, channel: int, *, source: int, destination: int, size: int, tr1: int, tr2: int,
          flags: int = TCIE | HTIE | DTEIE) -> None:
    """As HAL_DMA_Start_IT does it."""
    for register, value in (("FCR", 0x7F00), ("TR1", tr1), ("TR2", tr2), ("BR1", size), ("SAR", source),
                            ("DAR", destination), ("LLR", 0), ("CR", flags)):
        chip.write("GPDMA1", f"C{channel}{register}", value)
    chip.write("GPDMA1", f"C{channel}CR", flags | EN)


def status(chip: Chip, channel: int = 0) -> int:
    return chip.read("GPDMA1", f"C{channel}SR")


def test_reset_values(chip: Chip) -> None:
    assert status(chip) == IDLEF
    assert chip.soc.dma.base + 0x50 + 15 * 0x80 + 0x7C == chip.address("GPDMA1", "C15LLR")


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(0, 2), st.integers(0, 2))
def test_memory_to_memory_in_any_widths(new_chip: Callable[[], Chip], items: int, wide: int, narrow: int) -> None:
    chip = new_chip()
    size = items << max(wide, narrow)
    chip.ram[:size] = bytes(n * 7 & 0xFF for n in range(size))
    start(chip, 3, source=RAM, destination=RAM + 0x800, size=size, tr2=SWREQ,
          tr1=SINC | DINC | wide | narrow << 16 | 2 << 11)
    chip.run(64 * items + 100)
    assert chip.ram[0x800:0x800 + size] == chip.ram[:size]
    assert status(chip, 3) == IDLEF | TCF | HTF
    assert chip.raised == [IRQS[3]]
    assert chip.read("GPDMA1", "MISR") == 1 << 3
    assert chip.read("GPDMA1", "C3BR1") == 0
    assert chip.read("GPDMA1", "C3CR") & EN == 0
    chip.write("GPDMA1", "C3FCR", 0x7F00)
    assert not chip.lines[IRQS[3]]


@pytest.mark.parametrize(("padding", "result"), [(0, b"\x81\x00\x00\x00"), (1, b"\x81\xff\xff\xff")])
def test_bytes_become_words(chip: Chip, padding: int, result: bytes) -> None:
    chip.ram[0] = 0x81
    start(chip, 0, source=RAM, destination=RAM + 8, size=1, tr2=SWREQ, tr1=2 << 16 | padding << 11)
    chip.run(100)
    assert chip.ram[8:12] == result


@pytest.mark.parametrize(("padding", "result"), [(0, 0x44), (1, 0x11)])
def test_words_become_bytes(chip: Chip, padding: int, result: int) -> None:
    chip.ram[0:4] = b"\x44\x33\x22\x11"
    start(chip, 0, source=RAM, destination=RAM + 8, size=4, tr2=SWREQ, tr1=2 | padding << 11)
    chip.run(100)
    assert chip.ram[8] == result


def test_a_serial_interface_sends_from_memory(chip: Chip) -> None:
    text = b"by dma\n"
    chip.ram[:len(text)] = text
    chip.write("USART2", "BRR", 556)
    chip.write("USART2", "CR1", UE | RE | TE)
    start(chip, 1, source=RAM, destination=chip.address("USART2", "TDR"), size=len(text), tr1=SINC,
          tr2=USART2_TX | DREQ)
    assert not status(chip, 1) & IDLEF
    chip.write("USART2", "ICR", 1 << 6)
    chip.write("USART2", "CR3", DMAT)
    chip.run(4 * 5560)
    assert status(chip, 1) & (HTF | TCF) == HTF
    chip.run(10 * 5560)
    assert status(chip, 1) & (HTF | TCF | IDLEF) == HTF | TCF | IDLEF
    assert chip.read("USART2", "ISR") & 1 << 6
    assert chip.of("uart_line") == [{"uart": "USART2", "text": "by dma"}]


def test_a_serial_interface_receives_into_memory(chip: Chip) -> None:
    chip.write("USART2", "BRR", 556)
    chip.write("USART2", "CR1", UE | RE | TE)
    start(chip, 0, source=chip.address("USART2", "RDR"), destination=RAM, size=5, tr1=DINC, tr2=USART2_RX)
    chip.write("USART2", "CR3", DMAR)
    chip.soc.uart("USART2").send(b"hello, too much")
    chip.run(20 * 5560)
    assert chip.ram[:6] == b"hello\0"
    assert status(chip, 0) & TCF
    assert chip.read("USART2", "ISR") & (1 << 5 | 1 << 3)  # nobody fetched the rest


def test_i2c_by_dma(chip: Chip) -> None:
    device = chip.soc.i2c("I2C1").attach(I2cRegisters(0x68))
    chip.write("I2C1", "CR1", 1 | 1 << 14 | 1 << 15)
    chip.ram[:4] = b"\x10abc"
    start(chip, 4, source=RAM, destination=chip.address("I2C1", "TXDR"), size=4, tr1=SINC, tr2=I2C1_TX | DREQ)
    chip.write("I2C1", "CR2", 0x68 << 1 | 4 << 16 | 1 << 13 | 1 << 25)
    chip.wait("I2C1", "ISR", 1 << 5)
    chip.write("I2C1", "ICR", 1 << 5)
    assert device.registers.written == [(0x10, 0x61), (0x11, 0x62), (0x12, 0x63)]
    device.registers[0x13] = 0x64
    start(chip, 5, source=chip.address("I2C1", "RXDR"), destination=RAM + 16, size=1, tr1=DINC, tr2=I2C1_RX)
    chip.write("I2C1", "CR2", 0x68 << 1 | 1 << 16 | 1 << 13 | 1 << 25 | 1 << 10)
    chip.wait("I2C1", "ISR", 1 << 5)
    assert chip.ram[16] == 0x64
    assert status(chip, 5) & TCF


def item(chip: Chip, address: int, **words: int) -> None:
    for index, value in enumerate(words.values()):
        chip.write_bus(address + 4 * index, 4, value)


def test_a_circular_list_goes_round(chip: Chip) -> None:
    """As the vendor's HAL does circular reception: one node that links to itself."""
    chip.write("USART2", "BRR", 556)
    chip.write("USART2", "CR1", UE | RE | TE)
    node, buffer = RAM + 0x100, RAM + 0x200
    link = UB1 | UDA | ULL | node & 0xFFFC
    item(chip, node, br1=4, dar=buffer, llr=link)
    for register, value in (("TR1", DINC), ("TR2", USART2_RX), ("SAR", chip.address("USART2", "RDR")),
                            ("LBAR", node), ("LLR", link), ("CR", TCIE), ("CR", TCIE | EN)):
        chip.write("GPDMA1", f"C2{register}", value)
    chip.write("USART2", "CR3", DMAR)
    chip.soc.uart("USART2").send(b"abcdef")
    chip.run(8 * 5560)
    assert chip.ram[0x200:0x204] == b"efcd"
    assert chip.read("GPDMA1", "C2BR1") == 2
    assert status(chip, 2) & (TCF | IDLEF) == TCF
    assert chip.raised == [IRQS[2]]


def test_a_list_of_two_blocks(chip: Chip) -> None:
    chip.ram[:8] = b"ABCDEFGH"
    item(chip, RAM + 0x100, tr1=SINC | DINC, tr2=SWREQ | 3 << 30, br1=4, sar=RAM + 4, dar=RAM + 0x210)
    for register, value in (("TR1", SINC | DINC), ("TR2", SWREQ | 3 << 30), ("BR1", 4), ("SAR", RAM),
                            ("DAR", RAM + 0x200), ("LBAR", RAM), ("LLR", UT1 | UT2 | UB1 | USA | UDA | 0x100),
                            ("CR", EN)):
        chip.write("GPDMA1", f"C0{register}", value)
    chip.run(20)
    assert chip.ram[0x200:0x204] == b"ABCD"
    chip.run(500)
    assert chip.ram[0x210:0x214] == b"EFGH"
    assert status(chip) == IDLEF | TCF | HTF


def test_suspend_and_reset_as_an_abort_does(chip: Chip) -> None:
    chip.write("USART2", "BRR", 556)
    chip.write("USART2", "CR1", UE | RE | TE)
    start(chip, 0, source=chip.address("USART2", "RDR"), destination=RAM, size=5, tr1=DINC, tr2=USART2_RX)
    chip.write("USART2", "CR3", DMAR)
    chip.write("GPDMA1", "C0CR", TCIE | EN | SUSP)
    assert status(chip) & (SUSPF | IDLEF) == SUSPF | IDLEF
    chip.soc.uart("USART2").send(b"x")
    chip.run(3 * 5560)
    assert chip.ram[0] == 0
    chip.write("GPDMA1", "C0CR", TCIE | EN)
    chip.run(100)
    assert chip.ram[0] == ord("x")
    chip.write("GPDMA1", "C0CR", TCIE | EN | SUSP)
    chip.write("GPDMA1", "C0CR", TCIE | EN | SUSP | RESET)
    assert chip.read("GPDMA1", "C0CR") & (EN | SUSP | RESET) == 0
    chip.write("GPDMA1", "C0FCR", 0x7F00)
    assert status(chip) == IDLEF


def test_settings_are_protected_while_the_channel_works(chip: Chip) -> None:
    start(chip, 0, source=RAM, destination=RAM + 8, size=4, tr1=0, tr2=USART2_TX | DREQ)
    chip.write("GPDMA1", "C0SAR", 0)
    chip.write("GPDMA1", "C0CR", 0)
    assert chip.read("GPDMA1", "C0SAR") == RAM
    assert chip.read("GPDMA1", "C0CR") & EN


@pytest.mark.parametrize(("settings", "flag"), [
    ({"size": 0}, USEF), ({"size": 3, "tr1": 1}, USEF), ({"source": RAM + 1, "tr1": 2}, USEF), ({"tr1": 3}, USEF),
    ({"destination": 0x0800_0000}, DTEF), ({"source": 0x6000_0000}, DTEF)])
def test_errors_stop_the_channel(chip: Chip, settings: dict[str, int], flag: int) -> None:
    start(chip, 0, **{"source": RAM, "destination": RAM + 64, "size": 4, "tr1": 0, "tr2": SWREQ,
                      "flags": 0x7F00} | settings)
    chip.run(200)
    assert status(chip) == IDLEF | flag
    assert chip.raised == [IRQS[0]]
    assert chip.read("GPDMA1", "C0CR") & EN == 0


def test_a_list_that_lies_nowhere(chip: Chip) -> None:
    for register, value in (("LBAR", 0x6000_0000), ("LLR", UB1), ("CR", EN)):
        chip.write("GPDMA1", f"C0{register}", value)
    assert status(chip) == IDLEF | ULEF
