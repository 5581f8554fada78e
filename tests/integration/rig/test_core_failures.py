"""Codes of the catalogue that a failure in the service, or a device that sleeps, brings about: seen from the port."""

from __future__ import annotations

import pytest

from harness.errors import ApiError, CommandFailed
from harness.rig import Rig
from harness.rig.model import ModemTable, RigFile

RIG = RigFile(modem=(ModemTable(name="super"), ModemTable(name="nb", product="wireless", narrowband=True)), board=())


def events(rig: Rig) -> list[tuple[str, object]]:
    """Return types and error codes of the connection events so far, without those of the first seconds."""
    found: list[tuple[str, object]] = []
    for event in rig.service.connection_events():
        data = event["data"]
        assert isinstance(data, dict)
        error = data.get("error")
        found.append((str(event["type"]).rpartition("connection.")[2],
                      error["code"] if isinstance(error, dict) else None))
    return found


def test_a_failed_attachment_is_83700_and_the_device_tries_again(rig: Rig) -> None:
    rig.service.plan_failure(83700, count=2)
    modem = rig.modem("super")
    modem.command("AT+CEREG=3")
    for _ in range(2):
        assert modem.expect_urc("+CEREG: 3", within="30s").text.endswith(",0,17")
    modem.expect_urc("+CEREG: 5", within="30s")
    kinds = [kind for kind in events(rig) if "attachment" in kind[0]]
    assert [code for _, code in kinds] == [83700, 83700, None]
    assert ["failed" in kind for kind, _ in kinds] == [True, True, False]


def test_a_failed_session_is_83701_and_the_context_stays_down(rig: Rig) -> None:
    modem = rig.modem("super")
    modem.registered(within="60s")
    modem.command("AT+CFUN=4")
    rig.service.plan_failure(83701, count=2)
    modem.command('AT+QICSGP=1,1,"super","","",0')
    modem.command("AT+CFUN=1")
    modem.registered(within="60s")
    rig.clock.sleep("5s")  # the bearer of the attach fails
    with pytest.raises(CommandFailed):
        modem.command("AT+QIACT=1", within="2min")
    assert modem.command("AT+CGACT?").lines[0] == "+CGACT: 1,0"
    assert [code for kind, code in events(rig) if "data-session" in kind and code] == [83701, 83701]
    modem.command("AT+QIACT=1", within="2min")
    assert modem.command("AT+CGACT?").lines[0] == "+CGACT: 1,1"
    assert "data-session.started" in {kind for kind, _ in events(rig)}


def test_a_hundred_commands_wait_for_a_narrowband_device_and_one_more_is_33118(rig: Rig) -> None:
    modem, sim = rig.modem("nb"), rig.cloud.wireless.sim("nb")
    modem.registered(within="60s")
    modem.command("AT+CFUN=4")
    sent = [sim.send_command(f"{number}") for number in range(100)]
    rig.clock.sleep("1h")
    assert {command.refresh().status for command in sent} == {"queued"}
    with pytest.raises(ApiError) as caught:
        sim.send_command("one too many")
    assert caught.value.code == 33118
    modem.command("AT+CFUN=1")
    modem.expect_sms("0", within="5min")
    sent[0].wait_status("delivered", within="1min")
    assert sim.send_command("there is room").status == "queued"
    for number in range(1, 100):
        modem.expect_sms(f"{number}", within="5min")
    modem.expect_sms("there is room", within="5min")
