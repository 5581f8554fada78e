"""A board at the other end of a debug probe: run control, memory, registers, symbols and pins.

The driver holds only pyOCD's end of the wire. What it opens does not stop the application: it attaches without halt or
reset, memory is read and written while the core runs, and closing lets the core run on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from harness.clock import Clock, Duration
from harness.drivers.board.breakpoints import Breakpoint
from harness.drivers.board.hang import find_hang, raise_if_hung
from harness.drivers.board.pins import Pin
from harness.drivers.board.probes import open_session, translated
from harness.drivers.board.symbols import SymbolRef
from harness.errors import BoardError, TimeoutExpired, UsageError
from harness.formats.elf import ElfImage
from harness.journal import Fact, Journal

T = TypeVar("T")

_MAX_READ = 16 << 20
_PCSR = 0xE000_101C
_HALT_WITHIN: Duration = "2s"


class Board:
    """One board behind one debug probe.

    Args:
        probe_uid: unique id of the probe or an unambiguous part of it; None for the only probe there is.
        clock: the clock that waits run on.
        journal: where run control is written down.
        name: name of the board in its rig.
        elf: image of the application, for symbols; see also :meth:`load_symbols`.
        options: pyOCD session options, e.g. ``{"frequency": 4_000_000}``.

    ::

        with Board("mvh:board-1", clock, journal, "board-1", elf=image) as board:
            assert board.symbol("beat_count").read() >= 3
    """

    def __init__(self, probe_uid: str | None, clock: Clock, journal: Journal, name: str,
                 elf: ElfImage | None = None, *, options: Mapping[str, object] | None = None) -> None:
        self.probe_uid = probe_uid
        self.clock = clock
        self.name = name
        self._journal = journal
        self._elf = elf
        self._options = dict(options or {})
        self._session: Any = None
        self._breakpoints: set[int] = set()

    def __repr__(self) -> str:
        return f"Board({self.name!r}, probe={self.probe_uid!r}, {'connected' if self.is_connected else 'closed'})"

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    # -- connection ---------------------------------------------------------------------------------------------------

    @property
    def is_connected(self) -> bool:
        """Whether the probe is open."""
        return self._session is not None

    @property
    def session(self) -> Any:
        """The pyOCD session, for what this driver has no words for; raises UsageError if not connected."""
        self._target()
        return self._session

    def connect(self) -> None:
        """Open the probe and attach to the running core; nothing if that is done.

        Raises:
            ProbeError: no such probe, several that fit, one in use by another debugger, or no board behind it.
        """
        if self._session is None:
            self._session = open_session(self.probe_uid, self.name, self._options)
            self.record("board_connected")

    def close(self) -> None:
        """Remove our breakpoints, let the core run and close the probe. May be called twice; never raises."""
        session, self._session = self._session, None
        self._breakpoints.clear()
        if session is not None:
            session.close()
            self.record("board_disconnected")

    def record(self, event: str, **data: Fact) -> None:
        """Write one fact about this board into the journal."""
        self._journal.record("driver", event, device=self.name, t=None, **data)

    # -- run control --------------------------------------------------------------------------------------------------

    @property
    def is_halted(self) -> bool:
        """Whether the core is in Debug state; raises BoardError."""
        target = self._target()
        with translated(self.name):
            return bool(target.is_halted())

    @property
    def is_executing(self) -> bool:
        """Whether the core executes: neither halted nor asleep nor in lockup; raises BoardError."""
        target = self._target()
        with translated(self.name):
            return str(target.get_state().name) == "RUNNING"

    def halt(self) -> None:
        """Halt the core; raises BoardError, TimeoutExpired."""
        target = self._target()
        with translated(self.name):
            target.halt()
        self.clock.wait(lambda: self.is_halted, within=_HALT_WITHIN, what=f"{self.name} to halt", saw=self.describe)
        self.record("board_halted", pc=self.register("pc"))

    def resume(self) -> None:
        """Let a halted core run; nothing if it runs. Raises BoardError."""
        target = self._target()
        with translated(self.name):
            if not target.is_halted():
                return
            here = int(target.read_core_register_raw("pc"))
            if here in self._breakpoints:  # or the breakpoint under the core would hold it at once
                target.remove_breakpoint(here)
                target.step()
                target.set_breakpoint(here)
            target.resume()  # writes the breakpoints into the chip first
        self.record("board_resumed")

    def step(self) -> None:
        """Execute one instruction of a halted core.

        Raises:
            BoardError: the core runs.
        """
        target = self._target()
        if not self.is_halted:
            raise BoardError(f"{self.name}: only a halted core can be stepped")
        with translated(self.name):
            target.step()

    def reset(self, *, halt: bool = False) -> None:
        """Reset the chip; with ``halt`` the core stops before its first instruction. Raises BoardError."""
        target = self._target()
        with translated(self.name):
            if halt:
                target.reset_and_halt()
            else:
                target.reset()
        if halt and not self.is_halted:
            raise BoardError(f"{self.name}: did not halt at reset: {self.describe()}")
        self.record("board_reset", halted=halt)

    def describe(self) -> str:
        """Return in words what the core is doing and where; never raises."""
        try:
            target = self._target()
            with translated(self.name):
                state = target.get_state().name.lower()
            pc = self.register("pc") if state == "halted" else self.sample_pc()
        except BoardError as error:
            return str(error)
        return f"core {state}" if pc is None else f"core {state} at {self._place(pc)}"

    # -- memory and registers -----------------------------------------------------------------------------------------

    def read_memory(self, address: int, size: int) -> bytes:
        """Return memory as a debugger sees it; the core may run.

        Raises:
            UsageError: not a range of 1 byte to 16 MiB within 32-bit addresses.
            BoardError: nothing answers there.
        """
        self._check_range(address, size)
        target = self._target()
        with translated(self.name):
            return bytes(target.read_memory_block8(address, size))

    def write_memory(self, address: int, data: bytes) -> None:
        """Write memory; the core may run. Flash can't be written this way.

        Raises:
            UsageError: not a range of 1 byte to 16 MiB within 32-bit addresses.
            BoardError: nothing answers there, or it can't be written.
        """
        self._check_range(address, len(data))
        target = self._target()
        with translated(self.name):
            target.write_memory_block8(address, data)
            target.flush()

    def read_words(self, address: int, count: int) -> list[int]:
        """Return ``count`` words from an aligned address, each read as one; for registers of peripherals."""
        self._check_range(address, 4 * count, aligned=True)
        target = self._target()
        with translated(self.name):
            return [int(word) for word in target.read_memory_block32(address, count)]

    def read32(self, address: int) -> int:
        """Return the word at an aligned address; raises UsageError, BoardError."""
        return self.read_words(address, 1)[0]

    def write32(self, address: int, value: int) -> None:
        """Write the word at an aligned address; raises UsageError, BoardError."""
        self._check_range(address, 4, aligned=True)
        if not 0 <= value <= 0xFFFF_FFFF:
            raise UsageError(f"a word is 0 to 0xffffffff, not {value:#x}")
        target = self._target()
        with translated(self.name):
            target.write32(address, value)
            target.flush()

    def register(self, name: str) -> int:
        """Return a core register of a halted core: ``r0`` to ``r12``, ``sp``, ``lr``, ``pc``, ``xpsr``, ``s0``...

        Raises:
            UsageError: no such register.
            BoardError: the core runs.
        """
        target = self._target()
        with translated(self.name), _known_register(name):
            return int(target.read_core_register_raw(name.lower()))

    def set_register(self, name: str, value: int) -> None:
        """Set a core register of a halted core; raises UsageError, BoardError."""
        if not 0 <= value <= 0xFFFF_FFFF:
            raise UsageError(f"a register holds 0 to 0xffffffff, not {value:#x}")
        target = self._target()
        with translated(self.name), _known_register(name):
            target.write_core_register_raw(name.lower(), value)
            target.flush()

    def sample_pc(self) -> int | None:
        """Return about where a running core is, without stopping it (DWT_PCSR); None if the core can't tell."""
        value = self.read32(_PCSR)
        return None if value in (0, 0xFFFF_FFFF) else value & ~1

    # -- the application ----------------------------------------------------------------------------------------------

    def load_symbols(self, elf: ElfImage | None) -> None:
        """Take names from this image from now on: after another application was installed."""
        self._elf = elf

    def wait(self, predicate: Callable[[], T | None], *, within: Duration, what: str,
             saw: Callable[[], str] | None = None) -> T:
        """Let time pass until ``predicate`` holds, and return its value.

        Raises:
            TimeoutExpired: it did not within this time.
            ApplicationHung: likewise, and the application hangs: tells where, and what it masks.
        """
        try:
            return self.clock.wait(predicate, within=within, what=what, saw=saw)
        except TimeoutExpired as expired:
            raise_if_hung(self, expired)
            raise

    def find_hang(self) -> str | None:
        """Return where the application hangs and what it masks, None if it does not; lets some 30 ms pass.

        Raises:
            BoardError: the board does not answer.
        """
        return find_hang(self)

    def symbol(self, name: str) -> SymbolRef:
        """Return the variable or function of this name.

        Raises:
            UsageError: no image was given.
            ElfError: the image has no such name.
        """
        if self._elf is None:
            raise UsageError(f"{self.name}: no ELF image was given, so there are no symbols: call load_symbols()")
        return SymbolRef(self, self._elf.symbol(name))

    def pin(self, name: str) -> Pin:
        """Return a pin, e.g. ``PA5``; raises UsageError."""
        return Pin(self, name)

    def breakpoint(self, where: int | str) -> Breakpoint:
        """Return a breakpoint at an address or a function, to be used with ``with``; raises UsageError, ElfError."""
        if isinstance(where, str):
            return Breakpoint(self, self.symbol(where).address & ~1, where)
        return Breakpoint(self, where & ~1, self._place(where & ~1))

    def set_breakpoint(self, address: int) -> None:
        """Let the core halt before the instruction at ``address``.

        Raises:
            BoardError: all breakpoint comparators are taken.
        """
        target = self._target()
        with translated(self.name):
            if not target.set_breakpoint(address):
                raise BoardError(f"{self.name}: no breakpoint is free; {len(self._breakpoints)} are in use")
            self._write_breakpoints()
        self._breakpoints.add(address)

    def remove_breakpoint(self, address: int) -> None:
        """Remove a breakpoint; no error if there is none."""
        target = self._target()
        self._breakpoints.discard(address)
        with translated(self.name):
            target.remove_breakpoint(address)
            self._write_breakpoints()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _target(self) -> Any:
        if self._session is None:
            raise UsageError(f"{self.name} is not connected: call connect() first")
        return self._session.target

    def _write_breakpoints(self) -> None:
        # pyOCD holds changes back until the core is set running, but ours may run already.
        target = self._target()
        target.selected_core_or_raise.bp_manager.flush()
        target.flush()

    def symbolise(self, address: int) -> str | None:
        """Return ``function+0x12`` for an address in the application, None if it is not known."""
        found = self._elf.function_at(address) if self._elf else None
        return f"{found[0]}+0x{found[1]:x}" if found else None

    def _place(self, address: int) -> str:
        name = self.symbolise(address)
        return f"0x{address:08x}" + (f" ({name})" if name else "")

    @staticmethod
    def _check_range(address: int, size: int, *, aligned: bool = False) -> None:
        if address < 0 or not (1 <= size <= _MAX_READ and address + size <= 1 << 32):
            raise UsageError(f"not a range of memory: {size} bytes at {address:#x}")
        if aligned and address % 4:
            raise UsageError(f"a word is at a multiple of 4, not at {address:#x}")



@contextmanager
def _known_register(name: str) -> Iterator[None]:
    try:
        yield
    except KeyError:  # pyOCD's way to say so
        raise UsageError(f"the core has no register {name!r}") from None
