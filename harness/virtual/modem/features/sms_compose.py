"""What a client typed at a prompt becomes a TPDU (3GPP TS 27.005 clauses 3.1 and 3.5, and 4 for PDU mode)."""

from __future__ import annotations

from typing import Final

from harness.errors import PduError
from harness.formats.sms import (
    Address,
    Alphabet,
    Concatenation,
    DataCoding,
    EnhancedValidity,
    Submit,
    Validity,
    ValidityFormat,
    decode_from_mobile,
    relative_period,
    split_sca,
)
from harness.formats.sms import Command as CommandTpdu
from harness.formats.sms.gsm7 import is_encodable
from harness.formats.sms.validity import decode_validity
from harness.virtual.modem.charset import number_from_line
from harness.virtual.modem.codes import Cms
from harness.virtual.modem.command import Call, CommandError, cms
from harness.virtual.modem.message_text import parse_timestamp

_FIRST_OCTET_KEPT: Final = 0xA4  # reply path, status report request and reject duplicates, as +CSMP gives them
_HEADER: Final = 0x40
_REPORT: Final = 0x20
_OTHER_GROUPS: Final = 0xC0  # of TP-DCS: those other than general data coding (TS 23.038 clause 4)
_UCS2: Final = 0x08


def line_address(call: Call, position: int, type_position: int) -> Address:
    """Return the address in a string parameter, with its type if that was given.

    Raises:
        CommandError: it is no telephone number.
    """
    try:
        number = number_from_line(call.text(position, limit=100), call.modem.settings.text("+CSCS"))
        if call.given(type_position):
            address = Address.from_type_octet(number, call.number(type_position, low=128, high=255))
            address.encode()
        else:
            address = Address.parse(number)
    except (PduError, ValueError):
        raise CommandError(cms(Cms.BAD_TEXT)) from None
    if address.is_alphanumeric or not address.number:
        raise CommandError(cms(Cms.BAD_TEXT))
    return address


def _typed_text(call: Call, typed: bytes, alphabet: Alphabet) -> tuple[str | None, bytes]:
    """Return text or octets out of what was typed, as +CSCS and the alphabet of +CSMP say."""
    line = typed.decode("latin-1")
    try:
        if alphabet is Alphabet.GSM7:
            return call.modem.decode_text(line), b""
        octets = bytes.fromhex(line)
        return (octets.decode("utf-16-be", "surrogatepass"), b"") if alphabet is Alphabet.UCS2 else (None, octets)
    except ValueError:
        raise CommandError(cms(Cms.BAD_TEXT)) from None


def _validity(call: Call) -> Validity | None:
    """Return the validity period of +CSMP in the form that its first octet says."""
    form = ValidityFormat(call.modem.settings.number("+CSMP") >> 3 & 3)
    period = call.modem.settings["+CSMP"][1]
    found: Validity | None = None
    if form is ValidityFormat.NONE:
        return None
    if form is ValidityFormat.RELATIVE and isinstance(period, int):
        found = relative_period(period)
    elif form is ValidityFormat.ABSOLUTE and isinstance(period, str):
        found = parse_timestamp(period)
    elif form is ValidityFormat.ENHANCED and isinstance(period, str):
        found = _enhanced(period)
    if found is None:  # a number where the form wants a date, or the other way round
        raise CommandError(cms(Cms.BAD_TEXT))
    return found


def _enhanced(text: str) -> EnhancedValidity | None:
    try:
        found, defects = decode_validity(ValidityFormat.ENHANCED, bytes.fromhex(text))
    except ValueError:
        return None
    return found if isinstance(found, EnhancedValidity) and not defects else None


def is_validity(text: str) -> bool:
    """Tell whether a text is an absolute or an enhanced validity period, as +CSMP takes it."""
    return parse_timestamp(text) is not None or _enhanced(text) is not None


def text_submit(call: Call, destination: Address, typed: bytes, part: Concatenation | None = None) -> bytes:
    """Return the SMS-SUBMIT for a text typed at the prompt, which may be part of a longer one.

    Raises:
        CommandError: the text, or +CSMP, can't be sent.
    """
    settings = call.modem.settings
    first, pid, dcs = (settings.number("+CSMP", position) for position in (0, 2, 3))
    coding = DataCoding(dcs)
    text, data = _typed_text(call, typed, coding.alphabet)
    if text is not None and coding.alphabet is Alphabet.GSM7 and not dcs & _OTHER_GROUPS and not is_encodable(text):
        # the character set of +CSCS is richer than the alphabet of the message: it is written in UCS2
        coding = DataCoding(dcs | _UCS2)
    try:
        tpdu = Submit(destination=destination, pid=pid, coding=coding, text=text, data=data,
                      validity=_validity(call), user_data_header=(part,) if part is not None else ()).encode()
    except PduError:
        raise CommandError(cms(Cms.BAD_TEXT)) from None
    # the text of a message with a header is typed in hexadecimal, header included: only the bit is missing
    kept = _FIRST_OCTET_KEPT | (_HEADER if coding.alphabet is not Alphabet.GSM7 else 0)
    return bytes((tpdu[0] | first & kept,)) + tpdu[1:]


def text_command(call: Call, typed: bytes) -> bytes:
    """Return the SMS-COMMAND of +CMGC in text mode (clause 3.5.5): command data in hexadecimal, mostly none.

    Raises:
        CommandError: a parameter is out of range, or the data is no hexadecimal.
    """
    first = call.number(0, high=255)
    destination = line_address(call, 4, 5) if call.given(4) else Address(number="")
    try:
        tpdu = CommandTpdu(command_type=call.number(1, 0, high=255), pid=call.number(2, 0, high=255),
                           message_number=call.number(3, 0, high=255), destination=destination,
                           data=bytes.fromhex(typed.decode("ascii")),
                           status_report_request=bool(first & _REPORT)).encode()
    except (ValueError, PduError):
        raise CommandError(cms(Cms.BAD_TEXT)) from None
    return bytes((tpdu[0] | first & _HEADER,)) + tpdu[1:]


def typed_pdu(typed: bytes, length: int) -> tuple[bytes, bytes]:
    """Return service centre address and TPDU out of hexadecimal digits; ``length`` counts the TPDU only.

    Raises:
        CommandError: they are none, or too many or few.
    """
    try:
        pdu = bytes.fromhex(typed.decode("ascii"))
        _, tpdu = split_sca(pdu)
    except (ValueError, PduError):
        raise CommandError(cms(Cms.BAD_PDU)) from None
    if len(tpdu) != length:
        raise CommandError(cms(Cms.BAD_PDU))
    return pdu[:len(pdu) - len(tpdu)], tpdu


def checked_submit(tpdu: bytes) -> bytes:
    """Return a TPDU that a mobile may send.

    Raises:
        CommandError: it is none.
    """
    try:
        content = decode_from_mobile(tpdu)
    except PduError:
        raise CommandError(cms(Cms.BAD_PDU)) from None
    if not isinstance(content, Submit | CommandTpdu):
        raise CommandError(cms(Cms.BAD_PDU))
    return tpdu

