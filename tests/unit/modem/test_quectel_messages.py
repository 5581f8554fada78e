"""Parts of long messages in text mode, byte for byte (Quectel SMS application note)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.formats.sms import Concatenation, Submit
from tests.unit.modem.test_sms import deliver, message
from tests.unit.modem.test_sms_contract import sent

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"


def test_a_long_text_in_two_parts(bench: Bench) -> None:
    bench.at("+CMGF=1")
    for number, text in ((1, b"x" * 153), (2, b"and the rest")):
        assert sent(bench, f'+QCMGS="000",129,120,{number},2', text) == b"\r\n+QCMGS: %d\r\n" % (number - 1) + OK
    parts = [Submit.decode(tpdu) for tpdu in bench.carrier.submitted]
    assert [part.text for part in parts] == ["x" * 153, "and the rest"]
    assert [part.concatenation for part in parts] == [Concatenation(reference=120, total=2, sequence=number)
                                                      for number in (1, 2)]


def test_a_short_text_is_sent_as_it_is(bench: Bench) -> None:
    bench.at("+CMGF=1")
    assert sent(bench, '+QCMGS="000"', b"short") == b"\r\n+QCMGS: 0\r\n" + OK
    assert Submit.decode(bench.carrier.submitted[0]).user_data_header == ()


@pytest.mark.parametrize(("typed", "error"), [
    ('"000",129,256,1,2', 303), ('"000",129,1,3,2', 303), ('"000",129,1,0,2', 303), ('"000",129,1', 303),
    ('"000",129,,1,2', 303), ('"",129', 305), ('"000",129,1,1,2,3', 303),
])
def test_numbers_that_fit_no_message(bench: Bench, typed: str, error: int) -> None:
    bench.at("+CMGF=1")
    assert bench.at(f"+QCMGS={typed}") == b"\r\n+CMS ERROR: %d\r\n" % error


def test_a_part_with_its_header_is_shorter(bench: Bench) -> None:
    bench.at("+CMGF=1")
    assert sent(bench, '+QCMGS="000",129,1,1,2', b"x" * 154) == b"\r\n+CMS ERROR: 305\r\n"


def test_a_part_is_read_as_such(bench: Bench) -> None:
    deliver(bench, message("second", user_data_header=(Concatenation(reference=120, total=3, sequence=2),)))
    deliver(bench, message("alone"))
    bench.at("+CMGF=1")
    assert bench.at("+QCMGR=0") == (
        b'\r\n+QCMGR: "REC UNREAD","000",,"26/01/02,12:00:00+00",120,2,3\r\nsecond\r\n' + OK)
    assert bench.at("+QCMGR=1") == b'\r\n+QCMGR: "REC UNREAD","000",,"26/01/02,12:00:00+00"\r\nalone\r\n' + OK
    assert bench.at("+CMGR=0").startswith(b'\r\n+CMGR: "REC READ",')
    bench.at("+CSDH=1")
    assert b'145,6,120,2,3\r\nsecond' in bench.at("+QCMGR=0")
    assert bench.at("+QCMGR=2") == OK
    assert bench.at("+QCMGR=99") == b"\r\n+CMS ERROR: 321\r\n"
    bench.at("+CMGF=0")
    assert bench.at("+QCMGR=1").startswith(b"\r\n+QCMGR: 1,,%d\r\n0791" % len(message("alone")))
    assert bench.at('+QCMGS="000"') == b"\r\n+CMS ERROR: 303\r\n"
