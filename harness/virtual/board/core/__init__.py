"""The CPU: memory, exceptions, NVIC, SysTick and the run loop, behind one interface."""

from __future__ import annotations

from typing import Literal, Protocol

from harness.errors import UsageError
from harness.virtual.board.core.interface import Core, CoreClient
from harness.virtual.board.core.trace import Trace

CoreChoice = Literal["auto", "python", "c"]


class TracedCore(Core, Protocol):
    """A core whose doings can be compared with those of another."""

    trace: Trace


def make_core(client: CoreClient, prefer: CoreChoice = "auto") -> TracedCore:
    """Return a core for ``client``: ``auto`` with the compiled hook, ``python`` without; the traces are equal.

    Raises:
        UsageError: there is no such core, or the C core was asked for, which there is not yet.
    """
    if prefer not in ("auto", "python", "c"):
        raise UsageError(f"no such core: {prefer!r} (there are: auto, python, c)")
    if prefer == "c":
        raise UsageError("there is no C core yet; the Python core gives the same results")
    from harness.virtual.board.core.python_core import PythonCore  # the emulator is heavy: loaded when needed

    return PythonCore(client, compiled=prefer == "auto")
