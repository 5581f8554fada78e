"""Faults in a test, in a rig file, and live on a running stack."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
import serial

from harness.clock import Stopwatch
from harness.errors import ModemError, RigFileError, TimeoutExpired
from harness.rig import RigOpener
from harness.rig.load import parse_rig
from tests.integration.rig.conftest import Stack

pytest_plugins = ["pytester"]

_RIG = """
name = "faulty"
board = []

[[faults]]
kind = "cme"
number = 30
on = "AT+CSQ"
nth = 2

[[faults]]
kind = "sim-busy"
span = "30s"

[[faults]]
kind = "slow-boot"
by = "20s"
"""

_TESTS = """
import pytest
from harness.errors import CommandFailed, TimeoutExpired

def test_what_the_rig_file_says(modem, journal):
    with pytest.raises(TimeoutExpired):
        modem.registered(within="30s")
    modem.registered(within="60s")
    modem.command("AT+CSQ")
    with pytest.raises(CommandFailed, match="CME ERROR: 30"):
        modem.command("AT+CSQ")
    modem.command("AT+CSQ")
    assert [entry.data["kind"] for entry in journal.select("fault_injected")] == ["sim-busy", "slow-boot", "cme"]

def test_what_the_test_says(modem, faults, cloud, clock):
    faults.clear()
    modem.registered(within="120s")
    faults.sms.duplicate()
    cloud.supersim.sim(modem.iccid).send_sms("LED ON")
    modem.expect_sms("LED ON", within="60s")
    modem.expect_sms("LED ON", within="60s")
    faults.on("AT+CMGS").sms.refused(cause=42)
    with pytest.raises(CommandFailed, match="CMS ERROR: 42"):
        modem.send_sms("000", "hello")
    denied = faults.network.denied(cause=11)
    clock.sleep("1s")
    with pytest.raises(TimeoutExpired):
        modem.registered(within="10s")
    faults.remove(denied)
    assert denied.struck == 1

def test_a_brown_out_is_survived(modem, faults):
    modem.registered(within="120s")
    faults.on("AT+CSQ").brown_out(after=3)
    with pytest.raises(Exception):
        modem.command("AT+CSQ")
    modem.expect_urc("+CPIN: READY", within="120s")
    modem.registered(within="120s")
