"""Connections as no polite client makes them: pipelined, without end, no HTTP at all."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from harness.clock import pause
from harness.virtual.cloud.faults import FaultKind
from harness.virtual.cloud.http import bodies
from harness.virtual.cloud.http.protocol import HEAD_LIMIT, ApiProtocol

if TYPE_CHECKING:
    from tests.integration.cloud.conftest import Stack


def _head(stack: Stack) -> bytes:
    return b"Authorization: Basic " + base64.b64encode(":".join(stack.auth).encode()) + b"\r\n"


def _exchange(stack: Stack, request: bytes, *, answers: int = 1) -> bytes:
    """Return what comes until there are that many answers, or the server closes."""
    where = urlsplit(stack.server.urls.supersim)
    received = b""
    with socket.create_connection((str(where.hostname), int(where.port or 0)), timeout=5) as connection:
        connection.sendall(request)
        while piece := connection.recv(65_536):
            received += piece
            if received.count(b"HTTP/1.1 ") == answers and received.endswith(b"}"):
                break
    return received


def test_pipelined_requests_are_answered_in_order(stack: Stack) -> None:
    sid = stack.cloud.add_sim("8988307000000000001")
    head = b"Host: x\r\n" + _head(stack)
    form = f"Sim={sid}&Payload=hello".encode()
    get = f"GET /v1/Sims/{sid} HTTP/1.1\r\n".encode() + head + b"\r\n"
    post = (b"POST /v1/SmsCommands HTTP/1.1\r\n" + head
            + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(form) + form)
    received = _exchange(stack, 20 * (get + post), answers=40)
    assert [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]] == 20 * [b"200", b"201"]
    assert len(stack.cloud.sms_commands.commands) == 20


@pytest.mark.parametrize("request_bytes", [
    b"\x16\x03\x01\x02\x00\x01\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /v1/Sims/\xff HTTP/1.1\r\n\r\n",
    b"POST /v1/Sims HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    b"POST /v1/Sims HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
], ids=["TLS", "HTTP/2", "path", "negative length", "two lengths"])
def test_what_is_no_http_gets_an_error_body_and_is_closed(stack: Stack, request_bytes: bytes) -> None:
    received = _exchange(stack, request_bytes)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in head
    assert json.loads(body)["code"] == 20001


def test_a_head_without_end_is_cut_off(stack: Stack) -> None:
    where = urlsplit(stack.server.urls.supersim)
    def pour(connection: socket.socket) -> None:
        for _ in range(1_000):
            connection.sendall(b"a" * HEAD_LIMIT)

    with socket.create_connection((str(where.hostname), int(where.port or 0)), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-Long: ")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            pour(connection)


def test_a_long_head_is_refused_though_it_came_at_once_and_a_long_body_is_not(stack: Stack) -> None:
    sid = stack.cloud.add_sim("8988307000000000001")

    def get(octets: int) -> bytes:
        return _exchange(stack, f"GET /v1/Sims/{sid} HTTP/1.1\r\nHost: x\r\n".encode() + _head(stack)
                         + b"X-Long: " + b"a" * octets + b"\r\n\r\n")

    assert get(HEAD_LIMIT - 1_000).startswith(b"HTTP/1.1 200")
    refused = get(HEAD_LIMIT + 1)
    assert refused.startswith(b"HTTP/1.1 400")
    assert b"at most 65536 bytes" in refused
    form = b"Sim=x&Payload=" + b"a" * 200_000
    long = _exchange(stack, b"POST /v1/SmsCommands HTTP/1.1\r\nHost: x\r\n" + _head(stack)
                     + b"Content-Type: application/x-www-form-urlencoded\r\n"
                     + b"Content-Length: %d\r\n\r\n" % len(form) + form)
    assert b"at most 160" in long  # it was read


@pytest.mark.parametrize("host", [b"h" * 5_000, b"evil/\"><script>", b"a b", b"x:99999999", b"", b"[zz]"])
def test_a_host_that_is_no_name_is_not_repeated(stack: Stack, host: bytes) -> None:
    sid = stack.cloud.add_sim("8988307000000000001")
    received = _exchange(stack, f"GET /v1/Sims/{sid} HTTP/1.1\r\n".encode() + b"Host: " + host + b"\r\n" + _head(stack)
                         + b"\r\n")
    assert json.loads(received.partition(b"\r\n\r\n")[2])["url"] == f"{stack.server.urls.supersim}/v1/Sims/{sid}"


# -- bounds ------------------------------------------------------------------------------------------------------------


def _connect(stack: Stack) -> socket.socket:
    where = urlsplit(stack.server.urls.supersim)
    return socket.create_connection((str(where.hostname), int(where.port or 0)), timeout=20)


@pytest.mark.parametrize("begin", [b"G", b"GET / HTTP/1.1\r\nHost: x\r\n",
                                   b"POST /v1/Sims HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nIccid="],
                         ids=["line", "head", "body"])
def test_who_never_ends_a_request_is_dropped(make_stack: Callable[..., Stack], begin: bytes) -> None:
    stack = make_stack(request_seconds=0.3)
    with _connect(stack) as slow:
        slow.sendall(begin)
        received = b""
        while piece := slow.recv(65_536):
            received += piece
    assert received.endswith(b'"status":408}') or b"HTTP/1.1 401" in received  # it may be refused before its end


def test_who_sends_a_byte_now_and_then_is_dropped_too(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack(request_seconds=0.4)

    def trickle(slow: socket.socket) -> None:
        slow.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(400):
            slow.sendall(b"X-A: b\r\n")
            pause(0.05)

    with _connect(stack) as slow, pytest.raises((ConnectionResetError, BrokenPipeError)):
        trickle(slow)


def test_a_thousand_idle_connections_are_held(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack(request_seconds=0.5)
    sid = stack.cloud.add_sim("8988307000000000001")
    request = f"GET /v1/Sims/{sid} HTTP/1.1\r\nHost: x\r\n".encode() + _head(stack) + b"\r\n"
    idle = [_connect(stack) for _ in range(1_000)]
    try:
        pause(1.2)  # longer than a request may take
        assert _exchange(stack, request).startswith(b"HTTP/1.1 200")
        for connection in (idle[0], idle[500], idle[-1]):
            connection.sendall(request)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
    finally:
        for connection in idle:
            connection.close()


def test_a_connection_that_nobody_uses_any_more_is_closed(make_stack: Callable[..., Stack],
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.virtual.cloud.http.server.KEEP_ALIVE_SECONDS", 0.3)
    stack = make_stack(request_seconds=0.4)
    sid = stack.cloud.add_sim("8988307000000000001")
    request = f"GET /v1/Sims/{sid} HTTP/1.1\r\nHost: x\r\n".encode() + _head(stack) + b"\r\n"
    with _connect(stack) as connection:
        for _ in range(3):  # it counts from the last answer
            connection.sendall(request)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
            pause(0.15)
        assert connection.recv(65_536) == b""


def test_an_answer_waits_for_a_client_that_does_not_read(stack: Stack) -> None:
    for number in range(100):
        stack.cloud.add_sim(f"89883070000000{number:05d}")
    request = b"GET /v1/Sims?PageSize=100 HTTP/1.1\r\nHost: x\r\n" + _head(stack) + b"\r\n"
    with _connect(stack) as connection:
        count = 400
        sender = threading.Thread(target=connection.sendall, args=(count * request,))
        sender.start()
        pause(0.3)  # by now all buffers are full
        received = bytearray()
        while received.count(b"HTTP/1.1 200") < count or not received.endswith(b"}}"):
            received += connection.recv(1 << 20)
        sender.join()
    assert received.count(b"HTTP/1.1 200") == count


def test_a_client_that_wants_the_connection_closed_sees_its_end(stack: Stack) -> None:
    received = _exchange(stack, b"GET /v1/Sims HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + _head(stack) + b"\r\n",
                         answers=2)
    assert received.count(b"HTTP/1.1 ") == 1
    assert b"\r\nconnection: close\r\n" in received


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "after a wait"])
def test_who_has_nothing_more_to_say_still_hears_the_answer(stack: Stack, *, waits: bool) -> None:
    if waits:
        stack.cloud.faults.add("ListSim", FaultKind.LATENCY, count=1, seconds=0.1)
    with _connect(stack) as connection:
        connection.sendall(b"GET /v1/Sims HTTP/1.1\r\nHost: x\r\n" + _head(stack) + b"\r\n")
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65_536):
            received += piece
    assert received.startswith(b"HTTP/1.1 200 "), received


def test_requests_are_not_read_while_others_wait(stack: Stack) -> None:
    """One that sends and never reads fills its own buffers, not the server's memory."""
    request = b"GET /v1/Networks?PageSize=1000 HTTP/1.1\r\nHost: x\r\n" + _head(stack) + b"\r\n"
    one_read = (256 << 10) // len(request) + 1  # asyncio reads no more at once
    assert stack.server._server is not None
    connections = stack.server._server.server_state.connections
    most = 0
    with _connect(stack) as connection:
        connection.settimeout(1)
        blocked = False
        for _ in range(400):
            try:
                connection.sendall(100 * request)
            except TimeoutError:
                blocked = True
                break
            most = max([most, *(len(item.pipeline) for item in tuple(connections) if isinstance(item, ApiProtocol))])
        assert blocked
        assert 0 < most <= 2 * one_read
        assert _exchange(stack, b"GET /v1/Sims HTTP/1.1\r\nHost: x\r\n" + _head(stack) + b"\r\n")


