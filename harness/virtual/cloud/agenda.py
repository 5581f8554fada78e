"""What will happen by itself: one list of deadlines for all resources, kept as data.

A deadline is a kind, the SID of a resource and an instant; what it does is registered once per kind. So nothing that
is still to come hides in a closure: a store can write the list down, and take it up again after a restart. However
many deadlines there are, the world sees one event.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from harness.errors import InternalError
from harness.virtual.cloud.kept import Watcher
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
    DEVICE_LOGGING = "device_logging"
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
        self.watcher: Watcher | None = None
        self._world = world
        self._actions: dict[Due, Callable[[str], None]] = {}
        self._places: dict[tuple[Due, str], tuple[int, int]] = {}  # instant, and order of those of one instant
        self._heap: list[tuple[int, int, Due, str]] = []
        self._count = 0
        self._event: Event | None = None

    def __repr__(self) -> str:
        return f"Agenda({len(self._places)} deadlines)"

    def __len__(self) -> int:
        return len(self._places)

    def on(self, kind: Due, action: Callable[[str], None]) -> None:
        """Say what deadlines of a kind do; they are given the SID."""
        if kind in self._actions:
            raise InternalError(f"somebody does {kind} already")
        self._actions[kind] = action

    def set(self, kind: Due, sid: str, instant: int) -> None:
        """Let it happen at this instant, or at once if that is over; instead of an earlier deadline of this kind."""
        self._put(kind, sid, (instant, self._count))
        self._count += 1
        self._changed(kind, sid)

    def cancel(self, kind: Due, sid: str) -> None:
        """Let it not happen; no error if it was not to."""
        if self._places.pop((kind, sid), None) is not None:
            self._changed(kind, sid)
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._places):
            self._heap = [entry for entry in self._heap if self._places.get(entry[2:]) == entry[:2]]
            heapq.heapify(self._heap)

    def instant(self, kind: Due, sid: str) -> int | None:
        """Return when it will happen, None if it will not."""
        place = self._places.get((kind, sid))
        return None if place is None else place[0]

    def entries(self) -> list[Deadline]:
        """Return all deadlines, the next one first."""
        return sorted(Deadline(instant=place[0], kind=kind, sid=sid) for (kind, sid), place in self._places.items())

    def clear(self) -> None:
        """Forget all deadlines."""
        for kind, sid in tuple(self._places):
            self.cancel(kind, sid)
        self._heap.clear()
        self._arm()

    # -- written down and taken up again ------------------------------------------------------------------------------

    @property
    def following(self) -> int:
        """How many deadlines were ever set."""
        return self._count

    def kept_keys(self) -> list[str]:
        """Return kind and SID of all deadlines, the next one first."""
        return [f"{kind} {sid}" for (kind, sid), _ in sorted(self._places.items(), key=lambda item: item[1])]

    def value(self, key: str) -> tuple[int, int] | None:
        """Return the instant of a deadline, and its place among those of one instant; None if it is none any more."""
        kind, _, sid = key.partition(" ")
        return self._places.get((Due(kind), sid))

    def restore(self, values: Iterable[tuple[str, tuple[int, int]]], following: int) -> None:
        """Forget all deadlines and take up these; what is over happens as soon as the world runs.

        Raises:
            ValueError: there is no such kind.
        """
        self._places.clear()
        self._heap.clear()
        for key, place in values:
            kind, _, sid = key.partition(" ")
            self._put(Due(kind), sid, place, arm=False)
        self._count = following
        self._arm()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _put(self, kind: Due, sid: str, place: tuple[int, int], *, arm: bool = True) -> None:
        self._places[kind, sid] = place
        heapq.heappush(self._heap, (*place, kind, sid))
        if arm and (self._event is None or place[0] < self._event.t or not self._event.pending):
            self._arm()

    def _changed(self, kind: Due, sid: str) -> None:
        if self.watcher is not None:
            self.watcher(f"{kind} {sid}")

    def _arm(self) -> None:
        if self._event is not None:
            self._event.cancel()
        while self._heap and self._places.get(self._heap[0][2:]) != self._heap[0][:2]:
            heapq.heappop(self._heap)
        self._event = (self._world.call_at(self._heap[0][0], self._run, name="deadline") if self._heap else None)

    def _run(self) -> None:
        self._event = None
        now = self._world.now()
        while self._heap and self._heap[0][0] <= now:
            instant, order, kind, sid = heapq.heappop(self._heap)
            if self._places.get((kind, sid)) == (instant, order):
                del self._places[kind, sid]
                self._changed(kind, sid)
                self._actions[kind](sid)
        self._arm()
