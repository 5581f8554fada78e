"""Clients that come and go faster than the modem looks, and several that hold one port."""

from __future__ import annotations

import ctypes
import os
import select
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.clock import RealClock, Stopwatch, pause
from harness.virtual.cloud import Cloud
from harness.virtual.modem import PtyEndpoint, SimCard, VirtualModem
from harness.virtual.modem.terminal_watch import watch_terminal
from harness.virtual.network import Network
from harness.virtual.network.settings import NetworkSettings
from harness.virtual.uplink import Uplink
from harness.virtual.world import World

OK = b"\r\nOK\r\n"


class Port:
    """An endpoint in a world that lives on a thread, and what was seen of its clients."""

    def __init__(self, world: World, link: Path) -> None:
        self.world = world
        self.link = link
        self.seen: list[str] = []
        self.heard = b""
        self.endpoint = PtyEndpoint(world, link, receive=self._receive)
        self.endpoint.on_open = lambda: self.seen.append("open")
        self.endpoint.on_close = lambda: self.seen.append("close")

    def _receive(self, data: bytes) -> None:
        self.heard += data

    def client(self, says: bytes = b"") -> int:
        descriptor = os.open(self.link, os.O_RDWR | os.O_NOCTTY)
        if says:
            os.write(descriptor, says)
        return descriptor


@contextmanager
def a_port() -> Iterator[Port]:
    world = World(clock=RealClock())
    world.start()
    with tempfile.TemporaryDirectory() as folder:
        with world.turn():
            port = Port(world, Path(folder) / "ttyVM0")
        try:
            yield port
        finally:
            with world.turn():
                port.endpoint.close()
            world.close()


@pytest.fixture
def port() -> Iterator[Port]:
    with a_port() as made:
        yield made


def until(condition: Callable[[], bool], what: Callable[[], object]) -> None:
    watch = Stopwatch()
    while not condition():
        assert watch.seconds < 5, what()
        pause(0.002)


def test_a_client_that_is_back_at_once_was_gone_all_the_same(port: Port) -> None:
    client = port.client(b"one")
    until(lambda: port.heard == b"one", lambda: port.heard)
    with port.world.turn():  # nobody looks meanwhile
        os.close(client)
        client = port.client()
    until(lambda: port.seen == ["open", "close", "open"], lambda: port.seen)
    with port.world.turn():
        os.close(client)
        client = port.client(b" two")
    until(lambda: port.heard == b"one two", lambda: port.heard)
    assert port.seen == ["open", "close", "open", "close", "open"]
    os.close(client)
    until(lambda: port.seen[5:] == ["close"], lambda: port.seen)


def test_what_the_next_client_says_comes_after_the_hang_up(port: Port) -> None:
    order: list[str] = []
    port.endpoint.on_close = lambda: order.append(f"close after {port.heard!r}")
    client = port.client(b"one")
    until(lambda: port.heard == b"one", lambda: port.heard)
    with port.world.turn():
        os.close(client)
        client = port.client(b" two")
    until(lambda: port.heard == b"one two", lambda: port.heard)
    os.close(client)
    until(lambda: len(order) == 2, lambda: order)
    assert order == ["close after b'one'", "close after b'one two'"]


def test_two_programs_at_one_port_are_no_hang_up(port: Port) -> None:
    first = port.client(b"1")
    until(lambda: port.heard == b"1", lambda: port.heard)
    with port.world.turn():
        second, third = port.client(), port.client()  # two equal events in a row
        os.close(first)
        os.close(second)
        fourth = port.client()
        os.close(third)
    os.write(fourth, b"2")
    until(lambda: port.heard == b"12", lambda: port.heard)
    assert port.seen == ["open"]
    os.close(fourth)
    until(lambda: port.seen == ["open", "close"], lambda: port.seen)


def test_a_descriptor_that_was_handed_on_is_still_the_same_client(port: Port) -> None:
    first = port.client(b"1")
    until(lambda: port.heard == b"1", lambda: port.heard)
    with port.world.turn():
        copy = os.dup(first)
        os.close(first)
    os.write(copy, b"2")
    until(lambda: port.heard == b"12", lambda: port.heard)
    assert port.seen == ["open"]
    os.close(copy)


def test_a_client_that_only_listens_is_noticed(port: Port) -> None:
    client = port.client()
    until(lambda: port.seen == ["open"], lambda: port.seen)
    with port.world.turn():
        port.endpoint.send(b"hello")
    assert os.read(client, 99) == b"hello"
    os.close(client)
    until(lambda: port.seen == ["open", "close"], lambda: port.seen)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2), max_size=6), max_size=5))
