"""How a TPDU travels between a terminal and the network: RP and CP messages in an EPS NAS transport.

3GPP TS 24.011 clause 7.3 (RP-DATA, RP-ACK, RP-ERROR, RP-SMMA), clause 7.2 (CP-DATA), TS 24.301 clauses 8.2.12 and
8.2.30 (NAS transport). Only encoding: the virtual network hands TPDUs over as they are, and captures show them as real
ones look.
"""

from __future__ import annotations

from typing import Final

from harness.errors import PduError
from harness.formats.sms.address import Address, encode_sca

_EPS_MOBILITY_MANAGEMENT: Final = 0x07
_DOWNLINK_NAS_TRANSPORT, _UPLINK_NAS_TRANSPORT = 0x62, 0x63
_SMS_PROTOCOL: Final = 0x09
_FROM_ANSWERER: Final = 0x80  # the TI flag of the side that did not begin the transaction
_CP_DATA: Final = 0x01
_RP_DATA, _RP_ACK, _RP_ERROR, _RP_SMMA = 0, 2, 4, 6  # from the terminal; one more from the network
_RP_MAX: Final = 248


def rp_data(tpdu: bytes, centre: Address, *, reference: int, uplink: bool) -> bytes:
    """Return an RP-DATA message.

    Args:
        centre: the SMS centre: the destination of what a terminal sends, the originator of what it gets.
        reference: RP-Message-Reference, 0 to 255.

    Raises:
        PduError: the TPDU is longer than an RP message holds.
    """
    if len(tpdu) > _RP_MAX - 14:
        raise PduError(f"an RP-DATA message can't hold a TPDU of {len(tpdu)} octets")
    address = encode_sca(centre)
    addresses = b"\0" + address if uplink else address + b"\0"
    return bytes([_RP_DATA + (not uplink), reference]) + addresses + bytes([len(tpdu)]) + tpdu


def rp_memory_available(reference: int) -> bytes:
    """Return an RP-SMMA message, by which a terminal tells that it has room again (TS 24.011 clause 7.3.2)."""
    return bytes([_RP_SMMA, reference])


def rp_answer(reference: int, cause: int, *, uplink: bool) -> bytes:
    """Return an RP-ACK message, or RP-ERROR with a cause (TS 24.011 clause 8.2.5.4) where it is not 0."""
    if cause:
        return bytes([_RP_ERROR + (not uplink), reference, 1, cause & 0x7F])
    return bytes([_RP_ACK + (not uplink), reference])


def nas_transport(rp_message: bytes, *, transaction: int, uplink: bool, answer: bool) -> bytes:
    """Return the plain NAS message that carries an RP message in CP-DATA.

    Args:
        transaction: TI value, 0 to 6.
        answer: whether the sender of this message is not the one that began the transaction.
    """
    identifier = (transaction & 7) << 4 | (_FROM_ANSWERER if answer else 0)
    cp_data = bytes([_SMS_PROTOCOL | identifier, _CP_DATA, len(rp_message)]) + rp_message
    kind = _UPLINK_NAS_TRANSPORT if uplink else _DOWNLINK_NAS_TRANSPORT
    return bytes([_EPS_MOBILITY_MANAGEMENT, kind, len(cp_data)]) + cp_data
