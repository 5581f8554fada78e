"""IPv4 packets with UDP, ICMP echo and TCP in them, and DNS queries for addresses (RFC 791, 768, 792, 1035)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Final, NamedTuple

from harness.errors import FormatError

ICMP: Final = 1
TCP: Final = 6
UDP: Final = 17
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
"""Flags of a TCP header."""
_HEADER: Final = struct.Struct(">BBHHHBBH4s4s")
_MAXIMUM_SEGMENT: Final = 2  # kind of the option (RFC 9293 clause 3.2)
_TTL: Final = 64
_DONT_FRAGMENT: Final = 0x4000
_MORE_FRAGMENTS: Final = 0x2000
_OFFSET: Final = 0x1FFF  # in units of eight octets


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """An IPv4 packet, whole or a fragment of one.

    Attributes:
        identification: what the fragments of one packet have in common.
        offset: where in the payload of the whole packet this one's begins.
        more: whether others follow.
    """

    source: str
    destination: str
    protocol: int
    payload: bytes
    identification: int = 0
    offset: int = 0
    more: bool = False

    @property
    def is_fragment(self) -> bool:
        """Whether it is only a part."""
        return self.more or self.offset > 0

    def encode(self) -> bytes:
        """Return its octets.

        Raises:
            FormatError: an address is none, or the payload is too long.
        """
        if len(self.payload) > 65_515:
            raise FormatError(f"an IPv4 packet can't carry {len(self.payload)} octets")
        flags = self.more * _MORE_FRAGMENTS | self.offset // 8 if self.is_fragment else _DONT_FRAGMENT
        header = _HEADER.pack(0x45, 0, 20 + len(self.payload), self.identification, flags, _TTL, self.protocol, 0,
                              _octets(self.source), _octets(self.destination))
        return header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + self.payload

    @classmethod
    def decode(cls, octets: bytes) -> Packet:
        """Return the packet.

        Raises:
            FormatError: it is cut off, not IPv4, or its header checksum is wrong.
        """
        if len(octets) < 20 or octets[0] >> 4 != 4:
            raise FormatError("not an IPv4 packet")
        length = (octets[0] & 0xF) * 4
        _, _, total, identification, flags, _, protocol, _, source, destination = _HEADER.unpack_from(octets)
        if not 20 <= length <= total <= len(octets):
            raise FormatError(f"an IPv4 packet of {len(octets)} octets does not hold the {total} it tells of")
        if checksum(octets[:length]):
            raise FormatError("the checksum of an IPv4 header is wrong")
        return cls(source=str(IPv4Address(source)), destination=str(IPv4Address(destination)), protocol=protocol,
                   payload=octets[length:total], identification=identification, offset=(flags & _OFFSET) * 8,
                   more=bool(flags & _MORE_FRAGMENTS))


def udp(source: tuple[str, int], destination: tuple[str, int], payload: bytes) -> Packet:
    """Return a UDP datagram in its packet."""
    body = struct.pack(">HHHH", source[1], destination[1], 8 + len(payload), 0) + payload
    value = checksum(_pseudo_header(source[0], destination[0], UDP, len(body)) + body) or 0xFFFF
    return Packet(source=source[0], destination=destination[0], protocol=UDP,
                  payload=body[:6] + value.to_bytes(2, "big") + body[8:])


def parse_udp(packet: Packet) -> tuple[int, int, bytes]:
    """Return source port, destination port and payload.

    Raises:
        FormatError: it is cut off, or its checksum is wrong.
    """
    body = packet.payload
    if len(body) < 8:
        raise FormatError("a UDP header is cut off")
    source, destination, length, given = struct.unpack_from(">HHHH", body)
    if not 8 <= length <= len(body):
        raise FormatError(f"a UDP datagram of {len(body)} octets does not hold the {length} it tells of")
    body = body[:length]
    if given and checksum(_pseudo_header(packet.source, packet.destination, UDP, length) + body):
        raise FormatError("the checksum of a UDP datagram is wrong")
    return source, destination, body[8:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A TCP segment.

    Attributes:
        source, destination: ports.
        window: octets that the sender would take, as the header has it.
        maximum: the longest segment that the sender takes, if it tells.
    """

    source: int
    destination: int
    sequence: int
    acknowledged: int
    flags: int
    window: int
    maximum: int | None
    payload: bytes


