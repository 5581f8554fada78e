"""Every module type, by the driver, through its pseudo-terminal: who it is, SMS, IP Commands, power."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.drivers.modem import find_dialect
from harness.errors import ModemError, TimeoutExpired, UsageError
from harness.virtual.modem import load_profile, profile_names

if TYPE_CHECKING:
    from tests.integration.network.conftest import Lab, MakeLab

GATEWAY = ("100.64.0.1", 6969)
FAMILIES = {"BG95": "quectel", "BG96": "quectel", "EC25": "quectel", "EG21": "quectel", "EG91": "quectel",
            "SIM7080G": "sim7080", "SIM7600": "sim7600", "SARA-R4": "sara-r4", "SARA-R5": "sara-r5", "ME910": "telit"}


@pytest.fixture(params=profile_names())
def lab(request: pytest.FixtureRequest, make_lab: MakeLab) -> Lab:
    """A lab with a modem of each type, which the driver has to recognise."""
    made = make_lab(profile=request.param, dialect=None)
    made.far.power_on()
    made.modem.open(within="60s")
    return made


def test_each_module_is_recognised(lab: Lab) -> None:
    profile = lab.far.profile
    lab.modem.registered()
    identity = lab.modem.identity()
    assert lab.modem.dialect.name == FAMILIES[profile.name]
    assert (identity.manufacturer, identity.model, identity.revision) == (
        profile.manufacturer, profile.model, profile.revision)
    assert (identity.imei, identity.imsi) == (lab.far.imei, "732123000000001")
    assert lab.modem.iccid == "8988307000000000001"
    assert find_dialect(profile.name) is lab.modem.dialect


def test_an_sms_command_goes_there_and_back(lab: Lab) -> None:
    lab.modem.registered()
    lab.send_sms("LED ON")
    assert lab.modem.expect_sms("LED ON", within="60s").sender == "000"
    lab.modem.send_sms("000", "LED IS ON")
    lab.world.clock.sleep("5s")
    assert lab.cloud.texts == ["LED IS ON"]


def test_an_ip_command_goes_there_and_back(lab: Lab) -> None:
    lab.modem.registered()
    payload = bytes(range(256)) + b'\r\nOK\r\n> "'
    with lab.modem.udp_open(6969) as socket:
        assert lab.modem.udp_open(7000).address == socket.address  # a second one, on the same context
        answers = lab.send_ip(6969, payload)
        received = socket.expect(payload, within="30s")
        for number in range(3):
            lab.send_ip(6969, b"datagram %d" % number)
        lab.world.clock.sleep("5s")
        assert [socket.expect(within="10s").payload for _ in range(3)] == [b"datagram %d" % n for n in range(3)]
        socket.send(payload[::-1], to=GATEWAY)
        lab.world.clock.sleep("5s")

    assert answers == [socket.address]
    assert received.source in (GATEWAY, None)  # SIMCom's modules do not tell it
    assert lab.cloud.datagrams == [((socket.address, 6969), GATEWAY, payload[::-1])]
    with pytest.raises(UsageError, match="is closed"):
        socket.send(b"x", to=GATEWAY)


def test_a_socket_stays_open_however_long_nothing_comes(lab: Lab) -> None:
    lab.modem.registered()
    with lab.modem.udp_open(6969) as socket:
        lab.world.clock.sleep("2h")
        lab.send_ip(6969, b"late")
        assert socket.expect(within="30s").payload == b"late"


def test_the_longest_ip_command_fits(lab: Lab) -> None:
    lab.modem.registered()
    payload = b"x" * min(1_300, lab.modem.dialect.udp.max_payload)
    with lab.modem.udp_open(6969) as socket:
        lab.send_ip(6969, payload)
        assert socket.expect(within="30s").payload == payload
        with pytest.raises(UsageError, match="a datagram is 1 to"):
            socket.send(b"x" * 1_501, to=GATEWAY)


def test_the_network_ends_the_context(lab: Lab) -> None:
    lab.modem.registered()
    socket = lab.modem.udp_open(6969)
    with lab.world.turn():
        lab.network.end_sessions(lab.modem.iccid)
    with pytest.raises(ModemError, match=r"is gone: the network (ended|closed)"):
        socket.expect(within="60s")
    with lab.modem.udp_open(6969) as again:
        lab.send_ip(6969, b"hello")
        assert again.expect(within="60s").payload == b"hello"


def test_a_power_cycle_brings_the_settings_back(lab: Lab) -> None:
    lab.modem.registered()
    lab.modem.udp_open(6969)
    before = lab.modem.mark()
    lab.modem.power_cycle(off_for="5s")
    assert not [line for line in lab.modem.lines if line.seq >= before and line.kind.value == "echo"][3:]
    assert lab.modem.registered().status.is_roaming
    lab.send_sms("again")
    assert lab.modem.expect_sms("again", within="60s").sender == "000"
    with lab.modem.udp_open(6969) as socket:
        lab.send_ip(6969, b"hello")
        assert socket.expect(within="60s").payload == b"hello"


def test_a_module_without_power_does_not_answer(lab: Lab) -> None:
    lab.modem.power_off()
    with pytest.raises(TimeoutExpired):
        lab.modem.command("AT+CSQ", within="2s")
    lab.modem.power_on()
    assert load_profile(lab.far.profile.name).model in lab.modem.identity().model


@pytest.mark.parametrize("profile", ["BG95", "BG96", "SIM7080G", "SARA-R4", "SARA-R5", "ME910"])
def test_a_module_in_power_saving_mode_gets_its_texts_when_it_wakes(profile: str, make_lab: MakeLab) -> None:
    made = make_lab(profile=profile, dialect=None)
    made.far.power_on()
    made.modem.open(within="60s")
    made.modem.registered()
    made.modem.command('AT+CPSMS=1,,,"00000110","00000101"')  # an hour between updates, ten seconds of active time
    made.world.clock.sleep("1min")
    assert made.far.saving.asleep
    steps = made.send_sms("wake up")
    assert made.send_ip(6969, b"anybody?") == []  # not decided yet
    with pytest.raises(TimeoutExpired):
        made.modem.command("AT", within="2s")
    made.world.clock.sleep("10min")
    assert steps == ["attempted"]
    received = made.modem.expect_sms("wake up", within="2h")  # at the next update of the tracking area
    assert received.sender == "000"
    assert steps == ["attempted", "delivered"]
    assert not made.far.saving.asleep


def test_a_module_with_edrx_hears_at_the_end_of_its_cycle(make_lab: MakeLab) -> None:
    made = make_lab(profile="BG96")
    made.far.power_on()
    made.modem.open(within="60s")
    made.modem.registered()
    with made.modem.udp_open(6969) as socket:
        made.modem.command('AT+CEDRXS=1,4,"0101"')
        made.world.clock.sleep("30s")
        began = made.world.clock.now()
        made.send_ip(6969, b"temperature?")
        arrived = socket.expect(b"temperature?", within="90s").t
    cycle = 81_920_000_000
    assert arrived - began > 1_000_000_000
    assert arrived // cycle == began // cycle + 1
