"""Small parts of the board: what its application does, who listens to its core, and how it gets one."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from harness.errors import UsageError
from harness.virtual.board.core.interface import Core, CoreClient, HaltReason

CoreFactory = Callable[[CoreClient], Core]


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


def make_core(kind: str, client: CoreClient) -> Core:
    """Return a core: ``python``, or ``auto`` for the fastest there is.

    Raises:
        UsageError: there is no such core.
    """
    if kind in ("auto", "python"):
        from harness.virtual.board.core.python_core import PythonCore

        return PythonCore(client)
    raise UsageError(f"no core {kind!r}: cores are auto and python")
