"""The phone books on the card and in the module: choosing, reading, searching, writing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.formats.sim import DiallingNumber, decode_record, encode_record
from harness.virtual.modem import SimCard, load_profile, profile_names
from tests.unit.modem.conftest import Bench as RealBench
from tests.unit.modem.conftest import card as real_card

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"
MakeBench = Callable[..., "Bench"]
MakeCard = Callable[..., SimCard]


def answer(*lines: str) -> bytes:
    return b"".join(b"\r\n" + line.encode("latin-1") for line in lines) + b"\r\n" + OK


def error(number: int) -> bytes:
    return f"\r\n+CME ERROR: {number}\r\n".encode()


def test_the_forms(bench: Bench) -> None:
    assert bench.at("+CPBS=?") == answer('+CPBS: ("SM","DC","FD","LD","MC","ME","RC","EN","ON")')
    assert bench.at("+CPBS?") == answer('+CPBS: "SM",0,50')
    assert bench.at("+CPBR=?") == answer("+CPBR: (1-50),40,14")
    assert bench.at("+CPBF=?") == answer("+CPBF: 40,14")
    assert bench.at("+CPBW=?") == answer("+CPBW: (1-50),40,(128-255),14")
    assert bench.at("+CPBR=1,50") == OK
    assert bench.at('+CPBW=3,"+447700900123",145,"Ann"') == OK
    assert bench.at('+CPBW=,"07700900124",129,"Annette"') == OK
    assert bench.at("+CPBW?") == answer("+CPBW: 1")
    assert bench.at('+CPBW=50,"*100#"') == OK
    assert bench.at("+CPBS?") == answer('+CPBS: "SM",3,50')
    assert bench.at("+CPBR=2") == OK
    assert bench.at("+CPBR=1,50") == answer('+CPBR: 1,"07700900124",129,"Annette"',
                                            '+CPBR: 3,"+447700900123",145,"Ann"', '+CPBR: 50,"*100#",129,""')
    assert bench.at('+CPBF="ANN"') == answer('+CPBF: 1,"07700900124",129,"Annette"',
                                             '+CPBF: 3,"+447700900123",145,"Ann"')
    assert bench.at('+CPBF="nn"') == error(22)
    assert bench.at("+CPBW=1") == OK
    assert bench.at('+CPBW=3,""') == OK
    assert bench.at("+CPBF=") == answer('+CPBF: 50,"*100#",129,""')


def test_what_is_refused(bench: Bench) -> None:
    refusals = {
        "+CPBR=0": 21, "+CPBR=51": 21, "+CPBR=1,51": 21, "+CPBR=3,2": 21, '+CPBR="x"': 50, "+CPBR=": 50,
        '+CPBW=51,"1"': 21, '+CPBW=1,"12a"': 27, '+CPBW=1,"' + "1" * 41 + '"': 26,
        '+CPBW=1,"1",129,"' + "a" * 15 + '"': 24,
        '+CPBW=1,"1",127': 50, "+CPBW=": 50, '+CPBW=,""': 50, '+CPBW=1,"1",129,"a",1': 50,
        '+CPBS="MT"': 50, "+CPBS=": 50, '+CPBS="SM","0000"': 3,
    }
    assert {command: bench.at(command) for command in refusals} == {
        command: error(number) for command, number in refusals.items()}
    assert bench.at("+CPBR=1,50") == OK
    assert bench.at("+CPBR") == bench.at("+CPBR?") == b"\r\nERROR\r\n"
    bench.at('+CSCS="IRA"')
    assert bench.at('+CPBW=1,"1",129,"Zo\xeb"') == error(25)


def test_full_books(bench: Bench) -> None:
    for _ in range(50):
        assert bench.at('+CPBW=,"1"') == OK
    assert bench.at('+CPBW=,"1"') == error(20)
    bench.at("+CPBW=17")
    assert bench.at('+CPBW=,"2"') == OK
    assert bench.at("+CPBW?") == answer("+CPBW: 17")
    for index in range(1, 11):
        assert bench.at(f'+CPBW={index},"{"1" * 21}"') == OK
    assert bench.at(f'+CPBW=11,"{"1" * 21}"') == error(20)  # the extension file is full
    assert bench.at("+CPBR=11") == answer('+CPBR: 11,"1",129,""')
    assert bench.at(f'+CPBW=10,"{"2" * 30}"') == OK  # but this entry has a place in it
    bench.at("+CPBW=10")
    assert bench.at(f'+CPBW=11,"{"3" * 40}"') == OK
    assert bench.at("+CPBR=11") == answer(f'+CPBR: 11,"{"3" * 40}",129,""')


def test_no_card_and_locked_cards(make_bench: MakeBench, make_card: MakeCard) -> None:
    commands = ("+CPBS?", '+CPBS="SM"', '+CPBS="FD"', "+CPBR=1", "+CPBR=?", '+CPBF="x"', '+CPBW=1,"1"')
    bench = make_bench(sim=make_card(pin="1234"))
    assert {bench.at(command) for command in commands} == {error(11)}
    for _ in range(3):
        bench.at('+CPIN="9999"')
    assert {bench.at(command) for command in commands} == {error(12)}
    bench.modem.remove_sim()
    bench.heard()
    assert {bench.at(command) for command in commands} == {error(10)}
    assert bench.at("+CPBS=?").endswith(OK)
    assert bench.at('+CPBS="ME"') == OK  # the module's own book needs no card
    assert bench.at('+CPBW=7,"+44123",,"Bob"') == OK
    bench.at('+CPBS="EN"')
    assert bench.at("+CPBR=1,8") == answer(*(f'+CPBR: {index},"{number}",129,""' for index, number in enumerate(
        ("112", "911", "000", "08", "110", "118", "119", "999"), 1)))


def test_the_modules_book_outlives_power_off(bench: Bench) -> None:
    bench.at('+CPBS="ME"')
    assert bench.at('+CPBW=255,"+44123",,"' + "m" * 24 + '"') == OK
    bench.modem.power_off()
    bench.boot()
    assert bench.at("+CPBS?") == answer('+CPBS: "SM",0,50')
    bench.at('+CPBS="ME"')
    assert bench.at("+CPBR=1,255") == answer(f'+CPBR: 255,"+44123",145,"{"m" * 24}"')


def test_lists_that_nobody_writes(bench: Bench) -> None:
    for name in ("EN", "LD", "DC", "MC", "RC"):
        bench.at(f'+CPBS="{name}"')
        assert bench.at('+CPBW=1,"1"') == error(3), name
    bench.at('+CPBS="EN"')
    assert bench.at("+CPBS?") == answer('+CPBS: "EN",2,2')
    card = bench.modem.slot.card
    assert card is not None
    card.files.files[0x6FB7].records[0] = bytes.fromhex("99F9FF00")
    assert bench.at("+CPBR=3") == answer('+CPBR: 3,"999",129,""')


def test_fixed_numbers_need_pin2(make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = make_bench(sim=make_card(pin2="5678", puk2="87654321"))
    assert bench.at('+CPBS="FD"') == OK
    assert bench.at("+CPBS?") == answer('+CPBS: "FD",0,10')
    assert bench.at('+CPBW=1,"112233"') == error(17)
    assert bench.at("+CPIN?") == answer("+CPIN: SIM PIN2")
    assert bench.at('+CPIN="5678"') == OK
    assert bench.at('+CPBW=1,"112233",,"fixed"') == OK
    assert bench.at("+CRSM=178,28475,1,4,28") == answer(
        '+CRSM: 144,0,"6669786564' + "FF" * 9 + "0481112233" + "FF" * 9 + '"')
    bench.modem.reboot()
    bench.wait("10s")
    bench.at("E0+CMEE=1")
    bench.at('+CPBS="FD"')
    assert bench.at("+CPBW=1") == error(17)
    assert bench.at('+CPBS="FD","0000"') == error(16)
    assert bench.at('+CPBS="FD","5678"') == OK
    assert bench.at("+CPBW=1") == OK
    for _ in range(3):
        bench.at('+CPWD="P2","0000","1111"')
    assert bench.at('+CPBW=1,"1"') == error(18)
    assert bench.at('+CPBS="FD","5678"') == error(18)
    assert bench.at('+CPIN="87654321","1357"') == OK
    assert bench.at('+CPBW=1,"1"') == OK


def test_own_numbers(bench: Bench) -> None:
    assert bench.at("+CNUM") == OK
    assert bench.at('+CPBS="ON"') == OK
    assert bench.at("+CPBR=?") == answer("+CPBR: (1-2),20,14")
    assert bench.at('+CPBW=1,"+15550001111",145,"Line 1"') == OK
    assert bench.at('+CRSM=220,28480,2,4,28,"' + encode_record(
        DiallingNumber.parse("5551234", name="Жук"), 28).hex() + '"') == answer("+CRSM: 144,0")
    assert bench.at("+CNUM") == answer('+CNUM: "Line 1","+15550001111",145', '+CNUM: "???","5551234",129')
    bench.at('+CSCS="UCS2"')
    assert bench.at("+CNUM") == answer('+CNUM: "004C0069006E006500200031","+15550001111",145',
                                       '+CNUM: "04160443043A","5551234",129')
    assert bench.at(f'+CPBW=1,"{"1" * 21}"') == error(26)


def test_character_sets(bench: Bench) -> None:
    assert bench.at('+CPBW=1,"1",129,"\\5Cde \\22x\\22 \\00"') == OK  # GSM: Ö is 5C, @ is 00
    assert bench.at('+CPBW=2,"2",129,"\\de"') == OK  # Öde without an escape, as many write it
    assert bench.at("+CPBR=1,2") == answer('+CPBR: 1,"1",129,"\\de \\22x\\22 \x00"', '+CPBR: 2,"2",129,"\\de"')
    bench.at('+CSCS="UCS2"')
    assert bench.at("+CPBR=1,2") == answer('+CPBR: 1,"1",129,"00D600640065002000220078002200200040"',
                                           '+CPBR: 2,"2",129,"00D600640065"')
    assert bench.at('+CPBW=3,"002B00340034",145,"04160443043A"') == OK
    assert bench.at('+CPBW=4,"+447700900123",145,"0391"') == OK
    assert bench.at('+CPBS="0053004D"') == OK
    assert bench.at('+CPBF="0416"') == answer('+CPBF: 3,"+44",145,"04160443043A"')
    assert bench.at("+CPBR=4") == answer('+CPBR: 4,"+447700900123",145,"0391"')
    assert bench.at('+CPBW=5,"1",129,"' + "0416" * 12 + '"') == error(24)  # 11 Cyrillic letters fit
    assert bench.at('+CPBW=5,"1",129,"' + "0416" * 11 + '"') == OK
    assert bench.at('+CPBW=5,"1",129,"041"') == error(25)
    bench.at('+CSCS="IRA"')
    assert bench.at("+CPBR=3") == answer('+CPBR: 3,"+44",145,"???"')
    assert bench.at('+CPBW=6,"1",129,"a\\5Cb"') == OK


@pytest.mark.parametrize("name", profile_names())
def test_every_module_lists_what_its_maker_lists(name: str, make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = make_bench(profile=name, sim=make_card())
    books = load_profile(name).phone_book
    if not books:  # u-blox's LTE-M modules have no phone book
        assert name.startswith("SARA")
        assert bench.at("+CPBS=?") == b"\r\nERROR\r\n"
        assert bench.at('D>"Ann";') == bench.at("D>1;") == error(4)
        assert bench.at("D>SM1;") == error(22)
        assert bench.at("D5551234;") == b"\r\nNO CARRIER\r\n"
        return
    for book, size in books.items():
        assert bench.at(f'+CPBS="{book}"') == OK
        said = bench.at("+CPBS?")
        if size:
            assert said == answer(f'+CPBS: "{book}",0,{size}')
        assert bench.at("+CPBR=1,2").endswith(OK)


ENTRIES = st.builds(DiallingNumber.parse, st.from_regex(r"\+?[0-9*#]{1,40}", fullmatch=True),
                    name=st.text("abcXYZ äΩжш日", max_size=5))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), ENTRIES | st.none()), max_size=25))
def test_phone_book_and_card_show_the_same(writes: list[tuple[int, DiallingNumber | None]]) -> None:
    bench = RealBench(sim=real_card())
    bench.at('+CSCS="UCS2"')
    wanted: dict[int, DiallingNumber] = {}
    for index, entry in writes:
        if entry is None:
            assert bench.at(f"+CPBW={index}") == OK
            wanted.pop(index, None)
        else:
            name = entry.name.encode("utf-16-be").hex()
            assert bench.at(f'+CPBW={index},"{entry.number}",{entry.type_octet},"{name}"') == OK
            wanted[index] = entry

    def read(file: int, index: int, octets: int) -> bytes:
        return bytes.fromhex(bench.at(f"+CRSM=178,{file},{index},4,{octets}").split(b'"')[1].decode())

    def extension(index: int) -> bytes:
        return read(0x6F4A, index, 13)

    for index in range(1, 7):
        held = decode_record(read(0x6F3A, index, 28), extension)
        assert held == wanted.get(index)
        line = b"" if held is None else (f'\r\n+CPBR: {index},"{held.number}",{held.type_octet},'
                                         f'"{held.name.encode("utf-16-be").hex().upper()}"\r\n').encode()
        assert bench.at(f"+CPBR={index}") == line + OK
    used = sum(extension(index) != b"\xff" * 13 for index in range(1, 11))
    assert used == sum(len(entry.digits) > 20 for entry in wanted.values())
