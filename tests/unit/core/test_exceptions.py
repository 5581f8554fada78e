"""The exception model alone: properties that hold for any state, and an independent oracle for what comes next."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from harness.virtual.board.core.exceptions import (
    BUS_FAULT,
    EXCEPTIONS,
    FIRST_IRQ,
    HARD_FAULT,
    MEM_MANAGE,
    NMI,
    PENDSV,
    SVCALL,
    SYSTICK,
    USAGE_FAULT,
    ExceptionModel,
    Masks,
)

CONFIGURABLE = (MEM_MANAGE, BUS_FAULT, USAGE_FAULT, SVCALL, PENDSV, SYSTICK, *range(FIRST_IRQ, FIRST_IRQ + 8))
numbers = st.sampled_from((NMI, HARD_FAULT, *CONFIGURABLE))
masks_values = st.builds(Masks, primask=st.integers(0, 1), basepri=st.integers(0, 255), faultmask=st.integers(0, 1))


def urgency(model: ExceptionModel, prigroup: int, number: int) -> tuple[int, int, int]:
    """Group priority, subpriority and number, by arithmetic instead of masks."""
    priority = model.priority[number]
    if priority < 0:
        return priority, 0, number
    size = 2 ** (prigroup + 1)
    return priority // size * size, priority % size, number


@st.composite
def models(draw: st.DrawFn) -> tuple[ExceptionModel, int]:
    model = ExceptionModel()
    prigroup = draw(st.integers(0, 7))
    model.set_grouping(prigroup)
    for number in CONFIGURABLE:
        model.set_priority(number, draw(st.integers(0, 255)))
        if draw(st.booleans()):
            model.enabled |= 1 << number
    for number in draw(st.sets(numbers)):
        model.pend(number)
    for number in draw(st.sets(numbers, max_size=3)):
        model.active |= 1 << number
    return model, prigroup


@given(models(), masks_values)
def test_next_is_the_most_urgent_of_those_that_may_preempt(drawn: tuple[ExceptionModel, int], masks: Masks) -> None:
    model, prigroup = drawn
    waiting = [number for number in range(EXCEPTIONS) if model.pending >> number & 1 and model.enabled >> number & 1]
    running = [urgency(model, prigroup, number)[0] for number in range(EXCEPTIONS) if model.active >> number & 1]
    size = 2 ** (prigroup + 1)
    if masks.basepri & 0xF0:
        running.append((masks.basepri & 0xF0) // size * size)
    if masks.primask:
        running.append(0)
    if masks.faultmask:
        running.append(-1)
    current = min(running, default=256)
    best = min(waiting, key=lambda number: urgency(model, prigroup, number), default=None)
    expected = best if best is not None and urgency(model, prigroup, best)[0] < current else None
    assert model.execution_priority(masks) == current
    assert model.next(masks) == expected


@given(models(), masks_values, st.sampled_from((MEM_MANAGE, BUS_FAULT, USAGE_FAULT, SVCALL, HARD_FAULT)))
def test_a_synchronous_exception_is_taken_escalates_or_locks_up(drawn: tuple[ExceptionModel, int], masks: Masks,
                                                                number: int) -> None:
    model, _ = drawn
    current = model.execution_priority(masks)
    result = model.raise_synchronous(number, masks)
    if result is None:
        assert current <= -1
    else:
        assert model.pending >> result & 1
        assert model.group_priority(result) < current
        assert model.next(masks) is not None, "it can't be pended and then not be taken"
        assert result in (number, HARD_FAULT)
        if result != number:
            assert not model.enabled >> number & 1 or model.group_priority(number) >= current


@pytest.mark.parametrize(("prigroup", "low", "high", "preempts"), [
    (3, 0x10, 0x00, True), (4, 0x10, 0x00, False), (4, 0x20, 0x10, True), (7, 0xF0, 0x00, False),
    (0, 0x11, 0x10, False),
])
def test_grouping_decides_about_preemption(prigroup: int, low: int, high: int, preempts: bool) -> None:
    model = ExceptionModel()
    model.set_grouping(prigroup)
    model.enabled |= 3 << FIRST_IRQ
    model.set_priority(FIRST_IRQ, low)
    model.set_priority(FIRST_IRQ + 1, high)
    model.activate(FIRST_IRQ)
    model.pend(FIRST_IRQ + 1)
    assert (model.next() is not None) is preempts


def test_reset_keeps_input_lines_only() -> None:
    model = ExceptionModel()
    model.set_line(FIRST_IRQ + 3, True)
    model.pend(SYSTICK)
    model.activate(SVCALL)
    model.set_priority(SYSTICK, 0x40)
    model.reset()
    assert (model.pending, model.active) == (1 << FIRST_IRQ + 3, 0)
    assert model.priority[SYSTICK] == 0


class Storm(RuleBasedStateMachine):
    """Random pends, masks and returns: handlers nest strictly by priority and nothing urgent ever waits."""

    def __init__(self) -> None:
        super().__init__()
        self.model = ExceptionModel()
        self.masks = Masks()
        self.stack: list[int] = []

    @rule(number=st.sampled_from(CONFIGURABLE), priority=st.integers(0, 255))
    def configure(self, number: int, priority: int) -> None:
        if not self.model.active >> number & 1:
            self.model.set_priority(number, priority)
            self.model.enabled |= 1 << number

    @rule(number=numbers)
    def pend(self, number: int) -> None:
        self.model.pend(number)
        self.settle()

    @rule(irq=st.integers(0, 7), level=st.booleans())
    def drive(self, irq: int, level: bool) -> None:
        self.model.set_line(FIRST_IRQ + irq, level)
        self.settle()

    @rule(masks=masks_values)
    def mask(self, masks: Masks) -> None:
        self.masks = masks
        self.settle()

    @precondition(lambda self: self.stack)
    @rule()
    def finish(self) -> None:
        self.model.deactivate(self.stack.pop())
        self.settle()

    def settle(self) -> None:
        for _ in range(2 * EXCEPTIONS):
            number = self.model.next(self.masks)
            if number is None:
                return
            self.model.activate(number)
            self.stack.append(number)
        raise AssertionError("exceptions preempt each other without end")

    @invariant()
    def handlers_nest_by_priority(self) -> None:
        levels = [self.model.group_priority(number) for number in self.stack]
        assert levels == sorted(levels, reverse=True)
        assert len(set(levels)) == len(levels)
        assert len(set(self.stack)) == len(self.stack)

    @invariant()
    def lines_are_not_lost(self) -> None:
        assert not self.model.lines & ~(self.model.pending | self.model.active)


Storm.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_storms_keep_the_order = Storm.TestCase
