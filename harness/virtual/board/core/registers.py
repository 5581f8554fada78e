"""The emulator's register file, with the few tricks that unicorn's M profile needs.

All reads of the frame registers go through one batch call, because the cost of a call into the binding is what counts.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from unicorn import arm_const as arm
from unicorn.unicorn_py3.unicorn import Uc, uclib

from harness.errors import InternalError
from harness.virtual.board.core.exceptions import Masks

R0, R1, R2, R3, R12 = 0, 1, 2, 3, 12
SP, LR, PC, XPSR, CONTROL = 13, 14, 15, 16, 17
"""Indices into what :meth:`RegisterFile.snapshot` returns; r0 to r12 are 0 to 12."""

_GENERAL = tuple(arm.UC_ARM_REG_R0 + number for number in range(13))
_BATCH = (*_GENERAL, arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR, arm.UC_ARM_REG_PC, arm.UC_ARM_REG_XPSR,
          arm.UC_ARM_REG_CONTROL)

XPSR_IT = 0x0600_FC00
XPSR_T = 1 << 24
XPSR_NUMBER = 0x1FF
_SOME_HANDLER = 2
SPSEL, FPCA, SFPA, NPRIV = 1 << 1, 1 << 2, 1 << 3, 1 << 0


class RegisterFile:
    """Access to the registers of one emulator instance."""

    def __init__(self, uc: Uc) -> None:
        self._handle = uc._uch
        self._cell = ctypes.c_uint64()
        self._pointer = ctypes.byref(self._cell)
        count = len(_BATCH)
        self._ids = (ctypes.c_int * count)(*_BATCH)
        self._values = (ctypes.c_uint32 * count)()
        base = ctypes.addressof(self._values)
        self._pointers = (ctypes.c_void_p * count)(*(base + 4 * index for index in range(count)))

    def get(self, register: int) -> int:
        """Return a register by its unicorn number."""
        self._cell.value = 0
        uclib.uc_reg_read(self._handle, register, self._pointer)
        return self._cell.value & 0xFFFF_FFFF

    def set(self, register: int, value: int) -> None:
        """Set a register by its unicorn number."""
        self._cell.value = value & 0xFFFF_FFFF
        if uclib.uc_reg_write(self._handle, register, self._pointer):
            raise InternalError(f"the emulator has no register {register}")

    def snapshot(self) -> Sequence[int]:
        """Return r0 to r12, SP, LR, PC, xPSR and CONTROL."""
        uclib.uc_reg_read_batch(self._handle, self._ids, self._pointers, len(_BATCH))
        return list(self._values)

    @property
    def pc(self) -> int:
        """The next instruction to execute, bit 0 clear."""
        return self.get(arm.UC_ARM_REG_PC)

    @property
    def unprivileged(self) -> bool:
        """Whether this is unprivileged code: the emulator then hides what such code can't read."""
        return bool(self.get(arm.UC_ARM_REG_CONTROL) & NPRIV) and not self.get(arm.UC_ARM_REG_XPSR) & XPSR_NUMBER

    @contextmanager
    def privileged(self) -> Iterator[None]:
        """Be in Handler mode meanwhile, where everything can be read and written. Not inside a callback."""
        xpsr, pc = self.get(arm.UC_ARM_REG_XPSR), self.pc
        if xpsr & XPSR_NUMBER:
            yield
            return
        self.jump(pc, _SOME_HANDLER)
        try:
            yield
        finally:
            self.jump(pc, xpsr)

    def masks(self) -> Masks:
        """Return PRIMASK, BASEPRI and FAULTMASK."""
        if self.unprivileged:
            with self.privileged():
                return self._masks()
        return self._masks()

    def _masks(self) -> Masks:
        return Masks(self.get(arm.UC_ARM_REG_PRIMASK), self.get(arm.UC_ARM_REG_BASEPRI),
                     self.get(arm.UC_ARM_REG_FAULTMASK))

    def jump(self, address: int, xpsr: int) -> None:
        """Set the whole of xPSR and continue at ``address`` in Thumb state.

        Writing the exception number swaps the stack pointers. The flags are written last: only that write makes the
        emulator notice the change of mode.
        """
        self.set(arm.UC_ARM_REG_XPSR, xpsr | XPSR_T)
        self.set(arm.UC_ARM_REG_PC, address | 1)
        self.set(arm.UC_ARM_REG_APSR_NZCV, xpsr)

    def enter_handler(self, exception: int, address: int, exc_return: int) -> None:
        """Switch to Handler mode on the main stack, with no IT block and no floating-point context in progress."""
        xpsr = self.get(arm.UC_ARM_REG_XPSR) & ~(XPSR_NUMBER | XPSR_IT) | exception
        self.set(arm.UC_ARM_REG_XPSR, xpsr | XPSR_T)
        self.set(arm.UC_ARM_REG_CONTROL, self.get(arm.UC_ARM_REG_CONTROL) & ~(SPSEL | FPCA | SFPA))
        self.set(arm.UC_ARM_REG_LR, exc_return)
        self.jump(address, xpsr)

    def reset(self, stack: int, address: int) -> None:
        """Put every register into its reset state; general registers, which silicon leaves unknown, become zero."""
        # In Handler mode everything may be written, whatever the state was.
        self.set(arm.UC_ARM_REG_XPSR, XPSR_T | _SOME_HANDLER)
        for register in (arm.UC_ARM_REG_CONTROL, arm.UC_ARM_REG_PRIMASK, arm.UC_ARM_REG_BASEPRI,
                         arm.UC_ARM_REG_FAULTMASK, arm.UC_ARM_REG_PSP, arm.UC_ARM_REG_FPSCR, *_GENERAL):
            self.set(register, 0)
        self.set(arm.UC_ARM_REG_SP, stack)
        self.set(arm.UC_ARM_REG_LR, 0xFFFF_FFFF)
        self.jump(address & ~1, 0)
