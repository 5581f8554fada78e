"""PPP frames and packets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import FormatError
from harness.formats.ppp import FrameReader, Packet, Protocol, decode_options, encode_frame, encode_options


def test_the_frame_that_opens_most_captures() -> None:
    # LCP Configure-Request 1 with an empty ACCM, checksum computed by RFC 1662 appendix C
    packet = Packet(1, 1, encode_options([(2, bytes(4))]))
    frame = encode_frame(Protocol.LCP, packet.encode())
    assert frame.startswith(bytes.fromhex("7eff7d23c0217d217d217d207d2a7d227d26"))
    assert frame.endswith(b"\x7e")
    assert FrameReader().feed(frame) == [(Protocol.LCP, packet.encode())]


@given(st.sampled_from(Protocol), st.binary(max_size=300), st.integers(0, 0xFFFFFFFF), st.integers(1, 9))
def test_frames_come_back(protocol: Protocol, information: bytes, escape_map: int, step: int) -> None:
    frame = encode_frame(protocol, information, escape_map=escape_map)
    assert not any(octet < 0x20 and escape_map >> octet & 1 for octet in frame)
    reader = FrameReader()
    assert [found for start in range(0, len(frame), step) for found in reader.feed(frame[start:start + step])] == [
        (protocol, information)]


@given(st.binary(min_size=1, max_size=50), st.integers(0, 400))
def test_a_flipped_bit_is_noticed(information: bytes, position: int) -> None:
    frame = bytearray(encode_frame(Protocol.IP, information, escape_map=0))
    body = range(1, len(frame) - 1)
    frame[body[position % len(body)]] ^= 0x01
    assert (Protocol.IP, information) not in FrameReader().feed(bytes(frame))


def test_compressed_fields_are_understood() -> None:
    full = encode_frame(Protocol.IP, b"data", escape_map=0)
    assert full[1:5] == b"\xff\x03\x00\x21"
    from harness.formats.ppp import _fcs  # the only way to make a frame as a compressing client does
    body = b"\x21data"
    short = b"\x7e" + body + (_fcs(body) ^ 0xFFFF).to_bytes(2, "little") + b"\x7e"
    assert FrameReader().feed(short) == [(Protocol.IP, b"data")]


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=20)), max_size=6))
def test_options_come_back(options: list[tuple[int, bytes]]) -> None:
    assert list(decode_options(encode_options(options))) == options


@pytest.mark.parametrize("octets", [b"", b"\1\1\0", b"\1\1\0\x08abc", b"\1\1\0\3"])
def test_packets_that_are_cut_off_are_refused(octets: bytes) -> None:
    with pytest.raises(FormatError):
        Packet.decode(octets)


def test_a_frame_longer_than_any_is_dropped() -> None:
    reader = FrameReader()
    assert reader.feed(b"\x7e" + b"a" * 100_000 + b"\x7e") == []
    assert reader.dropped == 1
