"""Elementary files of a SIM card, and how their contents are coded (3GPP TS 31.102 clause 4.2, TS 51.011 clause 10)."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.formats.sms import gsm7

EF_ICCID = 0x2FE2
EF_IMSI = 0x6F07
EF_FPLMN = 0x6F7B
EF_LOCI = 0x6F7E
EF_AD = 0x6FAD
EF_SPN = 0x6F46
EF_MSISDN = 0x6F40
EF_ADN = 0x6F3A
EF_FDN = 0x6F3B
EF_EST = 0x6F56
EF_SMSP = 0x6F42
EF_HPPLMN = 0x6F31
EF_ACC = 0x6F78
EF_PNN = 0x6FC5
EF_PLMN_ACT = 0x6F60
EF_OPLMN_ACT = 0x6F61
EF_HPLMN_ACT = 0x6F62

PLMN_ACT_OCTETS = 5
"""Octets of an operator with its access technologies in the three lists of operators."""

_FPLMN_ENTRIES = 4
_ADN_RECORDS = 50
_FDN_RECORDS = 10
_PLMN_ACT_ENTRIES = 10
_NO_PLMN_ACT = b"\xff\xff\xff\x00\x00"
_PNN_OCTETS = 28
_EMPTY_PLMN = b"\xff\xff\xff"


@dataclass(slots=True)
class ElementaryFile:
    """One file: a transparent body, or records of equal length.

    Attributes:
        records: the body (one element) or the records.
        linear: whether it has records.
        secret: whether reading it needs a verified PIN.
        writable: whether it may be updated.
        guarded: whether that needs a verified PIN2.
    """

    records: list[bytes]
    linear: bool = False
    secret: bool = True
    writable: bool = False
    guarded: bool = False

    @property
    def size(self) -> int:
        """Octets in the whole file."""
        return sum(len(record) for record in self.records)

    def response(self, identifier: int) -> bytes:
        """Return what GET RESPONSE tells of it, in the form of a SIM (TS 51.011 clause 9.2.1)."""
        head = bytes((0, 0, self.size >> 8, self.size & 0xFF, identifier >> 8, identifier & 0xFF, 0x04, 0x00,
                      0x11, 0xF0, 0x22, 0x01, 0x02))
        if self.linear:
            return head + bytes((0x01, len(self.records[0])))
        return head + bytes((0x00, 0x00))


@dataclass(slots=True)
class Answer:
    """Status words and data of a card command."""

    sw1: int
    sw2: int
    data: bytes = b""


OK = (0x90, 0x00)
_NO_FILE = Answer(0x94, 0x04)
_NOT_SATISFIED = Answer(0x98, 0x04)
_WRONG_LENGTH = Answer(0x67, 0x00)
_WRONG_P1_P2 = Answer(0x6B, 0x00)
_OUT_OF_RANGE = Answer(0x94, 0x02)
_WRONG_TYPE = Answer(0x94, 0x08)
_UNKNOWN = Answer(0x6D, 0x00)


@dataclass(slots=True)
class FileStore:
    """The files of one card, by identifier."""

    files: dict[int, ElementaryFile] = field(default_factory=dict)

    def forbidden_plmns(self) -> frozenset[str]:
        """Return the operators in EF_FPLMN, as MCC and MNC in digits."""
        body = self.files[EF_FPLMN].records[0]
        entries = (body[start:start + 3] for start in range(0, len(body) - 2, 3))
        return frozenset(decode_plmn(entry) for entry in entries if entry != _EMPTY_PLMN)

    def forbid_plmn(self, plmn: str, forbidden: bool) -> None:
        """Write an operator to EF_FPLMN behind the others, of which the oldest makes room, or take it out."""
        body = self.files[EF_FPLMN].records[0]
        entry = encode_plmn(plmn)
        entries = [kept for start in range(0, len(body) - 2, 3)
                   if (kept := body[start:start + 3]) not in (_EMPTY_PLMN, entry)]
        if forbidden:
            entries.append(entry)
        self.files[EF_FPLMN].records[0] = b"".join(entries[-_FPLMN_ENTRIES:]).ljust(3 * _FPLMN_ENTRIES, b"\xff")

    def needs_second(self, instruction: int, identifier: int) -> bool:
        """Tell whether this changes a file that PIN2 guards."""
        file = self.files.get(identifier)
        return file is not None and file.guarded and instruction in (214, 220)

    def command(self, instruction: int, identifier: int, p1: int, p2: int, p3: int, data: bytes, *,
                verified: bool, verified2: bool = False) -> Answer:
        """Carry out READ BINARY, READ RECORD, GET RESPONSE, UPDATE BINARY, UPDATE RECORD or STATUS."""
        if instruction == 242:
            return Answer(*OK)
        if instruction not in (176, 178, 192, 214, 220):
            return _UNKNOWN
        file = self.files.get(identifier)
        if file is None:
            return _NO_FILE
        if instruction == 192:
            return Answer(*OK, file.response(identifier)[:p3 or None])
        if file.secret and not verified:
            return _NOT_SATISFIED
        if (instruction in (176, 214) and file.linear) or (instruction in (178, 220) and not file.linear):
            return _WRONG_TYPE
        if instruction == 176:
            return self._read_binary(file, p1 << 8 | p2, p3)
        if instruction == 178:
            return self._read_record(file, p1, p3)
        if not file.writable or not verified or (file.guarded and not verified2):
            return _NOT_SATISFIED
        if len(data) != p3:
            return _WRONG_LENGTH
        if instruction == 214:
            offset = p1 << 8 | p2
            body = file.records[0]
            if offset + len(data) > len(body):
                return _WRONG_P1_P2
            file.records[0] = body[:offset] + data + body[offset + len(data):]
            return Answer(*OK)
        if not 1 <= p1 <= len(file.records):
            return _OUT_OF_RANGE
        if len(data) != len(file.records[p1 - 1]):
            return _WRONG_LENGTH
        file.records[p1 - 1] = data
        return Answer(*OK)

    @staticmethod
    def _read_binary(file: ElementaryFile, offset: int, length: int) -> Answer:
        body = file.records[0]
        if offset >= len(body):
            return _WRONG_P1_P2
        length = length or len(body) - offset
        if offset + length > len(body):
            return _WRONG_LENGTH
        return Answer(*OK, body[offset:offset + length])

    @staticmethod
    def _read_record(file: ElementaryFile, number: int, length: int) -> Answer:
        if not 1 <= number <= len(file.records):
            return _OUT_OF_RANGE
        record = file.records[number - 1]
        if length not in (0, len(record)):
            return _WRONG_LENGTH
        return Answer(*OK, record)


def swapped_digits(digits: str, length: int = 0) -> bytes:
    """Return digits as swapped semi-octets, padded with F to an even count and to ``length`` octets."""
    padded = digits + "F" * (len(digits) % 2)
    body = bytes(int(padded[i + 1] + padded[i], 16) for i in range(0, len(padded), 2))
    return body.ljust(length, b"\xff")


def encode_plmn(plmn: str) -> bytes:
    """Return an operator as three octets (3GPP TS 24.008 clause 10.5.1.3); an MNC of two digits is padded with F."""
    mcc, mnc = plmn[:3], plmn[3:].ljust(3, "F")
    return bytes.fromhex(mcc[1] + mcc[0] + mnc[2] + mcc[2] + mnc[1] + mnc[0])


def decode_plmn(octets: bytes) -> str:
    """Return MCC and MNC of three octets in digits."""
    digits = octets.hex().upper()
    return (digits[1] + digits[0] + digits[3] + digits[5] + digits[4] + digits[2]).rstrip("F")


def encode_imsi(imsi: str) -> bytes:
    """Return the body of EF_IMSI: a length octet, then the digits behind a parity nibble."""
    parity = "9" if len(imsi) % 2 else "1"
    digits = swapped_digits(parity + imsi)
    return (bytes((len(digits),)) + digits).ljust(9, b"\xff")


def encode_spn(name: str) -> bytes:
    """Return the body of EF_SPN: a display condition, then 16 octets of name."""
    return b"\x00" + name.encode("ascii", "replace")[:16].ljust(16, b"\xff")


def _dialling_record(number: str) -> bytes:
    digits = number.removeprefix("+")
    if not digits:
        return b"\xff" * 28
    body = swapped_digits(digits, 10)
    toa = 0x91 if number.startswith("+") else 0x81
    return b"\xff" * 14 + bytes((1 + (len(digits) + 1) // 2, toa)) + body + b"\xff\xff"


def _smsp_record(smsc: str) -> bytes:
    digits = smsc.removeprefix("+")
    sca = bytes((1 + (len(digits) + 1) // 2, 0x91 if smsc.startswith("+") else 0x81)) + swapped_digits(digits, 10)
    return b"\xff" * 14 + b"\xe1" + b"\xff" * 12 + sca + b"\xff\xff\xff"


def _network_name(name: str) -> bytes:
    """Return a record of EF_PNN: the full name in the GSM alphabet (3GPP TS 24.008 clause 10.5.3.5a)."""
    septets = gsm7.encode("".join(letter if gsm7.is_encodable(letter) else "?" for letter in name))[:24]
    packed = gsm7.pack(septets)
    return (bytes((0x43, 1 + len(packed), 0x80 | len(packed) * 8 - len(septets) * 7)) + packed).ljust(_PNN_OCTETS,
                                                                                                   b"\xff")


def make_files(*, iccid: str, imsi: str, mnc_digits: int, spn: str, msisdn: str, smsc: str) -> FileStore:
    """Return the files of a freshly personalised card."""
    return FileStore({
        EF_ICCID: ElementaryFile([swapped_digits(iccid, 10)], secret=False),
        EF_IMSI: ElementaryFile([encode_imsi(imsi)]),
        EF_AD: ElementaryFile([bytes((0, 0, 0, mnc_digits))], secret=False),
        EF_SPN: ElementaryFile([encode_spn(spn)], secret=False),
        EF_FPLMN: ElementaryFile([b"\xff" * 3 * _FPLMN_ENTRIES], writable=True),
        EF_LOCI: ElementaryFile([b"\xff" * 4 + b"\xff" * 5 + b"\xff\x01"], writable=True),
        EF_HPPLMN: ElementaryFile([b"\x05"], writable=True),
        EF_ACC: ElementaryFile([b"\x00\x01"]),
        EF_MSISDN: ElementaryFile([_dialling_record(msisdn), b"\xff" * 28], linear=True, writable=True),
        EF_ADN: ElementaryFile([b"\xff" * 28] * _ADN_RECORDS, linear=True, writable=True),
        EF_FDN: ElementaryFile([b"\xff" * 28] * _FDN_RECORDS, linear=True, writable=True, guarded=True),
        EF_EST: ElementaryFile([b"\x00"], writable=True, guarded=True),
        EF_SMSP: ElementaryFile([_smsp_record(smsc)], linear=True, writable=True),
        EF_PNN: ElementaryFile([_network_name(spn)], linear=True, secret=False),
        EF_PLMN_ACT: ElementaryFile([_NO_PLMN_ACT * _PLMN_ACT_ENTRIES], writable=True),
        EF_OPLMN_ACT: ElementaryFile([_NO_PLMN_ACT * _PLMN_ACT_ENTRIES]),
        EF_HPLMN_ACT: ElementaryFile([encode_plmn(imsi[:3 + mnc_digits]) + b"\xc0\x80"]),
    })
