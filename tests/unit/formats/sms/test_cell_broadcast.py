"""Pages of cell broadcast: what they hold, both ways, and how a text is cut into them (3GPP TS 23.041)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import PduError
from harness.formats.sms import (
    Alphabet,
    BroadcastCoding,
    BroadcastPage,
    MessageClass,
    Scope,
    SerialNumber,
    gsm7,
    split_broadcast,
)
from harness.formats.sms.cell_broadcast import PAGE_OCTETS

SERIALS = st.builds(SerialNumber, code=st.integers(0, 1023), update=st.integers(0, 15), scope=st.sampled_from(Scope))
GSM = "@£$¥èéùìòÇ\nØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#%&'()*+,-./0123456789:;<=>?ABCXYZÄÖÑÜ§¿abcxyzäöñüà^{}\\[~]|€\r"


@st.composite
def pages(draw: st.DrawFn) -> BroadcastPage:
    total = draw(st.integers(1, 15))
    octet = draw(st.integers(0, 255))
    coding = BroadcastCoding(octet)
    language = draw(st.sampled_from(("de", "en", "xx"))) if coding.is_prefixed else ""
    text: str | None = None
    data = b""
    if coding.compressed or coding.alphabet is Alphabet.OCTETS:
        data = draw(st.binary(min_size=82, max_size=82))
    elif coding.alphabet is Alphabet.UCS2:
        text = draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=20)).rstrip("\r")
    else:
        text = draw(st.text(GSM, max_size=45)).rstrip("\r")
    return BroadcastPage(serial=draw(SERIALS), message_id=draw(st.integers(0, 0xFFFF)), coding=coding, text=text,
                         data=data, page=draw(st.integers(1, total)), pages=total, language=language)


@given(pages())
def test_what_is_written_is_read(page: BroadcastPage) -> None:
    octets = page.encode()
    assert len(octets) == PAGE_OCTETS
    assert BroadcastPage.decode(octets) == page


@given(st.binary(max_size=100))
def test_any_octets_are_a_page_or_a_reason_why_not(octets: bytes) -> None:
    if len(octets) < 6:
        with pytest.raises(PduError, match="begins with six octets"):
            BroadcastPage.decode(octets)
    else:
        page = BroadcastPage.decode(octets)
        assert (page.text is None) == (page.coding.compressed or page.coding.alphabet is Alphabet.OCTETS)
        assert bool(page.defects) or len(octets) == PAGE_OCTETS


@given(st.text(GSM + "漢🙂", max_size=300), st.sampled_from(("", "de", "ja")))
def test_the_pages_of_a_text_hold_all_of_it(text: str, language: str) -> None:
    try:
        found = split_broadcast(text, message_id=50, serial=SerialNumber(code=3), language=language)
    except PduError as error:
        assert "carriage returns" in str(error)  # noqa: PT017 - nothing else may go wrong with so short a text
        return
    read = [BroadcastPage.decode(page.encode()) for page in found]
    assert "".join(page.text or "" for page in read) == text.rstrip("\r")
    assert [(page.page, page.pages) for page in read] == [(number, len(read)) for number in range(1, len(read) + 1)]
    assert {page.coding.alphabet for page in read} == {Alphabet.GSM7 if gsm7.is_encodable(text) else Alphabet.UCS2}
    assert all(page.defects == () for page in read)


def test_a_page_octet_by_octet() -> None:
    """Serial 0x4010, identifier 50, language unspecified, page 1 of 1; the rest is CR (0x0D) in septets."""
    page = BroadcastPage(serial=SerialNumber(code=1), message_id=50, text="Snow")
    assert page.encode().hex() == "401000320f1153f7fbde" + page.encode()[10:].hex()
    assert set(gsm7.unpack(page.encode()[6:], 93)[4:]) == {0x0D}
    assert (page.serial.value, page.serial.scope.name) == (0x4010, "PLMN")


@pytest.mark.parametrize(("octet", "alphabet", "kind", "language"), [
    (0x00, Alphabet.GSM7, None, "de"), (0x0F, Alphabet.GSM7, None, None), (0x10, Alphabet.GSM7, None, None),
    (0x11, Alphabet.UCS2, None, None), (0x23, Alphabet.GSM7, None, "ru"), (0x44, Alphabet.OCTETS, None, None),
    (0x48, Alphabet.UCS2, None, None), (0x51, Alphabet.GSM7, MessageClass.ME, None),
    (0x5B, Alphabet.UCS2, MessageClass.TE, None), (0x4C, Alphabet.GSM7, None, None),
    (0xF0, Alphabet.GSM7, None, None), (0xF3, Alphabet.GSM7, MessageClass.TE, None),
    (0xF6, Alphabet.OCTETS, MessageClass.SIM, None), (0x80, Alphabet.GSM7, None, None),
])
def test_what_a_coding_means(octet: int, alphabet: Alphabet, kind: MessageClass | None, language: str | None) -> None:
    coding = BroadcastCoding(octet)
    assert (coding.alphabet, coding.message_class, coding.language) == (alphabet, kind, language)


def test_a_language_goes_where_there_is_room_for_it() -> None:
    def first(text: str, language: str) -> BroadcastPage:
        return split_broadcast(text, message_id=1, serial=SerialNumber(), language=language)[0]

    assert (first("Schnee", "de").coding.octet, first("Schnee", "de").language) == (0x00, "")
    assert (first("snow", "ja").coding.octet, first("snow", "ja").language) == (0x10, "ja")
    assert (first("雪", "ja").coding.octet, first("雪", "ja").language) == (0x11, "ja")
    assert first("雪", "ja").encode()[6:10].hex() == "ea3096ea"


@pytest.mark.parametrize(("page", "rule"), [
    ({"message_id": 1 << 16}, "16 bits"), ({"page": 2}, "page 2 of 1"), ({"text": "x" * 94}, "94 septets"),
    ({"text": "end\r"}, "can't end with a carriage return"), ({"text": "漢"}, "alphabet"),
    ({"text": None}, "holds text"), ({"serial": SerialNumber(code=1024)}, "0 to 1023"),
    ({"coding": BroadcastCoding(0x44)}, "holds data"), ({"language": "de"}, "belongs to codings"),
    ({"coding": BroadcastCoding(0x48), "text": "x" * 42}, "84 octets"),
    ({"coding": BroadcastCoding(0x48), "text": "\ud800"}, "half of a surrogate pair"),
])
def test_what_no_page_can_hold(page: dict[str, object], rule: str) -> None:
    fields = {"serial": SerialNumber(), "message_id": 1, "text": "x", **page}
    with pytest.raises(PduError, match=rule):
        BroadcastPage(**fields).encode()  # type: ignore[arg-type]


def test_a_text_of_more_than_15_pages() -> None:
    assert len(split_broadcast("x" * 93 * 15, message_id=1, serial=SerialNumber())) == 15
    with pytest.raises(PduError, match="takes 16 pages"):
        split_broadcast("x" * (93 * 15 + 1), message_id=1, serial=SerialNumber())
    with pytest.raises(PduError, match="two letters"):
        split_broadcast("x", message_id=1, serial=SerialNumber(), language="german")
