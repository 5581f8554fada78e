"""A cloud with a state folder behind HTTP: what clients are told, see after a restart, and when the disk is full."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from harness.formats.bundle import Bundle
from harness.virtual.cloud.persistence import Database, Keeper

if TYPE_CHECKING:
    from .conftest import Stack

FIXTURES = Path(__file__).parents[3] / "firmware_fixtures"
ICCID = "8988307000000000001"


class Kept:
    """A stack whose state is kept in a folder, and how to make the next one of it."""

    def __init__(self, make_stack: Callable[..., Stack], folder: Path) -> None:
        self._make_stack = make_stack
        self._folder = folder
        self.stack = self._open(0)

    def _open(self, start: int) -> Stack:
        stack = self._make_stack(start=start)
        self.database = Database(self._folder)
        self.keeper = stack.cloud.keeper = Keeper(stack.cloud, self.database)
        return stack

    def restart(self) -> None:
        self.keeper.close()
        self.stack.server.stop()
        self.stack = self._open(self.stack.clock.now())

    def call(self, method: str, path: str, api: str = "supersim", **form: str) -> requests.Response:
        return requests.request(method, getattr(self.stack.server.urls, api) + path, auth=self.stack.auth,
                                data=form or None, timeout=20)


@pytest.fixture
def kept(make_stack: Callable[..., Stack], tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(make_stack, tmp_path / "state")
    yield kept
    kept.keeper.close()


def everything(kept: Kept) -> dict[str, Any]:
    """Return all lists that clients can ask for, without the ports in their URLs."""
    paths = {"supersim": ("Sims", "Fleets", "Networks", "NetworkAccessProfiles", "SmsCommands", "IpCommands",
                          "ESimProfiles", "SettingsUpdates"),
             "wireless": ("Sims", "RatePlans", "Commands"), "microvisor": ("Apps", "Devices", "Configs", "Secrets")}
    found = {}
    for api, names in paths.items():
        for name in names:
            response = kept.call("GET", f"/v1/{name}", api)
            assert response.status_code == 200, response.text
            text = response.text.replace(getattr(kept.stack.server.urls, api), "")
            found[f"{api} {name}"] = text
    return found


def test_clients_find_everything_again(kept: Kept) -> None:
    cloud = kept.stack.cloud
    sim, wireless = cloud.add_sim(ICCID, status="new"), cloud.add_wireless_sim("8988307000000000002")
    device = cloud.add_device(unique_name="board")
    bundle = Bundle.read((FIXTURES / "heartbeat" / "heartbeat.zip").read_bytes())
    app = cloud.apps.create(bundle, "app")
    fleet = kept.call("POST", "/v1/Fleets", UniqueName="f", NetworkAccessProfile="default").json()["sid"]
    assert kept.call("POST", f"/v1/Sims/{sim}", Status="ready", Fleet=fleet).status_code == 202
    kept.call("POST", "/v1/Commands", "wireless", Sim=wireless, Command="x")
    kept.call("POST", "/v1/ESimProfiles", GenerateMatchingId="true")
    kept.call("POST", "/v1/RatePlans", "wireless", UniqueName="plan")
    kept.call("POST", "/v1/Secrets", "microvisor", Key="k", Value="the value of a secret")
    kept.call("POST", f"/v1/Devices/{device}/Configs", "microvisor", Key="k", Value="v")
    kept.call("POST", f"/v1/Devices/{device}", "microvisor", TargetApp="app")
    before = everything(kept)
    kept.restart()
    assert everything(kept) == before
    assert kept.stack.cloud.apps.app(app.sid).bundle == bundle
    kept.stack.clock.sleep("1h")  # what was under way is complete
    assert kept.call("GET", f"/v1/Sims/{sim}").json()["status"] == "ready"
    assert kept.call("POST", "/v1/SmsCommands", Sim=sim, Payload="x").status_code == 201


def test_old_urls_of_pages_and_numbers_go_on(kept: Kept) -> None:
    for number in range(5):
        kept.call("POST", "/v1/Fleets", UniqueName=f"f{number}", NetworkAccessProfile="default")
    first = kept.call("GET", "/v1/Fleets?PageSize=2").json()
    following = first["meta"]["next_page_url"].removeprefix(kept.stack.server.urls.supersim)
    kept.call("DELETE", "/v1/Fleets/f4")
    kept.restart()
    kept.call("POST", "/v1/Fleets", UniqueName="later", NetworkAccessProfile="default")
    assert [fleet["unique_name"] for fleet in kept.call("GET", following).json()["fleets"]] == ["f2", "f1"]


def test_a_text_that_waits_waits_on(kept: Kept) -> None:
    sim = kept.stack.cloud.add_sim(ICCID)
    sid = kept.call("POST", "/v1/SmsCommands", Sim=sim, Payload="wait for me").json()["sid"]
    kept.stack.clock.sleep("10s")
    assert kept.call("GET", f"/v1/SmsCommands/{sid}").json()["status"] == "sent"
    kept.restart()
    kept.stack.ether.reachable.add(ICCID)
    kept.stack.clock.sleep("10s")
    assert kept.stack.ether.texts == [(ICCID, "wait for me")]
    assert kept.call("GET", f"/v1/SmsCommands/{sid}").json()["status"] == "delivered"


def test_a_webhook_without_outcome_is_sent_after_the_restart(kept: Kept) -> None:
    sim = kept.stack.cloud.add_sim(ICCID, status="inactive")
    kept.call("POST", f"/v1/Sims/{sim}", Status="active", CallbackUrl="http://127.0.0.1:9/closed",
              Fleet=kept.stack.cloud.fleets.default_fleet().sid)
    kept.stack.world.advance(kept.stack.clock.now() + 10**12)  # the webhook is under way, nobody waits for it
    assert len(kept.stack.cloud.webhooks.pending) == 1
    kept.restart()
    kept.stack.clock.sleep("1s")
    assert len(kept.stack.cloud.webhooks.pending) == 0
    assert [event.code for event in kept.stack.cloud.debugger_events] == [11202]


def test_what_cannot_be_kept_is_not_acknowledged(kept: Kept) -> None:
    connection = kept.database._connection
    assert connection is not None
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    value = "x" * 4_000
    answers = [kept.call("POST", "/v1/Configs", "microvisor", Key=f"k{number}", Value=value) for number in range(20)]
    assert answers[-1].status_code == 500
    assert answers[-1].json()["code"] == 20500
    connection.execute("PRAGMA max_page_count = 100000")
    assert kept.call("POST", "/v1/Configs", "microvisor", Key="last", Value="v").status_code == 201
    before = everything(kept)
    kept.restart()
    assert everything(kept) == before


def test_secrets_of_a_store_are_not_shown(kept: Kept) -> None:
    kept.call("POST", "/v1/Secrets", "microvisor", Key="k", Value="the value of a secret")
    kept.restart()
    journal = "\n".join(map(str, kept.stack.world.journal.since(0)))
    admin = {"Authorization": f"Bearer {kept.stack.cloud.admin_token}"}
    root = kept.stack.server.urls.supersim + "/_harness"
    told = [requests.get(root + path, headers=admin, timeout=20).text
            for path in ("", "/clock", "/journal", "/debugger", "/faults", "/snapshots", "/sinks",
                         "/connection-events", "/openapi/microvisor.json")]
    shown = journal + "".join(everything(kept).values()) + "".join(told)
    for secret in ("the value of a secret", kept.stack.auth[1], kept.stack.cloud.admin_token):
        assert secret not in shown