def test_any_order_of_coming_and_going(batches: list[list[int]]) -> None:
    """Three programs open and close in any order; within a batch nobody looks."""
    with a_port() as port:
        holders: dict[int, int] = {}
        expected: list[str] = []
        said = 0
        for batch in batches:
            had, left, returned = bool(holders), False, False
            with port.world.turn():
                for program in batch:
                    if program in holders:
                        os.close(holders.pop(program))
                        left |= not holders
                    else:
                        returned |= had and left
                        holders[program] = port.client(b"x")
                        said += 1
            if had and returned:
                expected.append("close")
            if (returned or not had) and batch:
                expected.append("open")
            if not holders and (had or batch):
                expected.append("close")
            until(lambda: port.seen == expected and len(port.heard) == said,  # noqa: B023
                  lambda: (port.seen, expected, port.heard))
        for descriptor in holders.values():
            os.close(descriptor)


def test_the_link_ends_when_the_client_was_away_for_a_moment(tmp_path: Path) -> None:
    world = World(seed=3, clock=RealClock())
    link = tmp_path / "ttyVM0"
    network = Network(world, settings=NetworkSettings(registration_delay="0s"))
    cloud = Cloud(world, messaging=network, uplink=Uplink(world))
    network.connect_cloud(cloud)
    cloud.add_sim("8988307000000000001")
    modem = VirtualModem(world, network, name="modem-1", link=link, time_scale=0,
                         sim=SimCard("8988307000000000001", "310170845466094"))
    world.start()
    with world.turn():
        modem.power_on()
    client = os.open(link, os.O_RDWR | os.O_NOCTTY)
    try:
        _ask(client, b'ATE0&D2+CGDCONT=1,"IP","super"\r', OK)
        until(lambda: modem.radio.served, lambda: modem)
        _ask(client, b"ATD*99#\r", b"CONNECT")
        with world.turn():
            os.close(client)
            client = os.open(link, os.O_RDWR | os.O_NOCTTY)
        _ask(client, b"AT+CGMM\r", b"BG96\r\n" + OK)
        assert [entry.event for entry in world.journal.select("ppp_ended")] == ["ppp_ended"]
    finally:
        os.close(client)
        with world.turn():
            modem.close()
        world.close()


def _ask(client: int, command: bytes, end: bytes) -> None:
    os.write(client, command)
    said = b""
    while end not in said:
        assert select.select([client], [], [], 5)[0], said
        said += os.read(client, 1000)


def test_an_overrun_of_the_queue_is_survived(port: Port) -> None:
    first = port.client(b"1")
    until(lambda: port.heard == b"1", lambda: port.heard)
    with port.world.turn():
        for _ in range(6_000):  # four events each, of 16,384 that the kernel keeps
            os.close(port.client())
    os.write(first, b"2")
    until(lambda: port.heard == b"12", lambda: port.heard)
    assert port.seen == ["open"]
    os.close(first)
    until(lambda: port.seen == ["open", "close"], lambda: port.seen)
    client = port.client(b"3")
    until(lambda: port.heard == b"123", lambda: port.heard)
    with port.world.turn():
        os.close(client)
        client = port.client(b"4")
    until(lambda: port.seen == ["open", "close", "open", "close", "open"], lambda: port.seen)
    os.close(client)


def test_without_inotify_the_hang_up_of_the_master_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())  # a C library that does not have it
    world = World()
    assert watch_terminal(world, "/dev/pts/0", lambda: None) is None
    world.close()
    with a_port() as port:
        for number in range(3):
            client = port.client(b"x")
            until(lambda number=number: len(port.heard) == number + 1, lambda: port.heard)  # type: ignore[misc]
            os.close(client)
            until(lambda: port.seen[-1] == "close", lambda: port.seen)
        assert port.seen == ["open", "close"] * 3


def test_the_last_port_takes_the_watch_with_it(tmp_path: Path) -> None:
    world = World()
    before = len(os.listdir("/proc/self/fd"))
    ends = [PtyEndpoint(world, tmp_path / f"tty{number}", receive=lambda data: None) for number in range(3)]
    during = len(os.listdir("/proc/self/fd"))
    for end in ends:
        end.close()
    assert during - before == 3 * 2 + 1  # a master and an epoll instance each, and one watch for all
    assert len(os.listdir("/proc/self/fd")) == before
    world.close()


def test_ports_may_be_made_and_closed_outside_a_turn(tmp_path: Path) -> None:
    """While other terminals come and go, which the watch hears of too, the thread of the world stays alive."""
    world = World(clock=RealClock())
    world.start()
    done = threading.Event()

    def others() -> None:
        while not done.is_set():
            for descriptor in os.openpty():
                os.close(descriptor)

    busy = threading.Thread(target=others)
    busy.start()
    for number in range(300):
        PtyEndpoint(world, tmp_path / f"tty{number}", receive=lambda data: None).close()
    done.set()
    busy.join()
    alive = threading.Event()
    with world.turn():
        world.call_later(0, alive.set, name="alive")
    assert alive.wait(5)
    world.close()
