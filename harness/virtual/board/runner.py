"""Lets a board's core execute between the events of its world."""

from __future__ import annotations

from collections.abc import Callable

from harness.virtual.board.core.interface import Core, CoreState
from harness.virtual.board.timebase import Agenda, Appointment, Timebase
from harness.virtual.world import QUANTUM, World

_STOPPED = (CoreState.HALTED, CoreState.LOCKUP)
_REAL_TIME_STEP = 1_000_000  # how much a busy core executes at a time when the clock is real, in nanoseconds
_REAL_TIME_LAG = 250_000_000  # how far it may fall behind before it gives up catching up


class CoreRunner:
    """Runs one core in step with one world. Implements :class:`harness.virtual.world.Runner`.

    Args:
        hz: cycles a second.
        stopped: called whenever the core has stopped, for what must not happen inside of its run.
    """

    def __init__(self, world: World, core: Core, hz: int, *, stopped: Callable[[], None]) -> None:
        self._world = world
        self._core = core
        self._time = Timebase(hz)
        self._stopped = stopped
        self._agenda = Agenda()
        self._until = 0
        self._stop_cycle = 0
        self._yield = False
        self._frozen = False  # cycles stand still while time passes
        self.is_running = False
        """Whether the core executes at this moment, or something it called does."""
        self.active = False
        """Whether there is an application to execute."""
        self.parked = False
        """Whether the application stopped its clocks."""

    def __repr__(self) -> str:
        return f"CoreRunner({self._time!r}, active={self.active}, {self._agenda!r})"

    @property
    def appointments(self) -> int:
        """How many appointments there are, cancelled ones included."""
        return len(self._agenda)

    # -- runner of the world ------------------------------------------------------------------------------------------

    def next_due(self) -> int | None:
        """Return when the core has something to execute, None if only an event can give it something."""
        if self._is_standing():
            return None
        wake, appointment = self._core.next_wake(), self._agenda.next()
        if wake is None or (appointment is not None and appointment < wake):
            wake = appointment
        if wake is None:
            return None
        due = self._time.to_ns(wake)
        if not self._world.is_virtual:
            return max(due, self._time.to_ns(self._core.cycles) + _REAL_TIME_STEP)
        return due

    def run(self, until: int) -> int:
        """Execute up to an instant; return the instant reached."""
        if self._is_standing():
            return until
        until = self._bound(until)
        target = self._time.to_cycles(until)
        self.is_running, self._yield, self._until = True, False, until
        try:
            while self._core.cycles < target:
                self._run_to(target)
                if self._is_standing():
                    break
                if self._yield:
                    return min(until, self._time.to_ns(self._core.cycles))
            return until
        finally:
            self.is_running, self._until = False, 0
            self._world.set_local_time(None)

    def _run_to(self, target: int) -> None:
        appointment = self._agenda.next()
        self._stop_cycle = target if appointment is None else min(target, appointment)
        if self._core.cycles < self._stop_cycle:
            self._core.run(self._stop_cycle)
        self.touch()
        self._stopped()
        while not self._yield and self.active and (action := self._agenda.take(self._core.cycles)) is not None:
            self.touch()
            action()

    def _is_standing(self) -> bool:
        """Return whether cycles stand still; tie them to the present when they begin to go on."""
        standing = not self.active or self.parked or self._core.state in _STOPPED
        if self._frozen and not standing:
            self._time.rebase(self._world.now(), self._core.cycles)
        self._frozen = standing
        return standing

    def _bound(self, until: int) -> int:
        """Return how far to run at a time: with a real clock a little, and never far behind."""
        if self._world.is_virtual:
            return until
        if until - self._time.to_ns(self._core.cycles) > _REAL_TIME_LAG:
            self._time.rebase(until - QUANTUM, self._core.cycles)
        return min(until, self._time.to_ns(self._core.cycles) + QUANTUM)

    # -- for the board ------------------------------------------------------------------------------------------------

    def now(self) -> int:
        """Return the time as fine as the core knows it."""
        if self.is_running:
            return self._time.to_ns(self._core.cycles)
        if self._frozen or not self.active:
            return self._world.now()
        return max(self._world.now(), self._time.to_ns(self._core.cycles))

    def touch(self) -> None:
        """Let the world's time be the core's while it calls out."""
        if self.is_running:
            self._world.set_local_time(self._time.to_ns(self._core.cycles))

    def sync(self) -> None:
        """Let the core come to the present, before something touches it from outside."""
        if not self.is_running and not self._is_standing() and (
                self._time.to_cycles(self._world.now()) > self._core.cycles):
            self.run(self._world.now())

    def freeze(self) -> None:
        """Take note that cycles stand still from now on."""
        self._frozen = True

    def go(self, instant: int) -> None:
        """Begin anew: the core's present cycle is at ``instant``, and nothing is on the agenda."""
        self._agenda.clear()
        self._time.rebase(instant, self._core.cycles)
        self._frozen = self.parked = False

    def stop(self) -> None:
        """Execute no more; what was on the agenda is cancelled."""
        self._agenda.clear()
        self.active = self.parked = False
        self.leave()

    def leave(self) -> None:
        """End the run that is under way at the next block."""
        if self.is_running:
            self._yield = True
            self._core.request_stop()

    def posted_at(self, instant: int) -> None:
        """Take note that something was posted to the world: end the run if it would go beyond that."""
        if self.is_running and instant < self._until:
            self.leave()

    def schedule(self, cycle: int, action: Callable[[], None]) -> Appointment:
        """Let ``action`` happen at a cycle, between two blocks of the application."""
        if self.is_running and cycle < self._stop_cycle:
            self._core.request_stop()
        return self._agenda.add(cycle, action)
