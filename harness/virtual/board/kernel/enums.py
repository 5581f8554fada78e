"""Numbers that cross the border between an application and the kernel, by the names of the Microvisor SDK header.

Names are the header's without their prefix: ``MV_STATUS_OKAY`` is :attr:`MvStatus.OKAY`. :data:`ENUM_SIZES` tells how
many bytes the compiler gives each type: with short enums (the Arm procedure call standard's default for bare metal)
those that fit into one byte take one byte, and writing four through a pointer to one would destroy a neighbour.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag


class MvStatus(IntEnum):
    """What every call returns in r0."""

    (OKAY, TIMENOTSET, PARAMETERFAULT, INVALIDBUFFERSIZE, PERIPHERALACCESSFAULT, BUFFERALREADYINUSE, INVALIDINTERRUPT,
     INVALIDHANDLE, TOOMANYNOTIFICATIONBUFFERS, INVALIDVECTOR, UNAVAILABLE, UNSUPPORTEDSTRUCTUREVERSION,
     TOOMANYCHANNELS, UNKNOWNCHANNELENDPOINT, UNKNOWNCHANNELTYPE, CHANNELCLOSED, NETWORKNOTCONNECTED, RATELIMITED,
     INVALIDBUFFERALIGNMENT, LATEFAULT, RESPONSENOTPRESENT, INDEXINVALID, OFFSETINVALID, REQUESTALREADYSENT,
     REQUESTUNSUCCESSFUL, LOGMESSAGETOOLONG, LOGGINGDISABLEDBYSERVER, TOOMANYCONFIGKEYS, UNKNOWNCONFIGSTORE,
     UNKNOWNCONFIGSCOPE, INVALIDCONFIGKEY, INVALIDAUTHENTICATION, WRONGDATAREQUESTED, INTERNALERROR, TOOMANYELEMENTS,
     REQUIREDELEMENTMISSING, MICROVISORBUSY, ADDRESSOUTOFRANGE, INPUTTOOLONG) = range(39)


class MvEventType(IntEnum):
    """Kinds of notification records; 0 marks an empty slot."""

    (NOEVENT, NETWORKSTATUSCHANGED, CHANNELDATAREADABLE, CHANNELDATAWRITESPACE, CHANNELNOTCONNECTED,
     UPDATEDOWNLOADED) = range(6)


class MvNetworkStatus(IntEnum):
    """Where the connection to the cloud stands."""

    DELIBERATELYOFFLINE, CONNECTED, CONNECTING, DISCONNECTEDWITHLINKUP = range(4)


class MvNetworkReason(IntFlag):
    """Why the kernel is, or wants to be, connected."""

    NOTCONNECTING = 0
    USINGNETWORK = 0x001
    NEVERUSEDNETWORKAPI = 0x002
    MINIMUMCHECKINEXPIRED = 0x004
    RTCNOTSET = 0x008
    KERNELERROR = 0x010
    APPLICATIONERROR = 0x020
    COLDBOOTCONNECTION = 0x040
    FETCHINGUPDATE = 0x080
    DEBUGGERATTACHED = 0x100
    NOAPPLICATIONCODE = 0x200
    ENHANCECALM = 0x800


class MvChannelType(IntEnum):
    """What a channel carries."""

    OPAQUEBYTES, MQTT, HTTP, CONFIGFETCH = range(4)


class MvClosureReason(IntEnum):
    """Why a channel is closed."""

    (NONE, CHANNELCLOSEDBYSERVER, CHANNELRESETBYSERVER, NETWORKDISCONNECTED, CONNECTIONTERMINATED, NOTYETOPEN,
     CLOSEDBYAPPLICATION, UNEXPECTEDLYTERMINATED) = range(8)


class MvHttpResult(IntEnum):
    """What became of an HTTP request."""

    (OK, UNSUPPORTEDURISCHEME, UNSUPPORTEDMETHOD, INVALIDHEADERS, INVALIDTIMEOUT, REQUESTFAILED,
     RESPONSETOOLARGE) = range(7)


class MvConfigKeyFetchScope(IntEnum):
    """Whose configuration."""

    ACCOUNT, DEVICE = range(2)


class MvConfigKeyFetchStore(IntEnum):
    """Which store of it."""

    SECRET, CONFIG = range(2)


class MvConfigFetchResult(IntEnum):
    """What became of a whole configuration request."""

    OK, RESPONSETOOLARGE = range(2)


class MvConfigKeyFetchResult(IntEnum):
    """What became of one key of it."""

    OK, KEYNOTFOUND, SERVERERROR = range(3)


class MvMqttReadableDataType(IntEnum):
    """What waits to be read on an MQTT channel."""

    (NONE, MESSAGERECEIVED, MESSAGELOST, CONNECTRESPONSE, SUBSCRIBERESPONSE, UNSUBSCRIBERESPONSE, PUBLISHRESPONSE,
     DISCONNECTRESPONSE) = range(8)


class MvMqttProtocolVersion(IntEnum):
    """MQTT 3.1.1 or 5."""

    V3_1_1, V5 = range(2)


class MvMqttAuthenticationMethod(IntEnum):
    """How an MQTT client tells who it is. One byte."""

    NONE, USERNAMEPASSWORD = range(2)


class MvMqttRequestState(IntEnum):
    """What became of an MQTT request."""

    (REQUESTCOMPLETED, INVALIDPARAMETERS, ALREADYCONNECTED, NOTCONNECTED, NXDOMAIN, UNKNOWNCA, CERTIFICATEEXPIRED,
     SOCKETERROR, CONNECTIONCIRCUITBREAKER) = range(9)


class MvMqttLostMessageReason(IntEnum):
    """Why an MQTT message was lost on its way to the application."""

    DEVICERECEIVEBUFFERTOOSMALL = 0


class MvPowerSavingMode(IntEnum):
    """Modes from which the application goes on. One byte."""

    SLEEP, STOP0, STOP1, STOP2, STOP3 = range(5)


class MvSystemNotificationSource(IntEnum):
    """What system notifications tell of."""

    NETWORK, UPDATE = range(2)


class MvDeepSleepMode(IntEnum):
    """Modes that end in a boot. One byte."""

    STANDBY, SHUTDOWN = range(2)


class MvWakeReason(IntEnum):
    """Why the application started. One byte."""

    (COLDBOOT, REMOTEMICROVISORRESTART, REMOTEAPPLICATIONRESTART, DEBUGGERRESTART, MICROVISORCRASH, MICROVISORWATCHDOG,
     MICROVISOROUTOFMEMORY, MICROVISORERROR, APPLICATIONCRASH, APPLICATIONUPDATE, MICROVISORUPDATE, OPTIONBYTES,
     DEEPSLEEPCHECKIN, DEEPSLEEPAPPLICATION, DEEPSLEEPMODEM, DEEPSLEEPAPPLICATIONRTC, DEEPSLEEPOTHER) = range(17)


class MvRestartMode(IntEnum):
    """What a restart does on the way."""

    AUTOAPPLYUPDATE = 0


class MvWifiConfigMode(IntEnum):
    """What to do with a Wi-Fi configuration. One byte."""

    APPLYNOW, CLEARNOW = range(2)


_ONE_BYTE = (MvMqttAuthenticationMethod, MvPowerSavingMode, MvDeepSleepMode, MvWakeReason, MvWifiConfigMode)
_FOUR_BYTES = (MvStatus, MvEventType, MvNetworkStatus, MvNetworkReason, MvChannelType, MvClosureReason, MvHttpResult,
               MvConfigKeyFetchScope, MvConfigKeyFetchStore, MvConfigFetchResult, MvConfigKeyFetchResult,
               MvMqttReadableDataType, MvMqttProtocolVersion, MvMqttRequestState, MvMqttLostMessageReason,
               MvSystemNotificationSource, MvRestartMode)

ENUM_SIZES: dict[str, int] = {**{enum.__name__: 4 for enum in _FOUR_BYTES}, **{enum.__name__: 1 for enum in _ONE_BYTE}}
"""Bytes that a value of each type takes in guest memory."""
