"""What answers at 0xE0000000: the System Control Space and the cycle counter of the DWT; the rest reads as zero."""

from __future__ import annotations

from collections.abc import Callable

from harness.virtual.board.core.interface import SCS_BASE, SCS_SIZE
from harness.virtual.board.core.scb import SystemControlSpace

_DWT_CTRL, _DWT_CYCCNT = 0xE000_1000, 0xE000_1004
_FOUR_COMPARATORS = 4 << 28
_CYCCNTENA = 1


class CycleCounter:
    """DWT_CYCCNT: counts cycles while it is enabled (DDI0553, D1.2.60). Known by its distance from the core's time."""

    __slots__ = ("_now", "_offset", "enabled")

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self.reset()

    def __repr__(self) -> str:
        return f"CycleCounter(enabled={self.enabled}, {self.read()})"

    def reset(self) -> None:
        """Stop at zero."""
        self.enabled = False
        self._offset = 0

    def read(self) -> int:
        """Return the count, which wraps at 32 bits."""
        return (self._offset + (self._now() if self.enabled else 0)) & 0xFFFF_FFFF

    def write(self, value: int) -> None:
        """Set the count."""
        self._offset = value - (self._now() if self.enabled else 0)

    def enable(self, enabled: bool) -> None:
        """Let it count or stand still."""
        value = self.read()
        self.enabled = enabled
        self.write(value)


class PrivateBus:
    """The private peripheral bus of a core."""

    def __init__(self, scs: SystemControlSpace, counter: CycleCounter) -> None:
        self._scs, self._counter = scs, counter

    def read(self, address: int, size: int) -> int:
        """Return ``size`` bytes at an address."""
        if SCS_BASE <= address < SCS_BASE + SCS_SIZE:
            return self._scs.read(address - SCS_BASE, size)
        if address == _DWT_CTRL:
            return _FOUR_COMPARATORS | self._counter.enabled
        if address == _DWT_CYCCNT:
            return self._counter.read()
        return 0

    def write(self, address: int, size: int, value: int) -> None:
        """Write ``size`` bytes at an address."""
        if SCS_BASE <= address < SCS_BASE + SCS_SIZE:
            self._scs.write(address - SCS_BASE, size, value)
        elif address == _DWT_CYCCNT:
            self._counter.write(value)
        elif address == _DWT_CTRL and self._scs.trace_enabled:
            self._counter.enable(bool(value & _CYCCNTENA))
