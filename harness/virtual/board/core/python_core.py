"""The readable core: a Cortex-M33 as a run loop around the emulator. It is the specification for the C core.

Theory of operation. The emulator executes basic blocks. A hook at the start of each block counts time, one cycle per
halfword of code, and stops the emulator when a deadline has come: the end of the slice, the next SysTick, or at once
after anything that may have changed what is pending. The loop then looks at the exception model and enters a handler by
writing the frame and the registers. So exceptions are taken at block starts only: an exception is taken at the first
block start at which it may be, and how a run is cut into slices can't be seen from inside.

Calls to Microvisor end in a page of ``SVC; BX LR`` pairs. An SVC from there goes to the client and is no exception.

Limits: no MPU and no SAU, no TrustZone transitions (the application sees the EXC_RETURN values of the Non-secure
world, everything runs in one), floating-point context is stacked eagerly, the FPU is always on, time is approximate
(a block that is left in its middle by a fault counts whole), unaligned LDM and LDRD do not fault, CCR.DIV_0_TRP and
UNALIGN_TRP have no effect, an SEV in RAM is not noticed, the exclusive monitor survives an exception.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from enum import Enum, auto

from unicorn import arm_const as arm
from unicorn import unicorn_const as const
from unicorn.unicorn_const import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB
from unicorn.unicorn_py3.unicorn import HOOK_CODE_CFUNC, Uc, UcError, uclib

from harness.errors import InternalError
from harness.virtual.board.core import frame, scb
from harness.virtual.board.core.debug_registers import DebugRegisters
from harness.virtual.board.core.exceptions import (
    BUS_FAULT,
    FIRST_IRQ,
    HARD_FAULT,
    MEM_MANAGE,
    NMI,
    SVCALL,
    SYSTICK,
    USAGE_FAULT,
    ExceptionModel,
)
from harness.virtual.board.core.interface import (
    FLASH_BASE,
    SCS_BASE,
    SCS_SIZE,
    VENEER_BASE,
    VENEER_STRIDE,
    BusError,
    CoreClient,
    CoreState,
    FaultRecord,
    HaltReason,
    Register,
)
from harness.virtual.board.core.memory import VENEER_END, Memory
from harness.virtual.board.core.registers import CONTROL, FPCA, LR, PC, R12, SP, SPSEL, XPSR, XPSR_T, RegisterFile
from harness.virtual.board.core.stubs import Limit, StackLimits
from harness.virtual.board.core.systick import SysTick
from harness.virtual.board.core.trace import RETURN, Trace

_TCG_BUFFER = 8 << 20
_NOW = -1
_LOCKUP_ADDRESS = 0xEFFF_FFFE
_DWT_CTRL, _DWT_CYCCNT = 0xE000_1000, 0xE000_1004

# Exception numbers that the emulator hands to its interrupt hook.
_SVC, _FETCH, _DATA, _BKPT, _EXCEPTION_EXIT, _NOCP, _INVSTATE, _STKOF, _UNALIGNED = 2, 3, 4, 7, 8, 17, 18, 19, 22

_USAGE_TRAPS = {_DATA: scb.UNALIGNED, _UNALIGNED: scb.UNALIGNED, _NOCP: scb.NOCP, _INVSTATE: scb.INVSTATE,
                _STKOF: scb.STKOF}
_PRECISE = scb.PRECISERR | scb.BFARVALID
_BUS_ERRORS = {
    const.UC_ERR_READ_UNMAPPED: _PRECISE, const.UC_ERR_WRITE_UNMAPPED: _PRECISE, const.UC_ERR_WRITE_PROT: _PRECISE,
    const.UC_ERR_READ_PROT: _PRECISE, const.UC_ERR_FETCH_UNMAPPED: scb.IBUSERR,
}
_WAITS = {b"\x30\xbf": "wfi", b"\x20\xbf": "wfe", b"\x10\xbf": "yield"}
_WIDE_WAITS = {b"\xaf\xf3\x03\x80": "wfi", b"\xaf\xf3\x02\x80": "wfe", b"\xaf\xf3\x01\x80": "yield"}


class _Stop(Enum):
    """Why the emulator came back."""

    BLOCK = auto()
    """At a block start, because the deadline had come."""
    TRAP = auto()
    WAIT = auto()
    """WFE with nothing to wait for yet."""


class PythonCore:
    """A Cortex-M33 with its memories, in Python on unicorn. Implements :class:`~.interface.Core`.

    Args:
        client: the board around the core.
    """

    def __init__(self, client: CoreClient) -> None:
        self.client = client
        self.breakpoints: set[int] = set()
        self.halt_on_reset = False
        self.debug_enabled = False
        self.trace = Trace()
        self._cycles = 0
        self._deadline = _NOW
        self._block_end = 0
        self._watch = False
        self._quiet = False
        self._state = CoreState.RUNNING
        self._running = False
        self._stop_requested = False
        self._wants_reset = False
        self._wants_halt: HaltReason | None = None
        self._awaits_reset = False
        self._announces_reset = False
        self._event = False
        self._waits_for_event = False
        self._invalid_state = False
        self._imprecise = False
        self._stop: _Stop | None = None
        self._hook_error: BaseException | None = None
        self._trap = 0
        self._exits: frozenset[int] = frozenset()
        self._resumed_at: int | None = None
        self._cycle_counter = (0, 0)
        self._event_hooks: dict[int, int] = {}
        self._closed = False
        self._uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self._uc.ctl_set_tcg_buffer_size(_TCG_BUFFER)
        self._registers = RegisterFile(self._uc)
        self._model = ExceptionModel()
        self._systick = SysTick()
        self._scs = scb.SystemControlSpace(self._model, self._systick, self)
        self._memory = Memory(self._uc, lambda: self.client, ppb_read=self._ppb_read, ppb_write=self._ppb_write,
                              refused=self._bus_refused)
        self._memory.on_program = self._hook_events
        self._limits = StackLimits(self._uc, self._registers, self._execute_stub)
        self._debug = DebugRegisters(self._registers, self._limits)
        self._add_hooks()
        self.reset()

    def __repr__(self) -> str:
        return f"PythonCore({self._state.name}, cycles={self._cycles}, exception={self.exception})"

    # -- what the board sees ------------------------------------------------------------------------------------------

    @property
    def cycles(self) -> int:
        """CPU cycles since power-on."""
        return self._cycles

    @property
    def state(self) -> CoreState:
        """What the core is doing."""
        return self._state

    @property
    def exception(self) -> int:
        """Number of the exception being handled, 0 in Thread mode."""
        return self._registers.get(arm.UC_ARM_REG_XPSR) & 0x1FF

    def reset(self) -> None:
        """Reset; inside :meth:`run` it happens at the next block start."""
        if self._running:
            self._wants_reset = True
            self._deadline = _NOW
        else:
            self._reset()

    def request_stop(self) -> None:
        """Let :meth:`run` return at the next block start; without effect outside of it."""
        self._stop_requested = self._running
        self._deadline = _NOW

    def next_wake(self) -> int | None:
        """Return the cycle at which there is something to execute, or None if only the outside can bring it."""
        if self._awaits_reset or self._state in (CoreState.HALTED, CoreState.LOCKUP):
            return None
        if self._state is CoreState.RUNNING or self._wakes():
            return self._cycles
        due = self._systick.due
        return None if due is None else max(due, self._cycles)

    def pend(self, irq: int) -> None:
        """Make external interrupt ``irq`` pending."""
        self._pend(FIRST_IRQ + irq)

    def unpend(self, irq: int) -> None:
        """Clear the pending state of an external interrupt."""
        self._model.unpend(FIRST_IRQ + irq)

    def set_line(self, irq: int, level: bool) -> None:
        """Drive the input line of an external interrupt; held high it pends again when its handler returns."""
        before = self._model.pending
        self._model.set_line(FIRST_IRQ + irq, level)
        self._pended(before)

    def run(self, until: int) -> None:
        """Execute until ``cycles >= until``, a stop request, Debug state or lockup."""
        self._running = True
        try:
            while self._prepare() and self._cycles < until:
                if self._state is CoreState.SLEEPING:
                    self._sleep(until)
                else:
                    self._execute(until)
        finally:
            self._running = self._stop_requested = False

    def halt(self, reason: HaltReason = HaltReason.HALTED) -> None:
        """Enter Debug state at once; inside :meth:`run` at the next block start."""
        if self._state is CoreState.HALTED:
            return
        if self._running:
            self._wants_halt = reason
            self._deadline = _NOW
            return
        self._halt(reason)

    def resume(self) -> None:
        """Leave Debug state."""
        if self._state is CoreState.HALTED:
            self._leave_debug()
            self._resumed_at = self._registers.pc

    def step(self) -> None:
        """Execute one instruction and stay in Debug state; an interrupt that may be taken is entered instead."""
        if self._state is not CoreState.HALTED:
            return
        if self._leave_debug():
            self._running = True
            self._resumed_at = before = self._registers.pc
            try:
                if self._prepare() and self._registers.pc == before:
                    self._state = CoreState.RUNNING
                    self._single_step()
                    self._prepare()
            finally:
                self._running = self._stop_requested = False
        if self._state is not CoreState.HALTED:
            self._halt(HaltReason.HALTED)

    def read_register(self, register: int) -> int:
        """Return a register by its DCRSR number."""
        return self._debug.read(register)

    def write_register(self, register: int, value: int) -> None:
        """Set a register by its DCRSR number."""
        if register == Register.PC:
            self._invalid_state = False
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

    def close(self) -> None:
        """Release the emulator."""
        if not self._closed:
            self._closed = True
            self._uc = self._registers = self._memory = self._limits = None  # type: ignore[assignment]

    def debug_status(self) -> int:
        """Return DHCSR: C_DEBUGEN, C_HALT, S_REGRDY, S_HALT, S_SLEEP, S_LOCKUP (DDI0553, D1.2.44)."""
        halted = self._state is CoreState.HALTED
        return (self.debug_enabled | halted << 1 | 1 << 16 | halted << 17
                | (self._state is CoreState.SLEEPING) << 18 | (self._state is CoreState.LOCKUP) << 19)

    def system_reset(self) -> None:
        """SYSRESETREQ was written: stop at the next block start and tell the board."""
        self._announces_reset = True
        self._deadline = _NOW

    # -- the run loop -------------------------------------------------------------------------------------------------

    def _prepare(self) -> bool:
        """Bring everything up to date that happens between two blocks; return whether there is something to run."""
        while True:
            if self._wants_reset:
                self._reset()
            if self._announces_reset:
                self._announces_reset = False
                self._awaits_reset = True
                self.client.reset_requested()
                continue
            if self._wants_halt is not None:
                self._halt(self._wants_halt)
            if self._stop_requested or self._awaits_reset or self._state in (CoreState.HALTED, CoreState.LOCKUP):
                return False
            if self._systick.advance(self._cycles):
                self._pend(SYSTICK)
            if self._state is CoreState.SLEEPING:
                if not self._wakes():
                    return True
                self._state = CoreState.RUNNING
                if self._waits_for_event:
                    self._event = False
            if self._imprecise:
                self._imprecise = False
                self._fault(BUS_FAULT, scb.IMPRECISERR)
            elif (number := self._next()) is not None:
                self._take(number)
            elif self._invalid_state:
                self._invalid_state = False
                self._fault(USAGE_FAULT, scb.INVSTATE)
            elif self.breakpoints and self._at_breakpoint():
                self._halt(HaltReason.BREAKPOINT)
            else:
                return True

    def _sleep(self, until: int) -> None:
        due = self._systick.due
        self._cycles = max(self._cycles, until if due is None else min(until, due))

    def _execute(self, until: int) -> None:
        if self._resumed_at is not None:
            resumed_at, self._resumed_at = self._resumed_at, None
            if resumed_at in self.breakpoints and resumed_at == self._registers.pc:
                self._single_step()
                return
        if self._exits != self.breakpoints:
            self._set_exits(frozenset(self.breakpoints))
        due = self._systick.due
        self._deadline = until if due is None else min(until, due)
        # Unprivileged code can't change the masks, so only privileged code is watched while something is held back.
        self._watch = bool(self._model.pending & self._model.enabled) and not self._registers.unprivileged
        self._finish(self._emulate(self._registers.pc, 0))

    def _emulate(self, address: int, count: int) -> int:
        self._stop = None
        try:
            self._uc.emu_start(address | 1, 0, 0, count)
        except UcError as error:
            return int(error.errno)
        if self._hook_error is not None:  # Ctrl-C while in the hook
            hook_error, self._hook_error = self._hook_error, None
            raise hook_error
        return int(const.UC_ERR_OK)

    def _finish(self, error: int) -> None:
        """Deal with the reason for which the emulator came back."""
        registers = self._registers
        if error == const.UC_ERR_OK:
            if self._stop is _Stop.TRAP:
                self._take_trap(self._trap)
            elif self._stop is _Stop.WAIT or self._waited() == "wfi":
                self._fall_asleep(for_event=self._stop is _Stop.WAIT)
            elif self._stop is None and registers.pc not in self._exits:
                raise InternalError(f"the emulator stopped at 0x{registers.pc:08x} for no reason")
            elif not registers.get(arm.UC_ARM_REG_XPSR) & XPSR_T:
                self._invalid_state = True
        elif error == const.UC_ERR_INSN_INVALID:
            thumb = registers.get(arm.UC_ARM_REG_XPSR) & XPSR_T
            self._fault(USAGE_FAULT, scb.UNDEFINSTR if thumb else scb.INVSTATE)
        elif error == const.UC_ERR_FETCH_PROT:
            self._fault(MEM_MANAGE, scb.IACCVIOL)
        elif error in _BUS_ERRORS:
            bits = _BUS_ERRORS[error]
            if bits & scb.BFARVALID:
                self._scs.bfar = self._memory.fault_address
            self._fault(BUS_FAULT, bits)
        else:
            raise InternalError(f"the emulator failed at 0x{registers.pc:08x}: {UcError(error)}")

    def _single_step(self) -> None:
        """Execute one instruction. Counting instructions and not counting them must not share translated code."""
        self._set_exits(frozenset())
        address = self._registers.pc
        try:
            length = 4 if self._memory.read_plain(address + 1, 1)[0] >> 3 >= 0x1D else 2
        except BusError:
            length = 2
        self._uc.ctl_flush_tb()
        self._quiet, self._block_end, self._deadline = True, address + length, _NOW
        try:
            error = self._emulate(address, 1)
        finally:
            self._quiet = False
            self._uc.ctl_flush_tb()
        self._cycles += length // 2
        if error == const.UC_ERR_OK and self._stop is None:
            self._stop = _Stop.BLOCK
        self._finish(error)

    def _execute_stub(self, address: int) -> None:
        self._quiet = True
        try:
            self._emulate(address, 0)
        finally:
            self._quiet = False

    def _set_exits(self, addresses: frozenset[int]) -> None:
        self._exits = addresses
        self._uc.ctl_set_exits(sorted(addresses))
        self._uc.ctl_flush_tb()

    def _at_breakpoint(self) -> bool:
        pc = self._registers.pc
        return pc in self.breakpoints and pc != self._resumed_at

    def _waited(self) -> str | None:
        """Return which wait instruction the emulator has just executed, if it was one."""
        pc = self._registers.pc
        if pc != self._block_end:
            return None
        try:
            code = self._memory.read_plain(pc - 4, 4)
        except BusError:
            return None
        return _WAITS.get(code[2:]) or _WIDE_WAITS.get(code)

    def _fall_asleep(self, *, for_event: bool = False) -> None:
        self._state = CoreState.SLEEPING
        self._waits_for_event = for_event

    def _wakes(self) -> bool:
        """Whether sleep ends: WFI by an interrupt even if PRIMASK holds it back, WFE by an event or what can be taken."""
        if self._waits_for_event:
            return self._event or self._next() is not None
        if not self._model.pending & self._model.enabled:
            return False
        return self._model.next(self._registers.masks()._replace(primask=0)) is not None

    # -- callbacks of the emulator ------------------------------------------------------------------------------------

    def _add_hooks(self) -> None:
        uc = self._uc
        uc.ctl_exits_enabled(True)
        uc.hook_add(const.UC_HOOK_INTR, self._on_interrupt)
        uc.hook_add(const.UC_HOOK_INSN_INVALID, self._on_invalid)
        handle, stop = uc._uch, uclib.uc_emu_stop

        def on_block(_handle: object, address: int, size: int, _user: object) -> None:
            try:
                if self._quiet:
                    return
                # Calls to Microvisor are entered and left without the application seeing a stop inside.
                if not VENEER_BASE <= address < VENEER_END and (
                        self._cycles >= self._deadline or (self._watch and self._may_be_unmasked())):
                    self._stop = _Stop.BLOCK
                    stop(handle)
                    return
                self._cycles += size >> 1
                self._block_end = address + size
            except BaseException as error:
                self._hook_error = error
                self._stop = _Stop.BLOCK
                stop(handle)

        # Straight to the library: this is called for every block, and the binding's wrapper would double its cost.
        self._block_hook = HOOK_CODE_CFUNC(on_block)
        identity = ctypes.c_size_t()
        if uclib.uc_hook_add(handle, ctypes.byref(identity), const.UC_HOOK_BLOCK,
                             ctypes.cast(self._block_hook, ctypes.c_void_p), None, ctypes.c_uint64(1),
                             ctypes.c_uint64(0)):
            raise InternalError("the emulator refused a hook")

    def _on_interrupt(self, uc: Uc, number: int, _user: object) -> None:
        if number == _SVC:
            address = self._registers.pc - 2
            if VENEER_BASE <= address < VENEER_END:
                self.client.system_call((address - VENEER_BASE) // VENEER_STRIDE)
                return
        self._trap, self._stop = number, _Stop.TRAP
        uc.emu_stop()

    def _on_invalid(self, uc: Uc, _user: object) -> bool:
        """WFE and YIELD arrive here as invalid instructions, with the program counter behind them."""
        wait = self._waited()
        if wait == "wfe":
            if not self._event:
                self._stop = _Stop.WAIT
                uc.emu_stop()
            self._event = False
        return wait is not None

    def _hook_events(self, address: int, size: int) -> None:
        """SEV is a no-operation to the emulator: watch each place in flash where one may be."""
        for place, handle in list(self._event_hooks.items()):
            if address <= place < address + size:
                self._uc.hook_del(handle)
                del self._event_hooks[place]
        for place in self._memory.find_events(address, size):
            self._event_hooks[place] = self._uc.hook_add(const.UC_HOOK_CODE, self._on_event, None, place, place)

    def _on_event(self, _uc: Uc, _address: int, _size: int, _user: object) -> None:
        self._event = True

    def _ppb_read(self, address: int, size: int) -> int:
        if SCS_BASE <= address < SCS_BASE + SCS_SIZE:
            return self._scs.read(address - SCS_BASE, size)
        if address == _DWT_CTRL:
            return 0x4000_0000 | self._cycle_counter[0]
        if address == _DWT_CYCCNT:
            return self._read_cycle_counter()
        return 0

    def _ppb_write(self, address: int, size: int, value: int) -> None:
        before = self._model.pending
        if SCS_BASE <= address < SCS_BASE + SCS_SIZE:
            self._scs.write(address - SCS_BASE, size, value)
            self._pended(before)
        elif address == _DWT_CYCCNT:
            self._cycle_counter = (self._cycle_counter[0], value - self._cycles * self._cycle_counter[0])
        elif address == _DWT_CTRL and self._scs.trace_enabled:
            now = self._read_cycle_counter()
            self._cycle_counter = (value & 1, now - self._cycles * (value & 1))

    def _read_cycle_counter(self) -> int:
        enabled, offset = self._cycle_counter
        return (offset + self._cycles * enabled) & 0xFFFF_FFFF

    def _bus_refused(self, error: BusError) -> None:
        self._imprecise = True
        self._deadline = _NOW

    # -- exceptions ---------------------------------------------------------------------------------------------------

    def _next(self) -> int | None:
        if not self._model.pending & self._model.enabled:
            return None
        return self._model.next(self._registers.masks())

    def _may_be_unmasked(self) -> bool:
        return self._registers.unprivileged or self._next() is not None

    def _pend(self, exception: int) -> None:
        before = self._model.pending
        self._model.pend(exception)
        self._pended(before)

    def _pended(self, before: int) -> None:
        """Look at what is pending at the next block start; SEVONPEND makes a new one an event."""
        self._deadline = _NOW
        if self._scs.scr & scb.SEVONPEND and self._model.pending & ~before:
            self._event = True

    def _take_trap(self, trap: int) -> None:
        if trap == _SVC:
            self._raise(SVCALL)
        elif trap == _EXCEPTION_EXIT:
            self._exception_return(self._registers.pc)
        elif trap == _BKPT:
            if self.debug_enabled:
                self._halt(HaltReason.BREAKPOINT)
            else:
                self._scs.hfsr |= scb.DEBUGEVT
                self._raise(HARD_FAULT)
        elif trap == _FETCH:
            self._fault(MEM_MANAGE, scb.IACCVIOL)
        elif trap in _USAGE_TRAPS:
            self._fault(USAGE_FAULT, _USAGE_TRAPS[trap])
        else:
            raise InternalError(f"the emulator raised its exception {trap} at 0x{self._registers.pc:08x}")

    def _fault(self, exception: int, status: int) -> None:
        self._scs.cfsr |= status
        self._raise(exception)

    def _raise(self, exception: int) -> None:
        """Make a synchronous exception pending; the loop takes it, or a more urgent one before it."""
        pended = self._model.raise_synchronous(exception, self._registers.masks())
        if pended is None:
            self._lock_up(exception)
        elif pended != exception:
            self._scs.hfsr |= scb.FORCED

    def _take(self, number: int) -> None:
        """Enter the handler of ``number``, or of what is more urgent once the frame has been pushed (late arrival)."""
        registers = self._registers
        state = registers.snapshot()
        psp = not state[XPSR] & 0x1FF and state[CONTROL] & SPSEL
        limit = self._limits.get(Limit.PSPLIM if psp else Limit.MSPLIM)
        keep_fp = bool(state[CONTROL] & FPCA) and self._scs.automatic_fp_stacking
        exc_return, fault = frame.push(registers, self._memory, state, limit=limit, keep_fp=keep_fp)
        if fault is not None:
            exception = USAGE_FAULT if fault is frame.FrameFault.OVERFLOW else BUS_FAULT
            self._scs.cfsr |= scb.STKOF if fault is frame.FrameFault.OVERFLOW else scb.STKERR
            self._raise(exception)
            number = self._next() or number
        self._enter(number, exc_return, state)

    def _enter(self, number: int, exc_return: int, state: Sequence[int]) -> None:
        try:
            vector = self._memory.read_word(self._scs.vtor + 4 * number)
        except BusError:
            self._scs.hfsr |= scb.VECTTBL
            if number in (HARD_FAULT, NMI):
                self._lock_up(number)
                return
            self._model.pend(HARD_FAULT)
            self._enter(HARD_FAULT, exc_return, state)
            return
        self._model.activate(number)
        self._event = True
        self._invalid_state = not vector & 1
        self._registers.enter_handler(number, vector & ~1, exc_return)
        self.trace.record(number, vector & ~1, self._cycles)
        if HARD_FAULT <= number <= USAGE_FAULT:
            self.client.faulted(self._fault_record(number, state))

    def _exception_return(self, exc_return: int) -> None:
        registers, model = self._registers, self._model
        state = registers.snapshot()
        number = state[XPSR] & 0x1FF
        if not number:
            # In Thread mode this is only an address, in a region that is never executable.
            self._fault(MEM_MANAGE, scb.IACCVIOL)
            return
        valid = frame.is_valid(exc_return) and model.active >> number & 1
        if model.active >> number & 1:
            model.deactivate(number)
            if number not in (NMI, HARD_FAULT):
                registers.set(arm.UC_ARM_REG_FAULTMASK, 0)
        self._event = True
        if not valid:
            self._fail_return(exc_return, state, USAGE_FAULT, scb.INVPC)
            return
        if (following := self._next()) is not None:
            self._enter(following, exc_return | 1 if exc_return & 0x40 else exc_return, state)
            return
        xpsr = frame.pop(registers, self._memory, exc_return)
        if isinstance(xpsr, frame.FrameFault):
            self._fail_return(exc_return, state, BUS_FAULT, scb.UNSTKERR)
        elif (xpsr & 0x1FF == 0) is not frame.to_thread(exc_return):
            self._fail_return(exc_return, state, USAGE_FAULT, scb.INVPC)
        else:
            self._invalid_state = not xpsr & XPSR_T
            self.trace.record(RETURN | xpsr & 0x1FF, registers.pc, self._cycles)
            if self._scs.scr & scb.SLEEPONEXIT and not xpsr & 0x1FF:
                self._fall_asleep()

    def _fail_return(self, exc_return: int, state: Sequence[int], exception: int, status: int) -> None:
        """A return that breaks the rules becomes a tail-chained fault; the frame stays where it is."""
        self._fault(exception, status)
        if self._state is not CoreState.LOCKUP and (number := self._next()) is not None:
            self._enter(number, exc_return, state)

    def _fault_record(self, exception: int, state: Sequence[int], *, lockup: bool = False) -> FaultRecord:
        names = {"r0": 0, "r1": 1, "r2": 2, "r3": 3, "r12": R12, "lr": LR, "pc": PC, "xpsr": XPSR,
                 **{f"r{number}": number for number in range(4, 12)}, "sp": SP}
        return FaultRecord(exception=exception, cfsr=self._scs.cfsr, hfsr=self._scs.hfsr, mmfar=self._scs.mmfar,
                           bfar=self._scs.bfar, registers={name: state[index] for name, index in names.items()},
                           lockup=lockup)

    def _lock_up(self, exception: int) -> None:
        state = self._registers.snapshot()
        self._state = CoreState.LOCKUP
        self._registers.jump(_LOCKUP_ADDRESS, state[XPSR])
        self.client.faulted(self._fault_record(exception, state, lockup=True))

    # -- reset and Debug state ----------------------------------------------------------------------------------------

    def _reset(self) -> None:
        self._wants_reset = self._awaits_reset = self._announces_reset = False
        self._wants_halt = self._resumed_at = None
        self._event = self._imprecise = False
        self._model.reset()
        self._systick.reset()
        self._scs.reset()
        self._cycle_counter = (0, 0)
        self._state = CoreState.RUNNING
        stack, vector = struct.unpack("<II", self._memory.read_plain(FLASH_BASE, 8))
        self._invalid_state = not vector & 1
        self._registers.reset(stack & ~3, vector)
        for limit in Limit:
            self._limits.set(limit, 0)
        if self.halt_on_reset:
            self._halt(HaltReason.VECTOR_CATCH)

    def _halt(self, reason: HaltReason) -> None:
        self._wants_halt = None
        self._state = CoreState.HALTED
        self._scs.dfsr |= reason
        self.client.halted(reason)

    def _leave_debug(self) -> bool:
        """Go on as the program counter says, and return whether it does: moved out of lockup, the core runs again."""
        lost = self._registers.pc == _LOCKUP_ADDRESS
        self._state = CoreState.LOCKUP if lost else CoreState.RUNNING
        return not lost
