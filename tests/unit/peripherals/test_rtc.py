"""Calendar, alarms, wake-up timer and backup registers; as the vendor's HAL uses them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.virtual.board.peripherals.rtc import (
    ADD1H,
    ALRAE,
    ALRAF,
    ALRAIE,
    FMT,
    INIT,
    INITF,
    INITS,
    RSF,
    WUTE,
    WUTF,
    WUTIE,
    WUTWF,
)
from harness.virtual.board.peripherals.rtc_calendar import START, Alarm, date_register, time_register, to_seconds

if TYPE_CHECKING:
    from tests.unit.peripherals.conftest import Chip

HZ = 64_000_000


def unlock(chip: Chip) -> None:
    chip.write("RTC", "WPR", 0xCA)
    chip.write("RTC", "WPR", 0x53)


def set_clock(chip: Chip, time: int, date: int, cr: int = 0) -> None:
    """HAL_RTC_SetTime and HAL_RTC_SetDate."""
    unlock(chip)
    chip.write("RTC", "ICSR", INIT)
    chip.wait("RTC", "ICSR", INITF)
    chip.write("RTC", "CR", cr)
    chip.write("RTC", "TR", time)
    chip.write("RTC", "DR", date)
    chip.write("RTC", "ICSR", 0)
    assert not chip.read("RTC", "ICSR") & INITF
    chip.wait("RTC", "ICSR", RSF)
    chip.write("RTC", "WPR", 0xFF)


def get(chip: Chip) -> tuple[int, int]:
    time = chip.read("RTC", "TR")
    return time, chip.read("RTC", "DR")


def test_the_calendar_begins_with_the_time_of_the_world(chip: Chip) -> None:
    assert get(chip) == (0, 0x26_8101)  # Thursday, 1 January 2026
    assert chip.read("RTC", "ICSR") & (INITS | RSF | WUTWF) == INITS | RSF | WUTWF
    chip.run(3661 * HZ)
    assert get(chip)[0] == 0x01_0101


def test_what_is_set_goes_on(chip: Chip) -> None:
    set_clock(chip, 0x23_5958, 0x24_8228)
    chip.run(HZ)
    assert get(chip) == (0x23_5959, 0x24_6228)  # a Wednesday, whatever the application said
    chip.run(HZ)
    assert get(chip) == (0, 0x24_8229)
    chip.soc.reset()
    chip.run(HZ)
    assert get(chip) == (0x1, 0x24_8229)
    chip.soc.power_on()
    assert get(chip)[1] == 0x26_8101


def test_nothing_is_written_while_it_is_protected(chip: Chip) -> None:
    chip.write("RTC", "ICSR", INIT)
    chip.write("RTC", "CR", FMT)
    chip.write("RTC", "WPR", 0xCA)
    chip.write("RTC", "WPR", 0x54)
    chip.write("RTC", "CR", FMT)
    assert not chip.read("RTC", "ICSR") & INITF
    assert chip.read("RTC", "CR") == 0
    unlock(chip)
    chip.write("RTC", "CR", FMT)
    assert chip.read("RTC", "CR") == FMT
    chip.write("RTC", "TR", 0x12_3456)  # not in initialisation mode
    assert get(chip)[0] & 0xFFFF == 0


def test_twelve_hours(chip: Chip) -> None:
    set_clock(chip, 1 << 22 | 0x12_0000, 0x26_8101, cr=FMT)
    assert get(chip)[0] == 1 << 22 | 0x12_0000
    chip.run(12 * 3600 * HZ)
    assert get(chip)[0] == 0x12_0000


def test_reading_the_time_holds_the_date(chip: Chip) -> None:
    set_clock(chip, 0x23_5959, 0x26_8131)
    assert chip.read("RTC", "SSR") == 255
    chip.run(HZ)
    assert chip.read("RTC", "TR") == 0x23_5959
    assert chip.read("RTC", "DR") & 0xFF_1FFF == 0x26_0131
    assert get(chip)[1] & 0xFF_1FFF == 0x26_0201


def test_subseconds_count_down(chip: Chip) -> None:
    seen = []
    for _ in range(4):
        seen.append(chip.read("RTC", "SSR"))
        chip.run(HZ // 4)
    assert seen == [255, 191, 127, 63]


def test_daylight_saving_and_shifting(chip: Chip) -> None:
    unlock(chip)
    chip.write("RTC", "CR", ADD1H)
    assert get(chip)[0] == 0x01_0000
    assert chip.read("RTC", "CR") & ADD1H == 0
    chip.write("RTC", "SHIFTR", 1 << 31 | 128)
    chip.run(HZ // 2)
    assert get(chip)[0] == 0x01_0001


def test_an_alarm_a_minute(chip: Chip) -> None:
    unlock(chip)
    chip.write("RTC", "ALRMAR", 1 << 31 | 1 << 23 | 1 << 15 | 0x30)
    chip.write("RTC", "CR", ALRAE | ALRAIE)
    chip.run(29 * HZ)
    assert chip.raised == []
    chip.run(HZ)
    assert chip.raised == [2]
    assert chip.read("RTC", "MISR") == ALRAF
    chip.write("RTC", "SCR", ALRAF)
    assert not chip.lines[2]
    chip.run(60 * HZ)
    assert chip.raised == [2, 2]
    chip.write("RTC", "CR", 0)
    assert chip.agenda.next() is None


@settings(deadline=None)
@given(st.datetimes(datetime(2000, 1, 1), datetime(2090, 12, 31)), st.integers(0, 15), st.integers(0, 6 * 86_400))
def test_alarms_go_off_when_all_open_fields_match(when: datetime, masks: int, before: int) -> None:
    when = when.replace(microsecond=0)
    seconds = (when - START) // timedelta(seconds=1)
    register = time_register(seconds, twelve_hours=False) | (when.day // 10 << 4 | when.day % 10) << 24
    for bit, mask in enumerate((7, 15, 23, 31)):
        register |= (masks >> bit & 1) << mask
    alarm = Alarm.of(register, twelve_hours=False)
    now = max(0, seconds - before)
    due = alarm.next(now - 1)
    assert due is not None
    assert now <= due <= seconds
    moment = START + timedelta(seconds=due)
    fields = (moment.second == when.second, moment.minute == when.minute, moment.hour == when.hour,
              moment.day == when.day)
    assert all(field or masks >> bit & 1 for bit, field in enumerate(fields))


def test_alarms_on_weekdays_and_never() -> None:
    alarm = Alarm.of(1 << 30 | 3 << 24 | 0x08_0000, twelve_hours=False)
    due = alarm.next((datetime(2026, 1, 1) - START) // timedelta(seconds=1))
    assert due is not None
    assert START + timedelta(seconds=due) == datetime(2026, 1, 7, 8)
    assert Alarm.of(0x32 << 24, twelve_hours=False).next(0) is None


@settings(deadline=None)
@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)), st.booleans())
def test_registers_come_back(when: datetime, twelve: bool) -> None:
    seconds = (when.replace(microsecond=0) - START) // timedelta(seconds=1)
    time, date = time_register(seconds, twelve_hours=twelve), date_register(seconds)
    assert to_seconds(time, date, twelve_hours=twelve) == seconds


@settings(deadline=None)
@given(st.integers(0, 0xFFFF_FFFF), st.integers(0, 0xFFFF_FFFF), st.booleans())
def test_no_date_is_too_wrong(time: int, date: int, twelve: bool) -> None:
    assert to_seconds(time, date, twelve_hours=twelve) >= 0


@pytest.mark.parametrize(("select", "count", "period"), [(4, 9, 10 * HZ), (0, 2047, HZ), (3, 16383, HZ),
                                                         (6, 0, 65_537 * HZ)])
def test_the_wakeup_timer(chip: Chip, select: int, count: int, period: int) -> None:
    unlock(chip)
    chip.write("RTC", "WUTR", count)
    chip.write("RTC", "CR", WUTE | WUTIE | select)
    assert not chip.read("RTC", "ICSR") & WUTWF
    chip.run(period - 1)
    assert chip.raised == []
    chip.run(1)
    assert chip.raised == [2]
    chip.write("RTC", "SCR", WUTF)
    chip.run(period)
    assert chip.raised == [2, 2]
    chip.write("RTC", "CR", 0)
    assert chip.read("RTC", "ICSR") & WUTWF


def test_backup_registers_survive_a_reset(chip: Chip) -> None:
    chip.write("TAMP", "BKP31R", 0xCAFE)
    chip.soc.reset()
    assert chip.read("TAMP", "BKP31R") == 0xCAFE
    chip.write("TAMP", "COUNTR", 0)
    assert chip.read("TAMP", "COUNTR") == 1
    chip.soc.power_on()
    assert chip.read("TAMP", "BKP31R") == 0


# -- the watchdog -----------------------------------------------------------------------------------------------------


def start_watchdog(chip: Chip, *, prescaler: int = 3, reload: int = 999, window: int = 0xFFF) -> None:
    """HAL_IWDG_Init."""
    chip.write("IWDG", "KR", 0xCCCC)
    chip.write("IWDG", "KR", 0x5555)
    chip.write("IWDG", "PR", prescaler)
    chip.write("IWDG", "RLR", reload)
    assert chip.read("IWDG", "SR") & 3 == 3
    chip.run(HZ // 1000)
    assert chip.read("IWDG", "SR") == 0
    if window != 0xFFF:
        chip.write("IWDG", "WINR", window)
    else:
        chip.write("IWDG", "KR", 0xAAAA)


def test_a_watchdog_that_is_not_refreshed_bites(chip: Chip) -> None:
    start_watchdog(chip)  # 1 s
    for _ in range(5):
        chip.run(HZ * 9 // 10)
        chip.write("IWDG", "KR", 0xAAAA)
    assert chip.bites == []
    chip.run(HZ - 64)
    assert chip.bites == []
    chip.run(128)
    assert chip.bites == ["IWDG"]
    chip.soc.reset()
    assert chip.read("RCC", "CSR") & 1 << 29
    chip.run(10 * HZ)
    assert chip.bites == ["IWDG"]  # off again after the reset
    chip.soc.poke(chip.address("RCC", "CSR"), 1 << 23, 1 << 23)
    assert not chip.read("RCC", "CSR") & 1 << 29


def test_settings_of_the_watchdog_are_locked(chip: Chip) -> None:
    chip.write("IWDG", "PR", 5)
    chip.write("IWDG", "RLR", 5)
    assert (chip.read("IWDG", "PR"), chip.read("IWDG", "RLR"), chip.read("IWDG", "SR")) == (0, 0xFFF, 0)


def test_a_refresh_that_comes_too_early_bites(chip: Chip) -> None:
    start_watchdog(chip, window=500)
    chip.run(HZ * 6 // 10)
    chip.write("IWDG", "KR", 0xAAAA)
    assert chip.bites == []
    chip.run(HZ // 10)
    chip.write("IWDG", "KR", 0xAAAA)
    assert chip.bites == ["IWDG"]


def test_a_warning_comes_first(chip: Chip) -> None:
    chip.write("IWDG", "KR", 0x5555)
    chip.write("IWDG", "PR", 3)
    chip.write("IWDG", "RLR", 999)
    chip.write("IWDG", "EWCR", 1 << 15 | 500)
    chip.write("IWDG", "KR", 0xCCCC)
    chip.run(HZ * 49 // 100)
    assert chip.raised == []
    chip.run(HZ // 50)
    assert chip.raised == [27]
    chip.write("IWDG", "KR", 0x5555)
    chip.write("IWDG", "EWCR", 1 << 14 | 1 << 15 | 500)
    assert not chip.lines[27]


# -- EXTI above 15, caches --------------------------------------------------------------------------------------------


def test_lines_above_15_share_interrupts(chip: Chip) -> None:
    chip.write("EXTI", "IMR1", 0x03FF_FFFF)
    chip.write("EXTI", "SWIER1", 1 << 16)
    chip.write("EXTI", "SWIER1", 1 << 18)
    assert chip.raised == [1, 72]
    chip.write("EXTI", "RPR1", 1 << 16)
    assert not chip.lines[1]


def test_caches_are_invalidated_at_once(chip: Chip) -> None:
    chip.write("ICACHE", "CR", 1 | 2)
    assert chip.read("ICACHE", "SR") & 2
    assert chip.read("ICACHE", "CR") == 1
    chip.write("ICACHE", "FCR", 2)
    assert not chip.read("ICACHE", "SR") & 2


def test_new_chips_are_alike(new_chip: Callable[[], Chip]) -> None:
    assert get(new_chip()) == get(new_chip())
