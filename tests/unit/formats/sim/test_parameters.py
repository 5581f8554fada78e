"""Records of EF_SMSP."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import CardFileError
from harness.formats.sim import decode_service_centre, encode_parameters
from harness.formats.sms import Address


def test_a_record_as_cards_have_it() -> None:
    record = encode_parameters(Address.parse("+12063130004"), 42)
    assert record.hex().upper() == "FF" * 14 + "E1" + "FF" * 12 + "07912160130300F4" + "FF" * 7


@given(st.from_regex(r"\+?[0-9]{1,20}", fullmatch=True), st.integers(28, 60))
def test_centres_survive(number: str, octets: int) -> None:
    record = encode_parameters(Address.parse(number), octets)
    assert len(record) == octets
    assert decode_service_centre(record) == Address.parse(number)


@given(st.binary(max_size=60))
def test_every_record_can_be_read(record: bytes) -> None:
    decode_service_centre(record)


def test_what_is_no_centre() -> None:
    with pytest.raises(CardFileError, match="at least 28 octets"):
        encode_parameters(Address.parse("1"), 27)
    with pytest.raises(CardFileError, match="is a number"):
        encode_parameters(Address.parse("Twilio"), 42)
    assert decode_service_centre(b"\xff" * 42) is None
    assert decode_service_centre(b"\xe1" + b"\xff" * 27) is None
