"""Texts from devices: to the cloud, to other devices, or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from harness.errors import PduError
from harness.formats.sms import Alphabet, Command, Concatenation, DataCoding, Deliver, DeliverReport, Submit
from harness.formats.sms.address import Address
from harness.virtual.network.seams import SmsAccepted, SmsOutcome, SmsProgress, SmsRejected

if TYPE_CHECKING:
    from tests.unit.network.conftest import FakeTerminal, Stage

NUMBERS = (("+15550000001", "8988307000000000001"), ("+15550000002", "8988307000000000002"))


def submit(stage: Stage, terminal: FakeTerminal, tpdu: bytes, *, wait: bool = True) -> list[SmsOutcome]:
    outcomes: list[SmsOutcome] = []
    stage.network.sms_submit(terminal, tpdu, outcomes.append)
    assert outcomes == []
    if wait:
        stage.world.clock.sleep("1s")
        assert len(outcomes) == 1
    return outcomes


def command(text: str) -> bytes:
    return Submit.for_text(text, destination="000").encode()


@pytest.mark.parametrize("text", ["LED IS ON", "", "grün € 😀", "x" * 160])
def test_a_text_to_000_reaches_the_cloud(stage: Stage, text: str) -> None:
    terminal = stage.terminal()

    assert submit(stage, terminal, command(text)) == [SmsAccepted()]
    assert stage.cloud.texts == [(terminal.iccid, text)]


def test_octets_reach_the_cloud_as_octets(stage: Stage) -> None:
    terminal = stage.terminal()
    message = Submit(destination=Address.parse("000"), coding=DataCoding.general(Alphabet.OCTETS), data=b"\x00\xe9\xff")
    submit(stage, terminal, message.encode())

    assert stage.cloud.texts == [(terminal.iccid, b"\x00\xe9\xff")]


def parts(text: str, reference: int = 3) -> list[bytes]:
    return [part.encode() for part in Submit.parts_for_text(text, destination="000", reference=reference)]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 1, 0, 2)])
def test_a_long_text_reaches_the_cloud_as_a_whole(stage: Stage, order: tuple[int, ...]) -> None:
    terminal = stage.terminal()
    text = "abcdefghij" * 39 + "😀"
    cut = parts(text)
    assert len(cut) >= 3
    for number in (*order, *range(3, len(cut))):
        submit(stage, terminal, cut[number])

    assert stage.cloud.texts == [(terminal.iccid, text)]


def test_parts_without_their_fellows_are_handed_over_in_the_end(stage: Stage) -> None:
    terminal = stage.terminal()
    cut = parts("a" * 153 + "b" * 153 + "c" * 10)
    submit(stage, terminal, cut[2])
    submit(stage, terminal, cut[0])
    stage.world.clock.sleep("9min")
    assert stage.cloud.texts == []
    stage.world.clock.sleep("1min")

    assert [text for _, text in stage.cloud.texts] == ["a" * 153, "c" * 10]


def test_a_reference_that_comes_round_begins_another_text(stage: Stage) -> None:
    terminal = stage.terminal()
    submit(stage, terminal, parts("a" * 200)[0])
    for part in parts("b" * 200):
        submit(stage, terminal, part)

    assert [text for _, text in stage.cloud.texts] == ["a" * 153, "b" * 200]


def test_incomplete_texts_are_bounded(stage: Stage) -> None:
    terminal = stage.terminal()
    for reference in range(70):
        submit(stage, terminal, parts(f"{reference:03}" + "x" * 200, reference)[0])

    assert [text[:3] for _, text in stage.cloud.texts] == [f"{number:03}" for number in range(6)]


def test_a_part_of_one_is_no_part(stage: Stage) -> None:
    terminal = stage.terminal()
    message = Submit(destination=Address.parse("000"), text="one",
                     user_data_header=(Concatenation(reference=1, total=1, sequence=1),))
    submit(stage, terminal, message.encode())

    assert stage.cloud.texts == [(terminal.iccid, "one")]


def test_a_status_report_tells_that_the_command_was_received(stage: Stage) -> None:
    terminal = stage.terminal()
    tpdu = Submit.for_text("x", destination="000", message_reference=77, status_report_request=True).encode()
    submit(stage, terminal, tpdu)
    assert terminal.reports == []  # it takes its way through the network, as any message does
    stage.world.clock.sleep("5s")

    (report,) = terminal.reports
    assert (report.message_reference, str(report.recipient), report.status) == (77, "000", 0)


@pytest.mark.parametrize(("tpdu", "cause"), [
    (Submit.for_text("x", destination="+15551234567").encode(), 8),
    (b"", 96), (b"\x01", 96), (b"\x03\x00", 96), (b"\x01\x00\x0b\x91", 96),
    (Command(destination=Address.parse("000"), command_type=0).encode(), 96),  # about no message
    (Command(destination=Address.parse("000"), command_type=9).encode(), 69),
    (DeliverReport().encode(), 98),
])
def test_what_can_not_be_taken_is_refused_with_a_cause(stage: Stage, tpdu: bytes, cause: int) -> None:
    terminal = stage.terminal()

    assert submit(stage, terminal, tpdu) == [SmsRejected(cause=cause)]
    assert stage.cloud.texts == []


def test_a_device_without_service_or_permission_is_refused(stage: Stage) -> None:
    off = stage.terminal(attached=False)
    assert submit(stage, off, command("x")) == [SmsRejected(cause=38)]
    terminal = stage.terminal(2)
    stage.cloud.allow(terminal.iccid, sms=False)
    assert submit(stage, terminal, command("x")) == [SmsRejected(cause=50)]
    del stage.cloud.subscriptions[terminal.iccid]
    assert submit(stage, terminal, command("x")) == [SmsRejected(cause=30)]


def test_too_much_at_once_is_congestion(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(in_flight_limit=2)
    terminal = stage.terminal()
    answers = [submit(stage, terminal, command(str(number)), wait=False) for number in range(3)]
    steps = stage.send(terminal.iccid, "x")
    stage.world.clock.sleep("5s")

    assert answers == [[SmsAccepted()], [SmsAccepted()], [SmsRejected(cause=42)]]
    assert steps == ["attempted", "failed 42"]


# -- from device to device --------------------------------------------------------------------------------------------


def test_devices_with_numbers_reach_each_other(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(numbers=NUMBERS)
    one, two = stage.terminal(1), stage.terminal(2)
    tpdu = Submit.for_text("hello", destination="+15550000002", message_reference=5, status_report_request=True)
    assert submit(stage, one, tpdu.encode()) == [SmsAccepted()]
    stage.world.clock.sleep("5s")

    message = Deliver.decode(two.tpdus[0])
    assert (str(message.originator), message.text) == ("+15550000001", "hello")
    assert [(report.message_reference, report.status) for report in one.reports] == [(5, 0)]


def test_a_validity_period_of_the_sender_is_kept(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(numbers=NUMBERS)
    one, two = stage.terminal(1), stage.terminal(2, attached=False)
    for minutes in (5, 60):
        tpdu = Submit.for_text(f"{minutes} min", destination="+15550000002", message_reference=minutes,
                               status_report_request=True, validity=timedelta(minutes=minutes))
        submit(stage, one, tpdu.encode())
    stage.world.clock.sleep("6min")
    assert [(report.message_reference, report.status) for report in one.reports] == [(5, 0x46)]
    stage.network.attach(two)
    stage.world.clock.sleep("1min")

    assert two.texts == ["60 min"]


def test_a_device_without_a_number_reaches_nobody(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(numbers=NUMBERS[1:])
    one = stage.terminal(1)
    stage.terminal(2)
    tpdu = Submit.for_text("hello", destination="+15550000002").encode()

    assert submit(stage, one, tpdu) == [SmsRejected(cause=8)]


def test_the_command_number_is_the_subscriptions(stage: Stage) -> None:
    terminal = stage.terminal()
    stage.cloud.subscriptions[terminal.iccid] = replace(stage.cloud.subscriptions[terminal.iccid],
                                                        command_number="2936")
    assert submit(stage, terminal, command("x")) == [SmsRejected(cause=8)]
    assert submit(stage, terminal, Submit.for_text("y", destination="2936").encode()) == [SmsAccepted()]
    assert stage.cloud.texts == [(terminal.iccid, "y")]
    stage.send(terminal.iccid, "hello")
    stage.world.clock.sleep("5s")
    assert str(Deliver.decode(terminal.tpdus[-1]).originator) == "2936"


def test_octets_reach_the_device_as_octets(stage: Stage) -> None:
    terminal = stage.terminal()
    stage.network.send_sms(terminal.iccid, b"\x00\xff", SmsProgress(
        attempted=lambda: None, delivered=lambda: None, failed=lambda cause: None))
    stage.world.clock.sleep("5s")
    message = Deliver.decode(terminal.tpdus[-1])
    assert (message.text, message.data, message.coding.alphabet) == (None, b"\x00\xff", Alphabet.OCTETS)
    with pytest.raises(PduError):
        stage.network.send_sms(terminal.iccid, bytes(141), SmsProgress(
            attempted=lambda: None, delivered=lambda: None, failed=lambda cause: None))


def _between(make_stage: Callable[..., Stage]) -> tuple[Stage, FakeTerminal, FakeTerminal]:
    first, second = f"89883070000000{1:05}", f"89883070000000{2:05}"
    stage = make_stage(numbers=(("+1555001", first), ("+1555002", second)))
    return stage, stage.terminal(1), stage.terminal(2, attached=False)


def test_a_device_asks_what_became_of_its_message(make_stage: Callable[..., Stage]) -> None:
    stage, sender, receiver = _between(make_stage)
    message = Submit.for_text("hi", destination="+1555002", message_reference=9)
    submit(stage, sender, message.encode())

    def ask(kind: int) -> list[SmsOutcome]:
        answers = submit(stage, sender, Command(destination=Address.parse("+1555002"), command_type=kind,
                                                message_number=9).encode())
        stage.world.clock.sleep("5s")
        return answers

    assert ask(0) == [SmsAccepted()]
    assert [report.status for report in sender.reports] == [0x22]
    stage.network.attach(receiver)
    stage.world.clock.sleep("10s")
    assert receiver.texts == ["hi"]
    assert ask(0) == [SmsAccepted()]
    assert [report.status for report in sender.reports] == [0x22, 0x00]
    assert ask(2) == [SmsRejected(cause=96)]  # too late to delete it


def test_a_device_withdraws_its_message(make_stage: Callable[..., Stage]) -> None:
    stage, sender, receiver = _between(make_stage)
    submit(stage, sender, Submit.for_text("hi", destination="+1555002", message_reference=9,
                                          status_report_request=True).encode())
    command_tpdu = Command(destination=Address.parse("+1555002"), command_type=2, message_number=9,
                           status_report_request=True).encode()
    assert submit(stage, sender, command_tpdu) == [SmsAccepted()]
    stage.network.attach(receiver)
    stage.world.clock.sleep("60s")
    assert receiver.tpdus == []
    assert [report.status for report in sender.reports] == [0x48]


def test_a_congested_operator_takes_no_texts(stage: Stage) -> None:
    terminal = stage.terminal()
    stage.network.congest("310410")
    assert submit(stage, terminal, command("x")) == [SmsRejected(cause=42)]
    stage.network.congest("310410", False)
    assert submit(stage, terminal, command("x")) == [SmsAccepted()]
