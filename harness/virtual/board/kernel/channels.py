"""Data channels: opened, written, read and closed by the application, or closed by what happens on the way.

A channel leads through the device's connection to the cloud, which does the rest on the device's behalf. It can be
used as soon as the call returns, and is open when the cloud has heard of it (:data:`RELAY_DELAY`). When it is closed by
anybody but the application, the application gets an event, and the handle stays valid for the reason until the
application closes it. What a channel carries is the concern of its kind: :class:`Channel` is what all have in common.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.virtual.board.kernel import structures
from harness.virtual.board.kernel.enums import MvChannelType, MvClosureReason, MvEventType, MvNetworkStatus, MvStatus
from harness.virtual.board.kernel.handles import HandleTable
from harness.virtual.board.kernel.host import KernelHost
from harness.virtual.board.kernel.memory import Refused
from harness.virtual.board.kernel.network import Network
from harness.virtual.board.kernel.notifications import Notifications

MAX_CHANNELS = 4
MAX_OPENS = 8
"""Channels that may be opened within :data:`OPEN_WINDOW`."""

OPEN_WINDOW = 1_000_000_000
RELAY_DELAY = "50ms"
"""From a call to the cloud acting on it."""

ALIGNMENT = 512
_DELAY_EVENT = "channel relay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the application said when it opened a channel; addresses and sizes in bytes."""

    centre: int
    tag: int
    network: int
    receive: int
    receive_size: int
    send: int
    send_size: int


class Channel:
    """What all kinds of channels have in common."""

    kind = MvChannelType.OPAQUEBYTES

    def __init__(self, host: KernelHost, notifications: Notifications, setup: Setup) -> None:
        self.host = host
        self.setup = setup
        self.closure = MvClosureReason.NOTYETOPEN
        self._notifications = notifications
        self.later(self._open)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.closure.name})"

    @property
    def is_closed(self) -> bool:
        """Whether nothing goes through any more."""
        return self.closure not in (MvClosureReason.NONE, MvClosureReason.NOTYETOPEN)

    def notify(self, event: MvEventType) -> None:
        """Send an event to the application."""
        self._notifications.notify(self.setup.centre, event, self.setup.tag)

    def later(self, action: Callable[[], None]) -> None:
        """Let the cloud do something, if the channel is still open then."""

        def arrive() -> None:
            if not self.is_closed:
                action()

        self.host.call_later(RELAY_DELAY, arrive, _DELAY_EVENT)

    def close(self, reason: MvClosureReason, *, silent: bool = False) -> None:
        """Close it; no error if it is closed."""
        if not self.is_closed:
            self.closure = reason
            self.host.record("channel_closed", type=self.kind.name, reason=reason.name)
            self.released()
            if not silent:
                self.notify(MvEventType.CHANNELNOTCONNECTED)

    def opened(self) -> None:
        """The cloud has opened it."""

    def released(self) -> None:
        """Give up what is under way."""

    def _open(self) -> None:
        self.closure = MvClosureReason.NONE
        self.opened()


C = TypeVar("C", bound=Channel)
Opener = Callable[[KernelHost, Notifications, Setup], Channel]


