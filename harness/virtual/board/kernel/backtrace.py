"""Who called whom at the moment of a crash, worked out from a register frame, the stack and the code in flash.

No unwind tables are needed. A word on the stack is taken for a return address if it is odd, lies in application flash
and follows a call; with symbols, the call must also lead to the function that was found before it, and a call through
a register may lead anywhere. Stale words that look like such an address can be taken for one, which is why every frame
says how it was found. An EXC_RETURN value on the way out of a handler is an interrupt: the frame that the hardware
stacked tells where the interrupted code was (Armv8-M Architecture Reference Manual, B3.19 and B3.21). In thread mode
such a value is a left-over: kernels save it with the context of each task, on the task's own stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.virtual.board.core.interface import FLASH_BASE, FLASH_SIZE, RAM_BASE, RAM_SIZE

MAX_FRAMES = 16
MAX_WORDS = 1024
"""Words of each stack that are looked through."""

_EXC_RETURN, _EXC_RETURN_MASK = 0xFFFF_FF80, 0xFFFF_FFC3
_FRAME_WORDS, _EXTENDED_WORDS = 8, 26
_USES_PROCESS_STACK, _BASIC_FRAME = 1 << 2, 1 << 4
_PADDED = 1 << 9
_THUMB = 1 << 24
_IPSR = 0x1FF

Word = Callable[[int], "int | None"]
"""Returns the word at an address, None where there is no memory."""

FunctionAt = Callable[[int], "tuple[str, int] | None"]
"""Returns name of the function at an address and offset into it, None if it is not known."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One place in the chain of calls.

    Attributes:
        address: the instruction that executed; of callers, the one after the call.
        found: ``pc``, ``lr``, ``stack`` or ``interrupted``.
    """

    address: int
    found: str

    def text(self, function_at: FunctionAt) -> str:
        """Return the frame in words: address and, if known, the function."""
        where = function_at(self.address)
        name = f" {where[0]}+0x{where[1]:x}" if where is not None else ""
        mark = " (interrupted)" if self.found == "interrupted" else ""
        return f"0x{self.address:08x}{name}{mark}"


def backtrace(registers: dict[str, int], psp: int, word: Word, function_at: FunctionAt) -> tuple[Frame, ...]:
    """Return the chain of calls, innermost first.

    Args:
        registers: ``pc``, ``lr``, ``sp`` and ``xpsr`` before the fault.
        psp: the process stack pointer, for interrupts of code that used it.
        word: reads memory.
        function_at: the symbols.
    """
    return tuple(_Walk(psp, word, function_at).frames(registers))


class _Walk:
    def __init__(self, psp: int, word: Word, function_at: FunctionAt) -> None:
        self._psp = psp
        self._word = word
        self._function_at = function_at
        self._exception = 0

    def frames(self, registers: dict[str, int]) -> Iterator[Frame]:
        pc, lr, sp = (registers.get(name, 0) for name in ("pc", "lr", "sp"))
        self._exception = registers.get("xpsr", 0) & _IPSR
        frame, trusted = Frame(pc & ~1, "pc"), True  # lr is the return address only where nothing was called since
        for _ in range(MAX_FRAMES):
            yield frame
            found = self._caller(frame.address, lr if trusted else 0, sp)
            if found is None:
                return
            frame, lr, sp = found
            trusted = frame.found == "interrupted"

    def _caller(self, pc: int, lr: int, sp: int) -> tuple[Frame, int, int] | None:
        """Return the next frame, its lr and its stack pointer."""
        if self._exception and _is_exc_return(lr):
            return self._interrupted(lr, sp)
        target = self._call_before(lr)
        if target is not None and self._fits(target, pc) and self._start(lr & ~1) != self._start(pc):
            return Frame(lr & ~1, "lr"), 0, sp
        any_call: tuple[Frame, int, int] | None = None
        for position in range(sp, min(sp + 4 * MAX_WORDS, RAM_BASE + RAM_SIZE), 4):
            value = self._word(position)
            if value is None:
                break
            if self._exception and _is_exc_return(value):
                return self._interrupted(value, position + 4)
            target = self._call_before(value)
            if target is None:
                continue
            found = (Frame(value & ~1, "stack"), 0, position + 4)
            if target == self._start(pc):
                return found
            if any_call is None and self._fits(target, pc):
                any_call = found
        return any_call

    def _interrupted(self, exc_return: int, sp: int) -> tuple[Frame, int, int] | None:
        """Return the code that an interrupt broke into. On the main stack, locals may lie before its frame."""
        if exc_return & _USES_PROCESS_STACK:
            candidates: range = range(self._psp, self._psp + 1)
        else:
            candidates = range(sp, min(sp + 4 * MAX_WORDS, RAM_BASE + RAM_SIZE), 4)
        for base in candidates:
            pc, lr, xpsr = (self._word(base + 4 * index) for index in (6, 5, 7))
            if pc is None or lr is None or xpsr is None:
                return None
            if _is_code(pc) and not pc & 1 and xpsr & _THUMB and not xpsr & 0x00F0_0000:
                self._exception = xpsr & _IPSR
                size = _FRAME_WORDS if exc_return & _BASIC_FRAME else _EXTENDED_WORDS
                return Frame(pc, "interrupted"), lr, base + 4 * (size + bool(xpsr & _PADDED))
        return None

    def _start(self, address: int) -> int | None:
        where = self._function_at(address)
        return None if where is None else (address & ~1) - where[1]

    def _fits(self, target: int, pc: int) -> bool:
        start = self._start(pc)
        return target in (0, start) or start is None

    def _call_before(self, address: int) -> int | None:
        """Return where the call before a return address leads, 0 for a call through a register, None if it is none."""
        if not address & 1 or not _is_code(address) or not _is_code(address - 5):
            return None
        at = address & ~1
        high, low = self._halfword(at - 4), self._halfword(at - 2)
        if high is None or low is None:
            return None
        if high & 0xF800 == 0xF000 and low & 0xD000 == 0xD000:  # BL, encoding T1
            return at + _branch_offset(high, low)
        return 0 if low & 0xFF87 == 0x4780 else None  # BLX register

    def _halfword(self, address: int) -> int | None:
        word = self._word(address & ~3)
        return None if word is None else word >> 8 * (address & 2) & 0xFFFF


def _branch_offset(high: int, low: int) -> int:
    sign = high >> 10 & 1
    i1, i2 = ~(low >> 13 ^ sign) & 1, ~(low >> 11 ^ sign) & 1
    value = sign << 24 | i1 << 23 | i2 << 22 | (high & 0x3FF) << 12 | (low & 0x7FF) << 1
    return value - (1 << 25) if sign else value


def _is_exc_return(value: int) -> bool:
    """Return whether this is an EXC_RETURN as the Non-secure world has it."""
    return value & _EXC_RETURN_MASK == _EXC_RETURN


def _is_code(address: int) -> bool:
    return FLASH_BASE <= address < FLASH_BASE + FLASH_SIZE
