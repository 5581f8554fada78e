"""The modem's side: lines, prompts and payloads out of bytes that come in any portions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.formats.at import (
    NEED_DATA,
    Cancelled,
    Event,
    Line,
    LineReader,
    NeedData,
    Overflow,
    Payload,
    Repeat,
    Text,
)


def drain(reader: LineReader) -> list[Event]:
    events = []
    while not isinstance(event := reader.next_event(), NeedData):
        events.append(event)
    return events


def read(data: bytes, **limits: int) -> list[Event]:
    reader = LineReader(**limits)
    reader.receive(data)
    return drain(reader)


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"", []),
        (b"AT\r", [Line("AT")]),
        (b"at+csq\r", [Line("at+csq")]),
        (b"At\r", [Line("At")]),
        (b"AT\r\nAT\r\n", [Line("AT"), Line("AT")]),
        (b"\n\nATI\r", [Line("ATI")]),
        (b"noiseATI\r", [Line("ATI")]),
        (b"AAAATI\r", [Line("ATI")]),
        (b"\r\r\rAT\r", [Line("AT")]),
        (b"garbage\rAT\r", [Line("AT")]),
        (b"\x1b\rAT\r", [Line("AT")]),
        (b"\x1a\x1bATE\x1b0\x1a\r", [Line("ATE0")]),
        (b"AT\nE0\r", [Line("ATE0")]),
        (b"ATX\x08E0\r", [Line("ATE0")]),
        (b"AT\x08\x08\x08E0\r", [Line("ATE0")]),
        (b"ATE0\x08\x081\x08\x08\r", [Line("AT")]),
        (b"ATI\rA/A/", [Line("ATI"), Repeat("ATI"), Repeat("ATI")]),
        (b"A/", [Repeat("AT")]),
        (b"a/", [Repeat("AT")]),
        (b"ATI", []),
        (b"AT+X=\xe9\r", [Line("AT+X=é")]),
    ],
)
def test_lines_are_read_as_the_standard_says(data: bytes, events: list[Event]) -> None:
    assert read(data) == events


@pytest.mark.parametrize("bulk", [True, False])
def test_a_line_of_100_kilobytes_is_one_overflow(bulk: bool) -> None:
    reader = LineReader(max_line=560)
    data = b"AT" + 100_000 * b"x" + b"\rAT\r"
    events: list[Event] = []
    for portion in [data] if bulk else [data[at : at + 1] for at in range(len(data))]:
        assert reader.receive(portion) == 0
        events += drain(reader)
        assert len(repr(reader)) < 100
    assert events == [Overflow(560), Line("AT")]
    assert reader.last_line == "AT"


def test_the_longest_line_is_no_overflow() -> None:
    assert read(b"AT" + 8 * b"x" + b"\r", max_line=10) == [Line("AT" + 8 * "x")]
    assert read(b"AT" + 9 * b"x" + b"\r", max_line=10) == [Overflow(10)]
    # Overflow is for good: what would have been taken back later does not help.
    assert read(b"AT" + 9 * b"x" + 5 * b"\x08" + b"\r", max_line=10) == [Overflow(10)]


def test_a_full_queue_loses_bytes_and_says_how_many() -> None:
    reader = LineReader(max_pending=4)
    assert reader.receive(b"AT\rAT\r") == 2
    assert drain(reader) == [Line("AT")]
    assert reader.receive(b"\r") == 0
    assert drain(reader) == []


def test_edit_characters_can_be_set() -> None:
    reader = LineReader()
    reader.s3, reader.s5 = 0x3B, 0x23
    reader.receive(b"ATX#\rI;AT\x08;")
    assert drain(reader) == [Line("ATI"), Line("AT")]
    assert (reader.s3, reader.s5) == (0x3B, 0x23)
    for code in (-1, 128):
        with pytest.raises(UsageError, match="0 to 127"):
            reader.s3 = code


def test_nothing_is_read_beyond_a_line() -> None:
    reader = LineReader()
    reader.receive(b"AT+CMGS=1\r001\x1aATI\r")
    assert reader.next_event() == Line("AT+CMGS=1")
    assert reader.take_consumed() == b"AT+CMGS=1\r"
    assert reader.pending_bytes == 8
    reader.expect_prompt_text()
    assert reader.next_event() == Text(b"001")
    assert reader.take_consumed() == b"001\x1a"
    assert reader.next_event() == Line("ATI")
    assert reader.take_consumed() == b"ATI\r"
    assert reader.next_event() is NEED_DATA
    assert reader.take_consumed() == b""


def test_s3_that_changes_counts_from_the_next_line_on() -> None:
    reader = LineReader()
    reader.receive(b"ATS3=59\rATI;")
    assert reader.next_event() == Line("ATS3=59")
    reader.s3 = 59
    assert reader.next_event() == Line("ATI")


@pytest.mark.parametrize(
    ("typed", "event"),
    [
        (b"hello\x1a", Text(b"hello")),
        (b"\nhello\x1a", Text(b"hello")),
        (b"\n\nhello\x1a", Text(b"\nhello")),
        (b"two\rlines\x1a", Text(b"two\rlines")),
        (b"helo\x08lo\x1a", Text(b"hello")),
        (b"x\x08\x08\x08y\x1a", Text(b"y")),
        (b"\x1a", Text(b"")),
        (b"hello\x1b", Cancelled()),
        (b"\x1b", Cancelled()),
        (b"a\x1bb\x1a", Cancelled()),
        (b"AT\x1a", Text(b"AT")),
        (21 * b"x" + b"\x1a", Overflow(20)),
        (21 * b"x" + b"\x1b", Cancelled()),
    ],
)
def test_text_at_the_prompt(typed: bytes, event: Event) -> None:
    for portions in ([typed], [typed[at : at + 1] for at in range(len(typed))]):
        reader = LineReader()
        reader.expect_prompt_text(limit=20)
        events: list[Event] = []
        for portion in portions:
            reader.receive(portion)
            if not events and not isinstance(first := reader.next_event(), NeedData):
                events.append(first)
        assert events == [event]


def test_payloads_of_a_known_length() -> None:
    reader = LineReader()
    reader.receive(b"AT+QISEND=0,5\rAT\r\x1a\nATI\r")
    assert reader.next_event() == Line("AT+QISEND=0,5")
    reader.expect_bytes(5)
    assert reader.next_event() == Payload(b"AT\r\x1a\n")
    assert reader.next_event() == Line("ATI")
    reader.expect_bytes(0)
    assert reader.next_event() == Payload(b"")
    reader.expect_bytes(3)
    reader.receive(b"ab")
    assert reader.next_event() is NEED_DATA
    reader.receive(b"cd")
    assert reader.next_event() == Payload(b"abc")
    with pytest.raises(UsageError):
        reader.expect_bytes(-1)
    with pytest.raises(UsageError):
        reader.expect_prompt_text(limit=-1)


def test_the_rest_of_a_line_end_can_be_dropped() -> None:
    reader = LineReader()
    reader.receive(b"AT+QISEND=0,2\r\n\na")
    assert reader.next_event() == Line("AT+QISEND=0,2")
    reader.end_line()
    reader.expect_bytes(2)
    assert reader.next_event() == Payload(b"\na")
    reader.end_line()
    assert reader.pending_bytes == 0


def test_a_stream_goes_on_until_it_is_ended() -> None:
    reader = LineReader()
    reader.expect_stream()
    reader.receive(b"AT\r")
    assert drain(reader) == [Payload(b"AT\r")]
    reader.receive(b"\x7e\xff")
    assert drain(reader) == [Payload(b"\x7e\xff")]
    reader.expect_line()
    reader.receive(b"AT\r")
    assert drain(reader) == [Line("AT")]


def test_what_waits_can_be_thrown_away() -> None:
    reader = LineReader()
    reader.receive(b"AT+COPS=?\rx")
    assert reader.next_event() == Line("AT+COPS=?")
    assert reader.discard_pending() == b"x"
    assert reader.pending_bytes == 0


def test_a_reader_needs_room() -> None:
    with pytest.raises(UsageError):
        LineReader(max_line=1)
    with pytest.raises(UsageError):
        LineReader(max_pending=0)


TYPED = st.binary(max_size=60) | st.lists(
    st.sampled_from([b"AT", b"a", b"A/", b"E0", b"\r", b"\n", b"\x08", b"\x1b", b"\x1a", b"x" * 9, b"+X"]), max_size=40
).map(b"".join)
PORTIONS = st.lists(st.integers(1, 7), min_size=1, max_size=20)


def portioned(data: bytes, sizes: list[int]) -> list[bytes]:
    portions, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        portions.append(data[at : at + size])
        at, turn = at + size, turn + 1
    return portions


@given(TYPED, PORTIONS, st.sampled_from(["line", "prompt", "bytes"]))
def test_portions_make_no_difference(data: bytes, sizes: list[int], after_line: str) -> None:
    """The same events and the same echo, with a modem that changes mode after every line."""

    def run(portions: list[bytes]) -> tuple[list[Event], bytes]:
        reader = LineReader(max_line=20)
        events: list[Event] = []
        echo = b""
        for portion in portions:
            reader.receive(portion)
            while not isinstance(event := reader.next_event(), NeedData):
                events.append(event)
                echo += reader.take_consumed() + b"|"
                if isinstance(event, Line) and after_line == "prompt":
                    reader.expect_prompt_text(limit=10)
                elif isinstance(event, Line) and after_line == "bytes":
                    reader.expect_bytes(5)
        return events, echo.replace(b"|", b"")

    assert run([data]) == run(portioned(data, sizes)) == run([data[at : at + 1] for at in range(len(data))])


@given(TYPED)
def test_everything_read_is_handed_out_for_the_echo(data: bytes) -> None:
    reader = LineReader()
    reader.receive(data)
    drain(reader)
    assert reader.take_consumed().replace(b"\n", b"") == data.replace(b"\n", b"")


def test_line_feeds_between_lines_are_nothing_to_echo() -> None:
    reader = LineReader()
    reader.receive(b"\r\nA\nxAT\n+X\r\nAT\r\n")
    assert drain(reader) == [Line("AT+X"), Line("AT")]
    assert reader.take_consumed() == b"\rAxAT\n+X\rAT\r"


def test_line_ends_of_an_impatient_client_can_be_dropped() -> None:
    reader = LineReader()
    reader.receive(b"AT+X\r\r\n\rAT\r")
    assert reader.next_event() == Line("AT+X")
    reader.end_wait()
    assert drain(reader) == [Line("AT")]
    assert reader.take_consumed() == b"AT+X\rAT\r"
