"""HTTP channels: every status of the four calls and every result of a request.

``COVERED`` names the calls and statuses that this file reaches, for the coverage of the interface.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.virtual.board.kernel.enums import MvEventType, MvHttpResult, MvStatus
from harness.virtual.board.kernel.http_channel import METHODS, _header_lines
from harness.virtual.internet.seams import HttpRequest, HttpResponse

COVERED = {
    "mvSendHttpRequest": "OKAY PARAMETERFAULT LATEFAULT INVALIDHANDLE INVALIDBUFFERSIZE TOOMANYELEMENTS CHANNELCLOSED"
                         " REQUESTALREADYSENT",
    "mvReadHttpResponseBody": "OKAY PARAMETERFAULT INVALIDHANDLE RESPONSENOTPRESENT CHANNELCLOSED OFFSETINVALID",
    "mvReadHttpResponseHeader": "OKAY PARAMETERFAULT INVALIDHANDLE RESPONSENOTPRESENT CHANNELCLOSED INDEXINVALID",
    "mvReadHttpResponseData": "OKAY PARAMETERFAULT INVALIDHANDLE RESPONSENOTPRESENT CHANNELCLOSED",
}

HTTP = 2
NOWHERE = 0x4000_0000
URL = b"https://api.example.com/todos/1?a=b"


@pytest.fixture
def channel(bench: Any) -> int:
    """An open HTTP channel, and a host that answers."""
    bench.ready()
    bench.host = bench.internet.add_host("api.example.com")
    bench.host.on_http(lambda request: HttpResponse(
        status=201, reason="Created", headers=(("content-type", "text/plain"), ("x-two", "2")), body=b"0123456789"))
    return int(bench.open_channel(HTTP))


def request(bench: Any, *, method: bytes = b"GET", url: bytes = URL, headers: tuple[bytes, ...] = (),
            body: bytes = b"", timeout_ms: int = 5000, count: int | None = None) -> int:
    """Return the address of a request."""
    table = [word for header in headers for word in (len(header), bench.bytes_at(header))]
    return int(bench.words(*bench.sized(method), *bench.sized(url), len(headers) if count is None else count,
                           bench.words(*table) if table else 0, *bench.sized(body), timeout_ms))


def response(bench: Any, handle: int) -> tuple[int, ...]:
    out = bench.room(16, fill=b"\xee" * 16)
    assert bench.call("mvReadHttpResponseData", handle, out) is MvStatus.OKAY
    return tuple(bench.word(out + 4 * index) for index in range(4))


def result(bench: Any, handle: int, wait: str = "1s") -> MvHttpResult:
    bench.wait(wait)
    assert bench.records() == [MvEventType.CHANNELDATAREADABLE]
    return MvHttpResult(response(bench, handle)[0])


def test_a_request_and_its_response(bench: Any, channel: int) -> None:
    headers = (b"Accept: */*", b"X-Empty:")
    assert bench.call("mvSendHttpRequest", channel,
                      request(bench, method=b"POST", headers=headers, body=b"{}")) is MvStatus.OKAY
    assert bench.call("mvReadHttpResponseData", channel, bench.room(16)) is MvStatus.RESPONSENOTPRESENT
    assert result(bench, channel) is MvHttpResult.OK
    assert response(bench, channel) == (0, 201, 2, 10)
    assert bench.host.requests == [HttpRequest(method="POST", url=URL.decode(), body=b"{}", timeout_ms=5000,
                                               headers=(("Accept", "*/*"), ("X-Empty", "")))]

    buffer = bench.room(32, fill=b"\xee" * 32)
    assert bench.call("mvReadHttpResponseHeader", channel, 0, buffer, 32) is MvStatus.OKAY
    assert bench.core.read_memory(buffer, 26) == b"content-type: text/plain\xee\xee"
    assert bench.call("mvReadHttpResponseHeader", channel, 1, buffer, 3) is MvStatus.OKAY
    assert bench.core.read_memory(buffer, 4) == b"x-tt"
    assert bench.call("mvReadHttpResponseHeader", channel, 2, buffer, 32) is MvStatus.INDEXINVALID

    buffer = bench.room(8, fill=b"\xee" * 8)
    assert bench.call("mvReadHttpResponseBody", channel, 0, buffer, 8) is MvStatus.OKAY
    assert bench.core.read_memory(buffer, 8) == b"01234567"
    assert bench.call("mvReadHttpResponseBody", channel, 8, buffer, 8) is MvStatus.OKAY
    assert bench.core.read_memory(buffer, 8) == b"89234567"
    assert bench.call("mvReadHttpResponseBody", channel, 10, buffer, 8) is MvStatus.OKAY
    assert bench.call("mvReadHttpResponseBody", channel, 11, buffer, 8) is MvStatus.OFFSETINVALID


def test_pointers_of_reading(bench: Any, channel: int) -> None:
    bench.call("mvSendHttpRequest", channel, request(bench))
    bench.wait("1s")
    assert bench.call("mvReadHttpResponseData", channel, NOWHERE) is MvStatus.PARAMETERFAULT
    assert bench.call("mvReadHttpResponseHeader", channel, 0, NOWHERE, 8) is MvStatus.PARAMETERFAULT
    assert bench.call("mvReadHttpResponseBody", channel, 0, NOWHERE, 8) is MvStatus.PARAMETERFAULT
    assert bench.call("mvReadHttpResponseBody", channel, 0, bench.room(8), 0xFFFF_FFFF) is MvStatus.PARAMETERFAULT


def test_every_call_wants_a_handle_and_a_channel_that_is_open(bench: Any, channel: int) -> None:
    calls = (("mvSendHttpRequest", request(bench)), ("mvReadHttpResponseData", bench.room(16)),
             ("mvReadHttpResponseHeader", 0, bench.room(8), 8), ("mvReadHttpResponseBody", 0, bench.room(8), 8))
    for name, *arguments in calls:
        assert bench.call(name, 77, *arguments) is MvStatus.INVALIDHANDLE
    for name, *arguments in calls[1:]:
        assert bench.call(name, channel, *arguments) is MvStatus.RESPONSENOTPRESENT
    bench.board.kernel.network.coverage = False
    for name, *arguments in calls:
        assert bench.call(name, channel, *arguments) is MvStatus.CHANNELCLOSED


def test_one_request_for_each_channel(bench: Any, channel: int) -> None:
    assert bench.call("mvSendHttpRequest", channel, request(bench)) is MvStatus.OKAY
    assert bench.call("mvSendHttpRequest", channel, request(bench)) is MvStatus.REQUESTALREADYSENT
    bench.wait("1s")
    assert bench.call("mvSendHttpRequest", channel, request(bench)) is MvStatus.REQUESTALREADYSENT


def test_a_request_that_does_not_fit_may_be_made_smaller(bench: Any, channel: int) -> None:
    room = 512 - len(b"PUT") - len(URL)
    assert bench.call("mvSendHttpRequest", channel,
                      request(bench, method=b"PUT", body=b"x" * (room + 1))) is MvStatus.INVALIDBUFFERSIZE
    assert bench.call("mvSendHttpRequest", channel, request(bench, headers=(b"A: b",) * 33)) is MvStatus.TOOMANYELEMENTS
    assert bench.call("mvSendHttpRequest", channel,
                      request(bench, method=b"PUT", body=b"x" * room)) is MvStatus.OKAY
    assert result(bench, channel) is MvHttpResult.OK


def test_thirty_two_headers(bench: Any, channel: int) -> None:
    assert bench.call("mvSendHttpRequest", channel, request(bench, headers=(b"A: b",) * 32)) is MvStatus.OKAY
    assert result(bench, channel) is MvHttpResult.OK


@pytest.mark.parametrize("position", [0, 2, 5, 6])
def test_a_nested_pointer_that_leads_nowhere(bench: Any, channel: int, position: int) -> None:
    address = request(bench, headers=(b"A: b",), body=b"{}")
    bench.core.write_memory(address + 4 * position, NOWHERE.to_bytes(4, "little"))
    assert bench.call("mvSendHttpRequest", channel, address) is MvStatus.LATEFAULT
    assert bench.call("mvSendHttpRequest", channel, request(bench)) is MvStatus.CHANNELCLOSED
    assert bench.call("mvCloseChannel", bench.words(channel)) is MvStatus.OKAY


def test_a_header_that_leads_nowhere(bench: Any, channel: int) -> None:
    address = request(bench, count=1)
    bench.core.write_memory(address + 20, bench.words(4, NOWHERE).to_bytes(4, "little"))
    assert bench.call("mvSendHttpRequest", channel, address) is MvStatus.LATEFAULT


def test_the_request_itself_leads_nowhere(bench: Any, channel: int) -> None:
    assert bench.call("mvSendHttpRequest", channel, NOWHERE) is MvStatus.PARAMETERFAULT
    assert bench.call("mvSendHttpRequest", channel, request(bench)) is MvStatus.OKAY


@pytest.mark.parametrize(("wrong", "expected"), [
    ({"url": b"http://api.example.com/"}, MvHttpResult.UNSUPPORTEDURISCHEME),
    ({"url": b""}, MvHttpResult.UNSUPPORTEDURISCHEME),
    ({"method": b"TRACE"}, MvHttpResult.UNSUPPORTEDMETHOD),
    ({"method": b"get"}, MvHttpResult.UNSUPPORTEDMETHOD),
    ({"headers": (b"no colon",)}, MvHttpResult.INVALIDHEADERS),
    ({"headers": (b"A: line\nB: break",)}, MvHttpResult.INVALIDHEADERS),
    ({"headers": (b"spa ce: x",)}, MvHttpResult.INVALIDHEADERS),
    ({"timeout_ms": 4999}, MvHttpResult.INVALIDTIMEOUT),
    ({"timeout_ms": 10_001}, MvHttpResult.INVALIDTIMEOUT),
    ({"url": b"https://nobody.example.com/"}, MvHttpResult.REQUESTFAILED),
    ({"url": b"https://"}, MvHttpResult.REQUESTFAILED),
    ({"url": b"https://api.example.com:port/"}, MvHttpResult.REQUESTFAILED),
])
def test_what_the_cloud_refuses(bench: Any, channel: int, wrong: dict[str, Any], expected: MvHttpResult) -> None:
    assert bench.call("mvSendHttpRequest", channel, request(bench, **wrong)) is MvStatus.OKAY
    assert result(bench, channel) is expected
    assert response(bench, channel)[1:] == (0, 0, 0)
    assert not bench.host.requests
    assert bench.call("mvReadHttpResponseHeader", channel, 0, bench.room(8), 8) is MvStatus.INDEXINVALID


@pytest.mark.parametrize("method", METHODS)
def test_methods(bench: Any, channel: int, method: str) -> None:
    assert bench.call("mvSendHttpRequest", channel, request(bench, method=method.encode())) is MvStatus.OKAY
    assert result(bench, channel) is MvHttpResult.OK


@pytest.mark.parametrize(("headers", "body", "expected"), [
    ((), 512, MvHttpResult.OK), ((), 513, MvHttpResult.RESPONSETOOLARGE),
    ((("abcd", "efgh"),), 502, MvHttpResult.OK), ((("abcd", "efgh"),), 503, MvHttpResult.RESPONSETOOLARGE)])
def test_headers_and_body_share_the_receive_buffer(bench: Any, channel: int, headers: Any, body: int,
                                                   expected: MvHttpResult) -> None:
    bench.host.on_http(lambda _: HttpResponse(status=200, headers=headers, body=b"x" * body))
    bench.call("mvSendHttpRequest", channel, request(bench))
    assert result(bench, channel) is expected
    assert response(bench, channel)[1:] == ((200, len(headers), body) if expected is MvHttpResult.OK else (0, 0, 0))


@pytest.mark.parametrize("timeout_ms", [5000, 10_000])
def test_a_host_that_says_nothing(bench: Any, channel: int, timeout_ms: int) -> None:
    bench.host.on_http(lambda _: None)
    bench.call("mvSendHttpRequest", channel, request(bench, timeout_ms=timeout_ms))
    bench.wait(f"{timeout_ms}ms")
    assert not bench.records()
    assert result(bench, channel, "60ms") is MvHttpResult.REQUESTFAILED


def test_an_answer_that_comes_too_late(bench: Any, channel: int) -> None:
    bench.host.delay("3s")
    bench.call("mvSendHttpRequest", channel, request(bench))
    assert result(bench, channel, "5100ms") is MvHttpResult.REQUESTFAILED
    bench.wait("10s")
    assert not bench.records()


def test_an_error_status_is_a_response(bench: Any, channel: int) -> None:
    bench.host.on_http(lambda _: HttpResponse(status=503))
    bench.call("mvSendHttpRequest", channel, request(bench))
    assert result(bench, channel) is MvHttpResult.OK
    assert response(bench, channel) == (0, 503, 0, 0)


def test_a_channel_that_is_closed_hears_nothing(bench: Any, channel: int) -> None:
    bench.call("mvSendHttpRequest", channel, request(bench))
    bench.wait("60ms")
    bench.call("mvCloseChannel", bench.words(channel))
    bench.wait("20s")
    assert not bench.records()


def test_nothing_arrives_after_the_power_was_cut(bench: Any, channel: int) -> None:
    bench.call("mvSendHttpRequest", channel, request(bench))
    bench.wait("60ms")
    bench.board.power_off()
    bench.board.power_on()
    bench.wait("20s")
    assert not bench.events("http_response")


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=20)), max_size=5))
def test_any_header_has_bytes(headers: list[tuple[str, str]]) -> None:
    lines = _header_lines(HttpResponse(status=200, headers=tuple(headers)))
    assert len(lines) == len(headers)
