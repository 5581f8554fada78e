"""What a capture shows of the network: what crossed it, as it crossed it, and nothing else."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from harness.formats import ipv4
from harness.formats.sms import Address, Submit
from harness.virtual.network.capture import Capture, TcpTrace
from harness.virtual.network.seams import SmsOutcome
from harness.virtual.world import World
from tests.unit.network.conftest import FakeTerminal, Stage

_EPB = 6
_DEVICE, _HOST = ("100.64.0.7", 4000), ("203.0.113.7", 80)
_ANSWERS = {0x02: "ACK", 0x03: "ACK", 0x04: "ERROR", 0x05: "ERROR", 0x06: "SMMA", 0x00: "DATA", 0x01: "DATA"}


@dataclass
class Tape:
    """Takes a capture, and reads the packets in it."""

    octets: bytes = b""

    def __call__(self, block: bytes) -> None:
        self.octets += block

    def packets(self) -> list[ipv4.Packet]:
        """Return the packets so far."""
        found, position = [], 0
        while position < len(self.octets):
            kind, total = struct.unpack_from("<II", self.octets, position)
            if kind == _EPB:
                (length,) = struct.unpack_from("<I", self.octets, position + 20)
                found.append(ipv4.Packet.decode(self.octets[position + 28:position + 28 + length]))
            position += total
        return found

    def messages(self) -> list[str]:
        """Return the kinds of RP messages so far, with '<' before those to the device."""
        found = []
        for packet in self.packets():
            _, _, gsmtap = ipv4.parse_udp(packet)
            message = gsmtap[16 + 3 + 3]  # behind the headers of GSMTAP, the NAS transport and CP-DATA
            found.append(("<" if message % 2 else ">") + _ANSWERS[message])
        return found

    def segments(self) -> list[str]:
        """Return the TCP segments so far: direction, flags, sequence number, acknowledged, octets."""
        names = {ipv4.FIN: "F", ipv4.SYN: "S", ipv4.RST: "R", ipv4.PSH: "P", ipv4.ACK: "A"}
        found = []
        for packet in self.packets():
            segment = ipv4.parse_tcp(packet)
            flags = "".join(name for bit, name in names.items() if segment.flags & bit)
            direction = ">" if packet.source == _DEVICE[0] else "<"
            found.append(f"{direction}{flags} {segment.sequence} {segment.acknowledged} {len(segment.payload)}")
        return found


@pytest.fixture
def tape() -> Tape:
    return Tape()


@pytest.fixture
def trace(tape: Tape) -> TcpTrace:
    capture = Capture(World(seed=1))
    capture.start(tape)
    return capture.connection("8988307000000000001", _DEVICE, _HOST)


def opened(trace: TcpTrace) -> TcpTrace:
    trace.asked()
    trace.opened()
    return trace


_OPEN = [">S 0 0 0", "<SA 0 1 0", ">A 1 1 0"]


def test_a_connection_that_the_device_closes(trace: TcpTrace, tape: Tape) -> None:
    opened(trace).data(b"ping", up=True)
    trace.ended(by_device=True)
    trace.ended(by_device=True)
    trace.data(b"pong!", up=False)  # the other half is open
    trace.ended(by_device=False)
    trace.over()
    assert tape.segments() == [*_OPEN, ">PA 1 1 4", ">FA 5 1 0", "<A 1 6 0", "<PA 1 6 5", "<FA 6 6 0", ">A 6 7 0"]


def test_who_said_nothing_says_his_last_when_it_is_over(trace: TcpTrace, tape: Tape) -> None:
    opened(trace).ended(by_device=False)
    trace.over()
    trace.over()
    assert tape.segments() == [*_OPEN, "<FA 1 1 0", ">A 1 2 0", ">FA 1 2 0", "<A 2 2 0"]


def test_a_connection_that_coverage_ends_just_ends(trace: TcpTrace, tape: Tape) -> None:
    opened(trace).over()
    assert tape.segments() == _OPEN


@pytest.mark.parametrize("by_device", [True, False])
def test_a_reset_is_the_last_word(trace: TcpTrace, tape: Tape, by_device: bool) -> None:
    opened(trace).ended(by_device=by_device, reset=True)
    trace.ended(by_device=not by_device)
    trace.ended(by_device=not by_device, reset=True)
    trace.over()
    assert tape.segments() == [*_OPEN, ">RA 1 1 0" if by_device else "<RA 1 1 0"]


def test_a_connection_that_is_refused_or_not_answered(trace: TcpTrace, tape: Tape) -> None:
    trace.asked()
    trace.ended(by_device=True, reset=True)
    assert tape.segments() == [">S 0 0 0"], "who got no answer to its SYN resets nothing"


def test_a_refusal_is_a_reset_of_the_host(trace: TcpTrace, tape: Tape) -> None:
    trace.asked()
    trace.ended(by_device=False, reset=True)
    assert tape.segments() == [">S 0 0 0", "<RA 0 1 0"]


def submit(stage: Stage, terminal: FakeTerminal, text: str, to: str = "000") -> list[SmsOutcome]:
    outcomes: list[SmsOutcome] = []
    stage.network.sms_submit(terminal, Submit(destination=Address.parse(to), text=text).encode(), outcomes.append)
    stage.world.clock.sleep("5s")
    return outcomes


def test_texts_with_their_answers(make_stage: Callable[..., Stage], tape: Tape) -> None:
    stage = make_stage()
    terminal = stage.terminal()
    stage.network.capture.start(tape)
    submit(stage, terminal, "hello")
    submit(stage, terminal, "to nobody", to="4711")
    assert tape.messages() == [">DATA", "<ACK", ">DATA", "<ERROR"]
    terminal.refusal = 22
    stage.send(terminal.iccid, "full")
    stage.world.clock.sleep("5s")
    assert tape.messages()[4:] == ["<DATA", ">ERROR"]
    terminal.refusal = 0
    stage.network.memory_available(terminal)
    stage.world.clock.sleep("5s")
    assert tape.messages()[6:] == [">SMMA", "<ACK", "<DATA", ">ACK"]


def test_nothing_is_shown_of_what_reached_nobody(make_stage: Callable[..., Stage], tape: Tape) -> None:
    stage = make_stage()
    terminal = stage.terminal()
    stage.network.capture.start(tape)
    stage.network.lose_coverage(terminal.iccid)
    assert len(submit(stage, terminal, "lost")) == 1
    stage.network.memory_available(terminal)
    assert tape.messages() == []

