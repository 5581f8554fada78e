"""What two independent implementations read in our TPDUs, and what we read in theirs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import gsmmodem.pdu
import pytest
from hypothesis import given
from hypothesis import strategies as st
from smspdudecoder.easy import read_incoming_sms, read_outgoing_sms

from harness.formats.sms import (
    Address,
    Deliver,
    StatusReport,
    Submit,
    decode_from_mobile,
    decode_from_network,
    encode_sca,
    gsm7,
    relative_period,
    split_sca,
)

# Both judges know the default tables only. gsmmodem has a grave accent where the paragraph sign belongs, writes the
# escape character as an escape, and fails on the form feed, for which its table has U+00FF. The texts do without
# all five.
GSM_TEXT = st.text(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€",
    max_size=200,
).filter(lambda text: gsm7.septet_count(text) <= 160)
NO_GAPS = st.characters(codec="utf-8", max_codepoint=0xFFFF, exclude_characters="`\f\x1b§\xff")
UCS2_TEXT = st.text(NO_GAPS, min_size=1, max_size=70).filter(lambda text: not gsm7.is_encodable(text))
NUMBERS = st.text("0123456789", min_size=3, max_size=15).flatmap(lambda digits: st.sampled_from([digits, f"+{digits}"]))
ZONES = st.integers(-48, 56).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2068, 12, 31, 23, 59, 59), timezones=ZONES).map(
    lambda moment: moment.replace(microsecond=0)
)


def unpadded(text: str) -> str:
    """The text without zero septets at its end: where the octets leave seven bits, smspdudecoder reads one too many,
    and gsmmodem drops one that is text.
    """
    return text.rstrip("@")


@given(GSM_TEXT | UCS2_TEXT, NUMBERS, MOMENTS)
def test_both_read_our_delivers(text: str, number: str, moment: datetime) -> None:
    message = Deliver.for_text(text, originator=number, timestamp=moment)
    pdu = (encode_sca(Address.parse("+12063130004")) + message.encode()).hex().upper()
    theirs = gsmmodem.pdu.decodeSmsPdu(pdu)
    assert (theirs["type"], theirs["smsc"]) == ("SMS-DELIVER", "+12063130004")
    assert (theirs["number"], theirs["time"]) == (number, moment)
    assert unpadded(theirs["text"]) == unpadded(text)
    other = read_incoming_sms(pdu)
    assert (other["sender"], other["date"]) == (number, moment)
    assert unpadded(other["content"]) == unpadded(text)


@given(GSM_TEXT | UCS2_TEXT, NUMBERS, st.integers(0, 255), st.none() | st.integers(0, 255).map(relative_period))
def test_both_read_our_submits(text: str, number: str, reference: int, validity: timedelta | None) -> None:
    message = Submit.for_text(text, destination=number, message_reference=reference, validity=validity)
    pdu = (b"\x00" + message.encode()).hex().upper()
    theirs = gsmmodem.pdu.decodeSmsPdu(pdu)
    assert (theirs["number"], theirs["reference"]) == (number, reference)
    assert unpadded(theirs["text"]) == unpadded(text)
    assert theirs.get("validity") == validity
    if validity is None:
        other = read_outgoing_sms(pdu)
        assert (other["recipient"], unpadded(other["content"])) == (number, unpadded(text))


@given(GSM_TEXT | UCS2_TEXT, NUMBERS, st.integers(0, 255), st.booleans())
def test_we_read_the_submits_of_gsmmodem(text: str, number: str, reference: int, report: bool) -> None:
    (theirs,) = gsmmodem.pdu.encodeSmsSubmitPdu(number, text, reference=reference, requestStatusReport=report)
    centre, tpdu = split_sca(bytes(theirs.data))
    assert centre is None
    assert len(tpdu) == theirs.tpduLength
    message = decode_from_mobile(tpdu)
    assert isinstance(message, Submit)
    assert message.encode() == tpdu
    # It calls a number with a leading zero a national one.
    assert str(message.destination) == number
    assert replace(message, destination=Address.parse(number)) == Submit.for_text(
        text, destination=number, message_reference=reference, status_report_request=report
    )


@pytest.mark.parametrize("character", ["x", "ж"])
def test_long_messages_of_gsmmodem_are_the_same_octets(character: str) -> None:
    text = 300 * character
    theirs = [bytes(pdu.data)[1:] for pdu in gsmmodem.pdu.encodeSmsSubmitPdu("+4477", text, reference=9)]
    ours = Submit.parts_for_text(
        text, destination="+4477", reference=9, message_reference=9, status_report_request=True
    )
    decoded = [decode_from_mobile(tpdu) for tpdu in theirs]
    assert [message.defects for message in decoded] == [()] * len(ours)
    for mine, other in zip(ours, decoded, strict=True):
        assert isinstance(other, Submit)
        assert (other.text, other.user_data_header) == (mine.text, mine.user_data_header)


@given(GSM_TEXT, st.integers(2, 255), st.integers(0, 255))
def test_smspdudecoder_reads_our_parts(text: str, total: int, reference: int) -> None:
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    for number, part in enumerate(
        Deliver.parts_for_text(total % 4 * text, originator="000", timestamp=moment, reference=reference), start=1
    ):
        theirs = read_incoming_sms("00" + part.encode().hex().upper())
        assert part.text is not None
        assert unpadded(theirs["content"]) == unpadded(part.text)
        if part.concatenation is not None:
            assert theirs["partial"]["part_number"] == number
            assert theirs["partial"]["parts_count"] == part.concatenation.total


@given(NUMBERS, st.integers(0, 255), st.integers(0, 255), MOMENTS, MOMENTS)
def test_gsmmodem_reads_our_status_reports(
    number: str, reference: int, status: int, sent: datetime, done: datetime
) -> None:
    report = StatusReport(
        message_reference=reference, recipient=Address.parse(number), timestamp=sent, discharge_time=done, status=status
    )
    theirs = gsmmodem.pdu.decodeSmsPdu("00" + report.encode().hex())
    assert (theirs["type"], theirs["reference"], theirs["number"]) == ("SMS-STATUS-REPORT", reference, number)
    assert (theirs["time"], theirs["discharge"], theirs["status"]) == (sent, done, status)
    assert decode_from_network(report.encode()) == report
