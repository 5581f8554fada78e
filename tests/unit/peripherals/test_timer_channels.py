"""Compare, PWM at pins, capture from pins, break; as the vendor's HAL sets them up."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.virtual.board.peripherals.pin import parse_pin
from harness.virtual.board.peripherals.timer import TIMERS
from harness.virtual.board.peripherals.timer_pins import timer_pins

if TYPE_CHECKING:
    from tests.unit.peripherals.conftest import Chip

HZ = 64_000_000
CEN, ARPE, UG, MOE = 1, 1 << 7, 1, 1 << 15
PWM1, PWM2, TOGGLE, PRELOAD = 6 << 4, 7 << 4, 3 << 4, 1 << 3


def alternate(chip: Chip, pin: str, function: int) -> None:
    letter, number = parse_pin(pin)
    port = f"GPIO{letter}"
    register = "AFRH" if number > 7 else "AFRL"
    shift = 4 * (number % 8)
    chip.write(port, register, chip.read(port, register) & ~(0xF << shift) | function << shift)
    chip.write(port, "MODER", chip.read(port, "MODER") & ~(3 << 2 * number) | 2 << 2 * number)


def pwm(chip: Chip, *, psc: int = 63, arr: int = 999, ccr: int = 250, mode: int = PWM1 | PRELOAD, ccer: int = 1,
        cr1: int = CEN | ARPE, timer: str = "TIM2") -> None:
    chip.write(timer, "PSC", psc)
    chip.write(timer, "ARR", arr)
    chip.write(timer, "CCR1", ccr)
    chip.write(timer, "CCMR1", mode)
    chip.write(timer, "CCER", ccer)
    chip.write(timer, "EGR", UG)
    chip.write(timer, "CR1", cr1)


def test_pwm_is_told_as_frequency_and_duty(chip: Chip) -> None:
    alternate(chip, "PA5", 1)
    pwm(chip)
    found = chip.soc.pin("PA5").pwm
    assert found is not None
    assert (found.frequency_hz, found.duty) == (1000.0, 0.25)
    assert chip.of("pwm_changed") == [{"pin": "PA5", "frequency_hz": 1000.0, "duty": 0.25}]
    assert len(chip.agenda) == 0  # a running output costs nothing
    chip.write("TIM2", "CCR1", 500)
    assert chip.soc.pin("PA5").pwm == found  # preloaded
    chip.run(64_000)
    assert chip.of("pwm_changed")[-1]["duty"] == 0.5
    chip.write("TIM2", "CR1", 0)
    assert chip.soc.pin("PA5").pwm is None


@pytest.mark.parametrize(("mode", "ccer", "duty"), [(PWM1, 1, 0.25), (PWM2, 1, 0.75), (PWM1, 3, 0.75), (PWM2, 3, 0.25)])
def test_polarity_and_mode(chip: Chip, mode: int, ccer: int, duty: float) -> None:
    alternate(chip, "PA5", 1)
    pwm(chip, mode=mode, ccer=ccer)
    found = chip.soc.pin("PA5").pwm
    assert found is not None
    assert found.duty == duty


def test_the_level_is_right_whenever_somebody_looks(chip: Chip) -> None:
    alternate(chip, "PA5", 1)
    pwm(chip)
    levels = []
    for _ in range(8):
        levels.append(chip.read("GPIOA", "IDR") >> 5 & 1)
        chip.run(64 * 125)
    assert levels == [1, 1, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("cr1", [CEN, CEN | 1 << 4, CEN | 1 << 5, CEN | 2 << 5, CEN | 3 << 5])
def test_watchers_see_every_edge(chip: Chip, cr1: int) -> None:
    alternate(chip, "PA5", 1)
    edges: list[tuple[int, int]] = []
    chip.soc.pin("PA5").watch(lambda level: edges.append((chip.cycles, level)))
    pwm(chip, cr1=cr1 | ARPE, psc=0, arr=1000, ccr=300)
    chip.run(100_000)
    found = chip.soc.pin("PA5").pwm
    assert found is not None
    rises = [cycle for cycle, level in edges if level]
    falls = [cycle for cycle, level in edges if not level]
    period = HZ / found.frequency_hz
    assert {b - a for a, b in pairwise(rises[2:])} == {period}
    start = rises[2]
    high = next(cycle for cycle in falls if cycle > start) - start
    assert abs(high / period - found.duty) < 0.002


def test_nobody_is_told_of_edges_any_more(chip: Chip) -> None:
    alternate(chip, "PA5", 1)
    stop = chip.soc.pin("PA5").watch(lambda level: None)
    pwm(chip)
    assert len(chip.agenda) > 0
    stop()
    assert chip.agenda.next() is None


def test_edges_of_a_waveform_reach_exti(chip: Chip) -> None:
    alternate(chip, "PA5", 1)
    pwm(chip)
    chip.write("EXTI", "RTSR1", 1 << 5)
    chip.write("EXTI", "IMR1", 1 << 5)
    chip.run(64_000)
    assert chip.raised == [16]


def test_main_output_enable_and_break(chip: Chip) -> None:
    alternate(chip, "PA8", 1)
    pin = chip.soc.pin("PA8")
    pwm(chip, timer="TIM1")
    assert pin.pwm is None
    chip.write("TIM1", "BDTR", MOE | 1 << 12)
    assert pin.pwm is not None
    chip.write("TIM1", "DIER", 1 << 7)
    chip.soc.timers["TIM1"].trip_break()
    assert chip.raised == [41]
    assert chip.read("TIM1", "BDTR") & MOE == 0
    assert pin.pwm is None
    chip.write("TIM1", "SR", ~(1 << 7) & 0xFFFF_FFFF)
    assert not chip.lines[41]
    chip.write("TIM8", "DIER", 1 << 7)
    chip.write("TIM8", "EGR", 1 << 7)
    assert chip.raised == [41, 51]


def test_complementary_outputs(chip: Chip) -> None:
    alternate(chip, "PA8", 1)
    alternate(chip, "PA7", 1)
    pwm(chip, timer="TIM1", ccer=1 | 1 << 2)
    chip.write("TIM1", "BDTR", MOE)
    main, complement = chip.soc.pin("PA8"), chip.soc.pin("PA7")
    assert (main.pwm.duty, complement.pwm.duty) == (0.25, 0.75)  # type: ignore[union-attr]
    for _ in range(10):
        assert main.level != complement.level
        chip.run(6400)


def test_toggle_halves_the_frequency(chip: Chip) -> None:
    alternate(chip, "PA5", 1)
    edges: list[int] = []
    chip.soc.pin("PA5").watch(lambda level: edges.append(chip.cycles))
    pwm(chip, mode=TOGGLE, psc=0)
    chip.run(10_000)
    assert {b - a for a, b in pairwise(edges)} == {1000}
    found = chip.soc.pin("PA5").pwm
    assert found is not None
    assert found.frequency_hz == HZ / 2000


def test_compare_interrupts(chip: Chip) -> None:
    pwm(chip)
    chip.write("TIM2", "SR", 0)
    chip.write("TIM2", "DIER", 1 << 1)
    chip.run(64 * 250 - 1)
    assert chip.raised == []
    chip.run(1)
    assert chip.raised == [45]
    chip.write("TIM2", "SR", 0)
    chip.run(64_000)
    assert chip.raised == [45, 45]
    pwm(chip, timer="TIM8")
    chip.write("TIM8", "SR", 0)
    chip.write("TIM8", "DIER", 1 << 1)
    chip.run(64_000)
    assert chip.raised[-1] == 54


def test_repetition_counts_overflows(chip: Chip) -> None:
    chip.write("TIM1", "ARR", 99)
    chip.write("TIM1", "RCR", 3)
    chip.write("TIM1", "EGR", UG)
    chip.write("TIM1", "SR", 0)
    chip.write("TIM1", "CR1", CEN)
    chip.run(399)
    assert chip.read("TIM1", "SR") & 1 == 0
    chip.run(1)
    assert chip.read("TIM1", "SR") & 1 == 1


@pytest.mark.parametrize("cr1", [CEN | 1 << 1, CEN, CEN | 1 << 3])
def test_short_periods_are_passed_over_at_once(chip: Chip, cr1: int) -> None:
    """With updates disabled, with many repetitions, with one pulse of many repetitions."""
    chip.write("TIM1", "RCR", 0xFFFF)
    chip.write("TIM1", "EGR", UG)
    chip.write("TIM1", "SR", 0)
    chip.write("TIM1", "ARR", 1)
    chip.write("TIM1", "PSC", 1)  # waits for an update event
    chip.write("TIM1", "CR1", cr1)
    chip.run(2 * 65_536 - 1)
    assert chip.read("TIM1", "SR") & 1 == 0
    chip.run(1)
    assert chip.read("TIM1", "SR") & 1 == int(cr1 != CEN | 1 << 1)
    chip.run(100 * HZ, at_most=100)
    chip.read("TIM1", "SR")  # and does not take all day
    assert chip.read("TIM1", "CR1") & CEN == int(not cr1 & 1 << 3)


def test_counting_down(chip: Chip) -> None:
    chip.write("TIM3", "ARR", 9)
    chip.write("TIM3", "CR1", CEN | 1 << 4)
    chip.write("TIM3", "EGR", UG)
    seen = []
    for _ in range(12):
        seen.append(chip.read("TIM3", "CNT"))
        chip.run(1)
    assert seen == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 9, 8]


def test_counting_up_and_down(chip: Chip) -> None:
    chip.write("TIM3", "ARR", 4)
    chip.write("TIM3", "CR1", CEN | 3 << 5)
    seen = []
    for _ in range(10):
        seen.append(chip.read("TIM3", "CNT"))
        chip.run(1)
    assert seen == [0, 1, 2, 3, 4, 3, 2, 1, 0, 1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 50), st.integers(1, 300), st.integers(0, 400), st.integers(0, 4),
       st.lists(st.integers(1, 20_000), min_size=1, max_size=4))
def test_looking_often_or_once_gives_the_same(new_chip: Callable[[], Chip], psc: int, arr: int, ccr: int, mode: int,
                                              steps: list[int]) -> None:
    """The lazily counted timer is the same as one that is looked at after every few cycles."""
    cr1 = (CEN, CEN | 1 << 4, CEN | 1 << 5, CEN | 2 << 5, CEN | 3 << 5)[mode]
    lazy, busy = new_chip(), new_chip()
    for chip in (lazy, busy):
        pwm(chip, psc=psc, arr=arr, ccr=ccr, cr1=cr1, mode=TOGGLE)
        chip.write("TIM2", "SR", 0)
    for step in steps:
        lazy.run(step)
        for _ in range(step // 997):
            busy.run(997)
            busy.read("TIM2", "CNT")
        busy.run(step % 997)
        for register in ("CNT", "SR", "CR1"):
            assert lazy.read("TIM2", register) == busy.read("TIM2", register)
        assert lazy.soc.timers["TIM2"].channels[0].reference == busy.soc.timers["TIM2"].channels[0].reference


# -- capture ----------------------------------------------------------------------------------------------------------


def capture(chip: Chip, *, ccer: int = 1, ccmr: int = 1, smcr: int = 0, timer: str = "TIM2") -> None:
    chip.write(timer, "PSC", 63)
    chip.write(timer, "EGR", UG)
    chip.write(timer, "SR", 0)
    chip.write(timer, "CCMR1", ccmr)
    chip.write(timer, "CCER", ccer)
    chip.write(timer, "SMCR", smcr)
    chip.write(timer, "DIER", 1 << 1)
    chip.write(timer, "CR1", CEN)


def test_a_driven_pin_is_captured(chip: Chip) -> None:
    alternate(chip, "PA0", 1)
    capture(chip)
    pin = chip.soc.pin("PA0")
    chip.run(6400)
    pin.drive(1)
    assert chip.raised == [45]
    assert chip.read("TIM2", "CCR1") == 100
    assert not chip.lines[45]  # reading clears the flag
    chip.run(6400)
    pin.drive(0)
    assert chip.read("TIM2", "SR") & 2 == 0
    pin.drive(1)
    pin.drive(0)
    pin.drive(1)
    assert chip.read("TIM2", "SR") & (1 << 9 | 1 << 1) == 1 << 9 | 1 << 1
    assert chip.read("TIM2", "CCR1") == 200


@pytest.mark.parametrize(("ccer", "edges"), [(1, [1]), (3, [0]), (0xB, [1, 0])])
def test_edges_that_are_captured(chip: Chip, ccer: int, edges: list[int]) -> None:
    alternate(chip, "PA0", 1)
    capture(chip, ccer=ccer)
    pin, seen = chip.soc.pin("PA0"), []
    for level in (1, 0):
        chip.run(64)
        pin.drive(level)
        if chip.read("TIM2", "SR") & 2:
            seen.append(level)
            chip.read("TIM2", "CCR1")
    assert seen == edges


def test_every_fourth_edge(chip: Chip) -> None:
    alternate(chip, "PA0", 1)
    capture(chip, ccmr=1 | 2 << 2)
    for _ in range(3):
        chip.soc.pin("PA0").drive(1)
        chip.soc.pin("PA0").drive(0)
    assert chip.raised == []
    chip.soc.pin("PA0").drive(1)
    assert chip.raised == [45]


def test_pwm_input_measures_a_square_wave(chip: Chip) -> None:
    """As in the vendor's example: both edges of TI1, and the counter reset by the rising one."""
    alternate(chip, "PA0", 1)
    capture(chip, ccmr=1 | 2 << 8, ccer=1 | 1 << 4 | 1 << 5, smcr=4 | 5 << 4)
    chip.soc.pin("PA0").drive_pwm(500, 0.25)
    chip.run(HZ // 50)
    assert abs(chip.read("TIM2", "CCR1") - 2000) <= 1
    assert abs(chip.read("TIM2", "CCR2") - 500) <= 1
    chip.soc.pin("PA0").drive(0)
    chip.run(HZ // 50)
    assert chip.agenda.next() is None


def test_square_waves_are_checked(chip: Chip) -> None:
    with pytest.raises(UsageError, match="up to 1000000 Hz"):
        chip.soc.pin("PA0").drive_pwm(2e6)
    with pytest.raises(UsageError, match="duty between"):
        chip.soc.pin("PA0").drive_pwm(10, 1.0)


def test_basic_timers_have_nothing_but_a_counter(chip: Chip) -> None:
    block = chip.soc.peripheral("TIM6")
    assert not block.has(0x18)
    assert chip.soc.peripheral("TIM16").has(0x18)


def test_the_table_of_pins_names_channels_that_there_are() -> None:
    rows = list(timer_pins())
    assert len({(pin, function) for pin, function, *_ in rows}) == len(rows)
    for pin, function, timer, channel, complementary in rows:
        parse_pin(pin)
        assert 0 < function < 15
        assert channel < TIMERS[timer].channels
        assert TIMERS[timer].has_break or not complementary
