"""What a CPU core offers to the board around it, and what it asks of the board.

Two implementations stand behind it: the readable Python core, which is the specification, and a C core which must give
the same trace. Time is counted in CPU *cycles* since power-on; the board converts them to nanoseconds. Stops happen
only at the start of a basic block, so a run cut into slices gives the same trace as one that is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from typing import Protocol

from harness.virtual.board.core.watched import WatchedRange

FLASH_BASE, FLASH_SIZE = 0x0800_0000, 0x10_0000
RAM_BASE, RAM_SIZE = 0x2000_0000, 0x8_0000
FACTORY_BASE, FACTORY_SIZE = 0x0BFA_0000, 0x1000
"""What the maker of the chip wrote, and nobody writes again."""
PERIPHERAL_BASE, PERIPHERAL_SIZE = 0x4000_0000, 0x2000_0000
VENEER_BASE, VENEER_STRIDE, VENEER_SLOTS = 0x0C1F_E000, 8, 74
OLD_VENEER_BASE, OLD_VENEER_SLOTS, OLD_SLOT = 0x0C1F_D800, 64, 256
"""Where the calls were until September 2021; veneer n there is reported as slot ``OLD_SLOT + n``."""

SLEEP_SLOT = 58
"""The veneer that executes WFI after its call if the call left a one in r1; r1 is the callee's to change."""

SCS_BASE, SCS_SIZE = 0xE000_E000, 0x1000


class BusError(Exception):
    """An access that no memory or peripheral answers. Inside the emulated CPU it becomes a BusFault."""

    def __init__(self, address: int, *, write: bool) -> None:
        super().__init__(f"bus error: {'write' if write else 'read'} at 0x{address:08x}")
        self.address = address
        self.write = write


class CoreState(Enum):
    """What the core is doing."""

    RUNNING = auto()
    SLEEPING = auto()
    """In WFI or WFE: time passes, nothing executes."""
    HALTED = auto()
    """In Debug state."""
    LOCKUP = auto()
    """A fault while handling a fault: only a reset or a debugger helps."""


class HaltReason(IntEnum):
    """Why the core entered Debug state; values are the bits of DFSR (Armv8-M Architecture Reference Manual)."""

    HALTED = 1
    BREAKPOINT = 2
    WATCHPOINT = 4
    VECTOR_CATCH = 8
    EXTERNAL = 16


class Register(IntEnum):
    """Registers by the REGSEL number of DCRSR (Armv8-M Architecture Reference Manual, D1.2.37)."""

    R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12 = range(13)
    SP = 13
    LR = 14
    PC = 15
    """The DebugReturnAddress: the next instruction to execute, bit 0 clear."""
    XPSR = 16
    MSP = 17
    PSP = 18
    CFBP = 20
    """CONTROL[31:24], FAULTMASK[23:16], BASEPRI[15:8], PRIMASK[7:0]."""
    MSPLIM = 28
    PSPLIM = 29
    FPSCR = 33
    S0 = 64
    """S0 to S31 are 64 to 95."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRecord:
    """A fault as the fault status registers tell it, at the moment it was taken.

    Attributes:
        exception: exception number taken: 3 HardFault, 4 MemManage, 5 BusFault, 6 UsageFault.
        registers: r0-r3, r12, lr, pc, xpsr as stacked, then r4-r11 and sp before stacking.
    """

    exception: int
    cfsr: int
    hfsr: int
    mmfar: int
    bfar: int
    registers: dict[str, int]
    lockup: bool = False


class CoreClient(Protocol):
    """The board, seen from its core. Calls come from inside :meth:`Core.run`."""

    def system_call(self, slot: int) -> None:
        """The application called veneer ``slot``; arguments in r0-r3, result to r0. The core then returns to LR."""

    def bus_read(self, address: int, size: int) -> int:
        """Read a peripheral register; raises BusError where none is."""

    def bus_write(self, address: int, size: int, value: int) -> None:
        """Write a peripheral register; raises BusError where none is."""

    def faulted(self, record: FaultRecord) -> None:
        """A fault exception is being taken, or the core locked up. Reported, not decided: the core goes on."""

    def reset_requested(self) -> None:
        """The application wrote SYSRESETREQ to AIRCR. The core has stopped and waits for :meth:`Core.reset`."""

    def halted(self, reason: HaltReason) -> None:
        """The core entered Debug state."""


class Core(Protocol):
    """A Cortex-M33 with its private peripherals (NVIC, SysTick, SCB) and memories."""

    client: CoreClient
    breakpoints: set[int]
    """Addresses of hardware breakpoints; honoured from the next :meth:`run` on."""
    halt_on_reset: bool
    """Whether to enter Debug state before the first instruction after a reset (VC_CORERESET)."""
    debug_enabled: bool
    """DHCSR.C_DEBUGEN: where set, BKPT enters Debug state; where clear it is a HardFault."""

    mask_interrupts: bool
    """DHCSR.C_MASKINTS: where set, PendSV, SysTick and external interrupts stay pending."""

    def watch_data(self, ranges: Sequence[WatchedRange], hit: Callable[[int], None]) -> None:
        """Tell ``hit`` of accesses of the application to these ranges, and of no others, from now on."""

    @property
    def cycles(self) -> int:
        """CPU cycles since power-on; asleep or awake, never going back."""

    def spend(self, cycles: int) -> None:
        """Let cycles pass that the application waits for; to be called within :meth:`CoreClient.system_call`."""

    @property
    def state(self) -> CoreState: ...

    @property
    def exception(self) -> int:
        """Number of the exception being handled (IPSR), 0 in Thread mode."""

    def reset(self) -> None:
        """Reset the core and its private peripherals; VTOR is the start of flash; SP and PC come from the vectors.

        Blank or nonsense vectors lead to lockup, as in silicon. Memories keep their contents.
        """

    def run(self, until: int) -> None:
        """Execute until ``cycles >= until``, a stop request, Debug state or lockup; sleep counts as time passing."""

    def request_stop(self) -> None:
        """Let :meth:`run` return at the start of the next block. May be called from any callback."""

    def next_wake(self) -> int | None:
        """Return the cycle at which there is something to execute: now, a SysTick to come, or None if neither."""

    def pend(self, irq: int) -> None:
        """Make external interrupt ``irq`` (0 is exception 16) pending; wakes a sleeping core if it can be taken."""

    def unpend(self, irq: int) -> None:
        """Clear the pending state of an external interrupt."""

    def set_line(self, irq: int, level: bool) -> None:
        """Drive the input line of an external interrupt: high pends it, and again whenever its handler returns."""

    def read_register(self, register: int) -> int:
        """Return a register by its :class:`Register` number (S0 + n for floating point)."""

    def write_register(self, register: int, value: int) -> None:
        """Set a register by its :class:`Register` number."""

    def read_memory(self, address: int, size: int) -> bytes:
        """Return memory or registers as a debugger's AHB access sees them; raises BusError."""

    def write_memory(self, address: int, data: bytes) -> None:
        """Write memory or registers likewise. Flash is written only by :meth:`program`; raises BusError."""

    def program(self, address: int, data: bytes) -> None:
        """Put bytes into flash, or into the maker's page, without any flash controller: how images get there."""

    def halt(self, reason: HaltReason = HaltReason.HALTED) -> None:
        """Enter Debug state at once; no error if it is halted."""

    def resume(self) -> None:
        """Leave Debug state; no error if it runs."""

    def step(self) -> None:
        """Execute one instruction in Debug state (interrupts may be taken), and stay in Debug state."""

    def close(self) -> None:
        """Release the emulator. May be called twice."""
