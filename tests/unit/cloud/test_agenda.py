"""Deadlines as data: order, replacement, cancellation, and what a store does with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InternalError
from harness.virtual.cloud.agenda import Agenda, Due
from harness.virtual.world import World

STEP = st.tuples(st.sampled_from(["set", "cancel"]), st.sampled_from([Due.SIM_TRIAL, Due.SIM_UPDATE]),
                 st.sampled_from(["a", "b", "c"]), st.integers(0, 20))


@given(st.lists(STEP, max_size=40))
def test_what_was_set_last_happens_once_in_order_of_time(steps: list[tuple[str, Due, str, int]]) -> None:
    world = World(seed=1)
    agenda, seen = Agenda(world), []
    for kind in (Due.SIM_TRIAL, Due.SIM_UPDATE):
        agenda.on(kind, lambda sid, kind=kind: seen.append((world.now() // 10**9, kind, sid)))  # type: ignore[misc]
    expected: dict[tuple[Due, str], int] = {}
    for step, kind, sid, second in steps:
        if step == "set":
            agenda.set(kind, sid, second * 10**9)
            expected[kind, sid] = second
        else:
            agenda.cancel(kind, sid)
            expected.pop((kind, sid), None)
    assert [(entry.instant // 10**9, entry.kind, entry.sid) for entry in agenda.entries()] == sorted(
        (second, kind, sid) for (kind, sid), second in expected.items())
    world.clock.sleep("1min")
    assert sorted(seen) == sorted((second, kind, sid) for (kind, sid), second in expected.items())
    assert [second for second, _, _ in seen] == sorted(second for second, _, _ in seen)
    assert len(agenda) == 0
    world.close()


def test_a_deadline_may_set_the_next_one() -> None:
    world = World(seed=1)
    agenda, seen = Agenda(world), []

    def again(sid: str) -> None:
        seen.append(world.now())
        if len(seen) < 3:
            agenda.set(Due.SIM_TRIAL, sid, world.now() + 5)

    agenda.on(Due.SIM_TRIAL, again)
    agenda.set(Due.SIM_TRIAL, "a", 10)
    world.clock.sleep("1s")
    assert seen == [10, 15, 20]
    world.close()


def test_deadlines_can_be_taken_up_elsewhere() -> None:
    world, seen = World(seed=1), []
    first, second = Agenda(world), Agenda(world)
    first.on(Due.SIM_TRIAL, lambda sid: seen.append("first"))
    second.on(Due.SIM_TRIAL, lambda sid: seen.append(sid))
    for sid, instant in (("b", 2_000), ("a", 1_000)):
        first.set(Due.SIM_TRIAL, sid, instant)
    kept = [(key, place) for key in first.kept_keys() if (place := first.value(key)) is not None]
    first.clear()
    second.restore(kept, first.following)
    assert second.instant(Due.SIM_TRIAL, "b") == 2_000
    world.clock.sleep("1s")
    assert seen == ["a", "b"]
    world.close()


def test_a_hundred_thousand_deadlines_are_one_event() -> None:
    world = World(seed=1)
    agenda = Agenda(world)
    agenda.on(Due.SIM_TRIAL, lambda sid: None)
    for number in range(1_000):
        agenda.set(Due.SIM_TRIAL, str(number), 10**9 + number)
    assert repr(agenda) == "Agenda(1000 deadlines)"
    assert "1 events" in repr(world)
    world.close()


def test_a_kind_has_one_owner() -> None:
    world = World(seed=1)
    agenda = Agenda(world)
    agenda.on(Due.SIM_TRIAL, print)
    with pytest.raises(InternalError):
        agenda.on(Due.SIM_TRIAL, print)
    world.close()
