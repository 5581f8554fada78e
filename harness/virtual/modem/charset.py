"""The TE character sets of +CSCS: how strings look on the line (3GPP TS 27.007 clause 5.5).

Strings on the line are kept as text with one character to the octet (Latin-1), as the line layer reads and writes them.
"""

from __future__ import annotations

from harness.formats.sms import gsm7


def to_line(text: str, charset: str) -> str:
    """Return ``text`` as it is written on the line; what the character set lacks becomes a question mark."""
    if charset == "UCS2":
        return text.encode("utf-16-be", "surrogatepass").hex().upper()
    if charset == "IRA":
        return text.encode("ascii", "replace").decode("ascii")
    if not gsm7.is_encodable(text):
        text = "".join(character if gsm7.is_encodable(character) else "?" for character in text)
    return gsm7.encode(text).decode("latin-1")


def from_line(line: str, charset: str) -> str:
    """Return the text that stands on the line.

    Raises:
        ValueError: it is not in that character set.
    """
    if charset == "UCS2":
        return bytes.fromhex(line).decode("utf-16-be", "surrogatepass")
    if charset == "IRA":
        return line.encode("ascii").decode("ascii")
    septets = line.encode("latin-1")
    if any(septet > 0x7F for septet in septets):
        raise ValueError("an octet above 0x7F is no GSM septet")
    return gsm7.decode(septets)
