"""Writing packet captures that Wireshark opens: pcapng blocks (draft-ietf-opsawg-pcapng, sections 4.1 to 4.3).

One section with interfaces whose times are nanoseconds. Every block is whole by itself, so a file that ends after any
block is sound: a capture may be followed while it is written.

    >>> writer = PcapngWriter(["sms", "ip"])
    >>> capture = writer.header() + writer.packet(1, 1_000_000_000, b"...", comment="from modem-1")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from construct import Bytes, Const, Int16ul, Int32ul, Int64sl, Struct, this

from harness.errors import FormatError

LINKTYPE_RAW: Final = 101
"""Packets begin with an IPv4 or IPv6 header."""
MAX_PACKET: Final = 0x4_0000
"""Longest packet that is kept whole, in octets: what Wireshark takes."""

_SECTION_HEADER, _INTERFACE, _ENHANCED_PACKET = 0x0A0D0D0A, 1, 6
_OPT_COMMENT, _IF_NAME, _IF_TSRESOL, _SHB_USERAPPL = 1, 2, 9, 4
_NANOSECONDS = 9

_BLOCK = Struct("type" / Int32ul, "total" / Int32ul, "body" / Bytes(this.total - 12), "again" / Int32ul)
_SECTION = Struct("magic" / Const(0x1A2B3C4D, Int32ul), "major" / Const(1, Int16ul), "minor" / Const(0, Int16ul),
                  "length" / Int64sl)
_DESCRIPTION = Struct("link_type" / Int16ul, "reserved" / Const(0, Int16ul), "snap_length" / Int32ul)
_PACKET = Struct("interface" / Int32ul, "high" / Int32ul, "low" / Int32ul, "captured" / Int32ul,
                 "original" / Int32ul)


class PcapngWriter:
    """Blocks of one capture, as octets; where they go is the caller's affair.

    Args:
        interfaces: their names; packets say by number which one they were seen on.
        link_type: what packets begin with (LINKTYPE_ registry of tcpdump.org).
    """

    def __init__(self, interfaces: Sequence[str], *, link_type: int = LINKTYPE_RAW) -> None:
        self._names = tuple(interfaces)
        self._link_type = link_type

    def __repr__(self) -> str:
        return f"PcapngWriter({list(self._names)!r})"

    def header(self, application: str = "microvisor-harness") -> bytes:
        """Return what a capture begins with: the section, and a description of each interface."""
        blocks = [_block(_SECTION_HEADER,
                         _SECTION.build({"length": -1}) + _options((_SHB_USERAPPL, application.encode())))]
        for name in self._names:
            blocks.append(_block(_INTERFACE, _DESCRIPTION.build({"link_type": self._link_type,
                                                                 "snap_length": MAX_PACKET})
                                 + _options((_IF_NAME, name.encode()), (_IF_TSRESOL, bytes([_NANOSECONDS])))))
        return b"".join(blocks)

    def packet(self, interface: int, time_ns: int, octets: bytes, *, comment: str = "") -> bytes:
        """Return a packet.

        Args:
            interface: its number, from 0.
            time_ns: when it was seen, in nanoseconds since 1970-01-01 UTC.
            comment: what Wireshark shows beside it.

        Raises:
            FormatError: no such interface, or a time before 1970.
        """
        if not 0 <= interface < len(self._names):
            raise FormatError(f"a capture of {len(self._names)} interfaces has no number {interface}")
        if not 0 <= time_ns < 1 << 64:
            raise FormatError(f"a capture can't tell the time {time_ns}")
        kept = octets[:MAX_PACKET]
        head = _PACKET.build({"interface": interface, "high": time_ns >> 32, "low": time_ns & 0xFFFFFFFF,
                              "captured": len(kept), "original": len(octets)})
        options = _options((_OPT_COMMENT, comment.encode()[:0xFFFF])) if comment else b""
        return _block(_ENHANCED_PACKET, head + _padded(kept) + options)


def _block(kind: int, body: bytes) -> bytes:
    total = len(body) + 12
    return bytes(_BLOCK.build({"type": kind, "total": total, "body": body, "again": total}))


def _options(*options: tuple[int, bytes]) -> bytes:
    encoded = b"".join(code.to_bytes(2, "little") + len(value).to_bytes(2, "little") + _padded(value)
                       for code, value in options)
    return encoded + bytes(4)  # opt_endofopt


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)
