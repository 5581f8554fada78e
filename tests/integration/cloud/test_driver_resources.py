"""The driver's typed resources against the virtual cloud, for what the main tests of devices do not touch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests

from harness.drivers.cloud import CloudClient, CloudUrls, Credentials
from harness.errors import ApiError, CloudUnreachable, UsageError
from harness.virtual.cloud import Choices
from harness.virtual.network.seams import AccessTechnology, Cell, DataUsage

if TYPE_CHECKING:
    from tests.integration.cloud.conftest import Stack

ICCID = "8988307000000000001"


def test_networks_and_profiles(stack: Stack) -> None:
    supersim = stack.client.supersim
    network, other = list(supersim.networks)[:2]
    assert supersim.networks.get(network.sid).friendly_name == network.friendly_name
    assert network.sid in {found.sid for found in supersim.networks.find(iso_country=network.iso_country)}
    assert all(len(plmn) in (5, 6) for plmn in network.plmns)
    profile = supersim.network_access_profiles.create(unique_name="only-one", networks=[network])
    assert [found.sid for found in profile.networks()] == [network.sid]
    profile.allow(other)
    assert {found.sid for found in profile.networks()} == {network.sid, other.sid}
    assert profile.network(other.sid).sid == other.sid
    profile.disallow(network)
    assert [found.sid for found in profile.networks()] == [other.sid]
    assert profile.rename("just-one").unique_name == "just-one"
    assert supersim.network_access_profiles.get("just-one").sid == profile.sid
    assert profile.sid in {found.sid for found in supersim.network_access_profiles}


def test_esim_profiles_settings_updates_and_periods(stack: Stack) -> None:
    supersim = stack.client.supersim
    profile = supersim.esim_profiles.create(generate_matching_id=True, callback_url="http://127.0.0.1:9/x")
    profile.wait_status("available", within="1h")
    assert profile.activation_code is not None
    assert profile.activation_code == f"1$SM-DP-PLUS.TWILIO.COM${profile.matching_id}"
    assert (profile.smdp_plus_address, profile.eid, profile.error) == ("sm-dp-plus.twilio.com", None, None)
    assert [found.sid for found in supersim.esim_profiles.find(status="available")] == [profile.sid]
    assert supersim.esim_profiles.get(profile.sid).iccid == profile.iccid
    assert profile.sim_sid is not None
    assert supersim.sim(profile.sim_sid).status == "new"
    assert list(supersim.settings_updates()) == []
    stack.cloud.add_sim(ICCID)
    sim = supersim.sim(ICCID)
    (period,) = sim.billing_periods()
    assert period.period_type in ("ready", "active")
    assert list(sim.ip_addresses()) == []
    assert all(record.data_total == 0 for record in sim.usage_records(granularity="all"))
    command = sim.send_sms("hello")
    assert supersim.sms_command(command.sid).payload == "hello"
    datagram = sim.send_ip(b"\x00\x01", 7)
    assert supersim.ip_command(datagram.sid).payload == b"\x00\x01"


def test_programmable_wireless(stack: Stack) -> None:
    wireless = stack.client.wireless
    plan = wireless.rate_plans.create(unique_name="basic", data_enabled=True, data_limit=500, messaging_enabled=True,
                                      international_roaming=["data", "messaging"])
    assert plan.update(friendly_name="Basic").data["friendly_name"] == "Basic"
    assert wireless.rate_plans.get("basic").sid == plan.sid
    stack.cloud.add_wireless_sim(ICCID)
    stack.ether.reachable.add(ICCID)
    sim = wireless.sim(ICCID)
    sim.update(rate_plan=plan.sid, unique_name="tracker")
    sim.wait_status("active", within="1h")
    assert wireless.sim("tracker").rate_plan_sid == plan.sid
    command = sim.send_command("ping", include_sid="none").wait_status("delivered", "sent", within="60s")
    assert command.command == "ping"
    octets = sim.send_command(b"\x00\xff")
    assert wireless.command(octets.sid).command == b"\x00\xff"
    assert {found.sid for found in sim.commands()} == {command.sid, octets.sid}
    command.delete()
    with pytest.raises(ApiError) as refused:
        wireless.command(command.sid)
    assert refused.value.status == 404
    assert list(sim.data_sessions()) == []
    assert isinstance(list(sim.usage_records()), list)
    assert isinstance(list(wireless.usage_records()), list)
    with pytest.raises(ApiError):
        plan.delete()  # a SIM has it


@pytest.fixture
def kore(stack: Stack) -> Iterator[CloudClient]:
    urls = stack.server.urls
    client = CloudClient(CloudUrls(supersim=urls.supersim, wireless=urls.wireless, microvisor=urls.microvisor,
                                   upload=urls.upload, token=f"{urls.supersim}/api-services/v1/auth/token"),
                         Credentials(user=stack.cloud.account_sid, password=stack.cloud.auth_token), stack.clock,
                         stack.world.journal)
    yield client
    client.close()


def test_bearer_tokens_are_fetched_and_renewed(stack: Stack, kore: CloudClient) -> None:
    stack.cloud.add_sim(ICCID)
    assert kore.supersim.sim(ICCID).iccid == ICCID
    for pause in ("59min", "31min", "3h"):
        stack.clock.sleep(pause)
        assert kore.supersim.sim(ICCID).send_sms("still here").payload == "still here"
    text = "\n".join(map(str, stack.world.journal.since(0)))
    assert stack.cloud.auth_token not in text
    assert "Bearer " not in text


def test_a_token_is_refused_when_its_hour_is_over(stack: Stack) -> None:
    url = stack.server.urls.supersim
    form = {"grant_type": "client_credentials", "client_id": stack.cloud.account_sid,
            "client_secret": stack.cloud.auth_token}
    token = requests.post(f"{url}/api-services/v1/auth/token", data=form, timeout=5).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.get(f"{url}/v1/Sims", headers=headers, timeout=5).status_code == 200
    stack.clock.sleep("61min")
    assert requests.get(f"{url}/v1/Sims", headers=headers, timeout=5).status_code == 401
    for bad in ("", "x", f"{stack.cloud.account_sid}.99999999999.0", token[:-1] + "é", "." * 50):
        refused = requests.get(f"{url}/v1/Sims", headers={"Authorization": f"Bearer {bad}".encode()}, timeout=5)
        assert refused.status_code == 401


@pytest.mark.parametrize(("form", "status", "error"), [
    ({}, 400, "invalid_request"), ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ({"grant_type": "client_credentials"}, 401, "invalid_client"),
    ({"grant_type": "client_credentials", "client_id": "AC", "client_secret": "x"}, 401, "invalid_client"),
])
def test_token_requests_that_are_refused(stack: Stack, form: dict[str, str], status: int, error: str) -> None:
    url = f"{stack.server.urls.supersim}/api-services/v1/auth/token"
    response = requests.post(url, data=form or "x=y", timeout=5,
                             headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert requests.get(url, timeout=5).status_code == 405


def test_token_requests_as_the_standard_has_them(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack(choices=Choices(oauth_scopes=("sims", "usage")))
    url = f"{stack.server.urls.supersim}/api-services/v1/auth/token"
    grant = {"grant_type": "client_credentials"}
    secret = {"client_id": stack.auth[0], "client_secret": stack.auth[1]}

    def ask(form: Any, auth: tuple[str, str] | None = None) -> tuple[int, str, requests.Response]:
        answer = requests.post(url, data=form, auth=auth, timeout=5)
        return answer.status_code, answer.json().get("error", ""), answer

    status, _, answer = ask(grant | secret | {"scope": "usage sims"})
    assert (status, answer.json()["scope"], answer.json()["expires_in"]) == (200, "usage sims", 3600)
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
    assert "scope" not in ask(grant, stack.auth)[2].json()
    for scope in ("admin", "sims  usage", "sims admin", 'a"b', " "):
        assert ask(grant | secret | {"scope": scope})[:2] == (400, "invalid_scope")
    assert ask(grant | secret, stack.auth)[:2] == (400, "invalid_request")
    assert ask([*grant.items(), *grant.items(), *secret.items()])[:2] == (400, "invalid_request")
    status, error, answer = ask(grant, (stack.auth[0], "wrong"))
    assert (status, error, answer.headers["WWW-Authenticate"]) == (401, "invalid_client", 'Basic realm="KORE"')
    assert answer.json()["code"] == 401
    assert stack.auth[1] not in answer.text


def test_a_wrong_secret_is_told_before_anything_else(stack: Stack) -> None:
    urls = stack.server.urls
    client = CloudClient(CloudUrls(supersim=urls.supersim, token=f"{urls.supersim}/api-services/v1/auth/token"),
                         Credentials(user=stack.cloud.account_sid, password="wrong-secret"), stack.clock,
                         stack.world.journal)
    with client, pytest.raises(ApiError, match="no bearer token: client id or secret is wrong"):
        next(client.supersim.sims())
    nowhere = CloudClient(CloudUrls(supersim=urls.supersim, token="http://127.0.0.1:9/token"),
                          Credentials(user="x", password="wrong-secret"), stack.clock, stack.world.journal)
    with nowhere, pytest.raises(CloudUnreachable, match=r"no answer to POST http://127\.0\.0\.1:9/token"):
        next(nowhere.supersim.sims())


def test_a_keyring_that_is_not_there_is_a_clear_error() -> None:
    with pytest.raises(UsageError, match="keyring"):
        Credentials.from_keyring("no-such-service-here", "nobody")


CELL = Cell(plmn="310260", operator="T-Mobile", operator_short="TMO", act=AccessTechnology.E_UTRAN, tac=1, ci=77,
            rssi_dbm=-70)


def _use(stack: Stack, iccid: str, **values: Any) -> None:
    with stack.world.turn():
        stack.cloud.data_usage(DataUsage(iccid=iccid, imsi="732123000000001", imei="490154203237518", session_id=1,
                                         apn="super", ip="100.64.0.9", cell=CELL, **values))


def test_what_was_used_is_typed(stack: Stack) -> None:
    wireless = "8988306000000000001"
    stack.cloud.add_wireless_sim(wireless)
    stack.ether.reachable.add(wireless)
    sim = stack.client.wireless.sim(wireless)
    sim.send_command("ping").wait_status("delivered")
    _use(stack, wireless, began=True)
    stack.clock.sleep("6min")
    _use(stack, wireless, up=300, down=700, up_packets=3, down_packets=7)
    [session] = sim.data_sessions()
    assert (session.operator_mcc, session.operator_mnc, session.operator_country) == ("310", "260", "USA")
    assert (session.packets_uploaded, session.packets_downloaded, session.end) == (3, 7, None)
    assert (session.radio_link, session.cell_id, session.imei) == ("LTE", "77", "490154203237518")
    [record] = sim.usage_records()
    assert (record.sim_sid, record.data.upload, record.data.download, record.data.total) == (sim.sid, 300, 700, 1_000)
    assert (record.commands.to_sim, record.commands_by_place["home"].total) == (1, 1)
    assert record.data_by_place["home"] == record.data
    [of_all] = stack.client.wireless.usage_records(granularity="all")
    assert (of_all.sim_sid, of_all.data) == (None, record.data)
    plan = stack.client.wireless.rate_plans.get(sim.rate_plan_sid or "")
    assert (plan.data_limit, plan.data_metering, plan.messaging_enabled) == (1_000, "payg", True)
    assert plan.international_roaming == ("data", "messaging")
    assert (sim.is_resetting, sim.commands_callback_url, sim.friendly_name) == (False, None, None)


def test_supersim_usage_has_a_price_after_a_day(stack: Stack) -> None:
    stack.cloud.add_sim(ICCID)
    sim = stack.client.supersim.sim(ICCID)
    _use(stack, ICCID, began=True, up=100_000, down=200_000)
    stack.clock.sleep("1min")
    [fresh] = sim.usage_records()
    assert (fresh.data_total, str(fresh.billed), fresh.billed_unit) == (300_000, "0", None)
    stack.clock.sleep("25h")
    [billed] = sim.usage_records()
    assert (str(billed.billed), billed.billed_unit) == ("0.03", "USD")
    fleet = stack.client.supersim.fleets.get(sim.fleet_sid or "")
    assert (fleet.data_enabled, fleet.data_limit, fleet.sms_commands_enabled) == (True, 1_000, True)
    assert (fleet.sms_commands_url, fleet.ip_commands_url) == (None, None)
    profile = stack.client.supersim.network_access_profiles.get(fleet.network_access_profile_sid)
    assert profile.unique_name == "default"
