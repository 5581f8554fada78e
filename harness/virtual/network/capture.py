"""What crosses the network, as packets that Wireshark opens: SMS as GSMTAP, everything else as raw IP.

Theory of operation. The network carries TPDUs, datagrams and octets of connections, not packets. A capture makes of
each what a real network would have shown: RP and CP messages in EPS NAS transports for SMS, with their answers; whole
packets for datagrams and pings; segments with running numbers for connections; queries and responses for names. As long
as nobody captures, all of it costs one comparison a call.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final

from harness.errors import FormatError
from harness.formats import gsmtap, ipv4
from harness.formats.pcapng import PcapngWriter
from harness.formats.sms import Address as SmsAddress
from harness.formats.sms.relay import nas_transport, rp_answer, rp_data, rp_memory_available
from harness.virtual.internet.seams import Address
from harness.virtual.network.seams import Datagram, SmsOutcome, SmsRejected
from harness.virtual.world import World

Sink = Callable[[bytes], None]

_LOOPBACK: Final = "127.0.0.1"
_CENTRE: Final = SmsAddress.parse("+12063130004")
_SEGMENT: Final = 1_400
_DNS_PORT: Final = 53


class Interface(IntEnum):
    """Where a packet was seen; Wireshark shows the name."""

    SMS = 0
    IP = 1


class Capture:
    """Writes what a network tells it, in the order of the world's time.

    The network calls the methods named after what crossed it; tests and rigs call :meth:`start` and :meth:`stop`.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._writer = PcapngWriter([interface.name.lower() for interface in Interface])
        self._sink: Sink | None = None
        self._references = itertools.count()

    def __repr__(self) -> str:
        return f"Capture({'on' if self.active else 'off'})"

    @property
    def active(self) -> bool:
        """Whether anybody captures."""
        return self._sink is not None

    def start(self, sink: Sink) -> None:
        """Give a whole pcapng file to ``sink``, block by block: its header now, packets when they come."""
        sink(self._writer.header())
        self._sink = sink

    def stop(self) -> None:
        """Give no more."""
        self._sink = None

    # -- what crosses the network -------------------------------------------------------------------------------------

    def sms(self, iccid: str, tpdu: bytes, done: Callable[[SmsOutcome], None], *,
            uplink: bool) -> Callable[[SmsOutcome], None]:
        """Take a TPDU, and return what to call with its answer instead of ``done``."""
        if self._sink is None:
            return done
        number = next(self._references)
        try:
            message = rp_data(tpdu, _CENTRE, reference=number % 256, uplink=uplink)
        except FormatError:  # longer than any real one: there is nothing to show it as
            return done
        self._nas(iccid, message, number, uplink=uplink, answer=False)

        def answered(outcome: SmsOutcome) -> None:
            cause = outcome.cause if isinstance(outcome, SmsRejected) else 0
            self._nas(iccid, rp_answer(number % 256, cause, uplink=not uplink), number, uplink=not uplink, answer=True)
            done(outcome)

        return answered

    def memory_available(self, iccid: str) -> None:
        """Take a terminal's word that it has room again, and the network's answer."""
        if self._sink is not None:
            number = next(self._references)
            self._nas(iccid, rp_memory_available(number % 256), number, uplink=True, answer=False)
            self._nas(iccid, rp_answer(number % 256, 0, uplink=False), number, uplink=False, answer=True)

    def broadcast(self, page: bytes) -> None:
        """Take a page of cell broadcast."""
        if self._sink is not None:
            for block in gsmtap.broadcast_blocks(page):
                self._write(Interface.SMS, "", ipv4.udp((_LOOPBACK, gsmtap.PORT), (_LOOPBACK, gsmtap.PORT), block))

    def datagram(self, iccid: str, datagram: Datagram) -> None:
        """Take a UDP datagram."""
        if self._sink is not None:
            self.packet(iccid, ipv4.udp(datagram.source, datagram.destination, datagram.payload))

    def ping(self, iccid: str, source: str, destination: str, size: int, *, sequence: int, answered: bool) -> None:
        """Take an echo request, or the reply to one; both have its number."""
        if self._sink is None:
            return
        try:
            request = ipv4.echo_request(source, destination, size, identifier=1, sequence=sequence)
            reply = ipv4.echo_reply(request)
        except FormatError:
            return  # to a name that is no address
        self.packet(iccid, reply if answered and reply is not None else request)

    def name(self, iccid: str, source: Address, server: str, host: str, addresses: tuple[str, ...] | None) -> None:
        """Take a query for the addresses of a name, or the response to it if ``addresses`` is given."""
        if self._sink is None:
            return
        query = ipv4.dns_query(host, identifier=source[1])
        if addresses is None:
            self.packet(iccid, ipv4.udp(source, (server, _DNS_PORT), query))
        else:
            response = ipv4.dns_answer(query, addresses)
            self.packet(iccid, ipv4.udp((server, _DNS_PORT), source, response))

    def packet(self, iccid: str, packet: ipv4.Packet) -> None:
        """Take a packet as it is."""
        self._write(Interface.IP, iccid, packet)

    def connection(self, iccid: str, local: Address, remote: Address) -> TcpTrace:
        """Return what takes the life of a TCP connection."""
        return TcpTrace(self, iccid, _Side(local), _Side(remote))

    # -- inside -------------------------------------------------------------------------------------------------------

    def _nas(self, iccid: str, message: bytes, number: int, *, uplink: bool, answer: bool) -> None:
        nas = nas_transport(message, transaction=number % 7, uplink=uplink, answer=answer)
        packet = ipv4.udp((_LOOPBACK, gsmtap.PORT), (_LOOPBACK, gsmtap.PORT), gsmtap.nas_message(nas, uplink=uplink))
        self._write(Interface.SMS, iccid, packet)

    def _write(self, interface: Interface, iccid: str, packet: ipv4.Packet) -> None:
        if self._sink is None:
            return
        try:
            octets = packet.encode()
        except FormatError:
            return  # no address, or longer than a packet can be: nothing that could have crossed a real network
        since_epoch = self._world.epoch - datetime(1970, 1, 1, tzinfo=UTC)
        epoch_ns = (since_epoch.days * 86_400 + since_epoch.seconds) * 1_000_000_000 + since_epoch.microseconds * 1_000
        self._sink(self._writer.packet(interface, epoch_ns + self._world.now(), octets, comment=iccid))


