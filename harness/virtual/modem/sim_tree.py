"""The folders of a card, which files are in which, and how files and folders describe themselves.

A file is found by its identifier wherever one stands, as a modem keeps the USIM open beside the master file; a path
must lead there. Descriptions are those of a SIM (3GPP TS 51.011 clause 9.2.1) and of a UICC (TS 102 221 clause 11.1.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.virtual.modem.sim_files import (
    EF_ADN,
    EF_ARR,
    EF_ARR_MF,
    EF_DIR,
    EF_EXT1,
    EF_EXT2,
    EF_FDN,
    EF_ICCID,
    EF_MSISDN,
    EF_PBR,
    EF_PL,
    EF_SDN,
    EF_SMS,
    EF_SMSP,
    EF_SMSS,
    ElementaryFile,
)
from harness.virtual.modem.sim_personalisation import RULES, USIM_AID

if TYPE_CHECKING:
    from harness.virtual.modem.sim_card import SimCard

MF, DF_TELECOM, DF_GSM, DF_PHONEBOOK, ADF_USIM = 0x3F00, 0x7F10, 0x7F20, 0x5F3A, 0x7FFF

PARENTS: Final[dict[int, tuple[int, ...]]] = {MF: (), DF_TELECOM: (MF,), DF_GSM: (MF,), ADF_USIM: (MF,),
                                              DF_PHONEBOOK: (DF_TELECOM, ADF_USIM)}
"""Folders, and the folders that they may be reached from."""

_OF_MASTER: Final = frozenset({EF_DIR, EF_PL, EF_ICCID, EF_ARR_MF})
_OF_PHONE_BOOK: Final = frozenset({EF_PBR, EF_ADN, EF_EXT1})
_OF_TELECOM: Final = frozenset({EF_ADN, EF_EXT1, EF_EXT2, EF_FDN, EF_SDN, EF_SMS, EF_SMSP, EF_SMSS, EF_MSISDN})
_NOT_OF_USIM: Final = _OF_MASTER | {EF_PBR, EF_ADN, EF_EXT1}

SHORT_IDENTIFIERS: Final[dict[int, dict[int, int]]] = {
    MF: {0x02: EF_ICCID, 0x05: EF_PL, 0x1E: EF_DIR},
    ADF_USIM: {0x01: 0x6FB7, 0x02: 0x6F05, 0x03: 0x6FAD, 0x04: 0x6F38, 0x05: 0x6F56, 0x06: 0x6F78, 0x07: 0x6F07,
               0x0A: 0x6F60, 0x0B: 0x6F7E, 0x0C: 0x6F73, 0x0D: 0x6F7B, 0x11: 0x6F61, 0x12: 0x6F31, 0x13: 0x6F62,
               0x1D: 0x6FD9, 0x1E: 0x6FE3},
}
"""Files that READ BINARY and READ RECORD reach without a SELECT (TS 31.102 annex H), by folder."""

_GSM_FOLDER: Final = bytes.fromhex("0100000000000913010B0400838A838A")  # characteristics, PIN states


def holds(folder: int, file: int) -> bool:
    """Tell whether a folder is where a file of this identifier stands, if the card has it."""
    if folder == MF:
        return file in _OF_MASTER
    if folder == DF_TELECOM:
        return file in _OF_TELECOM
    if folder == DF_PHONEBOOK:
        return file in _OF_PHONE_BOOK
    return file not in _NOT_OF_USIM


def resolve(path: bytes, start: int = MF) -> tuple[int, int | None] | None:
    """Return the folder that a path of identifiers leads to, and the file at its end if it is one; None if nowhere.

    Args:
        path: two octets an element; the master file itself may stand in front.
        start: the folder it begins at.
    """
    if len(path) % 2:
        return None
    folder = start
    elements = [int.from_bytes(path[at:at + 2], "big") for at in range(0, len(path), 2)]
    for position, element in enumerate(elements):
        if element == MF and position == 0:
            folder = MF
        elif element in PARENTS and folder in PARENTS[element]:
            folder = element
        elif position == len(elements) - 1 and element not in PARENTS and holds(folder, element):
            return folder, element
        else:
            return None
    return folder, None


def describe_for_gsm(identifier: int, file: ElementaryFile | None, card: SimCard) -> bytes:
    """Return what GET RESPONSE of class A0 tells of a file, or of a folder where there is none."""
    if file is not None:
        return file.response(identifier)
    kind = 0x01 if identifier == MF else 0x02
    body = bytearray(bytes(4) + identifier.to_bytes(2, "big") + bytes((kind,)) + _GSM_FOLDER[1:])
    body[13] = 0x13 | (0x00 if card.pin_enabled else 0x80)  # b8: CHV1 is switched off
    for at, left in ((18, card.pin_tries), (19, card.puk_tries), (20, card.pin2.tries), (21, card.pin2.puk_tries)):
        body[at] = 0x80 | left
    return bytes(body)


def describe(identifier: int, file: ElementaryFile | None, card: SimCard) -> bytes:
    """Return the file control parameters of a file, or of a folder where there is none."""
    if file is None:
        body = _tag(0x82, b"\x78\x21")
        body += _tag(0x84, USIM_AID) if identifier == ADF_USIM else _tag(0x83, identifier.to_bytes(2, "big"))
        enabled = 0xC0 if card.pin_enabled else 0x40  # of PIN, then of PIN2, which is always on
        body += _tag(0x8A, b"\x05") + _rule(EF_ARR_MF, (False, None))
        return _tag(0x62, body + _tag(0xC6, bytes((0x90, 1, enabled, 0x83, 1, 1, 0x83, 1, 0x81))))
    if file.linear:
        length = len(file.records[0])
        body = _tag(0x82, b"\x42\x21" + length.to_bytes(2, "big") + bytes((len(file.records),)))
    else:
        body = _tag(0x82, b"\x41\x21")
    body += _tag(0x83, identifier.to_bytes(2, "big")) + _tag(0x8A, b"\x05")
    body += _rule(EF_ARR_MF if identifier in _OF_MASTER else EF_ARR, file.rule)
    body += _tag(0x80, file.size.to_bytes(2, "big"))
    short = next((one for folder in SHORT_IDENTIFIERS.values() for one, other in folder.items()
                  if other == identifier), None)
    return _tag(0x62, body + (_tag(0x88, bytes((short << 3,))) if short is not None else b""))


def _rule(rules: int, rule: tuple[bool, int | None]) -> bytes:
    """Return the reference to the record of EF_ARR that says who may read and update."""
    return _tag(0x8B, rules.to_bytes(2, "big") + bytes((RULES.index(rule) + 1,)))


def _tag(number: int, value: bytes) -> bytes:
    return bytes((number, len(value))) + value
