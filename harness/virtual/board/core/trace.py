"""A running hash over what a core did, to compare two runs or two cores. Costs nothing while it is off."""

from __future__ import annotations

from collections.abc import Callable

_OFFSET, _PRIME = 0xCBF2_9CE4_8422_2325, 0x0000_0100_0000_01B3
_MASK = (1 << 64) - 1
RETURN = 1 << 15
"""Added to the exception number returned to, in the record of an exception return."""


class Trace:
    """FNV-1a over the words (exception, program counter, cycles) of each exception entry and return.

    Attributes:
        enabled: whether anything is recorded.
        count: how many records there were.
        value: the hash so far.
    """

    __slots__ = ("_hook", "count", "enabled", "value")

    def __init__(self) -> None:
        self.enabled = False
        self.hook = None
        self.clear()

    def __repr__(self) -> str:
        return f"Trace({self.digest()}, {self.count} records)"

    @property
    def hook(self) -> Callable[[int, int, int], None] | None:
        """Called with each record while enabled; for finding the first difference."""
        return self._hook

    @hook.setter
    def hook(self, value: Callable[[int, int, int], None] | None) -> None:
        self._hook = value

    def clear(self) -> None:
        """Forget what was recorded."""
        self.value, self.count = _OFFSET, 0

    def record(self, exception: int, pc: int, cycles: int) -> None:
        """Take in one exception entry, or a return with :data:`RETURN` added."""
        if not self.enabled:
            return
        value = self.value
        for word in (exception, pc, cycles):
            value = (value ^ word) * _PRIME & _MASK
        self.value = value
        self.count += 1
        if self.hook is not None:
            self.hook(exception, pc, cycles)

    def digest(self) -> str:
        """Return the hash so far as 16 hexadecimal digits."""
        return f"{self.value:016x}"
