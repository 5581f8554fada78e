"""The character tables of the GSM 7-bit alphabet (3GPP TS 23.038 clause 6.2.1 and Annex A).

A *locking shift* table replaces the default alphabet for a whole message, a *single shift* table replaces the
extension table that the escape septet (0x1B) reaches. Both are strings of 128 characters here, indexed by septet;
:data:`HOLE` stands where a table defines nothing.

The nine Indic locking tables are one keyboard: a fixed walk through a Unicode block in which each script leaves out
the letters it does not have. They are built from that walk. The ten single shift tables that go with them (Urdu
included) share punctuation, Latin capitals and the euro sign, and differ in the free places only.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

__all__ = ["ESCAPE", "HOLE", "LOCKING_SHIFT", "SINGLE_SHIFT", "Language"]

ESCAPE: Final = 0x1B
"""The septet that announces one septet of the extension table or single shift table."""

HOLE: Final = "\uffff"
"""Stands for a code that a table does not define (a Unicode noncharacter, so no text can hold it by accident)."""


class Language(IntEnum):
    """National language identifiers of 3GPP TS 23.038 clause 6.2.1.2.4; DEFAULT is no national table."""

    DEFAULT = 0
    TURKISH = 1
    SPANISH = 2
    PORTUGUESE = 3
    BENGALI = 4
    GUJARATI = 5
    HINDI = 6
    KANNADA = 7
    MALAYALAM = 8
    ORIYA = 9
    PUNJABI = 10
    TAMIL = 11
    TELUGU = 12
    URDU = 13


_DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    f"Δ_ΦΓΛΩΠΨΣΘΞ{HOLE}ÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)


def _changed(table: str, changes: Mapping[int, str]) -> str:
    return "".join(changes.get(code, character) for code, character in enumerate(table))


_TURKISH = _changed(_DEFAULT, {
    0x04: "€", 0x07: "ı", 0x0B: "Ğ", 0x0C: "ğ", 0x1C: "Ş", 0x1D: "ş", 0x40: "İ", 0x60: "ç",
})  # fmt: skip

_PORTUGUESE = _changed(_DEFAULT, {
    0x04: "ê", 0x06: "ú", 0x07: "í", 0x08: "ó", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á", 0x0F: "á",
    0x12: "ª", 0x13: "Ç", 0x14: "À", 0x15: "∞", 0x16: "^", 0x17: "\\", 0x18: "€", 0x19: "Ó", 0x1A: "|",
    0x1C: "Â", 0x1D: "â", 0x1E: "Ê", 0x24: "º", 0x40: "Í", 0x5B: "Ã", 0x5C: "Õ", 0x5D: "Ú",
    0x60: "~", 0x7B: "ã", 0x7C: "õ", 0x7D: "`",
})  # fmt: skip

# The walk through an Indic block, in septet order. Two hexadecimal digits are an offset into the block, anything else
# is the character itself; the places marked "--" (0x60 and 0x7B to 0x7F) are each script's own.
# The printed standard shows U+0CAA at 0x24 of the Kannada table, which is at 0x2D already; the walk has U+0CA1 there,
# the letter that would be missing otherwise.
_WALK_CODES = (
    "01 02 03 05 06 07 08 09 0A 0B LF 0C 0D CR 0E 0F "
    "10 11 12 13 14 15 16 17 18 19 1A ESC 1B 1C 1D 1E "
    "SP ! 1F 20 21 22 23 24 ) ( 25 26 , 27 . 28 "
    "0 1 2 3 4 5 6 7 8 9 : ; 29 2A 2B ? "
    "2C 2D 2E 2F 30 31 32 33 34 35 36 37 38 39 3C 3D "
    "3E 3F 40 41 42 43 44 45 46 47 48 49 4A 4B 4C 4D "
    "-- a b c d e f g h i j k l m n o "
    "p q r s t u v w x y z -- -- -- -- --"
)
_CONTROLS = {"SP": " ", "LF": "\n", "CR": "\r", "ESC": HOLE}


def _indic(block: int, own: str, missing: str = "") -> str:
    """Return a locking table: the walk through ``block``, less ``missing``, with ``own`` in the six own places."""
    extra = iter(own.split())
    absent = frozenset(missing.split())
    table = []
    for step in _WALK_CODES.split():
        place = next(extra) if step == "--" else step
        if place in _CONTROLS or len(place) == 1:
            table.append(_CONTROLS.get(place, place))
        elif place in absent:
            table.append(HOLE)
        else:
            table.append(chr(block + int(place, 16)))
    return "".join(table)


_URDU_CODES = (
    "0627 0622 0628 067B 0680 067E 06A6 062A 06C2 067F LF 0679 067D CR 067A 067C "
    "062B 062C 0681 0684 0683 0685 0686 0687 062D 062E 062F ESC 068C 0688 0689 068A "
    "SP ! 068F 068D 0630 0631 0691 0693 ) ( 0699 0632 , 0696 . 0698 "
    "0 1 2 3 4 5 6 7 8 9 : ; 069A 0633 0634 ? "
    "0635 0636 0637 0638 0639 0641 0642 06A9 06AA 06AB 06AF 06B3 06B1 0644 0645 0646 "
    "06BA 06BB 06BC 0648 06C4 06D5 06C1 06BE 0621 06CC 06D0 06D2 064D 0650 064F 0657 "
    "0654 a b c d e f g h i j k l m n o p q r s t u v w x y z 0655 0651 0653 0656 0670"
)
_URDU = "".join(chr(int(code, 16)) if len(code) == 4 else _CONTROLS.get(code, code) for code in _URDU_CODES.split())

LOCKING_SHIFT: Final[Mapping[Language, str]] = MappingProxyType({
    Language.DEFAULT: _DEFAULT,
    Language.TURKISH: _TURKISH,
    Language.PORTUGUESE: _PORTUGUESE,
    Language.BENGALI: _indic(0x0980, "4E 57 5C 5D 70 71", "0D 0E 11 12 29 31 33 34 35 45 46 49 4A"),
    Language.GUJARATI: _indic(0x0A80, "50 60 61 62 63 71", "0E 12 29 31 34 46 4A"),
    Language.HINDI: _indic(0x0900, "50 72 7B 7C 7E 7F"),
    Language.KANNADA: _indic(0x0C80, "55 56 60 61 62 63", "01 0D 11 29 34 45 49"),
    Language.MALAYALAM: _indic(0x0D00, "57 60 61 62 63 79", "01 0D 11 29 3C 45 49"),
    Language.ORIYA: _indic(0x0B00, "56 57 60 61 62 63", "0D 0E 11 12 29 31 34 45 46 49 4A"),
    Language.PUNJABI: _indic(
        0x0A00, "51 70 71 72 73 74", "0B 0C 0D 0E 11 12 29 31 34 37 3D 43 44 45 46 49 4A"
    ),
    Language.TAMIL: _indic(
        0x0B80,
        "50 57 70 71 72 79",
        "01 0B 0C 0D 11 16 17 18 1B 1D 20 21 22 25 26 27 2B 2C 2D 3C 3D 43 44 45 49",
    ),
    Language.TELUGU: _indic(0x0C00, "55 56 60 61 62 63", "0D 11 29 34 3C 45 49"),
    Language.URDU: _URDU,
})
"""Locking shift tables (Annex A.3); there is none for Spanish."""

_NOTHING = HOLE * 128
_EXTENSION = _changed(_NOTHING, {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
})  # fmt: skip

_INDIC_SHARED = _changed(_EXTENSION, {
    **dict(enumerate("@£$¥¿\"¤%&'")),
    0x0B: "*", 0x0C: "+", 0x0E: "-", 0x0F: "/",
    **dict(enumerate("<=>¡^¡_#*", start=0x10)),
    **{code: chr(code) for code in range(0x41, 0x5B)},
})  # fmt: skip
_FREE_PLACES = (0x19, 0x1A, *range(0x1C, 0x28), *range(0x2A, 0x2F), *range(0x30, 0x3C), 0x3F)


def _shared(block: int, places: str) -> str:
    """Return a single shift table: the shared part, and ``places`` filled in order (offsets into block, or "--")."""
    filled = {
        code: chr(int(place, 16) if len(place) == 4 else block + int(place, 16))
        for code, place in zip(_FREE_PLACES, places.split(), strict=False)
        if place != "--"
    }
    return _changed(_INDIC_SHARED, filled)


SINGLE_SHIFT: Final[Mapping[Language, str]] = MappingProxyType({
    Language.DEFAULT: _EXTENSION,
    Language.TURKISH: _changed(_EXTENSION, {
        0x47: "Ğ", 0x49: "İ", 0x53: "Ş", 0x63: "ç", 0x67: "ğ", 0x69: "ı", 0x73: "ş",
    }),
    Language.SPANISH: _changed(_EXTENSION, {
        0x09: "ç", 0x41: "Á", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú", 0x61: "á", 0x69: "í", 0x6F: "ó", 0x75: "ú",
    }),
    Language.PORTUGUESE: _changed(_EXTENSION, {
        0x05: "ê", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á", 0x0F: "á",
        0x12: "Φ", 0x13: "Γ", 0x15: "Ω", 0x16: "Π", 0x17: "Ψ", 0x18: "Σ", 0x19: "Θ", 0x1F: "Ê",
        0x41: "À", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú", 0x5B: "Ã", 0x5C: "Õ",
        0x61: "Â", 0x69: "í", 0x6F: "ó", 0x75: "ú", 0x7B: "ã", 0x7C: "õ", 0x7F: "â",
    }),
    Language.BENGALI: _shared(
        0x0980, "66 67 68 69 6A 6B 6C 6D 6E 6F 5F 60 61 62 63 72 73 74 75 76 77 78 79 7A"
    ),
    Language.GUJARATI: _shared(0x0A80, "0964 0965 66 67 68 69 6A 6B 6C 6D 6E 6F"),
    Language.HINDI: _shared(
        0x0900, "64 65 66 67 68 69 6A 6B 6C 6D 6E 6F 51 52 53 54 58 59 5A 5B 5C 5D 5E 5F 60 61 62 63 70 71"
    ),
    Language.KANNADA: _shared(0x0C80, "0964 0965 66 67 68 69 6A 6B 6C 6D 6E 6F 5E 71 72"),
    Language.MALAYALAM: _shared(
        0x0D00, "0964 0965 66 67 68 69 6A 6B 6C 6D 6E 6F 70 71 72 73 74 75 7A 7B 7C 7D 7E 7F"
    ),
    Language.ORIYA: _shared(0x0B00, "0964 0965 66 67 68 69 6A 6B 6C 6D 6E 6F 5C 5D 5F 70 71"),
    Language.PUNJABI: _shared(0x0A00, "0964 0965 66 67 68 69 6A 6B 6C 6D 6E 6F 59 5A 5B 5C 5E 75"),
    Language.TAMIL: _shared(0x0B80, "0964 0965 66 67 68 69 6A 6B 6C 6D 6E 6F 73 74 75 76 77 78 7A"),
    Language.TELUGU: _shared(
        0x0C00, "-- -- 66 67 68 69 6A 6B 6C 6D 6E 6F 58 59 78 79 7A 7B 7C 7D 7E 7F"
    ),
    Language.URDU: _shared(
        0x0600,
        "00 01 06F0 06F1 06F2 06F3 06F4 06F5 06F6 06F7 06F8 06F9 0C 0D 0E 0F 10 11 12 "
        "13 14 1B 1F 40 52 58 6B 6C 72 73 06CD 06D4",
    ),
})  # fmt: skip
"""Single shift tables (Annex A.2); DEFAULT is the extension table of clause 6.2.1.1."""
