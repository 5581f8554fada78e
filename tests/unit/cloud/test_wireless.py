"""Programmable Wireless by itself: Sims, Commands, rate plans, data sessions, usage, retention."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import UsageError
from harness.virtual.cloud import Choices, wireless_api
from harness.virtual.cloud.refusals import Refused
from harness.virtual.network.seams import Subscription

from .conftest import ATT, ICCID

if TYPE_CHECKING:
    from .conftest import Lab

MONTH = 31 * 86_400
TMOBILE = replace(ATT, plmn="310260", operator="T-Mobile US")
FRANCE = replace(ATT, plmn="20801", operator="Orange F")


def call(lab: Lab, name: str, *keys: str, **form: str) -> Any:
    return lab.call(name, *keys, api="wireless", **form)


def subscription(lab: Lab) -> Subscription:
    found = lab.cloud.subscription(ICCID)
    assert found is not None
    return found


# -- Sims -------------------------------------------------------------------------------------------------------------


def test_a_card_belongs_to_one_product(lab: Lab) -> None:
    lab.cloud.add_wireless_sim(ICCID)
    for add in (lab.cloud.add_sim, lab.cloud.add_wireless_sim, lambda iccid: lab.cloud.add_card(iccid, "x")):
        with pytest.raises(UsageError, match="already"):
            add(ICCID)
    lab.cloud.add_card("8988307000000000002", "code")
    with pytest.raises(UsageError, match="already"):
        lab.cloud.add_wireless_sim("8988307000000000002")


def test_an_update_reads_updating_for_a_while(lab: Lab) -> None:
    sid = lab.cloud.add_wireless_sim(ICCID, status="new")
    lab.cloud.rate_plans.default()
    sim = call(lab, "UpdateSim", sid, Status="ready", RatePlan="default", FriendlyName="mine")
    assert (sim.status, sim.friendly_name, sim.rate_plan_sid) == ("updating", "mine", None)
    assert not subscription(lab).attach_allowed
    lab.clock.sleep("3s")
    assert (sim.status, subscription(lab).attach_allowed) == ("ready", True)
    assert subscription(lab).command_number == "2936"


def test_updates_wait_for_the_operator(lab: Lab) -> None:
    sim = lab.cloud.wireless_sims.sim(lab.cloud.add_wireless_sim(ICCID))
    lab.cloud.rig.set_operator_maintenance(True)
    call(lab, "UpdateSim", sim.sid, Status="suspended")
    lab.clock.sleep("24h")
    assert sim.status == "scheduled"
    lab.cloud.rig.set_operator_maintenance(False)
    assert sim.status == "updating"
    lab.clock.sleep("3s")
    assert sim.status == "suspended"


@pytest.mark.parametrize("how", ["commands", "data", "months"])
def test_a_ready_sim_becomes_active_by_itself(lab: Lab, how: str) -> None:
    sim = lab.cloud.wireless_sims.sim(lab.cloud.add_wireless_sim(ICCID, status="ready"))
    if how == "commands":
        for _ in range(4):
            lab.cloud.sms_received(ICCID, "x")
        assert sim.status == "ready"
        call(lab, "CreateCommand", Sim=sim.sid, Command="x")
    elif how == "data":
        lab.use(began=True, up=249_999)
        assert sim.status == "ready"
        lab.use(down=1)
    else:
        lab.clock.sleep(91 * 86_400)
    assert sim.status == "active"


def test_a_deactivated_sim_is_canceled_after_three_days(lab: Lab) -> None:
    sim = lab.cloud.wireless_sims.sim(lab.cloud.add_wireless_sim(ICCID))
    call(lab, "UpdateSim", sim.sid, Status="deactivated")
    lab.clock.sleep("71h")
    assert sim.status == "deactivated"
    lab.clock.sleep("2h")
    assert sim.status == "canceled"
    with pytest.raises(Refused, match="canceled"):
        call(lab, "UpdateSim", sim.sid, Status="active")
    call(lab, "DeleteSim", sim.sid)
    with pytest.raises(Refused, match="was not found"):
        call(lab, "FetchSim", sim.sid)


def test_reactivation_in_time_keeps_a_sim(lab: Lab) -> None:
    sim = lab.cloud.wireless_sims.sim(lab.cloud.add_wireless_sim(ICCID, status="deactivated", rate_plan=None))
    lab.cloud.rate_plans.default()
    call(lab, "UpdateSim", sim.sid, Status="active", RatePlan="default")
    lab.clock.sleep("100h")
    assert sim.status == "active"


def test_a_reset_sends_the_device_away_for_a_while(lab: Lab) -> None:
    sim = lab.cloud.wireless_sims.sim(lab.cloud.add_wireless_sim(ICCID))
    call(lab, "UpdateSim", sim.sid, ResetStatus="resetting")
    assert (sim.reset, sim.status, subscription(lab).attach_allowed) == ("resetting", "active", False)
    lab.clock.sleep("11s")
    assert (sim.reset, subscription(lab).attach_allowed) == ("none", True)
    assert lab.ether.changed[-2:] == [ICCID, ICCID]


def test_deprecated_callbacks_are_kept(lab: Lab) -> None:
    sid = lab.cloud.add_wireless_sim(ICCID)
    sim = call(lab, "UpdateSim", sid, SmsUrl="http://127.0.0.1/s", VoiceMethod="GET")
    assert (sim.twiml.sms_url, sim.twiml.voice_method, sim.twiml.voice_url) == ("http://127.0.0.1/s", "GET", None)
    assert call(lab, "UpdateSim", sid, SmsUrl="").twiml.sms_url is None


def test_sims_are_found_by_every_filter(lab: Lab) -> None:
    one = lab.cloud.add_wireless_sim(ICCID, registration_code="CODE", e_id="89049032")
    two = lab.cloud.add_wireless_sim("8988306000000000002", status="new")
    for form, found in (({"Iccid": ICCID}, [one]), ({"SimRegistrationCode": "CODE"}, [one]),
                        ({"EId": "89049032"}, [one]),
                        ({"RatePlan": "default"}, [one]), ({"Status": "new"}, [two]), ({}, [two, one]),
                        ({"Status": "new", "RatePlan": "default"}, []), ({"RatePlan": "nothing"}, [])):
        assert [sim.sid for sim in call(lab, "ListSim", **form)] == found, form


# -- rate plans -------------------------------------------------------------------------------------------------------


def test_a_rate_plan_has_its_defaults(lab: Lab) -> None:
    plan = call(lab, "CreateRatePlan")
    assert (plan.data_enabled, plan.data_limit, plan.data_metering, plan.messaging_enabled, plan.voice_enabled,
            plan.national_roaming_enabled, plan.international_roaming, plan.data_limit_strategy) == (
        True, 1_000, "payg", True, False, False, (), "block")
    changed = call(lab, "UpdateRatePlan", plan.sid, UniqueName="one", FriendlyName="One")
    assert (changed.unique_name, call(lab, "FetchRatePlan", "one").friendly_name) == ("one", "One")
    call(lab, "DeleteRatePlan", "one")
    assert call(lab, "ListRatePlan") == []


def test_a_plan_in_use_stays(lab: Lab) -> None:
    lab.cloud.add_wireless_sim(ICCID)
    with pytest.raises(Refused, match="rate plan of 1"):
        call(lab, "DeleteRatePlan", "default")


def test_a_plan_says_where_a_sim_may_be(lab: Lab) -> None:
    home = call(lab, "CreateRatePlan", UniqueName="home").sid
    lab.cloud.add_wireless_sim(ICCID, rate_plan=home)
    assert subscription(lab).networks == frozenset({"310260"})
    plans = lab.cloud.rate_plans
    sim = lab.cloud.wireless_sims.sims.by("iccid", ICCID)
    assert sim is not None
    national = call(lab, "CreateRatePlan", UniqueName="national", NationalRoamingEnabled="true").sid
    lab.cloud.wireless_sims.sims.change(sim, sim.date_updated, rate_plan_sid=national)
    networks = subscription(lab).networks
    assert networks is not None
    assert {"310260", "310410"} <= networks
    assert "23415" not in networks
    abroad = call(lab, "CreateRatePlan", UniqueName="abroad", NationalRoamingEnabled="true",
                  InternationalRoaming="messaging").sid
    lab.cloud.wireless_sims.sims.change(sim, sim.date_updated, rate_plan_sid=abroad)
    assert subscription(lab).networks is None
    assert subscription(lab).data_allowed
    lab.attach(cell=FRANCE)
    assert (subscription(lab).data_allowed, subscription(lab).sms_allowed) == (False, True)
    assert lab.ether.changed[-1] == ICCID
    assert plans.plan("abroad").international_roaming == ("messaging",)


@pytest.mark.parametrize(("cell", "limit"), [(TMOBILE, "DataLimit"), (ATT, "NationalRoamingDataLimit"),
                                             (FRANCE, "InternationalRoamingDataLimit")])
def test_each_place_has_its_data_limit(lab: Lab, cell: Any, limit: str) -> None:
    call(lab, "CreateRatePlan", UniqueName="small", NationalRoamingEnabled="true", InternationalRoaming="data",
         **{limit: "1"})
    lab.cloud.add_wireless_sim(ICCID, rate_plan="small")
    lab.attach(cell=cell)
    lab.use(began=True, up=1_000_000, cell=cell)
    assert subscription(lab).data_allowed
    lab.use(down=1, cell=cell)
    assert not subscription(lab).data_allowed
    lab.clock.sleep(30 * 86_400)
    assert not subscription(lab).data_allowed
    lab.clock.sleep(86_400)
    assert subscription(lab).data_allowed


def test_throttling_does_not_block(lab: Lab) -> None:
    call(lab, "CreateRatePlan", UniqueName="slow", DataLimit="0", DataLimitStrategy="throttle")
    lab.cloud.add_wireless_sim(ICCID, rate_plan="slow")
    lab.use(began=True, up=5, cell=TMOBILE)
    assert subscription(lab).data_allowed


# -- Commands ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("include", ["none", "start", "end"])
def test_the_sid_can_go_with_a_command(lab: Lab, include: str) -> None:
    sid = lab.cloud.add_wireless_sim(ICCID)
    command = call(lab, "CreateCommand", Sim=sid, Command="wake up", IncludeSid=include)
    sent = {"none": "wake up", "start": f"{command.sid} wake up", "end": f"wake up {command.sid}"}[include]
    assert [(iccid, text) for iccid, text, _ in lab.ether.texts] == [(ICCID, sent)]
    assert (command.command, command.status, command.direction, command.transport, command.command_mode) == (
        "wake up", "queued", "to_sim", "sms", "text")


def test_a_binary_command_goes_as_octets(lab: Lab) -> None:
    sid = lab.cloud.add_wireless_sim(ICCID)
    octets = bytes(range(140))
    command = call(lab, "CreateCommand", Sim=sid, Command=base64.b64encode(octets).decode(), CommandMode="binary")
    assert lab.ether.texts[0][1] == octets
    assert command.command_mode == "binary"
    with pytest.raises(Refused, match="140"):
        call(lab, "CreateCommand", Sim=sid, Command=base64.b64encode(bytes(141)).decode(), CommandMode="binary")


@pytest.mark.parametrize(("receipt", "status"), [("true", "delivered"), ("false", "sent")])
def test_a_command_ends_where_no_receipt_was_asked_for(lab: Lab, receipt: str, status: str) -> None:
    sid = lab.cloud.add_wireless_sim(ICCID)
    command = call(lab, "CreateCommand", Sim=sid, Command="x", DeliveryReceiptRequested=receipt)
    progress = lab.ether.texts[0][2]
    with lab.world.turn():
        progress.attempted()
        assert command.status == "sent"
        progress.delivered()
    assert command.status == status


def test_a_command_that_nobody_took_has_failed(lab: Lab) -> None:
    sid = lab.cloud.add_wireless_sim(ICCID)
    command = call(lab, "CreateCommand", Sim=sid, Command="x")
    with lab.world.turn():
        lab.ether.texts[0][2].attempted()
        lab.ether.texts[0][2].failed(22)
    assert command.status == "failed"
    call(lab, "DeleteCommand", command.sid)
    assert call(lab, "ListCommand") == []


def test_a_deleted_command_still_reaches_its_device(lab: Lab) -> None:
    sid = lab.cloud.add_wireless_sim(ICCID)
    command = call(lab, "CreateCommand", Sim=sid, Command="x")
    call(lab, "DeleteCommand", command.sid)
    with lab.world.turn():
        lab.ether.texts[0][2].attempted()
        lab.ether.texts[0][2].delivered()
    assert call(lab, "ListCommand") == []


def test_commands_from_a_device_are_text_or_octets(lab: Lab) -> None:
    sid = lab.cloud.add_wireless_sim(ICCID)
    lab.cloud.sms_received(ICCID, "hello")
    lab.cloud.sms_received(ICCID, b"\x00\xff")
    binary, text = call(lab, "ListCommand", Direction="from_sim")
    assert (text.command, text.command_mode, text.status) == ("hello", "text", "received")
    assert (binary.command, binary.command_mode) == ("AP8=", "binary")
    assert call(lab, "ListCommand", Sim=sid, Status="received", Transport="sms") == [binary, text]
    assert call(lab, "ListCommand", Transport="ip") == []


def test_commands_are_kept_for_thirty_days(lab: Lab) -> None:
    lab.cloud.add_wireless_sim(ICCID)
    lab.cloud.sms_received(ICCID, "old")
    lab.clock.sleep(20 * 86_400)
    lab.cloud.sms_received(ICCID, "young")
    lab.clock.sleep(9 * 86_400)
    assert len(call(lab, "ListCommand")) == 2
    lab.clock.sleep(2 * 86_400)
    assert [command.command for command in call(lab, "ListCommand")] == ["young"]
    lab.clock.sleep(20 * 86_400)
    assert call(lab, "ListCommand") == []


# -- data sessions and usage ------------------------------------------------------------------------------------------


def test_a_data_session_tells_where_and_how_much(lab: Lab) -> None:
    sid = lab.cloud.add_wireless_sim(ICCID)
    lab.use(began=True, cell=FRANCE)
    lab.clock.sleep("6min")
    lab.use(up=1_000, down=50, up_packets=3, down_packets=1, cell=replace(FRANCE, ci=77))
    [session] = call(lab, "ListDataSession", sid)
    assert (session.radio_link, session.operator_mcc, session.operator_mnc, session.operator_country,
            session.operator_name, session.cell_id, session.imei) == (
        "LTE", "208", "01", "FRA", "Orange F", "77", "490154203237518")
    assert (session.packets_uploaded, session.packets_downloaded, session.end) == (3, 1, None)
    assert (session.last_updated - session.start).total_seconds() == 360
    lab.clock.sleep("1min")
    lab.use(ended=True)
    assert session.end == lab.cloud.now()
    lab.clock.sleep(MONTH)
    assert call(lab, "ListDataSession", sid) == []


def test_an_open_session_is_kept(lab: Lab) -> None:
    sid = lab.cloud.add_wireless_sim(ICCID)
    lab.use(session=1, began=True)
    lab.use(session=2, began=True, ended=True)
    lab.clock.sleep(2 * MONTH)
    [session] = call(lab, "ListDataSession", sid)
    assert session.end is None


def test_usage_is_told_by_place(lab: Lab) -> None:
    sid = lab.cloud.add_wireless_sim(ICCID)
    lab.attach(cell=TMOBILE)
    lab.cloud.sms_received(ICCID, "x")
    lab.use(began=True, up=1_000_000, cell=TMOBILE)
    lab.use(down=2_500_000, cell=ATT)
    lab.use(up=10, cell=FRANCE)
    call(lab, "CreateCommand", Sim=sid, Command="x")
    lab.ether.texts[0][2].attempted()
    lab.clock.sleep("25h")
    [record] = call(lab, "ListUsageRecord", sid)
    data = record.data
    assert (data["total"], data["upload"], data["download"]) == (3_500_010, 1_000_010, 2_500_000)
    assert data["units"] == "bytes"
    assert (data["billed"], data["billing_units"]) == (0.350001, "USD")
    assert data["home"] == {"billing_units": "USD", "billed": 0.1, "total": 1_000_000, "upload": 1_000_000,
                            "download": 0, "units": "bytes"}
    assert data["national_roaming"]["download"] == 2_500_000
    assert [(item["country_code"], item["total"]) for item in data["international_roaming"]] == [("FRA", 10)]
    assert record.commands["total"] == 2
    assert (record.commands["from_sim"], record.commands["to_sim"], record.commands["billed"]) == (1, 1, 0)
    assert record.commands["home"]["total"] == 2
    assert record.commands["international_roaming"] == []
    assert call(lab, "ListAccountUsageRecord")[0].data == data


def test_usage_buckets_and_empty_records(lab: Lab) -> None:
    sid = lab.cloud.add_wireless_sim(ICCID)
    [record] = call(lab, "ListUsageRecord", sid)
    assert (record.commands, record.data) == ({}, {})
    lab.use(began=True, up=1)
    lab.clock.sleep("2h")
    lab.use(up=2)
    lab.clock.sleep("1h")
    hours = call(lab, "ListUsageRecord", sid, Granularity="hourly")
    assert [(f"{record.start:%H}", f"{record.end:%H}", record.data["total"]) for record in hours] == [
        ("02", "03", 2), ("00", "01", 1)]
    [day] = call(lab, "ListAccountUsageRecord", Granularity="daily")
    assert (day.data["total"], day.commands) == (3, {})
    [part] = call(lab, "ListAccountUsageRecord", Start="2026-01-01T01:00:00Z", End="2026-01-01T02:00:00Z")
    assert part.data["total"] == 2
    with pytest.raises(Refused, match="Start"):
        call(lab, "ListAccountUsageRecord", Start="2026-01-02", End="2026-01-01")


def test_a_choice_may_answer_200(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(Choices(wireless_update_status=200))
    sid = lab.cloud.add_wireless_sim(ICCID)
    from harness.virtual.cloud.parameters import Arguments

    with lab.world.turn():
        sim, running = lab.cloud.wireless_sims.update(sid, Arguments({"Status": "suspended"}))
    assert (sim.status, running) == ("updating", False)


def test_an_account_changes_alone(lab: Lab) -> None:
    sub = lab.cloud.rig.add_subaccount()
    sid = lab.cloud.add_wireless_sim(ICCID, status="new")
    lab.cloud.rate_plans.default()
    for also in ({"Status": "active"}, {"ResetStatus": "resetting"}):
        with pytest.raises(Refused) as refused:
            lab.call("UpdateSim", sid, api="wireless", AccountSid=sub, **also)
        assert refused.value.code == 33121
    assert lab.call("UpdateSim", sid, api="wireless", AccountSid=sub).account_sid == sub


def test_a_list_holds_no_empty_value(lab: Lab) -> None:
    def parse(*texts: str) -> object:
        param = next(param for operation in wireless_api.OPERATIONS if operation.name == "CreateRatePlan"
                     for param in operation.params if param.name == "InternationalRoaming")
        return param.parse(list(texts))

    assert parse("data", "data", "voice") == ("data", "voice")
    for wrong in (("",), ("", ""), ("data", "")):
        with pytest.raises(Refused):
            parse(*wrong)
