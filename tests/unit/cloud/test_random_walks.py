"""Whatever clients, devices, the operator and time do in any order: rules may refuse it, nothing else may happen."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.clock import random_stream
from harness.errors import UsageError
from harness.virtual.cloud.http.contract import RESOURCES
from harness.virtual.cloud.machines import SimStatus, WirelessStatus
from harness.virtual.cloud.parameters import Kind, Param, parse_arguments
from harness.virtual.cloud.refusals import Refused
from harness.virtual.cloud.resources import Call, Changed, Deleted, Items, Listing, LogFollow, Operation, render
from harness.virtual.cloud.store import Collection
from harness.virtual.cloud.supersim_api import OPERATIONS as SUPERSIM
from harness.virtual.cloud.wireless_api import OPERATIONS as WIRELESS

from .conftest import ATT

if TYPE_CHECKING:
    from .conftest import Lab

WALKS, STEPS = int(os.environ.get("MVH_WALKS", "8")), 250
CARDS = [f"898830700000000000{number}" for number in range(4)]
WIRELESS_CARDS = [f"898830600000000000{number}" for number in range(4)]
PLMNS = ("310410", "310260", "23415", "20801", "99999")
RENDER = {resource.name: render(resource) for resource in RESOURCES}
DAY = 86_400


class Walk:
    """A walk of random steps through one cloud."""

    def __init__(self, lab: Lab, seed: int) -> None:
        self.lab, self.cloud, self.random = lab, lab.cloud, random_stream(seed, "walk")
        self.subaccount = self.cloud.rig.add_subaccount()
        self.sessions: dict[str, int] = {}
        self.opened = 0
        for number, (card, wireless) in enumerate(zip(CARDS, WIRELESS_CARDS, strict=True)):
            self.cloud.add_sim(card, status=self.random.choice([*SimStatus][:4]), unique_name=f"sim-{number}")
            self.cloud.add_wireless_sim(wireless, status=self.random.choice([*WirelessStatus][:5]),
                                        unique_name=f"sim-{number}")
        self.cloud.fleets.default_fleet()

    def step(self) -> None:
        """Do one thing; rules may refuse it."""
        steps: tuple[tuple[Callable[[], object], int], ...] = (
            (self.client, 60), (self.time, 12), (self.data, 10), (self.attachment, 6), (self.text, 5),
            (self.delivery, 4), (self.mishap, 3))
        [action] = self.random.choices([step for step, _ in steps], [weight for _, weight in steps])
        try:
            action()
        except (Refused, UsageError):
            return

    def client(self) -> None:
        operation = self.random.choice((*SUPERSIM, *WIRELESS))
        form = [(param.name, self._value(param, operation)) for param in operation.params
                if param.required or self.random.random() < 0.35]
        arguments, _ = parse_arguments(operation.params, form)
        with self.lab.world.turn():
            result = operation.run(self.cloud, Call(keys=self._keys(operation), arguments=arguments))
            assert not isinstance(result, LogFollow)
            if isinstance(result, Listing):
                shown: list[object] = list(result.collection.page(result.filters, size=50).records)
            elif isinstance(result, Items):
                shown = list(result.items)
            else:
                shown = [] if isinstance(result, Deleted) else [
                    result.record if isinstance(result, Changed) else result]
            for record in shown:
                assert operation.returns is not None
                json.dumps(RENDER[operation.returns.name](record, "http://host"))

    def time(self) -> None:
        self.lab.clock.sleep(self.random.choice(("1s", "3s", "10min", "6h", "25h", "80h", 40 * DAY, 100 * DAY)))

    def data(self) -> None:
        card = self.random.choice(CARDS + WIRELESS_CARDS)
        cell = replace(ATT, plmn=self.random.choice(PLMNS))
        if card not in self.sessions:
            self.opened += 1
            self.sessions[card] = self.opened
            self.lab.use(card, session=self.opened, began=True, cell=cell)
        elif self.random.random() < 0.4:
            self.lab.use(card, session=self.sessions.pop(card), ended=True, up=7, down=5, cell=cell)
        else:
            self.lab.use(card, session=self.sessions[card], up=self.random.randrange(400_000_000), down=5, up_packets=3,
                         cell=cell)

    def attachment(self) -> None:
        self.lab.attach(self.random.choice(CARDS + WIRELESS_CARDS), accepted=self.random.random() < 0.8,
                        cause=self.random.choice((0, 15, 17)), cell=replace(ATT, plmn=self.random.choice(PLMNS)))

    def text(self) -> None:
        with self.lab.world.turn():
            self.cloud.sms_received(self.random.choice(CARDS + WIRELESS_CARDS),
                                    self.random.choice(("hello", 300 * "x", b"\x00\x01")))

    def delivery(self) -> None:
        if self.lab.ether.texts:
            _, _, progress = self.lab.ether.texts.pop(self.random.randrange(len(self.lab.ether.texts)))
            with self.lab.world.turn():
                progress.attempted()
                progress.delivered() if self.random.random() < 0.5 else progress.failed(0)

    def mishap(self) -> None:
        rig, chance = self.cloud.rig, self.random.random()
        profile = next(iter(self.cloud.esim_profiles.profiles), None)
        actions: list[Callable[[], object]] = [
            lambda: rig.set_operator_maintenance(chance < 0.5), lambda: rig.suspend(chance < 0.3),
            lambda: rig.plan_failure(self.random.choice((33000, 33004, 83004, 83400, 83500, 83700, 83701))),
            lambda: rig.schedule_settings_update("sim-0")]
        if profile is not None:
            actions += [lambda: rig.download_esim(profile.sid), lambda: rig.install_esim(profile.sid)]
        self.random.choice(actions)()

    def settle(self) -> None:
        """Let everything that is to come by itself come."""
        self.cloud.rig.set_operator_maintenance(False)
        self.cloud.rig.suspend(False)
        self.lab.clock.sleep(600 * DAY)

    def _value(self, param: Param, operation: Operation) -> str:
        choose = self.random.choice
        named = {"Sim": [f"sim-{number}" for number in range(4)], "Fleet": ["default", "a", ""],
                 "RatePlan": ["default", "a", "b", ""], "NetworkAccessProfile": ["default", "a"], "Iccid": CARDS,
                 "Eid": [32 * "8"], "AccountSid": [self.subaccount]}
        if param.name in named:
            return choose(named[param.name])
        match param.kind:
            case Kind.ENUM | Kind.ENUMS:
                return choose(param.values)
            case Kind.FLAG:
                return choose(("true", "false"))
            case Kind.NUMBER:
                return str(choose((param.minimum or 0, param.maximum or 5, 1, 2, 1_000)))
            case Kind.URL:
                return choose(("http://127.0.0.1:9/x", "https://host.example/y"))
            case Kind.NAME:
                return choose(("a", "b", ""))
            case Kind.DATE:
                return choose(("2026-01-01T00:00:00Z", "2026-03-01", "2026-06-01T10:00:00Z"))
            case Kind.SID | Kind.SIDS:
                return choose([network.sid for network in self.cloud.fleets.networks])
            case _:
                return choose(("hi", 150 * "x", "QUJD"))

    def _keys(self, operation: Operation) -> tuple[str, ...]:
        cloud = self.cloud
        known: dict[str, list[str]] = {
            "Sims": [f"sim-{number}" for number in range(4)], "Fleets": ["default", "a"], "RatePlans": ["default", "a"],
            "NetworkAccessProfiles": ["default", "a"], "Networks": _sids(cloud.fleets.networks),
            "SmsCommands": _sids(cloud.sms_commands.commands), "IpCommands": _sids(cloud.ip_commands.commands),
            "ESimProfiles": _sids(cloud.esim_profiles.profiles), "Commands": _sids(cloud.commands.commands)}
        segments = operation.path.split("/")
        return tuple(self.random.choice(known[segments[position - 1]] or ["nothing"])
                     for position, segment in enumerate(segments) if segment.startswith("{"))


def _sids(collection: Collection[Any]) -> list[str]:
    return [record.sid for record in collection]


def _check(lab: Lab) -> None:
    """Check what must hold between two steps."""
    for sim in lab.cloud.sims.sims:
        assert (sim.status is SimStatus.SCHEDULED) == (sim.update is not None) == (sim.before is not None)
        assert sim.fleet_sid is not None or not sim.usable
    for wireless in lab.cloud.wireless_sims.sims:
        busy = wireless.status in (WirelessStatus.UPDATING, WirelessStatus.SCHEDULED)
        assert busy == (wireless.update is not None) == (wireless.before is not None)
        assert wireless.rate_plan_sid is not None or not wireless.usable
    assert list(lab.world.journal.select("api_failed")) == []


@pytest.mark.parametrize("seed", range(WALKS))
def test_no_order_of_things_breaks_it(make_lab: Callable[..., Lab], seed: int) -> None:
    lab = make_lab(seed=seed)
    walk = Walk(lab, seed)
    for _ in range(STEPS):
        walk.step()
        _check(lab)
    walk.settle()
    _check(lab)
    assert not [sim for sim in lab.cloud.sims.sims if sim.status in (SimStatus.SCHEDULED, SimStatus.READY)]
    still = {sim.status for sim in lab.cloud.wireless_sims.sims}
    assert not still & {WirelessStatus.UPDATING, WirelessStatus.SCHEDULED, WirelessStatus.READY,
                        WirelessStatus.DEACTIVATED}
