"""Long texts whose parts are lost, doubled, overtaken or of one reference: what the driver makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import TimeoutExpired

if TYPE_CHECKING:
    from tests.integration.network.conftest import Lab, MakeLab


def texts(count: int) -> list[str]:
    return [f"{number}:" + chr(97 + number) * (200 + 40 * number) for number in range(count)]


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_overtaken_doubled_and_tried_again(make_lab: MakeLab, seed: int, direct: bool) -> None:
    lab = make_lab(seed=seed)
    lab.far.power_on()
    lab.modem.open(within="60s")
    lab.modem.registered()
    if direct:
        lab.modem.command("AT+CSMS=1")
        lab.modem.command("AT+CNMI=2,2,0,1,0")
    lab.faults.sms.reorder(p=0.4)
    lab.faults.sms.duplicate(p=0.4)
    lab.faults.sms.redeliver(p=0.2)
    lab.faults.sms.loss(p=0.2)
    for text in texts(6):
        lab.send_sms(text)
        lab.world.clock.sleep("40s")
    for text in texts(6):
        assert lab.modem.expect_sms(text, within="24h").sender == "000"
    assert {sms.text for sms in lab.modem.inbox} == set(texts(6))
    assert {"sms-reorder", "sms-duplicate"} <= {
        entry.data["kind"] for entry in lab.world.journal.select("fault_injected")}


def test_of_one_reference(lab: Lab) -> None:
    lab.modem.registered()
    lab.faults.sms.same_reference(sticky=True)
    for text in texts(4):
        lab.send_sms(text)
        assert lab.modem.expect_sms(text, within="60s").parts >= 2
        lab.world.clock.sleep("5min")


def test_a_part_that_never_comes_is_told(lab: Lab) -> None:
    lab.modem.registered()
    lab.faults.sms.drop()
    lab.send_sms("x" * 300)
    with pytest.raises(TimeoutExpired, match="1 part of texts that are not whole"):
        lab.modem.expect_sms(within="10min")
    lab.send_sms("y" * 300)
    assert lab.modem.expect_sms(within="10min").text == "y" * 300


def test_a_store_that_is_full_is_told_and_emptied(lab: Lab) -> None:
    lab.modem.registered()
    lab.faults.sms.store_full()
    steps = lab.send_sms("no room")
    with pytest.raises(TimeoutExpired, match=r"store ME is full \(23 of 23\): clear_sms\(\) makes room"):
        lab.modem.expect_sms(within="2min")
    assert steps == ["attempted"]
    lab.modem.clear_sms()
    assert lab.modem.expect_sms("no room", within="1h").sender == "000"
    lab.world.clock.sleep("1s")
    assert steps == ["attempted", "delivered"]


@pytest.mark.parametrize("form", ["length", "timestamp", "header"])
def test_malformed_ones_do_not_stop_the_rest(lab: Lab, form: str) -> None:
    lab.modem.registered()
    lab.faults.sms.malformed(form=form)
    lab.send_sms("broken")
    lab.world.clock.sleep("10s")
    lab.send_sms("sound")
    assert lab.modem.expect_sms("sound", within="60s").sender == "000"


def test_reports_that_are_lost_are_told(lab: Lab) -> None:
    lab.modem.registered()
    lab.modem.command("AT+CNMI=2,1,0,1,0")
    lab.faults.sms.lost_report()
    sent = lab.modem.send_sms("000", "one", status_report=True)
    with pytest.raises(TimeoutExpired, match="a status report on message 0 on modem-1; saw instead: no SMS"):
        lab.modem.expect_status_report(sent.references[0], within="60s")
    sent = lab.modem.send_sms("000", "two", status_report=True)
    assert lab.modem.expect_status_report(sent.references[0], within="60s").status == 0
