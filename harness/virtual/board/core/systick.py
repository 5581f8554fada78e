"""SysTick, counted exactly in core cycles (DDI0553, B12).

The counter is not ticked. It is known by its value at one cycle (the *anchor*) and computed for any later one. From
1 to 0 it sets COUNTFLAG and asks for the exception; one count later it takes the reload value: the period is RVR + 1.
"""

from __future__ import annotations

ENABLE, TICKINT, CLKSOURCE, COUNTFLAG = 1, 2, 4, 1 << 16
EXTERNAL_DIVIDER = 8
"""With CLKSOURCE clear SysTick counts HCLK / 8, the reset choice of RCC_CCIPR1.SYSTICKSEL (RM0456)."""
_COUNTER_MASK = 0xFF_FFFF


class SysTick:
    """The timer; every method that depends on time takes it as ``now`` in cycles."""

    __slots__ = ("_anchor", "_control", "_flag", "_reload", "_value")

    def __init__(self) -> None:
        self.reset()

    def __repr__(self) -> str:
        return f"SysTick(control={self._control:#x}, reload={self._reload}, value={self._value}@{self._anchor})"

    def reset(self) -> None:
        """Stop the timer and clear its registers."""
        self._control = self._reload = self._value = self._anchor = 0
        self._flag = False

    @property
    def due(self) -> int | None:
        """The cycle at which the exception will be asked for next, or None if it never will."""
        if self._control & (ENABLE | TICKINT) != ENABLE | TICKINT:
            return None
        counts = self._counts_to_zero()
        return None if counts is None else self._anchor + counts * self._step

    def advance(self, now: int) -> bool:
        """Bring the counter up to ``now`` and return whether it asked for the exception on the way."""
        if not self._control & ENABLE:
            return False
        counts = (now - self._anchor) // self._step
        if counts <= 0:
            return False
        self._anchor += counts * self._step
        first = self._counts_to_zero()
        if first is None:
            return False
        if counts < first:
            # Either still on the way down, or reloaded just now.
            self._value = (self._value or self._reload + 1) - counts
            return False
        over = (counts - first) % (self._reload + 1)
        self._value = self._reload + 1 - over if over else 0
        self._flag = True
        return bool(self._control & TICKINT)

    def read_control(self, now: int) -> int:
        """Return SYST_CSR; reading clears COUNTFLAG."""
        flag, self._flag = self._flag, False
        return self._control | (COUNTFLAG if flag else 0)

    def write_control(self, now: int, value: int) -> None:
        """Write SYST_CSR."""
        if not self._control & ENABLE or (self._control ^ value) & CLKSOURCE:
            self._anchor = now
        self._control = value & (ENABLE | TICKINT | CLKSOURCE)

    def read_reload(self) -> int:
        """Return SYST_RVR."""
        return self._reload

    def write_reload(self, value: int) -> None:
        """Write SYST_RVR; it counts from the next reload on."""
        self._reload = value & _COUNTER_MASK

    def read_value(self) -> int:
        """Return SYST_CVR at the cycle of the last :meth:`advance`."""
        return self._value

    def clear_value(self, now: int) -> None:
        """Write SYST_CVR: any value clears the counter and COUNTFLAG, and pends nothing."""
        self._value = 0
        self._flag = False
        self._anchor = now

    @property
    def _step(self) -> int:
        return 1 if self._control & CLKSOURCE else EXTERNAL_DIVIDER

    def _counts_to_zero(self) -> int | None:
        """Return after how many counts from the anchor the counter goes from 1 to 0; None if it is stopped at 0."""
        if self._value:
            return self._value
        return self._reload + 1 if self._reload else None
