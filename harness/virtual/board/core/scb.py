"""The System Control Space: one memory page of registers over the exception model, SysTick and the fault status.

Registers are words in a table; byte and halfword accesses are allowed where the architecture allows them and are put
together from the word. A register that is not in the table reads as zero and ignores writes (DDI0553, B11 and D1.2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from harness.virtual.board.core.exceptions import (
    BUS_FAULT,
    HARD_FAULT,
    MEM_MANAGE,
    NMI,
    PENDSV,
    SVCALL,
    SYSTICK,
    USAGE_FAULT,
    ExceptionModel,
)
from harness.virtual.board.core.interface import FLASH_BASE
from harness.virtual.board.core.nvic import STIR, Nvic
from harness.virtual.board.core.systick import SysTick

CPUID_M33_R0P4 = 0x410F_D214

# CFSR bits (DDI0553, D1.2.10): MMFSR in the low byte, BFSR in the next, UFSR in the upper half.
IACCVIOL, DACCVIOL, MUNSTKERR, MSTKERR, MMARVALID = 1 << 0, 1 << 1, 1 << 3, 1 << 4, 1 << 7
IBUSERR, PRECISERR, IMPRECISERR, UNSTKERR, STKERR, BFARVALID = 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 15
UNDEFINSTR, INVSTATE, INVPC, NOCP, STKOF, UNALIGNED, DIVBYZERO = (1 << bit for bit in (16, 17, 18, 19, 20, 24, 25))
# HFSR bits (D1.2.65).
VECTTBL, FORCED, DEBUGEVT = 1 << 1, 1 << 30, 1 << 31
# SCR bits (D1.2.230).
SLEEPONEXIT, SEVONPEND = 1 << 1, 1 << 4

_ICSR, _VTOR, _AIRCR, _SCR, _CCR = 0xD04, 0xD08, 0xD0C, 0xD10, 0xD14
_SHPR1, _SHCSR, _CFSR, _HFSR, _DFSR, _MMFAR, _BFAR = 0xD18, 0xD24, 0xD28, 0xD2C, 0xD30, 0xD34, 0xD38
_CPACR, _DHCSR, _DEMCR, _FPCCR, _FPCAR, _FPDSCR = 0xD88, 0xDF0, 0xDFC, 0xF34, 0xF38, 0xF3C
_CSR, _RVR, _CVR = 0x010, 0x014, 0x018

_SHCSR_PENDED = {12: USAGE_FAULT, 13: MEM_MANAGE, 14: BUS_FAULT, 15: SVCALL, 21: HARD_FAULT}
_SHCSR_ACTIVE = {0: MEM_MANAGE, 1: BUS_FAULT, 2: HARD_FAULT, 3: USAGE_FAULT, 5: NMI, 7: SVCALL, 10: PENDSV, 11: SYSTICK}
_SHCSR_ENABLE = {16: MEM_MANAGE, 17: BUS_FAULT, 18: USAGE_FAULT}
_SHPR_FIRST, _SHPR_WRITABLE = 4, (MEM_MANAGE, BUS_FAULT, USAGE_FAULT, SVCALL, PENDSV, SYSTICK)

_VECTKEY = 0x05FA
_VECTKEY_READ = 0xFA05
_SYSRESETREQ, _PRIGROUP = 1 << 2, 0x700
_ASPEN = 1 << 31

_FIXED_WORDS = {
    0x004: 3,  # ICTR: 128 lines
    0xD00: CPUID_M33_R0P4,
    0xD40: 0x0000_0030, 0xD44: 0x0000_0210, 0xD48: 0x0020_0000,  # ID_PFR0, ID_PFR1, ID_DFR0
    0xD50: 0x0010_1F40, 0xD58: 0x0100_0000,  # ID_MMFR0, ID_MMFR2
    0xD60: 0x0110_1110, 0xD64: 0x0221_2000, 0xD68: 0x2023_2232, 0xD6C: 0x0111_1131, 0xD70: 0x0131_0132,  # ID_ISAR0..4
    0xF40: 0x1011_0021, 0xF44: 0x1100_0011, 0xF48: 0x0000_0040,  # MVFR0..2: single precision only
}


class ScsHost(Protocol):
    """What the registers need of the core they sit in."""

    @property
    def cycles(self) -> int: ...

    @property
    def exception(self) -> int: ...

    def debug_status(self) -> int:
        """Return DHCSR as it reads now."""

    def system_reset(self) -> None:
        """SYSRESETREQ was written."""


class SystemControlSpace:
    """The registers at 0xE000E000 to 0xE000EFFF.

    Attributes:
        vtor: address of the vector table.
        cfsr, hfsr, dfsr, mmfar, bfar: the fault status registers.
    """

    def __init__(self, model: ExceptionModel, systick: SysTick, host: ScsHost) -> None:
        self._model, self._systick, self._host = model, systick, host
        self._nvic = Nvic(model)
        self._read: dict[int, Callable[[], int]] = {
            _CSR: lambda: systick.read_control(host.cycles), _RVR: systick.read_reload, _CVR: systick.read_value,
            _ICSR: self._read_icsr, _VTOR: lambda: self.vtor, _AIRCR: self._read_aircr, _SCR: lambda: self.scr,
            _CCR: lambda: self.ccr, _SHCSR: self._read_shcsr, _CFSR: lambda: self.cfsr, _HFSR: lambda: self.hfsr,
            _DFSR: lambda: self.dfsr, _MMFAR: lambda: self.mmfar, _BFAR: lambda: self.bfar, _DHCSR: host.debug_status,
        }
        self._write: dict[int, Callable[[int], None]] = {
            _CSR: lambda value: systick.write_control(host.cycles, value), _RVR: systick.write_reload,
            _CVR: lambda value: systick.clear_value(host.cycles),
            _ICSR: self._write_icsr, _VTOR: self._write_vtor, _AIRCR: self._write_aircr, _SCR: self._write_scr,
            _CCR: self._write_ccr, _SHCSR: self._write_shcsr, _CFSR: self._clear_cfsr, _HFSR: self._clear_hfsr,
            _DFSR: self._clear_dfsr, _MMFAR: self._write_mmfar, _BFAR: self._write_bfar,
        }
        self._storage = {_CPACR: 0, _DEMCR: 0, _FPCCR: 0, _FPCAR: 0, _FPDSCR: 0}
        self.reset()

    def __repr__(self) -> str:
        return f"SystemControlSpace(vtor={self.vtor:#x}, cfsr={self.cfsr:#x}, hfsr={self.hfsr:#x})"

    def reset(self) -> None:
        """Set every register to its reset value. DEMCR keeps its value: only a power-on reset clears it."""
        self.vtor = FLASH_BASE
        self.prigroup = self.scr = 0
        self.ccr = 0x201
        self.cfsr = self.hfsr = self.dfsr = self.mmfar = self.bfar = 0
        demcr = self._storage[_DEMCR]
        # ASPEN and LSPEN are set at reset; CP10 and CP11 are opened by Microvisor before the application starts.
        self._storage.update({_CPACR: 0x00F0_0000, _DEMCR: demcr, _FPCCR: 0xC000_0000, _FPCAR: 0, _FPDSCR: 0})

    @property
    def automatic_fp_stacking(self) -> bool:
        """FPCCR.ASPEN: whether exception entry preserves the floating-point registers in use."""
        return bool(self._storage[_FPCCR] & _ASPEN)

    @property
    def trace_enabled(self) -> bool:
        """DEMCR.TRCENA, which powers the DWT."""
        return bool(self._storage[_DEMCR] >> 24 & 1)

    def read(self, offset: int, size: int) -> int:
        """Return ``size`` bytes at an offset into the page."""
        if _CSR <= offset < _CSR + 0x10 and self._systick.advance(self._host.cycles):
            self._model.pend(SYSTICK)
        return self._read_word(offset & ~3) >> 8 * (offset & 3) & (1 << 8 * size) - 1

    def write(self, offset: int, size: int, value: int) -> None:
        """Write ``size`` bytes at an offset into the page."""
        word = offset & ~3
        if _CSR <= word < _CSR + 0x10 and self._systick.advance(self._host.cycles):
            self._model.pend(SYSTICK)
        if size < 4:
            shift, mask = 8 * (offset & 3), (1 << 8 * size) - 1
            merge = self._nvic.is_priority(word) or _SHPR1 <= word < _SHCSR
            value = (value & mask) << shift | (self._read_word(word) & ~(mask << shift) if merge else 0)
        self._write_word(word, value & 0xFFFF_FFFF)

    def _read_word(self, offset: int) -> int:
        if reader := self._read.get(offset):
            return reader()
        if self._nvic.covers(offset):
            return self._nvic.read(offset) if offset != STIR else 0
        if _SHPR1 <= offset < _SHCSR:
            first = offset - _SHPR1 + _SHPR_FIRST
            return sum(self._model.priority[first + index] << 8 * index for index in range(4))
        return self._storage.get(offset, _FIXED_WORDS.get(offset, 0))

    def _write_word(self, offset: int, value: int) -> None:
        if writer := self._write.get(offset):
            writer(value)
        elif self._nvic.covers(offset):
            self._nvic.write(offset, value)
        elif _SHPR1 <= offset < _SHCSR:
            for index in range(4):
                if (exception := offset - _SHPR1 + _SHPR_FIRST + index) in _SHPR_WRITABLE:
                    self._model.set_priority(exception, value >> 8 * index)
        elif offset in self._storage:
            self._storage[offset] = value

    def _read_icsr(self) -> int:
        model, number = self._model, self._host.exception
        waiting = model.most_urgent() or 0
        others = model.active & ~(1 << number)
        return (number | (0 if others else 1 << 11) | waiting << 12 | (model.pending >> 16 != 0) << 22
                | (model.pending >> SYSTICK & 1) << 26 | (model.pending >> PENDSV & 1) << 28
                | (model.pending >> NMI & 1) << 31)

    def _write_icsr(self, value: int) -> None:
        for set_bit, clear_bit, exception in ((31, 30, NMI), (28, 27, PENDSV), (26, 25, SYSTICK)):
            if value >> set_bit & 1:
                self._model.pend(exception)
            elif value >> clear_bit & 1:
                self._model.unpend(exception)

    def _write_vtor(self, value: int) -> None:
        self.vtor = value & ~0x7F

    def _read_aircr(self) -> int:
        return _VECTKEY_READ << 16 | self.prigroup << 8

    def _write_aircr(self, value: int) -> None:
        if value >> 16 != _VECTKEY:
            return
        self.prigroup = (value & _PRIGROUP) >> 8
        self._model.set_grouping(self.prigroup)
        if value & _SYSRESETREQ:
            self._host.system_reset()

    def _write_scr(self, value: int) -> None:
        self.scr = value & 0x16

    def _write_ccr(self, value: int) -> None:
        # Bit 0 and STKALIGN (bit 9) are fixed to one in Armv8-M.
        self.ccr = value & 0x51A | 0x201

    def _read_shcsr(self) -> int:
        model = self._model
        return (sum((model.pending >> number & 1) << bit for bit, number in _SHCSR_PENDED.items())
                | sum((model.active >> number & 1) << bit for bit, number in _SHCSR_ACTIVE.items())
                | sum((model.enabled >> number & 1) << bit for bit, number in _SHCSR_ENABLE.items()))

    def _write_shcsr(self, value: int) -> None:
        model = self._model

        def assign(mask: int, bits: dict[int, int], keep: tuple[int, ...] = ()) -> int:
            for bit, number in bits.items():
                if number not in keep:
                    mask = mask & ~(1 << number) | (value >> bit & 1) << number
            return mask

        model.pending = assign(model.pending, _SHCSR_PENDED, keep=(HARD_FAULT,))
        model.active = assign(model.active, _SHCSR_ACTIVE, keep=(HARD_FAULT, NMI))
        model.enabled = assign(model.enabled, _SHCSR_ENABLE)

    def _clear_cfsr(self, value: int) -> None:
        self.cfsr &= ~value

    def _clear_hfsr(self, value: int) -> None:
        self.hfsr &= ~value

    def _clear_dfsr(self, value: int) -> None:
        self.dfsr &= ~value

    def _write_mmfar(self, value: int) -> None:
        self.mmfar = value

    def _write_bfar(self, value: int) -> None:
        self.bfar = value
