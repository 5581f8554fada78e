"""The admin side, and the cloud driver in the face of the faults that it sets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from harness.errors import ApiError, CloudUnreachable

if TYPE_CHECKING:
    from tests.integration.cloud.conftest import Stack

ICCID = "8988307000000000001"


class Admin:
    """A program that holds the token."""

    def __init__(self, stack: Stack) -> None:
        self.root = f"{stack.server.urls.supersim}/_harness"
        self.headers = {"Authorization": f"Bearer {stack.cloud.admin_token}"}

    def __call__(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
        response = requests.request(method, self.root + path, data=data, headers=self.headers, timeout=5)
        assert response.status_code == status, response.text
        return response.json()


@pytest.fixture
def admin(stack: Stack) -> Admin:
    return Admin(stack)


def test_the_token_is_its_own(stack: Stack, admin: Admin) -> None:
    assert requests.get(f"{admin.root}/clock", auth=stack.auth, timeout=5).status_code == 401
    assert requests.get(f"{admin.root}/clock", timeout=5).status_code == 401
    assert requests.get(f"{admin.root}/clock", headers={"Authorization": "Bearer wrong"}, timeout=5).status_code == 401
    api = f"{stack.server.urls.supersim}/v1/Sims"
    assert requests.get(api, headers=admin.headers, timeout=5).status_code == 401
    assert stack.cloud.admin_token not in "\n".join(map(str, stack.world.journal.since(0)))


def test_clock_and_journal(stack: Stack, admin: Admin) -> None:
    stack.clock.sleep("90s")
    clock = admin("GET", "/clock")
    assert (clock["seconds"], clock["virtual"]) == (90.0, True)
    stack.cloud.add_sim(ICCID)
    page = admin("GET", "/journal?limit=1")
    assert len(page["entries"]) == 1
    rest = admin("GET", f"/journal?since={page['next']}&event=sim_registered")
    assert all(entry["event"] == "sim_registered" for entry in rest["entries"])
    assert admin("GET", f"/journal?since={rest['next']}")["entries"] == []
    admin("GET", "/journal?since=-1", status=400)


def test_cards_sims_and_devices_are_registered(stack: Stack, admin: Admin) -> None:
    sid = admin("POST", "/sims", {"iccid": ICCID, "status": "ready", "unique_name": "one"})["sid"]
    assert stack.client.supersim.sim("one").sid == sid
    admin("POST", "/sims", {"iccid": "8988306000000000002", "product": "wireless"})
    assert stack.client.wireless.sim("8988306000000000002").status == "active"
    admin("POST", "/cards", {"iccid": "8988307000000000003", "registration_code": "ABCDEFGHIJ"})
    assert stack.client.supersim.register_sim("8988307000000000003", "ABCDEFGHIJ").status == "new"
    device = admin("POST", "/devices", {"unique_name": "board-1"})["sid"]
    assert stack.client.microvisor.device("board-1").sid == device


@pytest.mark.parametrize(("path", "body"), [
    ("/sims", {"iccid": "123"}), ("/sims", {}), ("/sims", {"iccid": ICCID, "colour": "red"}), ("/sims", b"{"),
    ("/sims", [1]), ("/sims", {"iccid": ICCID, "status": "asleep"}), ("/devices", {"sid": "UV1"}),
    ("/faults", {"operation": "*", "kind": "418"}), ("/faults", {"operation": "*", "kind": "429", "count": 0}),
    ("/faults", {"operation": "*", "kind": "latency"}), ("/faults", {"operation": "", "kind": "429"}),
    ("/faults", {"operation": "*", "kind": "429", "seconds": 3}),
])
def test_what_breaks_a_rule_is_refused_and_changes_nothing(stack: Stack, admin: Admin, path: str, body: object) -> None:
    assert admin("POST", path, body, status=400)["error"]
    assert admin("GET", "/faults") == {"faults": []}
    assert list(stack.client.supersim.sims()) == []


def test_unknown_paths_and_methods(admin: Admin) -> None:
    admin("GET", "/nothing", status=404)
    admin("DELETE", "/clock", status=405)
    assert "/_harness/faults" in admin("GET", "")["paths"]


def test_reads_are_repeated_after_refusals_and_lost_connections(stack: Stack, admin: Admin) -> None:
    sim = stack.client.supersim.sim(stack.cloud.add_sim(ICCID))
    for kind in ("429", "500", "503", "drop-before", "drop-after"):
        admin("POST", "/faults", {"operation": "FetchSim", "kind": kind, "count": 2})
        assert sim.refresh().status == "active"
        assert admin("GET", "/faults") == {"faults": []}
    retried = stack.world.journal.select("api_call_retried")
    assert len(retried) == 10


def test_a_post_is_repeated_after_429_only(stack: Stack, admin: Admin) -> None:
    sim = stack.client.supersim.sim(stack.cloud.add_sim(ICCID))
    admin("POST", "/faults", {"operation": "CreateSmsCommand", "kind": "429", "count": 1, "retry_after": 7})
    before = stack.clock.now()
    sim.send_sms("one")
    assert stack.clock.now() - before >= 7_000_000_000
    admin("POST", "/faults", {"operation": "CreateSmsCommand", "kind": "500"})
    with pytest.raises(ApiError) as refused:
        sim.send_sms("two")
    assert (refused.value.status, refused.value.code) == (500, 20500)
    for kind in ("drop-before", "drop-after"):
        admin("POST", "/faults", {"operation": "Create*", "kind": kind})
        with pytest.raises(CloudUnreachable):
            sim.send_sms(kind)
    assert [command.payload for command in sim.sms_commands()] == ["drop-after", "one"]


def test_patience_ends(stack: Stack, admin: Admin) -> None:
    fault = admin("POST", "/faults", {"operation": "*", "kind": "503", "count": None})
    with pytest.raises(ApiError) as refused:
        list(stack.client.supersim.sims())
    assert refused.value.status == 503
    assert admin("GET", "/faults")["faults"][0]["struck"] == 4
    assert admin("DELETE", f"/faults?number={fault['number']}") == {"removed": 1}
    assert list(stack.client.supersim.sims()) == []


def test_latency_delays_the_answer_only(stack: Stack, admin: Admin) -> None:
    admin("POST", "/faults", {"operation": "ListSim", "kind": "latency", "seconds": 0.2})
    response = requests.get(f"{stack.server.urls.supersim}/v1/Sims", auth=stack.auth, timeout=5)
    assert response.status_code == 200
    assert response.elapsed.total_seconds() >= 0.2


def test_debugger_events_are_listed(stack: Stack, admin: Admin) -> None:
    stack.client.supersim.sim(stack.cloud.add_sim(ICCID)).send_sms("x", callback_url="http://127.0.0.1:9/nobody")
    stack.clock.sleep("1min")
    events = admin("GET", "/debugger")["events"]
    assert events
    assert events[0]["code"] > 11000


@pytest.mark.parametrize(("api", "count"), [("supersim", 31), ("wireless", 16), ("microvisor", 28), ("upload", 1)])
def test_the_contract_is_served(admin: Admin, api: str, count: int) -> None:
    document = admin("GET", f"/openapi/{api}.json")
    operations = [operation["operationId"] for item in document["paths"].values() for method, operation in item.items()
                  if method in ("get", "post", "delete")]
    assert len(operations) == count
    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in schemas


def test_there_is_no_contract_of_another_api(admin: Admin) -> None:
    admin("GET", "/openapi/voice.json", status=404)


# -- set back ----------------------------------------------------------------------------------------------------------


def test_a_snapshot_brings_everything_back(stack: Stack, admin: Admin) -> None:
    sim = stack.cloud.add_sim(ICCID)
    url = f"{stack.server.urls.supersim}/v1"
    before = requests.get(f"{url}/Sims/{sim}", auth=stack.auth, timeout=5).json()
    assert admin("POST", "/snapshots", {"name": "one Sim"}) == {"snapshots": ["one Sim"]}
    requests.post(f"{url}/Sims/{sim}", {"UniqueName": "changed"}, auth=stack.auth, timeout=5)
    text = requests.post(f"{url}/SmsCommands", {"Sim": sim, "Payload": "x"}, auth=stack.auth, timeout=5).json()
    stack.cloud.add_sim("8988307000000000002")
    admin("POST", "/restore", {"name": "one Sim"})
    assert requests.get(f"{url}/Sims/{sim}", auth=stack.auth, timeout=5).json() == before
    assert len(requests.get(f"{url}/Sims", auth=stack.auth, timeout=5).json()["sims"]) == 1
    assert requests.get(f"{url}/SmsCommands/{text['sid']}", auth=stack.auth, timeout=5).status_code == 404
    stack.ether.reachable.add(ICCID)
    stack.clock.sleep("10s")
    assert stack.ether.texts == []  # what was under way is not

    again = requests.post(f"{url}/SmsCommands", {"Sim": sim, "Payload": "x"}, auth=stack.auth, timeout=5).json()
    assert again["sid"] == text["sid"]  # chance was set back too
    assert admin("DELETE", "/snapshots?name=one%20Sim") == {"snapshots": []}
    assert "no snapshot" in admin("POST", "/restore", {"name": "one Sim"}, status=400)["error"]
    admin("POST", "/snapshots", {"name": "/../"}, status=400)


def test_reset_is_how_the_server_found_it(stack: Stack, admin: Admin) -> None:
    stack.cloud.add_sim(ICCID)
    admin("POST", "/faults", {"operation": "*", "kind": "500"})
    assert admin("POST", "/reset", {}) == {"reset": True}
    url = f"{stack.server.urls.supersim}/v1/Sims"
    assert requests.get(url, auth=stack.auth, timeout=5).json()["sims"] == []
    assert stack.cloud.add_sim(ICCID)


def test_a_restored_update_is_complete_when_its_time_comes(stack: Stack, admin: Admin) -> None:
    sim = stack.cloud.add_sim(ICCID, status="inactive")
    url = f"{stack.server.urls.supersim}/v1/Sims/{sim}"
    fleet = stack.cloud.fleets.default_fleet().sid
    assert requests.post(url, {"Status": "active", "Fleet": fleet}, auth=stack.auth, timeout=5).status_code == 202
    admin("POST", "/snapshots", {"name": "under way"})
    stack.clock.sleep("1h")
    admin("POST", "/restore", {"name": "under way"})
    assert requests.get(url, auth=stack.auth, timeout=5).json()["status"] == "scheduled"
    stack.clock.sleep("1s")  # it was due long ago
    assert requests.get(url, auth=stack.auth, timeout=5).json()["status"] == "active"


def test_a_virtual_clock_is_moved(stack: Stack, admin: Admin) -> None:
    stack.cloud.add_sim(ICCID, status="ready")
    assert admin("POST", "/clock", {"advance": "24h"})["seconds"] == 86_400
    assert admin("POST", "/clock", {"advance": "2400h"})["seconds"] == 101 * 86_400
    assert stack.cloud.sims.sims.by("iccid", ICCID).status == "active"  # type: ignore[union-attr]
    admin("POST", "/clock", {"advance": "-1s"}, status=400)
    admin("POST", "/clock", {"advance": "soon"}, status=400)
    admin("POST", "/clock", {"advance": "999999h"}, status=400)
    admin("POST", "/clock", b"{", status=400)
