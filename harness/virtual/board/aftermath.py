"""What a board does after its application crashed: the report with symbols, taken while the core still shows it."""

from __future__ import annotations

import hashlib

from harness.formats.elf import ElfImage
from harness.journal import Fact
from harness.virtual.board.core.interface import Core, FaultRecord, HaltReason
from harness.virtual.board.flash import FlashStore
from harness.virtual.board.kernel.crash import describe_fault, is_crash
from harness.virtual.board.kernel.crash_report import CrashReport, registers_of, take_report
from harness.virtual.board.kernel.kernel import Kernel
from harness.virtual.board.parts import AppState, DebugListener, SymbolsOf
from harness.virtual.board.runner import CoreRunner


class Aftermath:
    """Base of the board: faults, crashes and the symbols to tell of them.

    Args:
        symbols: the ELF image of the first application, if it is known.
        symbols_of: finds the ELF image of a bundle by its hash.
    """

    core: Core
    store: FlashStore
    debug: DebugListener | None
    _runner: CoreRunner
    _app: AppState

    def __init__(self, symbols: ElfImage | None, symbols_of: SymbolsOf | None) -> None:
        self.symbols = symbols
        self._symbols_of = symbols_of
        self._symbols_app: str | None = None  # the application that the symbols belong to
        self._crash_report: CrashReport | None = None

    def symbolise(self, address: int) -> str | None:
        """Return ``function+0x12`` for an address in the application, None if not known."""
        found = self._function_at(address)
        return None if found is None else f"{found[0]}+0x{found[1]:x}"

    def faulted(self, record: FaultRecord) -> None:
        if self._app is not AppState.RUNNING:
            return
        self._runner.touch()
        if self.debug is not None and self.debug.catches(record):
            self.core.halt(HaltReason.VECTOR_CATCH)
        elif not is_crash(record):
            self._record("board", "fault_taken", exception=record.exception, cfsr=f"0x{record.cfsr:08x}",
                         pc=f"0x{record.registers.get('pc', 0):08x}")
        elif self._crash_report is None:  # looked at now: the core goes on, into a handler that may use the stack
            self._end_as_crash(record, describe_fault(record, self.symbolise), record.registers)

    def crash_application(self, text: str) -> None:
        if self._app is AppState.RUNNING and self._crash_report is None:
            self._end_as_crash(None, text, registers_of(self.core))

    def _end_as_crash(self, record: FaultRecord | None, text: str, registers: dict[str, int]) -> None:
        self._crash_report = take_report(self.core, record, text, registers, stack_bytes=self.kernel.stack_bytes,
                                         function_at=self._function_at)
        self._runner.leave()
        if not self._runner.is_running:
            self._after_stop()

    def _crash(self, report: CrashReport) -> None:
        self._set_state(AppState.CRASHED)
        record = report.record
        facts: dict[str, Fact] = {} if record is None else {
            "lockup": record.lockup, "exception": record.exception, "cfsr": f"0x{record.cfsr:08x}",
            "hfsr": f"0x{record.hfsr:08x}", "mmfar": f"0x{record.mmfar:08x}", "bfar": f"0x{record.bfar:08x}"}
        self._record("board", "application_crashed", text=report.text, **facts,
                     registers={name: f"0x{value:08x}" for name, value in report.registers.items()},
                     backtrace=report.frames, stack_at=f"0x{report.stack_at:08x}", stack=report.stack.hex())
        self.kernel.crashed(report)

    def _find_symbols(self) -> None:
        """Take the symbols of the application in flash: those of the one before would tell lies."""
        installed = self.store.installed
        if installed is None or installed.app_sid == self._symbols_app:
            return
        found = None
        if self._symbols_of is not None and installed.manifest:
            found = self._symbols_of(f"sha256:{hashlib.sha256(installed.manifest).hexdigest()}")
        if found is not None or self._symbols_app is not None:  # the first application may come with symbols
            self.symbols = found
        self._symbols_app = installed.app_sid

    def _function_at(self, address: int) -> tuple[str, int] | None:
        return self.symbols.function_at(address) if self.symbols is not None else None

    # -- the rest of the board ----------------------------------------------------------------------------------------

    @property
    def kernel(self) -> Kernel:
        raise NotImplementedError

    def _after_stop(self) -> None:
        raise NotImplementedError

    def _set_state(self, state: AppState) -> None:
        raise NotImplementedError

    def _record(self, source: str, event: str, **data: Fact) -> None:
        raise NotImplementedError
