"""TCP over the dial-up link: a client of few segments on one side, the test as the host on the other."""

from __future__ import annotations

import random  # noqa: TID251 - a generator of its own with a fixed seed
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import FormatError
from harness.formats import ipv4
from harness.formats.ipv4 import ACK, FIN, PSH, RST, SYN, Segment
from harness.formats.ppp import Protocol
from harness.virtual.internet.seams import CloseReason
from tests.unit.modem.test_dial_up import Client

if TYPE_CHECKING:
    Bench = Any

HOST = ("192.0.2.1", 80)


class TcpClient:
    """One connection of a PPP client; it acknowledges what it is told to."""

    def __init__(self, bench: Bench, *, port: int = 5000, window: int = 0xFFFF, maximum: int | None = 1000) -> None:
        self.bench = bench
        self.ppp = Client(bench)
        assert self.ppp.dial()
        self.port = port
        self.window = window
        self.sequence = 0xFFFFFFF0  # wraps soon
        self.expected = 0
        self.send(SYN, maximum=maximum)
        self.sequence += 1

    def send(self, flags: int, data: bytes = b"", *, maximum: int | None = None, ahead: int = 0,
             sequence: int | None = None) -> None:
        packet = ipv4.tcp((self.ppp.ip, self.port), HOST, data,
                          sequence=(self.sequence if sequence is None else sequence) + ahead,
                          acknowledged=self.expected if flags & ACK else None, flags=flags, maximum=maximum)
        body = bytearray(packet.payload)  # with our own window, and the checksum put right
        body[14:18] = self.window.to_bytes(2, "big") + b"\0\0"
        pseudo = bytes(map(int, f"{self.ppp.ip}.{HOST[0]}".split("."))) + bytes((0, 6, *len(body).to_bytes(2, "big")))
        body[16:18] = ipv4.checksum(pseudo + bytes(body)).to_bytes(2, "big")
        self.ppp.send(Protocol.IP, ipv4.Packet(source=packet.source, destination=packet.destination,
                                               protocol=ipv4.TCP, payload=bytes(body)).encode())

    def write(self, data: bytes) -> None:
        self.send(ACK | PSH, data)
        self.sequence += len(data)

    def heard(self, wait: str = "0s") -> list[Segment]:
        self.ppp.heard(self.bench.wait(wait))
        packets, self.ppp.packets = self.ppp.packets, []
        return [ipv4.parse_tcp(packet) for packet in packets]

    @property
    def far(self) -> Any:
        return self.bench.carrier.connections[-1]

    def open(self) -> None:
        self.far.handler.connected()
        (answer,) = self.heard()
        assert answer.flags == SYN | ACK
        assert answer.acknowledged == self.sequence & 0xFFFFFFFF
        assert answer.maximum == 1460
        self.expected = answer.sequence + 1
        self.send(ACK)
        assert self.heard() == []


@pytest.fixture
def tcp(bench: Bench) -> TcpClient:
    bench.at('+CGDCONT=1,"IP","super"', wait="2s")
    return TcpClient(bench)


@pytest.fixture
def opened(tcp: TcpClient) -> TcpClient:
    tcp.open()
    return tcp


def test_the_answer_waits_for_the_host(tcp: TcpClient) -> None:
    assert (tcp.far.local, tcp.far.remote) == (("100.64.7.8", 5000), HOST)
    assert tcp.heard("5s") == []
    tcp.open()


def test_octets_travel_both_ways(opened: TcpClient) -> None:
    opened.write(b"GET / HTTP/1.0\r\n\r\n")
    assert opened.far.sent == b"GET / HTTP/1.0\r\n\r\n"
    (acknowledgement,) = opened.heard()
    assert acknowledgement.acknowledged == opened.sequence & 0xFFFFFFFF
    opened.far.handler.received(b"x" * 2500)
    segments = opened.heard()
    assert [len(segment.payload) for segment in segments] == [1000, 1000, 500]  # no longer than the client takes
    assert [segment.flags for segment in segments] == [ACK, ACK, ACK | PSH]
    assert segments[0].sequence == opened.expected
    opened.expected += 2500
    opened.send(ACK)
    assert opened.heard("100s") == []


def test_octets_are_acknowledged_when_they_have_arrived(opened: TcpClient) -> None:
    begin = opened.sequence
    opened.far.unacknowledged = 5
    opened.write(b"hello")
    opened.far.unacknowledged = 9
    opened.send(ACK | PSH | FIN, b" all")
    assert opened.heard("500ms") == []
    opened.send(ACK, b"hello", sequence=begin)  # said again
    assert [segment.acknowledged for segment in opened.heard()] == [begin & 0xFFFFFFFF]
    opened.far.unacknowledged = 4
    opened.far.handler.acknowledged()
    assert [segment.acknowledged for segment in opened.heard()] == [(begin + 5) & 0xFFFFFFFF]
    opened.far.unacknowledged = 0
    opened.far.handler.acknowledged()
    assert [segment.acknowledged for segment in opened.heard()] == [(begin + 10) & 0xFFFFFFFF]
    assert opened.far.sent == b"hello all"


