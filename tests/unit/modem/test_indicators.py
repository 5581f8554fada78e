"""Indicators: told when asked, and by themselves to whom wants to hear of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harness.formats.sms import Address, Deliver
from harness.virtual.network.seams import RegistrationStatus

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"
TEXT = Deliver(originator=Address.parse("000"), timestamp=datetime(2026, 1, 2, 12, tzinfo=UTC), text="LED ON").encode()


def receive(bench: Bench) -> bytes:
    """Hand a text to the modem and return what it said."""
    bench.modem.sms_deliver(TEXT, lambda outcome: None)
    return bench.wait("1s")


def hear(bench: Bench, dbm: int) -> None:
    """Let the cell be heard with another strength."""
    answer = bench.carrier.answer
    assert answer.cell is not None
    bench.carrier.answer = replace(answer, cell=replace(answer.cell, rssi_dbm=dbm))


def test_they_are_listed_and_told(bench: Bench) -> None:
    assert bench.at("+CIND=?") == (b'\r\n+CIND: ("battchg",(0-5)),("signal",(0-5)),("service",(0,1)),("message",(0,1)),'
                                   b'("smsfull",(0,1)),("call",(0,1)),("roam",(0,1))\r\n' + OK)
    told = bench.at("+CIND?")
    assert told.startswith(b"\r\n+CIND: 5,")
    assert told.endswith(b",1,0,0,0,1\r\n" + OK)


def test_nobody_hears_of_them_who_did_not_ask(bench: Bench) -> None:
    bench.at("+CNMI=2,0")
    assert receive(bench) == b""


def test_a_message_and_its_reading_are_told(bench: Bench) -> None:
    assert bench.at("+CMER=3,0,0,2;+CNMI=2,0") == OK
    assert receive(bench) == b"\r\n+CIEV: 4,1\r\n"
    assert receive(bench) == b""  # there was one already
    assert bench.at("+CMGR=0").count(b"+CIEV") == 0
    assert bench.at("+CMGR=1").endswith(OK + b"\r\n+CIEV: 4,0\r\n")


def test_a_full_store_is_told_and_that_it_has_room_again(bench: Bench) -> None:
    bench.at('+CPMS="SM","SM","SM";+CMER=1,0,0,1;+CNMI=2,0')
    heard = [receive(bench) for _ in range(25)]
    assert heard[0] == b"\r\n+CIEV: 4,1\r\n"
    assert heard[1:-1] == 23 * [b""]
    assert heard[-1] == b"\r\n+CIEV: 5,1\r\n"
    assert b"\r\n+CIEV: 5,0\r\n" in bench.at("+CMGD=3")


def test_loss_of_service_is_told(bench: Bench) -> None:
    bench.at("+CMER=3,0,0,1")
    heard = bench.at("+CFUN=4") + bench.heard()
    assert b"\r\n+CIEV: 3,0\r\n" in heard
    assert b"\r\n+CIEV: 7,0\r\n" in heard
    assert b"\r\n+CIEV: 2,0\r\n" in heard
    assert b",0,0,0,0,0\r\n" in bench.at("+CIND?")


def test_changes_wait_for_a_mode_in_which_they_are_told(bench: Bench) -> None:
    bench.at("+CMER=0,0,0,1;+CNMI=2,0")
    assert receive(bench) == b""
    assert bench.at("+CMER=3,0,0,1,1") == OK + b"\r\n+CIEV: 4,1\r\n"
    bench.at("+CMER=0,0,0,1")
    bench.at("+CMGR=0")
    assert bench.at("+CMER=3,0,0,1,0") == OK


def test_the_signal_is_looked_at_now_and_then(bench: Bench) -> None:
    bench.at("+CMER=3,0,0,1")
    hear(bench, -113)
    assert bench.wait("6s") == b"\r\n+CIEV: 2,0\r\n"
    hear(bench, -60)
    assert bench.wait("6s") == b"\r\n+CIEV: 2,5\r\n"
    bench.at("+CMER=0")
    hear(bench, -113)
    assert bench.wait("1min") == b""


def test_a_restart_ends_it(bench: Bench) -> None:
    bench.at("+CMER=3,0,0,1")
    bench.modem.reboot()
    bench.wait("20s")
    bench.at("E0+CNMI=2,0")
    assert receive(bench) == b""
    assert bench.modem.radio.registration.status is RegistrationStatus.ROAMING
