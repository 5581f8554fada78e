"""The GSM 7-bit alphabet: text to septets and back, and septets packed into octets (3GPP TS 23.038).

A septet travels as one byte of value 0 to 127 between the two halves: :func:`encode` and :func:`decode` know
characters, :func:`pack` and :func:`unpack` know bits. ``locking`` and ``single`` select national tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from harness.errors import PduError
from harness.formats.sms.alphabets import ESCAPE, HOLE, LOCKING_SHIFT, SINGLE_SHIFT, Language

__all__ = [
    "decode",
    "encode",
    "encode_each",
    "fill_bits_after",
    "is_encodable",
    "octets_for",
    "pack",
    "septet_count",
    "septets_in",
    "unpack",
]


@cache
def _encoder(locking: Language, single: Language) -> Mapping[str, bytes]:
    """Return character to septets; where a character has several codes the shortest, then the lowest, wins."""
    table: dict[str, bytes] = {}
    for code, character in enumerate(_locking_table(locking)):
        if character != HOLE:
            table.setdefault(character, bytes((code,)))
    for code, character in enumerate(SINGLE_SHIFT[single]):
        if character != HOLE:
            table.setdefault(character, bytes((ESCAPE, code)))
    return table


@cache
def _decoder(locking: Language, single: Language) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the characters of plain septets and of escaped ones, with the receiver's rule for holes applied.

    An escaped code without a character stands for the character of the main table, and a second escape for a space
    (clause 6.2.1.1); a hole of a locking table shows as a space.
    """
    plain = tuple(" " if character == HOLE else character for character in _locking_table(locking))
    escaped = tuple(
        main if character == HOLE else character for main, character in zip(plain, SINGLE_SHIFT[single], strict=True)
    )
    return plain, escaped


def _locking_table(locking: Language) -> str:
    table = LOCKING_SHIFT.get(locking)
    if table is None:
        raise PduError(f"{locking.name} has no national language locking shift table (3GPP TS 23.038 Annex A.3)")
    return table


def is_encodable(text: str, *, locking: Language = Language.DEFAULT, single: Language = Language.DEFAULT) -> bool:
    """Tell whether every character of ``text`` is in the alphabet.

    >>> is_encodable("5 €"), is_encodable("ş"), is_encodable("ş", single=Language.TURKISH)
    (True, False, True)
    """
    table = _encoder(locking, single)
    return all(map(table.__contains__, text))


def septet_count(text: str, *, locking: Language = Language.DEFAULT, single: Language = Language.DEFAULT) -> int:
    """Return how many septets ``text`` takes, escapes included.

    Raises:
        PduError: a character is not in the alphabet.
    """
    return len(encode(text, locking=locking, single=single))


def encode(text: str, *, locking: Language = Language.DEFAULT, single: Language = Language.DEFAULT) -> bytes:
    """Return the septets of ``text``, one per byte.

    >>> encode("a€")
    b'a\\x1be'

    Raises:
        PduError: a character is not in the alphabet (3GPP TS 23.038 clause 6.2.1).
    """
    return b"".join(encode_each(text, locking=locking, single=single))


def encode_each(
    text: str, *, locking: Language = Language.DEFAULT, single: Language = Language.DEFAULT
) -> list[bytes]:
    """Return the septets of each character, so that a caller can cut between characters.

    Raises:
        PduError: a character is not in the alphabet.
    """
    table = _encoder(locking, single)
    try:
        return list(map(table.__getitem__, text))
    except KeyError as missing:
        raise PduError(
            f"{missing.args[0]!r} is not in the GSM 7-bit alphabet in use (3GPP TS 23.038 clause 6.2.1)"
        ) from None