"""


def test_fixture_and_rig_file(pytester: pytest.Pytester) -> None:
    pytester.makefile(".toml", rig=_RIG)
    pytester.makepyfile(_TESTS)
    result = pytester.runpytest_subprocess("--rig", "rig.toml", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=3)


def test_a_failed_test_tells_of_its_faults(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        def test_it(modem, faults):
            faults.on("AT+CSQ", nth=2).truncate(after=5)
            modem.command("AT+CSQ")
            modem.command("AT+CSQ", within="1s")
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- faults -*", "1: truncate {'on': 'AT+CSQ', 'nth': 2, 'after': 5} struck 1"])


def test_faults_that_never_struck_are_told(pytester: pytest.Pytester) -> None:
    pytester.makefile(".toml", rig=_RIG + '\n[[faults]]\nkind = "sms-drop"\n')
    pytester.makepyfile("""
        def test_all_strike(modem, faults):
            faults.clear()
            faults.on("AT+CGMR").replace("another one")
            assert modem.command("AT+CGMR").text == "another one"

        def test_one_does_not(modem, faults):
            with faults.on("AT+CGMR", nth=2).delay(by="1s"):
                modem.command("AT+CGMR")

        def test_chance_may_leave_one_out(modem, faults):
            faults.sms.duplicate(p=0.1)
    """)
    result = pytester.runpytest_subprocess("--rig", "rig.toml", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=3, warnings=1)
    result.stdout.fnmatch_lines([
        "*FaultNeverStruck: fault 5 never struck: {'kind': 'delay', 'on': 'AT+CGMR', 'nth': 2, 'by': '1s'}; 1 fitted",
        "rig: never struck in any test: cme (fault 1 of the rig file)",
        "rig: never struck in any test: sms-drop (fault 4 of the rig file)"])
    result.stdout.no_fnmatch_line("*never struck in any test: sim-busy*")
    strict = pytester.runpytest_subprocess("--rig", "rig.toml", "-p", "no:cacheprovider",
                                           "-W", "error::harness.pytest_plugin.FaultNeverStruck")
    strict.assert_outcomes(passed=3, errors=1)


@pytest.mark.parametrize(("text", "complaint"), [
    ('kind = "brownout"', "rig.toml: faults[0].kind: no such kind of fault: 'brownout' (did you mean 'brown-out'?)"),
    ('kind = "truncate"\naftr = 5', "rig.toml: faults[0].aftr: no such key of a fault of kind 'truncate'"),
    ('kind = "truncate"\nafter = "x"', "rig.toml: faults[0].after: must be a whole number from 0 to 1000000, not 'x'"),
    ('kind = "delay"\nmodem = "modem-7"', "faults[0].modem: there is no modem 'modem-7': there are modem-1"),
    ('on = "AT"', "rig.toml: faults[0].kind: field required"),
])
def test_what_is_wrong_in_a_rig_file_is_named(text: str, complaint: str) -> None:
    with pytest.raises(RigFileError) as caught:
        parse_rig(f"[[faults]]\n{text}\n", name="rig.toml")
    assert complaint in str(caught.value)


def test_one_modem_of_two_and_equal_runs() -> None:
    file = parse_rig("""
        board = []
        modem = [{name = "one"}, {name = "two"}]
        faults = [
            {kind = "network-denied", cause = 15, modem = "two"}, {kind = "sms-duplicate", p = 0.4},
            {kind = "garble", on = "AT+CSQ", p = 0.5}, {kind = "brown-out", at = "100s", modem = "one"},
        ]""", name="rig.toml")
    opener = RigOpener(file)

    def run(seed: int) -> tuple[str, list[str]]:
        opener.seed = seed
        rig = opener.open()
        try:
            one, two = rig.modem("one"), rig.modem("two")
            one.registered(within="60s")
            assert two.registration().status.name == "DENIED"
            for number in range(8):
                rig.cloud.supersim.sim("one").send_sms(f"{number}")
            rig.clock.sleep("60s")
            for _ in range(8):
                with contextlib.suppress(ModemError, TimeoutExpired):
                    one.command("AT+CSQ")
            rig.clock.sleep("2min")
            one.registered(within="60s")
            kinds = [str(entry.data["kind"]) for entry in rig.journal.select("fault_injected")]
            return rig.journal.digest(without=["driver"]), kinds
        finally:
            rig.close()

    try:
        first = run(5)
        assert run(5) == first
        assert run(6) != first
        assert {"network-denied", "sms-duplicate", "garble", "brown-out"} == set(first[1])
    finally:
        opener.close()


@pytest.fixture(scope="module")
def stack(stack: Stack) -> Stack:
    """A running stack and ``mvh fault``."""
    return stack.of("fault")


def test_live(stack: Stack) -> None:
    assert stack.json("list") == []
    assert "no faults are set" in stack.said("list")
    added = stack.json("add", "cme", "number=148", "--on", "AT+CGMM", "--nth", "2")
    assert (added["kind"], added["number"], added["struck"]) == ("cme", 148, 0)
    with serial.Serial(stack.doors["modems"][0]["port"], 115200, timeout=0.5) as port:
        assert _ask(port, b"AT+CMEE=1\r").endswith(b"OK\r\n")
        assert _ask(port, b"AT+CGMM\r").endswith(b"OK\r\n")
        assert _ask(port, b"AT+CGMM\r").endswith(b"+CME ERROR: 148\r\n")
        assert _ask(port, b"AT+CGMM\r").endswith(b"OK\r\n")
        assert stack.json("list") == []
        stack.json("add", "error", "--on", "AT+CGMM", "--sticky", "--when", "powered", "--modem", "modem-1")
        stack.json("add", "garble", "--on", "AT+CGMR", "--times", "3", "--in", "1h", "--lasting", "2h", "--p", "0.5")
        assert _ask(port, b"AT+CGMM\r").endswith(b"ERROR\r\n")
        shown = stack.said("list")
        assert "error modem=modem-1 on=AT+CGMM when=powered sticky=True struck 1, without end" in shown
        listed = stack.json("list")
        assert [fault["kind"] for fault in listed] == ["error", "garble"]
        stack.said("remove", str(listed[0]["number"]))
        assert _ask(port, b"AT+CGMM\r").endswith(b"OK\r\n")
    assert stack.json("remove", "--all") == {"removed": 1}


def test_live_unplugging(stack: Stack) -> None:
    path = Path(stack.doors["modems"][0]["port"])
    stack.json("add", "unplug")
    assert not path.exists()
    stack.json("remove", "--all")
    assert path.exists()
    with serial.Serial(str(path), 115200, timeout=0.5) as port:
        assert _ask(port, b"AT\r").endswith(b"OK\r\n")


def test_live_refusals(stack: Stack) -> None:
    assert "kind: no such kind of fault: 'truncat' (did you mean 'truncate'?)" in stack.said("add", "truncat", code=2)
    assert "after: must be a whole number" in stack.said("add", "truncate", "after=x", code=2)
    assert "a parameter is NAME=VALUE, not 'after'" in stack.said("add", "truncate", "after", code=2)
    assert "modem: there is no modem 'x'" in stack.said("add", "hang", "--modem", "x", code=2)
    assert "there is no fault 99" in stack.said("remove", "99", code=2)
    assert "sticky: a fault of kind 'hang' acts by itself, and once" in stack.said("add", "hang", "--sticky", code=2)
    assert "aftr: no such key of a fault of kind 'truncate' (did you mean 'after'?)" in stack.said(
        "add", "truncate", "aftr=5", code=2)
    assert "when: no such state: 'registred' (did you mean 'registered'?)" in stack.said(
        "add", "hang", "--when", "registred", code=2)
    assert "name the number of a fault, or --all" in stack.said("remove", code=2)
    assert stack.json("list") == []


def test_live_again_and_again_saved_and_loaded(stack: Stack, tmp_path: Path) -> None:
    stack.json("add", "urc", "text=+CIEV: \"1\" \\ x", "--repeat", "1h", "--in", "2h", "--when", "no-context")
    stack.json("add", "cme", "number=30", "--on", "/CSQ/", "--nth", "2", "--p", "0.5")
    stack.json("add", "network-signal", "points=0s:-70,10s:-110", "--in", "1h")
    file = tmp_path / "bad-day.toml"
    stack.said("save", str(file))
    listed = stack.json("list")
    text = file.read_text()
    assert text.count("[[faults]]") == 3
    assert text.strip() == stack.said("save", "-").strip()
    stack.said("remove", "--all")
    assert len(stack.json("load", str(file))) == 3
    keep = [{key: value for key, value in fault.items() if key != "number"} for fault in stack.json("list")]
    assert keep == [{key: value for key, value in fault.items() if key != "number"} for fault in listed]
    stack.said("remove", "--all")
    file.write_text(text.replace("number = 30", "number = -1"))
    assert "faults[1].number: must be a whole number" in stack.said("load", str(file), code=2)
    file.write_text("name = 3")
    assert "has no [[faults]]" in stack.said("load", str(file), code=2)
    assert "No such file" in stack.said("load", str(tmp_path / "none"), code=2)
    assert stack.json("list") == []
    parsed = parse_rig("board = []\nmodem = [{name = \"modem-1\"}]\n" + text, name="rig.toml")
    assert len(parsed.faults) == 3


def test_the_list_of_kinds_needs_no_stack(stack: Stack) -> None:
    text = stack.said("kinds")
    assert "brown-out" in text
    assert "registered" in text
    kinds = [json.loads(line) for line in stack.said("kinds", "--json").splitlines()]
    assert {"truncate", "sms-duplicate"} <= {kind["kind"] for kind in kinds}


def _ask(port: serial.Serial, data: bytes) -> bytes:
    port.write(data)
    said = b""
    watch = Stopwatch()
    while not said.endswith((b"OK\r\n", b"ERROR\r\n")) and not (b"ERROR: " in said and said.endswith(b"\r\n")):
        said += port.read(1)
        assert watch.seconds < 20, said
    return said
