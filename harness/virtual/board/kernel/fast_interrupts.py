"""Fast interrupts: those the application marks to pre-empt the kernel, which of them may run, and what ends them.

A marked interrupt is held back until it is enabled. While *all* are disabled none of them runs. Nothing of the kernel
takes time in an emulated core, so a fast interrupt is never later than another one, and has its own NVIC priority.

What a fast interrupt must not do is hang, or come so often that nothing else runs. The kernel looks at intervals: a
handler found running at :data:`LOOKS` looks in a row hangs, or is entered again as soon as it ends; more than
:data:`FLOOD` requests between two looks are a flood. Then all fast interrupts are shut down, every call about them is
UNAVAILABLE, and after :data:`GRACE` the application is ended as crashed. The vendor's limits are not public.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.virtual.board.core.interface import FLASH_BASE, FLASH_SIZE, RAM_BASE, RAM_SIZE
from harness.virtual.board.kernel.enums import MvStatus
from harness.virtual.board.kernel.host import KernelHost
from harness.virtual.board.kernel.notifications import is_application_irq
from harness.virtual.world import Event

LOOKS = 5
INTERVALS_MS = (19, 23, 29, 31, 37)
"""Times between looks; primes, so that no periodic handler is met by chance at every look."""

FLOOD = 10_000
"""Requests between two looks: some 400,000 a second."""

GRACE = "100ms"
"""From the shutting down of fast interrupts to the end of the application."""


class FastInterrupts:
    """Which interrupts are fast and which of them are enabled.

    Args:
        is_notification: tells whether an interrupt belongs to a notification centre.
        vector: returns the handler address of an interrupt from the application's vector table.
        end_application: ends the application as crashed, for the reason given.
    """

    def __init__(self, host: KernelHost, *, is_notification: Callable[[int], bool], vector: Callable[[int], int],
                 end_application: Callable[[str], None]) -> None:
        self._host = host
        self._is_notification = is_notification
        self._vector = vector
        self._end_application = end_application
        self._timer: Event | None = None
        self.reset()

    def __repr__(self) -> str:
        return f"FastInterrupts({self._enabled}, all_enabled={self._all_enabled}, shut_down={self._shut_down!r})"

    def calls(self) -> Mapping[str, Callable[..., MvStatus]]:
        """Return the system calls that end here."""
        return {"mvSetFastInterrupt": self.set, "mvClearFastInterrupt": self.clear,
                "mvEnableFastInterrupt": self.enable, "mvDisableFastInterrupt": self.disable,
                "mvEnableAllFastInterrupts": self.enable_all, "mvDisableAllFastInterrupts": self.disable_all}

    def reset(self) -> None:
        """Forget everything: the application is gone."""
        self._enabled: dict[int, bool] = {}
        self._all_enabled = True
        self._held: list[int] = []
        self._requests: dict[int, int] = {}
        self._running: dict[int, int] = {}
        self._look_number = 0
        self._shut_down = ""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def is_fast(self, irq: int) -> bool:
        """Return whether an interrupt was made fast."""
        return irq in self._enabled

    def admits(self, irq: int) -> bool:
        """Return whether an interrupt that comes now may go to the core; if not it is held until it may."""
        if irq not in self._enabled:
            return True
        if self._may_run(irq):
            self._requests[irq] = self._requests.get(irq, 0) + 1
            if self._timer is None:
                self._look_later()
            elif self._requests[irq] > FLOOD:
                self._stop_all(f"fast interrupt {irq} floods: {self._requests[irq]} requests between two looks")
                return False
            return True
        if irq not in self._held:
            self._held.append(irq)
        return False

    def withdraw(self, irq: int) -> None:
        """Forget that an interrupt is held: its source took it back."""
        if irq in self._held:
            self._held.remove(irq)

    def _may_run(self, irq: int) -> bool:
        return self._all_enabled and self._enabled[irq] and not self._shut_down

    def _release(self) -> None:
        held, self._held = self._held, []
        for irq in held:
            self._host.pend(irq)

    def _hold(self, *irqs: int) -> None:
        for irq in irqs:
            if self._host.withhold(irq) and irq not in self._held:
                self._held.append(irq)

    # -- those that hang or flood -------------------------------------------------------------------------------------

    def _look_later(self) -> None:
        delay = INTERVALS_MS[self._look_number % len(INTERVALS_MS)]
        self._look_number += 1
        self._timer = self._host.call_later(f"{delay}ms", self._look, "look at fast interrupts")

    def _look(self) -> None:
        self._timer = None
        self._running = {irq: self._running.get(irq, 0) + 1 for irq in self._enabled if self._host.is_active(irq)}
        hung = [irq for irq, looks in self._running.items() if looks >= LOOKS]
        if hung:
            self._stop_all(f"fast interrupt {hung[0]} hangs: it did not return")
        elif self._running or any(self._requests.values()):
            self._requests.clear()
            self._look_later()

    def _stop_all(self, why: str) -> None:
        self._shut_down = why
        self._host.record("fast_interrupts_shut_down", reason=why)
        self._hold(*self._enabled)
        self._timer = self._host.call_later(GRACE, self._end, "end of the application")

    def _end(self) -> None:
        self._timer = None
        self._end_application(self._shut_down)

    # -- system calls --

    def _refused(self, irqn: int) -> MvStatus | None:
        if self._shut_down:
            return MvStatus.UNAVAILABLE
        return None if irqn in self._enabled else MvStatus.INVALIDINTERRUPT

    def set(self, irqn: int) -> MvStatus:
        if self._shut_down:
            return MvStatus.UNAVAILABLE
        if not is_application_irq(irqn) or self._is_notification(irqn):
            return MvStatus.INVALIDINTERRUPT
        handler = self._vector(irqn)
        if not (FLASH_BASE <= handler < FLASH_BASE + FLASH_SIZE or RAM_BASE <= handler < RAM_BASE + RAM_SIZE):
            return MvStatus.INVALIDVECTOR
        if irqn not in self._enabled:
            self._enabled[irqn] = False
            self._hold(irqn)
        return MvStatus.OKAY

    def clear(self, irqn: int) -> MvStatus:
        refused = self._refused(irqn)
        if refused is None:
            del self._enabled[irqn]
            self._release()
        return refused or MvStatus.OKAY

    def enable(self, irqn: int) -> MvStatus:
        refused = self._refused(irqn)
        if refused is None:
            self._enabled[irqn] = True
            self._release()
        return refused or MvStatus.OKAY

    def disable(self, irqn: int) -> MvStatus:
        refused = self._refused(irqn)
        if refused is None:
            self._enabled[irqn] = False
            self._hold(irqn)
        return refused or MvStatus.OKAY

    def enable_all(self) -> MvStatus:
        self._all_enabled = True
        self._release()
        return MvStatus.OKAY

    def disable_all(self) -> MvStatus:
        self._all_enabled = False
        self._hold(*self._enabled)
        return MvStatus.OKAY