class Channels:
    """The channels of an application.

    Args:
        available: tells whether the cloud opens channels at all.
    """

    def __init__(self, host: KernelHost, notifications: Notifications, network: Network, *,
                 available: Callable[[], bool] = lambda: True) -> None:
        self._host = host
        self._notifications = notifications
        self._network = network
        self._available = available
        self._channels: HandleTable[Channel] = HandleTable(MAX_CHANNELS, MvStatus.TOOMANYCHANNELS,
                                                           host.random("channel handles"))
        self._kinds: dict[tuple[MvChannelType, bytes], Opener] = {}
        self._opens: deque[int] = deque(maxlen=MAX_OPENS)

    def __repr__(self) -> str:
        return f"Channels({', '.join(map(repr, self._channels)) or 'none'})"

    def __iter__(self) -> Any:
        return iter(self._channels)

    def calls(self) -> Mapping[str, Callable[..., MvStatus]]:
        """Return the system calls that end here."""
        return {"mvOpenChannel": self.open, "mvCloseChannel": self.close,
                "mvGetChannelClosureReason": self.get_closure_reason}

    def register(self, kind: MvChannelType, endpoint: bytes, opener: Opener) -> None:
        """Let channels of a kind to an endpoint be made by ``opener``."""
        self._kinds[kind, endpoint] = opener

    def get(self, handle: int, kind: type[C]) -> C:
        """Return the open channel of a handle; refuse one that is unknown, of another kind, or closed."""
        channel = self._channels.get(handle)
        if not isinstance(channel, kind):
            raise Refused(MvStatus.INVALIDHANDLE)
        if channel.is_closed:
            raise Refused(MvStatus.CHANNELCLOSED)
        return channel

    def of(self, kind: type[C]) -> list[C]:
        """Return the channels of a kind."""
        return [channel for channel in self._channels if isinstance(channel, kind)]

    def reset(self) -> None:
        """Forget everything: the application that opened it is gone."""
        for channel in self._channels:
            channel.close(MvClosureReason.CLOSEDBYAPPLICATION, silent=True)
        self._channels.clear()
        self._opens.clear()

    def network_lost(self, status: MvNetworkStatus) -> None:
        """Close all: the connection to the cloud is gone, the whole link or just what lies behind it."""
        reason = MvClosureReason.CONNECTIONTERMINATED if status is MvNetworkStatus.DISCONNECTEDWITHLINKUP else (
            MvClosureReason.NETWORKDISCONNECTED)
        for channel in self._channels:
            channel.close(reason)

    def network_released(self, handle: int) -> None:
        """Close the channels that were opened with a network handle which the application gave back."""
        for channel in self._channels:
            if channel.setup.network == handle:
                channel.close(MvClosureReason.CLOSEDBYAPPLICATION)

    def close_by_server(self, reason: MvClosureReason = MvClosureReason.CHANNELCLOSEDBYSERVER) -> None:
        """Close all as the cloud may do at any time: for tests and fault plans."""
        for channel in self._channels:
            channel.close(reason)

    # -- system calls --

    def open(self, params: int, handle: int) -> MvStatus:
        memory = self._host.memory
        wanted = memory.unpack(structures.MvOpenChannelParams, params)
        if wanted.version != 1:
            return MvStatus.UNSUPPORTEDSTRUCTUREVERSION
        if not self._notifications.exists(wanted.notification_handle) or (
                not self._network.is_requested_by(wanted.network_handle)):
            return MvStatus.INVALIDHANDLE
        if wanted.channel_type not in tuple(MvChannelType):
            return MvStatus.UNKNOWNCHANNELTYPE
        kind = MvChannelType(wanted.channel_type)
        endpoint = memory.string(wanted.endpoint)
        # the endpoint is what opaque bytes go to; published applications give any name for the other kinds
        opener = self._kinds.get((kind, endpoint if kind is MvChannelType.OPAQUEBYTES else b""))
        memory.check_write(wanted.receive_buffer, wanted.receive_buffer_len)
        memory.check_write(wanted.send_buffer, wanted.send_buffer_len)
        if opener is None:
            return MvStatus.UNKNOWNCHANNELENDPOINT
        if wanted.send_buffer % ALIGNMENT or (kind is MvChannelType.HTTP and wanted.receive_buffer % ALIGNMENT):
            return MvStatus.INVALIDBUFFERALIGNMENT
        if not _is_whole(wanted.send_buffer_len) or not wanted.receive_buffer_len or (
                kind is not MvChannelType.OPAQUEBYTES and not _is_whole(wanted.receive_buffer_len)):
            return MvStatus.INVALIDBUFFERSIZE
        if not self._network.is_connected:
            return MvStatus.NETWORKNOTCONNECTED
        if not self._available():
            return MvStatus.UNAVAILABLE
        self._channels.check_room()
        now = self._host.now()
        if len(self._opens) == MAX_OPENS and now - self._opens[0] < OPEN_WINDOW:
            return MvStatus.RATELIMITED
        self._opens.append(now)
        channel = opener(self._host, self._notifications, Setup(
            centre=wanted.notification_handle, tag=wanted.notification_tag, network=wanted.network_handle,
            receive=wanted.receive_buffer, receive_size=wanted.receive_buffer_len, send=wanted.send_buffer,
            send_size=wanted.send_buffer_len))
        memory.write_uint(handle, self._channels.open(channel))
        self._host.record("channel_opened", type=kind.name)
        return MvStatus.OKAY

    def close(self, handle: int) -> MvStatus:
        memory = self._host.memory
        channel = self._channels.close(memory.read_uint(handle))
        channel.close(MvClosureReason.CLOSEDBYAPPLICATION, silent=True)
        memory.write_uint(handle, 0)
        return MvStatus.OKAY

    def get_closure_reason(self, handle: int, reason_out: int) -> MvStatus:
        channel = self._channels.get(handle)
        self._host.memory.write_uint(reason_out, int(channel.closure))
        return MvStatus.OKAY


def late(channel: Channel, read: Callable[[], Any]) -> Any:
    """Return what ``read`` reads from the application; a pointer that leads nowhere makes the channel unusable."""
    try:
        return read()
    except Refused as refusal:
        if refusal.status is MvStatus.LATEFAULT:
            channel.close(MvClosureReason.UNEXPECTEDLYTERMINATED, silent=True)
        raise


def _is_whole(size: int) -> bool:
    return size > 0 and size % ALIGNMENT == 0
