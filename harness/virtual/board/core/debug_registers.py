"""Registers as a debugger numbers them (DCRSR.REGSEL, DDI0553 D1.2.37), read and written between two runs."""

from __future__ import annotations

from unicorn import arm_const as arm

from harness.errors import UsageError
from harness.virtual.board.core.interface import Register
from harness.virtual.board.core.registers import RegisterFile
from harness.virtual.board.core.stubs import Limit, StackLimits

_PLAIN = {
    **{number: arm.UC_ARM_REG_R0 + number for number in range(13)},
    Register.SP: arm.UC_ARM_REG_SP, Register.LR: arm.UC_ARM_REG_LR, Register.PC: arm.UC_ARM_REG_PC,
    Register.XPSR: arm.UC_ARM_REG_XPSR, Register.FPSCR: arm.UC_ARM_REG_FPSCR,
    **{Register.S0 + number: arm.UC_ARM_REG_S0 + number for number in range(32)},
}
_STACKS = {Register.MSP: arm.UC_ARM_REG_MSP, Register.PSP: arm.UC_ARM_REG_PSP}
_LIMITS = {Register.MSPLIM: Limit.MSPLIM, Register.PSPLIM: Limit.PSPLIM}
_CFBP = (arm.UC_ARM_REG_PRIMASK, arm.UC_ARM_REG_BASEPRI, arm.UC_ARM_REG_FAULTMASK, arm.UC_ARM_REG_CONTROL)


class DebugRegisters:
    """The register file behind DCRSR and DCRDR."""

    def __init__(self, registers: RegisterFile, limits: StackLimits) -> None:
        self._registers, self._limits = registers, limits

    def read(self, register: int) -> int:
        """Return a register.

        Raises:
            UsageError: there is no register of that number.
        """
        if register in _PLAIN:
            return self._registers.get(_PLAIN[register])
        if register in _LIMITS:
            return self._limits.get(_LIMITS[Register(register)])
        with self._registers.privileged():
            if register in _STACKS:
                return self._registers.get(_STACKS[Register(register)])
            if register == Register.CFBP:
                return sum((self._registers.get(part) & 0xFF) << 8 * index for index, part in enumerate(_CFBP))
        raise UsageError(f"the core has no register number {register}")

    def write(self, register: int, value: int) -> None:
        """Set a register.

        Raises:
            UsageError: there is no register of that number.
        """
        registers = self._registers
        if register == Register.PC:
            registers.set(arm.UC_ARM_REG_PC, value | 1)
        elif register == Register.XPSR:
            registers.jump(registers.pc, value)
        elif register == Register.SP:
            registers.set(arm.UC_ARM_REG_SP, value & ~3)
        elif register in _PLAIN:
            registers.set(_PLAIN[register], value)
        elif register in _LIMITS:
            self._limits.set(_LIMITS[Register(register)], value)
        elif register in _STACKS:
            with registers.privileged():
                registers.set(_STACKS[Register(register)], value & ~3)
        elif register == Register.CFBP:
            with self._registers.privileged():
                for index, part in enumerate(_CFBP):
                    registers.set(part, value >> 8 * index & 0xFF)
        else:
            raise UsageError(f"the core has no register number {register}")
