"""TCP and UDP between a device and a program outside this process: non-blocking sockets on the world's reactor."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from harness.virtual.internet.addresses import is_address
from harness.virtual.internet.patience import Patience
from harness.virtual.internet.seams import Address, CloseReason, HalfCloseHandler, TcpHandler
from harness.virtual.world import Event, World

BUFFER = 65_536
"""Octets that wait for a program which does not read."""

MAX_FLOWS = 256
"""UDP sockets open at once; the one that was silent longest makes room."""

_CHUNK = 16_384
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() breaks off
_MAX_DATAGRAM = 65_507
_REASONS = {errno.ECONNREFUSED: CloseReason.REFUSED, errno.ECONNRESET: CloseReason.RESET,
            errno.EPIPE: CloseReason.RESET, errno.ETIMEDOUT: CloseReason.TIMED_OUT}


def look_up(world: World, target: Address, then: Callable[[Address | None], None]) -> None:
    """Call ``then`` with an address in dotted form: at once, or when a real host's name was looked up; None if not."""
    host, port = target
    if is_address(host):
        then(target)
        return

    def find() -> str | None:
        try:
            return socket.gethostbyname(host)
        except OSError:
            return None

    def found(future: Future[str | None]) -> None:
        ip = future.result()
        then(None if ip is None else (ip, port))

    world.outside(find, found)


class SocketConnection:
    """A TCP connection to an address outside. Implements ``TcpConnection``.

    Args:
        target: where the socket connects to.
        timeout_ns: until it must be open.
        patience_s: real seconds that virtual time waits for an answer to what was sent.
    """

    def __init__(self, world: World, patience: Patience, *, source: Address, destination: Address, target: Address,
                 handler: TcpHandler, timeout_ns: int, patience_s: float) -> None:
        self.local = source
        self.remote = destination
        self._world = world
        self._patience = patience
        self._patience_s = patience_s
        self._handler = handler
        self._out = bytearray()
        self._connected = False
        self._closing = False
        self._ending = False  # this side sends no more after what is queued
        self._ended = False  # the far end sends no more
        self._paused = False
        self._over = False
        self._paced = False
        self._socket: socket.socket | None = None
        self._timer: Event = world.call_at(world.now() + timeout_ns, partial(self._end, CloseReason.TIMED_OUT),
                                           name="internet.tcp connect timeout")
        world.call_at(world.now(), lambda: look_up(world, target, self._start), name="internet.tcp connect")

    def __repr__(self) -> str:
        state = "closed" if self._over else "open" if self._connected else "connecting"
        return f"TcpConnection({self.local} to {self.remote}, {state})"

    @property
    def is_over(self) -> bool:
        """Whether the socket is closed."""
        return self._over

    @property
    def unacknowledged(self) -> int:
        return len(self._out)

    def send(self, data: bytes) -> int:
        if self._over or self._closing or self._ending or not self._connected:
            return 0
        taken = data[:BUFFER - len(self._out)]
        self._out += taken
        self._flush()
        return len(taken)

    def half_close(self) -> None:
        if self._over or self._closing or self._ending:
            return
        if not self._connected or self._ended:
            self.close()
            return
        self._ending = True
        if not self._out:
            self._shut_down()

    def close(self) -> None:
        if self._over or self._closing:
            return
        self._closing = True
        if not self._out:
            self._world.call_at(self._world.now(), partial(self._end, CloseReason.LOCAL), name="internet.tcp close")

    def abort(self) -> None:
        if self._over:
            return
        self._closing = True
        self._out.clear()
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._world.call_at(self._world.now(), partial(self._end, CloseReason.LOCAL), name="internet.tcp close")

    def pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._watch()

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self._watch()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _start(self, target: Address | None) -> None:
        if self._over:
            return
        if target is None:
            self._end(CloseReason.UNREACHABLE)
            return
        try:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            code = self._socket.connect_ex(target)
        except OSError as error:  # no descriptors left
            code = error.errno or errno.EHOSTUNREACH
        if code not in (0, errno.EINPROGRESS) or self._socket is None:
            self._end(_REASONS.get(code, CloseReason.UNREACHABLE))
            return
        self._paced = True
        self._patience.keep_pace()
        self._watch()
        self._patience.expect(self._socket.fileno(), self._patience_s)

    def _watch(self) -> None:
        if self._socket is None:
            return
        descriptor = self._socket.fileno()
        waits = bool(self._out) or not self._connected
        hears = not self._connected or not (self._ended or self._paused)
        if not hears:
            self._patience.satisfied(descriptor)
        if hears or waits:
            self._world.reactor.add(descriptor, self._readable if hears else None, self._writable if waits else None)
        else:  # a hang-up would be told without end
            self._world.reactor.remove(descriptor)

    def _shut_down(self) -> None:
        assert self._socket is not None
        with contextlib.suppress(OSError):  # the far end broke it off, which the next read tells
            self._socket.shutdown(socket.SHUT_WR)

    def _writable(self) -> None:
        if self._socket is None:
            return
        if not self._connected:
            self._try_connected()
        elif self._out:
            self._flush()

    def _try_connected(self) -> None:
        assert self._socket is not None
        if code := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._end(_REASONS.get(code, CloseReason.UNREACHABLE))
            return
        try:
            self._socket.getpeername()
        except OSError:
            return  # not yet
        self._patience.satisfied(self._socket.fileno())
        self._connected = True
        self._timer.cancel()
        self._watch()
        self._handler.connected()

    def _flush(self) -> None:
        assert self._socket is not None
        while self._out:
            try:
                sent = self._socket.send(bytes(self._out[:_CHUNK]))
            except BlockingIOError:
                break
            except OSError as error:
                reason = _REASONS.get(error.errno or 0, CloseReason.RESET)
                self._world.call_at(self._world.now(), partial(self._end, reason), name="internet.tcp failure")
                return
            del self._out[:sent]
        self._watch()
        if self._closing and not self._out:
            self._end(CloseReason.LOCAL)
            return
        if self._ending and not self._out:
            self._shut_down()
        if not (self._closing or self._ended or self._paused):
            self._patience.expect(self._socket.fileno(), self._patience_s)

    def _readable(self) -> None:
        if not self._connected:
            self._try_connected()
            return
        assert self._socket is not None
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(_REASONS.get(error.errno or 0, CloseReason.RESET))
            return
        if not data:
            self._far_ended()
            return
        self._patience.satisfied(self._socket.fileno())
        self._handler.received(data)

    def _far_ended(self) -> None:
        """The program outside has closed its half, or both: only who sends on will know."""
        if self._ending or self._closing or not isinstance(self._handler, HalfCloseHandler):
            self._end(CloseReason.CLOSED_BY_PEER)
            return
        self._ended = True
        self._watch()
        self._handler.half_closed()

    def _end(self, reason: CloseReason) -> None:
        if self._over:
            return
        self._over = True
        self._timer.cancel()
        if self._socket is not None:
            descriptor = self._socket.fileno()
            self._patience.satisfied(descriptor)
            self._world.reactor.remove(descriptor)
            self._socket.close()
            self._socket = None
        if self._paced:
            self._paced = False
            self._patience.release_pace()
        self._handler.closed(reason)

    def abandon(self) -> None:
        """Release the socket without telling anybody; no error if it is gone."""
        self._handler = _NOBODY
        self._end(CloseReason.LOCAL)


