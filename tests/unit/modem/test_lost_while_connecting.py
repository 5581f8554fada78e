"""A context that ends while a connection is being made: who waits for the connection is told, in the maker's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.virtual.modem import SimCard

    Bench = Any

OK = b"\r\nOK\r\n"
QUECTEL = ('+QICSGP=1,1,"super"', "+QIACT=1")
TELIT = ('+CGDCONT=1,"IP","super"', "#SGACT=1,1")
SARA_R4 = ('+CGDCONT=1,"IP","super"', "+CGACT=1,1", "+USOCR=6")
SARA_R5 = ('+CGDCONT=1,"IP","super"', "+UPSDA=0,3", "+USOCR=6")


@pytest.fixture
def connecting(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> Callable[..., Bench]:
    def made(profile: str, before: tuple[str, ...], command: str, at_once: bytes) -> Bench:
        bench = make_bench(profile=profile, sim=make_card())
        for line in before:
            bench.at(line, wait="2s")
        assert bench.at(command, wait="1s") == at_once
        return bench

    return made


@pytest.mark.parametrize(("profile", "before", "command", "at_once", "told"), [
    ("BG96", QUECTEL, '+QIOPEN=1,0,"TCP","example.com",80,0,1', OK,
     b'\r\n+QIOPEN: 0,554\r\n\r\n+QIURC: "pdpdeact",1\r\n'),
    ("BG96", QUECTEL, '+QIOPEN=1,0,"TCP","example.com",80,0,2', b"", b'\r\nERROR\r\n\r\n+QIURC: "pdpdeact",1\r\n'),
    ("SIM7080G", ('+CNCFG=0,1,"super"', "+CNACT=0,1"), '+CAOPEN=0,0,"TCP","example.com",80', b"",
     b"\r\n+CAOPEN: 0,1\r\n" + OK + b"\r\n+APP PDP: 0,DEACTIVE\r\n"),
    ("SIM7600", ('+CGDCONT=1,"IP","super"', "+NETOPEN"), '+CIPOPEN=0,"TCP","example.com",80', OK,
     b"\r\n+CIPOPEN: 0,6\r\n\r\n+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY\r\n"),
    ("SIM7600", ('+CGDCONT=1,"IP","super"', "+CIPMODE=1", "+NETOPEN"), '+CIPOPEN=0,"TCP","example.com",80', b"",
     b"\r\nCONNECT FAIL\r\n\r\n+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY\r\n"),
    ("SARA-R4", SARA_R4, '+USOCO=0,"example.com",80', b"", b"\r\n+CME ERROR: 3\r\n\r\n+UUSOCL: 0\r\n"),
    ("SARA-R5", SARA_R5, '+USOCO=0,"example.com",80', b"",
     b"\r\n+CME ERROR: 3\r\n\r\n+UUSOCL: 0\r\n\r\n+UUPSDD: 0\r\n"),
    ("SARA-R5", SARA_R5, '+USOCO=0,"example.com",80,1', OK,
     b"\r\n+UUSOCO: 0,107\r\n\r\n+UUSOCL: 0\r\n\r\n+UUPSDD: 0\r\n"),
    ("ME910", TELIT, '#SD=1,0,80,"example.com"', b"", b"\r\nNO CARRIER\r\n"),
    ("ME910", TELIT, '#SD=1,0,80,"example.com",0,0,1', b"", b"\r\n+CME ERROR: 557\r\n"),
])
def test_who_waits_for_a_connection_is_told(connecting: Callable[..., Bench], profile: str, before: tuple[str, ...],
                                            command: str, at_once: bytes, told: bytes) -> None:
    bench = connecting(profile, before, command, at_once)
    bench.modem.session_lost(1)
    assert bench.heard() == told
    assert bench.at("", wait="1s") == OK
    assert bench.carrier.connections[-1].closed


def test_a_closed_opening_says_no_more_of_itself(connecting: Callable[..., Bench]) -> None:
    bench = connecting("BG96", QUECTEL, '+QIOPEN=1,0,"TCP","example.com",80,0,1', OK)
    assert bench.at("+QICLOSE=0", wait="1s") == OK
    assert bench.at("+QISTATE=1,0", wait="1s") == OK
