"""What the virtual internet looks like to the boards and modems that reach for it: small Protocols and plain values.

A *host* is a name with an address that a test or a rig file maps to a handler in Python or to an address on loopback;
:class:`harness.virtual.internet.internet.VirtualInternet` implements :class:`Internet` over all of them. Every callback
is called in a turn of the world, later than the call that took it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias, runtime_checkable

from harness.virtual.internet.mqtt_seams import MqttConnect, MqttListener, MqttSession

Address: TypeAlias = tuple[str, int]
"""IPv4 address in dotted form, and a port."""


class CloseReason(Enum):
    """Why a TCP connection is over."""

    CLOSED_BY_PEER = "closed by the peer"
    RESET = "reset by the peer"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed out"
    LOCAL = "closed here"
    NETWORK_LOST = "network lost"


class TcpHandler(Protocol):
    """The end of a TCP connection that hears what happens on it."""

    def connected(self) -> None:
        """Learn that the connection is open. Not called on the side that accepted it."""

    def received(self, data: bytes) -> None:
        """Take octets in order; never empty."""

    def closed(self, reason: CloseReason) -> None:
        """Learn that it is over, once, also if it never opened; nothing comes after."""


@runtime_checkable
class HalfCloseHandler(TcpHandler, Protocol):
    """One that can go on sending when its peer has said its last word; any other is closed together with its peer."""

    def half_closed(self) -> None:
        """Learn that the peer sends no more and still hears; ``closed`` comes when this side ends, too."""


@runtime_checkable
class AcknowledgedHandler(TcpHandler, Protocol):
    """One that wants to know when what it sent has arrived."""

    def acknowledged(self) -> None:
        """Learn that ``unacknowledged`` of the connection has become less."""


class TcpConnection(Protocol):
    """The end of a TCP connection that acts. Nothing is an error once it is over: it just does nothing."""

    @property
    def local(self) -> Address: ...

    @property
    def remote(self) -> Address: ...

    @property
    def unacknowledged(self) -> int:
        """Octets that were taken and, as far as this side knows, did not arrive yet."""

    def send(self, data: bytes) -> int:
        """Queue octets; return how many were taken (fewer than given if the peer does not read)."""

    def half_close(self) -> None:
        """Send no more after what is queued, and go on hearing; ``closed`` comes when the peer ends, too."""

    def close(self) -> None:
        """Close both halves, the own one after what is queued; the handler hears ``LOCAL``."""

    def abort(self) -> None:
        """Break it off: the peer hears ``RESET``, the handler ``LOCAL``."""

    def pause(self) -> None:
        """Let the handler get no octets, and the peer wait once its window is full."""

    def resume(self) -> None:
        """Let the handler get octets again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """An HTTP request that goes out for a device.

    Attributes:
        url: absolute, ``http`` or ``https``.
        headers: in order, as given.
        timeout_ms: until the response must be complete.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timeout_ms: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """What came back."""

    status: int
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFailure:
    """Nothing came back.

    Attributes:
        reason: ``unknown host``, ``refused``, ``unreachable``, ``timed out``, ``bad response`` ...
    """

    reason: str


HttpOutcome: TypeAlias = HttpResponse | HttpFailure


class Internet(Protocol):
    """The hosts that can be reached; any other behaves as an unreachable one does."""

    def resolve(self, host: str) -> tuple[str, ...]:
        """Return the IPv4 addresses of a host name (or of a dotted address, itself); empty if there is none."""

    def latency_to(self, ip: str) -> int:
        """Return the nanoseconds to the host with this address, one way; 0 if there is none."""

    def answers_ping(self, ip: str) -> bool:
        """Return whether a host with this address answers ICMP echo requests."""

    def send_udp(self, source: Address, destination: Address, payload: bytes) -> bool:
        """Take a datagram of a device; False if no host has the address.

        Answers of the host go to the ``udp_sink`` that the internet was given: the network, which knows the device.
        """

    def connect_tcp(self, source: Address, destination: Address, handler: TcpHandler) -> TcpConnection:
        """Open a connection to a host; the outcome comes by the handler."""

    def http(self, request: HttpRequest, done: Callable[[HttpOutcome], None]) -> None:
        """Send a request; ``done`` is called once, in virtual time no later than the request's timeout."""

    def mqtt(self, request: MqttConnect, listener: MqttListener) -> MqttSession:
        """Connect to a broker; the outcome comes by the listener."""

    def loopback(self, host: str, port: int) -> Address | None:
        """Return where on this machine a client library has to connect to for ``host:port``, None if nowhere.

        For protocols that a kept client library speaks (MQTT). TLS hosts are named by the application, the far end may
        be plain: the answer says nothing of TLS.
        """


class Devices(Protocol):
    """The network, seen from the hosts of the internet: how they reach the addresses of devices."""

    def udp_from_internet(self, source: Address, destination: Address, payload: bytes) -> bool:
        """Take a datagram for a device's address; False if no device has it."""

    def connect_to_device(self, source: Address, destination: Address, handler: TcpHandler) -> TcpConnection:
        """Open a connection from a host to a port of a device; the outcome comes by the handler."""
