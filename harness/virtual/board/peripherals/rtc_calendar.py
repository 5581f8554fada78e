"""The RTC's way of writing times: BCD fields, and alarms that leave some of them open (RM0456, chapter RTC)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

START = datetime(2000, 1, 1)
"""The calendar has years 2000 to 2099."""

_DAY = 86_400
_LAST_SECOND = (datetime(2100, 1, 1) - START) // timedelta(seconds=1) - 1
_PM, _MSK1, _MSK2, _MSK3, _MSK4, _WDSEL = 1 << 22, 1 << 7, 1 << 15, 1 << 23, 1 << 31, 1 << 30


def time_register(seconds: int, *, twelve_hours: bool) -> int:
    """Return TR for these seconds since 2000."""
    minutes, second = divmod(seconds % _DAY, 60)
    hour, minute = divmod(minutes, 60)
    afternoon = 0
    if twelve_hours:
        afternoon = _PM if hour >= 12 else 0
        hour = hour % 12 or 12
    return afternoon | _bcd(hour) << 16 | _bcd(minute) << 8 | _bcd(second)


def date_register(seconds: int) -> int:
    """Return DR for these seconds since 2000."""
    day = START + timedelta(seconds=min(seconds, _LAST_SECOND))
    return _bcd(day.year - 2000) << 16 | day.isoweekday() << 13 | _bcd(day.month) << 8 | _bcd(day.day)


def to_seconds(time: int, date: int, *, twelve_hours: bool) -> int:
    """Return seconds since 2000 for TR and DR; what is no date or time is taken as the nearest one before."""
    month = max(1, min(12, _decimal(date >> 8 & 0x1F)))
    year = min(99, _decimal(date >> 16 & 0xFF))
    first = datetime(2000 + year, month, 1)
    following = datetime(2000 + year + month // 12, month % 12 + 1, 1)
    day = max(1, min((following - first).days, _decimal(date & 0x3F)))
    hour = _hour(time, twelve_hours=twelve_hours)
    minute, second = min(59, _decimal(time >> 8 & 0x7F)), min(59, _decimal(time & 0x7F))
    return (first - START).days * _DAY + (day - 1) * _DAY + hour * 3600 + minute * 60 + second


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """When an alarm goes off; None for a field that its mask leaves open.

    Attributes:
        weekday: 1 (Monday) to 7.
    """

    second: int | None
    minute: int | None
    hour: int | None
    day: int | None
    weekday: int | None

    @classmethod
    def of(cls, register: int, *, twelve_hours: bool) -> Alarm:
        """Return the alarm that ALRMAR or ALRMBR describes."""
        by_weekday = bool(register & _WDSEL)
        day = None if register & _MSK4 else _decimal(register >> 24 & (0xF if by_weekday else 0x3F))
        return cls(second=None if register & _MSK1 else _decimal(register & 0x7F),
                   minute=None if register & _MSK2 else _decimal(register >> 8 & 0x7F),
                   hour=None if register & _MSK3 else _hour(register, twelve_hours=twelve_hours),
                   day=None if by_weekday else day, weekday=day if by_weekday else None)

    def next(self, after: int) -> int | None:
        """Return the first second since 2000 after this one at which it goes off; None if it never does."""
        day, rest = divmod(after + 1, _DAY)
        for _ in range(8 * 366 + 1):  # 29 February comes within eight years
            if self._is_day(day) and (time := self._time(rest)) is not None:
                return day * _DAY + time
            day, rest = day + 1, 0
        return None

    def _is_day(self, day: int) -> bool:
        date = START + timedelta(days=day)
        return self.day in (None, date.day) and self.weekday in (None, date.isoweekday())

    def _time(self, start: int) -> int | None:
        """Return the first second of a day, from ``start`` on, that matches."""
        for hour in _choices(self.hour, 24, start // 3600):
            from_hour = max(0, start - hour * 3600)
            for minute in _choices(self.minute, 60, from_hour // 60):
                from_minute = max(0, from_hour - minute * 60)
                for second in _choices(self.second, 60, from_minute):
                    return hour * 3600 + minute * 60 + second
        return None


def _choices(fixed: int | None, limit: int, start: int) -> range:
    if fixed is None:
        return range(min(start, limit), limit)
    return range(fixed, fixed + 1) if start <= fixed < limit else range(0)


def _bcd(value: int) -> int:
    return value // 10 << 4 | value % 10


def _decimal(value: int) -> int:
    return 10 * (value >> 4) + (value & 0xF)


def _hour(register: int, *, twelve_hours: bool) -> int:
    hour = _decimal(register >> 16 & 0x3F)
    if not twelve_hours:
        return min(23, hour)
    return hour % 12 + (12 if register & _PM else 0)
