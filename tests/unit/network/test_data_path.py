"""The way from a packet context to the virtual internet: TCP, names, ping, NAT."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.virtual.internet.host import Host
from harness.virtual.internet.internet import VirtualInternet
from harness.virtual.internet.seams import CloseReason, TcpConnection, TcpHandler
from harness.virtual.network.seams import Datagram

if TYPE_CHECKING:
    from tests.unit.network.conftest import FakeTerminal, Stage


class Ear:
    """Hears one end of a connection."""

    def __init__(self) -> None:
        self.heard: list[str | bytes] = []

    def connected(self) -> None:
        self.heard.append("connected")

    def received(self, data: bytes) -> None:
        self.heard.append(data)

    def closed(self, reason: CloseReason) -> None:
        self.heard.append(reason.value)


class Echo(Ear):
    """Says everything back."""

    def __init__(self, connection: TcpConnection) -> None:
        super().__init__()
        self.connection = connection

    def received(self, data: bytes) -> None:
        super().received(data)
        self.connection.send(data.upper())


class HalfEar(Ear):
    """Hears the end of what the peer sends, and may go on itself."""

    def half_closed(self) -> None:
        self.heard.append("half closed")


class Place:
    """A stage with an internet and one device online."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.internet = VirtualInternet(stage.world)
        self.internet.connect_devices(stage.network)
        stage.network.connect_internet(self.internet)
        self.terminal: FakeTerminal = stage.terminal()
        self.stage.network.activate(self.terminal, 1, "super", lambda session: None)
        self.wait("1s")
        self.ip = stage.network.sessions(self.terminal.iccid)[0].session.ip

    def wait(self, duration: str) -> None:
        self.stage.world.clock.sleep(duration)

    def host(self) -> Host:
        return self.internet.add_host("host.example", address="203.0.113.7")

    def connect(self, ear: TcpHandler, address: tuple[str, int] = ("203.0.113.7", 80)) -> TcpConnection:
        connection = self.stage.network.connect_tcp(self.terminal, 1, 50_000, address, ear)
        self.wait("1s")
        return connection

    @property
    def counted(self) -> tuple[int, int]:
        traffic = self.stage.network.sessions(self.terminal.iccid)[0]
        return traffic.up, traffic.down


@pytest.fixture
def place(stage: Stage) -> Place:
    return Place(stage)


def test_a_connection_carries_octets_both_ways_and_they_are_metered(place: Place) -> None:
    ears: list[Echo] = []

    def accept(connection: TcpConnection) -> Echo:
        ears.append(Echo(connection))
        return ears[-1]

    place.host().on_tcp(80, accept)
    near = Ear()
    connection = place.connect(near)
    assert near.heard == ["connected"]
    assert connection.local == (place.ip, 50_000)
    before = place.counted
    assert connection.send(b"hello") == 5
    place.wait("1s")
    assert near.heard == ["connected", b"HELLO"]
    assert ears[0].heard == [b"hello"]
    assert place.counted == (before[0] + 45, before[1] + 45)
    connection.close()
    place.wait("1s")
    assert near.heard[-1] == "closed here"
    assert ears[0].heard[-1] == "closed by the peer"
    assert connection.send(b"late") == 0


def test_nobody_listens_or_nobody_is_there(place: Place) -> None:
    place.host()
    refused, lost, gateway = Ear(), Ear(), Ear()
    place.connect(refused)
    assert refused.heard == ["refused"]
    place.connect(lost, ("203.0.113.99", 80))
    place.connect(gateway, ("100.64.0.1", 80))
    assert gateway.heard == ["refused"]
    place.wait("3min")
    assert lost.heard == ["timed out"]


def test_the_end_of_the_session_cuts_connections_on_both_sides(place: Place) -> None:
    ears: list[Echo] = []

    def accept(connection: TcpConnection) -> Echo:
        ears.append(Echo(connection))
        return ears[-1]

    place.host().on_tcp(80, accept)
    near = Ear()
    place.connect(near)
    place.stage.network.end_sessions(place.terminal.iccid)
    place.wait("1s")
    assert near.heard == ["connected", "network lost"]
    assert ears[0].heard == ["closed by the peer"]
    again = Ear()
    place.connect(again)
    assert again.heard == ["network lost"]


