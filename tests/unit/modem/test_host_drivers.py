"""How host drivers bring a module up: identity, multiplexer, dial-up on one channel, commands on another.

The orders of commands are those of Zephyr's cellular driver, of the kernel's n_gsm with pppd, and of esp-modem.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from harness.formats.cmux import Frame, FrameReader, FrameType, Message, MessageType, decode_messages
from harness.formats.ppp import Code, Packet, Protocol, decode_options, encode_frame, encode_options
from harness.formats.ppp import FrameReader as PppReader
from harness.virtual.modem import SimCard

if TYPE_CHECKING:
    Bench = Any

OK = b"\r\nOK\r\n"
READY = 0x8D  # EA, RTC, RTR, DV
COMMON = ("+CFUN=4", "+CMEE=1", "+CREG=1", "+CGREG=1", "+CEREG=1", "+CREG?", "+CEREG?", "+CGREG?", "+CGSN", "+CGMM")
IDENTITY = {
    "BG96": ("+CGMI", "+QGMR", "+CIMI", "+QCCID"), "BG95": ("+CGMI", "+QGMR", "+CIMI", "+QCCID"),
    "EG21": ("+CGMI", "+CGMR", "+CIMI"), "EC25": ("+CGMI", "+CGMR", "+CIMI"), "SIM7080G": (), "SIM7600": (),
    "SARA-R4": (), "SARA-R5": ("+CGMI", "+CGMR", "+CIMI", "+CCID"), "ME910": ("+ICCID", "+CIMI"),
}


class Host:
    """A host that has multiplexed the line; what comes on each channel is kept apart."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.reader = FrameReader()
        self.channels: dict[int, bytes] = {}
        self.answers: list[tuple[int, FrameType]] = []
        self.messages: list[Message] = []

    def send(self, frame: Frame) -> None:
        self.heard(self.bench.type(frame.encode()))

    def heard(self, octets: bytes) -> None:
        for frame in self.reader.feed(octets):
            if frame.type is not FrameType.UIH:
                self.answers.append((frame.dlci, frame.type))
            elif frame.dlci:
                self.channels[frame.dlci] = self.channels.get(frame.dlci, b"") + frame.information
            else:
                for message in decode_messages(frame.information):
                    self.messages.append(message)
                    if message.command:  # the module's own MSC is answered
                        self.tell(message.type, message.values, command=False)

    def open(self, dlci: int) -> None:
        self.send(Frame(dlci=dlci, type=FrameType.SABM, poll=True))
        assert self.answers.pop() == (dlci, FrameType.UA)
        if dlci:
            self.tell(MessageType.MSC, bytes((dlci << 2 | 3, READY)))

    def tell(self, kind: int, values: bytes = b"", *, command: bool = True) -> None:
        self.send(Frame(dlci=0, type=FrameType.UIH,
                        information=Message(type=kind, values=values, command=command).encode()))

    def write(self, dlci: int, data: bytes) -> None:
        self.send(Frame(dlci=dlci, type=FrameType.UIH, information=data))

    def at(self, dlci: int, command: str, *, wait: str = "") -> bytes:
        self.write(dlci, b"AT" + command.encode("ascii") + b"\r")
        if wait:
            self.wait(wait)
        return self.taken(dlci)

    def wait(self, duration: str) -> None:
        self.heard(self.bench.wait(duration))

    def taken(self, dlci: int) -> bytes:
        return self.channels.pop(dlci, b"")


class PppClient:
    """lwIP's and Zephyr's way: no name, no compression, what the peer suggests is taken."""

    def __init__(self, host: Host, dlci: int) -> None:
        self.host = host
        self.dlci = dlci
        self.reader = PppReader()
        self.address = bytes(4)
        self.identifier = 0

    def request(self, protocol: Protocol, options: list[tuple[int, bytes]]) -> None:
        self.identifier += 1
        self.say(protocol, Packet(Code.CONFIGURE_REQUEST, self.identifier, encode_options(options)))

    def say(self, protocol: Protocol, packet: Packet) -> None:
        self.host.write(self.dlci, encode_frame(protocol, packet.encode()))

    def run(self, rounds: int) -> None:
        for _ in range(rounds):
            for protocol, information in self.reader.feed(self.host.taken(self.dlci)):
                self.take(Protocol(protocol), Packet.decode(information))
            self.host.wait("100ms")

    def take(self, protocol: Protocol, packet: Packet) -> None:
        if packet.code == Code.CONFIGURE_REQUEST:
            refused = [item for item in decode_options(packet.data) if protocol is Protocol.LCP and item[0] == 3]
            self.say(protocol, Packet(Code.CONFIGURE_REJECT if refused else Code.CONFIGURE_ACK, packet.identifier,
                                      encode_options(refused) if refused else packet.data))
            if protocol is Protocol.IPCP and self.address == bytes(4):
                self.request(Protocol.IPCP, [(3, self.address)])
        elif packet.code == Code.CONFIGURE_NAK and protocol is Protocol.IPCP:
            self.address = dict(decode_options(packet.data))[3]
            self.request(Protocol.IPCP, [(3, self.address)])


