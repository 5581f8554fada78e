"""What the network does to a modem, as the client of its serial port and the owner of its account see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.drivers.modem import Modem
from harness.errors import CommandFailed, TimeoutExpired
from harness.rig import Rig, RigOpener
from harness.rig.model import CellTable, ModemTable, NetworkTable, RigFile

AT_AND_T, T_MOBILE = "310410", "310260"
RIG = RigFile(
    modem=(ModemTable(name="super"), ModemTable(name="native", imsi=f"{T_MOBILE}000000001")), board=(),
    network=NetworkTable(nat_timeout="30s", cell=(  # type: ignore[arg-type]
        CellTable(plmn=AT_AND_T, operator="AT&T", technology="lte-m", tac=0x10, ci=1, signal=-71),
        CellTable(plmn=AT_AND_T, operator="AT&T", technology="gsm", tac=0x11, ci=2, signal=-81),
        CellTable(plmn=T_MOBILE, operator="T-Mobile", technology="lte", tac=0x20, ci=3, signal=-91))))


@contextmanager
def opened(file: RigFile) -> Iterator[Rig]:
    """A rig of another file."""
    opener = RigOpener(file)
    rig = opener.open()
    try:
        yield rig
    finally:
        rig.close()
        opener.close()


def line(modem: Modem, command: str, within: str = "5min") -> str:
    return modem.command(command, within=within).lines[0]


def event_codes(rig: Rig) -> list[object]:
    """Return the error codes of the connection events, 0 of those that tell of none."""
    return [entry.data["code"] for entry in rig.journal.select("connection_event")]


def test_operators_as_they_are_received(rig: Rig) -> None:
    modem = rig.modem("super")
    modem.registered(within="60s")
    assert line(modem, "AT+COPS=?") == (
        '+COPS: (2,"AT&T","AT&T","310410",8),(1,"AT&T","AT&T","310410",0),(1,"T-Mobile","T-Mobile","310260",7),'
        ',(0-4),(0-2)')
    assert line(modem, "AT+CEREG?") == '+CEREG: 2,5,"10","1",8'
    assert line(modem, "AT+QNWINFO").startswith('+QNWINFO: "eMTC","310410"')
    assert line(modem, "AT+CSQ") == "+CSQ: 21,99"
    native = rig.modem("native")
    native.registered(within="60s")
    assert line(native, "AT+CEREG?").startswith("+CEREG: 2,5")  # the strongest one is not its own
    native.command(f'AT+COPS=1,2,"{T_MOBILE}"', within="3min")
    assert line(native, "AT+CEREG?") == '+CEREG: 2,1,"20","3",7'


@pytest.mark.parametrize("way_back", ["list", "radio", "hand"])
def test_a_network_that_refuses_for_good_is_remembered_on_the_card(rig: Rig, way_back: str) -> None:
    modem, network = rig.modem("super"), rig.network
    modem.registered(within="60s")
    network.deny(modem.iccid, 11)
    rig.clock.sleep("10s")
    assert line(modem, "AT+CEREG?").startswith("+CEREG: 2,3")
    forbidden = line(modem, "AT+CRSM=176,28539,0,0,12")
    assert "130014" in forbidden  # 310 410, its digits swapped
    assert "130062" in forbidden
    network.deny(modem.iccid, None)
    rig.clock.sleep("1min")
    assert line(modem, "AT+CEREG?").startswith("+CEREG: 2,3")  # the card remembers
    assert '(3,"AT&T"' in line(modem, "AT+COPS=?")
    match way_back:
        case "list":
            modem.command('AT+CRSM=214,28539,0,0,12,"FFFFFFFFFFFFFFFFFFFFFFFF"')
        case "radio":
            modem.command("AT+CFUN=4")
            modem.command("AT+CFUN=1")
        case "hand":
            modem.command(f'AT+COPS=1,2,"{AT_AND_T}"', within="3min")
    modem.registered(within="2min")
    assert "130014" not in line(modem, "AT+CRSM=176,28539,0,0,12")


def test_hand_over_keeps_sessions_and_loss_ends_them(rig: Rig) -> None:
    modem, sim = rig.modem("super"), rig.cloud.supersim.sim("super")
    modem.registered(within="60s")
    socket = modem.udp_open(7000)
    rig.network.hand_over(modem.iccid, 3)
    rig.clock.sleep("1s")
    assert line(modem, "AT+COPS?") == '+COPS: 0,0,"T-Mobile",7'
    sim.send_ip("still here", 7000)
    assert socket.expect(b"still here", within="30s").source == ("100.64.0.1", 6969)
    rig.network.lose_coverage(modem.iccid, duration="1min")
    modem.expect_urc('+QIURC: "pdpdeact",1', within="30s")
    assert line(modem, "AT+CSQ") == "+CSQ: 99,99"
    failed = sim.send_ip("nobody", 7000)
    failed.wait_status("failed", within="30s")
    modem.registered(within="3min")


def test_congestion(rig: Rig) -> None:
    modem, network = rig.modem("super"), rig.network
    modem.registered(within="60s")
    for plmn in (AT_AND_T, T_MOBILE):
        network.congest(plmn)
    with pytest.raises(CommandFailed, match="CMS ERROR: 42"):
        modem.send_sms("000", "too many")
    modem.command("AT+CEREG=3")
    modem.command("AT+CGATT=0")
    with pytest.raises(CommandFailed):
        modem.command("AT+CGATT=1", within="3min")
    assert line(modem, "AT+CEREG?") == "+CEREG: 3,3,,,,0,22"
    network.congest(AT_AND_T, False)
    modem.registered(within="10min")


def test_the_way_back_through_the_gateway_closes_when_nothing_flows(rig: Rig) -> None:
    modem = rig.modem("super")
    modem.registered(within="60s")
    host = rig.internet.add_host("echo.example", address="192.0.2.7")
    heard: list[tuple[str, int]] = []

    def echo(source: tuple[str, int], payload: bytes) -> bytes:
        heard.append(source)
        return payload

    host.on_udp(7, echo)
    socket = modem.udp_open(7000)
    socket.send(b"hello", to=("192.0.2.7", 7))
    assert socket.expect(b"hello", within="10s").source == ("192.0.2.7", 7)
    device = heard[0]
    assert device[0].startswith("100.")
    rig.clock.sleep("28s")
    assert rig.network.udp_from_internet(("192.0.2.7", 7), device, b"in time")
    socket.expect(b"in time", within="10s")
    rig.clock.sleep("31s")
    assert rig.network.udp_from_internet(("192.0.2.7", 7), device, b"too late")
    with pytest.raises(TimeoutExpired):
        socket.expect(b"too late", within="10s")
    dropped = rig.journal.last("datagram_dropped")
    assert dropped is not None
    assert dropped.data["reason"] == "no NAT mapping"


def test_a_modem_that_comes_and_goes_is_told_of() -> None:
    file = RigFile(board=(), network=NetworkTable(registration="500ms"))  # type: ignore[arg-type]
    with opened(file) as rig:
        modem = rig.modem()
        modem.registered(within="60s")
        flapping = rig.faults.when(registered=True).network.lost(span="100ms", sticky=True)
        rig.clock.sleep("1min")
        assert flapping.struck == 30  # then it is kept away
        assert 83703 in event_codes(rig)
        flapping.remove()
        modem.registered(within="5min")


def test_a_card_that_is_new_is_told_of() -> None:
    with opened(RigFile(modem=(ModemTable(name="new", sim_status="new"),), board=())) as rig:
        rig.clock.sleep("1min")
        assert line(rig.modem(), "AT+CEREG?") == "+CEREG: 2,3"
        assert event_codes(rig) == [83704]


def test_another_imsi_is_another_subscriber_of_the_visited_network() -> None:
    with opened(RigFile(modem=(ModemTable(name="multi", imsis=("732123000000077",)),), board=())) as rig:
        modem = rig.modem()
        modem.registered(within="60s")
        rig.faults.sim.imsi()
        modem.expect_urc("+QUSIM: 1", within="30s")
        modem.registered(within="60s")
        assert modem.identity().imsi == "732123000000077"
        command = rig.cloud.supersim.sim(modem.iccid).send_sms("the same SIM")
        modem.expect_sms("the same SIM", within="1min")
        command.wait_status("delivered", within="1min")


def test_who_is_refused_is_told_in_connection_events(rig: Rig) -> None:
    modem, supersim = rig.modem("super"), rig.cloud.supersim
    modem.registered(within="60s")
    sim = supersim.sim("super")
    fleet = supersim.fleets.get(str(sim.fleet_sid))
    mobile = next(supersim.networks.find(mcc="310", mnc="260"))
    only = supersim.network_access_profiles.create(unique_name="only", networks=[mobile])
    fleet.update(network_access_profile=only.sid)
    rig.clock.sleep("2min")
    assert line(modem, "AT+COPS?") == '+COPS: 0,0,"T-Mobile",7'
    assert 83702 in event_codes(rig)
    with pytest.raises(CommandFailed):
        modem.command(f'AT+COPS=1,2,"{AT_AND_T}"', within="5min")  # not even by hand
    modem.command("AT+COPS=0", within="5min")
    sim.update(status="inactive")
    rig.clock.sleep("5min")
    assert 83705 in event_codes(rig)


def test_a_device_that_asks_for_another_access_point_is_not_let_in_on_lte(rig: Rig) -> None:
    modem = rig.modem("super")
    modem.registered(within="60s")
    modem.command('AT+CGDCONT=1,"IP","hyper"')
    modem.command("AT+CEREG=3;+CFUN=4")
    modem.command("AT+CFUN=1")
    rig.clock.sleep("30s")
    assert line(modem, "AT+CEREG?") == "+CEREG: 3,3,,,,0,27"
    modem.command('AT+CGDCONT=1,"IP","super"')
    modem.registered(within="60s")
    rig.clock.sleep("5s")
    assert line(modem, "AT+CGACT?") == "+CGACT: 1,1"
