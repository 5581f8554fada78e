"""Captures, block by block."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import FormatError
from harness.formats.pcapng import MAX_PACKET, PcapngWriter


def blocks(octets: bytes) -> list[tuple[int, bytes]]:
    """Read a capture as any reader does: by the lengths that stand at both ends of a block."""
    found, position = [], 0
    while position < len(octets):
        kind, total = struct.unpack_from("<II", octets, position)
        assert total % 4 == 0
        assert struct.unpack_from("<I", octets, position + total - 4) == (total,)
        found.append((kind, octets[position + 8:position + total - 4]))
        position += total
    return found


def test_a_header_names_the_interfaces() -> None:
    section, sms, ip = blocks(PcapngWriter(["sms", "ip"]).header())
    assert section[0] == 0x0A0D0D0A
    assert section[1][:16] == bytes.fromhex("4d3c2b1a 0100 0000 ffffffffffffffff")
    assert (sms[0], ip[0]) == (1, 1)
    assert sms[1] == bytes.fromhex("6500 0000 00000400  0200 0300") + b"sms\0" + bytes.fromhex(
        "0900 0100 09000000 00000000")


@given(octets=st.binary(max_size=300), time=st.integers(0, (1 << 64) - 1), comment=st.text(max_size=40))
def test_packets_hold_what_was_given(octets: bytes, time: int, comment: str) -> None:
    (kind, body), = blocks(PcapngWriter(["ip"]).packet(0, time, octets, comment=comment))
    interface, high, low, captured, original = struct.unpack_from("<IIIII", body)
    assert (kind, interface, captured, original) == (6, 0, len(octets), len(octets))
    assert high << 32 | low == time
    assert body[20:20 + captured] == octets
    assert comment.encode() in body


def test_a_long_packet_is_cut_and_says_so() -> None:
    (_, body), = blocks(PcapngWriter(["ip"]).packet(0, 0, bytes(MAX_PACKET + 1)))
    assert struct.unpack_from("<II", body, 12) == (MAX_PACKET, MAX_PACKET + 1)


@pytest.mark.parametrize(("interface", "time"), [(1, 0), (-1, 0), (0, -1), (0, 1 << 64)])
def test_what_no_capture_can_tell_is_refused(interface: int, time: int) -> None:
    with pytest.raises(FormatError):
        PcapngWriter(["ip"]).packet(interface, time, b"")
