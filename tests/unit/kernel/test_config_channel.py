"""Config-fetch channels: every status of the three calls and every result, with a cloud that keeps what it is asked.

``COVERED`` names the calls and statuses that this file reaches, for the coverage of the interface.
"""

from __future__ import annotations

from typing import Any

import pytest

from harness.virtual.board.kernel.enums import MvConfigFetchResult, MvConfigKeyFetchResult, MvEventType, MvStatus
from harness.virtual.uplink import ConfigKey, ConfigValues, FetchConfig

COVERED = {
    "mvSendConfigFetchRequest": "OKAY PARAMETERFAULT LATEFAULT INVALIDHANDLE INVALIDBUFFERSIZE CHANNELCLOSED"
                                " REQUESTALREADYSENT TOOMANYCONFIGKEYS UNKNOWNCONFIGSTORE UNKNOWNCONFIGSCOPE"
                                " INVALIDCONFIGKEY",
    "mvReadConfigFetchResponseData": "OKAY PARAMETERFAULT CHANNELCLOSED INVALIDHANDLE RESPONSENOTPRESENT",
    "mvReadConfigResponseItem": "OKAY PARAMETERFAULT INVALIDHANDLE RESPONSENOTPRESENT CHANNELCLOSED INDEXINVALID",
}

CONFIG = 3
ACCOUNT, DEVICE = 0, 1
SECRET, STORE = 0, 1
NOWHERE = 0x4000_0000


@pytest.fixture
def channel(bench: Any) -> int:
    bench.ready()
    return int(bench.open_channel(CONFIG))


def request(bench: Any, *keys: tuple[int, int, bytes]) -> int:
    """Return the address of a request for (scope, store, key) items."""
    words = [word for scope, store, key in keys for word in (scope, store, *bench.sized(key))]
    return int(bench.words(len(keys), bench.words(*words) if words else 0))


def answer(bench: Any, *values: bytes | None) -> None:
    """Let the cloud answer the last request."""
    bench.wait("60ms")
    bench.tell(ConfigValues(request=bench.cloud.of(FetchConfig)[-1].request, values=values))


def response(bench: Any, handle: int) -> tuple[MvConfigFetchResult, int]:
    out = bench.words(9, 9)
    assert bench.call("mvReadConfigFetchResponseData", handle, out) is MvStatus.OKAY
    return MvConfigFetchResult(bench.word(out)), bench.word(out + 4)


def item(bench: Any, handle: int, index: int, size: int = 64) -> tuple[MvConfigKeyFetchResult, bytes]:
    result, length, data = bench.words(9), bench.words(9), bench.room(size, fill=b"\xee" * size)
    assert bench.call("mvReadConfigResponseItem", handle,
                      bench.words(index, result, data, size, length)) is MvStatus.OKAY
    return MvConfigKeyFetchResult(bench.word(result)), bench.core.read_memory(data, bench.word(length))


def test_items_come_in_the_order_of_the_request(bench: Any, channel: int) -> None:
    keys = ((DEVICE, STORE, b"broker-host"), (ACCOUNT, SECRET, b"private key"), (ACCOUNT, STORE, b"absent"))
    assert bench.call("mvSendConfigFetchRequest", channel, request(bench, *keys)) is MvStatus.OKAY
    assert bench.call("mvReadConfigFetchResponseData", channel, bench.room(8)) is MvStatus.RESPONSENOTPRESENT
    answer(bench, b"broker.example.com", b"\x00\x01\x02", None)
    assert bench.cloud.of(FetchConfig)[-1].keys == (
        ConfigKey(device_scope=True, secret=False, key="broker-host"),
        ConfigKey(device_scope=False, secret=True, key="private key"),
        ConfigKey(device_scope=False, secret=False, key="absent"))
    assert bench.records() == [MvEventType.CHANNELDATAREADABLE]
    assert response(bench, channel) == (MvConfigFetchResult.OK, 3)
    assert item(bench, channel, 0) == (MvConfigKeyFetchResult.OK, b"broker.example.com")
    assert item(bench, channel, 0, size=6) == (MvConfigKeyFetchResult.OK, b"broker")
    assert item(bench, channel, 1) == (MvConfigKeyFetchResult.OK, b"\x00\x01\x02")
    assert item(bench, channel, 2) == (MvConfigKeyFetchResult.KEYNOTFOUND, b"")
    assert bench.call("mvReadConfigResponseItem", channel,
                      bench.words(3, bench.words(0), bench.room(8), 8, bench.words(0))) is MvStatus.INDEXINVALID


