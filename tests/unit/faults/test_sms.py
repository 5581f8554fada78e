"""Messages that are lost, doubled, late or broken: what the client sees of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.faults.conftest import FaultBench

OK = b"\r\nOK\r\n"


def direct(bench: FaultBench, *, text_mode: bool = True) -> None:
    """Let messages come by +CMT."""
    bench.at(f"+CMGF={int(text_mode)}")
    bench.at("+CNMI=2,2,0,1,0")


def send(bench: FaultBench, text: bytes, *, wait: str = "30s") -> bytes:
    bench.at('+CMGS="000"')
    return bench.type(text + b"\x1a", wait=wait)


def bodies(said: bytes) -> list[bytes]:
    """Return the texts of the +CMT results in what was said."""
    lines = said.split(b"\r\n")
    return [lines[index + 1] for index, line in enumerate(lines) if line.startswith(b"+CMT:")]


@pytest.mark.strikes("sms-store-full")
def test_store_full(bench: FaultBench) -> None:
    bench.at("+CMGF=1")
    bench.faults.sms.store_full()
    assert b'+CPMS: "ME",23,23' in bench.at("+CPMS?")
    bench.text("no room")
    assert b'+QIND: "smsfull","ME"' in bench.wait("1min")
    assert bench.deliveries == ["attempted"]
    assert bench.at("+CMGD=0") == OK
    assert b'+CMTI: "ME",0' in bench.wait("10s")
    assert bench.deliveries == ["attempted", "delivered"]
    assert b"no room" in bench.at("+CMGR=0")
    bench.faults.sms.store_full(memory="SM")
    assert b'"SM",25,25' in bench.at('+CPMS="SM"') or b"25,25" in bench.at("+CPMS?")


@pytest.mark.strikes("sms-redeliver", "sms-duplicate")
def test_redelivery_and_duplicates(bench: FaultBench) -> None:
    direct(bench)
    bench.faults.sms.duplicate()
    bench.text("twice")
    assert bodies(bench.wait("5s")) == [b"twice", b"twice"]
    bench.faults.sms.redeliver()
    bench.text("again")
    assert bodies(bench.wait("5s")) == [b"again"]
    assert bodies(bench.wait("1min")) == [b"again"]
    assert bench.deliveries == ["attempted", "delivered"] * 2
    bench.faults.sms.duplicate(p=0.5)
    for number in range(20):
        bench.text(f"{number}")
    said = bodies(bench.wait("1min"))
    assert len(set(said)) == 20
    assert 25 <= len(said) <= 38


@pytest.mark.strikes("sms-reorder", "sms-loss", "sms-drop")
def test_order_and_loss(bench: FaultBench) -> None:
    direct(bench)
    bench.faults.sms.reorder()
    bench.text("a" * 153 + "b" * 100)
    first, second = bodies(bench.wait("5s"))
    assert (first, second) == (b"b" * 100, b"a" * 153)
    bench.faults.sms.loss()
    bench.text("comes later")
    assert bench.wait("10s") == b""
    assert bodies(bench.wait("1min")) == [b"comes later"]
    bench.faults.sms.drop()
    bench.text("a" * 153 + "b" * 100)
    assert bodies(bench.wait("10min")) == [b"b" * 100]


@pytest.mark.strikes("sms-delay")
def test_late_by_some_time_and_by_chance(bench: FaultBench) -> None:
    direct(bench)
    bench.faults.sms.delay(by="30s")
    bench.text("late")
    bench.text("behind it")
    assert bench.wait("30s") == b""
    assert bodies(bench.wait("5s")) == [b"late", b"behind it"]
    bench.faults.sms.delay(by="10s", jitter="20s", sticky=True)
    began, taken = bench.world.now(), []
    for number in range(8):
        bench.text(f"{number}")
        while not (said := bodies(bench.wait("100ms"))):
            pass
        assert said == [b"%d" % number]
        taken.append((bench.world.now() - began) / 1e9)
        began = bench.world.now()
    assert all(10 < span < 32 for span in taken)
    assert len({round(span) for span in taken}) > 3


@pytest.mark.strikes("sms-same-reference")
def test_a_reference_used_again(bench: FaultBench) -> None:
    direct(bench, text_mode=False)
    references = []
    for _ in range(3):
        bench.text("x" * 200)
        said = bench.wait("10s")
        references.append(re.findall(rb"A0050003(..02..)", said) + re.findall(rb"36050003(..02..)", said))
        bench.faults.sms.same_reference()
    assert references == [[b"010201", b"010202"]] * 3
    bench.faults.clear()
    bench.text("x" * 200)
    assert b"A005000302" in bench.wait("10s")


@pytest.mark.strikes("sms-lost-report")
def test_lost_report(bench: FaultBench) -> None:
    direct(bench)
    bench.at("+CSMP=49,167,0,0")
    bench.faults.sms.lost_report()
    assert send(bench, b"one") == b"\r\n+CMGS: 0\r\n" + OK
    said = send(bench, b"two")
    assert said.startswith(b"\r\n+CMGS: 1\r\n" + OK + b"\r\n+CDS: 6,1,")


@pytest.mark.strikes("sms-refused")
@pytest.mark.parametrize("cause", [38, 41, 42])
def test_refused(bench: FaultBench, cause: int) -> None:
    bench.at("+CMGF=1")
    bench.faults.on("AT+CMGS", nth=2).sms.refused(cause=cause)
    answers = [send(bench, b"%d" % number) for number in range(3)]
    assert answers == [b"\r\n+CMGS: 0\r\n" + OK, b"\r\n+CMS ERROR: %d\r\n" % cause, b"\r\n+CMGS: 2\r\n" + OK]
    assert bench.cloud.texts == ["0", "2"]


@pytest.mark.strikes("sms-slow", "sms-answer-lost")
def test_slow_and_lost_answers(bench: FaultBench) -> None:
    bench.at("+CMGF=1")
    bench.faults.sms.slow(by="60s")
    assert send(bench, b"slow", wait="60s") == b""
    assert bench.wait("2s") == b"\r\n+CMGS: 0\r\n" + OK
    bench.faults.sms.answer_lost(by="40s")
    assert send(bench, b"it was taken", wait="39s") == b""
    assert bench.wait("2s") == b"\r\n+CMS ERROR: 332\r\n"
    assert bench.cloud.texts == ["slow", "it was taken"]


@pytest.mark.strikes("sms-scts")
def test_wrong_time_stamp(bench: FaultBench) -> None:
    direct(bench)
    bench.faults.sms.scts(seconds=86_400 * 365)
    bench.text("from the future")
    assert bench.wait("5s").startswith(b'\r\n+CMT: "000",,"27/01/01,')
    bench.text("from now")
    assert bench.wait("5s").startswith(b'\r\n+CMT: "000",,"26/01/01,')


@pytest.mark.strikes("sms-malformed")
@pytest.mark.parametrize(("form", "end"), [
    ("length", b"C8309BFD"), ("timestamp", b"FFFFFFFFFFFF0005C8309BFD06"), ("header", b"000D06700901020304C8309BFD06")])
def test_malformed(bench: FaultBench, form: str, end: bytes) -> None:
    direct(bench, text_mode=False)
    bench.faults.sms.malformed(form=form)
    bench.text("Hallo")
    said = bench.wait("5s")
    assert said.startswith(b"\r\n+CMT: ,")
    assert said.rstrip().endswith(end)
    bench.at("+CMGF=1")
    bench.at("+CNMI=2,1,0,1,0")
    bench.faults.sms.malformed(form=form, sticky=True)
    for text in ("Hallo", "x" * 300, "日本語"):  # text mode shows what can be shown of it
        bench.text(text)
        assert b"+CMTI" in bench.wait("30s")
    assert bench.at("+CMGR=0").startswith(b'\r\n+CMGR: "REC UNREAD","000",,')
    assert b"Hall" in bench.at("+CMGR=0")
    assert bench.at('+CMGL="ALL"').count(b"+CMGL:") == 4
    bench.at("+CMGF=0")
    assert bench.at("+CMGL=4").count(b"+CMGL:") == 4
    assert bench.deliveries.count("delivered") == 4
