"""The network's end of a dial-up connection: LCP, PAP or CHAP, IPCP, and IP packets on a packet context.

Theory of operation. The peer sends its own Configure-Requests and answers the client's; when LCP is open on both sides
the client proves its name (any is good, as mobile networks have it), then IPCP gives it the address of the context.
Requests that nobody answers are repeated, and given up in the end (RFC 1661 clause 4.6). UDP travels through the
network, ICMP echo and DNS are answered by what the network knows, and TCP ends in
:mod:`harness.virtual.modem.tcp_gateway`, which carries it on.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from harness.errors import FormatError
from harness.formats import ipv4
from harness.formats.ipv4_fragments import Reassembler, fragments
from harness.formats.ppp import (
    Code,
    FrameReader,
    Options,
    Packet,
    Protocol,
    decode_options,
    encode_frame,
    encode_options,
)
from harness.virtual.modem.tcp_gateway import TcpGateway
from harness.virtual.network.seams import Datagram, Session
from harness.virtual.world import Event

if TYPE_CHECKING:
    from harness.virtual.modem.data_mode import DataPort
    from harness.virtual.modem.modem import VirtualModem

_OWN_ADDRESS: Final = bytes((10, 64, 64, 64))
_REPEAT: Final = 3_000_000_000  # restart timer in nanoseconds (RFC 1661 clause 4.6)
_TRIES: Final = 10
_DNS: Final = 53
_PAP: Final = b"\xc0\x23"
_CHAP_MD5: Final = b"\xc2\x23\x05"

_DEFAULT_MRU: Final = 1_500  # RFC 1661 clause 6.1
_SMALLEST_MRU: Final = 68  # RFC 791 clause 3.2: every link takes that
_MRU, _ACCM, _AUTHENTICATION, _MAGIC, _PFC, _ACFC = 1, 2, 3, 5, 7, 8
_ADDRESS, _FIRST_DNS, _SECOND_DNS = 3, 129, 131


@dataclass(slots=True)
class _Layer:
    """LCP or IPCP: where the two directions of the negotiation stand."""

    protocol: Protocol
    wanted: dict[int, bytes]
    identifier: int = 0
    ours_acknowledged: bool = False
    theirs_acknowledged: bool = False
    tries: int = 0
    timer: Event | None = field(default=None, repr=False)

    @property
    def open(self) -> bool:
        """Whether both directions are agreed."""
        return self.ours_acknowledged and self.theirs_acknowledged

    def restart(self) -> None:
        """Forget what was agreed."""
        self.ours_acknowledged = self.theirs_acknowledged = False
        self.tries = 0
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class PppPeer:
    """One dial-up connection; a :class:`~harness.virtual.modem.data_mode.DataLink`.

    Args:
        session: the packet context that carries it.
        closed: called once when the connection is over, whoever ended it.
    """

    def __init__(self, modem: VirtualModem, port: DataPort, session: Session, closed: Callable[[], None]) -> None:
        self._modem = modem
        self._port = port
        self._session = session
        self._closed: Callable[[], None] | None = closed
        self._reader = FrameReader()
        self._reassembler = Reassembler()
        self._identifications = itertools.count()
        self._longest = _DEFAULT_MRU  # octets of IP that the client takes at once
        self._escape_map = 0xFFFFFFFF
        self._challenge = b""
        self._named = False
        stream = modem.world.random(f"modem.{modem.name}.ppp")
        self._magic = stream.randbytes(4)
        self._challenge = stream.randbytes(16)
        self._lcp = _Layer(Protocol.LCP, {_ACCM: bytes(4), _AUTHENTICATION: _CHAP_MD5, _MAGIC: self._magic,
                                          _PFC: b"", _ACFC: b""})
        self._ipcp = _Layer(Protocol.IPCP, {_ADDRESS: _OWN_ADDRESS})
        self._tcp = TcpGateway(modem, session.cid, self._deliver)
        modem.packet.taps[session.cid] = self
        modem.record("ppp_started", cid=session.cid)
        self._request(self._lcp)

    def __repr__(self) -> str:
        return f"PppPeer(cid={self._session.cid}, {'open' if self._ipcp.open else 'negotiating'})"

    # -- DataLink -----------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take octets of the client; damaged frames are dropped."""
        for protocol, information in self._reader.feed(data):
            if self._closed is None:
                return
            self._take(protocol, information)

    @property
    def standing(self) -> bool:
        """Whether nobody has ended the connection."""
        return self._closed is not None

    def suspended(self) -> None:
        """What the network sends meanwhile is lost, as on a line that nobody listens to."""

    def resumed(self) -> None:
        """Nothing was kept for the client meanwhile."""

    def hung_up(self) -> None:
        """The client went, or the power."""
        self._over()

    def context_lost(self) -> None:
        """The context has ended: say so, and leave."""
        if self._closed is None:
            return
        self._say(Protocol.LCP, Packet(Code.TERMINATE_REQUEST, 0xFF))
        self._hang_up()

    # -- frames -------------------------------------------------------------------------------------------------------

    def _take(self, protocol: int, information: bytes) -> None:
        try:
            if protocol == Protocol.LCP:
                self._control(self._lcp, Packet.decode(information))
            elif protocol == Protocol.IPCP and self._lcp.open:
                self._control(self._ipcp, Packet.decode(information))
            elif protocol == Protocol.PAP and self._lcp.open:
                self._pap(Packet.decode(information))
            elif protocol == Protocol.CHAP and self._lcp.open:
                self._chap(Packet.decode(information))
            elif protocol == Protocol.IP and self._ipcp.open:
                whole = self._reassembler.take(ipv4.Packet.decode(information), self._modem.world.now())
                if whole is not None:
                    self._ip(whole)
            elif self._lcp.open and protocol not in tuple(Protocol):
                self._lcp.identifier += 1
                self._say(Protocol.LCP, Packet(Code.PROTOCOL_REJECT, self._lcp.identifier & 0xFF,
                                               protocol.to_bytes(2, "big") + information[:64]))
        except FormatError as error:
            self._modem.record("ppp_frame_dropped", reason=str(error))

    def _say(self, protocol: Protocol, packet: Packet) -> None:
        self._port.send(encode_frame(protocol, packet.encode(),
                                     escape_map=0xFFFFFFFF if protocol is Protocol.LCP else self._escape_map))

    # -- LCP and IPCP (RFC 1661 clause 4) -----------------------------------------------------------------------------

    def _request(self, layer: _Layer) -> None:
        """Send our Configure-Request, and again until it is acknowledged."""
        if self._closed is None or layer.ours_acknowledged:
            return
        layer.tries += 1
        if layer.tries > _TRIES:
            self._hang_up()
            return
        layer.identifier = layer.identifier + 1 & 0xFF
        self._say(layer.protocol, Packet(Code.CONFIGURE_REQUEST, layer.identifier,
                                         encode_options(layer.wanted.items())))
        if layer.timer is not None:
            layer.timer.cancel()
        layer.timer = self._modem.later(_REPEAT, lambda: self._request(layer), name="ppp-restart", scaled=False)

    def _control(self, layer: _Layer, packet: Packet) -> None:
        code = packet.code
        if code == Code.CONFIGURE_REQUEST:
            self._configure(layer, packet)
        elif code in (Code.CONFIGURE_ACK, Code.CONFIGURE_NAK, Code.CONFIGURE_REJECT):
            if packet.identifier == layer.identifier and not layer.ours_acknowledged:
                self._answered(layer, packet)
        elif code == Code.TERMINATE_REQUEST:
            self._say(layer.protocol, Packet(Code.TERMINATE_ACK, packet.identifier))
            if layer is self._lcp:
                self._hang_up()
            else:
                layer.restart()
        elif code == Code.ECHO_REQUEST and layer is self._lcp:
            self._say(Protocol.LCP, Packet(Code.ECHO_REPLY, packet.identifier, self._magic + packet.data[4:]))
        elif code not in tuple(Code):
            layer.identifier = layer.identifier + 1 & 0xFF
            self._say(layer.protocol, Packet(Code.CODE_REJECT, layer.identifier, packet.encode()[:64]))

    def _configure(self, layer: _Layer, packet: Packet) -> None:
        if layer.open:  # the client begins anew
            layer.restart()
            if layer is self._lcp:  # with all that comes after, as one does that finds the call of another before it
                self._named = False
                self._escape_map = 0xFFFFFFFF
                self._ipcp.restart()
        if not layer.ours_acknowledged and layer.timer is None:
            self._request(layer)
        options = decode_options(packet.data)
        judge = self._judge_lcp if layer is self._lcp else self._judge_ipcp
        rejected, suggested = judge(options)
        if rejected:
            answer = Packet(Code.CONFIGURE_REJECT, packet.identifier, encode_options(rejected))
        elif suggested:
            answer = Packet(Code.CONFIGURE_NAK, packet.identifier, encode_options(suggested))
        else:
            answer = Packet(Code.CONFIGURE_ACK, packet.identifier, packet.data)
        self._say(layer.protocol, answer)
        layer.theirs_acknowledged = answer.code == Code.CONFIGURE_ACK
        if layer.theirs_acknowledged:
            if layer is self._lcp:
                longest = int.from_bytes(dict(options).get(_MRU, b"")) or _DEFAULT_MRU
                self._longest = max(longest, _SMALLEST_MRU)
                wanted = dict(options).get(_ACCM)
                self._escape_map = int.from_bytes(wanted, "big") if wanted is not None else 0xFFFFFFFF
            self._progress(layer)

    def _judge_lcp(self, options: Options) -> tuple[Options, Options]:
        known = {_MRU: 2, _ACCM: 4, _MAGIC: 4, _PFC: 0, _ACFC: 0}
        return tuple(item for item in options if known.get(item[0]) != len(item[1])), ()

    def _judge_ipcp(self, options: Options) -> tuple[Options, Options]:
        servers = (*self._session.dns, "0.0.0.0", "0.0.0.0")
        right = {_ADDRESS: _packed(self._session.ip), _FIRST_DNS: _packed(servers[0]),
                 _SECOND_DNS: _packed(servers[1])}
        return (tuple(item for item in options if item[0] not in right),
                tuple((kind, right[kind]) for kind, value in options if kind in right and value != right[kind]))

    def _answered(self, layer: _Layer, packet: Packet) -> None:
        if packet.code == Code.CONFIGURE_ACK:
            layer.ours_acknowledged = True
            if layer.timer is not None:
                layer.timer.cancel()
            self._progress(layer)
            return
        for kind, value in decode_options(packet.data):
            if packet.code == Code.CONFIGURE_REJECT or kind != _AUTHENTICATION or value not in (_PAP, _CHAP_MD5):
                layer.wanted.pop(kind, None)
            else:
                layer.wanted[kind] = value
        self._request(layer)

    def _progress(self, layer: _Layer) -> None:
        if not layer.open:
            return
        if layer is self._ipcp:
            self._modem.record("ppp_opened", cid=self._session.cid, ip=self._session.ip)
        elif self._named or _AUTHENTICATION not in layer.wanted:
            self._request(self._ipcp)
        elif layer.wanted[_AUTHENTICATION] == _CHAP_MD5:
            data = bytes((len(self._challenge),)) + self._challenge + b"network"
            self._say(Protocol.CHAP, Packet(1, 1, data))

    # -- who are you: any name is good --------------------------------------------------------------------------------

    def _pap(self, packet: Packet) -> None:
        if packet.code == 1:
            self._say(Protocol.PAP, Packet(2, packet.identifier, b"\0"))
            self._authenticated()

    def _chap(self, packet: Packet) -> None:
        if packet.code == 2:
            self._say(Protocol.CHAP, Packet(3, packet.identifier))
            self._authenticated()

    def _authenticated(self) -> None:
        if not self._named:
            self._named = True
            self._request(self._ipcp)

    # -- IP -----------------------------------------------------------------------------------------------------------

    def _ip(self, packet: ipv4.Packet) -> None:
        if packet.source != self._session.ip:
            return
        carrier, cid = self._modem.carrier, self._session.cid
        if packet.protocol == ipv4.UDP:
            self._udp(packet)
        elif packet.protocol == ipv4.ICMP and (reply := ipv4.echo_reply(packet)) is not None:
            answer = reply

            def done(round_trip: int | None) -> None:
                if round_trip is not None:
                    self._deliver(answer)

            carrier.ping(self._modem, cid, packet.destination, len(packet.payload) - 8, done)
        elif packet.protocol == ipv4.TCP:
            self._tcp.receive(packet)

    def _udp(self, packet: ipv4.Packet) -> None:
        source, destination, payload = ipv4.parse_udp(packet)
        question = ipv4.dns_question(payload) if (
            destination == _DNS and packet.destination in self._session.dns) else None
        if question is None:
            self._modem.carrier.send_datagram(self._modem, self._session.cid, Datagram(
                source=(packet.source, source), destination=(packet.destination, destination), payload=payload))
            return

        def resolved(addresses: tuple[str, ...] | None) -> None:
            if addresses is not None:
                self._deliver(ipv4.udp((packet.destination, _DNS), (packet.source, source),
                                       ipv4.dns_answer(payload, addresses[:16])))

        self._modem.carrier.resolve(self._modem, self._session.cid, question.name, resolved)

    def datagram_received(self, datagram: Datagram) -> None:
        """Take a datagram that arrived on the context."""
        self._deliver(ipv4.udp(datagram.source, datagram.destination, datagram.payload))

    def _deliver(self, packet: ipv4.Packet) -> None:
        if self._closed is not None and self._ipcp.open:
            number = next(self._identifications) & 0xFFFF
            for piece in fragments(packet, self._longest, identification=number):
                self._port.send(encode_frame(Protocol.IP, piece.encode(), escape_map=self._escape_map))

    # -- the end ------------------------------------------------------------------------------------------------------

    def _hang_up(self) -> None:
        if self._closed is not None:
            self._over()
            self._port.finish("NO CARRIER")

    def _over(self) -> None:
        closed, self._closed = self._closed, None
        if closed is None:
            return
        for layer in (self._lcp, self._ipcp):
            if layer.timer is not None:
                layer.timer.cancel()
        self._tcp.close()
        self._modem.packet.taps.pop(self._session.cid, None)
        self._modem.record("ppp_ended", cid=self._session.cid)
        closed()


def _packed(address: str) -> bytes:
    return bytes(int(part) for part in address.split("."))
