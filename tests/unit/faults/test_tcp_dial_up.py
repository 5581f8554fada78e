"""Connections of a PPP client that fail on their way: what its own TCP sees of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.formats import ipv4
from harness.formats.ipv4 import ACK, FIN, PSH, RST, SYN, Segment
from harness.formats.ppp import Protocol
from tests.unit.faults.conftest import Shout
from tests.unit.modem.test_dial_up_tcp import HOST, TcpClient

if TYPE_CHECKING:
    from tests.unit.faults.conftest import FaultBench


class DialUp(TcpClient):
    """A client behind a modem on a whole network, and the host it talks to."""

    def __init__(self, bench: FaultBench) -> None:
        self.ends: list[Shout] = []
        bench.internet.add_host("shout.example", address=HOST[0]).on_tcp(HOST[1], self._accept)
        bench.at('+CGDCONT=1,"IP","super"', wait="2s")
        super().__init__(bench)
        self.faults = bench.faults

    def _accept(self, connection: object) -> Shout:
        self.ends.append(Shout(connection))  # type: ignore[arg-type]
        return self.ends[-1]

    def open(self) -> None:
        (answer,) = self.heard("1s")
        assert answer.flags == SYN | ACK
        self.expected = answer.sequence + 1
        self.send(ACK)

    def take(self, wait: str = "2s") -> list[Segment]:
        """Return what arrives, acknowledged; repetitions left out."""
        found = []
        for segment in self.heard(wait):
            if segment.sequence == self.expected & 0xFFFFFFFF and (segment.payload or segment.flags & (FIN | RST)):
                self.expected += len(segment.payload) + bool(segment.flags & FIN)
                found.append(segment)
                if not segment.flags & RST:
                    self.send(ACK)
        return found

    def ask(self, name: str) -> None:
        query = ipv4.dns_query(name, identifier=77)
        self.ppp.send(Protocol.IP, ipv4.udp((self.ppp.ip, 4000), ("1.1.1.1", 53), query).encode())

    def answers(self, wait: str) -> list[bytes]:
        self.ppp.heard(self.bench.wait(wait))
        packets, self.ppp.packets = self.ppp.packets, []
        return [ipv4.parse_udp(packet)[2] for packet in packets if packet.protocol == ipv4.UDP]


@pytest.fixture
def client(bench: FaultBench) -> DialUp:
    return DialUp(bench)


def test_octets_travel(client: DialUp) -> None:
    client.open()
    client.write(b"hello")
    assert [segment.payload for segment in client.take()] == [b"HELLO"]


@pytest.mark.strikes("tcp-refused", "tcp-slow-open")
def test_refused_and_slow(bench: FaultBench) -> None:
    bench.faults.tcp.slow_open(by="10s")
    bench.faults.tcp.refused()
    client = DialUp(bench)
    assert client.heard("9s") == []
    (answer,) = client.heard("2s")
    assert answer.flags & RST


@pytest.mark.strikes("tcp-reset")
def test_reset(client: DialUp) -> None:
    client.faults.tcp.reset(after=3, direction="down")
    client.open()
    client.write(b"hello")
    data, reset = client.take()
    assert data.payload == b"HEL"
    assert reset.flags & RST
    assert client.ends[0].ends == ["reset by the peer"]


@pytest.mark.strikes("tcp-cut")
def test_cut(client: DialUp) -> None:
    client.faults.tcp.cut(after=5, direction="up")
    client.open()
    client.write(b"hello world")
    (end,) = client.take()
    assert end.flags & FIN
    assert client.ends[0].data == b"hello"
    assert client.ends[0].ends == ["closed by the peer"]


@pytest.mark.strikes("tcp-half-close")
def test_the_host_seems_to_close_its_half(client: DialUp) -> None:
    client.faults.tcp.half_close(after=5, direction="down")
    client.open()
    client.write(b"hello")
    assert [(segment.payload, segment.flags & FIN) for segment in client.take()] == [(b"HELLO", 0), (b"", FIN)]
    client.write(b" and more")
    client.take("100s")
    assert client.ends[0].data == b"hello and more"
    client.send(FIN | ACK)
    client.take()
    assert client.ends[0].ends == ["half closed"]


@pytest.mark.strikes("tcp-stall", "tcp-delay")
def test_stalled_and_late(client: DialUp) -> None:
    client.open()
    client.faults.tcp.stall(span="20s", direction="down")
    client.write(b"one")
    assert client.take("19s") == []
    assert [segment.payload for segment in client.take("3s")] == [b"ONE"]
    client.faults.tcp.delay(by="5s", direction="down")
    client.write(b"two")
    assert client.take("5s") == []
    assert [segment.payload for segment in client.take("1s")] == [b"TWO"]


@pytest.mark.strikes("tcp-stall")
def test_nobody_acknowledges_what_is_stalled(client: DialUp) -> None:
    client.open()
    stall = client.faults.tcp.stall(direction="up")
    client.write(b"hello")
    assert client.heard("30s") == []
    stall.remove()
    acknowledgement, answer = client.heard("1s")
    assert acknowledgement.acknowledged == client.sequence & 0xFFFFFFFF
    assert answer.payload == b"HELLO"


@pytest.mark.strikes("packet-nat-timeout")
def test_a_connection_that_idles_dies_without_a_word(client: DialUp) -> None:
    client.open()
    client.faults.packet.nat_timeout(timeout="1min")
    client.write(b"in time")
    assert [segment.payload for segment in client.take()] == [b"IN TIME"]
    client.bench.wait("61s")
    client.write(b"too late")
    assert client.heard("20min") == []
    assert client.ends[0].data == b"in time"


@pytest.mark.strikes("dns-fail", "dns-slow", "dns-wrong")
def test_names(client: DialUp) -> None:
    client.faults.dns.fail(answer="none")
    client.ask("shout.example")
    assert client.answers("100s") == []
    client.faults.dns.fail()
    client.ask("shout.example")
    (answer,) = client.answers("1s")
    assert answer[3] & 0xF == 3  # no such name
    client.faults.dns.slow(by="3s")
    client.faults.dns.wrong(address="192.0.2.99")
    client.ask("shout.example")
    assert client.answers("3s") == []
    (answer,) = client.answers("1s")
    assert answer.endswith(bytes((192, 0, 2, 99)))


def test_the_client_closes_its_half_and_hears_the_rest(client: DialUp) -> None:
    client.open()
    client.faults.tcp.delay(by="5s", direction="down")
    client.send(ACK | PSH | FIN, b"hello")
    client.sequence += 6
    (answer,) = client.take("10s")
    assert answer.payload == b"HELLO"
    assert client.ends[0].ends == ["half closed"]
    with client.bench.world.turn():
        client.ends[0].connection.send(b"late, but heard")
        client.ends[0].connection.close()
    data, end = client.take()
    assert data.payload == b"late, but heard"
    assert end.flags & FIN
    client.bench.wait("1s")
    assert client.ends[0].ends == ["half closed", "closed here"]
