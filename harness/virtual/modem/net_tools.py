"""What modules do on the network for themselves, without any maker's syntax: echo requests and the time of day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from harness.virtual.modem.sockets import Service
from harness.virtual.network.seams import Datagram

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

TTL = 255
_MILLISECOND = 1_000_000
_NTP_SOCKET = -1  # a number that no client can name
_NTP_ERA = datetime(1900, 1, 1, tzinfo=UTC)
_NTP_TIMEOUT = 5_000 * _MILLISECOND


@dataclass(frozen=True, slots=True)
class Echo:
    """What became of one echo request.

    Attributes:
        number: from 1.
        milliseconds: its round trip, None if nothing came back in time.
    """

    number: int
    ip: str
    milliseconds: int | None


@dataclass(frozen=True, slots=True)
class EchoSummary:
    """What became of all of them; times are those of the answered ones, 0 if there are none."""

    sent: int
    received: int
    shortest: int
    longest: int
    mean: int

    @property
    def lost(self) -> int:
        """How many were not answered."""
        return self.sent - self.received


class Pinger:
    """Echo requests one after the other.

    Args:
        size: octets of each.
        count: how many.
        timeout: nanoseconds that each is waited for.
        interval: nanoseconds between an answer and the next request.
        told: called for each.
        done: called at the end, with None if there is no such host.
    """

    def __init__(self, modem: VirtualModem, cid: int, *, size: int, count: int, timeout: int,
                 told: Callable[[Echo], None], done: Callable[[EchoSummary | None], None],
                 interval: int = 1_000 * _MILLISECOND) -> None:
        self._modem = modem
        self._cid = cid
        self._size = size
        self._count = count
        self._timeout = timeout
        self._interval = interval
        self._told = told
        self._done = done
        self._times: list[int] = []
        self._sent = 0
        self._ip = ""

    def start(self, host: str) -> None:
        """Begin, in a later turn of the world."""
        self._modem.later(0, lambda: self._modem.sockets.resolve(self._cid, host, self._resolved), name="modem-ping")

    def _resolved(self, address: str | None) -> None:
        if address is None:
            self._done(None)
            return
        self._ip = address
        self._next()

    def _next(self) -> None:
        if self._sent == self._count:
            times = self._times
            low, high, mean = (min(times), max(times), sum(times) // len(times)) if times else (0, 0, 0)
            self._done(EchoSummary(self._sent, len(times), low, high, mean))
            return
        self._sent += 1
        number, power, over = self._sent, self._modem.power_cycle, False

        def answered(round_trip: int | None) -> None:
            nonlocal over
            if over or power != self._modem.power_cycle:
                return
            over = True
            if round_trip is None or round_trip > self._timeout:
                self._told(Echo(number, self._ip, None))
            else:
                self._times.append(max(1, round_trip // _MILLISECOND))
                self._told(Echo(number, self._ip, self._times[-1]))
            self._modem.later(self._interval if number < self._count else 0, self._next, name="modem-ping")

        self._modem.carrier.ping(self._modem, self._cid, self._ip, self._size, answered)
        self._modem.later(self._timeout, lambda: answered(None), name="modem-ping", scaled=False)


def asking_time(modem: VirtualModem) -> bool:
    """Tell whether a time server is being asked."""
    return _NTP_SOCKET in modem.sockets.open


def ask_time(modem: VirtualModem, cid: int, host: str, port: int,
             done: Callable[[datetime | None, bool], None]) -> None:
    """Ask a time server once (RFC 4330); ``done`` gets the moment, or None and whether there is such a host."""

    def finish(moment: datetime | None, host_known: bool) -> None:
        modem.sockets.close(_NTP_SOCKET)
        done(moment, host_known)

    def answered(datagram: Datagram) -> None:
        payload = datagram.payload
        if len(payload) >= 48 and payload[0] & 7 == 4:
            finish(_NTP_ERA + timedelta(seconds=int.from_bytes(payload[40:44], "big")), True)

    def given_up(number: int) -> None:
        socket = modem.sockets.open.get(_NTP_SOCKET)
        if socket is not None and socket.local_port == number:
            finish(None, True)

    def resolved(address: str | None) -> None:
        if address is None or asking_time(modem):
            finish(None, False)
            return
        socket = modem.sockets.bind(_NTP_SOCKET, cid, Service.UDP, (address, port), 0, 1, host=host)
        socket.taker = answered
        modem.sockets.send(socket, bytes((0x23,)) + bytes(47))
        modem.later(_NTP_TIMEOUT, lambda: given_up(socket.local_port), name="modem-ntp", scaled=False)

    modem.later(0, lambda: modem.sockets.resolve(cid, host, resolved), name="modem-ntp")
