"""Messages in text mode: how +CMGR, +CMGL, +CMT and +CDS show them (3GPP TS 27.005 clauses 3.1 and 3.4)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

from harness.errors import PduError
from harness.formats.sms import (
    Address,
    Alphabet,
    Command,
    Deliver,
    StatusReport,
    Submit,
    SubmitReport,
    Validity,
    decode_from_mobile,
    decode_from_network,
    gsm7,
    relative_value,
    split_sca,
)
from harness.virtual.modem.cell_broadcast import broadcast_fields
from harness.virtual.modem.charset import to_line
from harness.virtual.modem.messages import MessageStatus, StoredMessage

_TIMESTAMP: Final = re.compile(r"(\d\d)/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)([+-]\d\d)", re.ASCII)
_REMEMBERED = 64  # a message is decoded on arrival and again when it is shown


@lru_cache(maxsize=_REMEMBERED)
def received_message(tpdu: bytes) -> Deliver | StatusReport | SubmitReport:
    """Return what a TPDU from the network is.

    Raises:
        PduError: nothing can be told from its octets.
    """
    return decode_from_network(tpdu)


Readable = Deliver | StatusReport | Submit | Command | None


def read_message(message: StoredMessage) -> Readable:
    """Return what a stored TPDU is, None if nothing can be told from its octets."""
    try:
        if message.status in (MessageStatus.REC_UNREAD, MessageStatus.REC_READ):
            received = received_message(message.tpdu)
            return received if isinstance(received, Deliver | StatusReport) else None
        sent = decode_from_mobile(message.tpdu)
        return sent if isinstance(sent, Submit | Command) else None
    except PduError:
        return None


def render_timestamp(moment: datetime | None) -> str:
    """Return ``yy/MM/dd,hh:mm:ss±zz`` with the zone in quarters of an hour; empty for no moment."""
    if moment is None:
        return ""
    offset = moment.utcoffset() or timedelta()
    quarters = round(offset / timedelta(minutes=15))
    return f"{moment:%y/%m/%d,%H:%M:%S}{'-' if quarters < 0 else '+'}{abs(quarters):02d}"


def parse_timestamp(text: str) -> datetime | None:
    """Return the moment that :func:`render_timestamp` would write so, None if there is none; years are 1970 to 2069."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, quarters = (int(group) for group in match.groups())
    try:
        return datetime(year + (2000 if year < 70 else 1900), month, day, hour, minute, second,
                        tzinfo=timezone(timedelta(minutes=15 * quarters)))
    except ValueError:
        return None


def _body(message: Deliver | Submit, charset: str) -> tuple[str, int]:
    """Return the data as it is shown, and its length: septets, or octets where it is shown in hexadecimal."""
    if message.coding.alphabet is Alphabet.GSM7 and message.text is not None:
        return to_line(message.text, charset), gsm7.septet_count(message.text)
    if message.coding.alphabet is Alphabet.UCS2 and message.text is not None:
        octets = message.text.encode("utf-16-be", "surrogatepass")
    else:
        octets = message.data
    return octets.hex().upper(), len(octets)


def _address(address: Address, charset: str) -> str:
    return f'"{to_line(str(address), charset)}"'


def _sca(message: StoredMessage, charset: str) -> str:
    try:
        address, _ = split_sca(message.sca)
    except PduError:
        address = None
    return f"{_address(address, charset)},{address.type_octet}" if address is not None else '"",129'


def _validity(validity: Validity | None) -> str:
    if validity is None:
        return ""
    if isinstance(validity, timedelta):
        return str(relative_value(validity))
    return f'"{render_timestamp(validity)}"' if isinstance(validity, datetime) else ""


def _report_fields(message: StoredMessage, report: StatusReport, charset: str) -> str:
    return (f"{message.tpdu[0]},{report.message_reference},{_address(report.recipient, charset)},"
            f'{report.recipient.type_octet},"{render_timestamp(report.timestamp)}",'
            f'"{render_timestamp(report.discharge_time)}",{report.status}')



def read_line(message: StoredMessage, *, charset: str, details: bool) -> str:
    """Return what follows ``+CMGR: `` in text mode, the data line included.

    Args:
        details: whether +CSDH=1 asks for the header fields.
    """
    status = f'"{message.status.text}"'
    if message.broadcast:
        return f"{status},{broadcast_fields(message, charset, coded=True)}"
    content = read_message(message)
    if isinstance(content, Deliver):
        body, length = _body(content, charset)
        head = f'{status},{_address(content.originator, charset)},,"{render_timestamp(content.timestamp)}"'
        if details:
            head += (f",{content.originator.type_octet},{message.tpdu[0]},{content.pid},{content.coding.octet},"
                     f"{_sca(message, charset)},{length}")
        return f"{head}\r\n{body}"
    if isinstance(content, Submit):
        body, length = _body(content, charset)
        head = f"{status},{_address(content.destination, charset)},"
        if details:
            head += (f",{content.destination.type_octet},{message.tpdu[0]},{content.pid},{content.coding.octet},"
                     f"{_validity(content.validity)},{_sca(message, charset)},{length}")
        return f"{head}\r\n{body}"
    if isinstance(content, StatusReport):
        return f"{status},{_report_fields(message, content, charset)}"
    if isinstance(content, Command):
        return f"{status},{message.tpdu[0]},{content.command_type}\r\n{content.data.hex().upper()}"
    return f'{status},"",\r\n{message.tpdu.hex().upper()}'


def list_line(message: StoredMessage, *, charset: str, details: bool) -> str:
    """Return what follows ``+CMGL: <index>,`` in text mode, the data line included."""
    status = f'"{message.status.text}"'
    if message.broadcast:
        return f"{status},{broadcast_fields(message, charset, coded=False)}"
    content = read_message(message)
    if isinstance(content, Deliver | Submit):
        body, length = _body(content, charset)
        address = content.originator if isinstance(content, Deliver) else content.destination
        moment = f'"{render_timestamp(content.timestamp)}"' if isinstance(content, Deliver) else ""
        tail = f",{address.type_octet},{length}" if details else ""
        return f"{status},{_address(address, charset)},,{moment}{tail}\r\n{body}"
    if isinstance(content, StatusReport):
        return f"{status},{_report_fields(message, content, charset)}"
    if isinstance(content, Command):
        return f"{status},{message.tpdu[0]},{content.command_type}"
    return f'{status},"",,\r\n{message.tpdu.hex().upper()}'


def direct_line(message: StoredMessage, *, charset: str, details: bool) -> str:
    """Return what follows ``+CMT: ``, ``+CDS: `` or ``+CBM: `` in text mode, the data line included."""
    if message.broadcast:
        return broadcast_fields(message, charset, coded=True)
    content = read_message(message)
    if isinstance(content, StatusReport):
        return _report_fields(message, content, charset)
    if not isinstance(content, Deliver):
        return f'"",,""\r\n{message.tpdu.hex().upper()}'
    body, length = _body(content, charset)
    head = f'{_address(content.originator, charset)},,"{render_timestamp(content.timestamp)}"'
    if details:
        head += (f",{content.originator.type_octet},{message.tpdu[0]},{content.pid},{content.coding.octet},"
                 f"{_sca(message, charset)},{length}")
    return f"{head}\r\n{body}"


def pdu_line(message: StoredMessage) -> str:
    """Return ``<length>`` CRLF ``<pdu>`` of PDU mode; the length does not count the service centre address."""
    return f"{len(message.tpdu)}\r\n{(message.sca + message.tpdu).hex().upper()}"
