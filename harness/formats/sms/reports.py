"""What is said about messages: status reports, delivery reports and submission reports.

3GPP TS 23.040 clauses 9.2.2.1a (SMS-DELIVER-REPORT), 9.2.2.2a (SMS-SUBMIT-REPORT) and 9.2.2.3 (SMS-STATUS-REPORT).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from harness.errors import PduError
from harness.formats.sms import layouts
from harness.formats.sms.address import Address
from harness.formats.sms.causes import STATUS_TEXTS, StatusCategory
from harness.formats.sms.coding import GSM7, DataCoding
from harness.formats.sms.timestamp import encode_timestamp
from harness.formats.sms.userdata import MAX_TPDU, Cursor, UserData, encode_user_data, octet

__all__ = ["DeliverReport", "StatusReport", "SubmitReport"]


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
        failure_cause: TP-FCS, 128 to 255 in a refusal (:data:`~harness.formats.sms.causes.FAILURE_CAUSES`); None in an
            acceptance.
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
