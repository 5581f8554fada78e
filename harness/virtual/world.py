"""The world that all virtual parts live in: one lock, one event queue, one seed, one journal.

Theory of operation. Whatever changes virtual state does so inside a *turn*: it holds the lock and sees one instant
that does not move. Turns come from three sides:

* events that are due (:meth:`World.call_later`); in real time whoever ends a turn from the outside runs them, so that
  a busy server need not change threads for each, and the thread of :meth:`start` those that nobody else has run;
* the outside: HTTP handlers, descriptors that became readable (:attr:`World.reactor`), other threads - they open a turn
  with ``with world.turn():``;
* *runners*, the boards, which execute between events and carry their own finer time while they do.

With a :class:`~harness.clock.VirtualClock` a waiting test drives all of that through :meth:`advance` and
:meth:`settle`; with a :class:`~harness.clock.RealClock` the thread of :meth:`start` does.

Blocking I/O towards the outside (a webhook) never happens inside a turn: :meth:`outside` runs it on a thread and posts
the result back as an event. Virtual time does not pass while such a job is under way, and its results come home in the
order the jobs were given, so a run does not depend on how fast a peer answers. In real time each comes as soon as it is
there.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from harness.clock import (
    NANOSECONDS,
    Duration,
    RandomStream,
    RealClock,
    VirtualClock,
    random_stream,
    to_ns,
    wall_time_ns,
)
from harness.errors import InternalError
from harness.journal import Journal
from harness.virtual.reactor import Reactor, Ready

T = TypeVar("T")

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Where the calendar of a world in virtual time begins, unless told otherwise."""

QUANTUM = 10_000_000
"""The longest a runner may run ahead of the event queue in nanoseconds, unless a world has another."""

OUTSIDE_THREADS = 32
"""Jobs towards the outside that are under way at once; the others wait for a thread."""


_BUSY = 3
"""Turns from the outside between two looks of the thread that make a world a busy one."""

_GRACE = 4_000_000
"""How much later in nanoseconds the thread of a busy world looks: the next turn from the outside will come before."""


class Runner(Protocol):
    """Something that executes between events: a board."""

    def next_due(self) -> int | None:
        """Return when it wants to run next (now or earlier: it is busy), or None if only an event can wake it."""

    def run(self, until: int) -> int:
        """Run up to instant ``until`` and return the instant reached: earlier if it posted something to the world."""


@dataclass(eq=False, slots=True)
class Event:
    """Something that will happen; :meth:`cancel` prevents it."""

    t: int
    seq: int
    action: Callable[[], None] | None
    name: str

    def cancel(self) -> None:
        """Let it not happen; no error if it has."""
        self.action = None

    @property
    def pending(self) -> bool:
        """Whether it has neither happened nor been cancelled."""
        return self.action is not None


