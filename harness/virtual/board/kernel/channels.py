"""Data channels. This kernel relays none yet, so no channel can be opened and every channel handle is unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.virtual.board.kernel import structures
from harness.virtual.board.kernel.enums import MvChannelType, MvStatus
from harness.virtual.board.kernel.host import KernelHost
from harness.virtual.board.kernel.network import Network
from harness.virtual.board.kernel.notifications import Notifications

_ON_A_HANDLE = (
    "mvWriteChannelStream", "mvWriteChannel", "mvReadChannel", "mvReadChannelComplete", "mvGetChannelClosureReason",
    "mvSendHttpRequest", "mvReadHttpResponseData", "mvReadHttpResponseHeader", "mvReadHttpResponseBody",
    "mvSendConfigFetchRequest", "mvReadConfigFetchResponseData", "mvReadConfigResponseItem",
    "mvMqttGetNextReadableDataType", "mvMqttRequestConnect", "mvMqttReadConnectResponse", "mvMqttRequestSubscribe",
    "mvMqttReadSubscribeResponse", "mvMqttRequestUnsubscribe", "mvMqttReadUnsubscribeResponse", "mvMqttRequestPublish",
    "mvMqttReadPublishResponse", "mvMqttReceiveMessage", "mvMqttReceiveLostMessageInfo", "mvMqttAcknowledgeMessage",
    "mvMqttRequestDisconnect", "mvMqttReadDisconnectResponse",
)


class Channels:
    """The calls on channels, all of which are refused."""

    def __init__(self, host: KernelHost, notifications: Notifications, network: Network) -> None:
        self._host = host
        self._notifications = notifications
        self._network = network

    def __repr__(self) -> str:
        return "Channels(none)"

    def calls(self) -> Mapping[str, Callable[..., MvStatus]]:
        """Return the system calls that end here."""
        return {"mvOpenChannel": self.open, "mvCloseChannel": lambda handle: MvStatus.INVALIDHANDLE,
                **{name: lambda *_: MvStatus.INVALIDHANDLE for name in _ON_A_HANDLE}}

    # -- system calls --

    def open(self, params: int, handle: int) -> MvStatus:
        wanted = self._host.memory.unpack(structures.MvOpenChannelParams, params)
        if wanted.version != 1:
            return MvStatus.UNSUPPORTEDSTRUCTUREVERSION
        if not self._notifications.exists(wanted.notification_handle) or (
                not self._network.is_requested_by(wanted.network_handle)):
            return MvStatus.INVALIDHANDLE
        if wanted.channel_type not in tuple(MvChannelType):
            return MvStatus.UNKNOWNCHANNELTYPE
        return MvStatus.UNAVAILABLE if self._network.is_connected else MvStatus.NETWORKNOTCONNECTED
