"""Cell broadcasts as a network says them: to whom, when, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.errors import PduError, UsageError
from harness.formats.sms import BroadcastPage
from harness.virtual.network.seams import AccessTechnology, Cell
from tests.unit.network.conftest import FakeTerminal, Stage

HERE = Cell(plmn="310410", operator="AT&T", operator_short="AT&T", act=AccessTechnology.EMTC, tac=1, ci=0x10,
            rssi_dbm=-70)
THERE = Cell(plmn="310260", operator="T-Mobile", operator_short="TMO", act=AccessTechnology.GSM, tac=2, ci=0x20,
             rssi_dbm=-80)


def heard(terminal: FakeTerminal) -> list[tuple[int, int, str | None]]:
    return [(page.serial.value, page.page, page.text) for page in map(BroadcastPage.decode, terminal.pages)]


@pytest.fixture
def area(make_stage: Callable[..., Stage]) -> Stage:
    return make_stage(cells=(HERE, THERE))


def test_who_has_service_hears_each_page_in_its_turn(area: Stage) -> None:
    first, away = area.terminal(1), area.terminal(2, attached=False)
    said = area.network.broadcast("x" * 93 + "y" * 7, message_id=50)
    assert heard(first) == [(0x4010, 1, "x" * 93)]
    area.world.clock.sleep("2s")
    assert heard(first) == [(0x4010, 1, "x" * 93), (0x4010, 2, "y" * 7)]
    assert away.pages == []
    assert not said.on_air
    assert area.network.broadcasts == ()
    assert area.network.broadcast("again", message_id=50).serial_number == 0x4020


def test_only_the_cells_that_were_named_say_it(area: Stage) -> None:
    near, far = area.terminal(1), area.terminal(2)
    area.network.hand_over(far.iccid, 0x20)
    area.network.broadcast("there", message_id=50, cells=[0x20])
    assert (heard(near), heard(far)) == ([], [(0x4010, 1, "there")])
    area.network.broadcast("everywhere", message_id=50)
    assert heard(near) == [(0x4020, 1, "everywhere")]


def test_who_comes_later_hears_a_later_round(area: Stage) -> None:
    terminal = area.terminal(1)
    said = area.network.broadcast("storm", message_id=50, serial=0x1231, repeat=3, every="1min")
    late = area.terminal(2)
    area.world.clock.sleep("30s")
    assert (len(terminal.pages), len(late.pages), said.rounds_left) == (1, 0, 2)
    area.world.clock.sleep("3min")
    assert (len(terminal.pages), len(late.pages)) == (3, 2)
    assert heard(late)[0] == (0x1231, 1, "storm")
    assert not said.on_air


def test_what_is_stopped_is_said_no_more(area: Stage) -> None:
    terminal = area.terminal(1)
    said = area.network.broadcast("storm", message_id=50, repeat=100, every="10s")
    area.world.clock.sleep("25s")
    assert list(area.network.broadcasts) == [said]
    said.stop()
    said.stop()
    area.world.clock.sleep("1h")
    assert len(terminal.pages) == 3
    assert list(area.network.broadcasts) == []


def test_octets_have_a_coding_of_their_own(area: Stage) -> None:
    terminal = area.terminal(1)
    area.network.broadcast(b"\x01\x02", message_id=0x1100)
    page = BroadcastPage.decode(terminal.pages[0])
    assert (page.text, page.data[:3], page.coding.octet) == (None, b"\x01\x02\x00", 0x44)


@pytest.mark.parametrize(("wanted", "error", "rule"), [
    ({"cells": [0x99]}, UsageError, "not 0x99"), ({"cells": []}, UsageError, "not none"),
    ({"message_id": 70_000}, PduError, "16 bits"), ({"repeat": 0}, UsageError, "1 to 10000 times"),
    ({"serial": -1}, UsageError, "0 to 65535"), ({"coding": 0x44}, PduError, "holds data"),
    ({"language": "deutsch"}, PduError, "two letters"), ({"content": "x" * 1_400}, PduError, "16 pages"),
    ({"content": b"x" * 1_300}, UsageError, "15 pages of 82"),
])
def test_what_can_not_be_said(area: Stage, wanted: dict[str, object], error: type[Exception], rule: str) -> None:
    terminal = area.terminal(1)
    with pytest.raises(error, match=rule):
        area.network.broadcast(**{"content": "x", "message_id": 50, **wanted})  # type: ignore[arg-type]
    assert terminal.pages == []


def test_only_so_many_are_on_the_air(area: Stage) -> None:
    for _ in range(64):
        area.network.broadcast("x", message_id=50, repeat=2)
    with pytest.raises(UsageError, match="stop one first"):
        area.network.broadcast("x", message_id=50, repeat=2)
