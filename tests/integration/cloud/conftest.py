"""A cloud over real HTTP in virtual time, on a small network that implements the seam."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from harness.clock import VirtualClock
from harness.drivers.cloud import CloudClient, CloudUrls, Credentials
from harness.drivers.webhook_sink import WebhookSink
from harness.virtual.cloud import Choices, Cloud, CloudServer
from harness.virtual.network.seams import SmsWatcher
from harness.virtual.uplink import Uplink
from harness.virtual.world import World


@dataclass
class Ether:
    """A network of one cell without a radio: what is sent arrives after a second, if the card is reachable."""

    world: World
    reachable: set[str] = field(default_factory=set)
    texts: list[tuple[str, str | bytes]] = field(default_factory=list)
    datagrams: list[tuple[str, int, bytes]] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    withdrawn: int = 0

    def subscription_changed(self, iccid: str) -> None:
        self.changed.append(iccid)

    def withdraw_sms(self) -> None:
        self.withdrawn += 1

    def send_sms(self, iccid: str, text: str | bytes, progress: SmsWatcher) -> None:
        withdrawn = self.withdrawn

        def attempt() -> None:
            if withdrawn == self.withdrawn:
                progress.attempted()

        def deliver() -> None:
            if withdrawn != self.withdrawn:
                return
            if iccid in self.reachable:
                self.texts.append((iccid, text))
                progress.delivered()
            else:
                self.world.call_later("24h", lambda: progress.failed(0), name="validity over")

        self.world.call_later("1s", attempt, name="attempt")
        self.world.call_later("2s", deliver, name="deliver")

    def send_ip(self, iccid: str, port: int, payload: bytes, done: Callable[[str | None], None]) -> None:
        def deliver() -> None:
            if iccid in self.reachable:
                self.datagrams.append((iccid, port, payload))
                done("100.64.0.7")
            else:
                done(None)

        self.world.call_later("1s", deliver, name="datagram")


@dataclass
class Stack:
    world: World
    clock: VirtualClock
    ether: Ether
    uplink: Uplink
    cloud: Cloud
    server: CloudServer
    client: CloudClient

    @property
    def auth(self) -> tuple[str, str]:
        return self.cloud.account_sid, self.cloud.auth_token


ICCID = "8988307000000000001"


@pytest.fixture
def make_stack() -> Iterator[Callable[..., Stack]]:
    stacks: list[Stack] = []

    def make(seed: int = 1, choices: Choices | None = None, start: int = 0,
             request_seconds: float = 30) -> Stack:
        world = World(seed=seed, clock=VirtualClock(start))
        assert isinstance(world.clock, VirtualClock)
        ether = Ether(world)
        uplink = Uplink(world)
        cloud = Cloud(world, messaging=ether, uplink=uplink, choices=choices)
        server = CloudServer(cloud, request_seconds=request_seconds)
        server.start()
        urls = server.urls
        client = CloudClient(
            CloudUrls(supersim=urls.supersim, wireless=urls.wireless, microvisor=urls.microvisor, upload=urls.upload),
            Credentials(user=cloud.account_sid, password=cloud.auth_token), world.clock, world.journal)
        world.clock.add_wire(client.stream_wire(server.log_streams.sent))
        stacks.append(Stack(world, world.clock, ether, uplink, cloud, server, client))
        return stacks[-1]

    yield make
    for stack in stacks:
        stack.client.close()
        stack.server.stop()
        stack.world.close()


@pytest.fixture
def stack(make_stack: Callable[..., Stack]) -> Stack:
    return make_stack()


@pytest.fixture
def sink(stack: Stack) -> Iterator[WebhookSink]:
    with WebhookSink(stack.clock, stack.cloud.auth_token) as sink:
        yield sink
