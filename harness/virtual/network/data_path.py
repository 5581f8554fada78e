"""The way from a packet context to the virtual internet, for what is more than a datagram: TCP, names, ping; and NAT.

Theory of operation. A connection of a device is a connection of the internet with a :class:`_Metered` around it, which
adds the network's latency, counts octets of IP into the session and dies with it. Datagrams of hosts find their device
only through a *mapping* that a datagram of the device opened and that goes when nothing flows for the NAT timeout, as
behind the carrier-grade NAT of a real network.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from harness.clock import to_ns
from harness.virtual.internet.pipes import Pipe, refused
from harness.virtual.internet.seams import Address, CloseReason, Internet, TcpConnection, TcpHandler
from harness.virtual.network.capture import Capture
from harness.virtual.network.settings import NetworkSettings
from harness.virtual.world import World

if TYPE_CHECKING:
    from harness.virtual.network.ip_gateway import Traffic

TCP_OVERHEAD: Final = 40
"""Octets of an IPv4 and a TCP header."""
ICMP_OVERHEAD: Final = 28
SEGMENT: Final = 1_400
_DNS_QUERY: Final = 60  # octets of IP that a query takes, roughly: headers and a short name
_MAX_CONNECTIONS: Final = 64  # per session
_MAX_MAPPINGS: Final = 1_024  # per session
_UNANSWERED: Final = 75_000_000_000  # until a connection nobody answers is given up, in nanoseconds

Accept = Callable[[TcpConnection], TcpHandler]


class _Metered:
    """A connection of a device: the device's end of it, and the ear towards the internet.

    Implements ``TcpConnection`` for the modem and ``TcpHandler`` for the internet.
    """

    def __init__(self, path: DataPath, traffic: Traffic, local: Address, remote: Address, handler: TcpHandler, *,
                 by_device: bool = True) -> None:
        self.local = local
        self.remote = remote
        self.far: TcpConnection | None = None
        self._path = path
        self._traffic = traffic
        self._handler = handler
        self._over = False
        self._trace = path.capture.connection(traffic.iccid, local, remote)
        self._trace.asked(by_device=by_device)
        if not by_device:
            self._trace.opened(by_device=False)

    def __repr__(self) -> str:
        return f"TcpConnection({self.local} to {self.remote})"

    # -- what the modem does ------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> int:
        if self._over or self.far is None:
            return 0
        self._path.count(self._traffic, up=_segments(len(data)))
        self._trace.data(data, up=True)
        self._path.later(lambda: self.far.send(data) if self.far is not None else 0, "tcp up")
        return len(data)

    def close(self) -> None:
        if not self._over:
            self._path.count(self._traffic, up=TCP_OVERHEAD)
            self._trace.ended(by_device=True)
            self._path.later(self._close_far, "tcp close")
            self.finish(CloseReason.LOCAL)

    # -- what the internet tells --------------------------------------------------------------------------------------

    def connected(self) -> None:
        self._path.count(self._traffic, up=2 * TCP_OVERHEAD, down=TCP_OVERHEAD)
        self._path.later(self._tell_connected, "tcp open")

    def received(self, data: bytes) -> None:
        self._path.later(partial(self._tell_received, data), "tcp down")

    def closed(self, reason: CloseReason) -> None:
        self._path.later(partial(self._far_closed, reason), "tcp closed")

    # -- inside -------------------------------------------------------------------------------------------------------

    def finish(self, reason: CloseReason) -> None:
        """Tell the modem once that it is over."""
        if not self._over:
            self._over = True
            self._path.forget(self._traffic, self)
            self._path.world.call_later(0, lambda: self._handler.closed(reason), name="network.tcp")

    def cut(self) -> None:
        """The session is gone: nothing reaches anybody any more."""
        self.finish(CloseReason.NETWORK_LOST)
        self._close_far()

    def _far_closed(self, reason: CloseReason) -> None:
        if not self._over:
            self._trace.ended(by_device=False, reset=reason in (CloseReason.REFUSED, CloseReason.RESET))
        self.finish(reason)

    def _tell_connected(self) -> None:
        if not self._over:
            self._trace.opened()
            self._handler.connected()

    def _tell_received(self, data: bytes) -> None:
        if not self._over:
            self._path.count(self._traffic, down=_segments(len(data)))
            self._trace.data(data, up=False)
            self._handler.received(data)

    def _close_far(self) -> None:
        if self.far is not None:
            self.far.close()


class DataPath:
    """What the packet contexts of one network can reach.

    Args:
        count: told of octets of IP that flowed in a session, up and down.
        capture: sees what flows.
    """

    def __init__(self, world: World, settings: NetworkSettings,
                 count: Callable[[Traffic, int, int], None], capture: Capture) -> None:
        self.world = world
        self.capture = capture
        self.internet: Internet | None = None
        self.nat_timeout: int | None = None  # in nanoseconds, instead of the settings'
        self._settings = settings
        self._count = count
        self._connections: dict[int, list[_Metered]] = {}
        self._listeners: dict[int, dict[int, Accept]] = {}
        self._mappings: dict[int, dict[tuple[int, Address], int]] = {}
        self._query_ports = itertools.cycle(range(49_152, 65_536))

    def __repr__(self) -> str:
        return f"DataPath({sum(map(len, self._connections.values()))} connections)"

    def count(self, traffic: Traffic, *, up: int = 0, down: int = 0) -> None:
        """Add octets of IP to a session."""
        self._count(traffic, up, down)

    def later(self, action: Callable[[], object], what: str) -> None:
        """Do something one network latency later."""
        def act() -> None:
            action()

        self.world.call_later(self._settings.ip_latency, act, name=f"network.{what}")

    # -- TCP ----------------------------------------------------------------------------------------------------------

    def connect(self, traffic: Traffic | None, port: int, destination: Address, handler: TcpHandler) -> TcpConnection:
        """Open a connection from a device; the outcome comes by the handler."""
        ip = traffic.session.ip if traffic is not None else "0.0.0.0"
        source = (ip, port)
        open_now = self._connections.get(traffic.number, []) if traffic is not None else []
        if traffic is None or len(open_now) >= _MAX_CONNECTIONS:
            return refused(self.world, source, destination, handler, after=0, reason=CloseReason.NETWORK_LOST)
        if destination[0] == self._settings.gateway[0]:
            return refused(self.world, source, destination, handler, after=2 * to_ns(self._settings.ip_latency),
                           reason=CloseReason.REFUSED)
        if self.internet is None:
            return refused(self.world, source, destination, handler, after=_UNANSWERED, reason=CloseReason.TIMED_OUT)
        internet = self.internet
        connection = _Metered(self, traffic, source, destination, handler)
        self._connections.setdefault(traffic.number, []).append(connection)
        self.count(traffic, up=TCP_OVERHEAD)

        def reach() -> None:
            if connection in self._connections.get(traffic.number, []):
                connection.far = internet.connect_tcp(source, destination, connection)

        self.later(reach, "tcp connect")
        return connection

    def listen(self, traffic: Traffic, port: int, accept: Accept | None) -> None:
        """Let hosts connect to a port of a session; None ends it."""
        ports = self._listeners.setdefault(traffic.number, {})
        if accept is None:
            ports.pop(port, None)
        else:
            ports[port] = accept

    def connect_to_device(self, traffic: Traffic | None, source: Address, destination: Address,
                          handler: TcpHandler) -> TcpConnection:
        """Open a connection from a host to a device; the outcome comes by the host's handler."""
        if traffic is None:
            return refused(self.world, source, destination, handler, after=_UNANSWERED, reason=CloseReason.TIMED_OUT)
        accept = self._listeners.get(traffic.number, {}).get(destination[1])
        found = traffic

        def take(far: TcpConnection) -> TcpHandler:
            relay = _Relay()
            connection = _Metered(self, found, destination, source, relay, by_device=False)
            connection.far = far
            self._connections.setdefault(found.number, []).append(connection)
            assert accept is not None
            relay.handler = accept(connection)
            return connection

        return Pipe(self.world, latency=to_ns(self._settings.ip_latency), source=source, destination=destination,
                    handler=handler, accept=take if accept is not None else None).near

    def forget(self, traffic: Traffic, connection: _Metered) -> None:
        """Take a connection that is over out of the list."""
        connections = self._connections.get(traffic.number, [])
        if connection in connections:
            connections.remove(connection)

    def session_ended(self, traffic: Traffic) -> None:
        """Cut what a session carried."""
        for connection in self._connections.pop(traffic.number, []):
            connection.cut()
        self._listeners.pop(traffic.number, None)
        self._mappings.pop(traffic.number, None)

    # -- names and ping -----------------------------------------------------------------------------------------------

    def resolve(self, traffic: Traffic | None, host: str, done: Callable[[tuple[str, ...]], None]) -> None:
        """Find the addresses of a host name, with the round trip that a query takes."""
        if traffic is None:
            self.world.call_later(0, lambda: done(()), name="network.dns")
            return
        self.count(traffic, up=_DNS_QUERY, down=_DNS_QUERY)
        source, server = (traffic.session.ip, next(self._query_ports)), traffic.session.dns[0]
        self.capture.name(traffic.iccid, source, server, host, None)

        def answer() -> None:
            found = self.internet.resolve(host) if self.internet is not None else ()
            self.capture.name(traffic.iccid, source, server, host, found)
            done(found)

        delay = 2 * (to_ns(self._settings.ip_latency) + to_ns(self._settings.dns_latency))
        self.world.call_at(self.world.now() + delay, answer, name="network.dns")

    def ping(self, traffic: Traffic | None, ip: str, size: int, done: Callable[[int | None], None]) -> None:
        """Send an echo request; the gateway and hosts that want to answer it."""
        if traffic is None:
            self.world.call_later(0, lambda: done(None), name="network.ping")
            return
        begin = self.world.now()
        self.count(traffic, up=size + ICMP_OVERHEAD)
        self.capture.ping(traffic.iccid, traffic.session.ip, ip, size, answered=False)

        def back() -> None:
            if ip == self._settings.gateway[0] or (self.internet is not None and self.internet.answers_ping(ip)):
                self.count(traffic, down=size + ICMP_OVERHEAD)
                self.capture.ping(traffic.iccid, traffic.session.ip, ip, size, answered=True)
                done(self.world.now() - begin)
            else:
                done(None)

        self.world.call_at(begin + 2 * to_ns(self._settings.ip_latency), back, name="network.ping")

    # -- NAT ----------------------------------------------------------------------------------------------------------

    def opened(self, traffic: Traffic, port: int, host: Address) -> None:
        """A device sent a datagram to a host: the way back is open for a while."""
        mappings = self._mappings.setdefault(traffic.number, {})
        mappings.pop((port, host), None)
        mappings[port, host] = self.world.now()
        if len(mappings) > _MAX_MAPPINGS:
            del mappings[next(iter(mappings))]

    def is_open(self, traffic: Traffic, port: int, host: Address) -> bool:
        """Tell whether a datagram of a host finds the device's port, and keep the way open if so."""
        used = self._mappings.get(traffic.number, {}).get((port, host))
        timeout = to_ns(self._settings.nat_timeout) if self.nat_timeout is None else self.nat_timeout
        if used is None or self.world.now() - used > timeout:
            return False
        self.opened(traffic, port, host)
        return True


class _Relay:
    """Hands on what a connection tells until the listener has said who hears it; nothing comes before."""

    handler: TcpHandler

    def connected(self) -> None: ...

    def received(self, data: bytes) -> None:
        self.handler.received(data)

    def closed(self, reason: CloseReason) -> None:
        self.handler.closed(reason)


def _segments(octets: int) -> int:
    """Return the octets of IP that a stream takes, without what acknowledges it."""
    return octets + TCP_OVERHEAD * max(1, -(-octets // SEGMENT))
