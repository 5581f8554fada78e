"""Ports that hang up or are unplugged at any point of a dialogue, and the driver that opens them anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.clock import RealClock
from harness.errors import ModemError, PortLost, TimeoutExpired
from harness.virtual.modem.profile import profile_names

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.network.conftest import Lab, MakeLab

GATEWAY = ("100.64.0.1", 6969)


def again(lab: Lab) -> None:
    """The port is lost; open it anew, and use it."""
    assert not lab.modem.channel.is_open
    with pytest.raises(PortLost):
        lab.modem.command("AT")
    lab.modem.reopen(within="60s")
    lab.modem.registered()
    assert lab.modem.command("AT+CGMI").text == lab.far.profile.manufacturer


def use(lab: Lab) -> None:
    for _ in range(10):
        lab.modem.signal()
        lab.world.clock.sleep("100ms")


POINTS: dict[str, Callable[[Lab], object]] = {
    "between echo and result": lambda lab: lab.faults.on("AT+CSQ").unplug(span="20s"),
    "within an information line": lambda lab: lab.faults.on("AT+CSQ").unplug(after=7, span="20s"),
    "before the final result": lambda lab: lab.faults.on("AT+CSQ").unplug(after=16, span="20s"),
    "right behind it": lambda lab: lab.faults.on("AT+CSQ").hang_up(after=100),
    "before it was carried out": lambda lab: lab.faults.on("AT+CSQ").hang_up(point="command"),
}


@pytest.mark.parametrize("point", POINTS)
def test_at_any_point_of_a_command(lab: Lab, point: str) -> None:
    lab.modem.registered()
    POINTS[point](lab)
    with pytest.raises(PortLost, match="was lost"):
        use(lab)
    again(lab)


def test_while_a_text_is_sent(lab: Lab) -> None:
    lab.modem.registered()
    for point, sent in (("prompt", False), ("payload", False), ("response", True)):
        lab.faults.on("AT+CMGS").unplug(point=point, span="10s")
        with pytest.raises(PortLost):
            lab.modem.send_sms("000", point)
        again(lab)
        lab.world.clock.sleep("10s")
        assert (point in lab.cloud.texts) is sent, point
        lab.modem.send_sms("000", f"after {point}")


def test_while_a_text_arrives(lab: Lab) -> None:
    lab.modem.registered()
    lab.modem.command("AT+CSMS=1")
    lab.modem.command("AT+CNMI=2,2,0,0,0")
    lab.faults.on_urc("+CMT").unplug(after=12, span="10s")  # within the header; not acknowledged, so it comes again
    lab.send_sms("LED ON")
    with pytest.raises(PortLost):
        lab.modem.expect_sms("LED ON", within="60s")
    again(lab)
    assert lab.modem.expect_sms("LED ON", within="30min").sender == "000"


def test_what_arrives_while_the_port_is_away_is_not_lost(lab: Lab) -> None:
    lab.modem.registered()
    lab.faults.unplug(span="1min")
    lab.send_sms("nobody hears of this")
    lab.world.clock.sleep("10s")
    with pytest.raises(PortLost):
        lab.modem.expect_sms(within="10s")
    again(lab)
    assert lab.modem.expect_sms(within="60s").text == "nobody hears of this"


def test_while_octets_of_a_datagram_are_sent(lab: Lab) -> None:
    lab.modem.registered()
    with lab.modem.udp_open(6969) as socket:
        lab.faults.on("AT+QISEND").unplug(point="payload", after=3, span="10s")
        with pytest.raises(PortLost):
            socket.send(b"0123456789", to=GATEWAY)
        again(lab)
        with pytest.raises(ModemError, match="is gone: the modem was restarted or its port closed"):
            socket.send(b"0123456789", to=GATEWAY)


@pytest.mark.parametrize("profile", profile_names())
def test_every_module_is_unplugged_and_replugged(profile: str, make_lab: MakeLab) -> None:
    lab = make_lab(profile=profile, dialect=None)
    lab.far.power_on()
    lab.modem.open(within="60s")
    lab.modem.registered()
    lab.faults.unplug(span="30s")
    lab.world.clock.sleep("1s")
    again(lab)
    lab.send_sms("LED ON")
    assert lab.modem.expect_sms("LED ON", within="60s").text == "LED ON"
    with lab.modem.udp_open(6969) as socket:
        socket.send(b"21.5", to=GATEWAY)


def test_while_it_is_opened(lab: Lab) -> None:
    """As modules on USB do that have just been switched on: the port is there, goes, and comes back."""
    lab.modem.close()
    for command in ("AT", "AT+CMEE=1", "AT+CGSN"):
        lab.faults.on(command).unplug(span="5s", point="command")
        lab.modem._expected["imei"] = lab.far.imei
        lab.modem.open(within="60s")
        assert lab.modem.command("AT+CGMI").text == "Quectel"
        lab.modem.close()
    lab.faults.on("AT", sticky=True).unplug(span="5s", point="command")
    with pytest.raises((PortLost, ModemError, TimeoutExpired)):
        lab.modem.open(within="20s")


def test_a_port_that_stays_away_is_told(lab: Lab, tmp_path: Path) -> None:
    lab.faults.unplug()
    lab.world.clock.sleep("1s")
    before = lab.world.clock.now()
    with pytest.raises(ModemError, match=r"modem-1: can't open .*ttyVM0"):
        lab.modem.reopen(within="20s")
    assert lab.world.clock.now() - before >= 20_000_000_000


def test_another_module_at_the_port_is_told(make_lab: MakeLab) -> None:
    lab = make_lab()
    lab.modem._expected["imei"] = lab.far.imei
    lab.far.power_on()
    lab.modem.open(within="60s")
    lab.faults.unplug(span="5s")
    lab.world.clock.sleep("1s")
    lab.far.imei = "860000000000009"
    with pytest.raises(ModemError, match=r"the rig file says imei \d{15}, the modem says 860000000000009"):
        lab.modem.reopen(within="30s")


def test_in_real_time(make_lab: MakeLab) -> None:
    lab = make_lab(clock=RealClock(), time_scale=0.001, registration_delay="1ms", sms_latency="1ms")
    with lab.world.turn():
        lab.far.power_on()
    lab.modem.open(within="30s")
    lab.modem.registered(within="30s")
    lab.faults.on("AT+CSQ").unplug(after=5, span="100ms")
    with pytest.raises(PortLost):
        lab.modem.command("AT+CSQ")
    lab.modem.reopen(within="30s")
    lab.modem.registered(within="30s")
    lab.send_sms("LED ON")
    assert lab.modem.expect_sms("LED ON", within="30s").sender == "000"


@pytest.mark.parametrize("profile", profile_names())
def test_every_module_in_real_time(profile: str, make_lab: MakeLab) -> None:
    lab = make_lab(clock=RealClock(), profile=profile, dialect=None, time_scale=0.001, registration_delay="1ms",
                   sms_latency="1ms", ip_latency="1ms", activation_delay="1ms")
    with lab.world.turn():
        lab.far.power_on()
    lab.modem.open(within="30s")
    lab.modem.registered(within="30s")
    lab.send_sms("LED ON " * 40)
    assert lab.modem.expect_sms("LED ON " * 40, within="30s").parts == 2
    lab.modem.send_sms("000", "LED IS ON")
    with lab.modem.udp_open(6969) as socket:
        socket.send(b"21.5", to=GATEWAY)
        lab.send_ip(6969, b"temperature?")
        assert socket.expect(within="30s").payload == b"temperature?"
    lab.faults.on("AT+CGMI").urc(text="RING", offset=6)
    assert lab.modem.command("AT+CGMI").text == lab.far.profile.manufacturer
    lab.faults.after("1ms").brown_out(silence="10ms")
    lab.world.clock.wait(lambda: lab.world.journal.select("brown_out"), within="30s", what="the brown-out")
    lab.modem.power_cycle(off_for="10ms", within="30s")
    lab.modem.registered(within="30s")
    assert "LED IS ON" in lab.cloud.texts
