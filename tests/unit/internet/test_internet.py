"""Hosts of the virtual internet: names, addresses and HTTP, by handlers and to loopback."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from collections.abc import Iterator
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
from harness.virtual.internet.internet import VirtualInternet
from harness.virtual.internet.seams import (
    CloseReason,
    HttpFailure,
    HttpOutcome,
    HttpRequest,
    HttpResponse,
)
from harness.virtual.world import World
from tests.unit.internet.conftest import DEVICE, Devices, ask, connect

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
