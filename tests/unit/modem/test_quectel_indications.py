"""+QINDCFG: which news a Quectel module tells, byte for byte (Quectel general AT manuals)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.virtual.network.seams import AccessTechnology
from tests.unit.modem.test_sms import FULL, deliver, message

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"


def test_what_is_on_at_first(bench: Bench) -> None:
    for name, value in (("all", 1), ("csq", 0), ("smsfull", 1), ("ring", 1), ("smsincoming", 1), ("act", 0)):
        assert bench.at(f'+QINDCFG="{name}"') == f'\r\n+QINDCFG: "{name}",{value}\r\n'.encode() + OK
    for wrong in ('"none"', '"csq",2', '"csq",1,2', '"csq",1,0,0', ""):
        assert bench.at(f"+QINDCFG={wrong}") == b"\r\n+CME ERROR: 50\r\n"


@pytest.mark.parametrize("name", ["smsincoming", "all"])
def test_news_of_messages_can_be_switched_off(bench: Bench, name: str) -> None:
    bench.at(f'+QINDCFG="{name}",0')
    assert deliver(bench, message())[0] == b""
    bench.at("+CNMI=2,2")
    assert deliver(bench, message())[0] == b""
    bench.at(f'+QINDCFG="{name}",1')
    assert deliver(bench, message())[0].startswith(b"\r\n+CMT: ")


def test_news_of_a_full_store_can_be_switched_off(bench: Bench) -> None:
    bench.at('+QINDCFG="smsfull",0;+CNMI=2,0')
    for _ in range(23):
        deliver(bench, message(), wait="0s")
    assert deliver(bench, message()) == (b"", FULL)


def test_the_signal_is_told_when_it_changes(bench: Bench) -> None:
    assert bench.at('+QINDCFG="csq",1') == OK
    assert bench.wait("1min") == b""
    cell = bench.carrier.answer.cell
    assert cell is not None
    bench.carrier.answer = replace(bench.carrier.answer, cell=replace(cell, rssi_dbm=-93))
    assert bench.wait("6s") == b'\r\n+QIND: "csq",10,99\r\n'
    bench.at('+QINDCFG="csq",0')
    bench.carrier.answer = replace(bench.carrier.answer, cell=replace(cell, rssi_dbm=-51))
    assert bench.wait("1min") == b""


def test_what_was_saved_holds_after_a_power_cut(bench: Bench) -> None:
    bench.at('+QINDCFG="csq",1,1;+QINDCFG="smsincoming",0')
    bench.modem.power_off()
    bench.modem.power_on()
    bench.wait("10s")
    bench.at("E0")
    assert bench.at('+QINDCFG="csq"') == b'\r\n+QINDCFG: "csq",1\r\n' + OK
    assert bench.at('+QINDCFG="smsincoming"') == b'\r\n+QINDCFG: "smsincoming",1\r\n' + OK
    cell = bench.carrier.answer.cell
    assert cell is not None
    bench.carrier.answer = replace(bench.carrier.answer, cell=replace(cell, rssi_dbm=-93))
    assert bench.wait("11s") == b'\r\n+QIND: "csq",10,99\r\n'


def test_another_technology_is_told(bench: Bench) -> None:
    bench.at('+QINDCFG="act",1')
    cell = bench.carrier.answer.cell
    assert cell is not None
    for act, name in ((AccessTechnology.GSM, b"GSM"), (AccessTechnology.NB_IOT, b"NBIoT")):
        bench.modem.registration_changed(replace(bench.carrier.answer, cell=replace(cell, act=act)))
        assert bench.heard() == b'\r\n+QIND: "act","' + name + b'"\r\n'
