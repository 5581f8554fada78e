"""Taking exceptions and returning from them: the exception model applied to registers and memory (DDI0553, B3).

Everything here happens between two blocks, in no time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from unicorn import arm_const as arm

from harness.virtual.board.core import frame, scb
from harness.virtual.board.core.engine import Engine
from harness.virtual.board.core.exceptions import (
    BUS_FAULT,
    HARD_FAULT,
    MEM_MANAGE,
    NMI,
    USAGE_FAULT,
    ExceptionModel,
)
from harness.virtual.board.core.interface import BusError, FaultRecord
from harness.virtual.board.core.memory import Memory
from harness.virtual.board.core.registers import CONTROL, FPCA, LR, PC, R12, SP, SPSEL, XPSR, XPSR_T, RegisterFile
from harness.virtual.board.core.stubs import Limit, StackLimits
from harness.virtual.board.core.trace import RETURN, Trace

LOCKUP_ADDRESS = 0xEFFF_FFFE
"""What the program counter reads as in lockup (DDI0553, B3.31)."""

_NUMBER = 0x1FF
_SECURE_FRAME = 1 << 6
RECORDED = {"r0": 0, "r1": 1, "r2": 2, "r3": 3, "r12": R12, "lr": LR, "pc": PC, "xpsr": XPSR,
             **{f"r{number}": number for number in range(4, 12)}, "sp": SP}


class Sequencer:
    """Enters handlers, leaves them, and raises faults.

    Args:
        faulted: told of each fault that is taken, and of lockup.

    Attributes:
        locked_up: a fault could not be handled.
        invalid_state: the next instruction faults, because its address had bit 0 clear.
        sleeps_on_exit: the last return was to Thread mode with SCR.SLEEPONEXIT set.
    """

    def __init__(self, registers: RegisterFile, memory: Memory, engine: Engine, limits: StackLimits,
                 model: ExceptionModel, scs: scb.SystemControlSpace, trace: Trace,
                 faulted: Callable[[FaultRecord], None]) -> None:
        self._registers, self._memory, self._engine, self._limits = registers, memory, engine, limits
        self._model, self._scs, self._trace, self._faulted = model, scs, trace, faulted
        self.locked_up = self.invalid_state = self.sleeps_on_exit = False

    def __repr__(self) -> str:
        return f"Sequencer(locked_up={self.locked_up}, {self._model!r})"

    def next(self) -> int | None:
        """Return the exception that is to be taken now, None if there is none."""
        if not self._model.pending & self._model.enabled:
            return None
        return self._model.next(self._registers.masks())

    def fault(self, exception: int, status: int, *, address: int | None = None) -> None:
        """Record a fault in CFSR and BFAR, and raise it."""
        self._scs.cfsr |= status
        if address is not None:
            self._scs.bfar = address
        self.raise_synchronous(exception)

    def raise_synchronous(self, exception: int) -> None:
        """Make a synchronous exception pending, so that it is taken next, or something more urgent before it."""
        pended = self._model.raise_synchronous(exception, self._registers.masks())
        if pended is None:
            self._lock_up(exception)
        elif pended != exception:
            self._scs.hfsr |= scb.FORCED

    def take(self, number: int) -> None:
        """Enter the handler of ``number``, or of what is more urgent once the frame has been pushed (late arrival)."""
        state = self._registers.snapshot()
        psp = not state[XPSR] & _NUMBER and state[CONTROL] & SPSEL
        limit = self._limits.get(Limit.PSPLIM if psp else Limit.MSPLIM)
        keep_fp = bool(state[CONTROL] & FPCA) and self._scs.automatic_fp_stacking
        exc_return, failure = frame.push(self._registers, self._memory, state, limit=limit, keep_fp=keep_fp)
        if failure is frame.FrameFault.OVERFLOW:
            self.fault(USAGE_FAULT, scb.STKOF)
        elif failure is not None:
            self.fault(BUS_FAULT, scb.STKERR)
        if not self.locked_up:
            self._enter(self.next() or number, exc_return, state)

    def exception_return(self) -> None:
        """The program counter holds an EXC_RETURN value: go back, or on to the next handler (tail-chaining)."""
        registers, model = self._registers, self._model
        state = registers.snapshot()
        exc_return, number = state[PC], state[XPSR] & _NUMBER
        if not number:
            # In Thread mode this is only an address, in a region that is never executable.
            self.fault(MEM_MANAGE, scb.IACCVIOL)
            return
        was_active = bool(model.active >> number & 1)
        if was_active:
            model.deactivate(number)
            if number not in (NMI, HARD_FAULT):
                registers.set(arm.UC_ARM_REG_FAULTMASK, 0)
        self._engine.event = True
        if not (was_active and frame.is_valid(exc_return)):
            self._fail_return(exc_return, state, USAGE_FAULT, scb.INVPC)
        elif (following := self.next()) is not None:
            # Bit 0 got lost in the program counter; in the values of the Secure world it is set.
            self._enter(following, exc_return | bool(exc_return & _SECURE_FRAME), state)
        else:
            self._go_back(exc_return, state)

    def _go_back(self, exc_return: int, state: Sequence[int]) -> None:
        xpsr = frame.pop(self._registers, self._memory, exc_return)
        if isinstance(xpsr, frame.FrameFault):
            self._fail_return(exc_return, state, BUS_FAULT, scb.UNSTKERR)
        elif (xpsr & _NUMBER == 0) is not frame.to_thread(exc_return):
            self._fail_return(exc_return, state, USAGE_FAULT, scb.INVPC)
        else:
            self.invalid_state = not xpsr & XPSR_T
            self._trace.record(RETURN | xpsr & _NUMBER, self._registers.pc, self._engine.cycles)
            self.sleeps_on_exit = bool(self._scs.scr & scb.SLEEPONEXIT) and not xpsr & _NUMBER

    def _fail_return(self, exc_return: int, state: Sequence[int], exception: int, status: int) -> None:
        """A return that breaks the rules becomes a tail-chained fault; the frame stays where it is."""
        self.fault(exception, status)
        if not self.locked_up and (number := self.next()) is not None:
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
        self._engine.event = True
        self.invalid_state = not vector & 1
        self._registers.enter_handler(number, vector & ~1, exc_return)
        self._trace.record(number, vector & ~1, self._engine.cycles)
        if HARD_FAULT <= number <= USAGE_FAULT:
            self._faulted(self._record(number, state))

    def _record(self, exception: int, state: Sequence[int], *, lockup: bool = False) -> FaultRecord:
        scs = self._scs
        return FaultRecord(exception=exception, cfsr=scs.cfsr, hfsr=scs.hfsr, mmfar=scs.mmfar, bfar=scs.bfar,
                           registers={name: state[index] for name, index in RECORDED.items()}, lockup=lockup)

    def _lock_up(self, exception: int) -> None:
        state = self._registers.snapshot()
        self.locked_up = True
        self._registers.jump(LOCKUP_ADDRESS, state[XPSR])
        self._faulted(self._record(exception, state, lockup=True))
