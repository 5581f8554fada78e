"""What the kernel asks of the board it runs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from harness.clock import Duration, RandomStream
from harness.journal import Fact
from harness.virtual.board.kernel.enums import MvWakeReason
from harness.virtual.board.kernel.memory import GuestMemory
from harness.virtual.internet.seams import Internet
from harness.virtual.uplink import ToCloud
from harness.virtual.world import Event

T = TypeVar("T")


class Clocks(Protocol):
    """Clock frequencies in Hz."""

    @property
    def sysclk(self) -> int: ...

    @property
    def hclk(self) -> int: ...

    @property
    def pclk1(self) -> int: ...

    @property
    def pclk2(self) -> int: ...


class KernelHost(Protocol):
    """The board, seen from its kernel."""

    @property
    def device_sid(self) -> str: ...

    @property
    def memory(self) -> GuestMemory: ...

    @property
    def clocks(self) -> Clocks: ...

    @property
    def in_handler(self) -> bool:
        """Whether the application is in an interrupt handler."""

    @property
    def debugger_attached(self) -> bool: ...

    def now(self) -> int:
        """Return the world's time in nanoseconds, as fine as the core knows it."""

    def call_later(self, delay: Duration, action: Callable[[], None], name: str) -> Event:
        """Let ``action`` happen after ``delay``, unless the power goes off before."""

    def random(self, name: str) -> RandomStream:
        """Return a random stream of this board."""

    def record(self, event: str, **data: Fact) -> None:
        """Write a fact of the kernel to the journal."""

    def pend(self, irq: int) -> None:
        """Make an interrupt of the application pending."""

    def restart_application(self, reason: MvWakeReason) -> None:
        """Start the application anew as soon as the current call has returned."""

    def deep_sleep(self, wake_after: int | None, *, shutdown: bool) -> None:
        """Stop everything without keeping memory; boot for a check-in after this many seconds, or never."""

    def apply_kernel_update(self) -> bool:
        """Boot a newer kernel as soon as the current call has returned; False if none waits."""

    def withhold(self, irq: int) -> bool:
        """Keep an interrupt from the core; return whether it was pending or its line is high."""

    def is_active(self, irq: int) -> bool:
        """Return whether the handler of an interrupt has begun and not ended."""

    @property
    def vector_table(self) -> int:
        """Where the application's vector table is (VTOR)."""

    def doze(self, granted: bool) -> None:
        """Let the veneer of the current call end in WFI, or not: SLEEP stops no clock but the core's."""

    def stop_until_interrupt(self) -> None:
        """Stop clocks and core until an interrupt is made pending from outside the core."""

    def read_register(self, address: int) -> int | None:
        """Return a protected peripheral register, None if the application may not have it."""

    def poke_register(self, address: int, mask: int, xor: int) -> bool:
        """Change the bits of a protected register that the application may touch; False if it may not have it."""

    # -- the cloud --

    @property
    def has_uplink(self) -> bool:
        """Whether there is a cloud to reach at all."""

    @property
    def internet(self) -> Internet | None:
        """What the cloud can reach on the device's behalf; None if nothing."""

    def arriving(self, action: Callable[[T], None]) -> Callable[[T], None]:
        """Return ``action`` for others to call in a turn of the world; nothing happens if the power went off before."""

    def unix_microseconds(self) -> int:
        """Return calendar time, for a board that has no cloud to ask."""

    def go_online(self) -> None:
        """Join the uplink."""

    def go_offline(self) -> None:
        """Leave the uplink."""

    def send(self, message: ToCloud) -> None:
        """Send a message to the cloud; the device is online."""


class ApplicationControl(Protocol):
    """Starting and stopping what runs on the core."""

    @property
    def is_running(self) -> bool:
        """Whether the application executes."""

    @property
    def is_stopped(self) -> bool:
        """Whether it was stopped on purpose, so that only :meth:`start_application` lets it go on."""

    def stop_application(self) -> None:
        """Let the application execute no more."""

    def crash_application(self, text: str) -> None:
        """End the application as a crash, with what it is doing at this moment as the report."""

    def start_application(self, reason: MvWakeReason) -> None:
        """Put what is in flash under the core and start it from its reset vector."""
