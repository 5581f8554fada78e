"""Every error code of Super SIM (83xxx) and Programmable Wireless (33xxx), brought about as a client or device would.

A case returns the codes it saw: in responses, webhooks, connection events or the Debugger. The last test fails if the
catalogue has a code that no case shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from harness.drivers.webhook_sink import WebhookSink
from harness.virtual.cloud.refusals import CATALOGUE
from harness.virtual.network.seams import AccessTechnology, Attachment, Cell, DataUsage
from tests.integration.cloud.conftest import Stack

ICCID, OTHER = "8988307000000000001", "8988306000000000001"
ATT = Cell(plmn="310410", operator="AT&T", operator_short="AT&T", act=AccessTechnology.E_UTRAN, tac=1, ci=2,
           rssi_dbm=-70)


class Client:
    """Both APIs over HTTP, and the network's side of the seam."""

    def __init__(self, stack: Stack, sink: WebhookSink) -> None:
        self.stack, self.sink, self.cloud = stack, sink, stack.cloud

    def call(self, api: str, method: str, path: str, **parameters: Any) -> tuple[int, dict[str, Any]]:
        query, form = (parameters, None) if method == "GET" else (None, parameters)
        answer = requests.request(method, f"{getattr(self.stack.server.urls, api)}/v1{path}", auth=self.stack.auth,
                                  timeout=5, params=query, data=form)
        return answer.status_code, answer.json() if answer.content else {}

    def post(self, api: str, path: str, **form: Any) -> int:
        return int(self.call(api, "POST", path, **form)[1].get("code", 0))

    def get(self, api: str, path: str, **query: Any) -> int:
        return int(self.call(api, "GET", path, **query)[1].get("code", 0))

    def attach(self, iccid: str, *, accepted: bool = True, cause: int = 0, cell: Cell | None = ATT) -> None:
        with self.stack.world.turn():
            self.cloud.attachment(Attachment(iccid=iccid, imsi="732123000000001", imei="490154203237518", cell=cell,
                                             accepted=accepted, cause=cause))

    def use(self, iccid: str, session: int = 1, **values: Any) -> None:
        with self.stack.world.turn():
            self.cloud.data_usage(DataUsage(**{"iccid": iccid, "imsi": "732123000000001", "imei": "490154203237518",
                                               "session_id": session, "apn": "super", "ip": "100.64.0.9", "cell": ATT,
                                               **values}))

    def debugged(self) -> list[int]:
        return [event.code for event in self.cloud.debugger_events]

    def event_codes(self) -> list[int]:
        found: list[Any] = [event["data"] for event in self.cloud.connection_events.events]
        return [data["error"]["code"] for data in found if "error" in data]

    def told(self) -> list[int]:
        """Return the error codes of the webhooks so far."""
        self.stack.clock.sleep("1min")
        return [int(hook.parameters["ErrorCode"]) for hook in self.sink.received if hook.parameters.get("ErrorCode")]


def registration(client: Client) -> list[int]:
    client.cloud.add_card(ICCID, "H3LL0W0RLD")
    sims = "/Sims"
    codes = [client.post("supersim", sims, Iccid=ICCID), client.post("supersim", sims, RegistrationCode="x"),
             client.post("supersim", sims, Iccid=ICCID, RegistrationCode="wrong")]
    client.cloud.rig.plan_failure(83000)
    right = {"Iccid": ICCID, "RegistrationCode": "H3LL0W0RLD"}
    codes += [client.post("supersim", sims, **right), client.post("supersim", sims, **right),
              client.post("supersim", sims, **right)]
    assert codes == [83001, 83001, 83002, 83000, 0, 83003]
    return codes


def sim_updates(client: Client) -> list[int]:
    client.cloud.add_sim(ICCID, status="new", unique_name="new")
    client.cloud.add_sim(OTHER, status="active", unique_name="on")
    api = "supersim"
    codes = [client.post(api, "/SmsCommands", Sim="nobody", Payload="x"),
             client.post(api, "/Sims/new", Fleet="nothing"), client.post(api, "/Sims/new", Status="active"),
             client.post(api, "/Sims/on", Fleet=""), client.post(api, "/Sims/on", Status="ready"),
             client.post(api, "/Sims/new", UniqueName="on"), client.post(api, "/Sims/new", Status="inactive")]
    client.post(api, "/Fleets", UniqueName="second", NetworkAccessProfile="default")
    codes += [client.post(api, "/Sims/new", Status="active", Fleet="second"),
              client.post(api, "/Sims/new", Fleet="default"), client.post(api, "/Sims/new", Status="inactive")]
    assert codes == [83005, 83006, 83007, 83008, 83010, 83011, 83010, 0, 83009, 83010]
    return codes


