"""Prebuilt applications that reach the virtual internet and the configuration stores."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from harness.virtual.internet.seams import HttpResponse

if TYPE_CHECKING:
    from tests.integration.internet.conftest import Setup

TODO = b'{"userId": 1, "id": 1, "title": "delectus aut autem", "completed": false}'


def test_http_get_as_published_applications_do_it(make_setup: Callable[..., Setup]) -> None:
    setup = make_setup("http-get")
    host = setup.internet.add_host("api.example.com").on_http(lambda request: HttpResponse(
        status=200, headers=(("content-type", "application/json"), ("x-second", "2")), body=TODO))
    setup.board.power_on()
    setup.run("25s")
    assert setup.log[:4] == ["requesting the network", f"status 200, 2 headers, {len(TODO)} bytes",
                             "content-type: application/json", TODO.decode()]
    assert setup.symbol("responses") == 3
    assert setup.log.count("requesting the network") == 1
    assert [(request.method, request.url, request.headers) for request in host.requests] == [
        ("GET", "https://api.example.com/todos/1", (("Accept", "application/json"),))] * 3


def test_http_get_of_a_host_that_is_not_there(make_setup: Callable[..., Setup]) -> None:
    setup = make_setup("http-get")
    setup.board.power_on()
    setup.run("15s")
    assert setup.log == ["requesting the network", "request failed: result 5", "request failed: result 5"]


def test_http_get_five_times_overruns_the_ring_and_goes_on(make_setup: Callable[..., Setup]) -> None:
    setup = make_setup("http-get")
    setup.internet.add_host("api.example.com").on_http(lambda request: "hello")
    setup.board.power_on()
    setup.run("45s")
    assert setup.symbol("responses") == 5
    assert [entry.data["kept"] for entry in setup.world.journal.select("notification_overrun")] == ["new"]


def test_the_network_goes_while_a_request_is_under_way(make_setup: Callable[..., Setup]) -> None:
    setup = make_setup("http-get")
    setup.internet.add_host("api.example.com").on_http(lambda request: "hello").delay("1s")
    setup.board.power_on()
    setup.run("3s")
    with setup.world.turn():
        setup.board.kernel.network.coverage = False
    setup.run("1s")
    with setup.world.turn():
        setup.board.kernel.network.coverage = True
    setup.run("20s")
    assert setup.log[:2] == ["requesting the network", "channel closed: reason 3"]
    assert setup.symbol("responses") >= 1


def test_equal_seeds_give_equal_journals(make_setup: Callable[..., Setup]) -> None:
    journals = []
    for _ in range(2):
        setup = make_setup("http-get")
        setup.internet.add_host("api.example.com").on_http(lambda request: "hello")
        setup.board.power_on()
        setup.run("13s")
        journals.append(setup.world.journal.digest())
    assert journals[0] == journals[1]


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"real!")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_http_get_from_a_program_on_loopback(make_setup: Callable[..., Setup],
                                             server: http.server.ThreadingHTTPServer) -> None:
    setup = make_setup("http-get")
    setup.internet.add_host("api.example.com").forward(f"127.0.0.1:{server.server_port}")
    setup.board.power_on()
    setup.run("5s")
    assert setup.log[1:] == ["status 200, 2 headers, 5 bytes", "Content-Type: text/plain", "real!"]


def test_config_and_secrets(make_setup: Callable[..., Setup]) -> None:
    setup = make_setup("config-secret")
    setup.cloud.put("greeting", "hello")
    setup.cloud.put("greeting", "wrong store", secret=True)
    setup.cloud.put("device-token", "t0k3n", secret=True)
    setup.cloud.put("region", "eu", device=False)
    setup.cloud.put("account-token", "s3cret", device=False, secret=True)
    setup.board.power_on()
    setup.run("5s")
    expected = ["greeting: result 0 hello", "device-token: result 0 t0k3n", "region: result 0 eu",
                "account-token: result 0 s3cret", "absent: result 1 "]
    assert setup.log == expected
    setup.cloud.put("greeting", "bye")
    setup.run("20s")
    assert setup.log[5:] == ["greeting: result 0 bye", *expected[1:]]


def test_an_old_application_logs_by_a_channel(make_setup: Callable[..., Setup]) -> None:
    setup = make_setup("old-log-channel")
    setup.board.power_on()
    setup.run("8500ms")
    assert setup.log[:5] == [f"old line {number}" for number in range(1, 6)]


def test_an_old_application_finds_its_channel_again(make_setup: Callable[..., Setup]) -> None:
    setup = make_setup("old-log-channel")
    setup.board.power_on()
    setup.run("4s")
    before = len(setup.log)
    with setup.world.turn():
        setup.board.kernel.network.coverage = False
    setup.run("5s")
    assert len(setup.log) == before
    with setup.world.turn():
        setup.board.kernel.network.coverage = True
    setup.run("10s")
    assert len(setup.log) > before + 2
