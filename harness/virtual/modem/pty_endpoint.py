"""A pseudo-terminal as the far end of a serial line, behind a link with a name that stays.

Theory of operation. Nobody but the client holds the slave open, so the kernel tells when the client goes: the master
hangs up. While a client is there the master stands in the world's reactor as any descriptor does. A master that hung up
is readable all the time; it is then watched edge-triggered, by an epoll instance that stands in the reactor in its
place, and costs nothing until a client comes. A client that goes and is followed by another before we look leaves the
master as it was: :mod:`harness.virtual.modem.terminal_watch` tells of that one. Output never blocks: what the client
does not take waits in a bounded queue.
"""

from __future__ import annotations

import os
import select
import termios
import tty
from collections.abc import Callable
from pathlib import Path

from harness.clock import Stopwatch
from harness.errors import PortTaken, UsageError
from harness.virtual.modem.link_keeper import LINKS
from harness.virtual.modem.outlet import Outlet
from harness.virtual.modem.terminal_watch import Holders, watch_terminal
from harness.virtual.world import Event, World

MAX_HELD = 4096
"""Octets kept for the first client while nobody has the port open."""
_CHUNK = 65_536
_EDGES = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET
_SPEEDS = {getattr(termios, name): int(name[1:]) for name in dir(termios) if name[0] == "B" and name[1:].isdecimal()}
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

    Raises:
        PortTaken: the link's name is in use.
        UsageError: the link's folder does not exist.
    """

    def __init__(self, world: World, link: Path, *, receive: Callable[[bytes], None], hold: bool = False,
                 lost: Callable[[], None] | None = None) -> None:
        self.path = Path(link)
        self.bytes_received = 0
        self.on_open: Callable[[], None] | None = None
        self.on_close: Callable[[], None] | None = None
        self._world = world
        self._receive = receive
        self._outlet = Outlet(world.reactor, self._read, lost)
        self._held: bytearray | None = bytearray() if hold else None
        self._look: Event | None = None
        self._holders: Holders | None = None
        self._open = False
        self._closed = True
        self._plug()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open" if self._open else "no client"
        return f"PtyEndpoint({str(self.path)!r}, {state})"

    @property
    def bytes_sent(self) -> int:
        """Octets really handed to the kernel for the client so far."""
        return self._outlet.sent

    @property
    def is_open(self) -> bool:
        """Whether a client has the port open now."""
        if not self._closed and not self._open and self._somebody_there():
            self._opened()
        return self._open

    @property
    def backlog(self) -> int:
        """Octets that wait for a client that does not read."""
        return self._outlet.backlog

    def listen(self, listening: bool) -> None:
        """Take octets from the client, or leave them where they are; it has to wait when there is no room for more."""
        self._outlet.listen(listening)

    def send(self, data: bytes) -> None:
        """Send to the client; lost if there is none, unless it is held for the first."""
        if self._held is not None:
            self._held += data[:MAX_HELD - len(self._held)]
        elif self._open or self.is_open:
            self._outlet.write(data)

    def pump(self, timeout_seconds: float = 0.0) -> bool:
        """Move bytes now, both ways, waiting at most this many real seconds for any; return whether any moved."""
        watch = Stopwatch()
        before = self.bytes_received + self.bytes_sent
        while not self._closed:
            with self._world.turn():
                if self._open:
                    if self._outlet.listening:
                        self._read()
                    if self._outlet.backlog:
                        self._outlet.flush()
                else:
                    self._something_happened()
                if self.bytes_received + self.bytes_sent != before:
                    return True
                ready = select.poll()
                hears = select.POLLIN if self._outlet.listening or not self._open else 0
                ready.register(self._master if self._open else self._waiting_for_client,
                               hears | (select.POLLOUT if self._outlet.backlog else 0))
            left = timeout_seconds - watch.seconds
            # the wait is outside the turn, so that others may move the world meanwhile
            if left <= 0 or not ready.poll(left * 1000):
                return False
        return False

    @property
    def bits_per_second(self) -> int:
        """The line speed that the client has set, 0 for one that has no name in termios(3)."""
        if self._closed:
            return 0
        return _SPEEDS.get(termios.tcgetattr(self._master)[5], 0)

    def plug(self) -> None:
        """Come back after :meth:`close`: another terminal behind the same link, as when a USB modem is replugged.

        Raises:
            PortTaken: the link's name is in use meanwhile.
        """
        if self._closed:
            self._plug()

    def hang_up(self) -> None:
        """Let the client lose its line, and have another terminal behind the link, which is never away.

        Raises:
            UsageError: the link's folder is gone; the port is closed then.
        """
        if self._closed:
            return
        gone = self._open
        before = self._let_go()
        try:
            self._make_terminal()
        finally:
            os.close(before)
        if gone and self.on_close is not None:
            self.on_close()

    def close(self) -> None:
        """Hang up, and remove the link if it is still ours. May be called twice.

        A client that waits for data sees the end of the line, as it does when a USB modem is unplugged.
        """
        if self._closed:
            return
        gone = self._open
        before = self._let_go()
        _remove_link(self.path, self._slave_name)
        LINKS.forget(self.path)
        os.close(before)
        if gone and self.on_close is not None:
            self.on_close()

    def _let_go(self) -> int:
        """Serve the terminal no more; return its master, which is still open."""
        if self._open:
            self._outlet.close()
        else:
            self._world.reactor.remove(self._waiting_for_client.fileno())
        self._closed = True
        self._open = False
        if self._look is not None:
            self._look.cancel()
        self._waiting_for_client.close()
        if self._holders is not None:
            self._holders.close()
            self._holders = None
        return self._master

    def _plug(self) -> None:
        _check_free(self.path)
        self._make_terminal()

    def _make_terminal(self) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self._slave_name = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self._master, False)
        self._waiting_for_client = select.epoll()
        self._waiting_for_client.register(self._master, _EDGES)
        self._holders = watch_terminal(self._world, self._slave_name, self._client_came_or_went)
        try:
            _replace_link(self.path, self._slave_name)
            LINKS.keep(self.path)
        except OSError as error:
            self._waiting_for_client.close()
            if self._holders is not None:
                self._holders.close()
            os.close(self._master)
            raise UsageError(f"can't make the port's link {self.path}: {error.strerror}") from None
        self._closed = False
        self._world.reactor.add(self._waiting_for_client.fileno(), self._something_happened)
        if self._holders is None:
            self._look_for_client()

    # -- while a client is there --------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            data = os.read(self._master, _CHUNK)
        except BlockingIOError:
            return
        except OSError:  # EIO: hung up and drained
            if self._holders is not None:
                self._holders.nobody()
            self._hung_up()
            return
        if self._holders is not None and self._holders.returned():  # it is another client's
            self._hung_up()
            self._opened()
        self.bytes_received += len(data)
        self._receive(data)

    # -- the client coming and going ----------------------------------------------------------------------------------

    def _something_happened(self) -> None:
        """An edge at the hung-up master: somebody came, or came and went; what was written is there to be read."""
        events = 0
        for _, mask in self._waiting_for_client.poll(0):
            events |= mask
        if self._somebody_there() or events & select.EPOLLIN:
            self._opened()
            self._read()

    def _client_came_or_went(self) -> None:
        """Let a client be gone although the next one is there already, or notice one that only listens."""
        if self._closed:
            return
        if self._open and self._holders is not None and self._holders.returned():
            self._hung_up()
        elif self._open and not self._somebody_there():  # who is not listened to is not seen to go
            self._outlet.listen(True)
        if not self._open:
            self._something_happened()

    def _look_for_client(self) -> None:
        """Look out for a first client that only listens, where nothing tells of it: opening alone makes no edge."""
        if self._held is not None and not self._world.is_virtual and not self.is_open:
            self._look = self._world.call_later(_LOOK, self._look_for_client, name="modem-port")

    def _somebody_there(self) -> bool:
        poll = select.poll()
        poll.register(self._master, 0)
        return not any(mask & select.POLLHUP for _, mask in poll.poll(0))

    def _opened(self) -> None:
        self._open = True
        if self._holders is not None:
            self._holders.begin()
        self._world.reactor.remove(self._waiting_for_client.fileno())
        self._outlet.open(self._master)
        if self._held is not None:
            self._world.call_later(_AFTER_OPEN, self._release, name="modem-port")
        if self.on_open is not None:
            self.on_open()

    def _hung_up(self) -> None:
        self._open = False
        self._outlet.close()
        self._world.reactor.add(self._waiting_for_client.fileno(), self._something_happened)
        if self.on_close is not None:
            self.on_close()

    def _release(self) -> None:
        held, self._held = self._held, None
        if held and self._open:
            self._outlet.write(bytes(held))


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
