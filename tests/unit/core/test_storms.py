"""Interrupts at random moments: nothing may depend on how the run was cut, and nothing may be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.virtual.board.core import native_state
from harness.virtual.board.core.trace import RETURN
from tests.unit.core.conftest import Board

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.unit.core.conftest import Boot

RAM = 0x2000_0000
LENGTH = 3000

Outcome: TypeAlias = tuple[list[tuple[int, int, int]], bytes, list[int], str, int]

moments = st.lists(st.tuples(st.integers(0, LENGTH - 400), st.integers(0, 3)), max_size=25).map(sorted)
cuts = st.lists(st.integers(0, LENGTH), max_size=25)


def storm(boot: Boot, interrupts: list[tuple[int, int]], cuts: Sequence[int] = ()) -> Outcome:
    """Run the program with an interrupt pended at each of the moments, and stop at each of the cuts as well."""
    board = boot("storm")
    core = board.core
    records: list[tuple[int, int, int]] = []
    core.trace.enabled = True
    core.trace.hook = lambda exception, pc, at: records.append((exception, pc, at))
    events = sorted([(at, -1) for at in cuts] + list(interrupts))
    for at, irq in events:
        core.run(at)
        if irq >= 0:
            core.pend(irq)
    core.run(LENGTH)
    memory = core.read_memory(RAM, 0x100)
    state = [core.read_register(number) for number in range(17)]
    digest, cycles = core.trace.digest(), core.cycles
    core.close()
    return records, memory, state, digest, cycles


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(interrupts=moments, cuts=cuts)
def test_a_storm_is_the_same_in_slices(boot: Boot, interrupts: list[tuple[int, int]], cuts: list[int]) -> None:
    assert storm(boot, interrupts, cuts) == storm(boot, interrupts)


@pytest.mark.skipif(native_state.library() is None, reason="the compiled core was not built here")
@settings(max_examples=60, deadline=None)
@given(interrupts=moments, cuts=cuts)
def test_a_storm_is_the_same_on_both_cores(interrupts: list[tuple[int, int]], cuts: list[int]) -> None:
    compiled = storm(lambda program: Board(program, "c"), interrupts, cuts)
    assert compiled == storm(lambda program: Board(program, "python"), interrupts)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(interrupts=moments)
def test_every_interrupt_is_taken_and_handlers_nest(boot: Boot, interrupts: list[tuple[int, int]]) -> None:
    records, *_ = storm(boot, interrupts)
    entered = {number for number, _, _ in records if not number & RETURN}
    assert {16 + irq for _, irq in interrupts} <= entered
    priority = {11: 0x00, 14: 0xF0, 15: 0x60, 16: 0xC0, 17: 0x80, 18: 0x40, 19: 0x10}
    stack: list[int] = []
    times: list[int] = []
    for number, _, at in records:
        times.append(at)
        if number & RETURN:
            target = number & ~RETURN
            while stack and stack[-1] != target:
                stack.pop()
            assert (stack[-1] if stack else 0) == target
        else:
            # Either it preempts what runs, or it is chained after what has just ended.
            while stack and priority[stack[-1]] <= priority[number]:
                stack.pop()
            stack.append(number)
    assert times == sorted(times)
