"""Time and chance. The only module that may read the machine's clock, sleep or draw random numbers.

Time is a count of nanoseconds since the clock was made (``int``, so it never rounds). Two clocks answer one Protocol:

* :class:`VirtualClock` stands still until somebody waits. A wait lets everything in flight arrive, asks the predicate,
  and otherwise jumps to the next thing that happens. A day passes in milliseconds, and the same run gives the same
  time stamps.
* :class:`RealClock` is the machine's monotonic clock, for hardware and for programs of other people.

Near ends (drivers) take a :class:`Clock` and know nothing else about time. They register what can be read without
blocking as a :class:`Source`; a wait on either clock takes in what has arrived before it asks its predicate.
"""

from __future__ import annotations

import hashlib
import random
import re
import select
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import Protocol, TypeAlias, TypeVar

from harness.errors import InternalError, TimeoutExpired, UsageError

NANOSECONDS = 1_000_000_000
"""Nanoseconds in a second."""

Duration: TypeAlias = str | int | float | timedelta
"""How callers say how long: ``"250ms"``, ``"10s"``, ``"5min"``, ``"24h"``, seconds as a number, or a timedelta."""

RandomStream: TypeAlias = random.Random
"""A source of chance with a state of its own."""

T = TypeVar("T")

_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": NANOSECONDS, "min": 60 * NANOSECONDS, "h": 3600 * NANOSECONDS,
          "d": 86_400 * NANOSECONDS}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|ms|s|min|h|d)")
_MAX_ROUNDS = 100_000


@lru_cache(maxsize=1_024)
def to_ns(duration: Duration) -> int:
    """Return the duration in whole nanoseconds.

    Raises:
        UsageError: not a duration, or a negative one.
    """
    if isinstance(duration, str):
        match = _DURATION.fullmatch(duration.strip())
        if match is None:
            raise UsageError(f"not a duration: {duration!r} (write a number and one of {', '.join(_UNITS)}: '10s')")
        number, unit = match.groups()
        return round(float(number) * _UNITS[unit]) if "." in number else int(number) * _UNITS[unit]
    if isinstance(duration, timedelta):
        value = (duration.days * 86_400 + duration.seconds) * NANOSECONDS + duration.microseconds * 1_000
    else:
        value = round(duration * NANOSECONDS)
    if value < 0:
        raise UsageError(f"a duration can't be negative: {duration!r}")
    return value


