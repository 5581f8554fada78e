"""SysTick against a counter that is ticked one count at a time."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.virtual.board.core.systick import CLKSOURCE, COUNTFLAG, ENABLE, TICKINT, SysTick


class Ticked:
    """The timer as the architecture manual tells it, count by count."""

    def __init__(self) -> None:
        self.control = self.reload = self.value = 0
        self.flag = False
        self.asked = 0

    def tick(self) -> None:
        if not self.control & ENABLE:
            return
        if self.value == 0:
            self.value = self.reload
            if self.value == 0:
                return
        else:
            self.value -= 1
            if self.value == 0:
                self.flag = True
                self.asked += bool(self.control & TICKINT)


actions = st.one_of(
    st.tuples(st.just("pass"), st.integers(0, 40)),
    st.tuples(st.just("control"), st.sampled_from((0, 1, 3, 5, 7))),
    st.tuples(st.just("reload"), st.integers(0, 12)),
    st.tuples(st.just("clear"), st.just(0)),
    st.tuples(st.just("flag"), st.just(0)),
)


@settings(deadline=None)
@given(st.lists(actions, max_size=40))
def test_it_counts_like_the_manual_says(steps: list[tuple[str, int]]) -> None:
    timer, oracle, now, asked = SysTick(), Ticked(), 0, 0
    phase = 0
    for action, value in steps:
        if action == "pass":
            for _ in range(value):
                now += 1
                phase += 1
                if oracle.control & CLKSOURCE or phase % 8 == 0:
                    oracle.tick()
            before = oracle.asked
            due = timer.due
            if timer.advance(now):
                asked += 1
                assert due is not None
                assert due <= now
            elif due is not None:
                assert due > now
            assert (asked > 0) == (oracle.asked > 0)
            oracle.asked = before
        elif action == "control":
            timer.write_control(now, value)
            if not oracle.control & ENABLE or (oracle.control ^ value) & CLKSOURCE:
                phase = 0
            oracle.control = value
        elif action == "reload":
            timer.write_reload(value)
            oracle.reload = value
        elif action == "clear":
            timer.clear_value(now)
            oracle.value, oracle.flag = 0, False
            phase = 0
        else:
            assert bool(timer.read_control(now) & COUNTFLAG) == oracle.flag
            oracle.flag = False
        assert timer.read_value() == oracle.value
        assert timer.read_reload() == oracle.reload


@settings(deadline=None)
@given(st.integers(1, 1000), st.integers(1, 5000))
def test_the_exception_is_asked_for_once_each_reload_plus_one_counts(reload: int, span: int) -> None:
    timer = SysTick()
    timer.write_reload(reload)
    timer.clear_value(100)
    timer.write_control(100, ENABLE | TICKINT | CLKSOURCE)
    times = []
    now = 100
    while (due := timer.due) is not None and due <= 100 + span:
        assert due > now
        now = due
        assert timer.advance(now)
        times.append(now)
    assert times == list(range(100 + reload + 1, 100 + span + 1, reload + 1))
