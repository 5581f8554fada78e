"""SMS-COMMAND: a request about a message sent earlier (3GPP TS 23.040 clause 9.2.2.4)."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import PduError
from harness.formats.sms import layouts
from harness.formats.sms.address import Address
from harness.formats.sms.udh import InformationElement, encode_header
from harness.formats.sms.userdata import MAX_TPDU, Cursor, octet

__all__ = ["Command"]


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
