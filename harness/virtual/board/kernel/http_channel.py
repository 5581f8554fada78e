"""HTTP channels: one request each, which the cloud makes on the device's behalf.

The request is taken or refused at once; whether it can be made at all (scheme, method, headers, timeout) the cloud
says later, in the result of the response.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from harness.virtual.board.kernel import structures
from harness.virtual.board.kernel.channels import Channel, Channels, late
from harness.virtual.board.kernel.enums import MvChannelType, MvEventType, MvHttpResult, MvStatus
from harness.virtual.board.kernel.host import KernelHost
from harness.virtual.board.kernel.memory import Refused
from harness.virtual.internet.seams import HttpOutcome, HttpRequest, HttpResponse

MAX_HEADERS = 32
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
TIMEOUT_MS = range(5_000, 10_001)

_HEADER = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x20-\x7e\t]*)")
_SIZED_STRING = structures.STRUCT_SIZES["MvSizedString"]
_LATE = MvStatus.LATEFAULT


class HttpChannel(Channel):
    """A request and its response."""

    kind = MvChannelType.HTTP
    sent = False
    result: MvHttpResult | None = None
    """None until the response is there."""
    status = 0
    headers: tuple[bytes, ...] = ()
    body = b""

    def finish(self, result: MvHttpResult, outcome: HttpResponse | None = None) -> None:
        """Take the response, and tell the application."""
        if self.is_closed or self.result is not None:
            return
        self.result = result
        if outcome is not None:
            self.status, self.body = outcome.status, outcome.body
            self.headers = _header_lines(outcome)
        self.host.record("http_response", result=result.name, status=self.status, headers=len(self.headers),
                         octets=len(self.body))
        self.notify(MvEventType.CHANNELDATAREADABLE)


class HttpCalls:
    """The calls on HTTP channels."""

    def __init__(self, host: KernelHost, channels: Channels) -> None:
        self._host = host
        self._channels = channels
        channels.register(MvChannelType.HTTP, b"", HttpChannel)

    def __repr__(self) -> str:
        return f"HttpCalls({self._channels.of(HttpChannel)})"

    def calls(self) -> Mapping[str, Callable[..., MvStatus]]:
        """Return the system calls that end here."""
        return {"mvSendHttpRequest": self.send, "mvReadHttpResponseData": self.read_data,
                "mvReadHttpResponseHeader": self.read_header, "mvReadHttpResponseBody": self.read_body}

    # -- system calls --

    def send(self, handle: int, request: int) -> MvStatus:
        channel = self._channels.get(handle, HttpChannel)
        if channel.sent:
            return MvStatus.REQUESTALREADYSENT
        memory = self._host.memory
        wanted = memory.unpack(structures.MvHttpRequest, request)
        if wanted.num_headers > MAX_HEADERS:
            return MvStatus.TOOMANYELEMENTS
        lines = late(channel, lambda: [
            memory.unpack(structures.MvHttpHeader, wanted.headers + index * _SIZED_STRING, _LATE)
            for index in range(wanted.num_headers)])
        strings = (wanted.method, wanted.url, *lines, wanted.body)
        if sum(string.length for string in strings) > channel.setup.send_size:
            return MvStatus.INVALIDBUFFERSIZE
        method, url, *headers, body = late(channel, lambda: [memory.string(string, _LATE) for string in strings])
        channel.sent = True
        channel.later(lambda: self._relay(channel, method, url, headers, body, wanted.timeout_ms))
        return MvStatus.OKAY

    def read_data(self, handle: int, response_data: int) -> MvStatus:
        channel, result = self._answered(handle)
        self._host.memory.pack(structures.MvHttpResponseData, response_data, result=int(result),
                               status_code=channel.status, num_headers=len(channel.headers),
                               body_length=len(channel.body))
        return MvStatus.OKAY

    def read_header(self, handle: int, header_index: int, buf: int, size: int) -> MvStatus:
        channel, _ = self._answered(handle)
        self._host.memory.check_write(buf, size)
        if header_index >= len(channel.headers):
            return MvStatus.INDEXINVALID
        self._host.memory.write(buf, channel.headers[header_index][:size])
        return MvStatus.OKAY

    def read_body(self, handle: int, offset: int, buf: int, size: int) -> MvStatus:
        channel, _ = self._answered(handle)
        self._host.memory.check_write(buf, size)
        if offset > len(channel.body):
            return MvStatus.OFFSETINVALID
        self._host.memory.write(buf, channel.body[offset:offset + size])
        return MvStatus.OKAY

    # -- inside --

    def _answered(self, handle: int) -> tuple[HttpChannel, MvHttpResult]:
        channel = self._channels.get(handle, HttpChannel)
        if channel.result is None:
            raise Refused(MvStatus.RESPONSENOTPRESENT)
        return channel, channel.result

    def _relay(self, channel: HttpChannel, method: bytes, url: bytes, headers: list[bytes], body: bytes,
               timeout_ms: int) -> None:
        """Do what the cloud does with a request."""
        parsed = [_HEADER.fullmatch(line.decode("latin-1")) for line in headers]
        text = url.decode("latin-1")
        internet = self._host.internet
        if not text.lower().startswith("https://"):
            channel.finish(MvHttpResult.UNSUPPORTEDURISCHEME)
        elif method.decode("latin-1") not in METHODS:
            channel.finish(MvHttpResult.UNSUPPORTEDMETHOD)
        elif not all(parsed):
            channel.finish(MvHttpResult.INVALIDHEADERS)
        elif timeout_ms not in TIMEOUT_MS:
            channel.finish(MvHttpResult.INVALIDTIMEOUT)
        elif internet is None:
            channel.finish(MvHttpResult.REQUESTFAILED)
        else:
            request = HttpRequest(method=method.decode("ascii"), url=text, body=body, timeout_ms=timeout_ms,
                                  headers=tuple((match[1], match[2].rstrip()) for match in parsed if match))
            internet.http(request, self._host.arriving(lambda outcome: _take(channel, outcome)))


def _take(channel: HttpChannel, outcome: HttpOutcome) -> None:
    if not isinstance(outcome, HttpResponse):
        channel.finish(MvHttpResult.REQUESTFAILED)
    elif sum(map(len, _header_lines(outcome))) + len(outcome.body) > channel.setup.receive_size:
        channel.finish(MvHttpResult.RESPONSETOOLARGE)
    else:
        channel.finish(MvHttpResult.OK, outcome)


def _header_lines(response: HttpResponse) -> tuple[bytes, ...]:
    return tuple(f"{name}: {value}".encode("latin-1", "replace") for name, value in response.headers)
