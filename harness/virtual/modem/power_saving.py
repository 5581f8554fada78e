"""Power saving mode and extended discontinuous reception (3GPP TS 23.682 clauses 4.5.4 and 4.5.13).

With +CPSMS=1 a registered module that nobody uses goes to sleep when its active time (T3324) is over: its ports are
silent, the network can't reach it, and only the power key or the periodic update timer (T3412) starts it again, with
the words it says at every start. With +CEDRXS a module listens to the network at the end of each cycle only, unless
something was going on a moment ago.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from harness.clock import NANOSECONDS
from harness.virtual.network.seams import AccessTechnology

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem
    from harness.virtual.world import Event

INACTIVITY: Final = 10 * NANOSECONDS
"""How long the network keeps the radio connection after the last use."""

_ACTIVE_UNITS: Mapping[int, int] = {0: 2, 1: 60, 2: 360}  # seconds (3GPP TS 24.008 table 10.5.163)
_PERIODIC_UNITS: Mapping[int, int] = {0: 600, 1: 3_600, 2: 36_000, 3: 2, 4: 30, 5: 60, 6: 1_152_000}  # table 10.5.163a
_CYCLES: Final = (512, 1024, 2048, 4096, 6144, 8192, 10240, 12288, 14336, 16384, 32768, 65536, 131072, 262144)
"""eDRX cycles in hundredths of a second (3GPP TS 24.008 table 10.5.5.32)."""


def active_time(octet: str) -> int | None:
    """Return the nanoseconds that an active time (T3324) of eight binary digits means, None if it is deactivated."""
    return _timer(octet, _ACTIVE_UNITS)


def periodic_update(octet: str) -> int | None:
    """Return the nanoseconds that an extended T3412 of eight binary digits means, None if it is deactivated."""
    return _timer(octet, _PERIODIC_UNITS)


def edrx_cycle(bits: str) -> int:
    """Return the nanoseconds of an eDRX cycle of four binary digits."""
    return _CYCLES[min(int(bits, 2), len(_CYCLES) - 1)] * NANOSECONDS // 100


def _timer(octet: str, units: Mapping[int, int]) -> int | None:
    unit = units.get(int(octet[:3], 2))
    return None if unit is None else int(octet[3:], 2) * unit * NANOSECONDS


class PowerSaving:
    """What one modem does to save power.

    Attributes:
        asleep: whether it is in power saving mode.
    """

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem
        self.asleep = False
        self._last_use = 0
        self._sleep: Event | None = None
        self._wake: Event | None = None

    def __repr__(self) -> str:
        return f"PowerSaving(asleep={self.asleep})"

    # -- PSM ----------------------------------------------------------------------------------------------------------

    def timers(self) -> tuple[int | None, int] | None:
        """Return periodic update and active time as granted, None if the module does not save power."""
        settings = self._modem.settings
        if "+CPSMS" not in settings or not settings.number("+CPSMS"):
            return None
        active = active_time(settings.text("+CPSMS", 2))
        return None if active is None else (periodic_update(settings.text("+CPSMS", 1)), active)

    def used(self) -> None:
        """Note that something is going on."""
        self._last_use = self._modem.world.now()

    def arm(self) -> None:
        """Begin to wait for sleep, if there is reason to: called with every change of service or of +CPSMS."""
        self.used()
        if self._sleep is not None:
            self._sleep.cancel()
            self._sleep = None
        timers = self.timers()
        if timers is not None and self._modem.radio.served:
            self._wait(INACTIVITY + timers[1])

    def _wait(self, quiet: int) -> None:
        self._sleep = self._modem.later(self._last_use + quiet - self._modem.world.now(), lambda: self._expired(quiet),
                                        name="modem-psm", scaled=False)

    def _expired(self, quiet: int) -> None:
        self._sleep = None
        modem = self._modem
        if modem.world.now() < self._last_use + quiet or any(session.on_line for session in modem.sessions):
            if any(session.on_line for session in modem.sessions):
                self.used()
            self._wait(quiet)
            return
        timers = self.timers()
        if timers is None:
            return
        modem.record("psm_entered")
        for watcher in modem.watchers:
            watcher.sleeping()
        modem.power_off()
        self.asleep = True
        if timers[0]:
            self._wake = modem.world.call_at(modem.world.now() + timers[0], self.wake, name="modem-tau")

    def wake(self) -> None:
        """Leave power saving mode; no effect outside it."""
        if self.asleep:
            self._modem.record("psm_left")
            self._modem.power_on()

    def started(self) -> None:
        """Learn that the module was switched on, for whatever reason."""
        self.asleep = False
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None

    # -- eDRX ---------------------------------------------------------------------------------------------------------

    def edrx(self) -> tuple[int, str] | None:
        """Return AcT-type and cycle (four binary digits) in use on the present cell, None without eDRX."""
        cell = self._modem.radio.cell
        settings = self._modem.settings
        if cell is None or "+CEDRXS" not in settings or not settings.number("+CEDRXS"):
            return None
        if not self._modem.radio.on_lte:
            return None
        kind = 5 if cell.act is AccessTechnology.NB_IOT else 4
        bits = settings.text("+CEDRXS", 2 if kind == 5 else 1)
        return (kind, bits) if bits else None

    def when_reachable(self, action: Callable[[], None]) -> None:
        """Carry out what comes from the network as soon as the module listens: now, or at the end of its cycle."""
        found = self.edrx() if self._modem.powered else None
        now = self._modem.world.now()
        if found is None or now < self._last_use + INACTIVITY:
            self.used()
            action()
            return
        cycle = edrx_cycle(found[1])

        def page() -> None:
            self.used()
            action()

        self._modem.world.call_at(now + cycle - now % cycle, page, name="modem-paging")
