"""Descriptors of the far ends: what to call when one becomes readable or writable."""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import weakref
from collections.abc import Callable

Ready = list[tuple[selectors.SelectorKey, int]]


class Reactor:
    """A selector with a wake-up pipe. Callbacks run inside a turn of the world and must not block."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._lock = threading.Lock()
        self._closed = False
        # a world that nobody closed must not keep its descriptors: a test run makes thousands
        self._release = weakref.finalize(self, _release, self._selector, self._wake_read, self._wake_write)

    def __repr__(self) -> str:
        return f"Reactor({0 if self._closed else len(self._selector.get_map()) - 1} descriptors)"

    def add(self, descriptor: int, on_readable: Callable[[], None],
            on_writable: Callable[[], None] | None = None) -> None:
        """Call ``on_readable`` whenever ``descriptor`` can be read, and ``on_writable`` if given when written.

        Adding a descriptor again replaces what was said of it.
        """
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if on_writable else 0)
        with self._lock:
            if descriptor in self._selector.get_map():
                self._selector.modify(descriptor, events, (on_readable, on_writable))
            else:
                self._selector.register(descriptor, events, (on_readable, on_writable))
        self.wake()

    def remove(self, descriptor: int) -> None:
        """Forget ``descriptor``; no error if it is not known. Call it before closing the descriptor."""
        with self._lock:
            if not self._closed and descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)

    def wake(self) -> None:
        """Let a :meth:`wait` in another thread return now."""
        if not self._closed:
            with contextlib.suppress(OSError):  # the pipe is full (the waiter will wake anyway) or closed
                os.write(self._wake_write, b"\0")

    def wait(self, timeout: float) -> Ready:
        """Return what is ready within ``timeout`` seconds, without calling anything."""
        ready = []
        for key, mask in self._selector.select(timeout):
            if key.fd == self._wake_read:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
            else:
                ready.append((key, mask))
        return ready

    def dispatch(self, ready: Ready) -> None:
        """Call what belongs to each ready descriptor, unless an earlier callback removed it."""
        for key, mask in ready:
            current = self._selector.get_map().get(key.fd)
            if current is None or current.data is None:
                continue
            on_readable, on_writable = current.data
            if mask & selectors.EVENT_READ:
                on_readable()
            if mask & selectors.EVENT_WRITE and on_writable is not None:
                on_writable()

    def poll(self, timeout: float) -> bool:
        """Wait and dispatch in one; return whether anything was ready."""
        ready = self.wait(timeout)
        self.dispatch(ready)
        return bool(ready)

    def close(self) -> None:
        """Release the selector and the pipe, not the descriptors of others. May be called twice."""
        if not self._closed:
            self._closed = True
            self._release()


def _release(selector: selectors.BaseSelector, *pipe: int) -> None:
    selector.close()
    for descriptor in pipe:
        os.close(descriptor)
