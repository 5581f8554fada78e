"""Texts from the cloud to devices: store and forward."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from harness.clock import Stopwatch
from harness.errors import PduError
from harness.formats.sms import Deliver

if TYPE_CHECKING:
    from tests.unit.network.conftest import Stage

HOUR = 3_600 * 1_000_000_000


def test_a_text_arrives_from_000_with_the_calendars_time(stage: Stage) -> None:
    terminal = stage.terminal()
    steps = stage.send(terminal.iccid, "LED ON")
    assert steps == []
    stage.world.clock.sleep("1s")
    assert steps == ["attempted"]
    stage.world.clock.sleep("50ms")

    assert steps == ["attempted", "delivered"]
    message = Deliver.decode(terminal.tpdus[0])
    assert (str(message.originator), message.text) == ("000", "LED ON")
    assert message.timestamp == datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "grün € [x]", "日本語 😀", "x" * 160])
def test_a_text_is_one_message_in_the_alphabet_it_needs(stage: Stage, text: str) -> None:
    terminal = stage.terminal()
    stage.send(terminal.iccid, text)
    stage.world.clock.sleep("1min")

    assert terminal.texts == [text]


def test_a_long_text_is_delivered_when_all_its_parts_are(stage: Stage) -> None:
    terminal = stage.terminal()
    steps = stage.send(terminal.iccid, "x" * 400)
    stage.world.clock.sleep("1080ms")
    assert steps == ["attempted"]
    stage.world.clock.sleep("1min")

    assert steps == ["attempted", "delivered"]
    assert "".join(terminal.texts) == "x" * 400
    assert [Deliver.decode(tpdu).more_messages for tpdu in terminal.tpdus] == [True, True, False]


def test_a_text_without_sms_form_is_refused_at_once(stage: Stage) -> None:
    terminal = stage.terminal()
    with pytest.raises(PduError):
        stage.send(terminal.iccid, "\ud800")
    stage.world.clock.sleep("1min")
    assert terminal.tpdus == []


def test_a_text_waits_for_a_device_that_is_off(stage: Stage) -> None:
    terminal = stage.terminal(attached=False)
    first, second = stage.send(terminal.iccid, "one"), stage.send(terminal.iccid, "two")
    stage.world.clock.sleep("10h")
    assert first == second == ["attempted"]
    stage.network.attach(terminal)
    stage.world.clock.sleep("2s")
    assert first == ["attempted"]
    stage.world.clock.sleep("100ms")

    assert first == second == ["attempted", "delivered"]
    assert terminal.texts == ["one", "two"]


def test_a_text_fails_after_a_day_and_that_takes_no_time(stage: Stage) -> None:
    terminal = stage.terminal(attached=False)
    steps = stage.send(terminal.iccid, "LED ON")
    watch = Stopwatch()
    stage.world.clock.sleep("24h")
    assert steps == ["attempted"]
    stage.world.clock.sleep("2s")

    assert steps == ["attempted", "failed 0"]
    assert watch.seconds < 0.2
    assert len(stage.world.journal) < 60
    stage.network.attach(terminal)
    stage.world.clock.sleep("1h")
    assert terminal.tpdus == []


def test_a_day_of_retries_with_silent_attached_device_is_as_cheap(stage: Stage) -> None:
    terminal = stage.terminal()
    terminal.silent = True
    steps = stage.send(terminal.iccid, "LED ON")
    watch = Stopwatch()
    stage.world.clock.sleep("25h")

    assert steps == ["attempted", "failed 0"]
    assert watch.seconds < 0.2


def test_a_full_memory_is_waited_for(stage: Stage) -> None:
    terminal = stage.terminal()
    terminal.refusal = 22
    first, second = stage.send(terminal.iccid, "one"), stage.send(terminal.iccid, "two")
    stage.world.clock.sleep("3s")
    third = stage.send(terminal.iccid, "three")
    stage.world.clock.sleep("3s")
    assert first == second == third == ["attempted"], "a full terminal is full for every text"
    terminal.refusal = 0
    stage.network.memory_available(terminal)
    stage.world.clock.sleep("1s")

    assert terminal.texts == ["one", "two", "three"]
    assert first == second == third == ["attempted", "delivered"]


def test_a_full_memory_is_tried_again_even_if_never_reported_free(stage: Stage) -> None:
    terminal = stage.terminal()
    terminal.refusal = 22
    steps = stage.send(terminal.iccid, "one")
    stage.world.clock.sleep("5s")
    terminal.refusal = 0
    stage.world.clock.sleep("10s")

    assert steps == ["attempted", "delivered"]


def test_a_device_that_does_not_answer_is_tried_again(stage: Stage) -> None:
    terminal = stage.terminal()
    terminal.silent = True
    steps = stage.send(terminal.iccid, "one")
    stage.world.clock.sleep("30s")
    terminal.silent = False
    stage.world.clock.sleep("9s")
    assert steps == ["attempted"]
    stage.world.clock.sleep("3s")

    assert steps == ["attempted", "delivered"]


def test_an_answer_after_the_limit_is_void(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(sms_answer_limit="20ms")
    terminal = stage.terminal()
    stage.send(terminal.iccid, "one")
    stage.world.clock.sleep("2s")

    assert terminal.texts == ["one"]
    assert stage.network.sms_waiting(terminal.iccid) == 1
    assert stage.world.journal.last("sms_answer_ignored") is not None


def test_a_device_that_leaves_during_an_attempt_gets_the_text_again(stage: Stage) -> None:
    terminal = stage.terminal()
    steps = stage.send(terminal.iccid, "one")
    stage.world.clock.sleep("1010ms")
    stage.network.detach(terminal)
    stage.world.clock.sleep("5s")
    assert steps == ["attempted"]
    stage.network.attach(terminal)
    stage.world.clock.sleep("5s")

    assert steps == ["attempted", "delivered"]
    assert terminal.texts == ["one", "one"]  # its acknowledgement of the first was lost


def test_a_refusal_for_good_fails_that_text_only(stage: Stage) -> None:
    terminal = stage.terminal()
    terminal.refusal = 111
    first, second = stage.send(terminal.iccid, "one"), stage.send(terminal.iccid, "two")
    stage.world.clock.sleep("1060ms")
    terminal.refusal = 0
    stage.world.clock.sleep("1s")

    assert (first, second) == (["attempted", "failed 111"], ["attempted", "delivered"])


def test_subscriptions_are_asked_at_each_attempt(stage: Stage) -> None:
    terminal = stage.terminal()
    stage.cloud.allow(terminal.iccid, sms=False)
    barred = stage.send(terminal.iccid, "one")
    unknown = stage.send("8988307111111111111", "one")
    stage.world.clock.sleep("2s")

    assert (barred, unknown) == (["attempted", "failed 50"], ["attempted", "failed 30"])


def test_a_queue_is_bounded(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(sms_queue_limit=2)
    terminal = stage.terminal(attached=False)
    steps = [stage.send(terminal.iccid, str(number)) for number in range(3)]
    stage.world.clock.sleep("2s")

    assert steps == [["attempted"], ["attempted"], ["attempted", "failed 42"]]
    assert stage.network.sms_waiting(terminal.iccid) == 2


def test_loss_is_retried_and_duplication_is_once(make_stage: Callable[..., Stage]) -> None:
    lossy = make_stage(sms_loss=0.5)
    terminal = lossy.terminal()
    for number in range(20):
        lossy.send(terminal.iccid, str(number))
    lossy.world.clock.sleep("20h")
    assert terminal.texts == [str(number) for number in range(20)]
    assert lossy.world.journal.select("sms_lost")

    doubling = make_stage(sms_duplication=1.0)
    terminal = doubling.terminal()
    steps = doubling.send(terminal.iccid, "one")
    doubling.world.clock.sleep("1h")
    assert (terminal.texts, steps) == (["one", "one"], ["attempted", "delivered"])


def test_reordering_loses_nothing(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(sms_reorder=0.5)
    terminal = stage.terminal()
    for number in range(20):
        stage.send(terminal.iccid, str(number))
    stage.world.clock.sleep("1h")

    assert terminal.texts != [str(number) for number in range(20)]
    assert sorted(terminal.texts, key=int) == [str(number) for number in range(20)]


def test_equal_seeds_give_equal_journals(make_stage: Callable[..., Stage]) -> None:
    def run(seed: int) -> str:
        stage = make_stage(seed=seed, sms_loss=0.3, sms_duplication=0.2, sms_reorder=0.3, ip_loss=0.2)
        terminals = [stage.terminal(number) for number in range(1, 4)]
        for terminal in terminals:
            stage.network.activate(terminal, 1, "super", lambda session: None)
            for number in range(10):
                stage.send(terminal.iccid, str(number))
                stage.network.send_ip(terminal.iccid, 6969, b"x", lambda ip: None)
        stage.world.clock.sleep("3h")
        return stage.world.journal.digest()

    assert run(7) == run(7)
    assert run(7) != run(8)
