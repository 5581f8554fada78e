"""Connections as no polite client makes them: pipelined, without end, no HTTP at all."""

from __future__ import annotations

import base64
import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from harness.virtual.cloud.http.protocol import HEAD_LIMIT

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


@pytest.mark.parametrize("host", [b"h" * 5_000, b"evil/\"><script>", b"a b", b"x:99999999", b"", b"[zz]"])
def test_a_host_that_is_no_name_is_not_repeated(stack: Stack, host: bytes) -> None:
    sid = stack.cloud.add_sim("8988307000000000001")
    received = _exchange(stack, f"GET /v1/Sims/{sid} HTTP/1.1\r\n".encode() + b"Host: " + host + b"\r\n" + _head(stack)
                         + b"\r\n")
    assert json.loads(received.partition(b"\r\n\r\n")[2])["url"] == f"{stack.server.urls.supersim}/v1/Sims/{sid}"
