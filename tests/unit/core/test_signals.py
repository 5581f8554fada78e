"""Ctrl-C reaches the caller, wherever in the emulator it falls."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from harness.virtual.board.core.interface import CoreState

if TYPE_CHECKING:
    from tests.unit.core.conftest import Boot


def test_ctrl_c_ends_a_run_and_leaves_the_core_whole(boot: Boot) -> None:
    board, other = boot("compute"), boot("compute")
    # SysTick, so that the compiled hook comes back to Python now and then.
    for one in (board, other):
        one.put(0xE000_E014, 0xF_FFFF)
        one.put(0xE000_E010, 7)
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        board.core.run(1 << 40)
    timer.join()
    assert board.core.state is CoreState.RUNNING
    end = board.core.cycles + 1000
    board.core.run(end)
    other.core.run(end)
    assert other.core.cycles == board.core.cycles
    assert [other.register(number) for number in range(17)] == [board.register(number) for number in range(17)]


def test_ctrl_c_in_a_system_call_comes_after_it(boot: Boot) -> None:
    board = boot("tick")
    board.on_call = lambda slot: signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        board.core.run(900)
    assert [slot for slot, _ in board.calls] == [5]
    board.on_call = lambda slot: None
    board.core.run(900)
    assert [slot for slot, _ in board.calls] == [5, 73]


def test_handlers_are_put_back(boot: Boot) -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []
    board = boot("tick")
    board.on_call = lambda slot: seen.append(signal.getsignal(signal.SIGINT))
    board.core.run(900)
    assert signal.getsignal(signal.SIGINT) is before
    assert before not in seen


def test_other_threads_may_run_a_core(boot: Boot) -> None:
    board = boot("tick")
    thread = threading.Thread(target=board.core.run, args=(900,))
    thread.start()
    thread.join()
    assert board.core.cycles == 900
