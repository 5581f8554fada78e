"""Small parts of the board: what its application does, who listens to its core, and what makes one."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from harness.formats.elf import ElfImage
from harness.virtual.board.core.interface import Core, CoreClient, FaultRecord, HaltReason

CoreFactory = Callable[[CoreClient], Core]
SymbolsOf = Callable[[str], "ElfImage | None"]


class AppState(Enum):
    """What the application is doing."""

    NONE = auto()
    """There is no code in flash that could run."""
    RUNNING = auto()
    STOPPED = auto()
    """The kernel holds it: flash is about to change, or testing is over."""
    CRASHED = auto()
    """It waits for its restart."""
    ASLEEP = auto()
    """In deep sleep: it will boot."""


class DebugListener(Protocol):
    """A debug port, told what happens to the core."""

    def halted(self, reason: HaltReason) -> None: ...

    def was_reset(self) -> None: ...

    def catches(self, record: FaultRecord) -> bool: ...

    def power_lost(self) -> None: ...
