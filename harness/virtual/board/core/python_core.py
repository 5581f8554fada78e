"""The readable core: a Cortex-M33 as a run loop around the emulator. It is the specification for the C core.

Theory of operation. The engine executes basic blocks, counts time, and stops at the start of a block when a deadline
has come: the end of the slice, the next SysTick, or at once after anything that may have changed what is pending. The
loop then looks at the exception model, and the sequencer enters a handler by writing the frame and the registers. So an
exception is taken at the first block start at which it may be taken, and how a run is cut into slices can't be seen
from inside.

Calls to Microvisor end in a page of ``SVC; BX LR`` pairs. An SVC from there goes to the client and is no exception.

Limits: no MPU and no SAU, no TrustZone transitions (the application sees the EXC_RETURN values of the Non-secure
world, everything runs in one), floating-point context is stacked eagerly, the FPU is always on, time is approximate
(a block that is left in its middle by a fault counts whole), unaligned LDM and LDRD do not fault, CCR.DIV_0_TRP and
UNALIGN_TRP have no effect, an SEV in RAM is not noticed, the exclusive monitor survives an exception.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from unicorn import arm_const as arm
from unicorn import unicorn_const as const

from harness.errors import InternalError
from harness.virtual.board.core import engine, scb
from harness.virtual.board.core.data_watch import DataWatch
from harness.virtual.board.core.debug_registers import DebugRegisters
from harness.virtual.board.core.engine import NOW, Engine, Outcome, Stop
from harness.virtual.board.core.exceptions import (
    BUS_FAULT,
    FIRST_IRQ,
    HARD_FAULT,
    MASKED_BY_DEBUGGER,
    MEM_MANAGE,
    SVCALL,
    SYSTICK,
    USAGE_FAULT,
    ExceptionModel,
)
from harness.virtual.board.core.interface import (
    FLASH_BASE,
    BusError,
    CoreClient,
    CoreState,
    HaltReason,
    Register,
)
from harness.virtual.board.core.memory import Memory
from harness.virtual.board.core.private_bus import CycleCounter, PrivateBus
from harness.virtual.board.core.registers import RegisterFile
from harness.virtual.board.core.sequencer import LOCKUP_ADDRESS, Sequencer
from harness.virtual.board.core.signals import HeldSignals
from harness.virtual.board.core.stubs import Limit, StackLimits
from harness.virtual.board.core.systick import SysTick
from harness.virtual.board.core.trace import Trace
from harness.virtual.board.core.watched import WatchedRange

_PRECISE = scb.PRECISERR | scb.BFARVALID
_TRAPS = {
    engine.FETCH: (MEM_MANAGE, scb.IACCVIOL), engine.DATA: (USAGE_FAULT, scb.UNALIGNED),
    engine.UNALIGNED: (USAGE_FAULT, scb.UNALIGNED), engine.NOCP: (USAGE_FAULT, scb.NOCP),
    engine.INVSTATE: (USAGE_FAULT, scb.INVSTATE), engine.STKOF: (USAGE_FAULT, scb.STKOF),
}
_MEMORY_FAULTS = {
    const.UC_ERR_READ_UNMAPPED: (BUS_FAULT, _PRECISE), const.UC_ERR_WRITE_UNMAPPED: (BUS_FAULT, _PRECISE),
    const.UC_ERR_WRITE_PROT: (BUS_FAULT, _PRECISE), const.UC_ERR_READ_PROT: (BUS_FAULT, _PRECISE),
    const.UC_ERR_FETCH_UNMAPPED: (BUS_FAULT, scb.IBUSERR), const.UC_ERR_FETCH_PROT: (MEM_MANAGE, scb.IACCVIOL),
}


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
        self._state = CoreState.RUNNING
        self._waits_for_event = False
        self._running = False
        self._stop_requested = False
        self._wants_reset = False
        self._wants_halt: HaltReason | None = None
        self._announces_reset = False
        self._awaits_reset = False
        self._imprecise = False
        self._resumed_at: int | None = None
        self._closed = False
        self._signals = HeldSignals(self.request_stop)

        self._model = ExceptionModel()
        self._systick = SysTick()
        self._scs = scb.SystemControlSpace(self._model, self._systick, self)
        self._counter = CycleCounter(lambda: self.cycles)
        self._bus = PrivateBus(self._scs, self._counter)
        self._uc = engine.new_emulator()
        self._data_watch = DataWatch(self._uc)
        self._registers = RegisterFile(self._uc)
        self._memory = Memory(self._uc, lambda: self.client, ppb_read=self._bus.read, ppb_write=self._write_private,
                              refused=self._bus_refused)
        self._engine = Engine(self._uc, self._registers, self._memory,
                              system_call=lambda slot: self.client.system_call(slot), unmasked=self._unmasked)
        self._limits = StackLimits(self._uc, self._registers, self._engine.run_stub)
        self._debug = DebugRegisters(self._registers, self._limits)
        self._sequencer = Sequencer(self._registers, self._memory, self._engine, self._limits, self._model, self._scs,
                                    self.trace, lambda record: self.client.faulted(record))
        self.reset()

    def __repr__(self) -> str:
        return f"PythonCore({self._state.name}, cycles={self.cycles}, exception={self.exception})"

    # -- what the board sees ------------------------------------------------------------------------------------------

    @property
    def cycles(self) -> int:
        """CPU cycles since power-on."""
        return self._engine.cycles

    def spend(self, cycles: int) -> None:
        """Let cycles pass within a system call."""
        self._engine.cycles += cycles

    @property
    def state(self) -> CoreState:
        """What the core is doing."""
        return self._state

    @property
    def exception(self) -> int:
        """Number of the exception being handled, 0 in Thread mode."""
        return 0 if self._closed else self._registers.get(arm.UC_ARM_REG_XPSR) & 0x1FF

    @property
    def mask_interrupts(self) -> bool:
        """DHCSR.C_MASKINTS."""
        return bool(self._model.blocked)

    @mask_interrupts.setter
    def mask_interrupts(self, value: bool) -> None:
        self._model.blocked = MASKED_BY_DEBUGGER if value else 0
        self._engine.deadline = NOW

    def watch_data(self, ranges: Sequence[WatchedRange], hit: Callable[[int], None]) -> None:
        """Tell ``hit`` of accesses to these ranges, and of no others, from now on."""
        self._data_watch.set(ranges, hit)

    def reset(self) -> None:
        """Reset; inside :meth:`run` it happens at the next block start."""
        if self._running:
            self._wants_reset = True
            self._engine.deadline = NOW
        else:
            self._reset()

    def request_stop(self) -> None:
        """Let :meth:`run` return at the next block start; without effect outside of it."""
        self._stop_requested = self._running
        self._engine.deadline = NOW

    def next_wake(self) -> int | None:
        """Return the cycle at which there is something to execute, or None if only the outside can bring it."""
        if self._awaits_reset or self._state in (CoreState.HALTED, CoreState.LOCKUP):
            return None
        if self._state is CoreState.RUNNING or self._wakes():
            return self.cycles
        due = self._systick.due
        return None if due is None else max(due, self.cycles)

    def pend(self, irq: int) -> None:
        """Make external interrupt ``irq`` pending."""
        before = self._model.pending
        self._model.pend(FIRST_IRQ + irq)
        self._changed(before)

    def unpend(self, irq: int) -> None:
        """Clear the pending state of an external interrupt."""
        self._model.unpend(FIRST_IRQ + irq)

    def set_line(self, irq: int, level: bool) -> None:
        """Drive the input line of an external interrupt; held high it pends again when its handler returns."""
        before = self._model.pending
        self._model.set_line(FIRST_IRQ + irq, level)
        self._changed(before)

    def run(self, until: int) -> None:
        """Execute until ``cycles >= until``, a stop request, Debug state or lockup."""
        with self._signals:
            self._running = True
            try:
                while self._prepare() and self.cycles < until:
                    due = self._systick.due
                    limit = until if due is None else min(until, due)
                    if self._state is CoreState.SLEEPING:
                        self._engine.cycles = max(self.cycles, limit)
                    else:
                        self._execute(limit)
            finally:
                self._running = self._stop_requested = False

    def halt(self, reason: HaltReason = HaltReason.HALTED) -> None:
        """Enter Debug state at once; inside :meth:`run` at the next block start."""
        if self._state is CoreState.HALTED:
            return
        if self._running:
            self._wants_halt = reason
            self._engine.deadline = NOW
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
                    self._finish(self._engine.step())
                    self._prepare()
            finally:
                self._running = self._stop_requested = False
        self.halt()

    def read_register(self, register: int) -> int:
        """Return a register by its DCRSR number."""
        return self._debug.read(register)

    def write_register(self, register: int, value: int) -> None:
        """Set a register by its DCRSR number."""
        if register == Register.PC:
            self._sequencer.invalid_state = False
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
        """Release the emulator. Nothing but :meth:`close` may be called any more."""
        if not self._closed:
            self._closed = True
            engine.release(self._uc)
            # What is left must not reach the freed emulator: an error is better than a crash of the process.
            self._registers = self._memory = self._debug = self._sequencer = None  # type: ignore[assignment]

    # -- what the registers of the core ask ---------------------------------------------------------------------------

    def debug_status(self) -> int:
        """Return DHCSR: C_DEBUGEN, C_HALT, S_REGRDY, S_HALT, S_SLEEP, S_LOCKUP (DDI0553, D1.2.44)."""
        halted = self._state is CoreState.HALTED
        return (self.debug_enabled | halted << 1 | 1 << 16 | halted << 17
                | (self._state is CoreState.SLEEPING) << 18 | (self._state is CoreState.LOCKUP) << 19)

    def system_reset(self) -> None:
        """SYSRESETREQ was written: stop at the next block start and tell the board."""
        self._announces_reset = True

    def _write_private(self, address: int, size: int, value: int) -> None:
        before = self._model.pending
        self._bus.write(address, size, value)
        self._changed(before)

    def _changed(self, before: int) -> None:
        """Look at what is pending at the next block start; with SEVONPEND what is newly pending is an event."""
        self._engine.deadline = NOW
        if self._scs.scr & scb.SEVONPEND and self._model.pending & ~before:
            self._engine.event = True

    def _bus_refused(self, error: BusError) -> None:
        self._imprecise = True
        self._engine.deadline = NOW

    def _unmasked(self) -> bool:
        """Asked by the engine while something is held back. Masks of unprivileged code can't be read inside of it."""
        return self._registers.unprivileged or self._sequencer.next() is not None

    # -- the run loop -------------------------------------------------------------------------------------------------

    def _prepare(self) -> bool:
        """Do everything that happens between two blocks; return whether there is something to run."""
        while self._obey():
            if self._systick.advance(self.cycles):
                before = self._model.pending
                self._model.pend(SYSTICK)
                self._changed(before)
            if self._state is CoreState.SLEEPING:
                if not self._wakes():
                    return True
                self._state = CoreState.RUNNING
                if self._waits_for_event:
                    self._engine.event = False
            if not self._interrupt():
                return True
        return False

    def _obey(self) -> bool:
        """Do what was asked for by the outside; return whether the core goes on."""
        if self._wants_reset:
            self._reset()
        if self._announces_reset:
            self._announces_reset = False
            self._awaits_reset = True
            self.client.reset_requested()
            return self._obey()
        if self._wants_halt is not None:
            self._halt(self._wants_halt)
        return not (self._stop_requested or self._awaits_reset
                    or self._state in (CoreState.HALTED, CoreState.LOCKUP))

    def _interrupt(self) -> bool:
        """Take an exception or halt, if there is a reason to, and return whether there was one."""
        sequencer = self._sequencer
        if self._imprecise:
            self._imprecise = False
            sequencer.fault(BUS_FAULT, scb.IMPRECISERR)
        elif (number := sequencer.next()) is not None:
            sequencer.take(number)
        elif sequencer.invalid_state:
            sequencer.invalid_state = False
            sequencer.fault(USAGE_FAULT, scb.INVSTATE)
        elif self.breakpoints and self._at_breakpoint():
            self._halt(HaltReason.BREAKPOINT)
        else:
            return False
        self._note_lockup()
        return True

    def _execute(self, limit: int) -> None:
        pc = self._registers.pc
        resumed_at, self._resumed_at = self._resumed_at, None
        if resumed_at == pc and pc in self.breakpoints:
            self._finish(self._engine.step())
            return
        self._engine.set_exits(frozenset(self.breakpoints))
        self._engine.deadline = limit
        # Unprivileged code can't change the masks, so only privileged code is watched while something is held back.
        self._engine.watch = bool(self._model.pending & self._model.enabled) and not self._registers.unprivileged
        self._finish(self._engine.run())

    def _finish(self, outcome: Outcome) -> None:
        """Deal with the reason for which the emulator came back."""
        sequencer = self._sequencer
        match outcome.stop:
            case Stop.TRAP:
                self._trap(outcome.detail)
            case Stop.MEMORY:
                exception, status = _MEMORY_FAULTS[outcome.detail]
                address = self._memory.fault_address if status & scb.BFARVALID else None
                sequencer.fault(exception, status, address=address)
            case Stop.INVALID:
                sequencer.fault(USAGE_FAULT, scb.UNDEFINSTR)
            case Stop.NOT_THUMB:
                sequencer.invalid_state = True
            case Stop.WAIT_FOR_INTERRUPT | Stop.WAIT_FOR_EVENT:
                self._state = CoreState.SLEEPING
                self._waits_for_event = outcome.stop is Stop.WAIT_FOR_EVENT
            case Stop.BLOCK | Stop.EXIT:
                pass
        self._note_lockup()

    def _trap(self, number: int) -> None:
        sequencer = self._sequencer
        if number == engine.SVC:
            sequencer.raise_synchronous(SVCALL)
        elif number == engine.EXCEPTION_EXIT:
            sequencer.exception_return()
            if sequencer.sleeps_on_exit:
                sequencer.sleeps_on_exit = self._waits_for_event = False
                self._state = CoreState.SLEEPING
        elif number == engine.BKPT and self.debug_enabled:
            self._halt(HaltReason.BREAKPOINT)
        elif number == engine.BKPT:
            self._scs.hfsr |= scb.DEBUGEVT
            sequencer.raise_synchronous(HARD_FAULT)
        elif number in _TRAPS:
            sequencer.fault(*_TRAPS[number])
        else:
            raise InternalError(f"the emulator raised its exception {number} at 0x{self._registers.pc:08x}")

    def _wakes(self) -> bool:
        """Whether sleep ends: WFE by an event or an exception, WFI by an interrupt even if PRIMASK holds it back."""
        if self._imprecise:  # of an access in the block that ended with WFI
            return True
        if self._waits_for_event:
            return self._engine.event or self._sequencer.next() is not None
        if not self._model.pending & self._model.enabled:
            return False
        return self._model.next(self._registers.masks()._replace(primask=0)) is not None

    def _at_breakpoint(self) -> bool:
        pc = self._registers.pc
        return pc in self.breakpoints and pc != self._resumed_at

    def _note_lockup(self) -> None:
        if self._sequencer.locked_up and self._state is not CoreState.HALTED:
            self._state = CoreState.LOCKUP

    # -- reset and Debug state ----------------------------------------------------------------------------------------

    def _reset(self) -> None:
        self._wants_reset = self._awaits_reset = self._announces_reset = self._imprecise = False
        self._wants_halt = self._resumed_at = None
        self._engine.event = False
        self._model.reset()
        self._systick.reset()
        self._scs.reset()
        self._counter.reset()
        self._state = CoreState.RUNNING
        stack, vector = struct.unpack("<II", self._memory.read_plain(FLASH_BASE, 8))
        self._sequencer.locked_up = self._sequencer.sleeps_on_exit = False
        self._sequencer.invalid_state = not vector & 1
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
        self._sequencer.locked_up = self._registers.pc == LOCKUP_ADDRESS
        self._state = CoreState.LOCKUP if self._sequencer.locked_up else CoreState.RUNNING
        return not self._sequencer.locked_up
