"""Cells, operators and what a SIM card may use of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.virtual.network import SignalCurve
from harness.virtual.network.seams import AccessTechnology, Attachment, Cell, DataUsage, RegistrationStatus, Session

if TYPE_CHECKING:
    from tests.unit.network.conftest import FakeTerminal, Stage

ATT = Cell(plmn="310410", operator="AT&T Mobility", operator_short="AT&T", act=AccessTechnology.EMTC, tac=1, ci=0x10,
           rssi_dbm=-70)
ATT2 = replace(ATT, ci=0x11, rssi_dbm=-80)
TMO = Cell(plmn="310260", operator="T-Mobile", operator_short="TMO", act=AccessTechnology.E_UTRAN, tac=2, ci=0x20,
           rssi_dbm=-75)
CELLS = (ATT, ATT2, TMO)


class Books:
    """Keeps what the network tells."""

    def __init__(self) -> None:
        self.attachments: list[Attachment] = []
        self.usage: list[DataUsage] = []

    def attachment(self, attachment: Attachment) -> None:
        self.attachments.append(attachment)

    def data_usage(self, usage: DataUsage) -> None:
        self.usage.append(usage)


@pytest.fixture
def stage(make_stage: Callable[..., Stage]) -> Stage:
    return make_stage(cells=CELLS)


@pytest.fixture
def books(stage: Stage) -> Books:
    books = Books()
    stage.network.connect_metering(books)
    return books


def allow(stage: Stage, terminal: FakeTerminal, *plmns: str) -> None:
    stage.cloud.subscriptions[terminal.iccid] = replace(stage.cloud.subscriptions[terminal.iccid],
                                                        networks=frozenset(plmns) if plmns else None)
    stage.network.subscription_changed(terminal.iccid)
    stage.world.clock.sleep("10s")


def where(stage: Stage, terminal: FakeTerminal) -> tuple[str, int]:
    registration = stage.network.registration(terminal)
    return registration.status.name, registration.cell.ci if registration.cell else 0


def test_the_strongest_cell_that_is_allowed_is_taken(stage: Stage) -> None:
    terminal = stage.terminal()
    assert where(stage, terminal) == ("ROAMING", 0x10)
    allow(stage, terminal, "310260")
    assert where(stage, terminal) == ("ROAMING", 0x20)
    allow(stage, terminal, "26201")
    assert where(stage, terminal) == ("DENIED", 0)
    assert stage.network.registration(terminal).cause == 13
    allow(stage, terminal)
    assert where(stage, terminal) == ("ROAMING", 0x10)


def test_refusals_and_departures_are_told_to_the_books(stage: Stage, books: Books) -> None:
    terminal = stage.terminal(attached=False)
    stage.cloud.subscriptions[terminal.iccid] = replace(stage.cloud.subscriptions[terminal.iccid],
                                                        networks=frozenset({"310260"}))
    stage.network.attach(terminal)
    stage.world.clock.sleep("5s")
    stage.network.detach(terminal)
    told = [(item.accepted, item.cell.plmn if item.cell else "", item.cause) for item in books.attachments]
    assert told == [(False, "310410", 13), (True, "310260", 0), (False, "310260", 0)]
    assert books.attachments[0].imei == terminal.imei


def test_an_operator_that_refuses_for_good_is_remembered_on_the_card(stage: Stage) -> None:
    terminal = stage.terminal(attached=False)
    stage.network.deny(terminal.iccid, 11)
    stage.network.attach(terminal)
    stage.world.clock.sleep("5s")
    assert where(stage, terminal) == ("DENIED", 0)
    assert terminal.forbidden == {"310410", "310260"}
    stage.network.deny(terminal.iccid, None)
    stage.network.detach(terminal)
    stage.network.attach(terminal)
    stage.world.clock.sleep("5s")
    assert where(stage, terminal) == ("DENIED", 0)  # nobody refuses any more, and it does not even ask
    assert stage.network.registration(terminal).cause == 11
    terminal.forbidden.discard("310260")  # what field advice has people do by AT+CRSM
    stage.network.detach(terminal)
    stage.network.attach(terminal)
    stage.world.clock.sleep("5s")
    assert where(stage, terminal) == ("ROAMING", 0x20)


@pytest.mark.parametrize("cause", [11, 14])
def test_a_refusal_in_service_is_remembered_too_and_another_operator_is_tried(stage: Stage, cause: int) -> None:
    """3GPP TS 24.301 clause 5.5.3.2.5: the list does not ask what the device was doing when it was refused."""
    terminal = stage.terminal()
    stage.network.deny(terminal.iccid, cause)
    stage.world.clock.sleep("10s")
    assert where(stage, terminal) == ("DENIED", 0)
    assert terminal.forbidden == {"310410", "310260"}
    stage.network.deny(terminal.iccid, None)
    stage.world.clock.sleep("1h")
    assert where(stage, terminal) == ("DENIED", 0)
    told = len(terminal.registrations)
    terminal.forbidden.discard("310260")  # AT+CRSM
    stage.world.clock.sleep("2min")
    assert where(stage, terminal) == ("ROAMING", 0x20)
    assert [item.status.name for item in terminal.registrations[told:]] == ["SEARCHING", "ROAMING"]


def test_who_is_refused_for_good_is_not_asked_again_when_another_refusal_ends(stage: Stage) -> None:
    terminal = stage.terminal()
    terminal.forbidden.update({"310410", "310260"})
    stage.network.deny(terminal.iccid, 15)
    stage.world.clock.sleep("10s")
    told = len(terminal.registrations)
    stage.network.deny(terminal.iccid, None)
    stage.world.clock.sleep("10min")
    assert len(terminal.registrations) == told
    stage.network.select(terminal, "310260")
    stage.world.clock.sleep("10s")
    assert where(stage, terminal) == ("ROAMING", 0x20)


def test_selecting_an_operator_by_hand_tries_it_even_if_forbidden(stage: Stage) -> None:
    terminal = stage.terminal()
    terminal.forbidden.add("310260")
    stage.network.select(terminal, "310260")
    stage.world.clock.sleep("5s")
    assert where(stage, terminal) == ("ROAMING", 0x20)
    assert terminal.forbidden == set()
    stage.network.select(terminal, "23410")
    stage.world.clock.sleep("5s")
    assert where(stage, terminal) == ("SEARCHING", 0)
    stage.network.select(terminal, None)
    stage.world.clock.sleep("5s")
    assert stage.network.registration(terminal).status is RegistrationStatus.ROAMING


def test_who_may_choose_again_keeps_what_it_has(stage: Stage) -> None:
    terminal = stage.terminal()
    told: list[Session | None] = []
    stage.network.activate(terminal, 1, "super", told.append)
    stage.world.clock.sleep("1s")
    stage.network.select(terminal, "310410")
    stage.network.select(terminal, None)
    stage.world.clock.sleep("10s")
    assert [item.status.name for item in terminal.registrations] == ["SEARCHING", "ROAMING"], "no new search"
    assert terminal.lost == []
    assert len(stage.network.sessions(terminal.iccid)) == 1


def test_a_scan_finds_operators_with_their_status(stage: Stage) -> None:
    terminal = stage.terminal()
    terminal.forbidden.add("310260")
    assert [(found.status, found.cell.plmn, found.cell.act) for found in stage.network.scan(terminal)] == [
        (2, "310410", AccessTechnology.EMTC), (3, "310260", AccessTechnology.E_UTRAN)]
    stage.network.lose_coverage(terminal.iccid)
    assert stage.network.scan(terminal) == ()


def test_a_cell_that_goes_off_hands_over_within_the_operator_and_keeps_the_sessions(stage: Stage) -> None:
    terminal = stage.terminal()
    stage.network.activate(terminal, 1, "super", lambda session: None)
    stage.world.clock.sleep("1s")
    stage.network.switch_cell(0x10, False)
    stage.world.clock.sleep("1s")
    assert where(stage, terminal) == ("ROAMING", 0x11)
    assert len(stage.network.sessions(terminal.iccid)) == 1
    assert terminal.registrations[-1].cell is not None
    assert terminal.registrations[-1].cell.ci == 0x11
    stage.network.switch_cell(0x11, False)
    stage.world.clock.sleep("5s")
    assert where(stage, terminal) == ("ROAMING", 0x20)  # another operator: everything begins anew
    assert stage.network.sessions(terminal.iccid) == []
    stage.network.switch_cell(0x20, False)
    stage.world.clock.sleep("5s")
    assert where(stage, terminal) == ("SEARCHING", 0)
    stage.network.switch_cell(0x11, True)
    stage.world.clock.sleep("5s")
    assert where(stage, terminal) == ("ROAMING", 0x11)


def test_hand_over_on_demand(stage: Stage) -> None:
    terminal = stage.terminal()
    stage.network.hand_over(terminal.iccid, 0x20)
    stage.world.clock.sleep("1s")
    assert where(stage, terminal) == ("ROAMING", 0x20)
    with pytest.raises(UsageError, match="no cell 0x99"):
        stage.network.hand_over(terminal.iccid, 0x99)
    stage.network.detach(terminal)
    with pytest.raises(UsageError, match="no service"):
        stage.network.hand_over(terminal.iccid, 0x10)


def test_a_module_uses_the_technologies_it_has(make_stage: Callable[..., Stage]) -> None:
    gsm = replace(ATT2, act=AccessTechnology.GSM)
    stage = make_stage(cells=(ATT, gsm, replace(TMO, act=AccessTechnology.NB_IOT)))
    terminal = stage.terminal(attached=False)
    terminal.technologies = frozenset({AccessTechnology.GSM, AccessTechnology.NB_IOT})
    assert [found.cell.ci for found in stage.network.scan(terminal)] == [0x20, 0x11]
    stage.network.attach(terminal)
    stage.world.clock.sleep("5s")
    assert where(stage, terminal) == ("ROAMING", 0x20)
    with pytest.raises(UsageError, match="does not work with EMTC of cell 0x10"):
        stage.network.hand_over(terminal.iccid, 0x10)
    terminal.technologies = frozenset({AccessTechnology.GSM})
    stage.network.switch_cell(0x20, False)
    stage.world.clock.sleep("5s")
    assert where(stage, terminal) == ("ROAMING", 0x11)
    stage.network.switch_cell(0x11, False)
    stage.world.clock.sleep("1min")
    assert where(stage, terminal) == ("SEARCHING", 0)


def test_no_hand_over_leads_to_an_operator_that_the_card_may_not_use(stage: Stage) -> None:
    terminal = stage.terminal()
    allow(stage, terminal, "310410")
    with pytest.raises(UsageError, match="may not use operator 310260, which refuses it with cause 13"):
        stage.network.hand_over(terminal.iccid, 0x20)
    stage.network.hand_over(terminal.iccid, 0x11)
    assert where(stage, terminal) == ("ROAMING", 0x11)


def test_the_operators_clearly_stronger_cell_takes_a_terminal_over(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(cells=CELLS)
    terminal = stage.terminal()
    told: list[Session | None] = []
    stage.network.activate(terminal, 1, "super", told.append)
    stage.network.set_signal(0x10, SignalCurve.of(("10s", -70), ("110s", -120), ("210s", -70)))
    stage.network.set_signal(0x20, -50)  # of another operator: moves nobody

    def until(seconds: int) -> None:
        stage.world.clock.sleep(seconds - stage.world.now() / 1e9)

    until(40)  # -85 here, -80 there: not enough
    assert where(stage, terminal) == ("ROAMING", 0x10)
    until(44)  # -87 here
    assert where(stage, terminal) == ("ROAMING", 0x11)
    until(204)  # -73 there: stronger than -80 by more than enough
    assert where(stage, terminal) == ("ROAMING", 0x10)
    assert [status.name for status in dict.fromkeys(item.status for item in terminal.registrations)] == [
        "SEARCHING", "ROAMING"], "service was never lost"
    assert len(stage.network.sessions(terminal.iccid)) == 1
    until(211)
    stage.network.set_signal(0x11, -65)
    until(221)
    assert where(stage, terminal) == ("ROAMING", 0x10), "one that is hardly stronger does not"
    assert len(told) == 1


def test_home_is_where_the_imsi_or_the_settings_say(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(cells=CELLS, home_plmns=frozenset({"310410"}))
    assert where(stage, stage.terminal()) == ("HOME", 0x10)
    stage = make_stage(cells=(replace(ATT, plmn="73212"),))
    assert where(stage, stage.terminal()) == ("HOME", 0x10)


def test_congestion_refuses_newcomers_until_it_ends_or_they_try_again(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(cells=(ATT,))
    resident, newcomer = stage.terminal(1), stage.terminal(2, attached=False)
    stage.network.congest("310410")
    stage.network.attach(newcomer)
    stage.world.clock.sleep("10s")
    assert where(stage, resident) == ("ROAMING", 0x10)
    assert stage.network.registration(newcomer).cause == 22
    stage.network.congest("310410", False)
    stage.world.clock.sleep("10s")
    assert where(stage, newcomer) == ("ROAMING", 0x10)
    with pytest.raises(UsageError, match="no cell belongs"):
        stage.network.congest("99999")


def test_a_signal_that_fades_loses_the_cell_and_comes_back(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(cells=(ATT,))
    terminal = stage.terminal()
    stage.network.set_signal(0x10, SignalCurve.of(("0s", -70), ("10s", -70), ("20s", -130), ("30s", -70)))
    assert stage.network.signal(terminal) == -70
    stage.world.clock.sleep("8s")  # instant 13 s
    assert stage.network.signal(terminal) == -88
    stage.world.clock.sleep("6s")
    assert where(stage, terminal) == ("SEARCHING", 0)
    assert stage.network.signal(terminal) is None
    stage.world.clock.sleep("10s")
    assert where(stage, terminal) == ("ROAMING", 0x10)


@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(-150, 0)), min_size=1, max_size=6,
                unique_by=lambda point: point[0]), st.integers(-120, -50))
def test_a_curve_crosses_a_level_where_it_says(points: list[tuple[int, int]], level: int) -> None:
    curve = SignalCurve(tuple(sorted(points)))
    assert all(-150 <= curve.at(instant) <= 0 for instant, _ in points)
    for instant in curve.crossings(level):
        assert (curve.at(instant) < level) != (curve.at(instant - 1) < level)


@pytest.mark.parametrize("points", [(), ((5, -70), (5, -80)), ((5, -70), (1, -80)), ((0, 10),)])
def test_a_curve_that_is_none_is_refused(points: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(UsageError):
        SignalCurve(points)


def test_two_cells_with_one_identity_are_refused(make_stage: Callable[..., Stage]) -> None:
    with pytest.raises(UsageError, match="same identity"):
        make_stage(cells=(ATT, replace(TMO, ci=0x10)))


def test_sessions_are_metered_every_six_minutes_and_at_the_end(stage: Stage, books: Books) -> None:
    terminal = stage.terminal()
    sessions: list[object] = []
    stage.network.activate(terminal, 1, "super", sessions.append)
    stage.network.activate(terminal, 2, "hyper", sessions.append)
    stage.world.clock.sleep("1s")
    assert [(item.began, item.cause, item.ip != "") for item in books.usage] == [(True, 0, True), (False, 27, False)]
    stage.network.send_ip(terminal.iccid, 7, b"x" * 72, lambda address: None)
    stage.world.clock.sleep("6min")
    assert (books.usage[-1].down, books.usage[-1].down_packets, books.usage[-1].ended) == (100, 1, False)
    count = len(books.usage)
    stage.world.clock.sleep("6min")
    assert len(books.usage) == count  # nothing flowed, nothing is told
    stage.network.send_ip(terminal.iccid, 7, b"x" * 22, lambda address: None)
    stage.world.clock.sleep("1s")
    stage.network.detach(terminal)
    assert (books.usage[-1].down, books.usage[-1].ended, books.usage[-1].cell) == (50, True, ATT)
    assert len({item.session_id for item in books.usage}) == 2
