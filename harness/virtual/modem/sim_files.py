"""Elementary files of a SIM card, and how their contents are coded (3GPP TS 31.102 clause 4.2, TS 51.011 clause 10)."""

from __future__ import annotations

from collections.abc import MutableSequence
from dataclasses import dataclass, field

EF_DIR = 0x2F00
EF_PL = 0x2F05
EF_ARR_MF = 0x2F06
EF_ICCID = 0x2FE2
EF_PBR = 0x4F30
EF_LI = 0x6F05
EF_ARR = 0x6F06
EF_IMSI = 0x6F07
EF_KEYS = 0x6F08
EF_KEYS_PS = 0x6F09
EF_HPPLMN = 0x6F31
EF_UST = 0x6F38
EF_ADN = 0x6F3A
EF_FDN = 0x6F3B
EF_GID1 = 0x6F3E
EF_GID2 = 0x6F3F
EF_SMS = 0x6F3C
EF_MSISDN = 0x6F40
EF_SMSP = 0x6F42
EF_SMSS = 0x6F43
EF_SPN = 0x6F46
EF_SDN = 0x6F49
EF_EXT1 = 0x6F4A
EF_EXT2 = 0x6F4B
EF_EST = 0x6F56
EF_START_HFN = 0x6F5B
EF_THRESHOLD = 0x6F5C
EF_PLMN_ACT = 0x6F60
EF_OPLMN_ACT = 0x6F61
EF_HPLMN_ACT = 0x6F62
EF_PSLOCI = 0x6F73
EF_ACC = 0x6F78
EF_FPLMN = 0x6F7B
EF_LOCI = 0x6F7E
EF_AD = 0x6FAD
EF_ECC = 0x6FB7
EF_NETPAR = 0x6FC4
EF_PNN = 0x6FC5
EF_OPL = 0x6FC6
EF_SPDI = 0x6FCD
EF_EHPLMN = 0x6FD9
EF_EPSLOCI = 0x6FE3
EF_EPSNSC = 0x6FE4

PLMN_ACT_OCTETS = 5
"""Octets of an operator with its access technologies in the three lists of operators."""

FPLMN_ENTRIES = 4
"""Operators that EF_FPLMN has room for."""
_NEVER = 0xF  # access condition
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

    records: MutableSequence[bytes]
    linear: bool = False
    secret: bool = True
    writable: bool = False
    guarded: bool = False

    @property
    def size(self) -> int:
        """Octets in the whole file."""
        return sum(len(record) for record in self.records)

    @property
    def rule(self) -> tuple[bool, int | None]:
        """Whether reading needs the PIN, and whether updating needs PIN (1) or PIN2 (2); None: it is never allowed."""
        return self.secret, 2 if self.guarded else 1 if self.writable else None

    def response(self, identifier: int) -> bytes:
        """Return what GET RESPONSE tells of it, in the form of a SIM (TS 51.011 clause 9.2.1)."""
        read, needed = self.rule
        update = _NEVER if needed is None else needed
        head = bytes((0, 0, self.size >> 8, self.size & 0xFF, identifier >> 8, identifier & 0xFF, 0x04, 0x00,
                      int(read) << 4 | update, 0xFF, 0x44, 0x01, 0x02))
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
        self.files[EF_FPLMN].records[0] = b"".join(entries[-FPLMN_ENTRIES:]).ljust(3 * FPLMN_ENTRIES, b"\xff")

    def locate(self, plmn: str, area: int, *, on_lte: bool) -> None:
        """Write where the module is registered: the location (EF_LOCI), and that of its packet service."""
        place = encode_plmn(plmn) + (area & 0xFFFF).to_bytes(2, "big")
        self.files[EF_LOCI].records[0] = b"\xff" * 4 + place + b"\xff\x00"
        if on_lte:
            self.files[EF_EPSLOCI].records[0] = b"\xff" * 12 + place + b"\x00"
        else:
            self.files[EF_PSLOCI].records[0] = b"\xff" * 7 + place + b"\x00\x00"

    def needs_second(self, instruction: int, identifier: int) -> bool:
        """Tell whether this changes a file that PIN2 guards."""
        file = self.files.get(identifier)
        return file is not None and file.guarded and instruction in (214, 220)

    def command(self, instruction: int, identifier: int, p1: int, p2: int, p3: int, data: bytes, *,
                verified: bool, verified2: bool = False) -> Answer:
        """Carry out READ BINARY, READ RECORD, GET RESPONSE, UPDATE BINARY or UPDATE RECORD."""
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
