"""RTC: calendar, two alarms and the wake-up timer (RM0456, chapters RTC and TAMP).

The calendar begins at power-on with the time of the world, in UTC, and goes on while the core sleeps, in stop mode and
through restarts of the application. It counts seconds whatever clock and prescalers are set; those only say how finely
SSR tells the time. Time stamps, calibration, tamper detection and the binary mode are not modelled.
"""

from __future__ import annotations

from functools import partial

from harness.clock import NANOSECONDS
from harness.virtual.board.peripherals.base import Peripheral, PeripheralHost, Register, Timer, registers
from harness.virtual.board.peripherals.rcc import LSE_HZ
from harness.virtual.board.peripherals.rtc_calendar import Alarm, date_register, time_register, to_seconds

RTC_BASE, TAMP_BASE = 0x4600_7800, 0x4600_7C00
RTC_IRQ = 2

# ICSR
WUTWF, INITS, RSF, INITF, INIT = 1 << 2, 1 << 4, 1 << 5, 1 << 6, 1 << 7
# CR
FMT, ALRAE, ALRBE, WUTE = 1 << 6, 1 << 8, 1 << 9, 1 << 10
ALRAIE, ALRBIE, WUTIE, ADD1H, SUB1H = 1 << 12, 1 << 13, 1 << 14, 1 << 16, 1 << 17
# SR
ALRAF, ALRBF, WUTF = 1 << 0, 1 << 1, 1 << 2

_KEYS = (0xCA, 0x53)
_OPEN = frozenset({"SR", "MISR", "SMISR", "SCR", "WPR"})  # not write-protected, beside part of ICSR


