"""Cell broadcast: pages of 82 octets that a cell sends to everybody on it (3GPP TS 23.041 clause 9.4.1.2).

The data coding scheme is not that of point-to-point messages: 3GPP TS 23.038 clause 5 has a table of its own, with the
language of the text in it. Encoding is strict. Decoding takes what is there and tells in words what was odd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from harness.errors import PduError
from harness.formats.sms import gsm7
from harness.formats.sms.coding import Alphabet, MessageClass

__all__ = ["PAGE_OCTETS", "BroadcastCoding", "BroadcastPage", "Scope", "SerialNumber", "split_broadcast"]

CONTENT_OCTETS: Final = 82
PAGE_OCTETS: Final = 6 + CONTENT_OCTETS
MAX_PAGES: Final = 15
_SEPTETS: Final = gsm7.septets_in(CONTENT_OCTETS)
_CR: Final = "\r"

_LANGUAGES: Final = ("de", "en", "it", "fr", "es", "nl", "sv", "da", "pt", "fi", "no", "el", "tr", "hu", "pl")
_MORE_LANGUAGES: Final = ("cs", "he", "ar", "ru", "is")
_UNSPECIFIED: Final = 0x0F
_PREFIXED, _PREFIXED_UCS2 = 0x10, 0x11  # the text begins with its language


class Scope(IntEnum):
    """Where a message is the same one (clause 9.4.1.2.1): ``CELL_NOW`` is to be shown at once."""

    CELL_NOW = 0
    PLMN = 1
    AREA = 2
    CELL = 3


@dataclass(frozen=True, slots=True)
class SerialNumber:
    """Which message this is: a receiver shows each serial number once (clause 9.4.1.2.1).

    Attributes:
        code: message code, 0 to 1023.
        update: update number, 0 to 15: newer content of the same message.
        scope: where the code counts.

    >>> SerialNumber(code=1).value, SerialNumber.of(0x4011)
    (16400, SerialNumber(code=1, update=1, scope=<Scope.PLMN: 1>))
    """

    code: int = 0
    update: int = 0
    scope: Scope = Scope.PLMN

    @property
    def value(self) -> int:
        """The number as AT commands tell it."""
        if not (0 <= self.code <= 1023 and 0 <= self.update <= 15):
            raise PduError("a message code is 0 to 1023 and an update number 0 to 15 (3GPP TS 23.041 clause 9.4.1.2.1)")
        return self.scope << 14 | self.code << 4 | self.update

    @classmethod
    def of(cls, value: int) -> SerialNumber:
        """Return the serial number with this value of 16 bits."""
        return cls(code=value >> 4 & 0x3FF, update=value & 15, scope=Scope(value >> 14 & 3))


@dataclass(frozen=True, slots=True)
class BroadcastCoding:
    """A data coding scheme octet of cell broadcast, and what it means (3GPP TS 23.038 clause 5).

    >>> BroadcastCoding.of_language("fr").octet, BroadcastCoding(0x48).alphabet.name
    (3, 'UCS2')
    """

    octet: int = _UNSPECIFIED

    @classmethod
    def of_language(cls, language: str, *, ucs2: bool = False) -> BroadcastCoding:
        """Return the coding of a text in a language of two letters (ISO 639); of UCS2 always the one that begins so."""
        if language in _LANGUAGES and not ucs2:
            return cls(_LANGUAGES.index(language))
        return cls(_PREFIXED_UCS2 if ucs2 else _PREFIXED)

    @classmethod
    def general(cls, alphabet: Alphabet = Alphabet.GSM7, *,
                message_class: MessageClass | None = None) -> BroadcastCoding:
        """Return a coding of the general group (bits 7-6 = 01)."""
        octet = 0x40 | alphabet << 2
        return cls(octet if message_class is None else octet | 0x10 | message_class)

    @property
    def alphabet(self) -> Alphabet:
        """The alphabet of the content; GSM7 where the value is reserved."""
        octet = self.octet
        if octet == _PREFIXED_UCS2:
            return Alphabet.UCS2
        if octet >> 6 == 1 or octet >> 4 == 9:
            return Alphabet(octet >> 2 & 3) if octet & 0x0C != 0x0C else Alphabet.GSM7
        return Alphabet.OCTETS if octet >> 4 == 0xF and octet & 0x04 else Alphabet.GSM7

    @property
    def compressed(self) -> bool:
        """Whether the text is compressed; the content is left as octets then."""
        return self.octet >> 6 == 1 and self.octet & 0x20 != 0

    @property
    def message_class(self) -> MessageClass | None:
        """The message class, None where the coding has none; 1111 has no class 0."""
        group, kind = self.octet >> 4, self.octet & 3
        if (self.octet >> 6 == 1 and self.octet & 0x10) or group == 9 or (group == 0xF and kind):
            return MessageClass(kind)
        return None

    @property
    def language(self) -> str | None:
        """The language that the octet itself names; None where it names none, or the text begins with it."""
        group, number = self.octet >> 4, self.octet & 15
        known = {0: _LANGUAGES, 2: _MORE_LANGUAGES}.get(group, ())
        return known[number] if number < len(known) else None

    @property
    def is_prefixed(self) -> bool:
        """Whether the content begins with its language."""
        return self.octet in (_PREFIXED, _PREFIXED_UCS2)

    def __repr__(self) -> str:
        return f"BroadcastCoding(0x{self.octet:02x}, {self.alphabet.name})"


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastPage:
    """One page.

    Attributes:
        serial: which message it belongs to.
        message_id: what it is about: source and type (clause 9.4.1.2.2), 0 to 65535.
        coding: its data coding scheme.
        page, pages: which page of how many, from 1 to 15.
        text: the text, None where the content is octets; a carriage return at its end is padding.
        data: the content where it is no text; shorter than 82 octets it is filled up with zeros.
        language: two letters where the content begins with them, else empty.
        defects: what was odd about the octets this was decoded from.

    >>> page = BroadcastPage(serial=SerialNumber(code=1), message_id=50, text="Snow")
    >>> BroadcastPage.decode(page.encode()) == page, page.encode()[:10].hex()
    (True, '401000320f1153f7fbde')
    """

    serial: SerialNumber
    message_id: int
    coding: BroadcastCoding = BroadcastCoding()
    page: int = 1
    pages: int = 1
    text: str | None = None
    data: bytes = b""
    language: str = ""
    defects: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Return the 88 octets.

        Raises:
            PduError: a field breaks a rule of the standard.
        """
        if not (0 <= self.message_id <= 0xFFFF and 0 <= self.coding.octet <= 0xFF):
            raise PduError("a message identifier has 16 bits, a data coding scheme 8 (3GPP TS 23.041 clause 9.4.1.2)")
        if not 1 <= self.page <= self.pages <= MAX_PAGES:
            raise PduError(f"page {self.page} of {self.pages}: there are 1 to 15 (3GPP TS 23.041 clause 9.4.1.2.4)")
        head = self.serial.value.to_bytes(2, "big") + self.message_id.to_bytes(2, "big")
        return head + bytes((self.coding.octet, self.page << 4 | self.pages)) + self._content()

    def _content(self) -> bytes:
        alphabet = self.coding.alphabet
        if self.coding.compressed or alphabet is Alphabet.OCTETS:
            if self.text is not None or len(self.data) > CONTENT_OCTETS:
                raise PduError(f"a page coded as {self.coding!r} holds data, at most {CONTENT_OCTETS} octets")
            return self.data.ljust(CONTENT_OCTETS, b"\0")
        if self.text is None or self.data:
            raise PduError(f"a page coded as {self.coding!r} holds text (3GPP TS 23.038 clause 5)")
        if self.text.endswith(_CR):
            raise PduError("a page can't end with a carriage return: that is what it is filled up with")
        if self.coding.is_prefixed != bool(self.language) or len(self.language) not in (0, 2):
            raise PduError("a language of two letters belongs to codings 0x10 and 0x11, and to no other")
        if alphabet is Alphabet.UCS2:
            prefix = gsm7.pack(gsm7.encode(self.language)) if self.language else b""
            try:
                octets = prefix + self.text.encode("utf-16-be")
            except UnicodeEncodeError:
                raise PduError("the text holds half of a surrogate pair, which is no character") from None
            if len(octets) > CONTENT_OCTETS:
                raise PduError(f"the text takes {len(octets)} octets, {CONTENT_OCTETS} fit (3GPP TS 23.041 clause 9.4)")
            return octets + _CR.encode("utf-16-be") * ((CONTENT_OCTETS - len(octets)) // 2)
        septets = gsm7.encode((self.language and self.language + _CR) + self.text)
        if len(septets) > _SEPTETS:
            raise PduError(f"the text takes {len(septets)} septets, {_SEPTETS} fit (3GPP TS 23.041 clause 9.4)")
        return gsm7.pack(septets.ljust(_SEPTETS, _CR.encode("ascii")))

    @classmethod
    def decode(cls, octets: bytes) -> BroadcastPage:
        """Return the page in ``octets``.

        Raises:
            PduError: there is not even a header of six octets.
        """
        if len(octets) < 6:
            raise PduError(f"a page begins with six octets, there are {len(octets)} (3GPP TS 23.041 clause 9.4.1.2)")
        defects = [] if len(octets) == PAGE_OCTETS else [f"a page has {PAGE_OCTETS} octets, not {len(octets)}"]
        page, pages = octets[5] >> 4, octets[5] & 15
        if not page or not pages:  # to be read as the only one (clause 9.4.1.2.4)
            page = pages = 1
        elif page > pages:
            defects.append(f"page {page} of {pages}")
        coding = BroadcastCoding(octets[4])
        found = cls(serial=SerialNumber.of(int.from_bytes(octets[:2], "big")), coding=coding, page=page, pages=pages,
                    message_id=int.from_bytes(octets[2:4], "big"))
        content, language, text = octets[6:PAGE_OCTETS], "", None
        if coding.compressed or coding.alphabet is Alphabet.OCTETS:
            return replace(found, data=content, defects=tuple(defects))
        if coding.alphabet is Alphabet.UCS2:
            if coding.is_prefixed:
                language, content = gsm7.decode(gsm7.unpack(content[:2], 2)), content[2:]
            if len(content) % 2:
                defects.append("UCS2 content has an odd number of octets; the last is dropped")
            text = content[:len(content) // 2 * 2].decode("utf-16-be", "replace").rstrip(_CR)
        else:
            text = gsm7.decode(gsm7.unpack(content, gsm7.septets_in(len(content))))
            if coding.is_prefixed and text[2:3] == _CR:
                language, text = text[:2], text[3:]
            text = text.rstrip(_CR)
        return replace(found, text=text, language=language, defects=tuple(defects))


def split_broadcast(text: str, *, message_id: int, serial: SerialNumber, coding: BroadcastCoding | None = None,
                    language: str = "") -> tuple[BroadcastPage, ...]:
    """Return the pages of a text: in the GSM alphabet if all of it is in that, in UCS2 if not.

    Args:
        coding: another coding; it must be able to hold the text.
        language: two letters; told by the coding, or at the beginning of each page where that has no room for it.

    Raises:
        PduError: the text does not fit in 15 pages or in the coding, or is of a language that is none.
    """
    if language and not (len(language) == 2 and language.isascii() and language.isalpha()):
        raise PduError(f"a language is two letters (ISO 639), not {language!r}")
    plain = gsm7.is_encodable(text)
    if coding is None:
        coding = BroadcastCoding.of_language(language, ucs2=not plain) if language else \
            BroadcastCoding() if plain else BroadcastCoding.general(Alphabet.UCS2)
    prefix = language if coding.is_prefixed else ""
    if coding.alphabet is Alphabet.UCS2:
        room, size = (CONTENT_OCTETS - 2 * bool(prefix)) // 2, _utf16_units
    else:
        room, size = _SEPTETS - 3 * bool(prefix), gsm7.septet_count
    parts = _cut(text, room, size)
    if len(parts) > MAX_PAGES:
        raise PduError(f"the text takes {len(parts)} pages, a message has at most {MAX_PAGES}")
    return tuple(BroadcastPage(serial=serial, message_id=message_id, coding=coding, page=number, pages=len(parts),
                               text=part, language=prefix) for number, part in enumerate(parts, 1))


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-be", "surrogatepass")) // 2


def _cut(text: str, room: int, size: Callable[[str], int]) -> list[str]:
    """Cut a text so that each part fits and none ends with what would be taken for padding."""
    parts, start, used = [], 0, 0
    text = text.rstrip(_CR)
    for at, character in enumerate(text):
        wanted = size(character)
        if used + wanted > room:
            kept = text[start:at].rstrip(_CR)
            if not kept:
                raise PduError("a page can't be made of carriage returns: they are what pages are filled up with")
            parts.append(kept)
            start += len(kept)
            used = sum(map(size, text[start:at]))
        used += wanted
    return [*parts, text[start:]]
