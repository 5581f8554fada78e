"""Super SIMs by themselves: trials, billing periods, data limits, network lists, eSIM, settings, connection events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import UsageError
from harness.virtual.cloud import Choices
from harness.virtual.cloud.refusals import Refused
from harness.virtual.network.seams import Subscription

from .conftest import ATT, ICCID

if TYPE_CHECKING:
    from .conftest import Lab

MONTH = 31 * 86_400


def subscription(lab: Lab) -> Subscription:
    found = lab.cloud.subscription(ICCID)
    assert found is not None
    return found


# -- ready becomes active ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["commands", "data", "months"])
def test_a_ready_sim_becomes_active_by_itself(lab: Lab, how: str) -> None:
    sid = lab.cloud.add_sim(ICCID, status="ready")
    sim = lab.cloud.sims.sim(sid)
    if how == "commands":
        for _ in range(2):
            lab.call("CreateSmsCommand", Sim=sid, Payload="x")
            lab.cloud.sms_received(ICCID, "y")
        assert sim.status == "ready"
        lab.cloud.sms_received(ICCID, "y")
    elif how == "data":
        lab.use(began=True, up=100_000, down=149_999)
        assert sim.status == "ready"
        lab.use(up=1)
    else:
        lab.clock.sleep(89 * 86_400)
        assert sim.status == "ready"
        lab.clock.sleep(2 * 86_400)  # January to March have 90 days
    assert sim.status == "active"
    kinds = [period.period_type.value for period in lab.call("ListBillingPeriod", sid)]
    assert kinds[0] == "active"
    assert kinds[-1] == "ready"


def test_what_was_free_is_counted_from_ready_on(lab: Lab) -> None:
    sid = lab.cloud.add_sim(ICCID, status="new")
    lab.cloud.fleets.default_fleet()
    for _ in range(6):
        lab.cloud.sms_received(ICCID, "x")
    lab.call("UpdateSim", sid, Status="ready", Fleet="default")
    lab.clock.sleep("5s")
    assert lab.cloud.sims.sim(sid).status == "ready"


def test_inactive_ends_the_trial(lab: Lab) -> None:
    sid = lab.cloud.add_sim(ICCID, status="ready")
    lab.call("UpdateSim", sid, Status="inactive")
    lab.clock.sleep(4 * MONTH)
    assert lab.cloud.sims.sim(sid).status == "inactive"


# -- billing periods --------------------------------------------------------------------------------------------------


def test_billing_periods_are_months_from_activation(lab: Lab) -> None:
    lab.clock.sleep(30 * 86_400 + 3_600)  # it is 31 January, 01:00
    sid = lab.cloud.add_sim(ICCID)
    lab.clock.sleep(65 * 86_400)
    periods = lab.call("ListBillingPeriod", sid)
    shown = [(f"{period.start_time:%m-%d %H}", f"{period.end_time:%m-%d %H}") for period in periods]
    assert shown == [("03-31 01", "04-30 01"), ("02-28 01", "03-31 01"), ("01-31 01", "02-28 01")]
    assert all(period.sim_sid == sid and period.sid.startswith("HB") for period in periods)


def test_a_new_sim_has_no_billing_period(lab: Lab) -> None:
    sid = lab.cloud.add_sim(ICCID, status="new")
    lab.clock.sleep(MONTH)
    assert lab.call("ListBillingPeriod", sid) == []
    with pytest.raises(Refused, match="was not found"):
        lab.call("ListBillingPeriod", "nobody")


@pytest.mark.parametrize(("how", "count"), [("resume", 1), ("begin", 2)])
def test_reactivation_within_a_period(make_lab: Callable[..., Lab], how: Any, count: int) -> None:
    lab = make_lab(Choices(billing_after_inactive=how))
    sid = lab.cloud.add_sim(ICCID)
    lab.call("UpdateSim", sid, Status="inactive")
    lab.clock.sleep("24h")
    lab.call("UpdateSim", sid, Status="active")
    lab.clock.sleep("24h")
    assert len(lab.call("ListBillingPeriod", sid)) == count


def test_no_period_begins_while_inactive(lab: Lab) -> None:
    sid = lab.cloud.add_sim(ICCID)
    lab.call("UpdateSim", sid, Status="inactive")
    lab.clock.sleep(3 * MONTH)
    assert len(lab.call("ListBillingPeriod", sid)) == 1
    lab.call("UpdateSim", sid, Status="active")
    lab.clock.sleep("1min")
    newest = lab.call("ListBillingPeriod", sid)[0]
    assert (lab.cloud.now() - newest.start_time).total_seconds() < 100


# -- data limits ------------------------------------------------------------------------------------------------------


def test_a_data_limit_blocks_until_the_period_ends(lab: Lab) -> None:
    sid = lab.cloud.add_sim(ICCID)
    lab.call("UpdateFleet", "default", DataLimit="1")
    lab.clock.sleep("1h")
    lab.use(began=True, up=600_000, down=400_000)
    assert subscription(lab).data_allowed
    before = len(lab.ether.changed)
    lab.use(up=1)
    assert not subscription(lab).data_allowed
    assert subscription(lab).sms_allowed
    assert lab.ether.changed[before:] == [ICCID]
    lab.clock.sleep(30 * 86_400)
    assert not subscription(lab).data_allowed
    lab.clock.sleep(86_400)
    assert subscription(lab).data_allowed
    assert [period.octets for period in lab.call("ListBillingPeriod", sid)] == [0, 1_000_001]


def test_a_changed_limit_takes_effect_after_a_while(lab: Lab) -> None:
    lab.cloud.add_sim(ICCID)
    lab.use(began=True, up=5_000_000)
    lab.call("UpdateFleet", "default", DataLimit="5")
    lab.clock.sleep("10min")
    assert subscription(lab).data_allowed
    lab.call("UpdateFleet", "default", DataLimit="4")
    lab.clock.sleep("4min")
    assert subscription(lab).data_allowed
    lab.clock.sleep("2min")
    assert not subscription(lab).data_allowed
    lab.call("UpdateFleet", "default", DataLimit="6")
    lab.clock.sleep("6min")
    assert subscription(lab).data_allowed


# -- network access profiles ------------------------------------------------------------------------------------------


def test_a_profile_says_which_networks_a_sim_may_use(lab: Lab) -> None:
    lab.cloud.add_sim(ICCID)
    assert subscription(lab).networks is None
    by_name = {network.friendly_name: network.sid for network in lab.cloud.fleets.networks}
    profile = lab.call("CreateNetworkAccessProfile", UniqueName="home")
    lab.call("UpdateFleet", "default", NetworkAccessProfile="home")
    assert lab.ether.changed[-1] == ICCID
    assert subscription(lab).networks == frozenset()
    lab.call("CreateNetworkAccessProfileNetwork", profile.sid, Network=by_name["AT&T"])
    assert subscription(lab).networks == frozenset({"310410"})
    lab.call("CreateNetworkAccessProfileNetwork", profile.sid, Network=by_name["Vodafone UK"])
    assert subscription(lab).networks == frozenset({"310410", "23415"})
    before = len(lab.ether.changed)
    lab.call("DeleteNetworkAccessProfileNetwork", profile.sid, by_name["AT&T"])
    assert subscription(lab).networks == frozenset({"23415"})
    assert lab.ether.changed[before:] == [ICCID]


def test_a_network_that_nobody_listed_is_listed_when_it_is_met(lab: Lab) -> None:
    lab.cloud.add_sim(ICCID)
    lab.attach(cell=replace(ATT, plmn="20801", operator="Orange F"))
    [network] = lab.call("ListNetwork", IsoCountry="fr")
    assert (network.friendly_name, network.iso_country, network.identifiers) == ("Orange F", "FR", (("208", "01"),))
    assert subscription(lab).networks is None


# -- eSIM profiles ----------------------------------------------------------------------------------------------------


def test_an_esim_profile_goes_all_the_way(lab: Lab) -> None:
    eid = 32 * "8"
    profile = lab.call("CreateEsimProfile", Eid=eid)
    assert (profile.status, profile.sim_sid, profile.smdp_plus_address) == ("new", None, None)
    lab.clock.sleep("2s")
    assert profile.status == "reserving"
    lab.clock.sleep("2s")
    assert (profile.status, profile.smdp_plus_address, profile.matching_id) == (
        "available", "sm-dp-plus.twilio.com", None)
    sim = lab.call("FetchSim", profile.sim_sid)
    assert (sim.status, sim.iccid) == ("new", profile.iccid)
    assert lab.call("ListEsimProfile", SimSid=sim.sid) == lab.call("ListEsimProfile", Eid=eid) == [profile]
    assert lab.call("ListEsimProfile", Status="installed") == []
    with pytest.raises(UsageError):
        lab.cloud.rig.install_esim(eid)
    lab.cloud.rig.download_esim(eid)
    lab.cloud.rig.install_esim(eid)
    assert profile.status == "installed"


def test_an_activation_code_names_server_and_matching_id(lab: Lab) -> None:
    profile = lab.call("CreateEsimProfile", GenerateMatchingId="true")
    lab.clock.sleep("5s")
    assert profile.activation_code == f"1$SM-DP-PLUS.TWILIO.COM${profile.matching_id}"
    assert [len(part) for part in profile.matching_id.split("-")] == [5, 5, 5, 5, 5]
    lab.cloud.rig.fail_esim(profile.matching_id, "8.1", "no memory")
    assert (profile.status, profile.error_code, profile.error_message) == ("failed", "8.1", "no memory")


@pytest.mark.parametrize("form", [{}, {"GenerateMatchingId": "false"}, {"Eid": "12"}, {"Eid": 32 * "x"}])
def test_an_esim_order_needs_a_device(lab: Lab, form: dict[str, str]) -> None:
    with pytest.raises(Refused):
        lab.call("CreateEsimProfile", **form)
    assert len(lab.cloud.esim_profiles.profiles) == 0


def test_an_empty_stock_may_show_later(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(Choices(esim_stock=1, esim_out_of_stock="fail"))
    lab.call("CreateEsimProfile", GenerateMatchingId="true")
    second = lab.call("CreateEsimProfile", GenerateMatchingId="true")
    lab.clock.sleep("5s")
    assert (second.status, second.error_code, second.sim_sid) == ("failed", "83500", None)


# -- settings updates, addresses --------------------------------------------------------------------------------------


def test_settings_are_written_while_the_device_is_attached(lab: Lab) -> None:
    sid = lab.cloud.add_sim(ICCID, unique_name="one")
    update = lab.cloud.rig.schedule_settings_update("one")
    lab.clock.sleep("1h")
    assert update.status == "scheduled"
    lab.attach()
    assert update.status == "in-progress"
    lab.clock.sleep("31s")
    assert (update.status, update.date_completed is not None) == ("successful", True)
    second = lab.cloud.rig.schedule_settings_update(sid, (("extra", "2.0"),))
    assert second.status == "in-progress"
    lab.attach(accepted=False)
    assert (second.status, second.date_completed) == ("failed", None)
    assert lab.call("ListSettingsUpdate", Sim="one") == [second, update]
    assert lab.call("ListSettingsUpdate", Status="failed") == [second]


def test_addresses_are_those_of_a_private_network(lab: Lab) -> None:
    sid = lab.cloud.add_sim(ICCID)
    assert lab.call("ListSimIpAddress", sid) == []
    lab.cloud.rig.set_addresses(sid, ("10.0.0.1", "fd00::1"))
    assert lab.call("ListSimIpAddress", sid) == ["10.0.0.1", "fd00::1"]


# -- connection events ------------------------------------------------------------------------------------------------


def data_of(lab: Lab) -> list[Any]:
    return [event["data"] for event in lab.cloud.connection_events.events]


def test_a_session_is_told_in_connection_events(lab: Lab) -> None:
    sid = lab.cloud.add_sim(ICCID, unique_name="one")
    lab.attach()
    lab.use(began=True)
    lab.clock.sleep("6min")
    lab.use(up=100, down=200)
    lab.clock.sleep("6min")
    lab.use(up=1, down=2)
    lab.clock.sleep("1min")
    lab.use(up=10, down=20, ended=True)
    events: list[Any] = list(lab.cloud.connection_events.events)
    prefix = "com.twilio.iot.supersim.connection."
    assert [event["type"] for event in events] == [prefix + kind for kind in (
        "attachment.accepted", "data-session.started", "data-session.updated", "data-session.updated",
        "data-session.ended")]
    accepted, started, _, updated, ended = (event["data"] for event in events)
    assert accepted["network"] == {"iso_country": "US", "mcc": "310", "mnc": "410", "friendly_name": "AT&T",
                                   "sid": lab.call("ListNetwork", Mcc="310", Mnc="410")[0].sid}
    assert (accepted["sim_sid"], accepted["sim_unique_name"], accepted["rat_type"]) == (sid, "one", "4G LTE")
    assert started["data_session_sid"].startswith("PI")
    assert "data_upload" not in started
    assert (updated["data_upload"], updated["data_download"], updated["data_total"]) == (1, 2, 3)
    assert updated["data_session_data_total"] == 303
    assert (updated["data_session_update_start_time"], updated["data_session_update_end_time"]) == (
        "2026-01-01T00:06:00Z", "2026-01-01T00:12:00Z")
    assert (ended["data_session_end_time"], ended["data_session_data_total"]) == ("2026-01-01T00:13:00Z", 333)
    envelope = events[-1]
    assert envelope["specversion"] == "1.0"
    assert envelope["source"] == f"/v1/SuperSim/ConnectionEvents/{envelope['id']}"
    assert envelope["time"] == "2026-01-01T00:13:00.000Z"
    assert envelope["dataschema"] == "https://events-schemas.twilio.com/SuperSim.ConnectionEvent/2"


def test_a_departure_is_no_event(lab: Lab) -> None:
    lab.cloud.add_sim(ICCID)
    lab.attach()
    lab.attach(accepted=False)
    assert [data["event_type"].rpartition(".")[2] for data in data_of(lab)] == ["accepted"]


def test_cards_of_nobody_leave_no_trace(lab: Lab) -> None:
    lab.attach()
    lab.use(up=1)
    assert data_of(lab) == []
    assert lab.call("ListUsageRecord") == []


def test_a_sink_takes_known_types_only(lab: Lab) -> None:
    with pytest.raises(UsageError, match=r"attachment\.accepted"):
        lab.cloud.rig.add_event_sink("http://127.0.0.1:1/", ("attachment.happened",))


# -- usage records ----------------------------------------------------------------------------------------------------


def test_usage_is_grouped_filtered_and_cut_in_buckets(lab: Lab) -> None:
    other = "8988307000000000002"
    first, second = lab.cloud.add_sim(ICCID, unique_name="one"), lab.cloud.add_sim(other)
    lab.clock.sleep("30min")
    lab.use(began=True, up=100)
    lab.use(other, session=2, began=True, down=7)
    lab.clock.sleep("25h")
    lab.use(up=10, cell=replace(ATT, plmn="26201"))
    lab.clock.sleep("1min")
    [total] = lab.call("ListUsageRecord")
    assert (total.data_upload, total.data_download, total.data_total) == (110, 7, 117)
    assert (total.sim_sid, total.fleet_sid, total.network_sid, total.iso_country) == (None, None, None, None)
    assert (total.billed_unit, total.data_total_billed) == ("USD", "0.000011")
    by_sim = {record.sim_sid: record.data_total for record in lab.call("ListUsageRecord", Group="sim")}
    assert by_sim == {first: 110, second: 7}
    by_country = {record.iso_country: record.data_total for record in lab.call("ListUsageRecord", Group="isoCountry")}
    assert by_country == {"US": 107, "DE": 10}
    german, american = lab.call("ListUsageRecord", Sim="one", Granularity="day", Group="network")
    assert (german.data_total, american.data_total, german.sim_sid) == (10, 100, first)
    assert german.network_sid != american.network_sid
    assert german.billed_unit is None
    hours = lab.call("ListUsageRecord", Granularity="hour", IsoCountry="us")
    assert [(f"{record.start_time:%d %H}", f"{record.end_time:%d %H}", record.data_total, record.iso_country)
            for record in hours] == [("01 00", "01 01", 107, "US")]
    network = german.network_sid
    assert [record.data_total for record in lab.call("ListUsageRecord", Network=network)] == [10]
    [fleet] = lab.call("ListUsageRecord", Fleet="default", Group="fleet")
    assert (fleet.data_total, fleet.fleet_sid) == (117, lab.cloud.fleets.default_fleet().sid)
    assert lab.call("ListUsageRecord", Fleet="nothing") == []
    assert lab.call("ListUsageRecord", StartTime="2026-01-01T00:00:00Z", EndTime="2026-01-01T00:30:00Z") == []


def test_usage_counts_for_the_fleet_of_its_time(lab: Lab) -> None:
    sid = lab.cloud.add_sim(ICCID)
    lab.call("CreateFleet", UniqueName="later", NetworkAccessProfile="default")
    lab.use(began=True, up=5)
    lab.call("UpdateSim", sid, Fleet="later")
    lab.clock.sleep("1min")
    lab.use(up=6)
    lab.clock.sleep("1min")
    assert [record.data_total for record in lab.call("ListUsageRecord", Fleet="default")] == [5]
    assert [record.data_total for record in lab.call("ListUsageRecord", Fleet="later")] == [6]


def test_usage_of_a_31st_is_forgotten_on_the_day_after_a_february(lab: Lab) -> None:
    lab.cloud.add_sim(ICCID)
    lab.clock.sleep(242 * 86_400 + 3_600)  # it is 31 August: 18 months later there is no such day
    lab.use(began=True, up=5)
    lab.clock.sleep(547 * 86_400)
    assert len(lab.cloud.supersim_meter.ledger.entries) == 1
    lab.clock.sleep(2 * 86_400)
    assert lab.cloud.supersim_meter.ledger.entries == []


def test_usage_is_forgotten_after_eighteen_months(lab: Lab) -> None:
    lab.cloud.add_sim(ICCID)
    lab.use(began=True, up=5)
    lab.clock.sleep(17 * MONTH)
    lab.use(up=6)
    assert len(lab.cloud.supersim_meter.ledger.entries) == 2
    lab.clock.sleep(2 * MONTH)
    assert [entry.up for entry in lab.cloud.supersim_meter.ledger.entries] == [6]


def test_a_sim_can_go_to_a_subaccount_while_it_is_new(lab: Lab) -> None:
    sub = lab.cloud.rig.add_subaccount()
    sid, on = lab.cloud.add_sim(ICCID, status="new"), lab.cloud.add_sim("8988307000000000002")
    with pytest.raises(Refused, match="new"):
        lab.call("UpdateSim", on, AccountSid=sub)
    with pytest.raises(Refused, match="subaccounts"):
        lab.call("UpdateSim", sid, AccountSid="AC" + 32 * "0")
    lab.cloud.fleets.default_fleet()
    for also in ({"Status": "active", "Fleet": "default"}, {"Fleet": "default"}):
        with pytest.raises(Refused, match="together with the account") as refused:
            lab.call("UpdateSim", sid, AccountSid=sub, **also)
        assert refused.value.code == 83010
    lab.call("UpdateSim", sid, Fleet="default")
    moved = lab.call("UpdateSim", sid, AccountSid=sub, UniqueName="moved")
    assert (moved.account_sid, moved.unique_name, moved.fleet_sid) == (sub, "moved", None)
    assert lab.cloud.subscription(ICCID) is None
    with pytest.raises(Refused, match="was not found"):
        lab.call("FetchSim", sid)
