"""The fields TPDUs are made of: addresses, coding schemes, time stamps, validity periods, header elements."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import PduError
from harness.formats.sms import (
    Address,
    Alphabet,
    CodingGroup,
    Concatenation,
    DataCoding,
    EnhancedForm,
    EnhancedValidity,
    Indication,
    Language,
    MessageClass,
    NationalLanguage,
    NumberingPlan,
    Ports,
    RawElement,
    TypeOfNumber,
    ValidityFormat,
    decode_timestamp,
    encode_sca,
    encode_timestamp,
    relative_period,
    relative_value,
    round_up,
    split_sca,
)
from harness.formats.sms.udh import decode_header, encode_header
from harness.formats.sms.validity import decode_validity, encode_validity

# -- addresses --------------------------------------------------------------------------------------------------------

NUMERIC = st.builds(
    Address,
    number=st.text("0123456789*#abc", max_size=20),
    ton=st.sampled_from([ton for ton in TypeOfNumber if ton is not TypeOfNumber.ALPHANUMERIC]),
    npi=st.integers(0, 15),
)
NAMES = st.builds(
    Address,
    number=st.text("@£$¥èABCabc 0123456789-_", max_size=11),
    ton=st.just(TypeOfNumber.ALPHANUMERIC),
    npi=st.just(0),
)


@given(NUMERIC | NAMES)
def test_addresses_survive(address: Address) -> None:
    field = address.encode()
    assert Address.decode(field[0], field[1:]) == (address, ())
    assert field[1] == address.type_octet


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("000", "038100f0"),
        ("2936", "04819263"),
        ("+46708251358", "0b916407281553f8"),
        ("*100#", "05811a00fb"),
        ("ABCDEFGHIJK", "14d041e19058341e9149e512"),
    ],
)
def test_known_addresses(text: str, field: str) -> None:
    assert Address.parse(text).encode().hex() == field
    assert str(Address.decode(int(field[:2], 16), bytes.fromhex(field[2:]))[0]) == text


def test_seven_characters_take_thirteen_semi_octets_and_no_more_are_read() -> None:
    name = Address.parse("Seven77")
    field = name.encode()
    assert field[0] == 13
    assert Address.decode(field[0], field[1:])[0].number == "Seven77"
    assert Address.parse("Eight88@").encode()[0] == 14


@pytest.mark.parametrize("text", ["", "+", "twelve chars", "ночь", "123456789012345678901"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(PduError):
        Address.parse(text)


def test_capital_letters_are_no_semi_octets() -> None:
    with pytest.raises(PduError, match=r"0-9 \* # a b c, not '12A'"):
        Address(number="12A").encode()
    with pytest.raises(PduError, match="numbering plan is 0 to 15"):
        Address(number="1", npi=16).encode()


@pytest.mark.parametrize(
    ("length", "field", "number", "defect"),
    [
        (4, "812143", "1234", ""),
        (4, "012143", "1234", "bit 7 of the type-of-address octet 0x01 is 0"),
        (3, "812143", "123", "the filler after an odd number of digits is 0x4, not 0xf"),
        (4, "8121f3", "123", "a filler stands among the digits"),
        (4, "812f43", "", "a filler stands among the digits"),
        (4, "81dcab", "ab#*", ""),
        (22, "81" + "21" * 11, "12" * 11, "22 semi-octets, at most 20"),
        (0, "81", "", ""),
    ],
)
def test_odd_addresses_are_read_with_reasons(length: int, field: str, number: str, defect: str) -> None:
    address, defects = Address.decode(length, bytes.fromhex(field))
    assert address.number == number
    assert len(defects) == bool(defect)
    assert not defect or defect in defects[0]


def test_addresses_look_like_what_people_write() -> None:
    assert repr(Address.parse("+447700900123")) == "Address('+447700900123')"
    assert repr(Address.parse("Twilio")) == "Address('Twilio')"
    assert repr(Address(number="1", ton=TypeOfNumber.NATIONAL)) == "Address('1', ton=NATIONAL, npi=1)"
    assert Address.from_type_octet("+4477", 145) == Address.parse("+4477")
    assert Address.from_type_octet("000", 129) == Address.parse("000")


@given(NUMERIC.filter(lambda address: address.number != ""), st.binary(max_size=30))
def test_service_centre_addresses_are_split_off(address: Address, tpdu: bytes) -> None:
    assert split_sca(encode_sca(address) + tpdu) == (address, tpdu)
    assert split_sca(encode_sca(None) + tpdu) == (None, tpdu)


def test_a_known_service_centre_address() -> None:
    assert encode_sca(Address.parse("+12063130004")).hex() == "07912160130300f4"
    assert split_sca(bytes.fromhex("00")) == (None, b"")
    assert split_sca(bytes.fromhex("0191aa")) == (Address(number="", ton=TypeOfNumber.INTERNATIONAL), b"\xaa")


@pytest.mark.parametrize("pdu", ["", "05912143", "ff91", "0c91" + "00" * 12])
def test_bad_service_centre_addresses_are_refused(pdu: str) -> None:
    with pytest.raises(PduError):
        split_sca(bytes.fromhex(pdu))


def test_a_service_centre_has_a_number() -> None:
    for address in (Address.parse("Centre"), Address(number="")):
        with pytest.raises(PduError, match="a service centre address is a number"):
            encode_sca(address)


@given(st.binary(max_size=40))
def test_random_octets_are_split_or_refused(pdu: bytes) -> None:
    try:
        address, tpdu = split_sca(pdu)
    except PduError:
        return
    assert pdu.endswith(tpdu)
    assert (address is None) == (pdu[0] == 0)


# -- data coding schemes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octet", "group", "alphabet", "message_class"),
    [
        (0x00, CodingGroup.GENERAL, Alphabet.GSM7, None),
        (0x04, CodingGroup.GENERAL, Alphabet.OCTETS, None),
        (0x08, CodingGroup.GENERAL, Alphabet.UCS2, None),
        (0x0C, CodingGroup.GENERAL, Alphabet.GSM7, None),
        (0x10, CodingGroup.GENERAL, Alphabet.GSM7, MessageClass.IMMEDIATE),
        (0x1A, CodingGroup.GENERAL, Alphabet.UCS2, MessageClass.SIM),
        (0x20, CodingGroup.GENERAL, Alphabet.GSM7, None),
        (0x48, CodingGroup.AUTOMATIC_DELETION, Alphabet.UCS2, None),
        (0x84, CodingGroup.RESERVED, Alphabet.GSM7, None),
        (0xB8, CodingGroup.RESERVED, Alphabet.GSM7, None),
        (0xC8, CodingGroup.WAITING_DISCARD, Alphabet.GSM7, None),
        (0xD9, CodingGroup.WAITING_STORE, Alphabet.GSM7, None),
        (0xE0, CodingGroup.WAITING_STORE_UCS2, Alphabet.UCS2, None),
        (0xF0, CodingGroup.CLASS, Alphabet.GSM7, MessageClass.IMMEDIATE),
        (0xF5, CodingGroup.CLASS, Alphabet.OCTETS, MessageClass.ME),
        (0xF7, CodingGroup.CLASS, Alphabet.OCTETS, MessageClass.TE),
    ],
)
def test_coding_schemes_mean_what_the_standard_says(
    octet: int, group: CodingGroup, alphabet: Alphabet, message_class: MessageClass | None
) -> None:
    coding = DataCoding(octet)
    assert (coding.group, coding.alphabet, coding.message_class) == (group, alphabet, message_class)


@pytest.mark.parametrize("octet", range(256))
def test_every_coding_scheme_has_a_meaning(octet: int) -> None:
    coding = DataCoding(octet)
    assert repr(coding).startswith(f"DataCoding(0x{octet:02x}, ")
    assert not (coding.is_reserved and coding.alphabet is not Alphabet.GSM7)
    assert (coding.indication is None) == (not 0xC0 <= octet < 0xF0)
    if coding.is_reserved:
        with pytest.raises(PduError, match="reserved"):
            coding.encode()
    else:
        assert coding.encode() == octet


@given(
    st.sampled_from(Alphabet), st.none() | st.sampled_from(MessageClass), st.booleans(), st.booleans()
)
def test_general_codings_survive(
    alphabet: Alphabet, message_class: MessageClass | None, compressed: bool, delete: bool
) -> None:
    coding = DataCoding.general(
        alphabet, message_class=message_class, compressed=compressed, delete_after_reading=delete
    )
    assert coding == DataCoding(coding.encode())
    assert (coding.alphabet, coding.message_class, coding.compressed, coding.delete_after_reading) == (
        alphabet, message_class, compressed, delete,
    )  # fmt: skip


@given(st.sampled_from(Indication), st.booleans(), st.booleans())
def test_message_waiting_survives(indication: Indication, active: bool, store: bool) -> None:
    coding = DataCoding.waiting(indication, active=active, store=store)
    assert (coding.indication, coding.indication_active, coding.discard) == (indication, active, not store)
    assert coding.alphabet is Alphabet.GSM7
    assert DataCoding.waiting(indication, active=active, ucs2=True).alphabet is Alphabet.UCS2
    with pytest.raises(PduError, match="both discarded and UCS2"):
        DataCoding.waiting(indication, active=active, store=False, ucs2=True)


@given(st.sampled_from(MessageClass), st.booleans())
def test_class_codings_survive(message_class: MessageClass, octets: bool) -> None:
    coding = DataCoding.for_class(message_class, octets=octets)
    assert coding.group is CodingGroup.CLASS
    assert coding.message_class is message_class
    assert coding.alphabet is (Alphabet.OCTETS if octets else Alphabet.GSM7)


def test_a_coding_scheme_is_one_octet() -> None:
    with pytest.raises(PduError, match="one octet, not 256"):
        DataCoding(256).encode()


# -- time stamps ------------------------------------------------------------------------------------------------------

ZONES = st.integers(-79, 79).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
MOMENTS = st.datetimes(datetime(1969, 1, 1), datetime(2068, 12, 31, 23, 59, 59), timezones=ZONES).map(
    lambda moment: moment.replace(microsecond=0)
)


@given(MOMENTS)
def test_moments_survive_with_their_time_zone(moment: datetime) -> None:
    decoded, defects = decode_timestamp(encode_timestamp(moment))
    assert (decoded, defects) == (moment, ())
    assert decoded is not None
    assert decoded.utcoffset() == moment.utcoffset()


@pytest.mark.parametrize(
    ("field", "moment"),
    [
        ("99302251619580", datetime(1999, 3, 22, 15, 16, 59, tzinfo=timezone(timedelta(hours=2)))),
        ("5150403173806a", datetime(2015, 5, 4, 13, 37, 8, tzinfo=timezone(-timedelta(hours=6, minutes=30)))),
        ("00000000000000", None),
        ("62111290509500", datetime(2026, 11, 21, 9, 5, 59, tzinfo=UTC)),
    ],
)
def test_known_time_stamps(field: str, moment: datetime | None) -> None:
    decoded, defects = decode_timestamp(bytes.fromhex(field))
    assert decoded == moment
    assert bool(defects) == (moment is None)
    if moment is not None:
        assert encode_timestamp(moment).hex() == field


@pytest.mark.parametrize(
    ("field", "defect"),
    [
        ("6211", "ends after 2 of 7 octets"),
        ("a2111290509500", "nibbles that are no decimal digits"),
        ("62311290509500", "is no moment: month must be in 1..12"),
        ("62111290509506", ""),
    ],
)
def test_odd_time_stamps_are_told(field: str, defect: str) -> None:
    moment, defects = decode_timestamp(bytes.fromhex(field))
    if not defect:
        assert moment is not None
        assert moment.utcoffset() == timedelta(hours=15)
        return
    assert moment is None
    assert defect in defects[0]


def test_a_bad_time_zone_does_not_lose_the_moment() -> None:
    moment, defects = decode_timestamp(bytes.fromhex("621112905095f1"))
    assert moment == datetime(2026, 11, 21, 9, 5, 59, tzinfo=UTC)
    assert defects == ("the time zone 0xf1 of TP-SCTS is no decimal number; taken as UTC",)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 1),
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(minutes=7))),
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=20))),
        datetime(1968, 12, 31, tzinfo=UTC),
        datetime(2069, 1, 1, tzinfo=UTC),
    ],
)
def test_moments_that_do_not_fit_are_refused(moment: datetime) -> None:
    with pytest.raises(PduError):
        encode_timestamp(moment)


def test_a_fraction_of_a_second_is_dropped() -> None:
    moment = datetime(2026, 1, 1, microsecond=999_999, tzinfo=UTC)
    assert encode_timestamp(moment) == encode_timestamp(moment.replace(microsecond=0))


@given(st.binary(max_size=8))
def test_random_octets_are_a_moment_or_have_a_defect(field: bytes) -> None:
    moment, defects = decode_timestamp(field)
    assert moment is not None or defects


# -- validity periods -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", range(256))
def test_relative_periods_survive(value: int) -> None:
    assert relative_value(relative_period(value)) == value
    assert round_up(relative_period(value)) == relative_period(value)


def test_relative_periods_grow_from_five_minutes_to_63_weeks() -> None:
    periods = [relative_period(value) for value in range(256)]
    assert periods == sorted(set(periods))
    assert (periods[0], periods[-1]) == (timedelta(minutes=5), timedelta(weeks=63))
    assert relative_period(143) == timedelta(hours=12)
    assert relative_period(168) == timedelta(days=2)
    assert round_up(timedelta(hours=13, minutes=1)) == timedelta(hours=13, minutes=30)
    assert round_up(timedelta(weeks=100)) == timedelta(weeks=63)
    with pytest.raises(PduError, match=r"the next is 0:10:00"):
        relative_value(timedelta(minutes=7))


SECONDS = st.integers(1, 255).map(lambda seconds: timedelta(seconds=seconds))
CLOCK = st.integers(0, 359_999).map(lambda seconds: timedelta(seconds=seconds))
RELATIVE = st.integers(0, 255).map(relative_period)
ENHANCED = st.one_of(
    st.builds(EnhancedValidity, form=st.just(EnhancedForm.NONE), single_shot=st.booleans()),
    st.builds(EnhancedValidity, form=st.just(EnhancedForm.RELATIVE), period=RELATIVE, single_shot=st.booleans()),
    st.builds(EnhancedValidity, form=st.just(EnhancedForm.SECONDS), period=SECONDS, single_shot=st.booleans()),
    st.builds(EnhancedValidity, form=st.just(EnhancedForm.CLOCK), period=CLOCK, single_shot=st.booleans()),
)


@given(st.none() | RELATIVE | MOMENTS | ENHANCED)
def test_validity_periods_survive(validity: timedelta | datetime | EnhancedValidity | None) -> None:
    form, field = encode_validity(validity)
    assert decode_validity(form, field) == (validity, ())


@pytest.mark.parametrize(
    "validity",
    [
        EnhancedValidity(form=EnhancedForm.NONE, period=timedelta(1)),
        EnhancedValidity(form=EnhancedForm.SECONDS),
        EnhancedValidity(form=EnhancedForm.SECONDS, period=timedelta(seconds=0)),
        EnhancedValidity(form=EnhancedForm.SECONDS, period=timedelta(seconds=256)),
        EnhancedValidity(form=EnhancedForm.SECONDS, period=timedelta(seconds=1.5)),
        EnhancedValidity(form=EnhancedForm.CLOCK, period=timedelta(hours=100)),
        EnhancedValidity(form=EnhancedForm.RELATIVE, period=timedelta(minutes=6)),
    ],
)
def test_enhanced_periods_that_do_not_fit_are_refused(validity: EnhancedValidity) -> None:
    with pytest.raises(PduError):
        encode_validity(validity)


@pytest.mark.parametrize(
    ("form", "field", "defect"),
    [
        (ValidityFormat.RELATIVE, "", "missing"),
        (ValidityFormat.ABSOLUTE, "6211", "ends after 2"),
        (ValidityFormat.ENHANCED, "0105", "ends after 2"),
        (ValidityFormat.ENHANCED, "04000000000000", "reserved"),
        (ValidityFormat.ENHANCED, "0399ff00000000", "no time of day"),
        (ValidityFormat.ENHANCED, "02000000000000", "0 seconds"),
        (ValidityFormat.ENHANCED, "81800105000000", "has an extension"),
        (ValidityFormat.ENHANCED, "818181818181ff", "leaves no room"),
    ],
)
def test_odd_validity_periods_are_told(form: ValidityFormat, field: str, defect: str) -> None:
    assert defect in " ".join(decode_validity(form, bytes.fromhex(field))[1])


@given(st.sampled_from(ValidityFormat), st.binary(max_size=7))
def test_random_octets_are_a_period_or_have_a_defect(form: ValidityFormat, field: bytes) -> None:
    validity, defects = decode_validity(form, field)
    assert validity is not None or defects or form is ValidityFormat.NONE


# -- user data headers ------------------------------------------------------------------------------------------------


@st.composite
def concatenations(draw: st.DrawFn) -> Concatenation:
    wide = draw(st.booleans())
    total = draw(st.integers(1, 255))
    reference = draw(st.integers(0, 65535 if wide else 255))
    return Concatenation(reference=reference, total=total, sequence=draw(st.integers(1, total)), wide=wide)


PORT8, PORT16 = st.integers(0, 255), st.integers(0, 65535)
UNKNOWN = st.integers(0, 255).filter(lambda identifier: identifier not in {0x00, 0x04, 0x05, 0x08, 0x24, 0x25})
ELEMENTS = st.one_of(
    concatenations(),
    st.builds(Ports, destination=PORT16, source=PORT16),
    st.builds(Ports, destination=PORT8, source=PORT8, wide=st.just(False)),
    st.builds(NationalLanguage, language=st.sampled_from(list(Language)[1:])),
    st.builds(NationalLanguage, language=st.sampled_from([Language.TURKISH, Language.URDU]), locking=st.just(True)),
    st.builds(RawElement, identifier=UNKNOWN, data=st.binary(max_size=8)),
)


@given(st.lists(ELEMENTS, max_size=10).map(tuple))
def test_header_elements_survive(elements: tuple[Concatenation | Ports | NationalLanguage | RawElement, ...]) -> None:
    header = encode_header(elements)
    assert header[0] == len(header) - 1
    assert decode_header(header[1:]) == (elements, ())


def test_known_headers() -> None:
    part = Concatenation(reference=0xCC, total=2, sequence=1)
    assert encode_header([part]).hex() == "050003cc0201"
    assert encode_header([Concatenation(reference=0x1234, total=2, sequence=1, wide=True)]).hex() == "06080412340201"
    assert encode_header([Ports(destination=2948, source=9200)]).hex() == "0605040b8423f0"
    assert encode_header([NationalLanguage(language=Language.TURKISH)]).hex() == "03240101"


@pytest.mark.parametrize(
    "element",
    [
        Concatenation(reference=256, total=2, sequence=1),
        Concatenation(reference=0, total=2, sequence=0),
        Concatenation(reference=0, total=2, sequence=3),
        Concatenation(reference=0, total=256, sequence=1),
        Concatenation(reference=65536, total=2, sequence=1, wide=True),
        Ports(destination=256, source=0, wide=False),
        Ports(destination=0, source=65536),
        NationalLanguage(language=Language.DEFAULT),
        NationalLanguage(language=Language.SPANISH, locking=True),
        RawElement(identifier=256),
        RawElement(identifier=1, data=bytes(256)),
        RawElement(identifier=1, data=bytes(140)),
    ],
)
def test_elements_that_do_not_fit_are_refused(element: Concatenation | Ports | NationalLanguage | RawElement) -> None:
    with pytest.raises(PduError):
        encode_header([element])


@pytest.mark.parametrize(
    ("block", "defect"),
    [
        ("0003cc0200", "concatenation element for part 0 of 2 ignored"),
        ("0003cc0000", "concatenation element for part 0 of 0 ignored"),
        ("0003cc0203", "concatenation element for part 3 of 2 ignored"),
        ("0002cc02", "concatenation element of 2 octets ignored"),
        ("0503000000", "application port element of 3 octets ignored"),
        ("24010e", "national language element 0e names no table; ignored"),
        ("250102", "national language element 02 names no table; ignored"),
        ("2400", "national language element  names no table; ignored"),
        ("0005cc", "information element 0x00 runs past the user data header"),
        ("70", "information element 0x70 runs past the user data header"),
    ],
)
def test_odd_elements_are_kept_raw_with_a_reason(block: str, defect: str) -> None:
    elements, defects = decode_header(bytes.fromhex(block))
    assert defects == (defect,)
    assert all(isinstance(element, RawElement) for element in elements)


@given(st.binary(max_size=140))
def test_random_headers_never_fail(block: bytes) -> None:
    elements, defects = decode_header(block)
    if not defects:
        assert encode_header(elements)[1:] == block or len(block) > 139


def test_numbering_plans_have_their_names() -> None:
    assert NumberingPlan(9) is NumberingPlan.PRIVATE
