"""The reactor: what is called for which descriptor, and that waits end."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from harness.virtual.reactor import Reactor


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    made = Reactor()
    yield made
    made.close()
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    for end in (one, other):
        end.setblocking(False)
    with one, other:
        yield one, other


def test_each_descriptor_has_its_callbacks(reactor: Reactor, pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    said: list[str] = []
    reactor.add(one.fileno(), lambda: said.append("readable"))
    assert repr(reactor) == "Reactor(1 descriptors)"
    assert not reactor.poll(0)
    other.send(b"x")
    assert reactor.poll(1)
    assert said == ["readable"]
    reactor.add(one.fileno(), lambda: said.append("new"), lambda: said.append("writable"))
    reactor.poll(1)
    assert said == ["readable", "new", "writable"]
    one.recv(9)
    reactor.poll(1)
    assert said[3:] == ["writable"]
    reactor.add(one.fileno(), lambda: said.append("new"))
    assert not reactor.poll(0)
    reactor.remove(one.fileno())
    reactor.remove(one.fileno())
    other.send(b"x")
    assert not reactor.poll(0)


def test_a_hang_up_shows_itself_to_the_reader(reactor: Reactor) -> None:
    read, write = os.pipe()
    ends: list[bytes] = []
    reactor.add(read, lambda: ends.append(os.read(read, 9)))
    os.close(write)
    assert reactor.poll(1)
    assert ends == [b""]
    reactor.remove(read)
    os.close(read)


def test_what_an_earlier_callback_removed_is_not_called(reactor: Reactor,
                                                        pair: tuple[socket.socket, socket.socket]) -> None:
    called: list[int] = []

    def first_come(descriptor: int, rival: int) -> None:
        called.append(descriptor)
        reactor.remove(rival)

    numbers = [end.fileno() for end in pair]
    for number, end in enumerate(pair):
        end.send(b"x")
        reactor.add(numbers[number], lambda number=number: first_come(  # type: ignore[misc]
            numbers[number], numbers[1 - number]))
    ready = reactor.wait(1)
    assert len(ready) == 2
    reactor.dispatch(ready)
    assert len(called) == 1


def test_a_descriptor_that_was_closed_first_can_still_be_removed(reactor: Reactor) -> None:
    read, write = os.pipe()
    reactor.add(read, lambda: None)
    os.close(read)
    os.close(write)
    reactor.remove(read)
    assert repr(reactor) == "Reactor(0 descriptors)"


def test_a_wait_ends_early_when_somebody_wakes_it(reactor: Reactor) -> None:
    waking = threading.Timer(0.02, reactor.wake)
    waking.start()
    assert reactor.wait(60) == []
    waking.join()


def test_descriptors_may_come_while_another_thread_waits(reactor: Reactor,
                                                         pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    other.send(b"x")
    adding = threading.Timer(0.02, lambda: reactor.add(one.fileno(), lambda: None))
    adding.start()
    assert [descriptor for descriptor, _ in reactor.wait(60)] == [one.fileno()]
    adding.join()


def test_a_brisk_partner_is_served_awake_and_asleep(reactor: Reactor,
                                                    pair: tuple[socket.socket, socket.socket]) -> None:
    """A thread that answers at once for a while, then after pauses, then at once again: nothing is missed."""
    one, other = pair
    other.setblocking(True)
    pauses = [0.0] * 200 + [0.002] * 10 + [0.0] * 200

    def answer() -> None:
        idle = threading.Event()
        for pause in pauses:
            if pause:
                idle.wait(pause)
            other.send(other.recv(1))

    came = 0

    def readable() -> None:
        nonlocal came
        came += len(one.recv(9))

    partner = threading.Thread(target=answer)
    partner.start()
    reactor.add(one.fileno(), readable)
    for number in range(len(pauses)):
        one.send(b"x")
        while came == number:
            assert reactor.poll(60)
    partner.join()
    assert not reactor.poll(0.001)
