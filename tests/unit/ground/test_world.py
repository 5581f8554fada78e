"""The world: events in order, jobs outside of time, runners in step, two runs alike."""

import gc
import os
import threading
from concurrent.futures import Future
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clock import NANOSECONDS, RealClock, pause
from harness.errors import InternalError
from harness.virtual.world import EPOCH, QUANTUM, World


@given(st.lists(st.integers(0, 1000), max_size=40))
def test_events_happen_in_order_of_time_then_of_posting(delays: list[int]) -> None:
    world = World()
    seen: list[tuple[int, int]] = []
    for index, delay in enumerate(delays):
        world.call_at(delay, lambda index=index: seen.append((world.now(), index)), name="e")  # type: ignore[misc]
    world.clock.sleep("1s")
    assert seen == sorted((delay, index) for index, delay in enumerate(delays))
    world.close()


def test_a_cancelled_event_does_not_happen() -> None:
    world = World()
    seen: list[str] = []
    event = world.call_later("1s", lambda: seen.append("no"), name="no")
    assert event.pending
    event.cancel()
    world.clock.sleep("2s")
    assert not seen
    assert not event.pending


def test_results_from_outside_come_home_in_the_order_they_were_asked_for() -> None:
    world = World()
    release = threading.Event()
    seen: list[tuple[str, int]] = []

    def slow() -> str:
        release.wait(5)
        return "slow"

    def fast() -> str:
        release.set()
        return "fast"

    def note(future: Future[str]) -> None:
        seen.append((future.result(), world.now()))

    def post() -> None:
        world.outside(slow, note)
        world.outside(fast, note)

    world.call_later("1s", post, name="post")
    world.clock.wait(lambda: len(seen) == 2, within="10s", what="both")
    assert seen == [("slow", NANOSECONDS), ("fast", NANOSECONDS)]
    world.close()


class _Counter:
    """A runner that is always busy and counts the nanoseconds it was given."""

    def __init__(self, world: World) -> None:
        self.world, self.at, self.slices = world, 0, 0

    def next_due(self) -> int | None:
        return self.at

    def run(self, until: int) -> int:
        self.slices += 1
        self.at = max(self.at, until)
        self.world.set_local_time(self.at)
        return self.at


def test_a_world_may_have_a_longer_quantum() -> None:
    world = World(quantum="100ms")
    counter = _Counter(world)
    world.add_runner(counter)
    world.clock.sleep("1s")
    assert counter.slices == 10
    world.close()


def test_one_that_sleeps_until_soon_does_not_stop_the_others_there() -> None:
    world = World()
    busy, sleeper = _Counter(world), _Counter(world)
    sleeper.next_due = lambda: sleeper.at + 1_000_000  # type: ignore[method-assign]
    world.add_runner(busy)
    world.add_runner(sleeper)
    world.clock.sleep(3 * QUANTUM / NANOSECONDS)
    assert busy.slices == 3
    assert sleeper.at == 3 * QUANTUM
    world.close()


