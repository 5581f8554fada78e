"""Files of the SIM card over AT+CRSM: each command, each way to be refused, and each file that clients ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.formats.sms import Address, Deliver, Submit
from harness.virtual.modem import SimCard
from harness.virtual.network.seams import AccessTechnology, Cell, Registration, RegistrationStatus

if TYPE_CHECKING:
    from harness.virtual.network.seams import SmsOutcome
    from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"
FILES = {  # identifier, octets of the body or a record, and how many records
    0x2F00: (26, 1), 0x2F05: (2, 0), 0x2F06: (22, 6), 0x2FE2: (10, 0), 0x4F30: (12, 1), 0x6F05: (2, 0),
    0x6F06: (22, 6), 0x6F07: (9, 0), 0x6F08: (33, 0), 0x6F09: (33, 0), 0x6F31: (1, 0), 0x6F38: (11, 0),
    0x6F3A: (28, 50), 0x6F3B: (28, 10), 0x6F3C: (176, 25), 0x6F3E: (4, 0), 0x6F3F: (4, 0), 0x6F40: (28, 2),
    0x6F42: (42, 1), 0x6F43: (2, 0), 0x6F46: (17, 0), 0x6F49: (28, 5), 0x6F4A: (13, 10), 0x6F4B: (13, 10),
    0x6F56: (1, 0), 0x6F5B: (6, 0), 0x6F5C: (3, 0), 0x6F60: (50, 0), 0x6F61: (50, 0), 0x6F62: (5, 0), 0x6F73: (14, 0),
    0x6F78: (2, 0), 0x6F7B: (12, 0), 0x6F7E: (11, 0), 0x6FAD: (4, 0), 0x6FB7: (4, 5), 0x6FC4: (46, 0),
    0x6FC5: (28, 1), 0x6FC6: (8, 1), 0x6FCD: (7, 0), 0x6FD9: (3, 0), 0x6FE3: (18, 0), 0x6FE4: (80, 1),
}


def restricted(bench: Bench, arguments: str) -> tuple[int, int, bytes]:
    said: bytes = bench.at(f"+CRSM={arguments}")
    assert said.startswith(b"\r\n+CRSM: "), said
    assert said.endswith(OK)
    first, second, *data = said.split(b"\r\n")[1].removeprefix(b"+CRSM: ").split(b",")
    return int(first), int(second), bytes.fromhex(data[0].strip(b'"').decode()) if data else b""


@pytest.mark.parametrize("file", FILES)
def test_every_file_tells_its_size_and_is_read(bench: Bench, file: int) -> None:
    octets, records = FILES[file]
    first, second, told = restricted(bench, f"192,{file},0,0,15")
    assert (first, second) == (144, 0)
    assert int.from_bytes(told[4:6], "big") == file
    assert int.from_bytes(told[2:4], "big") == octets * max(1, records)
    assert told[13:15] == (bytes((1, octets)) if records else bytes(2))
    command = f"178,{file},{max(1, records)},4,{octets}" if records else f"176,{file},0,0,{octets}"
    assert restricted(bench, command)[:2] == (144, 0)
    assert len(restricted(bench, command)[2]) == octets
    other = f"176,{file},0,0,{octets}" if records else f"178,{file},1,4,{octets}"
    assert restricted(bench, other) == (148, 8, b"")
    if records:
        assert restricted(bench, f"178,{file},{records + 1},4,{octets}") == (148, 2, b"")
        assert restricted(bench, f"178,{file},1,4,{octets + 1}") == (103, 0, b"")
    else:
        assert restricted(bench, f"176,{file},0,0,{octets + 1}") == (103, 0, b"")
        assert restricted(bench, f"176,{file},0,{octets},1") == (107, 0, b"")


@pytest.mark.parametrize(("arguments", "words"), [
    ("192,28672", (148, 4)), ("176,28672,0,0,1", (148, 4)), ('214,28672,0,0,1,"00"', (148, 4)),
    ('214,28539,0,0,12,"FF"', (103, 0)), ('214,28539,0,1,12,"' + "FF" * 12 + '"', (107, 0)),
    ('220,28480,3,4,28,"' + "FF" * 28 + '"', (148, 2)), ('220,28480,1,4,27,"' + "FF" * 27 + '"', (103, 0)),
    ('214,28423,0,0,9,"' + "FF" * 9 + '"', (152, 4)), ("203,28539,0,0,0", (109, 0)), ("219,28539,0,0,0", (109, 0)),
])
def test_status_words(bench: Bench, arguments: str, words: tuple[int, int]) -> None:
    assert restricted(bench, arguments) == (*words, b"")


@pytest.mark.parametrize("arguments", ["", "176", "177,28539", "176,x", "176,65536,0,0,1", "176,28539,256,0,1",
                                       '214,28539,0,0,1,"0"', '214,28539,0,0,1,"zz"', '176,28539,0,0,1,,"7",1'])
def test_parameters_that_can_not_be(bench: Bench, arguments: str) -> None:
    assert bench.at(f"+CRSM={arguments}") == b"\r\n+CME ERROR: 50\r\n"


@pytest.mark.parametrize(("file", "path", "found"), [
    (0x2FE2, "3F00", True), (0x6F07, "3F007FFF", True), (0x6F07, "7FFF", True), (0x6F46, "3F007F20", True),
    (0x6F40, "3F007F10", True), (0x6F3A, "7F10", True), (0x4F30, "3F007F105F3A", True), (0x6F40, "7F106F40", True),
    (0x6F07, "7F10", False), (0x2FE2, "7FFF", False), (0x6F3A, "7FFF", False), (0x6F40, "7F106F3A", False),
    (0x6F07, "7F99", False), (0x6F07, "7F205F3A", False), (0x6F07, "7F", False),
])
def test_paths(bench: Bench, file: int, path: str, found: bool) -> None:
    first, second, data = restricted(bench, f'192,{file},0,0,15,,"{path}"')
    assert (first, second, len(data)) == ((144, 0, 15) if found else (148, 4, 0))


def test_folders(bench: Bench) -> None:
    first, second, told = restricted(bench, "242")
    assert (first, second, told[4:6], told[6], len(told)) == (144, 0, b"\x3f\x00", 1, 22)
    assert told[13] & 0x80  # PIN is switched off
    assert told[18:22] == bytes((0x83, 0x8A, 0x83, 0x8A))  # tries that are left
    assert restricted(bench, "192,32528")[2][4:7] == b"\x7f\x10\x02"
    assert len(restricted(bench, "242,16128,0,0,9")[2]) == 9


def test_a_locked_card_shows_what_needs_no_pin(make_bench: Callable[..., Bench],
                                               make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(sim=make_card(pin="1234"))
    assert restricted(bench, "176,12258,0,0,10")[:2] == (144, 0)
    assert restricted(bench, "192,28423")[:2] == (144, 0)
    assert restricted(bench, "176,28423,0,0,9") == (152, 4, b"")
    assert restricted(bench, '214,28539,0,0,12,"' + "FF" * 12 + '"') == (152, 4, b"")
    assert make_bench(sim=None).at("+CRSM=176,12258,0,0,10") == b"\r\n+CME ERROR: 10\r\n"


def test_access_conditions_are_those_that_hold(bench: Bench) -> None:
    """Read in the upper half of the octet, update in the lower: 0 always, 1 PIN, 2 PIN2, F never."""
    conditions = {file: restricted(bench, f"192,{file}")[2][8] for file in (0x2FE2, 0x6F07, 0x6F7B, 0x6F3B, 0x6F56)}
    assert conditions == {0x2FE2: 0x0F, 0x6F07: 0x1F, 0x6F7B: 0x11, 0x6F3B: 0x12, 0x6F56: 0x12}


def test_the_location_is_where_the_module_registered(bench: Bench) -> None:
    place = bytes.fromhex("130014" + "2F0B")  # 310410, with its area
    assert restricted(bench, "176,28542,0,0,11")[2] == b"\xff" * 4 + place + b"\xff\x00"
    assert restricted(bench, "176,28643,0,0,18")[2] == b"\xff" * 12 + place + b"\x00"
    assert restricted(bench, "176,28531,0,0,14")[2] == b"\xff" * 13 + b"\x01"  # no packet service of an older kind
    cell = Cell(plmn="26202", operator="Vodafone", operator_short="Vodafone", act=AccessTechnology.GSM, tac=0x1234,
                ci=1, rssi_dbm=-80)
    bench.modem.registration_changed(Registration(status=RegistrationStatus.ROAMING, cell=cell))
    place = bytes.fromhex("62F220" + "1234")
    assert restricted(bench, "176,28542,0,0,11")[2] == b"\xff" * 4 + place + b"\xff\x00"
    assert restricted(bench, "176,28531,0,0,14")[2] == b"\xff" * 7 + place + b"\x00\x00"


# -- EF_SMS is the store "SM" -----------------------------------------------------------------------------------------


def deliver(bench: Bench, text: str) -> list[SmsOutcome]:
    outcomes: list[SmsOutcome] = []
    tpdu = Deliver.for_text(text, originator="000", timestamp=bench.world.calendar()).encode()
    bench.modem.sms_deliver(tpdu, outcomes.append)
    bench.wait("1s")
    return outcomes


def test_messages_on_the_card(bench: Bench) -> None:
    bench.at('+CPMS="SM","SM","SM"')
    assert restricted(bench, "178,28476,1,4,176")[2] == b"\0" + b"\xff" * 175
    deliver(bench, "to the card")
    record = restricted(bench, "178,28476,1,4,176")[2]
    assert record[0] == 3  # unread
    pdu = bench.at("+CMGR=0").split(b"\r\n")[2].decode()
    assert record[1:].hex().upper().startswith(pdu)
    assert restricted(bench, "178,28476,1,4,176")[2][0] == 1  # read
    draft = Submit(destination=Address.parse("+44123"), text="hi").encode()
    written = (b"\x07\x00" + draft).ljust(176, b"\xff")
    assert restricted(bench, f'220,28476,5,4,176,"{written.hex()}"') == (144, 0, b"")
    bench.at("+CMGF=1")
    assert bench.at("+CMGR=4") == b'\r\n+CMGR: "STO UNSENT","+44123",\r\nhi\r\n' + OK
    assert restricted(bench, f'220,28476,5,4,176,"{"00" + "FF" * 175}"') == (144, 0, b"")
    assert bench.at("+CMGR=4") == OK
    assert restricted(bench, f'220,28476,5,4,176,"{"01" + "FF" * 175}"') == (144, 0, b"")  # no message at all
    assert bench.at("+CMGR=4") == OK


def test_room_that_is_made_past_the_messages_is_told_to_the_network(bench: Bench) -> None:
    bench.at('+CPMS="SM","SM","SM"')
    for number in range(26):
        outcomes = deliver(bench, f"number {number}")
    assert type(outcomes[0]).__name__ == "SmsRejected"
    assert "memory_available" not in bench.carrier.calls
    restricted(bench, f'220,28476,3,4,176,"{"00" + "FF" * 175}"')
    assert bench.carrier.calls[-1] == "memory_available"


def test_the_service_centre_is_the_cards(bench: Bench) -> None:
    record = restricted(bench, "178,28482,1,4,42")[2]
    assert record[14:35].hex().upper() == "E1" + "FF" * 12 + "07912160130300F4"
    other = record[:27] + bytes.fromhex("07914477009000F0") + record[35:]
    assert restricted(bench, f'220,28482,1,4,42,"{other.hex()}"') == (144, 0, b"")
    assert bench.at("+CSCA?") == b'\r\n+CSCA: "+12063130004",145\r\n' + OK  # read when the card starts
    bench.modem.reboot()
    bench.wait("10s")
    bench.at("E0")
    assert bench.at("+CSCA?") == b'\r\n+CSCA: "+44770009000",145\r\n' + OK


def test_records_of_messages_are_a_file_of_fixed_size(bench: Bench) -> None:
    card = bench.modem.slot.card
    assert card is not None
    records = card.files.files[0x6F3C].records
    assert [len(record) for record in records[23:30]] == [176, 176]
    with pytest.raises(IndexError):
        records[25]
    with pytest.raises(TypeError):
        records.append(b"")
    with pytest.raises(TypeError):
        del records[0]
    with pytest.raises(TypeError):
        records[0:1] = [b""]
    assert len(records) == 25
