"""MSPLIM and PSPLIM, which the emulator has but does not offer: an instruction in a page of our own reads them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import Enum

from unicorn import arm_const as arm
from unicorn.unicorn_py3.unicorn import Uc

from harness.virtual.board.core.memory import STUB_BASE
from harness.virtual.board.core.registers import XPSR_T, RegisterFile


class Limit(Enum):
    """A stack limit register; the value is its SYSm number in MRS and MSR (DDI0553, C2.4.113)."""

    MSPLIM = 0x0A
    PSPLIM = 0x0B


_STRIDE = 16
_WFI = 0xBF30
_STUBS = {
    (limit, write): (STUB_BASE + _STRIDE * index, struct.pack("<3H", *opcode, _WFI))
    for index, (limit, write, opcode) in enumerate(
        (limit, write, (0xF380, 0x8800 | limit.value) if write else (0xF3EF, 0x8000 | limit.value))
        for limit in Limit for write in (False, True))
}


class StackLimits:
    """Reads and writes the stack limits between two runs of the emulator; it leaves every register as it was.

    Args:
        execute: runs the emulator from an address up to a WFI, outside time.
    """

    def __init__(self, uc: Uc, registers: RegisterFile, execute: Callable[[int], None]) -> None:
        self._registers, self._execute = registers, execute
        for address, code in _STUBS.values():
            uc.mem_write(address, code)

    def get(self, limit: Limit) -> int:
        """Return the lowest address this stack may reach; 0 is no limit."""
        return self._run(limit, write=False, value=0)

    def set(self, limit: Limit, value: int) -> None:
        """Set a limit; its low three bits are fixed to zero."""
        self._run(limit, write=True, value=value)

    def _run(self, limit: Limit, *, write: bool, value: int) -> int:
        registers = self._registers
        xpsr, pc, r0 = registers.get(arm.UC_ARM_REG_XPSR), registers.pc, registers.get(arm.UC_ARM_REG_R0)
        registers.set(arm.UC_ARM_REG_R0, value)
        # Handler mode is always privileged, and no IT block may be in progress.
        registers.jump(STUB_BASE, XPSR_T | (xpsr & 0x1FF or 2))
        self._execute(_STUBS[limit, write][0])
        result = registers.get(arm.UC_ARM_REG_R0)
        registers.set(arm.UC_ARM_REG_R0, r0)
        registers.jump(pc, xpsr)
        return result
