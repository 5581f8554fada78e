"""Virtual time stands still, jumps and settles; real time passes."""

import re
import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clock import NANOSECONDS, RealClock, VirtualClock, random_stream, to_ns
from harness.errors import InternalError, TimeoutExpired, UsageError
from harness.virtual.world import World


@pytest.mark.parametrize(("written", "nanoseconds"), [
    ("250ms", 250_000_000), ("10s", 10 * NANOSECONDS), ("24h", 86_400 * NANOSECONDS), ("1.5 s", 1_500_000_000),
    (2, 2 * NANOSECONDS), (0.25, 250_000_000), (timedelta(minutes=1, microseconds=3), 60 * NANOSECONDS + 3_000),
    ("0s", 0), ("5min", 300 * NANOSECONDS),
])
def test_durations_are_written_as_people_say_them(written: str | float | timedelta, nanoseconds: int) -> None:
    assert to_ns(written) == nanoseconds


@pytest.mark.parametrize("written", ["", "10", "ten seconds", "-1s", "10 weeks", "1e3s"])
def test_what_is_no_duration_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="not a duration"):
        to_ns(written)


def test_negative_durations_are_refused() -> None:
    with pytest.raises(UsageError, match="can't be negative"):
        to_ns(-1)
    with pytest.raises(UsageError, match="can't be negative"):
        to_ns(timedelta(seconds=-1))


@given(st.integers(0, 10**9))
def test_whole_milliseconds_never_round(count: int) -> None:
    assert to_ns(f"{count}ms") == count * 1_000_000


def test_a_virtual_wait_jumps_to_the_next_event() -> None:
    world = World()
    seen: list[int] = []
    world.call_later("3s", lambda: seen.append(world.now()), name="three")
    world.call_later("24h", lambda: seen.append(world.now()), name="day")
    assert world.clock.wait(lambda: len(seen) == 1, within="10s", what="the first event")
    assert world.clock.now() == 3 * NANOSECONDS
    world.clock.sleep("25h")
    assert seen == [3 * NANOSECONDS, 86_400 * NANOSECONDS]
    assert world.clock.now() == 3 * NANOSECONDS + to_ns("25h")


def test_a_wait_that_expires_says_what_it_saw() -> None:
    world = World()
    with pytest.raises(TimeoutExpired, match=re.escape("waited 5 s for '+CMTI'; saw instead: +CREG: 2")) as caught:
        world.clock.wait(lambda: None, within="5s", what="'+CMTI'", saw=lambda: "+CREG: 2")
    assert world.clock.now() == 5 * NANOSECONDS
    assert (caught.value.what, caught.value.within) == ("'+CMTI'", 5.0)


def test_time_cannot_go_backwards() -> None:
    clock = VirtualClock()
    clock.sleep("1s")
    with pytest.raises(UsageError, match=r"^time can't go backwards$"):
        clock.jump(0)


def test_a_clock_moves_one_world() -> None:
    clock = VirtualClock()
    World(clock=clock)
    with pytest.raises(UsageError, match="one world"):
        World(clock=clock)


class _Stubborn:
    def settle(self) -> bool:
        return True


def test_ends_that_never_come_to_rest_are_an_error_not_a_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.clock._MAX_ROUNDS", 50)
    clock = VirtualClock()
    wire = _Stubborn()
    clock.add_wire(wire)
    with pytest.raises(InternalError, match="still in flight"):
        clock.sleep("1s")
    clock.remove_wire(wire)
    clock.remove_wire(wire)
    clock.settle()


def test_a_real_wait_ends_when_another_thread_notifies() -> None:
    clock = RealClock()
    box: list[int] = []

    def other() -> None:
        box.append(1)
        clock.notify()

    thread = threading.Timer(0.02, other)
    thread.start()
    assert clock.wait(lambda: box, within="5s", what="the other thread") == [1]
    thread.join()
    with pytest.raises(TimeoutExpired, match="saw nothing"):
        clock.wait(lambda: None, within="20ms", what="nothing")


def test_a_real_sleep_takes_at_least_its_time() -> None:
    clock = RealClock()
    before = clock.now()
    clock.sleep("15ms")
    assert clock.now() - before >= to_ns("15ms")


def test_streams_of_chance_do_not_disturb_each_other() -> None:
    assert random_stream(1, "a").random() == random_stream(1, "a").random()
    assert random_stream(1, "a").random() != random_stream(1, "b").random()
    assert random_stream(1, "a").random() != random_stream(2, "a").random()
