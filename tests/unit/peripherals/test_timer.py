"""Timers: update interrupts at exact cycles, and a counter that is right whenever somebody looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.virtual.board.peripherals.timer import TIMERS

if TYPE_CHECKING:
    from tests.unit.peripherals.conftest import Chip

HZ = 64_000_000


def start(chip: Chip, name: str = "TIM6", *, psc: int = 63, arr: int = 999, cr1: int = 1, dier: int = 1) -> None:
    """As the vendor's HAL does it: preload, load by UG, clear the flag, enable."""
    chip.write(name, "PSC", psc)
    chip.write(name, "ARR", arr)
    chip.write(name, "EGR", 1)
    chip.write(name, "SR", 0xFFFF_FFFE)
    chip.write(name, "DIER", dier)
    chip.write(name, "CR1", cr1)


def test_a_millisecond_tick(chip: Chip) -> None:
    start(chip)
    due = []
    for _ in range(5):
        while not chip.lines.get(49, False):
            chip.run(64)
        due.append(chip.cycles)
        chip.write("TIM6", "SR", 0xFFFF_FFFE)
        assert not chip.lines[49]
    assert due == [HZ // 1000 * n for n in range(1, 6)]


def test_the_flag_is_seen_without_an_interrupt(chip: Chip) -> None:
    start(chip, dier=0)
    chip.run(63_999)
    assert chip.read("TIM6", "SR") == 0
    chip.run(1)
    assert chip.read("TIM6", "SR") == 1
    assert chip.raised == []
    chip.write("TIM6", "DIER", 1)
    assert chip.raised == [49]


def test_ug_sets_the_flag_unless_urs(chip: Chip) -> None:
    chip.write("TIM6", "EGR", 1)
    assert chip.read("TIM6", "SR") == 1
    chip.write("TIM6", "SR", 0)
    chip.write("TIM6", "CR1", 1 << 2)
    chip.write("TIM6", "EGR", 1)
    assert chip.read("TIM6", "SR") == 0


def test_one_pulse_stops_by_itself(chip: Chip) -> None:
    start(chip, cr1=1 | 1 << 3)
    chip.run(10 * 64_000)
    assert chip.raised == [49]
    assert chip.read("TIM6", "CR1") & 1 == 0


@settings(deadline=None)
@given(st.integers(0, 500), st.integers(1, 2000), st.lists(st.integers(1, 5000), min_size=1, max_size=8))
def test_the_counter_is_what_it_should_be(new_chip: Callable[[], Chip], psc: int, arr: int,
                                               steps: list[int]) -> None:
    chip = new_chip()
    start(chip, psc=psc, arr=arr)
    total = 0
    for step in steps:
        chip.run(step)
        total += step
        assert chip.read("TIM6", "CNT") == total // (psc + 1) % (arr + 1)
        assert chip.read("TIM6", "SR") == int(total >= (psc + 1) * (arr + 1))


def test_a_new_reload_value_takes_effect_at_once_without_preload_and_at_the_update_with_it(chip: Chip) -> None:
    start(chip, psc=0, arr=99, cr1=1)
    chip.write("TIM6", "ARR", 49)
    chip.run(50)
    assert chip.raised == [49]
    start(chip, "TIM7", psc=0, arr=99, cr1=1 | 1 << 7)
    chip.write("TIM7", "ARR", 49)
    chip.run(50)
    assert chip.raised == [49]
    chip.run(50)
    assert chip.raised == [49, 50]
    chip.write("TIM7", "SR", 0)
    chip.run(50)
    assert chip.raised == [49, 50, 50]


def test_32_bit_counters_go_beyond_16(chip: Chip) -> None:
    start(chip, "TIM2", psc=0, arr=0xFFFF_FFFF, dier=0)
    chip.run(0x12345)
    assert chip.read("TIM2", "CNT") == 0x12345


def test_a_stopped_counter_keeps_its_value(chip: Chip) -> None:
    start(chip, psc=0, arr=1000, dier=0)
    chip.run(300)
    chip.write("TIM6", "CR1", 0)
    chip.run(300)
    assert chip.read("TIM6", "CNT") == 300


def test_break_events_have_their_own_interrupt(chip: Chip) -> None:
    chip.write("TIM8", "DIER", 1 << 7)
    chip.write("TIM8", "EGR", 1 << 7)
    assert chip.raised == [51]


@pytest.mark.parametrize("name", TIMERS)
def test_every_timer_raises_its_own_interrupt(chip: Chip, name: str) -> None:
    start(chip, name, psc=0, arr=9)
    chip.run(10)
    assert chip.raised == [TIMERS[name].irq]


def test_a_reset_stops_it(chip: Chip) -> None:
    start(chip)
    chip.write("RCC", "APB1RSTR1", 1 << 4)
    chip.run(HZ)
    assert chip.raised == []
