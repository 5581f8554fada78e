"""The Microvisor call interface: which slot is which call, what it takes, and what it may return.

An application calls veneer ``slot`` of the non-secure callable window with at most four words in r0-r3 and gets a
status in r0. The table holds one call per entry: slot, name, arguments, then the statuses besides OKAY that the SDK
header lists for it. An argument is a value of a type, or a pointer: ``<`` the kernel reads there, ``>`` it writes,
``=`` both. Pointers to ``u8`` are buffers whose size is another argument. Slots 20 and 71 are unassigned, slot 12 was
a test call that no header declares.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.virtual.board.kernel.enums import ENUM_SIZES, MvStatus
from harness.virtual.board.kernel.structures import STRUCT_SIZES

_TABLE = """
 0 mvEnableFastInterrupt irqn:u32 | INVALIDINTERRUPT UNAVAILABLE
 1 mvWriteChannelStream handle:handle data:<u8 len:u32 written:>u32 |
   INVALIDHANDLE PARAMETERFAULT LATEFAULT CHANNELCLOSED
 2 mvGetMicroseconds ms:>u64 | PARAMETERFAULT
 3 mvGetSysClk hz:>u32 | PARAMETERFAULT
 4 mvDisableAllFastInterrupts |
 5 mvGetDeviceId buf:>u8 len:u32 | PARAMETERFAULT INVALIDBUFFERSIZE
 6 mvWriteChannel handle:handle data:<u8 len:u32 available:>u32 |
   INVALIDBUFFERSIZE INVALIDHANDLE PARAMETERFAULT LATEFAULT CHANNELCLOSED
 7 mvGetWallTime usec:>u64 | PARAMETERFAULT TIMENOTSET
 8 mvRequestNetwork params:<MvRequestNetworkParams handle:>handle | PARAMETERFAULT UNSUPPORTEDSTRUCTUREVERSION
 9 mvGetChannelClosureReason handle:handle reason_out:>MvClosureReason | PARAMETERFAULT INVALIDHANDLE
10 mvCloseNotifications handle_in_out:=handle | PARAMETERFAULT INVALIDHANDLE
11 mvSetFastInterrupt irqn:u32 | INVALIDINTERRUPT INVALIDVECTOR UNAVAILABLE
13 mvDisableFastInterrupt irqn:u32 | INVALIDINTERRUPT UNAVAILABLE
14 mvReadChannelComplete handle:handle consumed:u32 | INVALIDHANDLE CHANNELCLOSED
15 mvClearFastInterrupt irqn:u32 | INVALIDINTERRUPT UNAVAILABLE
16 mvSetupNotifications notifications:<MvNotificationSetup handle_out:>handle |
   PARAMETERFAULT INVALIDBUFFERSIZE BUFFERALREADYINUSE INVALIDINTERRUPT TOOMANYNOTIFICATIONBUFFERS
17 mvGetPClk1 hz:>u32 | PARAMETERFAULT
18 mvGetPClk2 hz:>u32 | PARAMETERFAULT
19 mvEnableAllFastInterrupts |
21 mvPeriphPoke32 reg:u32 mask:u32 xorvalue:u32 | PERIPHERALACCESSFAULT
22 mvReadChannel handle:handle read_pointer_out:>pointer length_out:>u32 | PARAMETERFAULT INVALIDHANDLE CHANNELCLOSED
23 mvGetHClk hz:>u32 | PARAMETERFAULT
24 mvOpenChannel params:<MvOpenChannelParams handle:>handle |
   PARAMETERFAULT INVALIDHANDLE INVALIDBUFFERALIGNMENT INVALIDBUFFERSIZE UNKNOWNCHANNELENDPOINT
   UNKNOWNCHANNELTYPE NETWORKNOTCONNECTED RATELIMITED UNAVAILABLE TOOMANYCHANNELS
25 mvGetNetworkReasons reasons:>MvNetworkReason request_ref_count:>u32 | PARAMETERFAULT
26 mvReleaseNetwork handle:=handle | PARAMETERFAULT INVALIDHANDLE UNSUPPORTEDSTRUCTUREVERSION
27 mvNoOp |
28 mvTempTriggerNotification handle:handle type:MvEventType tag:u32 | INVALIDHANDLE
29 mvGetNetworkStatus handle:handle status:>MvNetworkStatus | PARAMETERFAULT INVALIDHANDLE
30 mvPeriphPeek32 reg:u32 output:>u32 | PERIPHERALACCESSFAULT
31 mvCloseChannel handle:=handle | PARAMETERFAULT INVALIDHANDLE
32 mvSendHttpRequest handle:handle request:<MvHttpRequest |
   PARAMETERFAULT LATEFAULT INVALIDHANDLE INVALIDBUFFERSIZE TOOMANYELEMENTS CHANNELCLOSED REQUESTALREADYSENT
