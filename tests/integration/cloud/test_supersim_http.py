"""Super SIM over real HTTP: raw requests, the driver and webhooks, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import requests

from harness.errors import ApiError, CloudError, PortTaken, TimeoutExpired
from harness.virtual.cloud import CloudPorts, CloudServer

if TYPE_CHECKING:
    from harness.drivers.webhook_sink import WebhookSink
    from tests.integration.cloud.conftest import Stack

ICCID = "8988307000000000001"

DENIED = {"code": 20003, "detail": "Your AccountSid or AuthToken was incorrect.",
          "message": "Authentication Error - No credentials provided",
          "more_info": "https://www.twilio.com/docs/errors/20003", "status": 401}


# -- the HTTP contract ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("auth", [None, ("AC" + 32 * "0", "x"), ("", "")])
@pytest.mark.parametrize("host", ["supersim", "wireless", "microvisor", "upload"])
def test_wrong_credentials_get_the_documented_body(stack: Stack, host: str, auth: tuple[str, str] | None) -> None:
    response = requests.get(getattr(stack.server.urls, host) + "/v1/Sims", auth=auth, timeout=5)
    assert (response.status_code, response.json()) == (401, DENIED)


def test_right_user_with_another_password_is_denied(stack: Stack) -> None:
    url = stack.server.urls.supersim + "/v1/Sims"
    for password in ("", stack.cloud.auth_token[:-1], stack.cloud.auth_token + "0"):
        assert requests.get(url, auth=(stack.cloud.account_sid, password), timeout=5).json() == DENIED
    assert requests.get(url, auth=stack.auth, timeout=5).status_code == 200


@pytest.mark.parametrize("path", ["/v1/Sims/HS" + 32 * "0", "/v1/Sims/nobody", "/v1/Nothing", "/", "/v2/Sims",
                                  "/v1/Sims//", "/v1/SmsCommands/HC" + 32 * "a", "/v1/Sims/%FF%FE"])
def test_what_is_not_there_is_20404(stack: Stack, path: str) -> None:
    response = requests.get(stack.server.urls.supersim + path, auth=stack.auth, timeout=5)
    body = response.json()
    assert (response.status_code, body["code"], body["status"]) == (404, 20404, 404)
    assert body["more_info"] == "https://www.twilio.com/docs/errors/20404"
    assert "was not found" in body["message"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "QUERY", "TRACE"])
def test_a_known_path_with_another_method_is_20004(stack: Stack, method: str) -> None:
    response = requests.request(method, stack.server.urls.supersim + "/v1/Sims", auth=stack.auth, timeout=5)
    assert (response.status_code, response.json()["code"]) == (405, 20004)
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_the_json_suffix_is_optional(stack: Stack) -> None:
    stack.cloud.add_sim(ICCID, unique_name="one")
    stack.cloud.add_sim("8988307000000000002", unique_name="two.json")
    root = stack.server.urls.supersim + "/v1"

    def get(path: str) -> dict[str, Any]:
        answer: dict[str, Any] = requests.get(root + path, auth=stack.auth, timeout=5).json()
        return answer

    assert get("/Sims.json")["meta"]["key"] == "sims"
    assert get("/Sims/one.json") == get("/Sims/one")
    assert get("/Sims/two.json")["iccid"] == "8988307000000000002"
    assert get("/Sims/two.json.json")["iccid"] == "8988307000000000002"


def test_urls_are_built_from_the_host_of_the_request(stack: Stack) -> None:
    sid = stack.cloud.add_sim(ICCID)
    local = stack.server.urls.supersim
    for host, root in (("supersim.twilio.com", "http://supersim.twilio.com"), ("my.host:8080", "http://my.host:8080")):
        response = requests.get(f"{local}/v1/Sims/{sid}", auth=stack.auth, headers={"Host": host}, timeout=5)
        assert response.json()["url"] == f"{root}/v1/Sims/{sid}"
        listed = requests.get(f"{local}/v1/Sims", auth=stack.auth, headers={"Host": host}, timeout=5).json()
        assert listed["meta"]["url"] == f"{root}/v1/Sims?PageSize=50&Page=0"


def test_a_canonical_host_decides_which_api_answers(stack: Stack) -> None:
    response = requests.get(stack.server.urls.supersim + "/v1/Devices", auth=stack.auth, timeout=5,
                            headers={"Host": "microvisor.twilio.com"})
    assert response.json()["meta"]["url"] == "http://microvisor.twilio.com/v1/Devices?PageSize=50&Page=0"


def test_pages_lead_on_and_back(stack: Stack) -> None:
    sids = [stack.cloud.add_sim(f"89883070000000000{number:02}") for number in range(7)]
    url: str | None = stack.server.urls.supersim + "/v1/Sims?Status=active&PageSize=3"
    pages = []
    while url:
        pages.append(requests.get(url, auth=stack.auth, timeout=5).json())
        url = pages[-1]["meta"]["next_page_url"]
    assert [sim["sid"] for page in pages for sim in page["sims"]] == sids[::-1]
    assert [page["meta"]["page"] for page in pages] == [0, 1, 2]
    assert pages[0]["meta"]["previous_page_url"] is None
    assert pages[0]["meta"]["first_page_url"].endswith("/v1/Sims?Status=active&PageSize=3&Page=0")
    back = requests.get(pages[2]["meta"]["previous_page_url"], auth=stack.auth, timeout=5).json()
    assert back["sims"] == pages[1]["sims"]
    assert back["meta"]["page"] == 1
    again = requests.get(pages[1]["meta"]["url"], auth=stack.auth, timeout=5).json()
    assert again == pages[1]


@pytest.mark.parametrize(("query", "code"), [
    ("PageSize=0", 20422), ("PageSize=1001", 20007), ("PageSize=x", 20422), ("Page=-1", 20422), ("Page=1.5", 20422),
    ("PageToken=PA0000000000000000000000000000", 20422), ("PageToken=", 20422), ("PageToken=PA%C3%A9", 20422),
    ("Status=happy", 20422), ("Status=new&Status=ready", 20422), ("PageSize=1&PageSize=2", 20422), ("Fleet=%FF", 20422),
])
def test_bad_queries_are_refused(stack: Stack, query: str, code: int) -> None:
    response = requests.get(f"{stack.server.urls.supersim}/v1/Sims?{query}", auth=stack.auth, timeout=5)
    assert (response.status_code, response.json()["code"]) == (400, code)


def test_a_page_token_is_good_for_its_own_list_only(stack: Stack) -> None:
    for number in range(3):
        stack.cloud.add_sim(f"898830700000000000{number}")
    root = stack.server.urls.supersim
    token = requests.get(root + "/v1/Sims?PageSize=1", auth=stack.auth, timeout=5).json()["meta"]["next_page_url"]
    elsewhere = token.replace("/v1/Sims", "/v1/Fleets")
    assert requests.get(elsewhere, auth=stack.auth, timeout=5).status_code == 400


@pytest.mark.parametrize(("form", "code"), [
    ({}, 20001), ({"Sim": "one"}, 20001), ({"Sim": "one", "Payload": ""}, 20422),
    ({"Sim": "one", "Payload": 161 * "x"}, 20422), ({"Sim": "one", "Payload": 81 * "{"}, 20422),
    ({"Sim": "one", "Payload": "snow \N{SNOWMAN}"}, 20422), ({"Sim": "nobody", "Payload": "x"}, 83005),
    ({"Sim": "asleep", "Payload": "x"}, 20422), ({"sim": "one", "payload": "x"}, 20001),
    ({"Sim": "one", "Payload": "x", "CallbackUrl": "ftp://host/"}, 20422),
    ({"Sim": "one", "Payload": "x", "CallbackUrl": "http://[::1"}, 20422),
    ({"Sim": "one", "Payload": "x", "CallbackMethod": "PUT"}, 20422), ({"Sim": ["one", "one"], "Payload": "x"}, 20422),
])
def test_bad_sms_commands_are_refused_and_change_nothing(stack: Stack, form: dict[str, str], code: int) -> None:
    stack.cloud.add_sim(ICCID, unique_name="one")
    stack.cloud.add_sim("8988307000000000002", unique_name="asleep", status="inactive")
    response = requests.post(stack.server.urls.supersim + "/v1/SmsCommands", data=form, auth=stack.auth, timeout=5)
    assert response.json()["code"] == code
    assert response.status_code in (400, 404)
    assert len(stack.cloud.sms_commands.commands) == 0
    stack.clock.sleep("10s")
    assert stack.ether.texts == []


def test_other_bodies_are_refused(stack: Stack) -> None:
    url = stack.server.urls.supersim + "/v1/SmsCommands"
    answers = [
        requests.post(url, json={"Sim": "one"}, auth=stack.auth, timeout=5),
        requests.post(url, data=b"Payload=%FF&Sim=x", auth=stack.auth, timeout=5,
                      headers={"Content-Type": "application/x-www-form-urlencoded"}),
        requests.post(url, data=b"a=" + 300_000 * b"x", auth=stack.auth, timeout=5,
                      headers={"Content-Type": "application/x-www-form-urlencoded"}),
        requests.post(url, data=b"&".join(b"a=1" for _ in range(1_001)), auth=stack.auth, timeout=5,
                      headers={"Content-Type": "application/x-www-form-urlencoded"}),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (415, 20422), (400, 20422), (413, 20413), (400, 20422)]


def test_unknown_parameters_are_ignored_and_counted(stack: Stack) -> None:
    stack.cloud.add_sim(ICCID, unique_name="one")
    response = requests.post(stack.server.urls.supersim + "/v1/Sims/one", data={"Colour": "red"}, auth=stack.auth,
                             timeout=5)
    assert response.status_code == 200
    assert stack.cloud.account.ignored_parameters == 1


# -- the server ---------------------------------------------------------------------------------------------------


def test_a_taken_port_is_an_error_and_leaves_nothing(stack: Stack) -> None:
    taken = int(stack.server.urls.upload.rpartition(":")[2])
    second = CloudServer(stack.cloud, ports=CloudPorts(upload=taken))
    with pytest.raises(PortTaken, match=f"{taken} for upload"):
        second.start()
    second.stop()


def test_stop_closes_all_ports_and_start_opens_them_again(stack: Stack) -> None:
    urls = stack.server.urls
    ports = CloudPorts(**{name: int(getattr(urls, name).rpartition(":")[2])
                          for name in ("supersim", "wireless", "microvisor", "upload")})
    stack.server.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(urls.supersim, timeout=5)
    with CloudServer(stack.cloud, ports=ports) as again:
        assert again.urls == urls
        assert requests.get(urls.supersim + "/v1/Sims", auth=stack.auth, timeout=5).status_code == 200


# -- Sims -----------------------------------------------------------------------------------------------------------


def test_a_status_update_takes_its_time_and_is_called_back(stack: Stack, sink: WebhookSink) -> None:
    sid = stack.cloud.add_sim(ICCID, status="new", unique_name="one")
    fleet = stack.client.supersim.fleets.create(network_access_profile="default", unique_name="trackers")
    response = requests.post(f"{stack.server.urls.supersim}/v1/Sims/{sid}", auth=stack.auth, timeout=5, data={
        "Status": "active", "Fleet": "trackers", "CallbackUrl": sink.url})
    assert (response.status_code, response.json()["status"]) == (202, "scheduled")
    assert stack.cloud.subscription(ICCID) is not None
    sim = stack.client.supersim.sim(ICCID)
    assert sim.wait_status("active", within="60s").fleet_sid == fleet.sid
    webhook = sink.expect("sim_status", status="active", within="1s")
    assert webhook.parameters["SimSid"] == sid
    assert webhook.parameters["SimStatus"] == "active"
    assert ICCID in stack.ether.changed


def test_updates_that_need_no_work_are_200(stack: Stack) -> None:
    stack.cloud.add_sim(ICCID, status="new")
    stack.client.supersim.fleets.create(network_access_profile="default", unique_name="trackers")
    url = f"{stack.server.urls.supersim}/v1/Sims/{stack.client.supersim.sim(ICCID).sid}"
    name = "a name/with?#odd&chars"
    for form in ({"UniqueName": name}, {"Fleet": "trackers"}, {"AccountSid": stack.cloud.account_sid}):
        assert requests.post(url, data=form, auth=stack.auth, timeout=5).status_code == 200
    sim = stack.client.supersim.sim(name)
    assert (sim.unique_name, sim.fleet_sid is not None, sim.status) == (name, True, "new")


@pytest.mark.parametrize(("status", "fleet", "form", "code", "http"), [
    ("new", None, {"Status": "active"}, 83007, 400), ("active", "default", {"Fleet": ""}, 83008, 400),
    ("active", "default", {"Status": "ready"}, 83010, 400), ("new", None, {"Status": "inactive"}, 83010, 400),
    ("active", "default", {"Fleet": "nowhere"}, 83006, 404), ("active", "default", {"UniqueName": "taken"}, 83011, 409),
    ("inactive", "default", {"Status": "ready"}, 83010, 400), ("active", "default", {"Status": "new"}, 20422, 400),
    ("active", "default", {"UniqueName": 65 * "x"}, 20422, 400),
    ("active", None, {"UniqueName": "HS" + 32 * "0"}, 20422, 400),
    ("new", None, {"AccountSid": "AC" + 32 * "0"}, 20403, 403),
])
def test_illegal_updates_have_their_codes_and_change_nothing(stack: Stack, status: str, fleet: str | None,
                                                             form: dict[str, str], code: int, http: int) -> None:
    stack.cloud.add_sim("8988307000000000002", unique_name="taken")
    sid = stack.cloud.add_sim(ICCID, status=status, fleet=fleet)
    url = f"{stack.server.urls.supersim}/v1/Sims/{sid}"
    before = requests.get(url, auth=stack.auth, timeout=5).json()
    response = requests.post(url, data=form, auth=stack.auth, timeout=5)
    assert (response.status_code, response.json()["code"]) == (http, code)
    stack.clock.sleep("1h")
    assert requests.get(url, auth=stack.auth, timeout=5).json() == before


def may_attach(stack: Stack) -> bool:
    subscription = stack.cloud.subscription(ICCID)
    assert subscription is not None
    return subscription.attach_allowed


def test_a_scheduled_sim_takes_no_second_update(stack: Stack) -> None:
    sid = stack.cloud.add_sim(ICCID, status="active")
    stack.client.supersim.fleets.create(network_access_profile="default", unique_name="other")
    sim = stack.client.supersim.sim(sid).update(status="inactive")
    with pytest.raises(ApiError) as moved:
        sim.update(status="active")
    with pytest.raises(ApiError) as fleet:
        sim.update(fleet="other")
    assert (moved.value.code, fleet.value.code) == (83010, 83009)
    assert may_attach(stack)  # the old status counts until the new one is there
    sim.wait_status("inactive")
    assert not may_attach(stack)


def test_leaving_the_fleet_is_allowed_together_with_inactive(stack: Stack) -> None:
    sim = stack.client.supersim.sim(stack.cloud.add_sim(ICCID))
    assert sim.update(status="inactive", fleet="").wait_status("inactive").fleet_sid is None


def test_cards_are_registered_with_their_code(stack: Stack) -> None:
    stack.cloud.add_card(ICCID, "1234567890")
    supersim = stack.client.supersim
    with pytest.raises(ApiError) as wrong:
        supersim.register_sim(ICCID, "0000000000")
    sim = supersim.register_sim(ICCID, "1234567890")
    with pytest.raises(ApiError, match=sim.sid) as again:
        supersim.register_sim(ICCID, "1234567890")
    response = requests.post(stack.server.urls.supersim + "/v1/Sims", data={"Iccid": ICCID}, auth=stack.auth, timeout=5)
    assert (sim.status, sim.fleet_sid) == ("new", None)
    assert (wrong.value.code, again.value.code, response.json()["code"]) == (83002, 83003, 83001)


def test_the_fifth_text_activates_a_ready_sim(stack: Stack) -> None:
    sim = stack.client.supersim.sim(stack.cloud.add_sim(ICCID, status="ready"))
    for number in range(4):
        sim.send_sms(f"free {number}")
    assert sim.refresh().status == "ready"
    with stack.world.turn():
        stack.cloud.sms_received(ICCID, "the fifth")
    assert sim.refresh().status == "active"


# -- Fleets and profiles ------------------------------------------------------------------------------------------


def test_fleets_have_their_defaults_and_fixed_properties(stack: Stack) -> None:
    fleet = stack.client.supersim.fleets.create(network_access_profile="default", unique_name="f",
                                                  sms_commands_enabled=False)
    assert (fleet.data["data_limit"], fleet.data["data_metering"], fleet.data["data_enabled"]) == (1000, "payg", True)
    assert (fleet.data["sms_commands_enabled"], fleet.data["ip_commands_method"]) == (False, "POST")
    fleet.update(data_limit=5, unique_name="g", sms_commands_enabled=True)
    assert (fleet.refresh().data["data_limit"], fleet.data["sms_commands_enabled"]) == (5, False)
    assert stack.client.supersim.fleets.get("g").sid == fleet.sid
    for settings in ({"data_limit": 0}, {"data_limit": 2_000_001}, {"unique_name": "g"}):
        with pytest.raises(ApiError):
            stack.client.supersim.fleets.create(network_access_profile="default", **settings)
    with pytest.raises(ApiError) as missing:
        stack.client.supersim.fleets.create(network_access_profile="nowhere")
    assert missing.value.status == 404
    assert [item.sid for item in stack.client.supersim.fleets] == [fleet.sid]


def test_a_fleet_without_sms_refuses_texts(stack: Stack) -> None:
    stack.client.supersim.fleets.create(network_access_profile="default", unique_name="mute",
                                          sms_commands_enabled=False)
    sim = stack.client.supersim.sim(stack.cloud.add_sim(ICCID, fleet="mute"))
    with pytest.raises(ApiError, match="does not allow SMS Commands"):
        sim.send_sms("hello")


# -- Commands -----------------------------------------------------------------------------------------------------


def test_a_text_is_delivered_and_every_step_is_called_back(stack: Stack, sink: WebhookSink) -> None:
    stack.ether.reachable.add(ICCID)
    sim = stack.client.supersim.sim(stack.cloud.add_sim(ICCID, unique_name="project"))
    command = sim.send_sms("LED ON €{}", callback_url=sink.url, callback_method="GET")
    assert command.status == "queued"
    assert command.wait_status("delivered", within="60s").payload == "LED ON €{}"
    assert stack.ether.texts == [(ICCID, "LED ON €{}")]
    sink.expect("sms_command", status="delivered", within="1s")
    assert [(hook.method, hook.parameters["Status"], hook.signed) for hook in sink.received] == [
        ("GET", "sent", True), ("GET", "delivered", True)]
    assert sink.received[0].parameters["SimUniqueName"] == "project"


def test_a_text_waits_a_day_and_then_fails(stack: Stack) -> None:
    command = stack.client.supersim.sim(stack.cloud.add_sim(ICCID)).send_sms("anybody?")
    command.wait_status("sent", within="5s")
    with pytest.raises(TimeoutExpired, match="status 'sent'"):
        command.wait_status("delivered", within="1h")
    with pytest.raises(CloudError, match="ended as 'failed'"):
        command.wait_status("delivered", within="25h")


def test_a_text_from_a_device_arrives_at_the_fleets_webhook(stack: Stack, sink: WebhookSink) -> None:
    sid = stack.cloud.add_sim(ICCID, unique_name="project")
    stack.client.supersim.fleets.get("default").update(sms_commands_url=sink.url + "?x=1")
    with stack.world.turn():
        stack.cloud.sms_received(ICCID, "hi")
    webhook = sink.expect("sms_command", direction="from_sim", payload="hi", within="10s")
    command = next(stack.client.supersim.sms_commands(direction="from_sim", sim="project"))
    assert dict(webhook.parameters) == {
        "Status": "received", "ApiVersion": "v1", "Command": "hi", "SimUniqueName": "project", "Payload": "hi",
        "SimSid": sid, "Direction": "from_sim", "CommandSid": command.sid,
        "AccountSid": stack.cloud.account_sid, "PayloadType": "text"}
    assert (command.status, command.payload, webhook.path) == ("received", "hi", "/webhooks?x=1")


def test_datagrams_travel_both_ways(stack: Stack, sink: WebhookSink) -> None:
    stack.ether.reachable.add(ICCID)
    sim = stack.client.supersim.sim(stack.cloud.add_sim(ICCID))
    stack.client.supersim.fleets.get("default").update(ip_commands_url=sink.url, ip_commands_method="GET")
    text, binary = sim.send_ip("NUM=1234", 6969), sim.send_ip(b"\x00\xff", 6970)
    assert text.device_ip is None
    assert text.wait_status("sent").device_ip == "100.64.0.7"
    assert binary.wait_status("sent").payload == b"\x00\xff"
    assert stack.ether.datagrams == [(ICCID, 6969, b"NUM=1234"), (ICCID, 6970, b"\x00\xff")]
    with stack.world.turn():
        stack.cloud.ip_received(ICCID, ("100.64.0.7", 40_000), ("100.64.0.1", 6969), b"\x01\x02")
    webhook = sink.expect("ip_command", direction="from_sim", payload=b"\x01\x02", within="5s")
    received = next(sim.ip_commands(direction="from_sim"))
    assert (webhook.parameters["Payload"], webhook.parameters["DevicePort"]) == ("AQI=", "40000")
    assert (received.payload, received.device_port, received.data["payload_type"]) == (b"\x01\x02", 40_000, "binary")


def test_a_datagram_to_nobody_fails_with_83401(stack: Stack, sink: WebhookSink) -> None:
    command = stack.client.supersim.sim(stack.cloud.add_sim(ICCID)).send_ip("x", 6969, callback_url=sink.url)
    with pytest.raises(CloudError, match="ended as 'failed'"):
        command.wait_status("sent")
    assert sink.expect("ip_command", status="failed", within="1s").parameters["ErrorCode"] == "83401"
    assert [event.code for event in stack.cloud.notifications] == [83401]


@pytest.mark.parametrize("form", [
    {"Payload": "x"}, {"Payload": "x", "DevicePort": "0"}, {"Payload": "x", "DevicePort": "65536"},
    {"Payload": "x", "DevicePort": "12.5"}, {"Payload": "", "DevicePort": "1"},
    {"Payload": 1301 * "x", "DevicePort": "1"},
    {"Payload": "no Base64!", "DevicePort": "1", "PayloadType": "binary"},
    {"Payload": "x", "DevicePort": "1", "PayloadType": "hex"},
])
def test_bad_ip_commands_are_refused(stack: Stack, form: dict[str, str]) -> None:
    stack.cloud.add_sim(ICCID, unique_name="one")
    response = requests.post(stack.server.urls.supersim + "/v1/IpCommands", data={"Sim": "one", **form},
                             auth=stack.auth, timeout=5)
    assert response.status_code == 400
    assert len(stack.cloud.ip_commands.commands) == 0


# -- webhooks that fail -------------------------------------------------------------------------------------------


def test_webhooks_that_fail_are_told_to_the_debugger(stack: Stack, sink: WebhookSink) -> None:
    stack.ether.reachable.add(ICCID)
    sim = stack.client.supersim.sim(stack.cloud.add_sim(ICCID))
    sink.answer(500)
    sim.send_sms("a", callback_url=sink.url).wait_status("delivered")
    stack.clock.sleep("1s")
    assert [event.code for event in stack.cloud.notifications] == [11217, 11217]
    sim.send_sms("b", callback_url="http://127.0.0.1:9/#rc=0").wait_status("delivered")
    stack.clock.sleep("1s")
    assert stack.cloud.notifications[-1].code == 11202
    sim.send_sms("c", callback_url="https://example.com/hook").wait_status("delivered")
    assert stack.cloud.notifications[-1].code == 11210
    failed = stack.world.journal.select("webhook_failed")
    assert [entry.data["path"] for entry in failed] == ["/webhooks", "/webhooks", "/", "/", "", ""]


def test_the_signature_is_made_over_the_url_as_it_is_called(stack: Stack, sink: WebhookSink) -> None:
    sim = stack.client.supersim.sim(stack.cloud.add_sim(ICCID))
    for tail in ("/a/../b", "/with{braces}|and\\\\more", "?q=<tag>&x=%7e", "/%41"):
        sim.send_sms("x", callback_url=sink.url + tail)
    stack.clock.sleep("10s")
    assert len(sink.received) == 4
    assert [hook.path for hook in sink.received if not hook.signed] == []


def test_equal_runs_write_equal_journals(make_stack: Callable[..., Stack]) -> None:
    def run() -> str:
        stack = make_stack(seed=7)
        from harness.drivers.webhook_sink import WebhookSink

        with WebhookSink(stack.clock, stack.cloud.auth_token) as sink:
            stack.ether.reachable.add(ICCID)
            sim = stack.client.supersim.sim(stack.cloud.add_sim(ICCID))
            stack.client.supersim.fleets.get("default").update(sms_commands_url=sink.url)
            for number in range(5):
                sim.send_sms(f"text {number}", callback_url=sink.url)
                with stack.world.turn():
                    stack.cloud.sms_received(ICCID, f"answer {number}")
            sink.expect("sms_command", status="delivered", payload="text 4")
            with pytest.raises(ApiError):
                sim.send_sms("")
        assert stack.cloud.auth_token not in "".join(entry.to_json() for entry in stack.world.journal)
        return stack.world.journal.digest()

    assert run() == run()
