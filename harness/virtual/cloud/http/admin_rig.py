"""The part of the admin side that is the hand behind the cloud: what no API does, for programs that can't call it.

Each route is a method of :class:`harness.virtual.cloud.rig.Rig` with its arguments in a JSON body.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from harness.virtual.cloud.cloud import Cloud

Route: TypeAlias = Callable[[Mapping[str, str], bytes], object]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Failure(_Body):
    code: int
    count: int = Field(default=1, ge=1, le=10_000)


class _Subaccount(_Body):
    sid: str | None = None


class _Switch(_Body):
    on: bool


class _Sink(_Body):
    url: str = Field(pattern=r"^https?://[!-~]+$", max_length=2_048)
    types: tuple[str, ...] = ()


class _Addresses(_Body):
    sim: str
    addresses: tuple[str, ...] = Field(max_length=16)


class _Package(_Body):
    name: str = Field(min_length=1, max_length=64)
    version: str = Field(min_length=1, max_length=64)


class _Settings(_Body):
    sim: str
    packages: tuple[_Package, ...] = Field(default=(_Package(name="base-settings", version="1.0.0"),), max_length=16)


class _Esim(_Body):
    profile: str
    event: Literal["downloaded", "installed", "failed"]
    code: str = "1"
    message: str = "the device could not do it"


class _Stock(_Body):
    count: int = Field(ge=0, le=1_000_000)


class _Plan(_Body):
    unique_name: str = Field(min_length=1, max_length=64)


def rig_routes(cloud: Cloud) -> dict[tuple[str, str], Route]:
    """Return the routes by method and path below the admin side's root."""
    hand = cloud.rig

    def plan_failure(query: Mapping[str, str], body: bytes) -> object:
        wanted = _Failure.model_validate_json(body)
        hand.plan_failure(wanted.code, wanted.count)
        return {"code": wanted.code, "count": wanted.count}

    def add_subaccount(query: Mapping[str, str], body: bytes) -> object:
        return {"sid": hand.add_subaccount(_Subaccount.model_validate_json(body or b"{}").sid)}

    def suspend(query: Mapping[str, str], body: bytes) -> object:
        hand.suspend(_Switch.model_validate_json(body).on)
        return {"suspended": cloud.account.suspended}

    def maintain(query: Mapping[str, str], body: bytes) -> object:
        hand.set_operator_maintenance(_Switch.model_validate_json(body).on)
        return {"maintenance": cloud.wireless_sims.maintenance}

    def sinks(query: Mapping[str, str], body: bytes) -> object:
        return {"sinks": [{"sid": sink.sid, "url": sink.url, "types": sink.types}
                          for sink in cloud.connection_events.sinks]}

    def add_sink(query: Mapping[str, str], body: bytes) -> object:
        wanted = _Sink.model_validate_json(body)
        sink = hand.add_event_sink(wanted.url, wanted.types)
        return {"sid": sink.sid, "url": sink.url, "types": sink.types}

    def remove_sink(query: Mapping[str, str], body: bytes) -> object:
        before = len(cloud.connection_events.sinks)
        hand.remove_event_sink(query.get("sid", ""))
        return {"removed": before - len(cloud.connection_events.sinks)}

    def events(query: Mapping[str, str], body: bytes) -> object:
        return {"events": list(cloud.connection_events.events)}

    def set_addresses(query: Mapping[str, str], body: bytes) -> object:
        wanted = _Addresses.model_validate_json(body)
        hand.set_addresses(wanted.sim, wanted.addresses)
        return {"addresses": wanted.addresses}

    def schedule_settings(query: Mapping[str, str], body: bytes) -> object:
        wanted = _Settings.model_validate_json(body)
        packages = tuple((package.name, package.version) for package in wanted.packages)
        return {"sid": hand.schedule_settings_update(wanted.sim, packages).sid}

    def move_esim(query: Mapping[str, str], body: bytes) -> object:
        wanted = _Esim.model_validate_json(body)
        if wanted.event == "failed":
            profile = hand.fail_esim(wanted.profile, wanted.code, wanted.message)
        elif wanted.event == "installed":
            profile = hand.install_esim(wanted.profile)
        else:
            profile = hand.download_esim(wanted.profile)
        return {"sid": profile.sid, "status": profile.status.value}

    def set_stock(query: Mapping[str, str], body: bytes) -> object:
        hand.set_esim_stock(_Stock.model_validate_json(body).count)
        return {"count": cloud.esim_profiles.stock}

    def add_plan(query: Mapping[str, str], body: bytes) -> object:
        plan = hand.add_narrowband_plan(_Plan.model_validate_json(body).unique_name)
        return {"sid": plan.sid}

    routes: dict[tuple[str, str], Any] = {
        ("POST", "/failures"): plan_failure, ("POST", "/subaccounts"): add_subaccount,
        ("POST", "/suspension"): suspend, ("POST", "/maintenance"): maintain, ("GET", "/sinks"): sinks,
        ("POST", "/sinks"): add_sink, ("DELETE", "/sinks"): remove_sink, ("GET", "/connection-events"): events,
        ("POST", "/addresses"): set_addresses, ("POST", "/settings-updates"): schedule_settings,
        ("POST", "/esim-profiles"): move_esim, ("POST", "/esim-stock"): set_stock,
        ("POST", "/narrowband-plans"): add_plan,
    }
    return routes
