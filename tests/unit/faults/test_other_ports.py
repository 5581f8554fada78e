"""Faults where a modem has several ports, channels of a multiplexer, or a data link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.formats.cmux import Frame, FrameReader, FrameType

if TYPE_CHECKING:
    from tests.unit.faults.conftest import FaultBench

OK = b"\r\nOK\r\n"
CSQ = b"\r\n+CSQ: 20,99\r\n"


def test_each_port_has_its_own_dialogue(bench: FaultBench) -> None:
    said = bytearray()
    other = bench.modem.add_port(said.extend)
    other.receive(b"ATE0\r")
    bench.faults.on("AT+CSQ", times=2).truncate(after=4)
    bench.at("+CMGF=1")
    bench.at('+CMGS="000"')  # waits at its prompt meanwhile
    said.clear()
    other.receive(b"AT+CSQ\r")
    assert bytes(said) == CSQ[:4]
    bench.type(b"\x1b")
    assert bench.at("+CSQ") == CSQ[:4]
    late = bytearray()
    newest = bench.modem.add_port(late.extend)
    bench.faults.on("AT+CSQ").duplicate()
    newest.receive(b"ATE0\r")
    late.clear()
    newest.receive(b"AT+CSQ\r")
    assert bytes(late) == 2 * (CSQ + OK)


def test_an_unsolicited_result_is_struck_once_whatever_the_number_of_ports(bench: FaultBench) -> None:
    said = bytearray()
    bench.modem.add_port(said.extend)
    bench.faults.on_urc("+X", nth=2).never()
    for number in range(3):
        bench.modem.urc(f"+X: {number}")
    assert bench.heard() == b"\r\n+X: 0\r\n\r\n+X: 2\r\n"
    assert bytes(said) == b"\r\n+X: 0\r\n\r\n+X: 1\r\n\r\n+X: 2\r\n"


def test_channels_of_a_multiplexer(bench: FaultBench) -> None:
    bench.at("+CMUX=0,0,5,127")
    reader = FrameReader()

    def send(dlci: int, kind: FrameType, information: bytes = b"") -> bytes:
        poll = kind is FrameType.SABM
        frames = reader.feed(bench.type(Frame(dlci=dlci, type=kind, information=information, poll=poll).encode()))
        return b"".join(frame.information for frame in frames if frame.dlci == dlci)

    for dlci in (0, 1):
        send(dlci, FrameType.SABM)
    send(1, FrameType.UIH, b"ATE0\r")
    bench.faults.on("AT+CSQ").truncate(after=4)
    assert send(1, FrameType.UIH, b"AT+CSQ\r") == CSQ[:4]
    bench.faults.on_urc("+X").duplicate()
    bench.modem.urc("+X: 1")
    assert b"".join(frame.information for frame in reader.feed(bench.heard())) == 2 * b"\r\n+X: 1\r\n"
    bench.faults.brown_out()
    assert b"APP RDY" in bench.wait("20s")
    assert bench.at("E0").endswith(OK)  # plain commands again: the multiplexer is gone


def test_a_data_link_ends_with_a_brown_out(bench: FaultBench) -> None:
    bench.at('+CGDCONT=1,"IP","super"')
    assert b"CONNECT" in bench.at("D*99#", wait="5s")
    bench.faults.when(data=True).brown_out(silence="2s")
    assert b"APP RDY" in bench.wait("20s")
    assert bench.at("E0").endswith(OK)