def parse_tcp(packet: Packet) -> Segment:
    """Return the TCP segment in a packet (RFC 9293 clause 3.1).

    Raises:
        FormatError: it is cut off, or its checksum is wrong.
    """
    body = packet.payload
    length = (body[12] >> 4) * 4 if len(body) >= 20 else 0
    if not 20 <= length <= len(body):
        raise FormatError("a TCP header is cut off")
    if checksum(_pseudo_header(packet.source, packet.destination, TCP, len(body)) + body):
        raise FormatError("the checksum of a TCP segment is wrong")
    source, destination, sequence, acknowledged, _, flags, window = struct.unpack_from(">HHIIBBH", body)
    return Segment(source=source, destination=destination, sequence=sequence, acknowledged=acknowledged, flags=flags,
                   window=window, maximum=_maximum_segment(body[20:length]), payload=body[length:])


def _maximum_segment(options: bytes) -> int | None:
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        length = options[at + 1] if at + 1 < len(options) else 0
        if length < 2:
            return None
        if options[at] == _MAXIMUM_SEGMENT and length == 4 and at + 4 <= len(options):
            return int.from_bytes(options[at + 2:at + 4], "big") or None
        at += length
    return None


def tcp(source: tuple[str, int], destination: tuple[str, int], payload: bytes = b"", *, sequence: int,
        acknowledged: int | None, flags: int = 0, maximum: int | None = None) -> Packet:
    """Return a TCP segment in its packet (RFC 9293 clause 3.1).

    Args:
        acknowledged: the number that is expected next; None: no ACK flag.
        flags: :data:`FIN`, :data:`SYN`, :data:`RST`, :data:`PSH`; ACK is added where it belongs.
        maximum: the longest segment that we take, told with a SYN; None tells nothing.
    """
    bits = flags | (ACK if acknowledged is not None else 0)
    options = b"" if maximum is None else struct.pack(">BBH", _MAXIMUM_SEGMENT, 4, maximum)
    header = struct.pack(">HHIIBBHHH", source[1], destination[1], sequence & 0xFFFFFFFF,
                         (acknowledged or 0) & 0xFFFFFFFF, 20 + len(options) << 2, bits, 0xFFFF, 0, 0) + options
    segment = header + payload
    value = checksum(_pseudo_header(source[0], destination[0], TCP, len(segment)) + segment)
    return Packet(source=source[0], destination=destination[0], protocol=TCP,
                  payload=segment[:16] + value.to_bytes(2, "big") + segment[18:])


def echo_request(source: str, destination: str, size: int, *, identifier: int, sequence: int) -> Packet:
    """Return an ICMP echo request with ``size`` octets of data."""
    body = struct.pack(">BBHHH", 8, 0, 0, identifier & 0xFFFF, sequence & 0xFFFF) + bytes(i & 0xFF for i in range(size))
    return Packet(source=source, destination=destination, protocol=ICMP,
                  payload=body[:2] + checksum(body).to_bytes(2, "big") + body[4:])


def echo_reply(request: Packet) -> Packet | None:
    """Return the answer to an ICMP echo request, None if the packet is none."""
    if request.protocol != ICMP or len(request.payload) < 8 or request.payload[0] != 8:
        return None
    body = b"\0\0\0\0" + request.payload[4:]
    return Packet(source=request.destination, destination=request.source, protocol=ICMP,
                  payload=body[:2] + checksum(body).to_bytes(2, "big") + body[4:])


