"""Fixed dialling: only numbers of the card's list are called or written to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.formats.sms import Address, Command, Submit, encode_sca
from harness.virtual.modem import SimCard

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"
NO_CARRIER = b"\r\nNO CARRIER\r\n"
BARRED, TEXT_BARRED = b"\r\n+CME ERROR: 56\r\n", b"\r\n+CMS ERROR: 302\r\n"
SMSC = "+12063130004"
MakeBench = Callable[..., "Bench"]


def error(number: int) -> bytes:
    return f"\r\n+CME ERROR: {number}\r\n".encode()


def fix(bench: Bench, *numbers: str) -> None:
    """Write numbers to the list and switch fixed dialling on."""
    assert bench.at('+CPBS="FD","0000"') == OK
    for index, number in enumerate(numbers, 1):
        assert bench.at(f'+CPBW={index},"{number}"') == OK
    assert bench.at('+CLCK="FD",1,"0000"') == OK


def test_the_facility(bench: Bench) -> None:
    assert bench.at("+CLCK=?") == b'\r\n+CLCK: ("SC","FD","PS")\r\n' + OK
    assert bench.at('+CLCK="FD",2') == b"\r\n+CLCK: 0\r\n" + OK
    assert bench.at('+CLCK="FD",1') == error(17)
    assert bench.at("+CPIN?") == b"\r\n+CPIN: SIM PIN2\r\n" + OK
    assert bench.at('+CLCK="FD",1,"9999"') == error(16)
    assert bench.at('+CLCK="FD",1,"0000"') == OK
    assert bench.at('+CLCK="FD",2') == b"\r\n+CLCK: 1\r\n" + OK
    assert bench.at("+CRSM=176,28502,0,0,1") == b'\r\n+CRSM: 144,0,"01"\r\n' + OK
    bench.modem.reboot()
    bench.wait("10s")
    bench.at("E0+CMEE=1")
    assert bench.at('+CLCK="FD",2') == b"\r\n+CLCK: 1\r\n" + OK  # the card keeps it
    assert bench.at('+CRSM=214,28502,0,0,1,"00"') == b"\r\n+CRSM: 152,4\r\n" + OK
    assert bench.at('+CPIN="0000"') == OK
    assert bench.at('+CRSM=214,28502,0,0,1,"00"') == b"\r\n+CRSM: 144,0\r\n" + OK
    assert bench.at('+CLCK="FD",2') == b"\r\n+CLCK: 0\r\n" + OK
    for _ in range(3):
        bench.at('+CLCK="FD",1,"1111"')
    assert bench.at('+CLCK="FD",1,"0000"') == error(18)
    assert bench.at("+CPIN?") == b"\r\n+CPIN: SIM PUK2\r\n" + OK


def test_a_locked_card_tells_nothing_of_it(make_bench: MakeBench, make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(sim=make_card(pin="1234"))
    assert bench.at('+CLCK="FD",2') == error(11)
    assert bench.at('+CLCK="FD",1,"0000"') == error(11)


@pytest.mark.parametrize(("dialled", "said"), [
    ("+447700900123;", NO_CARRIER),  # begins as the entry does
    ("+4477;", NO_CARRIER),
    ("+447;", BARRED),
    ("447700900123;", BARRED),  # another type of number
    ("+44 7700-900T123;", NO_CARRIER),
    ("12345;", NO_CARRIER),  # the third digit may be any
    ("1234;", BARRED),
    ("5551234", BARRED),
    ("112;", NO_CARRIER),
    ("911", NO_CARRIER),
    ("1123;", BARRED),
    ("abc;", BARRED),
    (">FD1;", NO_CARRIER),
])
def test_calls(bench: Bench, dialled: str, said: bytes) -> None:
    fix(bench, "+4477", "12?45")
    assert bench.at(f"D{dialled}") == said


def test_data_is_not_touched(bench: Bench) -> None:
    fix(bench)
    bench.at('+CGDCONT=1,"IP","super"')
    assert bench.at("D*99#", wait="1s").startswith(b"\r\nCONNECT 150000000\r\n")


def test_calls_without_it(bench: Bench) -> None:
    assert bench.at("D+447700900123;") == NO_CARRIER
    fix(bench)
    assert bench.at("D+447700900123;") == BARRED
    assert bench.at('+CLCK="FD",0,"0000"') == OK
    assert bench.at("D+447700900123;") == NO_CARRIER


def send(bench: Bench, number: str, centre: str = "") -> bytes:
    tpdu = Submit(destination=Address.parse(number), text="x").encode()
    pdu = encode_sca(Address.parse(centre) if centre else None) + tpdu
    assert bench.at(f"+CMGS={len(tpdu)}") == b"\r\n> "
    return bench.type(pdu.hex().encode() + b"\x1a") + bench.wait("2s")


def test_texts_need_their_centre_in_the_list_as_well(bench: Bench) -> None:
    fix(bench, "000")
    assert send(bench, "000") == TEXT_BARRED
    fix(bench, "000", SMSC)
    assert send(bench, "000") == b"\r\n+CMGS: 0\r\n" + OK
    assert send(bench, "001") == TEXT_BARRED
    assert send(bench, "000", SMSC) == b"\r\n+CMGS: 1\r\n" + OK
    assert send(bench, "000", "+12063130005") == TEXT_BARRED
    bench.at('+CSCA="+12063130005"')
    assert send(bench, "000") == TEXT_BARRED
    assert len(bench.carrier.submitted) == 2


def test_texts_in_text_mode_stored_ones_and_commands(bench: Bench) -> None:
    fix(bench, "000", SMSC)
    bench.at("+CMGF=1")
    assert bench.at('+CMGS="000"') == b"\r\n> "
    assert bench.type(b"x\x1a") + bench.wait("2s") == b"\r\n+CMGS: 0\r\n" + OK
    assert bench.at('+CMGS="001"') == b"\r\n> "
    assert bench.type(b"x\x1a") == TEXT_BARRED
    assert bench.at('+CMGW="001"') == b"\r\n> "
    assert bench.type(b"x\x1a") == b"\r\n+CMGW: 0\r\n" + OK
    assert bench.at("+CMSS=0") == TEXT_BARRED
    assert bench.at('+CMSS=0,"000"', wait="2s") == b"\r\n+CMSS: 1\r\n" + OK
    bench.at("+CMGF=0")
    for number, said in (("001", TEXT_BARRED), ("000", b"\r\n+CMGC: 2\r\n" + OK)):
        tpdu = Command(destination=Address.parse(number)).encode()
        bench.at(f"+CMGC={len(tpdu)}")
        assert bench.type(b"00" + tpdu.hex().encode() + b"\x1a") + bench.wait("2s") == said


def test_service_codes(bench: Bench) -> None:
    fix(bench, "*100#")
    assert bench.at('+CUSD=1,"*101#",15') == BARRED
    assert bench.at('+CUSD=1,"*100#",15') == error(132)


# -- calls out of the phone book, and codes that are no calls ---------------------------------------------------------


def test_the_phone_book_dials(bench: Bench) -> None:
    bench.at('+CPBW=3,"+447700900123",145,"Ann"')
    bench.at('+CPBW=4,"",129,"Nobody"')
    bench.at('+CPBS="ME"')
    bench.at('+CPBW=7,"5551234",129,"Bob"')
    for dialled, said in {'>"Bob";': NO_CARRIER, '> "Bob"': NO_CARRIER, ">7;": NO_CARRIER, ">SM3;": NO_CARRIER,
                          ">sm 3i;": NO_CARRIER, '>"Ann";': error(22), ">8;": error(22), ">SM4;": error(22),
                          ">SM99;": error(21), ">ZZ1;": error(22), ">": error(27), ">FD1": error(22)}.items():
        assert bench.at(f"D{dialled}") == said, dialled
    for name in ("LD", "DC"):
        bench.at(f'+CPBS="{name}"')
        assert bench.at("+CPBR=1,10") == (b'\r\n+CPBR: 1,"+447700900123",145,""\r\n'
                                          b'+CPBR: 2,"5551234",129,""\r\n' + OK)
    bench.modem.remove_sim()
    bench.heard()
    assert bench.at("D>SM3;") == error(10)


def test_lists_of_calls_keep_the_newest(bench: Bench) -> None:
    for number in range(100, 120):
        bench.at(f"D{number};")
    bench.at("D115;")
    assert bench.at("DL;") == NO_CARRIER  # again
    bench.at('+CPBS="LD"')
    said = bench.at("+CPBR=1,10")
    assert [line.split('"')[1] for line in said.decode().split("\r\n") if line.startswith("+CPBR")] == [
        "115", "119", "118", "117", "116", "114", "113", "112", "111", "110"]


def test_codes_for_pins(make_bench: MakeBench, make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(sim=make_card(pin="1234", puk="11112222", pin2="5678", puk2="33334444"))
    assert bench.at('+CPIN="1234"') == OK
    for dialled, said in {
        "D**04*1234*4321*4321#": OK, "D**04*1234*5555*5555#;": error(16), "D**04*4321*5555*5556#": error(16),
        "D**042*5678*8765*8765#": OK, "D**052*33334444*1357*1357#": OK, "D**052*33334445*1357*1357#": error(16),
        "D**05*11112222*9999*9999#": OK, "D**05*11112223*9999*9999#": error(16),
    }.items():
        assert bench.at(dialled) == said, dialled
    assert bench.at("+CPINR") == (b"\r\n+CPINR: SIM PIN,3,3\r\n+CPINR: SIM PUK,9,10\r\n"
                                  b"+CPINR: SIM PIN2,3,3\r\n+CPINR: SIM PUK2,9,10\r\n" + OK)
    assert bench.at('+CPWD="SC","9999","1234"') == OK
    assert bench.at("D*#06#") == b"\r\n" + bench.modem.imei.encode() + b"\r\n" + OK
    assert make_bench(sim=None).at("D**04*1234*4321*4321#") == error(10)
