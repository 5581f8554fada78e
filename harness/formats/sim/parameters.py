"""Records of EF_SMSP: what a card was personalised with for sending (3GPP TS 31.102 clause 4.2.27).

An alpha identifier, then 28 octets: which of the others are there (a bit that is 0), the destination, the service
centre, TP-PID, TP-DCS and the validity period.
"""

from __future__ import annotations

from harness.errors import CardFileError, PduError
from harness.formats.sms import Address, encode_sca, split_sca

__all__ = ["decode_service_centre", "encode_parameters"]

_FIXED_OCTETS = 28
_ADDRESS_OCTETS = 12
_WITHOUT_CENTRE = 0x02
_ONLY_CENTRE = 0xE1  # destination left out; PID, DCS and validity there
_CENTRE = 1 + _ADDRESS_OCTETS  # where it begins


def encode_parameters(centre: Address, octets: int) -> bytes:
    """Return a record of so many octets with a service centre and without a destination.

    Raises:
        CardFileError: the record is too short for any parameters, or the address is no number.
    """
    if octets < _FIXED_OCTETS:
        raise CardFileError(f"a record of EF_SMSP has at least {_FIXED_OCTETS} octets, not {octets}")
    try:
        field = encode_sca(centre)
    except PduError as error:
        raise CardFileError(str(error)) from None
    body = bytes((_ONLY_CENTRE,)) + b"\xff" * _ADDRESS_OCTETS + field.ljust(_ADDRESS_OCTETS, b"\xff") + b"\xff" * 3
    return b"\xff" * (octets - _FIXED_OCTETS) + body


def decode_service_centre(record: bytes) -> Address | None:
    """Return the service centre in a record, None if there is none or it is no address."""
    fixed = record[-_FIXED_OCTETS:]
    if len(fixed) < _FIXED_OCTETS or fixed[0] & _WITHOUT_CENTRE:
        return None
    try:
        return split_sca(fixed[_CENTRE:_CENTRE + _ADDRESS_OCTETS])[0]
    except PduError:
        return None
