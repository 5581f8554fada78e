"""GSMTAP: the header by which Wireshark takes messages of a cellular network from UDP port 4729 (libosmocore gsmtap.h).
"""

from __future__ import annotations

from typing import Final

from construct import Const, Int8ub, Int16ub, Int32ub, Struct

PORT: Final = 4729
_UM: Final = 0x01
_CBCH: Final = 0x0F  # channel type: cell broadcast on the common control channels
_LTE_NAS: Final = 0x12
_PLAIN: Final = 0
_BLOCK: Final = 22
_UPLINK: Final = 0x4000  # flag in the ARFCN

_HEADER = Struct(
    "version" / Const(2, Int8ub), "words" / Const(4, Int8ub), "type" / Int8ub, "timeslot" / Const(0, Int8ub),
    "arfcn" / Int16ub, "signal_dbm" / Const(0, Int8ub), "signal_noise" / Const(0, Int8ub),
    "frame" / Const(0, Int32ub), "sub_type" / Int8ub, "antenna" / Const(0, Int8ub), "sub_slot" / Const(0, Int8ub),
    "reserved" / Const(0, Int8ub))


def broadcast_blocks(page: bytes) -> tuple[bytes, ...]:
    """Return a page of cell broadcast (88 octets) as the four blocks in which it crosses a GSM cell's CBCH.

    Each is the payload of a datagram to :data:`PORT`: a block type octet and 22 octets (3GPP TS 44.012 clause 3.3.1).
    """
    header = bytes(_HEADER.build({"type": _UM, "arfcn": 0, "sub_type": _CBCH}))
    last = len(page) // _BLOCK - 1
    return tuple(header + bytes((0x20 | 0x10 * (number == last) | number,))
                 + page[number * _BLOCK:(number + 1) * _BLOCK] for number in range(last + 1))


def nas_message(message: bytes, *, uplink: bool) -> bytes:
    """Return a plain EPS NAS message with its GSMTAP header: the payload of a datagram to :data:`PORT`."""
    header = _HEADER.build({"type": _LTE_NAS, "arfcn": _UPLINK if uplink else 0, "sub_type": _PLAIN})
    return bytes(header) + message