class _Turn:
    """A turn from the outside; it may lie within another one of its thread, so a world needs only one."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __enter__(self) -> None:
        self._world.begin_turn()

    def __exit__(self, *exception: object) -> None:
        self._world.end_turn()


class World:
    """Clock, event queue, seed, lock and journal of one set of virtual parts.

    Args:
        seed: fixes every draw of chance in this world.
        clock: a virtual clock (the default), or a real one; then :meth:`start` must be called.
        quantum: the longest a runner may run ahead of the event queue in virtual time, 10 ms by default. More is
            cheaper with many boards, whose messages to each other then arrive that much later at worst.
        epoch: calendar time of instant 0; by default 2026-01-01 in virtual time and the present in real time.

        >>> world = World(seed=1)
        >>> _ = world.call_later("24h", lambda: print("a day later"), name="demo")
        >>> world.clock.sleep("25h")
        a day later
    """

    def __init__(self, *, seed: int = 0, clock: VirtualClock | RealClock | None = None,
                 epoch: datetime | None = None, quantum: Duration | None = None) -> None:
        self.seed = seed
        self._quantum = QUANTUM if quantum is None else to_ns(quantum)
        self.clock: VirtualClock | RealClock = clock or VirtualClock()
        self.lock = threading.RLock()
        self.reactor = Reactor()
        self.journal = Journal(now=self.now)
        self._now = self.clock.now()
        self._local: int | None = None  # a runner's own time while it runs
        self._queue: list[tuple[int, int, Event]] = []  # tuples, which the heap compares without our help
        self._seq = itertools.count()
        self._runners: list[Runner] = []
        self._dues: dict[Runner, int | None] = {}  # what next_due() told when _wakes was _dues_at
        self._wakes = self._dues_at = 0
        self._streams: dict[str, RandomStream] = {}
        self._jobs: deque[tuple[Future[object], Callable[[Future[object]], None]]] = deque()
        self._pool: ThreadPoolExecutor | None = None
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._turn = _Turn(self)
        self._depth = 0  # turns within each other; whoever holds the lock may look
        self._turns = 0  # from the outside since the thread looked last
        self._asleep_until = 0  # when the thread looks again by itself
        if epoch is None:
            epoch = EPOCH if self.is_virtual else datetime.fromtimestamp(wall_time_ns() / NANOSECONDS, UTC)
        self.epoch = epoch
        self._calendar = (0, epoch)  # the microsecond that was asked for last, and its date
        if isinstance(self.clock, VirtualClock):
            self.clock.attach(self)

    def __repr__(self) -> str:
        return f"World(seed={self.seed}, now={self.now() / NANOSECONDS:.6f}s, {len(self._queue)} events)"

    # -- time and chance ----------------------------------------------------------------------------------------------

    @property
    def is_virtual(self) -> bool:
        """Whether time stands still between waits."""
        return isinstance(self.clock, VirtualClock)

    def now(self) -> int:
        """Return the instant of this turn in nanoseconds; inside a runner, the runner's own finer time."""
        return self._now if self._local is None else self._local

    def set_local_time(self, instant: int | None) -> None:
        """For runners: what :meth:`now` tells while the runner executes; None when it has returned."""
        self._local = instant

    def calendar(self) -> datetime:
        """Return the date and time of this instant in UTC."""
        instant = self.now() // 1_000
        if self._calendar[0] != instant:
            self._calendar = (instant, self.epoch + timedelta(microseconds=instant))
        return self._calendar[1]

    def random(self, name: str) -> RandomStream:
        """Return the random stream of this name: the same draws in every run with the same seed."""
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = random_stream(self.seed, name)
        return stream

    # -- events -------------------------------------------------------------------------------------------------------

    def call_at(self, instant: int, action: Callable[[], None], *, name: str) -> Event:
        """Let ``action`` happen at ``instant``, or as soon as possible if that has passed; safe from any thread."""
        with self.lock:
            seq = next(self._seq)
            event = Event(instant, seq, action, name)
            heapq.heappush(self._queue, (instant, seq, event))
            if not self._depth:  # the end of a turn does it otherwise
                self._wake_for(instant)
        return event

    def call_later(self, delay: Duration, action: Callable[[], None], *, name: str) -> Event:
        """Let ``action`` happen after ``delay``."""
        return self.call_at(self.now() + to_ns(delay), action, name=name)

    def turn(self) -> AbstractContextManager[None]:
        """Hold the world still: for the outside (HTTP handlers, other threads) before it touches virtual state."""
        return self._turn

    def begin_turn(self) -> None:
        """Hold the world still until :meth:`end_turn`; :meth:`turn` is what calls both."""
        self.lock.acquire()
        self._depth += 1
        if self._depth == 1:
            self.refresh()

    def end_turn(self) -> None:
        """Run what is due, if this was the outermost turn and time is real, and let go."""
        try:
            if self._depth == 1 and self._thread is not None:
                self._turns += 1
                self._run_due()
                if (head := self._head()) is not None:
                    self._wake_for(head)
        finally:
            self._depth -= 1
            self.lock.release()

    def _wake_for(self, instant: int) -> None:
        if self._thread is not None and instant < self._asleep_until:
            self._asleep_until = instant
            self.reactor.wake()

    def outside(self, job: Callable[[], T], then: Callable[[Future[T]], None]) -> None:
        """Run the blocking ``job`` on a thread and call ``then`` with its future in a turn of this world.

        The job must bound its own time. In virtual time ``then`` calls come in the order the jobs were given.
        """
        with self.lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(max_workers=OUTSIDE_THREADS, thread_name_prefix="world-outside")
            future = self._pool.submit(job)
            self._jobs.append((future, then))  # type: ignore[arg-type]
        future.add_done_callback(lambda _: self.reactor.wake())

    # -- runners ------------------------------------------------------------------------------------------------------

    def add_runner(self, runner: Runner) -> None:
        """Let ``runner`` execute from now on."""
        with self.lock:
            self._runners.append(runner)
        self.reactor.wake()

    def remove_runner(self, runner: Runner) -> None:
        """Stop running ``runner``; no error if it is not here."""
        with self.lock:
            if runner in self._runners:
                self._runners.remove(runner)

    def wake(self) -> None:
        """Tell the world that a runner's :meth:`Runner.next_due` may have become earlier."""
        self._wakes += 1
        self.reactor.wake()

    # -- virtual time: called by the clock ----------------------------------------------------------------------------

    def advance(self, limit: int) -> int:
        """Run what is due at the next instant, not later than ``limit``; return the instant reached."""
        with self.lock:
            target = self._next_instant(limit)
            reached = self._run_runners(target)
            self._jump(reached)
            self._run_due()
            return self._now

    def settle(self) -> bool:
        """Wait for outside jobs under way, serve readable descriptors and run what is due; tell if anything moved."""
        moved = self._collect_jobs(block=True)
        with self.lock:
            moved |= self.reactor.poll(0)
            moved |= self._run_due()
        return moved

    # -- real time ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Let a world with a real clock live on a thread of its own until :meth:`close`."""
        if self.is_virtual:
            raise InternalError("a virtual world is moved by its clock, not by a thread")
        if self._thread is None:
            self._thread = threading.Thread(target=self._live, name="world", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop the thread and forget everything that would still happen. May be called twice."""
        self._stopping = True
        self.reactor.wake()
        if self._thread is not None:
            self._thread.join(timeout=10)
            self._thread = None
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        with self.lock:
            self._queue.clear()
            self._runners.clear()
            self._jobs.clear()
            self.reactor.close()

    def _live(self) -> None:
        ready: Ready = []
        while not self._stopping:
            if self._jobs:
                self._collect_jobs(block=False)
            with self._turn:
                if ready:
                    self.reactor.dispatch(ready)
                self._run_due()
                for runner in self._runners:
                    due = runner.next_due()
                    if due is not None and due <= self._now:
                        self._run_one(runner, self._now)
                self._asleep_until, grace = self._next_look()
            ready = self.reactor.wait(max(0, self._asleep_until + grace - self.clock.now()) / NANOSECONDS)

    def _next_look(self) -> tuple[int, int]:
        """Return when the thread has to look again, and for how much longer others can be trusted to do its work."""
        busy, self._turns = self._turns > _BUSY, 0
        dues = [due for runner in self._runners if (due := runner.next_due()) is not None]
        head = self._head()
        instants = (*dues, self._now + NANOSECONDS) if head is None else (*dues, head)
        return min(instants), _GRACE if busy and not dues else 0

    # -- inside -------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """For turns: let the instant be the present one, if the clock is real."""
        if not self.is_virtual and self._local is None:
            self._now = max(self._now, self.clock.now())

    def _head(self) -> int | None:
        while self._queue and not self._queue[0][2].pending:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def _next_instant(self, limit: int) -> int:
        target = limit
        if (head := self._head()) is not None:
            target = min(target, head)
        self._dues_at = self._wakes
        self._dues = {runner: runner.next_due() for runner in self._runners}
        for due in self._dues.values():
            if due is not None:
                # One that sleeps until soon may go as far as one that is busy: its next tick must not stop all others.
                target = min(target, max(due, self._now + self._quantum))
        return max(target, self._now)

    def _run_runners(self, target: int) -> int:
        reached = target
        for runner in tuple(self._runners):
            known = self._wakes == self._dues_at and runner in self._dues
            due = self._dues[runner] if known else runner.next_due()
            if due is not None and due <= reached:
                reached = min(reached, max(self._run_one(runner, reached), self._now))
        return reached

    def _run_one(self, runner: Runner, until: int) -> int:
        try:
            return runner.run(until)
        finally:
            self._local = None

    def _jump(self, instant: int) -> None:
        self._now = max(self._now, instant)
        if isinstance(self.clock, VirtualClock):
            self.clock.jump(self._now)

    def _run_due(self) -> bool:
        ran = False
        queue, now = self._queue, self._now
        while queue and queue[0][0] <= now:
            event = heapq.heappop(queue)[2]
            action, event.action = event.action, None
            if action is not None:
                action()
                ran, now = True, self._now
        return ran

    def _collect_jobs(self, *, block: bool) -> bool:
        """Bring results home: in the order of the jobs if we wait for each, else those that are there.

        In real time a slow job must not hold up the results of the others.
        """
        moved = False
        if block:
            while self._jobs:
                self._jobs[0][0].exception()  # waits; the job bounds its own time
                self._take_job(0)
                moved = True
            return moved
        position = 0
        while position < len(self._jobs):
            if self._jobs[position][0].done():
                self._take_job(position)
                moved = True
            else:
                position += 1
        return moved

    def _take_job(self, position: int) -> None:
        with self._turn:
            future, then = self._jobs[position]
            del self._jobs[position]
            then(future)
