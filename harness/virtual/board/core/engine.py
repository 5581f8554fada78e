"""The emulator as the cores want it: it executes whole blocks, counts their time, and says why it came back.

A hook at the start of each block stops the emulator when the deadline has come, before the block is counted; otherwise
it adds one cycle per halfword of code. Everything the emulator can stop for becomes an :class:`Outcome`.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import byref, c_size_t, c_uint64, c_void_p, cast
from dataclasses import dataclass
from enum import Enum, auto

from unicorn import arm_const as arm
from unicorn import unicorn_const as const
from unicorn.unicorn_const import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB
from unicorn.unicorn_py3.unicorn import HOOK_CODE_CFUNC, Uc, UcError, uclib

from harness.errors import InternalError
from harness.virtual.board.core.interface import BusError
from harness.virtual.board.core.memory import Memory, veneer_slot
from harness.virtual.board.core.registers import XPSR_T, RegisterFile

NOW = -1
"""A deadline in the past: stop at the next block start."""

# Exception numbers of the emulator, as its interrupt hook gets them.
SVC, FETCH, DATA, BKPT, EXCEPTION_EXIT, NOCP, INVSTATE, STKOF, UNALIGNED = 2, 3, 4, 7, 8, 17, 18, 19, 22

_TCG_BUFFER = 8 << 20
"""Bytes of translated code; the library's own choice is 1 GiB of address space for each board."""


class Stop(Enum):
    """Why the emulator came back."""

    BLOCK = auto()
    """At a block start, because the deadline had come."""
    EXIT = auto()
    """At one of the exits."""
    TRAP = auto()
    """An SVC, a BKPT, an exception return or a fault of the CPU; the detail is the emulator's number for it."""
    WAIT_FOR_INTERRUPT = auto()
    WAIT_FOR_EVENT = auto()
    NOT_THUMB = auto()
    """At a block start, in a state that an M-profile processor does not have."""
    INVALID = auto()
    """An undefined instruction, not executed."""
    MEMORY = auto()
    """An access that nothing answers; the detail is the emulator's error number."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why the emulator came back, and a number that belongs to it."""

    stop: Stop
    detail: int = 0


_WAITS = {b"\x30\xbf": Stop.WAIT_FOR_INTERRUPT, b"\x20\xbf": Stop.WAIT_FOR_EVENT, b"\x10\xbf": Stop.BLOCK}
"""Codes of WFI and WFE, and of YIELD, which waits for nothing."""
_WIDE_WAITS = {b"\xaf\xf3\x03\x80": Stop.WAIT_FOR_INTERRUPT, b"\xaf\xf3\x02\x80": Stop.WAIT_FOR_EVENT,
               b"\xaf\xf3\x01\x80": Stop.BLOCK}
_MEMORY_ERRORS = (const.UC_ERR_READ_UNMAPPED, const.UC_ERR_WRITE_UNMAPPED, const.UC_ERR_WRITE_PROT,
                  const.UC_ERR_READ_PROT, const.UC_ERR_FETCH_UNMAPPED, const.UC_ERR_FETCH_PROT)


def new_emulator() -> Uc:
    """Return an emulator of a Cortex-M33 with nothing in its memory map."""
    uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
    uc.ctl_set_tcg_buffer_size(_TCG_BUFFER)
    uc.ctl_exits_enabled(True)
    return uc


def release(uc: Uc) -> None:
    """Free an emulator now: left to the garbage collector, its memory would stay for a while, in reference cycles."""
    finalizer: Callable[[], None] = getattr(uc, "_Uc__finalizer")  # noqa: B009 - the binding has no public way
    finalizer()


