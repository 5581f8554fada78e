"""Unsolicited results where nobody wants them, and modules that hang, reset, or take their time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.faults.conftest import FaultBench

OK = b"\r\nOK\r\n"
CSQ = b"\r\n+CSQ: 20,99\r\n"
URC = b"\r\n+QIND: \"x\"\r\n"


@pytest.mark.strikes("urc")
@pytest.mark.parametrize("offset", range(len(CSQ + OK) + 2))
def test_any_text_at_any_offset(bench: FaultBench, offset: int) -> None:
    bench.faults.on("AT+CSQ").urc(text='+QIND: "x"', offset=offset)
    assert bench.at("+CSQ") == (CSQ + OK)[:offset] + URC + (CSQ + OK)[offset:]
    assert bench.at("+CSQ") == CSQ + OK


@pytest.mark.strikes("urc")
def test_within_the_echo_and_the_prompt(bench: FaultBench) -> None:
    bench.at("E1")
    bench.at("+CMGF=1")
    for offset in range(8):
        bench.faults.on("AT+CSQ").urc(text='+QIND: "x"', offset=offset, part="echo")
        assert bench.at("+CSQ") == b"AT+CSQ\r"[:offset] + URC + b"AT+CSQ\r"[offset:] + CSQ + OK
    for offset in range(5):
        bench.faults.on("AT+CMGS").urc(text='+QIND: "x"', offset=offset, part="prompt")
        assert bench.at('+CMGS="000"') == b'AT+CMGS="000"\r' + b"\r\n> "[:offset] + URC + b"\r\n> "[offset:]
        bench.type(b"\x1b")


@pytest.mark.strikes("urc")
def test_urcs_at_a_time_in_a_state_and_raw(bench: FaultBench) -> None:
    bench.faults.after("5s").urc(text="+CRING: VOICE")
    assert bench.wait("4999ms") == b""
    assert bench.wait("1ms") == b"\r\n+CRING: VOICE\r\n"
    bench.faults.urc(text="\x00\xff", raw=True)
    assert bench.heard() == b"\x00\xff"
    bench.faults.when(registered=False).urc(text="LOST")
    bench.network.lose_coverage(bench.modem.iccid, duration="5s")
    assert b"\r\nLOST\r\n" in bench.wait("1s")
    bench.faults.when(registered=True).urc(text="BACK")
    assert b"\r\nBACK\r\n" in bench.wait("60s")


@pytest.mark.strikes("urc")
def test_within_a_prompt(bench: FaultBench) -> None:
    bench.at("+CMGF=1")
    bench.faults.when(prompt=True).urc(text="+CMTI: \"ME\",1", raw=True)
    assert bench.at('+CMGS="000"', wait="1ms") == b'\r\n> +CMTI: "ME",1'


@pytest.mark.strikes("urc-burst", "urc-storm")
def test_burst_and_storm(bench: FaultBench) -> None:
    bench.faults.urc_burst(text="+CIEV: 1", count=25)
    assert bench.heard() == b"\r\n+CIEV: 1\r\n" * 25
    bench.faults.on("AT+CSQ").urc_burst(text="+CIEV: 2", count=3, offset=4)
    assert bench.at("+CSQ") == CSQ[:4] + b"\r\n+CIEV: 2\r\n" * 3 + CSQ[4:] + OK
    storm = bench.faults.urc_storm(text="+CIEV: 3", every="10ms", span="1s")
    bench.heard()
    assert bench.wait("995ms").count(b"+CIEV: 3") == 99
    assert bench.wait("10s") == b""
    assert storm.struck == 1
    assert not bench.plan.all
    endless = bench.faults.urc_storm(text="+CIEV: 4", every="1s", span="1h")
    bench.wait("10s")
    bench.faults.remove(endless)
    assert bench.wait("10s") == b""
    assert bench.at("") == OK


@pytest.mark.strikes("hang")
def test_hang(bench: FaultBench) -> None:
    bench.faults.hang(span="30s")
    assert bench.at("+CSQ", wait="20s") == b""
    bench.text("hello")
    assert bench.wait("11s") == b""
    assert bench.at("+CSQ") == CSQ + OK
    hung = bench.faults.hang()
    assert bench.at("", wait="1h") == b""
    bench.faults.remove(hung)
    assert bench.at("") == OK
    bench.faults.on("AT+CSQ").hang(after=6)
    assert bench.at("+CSQ", wait="1min") == CSQ[:6]
    assert bench.at("", wait="1min") == b""
    with bench.world.turn():
        bench.modem.power_off()
        bench.modem.power_on()
    assert b"APP RDY" in bench.wait("10s")
    assert bench.at("") == b"AT\r" + OK


@pytest.mark.strikes("brown-out")
def test_brown_out(bench: FaultBench) -> None:
    bench.at("+CNMI=2,2,0,0,0")
    bench.faults.on("AT+CSQ").brown_out(silence="3s", after=10)
    assert bench.at("+CSQ", wait="2990ms") == CSQ[:10]
    assert bench.wait("10s").startswith(b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\nAPP RDY\r\n\r\n+CPIN: READY\r\n")
    assert bench.at("+CNMI?").startswith(b"AT+CNMI?\r\r\n+CNMI: 2,1,0,0,0")  # echo is back, settings are gone
    bench.faults.at("60s").brown_out()
    assert b"RDY" in bench.wait("60s")


@pytest.mark.strikes("slow-boot")
def test_slow_boot(bench: FaultBench) -> None:
    bench.faults.slow_boot(by="40s")
    bench.at("+CFUN=1,1")
    assert bench.wait("39s") == b""
    assert b"APP RDY" in bench.wait("5s")
    bench.wait("10s")
    bench.at("+CFUN=1,1")
    assert b"APP RDY" in bench.wait("1s")


@pytest.mark.strikes("reset-in-prompt")
def test_reset_in_prompt(bench: FaultBench) -> None:
    bench.at("+CMGF=1")
    bench.faults.on("AT+CMGS").reset_in_prompt()
    assert bench.at('+CMGS="000"') == b"\r\n> "
    assert bench.type(b"hello\x1a") == b""
    assert b"RDY" in bench.wait("20s")
    assert bench.cloud.texts == []
    assert bench.at("E0") == b"ATE0\r" + OK


@pytest.mark.strikes("brown-out")
def test_at_every_point_of_a_dialogue(bench: FaultBench) -> None:
    bench.online()
    bench.faults.on("AT+CSQ").brown_out(point="command")
    assert bench.at("+CSQ", wait="500ms") == b""
    bench.wait("20s")
    bench.at("E0")
    bench.online()
    bench.faults.on("AT+QISEND").brown_out(point="payload", after=4)
    assert bench.at('+QISEND=0,10,"100.64.0.1",6969') == b"\r\n> "
    assert bench.type(b"0123456789", wait="500ms") == b""
    assert b"RDY" in bench.wait("20s")
    assert bench.cloud.datagrams == []
    bench.at("E0")
    bench.faults.on("AT+CSQ").brown_out(point="response", after=1_000)  # behind all of it
    assert bench.at("+CSQ", wait="500ms") == CSQ + OK
    assert b"RDY" in bench.wait("5s")


@pytest.mark.strikes("truncate", "garble", "delay", "never", "duplicate", "brown-out")
def test_faults_of_unsolicited_results(bench: FaultBench) -> None:
    bench.at("+CMGF=1")
    bench.at("+CNMI=2,2,0,0,0")
    said = []
    for prepare in (lambda on: None, lambda on: on.truncate(after=8), lambda on: on.duplicate(),
                    lambda on: on.never(), lambda on: on.garble(), lambda on: on.delay(by="10s"),
                    lambda on: on.brown_out(after=20)):
        prepare(bench.faults.on_urc("+CMT"))
        bench.text("hello")
        said.append(bench.wait("3s"))
    whole, short, twice, nothing, noise, late, cut = said
    assert whole.startswith(b'\r\n+CMT: "000",,"')
    assert whole.endswith(b"hello\r\n")
    assert short == whole[:8]
    assert len(twice) == 2 * len(whole)
    assert twice[:len(whole)] == twice[len(whole):]
    assert nothing == b""
    assert len(noise) == len(whole)
    assert late == b""
    assert cut.startswith(b"\r\n+CMT: \"000\",,\"")
    assert b"hello" not in cut[:cut.find(b"RDY")]