def tcp_reset(packet: Packet) -> Packet | None:
    """Return the reset that refuses a TCP segment (RFC 9293 clause 3.5.2), None if it is none or a reset itself."""
    body = packet.payload
    if packet.protocol != TCP or len(body) < 20 or body[13] & 0x04:
        return None
    source, destination, sequence, acknowledged = struct.unpack_from(">HHII", body)
    if body[13] & 0x10:
        number, answer, flags = acknowledged, 0, 0x04
    else:
        taken = len(body) - (body[12] >> 4) * 4 + (body[13] & 0x01) + (body[13] >> 1 & 0x01)
        number, answer, flags = 0, (sequence + taken) & 0xFFFFFFFF, 0x14
    segment = struct.pack(">HHIIBBHHH", destination, source, number, answer, 0x50, flags, 0, 0, 0)
    value = checksum(_pseudo_header(packet.destination, packet.source, TCP, 20) + segment)
    return Packet(source=packet.destination, destination=packet.source, protocol=TCP,
                  payload=segment[:16] + value.to_bytes(2, "big") + segment[18:])


# -- DNS --------------------------------------------------------------------------------------------------------------


_LONGEST_NAME: Final = 254  # octets of a name without its end (RFC 1035 clause 2.3.4)
_INTERNET: Final = 1  # class of a DNS question
_IPV4_ADDRESSES: Final = (1, 255)  # types of one: A, and any


class DnsQuestion(NamedTuple):
    """What a DNS query asks: of which name, the number of the type of records, and where in the query that ends."""

    name: str
    kind: int
    end: int

    @property
    def asks_addresses(self) -> bool:
        """Whether IPv4 addresses are wanted, among others or alone."""
        return self.kind in _IPV4_ADDRESSES


def dns_question(query: bytes) -> DnsQuestion | None:
    """Return what a DNS query asks, None if it is none, or asks nothing or several things at once."""
    if len(query) < 17 or query[2] & 0xF8 or query[4:6] != b"\0\1":  # a response, or another operation
        return None
    labels, position = [], 12
    while position < len(query) and (length := query[position]):
        if length > 63:
            return None
        labels.append(query[position + 1:position + 1 + length])
        position += 1 + length
    if len(query) < position + 5:
        return None
    kind, network = struct.unpack_from(">HH", query, position + 1)
    try:
        name = b".".join(labels).decode("ascii")
    except UnicodeDecodeError:
        return None
    return DnsQuestion(name, kind, position + 5) if network == _INTERNET else None


def dns_query(host: str, *, identifier: int) -> bytes:
    """Return a query for the IPv4 addresses of a name; one that no query can hold is asked for as far as it fits."""
    name = b""
    for label in (label.encode("ascii", "replace")[:63] for label in host.rstrip(".").split(".") if label):
        if len(name) + 1 + len(label) <= _LONGEST_NAME:
            name += bytes([len(label)]) + label
    name += b"\0"
    return struct.pack(">HHHHHH", identifier & 0xFFFF, 0x0100, 1, 0, 0, 0) + name + b"\0\1\0\1"


def dns_answer(query: bytes, addresses: tuple[str, ...], *, ttl_seconds: int = 60) -> bytes:
    """Return the response to a query that :func:`dns_question` understood.

    No address is "no such name". Whoever asks for records of another type, an IPv6 address say, is told that there are
    none of it (RFC 2308 clause 2.2), and does not wait for more.
    """
    question = dns_question(query)
    if question is None:
        raise FormatError("not a DNS query")
    shown = addresses if question.asks_addresses else ()
    flags = 0x8180 if addresses else 0x8183
    header = query[:2] + struct.pack(">HHHHH", flags, 1, len(shown), 0, 0)
    records = b"".join(struct.pack(">HHHIH", 0xC00C, 1, 1, ttl_seconds, 4) + _octets(ip) for ip in shown)
    return header + query[12:question.end] + records


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def _pseudo_header(source: str, destination: str, protocol: int, length: int) -> bytes:
    return _octets(source) + _octets(destination) + struct.pack(">BBH", 0, protocol, length)


def _octets(address: str) -> bytes:
    try:
        return IPv4Address(address).packed
    except AddressValueError:
        raise FormatError(f"{address!r} is no IPv4 address") from None