33 mvReadHttpResponseBody handle:handle offset:u32 buf:>u8 size:u32 |
   PARAMETERFAULT INVALIDHANDLE RESPONSENOTPRESENT CHANNELCLOSED OFFSETINVALID
34 mvReadHttpResponseHeader handle:handle header_index:u32 buf:>u8 size:u32 |
   PARAMETERFAULT INVALIDHANDLE RESPONSENOTPRESENT CHANNELCLOSED INDEXINVALID
35 mvReadHttpResponseData handle:handle response_data:>MvHttpResponseData |
   PARAMETERFAULT INVALIDHANDLE RESPONSENOTPRESENT CHANNELCLOSED
36 mvServerLoggingInit buffer:>u8 length_bytes:u32 | PARAMETERFAULT INVALIDBUFFERALIGNMENT INVALIDBUFFERSIZE
37 mvServerLog message:<u8 length_bytes:u16 |
   UNAVAILABLE PARAMETERFAULT INVALIDBUFFERSIZE LOGMESSAGETOOLONG LOGGINGDISABLEDBYSERVER
38 mvSendConfigFetchRequest handle:handle request:<MvConfigKeyFetchParams |
   PARAMETERFAULT LATEFAULT INVALIDHANDLE INVALIDBUFFERSIZE CHANNELCLOSED REQUESTALREADYSENT
39 mvReadConfigFetchResponseData handle:handle response_data:>MvConfigResponseData | PARAMETERFAULT CHANNELCLOSED
40 mvReadConfigResponseItem handle:handle params:<MvConfigResponseReadItemParams |
   PARAMETERFAULT INVALIDHANDLE RESPONSENOTPRESENT CHANNELCLOSED INDEXINVALID
41 mvMqttReadUnsubscribeResponse handle:handle response_data:<MvMqttUnsubscribeResponse |
   PARAMETERFAULT LATEFAULT INVALIDHANDLE CHANNELCLOSED INVALIDBUFFERSIZE
42 mvMqttAcknowledgeMessage handle:handle correlation_id:u32 | INVALIDHANDLE CHANNELCLOSED RATELIMITED
43 mvMqttReadDisconnectResponse handle:handle response_data:>MvMqttDisconnectResponse |
   PARAMETERFAULT LATEFAULT INVALIDHANDLE CHANNELCLOSED
44 mvMqttRequestDisconnect handle:handle | INVALIDHANDLE CHANNELCLOSED RATELIMITED
45 mvMqttReadConnectResponse handle:handle response_data:>MvMqttConnectResponse |
   PARAMETERFAULT LATEFAULT INVALIDHANDLE CHANNELCLOSED
46 mvMqttRequestPublish handle:handle request:<MvMqttPublishRequest |
   PARAMETERFAULT LATEFAULT INVALIDHANDLE CHANNELCLOSED RATELIMITED
47 mvMqttRequestSubscribe handle:handle request:<MvMqttSubscribeRequest |
   PARAMETERFAULT LATEFAULT INVALIDHANDLE CHANNELCLOSED RATELIMITED TOOMANYELEMENTS
48 mvMqttReadPublishResponse handle:handle response_data:>MvMqttPublishResponse |
   PARAMETERFAULT LATEFAULT INVALIDHANDLE CHANNELCLOSED
49 mvMqttReceiveLostMessageInfo handle:handle lost_message_info:<MvMqttLostMessageInfo |
   PARAMETERFAULT LATEFAULT INVALIDHANDLE CHANNELCLOSED INVALIDBUFFERSIZE
50 mvMqttReceiveMessage handle:handle message_data:<MvMqttMessage |
   PARAMETERFAULT LATEFAULT INVALIDHANDLE CHANNELCLOSED INVALIDBUFFERSIZE
51 mvMqttGetNextReadableDataType handle:handle data_type:>MvMqttReadableDataType |
   PARAMETERFAULT INVALIDHANDLE CHANNELCLOSED
52 mvMqttRequestUnsubscribe handle:handle request:<MvMqttUnsubscribeRequest |
   PARAMETERFAULT LATEFAULT INVALIDHANDLE CHANNELCLOSED RATELIMITED TOOMANYELEMENTS
53 mvMqttRequestConnect handle:handle request:<MvMqttConnectRequest |
   PARAMETERFAULT LATEFAULT INVALIDHANDLE CHANNELCLOSED REQUESTALREADYSENT INVALIDAUTHENTICATION TOOMANYELEMENTS
   REQUIREDELEMENTMISSING
