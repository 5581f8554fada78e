"""The cloud's books and rules, brought about by a device on the virtual network: nothing is put in by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from harness.clock import VirtualClock
from harness.drivers.webhook_sink import WebhookSink
from harness.virtual.cloud import Choices, Cloud
from harness.virtual.cloud.parameters import parse_arguments
from harness.virtual.cloud.resources import Call, Changed, Items, Listing
from harness.virtual.cloud.supersim_api import OPERATIONS as SUPERSIM
from harness.virtual.cloud.wireless_api import OPERATIONS as WIRELESS
from harness.virtual.network import DEFAULT_CELL, Network, NetworkSettings
from harness.virtual.network.seams import RegistrationStatus, Session
from harness.virtual.uplink import Uplink
from harness.virtual.world import World
from tests.unit.network.conftest import FakeTerminal

DAY = 86_400
HEADERS = 28
"""Octets of IP and UDP before a payload."""


@dataclass
class Place:
    """A cloud, a network and one device."""

    world: World
    clock: VirtualClock
    network: Network
    cloud: Cloud
    device: FakeTerminal

    def call(self, name: str, *keys: str, api: str = "supersim", **form: str) -> Any:
        """Run an operation of an API by its name."""
        [operation] = [item for item in (SUPERSIM if api == "supersim" else WIRELESS) if item.name == name]
        arguments, _ = parse_arguments(operation.params, list(form.items()))
        with self.world.turn():
            result = operation.run(self.cloud, Call(keys=keys, arguments=arguments))
            if isinstance(result, Listing):
                return result.collection.page(result.filters, size=1_000).records
            return list(result.items) if isinstance(result, Items) else (
                result.record if isinstance(result, Changed) else result)

    def attach(self) -> None:
        with self.world.turn():
            self.network.attach(self.device)
        self.clock.sleep("5s")

    def detach(self) -> None:
        with self.world.turn():
            self.network.detach(self.device)

    def activate(self) -> Session | None:
        """Open a data session, and return what the network says."""
        told: list[Session | None] = []
        with self.world.turn():
            self.network.activate(self.device, 1, "super", told.append)
        self.clock.sleep("1s")
        return told[0]

    def download(self, octets: int) -> int:
        """Send datagrams to the device, and return how many octets of IP that were."""
        sent = 0
        while sent < octets:
            with self.world.turn():
                self.network.send_ip(self.device.iccid, 7, 1_000 * b"x", lambda address: None)
            sent += 1_000 + HEADERS
            self.clock.sleep("1ms")
        return sent

    def events(self) -> list[tuple[str, int]]:
        """Return types, without their prefix, and error codes of the connection events so far."""
        found: list[Any] = list(self.cloud.connection_events.events)
        return [(event["type"].partition("connection.")[2], event["data"].get("error", {}).get("code", 0))
                for event in found]

    @property
    def registered(self) -> bool:
        return self.network.registration(self.device).status in (RegistrationStatus.HOME, RegistrationStatus.ROAMING)


@pytest.fixture
def make_place() -> Iterator[Callable[..., Place]]:
    places: list[Place] = []

    def make(choices: Choices | None = None, **settings: Any) -> Place:
        world = World(seed=3)
        assert isinstance(world.clock, VirtualClock)
        network = Network(world, settings=NetworkSettings(**settings))
        cloud = Cloud(world, messaging=network, uplink=Uplink(world), choices=choices)
        network.connect_cloud(cloud)
        network.connect_metering(cloud)
        places.append(Place(world, world.clock, network, cloud, FakeTerminal(world)))
        return places[-1]

    yield make
    for place in places:
        place.world.close()


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Place:
    return make_place()


# -- registration -----------------------------------------------------------------------------------------------------


def test_a_profile_decides_where_a_device_registers(place: Place) -> None:
    place.cloud.add_sim(place.device.iccid)
    place.attach()
    assert place.registered
    profile = place.call("CreateNetworkAccessProfile", UniqueName="none")
    place.call("UpdateFleet", "default", NetworkAccessProfile="none")
    place.clock.sleep("10s")
    assert not place.registered
    assert place.events()[-1] == ("attachment.rejected", 83702)
    here = next(network.sid for network in place.cloud.fleets.networks
                if "".join(network.identifiers[0]) == DEFAULT_CELL.plmn)
    place.call("CreateNetworkAccessProfileNetwork", profile.sid, Network=here)
    place.clock.sleep("10min")
    assert place.registered
    assert place.events()[-1] == ("attachment.accepted", 0)
    place.call("DeleteNetworkAccessProfileNetwork", profile.sid, here)
    place.clock.sleep("10s")
    assert not place.registered
    assert place.events()[-1] == ("attachment.rejected", 83702)


def test_a_profile_that_names_every_network_there_is_names_no_other(make_place: Callable[..., Place]) -> None:
    place = make_place(cells=(replace(DEFAULT_CELL, plmn="22299"),))
    everything = [("Networks", network.sid) for network in place.cloud.fleets.networks]
    with place.world.turn():
        [create] = [item for item in SUPERSIM if item.name == "CreateNetworkAccessProfile"]
        arguments, _ = parse_arguments(create.params, [("UniqueName", "every"), *everything])
        place.cloud.fleets.create_profile(arguments)
    place.cloud.add_sim(place.device.iccid)
    place.call("UpdateFleet", "default", NetworkAccessProfile="every")
    place.attach()
    assert not place.registered
    assert place.events()[-1] == ("attachment.rejected", 83702)
    place.call("UpdateFleet", "default", NetworkAccessProfile="default")  # which grows with what is found on the air
    place.clock.sleep("10min")
    assert place.registered


@pytest.mark.parametrize(("status", "code"), [("new", 83704), ("inactive", 83705)])
def test_a_card_that_may_not_is_told_in_an_event(place: Place, status: str, code: int) -> None:
    sid = place.cloud.add_sim(place.device.iccid, status=status)
    place.cloud.fleets.default_fleet()
    place.attach()
    assert not place.registered
    assert place.events() == [("attachment.rejected", code)]
    place.call("UpdateSim", sid, Status="active", Fleet="default")
    place.clock.sleep("10min")
    assert place.registered
    place.call("UpdateSim", sid, Status="inactive")
    place.clock.sleep("1min")
    assert not place.registered
    assert ("attachment.rejected", 83705) in place.events()


def test_a_device_that_attaches_again_and_again_has_to_wait(make_place: Callable[..., Place]) -> None:
    place = make_place(registration_delay="100ms")
    place.cloud.add_sim(place.device.iccid)
    for _ in range(40):
        with place.world.turn():
            place.network.attach(place.device)
        place.clock.sleep("500ms")
        place.detach()
    assert ("attachment.rejected", 83703) in place.events()
    place.clock.sleep("2min")
    place.attach()
    assert place.registered


# -- what was carried -------------------------------------------------------------------------------------------------


def test_usage_is_what_the_network_carried(place: Place) -> None:
    sid = place.cloud.add_sim(place.device.iccid)
    place.attach()
    session = place.activate()
    assert session is not None
    first = place.download(5_000)
    place.clock.sleep("90min")
    second = place.download(2_000)
    place.clock.sleep("1s")  # what is on its way when a device leaves never arrives, and is not counted
    place.detach()
    place.clock.sleep("1s")
    [whole] = place.call("ListUsageRecord", Sim=sid)
    assert (whole.data_download, whole.data_upload, whole.data_total) == (first + second, 0, first + second)
    by_hour = place.call("ListUsageRecord", Granularity="hour", Group="network")
    assert [(record.data_download, record.start_time.hour) for record in by_hour] == [(second, 1), (first, 0)]
    [period] = place.call("ListBillingPeriod", sid)
    assert period.octets == first + second


def test_a_session_is_told_to_a_sink_in_batches(place: Place) -> None:
    sid = place.cloud.add_sim(place.device.iccid, unique_name="tracker")
    with WebhookSink(place.clock, place.cloud.auth_token) as sink:
        place.cloud.rig.add_event_sink(sink.url)
        place.attach()
        session = place.activate()
        assert session is not None
        carried = place.download(3_000)
        place.clock.sleep("7min")
        place.detach()
        place.clock.sleep("5s")
        assert all(hook.signed and hook.kind == "connection_events" for hook in sink.received)
        events: list[Any] = [event for hook in sink.received for event in hook.events]
    kinds = [event["type"].rpartition("connection.")[2] for event in events]
    assert kinds == ["attachment.accepted", "data-session.started", "data-session.updated", "data-session.ended"]
    assert all(event["specversion"] == "1.0" and event["id"].startswith("EZ") for event in events)
    updated, ended = events[2]["data"], events[3]["data"]
    assert (updated["sim_sid"], updated["sim_unique_name"], updated["imsi"]) == (sid, "tracker", place.device.imsi)
    assert (updated["ip_address"], updated["apn"], updated["imei"]) == (session.ip, "super", place.device.imei)
    assert (updated["data_download"], updated["data_total"]) == (carried, carried)
    start, end = updated["data_session_update_start_time"], updated["data_session_update_end_time"]
    minutes = [int(moment[11:13]) * 60 + int(moment[14:16]) for moment in (start, end)]
    assert minutes[1] - minutes[0] == 6
    assert (ended["data_total"], ended["data_session_data_total"]) == (0, carried)
    assert ended["data_session_sid"] == updated["data_session_sid"]
    assert ended["data_session_end_time"] == ended["timestamp"]


def test_an_update_tells_of_six_minutes_whatever_was_silent_before(place: Place) -> None:
    place.cloud.add_sim(place.device.iccid)
    place.attach()
    assert place.activate() is not None
    carried = place.download(1_000)
    place.clock.sleep("1h")
    carried_later = place.download(2_000)
    place.clock.sleep("1h")
    place.detach()
    place.clock.sleep("1s")
    found: list[Any] = [event["data"] for event in place.cloud.connection_events.events]
    updates = [data for data in found if data["event_type"].endswith(("updated", "ended"))]
    assert [data["data_total"] for data in updates] == [carried, carried_later, 0]
    spans = [[_seconds(data[f"data_session_update_{end}_time"]) for end in ("start", "end")] for data in updates]
    assert [end - start for start, end in spans[:2]] == [360, 360]
    assert spans[2][1] - spans[2][0] < 360
    assert spans[1][0] - spans[0][1] == 54 * 60


def _seconds(stamp: str) -> int:
    return int(stamp[11:13]) * 3_600 + int(stamp[14:16]) * 60 + int(stamp[17:19])


def test_a_data_limit_is_looked_at_every_six_minutes(place: Place) -> None:
    sid = place.cloud.add_sim(place.device.iccid)
    place.call("UpdateFleet", "default", DataLimit="1")
    place.clock.sleep("10min")
    place.attach()
    assert place.activate() is not None
    place.download(1_100_000)
    assert place.device.lost == []  # nobody has looked yet
    place.clock.sleep("6min")
    assert place.device.lost == [1]
    assert place.registered
    assert place.activate() is None
    place.clock.sleep(32 * DAY)
    assert place.activate() is not None
    assert place.call("FetchSim", sid).status == "active"


# -- trials -----------------------------------------------------------------------------------------------------------


def test_250_kilobytes_end_a_trial(place: Place) -> None:
    sid = place.cloud.add_sim(place.device.iccid, status="ready")
    place.attach()
    place.activate()
    place.download(240_000)
    place.clock.sleep("7min")
    assert place.call("FetchSim", sid).status == "ready"
    place.download(20_000)
    place.clock.sleep("7min")
    assert place.call("FetchSim", sid).status == "active"


def test_five_texts_end_a_trial(place: Place) -> None:
    sid = place.cloud.add_sim(place.device.iccid, status="ready")
    place.attach()
    for number in range(5):
        assert place.call("FetchSim", sid).status == "ready"
        place.call("CreateSmsCommand", Sim=sid, Payload=str(number))
        place.clock.sleep("5s")
    assert place.device.texts == list("01234")
    assert place.call("FetchSim", sid).status == "active"


def test_programmable_wireless_counts_both(place: Place) -> None:
    sid = place.cloud.add_wireless_sim(place.device.iccid, status="new", rate_plan=None)
    place.call("CreateRatePlan", api="wireless", UniqueName="plan", NationalRoamingEnabled="true",
               InternationalRoaming="data")
    with WebhookSink(place.clock, place.cloud.auth_token) as sink:
        place.call("UpdateSim", sid, api="wireless", Status="ready", RatePlan="plan", CallbackUrl=sink.url)
        place.clock.sleep("1min")
        place.attach()
        assert place.registered
        assert place.activate() is not None
        carried = place.download(251_000)
        place.clock.sleep("7min")
        assert place.call("FetchSim", sid, api="wireless").status == "active"
        assert [hook.parameters["SimStatus"] for hook in sink.received] == ["ready", "active"]
    [session] = place.call("ListDataSession", sid, api="wireless")
    assert (session.packets_downloaded, session.end) == (carried // (1_000 + HEADERS), None)
    [usage] = place.call("ListUsageRecord", sid, api="wireless")
    assert usage.data["download"] == carried
    place.detach()
    assert place.call("ListDataSession", sid, api="wireless")[0].end is not None


# -- texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("returns", "status"), [("23h", "delivered"), ("25h", "failed")])
def test_a_text_is_tried_for_a_day(place: Place, returns: str, status: str) -> None:
    sid = place.cloud.add_sim(place.device.iccid)
    command = place.call("CreateSmsCommand", Sim=sid, Payload="wait for me")
    place.clock.sleep("1min")
    assert command.status == "sent"
    place.clock.sleep(returns)
    place.attach()
    place.clock.sleep("1min")
    assert (command.status, place.device.texts) == (status, ["wait for me"] if status == "delivered" else [])


def test_a_datagram_for_a_device_without_a_session_fails(place: Place) -> None:
    sid = place.cloud.add_sim(place.device.iccid)
    place.attach()
    command = place.call("CreateIpCommand", Sim=sid, Payload="hi", DevicePort="7")
    place.clock.sleep("5s")
    assert (command.status, command.device_ip) == ("failed", None)
    assert [event.code for event in place.cloud.debugger_events] == [83401]
    session = place.activate()
    assert session is not None
    command = place.call("CreateIpCommand", Sim=sid, Payload="hi", DevicePort="7")
    place.clock.sleep("5s")
    assert (command.status, command.device_ip) == ("sent", session.ip)
