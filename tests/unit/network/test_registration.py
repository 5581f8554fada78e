"""Who gets service, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.errors import UsageError
from harness.virtual.network import DEFAULT_CELL, NetworkSettings
from harness.virtual.network.registration_states import TRANSITIONS, Cause, State
from harness.virtual.network.seams import AccessTechnology, RegistrationStatus

if TYPE_CHECKING:
    from tests.unit.network.conftest import FakeTerminal, Stage


def heard(terminal: FakeTerminal) -> list[tuple[str, int]]:
    return [(registration.status.name, registration.cause) for registration in terminal.registrations]


def test_a_terminal_searches_and_roams(stage: Stage) -> None:
    terminal = stage.terminal(attached=False)
    stage.network.attach(terminal)
    assert stage.network.registration(terminal).status is RegistrationStatus.SEARCHING
    assert terminal.registrations == []  # not from inside the call

    stage.world.clock.sleep("1999ms")
    assert heard(terminal) == [("SEARCHING", 0)]
    stage.world.clock.sleep("1ms")
    assert heard(terminal) == [("SEARCHING", 0), ("ROAMING", 0)]
    assert stage.network.registration(terminal).cell == DEFAULT_CELL


@pytest.mark.parametrize(("attach", "cause"), [(None, 8), (False, 15)])
def test_a_card_that_may_not_is_denied_with_a_cause(stage: Stage, attach: bool | None, cause: int) -> None:
    terminal = stage.terminal(attached=False, allowed=False)
    if attach is not None:
        stage.cloud.allow(terminal.iccid, attach=attach)
    stage.network.attach(terminal)
    stage.world.clock.sleep("1h")

    assert heard(terminal) == [("SEARCHING", 0), ("DENIED", cause)]
    assert stage.network.registration(terminal).cell is None


def test_a_subscription_that_changes_is_followed(stage: Stage) -> None:
    terminal = stage.terminal()
    stage.cloud.allow(terminal.iccid, attach=False)
    stage.network.subscription_changed(terminal.iccid)
    stage.world.clock.sleep("1min")
    stage.cloud.allow(terminal.iccid)
    stage.network.subscription_changed(terminal.iccid)
    stage.world.clock.sleep("1min")
    stage.network.subscription_changed(terminal.iccid)
    stage.network.subscription_changed("8988307999999999999")
    stage.world.clock.sleep("1min")

    assert heard(terminal)[1:] == [("ROAMING", 0), ("DENIED", 15), ("SEARCHING", 0), ("ROAMING", 0)]


def test_leaving_is_told_and_may_be_repeated(stage: Stage) -> None:
    terminal = stage.terminal()
    stage.network.detach(terminal)
    stage.network.detach(terminal)
    stage.world.clock.sleep("1min")

    assert heard(terminal)[-1] == ("NOT_REGISTERED", 0)
    assert len(terminal.registrations) == 3


def test_leaving_during_the_search_ends_it(stage: Stage) -> None:
    terminal = stage.terminal(attached=False)
    stage.network.attach(terminal)
    stage.network.detach(terminal)
    stage.world.clock.sleep("1min")

    assert heard(terminal) == [("SEARCHING", 0), ("NOT_REGISTERED", 0)]


def test_coverage_comes_and_goes(stage: Stage) -> None:
    terminal = stage.terminal()
    stage.network.lose_coverage(terminal.iccid, duration="30s")
    stage.network.attach(terminal)
    stage.world.clock.sleep("31s")
    assert heard(terminal)[2:] == [("SEARCHING", 0)]
    stage.world.clock.sleep("2s")
    assert heard(terminal)[2:] == [("SEARCHING", 0), ("ROAMING", 0)]


def test_a_terminal_that_starts_without_coverage_waits_for_it(stage: Stage) -> None:
    terminal = stage.terminal(attached=False)
    stage.network.lose_coverage(terminal.iccid)
    stage.network.attach(terminal)
    stage.world.clock.sleep("1h")
    assert heard(terminal) == [("SEARCHING", 0)]
    stage.network.restore_coverage(terminal.iccid)
    stage.world.clock.sleep("3s")
    assert heard(terminal)[-1] == ("ROAMING", 0)


def test_service_can_be_denied_by_plan(stage: Stage) -> None:
    terminal = stage.terminal()
    stage.network.deny(terminal.iccid, 15)
    stage.world.clock.sleep("1min")
    assert heard(terminal)[-1] == ("DENIED", 15)
    stage.network.deny(terminal.iccid, None)
    stage.world.clock.sleep("1min")
    assert heard(terminal)[-1] == ("ROAMING", 0)
    with pytest.raises(UsageError, match="an EMM cause is 1 to 127"):
        stage.network.deny(terminal.iccid, 0)


def test_conditions_for_a_card_that_nobody_knows_are_refused(stage: Stage) -> None:
    stage.terminal()
    for condition in (stage.network.lose_coverage, stage.network.restore_coverage, stage.network.end_sessions,
                      lambda iccid: stage.network.deny(iccid, 15)):
        with pytest.raises(UsageError, match="no SIM card has the ICCID 'modem-1'"):
            condition("modem-1")
    unknown = stage.terminal(2, allowed=False)
    stage.network.lose_coverage(unknown.iccid)  # no account owns it, but it is there
    absent = stage.terminal(3, attached=False)
    stage.network.lose_coverage(absent.iccid)  # it will be there


def test_the_newest_of_two_equal_cards_has_service(stage: Stage) -> None:
    first = stage.terminal()
    second = stage.terminal()

    assert heard(first)[-1] == ("NOT_REGISTERED", 0)
    assert heard(second)[-1] == ("ROAMING", 0)
    stage.network.detach(first)
    assert stage.network.registration(second).status is RegistrationStatus.ROAMING


def test_another_profile_on_the_card_is_another_subscriber(stage: Stage) -> None:
    terminal = stage.terminal()
    terminal.iccid = "8988307000000099999"
    stage.network.attach(terminal)
    stage.world.clock.sleep("5s")
    assert heard(terminal)[-1] == ("DENIED", 8)
    terminal.iccid = ""  # pulled
    stage.network.detach(terminal)
    stage.world.clock.sleep("5s")
    assert heard(terminal)[-1] == ("NOT_REGISTERED", 0)


def test_the_table_is_complete_and_every_state_can_be_left() -> None:
    assert set(TRANSITIONS) == set(State)
    for state, moves in TRANSITIONS.items():
        assert set(moves.values()) - {state}, f"{state} can't be left"
        assert state is State.OFF or moves[Cause.DETACH] is State.OFF
    reached = {State.OFF}
    for _ in State:
        reached |= {after for state in reached for after in TRANSITIONS[state].values()}
    assert reached == set(State)


@pytest.mark.parametrize(("values", "rule"), [
    ({"cells": ()}, "at least one cell"),
    ({"sms_retries": ()}, "at least one pause"),
    ({"sms_retries": ("0s",)}, "no pause may be 0"),
    ({"sms_validity": 0}, "sms_validity must be longer than 0"),
    ({"sms_loss": 1.5}, "sms_loss is a probability"),
    ({"sms_queue_limit": 0}, "sms_queue_limit must be at least 1"),
    ({"ip_latency": "soon"}, "not a duration"),
    ({"gateway": ("100.64.0.1", 0)}, "the gateway's port is 1 to 65535"),
    ({"gateway": ("fe80::1", 6969)}, "are IPv4"),
    ({"addresses": "100.64.0.0/33"}, "gateway and addresses"),
    ({"addresses": "100.64.0.0/30"}, "must leave room"),
])
def test_settings_that_make_no_sense_are_refused(values: dict[str, object], rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        NetworkSettings(**values)  # type: ignore[arg-type]


def test_an_attach_on_lte_that_asks_for_an_unknown_access_point_is_refused(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    terminal = stage.terminal(attached=False)
    terminal.attach_apn = "hyper"
    stage.network.attach(terminal)
    stage.world.clock.sleep("5s")
    assert heard(terminal)[-1] == ("DENIED", 27)
    terminal.attach_apn = "SUPER"
    stage.network.attach(terminal)
    stage.world.clock.sleep("5s")
    assert heard(terminal)[-1] == ("ROAMING", 0)


def test_an_attach_on_gsm_asks_for_no_access_point(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(cells=(replace(DEFAULT_CELL, act=AccessTechnology.GSM),))
    terminal = stage.terminal(attached=False)
    terminal.attach_apn = "hyper"
    stage.network.attach(terminal)
    stage.world.clock.sleep("5s")
    assert heard(terminal)[-1] == ("ROAMING", 0)
