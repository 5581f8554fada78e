"""Faults in the dialects of other makers: errors in their own terms, and nothing that wedges a module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.virtual.faults import KINDS
from harness.virtual.modem.profile import profile_names

if TYPE_CHECKING:
    from tests.unit.faults.conftest import FaultBench

SOCKETS = {
    # what leads there, what opens a socket, how a failure is told, what sends, and how a refusal to take data is told
    "SIM7080G": (['+CNCFG=0,1,"super"', "+CNACT=0,1"], '+CAOPEN=0,0,"UDP","100.64.0.1",6969', b"+CAOPEN: 0,27\r\n",
                 "+CASEND=0,4", b"\r\nERROR\r\n"),
    "SIM7600": (['+CGDCONT=1,"IP","super"', "+NETOPEN"], '+CIPOPEN=0,"UDP",,,6969', b"+CIPOPEN: 0,27\r\n",
                '+CIPSEND=0,4,"100.64.0.1",6969', b"+CIPSEND: 0,4,-1\r\n"),
    "SARA-R4": (['+CGDCONT=1,"IP","super"', "+CGACT=1,1"], "+USOCR=17,6969", b"+CME ERROR: 3\r\n",
                '+USOST=0,"100.64.0.1",6969,4', b"+CME ERROR: 3\r\n"),
    "ME910": (['+CGDCONT=1,"IP","super"', "#SGACT=1,1"], '#SD=1,1,6969,"100.64.0.1",0,0,1', b"+CME ERROR: 27\r\n",
              "#SSENDEXT=1,4", b"+CME ERROR: 563\r\n"),
    "EC25": (['+QICSGP=1,1,"super","","",0', "+QIACT=1"], '+QIOPEN=1,0,"UDP","100.64.0.1",6969,0,0',
             b"+QIOPEN: 0,27\r\n", "+QISEND=0,4", b"SEND FAIL\r\n"),
}


@pytest.mark.parametrize("profile", sorted(SOCKETS))
def test_sockets(make_bench: type[FaultBench], profile: str) -> None:
    before, opening, failure, sending, refusal = SOCKETS[profile]
    bench = make_bench(profile=profile)
    bench.wait("30s")
    for command in before:
        bench.at(command, wait="5s")
    bench.faults.packet.socket_error(number=27)
    assert failure in bench.at(opening, wait="5s")
    assert failure not in bench.at(opening, wait="5s")
    bench.faults.packet.buffer_full()
    for taken in (False, True):
        bench.at(sending)
        said = bench.type(b"data", wait="5s")
        assert (refusal not in said) is taken, said
    assert bench.cloud.datagrams == [b"data"]


@pytest.mark.parametrize("profile", sorted(set(profile_names()) - {"BG96"}))
def test_every_kind_at_once(make_bench: type[FaultBench], profile: str) -> None:
    needed: dict[str, Any] = {"after": 3, "number": 3, "text": "X", "rate": 9600, "iccid": "8988307000000000001",
                              "points": [["0s", -70], ["10s", -120], ["20s", -60]]}
    bench = make_bench(profile=profile)
    for kind in KINDS.values():
        given = {parameter.name: needed[parameter.name] for parameter in kind.parameters if parameter.name in needed}
        bench.faults.set({"kind": kind.name, "on": "/./", "p": 0.3, **given})
    for _ in range(3):
        for command in ("", "+CSQ", "+CMGF=1", '+CMGS="000"', "+CGATT?", "+CFUN=1", "+CEREG?"):
            bench.at(command, wait="20s")
        bench.type(b"\x1b")
        bench.text("hello")
        bench.wait("20s")
    assert bench.world.journal.select("fault_injected")
    bench.faults.clear()
    bench.wait("20min")
    bench.type(b"\x1b\r", wait="2min")
    bench.type(b"ATE0\r", wait="2min")
    bench.heard()
    assert bench.type(b"AT\r", wait="1s") == b"\r\nOK\r\n"