def decode(septets: bytes, *, locking: Language = Language.DEFAULT, single: Language = Language.DEFAULT) -> str:
    """Return the text that ``septets`` (one per byte) stand for; every sequence of septets has a text.

    An escape at the very end shows as a space, like any escape that leads nowhere.

    Raises:
        PduError: a byte is above 127, which no septet is.
    """
    plain, escaped = _decoder(locking, single)
    try:
        head, *tails = septets.split(b"\x1b")
        if not tails:
            return "".join([plain[septet] for septet in septets])
        text = [plain[septet] for septet in head]
        pending = False
        for tail in tails:
            # Each tail begins after an escape; an empty one means that the next escape, or the end, follows at once.
            if pending:
                text.append(" ")
                text.extend([plain[septet] for septet in tail])
                pending = False
            elif tail:
                text.append(escaped[tail[0]])
                text.extend([plain[septet] for septet in tail[1:]])
            else:
                pending = True
        if pending:
            text.append(" ")
        return "".join(text)
    except IndexError:
        raise PduError(f"{max(septets)} is no septet: septets are 0 to 127") from None


def pack(septets: bytes, fill_bits: int = 0) -> bytes:
    """Return ``septets`` packed into octets, least significant bit first, after ``fill_bits`` zero bits.

    >>> pack(b"hellohello").hex()
    'e8329bfd4697d9ec37'

    Raises:
        PduError: a byte is above 127, or there are not 0 to 6 fill bits (3GPP TS 23.038 clause 6.1.2.1).
    """
    _check_fill_bits(fill_bits)
    if septets and max(septets) > 127:
        raise PduError(f"{max(septets)} is no septet: septets are 0 to 127")
    # Eight septets make seven octets exactly, so each group of eight is one 56-bit number.
    packed = bytearray()
    carry, carried = 0, fill_bits
    for start in range(0, len(septets), 8):
        for septet in septets[start : start + 8]:
            carry |= septet << carried
            carried += 7
        whole = carried // 8
        packed += (carry & ((1 << 8 * whole) - 1)).to_bytes(whole, "little")
        carry >>= 8 * whole
        carried -= 8 * whole
    if carried:
        packed.append(carry)
    return bytes(packed)


def unpack(data: bytes, count: int, fill_bits: int = 0) -> bytes:
    """Return ``count`` septets out of packed octets, one per byte; ``fill_bits`` at the start are skipped.

    >>> unpack(bytes.fromhex("e8329bfd4697d9ec37"), 10)
    b'hellohello'

    Raises:
        PduError: ``data`` does not hold that many septets.
    """
    _check_fill_bits(fill_bits)
    if not 0 <= count <= septets_in(len(data), fill_bits):
        raise PduError(f"{len(data)} octets do not hold {count} septets after {fill_bits} fill bits")
    septets = bytearray()
    if fill_bits:
        data = (int.from_bytes(data, "little") >> fill_bits).to_bytes(len(data), "little")
    for start in range(0, octets_for(count), 7):
        group = int.from_bytes(data[start : start + 7], "little")
        septets += bytes((
            group & 127, group >> 7 & 127, group >> 14 & 127, group >> 21 & 127,
            group >> 28 & 127, group >> 35 & 127, group >> 42 & 127, group >> 49,
        ))  # fmt: skip
    return bytes(septets[:count])


def septets_in(octets: int, fill_bits: int = 0) -> int:
    """Return how many whole septets fit into ``octets`` octets after ``fill_bits`` bits."""
    return max(0, (8 * octets - fill_bits) // 7)


def octets_for(septets: int, fill_bits: int = 0) -> int:
    """Return how many octets ``septets`` septets take after ``fill_bits`` bits."""
    return (7 * septets + fill_bits + 7) // 8


def fill_bits_after(octets: int) -> int:
    """Return how many fill bits bring a header of ``octets`` octets to a septet boundary (3GPP TS 23.040 9.2.3.24)."""
    return -8 * octets % 7


def _check_fill_bits(fill_bits: int) -> None:
    if not 0 <= fill_bits <= 6:
        raise PduError(f"there are 0 to 6 fill bits before a septet, not {fill_bits}")
