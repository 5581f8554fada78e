"""Datagrams and connections of the virtual internet, by handlers and to loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.virtual.internet.internet import CONNECT_TIMEOUT, VirtualInternet
from harness.virtual.internet.pipes import WINDOW
from harness.virtual.internet.seams import (
    CloseReason,
    HttpResponse,
    TcpConnection,
)
from harness.virtual.world import World
from tests.unit.internet.conftest import DEVICE, Devices, HalfPeer, Peer, connect

# -- datagrams -----------------------------------------------------------------------------------------------------


def test_datagrams_to_a_handler(world: World, internet: VirtualInternet, devices: Devices) -> None:
    host = internet.add_host("a.example.com").on_udp(7, lambda source, payload: payload.upper())
    host.on_udp(8, lambda source, payload: [payload, str(source).encode()]).on_udp(9, lambda source, payload: None)
    with world.turn():
        for port in (7, 8, 9, 10):
            assert internet.send_udp(DEVICE, (host.ip, port), b"hi")
        assert not internet.send_udp(DEVICE, ("8.8.8.8", 7), b"hi")
    world.clock.sleep("49ms")
    assert not devices.datagrams
    world.clock.sleep("1ms")
    assert devices.datagrams == [((host.ip, 7), DEVICE, b"HI"), ((host.ip, 8), DEVICE, b"hi"),
                                 ((host.ip, 8), DEVICE, str(DEVICE).encode())]
    assert host.send_udp(7, DEVICE, b"unasked")
    assert not host.send_udp(7, ("10.0.0.1", 1), b"unasked")


def test_datagrams_to_loopback(world: World, internet: VirtualInternet, devices: Devices) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as program:
        program.bind(("127.0.0.1", 0))
        program.settimeout(5)

        def echo() -> None:
            for _ in range(2):
                payload, address = program.recvfrom(2000)
                program.sendto(payload[::-1], address)

        thread = threading.Thread(target=echo)
        thread.start()
        host = internet.add_host("a.example.com").forward(f"127.0.0.1:{program.getsockname()[1]}", port=5683)
        for payload in (b"abc", b"def"):
            with world.turn():
                assert internet.send_udp(DEVICE, (host.ip, 5683), payload)
            world.clock.sleep("1s")
        thread.join()
    assert devices.datagrams == [((host.ip, 5683), DEVICE, b"cba"), ((host.ip, 5683), DEVICE, b"fed")]


# -- connections ---------------------------------------------------------------------------------------------------


def test_a_connection_to_a_handler(world: World, internet: VirtualInternet) -> None:
    far = Peer(bytes.upper)

    def accept(connection: TcpConnection) -> Peer:
        far.connection = connection
        return far

    internet.add_host("a.example.com").on_tcp(7, accept)
    near = connect(world, internet, "a.example.com", 7)
    assert near.connection is not None
    assert near.connection.send(b"too early") == 0
    world.clock.sleep("50ms")
    assert near.opened == 1
    assert far.connection is not None
    assert (far.opened, far.connection.remote, near.connection.local) == (0, DEVICE, DEVICE)
    with world.turn():
        assert near.connection.send(b"hello") == 5
    world.clock.sleep("50ms")
    assert bytes(near.heard) == b"HELLO"
    with world.turn():
        far.connection.close()
        far.connection.close()
    world.clock.sleep("50ms")
    assert (far.over, near.over) == ([CloseReason.LOCAL], [CloseReason.CLOSED_BY_PEER])
    assert near.connection.send(b"late") == 0


def test_what_is_under_way_is_bounded_and_arrives_before_the_end(world: World, internet: VirtualInternet) -> None:
    far = Peer()
    internet.add_host("a.example.com").on_tcp(7, lambda connection: far)
    near = connect(world, internet, "a.example.com", 7)
    world.clock.sleep("50ms")
    assert near.connection is not None
    with world.turn():
        assert near.connection.send(b"x" * 100_000) == WINDOW
        assert near.connection.send(b"x") == 0
        near.connection.close()
    world.clock.sleep("1s")
    assert (len(far.heard), far.over, near.over) == (WINDOW, [CloseReason.CLOSED_BY_PEER], [CloseReason.LOCAL])


def test_connections_that_do_not_come_about(world: World, internet: VirtualInternet) -> None:
    internet.add_host("a.example.com")
    refused = connect(world, internet, "a.example.com", 7)
    nowhere = connect(world, internet, "8.8.8.8", 7)
    given_up = connect(world, internet, "8.8.8.8", 7)
    with world.turn():
        assert given_up.connection is not None
        given_up.connection.close()
    world.clock.sleep("1s")
    assert (refused.over, nowhere.over, given_up.over) == ([CloseReason.REFUSED], [], [CloseReason.LOCAL])
    world.clock.sleep(f"{CONNECT_TIMEOUT}ns")
    assert nowhere.over == [CloseReason.TIMED_OUT]
    assert given_up.over == [CloseReason.LOCAL]


def test_a_connection_to_loopback(world: World, internet: VirtualInternet) -> None:
    with socket.create_server(("127.0.0.1", 0)) as program:
        program.settimeout(5)

        def serve() -> None:
            with program.accept()[0] as client:
                client.settimeout(5)
                client.sendall(client.recv(100).upper())
                assert client.recv(100) == b"bye"

        thread = threading.Thread(target=serve)
        thread.start()
        host = internet.add_host("a.example.com").forward(f"127.0.0.1:{program.getsockname()[1]}")
        near = connect(world, internet, "a.example.com", 12345)
        world.clock.sleep("1s")
        assert near.opened == 1
        assert near.connection is not None
        with world.turn():
            assert near.connection.send(b"hello") == 5
        world.clock.sleep("1s")
        assert bytes(near.heard) == b"HELLO"
        with world.turn():
            near.connection.send(b"bye")
        thread.join()
        world.clock.sleep("1s")
        assert near.over == [CloseReason.CLOSED_BY_PEER]
        assert host.route(12345) is not None
    refused = connect(world, internet, "a.example.com", 12345)
    world.clock.sleep("1s")
    assert refused.over == [CloseReason.REFUSED]


def exchange(world: World, internet: VirtualInternet, *parts: bytes) -> Peer:
    """Send octets to port 80 and return what came back."""
    near = connect(world, internet, "a.example.com", 80)
    for part in parts:
        world.clock.sleep("200ms")
        assert near.connection is not None
        with world.turn():
            near.connection.send(part)
    world.clock.sleep("5s")
    return near


def test_an_http_handler_for_those_who_speak_http_themselves(world: World, internet: VirtualInternet) -> None:
    host = internet.add_host("a.example.com").on_http(
        lambda request: HttpResponse(status=404, headers=(("X-Method", request.method),), body=request.body))
    near = exchange(world, internet, b"POST /x?y HTTP/1.1\r\nHost: A.example.com\r\nContent-Le", b"ngth: 3\r\n\r\nab",
                    b"cHEAD / HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert bytes(near.heard) == (b"HTTP/1.1 404 Not Found\r\nX-Method: POST\r\nContent-Length: 3\r\n\r\nabc"
                                 b"HTTP/1.1 404 Not Found\r\nX-Method: HEAD\r\nContent-Length: 0\r\n"
                                 b"Connection: close\r\n\r\n")
    assert near.over == [CloseReason.CLOSED_BY_PEER]
    assert [(request.method, request.url, request.body) for request in host.requests] == [
        ("POST", "http://A.example.com/x?y", b"abc"), ("HEAD", "http://a.example.com/", b"")]


def test_a_long_answer_goes_out_in_pieces(world: World, internet: VirtualInternet) -> None:
    internet.add_host("a.example.com").on_http(lambda request: b"z" * 300_000)
    near = exchange(world, internet, b"GET / HTTP/1.0\r\n\r\n")
    assert near.heard.endswith(b"\r\n\r\n" + b"z" * 300_000)
    assert near.over == [CloseReason.CLOSED_BY_PEER]


@pytest.mark.parametrize(("sent", "status"), [
    (b"rubbish\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", b"501")])
def test_no_http_at_all(world: World, internet: VirtualInternet, sent: bytes, status: bytes) -> None:
    internet.add_host("a.example.com").on_http(lambda request: None)
    near = exchange(world, internet, sent, b"more")
    assert near.heard.startswith(b"HTTP/1.1 " + status)
    assert near.over == [CloseReason.CLOSED_BY_PEER]


def test_an_error_of_a_handler_is_not_a_bad_request(world: World, internet: VirtualInternet) -> None:
    internet.add_host("a.example.com").on_http(lambda request: str(1 // 0))
    with pytest.raises(ZeroDivisionError):
        exchange(world, internet, b"GET / HTTP/1.1\r\n\r\n")


def test_a_request_without_end(world: World, internet: VirtualInternet) -> None:
    internet.add_host("a.example.com").on_http(lambda request: "x")
    near = exchange(world, internet, b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", *[b"x" * 65_000] * 17)
    assert near.heard.startswith(b"HTTP/1.1 413")


@given(st.binary(max_size=200))
def test_any_octets_to_port_80(data: bytes) -> None:
    world = World(seed=1)
    internet = VirtualInternet(world)
    internet.add_host("a.example.com").on_http(lambda request: "x")
    try:
        exchange(world, internet, data)
    finally:
        internet.close()
        world.close()


def test_hosts_reach_devices(internet: VirtualInternet, devices: Devices) -> None:
    host = internet.add_host("a.example.com")
    for _ in range(2):
        with pytest.raises(NotImplementedError):
            host.connect(("10.64.0.9", 80), Peer())
    assert devices.connections == [((host.ip, 49_152), ("10.64.0.9", 80)), ((host.ip, 49_153), ("10.64.0.9", 80))]


def test_without_a_network_devices_are_out_of_reach(world: World) -> None:
    internet = VirtualInternet(world)
    host = internet.add_host("a.example.com")
    peer = Peer()
    assert not host.send_udp(7, DEVICE, b"x")
    host.connect(DEVICE, peer)
    world.clock.sleep(f"{CONNECT_TIMEOUT}ns")
    assert peer.over == [CloseReason.TIMED_OUT]


# -- half an end, with a program outside -------------------------------------------------------------------------------


@contextlib.contextmanager
def program(internet: VirtualInternet, talk: Callable[[socket.socket], None]) -> Iterator[None]:
    """Let a program on loopback be the host ``a.example.com``; what it raises comes out here."""
    raised: list[BaseException] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def serve() -> None:
            try:
                with listener.accept()[0] as client:
                    client.settimeout(5)
                    talk(client)
            except BaseException as error:
                raised.append(error)

        thread = threading.Thread(target=serve)
        thread.start()
        internet.add_host("a.example.com").forward(f"127.0.0.1:{listener.getsockname()[1]}")
        try:
            yield
        finally:
            thread.join()
    if raised:
        raise raised[0]


def opened(world: World, internet: VirtualInternet, peer: Peer) -> TcpConnection:
    connect(world, internet, "a.example.com", 7, peer)
    world.clock.sleep("1s")
    assert peer.opened == 1
    assert peer.connection is not None
    return peer.connection


def all_of(client: socket.socket) -> bytes:
    data = b""
    while more := client.recv(65_536):
        data += more
    return data


def test_a_program_closes_its_half_and_hears_the_rest(world: World, internet: VirtualInternet) -> None:
    heard: list[bytes] = []

    def talk(client: socket.socket) -> None:
        client.sendall(b"that is all")
        client.shutdown(socket.SHUT_WR)
        heard.append(all_of(client))

    near = HalfPeer()
    with program(internet, talk):
        connection = opened(world, internet, near)
        world.clock.sleep("5s")
        assert (bytes(near.heard), near.halves, near.over) == (b"that is all", 1, [])
        with world.turn():
            assert connection.send(b"and this is mine") == 16
            connection.half_close()
        world.clock.sleep("1s")
    assert heard == [b"and this is mine"]
    assert near.over == [CloseReason.LOCAL]


def test_a_device_closes_its_half_and_hears_the_rest(world: World, internet: VirtualInternet) -> None:
    def talk(client: socket.socket) -> None:
        client.sendall(all_of(client).upper())

    near = HalfPeer()
    with program(internet, talk):
        connection = opened(world, internet, near)
        with world.turn():
            connection.send(b"question")
            connection.half_close()
            assert connection.send(b"late") == 0
        world.clock.sleep("5s")
    assert (bytes(near.heard), near.halves, near.over) == (b"QUESTION", 0, [CloseReason.CLOSED_BY_PEER])


def test_a_program_is_broken_off(world: World, internet: VirtualInternet) -> None:
    seen: list[str] = []

    def talk(client: socket.socket) -> None:
        with contextlib.suppress(ConnectionResetError):
            seen.append(client.recv(100).decode())
            client.recv(100)
            seen.append("end")
            return
        seen.append("reset")

    near = Peer()
    with program(internet, talk):
        connection = opened(world, internet, near)
        with world.turn():
            connection.send(b"hello")
        world.clock.sleep("1s")
        with world.turn():
            connection.abort()
        world.clock.sleep("1s")
    assert seen == ["hello", "reset"]
    assert near.over == [CloseReason.LOCAL]


def test_a_program_waits_for_a_device_that_pauses(world: World, internet: VirtualInternet) -> None:
    whole = bytes(range(256)) * 40_000  # more than any buffer between

    def talk(client: socket.socket) -> None:
        client.sendall(whole)

    class Pausing(HalfPeer):
        def connected(self) -> None:
            super().connected()
            assert self.connection is not None
            self.connection.pause()

    near = Pausing()
    with program(internet, talk):
        connection = opened(world, internet, near)
        world.clock.sleep("10s")
        assert not near.heard
        with world.turn():
            connection.resume()
        for _ in range(2_000):
            if near.halves:
                break
            world.clock.sleep("100ms")
    assert near.heard == whole
