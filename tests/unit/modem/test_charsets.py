"""The character sets of +CSCS: each both ways, and at the port (3GPP TS 27.007 clause 5.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.formats.sms import Submit
from harness.virtual.modem.charset import CHARACTER_SETS, from_line, to_line
from tests.unit.modem.test_sms import deliver, message

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"
_CARRIED = {"GSM": "@£ÄöΩ€{x", "HEX": "@£ÄöΩ€{x", "IRA": "@{x~", "8859-1": "@£ÄöÀÿ{x", "UCS2": "@Ω漢🙂"}


@given(st.sampled_from(CHARACTER_SETS), st.data())
def test_what_a_set_has_comes_back(charset: str, data: st.DataObject) -> None:
    text = data.draw(st.text(_CARRIED[charset], max_size=40))
    assert from_line(to_line(text, charset), charset) == text


@given(st.sampled_from(CHARACTER_SETS), st.text(max_size=40))
def test_what_a_set_lacks_is_a_question_mark(charset: str, text: str) -> None:
    line = to_line(text, charset)
    assert line.encode("latin-1").decode("latin-1") == line
    assert len(from_line(line, charset)) == len(text)


@pytest.mark.parametrize(("charset", "written"), [
    ("GSM", b"\x00\x01\x5b\x1b\x65"), ("IRA", b"@???"), ("HEX", b"00015B1B65"), ("8859-1", b"@\xa3\xc4?"),
    ("UCS2", b"004000A300C420AC"),
])
def test_the_same_text_in_each(bench: Bench, charset: str, written: bytes) -> None:
    bench.at("+CNMI=2,2;+CMGF=1")
    assert bench.at(f'+CSCS="{charset}"') == OK
    assert bench.at("+CSCS?") == f'\r\n+CSCS: "{charset}"\r\n'.encode() + OK
    assert deliver(bench, message("@£Ä€"))[0].endswith(b"\r\n" + written + b"\r\n")


@pytest.mark.parametrize(("charset", "address", "typed", "text"), [
    ("HEX", "303030", b"00015B1B65", "@£Ä€"), ("8859-1", "000", b"@\xa3\xc4", "@£Ä"),
    ("8859-1", "000", b"caf\xe9 \xc0", "café À"), ("HEX", "2B3135", b"41", "A"),
])
def test_what_is_typed_is_read_in_it(bench: Bench, charset: str, address: str, typed: bytes, text: str) -> None:
    bench.at(f'+CMGF=1;+CSCS="{charset}"')
    assert bench.at(f'+CMGS="{address}"') == b"\r\n> "
    assert b"+CMGS: 0" in bench.type(typed + b"\x1a") + bench.wait("2s")
    sent = Submit.decode(bench.carrier.submitted[0])
    assert sent.text == text
    assert str(sent.destination) == bytes.fromhex(address).decode() if charset == "HEX" else "000"


def test_names_and_numbers_of_the_network_and_the_card(bench: Bench) -> None:
    bench.at('+CSCS="HEX";+COPS=3,1')
    assert bench.at("+COPS?") == b'\r\n+COPS: 0,1,"41542654",8\r\n' + OK
    assert bench.at("+CSCA?") == b'\r\n+CSCA: "2B3132303633313330303034",145\r\n' + OK
    assert bench.at('+CSCA="2B31323334"') == OK
    assert bench.at('+CMGF=1;+CMGS="zz"') == b"\r\n+CMS ERROR: 305\r\n"
    assert bench.at('+COPS=1,1,"41542654"', wait="1s") == OK
    assert bench.at('+CSCS="47534D"') == OK  # "GSM", as every string in hexadecimal
    assert bench.at("+CSCA?") == b'\r\n+CSCA: "+1234",145\r\n' + OK


def test_the_sets_there_are(bench: Bench) -> None:
    assert bench.at("+CSCS=?") == b'\r\n+CSCS: ("GSM","IRA","UCS2","HEX","8859-1")\r\n' + OK
    assert bench.at('+CSCS="EBCDIC"') == b"\r\n+CME ERROR: 50\r\n"
