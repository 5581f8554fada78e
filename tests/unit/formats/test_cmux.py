"""Frames of the multiplexer against the standard's arithmetic and known frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import FormatError
from harness.formats.cmux import Frame, FrameReader, FrameType, Message, MessageType, decode_messages, fcs

FRAMES = st.builds(Frame, dlci=st.integers(0, 61), type=st.sampled_from(FrameType), command=st.booleans(),
                   poll=st.booleans(), information=st.binary(max_size=300))


def test_frames_as_modules_and_hosts_send_them() -> None:
    assert Frame(dlci=0, type=FrameType.SABM, poll=True).encode().hex() == "f9033f011cf9"
    assert Frame(dlci=1, type=FrameType.SABM, poll=True).encode().hex() == "f9073f01def9"
    assert Frame(dlci=0, type=FrameType.UA, poll=True).encode().hex() == "f9037301d7f9"
    assert Frame(dlci=0, type=FrameType.UIH, information=Message(type=MessageType.CLD).encode()).encode().hex() == \
        "f903ef05c301f2f9"


def test_the_check_of_a_frame_with_its_sequence_is_the_constant_of_the_standard() -> None:
    # clause 5.2.1.6: the receiver's remainder over a good frame is 0xCF before the complement
    header = bytes((0x07, 0xEF, 0x03))
    assert 0xFF - fcs(header + bytes((fcs(header),))) == 0xCF


@given(st.lists(FRAMES, max_size=5), st.integers(1, 7))
def test_frames_come_back_however_the_octets_are_split(frames: list[Frame], step: int) -> None:
    octets = b"".join(frame.encode() for frame in frames)
    reader = FrameReader()
    found = [frame for start in range(0, len(octets), step) for frame in reader.feed(octets[start:start + step])]
    assert found == frames


@given(st.binary(max_size=200))
def test_noise_is_bounded_and_a_frame_behind_it_is_found_in_the_end(noise: bytes) -> None:
    reader = FrameReader()
    reader.feed(noise)
    wanted = Frame(dlci=3, type=FrameType.UIH, information=b"AT\r")
    # noise may look like the head of a frame as long as a frame can be: give it that much to swallow
    assert wanted in [frame for _ in range(300) for frame in reader.feed(wanted.encode())]


def test_one_flag_between_two_frames_is_enough() -> None:
    first, second = (Frame(dlci=dlci, type=FrameType.SABM, poll=True) for dlci in (1, 2))
    assert FrameReader().feed(first.encode() + second.encode()[1:]) == [first, second]


@given(st.lists(st.builds(Message, type=st.sampled_from(MessageType).map(int), command=st.booleans(),
                          values=st.binary(max_size=200)), max_size=4))
def test_control_messages_come_back(messages: list[Message]) -> None:
    assert decode_messages(b"".join(message.encode() for message in messages)) == messages


def test_what_no_frame_can_carry_is_refused() -> None:
    with pytest.raises(FormatError, match="DLCI 62"):
        Frame(dlci=62, type=FrameType.UIH).encode()