def test_a_connection_that_is_forgotten_on_its_way_says_nothing_more(opened: TcpClient) -> None:
    opened.far.unacknowledged = 5
    opened.write(b"hello")
    opened.far.handler.closed(CloseReason.TIMED_OUT)
    for _ in range(5):
        opened.send(ACK | PSH, b"hello", sequence=opened.sequence - 5)
        assert opened.heard("60s") == []
    opened.bench.wait("31min")
    opened.send(ACK)
    assert [segment.flags for segment in opened.heard()] == [RST]


@pytest.mark.parametrize(("reason", "refused"), [(CloseReason.REFUSED, True), (CloseReason.NETWORK_LOST, True),
                                                 (CloseReason.TIMED_OUT, False), (CloseReason.UNREACHABLE, False)])
def test_a_host_that_does_not_answer(tcp: TcpClient, reason: CloseReason, refused: bool) -> None:
    tcp.far.handler.closed(reason)
    answers = tcp.heard("1s")
    assert [answer.flags for answer in answers] == ([RST | ACK] if refused else [])
    assert all(answer.acknowledged == tcp.sequence & 0xFFFFFFFF for answer in answers)


def test_the_host_closes_first(opened: TcpClient) -> None:
    opened.far.handler.received(b"bye")
    opened.far.handler.closed(CloseReason.CLOSED_BY_PEER)
    data, end = opened.heard()
    assert (data.payload, end.flags) == (b"bye", FIN | ACK)
    opened.expected += 4
    opened.send(ACK)
    opened.send(FIN | ACK)
    (answer,) = opened.heard()
    assert answer.acknowledged == (opened.sequence + 1) & 0xFFFFFFFF
    opened.sequence += 1
    opened.send(ACK)  # of a connection that is no more
    assert [segment.flags for segment in opened.heard()] == [RST]


def test_the_client_closes_first(opened: TcpClient) -> None:
    opened.send(FIN | ACK, b"last words")
    assert opened.far.sent == b"last words"
    assert opened.far.half_closed
    assert not opened.far.closed
    (acknowledgement,) = opened.heard()
    assert acknowledgement.acknowledged == (opened.sequence + 11) & 0xFFFFFFFF
    opened.sequence += 11
    opened.far.handler.received(b"an answer")
    (answer,) = opened.heard("5s")[:1]
    assert answer.payload == b"an answer"
    opened.expected += 9
    opened.send(ACK)
    assert opened.heard("100s") == []
    opened.far.handler.closed(CloseReason.CLOSED_BY_PEER)
    (end,) = opened.heard()
    assert end.flags == FIN | ACK
    opened.expected += 1
    opened.send(ACK)
    assert opened.heard("100s") == []


def test_the_host_closes_its_half_and_still_hears(opened: TcpClient) -> None:
    opened.far.handler.received(b"no more")
    opened.far.handler.half_closed()
    data, end = opened.heard()
    assert (data.payload, end.flags) == (b"no more", FIN | ACK)
    opened.expected += 8
    opened.send(ACK)
    assert opened.heard("1000s") == []  # as long as the client likes
    opened.write(b"but I")
    assert opened.far.sent == b"but I"
    opened.heard()
    opened.send(FIN | ACK)
    assert opened.far.half_closed
    (answer,) = opened.heard("100s")
    assert answer.acknowledged == (opened.sequence + 1) & 0xFFFFFFFF


def test_a_host_waits_for_a_client_that_does_not_acknowledge(opened: TcpClient) -> None:
    opened.window = 0
    opened.send(ACK)
    opened.far.handler.received(b"x" * 262_144)
    assert not opened.far.paused
    opened.far.handler.received(b"x")
    assert opened.far.paused
    opened.window = 0xFFFF
    opened.send(ACK)
    while opened.far.paused:
        octets = sum(len(segment.payload) for segment in opened.heard("2s")
                     if segment.sequence == opened.expected & 0xFFFFFFFF) or 1000
        opened.expected += octets
        opened.send(ACK)


def test_a_client_that_goes_on_after_the_host_has_closed_is_reset(opened: TcpClient) -> None:
    opened.far.handler.closed(CloseReason.CLOSED_BY_PEER)
    opened.heard()
    opened.expected += 1
    opened.write(b"too late")
    assert opened.heard()[-1].flags & RST
    assert opened.far.sent == b""


def test_a_client_that_never_closes_its_half_is_reset_in_the_end(opened: TcpClient) -> None:
    opened.far.handler.closed(CloseReason.CLOSED_BY_PEER)
    opened.heard()
    opened.expected += 1
    opened.send(ACK)
    assert opened.heard("50s") == []
    assert [segment.flags for segment in opened.heard("20s")] == [RST | ACK]


def test_resets_both_ways(opened: TcpClient) -> None:
    opened.far.handler.closed(CloseReason.RESET)
    assert [segment.flags for segment in opened.heard()] == [RST | ACK]
    again = TcpClient.__new__(TcpClient)
    again.__dict__.update(opened.__dict__)
    again.port, again.sequence = 5001, 7
    again.send(SYN)
    again.sequence += 1
    again.open()
    again.send(RST | ACK)
    assert again.far.aborted
    assert again.heard("10s") == []


