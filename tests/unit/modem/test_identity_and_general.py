"""Identification, functionality, clock and alphabet, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.virtual.modem import SimCard

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK, ERROR = b"\r\nOK\r\n", b"\r\nERROR\r\n"


def test_who_it_is(bench: Bench) -> None:
    assert bench.at("I") == b"\r\nQuectel\r\nBG96\r\nRevision: BG96MAR02A07M1G\r\n" + OK
    assert bench.at("+CGMI") == bench.at("+GMI") == b"\r\nQuectel\r\n" + OK
    assert bench.at("+CGMM") == bench.at("+GMM") == b"\r\nBG96\r\n" + OK
    assert bench.at("+CGMR") == bench.at("+GMR") == b"\r\nBG96MAR02A07M1G\r\n" + OK
    imei = bench.modem.imei.encode()
    assert bench.at("+CGSN") == bench.at("+GSN") == b"\r\n" + imei + b"\r\n" + OK
    assert bench.at("+CGSN=1") == b'\r\n+CGSN: "' + imei + b'"\r\n' + OK
    assert bench.at("+CGSN=2") == b'\r\n+CGSN: "' + imei[:14] + b'00"\r\n' + OK
    assert bench.at("+CGSN=3") == b'\r\n+CGSN: "00"\r\n' + OK
    serial = bench.at("+CGSN=0").removeprefix(b"\r\n").removesuffix(b"\r\n" + OK)
    assert serial == bench.modem.serial_number.encode() != imei
    assert bench.at("+CIMI") == b"\r\n310170845466094\r\n" + OK
    assert bench.at("+QCCID") == bench.at("+QCCID?") == b"\r\n+QCCID: 89883070000000000017\r\n" + OK
    assert bench.at("+CCID") == b"\r\n+CCID: 89883070000000000017\r\n" + OK
    assert bench.at("+GCAP") == b"\r\n+GCAP: +CGSM\r\n" + OK
    assert b"\r\n+CMGS\r\n" in bench.at("+CLAC")


def test_an_iccid_of_19_digits_ends_in_the_filler(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(sim=SimCard("8910392000000000017", "310170845466094"))
    assert bench.at("+QCCID") == b"\r\n+QCCID: 8910392000000000017F\r\n" + OK


def test_own_numbers_have_a_name_in_quotes_even_without_one(make_bench: Callable[..., Bench],
                                                             make_card: Callable[..., SimCard]) -> None:
    """Clients look for the first quoted string of the line, or for quotes around all but the type."""
    bench = make_bench(sim=make_card(msisdn="+15550001111"))
    bench.heard()
    assert bench.at("+CNUM") == b'\r\n+CNUM: "","+15550001111",145\r\n\r\nOK\r\n'
    bench = make_bench(sim=make_card())
    bench.heard()
    assert bench.at("+CNUM") == b"\r\nOK\r\n"


def test_imei_is_drawn_from_the_seed_and_has_a_right_check_digit(make_bench: Callable[..., Bench]) -> None:
    first, second, other = make_bench(), make_bench(), make_bench(name="modem-2")
    assert first.modem.imei == second.modem.imei != other.modem.imei
    digits = [int(digit) for digit in reversed(first.modem.imei)]
    assert sum(sum(divmod(digit * (1 + place % 2), 10)) for place, digit in enumerate(digits)) % 10 == 0


def test_error_levels(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(sim=None)
    bench.at("+CMEE=0")
    assert bench.at("+CPIN?") == ERROR
    assert bench.at("+CMGL") == b"\r\n+CMS ERROR: 310\r\n"
    bench.at("+CMEE=1")
    assert bench.at("+CPIN?") == b"\r\n+CME ERROR: 10\r\n"
    bench.at("+CMEE=2")
    assert bench.at("+CPIN?") == b"\r\n+CME ERROR: SIM not inserted\r\n"
    assert bench.at("+CMGL") == b"\r\n+CMS ERROR: SIM not inserted\r\n"
    assert bench.at("+CMEE=3") == b"\r\n+CME ERROR: Incorrect parameters\r\n"
    assert bench.at("+CMEE?") == b"\r\n+CMEE: 2\r\n" + OK
    assert bench.at("+CEER") == b"\r\n+CEER: Incorrect parameters\r\n" + OK


def test_functionality(bench: Bench) -> None:
    assert bench.at("+CFUN?") == b"\r\n+CFUN: 1\r\n" + OK
    bench.at("+CREG=1")
    assert bench.at("+CFUN=4") == OK + b"\r\n+CREG: 0\r\n"
    assert bench.carrier.calls[-1] == "detach"
    assert bench.at("+CSQ") == b"\r\n+CSQ: 99,99\r\n" + OK
    assert bench.at("+CPIN?") == b"\r\n+CPIN: READY\r\n" + OK
    assert bench.at('+CMGS="000"') == b"\r\n+CMS ERROR: 331\r\n"
    assert bench.at("+CFUN=0") == OK
    assert bench.at("+CPIN?") == b"\r\n+CME ERROR: 3\r\n"
    assert bench.at("+CFUN=1") == OK
    assert bench.at("+CPIN?") == b"\r\n+CME ERROR: 14\r\n"
    said = bench.wait("5s")
    assert b"+CPIN: READY\r\n" in said
    assert b"+CREG: 5\r\n" in said
    assert bench.at("+CFUN=7") == b"\r\n+CME ERROR: 50\r\n"


def test_reset_by_command_restores_settings_and_boots_again(bench: Bench) -> None:
    assert bench.at("+CFUN=1,1", wait="10s") == (
        OK + b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\nAPP RDY\r\n\r\n+CPIN: READY\r\n\r\n+QUSIM: 1\r\n"
        b"\r\n+QIND: SMS DONE\r\n")
    assert bench.type(b"AT\r") == b"AT\r" + OK


def test_clock(bench: Bench) -> None:
    assert bench.at("+CCLK?").startswith(b'\r\n+CCLK: "26/01/01,00:00:1')
    assert bench.at('+CCLK="27/12/31,23:59:50+08"') == OK
    assert bench.wait("15s") == b""
    assert bench.at("+CCLK?") == b'\r\n+CCLK: "28/01/01,00:00:05+08"\r\n' + OK
    for wrong in ("27/13/31,23:59:50+08", "yesterday", "27/12/31,23:59:50+99", "27/12/31"):
        assert bench.at(f'+CCLK="{wrong}"') == b"\r\n+CME ERROR: 50\r\n"


@pytest.mark.parametrize(("mode", "urc"), [(1, b'\r\n+CTZV: "+00"\r\n'),
                                           (2, b'\r\n+CTZE: "+00",0,"2026/01/01,00:00:12"\r\n')])
def test_time_zone_reports(bench: Bench, mode: int, urc: bytes) -> None:
    bench.at(f"+CTZR={mode}")
    bench.at("+COPS=2")
    assert bench.at("+COPS=0", wait="3s").endswith(OK + urc)


def test_strings_are_converted_when_the_alphabet_is_ucs2(bench: Bench) -> None:
    bench.at("+COPS=3,1")
    assert bench.at("+COPS?") == b'\r\n+COPS: 0,1,"AT\x26T",8\r\n' + OK
    assert bench.at('+CSCS="UCS2"') == OK
    assert bench.at("+COPS?") == b'\r\n+COPS: 0,1,"0041005400260054",8\r\n' + OK
    assert bench.at("+CSCA?") == b'\r\n+CSCA: "002B00310032003000360033003100330030003000300034",145\r\n' + OK
    assert bench.at('+CSCS="KLINGON"') == b"\r\n+CME ERROR: 50\r\n"
    assert bench.at("+CSCS?") == b'\r\n+CSCS: "UCS2"\r\n' + OK
