"""Exception frames: what entry pushes and return pops, and the EXC_RETURN value between them (DDI0553, B3.19 to B3.22).

The frame is eight words, or 26 with floating-point context; stacking is eager. An application of Microvisor runs in
the Non-secure world, so entry makes the 0xFFFFFFBC family; return takes the 0xFFFFFFFD family too.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import Enum, auto

from unicorn import arm_const as arm

from harness.virtual.board.core.interface import BusError
from harness.virtual.board.core.memory import Memory
from harness.virtual.board.core.registers import (
    CONTROL,
    FPCA,
    LR,
    PC,
    R12,
    SFPA,
    SP,
    SPSEL,
    XPSR,
    XPSR_NUMBER,
    RegisterFile,
)

# Bits of EXC_RETURN (DDI0553, D1.2.95).
_PREFIX, _DCRS, _BASIC, _THREAD, _PSP = 0xFFFF_FF80, 1 << 5, 1 << 4, 1 << 3, 1 << 2
_RESERVED = 1 << 1
_ALIGNED = 1 << 9
"""The bit of the stacked xPSR which says that a word was skipped to align the frame to eight bytes."""

_BASIC_SIZE, _FP_SIZE = 0x20, 0x68
_FP_REGISTERS = tuple(arm.UC_ARM_REG_S0 + number for number in range(16))


class FrameFault(Enum):
    """Why a frame could not be stacked or unstacked."""

    NO_MEMORY = auto()
    """The stack is not in memory."""
    OVERFLOW = auto()
    """It would lie below the stack limit."""


def push(registers: RegisterFile, memory: Memory, state: Sequence[int], *, limit: int,
         keep_fp: bool) -> tuple[int, FrameFault | None]:
    """Push a frame of the present context; return the EXC_RETURN value that undoes it, and what went wrong if anything.

    The stack pointer moves even if nothing could be written; at an overflow it is left at the limit.

    Args:
        state: the registers as :meth:`RegisterFile.snapshot` gave them.
        limit: MSPLIM or PSPLIM, whichever guards the stack in use.
        keep_fp: whether the floating-point context belongs into the frame.
    """
    pointer = state[SP]
    size = _FP_SIZE if keep_fp else _BASIC_SIZE
    frame = (pointer - size) & 0xFFFF_FFF8
    thread = state[XPSR] & XPSR_NUMBER == 0
    exc_return = (_PREFIX | _DCRS | (0 if keep_fp else _BASIC) | (_THREAD if thread else 0)
                  | (_PSP if thread and state[CONTROL] & SPSEL else 0))
    if frame < limit or pointer < size:
        registers.set(arm.UC_ARM_REG_SP, limit)
        return exc_return, FrameFault.OVERFLOW if limit else FrameFault.NO_MEMORY
    xpsr = state[XPSR] & ~_ALIGNED | (_ALIGNED if pointer & 4 else 0)
    data = struct.pack("<8I", *state[:4], state[R12], state[LR], state[PC], xpsr)
    if keep_fp:
        data += struct.pack("<18I", *map(registers.get, _FP_REGISTERS), registers.get(arm.UC_ARM_REG_FPSCR), 0)
    registers.set(arm.UC_ARM_REG_SP, frame)
    try:
        memory.write_plain(frame, data)
    except BusError:
        return exc_return, FrameFault.NO_MEMORY
    return exc_return, None


def is_valid(exc_return: int) -> bool:
    """Whether an EXC_RETURN value is one that the architecture defines; bit 0 is not looked at."""
    return (exc_return & _PREFIX == _PREFIX and not exc_return & _RESERVED and bool(exc_return & _DCRS)
            and (bool(exc_return & _THREAD) or not exc_return & _PSP))


def to_thread(exc_return: int) -> bool:
    """Whether this value returns to Thread mode."""
    return bool(exc_return & _THREAD)


def pop(registers: RegisterFile, memory: Memory, exc_return: int) -> int | FrameFault:
    """Restore the context below and return the xPSR it had; its exception number may contradict ``exc_return``.

    Called in Handler mode. Nothing has changed at a fault, or when the number contradicts.
    """
    stack = arm.UC_ARM_REG_PSP if exc_return & _PSP else arm.UC_ARM_REG_SP
    pointer = registers.get(stack)
    has_fp = not exc_return & _BASIC
    try:
        data = memory.read_plain(pointer, _FP_SIZE if has_fp else _BASIC_SIZE)
    except BusError:
        return FrameFault.NO_MEMORY
    words = struct.unpack_from("<8I", data)
    xpsr: int = words[7]
    if (xpsr & XPSR_NUMBER == 0) is not to_thread(exc_return):
        return xpsr
    if has_fp:
        for register, value in zip(_FP_REGISTERS, struct.unpack_from("<16I", data, _BASIC_SIZE), strict=True):
            registers.set(register, value)
        registers.set(arm.UC_ARM_REG_FPSCR, *struct.unpack_from("<I", data, 0x60))
    registers.set(stack, (pointer + len(data)) | (4 if xpsr & _ALIGNED else 0))
    for register, value in zip((arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3,
                                arm.UC_ARM_REG_R12, arm.UC_ARM_REG_LR), words, strict=False):
        registers.set(register, value)
    control = registers.get(arm.UC_ARM_REG_CONTROL) & ~(SPSEL | FPCA | SFPA)
    # While still in Handler mode: an unprivileged context below could not write CONTROL any more.
    registers.set(arm.UC_ARM_REG_CONTROL, control | (SPSEL if exc_return & _PSP else 0) | (FPCA if has_fp else 0))
    registers.jump(words[6] & ~1, xpsr & ~_ALIGNED)
    return xpsr
