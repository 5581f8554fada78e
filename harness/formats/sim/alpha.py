"""Alpha identifiers: names in the files of a SIM card (3GPP TS 31.102 clause 4.4.2.3, ETSI TS 102 221 annex A).

A name stands in the GSM alphabet, one septet to the octet, or in one of three forms of UCS2 that its first octet tells:
``80`` plain, two octets a character; ``81`` and ``82`` one octet a character, which is a GSM septet below 0x80, and
above it an offset from a base: half a page of 128 characters, or any one. What is left of a field is filled with FF.
"""

from __future__ import annotations

from harness.errors import CardFileError
from harness.formats.sms import gsm7

__all__ = ["alpha_octets", "decode_alpha", "encode_alpha"]

_PLAIN, _HALF_PAGE, _BASE = 0x80, 0x81, 0x82
_OFFSET = 0x80
_NO_CHARACTER = 0xFFFF
_MOST = 0xFF  # characters that the count octet of the short forms can tell
_UNKNOWN = "\ufffd"


def alpha_octets(text: str) -> bytes:
    """Return a name in the form that takes the fewest octets, without filler.

    >>> alpha_octets("Ann").hex(), alpha_octets("Анна").hex()
    ('416e6e', '81040890bdbdb0')

    Raises:
        CardFileError: it has a character that UCS2 keeps for no character (U+FFFF), which would be filler.
    """
    if gsm7.is_encodable(text):
        return gsm7.encode(text)
    plain = text.encode("utf-16-be", "surrogatepass")
    units = [int.from_bytes(plain[start:start + 2], "big") for start in range(0, len(plain), 2)]
    if _NO_CHARACTER in units:
        raise CardFileError("a name on a SIM card has no U+FFFF: it stands for unused (ETSI TS 102 221 annex A)")
    forms = [bytes((_PLAIN,)) + plain]
    septets = [_basic_septet(unit) for unit in units]
    if len(units) <= _MOST:
        others = [unit for unit, septet in zip(units, septets, strict=True) if septet is None]
        if len({unit >> 7 for unit in others}) == 1 and others[0] < 0x8000:
            page = others[0] >> 7
            forms.append(bytes((_HALF_PAGE, len(units), page)) + _short(units, septets, page << 7))
        if max(others) - min(others) < 0x80:
            base = min(others)
            forms.append(bytes((_BASE, len(units))) + base.to_bytes(2, "big") + _short(units, septets, base))
    return min(forms, key=len)


def _basic_septet(unit: int) -> int | None:
    """Return the septet of a character of the GSM alphabet's main table, None for any other."""
    if not gsm7.is_encodable(chr(unit)):
        return None
    code = gsm7.encode(chr(unit))
    return code[0] if len(code) == 1 else None


def _short(units: list[int], septets: list[int | None], base: int) -> bytes:
    return bytes(_OFFSET | unit - base if septet is None else septet
                 for unit, septet in zip(units, septets, strict=True))


def encode_alpha(text: str, octets: int) -> bytes:
    """Return a name as a field of so many octets, filler included.

    Raises:
        CardFileError: it does not fit, in no form; ``alpha_octets`` tells how many it takes.
    """
    body = alpha_octets(text)
    if len(body) > octets:
        raise CardFileError(f"the name {text!r} takes {len(body)} octets, and the record has {octets} for it")
    return body.ljust(octets, b"\xff")


def decode_alpha(field: bytes) -> str:
    """Return the name in a field; every field has one, and what stands for no character shows as U+FFFD."""
    if not field:
        return ""
    form = field[0]
    if form == _PLAIN:
        units = [field[start:start + 2] for start in range(1, len(field) - 1, 2)]
        if b"\xff\xff" in units:
            units = units[:units.index(b"\xff\xff")]
        return b"".join(units).decode("utf-16-be", "surrogatepass")
    if form in (_HALF_PAGE, _BASE) and len(field) < 4:
        return ""
    if form == _HALF_PAGE:
        return _long(field[3:3 + field[1]], field[2] << 7)
    if form == _BASE:
        return _long(field[4:4 + field[1]], int.from_bytes(field[2:4], "big"))
    return _long(field.split(b"\xff", 1)[0], None)


def _long(octets: bytes, base: int | None) -> str:
    """Return the characters of GSM septets, and of offsets from a base between them."""
    text: list[str] = []
    septets = bytearray()
    for octet in octets:
        if octet < _OFFSET:
            septets.append(octet)
            continue
        text.append(gsm7.decode(bytes(septets)))
        septets.clear()
        code = _NO_CHARACTER if base is None else base + (octet & 0x7F)
        text.append(chr(code) if code < _NO_CHARACTER else _UNKNOWN)
    text.append(gsm7.decode(bytes(septets)))
    # the two halves of a character beyond the first plane come from different octets
    return "".join(text).encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")
