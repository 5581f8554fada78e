"""Config-fetch channels: one request each for items of the configuration stores, which the cloud answers.

The number of items that one request may name is not public; :data:`MAX_ITEMS` is our choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.virtual.board.kernel import structures
from harness.virtual.board.kernel.channels import Channel, Channels, late
from harness.virtual.board.kernel.enums import (
    MvChannelType,
    MvConfigFetchResult,
    MvConfigKeyFetchResult,
    MvConfigKeyFetchScope,
    MvConfigKeyFetchStore,
    MvEventType,
    MvStatus,
)
from harness.virtual.board.kernel.host import KernelHost
from harness.virtual.board.kernel.memory import Refused
from harness.virtual.uplink import ConfigKey, ConfigValues, FetchConfig

MAX_ITEMS = 32
MAX_KEY = 100
"""Longest key of the cloud's stores in characters."""

ANSWER_TIME = "10s"
"""After which the cloud is taken to have failed."""

_KEY_SIZE = structures.STRUCT_SIZES["MvConfigKeyToFetch"]
_ENTRY = 8
"""Bytes of the buffers that an item takes besides its key or value."""

_LATE = MvStatus.LATEFAULT


class ConfigChannel(Channel):
    """A request for items and the answer."""

    kind = MvChannelType.CONFIGFETCH
    sent = False
    request = 0
    count = 0
    result: MvConfigFetchResult | None = None
    """None until the response is there."""
    items: tuple[tuple[MvConfigKeyFetchResult, bytes], ...] = ()

    def finish(self, items: tuple[tuple[MvConfigKeyFetchResult, bytes], ...]) -> None:
        """Take the answer, and tell the application; no error if there was one."""
        if self.is_closed or self.result is not None:
            return
        if sum(len(value) + _ENTRY for _, value in items) > self.setup.receive_size:
            self.result = MvConfigFetchResult.RESPONSETOOLARGE
        else:
            self.result, self.items = MvConfigFetchResult.OK, items
        self.host.record("config_response", result=self.result.name, items=[result.name for result, _ in self.items])
        self.notify(MvEventType.CHANNELDATAREADABLE)


class ConfigCalls:
    """The calls on config-fetch channels."""

    def __init__(self, host: KernelHost, channels: Channels) -> None:
        self._host = host
        self._channels = channels
        self._requests = 0
        channels.register(MvChannelType.CONFIGFETCH, b"", ConfigChannel)

    def __repr__(self) -> str:
        return f"ConfigCalls({self._channels.of(ConfigChannel)})"

    def calls(self) -> Mapping[str, Callable[..., MvStatus]]:
        """Return the system calls that end here."""
        return {"mvSendConfigFetchRequest": self.send, "mvReadConfigFetchResponseData": self.read_data,
                "mvReadConfigResponseItem": self.read_item}

    def values(self, message: ConfigValues) -> None:
        """Take an answer of the cloud; one that nobody waits for is dropped."""
        for channel in self._channels.of(ConfigChannel):
            if channel.sent and channel.request == message.request and channel.count == len(message.values):
                channel.finish(tuple(
                    (MvConfigKeyFetchResult.KEYNOTFOUND, b"") if value is None else (MvConfigKeyFetchResult.OK, value)
                    for value in message.values))

    # -- system calls --

    def send(self, handle: int, request: int) -> MvStatus:
        channel = self._channels.get(handle, ConfigChannel)
        if channel.sent:
            return MvStatus.REQUESTALREADYSENT
        memory = self._host.memory
        wanted = memory.unpack(structures.MvConfigKeyFetchParams, request)
        if wanted.num_items > MAX_ITEMS:
            return MvStatus.TOOMANYCONFIGKEYS
        items = late(channel, lambda: [
            memory.unpack(structures.MvConfigKeyToFetch, wanted.keys_to_fetch + index * _KEY_SIZE, _LATE)
            for index in range(wanted.num_items)])
        if sum(item.key.length + _ENTRY for item in items) > channel.setup.send_size:
            return MvStatus.INVALIDBUFFERSIZE
        names = late(channel, lambda: [memory.string(item.key, _LATE) for item in items])
        keys = []
        for item, key in zip(items, names, strict=True):
            if item.store not in tuple(MvConfigKeyFetchStore):
                return MvStatus.UNKNOWNCONFIGSTORE
            if item.scope not in tuple(MvConfigKeyFetchScope):
                return MvStatus.UNKNOWNCONFIGSCOPE
            if not 0 < len(key) <= MAX_KEY or any(not 0x20 <= octet <= 0x7E for octet in key):
                return MvStatus.INVALIDCONFIGKEY
            keys.append(ConfigKey(device_scope=item.scope == MvConfigKeyFetchScope.DEVICE,
                                  secret=item.store == MvConfigKeyFetchStore.SECRET, key=key.decode("ascii")))
        self._requests += 1
        channel.sent, channel.request, channel.count = True, self._requests, len(keys)
        self._host.send(FetchConfig(request=channel.request, keys=tuple(keys)))
        failed = ((MvConfigKeyFetchResult.SERVERERROR, b""),) * len(keys)
        self._host.call_later(ANSWER_TIME if self._host.has_uplink else 0, lambda: channel.finish(failed),
                              "config fetch timeout")
        return MvStatus.OKAY

    def read_data(self, handle: int, response_data: int) -> MvStatus:
        channel, result = self._answered(handle)
        self._host.memory.pack(structures.MvConfigResponseData, response_data, result=int(result),
                               num_items=len(channel.items))
        return MvStatus.OKAY

    def read_item(self, handle: int, params: int) -> MvStatus:
        channel, _ = self._answered(handle)
        memory = self._host.memory
        wanted = memory.unpack(structures.MvConfigResponseReadItemParams, params)
        if wanted.item_index >= len(channel.items):
            return MvStatus.INDEXINVALID
        result, value = channel.items[wanted.item_index]
        memory.check_write(wanted.result, 4)
        memory.check_write(wanted.buf.length, 4)
        memory.check_write(wanted.buf.data, wanted.buf.size)
        data = value[:wanted.buf.size]
        memory.write_uint(wanted.result, int(result))
        memory.write(wanted.buf.data, data)
        memory.write_uint(wanted.buf.length, len(data))
        return MvStatus.OKAY

    # -- inside --

    def _answered(self, handle: int) -> tuple[ConfigChannel, MvConfigFetchResult]:
        channel = self._channels.get(handle, ConfigChannel)
        if channel.result is None:
            raise Refused(MvStatus.RESPONSENOTPRESENT)
        return channel, channel.result
