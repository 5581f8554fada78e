"""The CPU: memory, exceptions, NVIC, SysTick and the run loop, behind one interface."""

from __future__ import annotations

import os
from typing import Literal, Protocol, get_args

from harness.errors import UsageError
from harness.virtual.board.core.interface import Core, CoreClient
from harness.virtual.board.core.trace import Trace

CoreChoice = Literal["auto", "python", "c"]
ENVIRONMENT = "MVH_CORE"
"""The environment variable that chooses the core of boards whose settings do not."""


class TracedCore(Core, Protocol):
    """A core whose doings can be compared with those of another."""

    trace: Trace


def make_core(client: CoreClient, prefer: CoreChoice = "auto", *, skip_idle: bool = True) -> TracedCore:
    """Return a core for ``client``. Both give the same trace; the compiled one is many times as fast.

    Args:
        prefer: ``c`` or ``python``; ``auto`` is what the environment variable ``MVH_CORE`` says, and without it the
            compiled core where it was built and the Python core elsewhere.
        skip_idle: whether the compiled core skips loops that only wait; the Python core executes them.

    Raises:
        UsageError: there is no such core, or the compiled core was asked for and was not built.
    """
    choice = os.environ.get(ENVIRONMENT, "") or "auto" if prefer == "auto" else prefer
    if choice not in get_args(CoreChoice):
        where = f" in {ENVIRONMENT}" if prefer == "auto" else ""
        raise UsageError(f"no such core{where}: {choice!r} (there are: {', '.join(get_args(CoreChoice))})")
    from harness.virtual.board.core import native_state  # the emulator is heavy: loaded when needed

    built = native_state.library() is not None
    if choice == "c" and not built:
        raise UsageError("the compiled CPU core was not built: there was no C compiler at installation. "
                         "The Python core gives the same results: choose 'python' or 'auto'")
    if choice == "python" or not built:
        from harness.virtual.board.core.python_core import PythonCore

        return PythonCore(client)
    from harness.virtual.board.core.c_core import CCore

    return CCore(client, skip_idle=skip_idle)
