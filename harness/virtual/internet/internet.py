"""The virtual internet: the hosts that a test or a rig file maps, and nothing else.

Theory of operation. A host answers by handlers in Python, deterministically and in virtual time, or lends its name to
an address on loopback where some program listens. Real hosts are reached only when they are allowed by name. For all
others names do not resolve and addresses do not answer, as with a host that does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from harness.clock import Duration, to_ns
from harness.errors import UsageError
from harness.virtual.internet.addresses import address_for, is_address, normal_name
from harness.virtual.internet.exchange import HttpExchange
from harness.virtual.internet.host import Host, Route, TlsFarEnd, guarded
from harness.virtual.internet.mqtt_seams import MqttConnect, MqttFailure, MqttListener, MqttSession
from harness.virtual.internet.patience import Patience
from harness.virtual.internet.pipes import Pipe, refused
from harness.virtual.internet.seams import (
    Address,
    CloseReason,
    Devices,
    HttpOutcome,
    HttpRequest,
    TcpConnection,
    TcpHandler,
)
from harness.virtual.internet.sockets import SocketConnection, UdpFlows
from harness.virtual.world import Event, World

if TYPE_CHECKING:
    from harness.virtual.internet.mqtt import PahoSession

MAX_HOSTS = 1024
CONNECT_TIMEOUT = to_ns("75s")
"""Until a connection attempt that nobody answers is given up: as long as TCP tries (RFC 9293, 3.8.3)."""

TLS_PORTS = frozenset({443, 8443, 8883})
"""Where real hosts are taken to speak TLS, if it is a protocol that we speak to them."""

HTTP_PORT = 80
_FIRST_PORT = 49_152


class VirtualInternet:
    """Implements ``Internet``.

    Methods under *hosts* take their own turn and may be called by tests from any thread.

        >>> from harness.virtual.world import World
        >>> internet = VirtualInternet(World(seed=1))
        >>> _ = internet.add_host("api.example.com").on_http(lambda request: "hello")
        >>> internet.resolve("api.example.com")
        ('198.19.13.253',)
        >>> internet.resolve("other.example.com")
        ()
    """

    def __init__(self, world: World, *, latency: Duration = "25ms") -> None:
        self._world = world
        self._latency = to_ns(latency)
        self._hosts: dict[str, Host] = {}
        self._by_ip: dict[str, Host] = {}
        self._allowed: dict[str, Host] = {}
        self._devices: Devices | None = None
        self._patience = Patience(world)
        self._flows = UdpFlows(world, self._patience, self._udp_answered)
        self._connections: list[SocketConnection] = []
        self._sessions: list[PahoSession] = []
        self._next_port = _FIRST_PORT

    def __repr__(self) -> str:
        return f"VirtualInternet({sorted(self._hosts)})"

    @property
    def patience(self) -> Patience:
        """What makes virtual time wait for programs outside."""
        return self._patience

    def connect_devices(self, devices: Devices) -> None:
        """Let hosts reach devices: the network, which knows their addresses."""
        self._devices = devices

    def close(self) -> None:
        """Close all sockets. May be called twice."""
        for connection in self._connections:
            connection.abandon()
        self._connections.clear()
        for session in self._sessions:
            session.abandon()
        self._sessions.clear()
        self._flows.close()

    # -- hosts --------------------------------------------------------------------------------------------------------

    def add_host(self, name: str, *, address: str | None = None, answers_ping: bool = True) -> Host:
        """Return a new host, or the one that has this name already.

        Args:
            address: in dotted form; by default one that belongs to the name, the same in every run.

        Raises:
            UsageError: no host name, an address that another host has, or too many hosts.
        """
        with self._world.turn():
            name = normal_name(name)
            if (host := self._hosts.get(name)) is not None:
                if address is not None and address != host.ip:
                    raise UsageError(f"{name} has the address {host.ip} already")
                return host
            if len(self._hosts) >= MAX_HOSTS:
                raise UsageError(f"the virtual internet holds {MAX_HOSTS} hosts at most")
            if address is not None and not is_address(address):
                raise UsageError(f"not an IPv4 address: {address!r}")
            ip = address or address_for(name, self._by_ip)
            if ip in self._by_ip:
                raise UsageError(f"{self._by_ip[ip].name} has the address {ip} already")
            host = Host(self, name, ip, latency=self._latency, answers_ping=answers_ping)
            self._hosts[name] = self._by_ip[ip] = host
            return host

    def remove_host(self, name: str) -> None:
        """Let a host be no more; no error if there is none. Connections that are open stay open."""
        with self._world.turn():
            host = self._hosts.pop(normal_name(name), None)
            if host is not None:
                del self._by_ip[host.ip]
                self._allowed.pop(host.name, None)

    def allow(self, name: str) -> Host:
        """Let devices reach the real host of this name over the real network; return it.

        Runs that use it depend on that host: they are not deterministic.
        """
        host = self.add_host(name)
        with self._world.turn():
            self._allowed[host.name] = host
        return host

    def host(self, name: str) -> Host:
        """Return the host of this name, or with this address.

        Raises:
            UsageError: there is none.
        """
        found = self._find(name)
        if found is None:
            raise UsageError(f"the virtual internet has no host {name!r}; it has {', '.join(sorted(self._hosts))}")
        return found

    # -- Internet -----------------------------------------------------------------------------------------------------

    def resolve(self, host: str) -> tuple[str, ...]:
        """Return the IPv4 addresses of a host name (or of a dotted address, itself); empty if there is none."""
        if is_address(host):
            return (host,)
        found = self._find(host)
        return () if found is None else (found.ip,)

    def latency_to(self, ip: str) -> int:
        """Return the nanoseconds to the host with this address, one way; 0 if there is none."""
        host = self._by_ip.get(ip)
        return host.latency if host is not None else 0

    def answers_ping(self, ip: str) -> bool:
        """Return whether a host with this address answers ICMP echo requests."""
        host = self._by_ip.get(ip)
        return host is not None and host.reachable and host.answers_ping

    def send_udp(self, source: Address, destination: Address, payload: bytes) -> bool:
        """Take a datagram of a device; False if no host has the address."""
        host = self._by_ip.get(destination[0])
        if host is None or not host.reachable:
            return False
        if (handler := host.udp_handlers.get(destination[1])) is not None:
            self._later(host.latency, lambda: self._handle_udp(host, handler, source, destination, payload), "udp")
        elif (route := self.route_of(host, destination[1])) is not None:
            self._later(host.latency, lambda: self._flows.send(source, destination, route.address, payload,
                                                               host.patience), "udp")
        return True

    def connect_tcp(self, source: Address, destination: Address, handler: TcpHandler) -> TcpConnection:
        """Open a connection to a host; the outcome comes by the handler."""
        host = self._by_ip.get(destination[0])
        if host is None or not host.reachable:
            return refused(self._world, source, destination, handler, after=CONNECT_TIMEOUT,
                           reason=CloseReason.TIMED_OUT)
        port = destination[1]
        accept = host.tcp_handlers.get(port)
        if accept is None and port == HTTP_PORT and host.http_handler is not None:
            from harness.virtual.internet.http_server import HttpConnection  # for modems only

            accept = partial(HttpConnection, self._world, host)
        route = self.route_of(host, port) if accept is None else None
        if route is None:
            return Pipe(self._world, latency=host.latency, source=source, destination=destination, handler=handler,
                        accept=accept).near
        self._connections = [connection for connection in self._connections if not connection.is_over]
        connection = SocketConnection(
            self._world, self._patience, source=source, destination=destination, target=route.address,
            handler=handler, timeout_ns=CONNECT_TIMEOUT, patience_s=host.patience)
        self._connections.append(connection)
        return connection

    def http(self, request: HttpRequest, done: Callable[[HttpOutcome], None]) -> None:
        """Send a request; ``done`` is called once, in virtual time no later than the request's timeout."""
        HttpExchange(self._world, self, request, done).start()

    def mqtt(self, request: MqttConnect, listener: MqttListener) -> MqttSession:
        """Connect to a broker; the outcome comes by the listener."""
        from harness.virtual.internet.mqtt import MAX_KEEPALIVE, FailedSession, PahoSession  # a rig without MQTT
        from harness.virtual.internet.tls import check_credentials  # must not pay for them

        host = self.find(request.host)
        route = self.route_of(host, request.port) if host is not None else None
        if host is None or route is None:
            unknown = host is None and not is_address(request.host)
            failure = MqttFailure.UNKNOWN_HOST if unknown else MqttFailure.SOCKET
            return FailedSession(self._world, listener, failure, 2 * self._latency)
        if not 0 <= request.keepalive <= MAX_KEEPALIVE or (
                request.tls is not None and not check_credentials(request.tls)):
            return FailedSession(self._world, listener, MqttFailure.INVALID, 2 * self._latency)
        try:
            session = PahoSession(self._world, self._patience, host, route, request, listener)
        except (ValueError, TypeError):  # what the library does not take: a will to a wildcard, a string with NUL
            return FailedSession(self._world, listener, MqttFailure.INVALID, 2 * self._latency)
        self._sessions = [other for other in self._sessions if other.is_open]
        self._sessions.append(session)
        return session

    def loopback(self, host: str, port: int) -> Address | None:
        """Return where on this machine a client library has to connect to for ``host:port``, None if nowhere."""
        route = self.route(host, port)
        return route.address if route is not None else None

    def route(self, host: str, port: int) -> Route | None:
        """Return where connections to ``host:port`` go outside this process, and whether they need TLS there."""
        found = self._find(host)
        return self.route_of(found, port) if found is not None and found.reachable else None

    def route_of(self, host: Host, port: int) -> Route | None:
        """Return where connections to a port of this host go outside this process."""
        route = host.route(port)
        if route is None and host.name in self._allowed:
            return Route(address=(host.name, port), tls=TlsFarEnd() if port in TLS_PORTS else None)
        return route

    def find(self, host: str) -> Host | None:
        """Return the host of this name or address, None if there is none that can be reached."""
        found = self._find(host)
        return found if found is not None and found.reachable else None

    # -- towards devices: for hosts -----------------------------------------------------------------------------------

    def send_to_device(self, source: Address, device: Address, payload: bytes) -> bool:
        """Send a datagram from a host to a device; False if no device has the address."""
        with self._world.turn():
            return self._devices is not None and self._devices.udp_from_internet(source, device, payload)

    def connect_to_device(self, host: Host, device: Address, handler: TcpHandler) -> TcpConnection:
        """Open a connection from a host to a port of a device; the outcome comes by the handler."""
        with self._world.turn():
            source = (host.ip, self._next_port)
            self._next_port = self._next_port + 1 if self._next_port < 65_535 else _FIRST_PORT
            if self._devices is None:
                return refused(self._world, source, device, handler, after=CONNECT_TIMEOUT,
                               reason=CloseReason.TIMED_OUT)
            return self._devices.connect_to_device(source, device, handler)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _find(self, name: str) -> Host | None:
        if is_address(name):
            return self._by_ip.get(name)
        return self._hosts.get(name.lower().removesuffix("."))

    def _handle_udp(self, host: Host, handler: Callable[..., object], source: Address, destination: Address,
                    payload: bytes) -> None:
        answer = guarded(self._world, host, "udp", lambda: handler(source, payload))
        if answer is None:
            return
        for datagram in (answer,) if isinstance(answer, bytes | bytearray) else tuple(answer):  # type: ignore[arg-type]
            self._later(host.latency, partial(self._udp_answered, source, destination, bytes(datagram)), "udp answer")

    def _udp_answered(self, device: Address, host: Address, payload: bytes) -> None:
        if self._devices is not None:
            self._devices.udp_from_internet(host, device, payload)

    def _later(self, delay: int, action: Callable[[], None], what: str) -> Event:
        return self._world.call_at(self._world.now() + delay, action, name=f"internet.{what}")
