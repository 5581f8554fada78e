"""Cell broadcasts at the port: +CSCB, the third value of +CNMI, +CBM, +CBMI and the store BM (3GPP TS 27.005)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import AtSyntaxError
from harness.formats.sms import Alphabet, BroadcastCoding, BroadcastPage, MessageClass, SerialNumber
from harness.virtual.modem.cell_broadcast import Selection

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.virtual.modem import SimCard
    from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"


def page(text: str | None = "Snow", *, code: int = 1, message_id: int = 50, data: bytes = b"", number: int = 1,
         pages: int = 1, coding: int = 0x0F) -> bytes:
    return BroadcastPage(serial=SerialNumber(code=code), message_id=message_id, coding=BroadcastCoding(coding),
                         text=text, data=data, page=number, pages=pages).encode()


def hears(bench: Bench, octets: bytes) -> bytes:
    bench.modem.broadcast_received(octets)
    return bench.heard()


@pytest.fixture
def listening(bench: Bench) -> Bench:
    bench.at('+CSCB=0,"50,4370-4380","";+CNMI=2,1,2,0,0')
    return bench


def test_a_page_in_both_forms(listening: Bench) -> None:
    assert hears(listening, page()) == b"\r\n+CBM: 88\r\n" + page().hex().upper().encode() + b"\r\n"
    listening.at("+CMGF=1")
    assert hears(listening, page(code=2, number=1, pages=3)) == b"\r\n+CBM: 16416,50,15,1,3\r\nSnow\r\n"
    assert listening.at('+CPMS="BM"').startswith(b"\r\n+CPMS: 0,10,")


def test_each_serial_number_is_told_once_per_page(listening: Bench) -> None:
    first, second = page(pages=2), page(number=2, pages=2)
    assert [bool(hears(listening, octets)) for octets in (first, second, first, second)] == [True, True, False, False]
    listening.modem.reboot()
    listening.wait("10s")
    listening.at('E0+CSCB=0,"50";+CNMI=2,1,2,0,0')
    assert hears(listening, first) != b""  # switched off, it forgot what it had heard


def test_what_is_not_selected_is_not_heard(listening: Bench) -> None:
    assert hears(listening, page(message_id=51)) == b""
    assert hears(listening, page(message_id=4375)) != b""
    assert listening.at("+CSCB?") == b'\r\n+CSCB: 0,"50,4370-4380",""\r\n' + OK
    assert listening.at('+CSCB=1,"50",""') == OK
    assert hears(listening, page(code=5)) == b""
    assert hears(listening, page(code=5, message_id=51)) != b""
    for wrong in ('+CSCB=2', '+CSCB=0,"x"', '+CSCB=0,"5-1"', '+CSCB=0,"1",","'):
        assert listening.at(wrong) == b"\r\n+CMS ERROR: 303\r\n"


@pytest.mark.parametrize(("mode", "identifiers", "codings", "taken"), [
    (0, "", "", []), (0, "50", "", [(50, 0), (50, 15)]), (0, "50", "0-3", [(50, 0)]),
    (1, "", "", [(50, 0), (50, 15), (51, 0)]), (1, "50", "", [(51, 0)]), (1, "", "15", [(50, 0), (51, 0)]),
    (1, "50", "15", [(50, 0), (51, 0)]),
])
def test_selection(mode: int, identifiers: str, codings: str, taken: list[tuple[int, int]]) -> None:
    selection = Selection(mode, identifiers, codings)
    assert [pair for pair in ((50, 0), (50, 15), (51, 0)) if selection.takes(*pair)] == taken
    with pytest.raises(AtSyntaxError):
        Selection(mode, "1;2", codings)


@pytest.mark.parametrize(("routing", "kind", "told", "stored"), [
    (0, None, b"", 1), (1, None, b'+CBMI: "BM",0', 1), (2, None, b"+CBM: 88", 0), (3, None, b'+CBMI: "BM",0', 1),
    (3, MessageClass.TE, b"+CBM: 88", 0), (1, MessageClass.TE, b'+CBMI: "BM",0', 1),
])
def test_where_a_page_goes(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard], routing: int,
                           kind: MessageClass | None, told: bytes, stored: int) -> None:
    bench = make_bench(profile="SARA-R4", sim=make_card())
    assert bench.at("+CNMI=?") == b"\r\n+CNMI: (0-3),(0-3),(0-3),(0-2),(0,1)\r\n" + OK
    bench.at(f'+CSCB=0,"50";+CNMI=2,1,{routing},0,0')
    said = hears(bench, page(coding=BroadcastCoding.general(message_class=kind).octet))
    assert told in said
    assert bool(told) == bool(said)
    assert bench.at('+CPMS="BM"').startswith(b"\r\n+CPMS: %d,10," % stored)


def test_stored_pages_are_listed_read_and_deleted(bench: Bench) -> None:
    bench.at('+CSCB=0,"50";+CNMI=2,1,0,0,0')
    for code, text in enumerate(("one", "two")):
        assert hears(bench, page(text, code=code)) == b""
    bench.at('+CPMS="BM"')
    assert bench.at("+CMGR=0") == b"\r\n+CMGR: 0,,88\r\n" + page("one", code=0).hex().upper().encode() + b"\r\n" + OK
    bench.at("+CMGF=1")
    assert bench.at("+CMGR=0") == b'\r\n+CMGR: "REC READ",16384,50,15,1,1\r\none\r\n' + OK
    assert bench.at('+CMGL="ALL"') == (b'\r\n+CMGL: 0,"REC READ",16384,50,1,1\r\none'
                                       b'\r\n+CMGL: 1,"REC UNREAD",16400,50,1,1\r\ntwo\r\n' + OK)
    assert bench.at('+CMGL="REC UNREAD"') == OK
    assert bench.at("+CMGD=0") == OK
    assert bench.at("+CMGD=1,1") == OK
    assert bench.at("+CPMS?").startswith(b'\r\n+CPMS: "BM",0,10,')


def test_the_oldest_page_makes_room(bench: Bench) -> None:
    bench.at('+CSCB=1;+CNMI=2,1,0,0,0;+CMGF=1;+CPMS="BM"')
    for code in range(12):
        hears(bench, page(f"number {code}", code=code))
    listed = bench.at('+CMGL="ALL"')
    assert listed.count(b"+CMGL: ") == 10
    assert b"number 1\r" not in listed
    assert b"number 11" in listed


@pytest.mark.parametrize(("charset", "octets", "shown"), [
    ("GSM", page("@ä"), b"\x00{"), ("IRA", page("@ä"), b"@?"), ("HEX", page("@ä"), b"007B"),
    ("UCS2", page("@ä"), b"004000E4"), ("8859-1", page("@ä"), b"@\xe4"),
    ("IRA", page("雪", coding=0x48), b"96EA"), ("IRA", page(None, data=b"\x01\xfe", coding=0x44), b"01FE" + b"00" * 80),
])
def test_text_mode_shows_a_page_as_it_shows_messages(listening: Bench, charset: str, octets: bytes,
                                                     shown: bytes) -> None:
    listening.at(f'+CMGF=1;+CSCS="{charset}"')
    coding = BroadcastPage.decode(octets).coding
    assert coding.alphabet in Alphabet
    assert hears(listening, octets) == b"\r\n+CBM: 16400,50,%d,1,1\r\n" % coding.octet + shown + b"\r\n"


def test_rubbish_and_silence(listening: Bench) -> None:
    assert hears(listening, b"") == hears(listening, b"\x01" * 5) == b""
    assert listening.events("broadcast_refused") == ["broadcast_refused"] * 2
    listening.at("+COPS=2")
    listening.heard()
    assert hears(listening, page()) == b""  # nobody camps anywhere
    listening.modem.power_off()
    assert hears(listening, page()) == b""
