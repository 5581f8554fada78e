"""What will happen by itself: one list of deadlines for all resources, kept as data.

A deadline is a kind, the SID of a resource and an instant; what it does is registered once per kind. So nothing that
is still to come hides in a closure: a store can write the list down, and take it up again after a restart. However
many deadlines there are, the world sees one event.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from harness.errors import InternalError
from harness.virtual.world import Event, World


class Due(StrEnum):
    """Kinds of deadlines."""

    SIM_UPDATE = "sim_update"
    SIM_TRIAL = "sim_trial"
    SIM_REATTACH = "sim_reattach"
    DATA_PERIOD = "data_period"
    DATA_LIMIT = "data_limit"
    ESIM_STEP = "esim_step"
    SETTINGS_STEP = "settings_step"
    WIRELESS_UPDATE = "wireless_update"
    WIRELESS_TRIAL = "wireless_trial"
    WIRELESS_CANCEL = "wireless_cancel"
    WIRELESS_RESET = "wireless_reset"
    WIRELESS_PERIOD = "wireless_period"
    EVENT_BATCH = "event_batch"
    RETENTION = "retention"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Deadline:
    """Something that will happen at ``instant`` (nanoseconds of the world) to the resource ``sid``."""

    instant: int
    kind: Due
    sid: str


class Agenda:
    """The deadlines of one account; one per kind and resource, a later one replaces it.

        >>> world = World(seed=1)
        >>> agenda = Agenda(world)
        >>> agenda.on(Due.SIM_TRIAL, lambda sid: print(sid, "is due"))
        >>> agenda.set(Due.SIM_TRIAL, "HS1", 5_000_000_000)
        >>> world.clock.sleep("10s")
        HS1 is due
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._actions: dict[Due, Callable[[str], None]] = {}
        self._instants: dict[tuple[Due, str], int] = {}
        self._heap: list[tuple[int, int, Due, str]] = []
        self._count = 0
        self._event: Event | None = None

    def __repr__(self) -> str:
        return f"Agenda({len(self._instants)} deadlines)"

    def __len__(self) -> int:
        return len(self._instants)

    def on(self, kind: Due, action: Callable[[str], None]) -> None:
        """Say what deadlines of a kind do; they are given the SID."""
        if kind in self._actions:
            raise InternalError(f"somebody does {kind} already")
        self._actions[kind] = action

    def set(self, kind: Due, sid: str, instant: int) -> None:
        """Let it happen at this instant, or at once if that is over; instead of an earlier deadline of this kind."""
        self._instants[kind, sid] = instant
        self._count += 1
        heapq.heappush(self._heap, (instant, self._count, kind, sid))
        if self._event is None or instant < self._event.t or not self._event.pending:
            self._arm()

    def cancel(self, kind: Due, sid: str) -> None:
        """Let it not happen; no error if it was not to."""
        self._instants.pop((kind, sid), None)
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._instants):
            self._heap = [entry for entry in self._heap if self._instants.get((entry[2], entry[3])) == entry[0]]
            heapq.heapify(self._heap)

    def instant(self, kind: Due, sid: str) -> int | None:
        """Return when it will happen, None if it will not."""
        return self._instants.get((kind, sid))

    def entries(self) -> list[Deadline]:
        """Return all deadlines, the next one first."""
        return sorted(Deadline(instant=instant, kind=kind, sid=sid) for (kind, sid), instant in self._instants.items())

    def restore(self, deadlines: list[Deadline]) -> None:
        """Forget all deadlines and take up these."""
        self.clear()
        for deadline in sorted(deadlines):
            self.set(deadline.kind, deadline.sid, deadline.instant)

    def clear(self) -> None:
        """Forget all deadlines."""
        self._instants.clear()
        self._heap.clear()
        if self._event is not None:
            self._event.cancel()
            self._event = None

    def _arm(self) -> None:
        if self._event is not None:
            self._event.cancel()
        while self._heap and self._instants.get((self._heap[0][2], self._heap[0][3])) != self._heap[0][0]:
            heapq.heappop(self._heap)
        self._event = (self._world.call_at(self._heap[0][0], self._run, name="deadline") if self._heap else None)

    def _run(self) -> None:
        self._event = None
        now = self._world.now()
        while self._heap and self._heap[0][0] <= now:
            instant, _, kind, sid = heapq.heappop(self._heap)
            if self._instants.get((kind, sid)) == instant:
                del self._instants[kind, sid]
                self._actions[kind](sid)
        self._arm()
