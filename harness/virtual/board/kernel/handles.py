"""Handles: opaque, random, never zero, and gone when closed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from harness.clock import RandomStream
from harness.virtual.board.kernel.enums import MvStatus
from harness.virtual.board.kernel.memory import Refused

T = TypeVar("T")


class HandleTable(Generic[T]):
    """Objects of one kind by their handles.

    Args:
        limit: objects open at a time.
        full: the status that refuses one more.
        chance: where handle values are drawn from.
    """

    def __init__(self, limit: int, full: MvStatus, chance: RandomStream) -> None:
        self._limit = limit
        self._full = full
        self._chance = chance
        self._objects: dict[int, T] = {}

    def __repr__(self) -> str:
        return f"HandleTable({len(self._objects)} of {self._limit})"

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[T]:
        return iter(tuple(self._objects.values()))

    def check_room(self) -> None:
        """Refuse if no more objects can be opened."""
        if len(self._objects) >= self._limit:
            raise Refused(self._full)

    def open(self, thing: T) -> int:
        """Return a new handle for ``thing``."""
        self.check_room()
        while True:
            handle = self._chance.getrandbits(32)
            if handle and handle not in self._objects:
                self._objects[handle] = thing
                return handle

    def find(self, handle: int) -> T | None:
        """Return the object of a handle, None if there is none."""
        return self._objects.get(handle)

    def get(self, handle: int, status: MvStatus = MvStatus.INVALIDHANDLE) -> T:
        """Return the object of a handle; refuse with ``status`` if there is none."""
        thing = self._objects.get(handle)
        if thing is None:
            raise Refused(status)
        return thing

    def close(self, handle: int) -> T:
        """Forget a handle and return what it stood for; refuse with INVALIDHANDLE if there is none."""
        thing = self.get(handle)
        del self._objects[handle]
        return thing

    def clear(self) -> None:
        """Forget all."""
        self._objects.clear()
