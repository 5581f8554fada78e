"""What is said about messages: status reports, delivery and submission reports, and commands.

3GPP TS 23.040 clauses 9.2.2.1a (SMS-DELIVER-REPORT), 9.2.2.2a (SMS-SUBMIT-REPORT), 9.2.2.3 (SMS-STATUS-REPORT) and
9.2.2.4 (SMS-COMMAND).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from harness.errors import PduError
from harness.formats.sms import layouts
from harness.formats.sms.address import Address
from harness.formats.sms.coding import GSM7, DataCoding
from harness.formats.sms.timestamp import encode_timestamp
from harness.formats.sms.udh import InformationElement, encode_header
from harness.formats.sms.userdata import MAX_TPDU, Cursor, UserData, encode_user_data

__all__ = [
    "FAILURE_CAUSES",
    "STATUS_TEXTS",
    "Command",
    "DeliverReport",
    "StatusCategory",
    "StatusReport",
    "SubmitReport",
]

STATUS_TEXTS = {
    0x00: "received by the recipient",
    0x01: "forwarded, delivery not confirmed",
    0x02: "replaced by the service centre",
    0x20: "congestion, still trying",
    0x21: "recipient busy, still trying",
    0x22: "no response from the recipient, still trying",
    0x23: "service rejected, still trying",
    0x24: "quality of service not available, still trying",
    0x25: "error at the recipient, still trying",
    0x40: "remote procedure error",
    0x41: "incompatible destination",
    0x42: "connection rejected by the recipient",
    0x43: "not obtainable",
    0x44: "quality of service not available",
    0x45: "no interworking available",
    0x46: "validity period expired",
    0x47: "deleted by the sender",
    0x48: "deleted by the service centre",
    0x49: "message does not exist",
    0x60: "congestion, gave up",
    0x61: "recipient busy, gave up",
    0x62: "no response from the recipient, gave up",
    0x63: "service rejected, gave up",
    0x64: "quality of service not available, gave up",
    0x65: "error at the recipient, gave up",
}
"""TP-ST values with a meaning of their own (clause 9.2.3.15)."""

FAILURE_CAUSES = {
    0x80: "telematic interworking not supported",
    0x81: "short message type 0 not supported",
    0x82: "cannot replace short message",
    0x8F: "unspecified TP-PID error",
    0x90: "data coding scheme not supported",
    0x91: "message class not supported",
    0x9F: "unspecified TP-DCS error",
    0xA0: "command cannot be actioned",
    0xA1: "command unsupported",
    0xAF: "unspecified TP-Command error",
    0xB0: "TPDU not supported",
    0xC0: "service centre busy",
    0xC1: "no service centre subscription",
    0xC2: "service centre system failure",
    0xC3: "invalid short message entity address",
    0xC4: "destination barred",
    0xC5: "rejected as a duplicate",
    0xC6: "validity period format not supported",
    0xC7: "validity period not supported",
    0xD0: "SIM SMS storage full",
    0xD1: "no SMS storage in the SIM",
    0xD2: "error in the mobile",
    0xD3: "memory capacity exceeded",
    0xD4: "SIM application toolkit busy",
    0xD5: "SIM data download error",
    0xFF: "unspecified error",
}
"""TP-FCS values (clause 9.2.3.22); the same numbers are +CMS ERROR codes 128 to 255 (3GPP TS 27.005 clause 3.2.5)."""


class StatusCategory(Enum):
    """What a TP-ST value means for whoever waits (clause 9.2.3.15)."""

    COMPLETED = "completed"
    TRYING = "temporary error, still trying"
    PERMANENT = "permanent error"
    GAVE_UP = "temporary error, gave up"


def octet(value: int, name: str) -> int:
    """Return ``value``; PduError if it does not fit an octet."""
    if not 0 <= value <= 255:
        raise PduError(f"{name} is one octet, not {value}")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Optional(UserData):
    """The optional tail that all reports share: TP-PI says which of PID, DCS and user data are there."""

    pid: int | None = None
    coding: DataCoding | None = None

    def _has_user_data(self) -> bool:
        return self.text is not None or bool(self.data) or bool(self.user_data_header)

    def _tail(self, room: int) -> bytes:
        """Return PID, DCS and user data as far as they are there, in at most ``room`` octets."""
        tail = b""
        if self.pid is not None:
            tail += bytes((octet(self.pid, "TP-PID"),))
        if self.coding is not None:
            tail += bytes((self.coding.encode(),))
        if self._has_user_data():
            tail += encode_user_data(self, self.coding or GSM7, limit=room - len(tail) - 1)
        return tail

    def _indicator(self) -> int:
        return layouts.PARAMETER_INDICATOR.build(
            extension=False,
            user_data=self._has_user_data(),
            coding=self.coding is not None,
            pid=self.pid is not None,
        )


def _indicated(cursor: Cursor) -> int:
    """Return TP-PI (clause 9.2.3.27); octets that extend it are skipped, as a receiver must."""
    indicator = extended = cursor.octet("TP-PI")
    while extended & 0x80 and cursor.remaining:
        extended = cursor.octet("TP-PI")
    return indicator


def _decode_tail(cursor: Cursor, indicator: int, *, header: bool) -> _Optional:
    present = layouts.PARAMETER_INDICATOR.parse(indicator)
    pid = cursor.octet("TP-PID") if present["pid"] else None
    coding = cursor.coding() if present["coding"] else None
    content = UserData()
    if present["user_data"]:
        content = cursor.user_data(coding or GSM7, header=header, limit=cursor.room - 1)
    else:
        if header:
            cursor.defects.append("TP-UDHI announces a header, but TP-PI tells of no user data")
        if cursor.remaining:
            cursor.defects.append(f"{cursor.remaining} octets follow the last field")
    return _Optional(
        pid=pid,
        coding=coding,
        text=content.text,
        data=content.data,
        user_data_header=content.user_data_header,
        defects=tuple(cursor.defects),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport(_Optional):
    """SMS-STATUS-REPORT: what became of a message sent earlier (clause 9.2.2.3).

    Attributes:
        message_reference: TP-MR of the message reported on.
        recipient: TP-RA, the address that message went to.
        timestamp: TP-SCTS, when the service centre got that message; None only after decoding one that is no moment.
        discharge_time: TP-DT, when the outcome was known; None likewise.
        status: TP-ST, 0 to 255.
        for_command: TP-SRQ, the report is on an SMS-COMMAND rather than an SMS-SUBMIT.
        more_messages: more wait at the service centre (TP-MMS).
        loop_prevention: TP-LP.
        pid, coding: optional fields, None where absent.
    """

    message_reference: int
    recipient: Address
    timestamp: datetime | None
    discharge_time: datetime | None
    status: int = 0
    for_command: bool = False
    more_messages: bool = False
    loop_prevention: bool = False

    @property
    def category(self) -> StatusCategory:
        """What the status means, by its range; values from 0x80 on are reserved and count as a permanent error."""
        if self.status < 0x20:
            return StatusCategory.COMPLETED
        if self.status < 0x40:
            return StatusCategory.TRYING
        if 0x60 <= self.status < 0x80:
            return StatusCategory.GAVE_UP
        return StatusCategory.PERMANENT

    @property
    def status_text(self) -> str:
        """The status in words."""
        return STATUS_TEXTS.get(self.status, f"{self.category.value}, cause 0x{self.status:02x}")

    def encode(self) -> bytes:
        """Return the TPDU; TP-PI is left out where no optional field follows.

        Raises:
            PduError: a field breaks a rule of the standard.
        """
        if self.timestamp is None or self.discharge_time is None:
            raise PduError("an SMS-STATUS-REPORT needs TP-SCTS and TP-DT (3GPP TS 23.040 clause 9.2.2.3)")
        first = layouts.STATUS_REPORT.build(
            header=bool(self.user_data_header),
            for_command=self.for_command,
            loop_prevention=self.loop_prevention,
            no_more_messages=not self.more_messages,
            type=2,
        )
        start = bytes((first, octet(self.message_reference, "TP-MR"))) + self.recipient.encode()
        times = encode_timestamp(self.timestamp) + encode_timestamp(self.discharge_time)
        fixed = start + times + bytes((octet(self.status, "TP-ST"),))
        indicator = self._indicator()
        return fixed + bytes((indicator,)) + self._tail(MAX_TPDU - len(fixed) - 1) if indicator else fixed

    @classmethod
    def decode(cls, tpdu: bytes) -> StatusReport:
        """Return the report in ``tpdu``, whatever message type its first octet tells.

        Raises:
            PduError: it ends before the recipient does.
        """
        cursor = Cursor(tpdu)
        flags = layouts.STATUS_REPORT.parse(cursor.octet("TP-MTI"))
        reference = cursor.octet("TP-MR")
        recipient = cursor.address("TP-RA")
        timestamp = cursor.timestamp("TP-SCTS")
        discharge_time = cursor.timestamp("TP-DT")
        status = cursor.octet("TP-ST")
        indicator = _indicated(cursor) if cursor.remaining else 0
        tail = _decode_tail(cursor, indicator, header=bool(flags["header"]))
        return cls(
            message_reference=reference,
            recipient=recipient,
            timestamp=timestamp,
            discharge_time=discharge_time,
            status=status,
            for_command=bool(flags["for_command"]),
            more_messages=not flags["no_more_messages"],
            loop_prevention=bool(flags["loop_prevention"]),
            pid=tail.pid,
            coding=tail.coding,
            text=tail.text,
            data=tail.data,
            user_data_header=tail.user_data_header,
            defects=tail.defects,
        )


def _failure(cursor: Cursor, error: bool | None) -> int | None:
    """Return TP-FCS if the report has one.

    Whether it does is known from the layer below (RP-ERROR or RP-ACK). Without that knowledge the value tells: causes
    start at 0x80, and a TP-PI with bit 7 set is not in use.
    """
    if error is None:
        error = cursor.peek() >= 0x80
    if not error:
        return None
    cause = cursor.octet("TP-FCS")
    if cause < 0x80:
        cursor.defects.append(f"TP-FCS 0x{cause:02x} is reserved")
    return cause


def _encode_failure(cause: int | None) -> bytes:
    if cause is None:
        return b""
    if not 0x80 <= cause <= 0xFF:
        raise PduError(f"TP-FCS is 0x80 to 0xff, not {cause} (3GPP TS 23.040 clause 9.2.3.22)")
    return bytes((cause,))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverReport(_Optional):
    """SMS-DELIVER-REPORT: a mobile accepts or refuses a message (clause 9.2.2.1a).

    Attributes:
        failure_cause: TP-FCS, 128 to 255 in a refusal (:data:`FAILURE_CAUSES`); None in an acceptance.
        pid, coding: optional fields, None where absent.

    >>> DeliverReport().encode().hex(), DeliverReport(failure_cause=0xD3).encode().hex()
    ('0000', '00d300')
    """

    failure_cause: int | None = None

    def encode(self) -> bytes:
        """Return the TPDU.

        Raises:
            PduError: a field breaks a rule of the standard.
        """
        first = layouts.DELIVER_REPORT.build(header=bool(self.user_data_header), type=0)
        fixed = bytes((first,)) + _encode_failure(self.failure_cause) + bytes((self._indicator(),))
        return fixed + self._tail(MAX_TPDU - len(fixed))

    @classmethod
    def decode(cls, tpdu: bytes, *, error: bool | None = None) -> DeliverReport:
        """Return the report in ``tpdu``; ``error`` tells whether it came in an RP-ERROR, None guesses by the value.

        Raises:
            PduError: there are no octets at all.
        """
        cursor = Cursor(tpdu)
        flags = layouts.DELIVER_REPORT.parse(cursor.octet("TP-MTI"))
        cause = _failure(cursor, error)
        tail = _decode_tail(cursor, _indicated(cursor), header=bool(flags["header"]))
        return cls(
            failure_cause=cause,
            pid=tail.pid,
            coding=tail.coding,
            text=tail.text,
            data=tail.data,
            user_data_header=tail.user_data_header,
            defects=tail.defects,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitReport(_Optional):
    """SMS-SUBMIT-REPORT: the service centre accepts or refuses a message (clause 9.2.2.2a).

    Attributes:
        timestamp: TP-SCTS, when the service centre got the message; None only after decoding one that is no moment.
        failure_cause: TP-FCS, 128 to 255 in a refusal; None in an acceptance.
        pid, coding: optional fields, None where absent.
    """

    timestamp: datetime | None
    failure_cause: int | None = None

    def encode(self) -> bytes:
        """Return the TPDU.

        Raises:
            PduError: a field breaks a rule of the standard.
        """
        if self.timestamp is None:
            raise PduError("an SMS-SUBMIT-REPORT needs TP-SCTS (3GPP TS 23.040 clause 9.2.2.2a)")
        first = layouts.SUBMIT_REPORT.build(header=bool(self.user_data_header), type=1)
        indicator = bytes((self._indicator(),))
        fixed = bytes((first,)) + _encode_failure(self.failure_cause) + indicator + encode_timestamp(self.timestamp)
        return fixed + self._tail(MAX_TPDU - len(fixed))

    @classmethod
    def decode(cls, tpdu: bytes, *, error: bool | None = None) -> SubmitReport:
        """Return the report in ``tpdu``; ``error`` tells whether it came in an RP-ERROR, None guesses by the value.

        Raises:
            PduError: there are no octets at all.
        """
        cursor = Cursor(tpdu)
        flags = layouts.SUBMIT_REPORT.parse(cursor.octet("TP-MTI"))
        cause = _failure(cursor, error)
        indicator = _indicated(cursor)
        timestamp = cursor.timestamp("TP-SCTS")
        tail = _decode_tail(cursor, indicator, header=bool(flags["header"]))
        return cls(
            timestamp=timestamp,
            failure_cause=cause,
            pid=tail.pid,
            coding=tail.coding,
            text=tail.text,
            data=tail.data,
            user_data_header=tail.user_data_header,
            defects=tail.defects,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """SMS-COMMAND: ask for something to be done about a message sent earlier (clause 9.2.2.4).

    Attributes:
        destination: TP-DA of the message this is about.
        command_type: TP-CT: 0 enquiry, 1 cancel status report request, 2 delete, 3 enable status report request.
        message_number: TP-MN, the TP-MR of the message this is about.
        message_reference: TP-MR of this command.
        pid: TP-PID.
        status_report_request: TP-SRR.
        data: TP-CD, octets after the header.
        user_data_header: information elements before them.
        defects: what was odd about the octets this was decoded from.
    """

    destination: Address
    command_type: int = 0
    message_number: int = 0
    message_reference: int = 0
    pid: int = 0
    status_report_request: bool = False
    data: bytes = b""
    user_data_header: tuple[InformationElement, ...] = ()
    defects: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Return the TPDU.

        Raises:
            PduError: a field breaks a rule of the standard.
        """
        first = layouts.COMMAND.build(
            header=bool(self.user_data_header), status_report_request=self.status_report_request, type=2
        )
        fields = (
            (self.message_reference, "TP-MR"), (self.pid, "TP-PID"),
            (self.command_type, "TP-CT"), (self.message_number, "TP-MN"),
        )  # fmt: skip
        start = bytes((first, *(octet(value, name) for value, name in fields))) + self.destination.encode()
        data = (encode_header(self.user_data_header) if self.user_data_header else b"") + self.data
        if len(start) + 1 + len(data) > MAX_TPDU:
            raise PduError(
                f"the command data takes {len(data)} octets, {MAX_TPDU - len(start) - 1} fit"
                " (3GPP TS 23.040 clause 9.2.2.4)"
            )
        return start + bytes((len(data),)) + data

    @classmethod
    def decode(cls, tpdu: bytes) -> Command:
        """Return the command in ``tpdu``, whatever message type its first octet tells.

        Raises:
            PduError: it ends before the destination does.
        """
        cursor = Cursor(tpdu)
        flags = layouts.COMMAND.parse(cursor.octet("TP-MTI"))
        reference, pid = cursor.octet("TP-MR"), cursor.octet("TP-PID")
        command_type, number = cursor.octet("TP-CT"), cursor.octet("TP-MN")
        destination = cursor.address("TP-DA")
        length = cursor.octet("TP-CDL")
        data = cursor.take(length)
        if len(data) < length:
            cursor.defects.append(f"TP-CDL says {length} octets, {len(data)} are there")
        if cursor.remaining:
            cursor.defects.append(f"{cursor.remaining} octets follow the command data")
        elements: tuple[InformationElement, ...] = ()
        if flags["header"]:
            block, elements = cursor.header(data)
            data = data[len(block) :]
        return cls(
            destination=destination,
            command_type=command_type,
            message_number=number,
            message_reference=reference,
            pid=pid,
            status_report_request=bool(flags["status_report_request"]),
            data=data,
            user_data_header=elements,
            defects=tuple(cursor.defects),
        )