class Rtc(Peripheral):
    """The clock. Its interrupt ends a deep sleep, too."""

    REGISTERS = (
        Register(name="TR", offset=0x00, write=0x7F_7F7F),
        Register(name="DR", offset=0x04, reset=0x2101, write=0xFF_FF3F), Register(name="SSR", offset=0x08, write=0),
        Register(name="ICSR", offset=0x0C, reset=WUTWF | INITS | RSF, write=0),
        Register(name="PRER", offset=0x10, reset=0x007F_00FF, write=0x007F_7FFF),
        Register(name="WUTR", offset=0x14, reset=0xFFFF), Register(name="CR", offset=0x18, write=0xFFFC_FFFF),
        Register(name="PRIVCFGR", offset=0x1C), Register(name="SECCFGR", offset=0x20, write=0),
        Register(name="WPR", offset=0x24, write=0), Register(name="CALR", offset=0x28, write=0xF3FF),
        Register(name="SHIFTR", offset=0x2C, write=0), Register(name="TSTR", offset=0x30, write=0),
        Register(name="TSDR", offset=0x34, write=0), Register(name="TSSSR", offset=0x38, write=0),
        Register(name="ALRMAR", offset=0x40), Register(name="ALRMASSR", offset=0x44),
        Register(name="ALRMBR", offset=0x48), Register(name="ALRMBSSR", offset=0x4C),
        Register(name="SR", offset=0x50, write=0), Register(name="MISR", offset=0x54, write=0),
        Register(name="SMISR", offset=0x58, write=0), Register(name="SCR", offset=0x5C, write=0),
        Register(name="ALRABINR", offset=0x70), Register(name="ALRBBINR", offset=0x74))

    def __init__(self, host: PeripheralHost) -> None:
        self._timers: dict[str, Timer] = {}
        super().__init__(host, "RTC", RTC_BASE)
        self.power_on()

    def reset(self) -> None:
        """Keep everything but the write protection: the backup domain has a reset of its own."""
        self._keys = 0
        self._drive()

    def power_on(self) -> None:
        """Begin anew, as when the backup domain gets its power."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        super().reset()
        self._keys = 0
        self._offset = 0  # what the application's calendar is ahead of the world's, in nanoseconds
        self._stopped: tuple[int, int] | None = None  # TR and DR in initialisation mode
        self._latched: tuple[int, int] | None = None
        self._locked_time: int | None = None

    # -- time ---------------------------------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """Nanoseconds since 2000 by the application's calendar."""
        return max(0, self._host.calendar_ns + self._offset)

    @property
    def _twelve(self) -> bool:
        return bool(self.values["CR"] & FMT)

    @property
    def _divider(self) -> int:
        """Steps of SSR in a second."""
        return (self.values["PRER"] & 0x7FFF) + 1

    def _calendar(self) -> tuple[int, int]:
        if self._stopped is not None:
            return self._stopped
        seconds = self.now_ns // NANOSECONDS
        return time_register(seconds, twelve_hours=self._twelve), date_register(seconds)

    def _plan(self) -> None:
        """Set up alarms and the wake-up timer, after anything they depend on has changed."""
        for letter, enable in (("A", ALRAE), ("B", ALRBE)):
            self._cancel(letter)
            if self.values["CR"] & enable and self._stopped is None and (due := self._next_alarm(letter)) is not None:
                self._timers[letter] = self._host.call_after(max(1, due - self.now_ns), partial(self._alarm, letter),
                                                             "alarm")

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _next_alarm(self, letter: str) -> int | None:
        alarm = Alarm.of(self.values[f"ALRM{letter}R"], twelve_hours=self._twelve)
        detail = self.values[f"ALRM{letter}SSR"]
        delay = 0
        if detail >> 24 & 0xF:  # a subsecond is compared: SSR counts down
            steps = max(0, self._divider - 1 - (detail & 0x7FFF))
            delay = steps * NANOSECONDS // self._divider
        second = alarm.next((self.now_ns - delay) // NANOSECONDS)
        return None if second is None else second * NANOSECONDS + delay

    def _alarm(self, letter: str) -> None:
        self._timers.pop(letter, None)
        self._raise(ALRAF if letter == "A" else ALRBF)
        self._plan()

    def _start_wakeup(self) -> None:
        self._cancel("wakeup")
        if self.values["CR"] & WUTE:
            select = self.values["CR"] & 7
            count = (self.values["WUTR"] & 0xFFFF) + 1
            if select & 4:
                period = (count + (0x1_0000 if select & 2 else 0)) * NANOSECONDS
            else:
                period = count * (16 >> select) * NANOSECONDS // LSE_HZ
            self._timers["wakeup"] = self._host.call_after(period, self._wakeup, "wake-up timer")

    def _wakeup(self) -> None:
        self._raise(WUTF)
        self._start_wakeup()

    def _raise(self, flag: int) -> None:
        self.values["SR"] |= flag
        self._drive()

    def _drive(self) -> None:
        self._host.set_irq(RTC_IRQ, bool(self.read_misr()))

    # -- registers ----------------------------------------------------------------------------------------------------

    def write(self, offset: int, size: int, value: int) -> None:
        register = self.register_at(offset)
        if register is None or (self._keys == 2 or register.name in _OPEN):
            super().write(offset, size, value)

    def write_wpr(self, value: int, mask: int) -> None:
        key = value & mask & 0xFF
        self._keys = self._keys + 1 if self._keys < 2 and key == _KEYS[self._keys] else int(key == _KEYS[0])

    def read_tr(self) -> int:
        calendar = self._calendar()
        time = calendar[0] if self._locked_time is None else self._locked_time
        if self._latched is None:
            self._latched = calendar
        return time

    def read_dr(self) -> int:
        date = self._calendar()[1] if self._latched is None else self._latched[1]
        self._latched = self._locked_time = None
        return date

    def read_ssr(self) -> int:
        if self._stopped is not None:
            return self._divider - 1
        if self._latched is None:
            self._latched = self._calendar()
            self._locked_time = self._latched[0]
        return self._divider - 1 - self.now_ns % NANOSECONDS * self._divider // NANOSECONDS

    def write_tr(self, value: int, mask: int) -> None:
        if self._stopped is not None:
            mask &= 0x007F_7F7F
            self._stopped = self._stopped[0] & ~mask | value & mask, self._stopped[1]

    def write_dr(self, value: int, mask: int) -> None:
        if self._stopped is not None:
            mask &= 0x00FF_FF3F
            self._stopped = self._stopped[0], self._stopped[1] & ~mask | value & mask

    def write_prer(self, value: int, mask: int) -> None:
        if self._stopped is not None:
            self.store_by_name("PRER", value, mask)

    def read_icsr(self) -> int:
        value = INITS if self._stopped is None and date_register(self.now_ns // NANOSECONDS) >> 16 else 0
        value |= RSF if self._stopped is None else INITF | INIT
        return value | (0 if self.values["CR"] & WUTE else WUTWF) | self.values["ICSR"] & 0x1F00

    def write_icsr(self, value: int, mask: int) -> None:
        self.values["ICSR"] = self.values["ICSR"] & ~(mask & 0x1F00) | value & mask & 0x1F00
        if not mask & INIT:
            return
        if value & INIT and self._stopped is None:
            self._stopped = self._calendar()
        elif not value & INIT and self._stopped is not None:
            (time, date), self._stopped = self._stopped, None
            seconds = to_seconds(time, date, twelve_hours=self._twelve)
            self._offset = seconds * NANOSECONDS - self._host.calendar_ns
        self._latched = self._locked_time = None
        self._plan()

    def write_cr(self, value: int, mask: int) -> None:
        before = self.values["CR"]
        now = self.store_by_name("CR", value, mask)
        if self._stopped is None:
            self._offset += 3600 * NANOSECONDS * (bool(value & mask & ADD1H) - bool(value & mask & SUB1H))
        if (before ^ now) & WUTE:
            self._start_wakeup()
        self._plan()
        self._drive()

    def write_shiftr(self, value: int, mask: int) -> None:
        """Shift the calendar by a second less a fraction."""
        value &= mask
        self._offset += (NANOSECONDS if value >> 31 else 0) - (value & 0x7FFF) * NANOSECONDS // self._divider
        self._plan()

    def write_wutr(self, value: int, mask: int) -> None:
        if not self.values["CR"] & WUTE:
            self.store_by_name("WUTR", value, mask)

    def _store_alarm(self, name: str, value: int, mask: int) -> None:
        self.store_by_name(name, value, mask)
        self._plan()

    def write_alrmar(self, value: int, mask: int) -> None:
        self._store_alarm("ALRMAR", value, mask)

    def write_alrmassr(self, value: int, mask: int) -> None:
        self._store_alarm("ALRMASSR", value, mask)

    def write_alrmbr(self, value: int, mask: int) -> None:
        self._store_alarm("ALRMBR", value, mask)

    def write_alrmbssr(self, value: int, mask: int) -> None:
        self._store_alarm("ALRMBSSR", value, mask)

    def read_misr(self) -> int:
        enabled = self.values["CR"] >> 12 & 7  # ALRAIE, ALRBIE and WUTIE stand in the order of the flags
        return self.values["SR"] & enabled

    def write_scr(self, value: int, mask: int) -> None:
        self.values["SR"] &= ~(value & mask & 0x7F)
        self._drive()


class Tamp(Peripheral):
    """Backup registers, which keep their contents through restarts; tamper detection is not modelled."""

    REGISTERS = (
        *registers(("CR1", 0x00, 0xFFFF_0000), ("CR2", 0x04), ("CR3", 0x08), ("FLTCR", 0x0C), ("ATCR1", 0x10, 0x7_0000),
                   ("ATSEEDR", 0x14), ("ATOR", 0x18, 0, 0), ("ATCR2", 0x1C), ("SECCFGR", 0x20, 0, 0),
                   ("PRIVCFGR", 0x24), ("IER", 0x2C), ("SR", 0x30, 0, 0), ("MISR", 0x34, 0, 0), ("SMISR", 0x38, 0, 0),
                   ("SCR", 0x3C, 0, 0), ("ERCFGR", 0x54)),
        Register(name="COUNTR", offset=0x40, write=0),
        *(Register(name=f"BKP{number}R", offset=0x100 + 4 * number) for number in range(32)))

    def __init__(self, host: PeripheralHost) -> None:
        super().__init__(host, "TAMP", TAMP_BASE)

    def reset(self) -> None:
        """Keep everything: the backup domain has a reset of its own."""

    def power_on(self) -> None:
        """Begin anew, as when the backup domain gets its power."""
        super().reset()

    def write_countr(self, value: int, mask: int) -> None:
        self.values["COUNTR"] = self.values["COUNTR"] + 1 & 0xFFFF_FFFF
