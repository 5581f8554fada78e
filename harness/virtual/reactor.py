"""Descriptors of the far ends: what to call when one becomes readable or writable.

An epoll(7) instance and a table, without :mod:`selectors` between: what that does for each event costs as much as the
answer to an AT command.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import weakref
from collections.abc import Callable
from typing import Final

from harness.clock import Stopwatch

Ready = list[tuple[int, int]]
"""Descriptors with what epoll(7) says of each."""

_BRISK: Final = 150e-6
"""Seconds: who was answered and comes back within this is waited for awake. A sleeping thread takes that long to run
again, on a virtual machine above all, so a program that sends one command after the other would wait mostly for us to
wake up. Whoever takes longer is waited for asleep: an idle port costs nothing."""


class Reactor:
    """An epoll instance with a wake-up pipe. Callbacks run inside a turn of the world and must not block."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._epoll.register(self._wake_read, select.EPOLLIN)
        self._callbacks: dict[int, tuple[Callable[[], None] | None, Callable[[], None] | None]] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._brisk = False  # whether the last wait was a short one
        # a world that nobody closed must not keep its descriptors: a test run makes thousands
        self._release = weakref.finalize(self, _release, self._epoll, self._wake_read, self._wake_write)

    def __repr__(self) -> str:
        return f"Reactor({0 if self._closed else len(self._callbacks)} descriptors)"

    def add(self, descriptor: int, on_readable: Callable[[], None] | None,
            on_writable: Callable[[], None] | None = None) -> None:
        """Call ``on_readable`` if given whenever ``descriptor`` can be read, and ``on_writable`` when written.

        Adding a descriptor again replaces what was said of it.
        """
        events = (select.EPOLLIN if on_readable else 0) | (select.EPOLLOUT if on_writable else 0)
        with self._lock:
            if descriptor in self._callbacks:
                self._epoll.modify(descriptor, events)
            else:
                self._epoll.register(descriptor, events)
            self._callbacks[descriptor] = (on_readable, on_writable)

    def remove(self, descriptor: int) -> None:
        """Forget ``descriptor``; no error if it is not known. Call it before closing the descriptor."""
        with self._lock:
            if not self._closed and self._callbacks.pop(descriptor, None) is not None:
                with contextlib.suppress(OSError):  # it was closed before, and epoll forgot it then
                    self._epoll.unregister(descriptor)

    def wake(self) -> None:
        """Let a :meth:`wait` in another thread return now."""
        if not self._closed:
            with contextlib.suppress(OSError):  # the pipe is full (the waiter will wake anyway) or closed
                os.write(self._wake_write, b"\0")

    def wait(self, timeout: float) -> Ready:
        """Return what is ready within ``timeout`` seconds, without calling anything."""
        ready = self._epoll.poll(0)
        if not ready and timeout > 0:
            ready = self._wait(timeout)
        for entry in ready:
            if entry[0] == self._wake_read:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
                ready.remove(entry)
                break
        return ready

    def _wait(self, timeout: float) -> Ready:
        """Wait awake for who was brisk the last time, then asleep."""
        watch = Stopwatch()
        if self._brisk and timeout > _BRISK:
            while watch.seconds < _BRISK:
                os.sched_yield()  # whoever we wait for may need this very processor
                if ready := self._epoll.poll(0):
                    self._brisk = any(entry[0] != self._wake_read for entry in ready)
                    return ready
        ready = self._epoll.poll(timeout)
        # other threads that wake us do not count: to wait awake for those would keep them from running
        self._brisk = watch.seconds < _BRISK and any(entry[0] != self._wake_read for entry in ready)
        return ready

    def dispatch(self, ready: Ready) -> None:
        """Call what belongs to each ready descriptor, unless an earlier callback removed it."""
        for descriptor, mask in ready:
            callbacks = self._callbacks.get(descriptor)
            if callbacks is None:
                continue
            on_readable, on_writable = callbacks
            # a hang-up or an error shows itself to whoever reads or writes next
            if on_readable is not None and mask & ~select.EPOLLOUT:
                on_readable()
            if on_writable is not None and mask & ~select.EPOLLIN:
                on_writable()

    def poll(self, timeout: float) -> bool:
        """Wait and dispatch in one; return whether anything was ready."""
        ready = self.wait(timeout)
        self.dispatch(ready)
        return bool(ready)

    def close(self) -> None:
        """Release the epoll instance and the pipe, not the descriptors of others. May be called twice."""
        if not self._closed:
            self._closed = True
            self._callbacks.clear()
            self._release()


def _release(epoll: select.epoll, *pipe: int) -> None:
    epoll.close()
    for descriptor in pipe:
        os.close(descriptor)
