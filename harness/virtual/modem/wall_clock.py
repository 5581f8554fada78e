"""The module's clock: set by hand or by the network (NITZ), in local time with an offset in quarters of an hour."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from harness.virtual.world import World

_FORMAT: Final = re.compile(r"(\d\d)/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)(?:([+-])(\d\d))?")
_UNSET: Final = datetime(1980, 1, 6, tzinfo=UTC)


class WallClock:
    """Time of day as +CCLK tells it.

    Attributes:
        quarters: offset from UTC in quarters of an hour.
        synchronised: when the network told the time last, None if it has not since power-on.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._base = _UNSET
        self._set_at = world.now()
        self.quarters = 0
        self.synchronised: datetime | None = None

    def __repr__(self) -> str:
        return f"WallClock({self.render()!r})"

    def reset(self) -> None:
        """Begin anew, as after the supply was off."""
        self._base, self._set_at, self.quarters = _UNSET, self._world.now(), 0
        self.synchronised = None

    def take_network_time(self, quarters: int = 0, *, seconds: int = 0) -> None:
        """Follow the network's clock, which may be some seconds off."""
        self.quarters = quarters
        self.synchronised = self._world.calendar()
        self._base = self._world.calendar() + timedelta(minutes=15 * quarters, seconds=seconds)
        self._set_at = self._world.now()

    def render(self) -> str:
        """Return ``yy/MM/dd,hh:mm:ss±zz`` (3GPP TS 27.007 clause 8.15)."""
        local = self._base + timedelta(microseconds=(self._world.now() - self._set_at) // 1000)
        return f"{local:%y/%m/%d,%H:%M:%S}{self.zone}"

    @property
    def zone(self) -> str:
        """The offset from UTC in quarters of an hour, with its sign."""
        return f"{'-' if self.quarters < 0 else '+'}{abs(self.quarters):02d}"

    def set(self, text: str) -> bool:
        """Set it from the form of :meth:`render`; return whether that was a date."""
        match = _FORMAT.fullmatch(text)
        if match is None:
            return False
        year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
        century = 1900 if year >= 80 else 2000
        try:
            moment = datetime(century + year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            return False
        quarters = int(f"{match[7]}{match[8]}") if match[7] else self.quarters
        if not -47 <= quarters <= 48:
            return False
        self._base, self._set_at, self.quarters = moment, self._world.now(), quarters
        return True