@pytest.mark.parametrize("profile", IDENTITY)
def test_zephyr_gets_an_address(profile: str, make_bench: Callable[..., Bench],
                                make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(profile=profile, sim=make_card())
    for command in (*COMMON, *IDENTITY[profile]):
        assert bench.at(command, wait="200ms").endswith(OK), command
    assert bench.at("+CMUX=0,0,5,127,10,3,30,10,2") == OK
    host = Host(bench)
    for dlci in (0, 1, 2):
        host.open(dlci)
    assert host.at(1, '+CGDCONT=1,"IP","super"').endswith(OK)
    host.at(2, "+CGACT=0,1")  # whatever it says
    assert host.at(2, "+CFUN=1").endswith(OK)
    said = host.at(2, "D*99***1#", wait="4s")
    assert b"\r\nCONNECT" in said
    assert b"+CEREG: 5" in host.taken(1)  # registration is told on the other channel meanwhile
    client = PppClient(host, 2)
    client.request(Protocol.LCP, [(1, (1500).to_bytes(2, "big")), (2, bytes(4))])
    client.run(40)
    assert ".".join(map(str, client.address)) == "100.64.7.8"
    assert host.at(1, "+CREG?").endswith(OK)
    assert host.at(1, "+CSQ").endswith(OK)
    client.say(Protocol.LCP, Packet(Code.TERMINATE_REQUEST, 9))
    assert b"\r\nNO CARRIER\r\n" in host.taken(2)
    host.tell(MessageType.CLD)
    assert (host.messages[-1].type, host.messages[-1].command) == (MessageType.CLD, False)
    assert bench.at("").endswith(OK)


def test_the_kernels_multiplexer(bench: Bench) -> None:
    """n_gsm negotiates, opens, sets the modem lines, keeps the line alive by TEST, and closes channel by channel."""
    bench.at("+CMUX=0,0,5,64")
    host = Host(bench)
    host.open(0)
    for dlci in (1, 2, 3):
        host.tell(MessageType.PN, bytes((dlci, 0, 0, 10)) + (64).to_bytes(2, "little") + bytes((3, 2)))
        host.open(dlci)
    for dlci in (1, 2, 3):
        assert host.at(dlci, "E0").endswith(OK)
        assert host.at(dlci, "+CGMM") == b"\r\nBG96\r\n" + OK
    host.tell(MessageType.TEST, b"PING")
    assert (host.messages[-1].type, host.messages[-1].values) == (MessageType.TEST, b"PING")
    for dlci in (1, 2, 3, 0):
        host.tell(MessageType.MSC, bytes((dlci << 2 | 3, 0x01)))  # DTR and RTS down before the end
        host.send(Frame(dlci=dlci, type=FrameType.DISC, poll=True))
        assert host.answers.pop() == (dlci, FrameType.UA)
    assert bench.at("") == OK


def test_esp_modem_leaves_by_disconnects(bench: Bench) -> None:
    bench.at("+CMUX=0")
    host = Host(bench)
    for dlci in (0, 1, 2):
        host.open(dlci)
    assert len(host.at(1, "+CGMR")) > 31  # in frames of the standard's size
    for dlci in (2, 1):
        host.send(Frame(dlci=dlci, type=FrameType.DISC, poll=True))
        assert host.answers.pop() == (dlci, FrameType.UA)
    host.tell(MessageType.CLD)
    assert bench.at("+CGMM") == b"\r\nBG96\r\n" + OK
