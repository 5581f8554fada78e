"""Fast interrupts: those the application marks to pre-empt the kernel, and which of them may run.

A marked interrupt is held back until it is enabled. While *all* are disabled none of them runs. The core delivers every
interrupt at its own priority, and nothing of the kernel takes time in it, so being fast has no other effect here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.virtual.board.core.interface import FLASH_BASE, FLASH_SIZE, RAM_BASE, RAM_SIZE
from harness.virtual.board.kernel.enums import MvStatus
from harness.virtual.board.kernel.host import KernelHost
from harness.virtual.board.kernel.notifications import is_application_irq


class FastInterrupts:
    """Which interrupts are fast and which of them are enabled.

    Args:
        is_notification: tells whether an interrupt belongs to a notification centre.
        vector: returns the handler address of an interrupt from the application's vector table.
    """

    def __init__(self, host: KernelHost, *, is_notification: Callable[[int], bool],
                 vector: Callable[[int], int]) -> None:
        self._host = host
        self._is_notification = is_notification
        self._vector = vector
        self._enabled: dict[int, bool] = {}
        self._all_enabled = True
        self._held: list[int] = []

    def __repr__(self) -> str:
        return f"FastInterrupts({self._enabled}, all_enabled={self._all_enabled})"

    def calls(self) -> Mapping[str, Callable[..., MvStatus]]:
        """Return the system calls that end here."""
        return {"mvSetFastInterrupt": self.set, "mvClearFastInterrupt": self.clear,
                "mvEnableFastInterrupt": self.enable, "mvDisableFastInterrupt": self.disable,
                "mvEnableAllFastInterrupts": self.enable_all, "mvDisableAllFastInterrupts": self.disable_all}

    def reset(self) -> None:
        """Forget everything: the application is gone."""
        self._enabled.clear()
        self._held.clear()
        self._all_enabled = True

    def is_fast(self, irq: int) -> bool:
        """Return whether an interrupt was made fast."""
        return irq in self._enabled

    def admits(self, irq: int) -> bool:
        """Return whether an interrupt that comes now may go to the core; if not it is held until it may."""
        if irq not in self._enabled or (self._all_enabled and self._enabled[irq]):
            return True
        if irq not in self._held:
            self._held.append(irq)
        return False

    def withdraw(self, irq: int) -> None:
        """Forget that an interrupt is held: its source took it back."""
        if irq in self._held:
            self._held.remove(irq)

    def _release(self) -> None:
        held, self._held = self._held, []
        for irq in held:
            self._host.pend(irq)

    def _known(self, irqn: int) -> MvStatus | None:
        return None if irqn in self._enabled else MvStatus.INVALIDINTERRUPT

    # -- system calls --

    def set(self, irqn: int) -> MvStatus:
        if not is_application_irq(irqn) or self._is_notification(irqn):
            return MvStatus.INVALIDINTERRUPT
        handler = self._vector(irqn)
        if not (FLASH_BASE <= handler < FLASH_BASE + FLASH_SIZE or RAM_BASE <= handler < RAM_BASE + RAM_SIZE):
            return MvStatus.INVALIDVECTOR
        self._enabled.setdefault(irqn, False)
        return MvStatus.OKAY

    def clear(self, irqn: int) -> MvStatus:
        refused = self._known(irqn)
        if refused is None:
            del self._enabled[irqn]
            self._release()
        return refused or MvStatus.OKAY

    def enable(self, irqn: int) -> MvStatus:
        refused = self._known(irqn)
        if refused is None:
            self._enabled[irqn] = True
            self._release()
        return refused or MvStatus.OKAY

    def disable(self, irqn: int) -> MvStatus:
        refused = self._known(irqn)
        if refused is None:
            self._enabled[irqn] = False
        return refused or MvStatus.OKAY

    def enable_all(self) -> MvStatus:
        self._all_enabled = True
        self._release()
        return MvStatus.OKAY

    def disable_all(self) -> MvStatus:
        self._all_enabled = False
        return MvStatus.OKAY
