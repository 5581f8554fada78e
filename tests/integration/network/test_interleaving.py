"""Unsolicited codes at every octet of what a virtual modem says: the driver files both as what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.drivers.modem import LineKind
from harness.errors import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.integration.network.conftest import Lab, MakeLab

CODES = ("+CMTI: \"SM\",3", "RING", "+CEREG: 2", "+CGEV: NW DETACH")


def told(lab: Lab, since: int) -> list[str]:
    return [line.text for line in lab.modem.lines if line.seq >= since and line.kind is LineKind.UNSOLICITED]


def length(lab: Lab, command: str) -> int:
    """Return how many octets the modem answers with, its line ends counted."""
    before = lab.modem.channel.bytes_received
    lab.modem.command(command)
    return lab.modem.channel.bytes_received - before


@pytest.mark.parametrize("command", ["AT", "AT+CSQ", "AT+CGMI", "AT+CPMS?", "AT+CGDCONT?", "AT+CMEE=?", "AT+CIMI;+CSQ"])
def test_at_every_octet_of_a_response(lab: Lab, command: str) -> None:
    lab.modem.registered()
    usual = lab.modem.command(command).lines
    for offset in range(length(lab, command) + 2):
        for code in CODES:
            lab.faults.on("/./").urc(text=code, offset=offset)
            since = lab.modem.mark()
            assert lab.modem.command(command).lines == usual, (offset, code)
            lab.world.clock.sleep("10ms")
            assert told(lab, since)[-1] == code, offset
            assert len(told(lab, since)) == 1, offset


@pytest.mark.parametrize("codes", [("RING",) * 3, ("RING", "+CGEV: NW DETACH", "+CTZV: \"+04\"")])
def test_a_burst_at_every_octet(lab: Lab, codes: Sequence[str]) -> None:
    lab.modem.registered()
    usual = lab.modem.command("AT+CGDCONT?").lines
    octets = "".join(f"\r\n{code}\r\n" for code in codes)
    for offset in range(length(lab, "AT+CGDCONT?") + 1):
        lab.faults.on("/./").urc(text=octets, offset=offset, raw=True)
        since = lab.modem.mark()
        assert lab.modem.command("AT+CGDCONT?").lines == usual, offset
        lab.world.clock.sleep("10ms")
        assert told(lab, since) == list(codes), offset


def test_at_every_octet_of_an_echo(lab: Lab) -> None:
    lab.modem.registered()
    for offset in range(8):
        lab.modem.command("ATE1")
        lab.faults.on("AT+CSQ").urc(text="RING", offset=offset, part="echo")
        assert len(lab.modem.command("AT+CSQ").lines) == 1, offset
        lab.modem.command("ATE0")


@pytest.mark.parametrize("position", range(6))
def test_an_echo_that_lost_an_octet(lab: Lab, position: int) -> None:
    lab.modem.registered()
    for command in ("AT+CGMI", "AT+CPMS?", "AT"):
        usual = lab.modem.command(command).lines
        lab.modem.command("ATE1")
        lab.faults.on("/./").echo_loss(position=min(position, len(command) - 1))
        assert lab.modem.command(command).lines == usual, command
        lab.modem.command("ATE0")


def test_at_every_octet_of_an_error(lab: Lab) -> None:
    """A number that is cut can't be told from a shorter one; anywhere else the error is what it is."""
    lab.modem.registered()
    for offset in range(len("\r\n+CME ERROR:")):
        lab.faults.on("AT+CSQ").cme(number=30)
        lab.faults.on("AT+CSQ").urc(text="RING", offset=offset)
        with pytest.raises(CommandFailed) as caught:
            lab.modem.command("AT+CSQ")
        assert caught.value.code == 30, offset


