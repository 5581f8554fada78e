"""Sleep of the whole board: power saving, deep sleep and what ends it, and restarts of the kernel.

In a Stop mode the clocks stand still and everything is kept until an interrupt comes. Standby and Shutdown lose the
memory and the kernel with it: what ends them is a boot, and a wake reason tells what it was. Sources are the wake-up
pins that the application enabled in PWR (RM0456, chapter PWR, "wake-up pins"), the RTC, the modem, and the check-in
that the bundle's policy asks for. A boot out of Shutdown has the reason of a cold boot, as the SDK header says.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.clock import Duration
from harness.errors import UsageError
from harness.journal import Fact
from harness.virtual.board.core.interface import Core, Register
from harness.virtual.board.kernel.enums import MvWakeReason
from harness.virtual.board.kernel.kernel import Kernel
from harness.virtual.board.parts import AppState
from harness.virtual.board.peripherals.soc import Soc
from harness.virtual.board.runner import CoreRunner
from harness.virtual.world import Event

_NVIC_ISER, _NVIC_ISPR, _NVIC_WORDS = 0xE000_E100, 0xE000_E200, 4
_RTC_IRQ = 2

WAKE_PINS = (("PA0", "PB2", "PE4"), ("PA4", "PC13", "PE5"), ("PE6", "PA1", "PB6"), ("PA2", "PB1", "PB7"),
             ("PC5", "PA3", "PB8"), ("PB5", "PA5", "PE7"), ("PB15", "PA6", "PE8"), ("PF2", "PA7", "PB10"))
"""For each wake-up line the pins that PWR_WUCR3 selects from."""

KERNEL_RESTARTS = frozenset((
    MvWakeReason.REMOTEMICROVISORRESTART, MvWakeReason.MICROVISORCRASH, MvWakeReason.MICROVISORWATCHDOG,
    MvWakeReason.MICROVISOROUTOFMEMORY, MvWakeReason.MICROVISORERROR, MvWakeReason.MICROVISORUPDATE,
    MvWakeReason.OPTIONBYTES))
"""Wake reasons that a restart of the kernel can have."""


class PowerStates:
    """Base of the board: sleep and restarts below the application."""

    core: Core
    soc: Soc
    _runner: CoreRunner
    _app: AppState
    _generation: int

    def __init__(self) -> None:
        self._in_shutdown = False
        self._unwatch: list[Callable[[], None]] = []
        self._kernel_restart: MvWakeReason | None = None
        self._kernel_update: int | None = None

    # -- for tests and rigs -------------------------------------------------------------------------------------------

    def wake(self, reason: MvWakeReason = MvWakeReason.DEEPSLEEPAPPLICATION) -> None:
        """End a deep sleep; no error if the board is not in one."""
        if self._app is AppState.ASLEEP:
            self._boot(MvWakeReason.COLDBOOT if self._in_shutdown else reason)

    def restart_kernel(self, reason: MvWakeReason = MvWakeReason.REMOTEMICROVISORRESTART) -> None:
        """Restart the kernel and the application with it, for one of :data:`KERNEL_RESTARTS`.

        Raises:
            UsageError: the board is off, or a restart of the kernel can't have this reason.
        """
        if reason not in KERNEL_RESTARTS:
            raise UsageError(f"{reason.name} is no reason to restart the kernel; those are "
                             f"{', '.join(sorted(known.name for known in KERNEL_RESTARTS))}")
        _ = self.kernel  # there must be power
        if self._runner.is_running:
            self._kernel_restart = reason
            self._runner.leave()
        else:
            self._boot(reason)

    def stage_kernel_update(self, version: int) -> None:
        """Let a kernel of this version number wait for the next restart: ``mvRestart`` or the power."""
        self._kernel_update = version

    # -- what the kernel asks -----------------------------------------------------------------------------------------

    def doze(self, granted: bool) -> None:
        self.core.write_register(Register.R1, int(granted))

    def stop_until_interrupt(self) -> None:
        enabled = self.core.read_memory(_NVIC_ISER, 4 * _NVIC_WORDS)
        pending = self.core.read_memory(_NVIC_ISPR, 4 * _NVIC_WORDS)
        if not any(a & b for a, b in zip(enabled, pending, strict=True)):
            self._runner.parked = True
            self._runner.leave()

    def apply_kernel_update(self) -> bool:
        if self._kernel_update is None:
            return False
        self.restart_kernel(MvWakeReason.MICROVISORUPDATE)
        return True

    def deep_sleep(self, wake_after: int | None, *, shutdown: bool) -> None:
        self._in_shutdown = shutdown
        self._record("board", "deep_sleep_entered", mode="shutdown" if shutdown else "standby")
        self._generation += 1  # the kernel's timers do not run any more
        self._set_state(AppState.ASLEEP)
        self._go_dark()
        self._watch_wake_pins()
        if wake_after is not None:
            self.call_later(wake_after, lambda: self.wake(MvWakeReason.DEEPSLEEPCHECKIN), "deep sleep")

    def _wake_by_irq(self, irq: int) -> bool:
        """Return whether the board is in deep sleep, where an interrupt is nothing but a reason to wake, if it is."""
        if self._app is not AppState.ASLEEP:
            return False
        if irq == _RTC_IRQ:
            self.wake(MvWakeReason.DEEPSLEEPAPPLICATIONRTC)
        return True

    # -- inside -------------------------------------------------------------------------------------------------------

    def _watch_wake_pins(self) -> None:
        values = self.soc.pwr.values
        for line, pins in enumerate(WAKE_PINS):
            selected = values["WUCR3"] >> 2 * line & 3
            if values["WUCR1"] >> line & 1 and selected < len(pins):
                active = 1 - (values["WUCR2"] >> line & 1)
                pin = self.soc.pin(pins[selected])
                self._unwatch.append(pin.watch(
                    lambda level, active=active: self.wake() if level == active else None))  # type: ignore[misc]

    def _forget_wake_pins(self) -> None:
        while self._unwatch:
            self._unwatch.pop()()

    # -- the rest of the board ----------------------------------------------------------------------------------------

    @property
    def kernel(self) -> Kernel:
        raise NotImplementedError

    def call_later(self, delay: Duration, action: Callable[[], None], name: str) -> Event:
        raise NotImplementedError

    def _boot(self, reason: MvWakeReason, *, recovered: bool = False) -> None:
        raise NotImplementedError

    def _go_dark(self) -> None:
        raise NotImplementedError

    def _set_state(self, state: AppState) -> None:
        raise NotImplementedError

    def _record(self, source: str, event: str, **data: Fact) -> None:
        raise NotImplementedError
