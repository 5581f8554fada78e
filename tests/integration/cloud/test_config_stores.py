"""Configs and Secrets over HTTP, and on their way to boards."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import ApiError
from harness.virtual.uplink import ConfigKey, ConfigValues, FetchConfig, ToDevice

if TYPE_CHECKING:
    from harness.drivers.cloud import ConfigStore
    from tests.integration.cloud.conftest import Stack

SECRET = "correct horse battery staple"


def stores(stack: Stack) -> dict[str, ConfigStore]:
    """Return the four stores, of a new Device and of the account."""
    device = stack.client.microvisor.device(stack.cloud.add_device(None, "board-1"))
    microvisor = stack.client.microvisor
    return {"account config": microvisor.configs, "account secret": microvisor.secrets,
            "device config": device.configs, "device secret": device.secrets}


KINDS = ("account config", "account secret", "device config", "device secret")


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_is_made_read_changed_and_deleted(stack: Stack, kind: str) -> None:
    store = stores(stack)[kind]
    made = store.create("broker/host", "mqtt.example")
    assert made.key == "broker/host"
    assert made.value == (None if "secret" in kind else "mqtt.example")
    stack.clock.sleep("1min")
    changed = store.update("broker/host", "other.example")
    assert changed.changed > made.changed
    assert changed.value == (None if "secret" in kind else "other.example")
    assert store.get("broker/host") == changed
    with pytest.raises(ApiError) as refused:
        store.create("broker/host", "again")
    assert (refused.value.status, refused.value.code) == (409, 20409)
    store.create("second", "x" * 4096)
    assert [item.key for item in store] == ["second", "broker/host"]
    store.delete("broker/host")
    with pytest.raises(ApiError) as refused:
        store.get("broker/host")
    assert (refused.value.status, refused.value.code) == (404, 20404)


def test_stores_do_not_mix(stack: Stack) -> None:
    every = stores(stack)
    for kind, store in every.items():
        store.create("key", kind)
    other = stack.client.microvisor.device(stack.cloud.add_device(None, "board-2"))
    other.configs.create("key", "other")
    for kind, store in every.items():
        assert [item.key for item in store] == ["key"]
        if "config" in kind:
            assert store.get("key").value == kind
    assert [item.value for item in other.configs] == ["other"]


@pytest.mark.parametrize("form", [
    {}, {"Key": "k"}, {"Value": "v"}, {"Key": "", "Value": "v"}, {"Key": "k" * 101, "Value": "v"},
    {"Key": "k", "Value": "v" * 4097}, {"Key": "a\nb", "Value": "v"},
])
@pytest.mark.parametrize("path", ["Configs", "Secrets"])
def test_what_breaks_a_rule_is_refused_and_changes_nothing(stack: Stack, path: str, form: dict[str, str]) -> None:
    url = f"{stack.server.urls.microvisor}/v1/{path}"
    assert requests.post(url, data=form, auth=stack.auth, timeout=5).status_code == 400
    assert requests.get(url, auth=stack.auth, timeout=5).json()[path.lower()] == []


def test_a_device_that_is_not_there_has_no_store(stack: Stack) -> None:
    url = f"{stack.server.urls.microvisor}/v1/Devices/UV{'0' * 32}/Configs"
    assert requests.get(url, auth=stack.auth, timeout=5).status_code == 404
    assert requests.post(url, data={"Key": "k", "Value": "v"}, auth=stack.auth, timeout=5).status_code == 404


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=100))
def test_any_key_comes_back_in_body_and_url(stack: Stack, key: str) -> None:
    url = f"{stack.server.urls.microvisor}/v1/Configs"
    made = requests.post(url, data={"Key": key, "Value": "v"}, auth=stack.auth, timeout=5)
    assert made.status_code in (201, 409)
    if made.status_code == 201:
        assert made.json()["url"] == f"{url}/{quote(key, safe='')}"
        fetched = requests.get(made.json()["url"], auth=stack.auth, timeout=5)
        if key not in (".", ".."):  # which every HTTP client takes for folders
            assert fetched.json()["key"] == key


def test_a_secret_is_told_to_nobody(stack: Stack) -> None:
    every = stores(stack)
    url = f"{stack.server.urls.microvisor}/v1/Secrets"
    made = requests.post(url, data={"Key": "password", "Value": SECRET}, auth=stack.auth, timeout=5)
    assert SECRET not in made.text
    for answer in (requests.get(url, auth=stack.auth, timeout=5), requests.get(f"{url}/password", auth=stack.auth,
                                                                                timeout=5)):
        assert SECRET not in answer.text
    every["device secret"].create("password", SECRET)
    assert SECRET not in "\n".join(map(str, stack.world.journal.since(0)))
    assert SECRET not in repr(stack.cloud.secrets.items.by("place", f"{stack.cloud.account_sid}/password"))


def test_boards_fetch_from_all_four_stores(stack: Stack) -> None:
    for kind, store in stores(stack).items():
        store.create("key", f"the {kind}")
    sid = stack.client.microvisor.device("board-1").sid

    heard: list[ToDevice] = []

    class Board:
        def from_cloud(self, message: ToDevice) -> None:
            heard.append(message)

    stack.uplink.connect(sid, Board())
    keys = tuple(ConfigKey(device_scope=device, secret=secret, key=key)
                 for key in ("key", "none") for device in (False, True) for secret in (False, True))
    stack.uplink.to_cloud(sid, FetchConfig(request=7, keys=keys))
    stack.clock.sleep("1s")
    assert heard == [ConfigValues(request=7, values=(
        b"the account config", b"the account secret", b"the device config", b"the device secret",
        None, None, None, None))]
