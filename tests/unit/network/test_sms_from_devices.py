"""Texts from devices: to the cloud, to other devices, or refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from harness.formats.sms import Alphabet, Command, Concatenation, DataCoding, Deliver, DeliverReport, Submit
from harness.formats.sms.address import Address
from harness.virtual.network.seams import SmsAccepted, SmsOutcome, SmsRejected

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


def test_octets_reach_the_cloud_as_latin_text(stage: Stage) -> None:
    terminal = stage.terminal()
    message = Submit(destination=Address.parse("000"), coding=DataCoding.general(Alphabet.OCTETS), data=b"\x00\xe9\xff")
    submit(stage, terminal, message.encode())

    assert stage.cloud.texts == [(terminal.iccid, "\x00é\xff")]


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
    (Command(destination=Address.parse("000"), command_type=0).encode(), 69),
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