def random_stream(seed: int, name: str) -> RandomStream:
    """Return a random generator of its own for ``name``: draws from one stream never shift another."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return random.Random(int.from_bytes(digest[:16], "big"))


class Source(Protocol):
    """A near end whose arrivals can be taken in without blocking."""

    def fileno(self) -> int | None:
        """Return a descriptor that becomes readable when something arrives, or None if there is no such thing."""

    def pump(self) -> bool:
        """Take in what has arrived, without blocking; return whether anything had."""


class Clock(Protocol):
    """What every near end knows of time."""

    def now(self) -> int:
        """Return the time in nanoseconds since the clock was made."""

    def wait(self, predicate: Callable[[], T | None], *, within: Duration, what: str,
             saw: Callable[[], str] | None = None) -> T:
        """Return the first true value of ``predicate``; let time pass until then.

        Raises:
            TimeoutExpired: the predicate did not hold within the duration; names ``what`` and what ``saw`` tells.
        """

    def sleep(self, duration: Duration) -> None:
        """Let this much time pass."""

    def watch(self, source: Source) -> None:
        """Take in what arrives at ``source`` during every wait from now on."""

    def unwatch(self, source: Source) -> None:
        """Stop taking in what arrives at ``source``; no error if it was not watched."""

    def notify(self) -> None:
        """Tell a waiting thread, from any thread, that something may have changed."""


class Timeline(Protocol):
    """What moves when virtual time moves: the world."""

    def advance(self, limit: int) -> int:
        """Run everything due at the next instant, not later than ``limit``; return the time reached."""

    def settle(self) -> bool:
        """Bring home what is in flight outside virtual time; return whether anything moved."""


class Wire(Protocol):
    """Two ends with a kernel buffer or a network stack between them."""

    def settle(self) -> bool:
        """Wait until all that one end sent has arrived at the other; return whether anything moved."""


class VirtualClock:
    """Time that stands still until a test waits, then jumps.

    Bytes in a pseudo-terminal or a socket take real time to cross although virtual time stands still. Wires know how
    much is still under way, and are settled before the predicate is asked: that is why two runs are equal.

        >>> clock = VirtualClock()
        >>> clock.sleep("24h"); clock.now() // NANOSECONDS
        86400

    Args:
        start: where it begins, in nanoseconds: for a world that is taken up again.
    """

    def __init__(self, start: int = 0) -> None:
        self._now = start
        self._timeline: Timeline | None = None
        self._wires: list[Wire] = []
        self._sources: list[Source] = []

    def __repr__(self) -> str:
        return f"VirtualClock(now={self._now / NANOSECONDS:.6f}s)"

    def attach(self, timeline: Timeline) -> None:
        """Let waits move ``timeline``. A clock moves one timeline."""
        if self._timeline is not None:
            raise UsageError("a virtual clock moves one world; make a clock for each")
        self._timeline = timeline

    def add_wire(self, wire: Wire) -> None:
        """Settle ``wire`` before a wait asks its predicate."""
        self._wires.append(wire)

    def remove_wire(self, wire: Wire) -> None:
        """Forget ``wire``; no error if it is not known."""
        if wire in self._wires:
            self._wires.remove(wire)

    def now(self) -> int:
        return self._now

    def jump(self, instant: int) -> None:
        """Set the time. For the timeline only: nothing runs by this alone.

        Raises:
            UsageError: the instant lies in the past.
        """
        if instant < self._now:
            raise UsageError("time can't go backwards")
        self._now = instant

    def settle(self) -> None:
        """Bring everything in flight home without letting time pass."""
        for _ in range(_MAX_ROUNDS):
            moved = False
            for wire in tuple(self._wires):
                moved |= wire.settle()
            if self._timeline is not None:
                moved |= self._timeline.settle()
            for source in tuple(self._sources):
                moved |= source.pump()
            if not moved:
                return
        raise InternalError(f"still in flight after {_MAX_ROUNDS} rounds: two ends answer each other for ever")

    def wait(self, predicate: Callable[[], T | None], *, within: Duration, what: str,
             saw: Callable[[], str] | None = None) -> T:
        span = to_ns(within)
        deadline = self._now + span
        while True:
            self.settle()
            value = predicate()
            if value:
                return value
            if self._now >= deadline:
                raise TimeoutExpired(what, within=span / NANOSECONDS, saw=saw() if saw else "")
            self._advance(deadline)

    def sleep(self, duration: Duration) -> None:
        deadline = self._now + to_ns(duration)
        self.settle()
        while self._now < deadline:
            self._advance(deadline)
            self.settle()

    def watch(self, source: Source) -> None:
        self._sources.append(source)

    def unwatch(self, source: Source) -> None:
        if source in self._sources:
            self._sources.remove(source)

    def notify(self) -> None:
        """Nothing to do: a virtual wait never blocks."""

    def _advance(self, deadline: int) -> None:
        if self._timeline is None:
            self._now = deadline
        else:
            self._timeline.advance(deadline)


class RealClock:
    """The machine's monotonic clock. Waits block in ``select`` on what is watched.

    Args:
        start: what it tells now, in nanoseconds: for a world that is taken up again.
    """

    _POLL = 0.01  # for sources without a descriptor, and as the outer bound of one sleep

    def __init__(self, start: int = 0) -> None:
        self._start = time.monotonic_ns() - start
        self._changed = threading.Condition()
        self._generation = 0
        self._sources: list[Source] = []

    def __repr__(self) -> str:
        return f"RealClock(now={self.now() / NANOSECONDS:.6f}s)"

    def now(self) -> int:
        return time.monotonic_ns() - self._start

    def wait(self, predicate: Callable[[], T | None], *, within: Duration, what: str,
             saw: Callable[[], str] | None = None) -> T:
        span = to_ns(within)
        deadline = self.now() + span
        while True:
            generation = self._generation
            for source in tuple(self._sources):
                source.pump()
            value = predicate()
            if value:
                return value
            left = deadline - self.now()
            if left <= 0:
                raise TimeoutExpired(what, within=span / NANOSECONDS, saw=saw() if saw else "")
            self._block(min(left / NANOSECONDS, self._POLL), generation)

    def sleep(self, duration: Duration) -> None:
        deadline = self.now() + to_ns(duration)
        while (left := deadline - self.now()) > 0:
            for source in tuple(self._sources):
                source.pump()
            self._block(min(left / NANOSECONDS, self._POLL), self._generation)

    def watch(self, source: Source) -> None:
        self._sources.append(source)

    def unwatch(self, source: Source) -> None:
        if source in self._sources:
            self._sources.remove(source)

    def notify(self) -> None:
        with self._changed:
            self._generation += 1
            self._changed.notify_all()

    def _block(self, seconds: float, generation: int) -> None:
        descriptors = [fd for source in self._sources if (fd := source.fileno()) is not None]
        if descriptors:
            select.select(descriptors, [], [], seconds)
            return
        with self._changed:
            if self._generation == generation:
                self._changed.wait(seconds)


def wall_time_ns() -> int:
    """Return Unix time in nanoseconds: where a real-time world puts its epoch, and nothing else."""
    return time.time_ns()


def cpu_time_ns() -> int:
    """Return CPU time of this process in nanoseconds, for reports of how long something took us."""
    return time.process_time_ns()


class Stopwatch:
    """Real seconds since it was made: for reports and for bounds on blocking calls, never for behaviour."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._start


def pause(seconds: float) -> None:
    """Block this thread for real seconds. For I/O threads at the endpoints only."""
    time.sleep(seconds)
