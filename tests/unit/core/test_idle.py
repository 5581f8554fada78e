"""Idle loops are skipped without a trace: with skipping, without it, and on the Python core, which never skips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.virtual.board.core import native_state
from harness.virtual.board.core.c_core import CCore
from harness.virtual.board.core.interface import FLASH_BASE, CoreState
from tests.unit.core.conftest import Board

pytestmark = pytest.mark.skipif(native_state.library() is None, reason="the compiled core was not built here")

RAM, LENGTH = 0x2000_0000, 300_000
Outcome: TypeAlias = tuple[str, int, list[int], bytes]

moments = st.lists(st.tuples(st.integers(0, LENGTH), st.integers(0, 1)), max_size=20).map(sorted)
cuts = st.lists(st.integers(0, LENGTH), max_size=20)


@contextmanager
def idle_board(*, kind: str = "c", skip: bool = True, program: str = "idle") -> Iterator[Board]:
    board = Board(program, "python" if kind == "python" else "c")
    if isinstance(board.core, CCore):
        board.core.skip_idle = skip
    board.core.trace.enabled = True
    yield board
    board.core.close()


def outcome(board: Board) -> Outcome:
    core = board.core
    return (core.trace.digest(), core.cycles, [core.read_register(number) for number in range(19)],
            core.read_memory(RAM, 0x8000))


def storm(interrupts: Sequence[tuple[int, int]], cuts: Sequence[int] = (), *, kind: str = "c", skip: bool = True,
          length: int = LENGTH, program: str = "idle") -> Outcome:
    with idle_board(kind=kind, skip=skip, program=program) as board:
        for at, irq in sorted([(at, -1) for at in cuts] + list(interrupts)):
            board.core.run(at)
            if irq >= 0:
                board.core.pend(irq)
        board.core.run(length)
        return outcome(board)


def test_an_idle_loop_as_kernels_have_it_is_skipped_almost_wholly() -> None:
    with idle_board() as board:
        assert isinstance(board.core, CCore)
        board.core.run(5_000_000)
        times, cycles = board.core.idle_skipped
        assert 900 < times < 2500  # about once a tick
        assert cycles > 4_300_000  # in one tick of sixteen it yields all the time
        assert board.word(RAM + 8) == 1000 - 1


@settings(max_examples=25, deadline=None)
@given(interrupts=moments, cuts=cuts)
def test_a_storm_is_the_same_with_skipping_and_without_and_in_slices(interrupts: list[tuple[int, int]],
                                                                     cuts: list[int]) -> None:
    skipping = storm(interrupts, cuts)
    assert skipping == storm(interrupts)
    assert skipping == storm(interrupts, skip=False)


def test_the_python_core_goes_the_same_way_turn_by_turn() -> None:
    interrupts = [(at, at % 2) for at in range(1_003, 30_000, 1_777)]
    assert storm(interrupts, length=30_000) == storm(interrupts, kind="python", length=30_000)


def test_an_interrupt_at_every_cycle_of_a_turn_finds_the_same_place() -> None:
    for at in range(20_000, 20_090):
        assert storm([(at, 0)], length=20_400) == storm([(at, 0)], skip=False, length=20_400)


def looped(body: str) -> Board:
    """A board that runs a loop of these halfwords for ever; r4 is 0, r5 an address in RAM, r6 that of the SCS."""
    board = Board(None, "c")
    # ldr r5, [pc, #4]; ldr r6, [pc, #8]; movs r4, #0; b over the literals
    code = bytes.fromhex("014d" "024e" "0024" "03e0") + (0x2000_0100).to_bytes(4, "little") + (
        0xE000_E000).to_bytes(4, "little") + b"\x00\xbf"
    loop = bytes.fromhex(body)
    back = -(len(loop) // 2) - 2 & 0x7FF
    vectors = (0x2000_8000).to_bytes(4, "little") + (FLASH_BASE | 0x41).to_bytes(4, "little") * 15
    board.core.program(FLASH_BASE, vectors + code + loop + (0xE000 | back).to_bytes(2, "little"))
    board.core.reset()
    return board


@pytest.mark.parametrize(("what", "body", "skipped"), [
    ("nothing", "", True),
    ("a NOP and a barrier", "00bf" "bff34f8f", True),
    ("reads memory", "2b68", True),
    ("writes what is there already", "2c60", True),
    ("yields", "10bf", True),
    ("counts in a register", "0134", False),
    ("counts in memory", "2b68" "0133" "2b60", False),
    ("writes a flag once and again", "2c60" "2d60" "2c60", True),
    ("toggles a flag for ever: two turns are one", "2b68" "db43" "2b60", True),
    ("reads SysTick", "b369", False),
    ("an instruction the interpreter does not know: LDREX", "55e8003f", False),
    ("sends an event", "40bf", False),
])
def test_only_loops_that_change_nothing_are_skipped(what: str, body: str, skipped: bool) -> None:
    board = looped(body)
    assert isinstance(board.core, CCore)
    board.core.run(1_000_000)
    assert (board.core.idle_skipped[1] > 900_000) is skipped, what
    assert (board.core.idle_skipped[1] > 0) is skipped, what
    board.core.close()


def test_a_breakpoint_in_an_idle_loop_is_honoured() -> None:
    board = looped("00bf" "00bf")
    board.core.run(1_000_000)
    place = board.register(15)
    board.core.breakpoints = {place + 2 if place % 4 else place}
    board.core.run(2_000_000)
    assert board.core.state is CoreState.HALTED
    assert board.core.cycles < 1_000_010
    board.core.close()


def test_it_can_be_switched_off() -> None:
    board = looped("00bf")
    assert isinstance(board.core, CCore)
    board.core.skip_idle = False
    board.core.run(1_000_000)
    assert board.core.idle_skipped == (0, 0)
    board.core.close()
