"""Records of the phone book files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import CardFileError
from harness.formats.sim import (
    FIXED_OCTETS,
    DiallingNumber,
    decode_extension,
    decode_record,
    encode_extension,
    encode_record,
    extension_of,
    is_free,
)

DIGITS = st.text("0123456789*#p?e", max_size=20)
TYPES = st.integers(0x80, 0xFF).filter(lambda octet: octet != 0xFF)


def test_a_record_as_it_is_published() -> None:
    """A number of an odd count of digits, in international form."""
    record = encode_record(DiallingNumber.parse("+12345678901", name="Ann"), 28)
    assert record.hex().upper() == "416E6E" + "FF" * 11 + "07912143658709F1" + "FF" * 6
    assert decode_record(record) == DiallingNumber(digits="12345678901", name="Ann", type_octet=0x91)
    special = encode_record(DiallingNumber.parse("*100#p12?"), 14)
    assert special.hex().upper() == "0681" + "1A00CB" + "21FD" + "FF" * 7


@given(DIGITS, st.text("ABCdef Ωж", max_size=5), TYPES, st.integers(0, 255))
def test_entries_survive(digits: str, name: str, kind: int, capability: int) -> None:
    entry = DiallingNumber(digits=digits, name=name, type_octet=kind if digits else 0x81, capability=capability)
    record = encode_record(entry, 12 + FIXED_OCTETS)
    assert len(record) == 26
    if digits or name:
        assert decode_record(record) == entry
        assert not is_free(record)
    else:
        assert decode_record(record) is None


@given(st.text("0123456789*#", min_size=21, max_size=60), st.integers(1, 200))
def test_long_numbers_go_on_in_extensions(digits: str, first: int) -> None:
    pieces = [digits[start:start + 20] for start in range(20, len(digits), 20)]
    numbers = list(range(first, first + len(pieces)))
    file = {number: encode_extension(piece, following=following) for number, piece, following
            in zip(numbers, pieces, [*numbers[1:], 255], strict=True)}
    record = encode_record(DiallingNumber(digits=digits), 14, extension=first)
    assert extension_of(record) == first
    entry = decode_record(record, file.get)
    assert entry is not None
    assert entry.digits == digits
    without = decode_record(record)
    assert without is not None
    assert without.digits == digits[:20]


@given(st.binary(min_size=14, max_size=40), st.binary(min_size=13, max_size=13))
def test_every_record_can_be_read(record: bytes, extension: bytes) -> None:
    """Even where extensions lead in a circle."""
    entry = decode_record(record, lambda number: extension)
    assert entry is None or len(entry.digits) <= 100


@given(st.binary(max_size=20))
def test_every_extension_can_be_read(record: bytes) -> None:
    digits, following = decode_extension(record)
    assert len(digits) <= 20
    assert 0 <= following <= 255


@pytest.mark.parametrize(("written", "number", "kind"), [
    ("+44 (7700) 900-123", "+447700900123", 0x91),
    ("07700 900123", "07700900123", 0x81),
    ("12,3w", "12p3?", 0x81),
    ("", "", 0x81),
])
def test_numbers_as_people_write_them(written: str, number: str, kind: int) -> None:
    entry = DiallingNumber.parse(written)
    assert (entry.number, entry.type_octet) == (number, kind)


def test_a_type_of_its_own() -> None:
    assert DiallingNumber.parse("123", type_octet=0xA1).number == "123"
    assert DiallingNumber.parse("447", type_octet=0x91).number == "+447"
    assert DiallingNumber.parse("+447", type_octet=0x81).type_octet == 0x91


@pytest.mark.parametrize("wrong", ["call me", "12+3", "٣"])
def test_what_can_not_be_dialled(wrong: str) -> None:
    with pytest.raises(CardFileError, match="a number to dial has"):
        DiallingNumber.parse(wrong)


def test_what_fits_no_record() -> None:
    with pytest.raises(CardFileError, match="no extension for the others"):
        encode_record(DiallingNumber(digits="1" * 21), 28)
    with pytest.raises(CardFileError, match="takes 15 octets"):
        encode_record(DiallingNumber(digits="1", name="a" * 15), 28)
    with pytest.raises(CardFileError, match="at least 14 octets"):
        encode_record(None, 13)
    with pytest.raises(CardFileError, match="at least 14 octets"):
        decode_record(b"\xff" * 13)
    with pytest.raises(CardFileError, match="128 to 255"):
        encode_record(DiallingNumber(digits="1", type_octet=1), 28)
    with pytest.raises(CardFileError, match="has 0-9"):
        encode_record(DiallingNumber(digits="+1"), 28)
    with pytest.raises(CardFileError, match="holds 20 digits"):
        encode_extension("1" * 21)
    assert encode_record(None, 16) == b"\xff" * 16


def test_odd_records() -> None:
    name_only = encode_record(DiallingNumber(digits="", name="Ann"), 20)
    assert name_only[6:8] == b"\xff\xff"
    assert decode_record(name_only) == DiallingNumber(digits="", name="Ann")
    too_long = bytes((0x10, 0x81)) + b"\x21\x43" + b"\xff" * 10
    entry = decode_record(too_long)
    assert entry is not None
    assert entry.digits == "1234"
    assert is_free(bytes(1) + b"\xff" * 13)
