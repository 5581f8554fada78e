"""PPP in HDLC-like framing, and the packets of its control protocols (RFC 1661, RFC 1662, RFC 1332, RFC 1994)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from harness.errors import FormatError

FLAG: Final = 0x7E
_ESCAPE: Final = 0x7D
_FLIP: Final = 0x20
_ADDRESS_CONTROL: Final = b"\xff\x03"
_GOOD_FCS: Final = 0xF0B8
MAX_FRAME: Final = 2_048
"""Octets of a frame before escaping; longer ones are dropped."""


class Protocol(IntEnum):
    """Protocol field."""

    IP = 0x0021
    IPCP = 0x8021
    LCP = 0xC021
    PAP = 0xC023
    CHAP = 0xC223


class Code(IntEnum):
    """Code of a control packet; 1 to 4 are also those of PAP and CHAP, with meanings of their own."""

    CONFIGURE_REQUEST = 1
    CONFIGURE_ACK = 2
    CONFIGURE_NAK = 3
    CONFIGURE_REJECT = 4
    TERMINATE_REQUEST = 5
    TERMINATE_ACK = 6
    CODE_REJECT = 7
    PROTOCOL_REJECT = 8
    ECHO_REQUEST = 9
    ECHO_REPLY = 10
    DISCARD_REQUEST = 11


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet of LCP, IPCP, PAP or CHAP."""

    code: int
    identifier: int
    data: bytes = b""

    def encode(self) -> bytes:
        """Return its octets."""
        return bytes((self.code, self.identifier)) + (len(self.data) + 4).to_bytes(2, "big") + self.data

    @classmethod
    def decode(cls, octets: bytes) -> Packet:
        """Return the packet; padding behind it is dropped.

        Raises:
            FormatError: it is cut off.
        """
        length = int.from_bytes(octets[2:4], "big")
        if len(octets) < 4 or not 4 <= length <= len(octets):
            raise FormatError(f"a PPP packet of {len(octets)} octets does not hold the {length} it tells of")
        return cls(octets[0], octets[1], octets[4:length])


Options = tuple[tuple[int, bytes], ...]
"""Configuration options: type and value."""


def encode_options(options: Iterable[tuple[int, bytes]]) -> bytes:
    """Return options as they stand in a packet."""
    return b"".join(bytes((kind, len(value) + 2)) + value for kind, value in options)


def decode_options(data: bytes) -> Options:
    """Return the options in a packet.

    Raises:
        FormatError: one is cut off.
    """
    options = []
    while data:
        length = data[1] if len(data) > 1 else 0
        if not 2 <= length <= len(data):
            raise FormatError("a PPP option is cut off")
        options.append((data[0], data[2:length]))
        data = data[length:]
    return tuple(options)


def encode_frame(protocol: int, information: bytes, *, escape_map: int = 0xFFFFFFFF) -> bytes:
    """Return a frame between its flags, with address, control and protocol in full.

    Args:
        escape_map: which of the 32 control characters are escaped (ACCM); bit 0 is 0x00.
    """
    content = _ADDRESS_CONTROL + protocol.to_bytes(2, "big") + information
    content += (_fcs(content) ^ 0xFFFF).to_bytes(2, "little")
    out = bytearray((FLAG,))
    for octet in content:
        if octet in (FLAG, _ESCAPE) or (octet < 0x20 and escape_map >> octet & 1):
            out += bytes((_ESCAPE, octet ^ _FLIP))
        else:
            out.append(octet)
    out.append(FLAG)
    return bytes(out)


class FrameReader:
    """Frames out of octets as they come; damaged ones are dropped and counted."""

    def __init__(self) -> None:
        self.dropped = 0
        self._frame = bytearray()
        self._escaped = False

    def __repr__(self) -> str:
        return f"FrameReader({len(self._frame)} octets wait, {self.dropped} frames dropped)"

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take octets; return protocol and information of the frames that are complete now."""
        frames = []
        for octet in data:
            if octet == FLAG:
                found = self._finish()
                if found is not None:
                    frames.append(found)
            elif octet == _ESCAPE:
                self._escaped = True
            elif len(self._frame) <= MAX_FRAME:
                self._frame.append(octet ^ _FLIP if self._escaped else octet)
                self._escaped = False
        return frames

    def _finish(self) -> tuple[int, bytes] | None:
        frame, escaped = bytes(self._frame), self._escaped
        self._frame.clear()
        self._escaped = False
        if not frame:
            return None
        if escaped or len(frame) < 4 or len(frame) > MAX_FRAME or _fcs(frame) != _GOOD_FCS:
            self.dropped += 1
            return None
        body = frame[:-2].removeprefix(_ADDRESS_CONTROL)  # the field may be compressed away
        if body and body[0] & 1:  # and so may the protocol's first octet
            return body[0], body[1:]
        if len(body) < 2:
            self.dropped += 1
            return None
        return int.from_bytes(body[:2], "big"), body[2:]


def _fcs(data: bytes) -> int:
    value = 0xFFFF
    for octet in data:
        value = value >> 8 ^ _TABLE[(value ^ octet) & 0xFF]
    return value


def _build_table() -> tuple[int, ...]:
    table = []
    for octet in range(256):
        value = octet
        for _ in range(8):
            value = value >> 1 ^ (0x8408 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE: Final = _build_table()
