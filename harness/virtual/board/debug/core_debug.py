"""The debug registers of the core, between the access port and the core (Armv8-M Architecture Reference Manual, D1.2).

Everything a debugger reads or writes that is not a debug register goes to the core's memory unchanged. Three rules were
learned from debuggers: DHCSR.C_HALT reads 1 however the core came to halt; S_SLEEP and S_LOCKUP read 0 while it is
halted; S_REGRDY reads 1 always.

Limits. A watchpoint halts at the start of the next basic block, not right behind the access. A fault that a vector
catch stops is the debugger's: it is no crash for the kernel, and the application goes on into its handler.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Protocol

from harness.virtual.board.core.interface import BusError, Core, CoreState, FaultRecord, HaltReason, Register
from harness.virtual.board.core.watched import WatchedRange
from harness.virtual.board.debug.flash_controller import FlashAccess, FlashController
from harness.virtual.board.debug.rom_table import BPU, DWT, ROM_TABLE, constants
from harness.virtual.board.debug.stepping import step
from harness.virtual.board.debug.traps import MATCHED, catches, watched_ranges

AIRCR, DFSR, DHCSR, DCRSR, DCRDR, DEMCR = (
    0xE000_ED0C, 0xE000_ED30, 0xE000_EDF0, 0xE000_EDF4, 0xE000_EDF8, 0xE000_EDFC)
DAUTHCTRL, DSCSR, DAUTHSTATUS = 0xE000_EE04, 0xE000_EE08, 0xE000_EFB8
FP_CTRL, FP_COMP0 = BPU, BPU + 8
DWT_CTRL, DWT_CYCCNT, DWT_PCSR, DWT_COMP0 = DWT, DWT + 0x04, DWT + 0x1C, DWT + 0x20
DBGMCU, DBGMCU_CR = 0xE004_4000, 0xE004_4004

BREAKPOINTS, WATCHPOINTS = 8, 4

C_DEBUGEN, C_HALT, C_STEP, C_MASKINTS = 1, 2, 4, 8
S_REGRDY, S_HALT, S_SLEEP, S_LOCKUP, S_RETIRE_ST, S_RESET_ST = 1 << 16, 1 << 17, 1 << 18, 1 << 19, 1 << 24, 1 << 25
VC_CORERESET, TRCENA = 1, 1 << 24

_DBGKEY, _VECTKEY, _SYSRESETREQ = 0xA05F, 0x05FA, 4
_CONTROL_BITS = C_STEP | C_MASKINTS | 1 << 5
_DEMCR_BITS = 0x011F_0FF1
_FP_CTRL_ID = 0x1000_0000 | BREAKPOINTS << 4  # revision 2: any address, no literal comparators
_DWT_CTRL_ID = WATCHPOINTS << 28
_DWT_FUNCTION_BITS = 0x0000_0C3F
_DWT_FUNCTION_ID = (0b01011 << 27, 0b11110 << 27, 0b01010 << 27, 0b11110 << 27)
_IDCODE = 0x3001_6482  # STM32U575/585, revision X
_NONSECURE_DEBUG = 0x0F
_COMPONENT_PAGES = frozenset(page >> 12 for page in (DWT, BPU, ROM_TABLE, DBGMCU))
_BKPT = 0xBE
_REGISTERS = {**{number: number for number in (*range(19), 20, 28, 29, 33, *range(64, 96))},
              24: 17, 25: 18, 26: 17, 27: 18, 30: 28, 31: 29}
"""REGSEL to register of the core. MSP, PSP and their limits have numbers for each security state; here they are one."""


class DebugTarget(FlashAccess, Protocol):
    """What the debug registers need of a board."""

    @property
    def name(self) -> str:
        """Name of the board in its rig."""

    @property
    def core(self) -> Core:
        """The core that is debugged."""

    @property
    def is_powered(self) -> bool:
        """Whether anything answers on the wires."""

    def sync(self) -> None:
        """Let the core come to the present instant, before it is touched from outside."""

    def reset(self) -> None:
        """Reset the chip as a pulse on nRESET does; the core honours ``halt_on_reset``."""


class CoreDebug:
    """The bus behind the access port: debug registers here, everything else in the core."""

    def __init__(self, target: DebugTarget) -> None:
        self._target = target
        self._flash = FlashController(target)
        self._clear()

    def _clear(self) -> None:
        """Bring every register to the value it has when the power comes on."""
        target = self._target
        self._dhcsr = 0
        self._demcr = 0
        self._dfsr = 0
        self._dcrdr = 0
        self._reset_seen = False
        self._retired_at = target.core.cycles
        self._halt_told = False
        self._breakpoints_on = False
        self._comparators = [0] * BREAKPOINTS
        self._watch = [[0, 0] for _ in range(WATCHPOINTS)]
        self._armed_ranges: list[WatchedRange] = []
        self._dwt_ctrl = 0
        self._stored = {DBGMCU_CR: 0, DAUTHCTRL: 0}
        self._in_reset = False
        self._polls = 0
        self._resumed = False
        self._constants = {**constants(), DSCSR: 0, DAUTHSTATUS: _NONSECURE_DEBUG, DBGMCU: _IDCODE}
        self._readers: dict[int, Callable[[], int]] = {
            DHCSR: self._read_dhcsr, DFSR: self._read_dfsr, DCRDR: lambda: self._dcrdr, DCRSR: lambda: 0,
            DEMCR: lambda: self._demcr, FP_CTRL: lambda: _FP_CTRL_ID | self._breakpoints_on,
            DWT_CTRL: lambda: _DWT_CTRL_ID | self._dwt_ctrl, DWT_CYCCNT: self._read_cyccnt, DWT_PCSR: self._read_pcsr,
        }
        self._writers: dict[int, Callable[[int], None]] = {
            DHCSR: self._write_dhcsr, DFSR: self._write_dfsr, DCRDR: self._write_dcrdr, DCRSR: self._write_dcrsr,
            DEMCR: self._write_demcr, FP_CTRL: self._write_fp_ctrl, AIRCR: self._write_aircr,
            DWT_CTRL: self._write_dwt_ctrl, DWT_CYCCNT: self._write_cyccnt,
        }

    def __repr__(self) -> str:
        return f"CoreDebug({self._target.name}, {self._target.core.state.name}, dfsr=0x{self._dfsr:x})"

    # -- what the board tells -----------------------------------------------------------------------------------------

    def halted(self, reason: int) -> None:
        """Take note that the core entered Debug state, and why: bits of DFSR."""
        self._dfsr |= reason
        self._halt_told = True

    def catches(self, record: FaultRecord) -> bool:
        """Return whether a fault that is being taken is to halt the core."""
        return bool(self._dhcsr & C_DEBUGEN) and catches(self._demcr, record)

    def power_lost(self) -> None:
        """Take note that the power went: debug registers, breakpoints and watchpoints are in its domain."""
        self._clear()
        self._target.core.watch_data((), self._matched)
        self._flash.reset()
        self._apply_enables()

    def was_reset(self) -> None:
        """Take note that the chip was reset, by whomever."""
        self._flash.reset()
        self._reset_seen = True
        self._dhcsr &= ~(C_HALT | C_STEP)
        self._resumed = False
        if self._target.core.state is CoreState.HALTED:
            self.halted(HaltReason.VECTOR_CATCH)

    # -- what the probe does ------------------------------------------------------------------------------------------

    @property
    def in_reset(self) -> bool:
        """Whether nRESET is driven low."""
        return self._in_reset

    def drive_reset(self, *, low: bool) -> None:
        """Drive nRESET low, which holds the core, or release it, which resets the chip."""
        if low and not self._in_reset:
            self._target.core.halt()
        elif not low and self._in_reset:
            self._reset()
        self._in_reset = low

    def impatient(self, patience: int) -> bool:
        """Return whether the debugger has done nothing for ``patience`` polls but wait for a core it set running."""
        return self._resumed and self._polls > patience and self._target.core.state is not CoreState.HALTED

    def forget_polls(self) -> None:
        """Begin to count polls anew: time has passed."""
        self._polls = 0

    # -- the bus ------------------------------------------------------------------------------------------------------

    def read(self, address: int, size: int) -> int:
        """Return 1, 2 or 4 bytes as a number; raises BusError."""
        word_address = address & ~3
        if word_address != DHCSR:
            self._polls = 0
        word = self._read_register(word_address)
        if word is None:
            return int.from_bytes(self._target.core.read_memory(address, size), "little")
        return (word >> (address & 3) * 8) & ((1 << 8 * size) - 1)

    def write(self, address: int, size: int, value: int) -> None:
        """Write 1, 2 or 4 bytes; debug registers take words only. Raises BusError."""
        self._polls = 0
        writer = self._writers.get(address & ~3)
        if writer is not None and size == 4:
            writer(value)
        elif self._is_ours(address & ~3):
            if size == 4:
                self._write_component(address, value)
        elif self._flash.owns(address):
            self._flash.store(address, value.to_bytes(size, "little"))
        elif not (size == 4 and self._flash.write(address, value)):
            self._target.core.write_memory(address, value.to_bytes(size, "little"))

    def read_memory(self, address: int, size: int) -> bytes:
        """Return a run of memory below the peripherals; raises BusError."""
        self._polls = 0
        return self._target.core.read_memory(address, size)

    def write_memory(self, address: int, data: bytes) -> None:
        """Write a run of memory below the peripherals; raises BusError."""
        self._polls = 0
        if self._flash.owns(address):
            self._flash.store(address, data)
            return
        self._target.core.write_memory(address, data)

    # -- which register -----------------------------------------------------------------------------------------------

    def _is_ours(self, address: int) -> bool:
        return (address >> 12 in _COMPONENT_PAGES or address in self._constants or address in self._stored
                or (address in self._writers and address != AIRCR))

    def _read_register(self, address: int) -> int | None:
        reader = self._readers.get(address)
        if reader is not None:
            return reader()
        if address in self._constants:
            return self._constants[address]
        if address in self._stored:
            return self._stored[address]
        if FP_COMP0 <= address < FP_COMP0 + 4 * BREAKPOINTS:
            return self._comparators[(address - FP_COMP0) // 4]
        if DWT_COMP0 <= address < DWT_COMP0 + 16 * WATCHPOINTS:
            index, offset = divmod(address - DWT_COMP0, 16)
            comparator, function = self._watch[index]
            if offset == 8:
                self._watch[index][1] &= ~MATCHED
            return {0: comparator, 8: _DWT_FUNCTION_ID[index] | function}.get(offset, 0)
        return 0 if address >> 12 in _COMPONENT_PAGES else self._flash.read(address)

    def _write_component(self, address: int, value: int) -> None:
        if address in self._stored:
            self._stored[address] = value
        elif FP_COMP0 <= address < FP_COMP0 + 4 * BREAKPOINTS:
            self._comparators[(address - FP_COMP0) // 4] = value
            self._arm()
        elif DWT_COMP0 <= address < DWT_COMP0 + 16 * WATCHPOINTS:
            index, offset = divmod(address - DWT_COMP0, 16)
            if offset == 0:
                self._watch[index][0] = value
            elif offset == 8:
                self._watch[index][1] = value & _DWT_FUNCTION_BITS
            self._arm_watchpoints()

    # -- halting debug ------------------------------------------------------------------------------------------------

    def _read_dhcsr(self) -> int:
        core = self._target.core
        self._polls += 1
        halted = self._notice_halt()
        value = self._dhcsr | S_REGRDY
        if halted:
            value |= S_HALT | (C_HALT if self._dhcsr & C_DEBUGEN else 0)
        else:
            value |= {CoreState.SLEEPING: S_SLEEP, CoreState.LOCKUP: S_LOCKUP}.get(core.state, 0)
        if core.cycles != self._retired_at:
            value |= S_RETIRE_ST
            self._retired_at = core.cycles
        if self._reset_seen:
            value |= S_RESET_ST
            self._reset_seen = self._in_reset
        return value

    def _write_dhcsr(self, value: int) -> None:
        if value >> 16 != _DBGKEY:
            return
        core = self._target.core
        if not value & C_DEBUGEN:
            self._dhcsr = 0
            self._apply_enables()
            self._leave_debug_state()
            return
        halted = self._notice_halt()
        self._dhcsr = C_DEBUGEN | (value & (_CONTROL_BITS | C_HALT))
        self._apply_enables()
        if value & C_HALT:
            if not halted:
                core.halt(HaltReason.HALTED)
                self._notice_halt()
        elif halted and value & C_STEP:
            self._halt_told = False
            step(core, mask_interrupts=bool(value & C_MASKINTS))
            self._dhcsr |= C_HALT
            self._notice_halt()
        elif halted:
            self._leave_debug_state()
            self._resumed = True

    def _leave_debug_state(self) -> None:
        self._halt_told = False
        self._resumed = False
        if not self._in_reset:
            self._target.core.resume()

    def _notice_halt(self) -> bool:
        """Return whether the core is halted; work out why if nobody told."""
        core = self._target.core
        if core.state is not CoreState.HALTED:
            self._halt_told = False
            return False
        if not self._halt_told:
            self.halted(self._reason_from_core() or self._guess_reason())
        return True

    def _reason_from_core(self) -> int:
        """Return the bits of the core's own DFSR, 0 if it has none, and clear them there."""
        core = self._target.core
        with contextlib.suppress(BusError):
            reason = core.read_memory(DFSR, 4)
            core.write_memory(DFSR, reason)
            return int.from_bytes(reason, "little")
        return 0

    def _guess_reason(self) -> HaltReason:
        core = self._target.core
        pc = core.read_register(Register.PC)
        if pc in core.breakpoints:
            return HaltReason.BREAKPOINT
        with contextlib.suppress(BusError):
            if core.read_memory(pc & ~1, 2)[1] == _BKPT:
                return HaltReason.BREAKPOINT
        return HaltReason.HALTED

    def _read_dfsr(self) -> int:
        self._notice_halt()
        return self._dfsr

    def _write_dfsr(self, value: int) -> None:
        self._notice_halt()
        self._dfsr &= ~value
        with contextlib.suppress(BusError):  # the core's own copy, which the application sees
            self._target.core.write_memory(DFSR, value.to_bytes(4, "little"))

    def _write_demcr(self, value: int) -> None:
        self._demcr = value & _DEMCR_BITS
        self._apply_enables()

    def _apply_enables(self) -> None:
        core, enabled = self._target.core, bool(self._dhcsr & C_DEBUGEN)
        core.debug_enabled = enabled
        core.halt_on_reset = enabled and bool(self._demcr & VC_CORERESET)
        core.mask_interrupts = enabled and bool(self._dhcsr & C_MASKINTS)
        self._arm()
        self._arm_watchpoints()

    # -- core registers -----------------------------------------------------------------------------------------------

    def _write_dcrdr(self, value: int) -> None:
        self._dcrdr = value

    def _write_dcrsr(self, value: int) -> None:
        core, register = self._target.core, value & 0x7F
        if core.state is not CoreState.HALTED:
            return  # UNKNOWN in the architecture: nothing moves
        if value & 1 << 16:
            if register in _REGISTERS:
                core.write_register(_REGISTERS[register], self._dcrdr)
        else:
            self._dcrdr = core.read_register(_REGISTERS[register]) if register in _REGISTERS else 0

    # -- breakpoints, counters, reset ---------------------------------------------------------------------------------

    def _write_fp_ctrl(self, value: int) -> None:
        if value & 2:  # KEY
            self._breakpoints_on = bool(value & 1)
            self._arm()

    def _arm(self) -> None:
        armed = self._breakpoints_on and self._dhcsr & C_DEBUGEN
        wanted = {value & ~1 for value in self._comparators if value & 1} if armed else set()
        if wanted != self._target.core.breakpoints:
            self._target.core.breakpoints = wanted

    def _arm_watchpoints(self) -> None:
        armed = self._dhcsr & C_DEBUGEN and self._demcr & TRCENA
        wanted = watched_ranges([(comparator, function) for comparator, function in self._watch]) if armed else []
        if wanted != self._armed_ranges:
            self._armed_ranges = wanted
            self._target.core.watch_data(wanted, self._matched)

    def _matched(self, number: int) -> None:
        self._watch[number][1] |= MATCHED
        self._target.core.halt(HaltReason.WATCHPOINT)

    def _write_dwt_ctrl(self, value: int) -> None:
        self._dwt_ctrl = value & 1
        with contextlib.suppress(BusError):  # a core without a counter of its own counts cycles since power-on
            self._target.core.write_memory(DWT_CTRL, value.to_bytes(4, "little"))

    def _read_cyccnt(self) -> int:
        try:
            return int.from_bytes(self._target.core.read_memory(DWT_CYCCNT, 4), "little")
        except BusError:
            return self._target.core.cycles & 0xFFFF_FFFF

    def _write_cyccnt(self, value: int) -> None:
        with contextlib.suppress(BusError):
            self._target.core.write_memory(DWT_CYCCNT, value.to_bytes(4, "little"))

    def _read_pcsr(self) -> int:
        core = self._target.core
        return 0xFFFF_FFFF if core.state is CoreState.HALTED else core.read_register(Register.PC)

    def _write_aircr(self, value: int) -> None:
        if value >> 16 == _VECTKEY and value & _SYSRESETREQ:
            self._reset()
        else:
            self._target.core.write_memory(AIRCR, value.to_bytes(4, "little"))

    def _reset(self) -> None:
        self._dhcsr &= ~(C_HALT | C_STEP)
        self._halt_told = False
        self._target.reset()
        self.was_reset()
