"""Recordings: text both ways, and what was answered to what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import FormatError
from harness.formats.recording import Exchange, Piece, Recording, escape

PIECES = st.lists(st.builds(Piece, t=st.integers(0, 10**11).map(lambda t: t * 1_000),
                            direction=st.sampled_from(("sent", "received")), data=st.binary(max_size=40)),
                  max_size=20).map(lambda pieces: sorted(pieces, key=lambda piece: piece.t))


@given(PIECES)
def test_text_says_what_was_recorded(pieces: list[Piece]) -> None:
    recording = Recording(tuple(pieces))
    assert Recording.parse(recording.text()) == recording
    assert all(" " <= letter <= "~" or letter == "\n" for letter in recording.text())


@given(PIECES)
def test_exchanges_hold_every_octet_once(pieces: list[Piece]) -> None:
    exchanges = Recording(tuple(pieces)).exchanges()
    assert b"".join(exchange.sent for exchange in exchanges) == b"".join(
        piece.data for piece in pieces if piece.direction == "sent")
    assert b"".join(data for exchange in exchanges for _, data in exchange.answers) == b"".join(
        piece.data for piece in pieces if piece.direction == "received")
    assert exchanges[0].sent == b""
    assert all(delay >= 0 for exchange in exchanges for delay, _ in exchange.answers)


@given(st.text(max_size=80))
def test_any_text_is_a_recording_or_says_what_is_wrong(text: str) -> None:
    try:
        recording = Recording.parse(text)
    except FormatError as error:
        said = str(error)
    else:
        said = "" if Recording.parse(recording.text()).exchanges() else "no recording any more"
    assert "recording" in said or not said


def test_a_session() -> None:
    recording = Recording.parse("# a BG96\n\n1 < \\r\\nRDY\\r\\n\n2.5 > AT\\r\n2.501 < \\r\\nOK\\r\\n\n"
                                "3 > AT+CMGS=1\\r\r\n3.1 > 00\\x1a\n4 < \\r\\nERROR\\r\\n\n9 < \\r\\nRING\\r\\n")
    late = ((900_000_000, b"\r\nERROR\r\n"), (5_900_000_000, b"\r\nRING\r\n"))
    assert recording.exchanges() == (
        Exchange(t=0, sent=b"", answers=((1_000_000_000, b"\r\nRDY\r\n"),)),
        Exchange(t=2_500_000_000, sent=b"AT\r", answers=((1_000_000, b"\r\nOK\r\n"),)),
        Exchange(t=3_100_000_000, sent=b"AT+CMGS=1\r00\x1a", answers=late))


def test_one_that_was_cut_out_of_a_longer_one_begins_with_its_first_piece() -> None:
    pieces = [Piece(t=5_000_000, direction="sent", data=b"AT\r"), Piece(t=7_000_000, direction="received", data=b"OK")]
    assert [piece.t for piece in Recording.of(pieces).pieces] == [0, 2_000_000]
    assert Recording.of([]).exchanges() == (Exchange(t=0, sent=b"", answers=()),)


@pytest.mark.parametrize(("text", "why"), [
    ("1 = AT", "line 1 of the recording is not"), ("1 > AT\n0.5 < OK", "line 2 of the recording is earlier"),
    ("1 > \\q", "no escape at"), ("1 > \\x1", "no escape at"), ("1 > \xe9", "must be an escape"), (".5 > AT", "is not"),
])
def test_what_is_no_recording(text: str, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        Recording.parse(text)


def test_escapes() -> None:
    assert escape(b"> ") == ">\\x20"
    assert escape(b"\\\t\r\n \x00\x7f\xff~") == "\\\\\\t\\r\\n \\x00\\x7f\\xff~"


@pytest.mark.parametrize(("pieces", "count"), [
    ((b"\r\n+CSQ: 1,99\r\n", b"\r\nOK\r\n", b"\r\nRING\r\n"), 2), ((b"\r\nO", b"K\r\n", b"x"), 2),
    ((b"\r\n> ", b"x"), 1),
    ((b"0\r", b"x"), 1), ((b"\r\n+CME ERROR: 30\r\n", b"\r\nRDY\r\n"), 1), ((b"RDY", b"x"), 2),
])
def test_the_response_ends_with_the_final_result(pieces: tuple[bytes, ...], count: int) -> None:
    exchange = Exchange(t=0, sent=b"AT\r", answers=tuple(enumerate(pieces)))
    assert len(exchange.response) == count
