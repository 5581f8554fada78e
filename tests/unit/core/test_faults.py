"""Every fault the core can raise: exception taken, status bits, and what the board is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.virtual.board.core.interface import CoreState, Register

if TYPE_CHECKING:
    from tests.unit.core.conftest import Board, Boot

RAM = 0x2000_0000
ALL, NONE = 0x0007_0000, 0
KINDS = ("read", "write", "flash", "fetch", "execute_never", "undefined", "arm_state", "no_coprocessor", "unaligned",
         "hole", "refused", "break", "masked_svc", "in_it", "return", "stack_limit", "stacking", "double", "nmi_fault",
         "reset_request", "vector", "faultmask")
HARD, MEM, BUS, USAGE = 3, 4, 5, 6
PRECISE = 0x8200
FORCED = 1 << 30


def fail(boot: Boot, kind: str, enabled: int) -> Board:
    board = boot("faults")
    board.put(RAM, KINDS.index(kind))
    board.put(RAM + 4, enabled)
    board.core.run(1000)
    return board


@pytest.mark.parametrize(("kind", "exception", "cfsr", "bfar"), [
    ("read", BUS, PRECISE, 0x6000_0000), ("write", BUS, PRECISE, 0x6000_0000), ("flash", BUS, PRECISE, 0x0800_0000),
    ("hole", BUS, PRECISE, 0x5000_0008), ("in_it", BUS, PRECISE, 0x6000_0000), ("fetch", BUS, 0x100, 0),
    ("execute_never", MEM, 0x01, 0), ("return", MEM, 0x01, 0),
    ("undefined", USAGE, 1 << 16, 0), ("arm_state", USAGE, 1 << 17, 0), ("no_coprocessor", USAGE, 1 << 19, 0),
    ("stack_limit", USAGE, 1 << 20, 0), ("unaligned", USAGE, 1 << 24, 0), ("stacking", BUS, 1 << 12, 0),
    ("refused", BUS, 1 << 10, 0),
])
def test_a_fault_is_taken_as_its_exception_or_escalates(boot: Boot, kind: str, exception: int, cfsr: int,
                                                            bfar: int) -> None:
    board = fail(boot, kind, ALL)
    if kind != "stacking":  # where the handler has no stack either
        assert board.log() == [exception]
        assert (board.register(7), board.register(8), board.register(9)) == (cfsr, 0, bfar)
    assert (board.faults[0].exception, board.faults[0].cfsr, board.faults[0].bfar) == (exception, cfsr, bfar)
    assert not board.faults[0].lockup

    board = fail(boot, kind, NONE)
    if kind != "stacking":
        assert board.log() == [HARD]
        assert (board.register(7), board.register(8)) == (cfsr, FORCED)
    assert (board.faults[0].exception, board.faults[0].hfsr) == (HARD, FORCED)


@pytest.mark.parametrize("kind", ["read", "write", "flash", "undefined", "no_coprocessor", "hole"])
def test_the_record_names_the_faulting_instruction(boot: Boot, kind: str) -> None:
    board = fail(boot, kind, ALL)
    registers = board.faults[0].registers
    place = board.labels[kind]
    assert place <= registers["pc"] <= place + 4
    assert registers["sp"] == 0x2001_0000
    assert registers["r4"] == (0x5000_0000 if kind == "hole" else 0x6000_0000)
    stacked = [board.word(0x2001_0000 - 0x20 + 4 * index) for index in range(8)]
    assert stacked == [registers[name] for name in ("r0", "r1", "r2", "r3", "r12", "lr", "pc", "xpsr")]


def test_a_fault_inside_an_it_block_stacks_its_state(boot: Boot) -> None:
    board = fail(boot, "in_it", ALL)
    assert board.faults[0].registers["xpsr"] & 0x0600_FC00 == 0x0400
    assert board.log() == [BUS]


def test_a_refused_register_faults_late(boot: Boot) -> None:
    board = fail(boot, "refused", ALL)
    assert board.faults[0].registers["pc"] == board.labels["after_refused"]


def test_a_breakpoint_instruction_without_debugger_is_a_hard_fault(boot: Boot) -> None:
    board = fail(boot, "break", ALL)
    assert board.log() == [HARD]
    assert board.register(8) == 1 << 31


def test_an_svc_that_may_not_be_taken_escalates(boot: Boot) -> None:
    board = fail(boot, "masked_svc", ALL)
    assert board.log() == [HARD]
    assert board.register(8) == FORCED


def test_an_unreadable_vector_is_a_hard_fault_and_then_lockup(boot: Boot) -> None:
    board = fail(boot, "vector", ALL)
    assert board.core.state is CoreState.LOCKUP
    assert board.faults[-1].lockup
    assert board.faults[-1].hfsr & 2


@pytest.mark.parametrize(("kind", "log"), [("double", [HARD]), ("nmi_fault", [2]), ("faultmask", [])])
def test_a_fault_that_nothing_can_handle_locks_up(boot: Boot, kind: str, log: list[int]) -> None:
    board = fail(boot, kind, NONE)
    assert board.log() == log
    assert board.core.state is CoreState.LOCKUP
    assert board.faults[-1].lockup
    assert board.core.next_wake() is None
    assert board.core.read_register(Register.PC) == 0xEFFF_FFFE
    cycles = board.core.cycles
    board.core.run(cycles + 1000)
    assert board.core.cycles == cycles
    board.put(RAM, 0)
    board.core.reset()
    board.core.run(cycles + 1000)
    assert board.faults[-1].exception == HARD


def test_a_fault_while_its_handler_runs_goes_to_hard_fault(boot: Boot) -> None:
    board = fail(boot, "double", ALL)
    assert [(record.exception, record.lockup) for record in board.faults] == [(6, False), (3, False), (6, True)]
    assert board.log() == [6, 3]


def test_blank_flash_locks_up(boot: Boot) -> None:
    board = boot()
    assert board.core.next_wake() == 0
    board.core.run(1000)
    assert board.core.state is CoreState.LOCKUP
    assert board.faults[-1].lockup


def test_vectors_without_the_thumb_bit_are_an_invalid_state(boot: Boot) -> None:
    board = boot("faults")
    entry = board.word(0x0800_0004)
    board.core.program(0x0800_0004, (entry & ~1).to_bytes(4, "little"))
    board.core.reset()
    board.core.run(1000)
    assert board.log() == []
    assert board.faults[0].cfsr == 1 << 17
    assert board.faults[0].registers["pc"] == entry & ~1
