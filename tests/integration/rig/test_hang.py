"""An application that hangs is told apart from a wait that is too short, in every wait on a board."""

from __future__ import annotations

import pytest

from harness.errors import ApplicationHung, BoardFault, TimeoutExpired
from harness.rig import Rig


def deploy(rig: Rig, name: str) -> None:
    app = rig.cloud.microvisor.upload(rig.firmware.bundle(name))
    rig.board().deploy(app).expect("up-to-date", within="60s")


def test_a_hang_is_told_with_its_place_and_masks(rig: Rig) -> None:
    deploy(rig, "hang")
    board = rig.board()
    board.log.expect("hanging", within="20s")
    with pytest.raises(ApplicationHung, match=r"hung in wait_for_flag\+0x\w+ \(0x08\w{6}\), PRIMASK=1") as raised:
        board.log.expect("the flag was set", within="2s")
    assert isinstance(raised.value, BoardFault)
    assert isinstance(raised.value, TimeoutExpired)
    assert raised.value.what.startswith("'the flag was set' in the log")
    assert "wait_for_flag" in raised.value.where
    with pytest.raises(ApplicationHung):
        board.symbol("step_count").wait(lambda steps: steps > 10, within="1s")
    with pytest.raises(ApplicationHung):
        board.pin("PA5").toggles(within="1s")
    assert board.swd.is_executing  # it was looked at, and let go


def test_an_application_that_sleeps_or_works_does_not_hang(rig: Rig) -> None:
    deploy(rig, "heartbeat")
    board = rig.board()
    with pytest.raises(TimeoutExpired) as raised:
        board.log.expect("never", within="2s")
    assert not isinstance(raised.value, ApplicationHung)


def test_a_loop_that_interrupts_break_into_is_not_called_a_hang(rig: Rig) -> None:
    deploy(rig, "spin-idle")
    board = rig.board()
    with pytest.raises(TimeoutExpired) as raised:
        board.log.expect("never", within="1s")
    assert not isinstance(raised.value, ApplicationHung)


def test_a_handler_that_never_returns_hangs(rig: Rig) -> None:
    deploy(rig, "heartbeat")
    board = rig.board()
    handler = board.swd.symbol("systick_handler").address
    with board.swd.breakpoint(handler) as breakpoint:
        breakpoint.wait(within="1s")
        board.swd.set_register("basepri", 0xA0)
        board.swd.write_memory(0x2000_0000, b"\xfe\xe7")  # b .
        board.swd.set_register("pc", 0x2000_0000)
    board.swd.resume()
    with pytest.raises(ApplicationHung, match=r"hung at 0x20000000, exception 15, BASEPRI=0xA0"):
        board.log.expect("never", within="1s")


def test_a_handler_that_waits_and_lets_interrupts_in_does_not_hang(rig: Rig) -> None:
    """As the scheduler of ThreadX does in PendSV where no thread is ready."""
    deploy(rig, "heartbeat")
    board = rig.board()
    handler = board.swd.symbol("systick_handler").address
    with board.swd.breakpoint(handler) as breakpoint:
        breakpoint.wait(within="1s")
        board.swd.write_memory(0x2000_0000, bytes.fromhex("72b6 00bf 62b6 fbe7"))  # cpsid i; nop; cpsie i; b back
        board.swd.set_register("pc", 0x2000_0000)
    board.swd.resume()
    with pytest.raises(TimeoutExpired) as raised:
        board.log.expect("never", within="1s")
    assert not isinstance(raised.value, ApplicationHung)