54 mvMqttReadSubscribeResponse handle:handle response_data:<MvMqttSubscribeResponse |
   PARAMETERFAULT LATEFAULT INVALIDHANDLE CHANNELCLOSED INVALIDBUFFERSIZE
55 mvTestingComplete status:u32 | UNAVAILABLE
56 mvTestLog message:<u8 length_bytes:u16 | UNAVAILABLE PARAMETERFAULT INVALIDBUFFERSIZE LOGMESSAGETOOLONG
57 mvTestLoggingInit buffer:>u8 length_bytes:u32 | PARAMETERFAULT INVALIDBUFFERALIGNMENT INVALIDBUFFERSIZE UNAVAILABLE
58 mvPowerSave mode:MvPowerSavingMode | UNAVAILABLE PARAMETERFAULT MICROVISORBUSY
59 mvSystemLedEnable enable:u32 | UNAVAILABLE
60 mvOpenSystemNotification params:<MvOpenSystemNotificationParams handle:>handle |
   UNAVAILABLE PARAMETERFAULT INVALIDHANDLE
61 mvCloseSystemNotification handle:=handle | UNAVAILABLE INVALIDHANDLE
62 mvDeepSleep mode:MvDeepSleepMode | UNAVAILABLE PARAMETERFAULT MICROVISORBUSY
63 mvGetWakeReason mode:>MvWakeReason | UNAVAILABLE PARAMETERFAULT
64 mvRestart mode:MvRestartMode | UNAVAILABLE PARAMETERFAULT MICROVISORBUSY
65 mvExternalFlashClose handle:=handle | UNAVAILABLE INVALIDHANDLE
66 mvExternalFlashGetInfo handle:handle info:>MvExternalFlashInfo |
   UNAVAILABLE PARAMETERFAULT INVALIDHANDLE UNSUPPORTEDSTRUCTUREVERSION
67 mvExternalFlashWriteBlocking handle:handle address:u32 length:u32 buffer:<u8 |
   UNAVAILABLE PARAMETERFAULT INVALIDHANDLE ADDRESSOUTOFRANGE
68 mvExternalFlashOpen handle:>handle | UNAVAILABLE PARAMETERFAULT TOOMANYCHANNELS
69 mvExternalFlashEraseBlocking handle:handle address:u32 length:u32 |
   UNAVAILABLE PARAMETERFAULT INVALIDHANDLE ADDRESSOUTOFRANGE INVALIDBUFFERALIGNMENT
70 mvExternalFlashReadBlocking handle:handle address:u32 length:u32 buffer:>u8 |
   UNAVAILABLE PARAMETERFAULT INVALIDHANDLE ADDRESSOUTOFRANGE
72 mvSetWifiConfig params:<MvWifiConfig |
73 mvGetWifiConfig params:<MvWifiConfigOut |
"""

_SCALARS = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "handle": 4, "pointer": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of a call.

    Attributes:
        type: name of the type of the value, or of what the pointer points to.
        reads: whether it is a pointer that the kernel reads through.
        writes: whether it is a pointer that the kernel writes through.
        size: bytes that the pointer must lead to; 0 for a buffer whose size is another argument, and for values.
        mask: bits of the register that belong to a value.
    """

    name: str
    type: str
    reads: bool
    writes: bool
    size: int
    mask: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One declared call; ``statuses`` are those the header lists for it, OKAY included."""

    slot: int
    name: str
    arguments: tuple[Argument, ...]
    statuses: tuple[MvStatus, ...]


def _size_of(kind: str) -> int:
    if kind in _SCALARS:
        return _SCALARS[kind]
    return ENUM_SIZES[kind] if kind in ENUM_SIZES else STRUCT_SIZES[kind]


def _argument(text: str) -> Argument:
    name, kind = text.split(":")
    if kind[0] in "<>=":
        target = kind[1:]
        return Argument(name=name, type=target, reads=kind[0] in "<=", writes=kind[0] in ">=",
                        size=0 if target == "u8" else _size_of(target), mask=0xFFFF_FFFF)
    return Argument(name=name, type=kind, reads=False, writes=False, size=0, mask=(1 << 8 * _size_of(kind)) - 1)


def _parse() -> dict[int, Call]:
    calls: dict[int, Call] = {}
    for line in _TABLE.replace("\n   ", " ").strip().splitlines():
        head, _, tail = line.partition("|")
        slot, name, *arguments = head.split()
        calls[int(slot)] = Call(slot=int(slot), name=name, arguments=tuple(_argument(text) for text in arguments),
                                statuses=(MvStatus.OKAY, *(MvStatus[status] for status in tail.split())))
    return calls


CALLS: dict[int, Call] = _parse()
"""The declared calls by slot."""

BY_NAME: dict[str, Call] = {call.name: call for call in CALLS.values()}
"""The declared calls by name."""
