"""The Armv8-M exception model, without any emulator: what is pending, what runs, and what is taken next.

Everything here is integers in, integers out, so that it can be read beside the Architecture Reference Manual (DDI0553,
chapter B3) and tested on its own. Exception sets are bit masks indexed by exception number. A *lower* priority value is
more urgent; Reset, NMI and HardFault have the fixed values -3, -2 and -1, Thread mode without masks is 256.
"""

from __future__ import annotations

from typing import NamedTuple

RESET, NMI, HARD_FAULT, MEM_MANAGE, BUS_FAULT, USAGE_FAULT = range(1, 7)
SVCALL, DEBUG_MONITOR, PENDSV, SYSTICK, FIRST_IRQ = 11, 12, 14, 15, 16

IRQS = 125
"""External interrupt lines of the STM32U585 (RM0456, interrupt vector table)."""
EXCEPTIONS = FIRST_IRQ + IRQS

PRIORITY_MASK = 0xF0
"""The STM32U5 implements the upper four bits of a priority byte."""
THREAD_PRIORITY = 256

_FIXED = {RESET: -3, NMI: -2, HARD_FAULT: -1}
CONFIGURABLE_FAULTS = (1 << MEM_MANAGE) | (1 << BUS_FAULT) | (1 << USAGE_FAULT)
_ALWAYS_ENABLED = (1 << NMI) | (1 << HARD_FAULT) | (1 << SVCALL) | (1 << PENDSV) | (1 << SYSTICK)
MASKED_BY_DEBUGGER = ~((1 << PENDSV) - 1)
"""What DHCSR.C_MASKINTS holds back: PendSV, SysTick and all external interrupts."""
IRQ_MASK = ((1 << IRQS) - 1) << FIRST_IRQ


class Masks(NamedTuple):
    """The special-purpose mask registers at one moment."""

    primask: int = 0
    basepri: int = 0
    faultmask: int = 0


NO_MASKS = Masks()


class ExceptionModel:
    """Pending, active and enabled exceptions with their priorities.

    Attributes:
        pending: exceptions that wait to be taken.
        active: exceptions whose handler has begun and not ended, preempted ones included.
        enabled: exceptions that may be taken when pending; the fixed ones are always in it.
        lines: external interrupts whose input is held high: they become pending again when their handler returns.
        blocked: exceptions that a debugger keeps from being taken.
    """

    __slots__ = ("_group_mask", "active", "blocked", "enabled", "lines", "pending", "priority")

    def __init__(self) -> None:
        self.lines = 0
        self.blocked = 0
        self.reset()

    def __repr__(self) -> str:
        return f"ExceptionModel(pending={self.pending:#x}, active={self.active:#x}, enabled={self.enabled:#x})"

    def reset(self) -> None:
        """Return to the state after a reset; input lines are outside and keep their level."""
        self.pending = self.lines
        self.active = 0
        self.enabled = _ALWAYS_ENABLED
        self.priority = [_FIXED.get(number, 0) for number in range(EXCEPTIONS)]
        self._group_mask = 0xFE

    def set_grouping(self, prigroup: int) -> None:
        """Split priorities at AIRCR.PRIGROUP: bits above it preempt, the rest only orders (DDI0553, B3.9)."""
        self._group_mask = 0xFF & ~((2 << prigroup) - 1)

    def set_priority(self, exception: int, value: int) -> None:
        """Set a configurable priority; unimplemented bits are dropped."""
        self.priority[exception] = value & PRIORITY_MASK

    def group_priority(self, exception: int) -> int:
        """Return the part of an exception's priority that decides about preemption."""
        value = self.priority[exception]
        return value if value < 0 else value & self._group_mask

    def execution_priority(self, masks: Masks = NO_MASKS) -> int:
        """Return the priority of what executes now, boosted by the mask registers (DDI0553, ExecutionPriority)."""
        current = THREAD_PRIORITY
        active = self.active
        while active:
            low = active & -active
            active ^= low
            current = min(current, self.group_priority(low.bit_length() - 1))
        basepri = masks.basepri & PRIORITY_MASK
        if basepri:
            current = min(current, basepri & self._group_mask)
        if masks.primask & 1:
            current = min(current, 0)
        if masks.faultmask & 1:
            current = min(current, -1)
        return current

    def most_urgent(self) -> int | None:
        """Return the pending and enabled exception of highest priority; the lowest number wins a tie."""
        candidates = self.pending & self.enabled & ~self.blocked
        best = None
        best_priority = THREAD_PRIORITY
        while candidates:
            low = candidates & -candidates
            candidates ^= low
            number = low.bit_length() - 1
            if self.priority[number] < best_priority:
                best, best_priority = number, self.priority[number]
        return best

    def next(self, masks: Masks = NO_MASKS) -> int | None:
        """Return the exception that preempts what executes now, or None if nothing does."""
        best = self.most_urgent()
        if best is None or self.group_priority(best) >= self.execution_priority(masks):
            return None
        return best

    def pend(self, exception: int) -> None:
        """Make an exception pending."""
        self.pending |= 1 << exception

    def unpend(self, exception: int) -> None:
        """Clear a pending state; an interrupt whose line is high stays pending."""
        self.pending = self.pending & ~(1 << exception) | self.lines & (1 << exception) & ~self.active

    def set_line(self, exception: int, level: bool) -> None:
        """Drive the input of an external interrupt: high makes it pending, low leaves what is pending."""
        bit = 1 << exception
        if level:
            if not self.active & bit:
                self.pending |= bit
            self.lines |= bit
        else:
            self.lines &= ~bit

    def raise_synchronous(self, exception: int, masks: Masks = NO_MASKS) -> int | None:
        """Raise a fault or an SVC, which can't wait, and return the exception that became pending for it.

        That is HardFault where the exception is disabled or may not preempt (escalation, DDI0553 B3.13), and None
        where HardFault may not either: lockup.
        """
        current = self.execution_priority(masks)
        if exception != HARD_FAULT and self.enabled >> exception & 1 and self.group_priority(exception) < current:
            self.pend(exception)
            return exception
        if current > self.priority[HARD_FAULT]:
            self.pend(HARD_FAULT)
            return HARD_FAULT
        return None

    def activate(self, exception: int) -> None:
        """Begin a handler."""
        self.pending &= ~(1 << exception)
        self.active |= 1 << exception

    def deactivate(self, exception: int) -> None:
        """End a handler; a line that is still high makes its interrupt pending again."""
        bit = 1 << exception
        self.active &= ~bit
        self.pending |= self.lines & bit
