"""Faults together: two that hold the same, one that strikes while another does, those that are removed meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import UsageError

if TYPE_CHECKING:
    from tests.unit.faults.conftest import FaultBench

OK = b"\r\nOK\r\n"
CSQ = b"\r\n+CSQ: 20,99\r\n"


def served(bench: FaultBench) -> bool:
    return bench.at("+CEREG?").startswith(b"\r\n+CEREG: 0,5")


# -- two that hold the same -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(("first", "second"), [
    ({"kind": "network-none"}, {"kind": "network-lost", "span": "1h"}),
    ({"kind": "network-none"}, {"kind": "network-none"}),
    ({"kind": "sim-absent"}, {"kind": "sim-removed"}),
    ({"kind": "network-no-roaming"}, {"kind": "network-no-roaming"}),
    ({"kind": "sim-pin", "pin": "1111"}, {"kind": "sim-puk"}),
])
def test_what_two_faults_hold_comes_back_with_the_last(bench: FaultBench, order: tuple[int, int],
                                                       first: dict[str, Any], second: dict[str, Any]) -> None:
    pair = [bench.faults.set(first), bench.faults.set(second)]
    bench.wait("10s")
    assert not served(bench)
    pair[order[0]].remove()
    bench.wait("30s")
    assert not served(bench)
    pair[order[1]].remove()
    bench.at('+COPS=1,2,"310410"', wait="30s")  # who was refused asks by hand
    bench.wait("30s")
    assert served(bench)


def test_the_newest_says_how(bench: FaultBench) -> None:
    bench.at("+CEREG=3")
    older = bench.faults.network.denied(cause=11)
    bench.wait("5s")
    newer = bench.faults.network.denied(cause=15)
    bench.at("+CFUN=0", wait="5s")
    bench.at("+CFUN=1", wait="20s")
    assert bench.at("+CEREG?").split(b"\r\n")[1].endswith(b",0,15")
    newer.remove()
    bench.at("+CFUN=0", wait="5s")
    bench.at("+CFUN=1", wait="20s")
    assert bench.at("+CEREG?").split(b"\r\n")[1].endswith(b",0,11")
    older.remove()


def test_a_span_ends_and_the_other_fault_stays(bench: FaultBench) -> None:
    bench.faults.network.lost(span="5s")
    bench.faults.network.lost(span="60s")
    bench.wait("40s")
    assert not served(bench)
    bench.wait("40s")
    assert served(bench)
    assert not len(bench.faults)


def test_hanging_twice_and_power_off(bench: FaultBench) -> None:
    first, second = bench.faults.hang(), bench.faults.hang(span="10s")
    assert bench.at("", wait="20s") == b""
    assert second not in list(bench.faults)
    with bench.world.turn():
        bench.modem.power_off()
        bench.modem.power_on()
    assert b"APP RDY" in bench.wait("10s")
    assert first not in list(bench.faults)  # what it did is over
    again = bench.faults.hang()
    assert bench.at("", wait="1s") == b""
    again.remove()
    assert bench.at("E0").endswith(OK)


def test_two_cells_are_two_things(bench: FaultBench) -> None:
    strong = bench.at("+CSQ")
    one = bench.faults.network.signal(points=[["0s", -101]])
    two = bench.faults.network.signal(points=[["0s", -91]])
    assert bench.at("+CSQ").startswith(b"\r\n+CSQ: 11,")
    two.remove()
    assert bench.at("+CSQ").startswith(b"\r\n+CSQ: 6,")
    one.remove()
    assert bench.at("+CSQ") == strong


# -- one that strikes while another does ------------------------------------------------------------------------------


def test_several_faults_of_one_response(bench: FaultBench) -> None:
    bench.faults.on("AT+CSQ").blank_lines(count=2)
    bench.faults.on("/CSQ/").urc(text="RING", offset=4)
    bench.faults.on("AT+CSQ").split(size=5, gap="100ms")
    bench.faults.on("AT+CSQ").delay(by="1s")
    bench.faults.on("AT+CSQ").truncate(after=12)
    assert bench.at("+CSQ", wait="990ms") == b""
    assert bench.wait("5s") == b"\r\n\r\n\r\nRING\r\n\r\n"[:12]
    assert {entry.data["kind"] for entry in bench.world.journal.select("fault_injected")} == {
        "blank-lines", "urc", "split", "delay", "truncate"}
    assert bench.at("+CSQ") == CSQ + OK


def test_a_brown_out_within_a_delay_an_unplugging_and_a_storm(bench: FaultBench) -> None:
    bench.faults.urc_storm(text="+CIEV: 1", every="100ms", span="10s")
    bench.faults.on("AT+CSQ").delay(by="5s")
    bench.faults.after("2s").brown_out(silence="3s")
    bench.faults.after("3s").slow_boot(by="20s")
    bench.faults.after("4s").network.none(span="1min")
    said = bench.at("+CSQ", wait="20s")
    assert b"CSQ:" not in said  # the power went before the result
    assert b"RDY" not in said
    assert b"RDY" in bench.wait("10s")
    bench.at("E0")
    assert not served(bench)
    bench.wait("2min")
    assert served(bench)
    assert not len(bench.faults)


def test_a_fault_of_a_response_during_another_brown_out(bench: FaultBench) -> None:
    bench.faults.on("AT+CSQ").brown_out(after=5)
    bench.faults.on("AT+CSQ").hang(after=2)
    assert bench.at("+CSQ", wait="500ms") == CSQ[:2]
    assert b"RDY" in bench.wait("30s")  # power off and on cures the other
    assert bench.at("E0").endswith(OK)


# -- removed while they strike ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("described", [
    {"kind": "brown-out", "on": "AT+CSQ", "after": 5}, {"kind": "hang", "on": "AT+CSQ"},
    {"kind": "unplug", "on": "AT+CSQ", "after": 3}, {"kind": "network-none", "on": "AT+CSQ"},
    {"kind": "sim-removed", "on": "AT+CSQ"}])
def test_removed_between_the_command_and_the_strike(bench: FaultBench, described: dict[str, Any]) -> None:
    """What strikes within a response does so a little later; who removed it until then is not struck."""
    fault = bench.faults.set(described)
    with bench.world.turn():
        bench.port.receive(b"AT+CSQ\r")
        fault.remove()
    bench.wait("1min")
    bench.type(b"\r")
    assert bench.at("") == OK
    assert served(bench)


@pytest.mark.parametrize("kind", ["delay", "jitter"])
def test_a_late_response_comes_at_once_when_the_fault_is_removed(bench: FaultBench, kind: str) -> None:
    given = {"by": "1h"} if kind == "delay" else {"low": "1h", "high": "2h"}
    fault = bench.faults.set({"kind": kind, "on": "AT+CSQ", **given})
    assert bench.at("+CSQ", wait="10s") == b""
    assert fault in list(bench.faults)
    fault.remove()
    assert bench.wait("1ms") == CSQ + OK
    both = [bench.faults.on("AT+CSQ").delay(by="10s"), bench.faults.on("AT+CSQ").delay(by="20s")]
    assert bench.at("+CSQ", wait="5s") == b""
    both[1].remove()
    assert bench.wait("4s") == b""
    assert bench.wait("1s") == CSQ + OK
    assert not len(bench.faults)
    endless = bench.faults.on("AT+CSQ", sticky=True).delay(by="1h")
    bench.at("+CSQ", wait="1s")
    endless.remove()
    assert bench.wait("1ms") == CSQ + OK
    assert bench.at("+CSQ") == CSQ + OK


def test_late_responses_and_power_and_lines_that_fail_before(bench: FaultBench) -> None:
    bench.faults.on("AT+CSQ").delay(by="1h")
    bench.at("+NONSENSE;+CSQ")  # the second command never comes to it
    bench.at("")
    assert not len(bench.faults)
    bench.faults.on("AT+CSQ").delay(by="1h")
    bench.at("+CSQ")
    with bench.world.turn():
        bench.modem.power_off()
    assert not len(bench.faults)
    assert bench.wait("2h") == b""
    bench.boot()
    bench.at("+CMGF=1")
    text = bench.faults.on("AT+CMGS").delay(by="1h")
    bench.at('+CMGS="000"')
    assert bench.type(b"late\x1a", wait="1min") == b""
    text.remove()
    assert bench.wait("10s") == b"\r\n+CMGS: 0\r\n" + OK


@pytest.mark.parametrize("kind", ["sim-pin", "sim-puk", "sim-iccid"])
def test_what_a_card_asks_for_or_tells_is_undone(bench: FaultBench, kind: str) -> None:
    before = bench.at("+QCCID")
    given = {"iccid": "8910392000000000001"} if kind == "sim-iccid" else {}
    with bench.faults.set({"kind": kind, **given}):
        bench.wait("20s")
        assert bench.at("+QCCID") != before or not served(bench)
    bench.wait("30s")
    assert bench.at("+QCCID") == before
    assert served(bench)


# -- again and again --------------------------------------------------------------------------------------------------


def test_service_that_flaps(bench: FaultBench) -> None:
    fault = bench.faults.every("1min").network.lost(span="10s")
    states = []
    bench.wait("5s")
    for _ in range(12):
        states.append(served(bench))
        bench.wait("30s")
    assert states == [False, True] * 6
    assert fault.struck == 7
    bench.at("+CEREG=1")
    assert bench.wait("3min").count(b"+CEREG: 5") == 3
    bench.faults.every("1min").brown_out(times=2)
    bench.wait("5min")
    assert bench.injected("brown-out") == 2
    fault.remove()
    assert not len(bench.faults)


def test_again_and_again_only_in_a_state_and_from_an_instant(bench: FaultBench) -> None:
    bench.faults.after("10s").every("10s").when(registered=True).urc(text="TICK", times=3)
    assert bench.wait("9s") == b""
    with bench.faults.network.none():
        assert b"TICK" not in bench.wait("1min")
    assert bench.wait("5min").count(b"TICK") == 3


# -- in a prompt, however fast the client is --------------------------------------------------------------------------


@pytest.mark.parametrize("selector", ["on", "state", "nothing"])
def test_a_client_that_answers_a_prompt_at_once(bench: FaultBench, selector: str) -> None:
    bench.at("+CMGF=1")
    chosen = {"on": bench.faults.on("AT+CMGS"), "state": bench.faults.when(prompt=True), "nothing": bench.faults}
    chosen[selector].reset_in_prompt()
    assert bench.at("") == OK  # not before there is one
    assert bench.type(b'AT+CMGS="000"\rhello\x1a', wait="30s").startswith(b"\r\n> ")
    assert bench.cloud.texts == []
    assert bench.injected("reset-in-prompt") == 1


def test_data_typed_at_once_is_not_lost(bench: FaultBench) -> None:
    bench.at("+CMGF=1")
    bench.faults.when(prompt=True).urc(text="RING", sticky=True)
    bench.type(b'AT+CMGS="000"\rhello\x1a', wait="30s")
    bench.at('+CMGS="000"')
    bench.type(b"again\x1a", wait="30s")
    assert bench.cloud.texts == ["hello", "again"]


# -- another response -------------------------------------------------------------------------------------------------


@pytest.mark.strikes("replace")
def test_another_response(bench: FaultBench) -> None:
    bench.faults.on("AT+CGMR").replace(text="BG96MAR02A04M1G")
    assert bench.at("+CGMR") == b"\r\nBG96MAR02A04M1G\r\n" + OK
    assert bench.at("+CGMR") != b"\r\nBG96MAR02A04M1G\r\n" + OK
    bench.faults.on("AT+CPIN?").replace(text="", result="+CME ERROR: 13")
    assert bench.at("+CPIN?") == b"\r\n+CME ERROR: 13\r\n"
    bench.faults.on("AT+CGDCONT?").replace(text='+CGDCONT: 1,"IP","a"\n+CGDCONT: 2,"IP","b"')
    assert bench.at("+CGDCONT?") == b'\r\n+CGDCONT: 1,"IP","a"\r\n+CGDCONT: 2,"IP","b"\r\n' + OK
    bench.faults.on("AT+CMGS").replace(text="+CMGS: 7")
    assert bench.at('+CMGS="000"') == b"\r\n+CMGS: 7\r\n" + OK  # nothing is done
    bench.at("+CMGF=1")
    bench.faults.on_urc("+CMTI").replace(text='+CMTI: "SM",7')
    bench.text("told with the name of another store")
    assert bench.wait("5s") == b'\r\n+CMTI: "SM",7\r\n'
    assert b"another store" in bench.at("+CMGR=0")


# -- plans that are saved ---------------------------------------------------------------------------------------------


def day(bench: FaultBench) -> str:
    bench.at("+CMGF=1")
    for number in range(6):
        bench.text(f"text {number}")
        bench.at('+CMGS="000"')
        bench.type(b"x\x1a", wait="40s")
        bench.at("+CSQ", wait="1s")
    bench.wait("10min")
    return bench.world.journal.digest()


def test_a_saved_plan_does_the_same_again(make_bench: type[FaultBench]) -> None:
    first = make_bench()
    first.faults.on("AT+CMGS", nth=2).truncate(5)
    first.faults.on("AT+CSQ", p=0.5).garble(share=0.3)
    first.faults.at("100s").brown_out(silence="2s")
    first.faults.every("1min").network.lost("5s", times=3)
    first.faults.sms.duplicate(p=0.4)
    first.faults.on_urc("/CMTI/", p=0.3).jitter(high="3s")
    first.faults.when(unread=True).urc(text="+CIEV: 1", seed=9)
    first.faults.network.signal([["0s", -70], ["2min", -90]])
    saved = first.faults.save()
    second = make_bench()
    second.faults.load(saved)
    assert second.faults.save() == saved
    assert day(first) == day(second)
    third = make_bench(seed=8)
    third.faults.load(saved)
    assert day(third) != day(make_bench(seed=7))


def test_a_plan_with_a_mistake_sets_nothing(bench: FaultBench) -> None:
    with pytest.raises(UsageError, match=r"faults\[1\]\.after: a fault of kind 'truncate' needs it"):
        bench.faults.load([{"kind": "delay"}, {"kind": "truncate"}])
    with pytest.raises(UsageError, match=r"faults\[0\]\.modem: there is no modem 'x'"):
        bench.faults.load([{"kind": "delay", "modem": "x"}])
    assert not len(bench.faults)


# -- those that never struck ------------------------------------------------------------------------------------------


def test_those_that_never_struck(bench: FaultBench) -> None:
    struck = bench.faults.on("AT+CSQ").delay(by="1ms")
    never = bench.faults.on("AT+CMGS", nth=3).truncate(after=1)
    removed = bench.faults.sms.duplicate()
    bench.at("+CSQ", wait="1s")
    bench.at("+CMGF=1;+CMGS=\"000\"")
    removed.remove()
    assert struck not in bench.faults.unstruck
    assert set(bench.faults.unstruck) == {never, removed}
    assert never.seen == 1


def test_chance_decides_once_where_nothing_comes_by_again(make_bench: type[FaultBench]) -> None:
    struck = 0
    for seed in range(20):
        bench = make_bench(seed=seed)
        bench.faults.urc(text="X", p=0.5)
        struck += bench.injected("urc")
        assert not len(bench.faults)
    assert 4 <= struck <= 16


# -- mistakes in Python -----------------------------------------------------------------------------------------------


def test_mistakes_are_named(bench: FaultBench) -> None:
    with pytest.raises(AttributeError, match=r"no kind of fault 'truncat' \(did you mean 'truncate'\?\)"):
        bench.faults.on("AT").truncat(after=5)
    with pytest.raises(AttributeError, match=r"no kind of fault 'sms-duplicat' \(did you mean 'sms-duplicate'\?\)"):
        bench.faults.sms.duplicat()
    with pytest.raises(UsageError, match=r"a fault of kind 'truncate' takes 1 parameters \(after\), not 2"):
        bench.faults.on("AT").truncate(5, 6)
    with pytest.raises(UsageError, match="after: given twice"):
        bench.faults.on("AT").truncate(5, after=6)
    for key, given in (("sticky", True), ("times", 3)):
        with pytest.raises(UsageError, match=f"{key}: a fault of kind 'brown-out' acts by itself, and once: give one "
                                             "of 'on', 'urc', 'when' and 'repeat'"):
            bench.faults.brown_out(**{key: given})
    with pytest.raises(UsageError, match="repeat: only a fault that acts by itself repeats; others are 'sticky'"):
        bench.faults.every("1s").garble()
    with pytest.raises(UsageError, match="repeat: must be longer than 0"):
        bench.faults.every("0s").brown_out()
