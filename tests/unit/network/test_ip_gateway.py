"""Packet contexts, datagrams and what is metered."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.virtual.internet.internet import VirtualInternet
from harness.virtual.network.seams import Datagram, Session

if TYPE_CHECKING:
    from tests.unit.network.conftest import FakeTerminal, Stage

GATEWAY = ("100.64.0.1", 6969)


def activate(stage: Stage, terminal: FakeTerminal, cid: int = 1, apn: str = "super") -> Session | None:
    answers: list[Session | None] = []
    stage.network.activate(terminal, cid, apn, answers.append)
    assert answers == []
    stage.world.clock.sleep("500ms")
    assert len(answers) == 1
    return answers[0]


def send_ip(stage: Stage, iccid: str, payload: bytes = b"x", port: int = 6969) -> str | None:
    answers: list[str | None] = []
    stage.network.send_ip(iccid, port, payload, answers.append)
    assert answers == []
    stage.world.clock.sleep("150ms")
    assert len(answers) == 1
    return answers[0]


def dropped(stage: Stage) -> list[object]:
    return [entry.data["reason"] for entry in stage.world.journal.select("datagram_dropped")]


def test_a_context_gets_an_address_of_its_own(stage: Stage) -> None:
    sessions = [activate(stage, stage.terminal(number)) for number in range(1, 20)]

    addresses = {ipaddress.ip_address(session.ip) for session in sessions if session is not None}
    assert len(addresses) == 19
    assert all(address in ipaddress.ip_network("100.64.0.0/10") for address in addresses)


def test_addresses_run_out_and_come_back(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(addresses="100.64.0.0/29")
    terminals = [stage.terminal(number) for number in range(1, 7)]
    sessions = [activate(stage, terminal) for terminal in terminals]
    assert [session is not None for session in sessions] == [True] * 5 + [False]
    assert GATEWAY[0] not in {session.ip for session in sessions if session is not None}
    stage.network.deactivate(terminals[0], 1)
    assert activate(stage, terminals[5]) is not None


def test_activating_twice_is_the_same_session(stage: Stage) -> None:
    terminal = stage.terminal()
    assert activate(stage, terminal) == activate(stage, terminal)
    assert activate(stage, terminal, cid=2, apn="SUPER") != activate(stage, terminal)


@pytest.mark.parametrize(("apn", "attached", "data"), [("internet", True, True), ("", True, True),
                                                       ("super", False, True), ("super", True, False)])
def test_a_context_that_may_not_be_is_refused(stage: Stage, apn: str, attached: bool, data: bool) -> None:
    terminal = stage.terminal(attached=attached)
    stage.cloud.allow(terminal.iccid, data=data)

    assert activate(stage, terminal, apn=apn) is None
    assert stage.world.journal.last("data_session_refused") is not None


def test_a_datagram_to_the_gateway_reaches_the_cloud(stage: Stage) -> None:
    terminal = stage.terminal()
    session = activate(stage, terminal)
    assert session is not None
    stage.network.send_datagram(terminal, 1, Datagram(source=(session.ip, 4000), destination=("100.64.0.1", 1234),
                                                      payload=b"21.5"))
    stage.world.clock.sleep("99ms")
    assert stage.cloud.datagrams == []
    stage.world.clock.sleep("1ms")

    assert stage.cloud.datagrams == [(terminal.iccid, (session.ip, 4000), ("100.64.0.1", 1234), b"21.5")]


def test_a_command_reaches_the_device_from_the_gateway(stage: Stage) -> None:
    terminal = stage.terminal()
    assert send_ip(stage, terminal.iccid) is None
    session = activate(stage, terminal)
    assert session is not None

    assert send_ip(stage, terminal.iccid, b"temperature?", 7000) == session.ip
    assert terminal.datagrams == [(1, Datagram(source=GATEWAY, destination=(session.ip, 7000),
                                               payload=b"temperature?"))]


@pytest.mark.parametrize(("change", "reason"), [
    ({"destination": ("8.8.8.8", 53)}, "no route to host"),
    ({"source": ("10.0.0.1", 4000)}, "source address is not the session's"),
    ({"payload": bytes(1_301)}, "longer than 1300 octets"),
    ({"payload": bytes(65_508)}, "not a UDP datagram"),
    ({"destination": ("100.64.0.1", 0)}, "not a UDP datagram"),
    ({"destination": ("100.64.0.1", 65_536)}, "not a UDP datagram"),
    ({"cid": 2}, "no context"),
])
def test_a_datagram_that_goes_nowhere_is_journalled(stage: Stage, change: dict[str, object], reason: str) -> None:
    terminal = stage.terminal()
    session = activate(stage, terminal)
    assert session is not None
    fields: dict[str, object] = {"source": (session.ip, 4000), "destination": GATEWAY, "payload": b"x", "cid": 1}
    fields |= change
    cid = fields.pop("cid")
    stage.network.send_datagram(terminal, cid, Datagram(**fields))  # type: ignore[arg-type]
    stage.world.clock.sleep("1s")

    assert stage.cloud.datagrams == []
    assert dropped(stage) == [reason]


def test_hosts_of_a_virtual_internet_are_reached_and_answer(stage: Stage) -> None:
    internet = VirtualInternet(stage.world)
    internet.connect_devices(stage.network)
    stage.network.connect_internet(internet)
    internet.add_host("echo.example", address="203.0.113.7").on_udp(7, lambda source, payload: payload[::-1])
    terminal = stage.terminal()
    session = activate(stage, terminal)
    assert session is not None
    for host in ("203.0.113.7", "203.0.113.8"):
        datagram = Datagram(source=(session.ip, 5), destination=(host, 7), payload=b"abc")
        stage.network.send_datagram(terminal, 1, datagram)
    stage.world.clock.sleep("1s")

    assert [datagram.payload for _, datagram in terminal.datagrams] == [b"cba"]
    assert dropped(stage) == ["no route to host"]
    assert not stage.network.send_from_internet(Datagram(source=("203.0.113.7", 7), destination=("100.64.9.9", 5),
                                                         payload=b""))


def test_sessions_end_with_service_permission_or_by_wish(stage: Stage) -> None:
    terminal = stage.terminal()
    activate(stage, terminal)
    stage.network.deactivate(terminal, 1)
    stage.network.deactivate(terminal, 1)
    assert stage.network.sessions(terminal.iccid) == []

    activate(stage, terminal)
    activate(stage, terminal, 2)
    stage.cloud.allow(terminal.iccid, data=False)
    stage.network.subscription_changed(terminal.iccid)
    stage.cloud.allow(terminal.iccid)
    stage.world.clock.sleep("1s")
    assert terminal.lost == [1, 2]

    activate(stage, terminal)
    stage.network.lose_coverage(terminal.iccid)
    stage.world.clock.sleep("1s")
    assert terminal.lost == [1, 2, 1]
    stage.network.restore_coverage(terminal.iccid)
    stage.world.clock.sleep("5s")

    activate(stage, terminal)
    stage.network.end_sessions(terminal.iccid)
    stage.world.clock.sleep("1s")
    assert terminal.lost == [1, 2, 1, 1]

    activate(stage, terminal)
    stage.network.detach(terminal)
    stage.world.clock.sleep("1s")
    assert terminal.lost == [1, 2, 1, 1]
    assert [entry.data["reason"] for entry in stage.world.journal.select("data_session_ended")] == [
        "deactivated", "data not allowed", "data not allowed", "service lost", "ended by the network", "detached"]


def test_a_datagram_does_not_reach_the_next_owner_of_an_address(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(addresses="100.64.0.0/29", ip_latency="10s")
    terminals = [stage.terminal(number) for number in range(1, 7)]
    for terminal in terminals[:5]:
        activate(stage, terminal)
    stage.network.send_ip(terminals[0].iccid, 6969, b"x", lambda ip: None)
    stage.world.clock.sleep("1ms")
    stage.network.deactivate(terminals[0], 1)
    activate(stage, terminals[5])
    stage.world.clock.sleep("20s")

    assert [terminal.datagrams for terminal in terminals] == [[]] * 6
    assert dropped(stage) == ["session ended"]


def test_traffic_is_metered_in_octets_of_ip(stage: Stage) -> None:
    terminal = stage.terminal()
    session = activate(stage, terminal)
    assert session is not None
    stage.network.send_datagram(terminal, 1, Datagram(source=(session.ip, 5), destination=GATEWAY, payload=bytes(100)))
    send_ip(stage, terminal.iccid, bytes(50))
    (traffic,) = stage.network.sessions(terminal.iccid)
    assert (traffic.up, traffic.down) == (128, 78)
    stage.world.clock.sleep("7min")
    send_ip(stage, terminal.iccid, bytes(2))
    stage.world.clock.sleep("6min")
    stage.network.detach(terminal)

    assert [(entry.data["up"], entry.data["down"]) for entry in stage.world.journal.select("data_session_updated")] == [
        (128, 78), (0, 30)]
    ended = stage.world.journal.last("data_session_ended")
    assert ended is not None
    assert (ended.data["up"], ended.data["down"]) == (128, 108)


def test_the_air_may_lose_double_and_reorder(make_stage: Callable[..., Stage]) -> None:
    def received(**settings: float) -> list[int]:
        stage = make_stage(**settings)
        terminal = stage.terminal()
        activate(stage, terminal)
        for number in range(50):
            send_ip(stage, terminal.iccid, bytes((number,)))
        stage.world.clock.sleep("5s")
        return [datagram.payload[0] for _, datagram in terminal.datagrams]

    assert received() == list(range(50))
    lossy, doubling, shuffled = received(ip_loss=0.3), received(ip_duplication=0.3), received(ip_reorder=0.3)
    assert lossy == sorted(set(lossy))
    assert 0 < len(lossy) < 50
    assert sorted(set(doubling)) == list(range(50))
    assert 50 < len(doubling) < 100
    assert shuffled != list(range(50))
    assert sorted(shuffled) == list(range(50))


def test_what_is_under_way_is_bounded(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(in_flight_limit=3)
    terminal = stage.terminal()
    activate(stage, terminal)
    for _ in range(5):
        stage.network.send_ip(terminal.iccid, 6969, b"x", lambda ip: None)
    stage.world.clock.sleep("1s")

    assert len(terminal.datagrams) == 3
    assert dropped(stage) == ["congestion", "congestion"]