def sim_update_failed(client: Client) -> list[int]:
    client.cloud.add_sim(ICCID, status="active", unique_name="on")
    client.cloud.rig.plan_failure(83004)
    assert client.post("supersim", "/Sims/on", Status="inactive", CallbackUrl=client.sink.url) == 0
    assert client.told() == [83004]
    assert client.call("supersim", "GET", "/Sims/on")[1]["status"] == "active"
    return client.debugged()


def ip_commands(client: Client) -> list[int]:
    client.cloud.add_sim(ICCID, unique_name="on")
    command = {"Sim": "on", "Payload": "hi", "DevicePort": 1, "CallbackUrl": client.sink.url}
    client.post("supersim", "/IpCommands", **command)
    client.stack.clock.sleep("1min")
    client.stack.ether.reachable.add(ICCID)
    client.cloud.rig.plan_failure(83400)
    client.post("supersim", "/IpCommands", **command)
    client.stack.clock.sleep("1min")
    assert not client.stack.ether.datagrams  # what failed never reached the device
    client.sink.status = 500
    client.post("supersim", "/IpCommands", **command)
    assert client.told() == [83401, 83400]
    assert client.debugged() == [83401, 83400, 11217, 83402]
    return client.debugged()


def esim(client: Client) -> list[int]:
    client.cloud.rig.set_esim_stock(0)
    return [client.post("supersim", "/ESimProfiles", GenerateMatchingId="true")]


def usage(client: Client) -> list[int]:
    client.stack.clock.sleep(3 * 365 * 86_400)

    def ask(**query: str) -> int:
        return client.get("supersim", "/UsageRecords", **query)

    codes = [ask(Granularity="week"), ask(StartTime="2028-12-01T00:00:00Z", EndTime="2028-11-01T00:00:00Z"),
             ask(Granularity="day", StartTime="2028-12-01T01:00:00Z"),
             ask(Granularity="hour", StartTime="2028-12-20T00:30:00Z"),
             ask(Granularity="day", StartTime="2028-09-01T00:00:00Z", EndTime="2028-12-02T00:00:00Z"),
             ask(Granularity="hour", StartTime="2028-11-01T00:00:00Z", EndTime="2028-12-03T00:00:00Z"),
             ask(Group="sim", StartTime="2028-11-01T00:00:00Z", EndTime="2028-12-03T00:00:00Z"),
             ask(StartTime="2026-01-01T00:00:00Z")]
    assert codes == [83600, 83600, 83601, 83602, 83604, 83604, 83603, 83605]
    assert ask(Granularity="day", StartTime="2028-09-01T00:00:00Z", EndTime="2028-12-01T00:00:00Z") == 0
    assert ask(Granularity="hour") == ask(Granularity="day") == ask(Group="sim") == 0
    return codes


def connection_events(client: Client) -> list[int]:
    client.cloud.add_sim(ICCID, status="new", unique_name="one")
    client.attach(ICCID, accepted=False, cause=15)
    client.cloud.add_sim(OTHER, status="inactive")
    client.attach(OTHER, accepted=False, cause=15)
    client.cloud.add_sim("8988307000000000003", unique_name="far")
    client.post("supersim", "/NetworkAccessProfiles", UniqueName="nothing")
    client.post("supersim", "/Fleets/default", NetworkAccessProfile="nothing")
    client.attach("8988307000000000003", accepted=False, cause=15)
    client.post("supersim", "/Fleets/default", NetworkAccessProfile="default")
    client.attach("8988307000000000003", accepted=False, cause=17)
    client.use("8988307000000000003", cause=38, ip="")
    assert client.event_codes() == [83704, 83705, 83702, 83700, 83701]
    client.cloud.rig.plan_failure(83700)
    client.cloud.rig.plan_failure(83701)
    with client.stack.world.turn():  # what the network asks, and a device is told: tests/integration/rig
        ask = client.cloud.core_failure
        assert [ask("89000", session=False), ask("89000", session=True)] == [0, 0]
        assert [ask("8988307000000000003", session=session) for session in (False, True, False, True)] == [17, 38, 0, 0]
    return client.event_codes()


