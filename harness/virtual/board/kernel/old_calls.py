"""Calls of the first Microvisor releases, which applications of 2021 make.

Until September 2021 the calls were at other addresses and in another order. Interrupts were *prioritised* then, which
is what making them fast is called now. ``mvTemporaryServerLog`` was there for some weeks in the present window too, in
slot 20; it needs no buffer, and whatever it is given goes out as one message.
"""

from __future__ import annotations

from harness.virtual.board.core.interface import OLD_SLOT
from harness.virtual.board.kernel.abi import BY_NAME, Argument, Call
from harness.virtual.board.kernel.enums import MvStatus

TEMPORARY_SERVER_LOG = "mvTemporaryServerLog"

_LOG_CALL = Call(
    slot=20, name=TEMPORARY_SERVER_LOG, statuses=(MvStatus.OKAY, MvStatus.PARAMETERFAULT), arguments=(
        Argument(name="s", type="u8", reads=True, writes=False, size=0, mask=0xFFFF_FFFF),
        Argument(name="len", type="u32", reads=False, writes=False, size=0, mask=0xFFFF_FFFF)))

# By veneer, from the first one on; "-" is one whose call is not declared any more.
_ORDER = """
    mvGetMicroseconds mvGetSysClk - mvGetWallTime mvGetPClk1 mvGetPClk2 mvTemporaryServerLog mvGetHClk mvNoOp -
    mvGetDeviceId mvPeriphPoke32 mvPeriphPeek32 mvCloseNotifications mvSetupNotifications mvTempTriggerNotification
    mvEnableFastInterrupt mvDisableAllFastInterrupts mvSetFastInterrupt mvDisableFastInterrupt mvClearFastInterrupt
    mvEnableAllFastInterrupts mvRequestNetwork mvReleaseNetwork mvGetNetworkStatus mvGetNetworkReasons mvWriteChannel
    mvGetChannelClosureReason mvReadChannelComplete mvReadChannel mvOpenChannel mvCloseChannel mvWriteChannelStream
"""

OLD_CALLS: dict[int, Call] = {_LOG_CALL.slot: _LOG_CALL, **{
    OLD_SLOT + number: _LOG_CALL if name == TEMPORARY_SERVER_LOG else BY_NAME[name]
    for number, name in enumerate(_ORDER.split()) if name != "-"}}
"""Calls by slot, beside those that are declared today."""
