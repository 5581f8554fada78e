"""What a freshly personalised card holds, file by file (3GPP TS 31.102 clause 4.2, ETSI TS 102 221 clause 13)."""

from __future__ import annotations

from typing import Final

from harness.formats.sim import (
    EXTENSION_OCTETS,
    DiallingNumber,
    alpha_octets,
    encode_alpha,
    encode_parameters,
    encode_record,
)
from harness.formats.sms import Address, gsm7
from harness.virtual.modem.sim_files import (
    EF_ACC,
    EF_AD,
    EF_ADN,
    EF_ARR,
    EF_ARR_MF,
    EF_DIR,
    EF_ECC,
    EF_EHPLMN,
    EF_EPSLOCI,
    EF_EPSNSC,
    EF_EST,
    EF_EXT1,
    EF_EXT2,
    EF_FDN,
    EF_FPLMN,
    EF_GID1,
    EF_GID2,
    EF_HPLMN_ACT,
    EF_HPPLMN,
    EF_ICCID,
    EF_IMSI,
    EF_KEYS,
    EF_KEYS_PS,
    EF_LI,
    EF_LOCI,
    EF_MSISDN,
    EF_NETPAR,
    EF_OPL,
    EF_OPLMN_ACT,
    EF_PBR,
    EF_PL,
    EF_PLMN_ACT,
    EF_PNN,
    EF_PSLOCI,
    EF_SDN,
    EF_SMSP,
    EF_SMSS,
    EF_SPDI,
    EF_SPN,
    EF_START_HFN,
    EF_THRESHOLD,
    EF_UST,
    FPLMN_ENTRIES,
    ElementaryFile,
    FileStore,
    encode_imsi,
    encode_plmn,
    swapped_digits,
)

USIM_AID: Final = bytes.fromhex("A0000000871002FFFFFFFF8903020000")
"""The application that the card has: a USIM (ETSI TS 101 220 annex E)."""

_NUMBER_OCTETS = 28  # 14 characters of name
_ADN_RECORDS, _FDN_RECORDS, _SDN_RECORDS, _EXTENSIONS, _ECC_RECORDS = 50, 10, 5, 10, 5
_PLMN_ACT_ENTRIES = 10
_NO_PLMN_ACT = b"\xff\xff\xff\x00\x00"
_NO_KEYS = b"\x07" + b"\xff" * 32  # no key set, and no keys (clause 4.2.3)
_ARR_OCTETS = 22
_PNN_OCTETS = 28
_SPN_OCTETS = 16
_SMSP_OCTETS = 42
_LANGUAGES = b"en"
_SERVICES = (1, 2, 3, 4, 10, 12, 17, 18, 19, 20, 21, 33, 34, 42, 43, 45, 46, 51, 71, 85)  # by number, clause 4.2.8


def make_files(*, iccid: str, imsi: str, mnc_digits: int, spn: str, msisdn: str, smsc: str) -> FileStore:
    """Return the files of a freshly personalised card."""
    home = encode_plmn(imsi[:3 + mnc_digits])
    number = DiallingNumber.parse(msisdn) if msisdn else None
    return FileStore({
        EF_DIR: ElementaryFile([_application()], linear=True, secret=False),
        EF_PL: ElementaryFile([_LANGUAGES], secret=False),
        EF_ARR_MF: ElementaryFile(_access_rules(), linear=True, secret=False),
        EF_ICCID: ElementaryFile([swapped_digits(iccid, 10)], secret=False),
        EF_LI: ElementaryFile([_LANGUAGES], secret=False),
        EF_ARR: ElementaryFile(_access_rules(), linear=True, secret=False),
        EF_IMSI: ElementaryFile([encode_imsi(imsi)]),
        EF_KEYS: ElementaryFile([_NO_KEYS], writable=True),
        EF_KEYS_PS: ElementaryFile([_NO_KEYS], writable=True),
        EF_START_HFN: ElementaryFile([bytes.fromhex("F00000F00000")], writable=True),
        EF_THRESHOLD: ElementaryFile([b"\xff" * 3]),
        EF_NETPAR: ElementaryFile([b"\xff" * 46], writable=True),
        EF_EPSNSC: ElementaryFile([b"\xff" * 80], linear=True, writable=True),
        EF_AD: ElementaryFile([bytes((0, 0, 0, mnc_digits))], secret=False),
        EF_UST: ElementaryFile([_services()]),
        EF_SPN: ElementaryFile([_provider(spn)], secret=False),
        EF_GID1: ElementaryFile([b"\xff" * 4]),
        EF_GID2: ElementaryFile([b"\xff" * 4]),
        EF_FPLMN: ElementaryFile([b"\xff" * 3 * FPLMN_ENTRIES], writable=True),
        EF_LOCI: ElementaryFile([b"\xff" * 4 + b"\xff" * 5 + b"\xff\x01"], writable=True),
        EF_PSLOCI: ElementaryFile([b"\xff" * 7 + b"\xff" * 6 + b"\x01"], writable=True),
        EF_EPSLOCI: ElementaryFile([b"\xff" * 12 + b"\xff" * 5 + b"\x01"], writable=True),
        EF_HPPLMN: ElementaryFile([b"\x05"], writable=True),
        EF_ACC: ElementaryFile([b"\x00\x01"]),
        EF_ECC: ElementaryFile([b"\xff" * 4] * _ECC_RECORDS, linear=True, secret=False),
        EF_MSISDN: ElementaryFile([encode_record(one, _NUMBER_OCTETS) for one in (number, None)], linear=True,
                                  writable=True),
        EF_PBR: ElementaryFile([_phone_book()], linear=True),
        EF_ADN: _numbers(_ADN_RECORDS, writable=True),
        EF_EXT1: _extensions(),
        EF_FDN: _numbers(_FDN_RECORDS, writable=True, guarded=True),
        EF_EXT2: _extensions(guarded=True),
        EF_SDN: _numbers(_SDN_RECORDS),
        EF_EST: ElementaryFile([b"\x00"], writable=True, guarded=True),
        EF_SMSP: ElementaryFile([encode_parameters(Address.parse(smsc), _SMSP_OCTETS)], linear=True, writable=True),
        EF_SMSS: ElementaryFile([b"\xff\xff"], writable=True),
        EF_PNN: ElementaryFile([_network_name(spn)], linear=True, secret=False),
        EF_OPL: ElementaryFile([home + b"\x00\x00\xff\xfe\x01"], linear=True),
        EF_SPDI: ElementaryFile([b"\xa3\x05\x80\x03" + home]),
        EF_EHPLMN: ElementaryFile([home], secret=False),
        EF_PLMN_ACT: ElementaryFile([_NO_PLMN_ACT * _PLMN_ACT_ENTRIES], writable=True),
        EF_OPLMN_ACT: ElementaryFile([_NO_PLMN_ACT * _PLMN_ACT_ENTRIES]),
        EF_HPLMN_ACT: ElementaryFile([home + b"\xc0\x80"]),
    })


