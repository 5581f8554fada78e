"""Channels: opening them with every status, the old log stream, events, and every reason for which they close.

``COVERED`` names the calls and statuses that this file reaches, for the coverage of the interface.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.virtual.board.core.interface import FLASH_BASE, RAM_BASE
from harness.virtual.board.kernel.enums import MvClosureReason, MvEventType, MvNetworkStatus, MvStatus
from harness.virtual.board.kernel.kernel import KernelSettings
from harness.virtual.board.kernel.opaque_channel import OpaqueChannel
from harness.virtual.uplink import LogLine, LogSettings

COVERED = {
    "mvOpenChannel": "OKAY PARAMETERFAULT INVALIDHANDLE INVALIDBUFFERALIGNMENT INVALIDBUFFERSIZE UNKNOWNCHANNELENDPOINT"
                     " UNKNOWNCHANNELTYPE NETWORKNOTCONNECTED RATELIMITED UNAVAILABLE TOOMANYCHANNELS",
    "mvCloseChannel": "OKAY PARAMETERFAULT INVALIDHANDLE",
    "mvGetChannelClosureReason": "OKAY PARAMETERFAULT INVALIDHANDLE",
    "mvWriteChannelStream": "OKAY INVALIDHANDLE PARAMETERFAULT CHANNELCLOSED",
    "mvWriteChannel": "OKAY INVALIDBUFFERSIZE INVALIDHANDLE PARAMETERFAULT CHANNELCLOSED",
    "mvReadChannel": "OKAY PARAMETERFAULT INVALIDHANDLE CHANNELCLOSED",
    "mvReadChannelComplete": "OKAY INVALIDHANDLE CHANNELCLOSED",
}
UNREACHABLE = {
    ("mvWriteChannelStream", "LATEFAULT"): "both pointers are checked before anything is written",
    ("mvWriteChannel", "LATEFAULT"): "both pointers are checked before anything is written",
}

OPAQUE, MQTT, HTTP, CONFIG = range(4)
NOWHERE = 0x4000_0000


@pytest.fixture
def opened(bench: Any) -> Any:
    """A log channel that is open."""
    bench.ready()
    handle = bench.open_channel(OPAQUE, endpoint=b"log")
    bench.wait("60ms")
    bench.records()
    return handle


@pytest.mark.parametrize(("changes", "status"), [
    ({"version": 0}, MvStatus.UNSUPPORTEDSTRUCTUREVERSION),
    ({"centre": 1}, MvStatus.INVALIDHANDLE),
    ({"network": 0}, MvStatus.INVALIDHANDLE),
    ({"kind": 4}, MvStatus.UNKNOWNCHANNELTYPE),
    ({"kind": OPAQUE, "endpoint": b"other"}, MvStatus.UNKNOWNCHANNELENDPOINT),
    ({"kind": OPAQUE, "endpoint": b""}, MvStatus.UNKNOWNCHANNELENDPOINT),
    ({"receive": NOWHERE}, MvStatus.PARAMETERFAULT),
    ({"receive": FLASH_BASE}, MvStatus.PARAMETERFAULT),
    ({"send": NOWHERE}, MvStatus.PARAMETERFAULT),
    ({"endpoint_at": NOWHERE, "endpoint_size": 4}, MvStatus.PARAMETERFAULT),
    ({"send": RAM_BASE + 0x8010}, MvStatus.INVALIDBUFFERALIGNMENT),
    ({"receive": RAM_BASE + 0x8010}, MvStatus.INVALIDBUFFERALIGNMENT),
    ({"send_size": 500}, MvStatus.INVALIDBUFFERSIZE),
    ({"send_size": 0}, MvStatus.INVALIDBUFFERSIZE),
    ({"receive_size": 500}, MvStatus.INVALIDBUFFERSIZE),
    ({"kind": CONFIG, "receive_size": 16}, MvStatus.INVALIDBUFFERSIZE),
    ({"kind": OPAQUE, "endpoint": b"log", "receive_size": 0}, MvStatus.INVALIDBUFFERSIZE),
])
def test_open_refuses(bench: Any, changes: dict[str, Any], status: MvStatus) -> None:
    bench.ready()
    assert bench.try_open(**{"kind": HTTP, **changes}) is status


def test_pointers_of_the_call_itself(bench: Any) -> None:
    bench.ready()
    assert bench.call("mvOpenChannel", NOWHERE, bench.words(0)) is MvStatus.PARAMETERFAULT
    assert bench.call("mvOpenChannel", bench.channel_params(HTTP), FLASH_BASE) is MvStatus.PARAMETERFAULT
    assert bench.call("mvCloseChannel", NOWHERE) is MvStatus.PARAMETERFAULT
    assert bench.call("mvCloseChannel", bench.words(77)) is MvStatus.INVALIDHANDLE
    assert bench.call("mvGetChannelClosureReason", 77, bench.words(0)) is MvStatus.INVALIDHANDLE
    handle = bench.open_channel(HTTP)
    assert bench.call("mvGetChannelClosureReason", handle, NOWHERE) is MvStatus.PARAMETERFAULT


def test_an_old_log_application_may_read_into_sixteen_unaligned_bytes(bench: Any) -> None:
    bench.ready()
    assert bench.try_open(kind=OPAQUE, endpoint=b"log", receive=RAM_BASE + 0x8008, receive_size=16) is MvStatus.OKAY


@pytest.mark.parametrize("kind", [MQTT, HTTP, CONFIG])
def test_only_opaque_bytes_have_an_endpoint(bench: Any, kind: int) -> None:
    bench.ready()
    assert bench.try_open(kind=kind, endpoint=b"dummy") is MvStatus.OKAY


def test_no_channel_without_the_network(bench: Any) -> None:
    bench.ready(wait="0s")
    assert bench.try_open(kind=HTTP) is MvStatus.NETWORKNOTCONNECTED


def test_no_channel_on_the_test_bench(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(settings=KernelSettings(testing=True))
    bench.ready()
    assert bench.try_open(kind=HTTP) is MvStatus.UNAVAILABLE


def test_four_channels_at_a_time(bench: Any) -> None:
    bench.ready()
    handles = [bench.open_channel(HTTP) for _ in range(4)]
    assert len(set(handles)) == 4
    assert bench.try_open(kind=HTTP) is MvStatus.TOOMANYCHANNELS
    cell = bench.words(handles[0])
    assert bench.call("mvCloseChannel", cell) is MvStatus.OKAY
    assert bench.word(cell) == 0
    assert bench.call("mvCloseChannel", cell) is MvStatus.INVALIDHANDLE
    assert bench.try_open(kind=HTTP) is MvStatus.OKAY


def test_eight_opens_in_a_second(bench: Any) -> None:
    bench.ready()
    for _ in range(8):
        assert bench.call("mvCloseChannel", bench.words(bench.open_channel(HTTP))) is MvStatus.OKAY
    assert bench.try_open(kind=HTTP) is MvStatus.RATELIMITED
    bench.wait("999ms")
    assert bench.try_open(kind=HTTP) is MvStatus.RATELIMITED
    bench.wait("1ms")
    assert bench.try_open(kind=HTTP) is MvStatus.OKAY


def test_the_log_channel_feeds_the_log_stream(bench: Any, opened: int) -> None:
    written = bench.words(99)
    text = bench.bytes_at(b"first\r\nsecond\n\nunfinished")
    assert bench.call("mvWriteChannelStream", opened, text, 25, written) is MvStatus.OKAY
    assert bench.word(written) == 25
    bench.wait("80ms")
    assert [line.text for line in bench.cloud.of(LogLine)] == [b"first", b"second"]
    bench.wait("200ms")
    assert [(line.origin, line.text) for line in bench.cloud.of(LogLine)][-1] == ("app", b"unfinished")
    assert [event["text"] for event in bench.events("log_written")] == ["first", "second", "unfinished"]


def test_a_line_without_end_is_cut(bench: Any, opened: int) -> None:
    for _ in range(3):
        assert bench.call("mvWriteChannel", opened, bench.bytes_at(b"x" * 500), 500, bench.words(0)) is MvStatus.OKAY
        bench.wait("20ms")
    bench.wait("300ms")
    assert [len(line.text) for line in bench.cloud.of(LogLine)] == [1024, 476]


def test_streaming_takes_what_fits_and_tells_when_there_is_room(bench: Any, opened: int) -> None:
    written = bench.words(0)
    text = bench.bytes_at(b"y" * 600)
    assert bench.call("mvWriteChannelStream", opened, text, 600, written) is MvStatus.OKAY
    assert bench.word(written) == 512
    assert bench.call("mvWriteChannelStream", opened, text, 600, written) is MvStatus.OKAY
    assert bench.word(written) == 0
    assert not bench.records()
    bench.wait("20ms")
    assert bench.records() == [MvEventType.CHANNELDATAWRITESPACE]


def test_writing_all_or_nothing(bench: Any, opened: int) -> None:
    available = bench.words(0)
    text = bench.bytes_at(b"z" * 600)
    assert bench.call("mvWriteChannel", opened, text, 600, available) is MvStatus.INVALIDBUFFERSIZE
    assert bench.word(available) == 512
    assert bench.call("mvWriteChannel", opened, text, 400, available) is MvStatus.OKAY
    assert bench.word(available) == 112
    assert bench.call("mvWriteChannel", opened, 0, 0, available) is MvStatus.OKAY
    assert bench.word(available) == 112
    assert bench.call("mvWriteChannel", opened, text, 113, available) is MvStatus.INVALIDBUFFERSIZE


@pytest.mark.parametrize("name", ["mvWriteChannelStream", "mvWriteChannel"])
def test_pointers_of_writing(bench: Any, opened: int, name: str) -> None:
    out = bench.words(0)
    assert bench.call(name, opened, NOWHERE, 4, out) is MvStatus.PARAMETERFAULT
    assert bench.call(name, opened, bench.bytes_at(b"four"), 4, NOWHERE) is MvStatus.PARAMETERFAULT
    assert bench.call(name, 77, bench.bytes_at(b"four"), 4, out) is MvStatus.INVALIDHANDLE
    bench.wait("1s")
    assert not bench.cloud.of(LogLine)


def test_what_is_written_before_the_channel_is_open_goes_out_then(bench: Any) -> None:
    bench.ready()
    handle = bench.open_channel(OPAQUE, endpoint=b"log")
    assert bench.closure(handle) is MvClosureReason.NOTYETOPEN
    assert bench.call("mvWriteChannel", handle, bench.bytes_at(b"early\n"), 6, bench.words(0)) is MvStatus.OKAY
    bench.wait("200ms")
    assert bench.closure(handle) is MvClosureReason.NONE
    assert [line.text for line in bench.cloud.of(LogLine)] == [b"early"]


def test_reading_a_channel(bench: Any, opened: int) -> None:
    pointer, length = bench.words(1, 1), bench.words(9)
    assert bench.call("mvReadChannel", opened, pointer, length) is MvStatus.OKAY
    assert bench.word(length) == 0
    channel = bench.board.kernel.channels.of(OpaqueChannel)[0]
    channel.deliver(b"a" * 500 + b"b" * 100)
    assert bench.records() == [MvEventType.CHANNELDATAREADABLE]
    assert bench.call("mvReadChannel", opened, pointer, length) is MvStatus.OKAY
    assert bench.word(length) == 512
    assert bench.core.read_memory(bench.word(pointer), 512) == b"a" * 500 + b"b" * 12
    assert bench.call("mvReadChannelComplete", opened, 500) is MvStatus.OKAY
    assert bench.call("mvReadChannel", opened, pointer, length) is MvStatus.OKAY
    assert bench.core.read_memory(bench.word(pointer), bench.word(length)) == b"b" * 12
    assert bench.call("mvReadChannelComplete", opened, 5000) is MvStatus.OKAY
    assert bench.call("mvReadChannel", opened, pointer, length) is MvStatus.OKAY
    assert bench.core.read_memory(bench.word(pointer), bench.word(length)) == b"b" * 88
    assert bench.call("mvReadChannel", opened, NOWHERE, length) is MvStatus.PARAMETERFAULT
    assert bench.call("mvReadChannel", opened, pointer, NOWHERE) is MvStatus.PARAMETERFAULT
    assert bench.call("mvReadChannel", 77, pointer, length) is MvStatus.INVALIDHANDLE
    assert bench.call("mvReadChannelComplete", 77, 0) is MvStatus.INVALIDHANDLE


def test_calls_of_another_kind_do_not_know_the_handle(bench: Any, opened: int) -> None:
    assert bench.call("mvReadHttpResponseData", opened, bench.room(16)) is MvStatus.INVALIDHANDLE
    handle = bench.open_channel(HTTP)
    assert bench.call("mvReadChannel", handle, bench.words(0), bench.words(0)) is MvStatus.INVALIDHANDLE


def closed_by_server(bench: Any) -> None:
    bench.tell(LogSettings(enabled=False))


def lost_coverage(bench: Any) -> None:
    bench.board.kernel.network.coverage = False


def cloud_gone(bench: Any) -> None:
    bench.board.kernel.network.cloud_reachable = False
    assert bench.board.kernel.network.status is MvNetworkStatus.DISCONNECTEDWITHLINKUP


def network_released(bench: Any) -> None:
    assert bench.call("mvReleaseNetwork", bench.words(bench.network_handle)) is MvStatus.OKAY


def reset_by_server(bench: Any) -> None:
    bench.board.kernel.channels.close_by_server(MvClosureReason.CHANNELRESETBYSERVER)


@pytest.mark.parametrize(("happens", "reason"), [
    (closed_by_server, MvClosureReason.CHANNELCLOSEDBYSERVER),
    (reset_by_server, MvClosureReason.CHANNELRESETBYSERVER),
    (lost_coverage, MvClosureReason.NETWORKDISCONNECTED),
    (cloud_gone, MvClosureReason.CONNECTIONTERMINATED),
    (network_released, MvClosureReason.CLOSEDBYAPPLICATION),
])
def test_a_channel_closes_with_its_reason(bench: Any, opened: int, happens: Callable[[Any], None],
                                          reason: MvClosureReason) -> None:
    assert bench.closure(opened) is MvClosureReason.NONE
    happens(bench)
    assert MvEventType.CHANNELNOTCONNECTED in bench.records(tag=5)
    assert bench.closure(opened) is reason
    out = bench.words(0)
    assert bench.call("mvWriteChannel", opened, 0, 0, out) is MvStatus.CHANNELCLOSED
    assert bench.call("mvWriteChannelStream", opened, 0, 0, out) is MvStatus.CHANNELCLOSED
    assert bench.call("mvReadChannel", opened, out, out) is MvStatus.CHANNELCLOSED
    assert bench.call("mvReadChannelComplete", opened, 0) is MvStatus.CHANNELCLOSED
    assert bench.call("mvCloseChannel", bench.words(opened)) is MvStatus.OKAY
    assert bench.call("mvGetChannelClosureReason", opened, out) is MvStatus.INVALIDHANDLE


def test_an_unusable_channel_says_so(bench: Any) -> None:
    bench.ready()
    handle = bench.open_channel(HTTP)
    request = bench.words(NOWHERE, 3, 0, 0, 0, 0, 0, 0, 5000)
    assert bench.call("mvSendHttpRequest", handle, request) is MvStatus.LATEFAULT
    assert bench.closure(handle) is MvClosureReason.UNEXPECTEDLYTERMINATED


def test_a_restart_forgets_the_channels(bench: Any, opened: int) -> None:
    bench.board.reset()
    assert bench.call("mvReadChannelComplete", opened, 0) is MvStatus.INVALIDHANDLE
