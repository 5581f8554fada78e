"""Facts about the virtual side for people who ask what they have."""

from __future__ import annotations

from harness.virtual.board.core import make_core, native_state
from harness.virtual.board.core.interface import CoreClient, FaultRecord, HaltReason


class RamOnly(CoreClient):
    """A client for a core with memories and nothing else: no kernel, no peripherals."""

    def system_call(self, slot: int) -> None: ...
    def bus_read(self, address: int, size: int) -> int:
        return 0

    def bus_write(self, address: int, size: int, value: int) -> None: ...
    def faulted(self, record: FaultRecord) -> None: ...
    def reset_requested(self) -> None: ...
    def halted(self, reason: HaltReason) -> None: ...


def core_in_use() -> str:
    """Return which CPU core virtual boards get on this machine."""
    core = make_core(RamOnly())
    try:
        name = type(core).__name__
        if name == "CCore":
            return "CCore: compiled exceptions and run loop"
        built = native_state.library() is not None
        return f"{name}: the compiled core was {'not chosen' if built else 'not built, no C compiler at installation'}"
    finally:
        core.close()
