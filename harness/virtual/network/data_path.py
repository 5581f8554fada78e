"""The way from a packet context to the virtual internet, for what is more than a datagram: TCP, names, ping; and NAT.

Theory of operation. A connection of a device is a connection of the internet with a
:class:`~harness.virtual.network.tcp_path.DeviceConnection` around it, which adds the network's latency, counts octets
of IP into the session and dies with it. Datagrams of hosts find their device only through a *mapping* that a datagram
of the device opened and that goes when nothing flows for the NAT timeout, as behind the carrier-grade NAT of a real
network; connections have a longer timeout of their own (RFC 4787 clause 4.3, RFC 5382 clause 5).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from harness.clock import to_ns
from harness.virtual.internet.pipes import Pipe, Silent, refused
from harness.virtual.internet.seams import Address, CloseReason, Internet, TcpConnection, TcpHandler
from harness.virtual.network.capture import Capture
from harness.virtual.network.settings import NetworkSettings
from harness.virtual.network.tcp_path import TCP_OVERHEAD, UNANSWERED, DeviceConnection
from harness.virtual.world import World

if TYPE_CHECKING:
    from harness.virtual.faults.fault import Fault
    from harness.virtual.network.faults import NetworkFaults
    from harness.virtual.network.ip_gateway import Traffic

ICMP_OVERHEAD: Final = 28
_DNS_QUERY: Final = 60  # octets of IP that a query takes, roughly: headers and a short name
_MAX_CONNECTIONS: Final = 64  # per session, and as many whose device has left them
_MAX_MAPPINGS: Final = 1_024  # per session
_NO_NAME_SERVER: Final = 60_000_000_000  # until a query that nobody answers is given up, in nanoseconds

Accept = Callable[[TcpConnection], TcpHandler]


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
        self.faults: NetworkFaults | None = None
        self._nat_timeout: int | None = None  # in nanoseconds, instead of the settings'
        self.latency = to_ns(settings.ip_latency)
        self._settings = settings
        self._count = count
        self._connections: dict[int, list[DeviceConnection]] = {}
        self._listeners: dict[int, dict[int, Accept]] = {}
        self._mappings: dict[int, dict[tuple[int, Address], int]] = {}
        self._echoes = itertools.count(1)
        self._query_ports = itertools.cycle(range(49_152, 65_536))

    def __repr__(self) -> str:
        return f"DataPath({sum(map(len, self._connections.values()))} connections)"

    def count(self, traffic: Traffic, *, up: int = 0, down: int = 0) -> None:
        """Add octets of IP to a session."""
        self._count(traffic, up, down)

    def delay(self, iccid: str, host: Address, octets: int, *, up: bool) -> int:
        """Return how many nanoseconds later than usual octets of a connection arrive, by a fault."""
        if self.faults is None:
            return 0
        direction = "up" if up else "down"
        fault = self.faults.strike_at("tcp-delay", iccid, host, direction=direction, octets=octets)
        return fault.spec.number("by") if fault is not None else 0

    def look(self) -> None:
        """Let faults strike connections on which nothing flows."""
        for number in sorted(self._connections):
            for connection in tuple(self._connections[number]):
                connection.look()

    @property
    def tcp_timeout(self) -> int:
        """How long the NAT knows a connection on which nothing flows, in nanoseconds."""
        return to_ns(self._settings.nat_tcp_timeout) if self._nat_timeout is None else self._nat_timeout

    # -- TCP ----------------------------------------------------------------------------------------------------------

    def connect(self, traffic: Traffic | None, port: int, destination: Address, handler: TcpHandler) -> TcpConnection:
        """Open a connection from a device; the outcome comes by the handler."""
        ip = traffic.session.ip if traffic is not None else "0.0.0.0"
        source = (ip, port)
        if traffic is None or not self._has_room(traffic):
            return refused(self.world, source, destination, handler, after=0, reason=CloseReason.NETWORK_LOST)
        connection = self._add(traffic, DeviceConnection(self, traffic, source, destination, handler))
        self.count(traffic, up=TCP_OVERHEAD)
        slow = self._strike("tcp-slow-open", traffic, destination)
        refusal = self._strike("tcp-refused", traffic, destination)
        later = slow.spec.number("by") if slow is not None else 0
        if refusal is not None or destination[0] == self._settings.gateway[0]:
            action: Callable[[], None] = partial(connection.closed, CloseReason.REFUSED)
        else:
            action = connection.reach
        self.world.call_at(self.world.now() + self.latency + later, action, name="network.tcp connect")
        return connection

    def _strike(self, kind: str, traffic: Traffic, host: Address) -> Fault | None:
        return self.faults.strike_at(kind, traffic.iccid, host) if self.faults is not None else None

    def _has_room(self, traffic: Traffic) -> bool:
        return sum(not other.is_over for other in self._connections.get(traffic.number, ())) < _MAX_CONNECTIONS

    def _add(self, traffic: Traffic, connection: DeviceConnection) -> DeviceConnection:
        """Take a connection into the list; of those that only a host still has, the oldest goes."""
        connections = self._connections.setdefault(traffic.number, [])
        left = [other for other in connections if other.is_over]
        if len(left) >= _MAX_CONNECTIONS:
            left[0].cut()
        connections.append(connection)
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
        """Open a connection from a host to a device; the outcome comes by the host's handler.

        A device that has as many connections as it can does not answer, nor does an address that nobody has.
        """
        if traffic is None or not self._has_room(traffic):
            return refused(self.world, source, destination, handler, after=UNANSWERED, reason=CloseReason.TIMED_OUT)
        accept = self._listeners.get(traffic.number, {}).get(destination[1])
        found = traffic

        def take(far: TcpConnection) -> TcpHandler:
            connection = self._add(found, DeviceConnection(self, found, destination, source, Silent(), by_device=False))
            connection.far = far
            assert accept is not None
            connection.handler = accept(connection)
            connection.look(opened=True)
            return connection

        return Pipe(self.world, latency=self.latency, source=source, destination=destination,
                    handler=handler, accept=take if accept is not None else None).near

    def forget(self, traffic: Traffic, connection: DeviceConnection) -> None:
        """Take a connection that is over on both sides out of the list."""
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

    def resolve(self, traffic: Traffic | None, host: str, done: Callable[[tuple[str, ...] | None], None]) -> None:
        """Find the addresses of a host name, with the round trip that a query takes; None if nobody answers."""
        if traffic is None:
            self.world.call_later(0, lambda: done(None), name="network.dns")
            return
        self.count(traffic, up=_DNS_QUERY)
        source, server = (traffic.session.ip, next(self._query_ports)), traffic.session.dns[0]
        self.capture.name(traffic.iccid, source, server, host, None)
        slow, failed, wrong = (
            self.faults.strike_name(kind, traffic.iccid, host) if self.faults is not None else None
            for kind in ("dns-slow", "dns-fail", "dns-wrong"))

        def answer() -> None:
            found = self.internet.resolve(host) if self.internet is not None else ()
            if failed is not None:
                found = ()
            elif wrong is not None:
                found = (wrong.spec.text("address"),)
            self.count(traffic, down=_DNS_QUERY)
            self.capture.name(traffic.iccid, source, server, host, found)
            done(found)

        if failed is not None and failed.spec.text("answer") == "none":
            self.world.call_at(self.world.now() + _NO_NAME_SERVER, lambda: done(None), name="network.dns")
            return
        delay = 2 * (self.latency + to_ns(self._settings.dns_latency)) + (slow.spec.number("by") if slow else 0)
        self.world.call_at(self.world.now() + delay, answer, name="network.dns")

    def ping(self, traffic: Traffic | None, ip: str, size: int, done: Callable[[int | None], None]) -> None:
        """Send an echo request; the gateway and hosts that want to answer it."""
        if traffic is None:
            self.world.call_later(0, lambda: done(None), name="network.ping")
            return
        begin, number = self.world.now(), next(self._echoes)
        self.count(traffic, up=size + ICMP_OVERHEAD)
        self.capture.ping(traffic.iccid, traffic.session.ip, ip, size, sequence=number, answered=False)
        beyond = 0 if ip == self._settings.gateway[0] or self.internet is None else self.internet.latency_to(ip)

        def back() -> None:
            if ip == self._settings.gateway[0] or (self.internet is not None and self.internet.answers_ping(ip)):
                self.count(traffic, down=size + ICMP_OVERHEAD)
                self.capture.ping(traffic.iccid, traffic.session.ip, ip, size, sequence=number, answered=True)
                done(self.world.now() - begin)
            else:
                done(None)

        self.world.call_at(begin + 2 * (self.latency + beyond), back, name="network.ping")

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
        if used is None or self._is_old(used):
            return False
        self.opened(traffic, port, host)
        return True

    def limit_nat(self, timeout: int | None) -> None:
        """Forget ways after so many idle nanoseconds, None as the settings say; those that are old by now are gone."""
        for mappings in self._mappings.values():
            for key in [key for key, used in mappings.items() if self._is_old(used)]:
                del mappings[key]
        for connections in self._connections.values():
            for connection in connections:
                connection.age()
        self._nat_timeout = timeout

    def _is_old(self, used: int) -> bool:
        timeout = to_ns(self._settings.nat_timeout) if self._nat_timeout is None else self._nat_timeout
        return self.world.now() - used > timeout
