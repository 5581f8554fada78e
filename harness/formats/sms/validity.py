"""TP-VP, the validity period: how long the service centre keeps trying (3GPP TS 23.040 clause 9.2.3.12).

Three forms. A relative period is a :class:`~datetime.timedelta` here, an absolute one a :class:`~datetime.datetime`,
an enhanced one an :class:`EnhancedValidity`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TypeAlias

from harness.errors import PduError
from harness.formats.sms.timestamp import decode_timestamp, encode_timestamp, semi_octet_pair

__all__ = [
    "EnhancedForm",
    "EnhancedValidity",
    "Validity",
    "ValidityFormat",
    "decode_validity",
    "encode_validity",
    "relative_period",
    "relative_value",
    "round_up",
]


class ValidityFormat(IntEnum):
    """TP-VPF, bits 4 and 3 of the first octet of an SMS-SUBMIT (clause 9.2.3.3)."""

    NONE = 0
    ENHANCED = 1
    RELATIVE = 2
    ABSOLUTE = 3


class EnhancedForm(IntEnum):
    """What an enhanced validity period is written in (clause 9.2.3.12.3, bits 2 to 0)."""

    NONE = 0
    RELATIVE = 1
    SECONDS = 2
    CLOCK = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class EnhancedValidity:
    """An enhanced validity period.

    Attributes:
        form: how the period is written; NONE where only ``single_shot`` matters.
        period: the period, None with NONE. SECONDS holds 1 to 255 s, CLOCK up to 99:59:59.
        single_shot: one delivery attempt only.
    """

    form: EnhancedForm
    period: timedelta | None = None
    single_shot: bool = False


Validity: TypeAlias = timedelta | datetime | EnhancedValidity
"""A validity period in one of its three forms."""

_MINUTE, _DAY, _WEEK = timedelta(minutes=1), timedelta(days=1), timedelta(weeks=1)
_ENHANCED_OCTETS = 7


def relative_period(value: int) -> timedelta:
    """Return the period that a relative TP-VP octet stands for (clause 9.2.3.12.1).

    >>> [str(relative_period(value)) for value in (0, 167, 173, 255)]
    ['0:05:00', '1 day, 0:00:00', '7 days, 0:00:00', '441 days, 0:00:00']
    """
    if value <= 143:
        return (value + 1) * 5 * _MINUTE
    if value <= 167:
        return timedelta(hours=12) + (value - 143) * 30 * _MINUTE
    if value <= 196:
        return (value - 166) * _DAY
    return (value - 192) * _WEEK


_RELATIVE = {relative_period(value): value for value in range(256)}
_PERIODS = tuple(_RELATIVE)


def relative_value(period: timedelta) -> int:
    """Return the relative TP-VP octet for ``period``.

    Raises:
        PduError: no octet stands for exactly this period; :func:`round_up` gives one that does.
    """
    try:
        return _RELATIVE[period]
    except KeyError:
        raise PduError(
            f"{period} is not one of the relative validity periods (3GPP TS 23.040 clause 9.2.3.12.1);"
            f" the next is {round_up(period)}"
        ) from None


def round_up(period: timedelta) -> timedelta:
    """Return the shortest relative validity period that is at least ``period``, or the longest there is, 63 weeks."""
    return next((candidate for candidate in _PERIODS if candidate >= period), _PERIODS[-1])


def encode_validity(validity: Validity | None) -> tuple[ValidityFormat, bytes]:
    """Return TP-VPF and the octets of TP-VP.

    Raises:
        PduError: the period cannot be written in its form.
    """
    match validity:
        case None:
            return ValidityFormat.NONE, b""
        case timedelta():
            return ValidityFormat.RELATIVE, bytes((relative_value(validity),))
        case datetime():
            return ValidityFormat.ABSOLUTE, encode_timestamp(validity)
        case EnhancedValidity():
            return ValidityFormat.ENHANCED, _encode_enhanced(validity)


def _encode_enhanced(validity: EnhancedValidity) -> bytes:
    period = validity.period
    if (period is None) != (validity.form is EnhancedForm.NONE):
        raise PduError("an enhanced validity period has a period unless its form is NONE (clause 9.2.3.12.3)")
    if period is None:
        value = b""
    elif validity.form is EnhancedForm.RELATIVE:
        value = bytes((relative_value(period),))
    else:
        seconds, fraction = divmod(period, timedelta(seconds=1))
        if fraction:
            raise PduError(f"an enhanced validity period is in whole seconds, not {period} (clause 9.2.3.12.3)")
        if validity.form is EnhancedForm.SECONDS:
            if not 1 <= seconds <= 255:
                raise PduError(f"the seconds form holds 1 to 255 s, not {seconds} (clause 9.2.3.12.3)")
            value = bytes((seconds,))
        else:
            if not 0 <= seconds < 100 * 3600:
                raise PduError(f"the clock form holds up to 99:59:59, not {period} (clause 9.2.3.12.3)")
            value = bytes(map(semi_octet_pair, (seconds // 3600, seconds // 60 % 60, seconds % 60)))
    indicator = 0x40 * validity.single_shot | validity.form
    return (bytes((indicator,)) + value).ljust(_ENHANCED_OCTETS, b"\x00")


def decode_validity(form: ValidityFormat, field: bytes) -> tuple[Validity | None, tuple[str, ...]]:
    """Return the validity period in ``field`` and what was odd about it.

    ``field`` has as many octets as the form takes: 0, 1 or 7; fewer are a defect.
    """
    if form is ValidityFormat.NONE:
        return None, ()
    if form is ValidityFormat.RELATIVE:
        return (relative_period(field[0]), ()) if field else (None, ("TP-VP is missing",))
    if form is ValidityFormat.ABSOLUTE:
        return decode_timestamp(field, "TP-VP")
    if len(field) < _ENHANCED_OCTETS:
        return None, (f"TP-VP ends after {len(field)} of 7 octets",)
    return _decode_enhanced(field)


def _decode_enhanced(field: bytes) -> tuple[EnhancedValidity | None, tuple[str, ...]]:
    indicator, rest = field[0], field[1:]
    defects = []
    while indicator & 0x80 and rest:
        # Extension octets of later releases follow the first one; what they mean is not defined, where they end is.
        defects.append("the functionality indicator of TP-VP has an extension, which is skipped")
        extension, rest = rest[0], rest[1:]
        if not extension & 0x80:
            break
    single_shot = indicator & 0x40 != 0
    if indicator & 7 > EnhancedForm.CLOCK:
        return None, (*defects, f"the enhanced form {indicator & 7} of TP-VP is reserved")
    form = EnhancedForm(indicator & 7)
    period: timedelta | None = None
    if form is not EnhancedForm.NONE and len(rest) < 3:
        return None, (*defects, "the extension of TP-VP leaves no room for the period")
    if form is EnhancedForm.RELATIVE:
        period = relative_period(rest[0])
    elif form is EnhancedForm.SECONDS:
        period = timedelta(seconds=rest[0])
        if not rest[0]:
            defects.append("0 seconds of validity are reserved")
    elif form is EnhancedForm.CLOCK:
        hours, minutes, seconds = ((octet & 15) * 10 + (octet >> 4) for octet in rest[:3])
        if any(octet & 15 > 9 or octet >> 4 > 9 for octet in rest[:3]) or minutes > 59 or seconds > 59:
            return None, (*defects, f"TP-VP {field.hex()} is no time of day")
        period = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return EnhancedValidity(form=form, period=period, single_shot=single_shot), tuple(defects)
