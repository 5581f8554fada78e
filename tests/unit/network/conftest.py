"""Terminals and a cloud that implement the Protocols, and a network between them in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from harness.formats.sms import Deliver, StatusReport, decode_from_network
from harness.virtual.network import Network, NetworkSettings
from harness.virtual.network.seams import (
    AccessTechnology,
    Address,
    Datagram,
    Registration,
    SmsAccepted,
    SmsOutcome,
    SmsProgress,
    SmsRejected,
    Subscription,
)
from harness.virtual.world import World


class FakeTerminal:
    """A terminal that takes what comes, refuses it with a cause, or does not answer."""

    def __init__(self, world: World, number: int = 1) -> None:
        self.world = world
        self.iccid = f"89883070000000{number:05}"
        self.imsi = f"73212300000{number:04}"
        self.imei = f"86642503000{number:04}"
        self.attach_apn = ""
        self.registrations: list[Registration] = []
        self.tpdus: list[bytes] = []
        self.datagrams: list[tuple[int, Datagram]] = []
        self.lost: list[int] = []
        self.pages: list[bytes] = []
        self.forbidden: set[str] = set()
        self.technologies = frozenset(AccessTechnology)
        self.refusal = 0
        self.silent = False
        self.under_way = 0

    def registration_changed(self, registration: Registration) -> None:
        self.registrations.append(registration)

    def sms_deliver(self, tpdu: bytes, done: Callable[[SmsOutcome], None]) -> None:
        assert self.under_way == 0, "one message at a time"
        if self.silent:
            return
        self.under_way += 1

        def answer() -> None:
            self.under_way -= 1
            if self.refusal:
                done(SmsRejected(cause=self.refusal))
            else:
                self.tpdus.append(tpdu)
                done(SmsAccepted())

        self.world.call_later("50ms", answer, name="terminal")

    def broadcast_received(self, page: bytes) -> None:
        self.pages.append(page)

    def datagram_received(self, cid: int, datagram: Datagram) -> None:
        self.datagrams.append((cid, datagram))

    def session_lost(self, cid: int) -> None:
        self.lost.append(cid)

    def receives(self, act: AccessTechnology) -> bool:
        return act in self.technologies

    def forbidden_plmns(self) -> frozenset[str]:
        return frozenset(self.forbidden)

    def forbid_plmn(self, plmn: str, forbidden: bool) -> None:
        (self.forbidden.add if forbidden else self.forbidden.discard)(plmn)

    @property
    def texts(self) -> list[str]:
        """What was delivered, as text."""
        return [message.text or "" for message in map(Deliver.decode, self.tpdus)]

    @property
    def reports(self) -> list[StatusReport]:
        """The status reports among what was delivered."""
        return [message for message in map(decode_from_network, self.tpdus) if isinstance(message, StatusReport)]


class FakeCloud:
    """Subscriptions that a test may change."""

    def __init__(self) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self.texts: list[tuple[str, str | bytes]] = []
        self.datagrams: list[tuple[str, Address, Address, bytes]] = []

    def allow(self, iccid: str, *, attach: bool = True, sms: bool = True, data: bool = True) -> None:
        self.subscriptions[iccid] = Subscription(sim_sid="HS" + "0" * 32, attach_allowed=attach, sms_allowed=sms,
                                                 data_allowed=data)

    def subscription(self, iccid: str) -> Subscription | None:
        return self.subscriptions.get(iccid)

    def core_failure(self, iccid: str, *, session: bool) -> int:
        return 0

    def sms_received(self, iccid: str, text: str | bytes) -> None:
        self.texts.append((iccid, text))

    def ip_received(self, iccid: str, source: Address, destination: Address, payload: bytes) -> None:
        self.datagrams.append((iccid, source, destination, payload))


@dataclass
class Stage:
    """A network with a cloud and terminals."""

    world: World
    network: Network
    cloud: FakeCloud
    progress: dict[str, list[str]] = field(default_factory=dict)

    def terminal(self, number: int = 1, *, attached: bool = True, allowed: bool = True) -> FakeTerminal:
        terminal = FakeTerminal(self.world, number)
        if allowed:
            self.cloud.allow(terminal.iccid)
        if attached:
            self.network.attach(terminal)
            self.world.clock.sleep("5s")
        return terminal

    def send(self, iccid: str, text: str) -> list[str]:
        """Send a text; return the list in which its progress is noted."""
        steps: list[str] = []
        self.network.send_sms(iccid, text, SmsProgress(attempted=lambda: steps.append("attempted"),
                                                       delivered=lambda: steps.append("delivered"),
                                                       failed=lambda cause: steps.append(f"failed {cause}")))
        return steps


def new_stage(*, seed: int = 1, **settings: object) -> Stage:
    """Return a network of its own."""
    world = World(seed=seed)
    network = Network(world, settings=NetworkSettings(**settings))  # type: ignore[arg-type]
    cloud = FakeCloud()
    network.connect_cloud(cloud)
    return Stage(world, network, cloud)


@pytest.fixture
def stage() -> Stage:
    return new_stage()


@pytest.fixture
def make_stage() -> Callable[..., Stage]:
    return new_stage
