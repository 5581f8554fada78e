"""The report of a crash: registers, chain of calls and bytes of the stack, for the journal and the log stream.

The vendor's format is not public; ours is text that people and programs can read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.virtual.board.core.interface import BusError, Core, FaultRecord, Register
from harness.virtual.board.kernel.backtrace import FunctionAt, backtrace

DEFAULT_STACK_BYTES = 128
"""How many bytes of the stack are reported where the bundle's crash policy names no number."""

MAX_STACK_BYTES = 4096
_PER_LINE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashReport:
    """What is kept of a crash.

    Attributes:
        record: the fault as the fault status registers tell it; None for code that the kernel ended.
        text: what happened and where, in one line.
        registers: by name.
        frames: the chain of calls in words, innermost first.
        stack_at: address of the first of the bytes.
        stack: bytes of the stack, upwards.
    """

    record: FaultRecord | None
    text: str
    registers: dict[str, int]
    frames: tuple[str, ...]
    stack_at: int
    stack: bytes

    def lines(self) -> Iterator[str]:
        """Yield the report as lines of text."""
        if self.record is not None:
            yield (f"cfsr={self.record.cfsr:08x} hfsr={self.record.hfsr:08x} mmfar={self.record.mmfar:08x} "
                   f"bfar={self.record.bfar:08x}")
        named = [f"{name}={value:08x}" for name, value in self.registers.items()]
        for start in range(0, len(named), 6):
            yield " ".join(named[start:start + 6])
        for number, frame in enumerate(self.frames):
            yield f"#{number} {frame}"
        for start in range(0, len(self.stack), _PER_LINE):
            yield f"{self.stack_at + start:08x}: {self.stack[start:start + _PER_LINE].hex(' ', 4)}"


def take_report(core: Core, record: FaultRecord | None, text: str, registers: dict[str, int], *, stack_bytes: int,
                function_at: FunctionAt) -> CrashReport:
    """Return the report of what the core is doing now.

    Args:
        registers: at the moment of the crash; ``sp`` before the fault was stacked.
        stack_bytes: how many bytes of the stack to keep.
    """
    sp = registers.get("sp", 0) & ~3

    def word(address: int) -> int | None:
        try:
            return int.from_bytes(core.read_memory(address, 4), "little")
        except BusError:
            return None

    frames = backtrace(registers, core.read_register(Register.PSP) & ~3, word, function_at)
    stack = bytearray()
    while len(stack) < min(stack_bytes, MAX_STACK_BYTES) and (value := word(sp + len(stack))) is not None:
        stack += value.to_bytes(4, "little")
    return CrashReport(record=record, text=text, registers=registers, stack_at=sp, stack=bytes(stack),
                       frames=tuple(frame.text(function_at) for frame in frames))


def registers_of(core: Core) -> dict[str, int]:
    """Return the registers of a core as they are, by the names a fault record has them."""
    named = {"lr": Register.LR, "pc": Register.PC, "xpsr": Register.XPSR, "sp": Register.SP}
    return {**{f"r{number}": core.read_register(number) for number in range(13)},
            **{name: core.read_register(register) for name, register in named.items()}}
