"""One direction of a TCP connection: octets and what follows them, in order, with a latency and a bound."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

from harness.virtual.world import Event, World

WINDOW: Final = 65_536
"""Octets that one side may have under way."""

_FIRST_RETRY: Final = 10_000_000  # nanoseconds until a receiver that took nothing is asked again
_LAST_RETRY: Final = 1_000_000_000

Item: TypeAlias = bytes | Callable[[], None]


class Lane:
    """Carries octets, and actions such as an end, to the other side; what was put first arrives first.

    Args:
        latency: in nanoseconds.
        deliver: takes octets at the other side, and returns how many it took; asked again later if not all.
        name: of its events.
    """

    def __init__(self, world: World, latency: int, deliver: Callable[[bytes], int], *, name: str) -> None:
        self._world = world
        self._latency = latency
        self._deliver = deliver
        self._name = name
        self._queue: deque[tuple[int, Item]] = deque()
        self._latest = 0
        self._holds = 0
        self._retry = _FIRST_RETRY
        self._event: Event | None = None
        self.octets = 0
        """Octets under way."""

    def __repr__(self) -> str:
        return f"Lane({self._name!r}, {self.octets} octets{', held' if self._holds else ''})"

    @property
    def room(self) -> int:
        """Octets that may be put now."""
        return max(0, WINDOW - self.octets)

    @property
    def is_held(self) -> bool:
        """Whether nothing arrives."""
        return self._holds > 0

    def put(self, item: Item, *, later: int = 0) -> None:
        """Send something, by so many nanoseconds slower than usual; what is behind it waits for it."""
        self._latest = max(self._latest, self._world.now() + self._latency + later)
        if isinstance(item, bytes):
            self.octets += len(item)
        self._queue.append((self._latest, item))
        self._plan()

    def break_off(self, action: Callable[[], None]) -> None:
        """Do something at the other side behind what is under way, or instead of that where it does not get through."""
        if self._holds:
            self.clear()
            self._world.call_at(self._world.now() + self._latency, action, name=self._name)
        else:
            self.put(action)

    def hold(self) -> None:
        """Let nothing arrive until :meth:`release` was called as often."""
        self._holds += 1
        if self._event is not None:
            self._event.cancel()
            self._event = None

    def release(self) -> None:
        """Let things arrive again; those whose time has come do so at once."""
        self._holds -= 1
        self._plan()

    def clear(self) -> None:
        """Lose what is under way."""
        self._queue.clear()
        self.octets = 0
        if self._event is not None:
            self._event.cancel()
            self._event = None

    def _plan(self, after: int = 0) -> None:
        if self._event is None and self._queue and not self._holds:
            self._event = self._world.call_at(max(self._world.now() + after, self._queue[0][0]), self._arrive,
                                              name=self._name)

    def _arrive(self) -> None:
        self._event = None
        now = self._world.now()
        while self._queue and not self._holds and self._queue[0][0] <= now:
            due, item = self._queue.popleft()
            if not isinstance(item, bytes):
                item()
                continue
            self.octets -= len(item)
            taken = self._deliver(item)
            if rest := item[taken:]:
                self._queue.appendleft((due, rest))
                self.octets += len(rest)
                self._retry = _FIRST_RETRY if taken else min(2 * self._retry, _LAST_RETRY)
                self._plan(self._retry)
                return
            self._retry = _FIRST_RETRY
        self._plan()