def test_a_request_that_waits_goes_on_where_it_was(stack: Stack) -> None:
    sid = stack.cloud.add_sim("8988307000000000001")
    with stack.world.turn():
        stack.cloud.faults.add("FetchSim", FaultKind.LATENCY, seconds=0.05, count=3)
    request = f"GET /v1/Sims/{sid} HTTP/1.1\r\nHost: x\r\n".encode() + _head(stack) + b"\r\n"
    assert _exchange(stack, 3 * request, answers=3).count(b"HTTP/1.1 200") == 3


def test_too_many_connections_are_turned_away(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.virtual.cloud.http.protocol.CONNECTION_LIMIT", 2)
    first, second = _connect(stack), _connect(stack)
    sid = stack.cloud.add_sim("8988307000000000001")
    request = f"GET /v1/Sims/{sid} HTTP/1.1\r\nHost: x\r\n".encode() + _head(stack) + b"\r\n"
    for connection in (first, second):
        connection.sendall(request)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
    with _connect(stack) as third:
        assert third.recv(65_536).startswith(b"HTTP/1.1 503")
    first.close()
    second.close()


@pytest.mark.parametrize(("path", "length"), [("/v1/SmsCommands", bodies.FORM_LIMIT + 1), ("/_harness/faults", 65_537)])
def test_bodies_are_bounded_before_they_are_read(stack: Stack, path: str, length: int) -> None:
    token = stack.cloud.admin_token
    authorization = _head(stack) if path.startswith("/v1") else f"Authorization: Bearer {token}\r\n".encode()
    received = _exchange(stack, f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n".encode()
                         + authorization + b"\r\n")
    assert received.split(b" ", 2)[1] in (b"400", b"413")


def test_an_upload_is_bounded_before_it_is_read(stack: Stack) -> None:
    where = urlsplit(stack.server.urls.upload)
    with socket.create_connection((str(where.hostname), int(where.port or 0)), timeout=20) as connection:
        connection.sendall(b"POST /v1/Apps HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
                           + f"Content-Length: {bodies.UPLOAD_LIMIT + 1}\r\n".encode() + _head(stack) + b"\r\n")
        assert connection.recv(65_536).split(b" ", 2)[1] in (b"400", b"413")


def test_webhooks_that_wait_for_one_receiver_are_bounded(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.virtual.cloud.webhooks.QUEUE_LIMIT", 3)
    sim = stack.cloud.add_sim("8988307000000000001")
    fleet = stack.cloud.fleets.default_fleet()
    with stack.world.turn():
        stack.cloud.fleets.fleets.change(fleet, fleet.date_updated, sms_commands_url="http://127.0.0.1:9/closed")
        for _ in range(10):
            stack.cloud.sms_received("8988307000000000001", "x")
        assert len(stack.cloud.webhooks.pending) == 4  # one is under way, three wait
        assert len(stack.cloud.debugger_events) == 6
    stack.clock.sleep("1s")
    assert len(stack.cloud.webhooks.pending) == 0
    assert stack.cloud.sims.sim(sim)
