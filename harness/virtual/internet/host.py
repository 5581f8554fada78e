"""A host of the virtual internet: what a test says it does.

Handlers are called in a turn of the world and return at once. They may be replaced at any time.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from harness.clock import Duration, to_ns
from harness.errors import UsageError
from harness.virtual.internet.addresses import parse_endpoint
from harness.virtual.internet.seams import Address, HttpRequest, HttpResponse, TcpConnection, TcpHandler
from harness.virtual.world import World

if TYPE_CHECKING:
    from harness.virtual.internet.internet import VirtualInternet

T = TypeVar("T")

KEPT = 100
"""HTTP requests that a host remembers."""

HttpHandler: TypeAlias = Callable[[HttpRequest], HttpResponse | str | bytes | None]
"""Answers a request. Text or bytes alone stand for status 200; None leaves the request without an answer."""

UdpHandler: TypeAlias = Callable[[Address, bytes], bytes | Iterable[bytes] | None]
"""Takes a datagram and who sent it; what it returns goes back, one datagram or several."""

TcpAccept: TypeAlias = Callable[[TcpConnection], TcpHandler]
"""Takes a connection that a device opened, and returns what hears its data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFarEnd:
    """How to speak TLS to a program outside.

    Attributes:
        ca_file: PEM file with the certificates to trust, instead of the system's.
        server_name: whom the certificate must name; by default the host's name.
    """

    ca_file: str | None = None
    server_name: str | None = None

    def context(self) -> ssl.SSLContext:
        """Return a context for connections.

        Raises:
            UsageError: the file holds no certificates.
        """
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise UsageError(f"no certificates in {self.ca_file}: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where connections to a port of a host go.

    Attributes:
        address: on this machine or, for a host that is allowed by name, of that host.
        tls: how to speak TLS there; None if the far end is plain.
    """

    address: Address
    tls: TlsFarEnd | None = None


class Host:
    """One host. Made by :meth:`VirtualInternet.add_host`.

    Attributes:
        name, ip: what it is called, and its address.
        reachable: whether it can be reached at all; a test may change it.
        answers_ping: whether it answers ICMP echo requests.
        latency: one way between a device and this host, in nanoseconds.
        patience: real seconds that virtual time waits for a program outside to answer.
    """

    def __init__(self, internet: VirtualInternet, name: str, ip: str, *, latency: int, answers_ping: bool) -> None:
        self._internet = internet
        self.name = name
        self.ip = ip
        self.reachable = True
        self.answers_ping = answers_ping
        self.latency = latency
        self.patience = 0.25
        self.requests: list[HttpRequest] = []
        """The last hundred HTTP requests that this host got."""
        self.http_handler: HttpHandler | None = None
        self.udp_handlers: dict[int, UdpHandler] = {}
        self.tcp_handlers: dict[int, TcpAccept] = {}
        self.certificates: tuple[bytes, ...] = ()
        """What a plain far end shows to applications that speak TLS; see :meth:`certificate`."""
        self._routes: dict[int | None, Route] = {}

    def __repr__(self) -> str:
        parts = [f"http={self.http_handler is not None}", f"udp={sorted(self.udp_handlers)}",
                 f"tcp={sorted(self.tcp_handlers)}",
                 f"forwarded={sorted(str(port or 'any') for port in self._routes)}"]
        return f"Host({self.name!r}, {self.ip}, {', '.join(parts)})"

    def on_http(self, handler: HttpHandler) -> Host:
        """Answer HTTP requests; return the host.

        Boards reach it by ``https`` and ``http`` alike; TCP connections of modems by HTTP/1.1 on port 80.
        """
        self.http_handler = handler
        return self

    def on_udp(self, port: int, handler: UdpHandler) -> Host:
        """Answer datagrams to a port; return the host."""
        self.udp_handlers[_port(port)] = handler
        return self

    def on_tcp(self, port: int, accept: TcpAccept) -> Host:
        """Accept connections to a port; return the host."""
        self.tcp_handlers[_port(port)] = accept
        return self

    def forward(self, target: str | Address, *, port: int | None = None, tls: TlsFarEnd | None = None) -> Host:
        """Send what comes to a port of the host, or to any that says nothing else, to an address on loopback.

        Args:
            target: ``127.0.0.1:8080``, an address and a port, or ``127.0.0.1`` for the same port as was asked for.
            port: of this host; None for any.
            tls: how to speak TLS to the program there; None if it is plain, whatever the application speaks.

        Raises:
            UsageError: the address is not on loopback.
        """
        host, number = parse_endpoint(target) if isinstance(target, str) else target
        if host == "localhost":
            host = "127.0.0.1"
        if not host.startswith("127."):
            raise UsageError(f"{host} is not a loopback address: real hosts are reached by VirtualInternet.allow()")
        if tls is not None:
            tls.context()
        self._routes[None if port is None else _port(port)] = Route(address=(host, number or 0), tls=tls)
        return self

    def certificate(self, *pem_or_der: bytes) -> Host:
        """Let a plain far end show this chain, its own certificate first, to applications that speak TLS by MQTT.

        It is checked against the application's own certificates and the calendar of the world.
        """
        self.certificates = pem_or_der
        return self

    def delay(self, latency: Duration) -> Host:
        """Set the latency one way; return the host."""
        self.latency = to_ns(latency)
        return self

    def route(self, port: int) -> Route | None:
        """Return where connections to this port go, None if nowhere outside."""
        route = self._routes.get(port) or self._routes.get(None)
        if route is None:
            return None
        return Route(address=(route.address[0], route.address[1] or port), tls=route.tls)

    def remember(self, request: HttpRequest) -> None:
        """Keep a request in :attr:`requests`."""
        self.requests.append(request)
        del self.requests[:-KEPT]

    def send_udp(self, port: int, device: Address, payload: bytes) -> bool:
        """Send a datagram from a port of this host to a device; False if no device has the address."""
        return self._internet.send_to_device((self.ip, _port(port)), device, payload)

    def connect(self, device: Address, handler: TcpHandler) -> TcpConnection:
        """Open a connection from this host to a port of a device; the outcome comes by the handler."""
        return self._internet.connect_to_device(self, device, handler)


def _port(port: int) -> int:
    if not 0 < port < 65_536:
        raise UsageError(f"there is no port {port}")
    return port


def as_response(answer: HttpResponse | str | bytes) -> HttpResponse:
    """Return what a handler returned as a response."""
    if isinstance(answer, HttpResponse):
        return answer
    return HttpResponse(status=200, reason="OK", body=answer.encode() if isinstance(answer, str) else answer)


def guarded(world: World, host: Host, kind: str, call: Callable[[], T]) -> T | None:
    """Return what a handler returns.

    In virtual time what it raises comes out of the test's wait. In real time that would end the world's thread, so it
    goes to the journal and the handler is taken to have returned nothing.
    """
    if world.is_virtual:
        return call()
    try:
        return call()
    except Exception as error:
        world.journal.record("internet", "handler_failed", host=host.name, kind=kind, error=repr(error))
        return None
