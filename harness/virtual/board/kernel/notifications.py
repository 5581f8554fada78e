"""Notification centres: rings of records in application memory, each with an interrupt.

The kernel writes 16-byte records in ring order from slot 0 and pends the centre's interrupt. The application marks a
record consumed by zeroing its event type. Applications exist that never clear it, so an occupied slot is overwritten
and the overrun is told once; a *strict* board drops the new record instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.virtual.board.kernel import structures
from harness.virtual.board.kernel.enums import MvEventType, MvStatus
from harness.virtual.board.kernel.handles import HandleTable
from harness.virtual.board.kernel.host import KernelHost
from harness.virtual.board.kernel.memory import Refused

MAX_CENTRES = 32
RECORD_SIZE = structures.STRUCT_SIZES["MvNotification"]
LAST_IRQ = 124
"""Number of the last interrupt of an STM32U585."""

SECURE_IRQS = frozenset({3, 7, 8, 9, 10, 27, 77})
"""Interrupts that stay with the kernel: RTC_S, FLASH_S, GTZC, RCC, RCC_S, IWDG, PWR_S3WU."""


def is_application_irq(irq: int) -> bool:
    """Return whether the application may have this interrupt."""
    return irq <= LAST_IRQ and irq not in SECURE_IRQS


@dataclass(slots=True, kw_only=True)
class Centre:
    """A notification centre and where its next record goes."""

    irq: int
    buffer: int
    slots: int
    next: int = 0
    written: int = 0
    overruns: int = 0


class Notifications:
    """All notification centres of an application.

    Args:
        strict: whether a slot that was not consumed is kept, and the new record dropped.
        is_fast: tells whether an interrupt was made fast, and so can't be a centre's.
    """

    def __init__(self, host: KernelHost, *, microseconds: Callable[[], int], strict: bool,
                 is_fast: Callable[[int], bool]) -> None:
        self._host = host
        self._microseconds = microseconds
        self._strict = strict
        self._is_fast = is_fast
        self._centres: HandleTable[Centre] = HandleTable(MAX_CENTRES, MvStatus.TOOMANYNOTIFICATIONBUFFERS,
                                                         host.random("notification handles"))

    def __repr__(self) -> str:
        return f"Notifications({len(self._centres)} centres)"

    def calls(self) -> Mapping[str, Callable[..., MvStatus]]:
        """Return the system calls that end here."""
        return {"mvSetupNotifications": self.setup, "mvCloseNotifications": self.close,
                "mvTempTriggerNotification": self.trigger}

    def reset(self) -> None:
        """Forget everything: the application that set it up is gone."""
        self._centres.clear()

    def uses(self, irq: int) -> bool:
        """Return whether a centre has this interrupt."""
        return any(centre.irq == irq for centre in self._centres)

    def exists(self, handle: int) -> bool:
        """Return whether there is such a centre."""
        return self._centres.find(handle) is not None

    def statistics(self) -> list[dict[str, int]]:
        """Return interrupt, records written and overruns of each centre."""
        return [{"irq": centre.irq, "written": centre.written, "overruns": centre.overruns} for centre in self._centres]

    def notify(self, handle: int, event: MvEventType | int, tag: int) -> None:
        """Write a record and pend the interrupt; objects whose centre was closed fall silent."""
        centre = self._centres.find(handle)
        if centre is None:
            return
        memory = self._host.memory
        address = centre.buffer + centre.next * RECORD_SIZE
        occupied = centre.written >= centre.slots and memory.read_uint(address + 8) != 0
        if occupied:
            centre.overruns += 1
            if centre.overruns == 1:
                self._host.record("notification_overrun", irq=centre.irq, slots=centre.slots,
                                  kept="old" if self._strict else "new")
        if not (occupied and self._strict):
            memory.pack(structures.MvNotification, address, microseconds=self._microseconds(), event_type=int(event),
                        tag=tag)
            centre.next = (centre.next + 1) % centre.slots
            centre.written += 1
        self._host.pend(centre.irq)

    # -- system calls --

    def setup(self, notifications: int, handle_out: int) -> MvStatus:
        memory = self._host.memory
        request = memory.unpack(structures.MvNotificationSetup, notifications)
        memory.check_write(request.buffer, request.buffer_size)
        if request.buffer_size < 2 * RECORD_SIZE or request.buffer_size % RECORD_SIZE:
            return MvStatus.INVALIDBUFFERSIZE
        end = request.buffer + request.buffer_size
        if any(request.buffer < centre.buffer + centre.slots * RECORD_SIZE and centre.buffer < end
               for centre in self._centres):
            return MvStatus.BUFFERALREADYINUSE
        if not is_application_irq(request.irq) or self._is_fast(request.irq) or self.uses(request.irq):
            return MvStatus.INVALIDINTERRUPT
        handle = self._centres.open(Centre(irq=request.irq, buffer=request.buffer,
                                           slots=request.buffer_size // RECORD_SIZE))
        memory.write_uint(handle_out, handle)
        return MvStatus.OKAY

    def close(self, handle_in_out: int) -> MvStatus:
        self._centres.close(self._host.memory.read_uint(handle_in_out))
        self._host.memory.write_uint(handle_in_out, 0)
        return MvStatus.OKAY

    def trigger(self, handle: int, type: int, tag: int) -> MvStatus:
        if not self.exists(handle):
            raise Refused(MvStatus.INVALIDHANDLE)
        self.notify(handle, type, tag)
        return MvStatus.OKAY
