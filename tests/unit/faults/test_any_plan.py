"""Whatever goes wrong, the modem comes back: plans made by hypothesis, and a client that types anything meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from harness.virtual.faults import KINDS
from harness.virtual.modem.profile import profile_names
from tests.unit.faults.conftest import Shout
from tests.unit.faults.strategies import SPANS, faults

if TYPE_CHECKING:
    from tests.unit.faults.conftest import FaultBench

COMMANDS = st.sampled_from([
    "", "E0", "E1", "+CSQ", "+CMGF=1", "+CMGF=0", '+CMGS="000"', "+CMGS=8", "+CMGL=4", "+CMGD=1,4", "+CFUN=0",
    "+CFUN=1", "+CFUN=1,1", "+COPS=?", "+COPS=0", "+CGATT=0", "+CGATT=1", '+QICSGP=1,1,"super","","",0',
    "+QIACT=1", "+QIDEACT=1",
    '+CNCFG=0,1,"super"', "+CNACT=0,1", '+CAOPEN=0,0,"UDP","100.64.0.1",6969', "+CASEND=0,4", "+NETOPEN",
    '+CIPOPEN=0,"UDP",,,6969', '+CIPSEND=0,4,"100.64.0.1",6969', "+USOCR=17,6969", '+USOST=0,"100.64.0.1",6969,4',
    '+CGDCONT=1,"IP","super"', "+CGACT=1,1", "#SGACT=1,1", '#SD=1,1,6969,"100.64.0.1",0,0,1', "#SSENDEXT=1,4",
    '+QIOPEN=1,0,"UDP SERVICE","127.0.0.1",0,6969,1', '+QISEND=0,4,"100.64.0.1",6969', "+QICLOSE=0", "+CEREG?",
    '+QIOPEN=1,1,"TCP","echo.example",7', "+QISEND=1,4", "+QIRD=1", "+QICLOSE=1",
    '+CAOPEN=1,0,"TCP","echo.example",7', "+CASEND=1,4", '+CIPOPEN=1,"TCP","echo.example",7', "+CIPSEND=1,4",
    "+USOCR=6", '+USOCO=0,"echo.example",7', "+USOWR=0,4", '#SD=2,0,7,"echo.example",0,0,1', "#SSENDEXT=2,4",
    "+CNMI=2,2,0,1,0", "+CPIN?", "+CIMI;+CSQ", "+NONSENSE", "Q1", "Q0", "V0", "V1"])


class AnyPlan(RuleBasedStateMachine):
    """A bench that faults and a client work on at random."""

    make: type[FaultBench]

    bench: FaultBench

    @initialize(profile=st.sampled_from(profile_names()))
    def a_module(self, profile: str) -> None:
        self.bench = self.make(profile=profile)
        self.bench.internet.add_host("echo.example", address="192.0.2.7").on_tcp(7, Shout)

    @rule(described=faults())
    def something_goes_wrong(self, described: dict[str, Any]) -> None:
        self.bench.faults.set(described)

    @rule(command=COMMANDS, wait=SPANS)
    def a_command(self, command: str, wait: str) -> None:
        self.bench.at(command, wait=wait)

    @rule(data=st.binary(max_size=12), wait=SPANS)
    def anything_typed(self, data: bytes, wait: str) -> None:
        self.bench.type(data, wait=wait)

    @rule(text=st.text("abc", min_size=1, max_size=200))
    def a_text_arrives(self, text: str) -> None:
        self.bench.text(text)

    @rule(payload=st.binary(min_size=1, max_size=20))
    def a_datagram_arrives(self, payload: bytes) -> None:
        self.bench.datagram(payload)

    @rule(number=st.integers(0, 9))
    def a_fault_is_removed(self, number: int) -> None:
        present = list(self.bench.faults)
        if present:
            self.bench.faults.remove(present[number % len(present)])

    @rule()
    def time_passes(self) -> None:
        self.bench.wait("10min")

    @invariant()
    def what_struck_is_in_the_journal(self) -> None:
        struck = sum(fault.struck for fault in self.bench.faults)
        journal = self.bench.world.journal
        told = len(journal.select("fault_injected", source="fault"))
        assert told + journal.dropped >= struck  # a fault that brings about what it waits for strikes very often

    def teardown(self) -> None:
        """The plan ends: after a reset of the line, AT is answered."""
        bench = self.bench
        bench.faults.clear()
        assert not len(bench.faults)
        bench.wait("10min")  # what was under way, such as a boot sequence, a search or a delayed result
        bench.type(b"\x1b\x1b\r", wait="5min")  # leave a prompt
        bench.type(b"0" * 4_096 + b"\x1b\r", wait="5min")  # or one of a length
        bench.type(b"ATQ0V1E0\r", wait="5min")
        bench.heard()
        assert bench.type(b"AT\r", wait="1s") == b"\r\nOK\r\n"


def test_no_plan_wedges_the_modem(make_bench: type[FaultBench]) -> None:
    machine = type("Machine", (AnyPlan,), {"make": make_bench})
    run_state_machine_as_test(machine, settings=settings(max_examples=120, stateful_step_count=20, deadline=None))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_alone_on_everything(make_bench: type[FaultBench], kind: str) -> None:
    needed: dict[str, Any] = {"after": 3, "number": 3, "text": "X", "rate": 9600, "iccid": "8988307000000000001",
                              "points": [["0s", -70], ["10s", -120], ["20s", -60]]}
    given = {parameter.name: needed[parameter.name] for parameter in KINDS[kind].parameters if parameter.name in needed}
    bench = make_bench()
    fault = bench.faults.set({"kind": kind, "on": "/./", "sticky": True, **given})
    for command in ("", "+CSQ", "+CMGF=1", '+CMGS="000"', "+CGATT?", "+CSQ"):
        bench.at(command, wait="20s")
    bench.text("hello")
    bench.wait("20s")
    bench.faults.remove(fault)
    bench.wait("10min")
    bench.type(b"\x1b\r", wait="2min")
    bench.type(b"ATE0\r", wait="2min")
    bench.heard()
    assert bench.type(b"AT\r", wait="1s") == b"\r\nOK\r\n"
