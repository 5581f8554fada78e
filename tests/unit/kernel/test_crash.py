"""Crashes: what is told, and when the application starts again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.clock import NANOSECONDS
from harness.virtual.board.core.interface import FaultRecord
from harness.virtual.board.kernel.crash import Backoff, describe_fault, is_crash
from harness.virtual.board.kernel.enums import MvNetworkReason
from harness.virtual.uplink import LogLine

if TYPE_CHECKING:
    from tests.unit.kernel.conftest import Bench


def record(**facts: int | bool) -> FaultRecord:
    values = {"exception": 3, "cfsr": 0, "hfsr": 0, "mmfar": 0, "bfar": 0, **facts}
    return FaultRecord(registers={"pc": 0x0800_0500}, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(("fault", "text"), [
    (record(cfsr=1 << 16), "HardFault at 0x08000500 in main+0x4: undefined instruction"),
    (record(exception=5, cfsr=1 << 9 | 1 << 15, bfar=0x1234),
     "BusFault at 0x08000500 in main+0x4: precise data bus error, address 0x00001234"),
    (record(cfsr=1 << 1 | 1 << 7, mmfar=0x10), "HardFault at 0x08000500 in main+0x4: data access violation, "
                                              "address 0x00000010"),
    (record(lockup=True, hfsr=2), "lockup at 0x08000500 in main+0x4: vector table read failed")])
def test_faults_in_words(fault: FaultRecord, text: str) -> None:
    assert describe_fault(fault, lambda address: "main+0x4") == text


def test_faults_the_application_may_handle_are_no_crash() -> None:
    assert [is_crash(record(exception=number)) for number in (3, 4, 5, 6)] == [True, False, True, False]
    assert is_crash(record(exception=6, lockup=True))


def test_the_delay_doubles_up_to_the_bound_and_starts_over_after_a_good_run() -> None:
    backoff = Backoff()
    backoff.set_bounds(1_000, 5_000)
    assert [backoff.crashed(0) // 1_000_000 for _ in range(5)] == [1_000, 2_000, 4_000, 5_000, 5_000]
    backoff.started(0)
    assert backoff.crashed(6 * NANOSECONDS) // 1_000_000 == 1_000


def test_bounds_that_contradict_are_put_right() -> None:
    backoff = Backoff()
    backoff.set_bounds(90_000, 0)
    assert backoff.crashed(0) == 90 * NANOSECONDS


def test_a_crash_is_told_and_the_application_starts_again_with_reason_8(bench: Bench) -> None:
    bench.wait("3s")
    resets = bench.core.resets
    bench.fault(cfsr=1 << 16)
    assert bench.board.app_state.name == "CRASHED"
    crash, = bench.events("application_crashed")
    assert crash["registers"] == {"pc": "0x08000500"}
    assert crash["text"].startswith("HardFault at 0x08000500")
    bench.wait("900ms")
    assert bench.core.resets == resets
    bench.wait("200ms")
    assert bench.core.resets == resets + 1
    assert bench.board.app_state.name == "RUNNING"
    out = bench.words(0)
    bench.call("mvGetWakeReason", out)
    assert bench.word(out) == 8
    assert bench.reasons() & MvNetworkReason.APPLICATIONERROR
    assert any(line.origin == "system" and b"HardFault" in line.text for line in bench.cloud.of(LogLine))
    bench.wait("20s")
    assert not bench.reasons() & MvNetworkReason.APPLICATIONERROR


def test_a_lockup_is_a_crash(bench: Bench) -> None:
    bench.fault(lockup=True)
    assert bench.board.app_state.name == "CRASHED"


def test_a_fault_the_application_handles_is_only_told(bench: Bench) -> None:
    bench.fault(exception=6, cfsr=1 << 25)
    assert bench.board.app_state.name == "RUNNING"
    assert len(bench.events("fault_taken")) == 1


def test_a_crash_while_another_is_dealt_with_counts_once(bench: Bench) -> None:
    bench.fault()
    bench.fault()
    assert len(bench.events("application_crashed")) == 1
    bench.wait("2s")
    assert bench.board.app_state.name == "RUNNING"


def test_power_off_ends_the_wait_for_a_restart(bench: Bench) -> None:
    bench.fault()
    bench.board.power_off()
    resets = bench.core.resets
    bench.wait("10s")
    assert bench.core.resets == resets