def reattach_loop(client: Client) -> list[int]:
    client.cloud.add_sim(ICCID)
    for _ in range(client.cloud.choices.reattach_limit + 1):
        client.attach(ICCID)
        client.attach(ICCID, accepted=False)
    subscription = client.cloud.subscription(ICCID)
    assert subscription is not None
    assert not subscription.attach_allowed
    client.attach(ICCID, accepted=False, cause=15)
    client.stack.clock.sleep(client.cloud.choices.reattach_window)
    after = client.cloud.subscription(ICCID)
    assert after is not None
    assert after.attach_allowed
    return client.event_codes()


def wireless_updates(client: Client) -> list[int]:
    cloud, api = client.cloud, "wireless"
    cloud.add_wireless_sim(ICCID, status="new", unique_name="new")
    cloud.add_wireless_sim(OTHER, status="active", unique_name="on")
    cloud.add_wireless_sim("8988306000000000002", status="new", unique_name="nb", narrowband=True)
    client.post(api, "/RatePlans", UniqueName="quota", DataMetering="quota-10")
    client.post(api, "/RatePlans", UniqueName="slow", DataLimitStrategy="throttle")
    codes = [client.post(api, "/Sims/new", Status="active"),
             client.post(api, "/Sims/new", RatePlan="nothing"),
             client.post(api, "/Sims/new", Status="happy"),
             client.post(api, "/Sims/new", RatePlan="quota", Status="active"),
             client.post(api, "/Sims/new", RatePlan="default", Status="suspended"),
             client.post(api, "/Sims/new", Status="canceled"),
             client.post(api, "/Sims/on", Status="suspended", RatePlan=""),
             client.post(api, "/Sims/on", Status="suspended", ResetStatus="resetting"),
             client.post(api, "/Sims/on", RatePlan=""), client.post(api, "/Sims/on", RatePlan="slow"),
             client.post(api, "/Sims/on", UniqueName="new"), client.post(api, "/Sims/nb", RatePlan="default"),
             client.post(api, "/RatePlans", UniqueName="slow"), client.post(api, "/RatePlans", UniqueName=65 * "x"),
             client.post(api, "/RatePlans", UniqueName="WP" + 32 * "0"), client.post(api, "/RatePlans", DataLimit="-1"),
             client.post(api, "/RatePlans", DataLimit="2000001"), client.get(api, "/Sims", PageSize="0"),
             client.get(api, "/Sims", PageSize="1001"), client.get(api, "/Sims", Page="-1"),
             client.get(api, "/Sims", PageToken="PAx")]
    assert codes == [33104, 33108, 33101, 33122, 33105, 33105, 33121, 33121, *8 * [33101], 33101, *4 * [33103]]
    client.post(api, "/Sims/on", Status="suspended")
    codes += [client.post(api, "/Sims/on", Status="active"), client.post(api, "/Sims/on", RatePlan="slow")]
    assert codes[-2:] == [33010, 33010]
    return codes


def wireless_resets(client: Client) -> list[int]:
    client.cloud.add_wireless_sim(ICCID, status="new", unique_name="new")
    client.cloud.add_wireless_sim(OTHER, unique_name="on")
    reset = {"ResetStatus": "resetting"}
    codes = [client.post("wireless", "/Sims/new", **reset), client.post("wireless", "/Sims/on", **reset),
             client.post("wireless", "/Sims/on", **reset)]
    client.stack.clock.sleep("1min")
    client.cloud.rig.set_operator_maintenance(True)
    codes.append(client.post("wireless", "/Sims/on", **reset))
    assert codes == [33119, 0, 33120, 33119]
    return codes


def wireless_accounts(client: Client) -> list[int]:
    cloud, api = client.cloud, "wireless"
    sub = cloud.rig.add_subaccount()
    client.post(api, "/RatePlans", UniqueName="plan")
    cloud.add_wireless_sim(ICCID, status="new", unique_name="new", rate_plan="plan")
    cloud.add_wireless_sim(OTHER, status="ready", unique_name="ready")
    cloud.add_wireless_sim("8988306000000000003", unique_name="on")
    codes = [client.post(api, "/Sims/new", AccountSid=sub), client.post(api, "/Sims/ready", AccountSid=sub),
             client.post(api, "/Sims/new", AccountSid=sub, RatePlan="plan"),
             client.post(api, "/Sims/new", AccountSid="AC" + 32 * "f"), client.post(api, "/Sims/on", AccountSid=sub)]
    assert codes == [33102, 33102, 33108, 33201, 33201]
    assert client.call(api, "POST", "/Sims/new", AccountSid=sub, RatePlan="")[1]["account_sid"] == sub
    assert client.get(api, "/Sims/new") == 20404
    return codes


