"""TPDUs of every kind: they survive, published ones are read, bad ones are told, and random octets never hurt."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import PduError
from harness.formats.sms import (
    Address,
    Alphabet,
    Command,
    Concatenation,
    DataCoding,
    Deliver,
    DeliverReport,
    Language,
    MessageClass,
    NationalLanguage,
    Ports,
    RawElement,
    StatusCategory,
    StatusReport,
    Submit,
    SubmitReport,
    TypeOfNumber,
    decode_from_mobile,
    decode_from_network,
    gsm7,
    relative_period,
    split_sca,
)
from harness.formats.sms.userdata import UserData

NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
ZONES = st.integers(-79, 79).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
MOMENTS = st.datetimes(datetime(1969, 1, 1), datetime(2068, 12, 31, 23, 59, 59), timezones=ZONES).map(
    lambda moment: moment.replace(microsecond=0)
)
ADDRESSES = st.builds(
    Address, number=st.text("0123456789*#abc", max_size=20), ton=st.sampled_from([TypeOfNumber(0), TypeOfNumber(1)])
) | st.builds(Address, number=st.text("ABC def@", max_size=11), ton=st.just(TypeOfNumber.ALPHANUMERIC), npi=st.just(0))
OCTET = st.integers(0, 255)
HEADERS = st.lists(
    st.builds(Concatenation, reference=OCTET, total=st.just(3), sequence=st.integers(1, 3))
    | st.builds(Ports, destination=st.integers(0, 65535), source=st.integers(0, 65535))
    | st.builds(NationalLanguage, language=st.sampled_from([Language.TURKISH, Language.HINDI]))
    | st.builds(NationalLanguage, language=st.sampled_from([Language.PORTUGUESE, Language.URDU]), locking=st.just(True))
    | st.builds(RawElement, identifier=st.just(0x70), data=st.binary(max_size=5)),
    max_size=3,
).map(tuple)
GSM_TEXT = st.text("abc 0123 \n@€{}[]^", max_size=40)
UCS2_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@st.composite
def contents(draw: st.DrawFn) -> tuple[DataCoding, UserData]:
    """A coding scheme, and content that goes with it."""
    octet = draw(st.integers(0, 255).filter(lambda value: not DataCoding(value).is_reserved))
    coding = DataCoding(octet)
    header = draw(HEADERS)
    if coding.compressed or coding.alphabet is Alphabet.OCTETS:
        return coding, UserData(data=draw(st.binary(max_size=90)), user_data_header=header)
    if coding.alphabet is Alphabet.UCS2:
        return coding, UserData(text=draw(UCS2_TEXT), user_data_header=header)
    # Of the characters above, those of the extension table are not in every locking table: spell what is in all.
    plain = any(isinstance(element, NationalLanguage) for element in header)
    text = draw(st.text("abc 0123\n", max_size=40) if plain else GSM_TEXT)
    return coding, UserData(text=text, user_data_header=header)


@st.composite
def delivers(draw: st.DrawFn) -> Deliver:
    coding, content = draw(contents())
    return Deliver(
        originator=draw(ADDRESSES), timestamp=draw(MOMENTS), pid=draw(OCTET), coding=coding,
        more_messages=draw(st.booleans()), loop_prevention=draw(st.booleans()),
        status_report_indication=draw(st.booleans()), reply_path=draw(st.booleans()),
        text=content.text, data=content.data, user_data_header=content.user_data_header,
    )  # fmt: skip


@st.composite
def submits(draw: st.DrawFn) -> Submit:
    coding, content = draw(contents())
    return Submit(
        destination=draw(ADDRESSES), message_reference=draw(OCTET), pid=draw(OCTET), coding=coding,
        validity=draw(st.none() | OCTET.map(relative_period) | MOMENTS), reject_duplicates=draw(st.booleans()),
        status_report_request=draw(st.booleans()), reply_path=draw(st.booleans()),
        text=content.text, data=content.data, user_data_header=content.user_data_header,
    )  # fmt: skip


@st.composite
def tails(draw: st.DrawFn) -> tuple[int | None, DataCoding | None, UserData]:
    """The optional fields of a report."""
    pid = draw(st.none() | OCTET)
    if draw(st.booleans()):
        coding, content = draw(contents())
        return pid, coding, content
    return pid, None, UserData(text=draw(st.none() | GSM_TEXT))


@st.composite
def status_reports(draw: st.DrawFn) -> StatusReport:
    pid, coding, content = draw(tails())
    return StatusReport(
        message_reference=draw(OCTET), recipient=draw(ADDRESSES), timestamp=draw(MOMENTS), discharge_time=draw(MOMENTS),
        status=draw(OCTET), for_command=draw(st.booleans()), more_messages=draw(st.booleans()),
        loop_prevention=draw(st.booleans()), pid=pid, coding=coding,
        text=content.text, data=content.data, user_data_header=content.user_data_header,
    )  # fmt: skip


@st.composite
def deliver_reports(draw: st.DrawFn) -> DeliverReport:
    pid, coding, content = draw(tails())
    return DeliverReport(
        failure_cause=draw(st.none() | st.integers(0x80, 0xFF)), pid=pid, coding=coding,
        text=content.text, data=content.data, user_data_header=content.user_data_header,
    )  # fmt: skip


@st.composite
def submit_reports(draw: st.DrawFn) -> SubmitReport:
    pid, coding, content = draw(tails())
    return SubmitReport(
        failure_cause=draw(st.none() | st.integers(0x80, 0xFF)), timestamp=draw(MOMENTS), pid=pid, coding=coding,
        text=content.text, data=content.data, user_data_header=content.user_data_header,
    )  # fmt: skip


COMMANDS = st.builds(
    Command, destination=ADDRESSES, command_type=OCTET, message_number=OCTET, message_reference=OCTET, pid=OCTET,
    status_report_request=st.booleans(), data=st.binary(max_size=100), user_data_header=HEADERS,
)  # fmt: skip


# -- they survive -----------------------------------------------------------------------------------------------------


@given(delivers() | status_reports() | submit_reports())
def test_what_the_network_sends_survives(message: Deliver | StatusReport | SubmitReport) -> None:
    tpdu = message.encode()
    assert decode_from_network(tpdu) == message
    assert len(tpdu) <= 164


@given(submits() | deliver_reports() | COMMANDS)
def test_what_a_mobile_sends_survives(message: Submit | DeliverReport | Command) -> None:
    tpdu = message.encode()
    assert decode_from_mobile(tpdu) == message
    assert len(tpdu) <= 164


@given(st.binary(max_size=200), st.none() | st.booleans())
def test_random_octets_give_a_message_or_a_pdu_error(tpdu: bytes, error: bool | None) -> None:
    for decode in (decode_from_network, decode_from_mobile):
        try:
            message = decode(tpdu, error=error)
        except PduError:
            continue
        if message.defects:
            continue
        # What has no defect can be encoded, and means the same; spare bits and filler may differ.
        assert decode(message.encode(), error=error) == message


@given(delivers() | submits() | status_reports(), st.data())
def test_a_damaged_tpdu_never_hurts(message: Deliver | Submit | StatusReport, data: st.DataObject) -> None:
    tpdu = bytearray(message.encode())
    at = data.draw(st.integers(0, len(tpdu) - 1))
    tpdu[at] = data.draw(OCTET)
    cut = data.draw(st.integers(0, len(tpdu)))
    for decode in (decode_from_network, decode_from_mobile):
        for damaged in (bytes(tpdu), bytes(tpdu[:cut])):
            with suppress(PduError):
                decode(damaged)


@given(delivers())
def test_a_tpdu_that_is_cut_off_is_told(message: Deliver) -> None:
    tpdu = message.encode()
    for length in range(len(tpdu)):
        try:
            assert decode_from_network(tpdu[:length]).defects
        except PduError:
            assert length < 1 + len(message.originator.encode())


# -- published ones ---------------------------------------------------------------------------------------------------


def test_a_published_deliver() -> None:
    pdu = bytes.fromhex("07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37")
    centre, tpdu = split_sca(pdu)
    message = decode_from_network(tpdu)
    assert isinstance(message, Deliver)
    assert str(centre) == "+27381000015"
    assert message.originator == Address(number="27838890001", ton=TypeOfNumber.SUBSCRIBER, npi=8)
    assert message.timestamp == datetime(1999, 3, 29, 15, 16, 59, tzinfo=timezone(timedelta(hours=2)))
    assert message.text == "hellohello"
    assert message.encode() == tpdu


def test_a_published_submit() -> None:
    pdu = bytes.fromhex("0011000B916407281553F80000AA0AE8329BFD4697D9EC37")
    centre, tpdu = split_sca(pdu)
    assert centre is None
    message = decode_from_mobile(tpdu)
    assert message == Submit(
        destination=Address.parse("+46708251358"), text="hellohello", validity=timedelta(days=4)
    )
    assert message.encode() == tpdu


def test_a_part_with_a_header_and_a_fill_bit() -> None:
    part = Submit(
        destination=Address.parse("000"), text="A", user_data_header=(Concatenation(reference=1, total=2, sequence=1),)
    )
    tpdu = part.encode()
    assert tpdu.hex() == "4100038100f0000008050003010201" + "82"
    assert decode_from_mobile(tpdu) == part
    assert part.concatenation == Concatenation(reference=1, total=2, sequence=1)
    assert part.ports is None


def test_the_last_of_several_elements_counts() -> None:
    message = Deliver(
        originator=Address.parse("000"), timestamp=NOON, text="x",
        user_data_header=(Ports(destination=1, source=2), Ports(destination=3, source=4)),
    )  # fmt: skip
    assert message.ports == Ports(destination=3, source=4)


def test_national_tables_are_applied_both_ways() -> None:
    text = "İstanbul'da güneş, ığdır"
    header = (NationalLanguage(language=Language.TURKISH, locking=True), NationalLanguage(language=Language.TURKISH))
    message = Deliver(originator=Address.parse("000"), timestamp=NOON, text=text, user_data_header=header)
    assert decode_from_network(message.encode()) == message
    with pytest.raises(PduError, match="'İ' is not in the GSM 7-bit alphabet"):
        replace(message, user_data_header=()).encode()


@pytest.mark.parametrize(
    ("status", "category", "text"),
    [
        (0x00, StatusCategory.COMPLETED, "received by the recipient"),
        (0x1F, StatusCategory.COMPLETED, "completed, cause 0x1f"),
        (0x21, StatusCategory.TRYING, "recipient busy, still trying"),
        (0x46, StatusCategory.PERMANENT, "validity period expired"),
        (0x60, StatusCategory.GAVE_UP, "congestion, gave up"),
        (0x80, StatusCategory.PERMANENT, "permanent error, cause 0x80"),
    ],
)
def test_a_status_in_words(status: int, category: StatusCategory, text: str) -> None:
    report = StatusReport(
        message_reference=7, recipient=Address.parse("+44"), timestamp=NOON, discharge_time=NOON, status=status
    )
    assert (report.category, report.status_text) == (category, text)


def test_a_status_report_without_optional_fields_ends_with_its_status() -> None:
    report = StatusReport(
        message_reference=7, recipient=Address.parse("+447700900123"), timestamp=NOON, discharge_time=NOON
    )
    assert report.encode().hex() == "06070c9144770009103262111221000000621112210000" + "0000"
    assert decode_from_network(report.encode()) == report


def test_whether_a_report_has_a_cause_can_be_told_or_given() -> None:
    assert decode_from_mobile(b"\x00\xd3\x00") == DeliverReport(failure_cause=0xD3)
    assert decode_from_mobile(b"\x00\x00") == DeliverReport()
    given_wrongly = decode_from_mobile(b"\x00\x00", error=True)
    assert isinstance(given_wrongly, DeliverReport)
    assert given_wrongly.failure_cause == 0
    assert given_wrongly.defects == ("TP-FCS 0x00 is reserved", "the TPDU ends before TP-PI")


# -- convenience ------------------------------------------------------------------------------------------------------


def test_text_chooses_its_alphabet() -> None:
    assert Deliver.for_text("plain €", originator="000", timestamp=NOON).coding.alphabet is Alphabet.GSM7
    submit = Submit.for_text("ночь", destination="+44", validity=timedelta(days=1), status_report_request=True)
    assert submit.coding.alphabet is Alphabet.UCS2
    assert submit.validity == timedelta(days=1)
    assert submit.status_report_request


def test_text_that_takes_several_messages() -> None:
    with pytest.raises(PduError, match=r"takes 2 messages; parts_for_text\(\) makes them"):
        Deliver.for_text(161 * "x", originator="000", timestamp=NOON)
    parts = Deliver.parts_for_text(400 * "x", originator="000", timestamp=NOON, reference=5)
    assert [part.more_messages for part in parts] == [True, True, False]
    assert all(len(part.encode()) <= 164 for part in parts)
    submits_ = Submit.parts_for_text(400 * "x", destination="000", reference=5, message_reference=255)
    assert [part.message_reference for part in submits_] == [255, 0, 1]
    assert "".join(part.text or "" for part in submits_) == 400 * "x"


# -- strict on encoding -----------------------------------------------------------------------------------------------

HERE = Address.parse("000")


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        (Deliver(originator=HERE, timestamp=None, text=""), "needs TP-SCTS"),
        (Deliver(originator=HERE, timestamp=NOON), "is text: give text, not data"),
        (Deliver(originator=HERE, timestamp=NOON, text="", data=b"x"), "is text: give text, not data"),
        (Deliver(originator=HERE, timestamp=NOON, text="ж"), "not in the GSM 7-bit alphabet"),
        (Deliver(originator=HERE, timestamp=NOON, text=161 * "x"), r"takes 161 septets, 160 fit .*9\.2\.3\.16"),
        (Deliver(originator=HERE, timestamp=NOON, text=71 * "x", coding=DataCoding(8)), "takes 142 octets, 140 fit"),
        (Deliver(originator=HERE, timestamp=NOON, text="\ud83d", coding=DataCoding(8)), "half of a surrogate pair"),
        (Deliver(originator=HERE, timestamp=NOON, text="x", coding=DataCoding(4)), "is octets: give data, not text"),
        (Deliver(originator=HERE, timestamp=NOON, text="x", coding=DataCoding(0x0C)), "TP-DCS 0x0c is reserved"),
        (Deliver(originator=HERE, timestamp=NOON, text="x", pid=256), "TP-PID is one octet, not 256"),
        (Deliver(originator=HERE, timestamp=NOON, coding=DataCoding(4), data=bytes(141)), "takes 141 octets"),
        (Submit(destination=HERE, text="", message_reference=-1), "TP-MR is one octet, not -1"),
        (Submit(destination=HERE, text="", validity=timedelta(seconds=1)), "not one of the relative validity periods"),
        (DeliverReport(failure_cause=0x7F), "TP-FCS is 0x80 to 0xff"),
        (SubmitReport(timestamp=None), "needs TP-SCTS"),
        (StatusReport(message_reference=0, recipient=HERE, timestamp=NOON, discharge_time=None), "TP-SCTS and TP-DT"),
        (Command(destination=HERE, data=bytes(156)), "takes 156 octets, 154 fit"),
    ],
)
def test_a_broken_rule_is_named(
    message: Deliver | Submit | DeliverReport | SubmitReport | StatusReport | Command, rule: str
) -> None:
    with pytest.raises(PduError, match=rule):
        message.encode()


def test_reports_fill_the_longest_tpdu() -> None:
    coding = DataCoding(4)
    assert len(DeliverReport(pid=0, coding=coding, data=bytes(159)).encode()) == 164
    assert len(DeliverReport(failure_cause=0xFF, pid=0, coding=coding, data=bytes(158)).encode()) == 164
    assert len(SubmitReport(timestamp=NOON, pid=0, coding=coding, data=bytes(152)).encode()) == 164
    with pytest.raises(PduError, match="takes 160 octets, 159 fit"):
        DeliverReport(pid=0, coding=coding, data=bytes(160)).encode()


# -- tolerant on decoding ---------------------------------------------------------------------------------------------

def octets(*, first: str = "04", dcs: str = "00", scts: str = "62111221000000", tail: str = "05e8329bfd06") -> bytes:
    """An SMS-DELIVER from 000, put together by hand."""
    return bytes.fromhex(f"{first}038100f000{dcs}{scts}{tail}")


def test_the_octets_below_start_from_a_sound_message() -> None:
    assert octets() == Deliver.for_text("hello", originator="000", timestamp=NOON).encode()


@pytest.mark.parametrize(
    ("tpdu", "text", "defect"),
    [
        (octets(tail="05e8329bfd"), "hell", "TP-UDL says 5 septets, 4 are there"),
        (octets(tail="05e8329bfd060000"), "hello", "2 octets follow the user data"),
        (octets(scts="a2111221000000"), "hello", "holds nibbles that are no decimal digits"),
        (octets(scts="000000000000ff"), "hello", "time zone 0xff of TP-SCTS is no decimal number"),
        (octets(first="07"), "hello", "the message type 3 is reserved; read as SMS-DELIVER"),
        (octets(dcs="84"), "hello", "TP-DCS 0x84 is reserved; read as the GSM 7-bit alphabet"),
        (octets(tail=""), "", "the TPDU ends before TP-UDL"),
        (octets(tail="")[:5], "", "the TPDU ends before TP-PID"),
        (octets(first="44"), "", "the user data header of 232 octets ends after 4"),
        (octets(first="44", tail="00"), "", "TP-UDHI announces a header, but there is no user data"),
        (octets(first="44", tail="0205000301020182"), "", "TP-UDL 2 is shorter than the user data header"),
        (octets(first="44", tail="0805000301020582"), "A", "concatenation element for part 5 of 2 ignored"),
        (octets(dcs="08", tail="03041604"), "Ж", "odd number of octets, 3; the last is dropped"),
        (octets(dcs="08", tail="02d83d"), "\ufffd", "half of a surrogate pair"),
        (octets(dcs="08", tail="03d83d"), "\ufffd", "TP-UDL says 3 octets, 2 are there"),
        (octets(tail="ffe8329bfd06"), "hello", "TP-UDL says 255 septets, at most 160 are allowed"),
        (octets(tail="05e8329bfd06" + 160 * "00"), "hello", "at most 164 are possible"),
    ],
)
def test_what_is_off_but_usable_is_read_with_reasons(tpdu: bytes, text: str, defect: str) -> None:
    message = decode_from_network(tpdu)
    assert isinstance(message, Deliver)
    assert message.text == text
    assert defect in "; ".join(message.defects)


def test_a_part_keeps_its_half_of_a_surrogate_pair() -> None:
    message = decode_from_network(octets(first="44", dcs="08", tail="08050003010201d83d"))
    assert isinstance(message, Deliver)
    assert message.text == "\ud83d"
    assert message.defects == ("UCS2 user data holds half of a surrogate pair",)


@pytest.mark.parametrize(
    ("tpdu", "rule"),
    [
        (b"", "at least one octet"),
        (b"\x04", "ends before TP-OA"),
        (b"\x04\x0b\x91\x21", "TP-OA: the address field ends before its 11 semi-octets"),
        (b"\x04\xff", "TP-OA"),
        (b"\x06\x00", "ends before TP-RA"),
    ],
)
def test_where_nothing_can_be_told_there_is_an_error(tpdu: bytes, rule: str) -> None:
    with pytest.raises(PduError, match=rule):
        decode_from_network(tpdu)


def test_the_reserved_type_is_refused_by_a_service_centre() -> None:
    with pytest.raises(PduError, match="message type 3 is reserved"):
        decode_from_mobile(octets(first="07"))
    with pytest.raises(PduError, match="at least one octet"):
        decode_from_mobile(b"")


def test_a_class_0_message_and_octets() -> None:
    flash = replace(
        Submit.for_text("now", destination="000"), coding=DataCoding.general(message_class=MessageClass.IMMEDIATE)
    )
    decoded = decode_from_mobile(flash.encode())
    assert isinstance(decoded, Submit)
    assert decoded.coding.message_class is MessageClass.IMMEDIATE
    binary = Submit(destination=HERE, coding=DataCoding(0xF5), data=bytes(range(140)))
    assert decode_from_mobile(binary.encode()) == binary


def test_an_extended_parameter_indicator_is_skipped() -> None:
    report = decode_from_mobile(b"\x00\x81\x00\x05", error=False)
    assert isinstance(report, DeliverReport)
    assert report.pid == 5
    assert report.defects == ()


def test_the_longest_text_uses_every_octet() -> None:
    message = Deliver.for_text(160 * "@", originator="000", timestamp=NOON)
    assert len(message.encode()) == 1 + 4 + 2 + 7 + 1 + 140
    assert decode_from_network(message.encode()) == message
    assert gsm7.octets_for(160) == 140