def _numbers(records: int, *, writable: bool = False, guarded: bool = False) -> ElementaryFile:
    return ElementaryFile([b"\xff" * _NUMBER_OCTETS] * records, linear=True, writable=writable, guarded=guarded)


def _extensions(*, guarded: bool = False) -> ElementaryFile:
    return ElementaryFile([b"\xff" * EXTENSION_OCTETS] * _EXTENSIONS, linear=True, writable=True, guarded=guarded)


RULES: Final[tuple[tuple[bool, int | None], ...]] = tuple((read, update) for read in (False, True)
                                                          for update in (None, 1, 2))
"""Access rules, in the order of the records of EF_ARR: whether reading needs the PIN, and what updating needs."""


def _access_rules() -> list[bytes]:
    """Return the records of EF_ARR: reading (1) and updating (2) always, never or by PIN (TS 102 221 clause 9.2)."""
    pins = {1: "A406830101950108", 2: "A406830181950108"}
    rules = (f"800101{pins[1] if read else '9000'}800102{pins.get(update or 0, '9700')}" for read, update in RULES)
    return [bytes.fromhex(rule).ljust(_ARR_OCTETS, b"\xff") for rule in rules]


def _application() -> bytes:
    """Return the record of EF_DIR: the USIM's identifier and label (ETSI TS 102 221 clause 13.1)."""
    body = bytes((0x4F, len(USIM_AID))) + USIM_AID + b"\x50\x04USIM"
    return bytes((0x61, len(body))) + body


def _phone_book() -> bytes:
    """Return the record of EF_PBR that says which files the phone book has (clause 4.4.2.1)."""
    files = ((0xA8, 0xC0, EF_ADN), (0xAA, 0xC2, EF_EXT1))
    return b"".join(bytes((kind, 4, tag, 2)) + file.to_bytes(2, "big") for kind, tag, file in files)


def _services() -> bytes:
    """Return the body of EF_UST: a bit for each service."""
    bits = sum(1 << number - 1 for number in _SERVICES)
    return bits.to_bytes(11, "little")


def _provider(name: str) -> bytes:
    """Return the body of EF_SPN: a display condition, then the name, as much of it as fits (clause 4.2.12)."""
    while len(alpha_octets(name)) > _SPN_OCTETS:
        name = name[:-1]
    return b"\x00" + encode_alpha(name, _SPN_OCTETS)


def _network_name(name: str) -> bytes:
    """Return a record of EF_PNN: the full name in the GSM alphabet (3GPP TS 24.008 clause 10.5.3.5a)."""
    septets = gsm7.encode("".join(letter if gsm7.is_encodable(letter) else "?" for letter in name))[:24]
    packed = gsm7.pack(septets)
    return (bytes((0x43, 1 + len(packed), 0x80 | len(packed) * 8 - len(septets) * 7)) + packed).ljust(_PNN_OCTETS,
                                                                                                   b"\xff")