def test_a_busy_runner_advances_in_quanta_and_stops_at_events() -> None:
    world = World()
    counter = _Counter(world)
    world.add_runner(counter)
    seen: list[int] = []
    world.call_at(QUANTUM // 2, lambda: seen.append(counter.at), name="half")
    world.clock.sleep(3 * QUANTUM / NANOSECONDS)
    assert seen == [QUANTUM // 2]
    assert counter.at == 3 * QUANTUM
    assert counter.slices == 4
    world.remove_runner(counter)
    world.remove_runner(counter)


def test_calendar_starts_at_the_epoch() -> None:
    world = World()
    world.clock.sleep("90min")
    assert world.calendar() == datetime(2026, 1, 1, 1, 30, tzinfo=UTC)
    assert World(epoch=datetime(2030, 5, 1, tzinfo=UTC)).calendar().year == 2030
    assert world.epoch == EPOCH


def test_a_virtual_world_has_no_thread() -> None:
    with pytest.raises(InternalError, match="moved by its clock"):
        World().start()


def test_a_real_world_serves_events_descriptors_and_jobs() -> None:
    world = World(clock=RealClock())
    read, write = os.pipe()
    seen: list[str] = []
    done = threading.Event()

    def readable() -> None:
        seen.append(os.read(read, 10).decode())
        world.outside(lambda: threading.current_thread().name, home)

    def home(future: Future[str]) -> None:
        assert future.result().startswith("world-outside")
        world.call_later("5ms", done.set, name="done")

    def say_hello() -> None:
        os.write(write, b"hello")

    world.reactor.add(read, readable)
    world.start()
    with world.turn():
        world.call_later("5ms", say_hello, name="write")
    assert done.wait(5)
    assert seen == ["hello"]
    world.reactor.remove(read)
    world.close()
    world.close()
    os.close(read)
    os.close(write)


def test_posting_from_another_thread_wakes_a_sleeping_world() -> None:
    world = World(clock=RealClock())
    world.start()
    pause(0.02)
    happened = threading.Event()
    with world.turn():
        world.call_later("1ms", happened.set, name="soon")
    assert happened.wait(0.5)
    world.close()


def _run(seed: int) -> str:
    world = World(seed=seed)

    def roll() -> None:
        world.journal.record("test", "rolled", value=world.random("dice").randrange(10**9))

    for second in range(20):
        world.call_later(second, roll, name="roll")
    world.clock.sleep("1min")
    return world.journal.digest()


def test_equal_seeds_give_equal_journals() -> None:
    assert _run(7) == _run(7)
    assert _run(7) != _run(8)


def test_in_real_time_a_slow_job_holds_up_no_other_result() -> None:
    world = World(clock=RealClock())
    release, came = threading.Event(), threading.Event()
    world.outside(lambda: release.wait(10), lambda future: None)
    for _ in range(10):
        world.outside(lambda: None, lambda future: came.set())
    world.start()
    assert came.wait(5)
    release.set()
    world.close()


def test_a_world_that_nobody_closed_keeps_no_descriptors() -> None:
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        World()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_who_ends_a_turn_in_real_time_runs_what_is_due() -> None:
    world = World(clock=RealClock())
    world.start()
    seen: list[str] = []

    def chain(left: int) -> None:
        seen.append(threading.current_thread().name)
        if left:
            world.call_later(0, lambda: chain(left - 1), name="next")

    with world.turn():
        with world.turn():
            world.call_later(0, lambda: chain(3), name="first")
        assert not seen  # nothing happens within a turn, nor at the end of an inner one
    assert seen == 4 * [threading.current_thread().name]
    world.close()


def test_an_event_is_never_run_inside_another_one() -> None:
    world = World(clock=RealClock())
    world.start()
    order: list[str] = []
    done = threading.Event()

    def outer() -> None:
        order.append("outer begins")
        with world.turn():
            world.call_later(0, inner, name="inner")
        order.append("outer ends")

    def inner() -> None:
        order.append("inner")
        done.set()

    world.call_later("1ms", outer, name="outer")
    assert done.wait(5)
    assert order == ["outer begins", "outer ends", "inner"]
    world.close()


def test_a_busy_world_keeps_its_appointments_when_nobody_comes_any_more() -> None:
    world = World(clock=RealClock())
    world.start()
    happened = threading.Event()
    late: list[int] = []

    def note(due: int) -> None:
        late.append(world.now() - due)
        if len(late) == 50:
            happened.set()

    for number in range(200):  # so many turns that the thread leaves the work to them
        with world.turn():
            if number % 4 == 0:
                due = world.now() + 20_000_000
                world.call_at(due, lambda due=due: note(due), name="appointment")  # type: ignore[misc]
    assert happened.wait(5)
    assert min(late) >= 0
    world.close()
