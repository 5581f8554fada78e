"""An internet in virtual time, with a network around it that keeps what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.virtual.internet.internet import VirtualInternet
from harness.virtual.internet.seams import (
    Address,
    CloseReason,
    HttpOutcome,
    HttpRequest,
    TcpConnection,
    TcpHandler,
)
from harness.virtual.world import World

DEVICE = ("10.64.0.9", 40_000)


class Devices:
    """What the network is for the internet: keeps datagrams, accepts connections."""

    def __init__(self) -> None:
        self.datagrams: list[tuple[Address, Address, bytes]] = []
        self.connections: list[tuple[Address, Address]] = []

    def udp_from_internet(self, source: Address, destination: Address, payload: bytes) -> bool:
        self.datagrams.append((source, destination, payload))
        return destination[0] == DEVICE[0]

    def connect_to_device(self, source: Address, destination: Address, handler: TcpHandler) -> TcpConnection:
        self.connections.append((source, destination))
        raise NotImplementedError


class Peer:
    """A TCP handler that keeps what it hears, and may answer."""

    def __init__(self, answer: Callable[[bytes], bytes] | None = None) -> None:
        self.answer = answer
        self.connection: TcpConnection | None = None
        self.heard = bytearray()
        self.opened = 0
        self.over: list[CloseReason] = []

    def connected(self) -> None:
        self.opened += 1

    def received(self, data: bytes) -> None:
        assert data
        assert not self.over
        self.heard += data
        if self.answer is not None and self.connection is not None:
            self.connection.send(self.answer(data))

    def closed(self, reason: CloseReason) -> None:
        self.over.append(reason)


class HalfPeer(Peer):
    """One that hears the end of what the other side sends, and may go on itself."""

    def __init__(self) -> None:
        super().__init__()
        self.halves = 0

    def half_closed(self) -> None:
        assert not self.over
        self.halves += 1


def ask(world: World, internet: VirtualInternet, url: str, **options: Any) -> HttpOutcome:
    got: list[HttpOutcome] = []
    with world.turn():
        internet.http(HttpRequest(**{"method": "GET", "url": url, **options}), got.append)
    assert not got
    world.clock.sleep("11s")
    assert len(got) == 1
    return got[0]


def connect(world: World, internet: VirtualInternet, name: str, port: int, peer: Peer | None = None) -> Peer:
    peer = peer or Peer()
    with world.turn():
        peer.connection = internet.connect_tcp(DEVICE, (internet.resolve(name)[0], port), peer)
    return peer


@pytest.fixture
def world() -> Iterator[World]:
    world = World(seed=1)
    yield world
    world.close()


@pytest.fixture
def devices() -> Devices:
    return Devices()


@pytest.fixture
def internet(world: World, devices: Devices) -> Iterator[VirtualInternet]:
    internet = VirtualInternet(world)
    internet.connect_devices(devices)
    yield internet
    internet.close()