class _Nobody:
    def connected(self) -> None: ...

    def received(self, data: bytes) -> None: ...

    def closed(self, reason: CloseReason) -> None: ...


_NOBODY = _Nobody()


class UdpFlows:
    """UDP sockets, one for each pair of device port and host port, so that answers find back.

    Args:
        answered: takes what comes back: device, host, payload.
    """

    def __init__(self, world: World, patience: Patience, answered: Callable[[Address, Address, bytes], None]) -> None:
        self._world = world
        self._patience = patience
        self._answered = answered
        self._flows: OrderedDict[tuple[Address, Address], socket.socket] = OrderedDict()

    def __repr__(self) -> str:
        return f"UdpFlows({len(self._flows)})"

    def send(self, device: Address, host: Address, target: Address, payload: bytes, patience_s: float) -> None:
        """Send a datagram; it is lost, as datagrams are, where the machine does not take it."""
        if (device, host) in self._flows:
            self._send(device, host, payload, patience_s)
        else:
            look_up(self._world, target, lambda found: self._open(device, host, found, payload, patience_s))

    def _send(self, device: Address, host: Address, payload: bytes, patience_s: float) -> None:
        flow = self._flows[device, host]
        self._flows.move_to_end((device, host))
        with contextlib.suppress(OSError):
            flow.send(payload)
            self._patience.expect(flow.fileno(), patience_s)

    def close(self) -> None:
        """Close all sockets. May be called twice."""
        while self._flows:
            self._drop(next(iter(self._flows)))

    def _open(self, device: Address, host: Address, target: Address | None, payload: bytes,
              patience_s: float) -> None:
        if (device, host) not in self._flows:
            if target is None:
                return
            while len(self._flows) >= MAX_FLOWS:
                self._drop(next(iter(self._flows)))
            try:
                flow = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                flow.setblocking(False)
                flow.connect(target)
            except OSError:
                return
            self._flows[device, host] = flow
            self._patience.keep_pace()
            self._world.reactor.add(flow.fileno(), partial(self._readable, device, host, flow))
        self._send(device, host, payload, patience_s)

    def _readable(self, device: Address, host: Address, flow: socket.socket) -> None:
        self._patience.satisfied(flow.fileno())
        try:
            payload = flow.recv(_MAX_DATAGRAM)
        except OSError:  # nobody listens there (ICMP), or nothing after all
            return
        self._answered(device, host, payload)

    def _drop(self, key: tuple[Address, Address]) -> None:
        flow = self._flows.pop(key)
        self._patience.satisfied(flow.fileno())
        self._world.reactor.remove(flow.fileno())
        self._patience.release_pace()
        flow.close()
