"""What happens after the application crashed: how long to wait, and what to tell.

The delay doubles with every crash in a row, between the bounds that the bundle's crash policy sets. An application that
ran longer than the upper bound before it crashed starts over at the lower one.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.clock import NANOSECONDS
from harness.virtual.board.core.interface import FaultRecord

MINIMUM_RESTART_MS = 1_000
MAXIMUM_RESTART_MS = 60_000
"""Bounds of the delay where the bundle sets none. The vendor's are not public."""

_EXCEPTIONS = {3: "HardFault", 4: "MemManage", 5: "BusFault", 6: "UsageFault"}

# Bits of CFSR (Armv8-M Architecture Reference Manual, D1.2.12), in words.
_CFSR = {0: "instruction access violation", 1: "data access violation", 3: "unstacking violation",
         4: "stacking violation", 8: "instruction bus error", 9: "precise data bus error",
         10: "imprecise data bus error", 11: "unstacking bus error", 12: "stacking bus error",
         16: "undefined instruction", 17: "invalid state", 18: "invalid exception return", 19: "no coprocessor",
         20: "stack overflow", 24: "unaligned access", 25: "division by zero"}

Symbolise = Callable[[int], "str | None"]


class Backoff:
    """The delay before each restart."""

    def __init__(self) -> None:
        self.minimum_ms = MINIMUM_RESTART_MS
        self.maximum_ms = MAXIMUM_RESTART_MS
        self._crashes = 0
        self._started = 0

    def __repr__(self) -> str:
        return f"Backoff({self._crashes} crashes in a row)"

    def set_bounds(self, minimum_ms: int, maximum_ms: int) -> None:
        """Take the bounds of a crash policy; 0 leaves ours."""
        self.minimum_ms = minimum_ms or MINIMUM_RESTART_MS
        self.maximum_ms = max(maximum_ms or MAXIMUM_RESTART_MS, self.minimum_ms)

    def started(self, now: int) -> None:
        """Take note that the application starts."""
        self._started = now

    def forget(self) -> None:
        """Take note that there is another application now."""
        self._crashes = 0

    def crashed(self, now: int) -> int:
        """Take note of a crash; return the delay before the restart in nanoseconds."""
        if now - self._started > self.maximum_ms * NANOSECONDS // 1_000:
            self._crashes = 0
        delay = min(self.minimum_ms << min(self._crashes, 20), self.maximum_ms)
        self._crashes += 1
        return delay * NANOSECONDS // 1_000


def is_crash(record: FaultRecord) -> bool:
    """Return whether a fault is the kernel's to handle.

    HardFault and BusFault are taken to the Secure side on a Microvisor board, so they end the application.
    MemManage and UsageFault are the application's own if it enabled them; if not they arrive here as HardFault.
    """
    return record.lockup or record.exception not in (4, 6)


def describe_fault(record: FaultRecord, symbolise: Symbolise) -> str:
    """Return one line that says what happened and where."""
    kind = "lockup" if record.lockup else _EXCEPTIONS.get(record.exception, f"exception {record.exception}")
    causes = [text for bit, text in _CFSR.items() if record.cfsr >> bit & 1]
    if record.hfsr >> 1 & 1:
        causes.append("vector table read failed")
    where = record.registers.get("pc")
    place = ""
    if where is not None:
        name = symbolise(where)
        place = f" at 0x{where:08x}" + (f" in {name}" if name else "")
    address = ""
    if record.cfsr >> 15 & 1:
        address = f", address 0x{record.bfar:08x}"
    elif record.cfsr >> 7 & 1:
        address = f", address 0x{record.mmfar:08x}"
    return f"{kind}{place}" + (f": {', '.join(causes)}" if causes else "") + address
