"""A cloud without HTTP in virtual time, on a network that only notes what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.clock import VirtualClock
from harness.virtual.cloud import Choices, Cloud
from harness.virtual.cloud.parameters import parse_arguments
from harness.virtual.cloud.supersim_api import OPERATIONS as SUPERSIM
from harness.virtual.cloud.wireless_api import OPERATIONS as WIRELESS
from harness.virtual.network.seams import AccessTechnology, Attachment, Cell, DataUsage, SmsWatcher
from harness.virtual.uplink import Uplink
from harness.virtual.world import World

ICCID = "8988307000000000001"
ATT = Cell(plmn="310410", operator="AT&T", operator_short="AT&T", act=AccessTechnology.E_UTRAN, tac=1, ci=2,
           rssi_dbm=-70)


@dataclass
class Ether:
    """A network that notes what it was asked; a test says what becomes of a text."""

    texts: list[tuple[str, str | bytes, SmsWatcher]] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    def subscription_changed(self, iccid: str) -> None:
        self.changed.append(iccid)

    def send_sms(self, iccid: str, text: str | bytes, progress: SmsWatcher) -> None:
        self.texts.append((iccid, text, progress))

    def withdraw_sms(self) -> None:
        self.texts.clear()

    def send_ip(self, iccid: str, port: int, payload: bytes, done: Callable[[str | None], None]) -> None:
        done(None)


@dataclass
class Lab:
    world: World
    clock: VirtualClock
    ether: Ether
    cloud: Cloud

    def call(self, name: str, *keys: str, api: str = "supersim", **form: str) -> Any:
        """Run an operation by its name, and return what it returns; lists come as the rendered records."""
        from harness.virtual.cloud.resources import Call, Changed, Items, Listing

        operations = {operation.name: operation for operation in (SUPERSIM if api == "supersim" else WIRELESS)}
        operation = operations[name]
        arguments, unknown = parse_arguments(operation.params, list(form.items()))
        assert not unknown, form
        with self.world.turn():
            result = operation.run(self.cloud, Call(keys=keys, arguments=arguments))
            if isinstance(result, Changed):
                return result.record
            if isinstance(result, Items):
                return list(result.items)
            if isinstance(result, Listing):
                return result.collection.page(result.filters, size=1_000).records
            return result

    def attach(self, iccid: str = ICCID, *, accepted: bool = True, cause: int = 0, cell: Cell = ATT) -> None:
        with self.world.turn():
            self.cloud.attachment(Attachment(iccid=iccid, imsi="732123000000001", imei="490154203237518", cell=cell,
                                             accepted=accepted, cause=cause))

    def use(self, iccid: str = ICCID, *, session: int = 1, cell: Cell = ATT, up: int = 0, down: int = 0,
            began: bool = False, ended: bool = False, up_packets: int = 0, down_packets: int = 0) -> None:
        with self.world.turn():
            self.cloud.data_usage(DataUsage(
                iccid=iccid, imsi="732123000000001", imei="490154203237518", session_id=session, apn="super",
                ip="100.64.0.9", cell=cell, began=began, ended=ended, up=up, down=down, up_packets=up_packets,
                down_packets=down_packets))


@pytest.fixture
def make_lab() -> Iterator[Callable[..., Lab]]:
    labs: list[Lab] = []

    def make(choices: Choices | None = None, seed: int = 1, start: int = 0) -> Lab:
        world = World(seed=seed, clock=VirtualClock(start))
        assert isinstance(world.clock, VirtualClock)
        ether = Ether()
        labs.append(Lab(world, world.clock, ether, Cloud(world, messaging=ether, uplink=Uplink(world),
                                                         choices=choices)))
        return labs[-1]

    yield make
    for lab in labs:
        lab.world.close()


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab()
