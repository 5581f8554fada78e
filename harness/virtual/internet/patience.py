"""How long virtual time waits for programs of other people that answer in real time.

A server on loopback answers within milliseconds of real time, in which virtual time could pass by hours. Whoever has
sent something that calls for an answer says so with :meth:`Patience.expect`; virtual time then stands still until
something has come on that descriptor, or as many real seconds are over. While connections to such programs are open at
all (:meth:`Patience.keep_pace`), virtual time runs at most a hundred times as fast as real time, so that what they send
on their own account gets in. In real time nothing of this does anything.
"""

from __future__ import annotations

import select

from harness.clock import Stopwatch, VirtualClock, pause
from harness.virtual.world import World

PACE = 100_000_000
"""Nanoseconds of virtual time after which a millisecond of real time is let pass."""

QUIET = 600
"""Such steps without any traffic after which they grow longer, so that a day with an idle connection costs little."""

_LONGEST_STEP = 600_000_000_000
_REAL_PAUSE = 0.001


class Patience:
    """A wire of the virtual clock. All methods but :meth:`settle` are called in turns of the world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._expected: dict[int, tuple[Stopwatch, float]] = {}
        self._open = 0
        self._beating = False
        self._quiet = 0
        if isinstance(world.clock, VirtualClock):
            world.clock.add_wire(self)

    def __repr__(self) -> str:
        return f"Patience({len(self._expected)} answers expected, {self._open} connections open)"

    def expect(self, descriptor: int, seconds: float) -> None:
        """Let virtual time stand still until this can be read, this many real seconds at most."""
        self._quiet = 0
        if self._world.is_virtual:
            self._expected[descriptor] = Stopwatch(), seconds

    def satisfied(self, descriptor: int) -> None:
        """Expect nothing more; no error if nothing was expected."""
        self._quiet = 0
        self._expected.pop(descriptor, None)

    def active(self) -> None:
        """Take note of traffic that calls for no answer."""
        self._quiet = 0

    def keep_pace(self) -> None:
        """Count a connection that is open. Each call is paired with one of :meth:`release_pace`."""
        self._open += 1
        if not self._beating and self._world.is_virtual:
            self._beat()

    def release_pace(self) -> None:
        """Count a connection no more."""
        self._open -= 1

    def settle(self) -> bool:
        """Wait for what is expected; called by the clock, outside turns."""
        while self._expected:
            left = {descriptor: seconds - watch.seconds for descriptor, (watch, seconds) in self._expected.items()}
            late = [descriptor for descriptor, seconds in left.items() if seconds <= 0]
            for descriptor in late:
                self._expected.pop(descriptor, None)
            waiting = [descriptor for descriptor in left if descriptor not in late]
            if not waiting:
                return False
            poll = select.poll()
            for descriptor in waiting:
                poll.register(descriptor, select.POLLIN)
            if ready := poll.poll(1000 * min(left[descriptor] for descriptor in waiting)):
                for descriptor, _ in ready:  # the reactor takes it in right after
                    self._expected.pop(descriptor, None)
                return True
        return False

    def _beat(self) -> None:
        self._beating = self._open > 0
        if self._beating:
            pause(_REAL_PAUSE)
            self._quiet += 1
            step = min(_LONGEST_STEP, PACE * max(1, self._quiet - QUIET))
            self._world.call_at(self._world.now() + step, self._beat, name="internet.pace")
