"""Cycles and nanoseconds, and things that happen at a cycle."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.clock import NANOSECONDS


class Timebase:
    """Converts between a core's cycles and the world's nanoseconds, exactly and in whole numbers.

    Cycles stop while the core is halted, in lockup or has no clock; :meth:`rebase` then ties them to the present again.

    Args:
        hz: cycles a second.

        >>> base = Timebase(64_000_000)
        >>> base.to_ns(6_400_000), base.to_cycles(100_000_000)
        (100000000, 6400000)
    """

    def __init__(self, hz: int) -> None:
        self.hz = hz
        self._cycle = 0
        self._instant = 0

    def __repr__(self) -> str:
        return f"Timebase({self.hz} Hz, cycle {self._cycle} at {self._instant} ns)"

    def rebase(self, instant: int, cycle: int) -> None:
        """Let ``cycle`` be now at ``instant``."""
        self._instant = instant
        self._cycle = cycle

    def to_ns(self, cycle: int) -> int:
        """Return the first nanosecond at which this cycle has begun."""
        return self._instant - (self._cycle - cycle) * NANOSECONDS // self.hz

    def to_cycles(self, instant: int) -> int:
        """Return the last cycle that has begun at this instant."""
        return self._cycle + (instant - self._instant) * self.hz // NANOSECONDS


@dataclass(order=True, slots=True)
class Appointment:
    """Something that happens at a cycle; :meth:`cancel` prevents it."""

    cycle: int
    seq: int
    action: Callable[[], None] | None = field(compare=False)

    def cancel(self) -> None:
        """Let it not happen; no error if it has."""
        self.action = None


class Agenda:
    """What happens inside a board at given cycles, in order."""

    def __init__(self) -> None:
        self._queue: list[Appointment] = []
        self._seq = itertools.count()

    def __repr__(self) -> str:
        return f"Agenda({len(self._queue)} appointments)"

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, cycle: int, action: Callable[[], None]) -> Appointment:
        """Let ``action`` happen at ``cycle``."""
        appointment = Appointment(cycle, next(self._seq), action)
        heapq.heappush(self._queue, appointment)
        return appointment

    def next(self) -> int | None:
        """Return the cycle of the first appointment, None if there is none."""
        while self._queue and self._queue[0].action is None:
            heapq.heappop(self._queue)
        return self._queue[0].cycle if self._queue else None

    def take(self, cycle: int) -> Callable[[], None] | None:
        """Return the action of the first appointment that is due at ``cycle`` and forget it; None if none is."""
        first = self.next()
        if first is None or first > cycle:
            return None
        appointment = heapq.heappop(self._queue)
        action, appointment.action = appointment.action, None
        return action

    def clear(self) -> None:
        """Cancel everything."""
        for appointment in self._queue:
            appointment.cancel()
        self._queue.clear()
