"""Hosts of the virtual internet: names, addresses, HTTP, datagrams and connections, by handlers and to loopback."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from harness.clock import RealClock
from harness.errors import UsageError
from harness.virtual.internet.addresses import NETWORK, address_for, normal_name, parse_endpoint
from harness.virtual.internet.host import TlsFarEnd
from harness.virtual.internet.http import MAX_BODY, split_url
from harness.virtual.internet.internet import CONNECT_TIMEOUT, VirtualInternet
from harness.virtual.internet.pipes import WINDOW
from harness.virtual.internet.seams import (
    Address,
    CloseReason,
    HttpFailure,
    HttpOutcome,
    HttpRequest,
    HttpResponse,
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


def ask(world: World, internet: VirtualInternet, url: str, **options: Any) -> HttpOutcome:
    got: list[HttpOutcome] = []
    with world.turn():
        internet.http(HttpRequest(**{"method": "GET", "url": url, **options}), got.append)
    assert not got
    world.clock.sleep("11s")
    assert len(got) == 1
    return got[0]


def connect(world: World, internet: VirtualInternet, name: str, port: int) -> Peer:
    peer = Peer()
    with world.turn():
        peer.connection = internet.connect_tcp(DEVICE, (internet.resolve(name)[0], port), peer)
    return peer


# -- names ---------------------------------------------------------------------------------------------------------


def test_names_have_the_same_address_in_every_run(internet: VirtualInternet) -> None:
    assert internet.resolve("API.example.com.") == ()
    host = internet.add_host("Api.Example.com")
    assert internet.resolve("API.example.com.") == (host.ip,) == ("198.19.13.253",)
    assert internet.resolve(host.ip) == (host.ip,)
    assert internet.resolve("8.8.8.8") == ("8.8.8.8",)
    assert internet.host("api.example.com") is internet.add_host("api.example.com") is internet.host(host.ip)


def test_addresses_given_by_a_test(internet: VirtualInternet) -> None:
    internet.add_host("a.example.com", address="203.0.113.7")
    assert internet.resolve("a.example.com") == ("203.0.113.7",)
    assert internet.add_host("192.0.2.1").ip == "192.0.2.1"
    cases: list[dict[str, Any]] = [
        {"name": "b.example.com", "address": "203.0.113.7"}, {"name": "a.example.com", "address": "1.2.3.4"},
        {"name": "b.example.com", "address": "1.2.3.400"}, {"name": "b..com"}, {"name": ""}, {"name": "-a.com"}]
    for wrong in cases:
        with pytest.raises(UsageError):
            internet.add_host(**wrong)
    with pytest.raises(UsageError, match=r"it has 192.0.2.1, a.example.com"):
        internet.host("c.example.com")


def test_a_host_that_was_removed_is_not_there(world: World, internet: VirtualInternet) -> None:
    internet.add_host("a.example.com").on_http(lambda request: "x")
    internet.remove_host("a.example.com")
    internet.remove_host("a.example.com")
    assert internet.resolve("a.example.com") == ()
    assert ask(world, internet, "https://a.example.com/") == HttpFailure(reason="unknown host")


@given(st.text(max_size=300))
def test_any_text_is_a_host_name_or_an_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        name = normal_name(text)
        assert normal_name(name) == name


@given(st.lists(st.from_regex(r"[a-z]{1,8}\.com", fullmatch=True), unique=True, max_size=50))
def test_no_two_names_have_one_address(names: list[str]) -> None:
    taken: dict[str, str] = {}
    for name in names:
        taken[address_for(name, taken)] = name
    assert len(taken) == len(names)
    assert all(address in map(str, (NETWORK.network_address, NETWORK.broadcast_address)) or address.startswith("198.1")
               for address in taken)


@pytest.mark.parametrize("text", ["127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x", ":80", "a b:80"])
def test_endpoints_that_are_none(text: str) -> None:
    with pytest.raises(UsageError):
        parse_endpoint(text)


@pytest.mark.parametrize("text", ["8.8.8.8:53", "example.com"])
def test_only_loopback_is_forwarded_to(internet: VirtualInternet, text: str) -> None:
    with pytest.raises(UsageError, match="not a loopback address"):
        internet.add_host("a.example.com").forward(text)


def test_ping(internet: VirtualInternet) -> None:
    host = internet.add_host("a.example.com")
    assert internet.answers_ping(host.ip)
    host.reachable = False
    assert not internet.answers_ping(host.ip)
    assert not internet.answers_ping(internet.add_host("b.example.com", answers_ping=False).ip)
    assert not internet.answers_ping("8.8.8.8")


# -- HTTP ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "body"), [("text", b"text"), (b"bytes", b"bytes"), ("", b"")])
def test_short_answers(world: World, internet: VirtualInternet, answer: str | bytes, body: bytes) -> None:
    host = internet.add_host("a.example.com").on_http(lambda request: answer)
    assert ask(world, internet, "https://a.example.com/x?y=z", body=b"in") == HttpResponse(
        status=200, reason="OK", body=body)
    assert [request.url for request in host.requests] == ["https://a.example.com/x?y=z"]
    assert [dict(entry.data) for entry in world.journal.select("http_answered")] == [
        {"method": "GET", "host": "a.example.com", "path": "/x", "status": 200, "octets": len(body)}]


@pytest.mark.parametrize("url", ["ftp://a.example.com/", "https://", "a.example.com", "https://a.example.com:x/",
                                 "https://a.example.com/ space", "https://a.example.com/\r\nX: y", "https://ä.com/"])
def test_no_urls(world: World, internet: VirtualInternet, url: str) -> None:
    internet.add_host("a.example.com").on_http(lambda request: "x")
    assert split_url(url) is None
    assert ask(world, internet, url) == HttpFailure(reason="bad request")


@given(st.text(max_size=60))
def test_any_text_is_a_url_or_none(text: str) -> None:
    split_url(text)
    split_url(f"https://{text}")


def test_hosts_that_are_not_there(world: World, internet: VirtualInternet) -> None:
    internet.add_host("a.example.com")
    assert ask(world, internet, "https://a.example.com/") == HttpFailure(reason="refused")
    assert ask(world, internet, "https://b.example.com/") == HttpFailure(reason="unknown host")
    assert ask(world, internet, "https://8.8.8.8/", timeout_ms=5000) == HttpFailure(reason="timed out")
    internet.host("a.example.com").reachable = False
    assert isinstance(ask(world, internet, "https://a.example.com/"), HttpFailure)


def test_an_error_of_a_handler_comes_out_of_the_wait(world: World, internet: VirtualInternet) -> None:
    internet.add_host("a.example.com").on_http(lambda request: str(1 // 0))
    with pytest.raises(ZeroDivisionError):
        ask(world, internet, "https://a.example.com/")


def test_an_error_of_a_handler_in_real_time_is_journalled() -> None:
    world = World(seed=1, clock=RealClock())
    internet = VirtualInternet(world)
    internet.add_host("a.example.com").on_http(lambda request: str(1 // 0))
    got: list[HttpOutcome] = []
    world.start()
    try:
        with world.turn():
            internet.http(HttpRequest(method="GET", url="https://a.example.com/", timeout_ms=300), got.append)
        world.clock.wait(lambda: bool(got), within="10s", what="outcome")
    finally:
        internet.close()
        world.close()
    assert got == [HttpFailure(reason="timed out")]
    assert "ZeroDivisionError" in str(world.journal.select("handler_failed")[0].data["error"])


class Handler(http.server.BaseHTTPRequestHandler):
    """Says what was asked of it; /large sends more than is taken, /bad no HTTP, /silent nothing."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._say(201, f"{self.path} {self.headers['Host']} {self.headers['X-One']}".encode() + b" " + body)

    def do_GET(self) -> None:
        if self.path == "/bad":
            self.wfile.write(b"rubbish\r\n\r\n")
        elif self.path == "/hang-up":
            self.close_connection = True
        else:
            self._say(200, b"x" * (MAX_BODY + 1) if self.path == "/large" else b"ok")

    def _say(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def serving(tls: Any = None) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with serving() as port:
        yield port


def test_a_program_on_loopback_answers(world: World, internet: VirtualInternet, server: int) -> None:
    internet.add_host("a.example.com").forward(f"127.0.0.1:{server}")
    outcome = ask(world, internet, "https://a.example.com/p?q", method="POST", body=b"in", headers=(("X-One", "1"),))
    assert isinstance(outcome, HttpResponse)
    assert (outcome.status, outcome.body) == (201, b"/p?q a.example.com 1 in")


@pytest.mark.parametrize(("path", "reason"), [("/bad", "bad response"), ("/hang-up", "bad response"),
                                              ("/large", "response too large")])
def test_a_program_on_loopback_misbehaves(world: World, internet: VirtualInternet, server: int, path: str,
                                          reason: str) -> None:
    internet.add_host("a.example.com").forward(f"localhost:{server}", port=443)
    outcome = ask(world, internet, f"https://a.example.com{path}")
    assert isinstance(outcome, HttpFailure)
    assert outcome.reason in (reason, "unreachable")
    assert ask(world, internet, f"http://a.example.com{path}") == HttpFailure(reason="refused")


def test_nobody_listens_on_loopback(world: World, internet: VirtualInternet) -> None:
    internet.add_host("a.example.com").forward("127.0.0.1:9")
    assert ask(world, internet, "https://a.example.com/") == HttpFailure(reason="refused")


def test_a_program_on_loopback_that_speaks_tls(world: World, internet: VirtualInternet, tmp_path: Any) -> None:
    import ssl

    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("a.example.com").configure_cert(context)
    with serving(context) as port:
        host = internet.add_host("a.example.com").forward(f"127.0.0.1:{port}",
                                                          tls=TlsFarEnd(ca_file=str(tmp_path / "ca.pem")))
        outcome = ask(world, internet, "https://a.example.com/")
        assert isinstance(outcome, HttpResponse)
        host.forward(f"127.0.0.1:{port}", tls=TlsFarEnd())
        outcome = ask(world, internet, "https://a.example.com/")
        assert isinstance(outcome, HttpFailure)
        assert outcome.reason.startswith("TLS failed")
    with pytest.raises(UsageError):
        host.forward("127.0.0.1:9", tls=TlsFarEnd(ca_file=str(tmp_path / "none.pem")))


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


# -- outside -------------------------------------------------------------------------------------------------------


def test_real_hosts_are_reached_by_name_only(internet: VirtualInternet) -> None:
    assert internet.loopback("www.example.com", 8883) is None
    internet.allow("www.example.com")
    assert internet.loopback("www.example.com", 8883) == ("www.example.com", 8883)
    assert internet.resolve("www.example.com")[0].startswith("198.1")
    internet.host("www.example.com").forward("127.0.0.1:9", port=8883)
    assert internet.loopback("www.example.com", 8883) == ("127.0.0.1", 9)
    assert internet.loopback("www.example.com", 1883) == ("www.example.com", 1883)
    internet.remove_host("www.example.com")
    assert internet.loopback("www.example.com", 8883) is None


def test_a_real_host_that_does_not_exist(world: World, internet: VirtualInternet, devices: Devices) -> None:
    host = internet.allow("nobody.invalid")  # never exists (RFC 6761, 6.4)
    near = connect(world, internet, "nobody.invalid", 80)
    with world.turn():
        assert internet.send_udp(DEVICE, (host.ip, 53), b"x")
    world.clock.sleep("1s")
    assert near.over == [CloseReason.UNREACHABLE]
    assert not devices.datagrams
    assert ask(world, internet, "https://nobody.invalid/") == HttpFailure(reason="unknown host")


def test_an_idle_connection_costs_little_for_a_day(world: World, internet: VirtualInternet) -> None:
    from harness.clock import Stopwatch

    with socket.create_server(("127.0.0.1", 0)) as program:
        internet.add_host("a.example.com").forward(f"127.0.0.1:{program.getsockname()[1]}")
        near = connect(world, internet, "a.example.com", 7)
        watch = Stopwatch()
        world.clock.sleep("24h")
        assert watch.seconds < 5
        assert near.opened == 1
        assert not near.over
        client, _ = program.accept()
        client.close()
        world.clock.sleep("1s")
        assert near.over == [CloseReason.CLOSED_BY_PEER]