def test_at_every_octet_of_a_message(lab: Lab) -> None:
    lab.modem.registered()
    offset, text = 0, "LED ON"
    while offset < 90:
        lab.faults.on("AT+CMGR").urc(text="RING", offset=offset)
        lab.send_sms(f"{text} {offset}")
        assert lab.modem.expect_sms(within="30s").text == f"{text} {offset}"
        offset += 1
    lab.modem.command("AT+CNMI=2,2,0,1,0")
    for offset in range(90):  # now within +CMT, between its header and its body, within its body
        lab.faults.on_urc("+CMT").urc(text="RING", offset=offset)
        lab.send_sms(f"{text} {offset}")
        since = lab.modem.mark()
        assert lab.modem.expect_sms(within="30s").text == f"{text} {offset}", offset
        lab.world.clock.sleep("1s")
        assert "RING" in told(lab, since), offset


def test_at_every_octet_of_sending(lab: Lab) -> None:
    lab.modem.registered()
    for part, octets in (("prompt", 4), ("response", 22)):
        for offset in range(octets + 1):
            lab.faults.on("AT+CMGS").urc(text="RING", offset=offset, part=part)
            assert len(lab.modem.send_sms("000", f"{part} {offset}").references) == 1
            lab.world.clock.sleep("5s")
            assert lab.cloud.texts[-1] == f"{part} {offset}"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_in_pieces_of_any_size(lab: Lab, size: int) -> None:
    lab.modem.registered()
    usual = lab.modem.command("AT+CGDCONT?").lines
    lab.faults.on("/./", sticky=True).split(size=size, gap="1ms")
    lab.faults.on_urc("/./", sticky=True).split(size=size, gap="1ms")
    assert lab.modem.command("AT+CGDCONT?").lines == usual
    with lab.modem.udp_open(6969) as socket:
        lab.send_ip(6969, b"\r\nOK\r\n> ")
        assert socket.expect(within="30s").payload == b"\r\nOK\r\n> "
    lab.send_sms("x" * 200)
    assert lab.modem.expect_sms(within="60s").text == "x" * 200


def test_a_thousand_at_once_and_a_storm(lab: Lab) -> None:
    lab.modem.registered()
    lab.faults.on("AT+CSQ").urc_burst(text="RING", count=1_000, offset=5)
    since = lab.modem.mark()
    assert lab.modem.signal().rssi_dbm is not None
    assert told(lab, since) == ["RING"] * 1_000
    storm = lab.faults.urc_storm(text="+CGEV: NW DETACH", every="1ms", span="1h")
    lab.send_sms("in the midst of it")
    assert lab.modem.expect_sms("in the midst of it", within="60s").sender == "000"
    lab.modem.send_sms("000", "and back")
    storm.remove()
    lab.world.clock.sleep("5s")
    assert lab.cloud.texts == ["and back"]
    for _ in range(1_000):
        assert lab.modem.expect_urc("RING", within="1s", since=None).text == "RING"


def test_text_mode_bodies_between_other_codes(make_lab: MakeLab) -> None:
    """A text may look like a code; what tells them apart is that nothing stands between a header and its text."""
    lab = make_lab()
    lab.far.power_on()
    lab.modem.open(within="60s")
    lab.modem.registered()
    lab.modem.command("AT+CMGF=1")
    lab.modem.command("AT+CNMI=2,2,0,1,0")
    for text in ("hello", "OK", "RING", '+CMTI: "SM",1', "ERROR"):
        lab.send_sms(text)
        line = lab.modem.expect_urc("+CMT:", within="30s")
        assert line.body == (text,)
        header = 2 + len(line.text) + 2
        lab.faults.on_urc("+CMT").urc(text="RING", offset=header)
        lab.send_sms(text)
        assert lab.modem.expect_urc("+CMT:", within="30s").body == (text,)
        assert lab.modem.expect_urc("RING", within="1s").body == ()
    lab.modem.command("AT+CSMP=49,167,0,0")
    lab.modem.command('AT+CMGS="000"', data=b"report, please\x1a")
    assert lab.modem.expect_urc("+CDS:", within="30s").body == ()
    assert lab.modem.command("AT+CSQ").value("+CSQ:")
