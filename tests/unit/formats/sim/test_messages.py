"""Records of EF_SMS."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import CardFileError
from harness.formats.sim import MESSAGE_OCTETS, decode_message, encode_message, tpdu_length
from harness.formats.sms import Address, DataCoding, Deliver, StatusReport, Submit, encode_sca, relative_period

NUMBERS = st.from_regex(r"\+?[0-9]{1,15}", fullmatch=True).map(Address.parse)
SCAS = st.none() | NUMBERS
CODINGS = st.sampled_from([0, 4, 8, 0x10, 0xF1, 0xF5])
MOMENT = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)


def content(coding: int, draw: st.DataObject) -> dict[str, object]:
    if DataCoding(coding).alphabet == 1:
        return {"data": draw.draw(st.binary(max_size=140))}
    alphabet = "abc @€" if DataCoding(coding).alphabet == 0 else "abЖ日\uff0f"
    return {"text": draw.draw(st.text(alphabet, max_size=70))}


@given(st.data(), SCAS, NUMBERS, CODINGS, st.booleans(), st.none() | st.integers(0, 255))
def test_messages_survive(data: st.DataObject, sca: Address | None, other: Address, coding: int, ours: bool,
                          period: int | None) -> None:
    facts = content(coding, data)
    if ours:
        tpdu = Submit(destination=other, coding=DataCoding(coding),
                      validity=relative_period(period) if period is not None else None,
                      **facts).encode()  # type: ignore[arg-type]
    else:
        tpdu = Deliver(originator=other, coding=DataCoding(coding), timestamp=MOMENT,
                       **facts).encode()  # type: ignore[arg-type]
    status = 7 if ours else 3
    record = encode_message(status, encode_sca(sca), tpdu)
    assert len(record) == MESSAGE_OCTETS
    assert decode_message(record) == (status, encode_sca(sca), tpdu)
    for cut in range(len(tpdu)):
        assert tpdu_length(tpdu[:cut], from_mobile=ours) > cut


def test_a_status_report_survives() -> None:
    tpdu = StatusReport(message_reference=7, recipient=Address.parse("+447700900123"), timestamp=MOMENT,
                        discharge_time=MOMENT, status=0).encode()
    assert decode_message(encode_message(1, b"\0", tpdu)) == (1, b"\0", tpdu)
    assert tpdu_length(tpdu + b"\x06\x08\x02\x00\x41" + b"\xff" * 9, from_mobile=False) == len(tpdu) + 5
    assert tpdu_length(tpdu + b"\x01\x7f" + b"\xff" * 9, from_mobile=False) == len(tpdu) + 2


@given(st.binary(max_size=MESSAGE_OCTETS))
def test_every_record_is_a_message_or_refused(record: bytes) -> None:
    try:
        found = decode_message(record)
    except CardFileError:
        return
    if found is not None:
        status, sca, tpdu = found
        assert len(sca) == sca[0] + 1
        assert decode_message(encode_message(status, sca, tpdu)) == found


def test_free_and_wrong_records() -> None:
    assert encode_message(0, b"", b"") == b"\0" + b"\xff" * 175
    assert decode_message(b"\0" + b"\xff" * 175) is None
    assert decode_message(b"") is None
    with pytest.raises(CardFileError, match="has 176 octets"):
        encode_message(1, b"\0", b"x" * 175)
    with pytest.raises(CardFileError, match="the address"):
        decode_message(b"\x01\x20" + b"\x11" * 174)
    with pytest.raises(CardFileError, match="the TPDU goes beyond"):
        decode_message(b"\x01\x00\x04")