@pytest.mark.parametrize(("keys", "status"), [
    (((DEVICE, 2, b"key"),), MvStatus.UNKNOWNCONFIGSTORE),
    (((2, STORE, b"key"),), MvStatus.UNKNOWNCONFIGSCOPE),
    (((DEVICE, STORE, b"k\xc3\xa9y"),), MvStatus.INVALIDCONFIGKEY),
    (((DEVICE, STORE, b"tab\tbed"),), MvStatus.INVALIDCONFIGKEY),
    (((DEVICE, STORE, b""),), MvStatus.INVALIDCONFIGKEY),
    (((DEVICE, STORE, b"k" * 101),), MvStatus.INVALIDCONFIGKEY),
    (((DEVICE, STORE, b"k"),) * 33, MvStatus.TOOMANYCONFIGKEYS),
    (((DEVICE, STORE, b"k" * 100),) * 5, MvStatus.INVALIDBUFFERSIZE),
    (((DEVICE, STORE, b"k" * 505),), MvStatus.INVALIDBUFFERSIZE),
])
def test_refused_requests_may_be_mended(bench: Any, channel: int, keys: Any, status: MvStatus) -> None:
    assert bench.call("mvSendConfigFetchRequest", channel, request(bench, *keys)) is status
    bench.wait("1s")
    assert not bench.cloud.of(FetchConfig)
    assert bench.call("mvSendConfigFetchRequest", channel, request(bench, (DEVICE, STORE, b"k"))) is MvStatus.OKAY
    assert bench.call("mvSendConfigFetchRequest", channel,
                      request(bench, (DEVICE, STORE, b"k"))) is MvStatus.REQUESTALREADYSENT


@pytest.mark.parametrize("words", [(1, NOWHERE), (1, "item")])
def test_nested_pointers(bench: Any, channel: int, words: Any) -> None:
    address = bench.words(*(bench.words(DEVICE, STORE, NOWHERE, 3) if word == "item" else word for word in words))
    assert bench.call("mvSendConfigFetchRequest", channel, address) is MvStatus.LATEFAULT
    assert bench.call("mvSendConfigFetchRequest", channel,
                      request(bench, (DEVICE, STORE, b"k"))) is MvStatus.CHANNELCLOSED


def test_pointers_and_handles(bench: Any, channel: int) -> None:
    good = request(bench, (DEVICE, STORE, b"k"))
    read = bench.words(0, bench.words(0), bench.room(8), 8, bench.words(0))
    for name, argument in (("mvSendConfigFetchRequest", good), ("mvReadConfigFetchResponseData", bench.room(8)),
                           ("mvReadConfigResponseItem", read)):
        assert bench.call(name, channel, NOWHERE) is MvStatus.PARAMETERFAULT
        assert bench.call(name, 77, argument) is MvStatus.INVALIDHANDLE
    assert bench.call("mvReadConfigResponseItem", channel, read) is MvStatus.RESPONSENOTPRESENT
    bench.call("mvSendConfigFetchRequest", channel, good)
    answer(bench, b"value")
    for position in (1, 2, 4):
        words = [0, bench.words(0), bench.room(8), 8, bench.words(0)]
        words[position] = NOWHERE
        assert bench.call("mvReadConfigResponseItem", channel, bench.words(*words)) is MvStatus.PARAMETERFAULT
    bench.board.kernel.network.coverage = False
    for name, argument in (("mvSendConfigFetchRequest", good), ("mvReadConfigFetchResponseData", bench.room(8)),
                           ("mvReadConfigResponseItem", read)):
        assert bench.call(name, channel, argument) is MvStatus.CHANNELCLOSED


def test_an_answer_that_does_not_fit(bench: Any, channel: int) -> None:
    bench.call("mvSendConfigFetchRequest", channel, request(bench, (DEVICE, STORE, b"a"), (DEVICE, STORE, b"b")))
    answer(bench, b"x" * 300, b"y" * 300)
    assert response(bench, channel) == (MvConfigFetchResult.RESPONSETOOLARGE, 0)
    assert bench.call("mvReadConfigResponseItem", channel,
                      bench.words(0, bench.words(0), bench.room(8), 8, bench.words(0))) is MvStatus.INDEXINVALID


def test_a_cloud_that_does_not_answer(bench: Any, channel: int) -> None:
    bench.call("mvSendConfigFetchRequest", channel, request(bench, (DEVICE, STORE, b"a"), (ACCOUNT, SECRET, b"b")))
    bench.wait("11s")
    assert bench.records() == [MvEventType.CHANNELDATAREADABLE]
    assert response(bench, channel) == (MvConfigFetchResult.OK, 2)
    assert item(bench, channel, 1) == (MvConfigKeyFetchResult.SERVERERROR, b"")
    answer(bench, b"late", b"late")
    assert not bench.records()
    assert item(bench, channel, 0) == (MvConfigKeyFetchResult.SERVERERROR, b"")


def test_two_channels_get_their_own_answers(bench: Any, channel: int) -> None:
    other = bench.open_channel(CONFIG)
    bench.call("mvSendConfigFetchRequest", channel, request(bench, (DEVICE, STORE, b"a")))
    bench.call("mvSendConfigFetchRequest", other, request(bench, (DEVICE, STORE, b"b")))
    bench.wait("60ms")
    first, second = bench.cloud.of(FetchConfig)
    bench.tell(ConfigValues(request=second.request, values=(b"2",)))
    bench.tell(ConfigValues(request=first.request, values=(b"1",)))
    assert item(bench, channel, 0)[1] == b"1"
    assert item(bench, other, 0)[1] == b"2"
