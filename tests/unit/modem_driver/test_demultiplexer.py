"""The driver's ear by itself: whatever comes, in pieces of any size, is filed in the same way."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.drivers.modem import DIALECTS, LineKind
from harness.drivers.modem.demultiplexer import Demultiplexer, Filed, TooLong
from harness.drivers.modem.lines import Command
from tests.unit.modem_driver.test_interleaving import CODES, GENERIC, RESPONSES

OCTETS = st.binary(max_size=300) | st.text("+CMT: \",1234OKRE\r\n>0A", max_size=300).map(lambda text: text.encode())
SAID = st.lists(st.sampled_from([
    b"\r\nOK\r\n", b"\r\nERROR\r\n", b"\r\n+CME ERROR: 10\r\n", b"\r\n> ", b"AT+CSQ\r", b"\r\n+CSQ: 20,99\r\n",
    b'\r\n+CMTI: "SM",3\r\n', b'\r\n+CMT: "000",,"26/01/01,00:00:00+00"\r\nhello\r\n', b"RDY", b"\r\n", b"\x00",
    b"\xff", b"\r\n+CMT: ,2\r\n0791448720003023240D\r\n", b'\r\n+QIURC: "recv",0,5\r\nOK\r\nx\r\n',
    b"\r\n+CDS: 3\r\n00060102\r\n",
]), max_size=12).map(b"".join)


def file(name: str, pieces: list[bytes], command: str | None) -> tuple[list[Filed | TooLong], Command | None]:
    ear = Demultiplexer(DIALECTS[name])
    ear.command = under_way = Command(command) if command is not None else None
    ear.expect_prompt(command is not None and "CMGS" in command)
    filed = []
    for piece in pieces:
        filed += list(ear.receive(piece, 0))
    return filed, under_way


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[begin:end] for begin, end in itertools.pairwise(marks)]


@given(name=st.sampled_from(sorted(DIALECTS)), data=OCTETS | SAID, places=st.lists(st.integers(0, 10_000), max_size=20),
       command=st.sampled_from([None, "AT", "AT+CSQ", "AT+CMGS=20", "AT+CREG?", "AT+QIRD=0"]))
def test_pieces_of_any_size_say_the_same(name: str, data: bytes, places: list[int], command: str | None) -> None:
    whole, one = file(name, [data], command)
    pieces, other = file(name, cut(data, places), command)
    assert pieces == whole
    if one is not None and other is not None:
        assert (one.lines, one.result, one.blocks, one.prompted) == (other.lines, other.result, other.blocks,
                                                                     other.prompted)


@given(data=st.data(), name=st.sampled_from(sorted(CODES)))
def test_codes_within_a_response_at_any_octet_and_cut_anywhere(data: st.DataObject, name: str) -> None:
    command, lines = data.draw(st.sampled_from(RESPONSES[name]))
    own = command.removeprefix("AT").split("=")[0].split("?")[0]
    candidates = [code for code in (*GENERIC, *CODES[name]) if code.split(":")[0] != own and "\r" not in code]
    codes = data.draw(st.lists(st.sampled_from(candidates), min_size=1, max_size=5))
    said = "".join(f"\r\n{line}\r\n" for line in (*lines, "OK")).encode()
    offset = data.draw(st.integers(0, len(said)))
    stream = said[:offset] + "".join(f"\r\n{code}\r\n" for code in codes).encode() + said[offset:]
    filed, under_way = file(name, cut(stream, data.draw(st.lists(st.integers(0, 10_000), max_size=20))), command)
    assert under_way is not None
    assert (tuple(under_way.lines), under_way.result) == (lines, "OK")
    told = [item.text for item in filed if isinstance(item, Filed) and item.kind is LineKind.UNSOLICITED]
    # a piece of a line may look like a code; the line is whole in the response all the same
    assert [text for text in told if not any(line.startswith(text) for line in lines)] == codes


@pytest.mark.parametrize(("stream", "told"), [
    (b'\r\n+CMT: ,2\r\n0791448720003\r\nRING\r\n023240D\r\n', ["RING", "+CMT: ,2"]),
    (b'\r\n+CMT: ,2\r\n\r\nRING\r\n0791448720003023240D\r\n', ["RING", "+CMT: ,2"]),
    (b'\r\n+CMT: ,2\r\nRING\r\n\r\nRING\r\n', ["RING", "RING"]),  # its body may still come
    (b'\r\n+CMT: ,9\r\n\r\n+CMT: ,2\r\n0791448720003023240D\r\n', ["+CMT: ,9", "+CMT: ,2"]),
    (b'\r\n+CMTI: "S\r\nRING\r\nM",3\r\n', ['+CMTI: "S', "RING", '+CMTI: "SM",3']),
    (b'\r\n+CMT: "000",,"26/01/01,00:00:00+00"\r\nRING\r\n', ['+CMT: "000",,"26/01/01,00:00:00+00"']),
    (b'\r\n+CMT: "000",,"26/01/01,00:00:00+00"\r\n\r\nRING\r\nhello\r\n', [
        "RING", '+CMT: "000",,"26/01/01,00:00:00+00"']),
    (b'\r\n+CDS: 6,7,,,"26/01/01,00:00:00+00","26/01/01,00:00:00+00",0\r\n\r\nRING\r\n', [
        '+CDS: 6,7,,,"26/01/01,00:00:00+00","26/01/01,00:00:00+00",0', "RING"]),
])
def test_messages_and_what_comes_between(stream: bytes, told: list[str]) -> None:
    filed, _ = file("quectel", [stream], None)
    assert [item.text for item in filed if isinstance(item, Filed)] == told
