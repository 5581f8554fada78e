"""Quectel's commands beside the sockets: +QCFG, +QENG, +QLTS, the card's codes; BG95 and EG91."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.virtual.modem import SimCard

    Bench = Any

OK, ERROR = b"\r\nOK\r\n", b"\r\nERROR\r\n"


def test_configuration(bench: Bench) -> None:
    assert bench.at('+QCFG="nwscanmode"') == b'\r\n+QCFG: "nwscanmode",0\r\n' + OK
    assert bench.at('+QCFG="nwscanmode",3,1') == OK
    assert bench.at('+QCFG="nwscanmode"') == b'\r\n+QCFG: "nwscanmode",3\r\n' + OK
    assert bench.at('+QCFG="iotopmode",0,1;+QCFG="iotopmode"') == b'\r\n+QCFG: "iotopmode",0\r\n' + OK
    assert bench.at('+QCFG="band",F,4,8;+QCFG="band"') == b'\r\n+QCFG: "band",0xf,0x4,0x8\r\n' + OK
    assert bench.at('+QCFG="iotopmode",7') == b"\r\n+CME ERROR: 50\r\n"
    assert bench.at('+QCFG="no such thing"') == b"\r\n+CME ERROR: 50\r\n"


def test_engineering_mode(bench: Bench) -> None:
    assert bench.at('+QENG="servingcell"') == (
        b'\r\n+QENG: "servingcell","NOCONN","CAT-M","FDD",310,410,A1B2C3,257,5110,12,3,3,2F0B,-93,-10,-73,15,31'
        b"\r\n" + OK)
    bench.at("+CFUN=4")
    assert bench.at('+QENG="servingcell"') == b'\r\n+QENG: "servingcell","SEARCH"\r\n' + OK


def test_network_time(bench: Bench) -> None:
    assert bench.at("+QLTS").startswith(b'\r\n+QLTS: "')
    assert bench.at("+QLTS=2").endswith(b'+00,0"\r\n' + OK)
    bench.modem.power_off()
    bench.modem.power_on()
    bench.wait("1s")
    bench.at("E0")
    assert bench.at("+QLTS") == b'\r\n+QLTS: ""\r\n' + OK


def test_the_card_is_told_of_where_asked_for(bench: Bench) -> None:
    assert bench.at("+QSIMDET=1,0;+QSIMSTAT=1;+QSIMSTAT?") == b"\r\n+QSIMSTAT: 1,1\r\n" + OK
    card = bench.modem.remove_sim()
    assert bench.heard().endswith(b"\r\n+CPIN: NOT READY\r\n\r\n+QSIMSTAT: 1,0\r\n")
    bench.modem.insert_sim(card)
    assert bench.wait("5s").startswith(b"\r\n+QSIMSTAT: 1,1\r\n\r\n+CPIN: READY\r\n\r\n+QUSIM: 1\r\n")


@pytest.mark.parametrize(("profile", "banner"), [
    ("BG95", b"\r\nRDY\r\n\r\nAPP RDY\r\n\r\n+CPIN: READY\r\n\r\n+QUSIM: 1\r\n\r\n+QIND: SMS DONE\r\n"),
    ("EG91", b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n\r\n+QUSIM: 1\r\n\r\n+QIND: SMS DONE\r\n"
             b"\r\n+QIND: PB DONE\r\n"),
])
def test_boot_sequences(profile: str, banner: bytes, make_bench: Callable[..., Bench],
                        make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(profile=profile, sim=make_card(), boot=False)
    bench.modem.power_on()
    assert bench.wait("10s") == banner
    bench.at("E0")
    assert bench.at("I").startswith(b"\r\nQuectel\r\n" + profile.encode())


def test_bands_of_one_system_are_chosen_and_the_others_stay(bench: Bench) -> None:
    assert bench.at('+QCFG="band",0,800,0') == OK
    assert bench.at('+QCFG="band"') == b'\r\n+QCFG: "band",0xf,0x800,0xa0e189f\r\n' + OK
    assert bench.at('+QCFG="band",1,0x400a0e189f,10,1;+QCFG="band"') == (
        b'\r\n+QCFG: "band",0x1,0x400a0e189f,0x10\r\n' + OK)
    assert bench.at('+QCFG="band",all') == b"\r\n+CME ERROR: 50\r\n"


def test_system_and_signal_are_told_where_asked_for(bench: Bench) -> None:
    assert bench.at('+QINDCFG="csq"') == b'\r\n+QINDCFG: "csq",0\r\n' + OK
    assert bench.at('+QINDCFG="csq",1,0;+QINDCFG="act",1') == OK
    bench.at("+COPS=2")
    said = bench.at("+COPS=0", wait="5s")
    assert b'\r\n+QIND: "act","eMTC"\r\n' in said
    assert b'\r\n+QIND: "csq",20,99\r\n' in said
    bench.at('+QINDCFG="all",0')
    bench.at("+COPS=2")
    assert b"+QIND" not in bench.at("+COPS=0", wait="5s")
    assert bench.at('+QINDCFG="colour",1') == b"\r\n+CME ERROR: 50\r\n"
