"""Records of EF_SMS: a status octet, the service centre's address and a TPDU (3GPP TS 31.102 clause 4.2.25).

A record tells no length: where the TPDU ends is read from the TPDU itself, and FF fills the rest.
"""

from __future__ import annotations

from harness.errors import CardFileError
from harness.formats.sms.coding import Alphabet, DataCoding

__all__ = ["MESSAGE_OCTETS", "decode_message", "encode_message", "tpdu_length"]

MESSAGE_OCTETS = 176
"""Octets of a record."""

_TIMESTAMP = 7
_VALIDITY = {0: 0, 1: 7, 2: 1, 3: 7}  # octets of TP-VP by TP-VPF
_REPORTS = (2,)  # TP-MTI of SMS-STATUS-REPORT from the network; SMS-COMMAND has no record


def encode_message(status: int, sca: bytes, tpdu: bytes) -> bytes:
    """Return a record.

    Args:
        status: 1 read, 3 unread, 5 sent, 7 to be sent; 0 frees the record, whatever it holds.
        sca: address of the service centre with its length octet.

    Raises:
        CardFileError: it does not fit.
    """
    if not status:
        return b"\0".ljust(MESSAGE_OCTETS, b"\xff")
    body = bytes((status,)) + sca + tpdu
    if len(body) > MESSAGE_OCTETS:
        raise CardFileError(f"a record of EF_SMS has {MESSAGE_OCTETS} octets, not {len(body)}")
    return body.ljust(MESSAGE_OCTETS, b"\xff")


def decode_message(record: bytes) -> tuple[int, bytes, bytes] | None:
    """Return status, address with its length octet, and TPDU; None for a free record.

    Raises:
        CardFileError: the address, or the TPDU, goes beyond the record.
    """
    if not record or not record[0] & 1:
        return None
    status = record[0] & 7
    length = record[1] if len(record) > 1 and record[1] != 0xFF else 0
    sca, rest = record[1:2 + length], record[2 + length:]
    if len(sca) != 1 + length or length > 12:
        raise CardFileError("the address of the service centre goes beyond the record")
    count = tpdu_length(rest, from_mobile=status >= 5)
    if count > len(rest):
        raise CardFileError("the TPDU goes beyond the record")
    return status, bytes((length,)) + sca[1:], rest[:count]


def tpdu_length(octets: bytes, *, from_mobile: bool) -> int:
    """Return how many octets a TPDU at the front of ``octets`` has; more than there are if it is cut off."""
    try:
        return _length(octets, from_mobile=from_mobile)
    except IndexError:
        return len(octets) + 1


def _length(octets: bytes, *, from_mobile: bool) -> int:
    kind = octets[0] & 3
    at = 1 if not from_mobile and kind == 0 else 2
    at += 2 + (octets[at] + 1) // 2
    if not from_mobile and kind in _REPORTS:
        return _report_length(octets, at + 2 * _TIMESTAMP + 1)
    coding = octets[at + 1]
    at += 2 + (_VALIDITY[octets[0] >> 3 & 3] if from_mobile else _TIMESTAMP)
    return at + 1 + _data(coding, octets[at])


def _report_length(octets: bytes, at: int) -> int:
    """Return the length of a status report whose optional part begins at ``at``."""
    if at >= len(octets) or octets[at] == 0xFF:
        return at
    present, at, coding = octets[at], at + 1, 0
    if present & 1:
        at += 1
    if present & 2:
        coding, at = octets[at], at + 1
    return at + 1 + _data(coding, octets[at]) if present & 4 else at


def _data(coding: int, length: int) -> int:
    scheme = DataCoding(coding)
    return (length * 7 + 7) // 8 if scheme.alphabet is Alphabet.GSM7 and not scheme.compressed else length
