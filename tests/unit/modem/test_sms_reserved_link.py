"""What +CNMI's modes do with news while the link to the client carries data (3GPP TS 27.005 clause 3.4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.formats.sms import BroadcastPage, SerialNumber
from harness.virtual.network.seams import SmsAccepted, SmsRejected
from tests.unit.modem.test_sms import deliver, message, report

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"
PAGE = BroadcastPage(serial=SerialNumber(code=1), message_id=50, text="x").encode()
CMTI = b'\r\n+CMTI: "ME",0\r\n'


def dial(bench: Bench) -> None:
    """Put the port into data mode."""
    bench.at('+CGDCONT=1,"IP","super"')
    assert b"CONNECT" in bench.at("D*99#", wait="2s")


def back(bench: Bench) -> bytes:
    """Bring the port back to commands and return what it says from then on."""
    bench.wait("2s")
    bench.type(b"+++")
    said = bench.wait("2s")
    return said[said.rindex(OK) + len(OK):]


@pytest.mark.parametrize(("mode", "told"), [(0, b""), (1, b""), (2, CMTI)])
def test_what_is_stored_is_told_later_or_never(bench: Bench, mode: int, told: bytes) -> None:
    bench.at(f"+CNMI={mode},1,0,0,0")
    dial(bench)
    heard, outcomes = deliver(bench, message())
    assert outcomes == [SmsAccepted()]
    assert b"+CMTI" not in heard
    assert back(bench) == told
    assert bench.at("+CPMS?").startswith(b'\r\n+CPMS: "ME",1,')


def test_mode_0_keeps_it_until_another_mode_flushes_or_clears_it(bench: Bench) -> None:
    for flush, told in ((0, CMTI), (1, b"")):
        bench.at("+CMGD=0,4;+CNMI=0,1,0,0,0")
        dial(bench)
        deliver(bench, message())
        assert back(bench) == b""
        assert bench.at(f"+CNMI=2,1,0,0,{flush}") == OK + told
        bench.at("H")
        bench.wait("1s")


def test_mode_1_refuses_what_it_would_have_to_route_and_the_network_tries_again(bench: Bench) -> None:
    bench.at('+CNMI=1,2,2,1,0;+CSCB=0,"50"')
    dial(bench)
    for tpdu in (message(), report()):
        assert deliver(bench, tpdu)[1] == [SmsRejected(cause=41)]
    bench.modem.broadcast_received(PAGE)
    assert back(bench) == b""
    heard, outcomes = deliver(bench, message())
    assert outcomes == [SmsAccepted()]
    assert heard.startswith(b"\r\n+CMT: ,")


def test_mode_2_routes_when_the_link_is_free_again(bench: Bench) -> None:
    bench.at('+CNMI=2,2,2,1,0;+CSCB=0,"50"')
    dial(bench)
    assert deliver(bench, message())[1] == deliver(bench, report())[1] == [SmsAccepted()]
    bench.modem.broadcast_received(PAGE)
    said = back(bench)
    assert said.index(b"+CMT: ,") < said.index(b"+CDS: ") < said.index(b"+CBM: 88")


@pytest.mark.parametrize("mode", [1, 2])
def test_another_port_hears_it_at_once(bench: Bench, mode: int) -> None:
    other = bytearray()
    bench.modem.add_port(other.extend)
    bench.at(f"+CNMI={mode},2,0,0,0")
    dial(bench)
    assert deliver(bench, message())[1] == [SmsAccepted()]
    assert other.startswith(b"\r\n+CMT: ,")
    assert (b"+CMT" in back(bench)) is (mode == 2)


def test_a_module_without_ports_has_no_link_that_could_be_reserved(bench: Bench) -> None:
    bench.at("+CNMI=1,2,0,0,0")
    bench.modem.remove_port(bench.port)
    assert deliver(bench, message())[1] == [SmsAccepted()]