def test_a_host_connects_to_a_device_that_listens(place: Place) -> None:
    host = place.host()
    echoes: list[Echo] = []

    def accept(connection: TcpConnection) -> TcpHandler:
        echoes.append(Echo(connection))
        return echoes[-1]

    place.stage.network.listen_tcp(place.terminal, 1, 2020, accept)
    ear, refused = Ear(), Ear()
    connection = place.internet.connect_to_device(host, (place.ip, 2020), ear)
    place.internet.connect_to_device(host, (place.ip, 2021), refused)
    place.wait("1s")
    assert ear.heard == ["connected"]
    assert refused.heard == ["refused"]
    connection.send(b"hi")
    place.wait("1s")
    assert ear.heard == ["connected", b"HI"]
    assert echoes[0].connection.remote[0] == host.ip
    place.stage.network.listen_tcp(place.terminal, 1, 2020, None)
    late = Ear()
    place.internet.connect_to_device(host, (place.ip, 2020), late)
    place.wait("1s")
    assert late.heard == ["refused"]


def test_names_and_ping(place: Place) -> None:
    place.host()
    found: list[object] = []
    network, terminal = place.stage.network, place.terminal
    network.resolve(terminal, 1, "host.example", found.append)
    network.resolve(terminal, 1, "nobody.example", found.append)
    network.resolve(terminal, 2, "host.example", found.append)
    network.ping(terminal, 1, "203.0.113.7", 32, found.append)
    network.ping(terminal, 1, "203.0.113.99", 32, found.append)
    network.ping(terminal, 1, "100.64.0.1", 32, found.append)
    assert found == []
    place.wait("1s")
    assert sorted(map(repr, found)) == sorted(map(repr, [
        ("203.0.113.7",), (), None, 250_000_000, None, 200_000_000]))


def test_a_host_answers_only_as_long_as_the_way_back_is_open(make_stage: Callable[..., Stage]) -> None:
    place = Place(make_stage(nat_timeout="30s"))
    place.host().on_udp(7, lambda source, payload: payload[::-1])
    network, terminal = place.stage.network, place.terminal
    device = (place.ip, 4000)
    assert place.internet.send_to_device(("203.0.113.7", 7), device, b"out of the blue")
    place.wait("1s")
    assert terminal.datagrams == []
    network.send_datagram(terminal, 1, Datagram(source=device, destination=("203.0.113.7", 7), payload=b"abc"))
    place.wait("1s")
    assert [datagram.payload for _, datagram in terminal.datagrams] == [b"cba"]
    place.wait("20s")
    place.internet.send_to_device(("203.0.113.7", 7), device, b"in time")
    place.wait("20s")
    place.internet.send_to_device(("203.0.113.7", 7), device, b"kept open by the last")
    place.wait("31s")
    place.internet.send_to_device(("203.0.113.7", 7), device, b"too late")
    place.wait("1s")
    assert [datagram.payload for _, datagram in terminal.datagrams[1:]] == [b"in time", b"kept open by the last"]
    reasons = [entry.data["reason"] for entry in place.stage.world.journal.select("datagram_dropped")]
    assert reasons == ["no NAT mapping", "no NAT mapping"]


def test_connections_of_a_session_are_bounded(place: Place) -> None:
    place.host().on_tcp(80, Echo)
    ears = [Ear() for _ in range(66)]
    for ear in ears:
        place.connect(ear)
    assert [ear.heard for ear in ears[63:]] == [["connected"], ["network lost"], ["network lost"]]


def test_hosts_open_no_more_connections_than_a_device_can_have(place: Place) -> None:
    host = place.host()
    place.stage.network.listen_tcp(place.terminal, 1, 2020, Echo)
    ears = [Ear() for _ in range(66)]
    for ear in ears:
        place.internet.connect_to_device(host, (place.ip, 2020), ear)
        place.wait("1s")
    assert [ear.heard for ear in ears[63:]] == [["connected"], [], []]
    place.wait("75s")
    assert ears[65].heard == ["timed out"]


def pair(place: Place, near: Ear) -> tuple[TcpConnection, list[HalfEar], list[TcpConnection]]:
    """Open a connection to a host whose ends are an ear and a connection."""
    ears: list[HalfEar] = []
    ends: list[TcpConnection] = []

    def accept(connection: TcpConnection) -> HalfEar:
        ears.append(HalfEar())
        ends.append(connection)
        return ears[-1]

    place.host().on_tcp(80, accept)
    return place.connect(near), ears, ends


def test_each_side_closes_its_half(place: Place) -> None:
    near = HalfEar()
    connection, ears, ends = pair(place, near)
    ends[0].send(b"the last")
    ends[0].half_close()
    assert ends[0].send(b"more") == 0
    place.wait("1s")
    assert near.heard == ["connected", b"the last", "half closed"]
    connection.send(b"but I go on")
    connection.half_close()
    place.wait("1s")
    assert near.heard[3:] == ["closed here"]
    assert ears[0].heard == [b"but I go on", "closed by the peer"]
    assert connection.send(b"late") == 0


