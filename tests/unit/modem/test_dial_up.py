"""Dial-up: a PPP client in user space gets an address and reaches hosts."""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING, Any

import pytest

from harness.formats import ipv4
from harness.formats.ipv4_fragments import Reassembler, fragments
from harness.formats.ppp import (
    Code,
    FrameReader,
    Packet,
    Protocol,
    decode_options,
    encode_frame,
    encode_options,
)
from harness.virtual.network.seams import Datagram, Registration, RegistrationStatus

if TYPE_CHECKING:
    Bench = Any

CONNECT = b"\r\nCONNECT 150000000\r\n"


class Client:
    """A PPP client of few words: it asks for what most ask for and accepts what it is told."""

    def __init__(self, bench: Bench, *, authentication: str = "chap") -> None:
        self.bench = bench
        self.reader = FrameReader()
        self.authentication = authentication
        self.address = bytes(4)
        self.dns = [bytes(4), bytes(4)]
        self.rejected: set[int] = set()
        self.packets: list[ipv4.Packet] = []
        self.log: list[str] = []
        self.identifier = 0
        self.acknowledged: dict[int, bytes] = {}
        self.agreed: set[int] = set()
        self.compression = True

    def dial(self, number: str = "*99#") -> bool:
        said: bytes = self.bench.at(f"D{number}", wait="1s")
        if not said.startswith(CONNECT):
            return False
        self.heard(said.removeprefix(CONNECT))
        self.request(Protocol.LCP, [(2, bytes(4)), (5, b"abcd"), (7, b""), (8, b"")])
        for _ in range(10):
            self.heard(self.bench.wait("200ms"))
        return True

    def request(self, protocol: Protocol, options: list[tuple[int, bytes]]) -> None:
        self.identifier += 1
        self.send(protocol, Packet(Code.CONFIGURE_REQUEST, self.identifier, encode_options(options)).encode())

    def send(self, protocol: int, information: bytes) -> None:
        self.heard(self.bench.type(encode_frame(protocol, information)))

    def heard(self, octets: bytes) -> None:
        for protocol, information in self.reader.feed(octets):
            if protocol == Protocol.IP:
                self.packets.append(ipv4.Packet.decode(information))
                continue
            packet = Packet.decode(information)
            self.log.append(f"{Protocol(protocol).name} {packet.code}")
            getattr(self, Protocol(protocol).name.lower())(packet)

    def lcp(self, packet: Packet) -> None:
        if packet.code == Code.CONFIGURE_REQUEST:
            wanted = dict(decode_options(packet.data))
            if self.authentication == "pap" and wanted.get(3) == b"\xc2\x23\x05":
                self.send(Protocol.LCP, Packet(Code.CONFIGURE_NAK, packet.identifier,
                                               encode_options([(3, b"\xc0\x23")])).encode())
            elif self.authentication == "none" and 3 in wanted:
                self.send(Protocol.LCP, Packet(Code.CONFIGURE_REJECT, packet.identifier,
                                               encode_options([(3, wanted[3])])).encode())
            else:
                self.send(Protocol.LCP, Packet(Code.CONFIGURE_ACK, packet.identifier, packet.data).encode())
                self.acknowledged = wanted
        elif packet.code == Code.CONFIGURE_REJECT:
            self.rejected |= {kind for kind, _ in decode_options(packet.data)}
        if packet.code in (Code.CONFIGURE_REQUEST, Code.CONFIGURE_ACK):
            self.agreed.add(packet.code)
            if self.acknowledged.get(3) == b"\xc0\x23" and len(self.agreed) == 2:
                self.send(Protocol.PAP, Packet(1, 1, b"\x04user\x04pass").encode())

    def chap(self, packet: Packet) -> None:
        if packet.code == 1:
            challenge = packet.data[1:1 + packet.data[0]]
            digest = md5(bytes((packet.identifier,)) + b"secret" + challenge, usedforsecurity=False).digest()
            self.send(Protocol.CHAP, Packet(2, packet.identifier, b"\x10" + digest + b"user").encode())

    def pap(self, packet: Packet) -> None:
        assert packet.code == 2

    def ipcp(self, packet: Packet) -> None:
        if packet.code == Code.CONFIGURE_REQUEST:
            self.send(Protocol.IPCP, Packet(Code.CONFIGURE_ACK, packet.identifier, packet.data).encode())
            if self.address == bytes(4):
                self.ask()
        elif packet.code == Code.CONFIGURE_NAK:
            for kind, value in decode_options(packet.data):
                if kind == 3:
                    self.address = value
                else:
                    self.dns[(kind - 129) // 2] = value
            self.ask()
        elif packet.code == Code.CONFIGURE_REJECT:
            self.compression = False
            self.ask()

    def ask(self) -> None:
        vj = [(2, b"\x00\x2d\x0f\x01")] if self.compression else []
        self.request(Protocol.IPCP, [*vj, (3, self.address), (129, self.dns[0]), (131, self.dns[1])])

    @property
    def ip(self) -> str:
        return ".".join(map(str, self.address))


@pytest.fixture
def online(bench: Bench) -> Bench:
    bench.at('+CGDCONT=1,"IP","super"', wait="2s")
    return bench


@pytest.mark.parametrize("authentication", ["chap", "pap", "none"])
@pytest.mark.parametrize("number", ["*99#", "*99***1#", "T*99#", "*99**PPP*1#"])
def test_a_client_gets_the_address_of_the_context(online: Bench, authentication: str, number: str) -> None:
    client = Client(online, authentication=authentication)
    assert client.dial(number)
    assert client.ip == "100.64.7.8"
    assert [".".join(map(str, server)) for server in client.dns] == ["1.1.1.1", "8.8.8.8"]
    assert "ppp_opened" in online.events("ppp_opened")
    assert "IPCP 2" in client.log


def test_it_begins_by_cgdata_too(online: Bench) -> None:
    assert online.at('+CGDATA="PPP",1', wait="1s").startswith(CONNECT)


@pytest.mark.parametrize("dialled", ["D*99***7#", "D123", "D+12065550100;", "D"])
def test_other_calls_have_no_carrier(online: Bench, dialled: str) -> None:
    assert online.at(dialled, wait="1s") == b"\r\nNO CARRIER\r\n"


def test_without_a_network_there_is_no_carrier(make_bench: Any) -> None:
    bench = make_bench()
    assert bench.at("D*99#") == b"\r\nNO CARRIER\r\n"


def test_a_call_waits_for_the_search_under_way(online: Bench) -> None:
    """Zephyr's cellular driver dials in the line behind +CFUN=1, and does not look at what u-blox answers."""
    online.at("+CFUN=4")
    assert online.at("+CFUN=1") == b"\r\nOK\r\n"
    assert online.at("D*99***1#") == b""
    said = online.wait("4s")
    assert said.startswith(CONNECT)


def test_a_search_that_finds_nothing_is_not_waited_for_longer_than_s7(online: Bench) -> None:
    online.at("+CFUN=4")
    online.carrier.silent = True
    online.at("+CFUN=1;S7=5")
    assert online.at("D*99#", wait="4s") == b""
    assert online.wait("2s") == b"\r\nNO CARRIER\r\n"
    assert online.at("S7=60;D*99#", wait="9s") == b""
    assert online.wait("2s") == b"\r\nNO CARRIER\r\n"
    assert online.at("D*99#") == b""
    assert online.type(b"x") == b"\r\nNO CARRIER\r\n"  # any character ends it
    assert online.wait("20s") == b""


def test_a_refusal_ends_the_wait(online: Bench) -> None:
    online.at("+CFUN=4")
    online.carrier.answer = Registration(status=RegistrationStatus.DENIED, cause=11)
    online.at("+CFUN=1")
    assert online.at("D*99#", wait="3s").endswith(b"\r\nNO CARRIER\r\n")
    assert online.at("D*99#") == b"\r\nNO CARRIER\r\n"


def test_a_client_that_finds_the_call_of_another_begins_anew(online: Bench) -> None:
    """pppd and lwIP start with LCP; the peer asks for the name again, and for IPCP behind it."""
    online.at("&D0")
    Client(online).dial()
    online.port.client_gone()
    client = Client(online)
    client.request(Protocol.LCP, [(2, bytes(4)), (5, b"efgh")])
    for _ in range(10):
        client.heard(online.wait("200ms"))
    assert client.ip == "100.64.7.8"
    assert any(entry.startswith("CHAP 3") for entry in client.log)


def test_ip_can_be_closed_and_opened_again_without_a_new_call(online: Bench) -> None:
    client = Client(online)
    client.dial()
    client.send(Protocol.IPCP, Packet(Code.TERMINATE_REQUEST, 77).encode())
    assert client.log[-1] == "IPCP 6"
    assert online.wait("1s") == b""  # the call stands
    client.send(Protocol.IP, ipv4.udp((client.ip, 1), ("100.64.0.1", 2), b"x").encode())
    assert online.carrier.datagrams == []
    client.address = bytes(4)
    client.request(Protocol.IPCP, [(3, bytes(4))])
    for _ in range(5):
        client.heard(online.wait("200ms"))
    assert client.ip == "100.64.7.8"


def test_the_end_of_a_call_waits_for_the_command_under_way(online: Bench) -> None:
    client = Client(online)
    client.dial()
    online.wait("2s")
    online.type(b"+++")
    assert online.wait("2s") == b"\r\nOK\r\n"
    assert online.at("+COPS=?", wait="1s") == b""
    online.modem.session_lost(1)
    assert online.heard() == b""
    assert online.wait("60s").endswith(b"\r\nOK\r\n\r\nNO CARRIER\r\n")
    assert online.at("O") == b"\r\nNO CARRIER\r\n"


def test_datagrams_travel_both_ways(online: Bench) -> None:
    client = Client(online)
    client.dial()
    client.send(Protocol.IP, ipv4.udp((client.ip, 4000), ("100.64.0.1", 6969), b"up").encode())
    assert online.carrier.datagrams == [(1, Datagram(source=("100.64.7.8", 4000), destination=("100.64.0.1", 6969),
                                                     payload=b"up"))]
    online.modem.datagram_received(1, Datagram(source=("100.64.0.1", 6969), destination=("100.64.7.8", 4000),
                                               payload=b"down"))
    client.heard(online.heard())
    assert ipv4.parse_udp(client.packets[-1]) == (6969, 4000, b"down")


def test_datagrams_that_do_not_fit_the_link_travel_in_pieces(online: Bench) -> None:
    client = Client(online)
    client.dial()
    long = bytes(range(250)) * 20
    whole = ipv4.udp((client.ip, 4000), ("192.0.2.1", 7), long)
    for piece in reversed(fragments(whole, 1500, identification=3)):
        client.send(Protocol.IP, piece.encode())
    assert [datagram.payload for _, datagram in online.carrier.datagrams] == [long]
    online.modem.datagram_received(1, Datagram(source=("192.0.2.1", 7), destination=(client.ip, 4000), payload=long))
    client.heard(online.heard())
    assert [len(piece.encode()) for piece in client.packets] == [1500, 1500, 1500, 588]
    reassembler = Reassembler()
    made = [reassembler.take(piece, 0) for piece in client.packets]
    assert made[-1] is not None
    assert ipv4.parse_udp(made[-1]) == (7, 4000, long)


def test_names_are_resolved_and_hosts_pinged(online: Bench) -> None:
    client = Client(online)
    client.dial()
    query = bytes.fromhex("abcd01000001000000000000") + b"\7example\3com\0" + b"\0\1\0\1"
    client.send(Protocol.IP, ipv4.udp((client.ip, 5000), ("1.1.1.1", 53), query).encode())
    client.heard(online.wait("1s"))
    assert ipv4.parse_udp(client.packets[-1])[2].endswith(bytes((192, 0, 2, 1)))
    echo = ipv4.Packet(source=client.ip, destination="192.0.2.1", protocol=1, payload=bytes.fromhex("08000000aaaa0001"))
    client.send(Protocol.IP, echo.encode())
    client.heard(online.wait("1s"))
    assert client.packets[-1].payload[0] == 0


def test_a_foreign_source_address_goes_nowhere(online: Bench) -> None:
    client = Client(online)
    client.dial()
    client.send(Protocol.IP, ipv4.udp(("192.0.2.99", 1), ("100.64.0.1", 2), b"x").encode())
    assert online.carrier.datagrams == []


def test_unknown_protocols_and_codes_are_rejected(online: Bench) -> None:
    client = Client(online)
    client.dial()
    client.send(0x8057, Packet(1, 1).encode())  # IPV6CP
    client.send(Protocol.LCP, Packet(12, 7).encode())
    client.send(Protocol.LCP, Packet(Code.ECHO_REQUEST, 9, bytes(4)).encode())
    assert client.log[-3:] == ["LCP 8", "LCP 7", "LCP 10"]


def test_the_client_terminates(online: Bench) -> None:
    client = Client(online)
    client.dial()
    said = online.type(encode_frame(Protocol.LCP, Packet(Code.TERMINATE_REQUEST, 9).encode()))
    assert said.endswith(b"\r\nNO CARRIER\r\n")
    assert online.at("") == b"\r\nOK\r\n"


def test_the_escape_sequence_and_back(online: Bench) -> None:
    client = Client(online)
    client.dial()
    online.wait("2s")
    assert online.type(b"+++") == b""
    assert online.wait("2s") == b"\r\nOK\r\n"
    assert online.at("+CGMM") == b"\r\nBG96\r\n\r\nOK\r\n"
    assert online.at("O") == b"\r\nCONNECT\r\n"
    client.send(Protocol.LCP, Packet(Code.ECHO_REQUEST, 9, bytes(4)).encode())
    assert client.log[-1] == "LCP 10"
    online.wait("2s")
    online.type(b"+++")
    online.wait("2s")
    assert online.at("H") == b"\r\nOK\r\n"
    assert online.at("O") == b"\r\nNO CARRIER\r\n"


def test_pluses_within_data_are_data(online: Bench) -> None:
    client = Client(online)
    client.dial()
    client.send(Protocol.IP, ipv4.udp((client.ip, 1), ("100.64.0.1", 2), b"+++").encode())
    online.type(b"+++")
    assert online.wait("3s") == b""  # no silence before them
    assert online.carrier.datagrams[0][1].payload == b"+++"


def test_a_client_that_closes_the_port_hangs_up(online: Bench) -> None:
    client = Client(online)
    client.dial()
    online.port.client_gone()
    assert online.at("") == b"\r\nOK\r\n"
    assert online.events("ppp_ended") == ["ppp_ended"]


def test_the_network_ends_the_context(online: Bench) -> None:
    client = Client(online)
    client.dial()
    online.modem.session_lost(1)
    said = online.heard()
    assert said.endswith(b"\r\nNO CARRIER\r\n")
    assert online.at("") == b"\r\nOK\r\n"


def test_a_client_that_says_nothing_is_given_up(online: Bench) -> None:
    online.at("D*99#", wait="1s")
    assert online.wait("60s").endswith(b"\r\nNO CARRIER\r\n")


def test_unsolicited_results_wait_for_the_end(online: Bench) -> None:
    client = Client(online)
    client.dial()
    online.modem.urc("+TEST: 1")
    assert online.heard() == b""
    said = online.type(encode_frame(Protocol.LCP, Packet(Code.TERMINATE_REQUEST, 9).encode()))
    assert said.endswith(b"\r\nNO CARRIER\r\n\r\n+TEST: 1\r\n")


def test_noise_disturbs_nothing(online: Bench) -> None:
    client = Client(online)
    client.dial()
    for noise in (b"\x7e" * 10, b"\xff\x00" * 200, b"\x7e\xff\x7d\x23\x7e"):
        client.heard(online.type(noise))
    online.type(b"\x7e")
    client.send(Protocol.LCP, Packet(Code.ECHO_REQUEST, 9, bytes(4)).encode())
    assert client.log[-1] == "LCP 10"
