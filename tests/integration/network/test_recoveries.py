"""What an earlier program may have left behind at a modem's port, and that the driver gets over it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from harness.drivers.modem import LineKind
from harness.errors import ModemError, TimeoutExpired
from harness.virtual.modem import profile_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.network.conftest import Lab, MakeLab

LEFT: dict[str, bytes] = {
    "echo on": b"ATE1\r",
    "a stale SMS prompt": b'AT+CMGF=1;+CMGS="000"\rhalf a te',
    "a multiplexer left open": b"AT+CMUX=0\r",
    "half a command": b"AT+CGM",
    "half-read responses": b"AT+CLAC\rAT+CLAC\rAT+CLAC\r",
    "results as numbers": b"ATV0\r",
    "no results at all": b"ATQ1\r",
    "verbose errors and text mode": b"AT+CMEE=2;+CMGF=1\r",
    "a scan under way": b"AT+COPS=?\r",
    "data mode of a dialled call": b'AT&D0+CGDCONT=1,"IP","super"\rATD*99#\r',
}


@pytest.fixture
def left(make_lab: MakeLab) -> Callable[[str, bytes], Lab]:
    """Return a function that lets an earlier program write something, vanish, and the driver open the port anew."""

    def build(profile: str, octets: bytes) -> Lab:
        lab = make_lab(profile=profile, dialect=None)
        lab.far.power_on()
        lab.modem.open(within="60s")
        lab.modem.registered()
        for line in octets.splitlines(keepends=True) if octets.startswith(b"AT&D0") else [octets]:
            lab.modem.channel.write(line)
            lab.world.clock.sleep("2s")
        lab.modem.close()
        lab.world.clock.sleep("1s")
        lab.modem.open(within="60s")
        return lab

    return build


@pytest.mark.parametrize("what", LEFT)
@pytest.mark.parametrize("profile", profile_names())
def test_the_driver_gets_over_it(profile: str, what: str, left: Callable[[str, bytes], Lab]) -> None:
    lab = left(profile, LEFT[what])
    mark = lab.modem.mark()
    assert lab.modem.command("AT+CGMI").text == lab.far.profile.manufacturer
    assert not [line for line in lab.modem.lines if line.seq >= mark and line.kind is LineKind.ECHO]
    lab.modem.registered()
    lab.send_sms("LED ON")
    assert lab.modem.expect_sms("LED ON", within="60s").sender == "000"
    assert lab.cloud.texts == []  # what was half typed was not sent


@pytest.mark.parametrize(("profile", "commands"), [
    ("BG96", ('AT+QICSGP=1,1,"super","","",0', "AT+QIACT=1", 'AT+QIOPEN=1,0,"UDP SERVICE","127.0.0.1",0,7000,0',
              'AT+QISEND=0,1400,"100.64.0.1",1')),
    ("SIM7080G", ('AT+CNCFG=0,1,"super"', "AT+CNACT=0,1", 'AT+CASERVER=0,0,"UDP",7000',
                  'AT+CACFG="REMOTEADDR",0,100.64.0.1,1', "AT+CASEND=0,1400")),
    ("SIM7600", ('AT+CGDCONT=1,"IP","super"', "AT+NETOPEN", 'AT+CIPOPEN=0,"UDP",,,7000',
                 'AT+CIPSEND=0,1400,"100.64.0.1",1')),
    ("SARA-R4", ('AT+CGDCONT=1,"IP","super"', "AT+CGACT=1,1", "AT+USOCR=17,7000", 'AT+USOST=0,"100.64.0.1",1,1000')),
    ("ME910", ('AT+CGDCONT=1,"IP","super"', "AT#SGACT=1,1", "AT#SLUDP=1,1,7000",
               'AT#SSENDUDPEXT=1,1400,"100.64.0.1",1')),
])
def test_a_socket_that_waits_for_octets(profile: str, commands: tuple[str, ...], make_lab: MakeLab) -> None:
    lab = make_lab(profile=profile, dialect=None)
    lab.far.power_on()
    lab.modem.open(within="60s")
    lab.modem.registered()
    for command in commands:
        lab.modem.channel.write(command.encode() + b"\r")
        lab.world.clock.sleep("2s")
    lab.modem.channel.write(b"half of it")
    lab.modem.close()
    lab.modem.open(within="60s")
    assert lab.modem.command("AT+CGMI").text == lab.far.profile.manufacturer


@pytest.mark.parametrize("profile", profile_names())
def test_a_brown_out_in_the_midst_of_everything(profile: str, make_lab: MakeLab) -> None:
    lab = make_lab(profile=profile, dialect=None)
    lab.far.power_on()
    lab.modem.open(within="60s")
    lab.modem.registered()
    lab.modem.channel.write(b'AT+CMGS="0')
    lab.far.power_off()
    lab.world.clock.sleep("1s")
    lab.far.power_on()
    lab.world.clock.sleep("10s")
    lab.modem.resynchronise()
    assert lab.modem.registered().status.is_roaming
    lab.send_sms("LED ON")
    assert lab.modem.expect_sms("LED ON", within="60s").text == "LED ON"


@pytest.mark.parametrize("profile", profile_names())
def test_a_brown_out_while_a_text_is_awaited(profile: str, make_lab: MakeLab) -> None:
    lab = make_lab(profile=profile, dialect=None)
    lab.far.power_on()
    lab.modem.open(within="60s")
    lab.modem.registered()
    lab.world.call_later("5s", lab.far.power_off, name="test")
    lab.world.call_later("6s", lab.far.power_on, name="test")
    lab.world.call_later("40s", partial(_send, lab), name="test")  # announced only after AT+CNMI
    assert lab.modem.expect_sms("LED ON", within="5min").text == "LED ON"


def _send(lab: Lab) -> None:
    lab.send_sms("LED ON")


def test_another_modem_than_the_rig_file_says(make_lab: MakeLab) -> None:
    lab = make_lab(expected={"imei": "000000000000000"})
    lab.far.power_on()
    with pytest.raises(ModemError, match=rf"says imei 0{{15}}, the modem says {lab.far.imei}"):
        lab.modem.open(within="60s")


def test_another_card_than_the_rig_file_says(make_lab: MakeLab) -> None:
    lab = make_lab(expected={"iccid": "8988307000000000009"})
    lab.far.power_on()
    lab.modem.open(within="60s")
    lab.modem.registered()
    with pytest.raises(ModemError, match="says iccid 8988307000000000009, the modem says 8988307000000000001"):
        _ = lab.modem.iccid
    with pytest.raises(ModemError, match="another modem or SIM card is at"):
        lab.modem.identity()


def test_a_card_that_is_another_one_meanwhile(make_lab: MakeLab) -> None:
    lab = make_lab(expected={"iccid": "8988307000000000001"})
    lab.far.power_on()
    lab.modem.open(within="60s")
    lab.modem.registered()
    assert lab.modem.identity().imsi == "732123000000001"
    with lab.faults.sim.iccid("8988307000000000009"):
        lab.world.clock.sleep("20s")
        with pytest.raises(ModemError, match="says iccid 8988307000000000001, the modem says 8988307000000000009"):
            lab.modem.identity()
    lab.world.clock.sleep("20s")
    assert lab.modem.identity().iccid == "8988307000000000001"
    lab.faults.sim.imsi("310170845466094")
    lab.world.clock.sleep("20s")
    assert lab.modem.identity().imsi == "310170845466094"
    lab.modem.command("AT+CFUN=0")  # the card is off: what is known of it stays known
    assert lab.modem.iccid == "8988307000000000001"


def test_a_modem_of_no_known_family_is_told_as_such(make_lab: MakeLab) -> None:
    lab = make_lab(profile="BG96", dialect=None)
    lab.far.profile = type(lab.far.profile)(**{
        **{name: getattr(lab.far.profile, name) for name in lab.far.profile.__slots__}, "manufacturer": "ACME"})
    lab.far.power_on()
    with pytest.raises(ModemError, match="calls itself ACME BG96, which is of no family that is known"):
        lab.modem.open(within="60s")


def test_direct_delivery_is_acknowledged(make_lab: MakeLab) -> None:
    lab = make_lab()
    lab.far.power_on()
    lab.modem.open(within="60s")
    lab.modem.registered()
    lab.modem.command("AT+CSMS=1")
    lab.modem.command("AT+CNMI=2,2,0,0,0")
    for text in ("one", "two", "0123456789" * 40):
        steps = lab.send_sms(text)
        assert lab.modem.expect_sms(text, within="60s").sender == "000"
        lab.world.clock.sleep("1min")
        assert steps == ["attempted", "delivered"]
    assert lab.modem.command("AT+CNMI?").value("+CNMI:") == "2,2,0,0,0"  # routing did not fall back to the store
    assert sum(piece.data == b"AT+CNMA\r" for piece in lab.modem.transcript()) >= 5


@pytest.mark.parametrize("rate", [9_600, 460_800])
def test_a_line_speed_that_somebody_left(make_lab: MakeLab, rate: int) -> None:
    lab = make_lab(garble=True)
    lab.far.power_on()
    lab.modem.open(within="60s")
    lab.modem.channel.write(b"AT+IPR=%d\r" % rate)
    lab.world.clock.sleep("1s")
    lab.modem.close()
    lab.modem.open(within="60s")
    assert lab.modem.channel.baudrate == rate
    (found,) = lab.world.journal.select("line_speed_found")
    assert found.data["bits_per_second"] == rate
    lab.modem.registered()
    fault = lab.faults.baud(rate=57_600)
    with pytest.raises(TimeoutExpired):
        lab.modem.command("AT+CSQ", within="2s")
    lab.modem.resynchronise(within="60s")
    assert lab.modem.channel.baudrate == 57_600
    fault.remove()
    lab.modem.resynchronise(within="60s")
    assert lab.modem.channel.baudrate == rate


def test_a_modem_that_is_off_leaves_the_line_speed_alone(make_lab: MakeLab) -> None:
    lab = make_lab()
    with pytest.raises(TimeoutExpired, match="waited 60 s for an answer to AT"):
        lab.modem.open(within="60s")
    assert lab.modem.channel.baudrate == 115_200
