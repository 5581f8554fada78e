"""Notification centres: records, rings, refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.virtual.board.kernel.enums import MvStatus
from harness.virtual.board.kernel.kernel import KernelSettings

if TYPE_CHECKING:
    from tests.unit.kernel.conftest import Bench


def records(bench: Bench, buffer: int, slots: int) -> list[tuple[int, int, int]]:
    data = bench.core.read_memory(buffer, 16 * slots)
    return [(int.from_bytes(data[i:i + 8], "little"), int.from_bytes(data[i + 8:i + 12], "little"),
             int.from_bytes(data[i + 12:i + 16], "little")) for i in range(0, 16 * slots, 16)]


def test_records_go_round_and_pend_the_interrupt(bench: Bench) -> None:
    handle, buffer = bench.centre(irq=51, slots=2)
    bench.wait("250us")
    for tag in (1, 2, 3):
        assert bench.call("mvTempTriggerNotification", handle, 4, tag) is MvStatus.OKAY
    assert records(bench, buffer, 2) == [(250, 4, 3), (250, 4, 2)]
    assert bench.core.pended == [51, 51, 51]
    assert len(bench.events("notification_overrun")) == 1


def test_a_consumed_slot_is_no_overrun(bench: Bench) -> None:
    handle, buffer = bench.centre(slots=2)
    for tag in range(5):
        bench.call("mvTempTriggerNotification", handle, 1, tag)
        bench.core.write_memory(buffer + 16 * (tag % 2) + 8, bytes(4))
    assert bench.events("notification_overrun") == []


def test_a_buffer_full_of_ones_is_not_an_overrun_at_first(bench: Bench) -> None:
    """One shipped application fills its buffer with 0xFF before it hands it over."""
    buffer = bench.room(32, fill=b"\xff" * 32)
    handle = bench.words(0)
    assert bench.call("mvSetupNotifications", bench.words(51, buffer, 32), handle) is MvStatus.OKAY
    bench.call("mvTempTriggerNotification", bench.word(handle), 1, 9)
    assert records(bench, buffer, 1) == [(0, 1, 9)]
    assert bench.events("notification_overrun") == []


def test_strict_centres_keep_what_was_not_consumed(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(settings=KernelSettings(strict_notifications=True))
    handle, buffer = bench.centre(slots=2)
    for tag in (1, 2, 3):
        bench.call("mvTempTriggerNotification", handle, 1, tag)
    assert [tag for _, _, tag in records(bench, buffer, 2)] == [1, 2]


@pytest.mark.parametrize(("irq", "size", "status"), [
    (51, 16, MvStatus.INVALIDBUFFERSIZE), (51, 40, MvStatus.INVALIDBUFFERSIZE), (51, 0, MvStatus.INVALIDBUFFERSIZE),
    (125, 32, MvStatus.INVALIDINTERRUPT), (10, 32, MvStatus.INVALIDINTERRUPT), (0xFFFF_FFF0, 32,
                                                                               MvStatus.INVALIDINTERRUPT)])
def test_bad_setups_are_refused(bench: Bench, irq: int, size: int, status: MvStatus) -> None:
    assert bench.call("mvSetupNotifications", bench.words(irq, bench.room(64), size), bench.words(0)) is status


def test_interrupts_and_buffers_are_not_shared(bench: Bench) -> None:
    _, buffer = bench.centre(irq=51, slots=4)
    out = bench.words(0)
    assert bench.call("mvSetupNotifications", bench.words(51, bench.room(32), 32), out) is MvStatus.INVALIDINTERRUPT
    assert bench.call("mvSetupNotifications", bench.words(52, buffer + 32, 32), out) is MvStatus.BUFFERALREADYINUSE
    assert bench.call("mvSetFastInterrupt", 60) is MvStatus.OKAY
    assert bench.call("mvSetupNotifications", bench.words(60, bench.room(32), 32), out) is MvStatus.INVALIDINTERRUPT


def test_32_centres_and_no_more(bench: Bench) -> None:
    for irq in range(40, 72):
        bench.centre(irq=irq, slots=2)
    assert bench.call("mvSetupNotifications", bench.words(80, bench.room(32), 32),
                      bench.words(0)) is MvStatus.TOOMANYNOTIFICATIONBUFFERS


def test_closing_zeroes_the_handle_and_silences(bench: Bench) -> None:
    handle, buffer = bench.centre()
    where = bench.words(handle)
    assert bench.call("mvCloseNotifications", where) is MvStatus.OKAY
    assert bench.word(where) == 0
    assert bench.call("mvCloseNotifications", where) is MvStatus.INVALIDHANDLE
    assert bench.call("mvTempTriggerNotification", handle, 1, 1) is MvStatus.INVALIDHANDLE
    assert records(bench, buffer, 1) == [(0, 0, 0)]


def test_fast_interrupts_are_held_until_enabled(bench: Bench) -> None:
    assert bench.call("mvEnableFastInterrupt", 62) is MvStatus.INVALIDINTERRUPT
    assert bench.call("mvSetFastInterrupt", 3) is MvStatus.INVALIDINTERRUPT
    assert bench.call("mvSetFastInterrupt", 62) is MvStatus.OKAY
    bench.board.set_irq(62, True)
    assert bench.core.pended == []
    assert bench.call("mvDisableAllFastInterrupts") is MvStatus.OKAY
    assert bench.call("mvEnableFastInterrupt", 62) is MvStatus.OKAY
    assert bench.core.pended == []
    assert bench.call("mvEnableAllFastInterrupts") is MvStatus.OKAY
    assert bench.core.pended == [62]
    assert bench.call("mvDisableFastInterrupt", 62) is MvStatus.OKAY
    bench.board.set_irq(62, True)
    bench.board.set_irq(62, False)
    assert bench.call("mvClearFastInterrupt", 62) is MvStatus.OKAY
    assert bench.core.pended == []


def test_a_fast_interrupt_needs_a_vector(bench: Bench) -> None:
    bench.core.program(0x0800_0000 + 4 * (16 + 62), bytes(4))
    assert bench.call("mvSetFastInterrupt", 62) is MvStatus.INVALIDVECTOR
