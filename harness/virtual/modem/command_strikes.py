"""What faults do to one command: another result, or the same one later, and at once when they are removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from harness.virtual.faults.fault import End, Fault
from harness.virtual.faults.plan import FaultPlan
from harness.virtual.modem.command import Pending, Prompt, Result
from harness.virtual.world import Event, World


class Late:
    """Something that comes late, as long as the faults that want it so are not removed.

    Args:
        spans: the faults with the nanoseconds that each adds.
        later: lets something happen after so many nanoseconds, unless the power goes.
    """

    def __init__(self, world: World, plan: FaultPlan, spans: Mapping[Fault, int],
                 later: Callable[[int, Callable[[], None]], Event]) -> None:
        self._world = world
        self._plan = plan
        self._spans = dict(spans)
        self._later = later
        self._began = 0
        self._event: Event | None = None
        self._then: Callable[[], None] | None = None
        self._ends: list[End] = []

    def start(self, then: Callable[[], None]) -> None:
        """Let ``then`` happen when it is time."""
        self._began, self._then = self._world.now(), then
        self._spans = {fault: span for fault, span in self._spans.items() if fault in self._plan}
        ends = [self._plan.settle(fault, partial(self._removed, fault)) for fault in self._spans]
        self._ends = [end for end in ends if end is not None]
        self._schedule()

    def drop(self) -> None:
        """Let nothing happen any more."""
        self._then = None
        if self._event is not None:
            self._event.cancel()
        faults = tuple(self._spans)
        self._spans.clear()
        for end in self._ends:
            end()
        for fault in faults:
            self._plan.retire(fault)

    def _schedule(self) -> None:
        if self._event is not None:
            self._event.cancel()
        due = self._began + sum(self._spans.values())
        self._event = self._later(max(0, due - self._world.now()), self._come)

    def _removed(self, fault: Fault) -> None:
        if self._spans.pop(fault, None) is not None and self._then is not None:
            self._schedule()

    def _come(self) -> None:
        then = self._then
        self.drop()
        if then is not None:
            then()


@dataclass(slots=True)
class CommandStrikes:
    """What faults do to one command: another result, or the same one later."""

    instead: Result | None = None
    late: Late | None = None

    def put_off(self, result: Result) -> Result:
        """Return the result as it comes when it comes late; a prompt comes at once."""
        if self.late is None:
            return result
        if isinstance(result, Prompt):
            then = result.then
            return replace(result, then=lambda data: self.put_off(then(data)))
        late = self.late

        if isinstance(result, Pending):
            start = result.start

            def start_late(finish: Callable[[Result], None]) -> None:
                start(lambda ended: late.start(partial(finish, ended)))

            return Pending(start_late, result.aborted)
        return Pending(lambda finish: late.start(partial(finish, result)))
