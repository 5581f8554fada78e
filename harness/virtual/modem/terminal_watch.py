"""Who opened and closed a pseudo-terminal, in order: what the master alone does not tell.

Theory of operation. A master hangs up when the last holder of its terminal is gone, and is as before as soon as
somebody opens it again. A client that closes and opens faster than we look therefore leaves no trace there. inotify(7)
queues each opening and each closing of the terminal's own name, so the holders can be counted. Two equal events in a
row would become one; the folder is watched too, by the same instance, and its events stand between those of its files.

A closing is told before the master hangs up, and an opening after it is as before, but before the opener can write.
Where there is no inotify, or its queue ran over, nothing is told and the hang-up of the master has to do.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import weakref
from collections.abc import Callable
from typing import Final

from harness.virtual.world import World

_OPEN: Final = 0x20
_CLOSE: Final = 0x8 | 0x10  # of a file open for writing, or not
_OVERFLOW: Final = 0x4000
_HEADER: Final = struct.Struct("=iIII")  # watch, mask, cookie, octets of the name
_READ_SIZE: Final = 65_536
_WATCHES: weakref.WeakKeyDictionary[World, TerminalWatch] = weakref.WeakKeyDictionary()


class Holders:
    """The clients that have one terminal open.

    Args:
        changed: called, in a turn of the world, when one came or went.
    """

    def __init__(self, watch: TerminalWatch, number: int, changed: Callable[[], None]) -> None:
        self.changed = changed
        self.number = number
        self._watch = watch
        self._count: int | None = 0  # None: we lost count
        self._left = False  # all of those who were there
        self._returned = False

    def __repr__(self) -> str:
        return f"Holders({'unknown' if self._count is None else self._count})"

    def returned(self) -> bool:
        """Return whether all had left before the present one came, and forget it."""
        self._watch.look(self)
        returned, self._returned = self._returned, False
        return returned

    def begin(self) -> None:
        """Somebody is there now: whoever left before is of no interest any more."""
        self._watch.look(self)
        self._left = self._returned = False

    def nobody(self) -> None:
        """The master hung up: if we lost count, it begins again here."""
        self._watch.look(self)
        if self._count is None:
            self._count = 0

    def close(self) -> None:
        """Watch it no more."""
        self._watch.remove(self)

    def take(self, mask: int) -> None:
        """Take an event."""
        if self._count is None:
            return
        if mask & _OPEN:
            self._count += 1
            self._returned |= self._left
            self._left = False
        elif mask & _CLOSE and self._count:
            self._count -= 1
            self._left |= self._count == 0

    def lose_count(self) -> None:
        """Events were lost: tell nothing until the master hangs up."""
        self._count = None
        self._left = self._returned = False


class TerminalWatch:
    """The watched terminals of one world.

    Raises:
        OSError: there is no inotify, or no instance left for this user.
    """

    def __init__(self, world: World) -> None:
        self._world = weakref.ref(world)
        self._descriptor = _call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
        self._release = weakref.finalize(self, os.close, self._descriptor)
        self._holders: dict[int, Holders] = {}
        world.reactor.add(self._descriptor, self._readable)

    def __repr__(self) -> str:
        return f"TerminalWatch({len(self._holders)} terminals)"

    def add(self, terminal: str, changed: Callable[[], None]) -> Holders:
        """Watch a terminal that nobody has open.

        Raises:
            OSError: it can't be watched.
        """
        for name in (os.path.dirname(terminal), terminal):
            number = _call("inotify_add_watch", self._descriptor, os.fsencode(name), _OPEN | _CLOSE)
        holders = self._holders[number] = Holders(self, number, changed)
        return holders

    def remove(self, holders: Holders) -> None:
        """Watch a terminal no more; call it before the master is closed. The last one takes the instance with it."""
        world = self._world()
        # a modem may be made and closed outside a turn: the thread of the world must not be looking meanwhile
        with world.turn() if world is not None else contextlib.nullcontext():
            del self._holders[holders.number]
            with contextlib.suppress(OSError):
                _call("inotify_rm_watch", self._descriptor, holders.number)
            if not self._holders and world is not None:
                world.reactor.remove(self._descriptor)
                _WATCHES.pop(world, None)
                self._release()

    def look(self, asking: Holders | None = None) -> None:
        """Count what happened meanwhile, and let everybody whom it concerns know, but who asks."""
        try:
            data = os.read(self._descriptor, _READ_SIZE)
        except BlockingIOError:
            return
        concerned: dict[Holders, None] = {}
        at = 0
        while at < len(data):
            number, mask, _, length = _HEADER.unpack_from(data, at)
            at += _HEADER.size + length
            if mask & _OVERFLOW:
                for holders in self._holders.values():
                    holders.lose_count()
            elif (found := self._holders.get(number)) is not None:
                found.take(mask)
                concerned[found] = None
        world = self._world()
        for holders in concerned:
            if holders is not asking and world is not None:
                world.call_at(world.now(), holders.changed, name="modem-port")

    def _readable(self) -> None:
        self.look()


def watch_terminal(world: World, terminal: str, changed: Callable[[], None]) -> Holders | None:
    """Return who holds a terminal from now on, None where that can't be watched."""
    try:
        with world.turn():
            if (watch := _WATCHES.get(world)) is None:
                watch = _WATCHES[world] = TerminalWatch(world)
            return watch.add(terminal, changed)
    except (OSError, AttributeError):  # a C library without inotify
        return None


def _call(function: str, *arguments: object) -> int:
    result = int(getattr(ctypes.CDLL(None, use_errno=True), function)(*arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
