"""The socket protocol of the probe: both directions, byte for byte, and whatever else may come."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import FormatError
from harness.virtual.board.debug import wire
from harness.virtual.board.debug.operations import MAX_WORDS, READS, Kind, Operation

words = st.integers(0, 0xFFFF_FFFF)


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    kind = draw(st.sampled_from(Kind))
    address = draw(words)
    if kind is Kind.READ_AP_BLOCK:
        return Operation(kind, address, count=draw(st.integers(1, MAX_WORDS)))
    if kind is Kind.WRITE_AP_BLOCK:
        return Operation(kind, address, tuple(draw(st.lists(words, min_size=1, max_size=40))))
    return Operation(kind, address, () if kind in READS else (draw(words),))


def test_a_request_byte_for_byte() -> None:
    body = wire.encode_request([Operation(Kind.WRITE_DP, 8, (0x1234,)), Operation(Kind.READ_AP_BLOCK, 0xC, count=3),
                                Operation(Kind.WRITE_AP_BLOCK, 0xC, (1, 2))])
    assert wire.frame(body).hex() == ("27000000" "02" "08000000" "01000000" "34120000"
                                      "05" "0c000000" "03000000" "06" "0c000000" "02000000" "01000000" "02000000")


def test_a_reply_byte_for_byte() -> None:
    reply = wire.Reply(status=wire.Status.FAULT, words=(1, 0xFFFF_FFFF), text="no")
    assert wire.encode_reply(reply).hex() == "01" "02000000" "01000000" "ffffffff" "6e6f"
    assert wire.decode_reply(wire.encode_reply(reply)) == reply


def test_a_greeting_byte_for_byte() -> None:
    body = wire.encode_greeting(wire.Status.REFUSED, "busy")
    assert body == b"MVHSWD\x01\x02busy"
    assert wire.decode_greeting(body) == (wire.Status.REFUSED, "busy")


@given(st.lists(operations(), max_size=10))
def test_requests_round_trip(asked: list[Operation]) -> None:
    assert wire.decode_request(wire.encode_request(asked)) == asked


@given(st.sampled_from(wire.Status), st.lists(words, max_size=50), st.text(max_size=30))
def test_replies_round_trip(status: wire.Status, values: list[int], text: str) -> None:
    reply = wire.Reply(status=status, words=tuple(values), text=text)
    assert wire.decode_reply(wire.encode_reply(reply)) == reply


@given(st.lists(st.binary(max_size=40), max_size=5), st.integers(1, 9))
def test_frames_come_out_whole_however_they_are_cut(bodies: list[bytes], step: int) -> None:
    stream = b"".join(wire.frame(body) for body in bodies)
    buffer, out = bytearray(), []
    for at in range(0, len(stream), step):
        buffer += stream[at:at + step]
        while (body := wire.take_frame(buffer)) is not None:
            out.append(body)
    assert out == bodies
    assert not buffer


@given(st.binary(max_size=200))
def test_random_bytes_never_do_more_than_be_refused(data: bytes) -> None:
    for decode in (wire.decode_request, wire.decode_reply, wire.decode_greeting):
        with contextlib.suppress(FormatError):
            decode(data)


@pytest.mark.parametrize(("body", "rule"), [
    (b"\x09" + bytes(8), "there is no operation 9"),
    (b"\x01" + bytes(3), "ends within an operation"),
    (b"\x01" + bytes(4) + b"\x02\0\0\0", "READ_DP can't have 2 words"),
    (b"\x05" + bytes(8), "READ_AP_BLOCK can't have 0 words"),
    (b"\x06" + bytes(4) + b"\x02\0\0\0" + bytes(4), "ends within the words"),
    ((b"\x05" + bytes(4) + b"\x00\x40\0\0") * 13, "at most 200000 words"),
])
def test_bad_requests_name_the_rule(body: bytes, rule: str) -> None:
    with pytest.raises(FormatError, match=rule):
        wire.decode_request(body)


def test_a_frame_is_bounded() -> None:
    with pytest.raises(FormatError, match="at most 1048576 bytes"):
        wire.take_frame(bytearray(b"\xff\xff\xff\xff"))
