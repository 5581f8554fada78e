"""Selectors, and what becomes of faults in a plan."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import UsageError
from harness.virtual.faults import KINDS, parse_fault
from harness.virtual.faults.spec import Pattern

if TYPE_CHECKING:
    from tests.unit.faults.conftest import FaultBench

OK = b"\r\nOK\r\n"
ERROR = b"\r\nERROR\r\n"


def answers(bench: FaultBench, count: int, command: str = "+CGMM") -> list[bool]:
    """Return for each of some commands whether it was answered as it should be."""
    return [bench.at(command).endswith(OK) for _ in range(count)]


@pytest.mark.parametrize(("pattern", "text", "fits"), [
    ("AT+CMGS", 'AT+CMGS="000"', True), ("at+cmgs", "AT+CMGS=5", True), ("+CMGS", "AT+CMGS=5", True),
    ("AT+CMG", "AT+CMGS=5", False), ("AT+CSQ", "AT+CSQ?", True), ("AT", "AT", True), ("AT", "AT+CSQ", False),
    ("/CMG[SW]/", "AT+CMGW=5", True), ("/^AT$/", "AT+CSQ", False), ("AT+CFUN=1", "AT+CFUN=1,1", True),
    ("AT+CFUN=1", "AT+CFUN=15", False), ("ATD", "ATD*99#", True), ("+CMT", "+CMT: ,24", True),
    ("+CMT", '+CMTI: "ME",1', False), ("AT+COPS=?", "AT+COPS=?", True), ("AT+C.Q", "AT+CSQ", False)])
def test_patterns(pattern: str, text: str, fits: bool) -> None:
    assert Pattern(pattern).matches(text) is fits


def test_once_nth_times_sticky(bench: FaultBench) -> None:
    bench.faults.on("AT+CGMM").error()
    assert answers(bench, 3) == [False, True, True]
    bench.faults.on("AT+CGMM", nth=2).error()
    assert answers(bench, 4) == [True, False, True, True]
    bench.faults.on("AT+CGMM", nth=2, times=2).error()
    assert answers(bench, 5) == [True, False, False, True, True]
    fault = bench.faults.on("AT+CGMM", nth=3, sticky=True).error()
    assert answers(bench, 5) == [True, True, False, False, False]
    assert (fault.seen, fault.struck, fault.left) == (5, 3, None)
    bench.faults.remove(fault)
    assert answers(bench, 1) == [True]
    with pytest.raises(UsageError, match="there is no fault"):
        bench.faults.remove(fault)


def test_time_state_and_span(bench: FaultBench) -> None:
    bench.faults.on("AT+CGMM", sticky=True).after("10s").error(lasting="20s")
    assert answers(bench, 2) == [True, True]
    bench.wait("10s")
    assert answers(bench, 2) == [False, False]
    bench.wait("20s")
    assert answers(bench, 2) == [True, True]
    bench.faults.on("AT+CGMM", sticky=True).when(registered=False).error()
    assert answers(bench, 1) == [True]
    bench.network.lose_coverage(bench.modem.iccid, duration="10s")
    bench.wait("1s")
    assert answers(bench, 1) == [False]
    bench.wait("1min")
    assert answers(bench, 1) == [True]


def test_states(bench: FaultBench) -> None:
    for state in ("powered", "registered", "sim_ready"):
        bench.faults.on("AT+CGMM").when(**{state: True}).error()
        assert answers(bench, 2) == [False, True], state
    for state in ("context", "socket", "unread", "data", "prompt"):
        fault = bench.faults.on("AT+CGMM").when(**{state: True}).error()
        assert answers(bench, 1) == [True], state
        bench.faults.remove(fault)
    bench.online()
    bench.text("unread")
    bench.wait("5s")
    for state in ("context", "socket", "unread"):
        bench.faults.on("AT+CGMM").when(**{state: True}).error()
        assert answers(bench, 2) == [False, True], state


def test_a_state_strikes_when_it_begins(bench: FaultBench) -> None:
    fault = bench.faults.when(registered=True).network.lost(span="10s", sticky=True)
    bench.wait("1min")
    assert fault.struck == 6  # every 12 s: 10 without coverage, 2 to search
    bench.faults.clear()
    bench.wait("1min")
    assert bench.at("+CEREG?").startswith(b"\r\n+CEREG: 0,5")


def test_probability_and_seed(make_bench: type[FaultBench]) -> None:
    def run(seed: int) -> list[bool]:
        bench = make_bench(seed=seed)
        bench.faults.on("AT+CGMM", p=0.3).error()
        return answers(bench, 60)

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert 6 <= run(1).count(False) <= 30


def test_a_seed_of_its_own(make_bench: type[FaultBench]) -> None:
    def run(seed: int, own: int) -> list[bool]:
        bench = make_bench(seed=seed)
        bench.faults.on("AT+CGMM", p=0.3).error(seed=own)
        return answers(bench, 40)

    assert run(1, 5) == run(2, 5)
    assert run(1, 5) != run(1, 6)


def test_every_strike_is_in_the_journal_and_runs_are_equal(make_bench: type[FaultBench]) -> None:
    def run() -> FaultBench:
        bench = make_bench()
        bench.at("+CMGF=1")
        bench.faults.on("AT+CMGS", nth=2).truncate(after=5)
        bench.faults.at("60s").brown_out()
        bench.faults.sms.duplicate(p=0.3)
        bench.faults.udp.loss(p=0.2)
        for number in range(4):
            bench.text(f"{number}")
            bench.at('+CMGS="000"')
            bench.type(b"x\x1a", wait="30s")
        return bench

    bench = run()
    entries = bench.world.journal.select("fault_injected", source="fault", device="modem-1")
    assert [(entry.data["kind"], entry.data.get("command")) for entry in entries
            if entry.data["kind"] != "sms-duplicate"] == [
        ("truncate", 'AT+CMGS="000"'), ("brown-out", None)]
    assert [entry.data["kind"] for entry in bench.world.journal.select("fault_set")] == [
        "truncate", "brown-out", "sms-duplicate", "udp-loss"]
    assert run().world.journal.digest() == bench.world.journal.digest()


def test_what_can_be_undone_is_undone(bench: FaultBench) -> None:
    described: tuple[dict[str, Any], ...] = (
        {"kind": "network-none"}, {"kind": "network-denied", "cause": 11}, {"kind": "network-no-roaming"},
        {"kind": "sim-removed"}, {"kind": "hang"}, {"kind": "baud", "rate": 9600})
    for one in described:
        fault = bench.faults.set(one)
        bench.wait("10s")
        assert fault in list(bench.faults)
        bench.faults.remove(fault)
        assert not len(bench.faults)
        bench.at("+COPS=1,2,\"310410\"", wait="20s")  # who was denied for good is asked for by hand
        bench.wait("20s")
        assert bench.at("+CEREG?").startswith(b"\r\n+CEREG: 0,5"), fault.kind


@pytest.mark.parametrize(("described", "complaint"), [
    ({}, "kind: no such kind of fault: None"),
    ({"kind": "truncat"}, "kind: no such kind of fault: 'truncat' (did you mean 'truncate'?)"),
    ({"kind": "truncate"}, "after: a fault of kind 'truncate' needs it"),
    ({"kind": "truncate", "after": -1}, "after: must be a whole number from 0 to 1000000, not -1"),
    ({"kind": "truncate", "after": True}, "after: must be a whole number"),
    ({"kind": "truncate", "aftr": 1}, "aftr: no such key of a fault of kind 'truncate' (did you mean 'after'?)"),
    ({"kind": "delay", "by": "5 apples"}, "by: not a duration: '5 apples'"),
    ({"kind": "delay", "nth": 0}, "nth: must be a whole number from 1"),
    ({"kind": "delay", "seed": -1}, "seed: must be a whole number from 0"),
    ({"kind": "delay", "p": 2}, "p: must be a probability from 0 to 1, not 2"),
    ({"kind": "delay", "on": "/(/"}, "on: no regular expression"),
    ({"kind": "delay", "on": "AT", "urc": "+CMT"}, "urc: a fault strikes a command or an unsolicited result"),
    ({"kind": "cme", "number": 3, "urc": "+CMT"}, "urc: a fault of kind 'cme' strikes commands only"),
    ({"kind": "delay", "at": "1s", "in": "1s"}, "in: give one of 'at' and 'in'"),
    ({"kind": "delay", "sticky": 1}, "sticky: must be true or false"),
    ({"kind": "delay", "sticky": True, "times": 2}, "times: a sticky fault strikes without end"),
    ({"kind": "delay", "when": {"registred": True}}, "when: no such state: 'registred' (did you mean 'registered'?)"),
    ({"kind": "delay", "when": {"registered": "yes"}}, "when: registered must be true or false"),
    ({"kind": "jitter", "low": "3s"}, "high: must not be less than 'low'"),
    ({"kind": "brown-out", "nth": 2}, "nth: a fault of kind 'brown-out' needs 'on' or 'urc' to count"),
    ({"kind": "unplug", "urc": "+CMT", "point": "prompt"}, "point: an unsolicited result is all response"),
    ({"kind": "unplug", "point": "middle"}, "point: must be one of command, prompt, payload, response, not 'middle'"),
    ({"kind": "sim-iccid", "iccid": "123"}, "iccid: must be 18 to 20 digits, not '123'"),
    ({"kind": "network-signal", "points": [["1s", -70], ["0s", -80]]}, "points: must be points such as"),
    ({"kind": "network-signal", "points": [["1s", 20]]}, "points: a signal is a whole number of dBm"),
    ({"kind": "urc", "text": "€"}, "text: must be a text"),
    ({"kind": "urc-storm", "text": "x", "every": 0}, "every: must be longer than 0"),
    ({"kind": "sms-duplicate", "modem": 3}, "modem: must be the name of a modem"),
])
def test_what_is_wrong_is_named_with_its_key(described: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_fault(described)
    assert str(caught.value).startswith(complaint)


def test_descriptions_read_back() -> None:
    for kind in KINDS.values():
        needed: dict[str, Any] = {"after": 3, "number": 3, "text": "X", "rate": 9600, "iccid": "8988307000000000001",
                                  "points": [["0s", -70], ["10s", -90]]}
        described = {"kind": kind.name, "modem": "modem-1", "p": 0.5, "lasting": "1min", "seed": 3,
                     "when": {"registered": True}, "in": "250ms",
                     **{parameter.name: needed[parameter.name] for parameter in kind.parameters
                        if parameter.name in needed}}
        spec = parse_fault(described)
        assert parse_fault(spec.describe()) == spec
    assert parse_fault({"kind": "network-signal", "points": "0s:-70,10s:-110"}).parameters["points"] == (
        (0, -70), (10_000_000_000, -110))


def test_an_instant_that_has_passed_is_refused(bench: FaultBench) -> None:
    with pytest.raises(UsageError, match="at: 1 s has passed: it is 10 s; write 'in' for a time from now"):
        bench.faults.at("1s").brown_out()
    bench.faults.on("AT+CGMM").at("1s").error()  # not before
    assert answers(bench, 2) == [False, True]


def test_compiled_patterns_and_blocks(bench: FaultBench) -> None:
    bench.faults.on(re.compile("CG[MS]M")).error()
    assert answers(bench, 2) == [False, True]
    with bench.faults.on("AT+CGMM", sticky=True).error() as fault:
        assert answers(bench, 2) == [False, False]
    assert answers(bench, 1) == [True]
    fault.remove()  # it is gone: no error


def test_kinds_are_called_by_name(bench: FaultBench) -> None:
    assert {"truncate", "brown_out", "on", "sms"} <= set(dir(bench.faults))
    assert {"duplicate", "scts"} <= set(dir(bench.faults.sms))
    with pytest.raises(AttributeError, match="there is no kind of fault 'sms-truncate'"):
        bench.faults.sms.truncate()
    assert bench.faults.set({"kind": "delay", "on": "AT+CGMM", "by": "1s"}).kind == "delay"
    assert bench.at("+CGMM") == b""


def test_without_faults_nothing_stands_between(bench: FaultBench) -> None:
    bench.faults.on("AT+CGMM").garble()
    assert bench.port.output.tamper is not None
    bench.at("+CGMM")
    bench.wait("1s")
    assert bench.port.output.tamper is None
