"""IPv4 packets in pieces that fit a link, and whole again (RFC 791 clause 3.2, RFC 815). Pure: time is an argument."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from harness.errors import FormatError
from harness.formats.ipv4 import Packet

MAX_PENDING: Final = 16
"""Packets of which pieces are kept; beyond, the oldest is forgotten."""
MAX_PIECES: Final = 256
"""Pieces of one packet that are kept."""
LIFETIME: Final = 30_000_000_000
"""Nanoseconds that pieces wait for the others."""

_HEADER: Final = 20
_LONGEST: Final = 65_535 - _HEADER

_Key: TypeAlias = tuple[str, str, int, int]


def fragments(packet: Packet, longest: int, *, identification: int) -> tuple[Packet, ...]:
    """Return a whole packet in pieces of at most so many octets, headers included; one that fits stays as it is."""
    if _HEADER + len(packet.payload) <= longest:
        return (packet,)
    size = (longest - _HEADER) // 8 * 8
    if size <= 0:
        raise FormatError(f"no IPv4 packet fits into {longest} octets")
    pieces = range(0, len(packet.payload), size)
    return tuple(replace(packet, payload=packet.payload[start:start + size], identification=identification,
                         offset=start, more=start != pieces[-1]) for start in pieces)


@dataclass(slots=True)
class _Pending:
    """What has come of one packet."""

    begun: int
    pieces: dict[int, Packet] = field(default_factory=dict)

    def whole(self) -> Packet | None:
        """Return the packet if all of it is there."""
        payload = b""
        for offset, piece in sorted(self.pieces.items()):
            if offset > len(payload):
                return None
            payload += piece.payload[len(payload) - offset:]
            if not piece.more:
                return replace(piece, payload=payload, offset=0, more=False)
        return None


class Reassembler:
    """Makes whole packets of what arrives.

        >>> whole = Packet(source="10.0.0.1", destination="10.0.0.2", protocol=17, payload=bytes(3000))
        >>> one = Reassembler()
        >>> [one.take(piece, 0) == whole for piece in fragments(whole, 1500, identification=0)]
        [False, False, True]
    """

    def __init__(self) -> None:
        self._pending: OrderedDict[_Key, _Pending] = OrderedDict()

    def __repr__(self) -> str:
        return f"Reassembler({len(self._pending)} packets pending)"

    def take(self, packet: Packet, now: int) -> Packet | None:
        """Take a packet at an instant in nanoseconds; return it if it is whole or makes one whole.

        Raises:
            FormatError: the whole would be longer than a packet can be, or comes in too many pieces.
        """
        if not packet.is_fragment:
            return packet
        key = (packet.source, packet.destination, packet.protocol, packet.identification)
        while self._pending and now - next(iter(self._pending.values())).begun > LIFETIME:
            self._pending.popitem(last=False)
        pending = self._pending.setdefault(key, _Pending(now))
        pending.pieces[packet.offset] = packet
        if packet.offset + len(packet.payload) > _LONGEST or len(pending.pieces) > MAX_PIECES:
            del self._pending[key]
            raise FormatError("the fragments of an IPv4 packet are more than one can have")
        if (whole := pending.whole()) is not None:
            del self._pending[key]
        elif len(self._pending) > MAX_PENDING:
            self._pending.popitem(last=False)
        return whole
