"""Serial interfaces at the pace of their baud rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.virtual.board.peripherals.usart import ORE, RXNE, TC, TEACK, TXE, USARTS

if TYPE_CHECKING:
    from tests.unit.peripherals.conftest import Chip

HZ = 64_000_000
UE, RE, TE, RXNEIE, TCIE, TXEIE = 1, 4, 8, 1 << 5, 1 << 6, 1 << 7
BRR = 556  # 115200 at 64 MHz
CHARACTER = 10 * BRR


def start(chip: Chip, flags: int = UE | RE | TE, name: str = "USART2") -> None:
    chip.write(name, "BRR", BRR)
    chip.write(name, "CR1", flags)


def put(chip: Chip, data: bytes) -> None:
    """Send as polled drivers do: wait for TXE, write TDR."""
    for byte in data:
        while not chip.read("USART2", "ISR") & TXE:
            chip.run(10)
        chip.write("USART2", "TDR", byte)


def test_polled_sending_makes_lines(chip: Chip) -> None:
    start(chip)
    assert chip.read("USART2", "ISR") & (TXE | TC | TEACK) == TXE | TC | TEACK
    put(chip, b"hello\r\nsecond\n")
    assert not chip.read("USART2", "ISR") & TC
    chip.run(2 * CHARACTER)
    assert chip.read("USART2", "ISR") & TC
    assert chip.of("uart_line") == [{"uart": "USART2", "text": "hello"}, {"uart": "USART2", "text": "second"}]


def test_sending_takes_the_time_of_the_baud_rate(chip: Chip) -> None:
    start(chip)
    put(chip, b"0123456789")
    chip.run(20 * CHARACTER)
    heard: list[int] = []
    chip.soc.uart("USART2").listen(lambda byte: heard.append(chip.cycles))
    begin = chip.cycles
    put(chip, b"ab")
    chip.run(3 * CHARACTER)
    assert heard == [begin + CHARACTER, begin + 2 * CHARACTER]


def test_an_unfinished_line_is_told_after_a_silence(chip: Chip) -> None:
    start(chip)
    put(chip, b"prompt> ")
    chip.run(HZ // 20)
    assert chip.of("uart_line") == []
    chip.run(HZ // 10)
    assert chip.of("uart_line") == [{"uart": "USART2", "text": "prompt> "}]


def test_sending_by_interrupt(chip: Chip) -> None:
    text = list(b"by interrupt\n")
    start(chip, UE | TE | TXEIE)
    while text:
        if chip.lines.get(62, False):
            chip.write("USART2", "TDR", text.pop(0))
        else:
            chip.run(CHARACTER // 4)
    chip.write("USART2", "CR1", UE | TE | TCIE)
    assert not chip.lines[62]
    chip.run(2 * CHARACTER)
    assert chip.lines[62]
    chip.write("USART2", "ICR", TC)
    assert not chip.lines[62]
    assert chip.of("uart_line") == [{"uart": "USART2", "text": "by interrupt"}]


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=40))
def test_what_a_test_sends_arrives_in_order(new_chip: Callable[[], Chip], data: bytes) -> None:
    chip = new_chip()
    start(chip, UE | RE | RXNEIE)
    assert chip.soc.uart("USART2").send(data) == len(data)
    got = bytearray()
    for _ in range(12 * len(data)):
        chip.run(CHARACTER // 10)
        if chip.lines.get(62, False):
            got.append(chip.read("USART2", "RDR"))
    assert bytes(got) == data


def test_characters_that_are_not_fetched_in_time_are_lost(chip: Chip) -> None:
    start(chip)
    chip.soc.uart("USART2").send(b"ab")
    chip.run(3 * CHARACTER)
    assert chip.read("USART2", "ISR") & (RXNE | ORE) == RXNE | ORE
    assert chip.read("USART2", "RDR") == ord("a")
    chip.write("USART2", "ICR", ORE)
    assert not chip.read("USART2", "ISR") & (RXNE | ORE)


def test_input_waits_for_a_receiver(chip: Chip) -> None:
    chip.soc.uart("USART2").send(b"x")
    chip.run(10 * CHARACTER)
    start(chip)
    chip.run(CHARACTER)
    assert chip.read("USART2", "RDR") == ord("x")


def test_input_is_bounded(chip: Chip) -> None:
    uart = chip.soc.uart("USART2")
    assert uart.send(bytes(65_536)) == 65_536
    assert uart.send(b"more") == 0


def test_a_disabled_transmitter_sends_nothing(chip: Chip) -> None:
    start(chip, UE | RE)
    chip.write("USART2", "TDR", 0x41)
    chip.run(HZ)
    assert chip.of("uart_line") == []


@pytest.mark.parametrize("name", USARTS)
def test_every_interface_has_its_interrupt(chip: Chip, name: str) -> None:
    start(chip, UE | TE | TXEIE, name)
    assert chip.raised == [USARTS[name].irq]


def test_low_power_baud_rates_have_256_times_the_divider(chip: Chip) -> None:
    chip.write("LPUART1", "BRR", BRR * 256)
    assert chip.soc.uart("LPUART1").character_cycles == CHARACTER


# -- more of the receiver, the FIFO and the errors --------------------------------------------------------------------

IDLE_FLAG, CMF_FLAG, RTOF_FLAG = 1 << 4, 1 << 17, 1 << 11
FIFOEN = 1 << 29


def test_idle_is_told_one_character_after_the_last(chip: Chip) -> None:
    start(chip, UE | RE | 1 << 4)
    chip.soc.uart("USART2").send(b"ab")
    chip.run(2 * CHARACTER)
    chip.read("USART2", "RDR")
    assert not chip.read("USART2", "ISR") & IDLE_FLAG
    chip.run(CHARACTER)
    assert chip.read("USART2", "ISR") & IDLE_FLAG
    assert chip.raised == [62]
    chip.write("USART2", "ICR", IDLE_FLAG)
    chip.run(10 * CHARACTER)
    assert not chip.read("USART2", "ISR") & IDLE_FLAG


def test_a_receiver_times_out(chip: Chip) -> None:
    start(chip, UE | RE | 1 << 26)
    chip.write("USART2", "RTOR", 40)
    chip.write("USART2", "CR2", 1 << 23)
    chip.soc.uart("USART2").send(b"a")
    chip.run(CHARACTER + 39 * BRR)
    assert not chip.read("USART2", "ISR") & RTOF_FLAG
    chip.run(BRR)
    assert chip.read("USART2", "ISR") & RTOF_FLAG
    assert chip.raised == [62]


def test_a_character_is_recognised(chip: Chip) -> None:
    start(chip, UE | RE | 1 << 14)
    chip.write("USART2", "CR2", ord("\r") << 24)
    chip.soc.uart("USART2").send(b"a\r")
    chip.run(CHARACTER)
    assert not chip.read("USART2", "ISR") & CMF_FLAG
    chip.run(CHARACTER)
    assert chip.read("USART2", "ISR") & CMF_FLAG
    assert chip.raised == [62]


def test_the_fifo_holds_eight_both_ways(chip: Chip) -> None:
    start(chip, UE | RE | TE | FIFOEN)
    assert chip.read("USART2", "ISR") & (1 << 23 | TXE) == 1 << 23 | TXE
    for n in range(9):  # one goes to the shift register at once
        assert chip.read("USART2", "ISR") & TXE
        chip.write("USART2", "TDR", 0x30 + n)
    assert not chip.read("USART2", "ISR") & TXE
    chip.soc.uart("USART2").send(b"abcdefghi")
    chip.run(9 * CHARACTER)
    assert chip.of("uart_line") == []
    assert chip.read("USART2", "ISR") & (1 << 24 | ORE | RXNE) == 1 << 24 | ORE | RXNE
    assert bytes(chip.read("USART2", "RDR") for _ in range(8)) == b"abcdefgh"
    assert not chip.read("USART2", "ISR") & RXNE
    chip.run(HZ // 5)
    assert chip.of("uart_line") == [{"uart": "USART2", "text": "012345678"}]


def test_fifo_thresholds_interrupt(chip: Chip) -> None:
    start(chip, UE | RE | TE | FIFOEN)
    chip.write("USART2", "CR3", 1 << 28 | 2 << 25)  # half full
    chip.soc.uart("USART2").send(b"abcd")
    chip.run(3 * CHARACTER)
    assert chip.raised == []
    chip.run(CHARACTER)
    assert chip.raised == [62]


@pytest.mark.parametrize(("error", "flag"), [("parity", 1), ("framing", 2), ("noise", 4)])
def test_errors_of_the_line(chip: Chip, error: str, flag: int) -> None:
    start(chip, UE | RE)
    chip.soc.uart("USART2").send(b"x", error=error)
    chip.run(CHARACTER)
    assert chip.read("USART2", "ISR") & 7 == flag
    chip.write("USART2", "ICR", flag)
    assert chip.read("USART2", "ISR") & 7 == 0


def test_unknown_errors(chip: Chip) -> None:
    with pytest.raises(UsageError, match="parity, framing, noise"):
        chip.soc.uart("USART2").send(b"x", error="bad")


@pytest.mark.parametrize(("cr1", "cr2", "halves"), [(0, 0, 20), (1 << 12, 0, 22), (1 << 28, 0, 18), (0, 2 << 12, 22),
                                                    (0, 1 << 12, 19)])
def test_frames_have_the_length_of_their_format(chip: Chip, cr1: int, cr2: int, halves: int) -> None:
    start(chip, UE | TE | cr1)
    chip.write("USART2", "CR2", cr2)
    assert chip.soc.uart("USART2").character_cycles == halves * BRR // 2


def test_baud_rates_follow_the_kernel_clock(chip: Chip) -> None:
    start(chip)
    assert round(chip.soc.uart("USART2").baud) == round(HZ / BRR)
    chip.write("RCC", "CCIPR1", 2 << 2)  # HSI16
    chip.write("USART2", "BRR", 139)
    assert round(chip.soc.uart("USART2").baud) == 115108


def test_disabling_drops_what_is_under_way(chip: Chip) -> None:
    start(chip)
    chip.write("USART2", "TDR", 0x41)
    chip.write("USART2", "CR1", 0)
    chip.run(HZ)
    assert chip.of("uart_line") == []
    assert chip.read("USART2", "ISR") == TXE | TC
