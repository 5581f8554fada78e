"""The compiled core: exceptions, private peripheral bus and run loop in C, everything else as in the Python core.

Theory of operation. :class:`~.native_state.State` is the one state of the core: C works on it while :meth:`CCore.run`
lasts, Python looks at it before and after and from callbacks. A run gives up the interpreter lock, so boards on
several threads run at once; a call of the board (a system call, an access to a peripheral) takes it back meanwhile.
What such a call raises is kept, the run ends, and :meth:`CCore.run` raises it.

The Python core is the specification: both give the same trace. Limits are the same too; see ``python_core.py``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import partial

from unicorn import arm_const as arm
from unicorn import unicorn_const as const
from unicorn.unicorn_py3.unicorn import uclib

from harness.errors import InternalError
from harness.virtual.board.core import engine, native_state
from harness.virtual.board.core.data_watch import DataWatch
from harness.virtual.board.core.debug_registers import DebugRegisters
from harness.virtual.board.core.engine import NOW
from harness.virtual.board.core.interface import BusError, CoreClient, CoreState, FaultRecord, HaltReason, Register
from harness.virtual.board.core.memory import Memory
from harness.virtual.board.core.registers import RegisterFile
from harness.virtual.board.core.sequencer import RECORDED
from harness.virtual.board.core.signals import HeldSignals
from harness.virtual.board.core.stubs import StackLimits
from harness.virtual.board.core.trace import Trace
from harness.virtual.board.core.watched import WatchedRange

_STATES = (CoreState.RUNNING, CoreState.SLEEPING, CoreState.HALTED, CoreState.LOCKUP)
_FAILED_CALLBACK = 1
_NEVER = (1 << 63) - 1
_FIRST_PROBE = 256
_PIECE = 100_000_000
"""Cycles after which a run looks for signals: a tenth of a second of computing, at most."""


class NativeTrace(Trace):
    """The trace that the compiled core keeps."""

    __slots__ = ("_state",)

    def __init__(self, state: native_state.State) -> None:
        self._state = state
        super().__init__()

    @property
    def enabled(self) -> bool:
        return bool(self._state.trace_enabled)

    @enabled.setter
    def enabled(self, value: bool) -> None:
        self._state.trace_enabled = value

    @property
    def hook(self) -> Callable[[int, int, int], None] | None:
        return self._hook

    @hook.setter
    def hook(self, value: Callable[[int, int, int], None] | None) -> None:
        self._hook = value
        self._state.trace_hooked = value is not None

    @property
    def count(self) -> int:
        return int(self._state.trace_count)

    @count.setter
    def count(self, value: int) -> None:
        self._state.trace_count = value

    @property
    def value(self) -> int:
        return int(self._state.trace_hash)

    @value.setter
    def value(self, value: int) -> None:
        self._state.trace_hash = value


class CCore:
    """A Cortex-M33 with its memories, compiled. Implements :class:`~.interface.Core`.

    Args:
        client: the board around the core.
        skip_idle: whether to skip loops that only wait; the trace is the same without.

    Raises:
        InternalError: it was not built.
    """

    def __init__(self, client: CoreClient, *, skip_idle: bool = True) -> None:
        library = native_state.library()
        if library is None:
            raise InternalError("the compiled CPU core was not built: no C compiler at installation")
        self.client = client
        self.breakpoints: set[int] = set()
        self._armed: set[int] = set()
        self._exits = (ctypes.c_uint64 * 0)()
        self._closed = False
        self._error: BaseException | None = None
        self._signals = HeldSignals(self.request_stop)
        self._library = library
        state = self._state = native_state.State()
        self._self = ctypes.addressof(state)
        self.trace: Trace = NativeTrace(state)
        self._uc = engine.new_emulator()
        handle = self._uc._uch
        state.emulator = handle.value if isinstance(handle, ctypes.c_void_p) else handle
        state.unicorn = ctypes.addressof(native_state.unicorn_functions())
        self._callbacks = self._make_callbacks()
        state.client = ctypes.addressof(self._callbacks)
        if library.harness_core_attach(self._self):
            raise InternalError("the emulator refused a hook")
        self._run = partial(library.harness_core_run, self._self)
        self._data_watch = DataWatch(self._uc)
        self._registers = RegisterFile(self._uc)
        self._memory = Memory(
            self._uc, lambda: self.client, ppb_read=partial(library.harness_core_private_read, self._self),
            ppb_write=partial(library.harness_core_private_write, self._self), refused=self._bus_refused,
            compiled=True)
        state.ram, state.flash = self._memory.ram_address, self._memory.flash_address
        self._limits = StackLimits(self._uc, self._registers, self._run_stub)
        self._debug = DebugRegisters(self._registers, self._limits)
        self._event_hooks: dict[int, int] = {}
        self._memory.on_program = self._look_for_hooks
        state.probe_pause = _FIRST_PROBE
        self.skip_idle = skip_idle
        library.harness_core_reset(self._self)
        self._raise()

    def __repr__(self) -> str:
        return f"CCore({self.state.name}, cycles={self.cycles}, exception={self.exception})"

    # -- what the board sees ------------------------------------------------------------------------------------------

    @property
    def cycles(self) -> int:
        """CPU cycles since power-on."""
        return int(self._state.cycles)

    def spend(self, cycles: int) -> None:
        """Let cycles pass within a system call."""
        self._state.cycles += cycles

    @property
    def state(self) -> CoreState:
        """What the core is doing."""
        return _STATES[self._state.state]

    @property
    def exception(self) -> int:
        """Number of the exception being handled, 0 in Thread mode."""
        return 0 if self._closed else self._registers.get(arm.UC_ARM_REG_XPSR) & 0x1FF

    @property
    def halt_on_reset(self) -> bool:
        """Whether to enter Debug state before the first instruction after a reset."""
        return bool(self._state.halt_on_reset)

    @halt_on_reset.setter
    def halt_on_reset(self, value: bool) -> None:
        self._state.halt_on_reset = value

    @property
    def debug_enabled(self) -> bool:
        """DHCSR.C_DEBUGEN."""
        return bool(self._state.debug_enabled)

    @debug_enabled.setter
    def debug_enabled(self, value: bool) -> None:
        self._state.debug_enabled = value

    @property
    def mask_interrupts(self) -> bool:
        """DHCSR.C_MASKINTS."""
        return bool(self._state.mask_interrupts)

    @mask_interrupts.setter
    def mask_interrupts(self, value: bool) -> None:
        self._state.mask_interrupts = value
        self._state.alarm = NOW

    def watch_data(self, ranges: Sequence[WatchedRange], hit: Callable[[int], None]) -> None:
        """Tell ``hit`` of accesses to these ranges, and of no others, from now on."""
        self._data_watch.set(ranges, hit)

    @property
    def skip_idle(self) -> bool:
        """Whether loops that only wait are skipped."""
        return bool(self._state.skip_idle)

    @skip_idle.setter
    def skip_idle(self, value: bool) -> None:
        self._state.skip_idle = value
        self._state.probe_at = 0 if value else _NEVER

    @property
    def idle_skipped(self) -> tuple[int, int]:
        """How often an idle loop was skipped, and how many cycles in all."""
        return int(self._state.idle_skips), int(self._state.idle_cycles)

    def reset(self) -> None:
        """Reset; inside :meth:`run` it happens at the next block start."""
        self._library.harness_core_reset(self._self)
        self._raise()

    def request_stop(self) -> None:
        """Let :meth:`run` return at the next block start; without effect outside of it."""
        self._state.stop_requested = self._state.running
        self._stop_soon()

    def next_wake(self) -> int | None:
        """Return the cycle at which there is something to execute, or None if only the outside can bring it."""
        wake: int = self._library.harness_core_next_wake(self._self)
        return None if wake < 0 else wake

    def pend(self, irq: int) -> None:
        """Make external interrupt ``irq`` pending."""
        self._library.harness_core_pend(self._self, irq)

    def unpend(self, irq: int) -> None:
        """Clear the pending state of an external interrupt."""
        self._library.harness_core_unpend(self._self, irq)

    def set_line(self, irq: int, level: bool) -> None:
        """Drive the input line of an external interrupt; held high it pends again when its handler returns."""
        self._library.harness_core_set_line(self._self, irq, level)

    def run(self, until: int) -> None:
        """Execute until ``cycles >= until``, a stop request, Debug state or lockup."""
        if self.breakpoints != self._armed:
            self._arm()
        state, run = self._state, self._run
        with self._signals:
            # In pieces, between which Python looks for signals.
            while run(min(until, state.cycles + _PIECE)) and state.cycles < until and not self._signals.pending:
                pass
        if state.failed or self._uc._hook_exception is not None:
            self._raise()

    def halt(self, reason: HaltReason = HaltReason.HALTED) -> None:
        """Enter Debug state at once; inside :meth:`run` at the next block start."""
        self._library.harness_core_halt(self._self, reason)
        self._raise()

    def resume(self) -> None:
        """Leave Debug state."""
        self._library.harness_core_resume(self._self)

    def step(self) -> None:
        """Execute one instruction and stay in Debug state; an interrupt that may be taken is entered instead."""
        if self.breakpoints != self._armed:
            self._arm()
        self._library.harness_core_step(self._self)
        self._raise()

    def read_register(self, register: int) -> int:
        """Return a register by its DCRSR number."""
        return self._debug.read(register)

    def write_register(self, register: int, value: int) -> None:
        """Set a register by its DCRSR number."""
        if register == Register.PC:
            self._state.invalid_state = False
        elif register in (Register.MSPLIM, Register.PSPLIM):
            self._state.limits_used |= 1 << register - Register.MSPLIM
        self._debug.write(register, value)

    def read_memory(self, address: int, size: int) -> bytes:
        """Return memory or registers; raises BusError."""
        return self._memory.read(address, size)

    def write_memory(self, address: int, data: bytes) -> None:
        """Write RAM or registers; raises BusError."""
        self._memory.write(address, data)

    def program(self, address: int, data: bytes) -> None:
        """Put bytes into flash."""
        self._memory.program(address, data)

    def foresee(self) -> list[int] | None:
        """Return r0 to r15 and the flags after the next instruction, as the interpreter of idle loops sees them.

        None where it does not know the instruction; else memory has changed, and nothing else. For tests.
        """
        registers = (ctypes.c_uint32 * 17)()
        return list(registers) if self._library.harness_core_foresee(self._self, registers) else None

    def close(self) -> None:
        """Release the emulator. Nothing but :meth:`close` may be called any more."""
        if not self._closed:
            self._closed = True
            engine.release(self._uc)
            # What is left must not reach the freed emulator: an error is better than a crash of the process.
            self._registers = self._memory = self._debug = self._library = self._run = None  # type: ignore[assignment]

    # -- inside -------------------------------------------------------------------------------------------------------

    def _make_callbacks(self) -> native_state.Client:
        return native_state.Client(
            system_call=native_state.SYSTEM_CALL(self._guard(lambda slot: self.client.system_call(slot))),
            faulted=native_state.FAULTED(self._guard(self._faulted)),
            reset_requested=native_state.RESET_REQUESTED(self._guard(lambda: self.client.reset_requested())),
            halted=native_state.HALTED(self._guard(lambda reason: self.client.halted(HaltReason(reason)))),
            traced=native_state.TRACED(self._guard(self._traced)))

    def _guard(self, function: Callable[..., None]) -> Callable[..., None]:
        def guarded(*arguments: int) -> None:
            try:
                function(*arguments)
            except BaseException as error:  # it must not get lost in the library
                self._error = self._error or error
                self._state.failed = _FAILED_CALLBACK
                self._stop_soon()
        return guarded

    def _faulted(self, exception: int, lockup: int) -> None:
        state = self._state
        registers = list(state.recorded)
        self.client.faulted(FaultRecord(
            exception=exception, cfsr=state.cfsr, hfsr=state.hfsr, mmfar=state.mmfar, bfar=state.bfar,
            registers={name: registers[index] for name, index in RECORDED.items()}, lockup=bool(lockup)))

    def _traced(self, exception: int, pc: int, cycles: int) -> None:
        if self.trace.hook is not None:
            self.trace.hook(exception, pc, cycles)

    def _stop_soon(self) -> None:
        self._state.deadline = self._state.alarm = NOW

    def _bus_refused(self, error: BusError) -> None:
        self._state.imprecise = True
        self._stop_soon()

    def _raise(self) -> None:
        """Raise what went wrong inside of a call into the library, if anything did."""
        error, self._error = self._error, None
        failed, self._state.failed = self._state.failed, 0
        if self._uc._hook_exception is not None:
            error, self._uc._hook_exception = self._uc._hook_exception, None
        if error is not None:
            raise error
        if failed:
            raise InternalError(f"the emulator failed at 0x{self._registers.pc:08x}: "
                                f"stop {self._state.stop}, number {self._state.detail}")

    def _arm(self) -> None:
        self._armed = set(self.breakpoints)
        exits = sorted(self._armed)
        self._exits = (ctypes.c_uint64 * len(exits))(*exits)
        self._state.exits, self._state.exit_count = ctypes.addressof(self._exits), len(exits)
        self._uc.ctl_set_exits(exits)
        self._uc.ctl_flush_tb()

    def _run_stub(self, address: int) -> None:
        self._state.silent, self._state.alarm = True, NOW
        try:
            self._uc.emu_start(address | 1, 0)
        finally:
            self._state.silent = False

    def _look_for_hooks(self, address: int, size: int) -> None:
        """Note what flash holds that the emulator does not tell of: SEV, and writes of the stack limits."""
        memory = self._memory
        self._state.limits_used |= memory.limits_written(address, size)
        for place, handle in list(self._event_hooks.items()):
            if address <= place < address + size:
                uclib.uc_hook_del(self._uc._uch, ctypes.c_size_t(handle))
                del self._event_hooks[place]
        for place in memory.find_events(address, size):
            identity = ctypes.c_size_t()
            if uclib.uc_hook_add(self._uc._uch, ctypes.byref(identity), const.UC_HOOK_CODE,
                                 ctypes.c_void_p(self._library.harness_core_event_hook()),
                                 ctypes.c_void_p(self._self), ctypes.c_uint64(place), ctypes.c_uint64(place)):
                raise InternalError("the emulator refused a hook")
            self._event_hooks[place] = int(identity.value)
