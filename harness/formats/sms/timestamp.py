"""Time stamps of TPDUs: seven octets of swapped decimal digits (3GPP TS 23.040 clause 9.2.3.11)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from harness.errors import PduError

__all__ = ["TIMESTAMP_OCTETS", "decode_timestamp", "encode_timestamp"]

TIMESTAMP_OCTETS = 7
_QUARTER = timedelta(minutes=15)
_PIVOT = 69
"""Two-digit years from here on are of the 1900s, as POSIX has it: the field covers 1969 to 2068."""


def semi_octet_pair(value: int) -> int:
    """Return 0 to 99 as one octet with the tens in the low nibble."""
    return value % 10 << 4 | value // 10


def encode_timestamp(moment: datetime) -> bytes:
    """Return the seven octets of ``moment``, which must carry its UTC offset; a fraction of a second is dropped.

    >>> from datetime import UTC
    >>> encode_timestamp(datetime(2026, 11, 21, 9, 5, 59, tzinfo=UTC)).hex()
    '62111290509500'

    Raises:
        PduError: no UTC offset, one that is not a whole number of quarter hours or is beyond 79 of them, or a year
            outside 1969 to 2068.
    """
    offset = moment.utcoffset()
    if offset is None:
        raise PduError("a time stamp needs a UTC offset (3GPP TS 23.040 clause 9.2.3.11)")
    quarters, odd = divmod(abs(offset), _QUARTER)
    if odd or quarters > 79:
        raise PduError(f"a UTC offset is at most 79 whole quarter hours, not {offset} (3GPP TS 23.040 clause 9.2.3.11)")
    if not 1900 + _PIVOT <= moment.year < 2000 + _PIVOT:
        raise PduError(f"a time stamp has two digits for the year, 1969 to 2068, not {moment.year}")
    fields = (moment.year % 100, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    zone = semi_octet_pair(quarters) | (0x08 if offset < timedelta(0) else 0)
    return bytes((*map(semi_octet_pair, fields), zone))


def decode_timestamp(field: bytes, name: str = "TP-SCTS") -> tuple[datetime | None, tuple[str, ...]]:
    """Return the moment in seven octets and what was odd about them; None where they are no moment at all.

    A bad time zone alone does not lose the moment: it is taken as UTC then, and said so.
    """
    defects = []
    if len(field) < TIMESTAMP_OCTETS:
        return None, (f"{name} ends after {len(field)} of 7 octets",)
    numbers = [(octet & 15) * 10 + (octet >> 4) for octet in field[:6]]
    if any(octet & 15 > 9 or octet >> 4 > 9 for octet in field[:6]):
        return None, (f"{name} {field[:7].hex()} holds nibbles that are no decimal digits",)
    zone = field[6]
    offset = ((zone & 7) * 10 + (zone >> 4)) * _QUARTER
    if zone >> 4 > 9:
        defects.append(f"the time zone 0x{zone:02x} of {name} is no decimal number; taken as UTC")
        offset = timedelta(0)
    elif zone & 8:
        offset = -offset
    year, month, day, hour, minute, second = numbers
    year += 1900 if year >= _PIVOT else 2000
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset))
    except ValueError as error:
        return None, (*defects, f"{name} {field[:7].hex()} is no moment: {error}")
    return moment, tuple(defects)