@dataclass(slots=True)
class _Side:
    """One end of a connection: where it is, the sequence number of its next octet, and whether it said its last."""

    address: Address
    next: int = 0
    ended: bool = False


class TcpTrace:
    """One TCP connection in a capture. Segments acknowledge all that came before: nothing is lost on the way."""

    def __init__(self, capture: Capture, iccid: str, device: _Side, host: _Side) -> None:
        self._capture = capture
        self._iccid = iccid
        self._device = device
        self._host = host
        self._open = False
        self._reset = False

    def asked(self, *, by_device: bool = True) -> None:
        """One end asked for the connection."""
        self._segment(by_device, b"", flags=ipv4.SYN, acknowledge=False)

    def opened(self, *, by_device: bool = True) -> None:
        """The other end took it."""
        self._segment(not by_device, b"", flags=ipv4.SYN)
        self._segment(by_device, b"")
        self._open = True

    def data(self, octets: bytes, *, up: bool) -> None:
        """Octets flowed."""
        if self._capture.active:
            for start in range(0, len(octets), _SEGMENT):
                self._segment(up, octets[start:start + _SEGMENT], flags=ipv4.PSH)

    def ended(self, *, by_device: bool, reset: bool = False) -> None:
        """One end sends no more, or broke the connection off. Only the first time counts, for each end."""
        side = self._device if by_device else self._host
        if self._reset or side.ended:
            return
        if reset:
            self._reset = True
            if self._open or not by_device:  # who got no answer to its SYN sends no more than that
                self._segment(by_device, b"", flags=ipv4.RST)
        elif self._open:
            side.ended = True
            self._segment(by_device, b"", flags=ipv4.FIN)
            self._segment(not by_device, b"")

    def over(self) -> None:
        """Neither end has it any more: who has not said its last yet says it now."""
        if self._device.ended is not self._host.ended:
            self.ended(by_device=self._host.ended)

    def _segment(self, up: bool, octets: bytes, *, flags: int = 0, acknowledge: bool = True) -> None:
        sender, receiver = (self._device, self._host) if up else (self._host, self._device)
        if self._capture.active:
            self._capture.packet(self._iccid, ipv4.tcp(
                sender.address, receiver.address, octets, sequence=sender.next,
                acknowledged=receiver.next if acknowledge else None, flags=flags))
        sender.next += len(octets) + bool(flags & (ipv4.SYN | ipv4.FIN))