def test_the_device_closes_its_half_first(place: Place) -> None:
    near = Ear()
    connection, ears, ends = pair(place, near)
    connection.half_close()
    place.wait("1s")
    assert ears[0].heard == ["half closed"]
    assert near.heard == ["connected"]
    ends[0].send(b"an answer")
    ends[0].close()
    place.wait("1s")
    assert near.heard == ["connected", b"an answer", "closed by the peer"]


def test_who_can_not_hear_half_an_end_is_closed_with_its_peer(place: Place) -> None:
    near = Ear()
    _, ears, ends = pair(place, near)
    ends[0].half_close()
    place.wait("1s")
    assert near.heard == ["connected", "closed by the peer"]
    assert ears[0].heard == ["closed by the peer"]


def test_breaking_off(place: Place) -> None:
    near = Ear()
    connection, ears, _ = pair(place, near)
    connection.send(b"before")
    connection.abort()
    place.wait("1s")
    assert near.heard == ["connected", "closed here"]
    assert ears[0].heard == [b"before", "reset by the peer"]


def test_a_peer_that_does_not_read_keeps_the_other_waiting_and_nothing_is_lost(place: Place) -> None:
    near = Ear()
    connection, ears, ends = pair(place, near)

    def through(sender: TcpConnection, receiver: TcpConnection, heard: list[str | bytes]) -> int:
        """Send while the receiver pauses; return how many octets were taken meanwhile."""
        before = len(heard)
        receiver.pause()
        taken = 0
        for _ in range(40):
            taken += sender.send(bytes(10_000))
            place.wait("500ms")
        assert heard[before:] == []
        receiver.resume()
        place.wait("30s")
        assert sum(map(len, heard[before:])) == taken
        return taken

    assert 0 < through(connection, ends[0], ears[0].heard) <= 3 * 65_536  # two windows and what is behind them
    assert 0 < through(ends[0], connection, near.heard) <= 3 * 65_536
    assert connection.unacknowledged == 0


def test_a_connection_that_idles_is_forgotten_without_a_word(make_stage: Callable[..., Stage]) -> None:
    place = Place(make_stage(nat_tcp_timeout="10min"))
    near = Ear()
    connection, ears, ends = pair(place, near)
    for _ in range(3):
        place.wait("9min")
        connection.send(b"keep alive")
        place.wait("1s")
    assert ears[0].heard == [b"keep alive"] * 3
    place.wait("601s")
    assert near.heard == ["connected"]
    connection.send(b"anybody there?")
    place.wait("5min")
    assert (near.heard, ears[0].heard[3:]) == (["connected"], [])
    assert connection.unacknowledged == 14
    place.wait("3min")
    assert near.heard == ["connected", "timed out"]
    assert ears[0].heard[3:] == []
    assert ends[0].send(b"hello?") == 6  # the host does not know
    place.wait("8min")
    assert ears[0].heard[3:] == ["reset by the peer"]
    expired = place.stage.world.journal.select("nat_mapping_expired")
    assert [entry.data["remote"] for entry in expired] == ["203.0.113.7:80"]


def test_what_a_host_sends_to_a_forgotten_connection_is_lost(make_stage: Callable[..., Stage]) -> None:
    place = Place(make_stage(nat_tcp_timeout="10min"))
    near = Ear()
    connection, _, ends = pair(place, near)
    place.wait("601s")
    ends[0].send(b"news")
    place.wait("1s")
    assert near.heard == ["connected"]
    connection.close()
    place.wait("1s")
    assert near.heard == ["connected", "closed here"]
    again = Ear()
    place.connect(again)  # has a mapping of its own
    assert again.heard == ["connected"]


def test_connections_that_only_hosts_still_have_are_bounded(make_stage: Callable[..., Stage]) -> None:
    place = Place(make_stage(nat_tcp_timeout="1min"))
    _, ears, _ = pair(place, Ear())
    for _ in range(70):
        connection = place.connect(Ear())
        place.wait("61s")
        connection.close()
        place.wait("1s")
    assert repr(place.stage.network._gateway.path) == "DataPath(65 connections)"
    assert ears[1].heard == ["closed by the peer"]
    assert ears[-1].heard == []
    place.stage.network.end_sessions(place.terminal.iccid)
    place.wait("1s")
    assert all(ear.heard == ["closed by the peer"] for ear in ears)