class Engine:
    """Runs the emulator from stop to stop.

    Args:
        system_call: called with the slot number at an SVC in the page of veneers.
        unmasked: asked at each block start, while ``watch`` is set, whether something can be taken now.

    Attributes:
        cycles: time so far.
        deadline: when to stop next; :data:`NOW` may be set from any callback.
        watch: whether to ask ``unmasked``.
        event: the event register of WFE and SEV.
    """

    def __init__(self, uc: Uc, registers: RegisterFile, memory: Memory, *, system_call: Callable[[int], None],
                 unmasked: Callable[[], bool]) -> None:
        self._uc, self._registers, self._memory = uc, registers, memory
        self._system_call, self._unmasked = system_call, unmasked
        self.event = self.watch = False
        self.cycles = 0
        self.deadline = NOW
        self._silent = False  # code executes outside of time
        self._block_end = 0  # address behind the block that executes
        self._outcome: Outcome | None = None
        self._error: BaseException | None = None
        self._exits: frozenset[int] = frozenset()
        self._event_hooks: dict[int, int] = {}
        memory.on_program = self._watch_events
        uc.hook_add(const.UC_HOOK_INTR, self._on_interrupt)
        uc.hook_add(const.UC_HOOK_INSN_INVALID, self._on_invalid)
        self._block_hook = HOOK_CODE_CFUNC(self._on_block)
        # Straight to the library: the binding would put a function of its own before every call.
        if uclib.uc_hook_add(uc._uch, byref(c_size_t()), const.UC_HOOK_BLOCK, cast(self._block_hook, c_void_p), None,
                             c_uint64(1), c_uint64(0)):
            raise InternalError("the emulator refused a hook")

    def __repr__(self) -> str:
        return f"Engine(cycles={self.cycles}, deadline={self.deadline})"

    def run(self) -> Outcome:
        """Execute from the program counter on until something stops it."""
        return self._emulate(self._registers.pc, 0)

    def step(self) -> Outcome:
        """Execute one instruction and count its time.

        Counting instructions and not counting them must not share translated code: it is thrown away twice.
        """
        self.set_exits(frozenset())
        address = self._registers.pc
        try:
            length = 4 if self._memory.read_plain(address + 1, 1)[0] >> 3 >= 0x1D else 2
        except BusError:
            length = 2
        self._uc.ctl_flush_tb()
        self._silent, self._block_end = True, address + length
        try:
            outcome = self._emulate(address, 1)
        finally:
            self._silent = False
            self._uc.ctl_flush_tb()
        self.cycles += length // 2
        return outcome

    def run_stub(self, address: int) -> None:
        """Execute instructions of our own up to a WFI, outside of time."""
        self._silent = True
        try:
            self._uc.emu_start(address | 1, 0)
        finally:
            self._silent = False

    def set_exits(self, addresses: frozenset[int]) -> None:
        """Stop before these addresses from now on; a run that begins at one of them stops at once."""
        if addresses != self._exits:
            self._exits = addresses
            self._uc.ctl_set_exits(sorted(addresses))
            self._uc.ctl_flush_tb()

    def _emulate(self, address: int, count: int) -> Outcome:
        self._outcome = None
        try:
            self._uc.emu_start(address | 1, 0, 0, count)
        except UcError as error:
            return self._explain(int(error.errno))
        if self._error is not None:
            failure, self._error = self._error, None
            raise failure
        return self._outcome or self._explain_silence(stepped=count != 0)

    def _explain(self, error: int) -> Outcome:
        if error == const.UC_ERR_INSN_INVALID:
            return Outcome(Stop.INVALID if self._is_thumb() else Stop.NOT_THUMB)
        if error in _MEMORY_ERRORS:
            return Outcome(Stop.MEMORY, error)
        raise InternalError(f"the emulator failed at 0x{self._registers.pc:08x}: {UcError(error)}")

    def _explain_silence(self, *, stepped: bool) -> Outcome:
        """No hook stopped it: a WFI, an exit or the end of a step."""
        if self._waited() is Stop.WAIT_FOR_INTERRUPT:
            return Outcome(Stop.WAIT_FOR_INTERRUPT)
        if not stepped and self._registers.pc not in self._exits:
            raise InternalError(f"the emulator stopped at 0x{self._registers.pc:08x} for no reason")
        if not self._is_thumb():
            return Outcome(Stop.NOT_THUMB)
        return Outcome(Stop.BLOCK if stepped else Stop.EXIT)

    def _is_thumb(self) -> bool:
        return bool(self._registers.get(arm.UC_ARM_REG_XPSR) & XPSR_T)

    def _waited(self) -> Stop | None:
        """Return what the instruction before the program counter waits for, if it ended the block and is a wait."""
        pc = self._registers.pc
        if pc != self._block_end:
            return None
        try:
            code = self._memory.read_plain(pc - 4, 4)
        except BusError:
            return None
        return _WAITS.get(code[2:]) or _WIDE_WAITS.get(code)

    # -- callbacks ----------------------------------------------------------------------------------------------------

    def _on_block(self, _handle: object, address: int, size: int, _user: object) -> None:
        """Stop at this block start if there is a reason to; else count the block."""
        if self._silent:
            return
        # Calls to Microvisor are entered and left without the application seeing a stop inside.
        if ((self.watch or self.cycles >= self.deadline) and veneer_slot(address) is None
                and self._decide()):
            return
        self.cycles += size >> 1
        self._block_end = address + size

    def _decide(self) -> bool:
        """Stop the emulator at this block start, if there is a reason to; return whether there is."""
        try:
            if self.cycles < self.deadline and not self._unmasked():
                return False
            self._outcome = Outcome(Stop.BLOCK if self._is_thumb() else Stop.NOT_THUMB)
        except BaseException as error:  # it must not get lost in the emulator
            self._error = error
        uclib.uc_emu_stop(self._uc._uch)
        return True

    def _on_interrupt(self, uc: Uc, number: int, _user: object) -> None:
        if number == SVC:
            slot = veneer_slot(self._registers.pc - 2)
            if slot is not None:
                self._system_call(slot)
                return
        self._outcome = Outcome(Stop.TRAP, number)
        uc.emu_stop()

    def _on_invalid(self, uc: Uc, _user: object) -> bool:
        """WFE and YIELD arrive here as invalid instructions, with the program counter behind them."""
        wait = self._waited()
        if wait is Stop.WAIT_FOR_EVENT:
            if not self.event:
                self._outcome = Outcome(Stop.WAIT_FOR_EVENT)
                uc.emu_stop()
            self.event = False
        return wait is not None

    def _watch_events(self, address: int, size: int) -> None:
        """SEV does nothing in the emulator: hook each place in flash where one may be."""
        for place, handle in list(self._event_hooks.items()):
            if address <= place < address + size:
                self._uc.hook_del(handle)
                del self._event_hooks[place]
        for place in self._memory.find_events(address, size):
            self._event_hooks[place] = self._uc.hook_add(const.UC_HOOK_CODE, self._on_event, None, place, place)

    def _on_event(self, _uc: Uc, _address: int, _size: int, _user: object) -> None:
        self.event = True
