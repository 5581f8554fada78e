"""GSMTAP: the header by which Wireshark takes messages of a cellular network from UDP port 4729 (libosmocore gsmtap.h).
"""

from __future__ import annotations

from typing import Final

from construct import Const, Int8ub, Int16ub, Int32ub, Struct

PORT: Final = 4729
_LTE_NAS: Final = 0x12
_PLAIN: Final = 0
_UPLINK: Final = 0x4000  # flag in the ARFCN

_HEADER = Struct(
    "version" / Const(2, Int8ub), "words" / Const(4, Int8ub), "type" / Int8ub, "timeslot" / Const(0, Int8ub),
    "arfcn" / Int16ub, "signal_dbm" / Const(0, Int8ub), "signal_noise" / Const(0, Int8ub),
    "frame" / Const(0, Int32ub), "sub_type" / Int8ub, "antenna" / Const(0, Int8ub), "sub_slot" / Const(0, Int8ub),
    "reserved" / Const(0, Int8ub))


def nas_message(message: bytes, *, uplink: bool) -> bytes:
    """Return a plain EPS NAS message with its GSMTAP header: the payload of a datagram to :data:`PORT`."""
    header = _HEADER.build({"type": _LTE_NAS, "arfcn": _UPLINK if uplink else 0, "sub_type": _PLAIN})
    return bytes(header) + message
