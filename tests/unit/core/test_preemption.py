"""Nesting, tail-chaining and late arrival on the emulated core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.virtual.board.core.interface import CoreState
from harness.virtual.board.core.trace import RETURN

if TYPE_CHECKING:
    from tests.unit.core.conftest import Board, Boot


def records(board: Board, cycles: int = 2000) -> list[str]:
    trace = []
    board.core.trace.enabled = True
    board.core.trace.hook = lambda exception, pc, at: trace.append(
        f"<{exception & ~RETURN}" if exception & RETURN else f">{exception}")
    board.core.run(board.core.cycles + cycles)
    return trace


def test_higher_priorities_preempt_and_lower_ones_wait(boot: Boot) -> None:
    board = boot("nesting")
    board.core.run(2000)
    assert board.log() == [
        0, 2, 3, 0x13, 0x12,        # 0 preempted by 2, 2 by 3
        1, 0x11, 0x10,              # then 1 preempts 0, whose PendSV has to wait
        0, 0x10, 0x0E, 0x77,        # 0 once more, PendSV, and only now the thread
    ]
    assert board.core.state is CoreState.SLEEPING


def test_a_waiting_exception_is_chained_without_going_back(boot: Boot) -> None:
    trace = records(boot("nesting"))
    assert trace == [">16", ">18", ">19", "<18", ">17", "<16", ">16", ">14", "<0"]


def test_chained_handlers_share_one_frame(boot: Boot) -> None:
    board = boot("storm")
    core = board.core
    core.run(100)
    depth = board.register(13)
    stacks = []
    core.trace.enabled = True
    core.trace.hook = lambda exception, pc, at: stacks.append((exception, board.register(13)))
    for irq in range(3):
        core.pend(irq)
    core.run(core.cycles + 60)
    assert stacks[0] == (18, depth - 0x20)
    assert stacks[1] == (17, depth - 0x20)


def test_the_more_urgent_of_two_is_taken_first_though_it_came_later(boot: Boot) -> None:
    board = boot("storm")
    core = board.core
    core.run(100)
    core.pend(0)
    core.pend(3)
    trace = records(board, 40)
    assert trace[:3] == [">19", ">16", "<0"]


def test_a_pending_interrupt_can_be_withdrawn(boot: Boot) -> None:
    board = boot("storm")
    core = board.core
    core.run(100)
    core.pend(3)
    core.unpend(3)
    assert ">19" not in records(board, 100)


def test_a_line_held_high_interrupts_again_and_again(boot: Boot) -> None:
    board = boot("storm")
    core = board.core
    core.run(100)
    core.set_line(3, True)
    trace = records(board, 200)
    assert trace.count(">19") > 5
    core.set_line(3, False)
    assert records(board, 200).count(">19") <= 1


def test_an_interrupt_that_is_not_enabled_stays_pending_and_does_not_wake(boot: Boot) -> None:
    board = boot("events")
    core = board.core
    core.run(1000)
    core.pend(7)
    assert core.next_wake() is None
    assert board.word(0xE000_E200) == 1 << 7
    core.run(2000)
    assert core.state is CoreState.SLEEPING
