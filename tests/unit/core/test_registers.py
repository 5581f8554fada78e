"""The System Control Space as a debugger or the application sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.virtual.board.core.interface import SCS_BASE

if TYPE_CHECKING:
    from tests.unit.core.conftest import Boot

ICSR, VTOR, AIRCR, SCR, CCR, SHPR1, SHCSR = (SCS_BASE + offset for offset in
                                             (0xD04, 0xD08, 0xD0C, 0xD10, 0xD14, 0xD18, 0xD24))
CFSR, CPACR, FPCCR = SCS_BASE + 0xD28, SCS_BASE + 0xD88, SCS_BASE + 0xF34
CSR, RVR, CVR = SCS_BASE + 0x10, SCS_BASE + 0x14, SCS_BASE + 0x18
ISER, ICER, ISPR, ICPR, IABR, IPR, STIR = (SCS_BASE + offset for offset in
                                           (0x100, 0x180, 0x200, 0x280, 0x300, 0x400, 0xF00))
DEMCR, DWT_CTRL, CYCCNT = SCS_BASE + 0xDFC, 0xE000_1000, 0xE000_1004


@pytest.mark.parametrize(("address", "value"), [
    (SCS_BASE + 0xD00, 0x410F_D214), (VTOR, 0x0800_0000), (AIRCR, 0xFA05_0000), (CCR, 0x201), (SCS_BASE + 4, 3),
    (FPCCR, 0xC000_0000), (SCS_BASE + 0xF40, 0x1011_0021), (SCS_BASE + 0x800, 0), (0xE004_0000, 0),
])
def test_reset_values(boot: Boot, address: int, value: int) -> None:
    assert boot("tick").word(address) == value


@pytest.mark.parametrize(("address", "written", "read"), [
    (VTOR, 0x2000_0001, 0x2000_0000), (VTOR, 0x0800_0480, 0x0800_0480), (SCR, 0xFFFF_FFFF, 0x16),
    (CCR, 0, 0x201), (RVR, 0xFFFF_FFFF, 0xFF_FFFF), (CVR, 5, 0), (AIRCR, 0x05FA_0300, 0xFA05_0300),
    (AIRCR, 0x1234_0300, 0xFA05_0000), (SHCSR, 0x0007_0000, 0x0007_0000), (SHPR1, 0xFFFF_FFFF, 0x00F0_F0F0),
    (SHPR1 + 4, 0xFFFF_FFFF, 0xF000_0000), (SHPR1 + 8, 0xFFFF_FFFF, 0xF0F0_0000), (IPR, 0x1122_33FF, 0x1020_30F0),
    (IPR + 124, 0xFFFF_FFFF, 0x0000_00F0), (IPR + 128, 0xFFFF_FFFF, 0), (ISER + 12, 0xFFFF_FFFF, 0x1FFF_FFFF),
])
def test_what_is_written_reads_back_as_far_as_it_is_there(boot: Boot, address: int, written: int, read: int) -> None:
    board = boot("tick")
    if address == IPR + 124:
        board.put(address, written)
        assert board.word(address) == read
        return
    board.put(address, written)
    assert board.word(address) == read


def test_bytes_and_halfwords_of_priorities(boot: Boot) -> None:
    board = boot("tick")
    board.core.write_memory(SHPR1 + 7, b"\xA5")
    assert board.word(SHPR1 + 4) == 0xA000_0000
    board.core.write_memory(IPR + 5, b"\x40")
    board.core.write_memory(IPR + 6, b"\x50\x60")
    assert board.word(IPR + 4) == 0x6050_4000
    assert board.core.read_memory(IPR + 5, 1) == b"\x40"
    assert board.core.read_memory(IPR + 6, 2) == b"\x50\x60"


def test_interrupts_are_enabled_and_pended_bit_by_bit(boot: Boot) -> None:
    board = boot("tick")
    board.put(ISER, 0b1010)
    board.put(ISER, 0b0100)
    assert (board.word(ISER), board.word(ICER)) == (0b1110, 0b1110)
    board.put(ICER, 0b0010)
    assert board.word(ISER) == 0b1100
    board.put(ISPR + 4, 0b11)
    board.put(STIR, 45)
    assert board.word(ISPR + 4) == 0b11 | 1 << 13
    board.put(ICPR + 4, 0b01)
    assert board.word(ICPR + 4) == 0b10 | 1 << 13
    assert board.word(IABR) == 0


def test_a_held_line_can_not_be_unpended(boot: Boot) -> None:
    board = boot("tick")
    board.core.set_line(3, True)
    board.put(ICPR, 1 << 3)
    assert board.word(ISPR) == 1 << 3
    board.core.set_line(3, False)
    board.put(ICPR, 1 << 3)
    assert board.word(ISPR) == 0


def test_icsr_tells_what_waits(boot: Boot) -> None:
    board = boot("masks")
    board.put(ICSR, 1 << 28)
    assert board.word(ICSR) & 1 << 28
    assert board.word(ICSR) >> 12 & 0x1FF == 14
    board.put(ICSR, 1 << 27)
    assert board.word(ICSR) & 1 << 28 == 0
    board.put(ICSR, 1 << 26)
    assert board.word(ICSR) & 1 << 26
    board.put(ICSR, 1 << 25)
    board.core.pend(1)
    board.put(ISER, 2)
    assert board.word(ICSR) & 0x007F_F000 == 1 << 22 | 17 << 12


def test_fault_status_is_cleared_by_writing_ones(boot: Boot) -> None:
    board = boot("faults")
    board.put(0x2000_0000, 0)
    board.core.run(500)
    assert board.word(CFSR) == 0x8200
    board.core.write_memory(CFSR + 1, b"\x80")
    assert board.word(CFSR) == 0x0200
    board.put(CFSR, 0xFFFF_FFFF)
    assert board.word(CFSR) == 0


def test_systick_shows_its_count(boot: Boot) -> None:
    board = boot("compute")
    board.put(RVR, 99)
    board.put(CVR, 0)
    board.put(CSR, 5)
    begin = board.core.cycles
    board.core.run(begin + 1000)
    passed = board.core.cycles - begin
    assert board.word(CVR) == (-passed) % 100
    assert board.word(CSR) == 0x1_0005
    assert board.word(CSR) == 0x0_0005


def test_the_cycle_counter_counts_when_trace_is_on(boot: Boot) -> None:
    board = boot("compute")
    board.put(DWT_CTRL, 1)
    board.core.run(500)
    assert board.word(CYCCNT) == 0
    board.put(DEMCR, 1 << 24)
    board.put(DWT_CTRL, 1)
    begin = board.core.cycles
    board.core.run(begin + 500)
    assert board.word(CYCCNT) == board.core.cycles - begin
    board.put(CYCCNT, 0xFFFF_FFFF)
    begin = board.core.cycles
    board.core.run(begin + 500)
    assert board.word(CYCCNT) == board.core.cycles - begin - 1
