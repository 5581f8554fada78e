"""Short messages as the transfer layer carries them: SMS-DELIVER, SMS-SUBMIT and the way to every other TPDU.

3GPP TS 23.040 clause 9.2.2. ``encode`` is strict: a :class:`~harness.errors.PduError` names the rule that is broken.
:func:`decode_from_network` (what a modem receives) and :func:`decode_from_mobile` (what a service centre receives) are
tolerant: what is off but usable stands in the result's ``defects``, and only where nothing can be told they raise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypeAlias

from harness.errors import PduError
from harness.formats.sms import layouts
from harness.formats.sms.address import Address
from harness.formats.sms.coding import GSM7, DataCoding
from harness.formats.sms.command import Command
from harness.formats.sms.reports import DeliverReport, StatusReport, SubmitReport
from harness.formats.sms.segments import Part, split
from harness.formats.sms.timestamp import encode_timestamp
from harness.formats.sms.userdata import Cursor, UserData, encode_user_data, octet
from harness.formats.sms.validity import Validity, ValidityFormat, decode_validity, encode_validity

__all__ = ["Deliver", "FromMobile", "FromNetwork", "Submit", "decode_from_mobile", "decode_from_network"]

_VALIDITY_OCTETS = {
    ValidityFormat.NONE: 0,
    ValidityFormat.RELATIVE: 1,
    ValidityFormat.ENHANCED: 7,
    ValidityFormat.ABSOLUTE: 7,
}


_parsed = lru_cache(maxsize=256)(Address.parse)


def _address(given: Address | str) -> Address:
    return _parsed(given) if isinstance(given, str) else given


def _only(parts: list[Part]) -> Part:
    if len(parts) > 1:
        raise PduError(f"the text takes {len(parts)} messages; parts_for_text() makes them")
    return parts[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver(UserData):
    """SMS-DELIVER, a message to a mobile (clause 9.2.2.1).

    Attributes:
        originator: TP-OA.
        timestamp: TP-SCTS, when the service centre got the message; None only after decoding one that is no moment.
        pid: TP-PID, protocol identifier.
        coding: TP-DCS.
        more_messages: more wait at the service centre (TP-MMS, the bit is inverted on the air).
        loop_prevention: TP-LP.
        status_report_indication: TP-SRI, the sender will get a status report.
        reply_path: TP-RP.

    >>> from datetime import UTC
    >>> at = datetime(2026, 11, 21, tzinfo=UTC)
    >>> Deliver.for_text("hi", originator="000", timestamp=at).encode().hex()
    '04038100f000006211120000000002e834'
    """

    originator: Address
    timestamp: datetime | None
    pid: int = 0
    coding: DataCoding = GSM7
    more_messages: bool = False
    loop_prevention: bool = False
    status_report_indication: bool = False
    reply_path: bool = False

    @classmethod
    def for_text(
        cls, text: str, *, originator: Address | str, timestamp: datetime, status_report_indication: bool = False
    ) -> Deliver:
        """Return the message that carries ``text``, in UCS2 if the GSM 7-bit alphabet cannot write it.

        Raises:
            PduError: the text does not fit one message, or the originator is no address.
        """
        part = _only(split(text))
        return cls._for_part(part, _address(originator), timestamp, status_report_indication, more=False)

    @classmethod
    def parts_for_text(
        cls,
        text: str,
        *,
        originator: Address | str,
        timestamp: datetime,
        reference: int,
        wide_reference: bool = False,
        status_report_indication: bool = False,
    ) -> tuple[Deliver, ...]:
        """Return the messages that carry ``text``: one, or several tied together by ``reference``.

        Raises:
            PduError: more than 255 parts, or a reference or an originator that does not fit.
        """
        parts = split(text, reference=reference, wide_reference=wide_reference)
        sender = _address(originator)
        return tuple(
            cls._for_part(part, sender, timestamp, status_report_indication, more=number < len(parts))
            for number, part in enumerate(parts, start=1)
        )

    @classmethod
    def _for_part(cls, part: Part, sender: Address, timestamp: datetime, indication: bool, *, more: bool) -> Deliver:
        return cls(
            originator=sender,
            timestamp=timestamp,
            coding=part.coding,
            text=part.text,
            user_data_header=part.user_data_header,
            status_report_indication=indication,
            more_messages=more,
        )

    def encode(self) -> bytes:
        """Return the TPDU.

        Raises:
            PduError: a field breaks a rule of the standard.
        """
        if self.timestamp is None:
            raise PduError("an SMS-DELIVER needs TP-SCTS (3GPP TS 23.040 clause 9.2.2.1)")
        first = layouts.DELIVER.build(
            reply_path=self.reply_path,
            header=bool(self.user_data_header),
            status_report_indication=self.status_report_indication,
            loop_prevention=self.loop_prevention,
            no_more_messages=not self.more_messages,
            type=0,
        )
        fixed = bytes((octet(self.pid, "TP-PID"), self.coding.encode())) + encode_timestamp(self.timestamp)
        return bytes((first,)) + self.originator.encode() + fixed + encode_user_data(self, self.coding)

    @classmethod
    def decode(cls, tpdu: bytes) -> Deliver:
        """Return the message in ``tpdu``, whatever message type its first octet tells.

        Raises:
            PduError: it ends before the originator does.
        """
        cursor = Cursor(tpdu)
        flags = layouts.DELIVER.parse(cursor.octet("TP-MTI"))
        if flags["type"] == 3:
            cursor.defects.append("the message type 3 is reserved; read as SMS-DELIVER")
        originator = cursor.address("TP-OA")
        pid = cursor.octet("TP-PID")
        coding = cursor.coding()
        timestamp = cursor.timestamp("TP-SCTS")
        content = cursor.user_data(coding, header=bool(flags["header"]))
        return cls(
            originator=originator,
            timestamp=timestamp,
            pid=pid,
            coding=coding,
            more_messages=not flags["no_more_messages"],
            loop_prevention=bool(flags["loop_prevention"]),
            status_report_indication=bool(flags["status_report_indication"]),
            reply_path=bool(flags["reply_path"]),
            text=content.text,
            data=content.data,
            user_data_header=content.user_data_header,
            defects=content.defects,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit(UserData):
    """SMS-SUBMIT, a message from a mobile (clause 9.2.2.2).

    Attributes:
        destination: TP-DA.
        message_reference: TP-MR, 0 to 255, which the module counts.
        pid: TP-PID, protocol identifier.
        coding: TP-DCS.
        validity: TP-VP; None leaves it to the service centre.
        reject_duplicates: TP-RD.
        status_report_request: TP-SRR.
        reply_path: TP-RP.

    >>> Submit.for_text("LED IS ON", destination="000").encode().hex()
    '0100038100f0000009cc2211949c829e4e'
    """

    destination: Address
    message_reference: int = 0
    pid: int = 0
    coding: DataCoding = GSM7
    validity: Validity | None = None
    reject_duplicates: bool = False
    status_report_request: bool = False
    reply_path: bool = False

    @classmethod
    def for_text(
        cls,
        text: str,
        *,
        destination: Address | str,
        message_reference: int = 0,
        validity: Validity | None = None,
        status_report_request: bool = False,
    ) -> Submit:
        """Return the message that carries ``text``, in UCS2 if the GSM 7-bit alphabet cannot write it.

        Raises:
            PduError: the text does not fit one message, or the destination is no address.
        """
        part = _only(split(text))
        receiver = _address(destination)
        return cls._for_part(part, receiver, message_reference, validity, status_report_request)

    @classmethod
    def parts_for_text(
        cls,
        text: str,
        *,
        destination: Address | str,
        reference: int,
        wide_reference: bool = False,
        message_reference: int = 0,
        validity: Validity | None = None,
        status_report_request: bool = False,
    ) -> tuple[Submit, ...]:
        """Return the messages that carry ``text``; TP-MR counts up from ``message_reference``, modulo 256.

        Raises:
            PduError: more than 255 parts, or a reference or a destination that does not fit.
        """
        receiver = _address(destination)
        return tuple(
            cls._for_part(part, receiver, (message_reference + number) % 256, validity, status_report_request)
            for number, part in enumerate(split(text, reference=reference, wide_reference=wide_reference))
        )

    @classmethod
    def _for_part(
        cls, part: Part, receiver: Address, reference: int, validity: Validity | None, report: bool
    ) -> Submit:
        return cls(
            destination=receiver,
            message_reference=reference,
            coding=part.coding,
            text=part.text,
            user_data_header=part.user_data_header,
            validity=validity,
            status_report_request=report,
        )

    def encode(self) -> bytes:
        """Return the TPDU.

        Raises:
            PduError: a field breaks a rule of the standard.
        """
        form, period = encode_validity(self.validity)
        first = layouts.SUBMIT.build(
            reply_path=self.reply_path,
            header=bool(self.user_data_header),
            status_report_request=self.status_report_request,
            validity_format=form,
            reject_duplicates=self.reject_duplicates,
            type=1,
        )
        start = bytes((first, octet(self.message_reference, "TP-MR"))) + self.destination.encode()
        coding = bytes((octet(self.pid, "TP-PID"), self.coding.encode()))
        return start + coding + period + encode_user_data(self, self.coding)

    @classmethod
    def decode(cls, tpdu: bytes) -> Submit:
        """Return the message in ``tpdu``, whatever message type its first octet tells.

        Raises:
            PduError: it ends before the destination does.
        """
        cursor = Cursor(tpdu)
        flags = layouts.SUBMIT.parse(cursor.octet("TP-MTI"))
        reference = cursor.octet("TP-MR")
        destination = cursor.address("TP-DA")
        pid = cursor.octet("TP-PID")
        coding = cursor.coding()
        form = ValidityFormat(flags["validity_format"])
        validity, odd = decode_validity(form, cursor.take(_VALIDITY_OCTETS[form]))
        cursor.defects += odd
        content = cursor.user_data(coding, header=bool(flags["header"]))
        return cls(
            destination=destination,
            message_reference=reference,
            pid=pid,
            coding=coding,
            validity=validity,
            reject_duplicates=bool(flags["reject_duplicates"]),
            status_report_request=bool(flags["status_report_request"]),
            reply_path=bool(flags["reply_path"]),
            text=content.text,
            data=content.data,
            user_data_header=content.user_data_header,
            defects=content.defects,
        )


FromNetwork: TypeAlias = Deliver | StatusReport | SubmitReport
"""What a mobile can receive."""

FromMobile: TypeAlias = Submit | Command | DeliverReport
"""What a service centre can receive."""


def decode_from_network(tpdu: bytes, *, error: bool | None = None) -> FromNetwork:
    """Return the TPDU that a mobile received (clause 9.2.3.1; the reserved type is read as SMS-DELIVER).

    Args:
        tpdu: the octets, without a service centre address.
        error: whether an SMS-SUBMIT-REPORT came in an RP-ERROR and so begins with TP-FCS; None tells by its value.

    Raises:
        PduError: nothing can be told from the octets. No other exception leaves this function.
    """
    kind = _message_type(tpdu)
    if kind == 2:
        return StatusReport.decode(tpdu)
    if kind == 1:
        return SubmitReport.decode(tpdu, error=error)
    return Deliver.decode(tpdu)


def decode_from_mobile(tpdu: bytes, *, error: bool | None = None) -> FromMobile:
    """Return the TPDU that a service centre received.

    Args:
        tpdu: the octets, without a service centre address.
        error: whether an SMS-DELIVER-REPORT came in an RP-ERROR and so begins with TP-FCS; None tells by its value.

    Raises:
        PduError: nothing can be told from the octets. No other exception leaves this function.
    """
    kind = _message_type(tpdu)
    if kind == 0:
        return DeliverReport.decode(tpdu, error=error)
    if kind == 1:
        return Submit.decode(tpdu)
    if kind == 2:
        return Command.decode(tpdu)
    raise PduError("message type 3 is reserved in the direction to the service centre (3GPP TS 23.040 clause 9.2.3.1)")


def _message_type(tpdu: bytes) -> int:
    if not tpdu:
        raise PduError("a TPDU has at least one octet (3GPP TS 23.040 clause 9.2.2)")
    return tpdu[0] & 3
