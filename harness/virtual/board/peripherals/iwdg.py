"""IWDG: a watchdog on a clock of its own, which resets the chip when it is not refreshed (RM0456, chapter IWDG)."""

from __future__ import annotations

from collections.abc import Callable

from harness.clock import NANOSECONDS
from harness.virtual.board.peripherals.base import Peripheral, PeripheralHost, Register, Timer
from harness.virtual.board.peripherals.rcc import LSI_HZ

IWDG_BASE = 0x4000_3000
IWDG_IRQ = 27

PVU, RVU, WVU, EWU, EWIF = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
EWIE, EWIC = 1 << 15, 1 << 14

_START, _REFRESH, _UNLOCK = 0xCCCC, 0xAAAA, 0x5555
_UPDATE_NS = 5 * NANOSECONDS // LSI_HZ  # how long a new value takes to get into the clock domain of the counter


class Iwdg(Peripheral):
    """The watchdog. It counts while the core sleeps, in stop mode, and while a debugger halts the core.

    Args:
        expired: called when it was not refreshed in time.
    """

    REGISTERS = (
        Register(name="KR", offset=0x00, write=0), Register(name="PR", offset=0x04, write=0xF),
        Register(name="RLR", offset=0x08, reset=0xFFF, write=0xFFF), Register(name="SR", offset=0x0C, write=0),
        Register(name="WINR", offset=0x10, reset=0xFFF, write=0xFFF),
        Register(name="EWCR", offset=0x14, write=EWIE | 0xFFF))

    def __init__(self, host: PeripheralHost, *, expired: Callable[[], None]) -> None:
        self._tell = expired
        self._open = False
        self._began: int | None = None  # when the counter was loaded; None while it does not run
        self._timers: list[Timer] = []
        self._updating: Timer | None = None
        super().__init__(host, "IWDG", IWDG_BASE)

    def reset(self) -> None:
        self._cancel()
        if self._updating is not None:
            self._updating.cancel()
            self._updating = None
        self._open = False
        self._began = None
        super().reset()
        self._host.set_irq(IWDG_IRQ, False)

    @property
    def timeout_ns(self) -> int:
        """Nanoseconds from a refresh to the reset."""
        return self._ns((self.values["RLR"] & 0xFFF) + 1)

    def _ns(self, counts: int) -> int:
        return counts * (4 << min(self.values["PR"], 8)) * NANOSECONDS // LSI_HZ

    def _cancel(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _load(self) -> None:
        self._cancel()
        self._began = self._host.calendar_ns
        self._timers.append(self._host.call_after(self.timeout_ns, self._expired, "watchdog"))
        early = self.values["EWCR"] & 0xFFF
        if self.values["EWCR"] & EWIE and early <= self.values["RLR"]:
            due = self._ns(self.values["RLR"] - early + 1)
            self._timers.append(self._host.call_after(due, self._warned, "watchdog"))

    def _warned(self) -> None:
        self.values["SR"] |= EWIF
        self._host.set_irq(IWDG_IRQ, True)

    def _expired(self) -> None:
        self._cancel()
        self._began = None
        self._tell()

    @property
    def _count(self) -> int:
        if self._began is None:
            return self.values["RLR"]
        return self.values["RLR"] - (self._host.calendar_ns - self._began) // self._ns(1)

    # -- registers ----------------------------------------------------------------------------------------------------

    def write_kr(self, value: int, mask: int) -> None:
        key = value & mask & 0xFFFF
        self._open = key == _UNLOCK
        if key == _START and self._began is None:
            self._load()
        elif key == _REFRESH and self._began is not None:
            if self._count > self.values["WINR"]:
                self._expired()  # too early is as bad as too late
            else:
                self._load()

    def _protected(self, name: str, flag: int, value: int, mask: int) -> None:
        if not self._open:
            return
        self.store_by_name(name, value, mask)
        self.values["SR"] |= flag
        if self._updating is not None:
            self._updating.cancel()
        self._updating = self._host.call_after(_UPDATE_NS, self._updated, "watchdog")

    def _updated(self) -> None:
        self._updating = None
        self.values["SR"] &= ~(PVU | RVU | WVU | EWU)

    def write_pr(self, value: int, mask: int) -> None:
        self._protected("PR", PVU, value, mask)

    def write_rlr(self, value: int, mask: int) -> None:
        self._protected("RLR", RVU, value, mask)

    def write_winr(self, value: int, mask: int) -> None:
        self._protected("WINR", WVU, value, mask)
        if self._open and self._began is not None:
            self._load()  # writing the window refreshes too

    def write_ewcr(self, value: int, mask: int) -> None:
        if value & mask & EWIC:
            self.values["SR"] &= ~EWIF
            self._host.set_irq(IWDG_IRQ, False)
        self._protected("EWCR", EWU, value, mask)
