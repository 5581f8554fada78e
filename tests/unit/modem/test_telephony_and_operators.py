"""Calls and services there are none of, lists of operators on the card, and the card's PIN by raw commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from harness.formats.sms import gsm7
from harness.virtual.modem import SimCard
from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"
MakeBench: TypeAlias = Callable[..., Bench]
MakeCard: TypeAlias = Callable[..., SimCard]


def answer(*lines: str) -> bytes:
    return b"\r\n" + "\r\n".join(lines).encode() + b"\r\n" + OK


# -- telephony --------------------------------------------------------------------------------------------------------


def test_loudness_and_muting_are_kept(bench: Bench) -> None:
    assert bench.at("+CLVL=?;+CLVL?") == b"\r\n+CLVL: (0-5)\r\n\r\n+CLVL: 3\r\n" + OK
    assert bench.at("+CLVL=5;+CLVL?;+CMUT=1;+CMUT?") == b"\r\n+CLVL: 5\r\n\r\n+CMUT: 1\r\n" + OK
    assert bench.at("+CLVL=6") == b"\r\n+CME ERROR: 50\r\n"


def test_there_are_no_calls(bench: Bench) -> None:
    assert bench.at("+CLCC") == OK
    assert bench.at("+CHUP") == OK
    assert bench.at("D+15551234567;") == b"\r\nNO CARRIER\r\n"
    assert bench.at("A") == b"\r\nNO CARRIER\r\n"


def test_service_codes_are_refused(bench: Bench) -> None:
    assert bench.at("+CUSD=?;+CUSD?") == b"\r\n+CUSD: (0-2)\r\n\r\n+CUSD: 0\r\n" + OK
    assert bench.at("+CUSD=1;+CUSD?") == answer("+CUSD: 1")
    assert bench.at('+CUSD=1,"*100#",15') == b"\r\n+CME ERROR: 132\r\n"
    assert bench.at("+CUSD=2;+CUSD?") == answer("+CUSD: 1")
    assert bench.at("+CUSD=3") == b"\r\n+CME ERROR: 50\r\n"
    bench.at("+COPS=2")
    assert bench.at('+CUSD=1,"*100#",15') == b"\r\n+CME ERROR: 30\r\n"


# -- operators --------------------------------------------------------------------------------------------------------


def test_preferred_operators_are_kept_on_the_card(bench: Bench) -> None:
    assert bench.at("+CPOL=?;+CPOL?") == answer("+CPOL: (1-10),(0-2)")
    assert bench.at('+CPOL=1,2,"310410",0,0,0,1;+CPOL=,2,"20801",1,0,1') == OK
    assert bench.at("+CPOL?") == answer('+CPOL: 1,2,"310410",0,0,0,1', '+CPOL: 2,2,"20801",1,0,1,0')
    assert bench.at("+CRSM=176,28512,0,0,10") == answer('+CRSM: 144,0,"130014400002F8108080"')
    assert bench.at('+CPOL=,0;+CPOL?') == answer('+CPOL: 1,0,"AT&T",0,0,0,1', '+CPOL: 2,0,"Orange F",1,0,1,0')
    assert bench.at('+CPOL=3,0,"Rogers Wireless",0,0,0,1;+CPOL=1') == OK
    assert bench.at("+CPOL=,2;+CPOL?") == answer('+CPOL: 2,2,"20801",1,0,1,0', '+CPOL: 3,2,"302720",0,0,0,1')
    assert bench.at("+CPOL=11") == b"\r\n+CME ERROR: 21\r\n"
    assert bench.at('+CPOL=1,0,"Nobody"') == b"\r\n+CME ERROR: 22\r\n"
    assert bench.at('+CPOL=1,2,"310x10"') == b"\r\n+CME ERROR: 22\r\n"
    bench.at('+CSCS="UCS2"')
    assert bench.at('+CPOL=4,2,"003300310030003100370030";+CPOL=4,2;+CPOL=5,2,"262010"') == OK
    bench.at('+CSCS="GSM"')
    assert bench.at("+CPOL?").endswith(answer('+CPOL: 5,2,"262010",0,0,0,0'))
    assert bench.at("+CPOL=5") == OK


def test_the_other_lists_are_the_operators_own(bench: Bench) -> None:
    assert bench.at("+CPLS=?;+CPLS=2;+CPLS?") == b"\r\n+CPLS: (0-2)\r\n\r\n+CPLS: 2\r\n" + OK
    assert bench.at("+CPOL?") == answer('+CPOL: 1,2,"310170",1,0,1,1')
    assert bench.at("+CPOL=1") == b"\r\n+CME ERROR: 3\r\n"
    assert bench.at("+CPLS=1;+CPOL?") == OK


def test_names_of_operators(bench: Bench) -> None:
    said = bench.at("+COPN")
    assert b'\r\n+COPN: "310410","AT&T"\r\n' in said
    assert said.endswith(b"\r\n" + OK)
    # the network's name on the card, packed as the network would send it
    length = len(gsm7.pack(gsm7.encode("Twilio")))
    expected = bytes((0x43, 1 + length, 0x86)) + gsm7.pack(gsm7.encode("Twilio"))
    assert bench.at("+CRSM=178,28613,1,4,28") == answer(f'+CRSM: 144,0,"{expected.hex().upper().ljust(56, "F")}"')


# -- the card's PIN by raw commands -----------------------------------------------------------------------------------


def test_tries_that_are_left(make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = make_bench(sim=make_card(pin="1234"))
    assert bench.at('+CSIM=10,"0020000100"') == answer('+CSIM: 4,"63C3"')
    assert bench.at('+CSIM=10,"002C000100"') == answer('+CSIM: 4,"63CA"')


def test_unblocking_and_changing(make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = make_bench(sim=make_card(pin="1234", puk="87654321"))
    wrong, right, new, puk = ((digits.encode() + b"\xff" * 8)[:8].hex().upper()
                              for digits in ("0000", "1234", "4321", "87654321"))
    for left in (2, 1, 0):
        assert bench.at(f'+CSIM=26,"0020000108{wrong}"') == answer(f'+CSIM: 4,"{"6983" if not left else f"63C{left}"}"')
    assert bench.at("+CPIN?") == answer("+CPIN: SIM PUK")
    assert bench.at(f'+CSIM=42,"002C000110{wrong}{new}"') == answer('+CSIM: 4,"63C9"')
    assert bench.at(f'+CSIM=42,"002C000110{puk}{new}"') == answer('+CSIM: 4,"9000"')
    assert bench.at("+CPIN?").startswith(answer("+CPIN: READY")[:-len(OK)])
    assert bench.at(f'+CSIM=42,"0024000110{new}{right}"') == answer('+CSIM: 4,"9000"')
    assert bench.at(f'+CSIM=26,"0026000108{right}"') == answer('+CSIM: 4,"9000"')
    assert bench.at('+CLCK="SC",2') == answer("+CLCK: 0")
    assert bench.at(f'+CSIM=26,"0028000108{right}"') == answer('+CSIM: 4,"9000"')
    assert bench.at('+CLCK="SC",2') == answer("+CLCK: 1")


# -- character sets and contexts --------------------------------------------------------------------------------------


def test_the_character_set_is_named_in_either_way(bench: Bench) -> None:
    ucs2 = "GSM".encode("utf-16-be").hex()
    assert bench.at(f'+CSCS="UCS2";+CSCS="{ucs2}";+CSCS?') == answer('+CSCS: "GSM"')
    assert bench.at('+CSCS="UCS2";+CSCS="IRA";+CSCS?') == answer('+CSCS: "IRA"')
    assert bench.at('+CSCS="nonsense"') == b"\r\n+CME ERROR: 50\r\n"


@pytest.mark.parametrize(("text", "octet"), [("Hello", 0), ("Привет", 8)])
def test_a_text_in_ucs2_goes_out_in_the_alphabet_that_can_write_it(bench: Bench, text: str, octet: int) -> None:
    number, typed = ("".join(one.encode("utf-16-be").hex().upper()) for one in ("000", text))
    bench.at('+CMGF=1;+CSCS="UCS2"')
    assert bench.at(f'+CMGS="{number}"') == b"\r\n> "
    assert bench.type(typed.encode() + b"\x1a") + bench.wait("2s") == b"\r\n+CMGS: 0\r\n" + OK
    (tpdu,) = bench.carrier.submitted
    assert tpdu[2:8] == bytes((3, 0x81, 0x00, 0xF0, 0x00, octet))


def test_contexts_of_types_that_the_network_does_not_carry(bench: Bench) -> None:
    assert bench.at('+CGDCONT=3,"Non-IP","super";+CGDCONT=4,"PPP","super";+CGDCONT?') == answer(
        '+CGDCONT: 3,"Non-IP","super","0.0.0.0",0,0,0,0', '+CGDCONT: 4,"PPP","super","0.0.0.0",0,0,0,0')
    assert bench.at("+CGACT=1,3") == b"\r\n+CME ERROR: 132\r\n"
    assert bench.at('+CGDCONT=3,"X25","super"') == b"\r\n+CME ERROR: 50\r\n"


def test_services_that_the_network_does_not_provide(bench: Bench) -> None:
    assert bench.at("+CSSN=1,1;+CSSN?") == answer("+CSSN: 1,1")
    assert bench.at("+CLIR=1;+CLIR?;+COLP?") == b"\r\n+CLIR: 1,0\r\n\r\n+COLP: 0,0\r\n\r\nOK\r\n"
    assert bench.at("+CCWA=1;+CCWA?") == answer("+CCWA: 1")
    for asked in ("+CCWA=1,2", "+CCWA=0,1,1", "+CCFC=0,2", '+CCFC=0,3,"+15550001111"'):
        assert bench.at(asked) == b"\r\n+CME ERROR: 132\r\n", asked
    assert bench.at("+CCFC=9,2") == bench.at("+CCWA=2") == b"\r\n+CME ERROR: 50\r\n"
    bench.at("+COPS=2")
    assert bench.at("+CCFC=0,2") == b"\r\n+CME ERROR: 30\r\n"