def test_what_is_not_acknowledged_comes_again_and_is_given_up_in_the_end(opened: TcpClient) -> None:
    opened.far.handler.received(b"hello")
    assert [segment.payload for segment in opened.heard()] == [b"hello"]
    assert [segment.payload for segment in opened.heard("1100ms")] == [b"hello"]
    assert [segment.payload for segment in opened.heard("2s")] == [b"hello"]
    assert opened.heard("400s")[-1].flags & RST
    assert opened.far.closed


def test_an_answer_to_syn_that_was_lost_comes_again(tcp: TcpClient) -> None:
    tcp.far.handler.connected()
    assert [segment.flags for segment in tcp.heard()] == [SYN | ACK]
    tcp.send(SYN, sequence=tcp.sequence - 1)
    assert [segment.flags for segment in tcp.heard()] == [SYN | ACK]
    assert [segment.flags for segment in tcp.heard("1100ms")] == [SYN | ACK]
    assert len(tcp.bench.carrier.connections) == 1


def test_the_window_is_kept_and_a_closed_one_asked(opened: TcpClient) -> None:
    opened.window = 1500
    opened.send(ACK)
    opened.far.handler.received(b"x" * 4000)
    assert [len(segment.payload) for segment in opened.heard()] == [1000, 500]
    opened.expected += 1500
    opened.window = 0
    opened.send(ACK)
    assert opened.heard("500ms") == []
    assert [len(segment.payload) for segment in opened.heard("600ms")] == [1]
    for _ in range(40):  # alive, and still without room: for an hour
        opened.send(ACK)
        assert {len(segment.payload) for segment in opened.heard("90s")} <= {1}
    opened.window = 3000
    opened.send(ACK)
    assert [len(segment.payload) for segment in opened.heard()] == [1000, 1000, 500]


def test_segments_that_overlap_or_come_too_early(opened: TcpClient) -> None:
    opened.send(ACK, b"cdef", ahead=2)
    (answer,) = opened.heard()
    assert answer.acknowledged == opened.sequence & 0xFFFFFFFF
    opened.send(ACK, b"abcd")
    opened.send(ACK, b"abcdef")
    opened.send(ACK, b"ab")
    assert opened.far.sent == b"abcdef"
    assert opened.heard()[-1].acknowledged == (opened.sequence + 6) & 0xFFFFFFFF


def test_the_end_of_the_link_ends_its_connections(opened: TcpClient) -> None:
    opened.bench.port.client_gone()
    assert opened.far.closed


def test_a_damaged_segment_is_dropped(opened: TcpClient) -> None:
    packet = ipv4.tcp((opened.ppp.ip, 5000), HOST, b"data", sequence=opened.sequence, acknowledged=opened.expected)
    broken = packet.payload[:-1] + b"?"
    opened.ppp.send(Protocol.IP, ipv4.Packet(source=packet.source, destination=HOST[0], protocol=ipv4.TCP,
                                             payload=broken).encode())
    assert opened.far.sent == b""
    assert "ppp_frame_dropped" in opened.bench.events("ppp_frame_dropped")


def test_a_lossy_link_delivers_everything_in_order(opened: TcpClient) -> None:
    chance = random.Random(1)
    wanted = bytes(chance.randrange(256) for _ in range(20_000))
    opened.window = 4000
    opened.send(ACK)
    opened.far.handler.received(wanted)
    opened.far.handler.closed(CloseReason.CLOSED_BY_PEER)
    got = b""
    for _ in range(300):
        for segment in opened.heard("1s"):
            if chance.random() < 0.3:
                continue
            if segment.sequence == opened.expected & 0xFFFFFFFF:
                got += segment.payload
                opened.expected += len(segment.payload) + bool(segment.flags & FIN)
            if chance.random() > 0.3:
                opened.send(ACK)
        if got == wanted:
            break
    assert got == wanted


def test_sixty_four_connections_are_enough(tcp: TcpClient) -> None:
    for port in range(6000, 6063):
        tcp.port = port
        tcp.send(SYN)
    assert tcp.heard() == []
    tcp.port = 7000
    tcp.send(SYN)
    assert [segment.flags for segment in tcp.heard()] == [RST | ACK]
    assert len(tcp.bench.carrier.connections) == 64


@given(st.binary(max_size=60))
def test_any_segment_is_parsed_or_refused(octets: bytes) -> None:
    packet = ipv4.tcp(("10.0.0.1", 1), HOST, octets, sequence=1, acknowledged=None, maximum=1460)
    segment = ipv4.parse_tcp(packet)
    assert (segment.payload, segment.maximum, segment.flags) == (octets, 1460, 0)
    with pytest.raises(FormatError):
        ipv4.parse_tcp(ipv4.Packet(source="10.0.0.1", destination=HOST[0], protocol=ipv4.TCP, payload=octets + b"\1"))
