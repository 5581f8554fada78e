"""A pseudo-terminal as the far end of a serial line, behind a link with a name that stays.

Theory of operation. Nobody but the client holds the slave open, so the kernel tells when the client goes: the master
hangs up. A master that hung up is readable all the time; it is therefore watched edge-triggered, by an epoll instance
of its own that stands in the world's reactor, and costs nothing while nobody has the port open. Output never blocks:
what the client does not take waits in a bounded queue.
"""

from __future__ import annotations

import os
import select
import tty
from collections.abc import Callable
from pathlib import Path

from harness.clock import Stopwatch
from harness.errors import PortTaken, UsageError
from harness.virtual.world import Event, World

MAX_QUEUED = 1 << 18
"""Octets that wait for a client that does not read; the newest beyond are lost."""
MAX_HELD = 4096
"""Octets kept for the first client while nobody has the port open."""
_CHUNK = 65_536
_LOOK = "200ms"  # how often to look for a client that opened the port and neither wrote nor set anything
_AFTER_OPEN = "100ms"  # clients flush their input once they have opened the port


class PtyEndpoint:
    """One port.

    Args:
        world: whose reactor serves it.
        link: name of the symbolic link to the terminal, which appears at once and goes with :meth:`close`.
        receive: takes what the client sends, in a turn of the world.
        hold: keep the output of the time before the first client for it, instead of losing it.
        lost: called when output is lost because the client does not read, once until it reads again.

    Attributes:
        bytes_received: octets taken from the client so far.
        bytes_sent: octets really handed to the kernel for the client so far.

    Raises:
        PortTaken: the link's name is in use.
        UsageError: the link's folder does not exist.
    """

    def __init__(self, world: World, link: Path, *, receive: Callable[[bytes], None], hold: bool = False,
                 lost: Callable[[], None] | None = None) -> None:
        self.path = Path(link)
        self.bytes_received = 0
        self.bytes_sent = 0
        self.on_open: Callable[[], None] | None = None
        self.on_close: Callable[[], None] | None = None
        self._world = world
        self._receive = receive
        self._lost = lost
        self._losing = False
        self._queue = bytearray()
        self._held: bytearray | None = bytearray() if hold else None
        self._look: Event | None = None
        self._open = False
        self._closed = False
        _check_free(self.path)
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self._slave_name = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self._master, False)
        self._epoll = select.epoll()
        self._mask = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET
        self._epoll.register(self._master, self._mask)
        try:
            _replace_link(self.path, self._slave_name)
        except OSError as error:
            self._epoll.close()
            os.close(self._master)
            raise UsageError(f"can't make the port's link {self.path}: {error.strerror}") from None
        world.reactor.add(self._epoll.fileno(), self._service)

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open" if self._open else "no client"
        return f"PtyEndpoint({str(self.path)!r}, {state})"

    @property
    def is_open(self) -> bool:
        """Whether a client has the port open now."""
        if not self._closed and not self._open and self._somebody_there():
            self._opened()
        return self._open

    def send(self, data: bytes) -> None:
        """Send to the client; lost if there is none, unless it is held for the first."""
        if self._closed:
            return
        if not self._open and not self.is_open:
            if self._held is not None:
                del data
            return
        self._write(data)

    def pump(self, timeout_seconds: float = 0.0) -> bool:
        """Move bytes now, both ways, waiting at most this many real seconds for any; return whether any moved."""
        with self._world.turn():
            before = self.bytes_received + self.bytes_sent
            self._service()
            moved = self.bytes_received + self.bytes_sent != before
        if moved or self._closed or timeout_seconds <= 0:
            return moved
        watch = Stopwatch()
        while (left := timeout_seconds - watch.seconds) > 0:
            # the wait is outside the turn, so that others may move the world meanwhile
            if select.select([self._epoll], [], [], left)[0]:
                with self._world.turn():
                    self._service()
                    if self.bytes_received + self.bytes_sent != before:
                        return True
        return False

    def close(self) -> None:
        """Hang up, and remove the link if it is still ours. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._open = False
        if self._look is not None:
            self._look.cancel()
        self._world.reactor.remove(self._epoll.fileno())
        self._epoll.close()
        _remove_link(self.path, self._slave_name)
        os.close(self._master)

    # -- the kernel's side --------------------------------------------------------------------------------------------

    def _service(self) -> None:
        if self._closed:
            return
        events = 0
        for _, mask in self._epoll.poll(0):
            events |= mask
        if not events:
            return
        if not events & select.EPOLLHUP and not self._open:
            self._opened()
        if events & select.EPOLLIN:
            self._read()
        if self._closed:  # by what was received
            return
        if events & select.EPOLLHUP:
            if not self._somebody_there():
                self._hung_up()
        elif self._queue:
            self._flush()

    def _read(self) -> None:
        while not self._closed:
            try:
                data = os.read(self._master, _CHUNK)
            except BlockingIOError:
                return
            except OSError:  # EIO: hung up and drained
                return
            if not data:
                return
            self.bytes_received += len(data)
            if not self._open:
                self._open = True  # somebody was there long enough to write
            self._receive(data)

    def _write(self, data: bytes) -> None:
        if not self._queue:
            try:
                count = os.write(self._master, data)
            except BlockingIOError:
                count = 0
            except OSError:
                return
            self.bytes_sent += count
            if count == len(data):
                self._losing = False
                return
            data = data[count:]
        if len(self._queue) + len(data) > MAX_QUEUED:
            if not self._losing:
                self._losing = True
                if self._lost is not None:
                    self._lost()
            return
        self._queue += data
        self._watch_for(select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)

    def _flush(self) -> None:
        while self._queue:
            try:
                count = os.write(self._master, memoryview(self._queue)[:_CHUNK].tobytes())
            except BlockingIOError:
                return
            except OSError:
                self._queue.clear()
                return
            self.bytes_sent += count
            del self._queue[:count]
        self._losing = False
        self._watch_for(select.EPOLLIN | select.EPOLLET)

    def _watch_for(self, mask: int) -> None:
        if mask != self._mask:
            self._mask = mask
            self._epoll.modify(self._master, mask)

    # -- the client coming and going ----------------------------------------------------------------------------------

    def _somebody_there(self) -> bool:
        poll = select.poll()
        poll.register(self._master, 0)
        return not any(mask & select.POLLHUP for _, mask in poll.poll(0))

    def _opened(self) -> None:
        self._open = True
        if not self._queue:
            self._watch_for(select.EPOLLIN | select.EPOLLET)
        if self._held is not None:
            self._world.call_later(_AFTER_OPEN, self._release, name="modem-port")
        if self.on_open is not None:
            self.on_open()

    def _release(self) -> None:
        held, self._held = self._held, None
        if held and self._open:
            self._write(bytes(held))

    def _hung_up(self) -> None:
        was_open, self._open = self._open, False
        self._queue.clear()
        self._losing = False
        self._watch_for(select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
        if was_open and self.on_close is not None:
            self.on_close()


def _check_free(link: Path) -> None:
    """Refuse a name behind which something lives; a link that leads nowhere is only what a killed process left."""
    if not link.parent.is_dir():
        raise UsageError(f"the folder of the port's link {link} must exist")
    if link.is_symlink():
        if link.exists():
            raise PortTaken(f"{link} leads to a port that is in use: choose another name, or remove the link if it is "
                            f"stale")
    elif link.exists():
        raise PortTaken(f"{link} exists and is not a link of ours: choose another name")


def _replace_link(link: Path, target: str) -> None:
    """Make the link appear with its target in one step."""
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)


def _remove_link(link: Path, target: str) -> None:
    try:
        if os.readlink(link) == target:
            link.unlink()
    except OSError:  # gone already, or somebody else's
        return
