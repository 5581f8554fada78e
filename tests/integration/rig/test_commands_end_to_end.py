"""What the APIs promise of Commands, from HTTP through network and modem to the client of the serial port, and back."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from harness.drivers.modem import Modem
from harness.errors import ApiError, CommandFailed, ModemError, TimeoutExpired
from harness.rig import Rig, RigOpener
from harness.rig.model import ModemTable, NetworkTable, RigFile

GATEWAY = ("100.64.0.1", 6969)
RIG = RigFile(modem=(ModemTable(name="super"), ModemTable(name="wireless", product="wireless")), board=())


def online(rig: Rig, name: str) -> Modem:
    modem = rig.modem(name)
    modem.registered(within="60s")
    return modem


def codes(rig: Rig) -> list[object]:
    """Return what the Debugger was told."""
    return [entry.data["code"] for entry in rig.journal.select("debugger_notified")]


def refused(call: Callable[[], object]) -> tuple[int, int]:
    with pytest.raises(ApiError) as caught:
        call()
    return caught.value.status, caught.value.code


# -- SMS Commands of Super SIM ----------------------------------------------------------------------------------------


def test_texts_come_from_000_and_go_there(rig: Rig) -> None:
    modem, sim = online(rig, "super"), rig.cloud.supersim.sim("super")
    modem.command("AT+CMGF=1")
    modem.command("AT+CNMI=2,2,0,0,0")
    command = sim.send_sms("LED ON", callback_url=rig.webhooks.url)
    assert command.status == "queued"
    assert modem.expect_urc('+CMT: "000"', within="30s").text.startswith('+CMT: "000",,"26/01/01,')
    command.wait_status("delivered", within="30s")
    assert rig.webhooks.expect("sms_command", direction="to_sim", within="30s").parameters["Status"] in (
        "sent", "delivered")

    modem.command('AT+CMGS="000"', data=b"LED IS ON\x1a", within="60s")
    told = rig.webhooks.expect("sms_command", direction="from_sim", within="30s").parameters
    assert (told["Payload"], told["Command"], told["Status"], told["SimSid"]) == (
        "LED IS ON", "LED IS ON", "received", sim.sid)
    assert [(found.direction, found.payload) for found in sim.sms_commands(direction="from_sim")] == [
        ("from_sim", "LED IS ON")]


def test_160_characters_and_not_one_more(rig: Rig) -> None:
    modem, sim = online(rig, "super"), rig.cloud.supersim.sim("super")
    for text in ("x" * 160, "€" * 80, "@" * 160, "[brackets]" * 13 + "x" * 4):
        sim.send_sms(text)
        assert modem.expect_sms(text, within="60s").sender == "000"
    for text in ("x" * 161, "€" * 81, "日本語"):
        assert refused(lambda text=text: sim.send_sms(text))[0] == 400  # type: ignore[misc]
    rig.clock.sleep("1h")
    assert len(modem.inbox) == 4


def test_long_texts_of_a_device_arrive_whole(rig: Rig) -> None:
    modem, sim = online(rig, "super"), rig.cloud.supersim.sim("super")
    rig.webhooks  # noqa: B018 - receives from here on
    text = "".join(chr(ord("a") + number % 26) for number in range(400))
    assert len(modem.send_sms("000", text).references) == 3
    rig.webhooks.expect("sms_command", direction="from_sim", payload=text, within="60s")
    assert [found.payload for found in sim.sms_commands(direction="from_sim")] == [text]


def test_a_device_that_is_off_gets_its_texts_when_it_is_back_and_not_after_a_day(rig: Rig) -> None:
    modem, sim = online(rig, "super"), rig.cloud.supersim.sim("super")
    modem.command("AT+CFUN=0")
    late, never = sim.send_sms("in time"), None
    rig.clock.sleep("23h")
    assert late.refresh().status == "sent"
    never = sim.send_sms("too late")
    modem.command("AT+CFUN=1")
    modem.expect_sms("in time", within="5min")
    late.wait_status("delivered", within="1min")
    modem.expect_sms("too late", within="5min")
    modem.command("AT+CFUN=0")
    never = sim.send_sms("too late")
    rig.clock.sleep("23h")
    assert never.refresh().status == "sent"
    rig.clock.sleep("61min")
    assert never.refresh().status == "failed"
    modem.command("AT+CFUN=1")
    with pytest.raises(TimeoutExpired):
        modem.expect_sms("too late", within="1h")


def test_a_full_store_gets_its_text_when_there_is_room(rig: Rig) -> None:
    modem, sim = online(rig, "super"), rig.cloud.supersim.sim("super")
    rig.faults.sms.store_full()
    command = sim.send_sms("for the next slot")
    assert '"smsfull"' in modem.expect_urc("+QIND", matching="full", within="1min").text
    assert command.refresh().status == "sent"
    begin = rig.clock.now()
    modem.command("AT+CMGD=0")
    command.wait_status("delivered", within="1min")
    assert rig.clock.now() - begin < 5_000_000_000  # by the alert, not by the schedule of attempts


def test_status_reports_and_other_numbers(rig: Rig) -> None:
    modem = online(rig, "super")
    sent = modem.send_sms("000", "and report", status_report=True)
    assert modem.expect_status_report(sent.references[0], within="1min").status == 0
    with pytest.raises(CommandFailed, match="CMS ERROR: 8"):
        modem.send_sms("+15550100", "barred")


def test_who_may_not(rig: Rig) -> None:
    modem, supersim = online(rig, "super"), rig.cloud.supersim
    sim = supersim.sim("super")
    fleet = supersim.fleets.get(str(sim.fleet_sid))
    silent = supersim.fleets.create(network_access_profile=str(fleet.data["network_access_profile_sid"]),
                                    unique_name="silent", sms_commands_enabled=False, data_enabled=False)
    sim.update(fleet=silent.sid)
    rig.clock.sleep("2min")
    assert refused(lambda: sim.send_sms("hello"))[0] == 400
    assert refused(lambda: sim.send_ip(b"hello", 6969))[0] == 400
    with pytest.raises(CommandFailed, match="CMS ERROR: 50"):
        modem.send_sms("000", "hello")
    modem.command('AT+QICSGP=1,1,"super","","",0')
    with pytest.raises(CommandFailed):
        modem.command("AT+QIACT=1", within="2min")
    sim.update(status="inactive")
    rig.clock.sleep("5min")
    assert modem.command("AT+CEREG?").lines[0].startswith("+CEREG: 2,3")
    assert refused(lambda: sim.send_sms("hello"))[0] == 400
    with pytest.raises(ModemError):
        modem.send_sms("000", "hello")


# -- IP Commands ------------------------------------------------------------------------------------------------------


def test_datagrams_come_from_the_gateway_and_go_there(rig: Rig) -> None:
    modem, sim = online(rig, "super"), rig.cloud.supersim.sim("super")
    socket = modem.udp_open(7000)
    command = sim.send_ip("temperature?", 7000)
    assert command.device_ip is None
    datagram = socket.expect(b"temperature?", within="30s")
    assert datagram.source == GATEWAY
    assert command.wait_status("sent", within="30s").device_ip == socket.address
    binary = bytes(range(256)) * 5 + bytes(20)
    sim.send_ip(binary, 7000)
    assert socket.expect(within="30s").payload == binary
    told = rig.webhooks  # receives from here on
    for answer_octets in (b"\x00\xff21.5", b"\x00\xff21.6"):
        socket.send(answer_octets, to=GATEWAY)
    told.expect("ip_command", direction="from_sim", within="30s")
    answer = told.expect("ip_command", direction="from_sim", within="30s")
    assert answer.payload == b"\x00\xff21.6"
    assert (answer.parameters["DevicePort"], answer.parameters["PayloadType"]) == ("7000", "binary")
    found = [(command.device_ip, command.device_port, command.payload) for command in sim.ip_commands(
        direction="from_sim")]
    assert sorted(found) == [(socket.address, 7000, b"\x00\xff21.5"), (socket.address, 7000, b"\x00\xff21.6")]


def test_1300_bytes_and_not_one_more(rig: Rig) -> None:
    modem, sim = online(rig, "super"), rig.cloud.supersim.sim("super")
    socket = modem.udp_open(7000)
    sim.send_ip(bytes(1_300), 7000)
    assert socket.expect(within="30s").payload == bytes(1_300)
    assert refused(lambda: sim.send_ip(bytes(1_301), 7000))[0] == 400
    for size in (1_300, 1_301):
        socket.send(bytes(size), to=GATEWAY)
    rig.clock.sleep("10s")
    assert [len(command.payload) for command in sim.ip_commands(direction="from_sim")] == [1_300]


def test_no_session_is_83401(rig: Rig) -> None:
    online(rig, "super")
    command = rig.cloud.supersim.sim("super").send_ip("hello", 7000, callback_url=rig.webhooks.url)
    command.wait_status("failed", within="30s")
    assert rig.webhooks.expect("ip_command", status="failed", within="30s").parameters["ErrorCode"] == "83401"
    assert codes(rig) == [83401]


def test_a_webhook_that_fails_is_83402(rig: Rig) -> None:
    modem = online(rig, "super")
    rig.webhooks.answer(500)
    modem.udp_open(7000).send(b"hello", to=GATEWAY)
    rig.clock.sleep("1min")
    assert 83402 in codes(rig)
    assert [command.payload for command in rig.cloud.supersim.sim("super").ip_commands()] == [b"hello"]


def test_usage_is_metered_every_six_minutes_and_a_limit_blocks(rig: Rig) -> None:
    modem, supersim = online(rig, "super"), rig.cloud.supersim
    sim = supersim.sim("super")
    supersim.fleets.get(str(sim.fleet_sid)).update(data_limit=1)
    socket = modem.udp_open(7000)

    def used() -> int:
        return sum(record.data_total for record in supersim.usage_records(sim=sim.sid))

    for _ in range(10):
        socket.send(bytes(1_000), to=GATEWAY)
    rig.clock.sleep("5min")
    assert used() == 0
    rig.clock.sleep("70s")
    assert used() == 10 * 1_028
    for _ in range(1_000):
        socket.send(bytes(1_300), to=GATEWAY)
    rig.clock.sleep("7min")
    assert used() > 1_000_000
    with pytest.raises(CommandFailed):
        modem.command("AT+QIACT=1", within="2min")  # blocked, and its session ended


# -- Commands of Programmable Wireless --------------------------------------------------------------------------------


def test_commands_come_from_2936_and_go_there(rig: Rig) -> None:
    modem, sim = online(rig, "wireless"), rig.cloud.wireless.sim("wireless")
    rig.webhooks  # noqa: B018 - receives from here on
    command = sim.send_command("LED ON")
    assert modem.expect_sms("LED ON", within="60s").sender == "2936"
    command.wait_status("delivered", within="30s")
    modem.send_sms("2936", "LED IS ON")
    told = rig.webhooks.expect("command", within="30s").parameters
    assert (told["Command"], told["CommandMode"], told["CommandStatus"]) == ("LED IS ON", "text", "received")
    assert [found.command for found in sim.commands(direction="from_sim")] == ["LED IS ON"]
    with pytest.raises(CommandFailed, match="CMS ERROR: 8"):
        modem.send_sms("000", "this is not Super SIM")


@pytest.mark.parametrize("where", ["start", "end"])
def test_include_sid(rig: Rig, where: str) -> None:
    modem, sim = online(rig, "wireless"), rig.cloud.wireless.sim("wireless")
    command = sim.send_command("x" * 120, include_sid=where)
    text = modem.expect_sms(within="60s").text
    assert text == (f"{command.sid} {'x' * 120}" if where == "start" else f"{'x' * 120} {command.sid}")
    assert refused(lambda: sim.send_command("x" * 129, include_sid=where)) == (400, 33101)
    assert refused(lambda: sim.send_command("x" * 161)) == (400, 33101)


def test_delivery_receipts(rig: Rig) -> None:
    modem, sim = online(rig, "wireless"), rig.cloud.wireless.sim("wireless")
    modem.command("AT+CFUN=4")
    asked = sim.send_command("with", delivery_receipt_requested=True)
    unasked = sim.send_command("without", delivery_receipt_requested=False)
    rig.clock.sleep("1h")
    assert (asked.refresh().status, unasked.refresh().status) == ("sent", "sent")
    modem.command("AT+CFUN=1")
    for text in ("with", "without"):
        modem.expect_sms(text, within="5min")
    asked.wait_status("delivered", within="1min")
    rig.clock.sleep("1h")
    assert unasked.refresh().status == "sent"


def test_octets_go_both_ways(rig: Rig) -> None:
    modem, sim = online(rig, "wireless"), rig.cloud.wireless.sim("wireless")
    modem.command("AT+CNMI=2,2,0,0,0")
    sim.send_command(bytes(range(140)))
    modem.expect_urc("+CMT:", within="60s")
    said = b"".join(traffic.data for traffic in modem.transcript())
    assert bytes(range(140)).hex().upper().encode() in said
    modem.command("AT+CMGF=0")
    modem.command("AT+CMGS=12", data=b"000100048192630004030102FF\x1a", within="60s")
    rig.clock.sleep("5s")
    assert [found.command for found in sim.commands(direction="from_sim")] == [b"\x01\x02\xff"]


def test_a_text_above_160_is_cut_and_33111_is_told(rig: Rig) -> None:
    modem, sim = online(rig, "wireless"), rig.cloud.wireless.sim("wireless")
    rig.webhooks  # noqa: B018 - receives from here on
    modem.send_sms("2936", "x" * 160)
    assert rig.webhooks.expect("command", within="30s").parameters.get("ErrorCode") in (None, "")
    modem.send_sms("2936", "y" * 200)
    told = rig.webhooks.expect("command", within="30s", command="y" * 160).parameters
    assert told["ErrorCode"] == "33111"
    assert codes(rig) == [33111]
    assert {found.command for found in sim.commands(direction="from_sim")} == {"x" * 160, "y" * 160}


def test_a_plan_without_commands_is_33201_and_33203(rig: Rig) -> None:
    modem, wireless = online(rig, "wireless"), rig.cloud.wireless
    sim = wireless.sim("wireless")
    plan = wireless.rate_plans.create(unique_name="silent", messaging_enabled=False,
                                       national_roaming_enabled=True)
    sim.update(rate_plan=plan.sid)
    rig.clock.sleep("5min")
    assert refused(lambda: sim.send_command("hello"))[1] == 33201
    modem.registered(within="10min")
    modem.send_sms("2936", "hello")
    rig.clock.sleep("10s")
    assert codes(rig) == [33203]
    assert list(sim.commands(direction="from_sim")) == []


# -- rates ------------------------------------------------------------------------------------------------------------


def test_rates() -> None:
    opener = RigOpener(RigFile(modem=RIG.modem[:1], board=(), network=NetworkTable(sms_rate=0.1)))
    try:
        rig = opener.open()
        try:
            modem, sim = online(rig, "super"), rig.cloud.supersim.sim("super")
            for number in range(3):
                sim.send_sms(f"{number}")
            times = []
            for number in range(3):
                modem.expect_sms(f"{number}", within="1min")
                times.append(rig.clock.now())
            assert [round((later - sooner) / 1e9) for sooner, later in pairwise(times)] == [10, 10]
            modem.send_sms("000", "one")
            with pytest.raises(CommandFailed, match="CMS ERROR: 42"):
                modem.send_sms("000", "two")
            rig.clock.sleep("10s")
            modem.send_sms("000", "three")
        finally:
            rig.close()
    finally:
        opener.close()
