"""Ctrl-C while the emulator runs.

A Python signal handler runs wherever Python code runs next. Under the emulator that is one of its callbacks, and an
exception raised there, KeyboardInterrupt above all, has nowhere to go: it would be printed and forgotten. So signals
are held while a core runs, and handled as soon as it has stopped.
"""

from __future__ import annotations

import signal
import threading

# What the module signal wraps. Its wrappers turn numbers into enumerations, which costs more than the rest of a run.
from _signal import getsignal as get_handler  # type: ignore[import-not-found]
from _signal import signal as set_handler
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_HELD = tuple(int(getattr(signal, name)) for name in ("SIGINT", "SIGALRM") if hasattr(signal, name))
"""Ctrl-C, and the alarm with which test runners end a test."""


class HeldSignals:
    """Holds signals for the length of a ``with`` block; handles them at its end. Does nothing outside the main thread.

    Args:
        arrived: called when a signal has come, so that the block may end early. It must not raise.
    """

    __slots__ = ("_arrived", "_came", "_handlers")

    def __init__(self, arrived: Callable[[], None]) -> None:
        self._arrived = arrived
        self._handlers: dict[int, Any] = {}
        self._came: list[tuple[int, FrameType | None]] = []

    def __repr__(self) -> str:
        return f"HeldSignals({[signal.Signals(number).name for number, _ in self._came]})"

    @property
    def pending(self) -> bool:
        """Whether a signal waits for the end of the block."""
        return bool(self._came)

    def __enter__(self) -> None:
        if threading.get_ident() != threading.main_thread().ident:
            return
        for number in _HELD:
            handler = get_handler(number)
            if callable(handler):
                self._handlers[number] = handler
                set_handler(number, self._hold)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        handlers = self._handlers
        if not handlers:
            return
        self._handlers = {}
        for number, handler in handlers.items():
            set_handler(number, handler)
        if not self._came:
            return
        came, self._came = self._came, []
        for number, frame in came:
            handlers[number](number, frame)

    def _hold(self, number: int, frame: FrameType | None) -> None:
        self._came.append((number, frame))
        self._arrived()
