"""From the cloud's seam through network, virtual modem, pseudo-terminal and pyserial to the driver, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.clock import RealClock, Stopwatch
from harness.drivers.modem import RegistrationStatus
from harness.errors import CommandFailed, PortLost, TimeoutExpired

if TYPE_CHECKING:
    from tests.integration.network.conftest import Lab, MakeLab

GATEWAY = ("100.64.0.1", 6969)


def test_the_driver_learns_who_and_where_the_modem_is(lab: Lab) -> None:
    state = lab.modem.registered(within="60s")
    identity = lab.modem.identity()

    assert state.status is RegistrationStatus.ROAMING
    assert (state.tac, state.ci) == (lab.network.cells[0].tac, lab.network.cells[0].ci)
    assert (identity.manufacturer, identity.model) == ("Quectel", "BG96")
    assert (identity.imei, identity.imsi) == (lab.far.imei, "732123000000001")
    assert lab.modem.iccid == "8988307000000000001"
    assert lab.modem.signal().rssi_dbm == lab.network.cells[0].rssi_dbm


@pytest.mark.parametrize("text", ["LED ON", "", "grün € [x] 'q'", "日本語 😀", "x" * 160])
def test_a_text_goes_there_and_back(lab: Lab, text: str) -> None:
    lab.modem.registered()
    steps = lab.send_sms(text)
    received = lab.modem.expect_sms(text, within="30s")
    lab.modem.send_sms("000", f"{text}!"[-160:])
    lab.world.clock.sleep("5s")

    assert received.sender == "000"
    assert steps == ["attempted", "delivered"]
    assert lab.cloud.texts == [f"{text}!"[-160:]]


def test_long_texts_arrive_whole_in_both_directions(lab: Lab) -> None:
    lab.modem.registered()
    text = "0123456789" * 50
    steps = lab.send_sms(text)
    assert lab.modem.expect_sms(text, within="60s").parts == 4
    assert len(lab.modem.send_sms("000", text).references) == 4
    lab.world.clock.sleep("5s")

    assert steps == ["attempted", "delivered"]
    assert lab.cloud.texts == [text]


def test_who_works_in_text_mode_can_send_all_the_same(lab: Lab) -> None:
    lab.modem.registered(within="60s")
    lab.modem.command("AT+CMEE=2;+CMGF=1")
    lab.modem.send_sms("000", "наконец " * 20)
    lab.modem.send_sms("000", "short", text_mode=True)
    assert lab.cloud.texts == ["наконец " * 20, "short"]
    assert lab.modem.command("AT+CMGF?").lines == ("+CMGF: 1",), "as it was"


def test_text_mode_and_status_reports(lab: Lab) -> None:
    lab.modem.registered()
    lab.modem.send_sms("000", "LED IS ON", text_mode=True)
    lab.world.clock.sleep("5s")
    assert lab.cloud.texts == ["LED IS ON"]
    lab.modem.command("AT+CNMI=2,1,0,1,0")
    sent = lab.modem.send_sms("000", "again", status_report=True)

    assert lab.modem.expect_status_report(sent.references[0], within="30s").status == 0


def test_direct_delivery_is_taken_too(lab: Lab) -> None:
    lab.modem.registered()
    lab.modem.command("AT+CNMI=2,2,0,0,0")
    steps = lab.send_sms("LED ON")

    assert lab.modem.expect_sms("LED ON", within="30s").sender == "000"
    lab.world.clock.sleep("1s")
    assert steps == ["attempted", "delivered"]


def test_a_destination_outside_is_refused(lab: Lab) -> None:
    lab.modem.registered()
    with pytest.raises(CommandFailed, match=r"CMS ERROR"):
        lab.modem.send_sms("+15551234567", "x")


def test_datagrams_go_there_and_back(lab: Lab) -> None:
    lab.modem.registered()
    payload = bytes(range(256)) + b"\r\nOK\r\n> "
    with lab.modem.udp_open(6969) as socket:
        answers = lab.send_ip(6969, payload)
        received = socket.expect(payload, within="30s")
        socket.send(payload[::-1], to=GATEWAY)
        lab.world.clock.sleep("5s")

    assert answers == [socket.address]
    assert received.source == GATEWAY
    assert lab.cloud.datagrams == [((socket.address, 6969), GATEWAY, payload[::-1])]
    (traffic,) = lab.network.sessions(lab.modem.iccid)
    assert (traffic.up, traffic.down) == (len(payload) + 28, len(payload) + 28)


def test_several_datagrams_before_anybody_looks(lab: Lab) -> None:
    lab.modem.registered()
    with lab.modem.udp_open(6969) as socket:
        for number in range(5):
            lab.send_ip(6969, b"datagram %d" % number)
        lab.world.clock.sleep("5s")
        assert [socket.expect(within="10s").payload for _ in range(5)] == [b"datagram %d" % n for n in range(5)]
        with pytest.raises(TimeoutExpired, match="saw instead: b'datagram 2', b'datagram 3', b'datagram 4'"):
            socket.expect(within="10s")


def test_a_text_waits_for_a_modem_that_is_switched_off(lab: Lab) -> None:
    lab.modem.registered()
    lab.far.power_off()
    steps = lab.send_sms("LED ON")
    watch = Stopwatch()
    lab.world.clock.sleep("20h")
    assert watch.seconds < 1.0
    assert steps == ["attempted"]
    lab.far.power_on()

    assert lab.modem.expect_sms("LED ON", within="5min").sender == "000"
    lab.world.clock.sleep("1s")
    assert steps == ["attempted", "delivered"]


def test_a_denied_card_is_told_as_denied(lab: Lab) -> None:
    lab.cloud.active = False
    lab.network.subscription_changed("8988307000000000001")
    with pytest.raises(TimeoutExpired, match="saw instead: denied"):
        lab.modem.registered(within="60s")
    lab.cloud.active = True
    lab.network.subscription_changed("8988307000000000001")

    assert lab.modem.registered(within="60s").status.is_roaming


def test_a_modem_that_is_unplugged_is_a_lost_port(lab: Lab) -> None:
    assert lab.far.endpoint is not None
    lab.far.endpoint.close()

    with pytest.raises(PortLost):
        lab.modem.expect_urc("+CMTI", within="10s")


def test_equal_runs_write_equal_journals(make_lab: MakeLab) -> None:
    def run(seed: int) -> list[str]:
        made = make_lab(seed=seed, sms_loss=0.3)
        made.far.power_on()
        made.modem.open(within="60s")
        made.modem.registered()
        for text in ("one", "two", "three"):
            made.send_sms(text)
            made.modem.expect_sms(text, within="24h")
            made.modem.send_sms("000", text)
        with made.modem.udp_open(6969) as socket:
            made.send_ip(6969, b"temperature?")
            socket.expect(b"temperature?", within="60s")
        return [entry.to_json() for entry in made.world.journal]

    assert run(7) == run(7)


def test_the_same_in_real_time(make_lab: MakeLab) -> None:
    lab = make_lab(clock=RealClock(), time_scale=0.001, registration_delay="1ms", sms_latency="1ms", ip_latency="1ms",
                   activation_delay="1ms")
    with lab.world.turn():
        lab.far.power_on()
    lab.modem.open(within="20s")
    lab.modem.registered(within="20s")
    lab.send_sms("LED ON")
    assert lab.modem.expect_sms("LED ON", within="10s").sender == "000"
    lab.modem.send_sms("000", "LED IS ON")
    with lab.modem.udp_open(6969) as socket:
        lab.send_ip(6969, b"temperature?")
        assert socket.expect(within="10s").payload == b"temperature?"
        socket.send(b"21.5", to=GATEWAY)
        lab.world.clock.wait(lambda: lab.cloud.datagrams, within="10s", what="the answer at the cloud")

    assert lab.cloud.texts == ["LED IS ON"]


def test_why_there_is_no_service(lab: Lab) -> None:
    """A wait in vain tells what an engineer would ask next: the card, the cause, the signal."""
    lab.modem.registered()
    for described, told in (({"kind": "sim-removed"}, "SIM card: +CME ERROR: 10"),
                            ({"kind": "network-none"}, "no signal"),
                            ({"kind": "network-denied", "cause": 11}, "denied"),
                            ({"kind": "sim-puk"}, "SIM card: SIM PUK")):
        with lab.faults.set(described):
            lab.world.clock.sleep("5s")
            with pytest.raises(TimeoutExpired, match=told.replace("+", r"\+")):
                lab.modem.registered(within="10s")
        lab.modem.power_cycle()
