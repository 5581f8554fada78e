"""The hand behind the cloud, by HTTP: what a program in another process does where no API does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import ApiError
from harness.virtual.network.seams import AccessTechnology, Attachment, Cell
from tests.integration.cloud.test_admin import Admin

if TYPE_CHECKING:
    from harness.drivers.webhook_sink import WebhookSink
    from tests.integration.cloud.conftest import Stack

ICCID, WIRELESS = "8988307000000000001", "8988306000000000001"
EID = 32 * "8"
CELL = Cell(plmn="310410", operator="AT&T", operator_short="AT&T", act=AccessTechnology.E_UTRAN, tac=1, ci=2,
            rssi_dbm=-70)


@pytest.fixture
def admin(stack: Stack) -> Admin:
    return Admin(stack)


def _attach(stack: Stack, *, accepted: bool = True) -> None:
    with stack.world.turn():
        stack.cloud.attachment(Attachment(iccid=ICCID, imsi="732123000000001", imei="490154203237518", cell=CELL,
                                          accepted=accepted))


def test_connection_events_go_to_sinks(stack: Stack, admin: Admin, sink: WebhookSink) -> None:
    stack.cloud.add_sim(ICCID)
    sid = admin("POST", "/sinks", {"url": sink.url, "types": ["attachment.accepted"]})["sid"]
    assert [known["sid"] for known in admin("GET", "/sinks")["sinks"]] == [sid]
    _attach(stack)
    told = sink.expect("connection_events", within="5s")
    assert [event["type"] for event in told.events] == ["com.twilio.iot.supersim.connection.attachment.accepted"]
    assert admin("GET", "/connection-events")["events"] == list(told.events)
    assert admin("DELETE", f"/sinks?sid={sid}") == {"removed": 1}
    assert admin("DELETE", f"/sinks?sid={sid}") == {"removed": 0}
    _attach(stack)
    stack.clock.sleep("10s")
    assert len(sink.received) == 1


def test_an_esim_profile_goes_all_the_way(stack: Stack, admin: Admin, sink: WebhookSink) -> None:
    profile = stack.client.supersim.esim_profiles.create(eid=EID, callback_url=sink.url)
    profile.wait_status("available")
    assert admin("POST", "/esim-profiles", {"profile": EID, "event": "downloaded"})["status"] == "downloaded"
    assert admin("POST", "/esim-profiles", {"profile": profile.sid, "event": "installed"})["status"] == "installed"
    assert [sink.expect("esim_profile", status=status, within="5s").signed for status in (
        "available", "downloaded")] == [True, True]
    other = stack.client.supersim.esim_profiles.create(generate_matching_id=True).wait_status("available")
    admin("POST", "/esim-profiles", {"profile": other.sid, "event": "failed", "code": "8.1", "message": "no memory"})
    assert other.refresh().data["error_message"] == "no memory"
    admin("POST", "/esim-profiles", {"profile": other.sid, "event": "installed"}, status=400)
    admin("POST", "/esim-stock", {"count": 0})
    with pytest.raises(ApiError) as refused:
        stack.client.supersim.esim_profiles.create(eid=EID)
    assert refused.value.code == 83500


def test_settings_addresses_and_subaccounts(stack: Stack, admin: Admin) -> None:
    stack.cloud.add_sim(ICCID, unique_name="one")
    update = admin("POST", "/settings-updates", {"sim": "one", "packages": [{"name": "p", "version": "2"}]})
    [listed] = stack.client.supersim.settings_updates(sim="one")
    assert (listed.sid, listed.status) == (update["sid"], "scheduled")
    admin("POST", "/addresses", {"sim": "one", "addresses": ["10.0.0.9"]})
    assert [item.address for item in stack.client.supersim.sim("one").ip_addresses()] == ["10.0.0.9"]
    sub = admin("POST", "/subaccounts")["sid"]
    new = stack.cloud.add_sim("8988307000000000002", status="new")
    assert stack.client.supersim.sim(new).move_to(sub).data["account_sid"] == sub


def test_mishaps(stack: Stack, admin: Admin) -> None:
    stack.cloud.add_sim(ICCID, unique_name="one")
    admin("POST", "/failures", {"code": 83004})
    sim = stack.client.supersim.sim("one").update(status="inactive")
    stack.clock.sleep("5s")
    assert sim.refresh().status == "active"
    admin("POST", "/failures", {"code": 83005}, status=400)
    sid = stack.cloud.add_wireless_sim(WIRELESS)
    admin("POST", "/maintenance", {"on": True})
    wireless = stack.client.wireless.sim(sid).update(status="suspended")
    assert wireless.status == "scheduled"
    admin("POST", "/maintenance", {"on": False})
    wireless.wait_status("suspended")
    admin("POST", "/suspension", {"on": True})
    wireless.update(status="active")
    stack.clock.sleep("5s")
    assert wireless.refresh().status == "suspended"
    assert admin("GET", "/debugger")["events"][-1]["code"] == 33201
    assert stack.client.wireless.rate_plans.get(admin("POST", "/narrowband-plans", {"unique_name": "nb"})["sid"])


@pytest.mark.parametrize(("path", "body"), [
    ("/sinks", {"url": "ftp://x"}), ("/sinks", {"url": "http://127.0.0.1/", "types": ["nothing"]}), ("/sinks", b"{"),
    ("/failures", {"code": 83004, "count": 0}), ("/esim-profiles", {"profile": "x", "event": "eaten"}),
    ("/esim-stock", {"count": -1}), ("/addresses", {"sim": "nobody", "addresses": []}), ("/suspension", {}),
    ("/settings-updates", {"sim": "nobody"}), ("/subaccounts", {"sid": "AC1"}),
    ("/narrowband-plans", {"unique_name": ""}),
])
def test_what_breaks_a_rule_is_refused(admin: Admin, path: str, body: Any) -> None:
    assert admin("POST", path, body, status=400)["error"]