def wireless_failures(client: Client) -> list[int]:
    client.cloud.add_wireless_sim(ICCID, unique_name="on")
    client.cloud.rig.plan_failure(33004)
    client.cloud.rig.plan_failure(33000)
    update = {"Status": "suspended", "CallbackUrl": client.sink.url}
    codes = [client.post("wireless", "/Sims/on", **update), client.post("wireless", "/Sims/on", **update)]
    assert codes == [33004, 0]
    assert client.told() == [33000]
    client.post("wireless", "/Sims/on", **update)
    client.cloud.rig.suspend()
    assert client.told() == [33000, 33201]
    assert client.call("wireless", "GET", "/Sims/on")[1]["status"] == "active"
    return codes + client.debugged()


def commands(client: Client) -> list[int]:
    cloud, api = client.cloud, "wireless"
    client.post(api, "/RatePlans", UniqueName="silent", MessagingEnabled="false")
    nb = cloud.rig.add_narrowband_plan("nb")
    cloud.add_wireless_sim(ICCID, status="suspended", unique_name="off")
    cloud.add_wireless_sim(OTHER, unique_name="silent", rate_plan="silent")
    cloud.add_wireless_sim("8988306000000000004", unique_name="nb", rate_plan=nb.sid, narrowband=True)
    codes = [client.post(api, "/Commands", Command="x"), client.post(api, "/Commands", Sim="off"),
             client.post(api, "/Commands", Sim="nobody", Command="x"),
             client.post(api, "/Commands", Sim="off", Command="x"),
             client.post(api, "/Commands", Sim="silent", Command="x"),
             client.post(api, "/Commands", Sim="silent", Command=161 * "x"),
             client.post(api, "/Commands", Sim="silent", Command=129 * "x", IncludeSid="end"),
             client.post(api, "/Commands", Sim="silent", Command="%%%", CommandMode="binary"),
             client.post(api, "/Commands", Sim="silent", Command="AAAA", CommandMode="binary", IncludeSid="end")]
    assert codes == [33102, 33102, 33107, 33104, 33201, 33101, 33101, 33101, 33101]
    queued = [client.post(api, "/Commands", Sim="nb", Command="x") for _ in range(101)]
    assert queued == [*100 * [0], 33118]
    return codes + queued


def commands_from_devices(client: Client) -> list[int]:
    cloud = client.cloud
    cloud.add_wireless_sim(ICCID, status="suspended", unique_name="off")
    sid = cloud.add_wireless_sim(OTHER, unique_name="on")
    client.post("wireless", f"/Sims/{sid}", CommandsCallbackUrl=client.sink.url)
    with client.stack.world.turn():
        cloud.sms_received(ICCID, "hello")
        cloud.sms_received(OTHER, 200 * "x")
    assert client.debugged() == [33203, 33111]
    assert client.told() == [33111]
    assert client.sink.received[-1].parameters["Command"] == 160 * "x"
    return client.debugged()


CASES: tuple[Callable[[Client], list[int]], ...] = (
    registration, sim_updates, sim_update_failed, ip_commands, esim, usage, connection_events, reattach_loop,
    wireless_updates, wireless_resets, wireless_accounts, wireless_failures, commands, commands_from_devices)

SEEN: dict[str, list[int]] = {}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_codes(case: Callable[[Client], list[int]], stack: Stack, sink: WebhookSink) -> None:
    SEEN[case.__name__] = case(Client(stack, sink))


def test_no_code_of_the_catalogue_is_missing(make_stack: Callable[..., Stack]) -> None:
    seen = {code for codes in SEEN.values() for code in codes}
    for case in CASES:  # those that another process ran, or that were not chosen
        if case.__name__ not in SEEN:
            stack = make_stack()
            with WebhookSink(stack.clock, stack.cloud.auth_token) as sink:
                seen |= set(case(Client(stack, sink)))
    assert sorted(set(CATALOGUE) - seen) == []
