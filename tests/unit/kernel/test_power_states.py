"""Deep sleep and what ends it, restarts of the kernel, and every wake reason there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.errors import UsageError
from harness.formats.bundle import Bundle, BundleOptions, create_bundle
from harness.virtual.board.core.interface import RAM_BASE
from harness.virtual.board.kernel.enums import MvNetworkReason, MvStatus, MvWakeReason
from harness.virtual.board.parts import AppState
from harness.virtual.board.peripherals.power import PWR_BASE
from harness.virtual.board.peripherals.rtc import RTC_BASE
from harness.virtual.board.power_states import KERNEL_RESTARTS, WAKE_PINS
from harness.virtual.uplink import Restart

if TYPE_CHECKING:
    from tests.unit.kernel.conftest import Bench

STANDBY, SHUTDOWN = 0, 1
WUCR1, WUCR2, WUCR3 = PWR_BASE + 0x14, PWR_BASE + 0x18, PWR_BASE + 0x1C


def reason(bench: Bench) -> MvWakeReason:
    out = bench.words(0)
    assert bench.call("mvGetWakeReason", out) is MvStatus.OKAY
    return MvWakeReason(bench.word(out) & 0xFF)


def sleep(bench: Bench, mode: int = STANDBY) -> None:
    assert bench.call("mvDeepSleep", mode) is MvStatus.OKAY
    assert bench.board.app_state is AppState.ASLEEP


def test_memory_and_kernel_are_lost_in_standby(bench: Bench) -> None:
    handle = bench.network()
    bench.wait("1s")
    marker = bench.words(0x1234_5678)
    before = bench.board.kernel
    sleep(bench)
    bench.wait("1h")  # nothing connects meanwhile: the kernel does not run
    assert not bench.uplink.is_online(bench.board.device_sid)
    bench.board.wake(MvWakeReason.DEEPSLEEPAPPLICATIONRTC)
    assert bench.board.kernel is not before
    assert bench.word(marker) == 0
    assert reason(bench) is MvWakeReason.DEEPSLEEPAPPLICATIONRTC
    out = bench.room(8)
    assert bench.call("mvGetMicroseconds", out) is MvStatus.OKAY
    assert int.from_bytes(bench.core.read_memory(out, 8), "little") == 0
    assert bench.call("mvGetWallTime", out) is MvStatus.TIMENOTSET
    assert bench.call("mvGetNetworkStatus", handle, out) is MvStatus.INVALIDHANDLE


def test_flash_and_what_drives_pins_are_kept(bench: Bench) -> None:
    bench.board.pin("PC13").drive(1)
    sleep(bench)
    bench.board.wake()
    assert bench.board.pin("PC13").level == 1
    assert bench.board.store.installed is not None


@pytest.mark.parametrize("line", range(8))
@pytest.mark.parametrize("falling", [False, True])
def test_an_enabled_wake_pin_wakes_at_its_edge(bench: Bench, line: int, falling: bool) -> None:
    name = WAKE_PINS[line][1]
    pin = bench.board.pin(name)
    pin.drive(int(falling))
    bench.board.bus_write(WUCR1, 4, 1 << line)
    bench.board.bus_write(WUCR2, 4, int(falling) << line)
    bench.board.bus_write(WUCR3, 4, 1 << 2 * line)
    sleep(bench)
    bench.board.pin(WAKE_PINS[(line + 1) % 8][1]).drive(1)  # not enabled
    assert bench.board.app_state is AppState.ASLEEP
    pin.drive(1 - int(falling))
    assert bench.board.app_state.name == "RUNNING"
    assert reason(bench) is MvWakeReason.DEEPSLEEPAPPLICATION


def test_interrupts_other_than_the_rtcs_do_not_wake(bench: Bench) -> None:
    sleep(bench)
    bench.board.pend(45)
    assert bench.board.app_state is AppState.ASLEEP
    bench.board.pend(2)
    assert reason(bench) is MvWakeReason.DEEPSLEEPAPPLICATIONRTC


def test_the_rtcs_wake_up_timer_runs_on_in_standby(bench: Bench) -> None:
    for offset, value in ((0x24, 0xCA), (0x24, 0x53), (0x14, 89), (0x18, 1 << 14 | 1 << 10 | 4)):
        bench.board.bus_write(RTC_BASE + offset, 4, value)  # keys; 90 counts of 1 Hz; WUTIE, WUTE, ck_spre
    sleep(bench)
    bench.wait("89s")
    assert bench.board.app_state is AppState.ASLEEP
    bench.wait("2s")
    assert reason(bench) is MvWakeReason.DEEPSLEEPAPPLICATIONRTC


def test_a_due_check_in_wakes_and_connects(bench: Bench) -> None:
    hourly = BundleOptions(minimum_check_in_time_s=3600)
    bench.board.install(Bundle.read(create_bundle(bench.vectors(), options=hourly)))
    sleep(bench)
    bench.wait("3599s")
    assert bench.board.app_state is AppState.ASLEEP
    bench.wait("1s")
    assert reason(bench) is MvWakeReason.DEEPSLEEPCHECKIN
    assert bench.reasons() & MvNetworkReason.MINIMUMCHECKINEXPIRED
    assert not bench.reasons() & MvNetworkReason.COLDBOOTCONNECTION


@pytest.mark.parametrize("end", [MvWakeReason.DEEPSLEEPMODEM, MvWakeReason.DEEPSLEEPOTHER])
def test_other_ends_of_standby(bench: Bench, end: MvWakeReason) -> None:
    sleep(bench)
    bench.board.wake(end)
    assert reason(bench) is end


def test_a_boot_out_of_shutdown_is_a_cold_boot(bench: Bench) -> None:
    sleep(bench, SHUTDOWN)
    bench.board.wake(MvWakeReason.DEEPSLEEPAPPLICATIONRTC)
    assert reason(bench) is MvWakeReason.COLDBOOT
    assert bench.reasons() & MvNetworkReason.COLDBOOTCONNECTION


def test_power_off_ends_a_deep_sleep(bench: Bench) -> None:
    sleep(bench)
    bench.board.power_off()
    bench.wait("1h")
    bench.board.power_on()
    assert reason(bench) is MvWakeReason.COLDBOOT


@pytest.mark.parametrize("why", sorted(KERNEL_RESTARTS))
def test_restarts_of_the_kernel(bench: Bench, why: MvWakeReason) -> None:
    bench.wait("3s")
    assert bench.uplink.is_online(bench.board.device_sid)
    marker = bench.words(0x1234_5678)
    bench.board.restart_kernel(why)
    assert not bench.uplink.is_online(bench.board.device_sid)
    assert bench.word(marker) == 0
    assert reason(bench) is why
    is_error = why in (4, 5, 6, 7)
    assert bool(bench.reasons() & MvNetworkReason.KERNELERROR) is is_error
    bench.wait("15s")
    assert not bench.reasons() & MvNetworkReason.KERNELERROR


def test_application_reasons_are_none_of_the_kernels(bench: Bench) -> None:
    with pytest.raises(UsageError, match="APPLICATIONCRASH is no reason"):
        bench.board.restart_kernel(MvWakeReason.APPLICATIONCRASH)


def test_a_waiting_kernel_update_is_applied_by_a_restart(bench: Bench) -> None:
    bench.board.stage_kernel_update(7)
    assert bench.call("mvRestart", 0) is MvStatus.OKAY
    assert reason(bench) is MvWakeReason.MICROVISORUPDATE
    assert bench.call("mvRestart", 0) is MvStatus.OKAY
    assert reason(bench) is MvWakeReason.REMOTEAPPLICATIONRESTART


def test_every_wake_reason_is_reached(make_bench: Callable[..., Bench]) -> None:
    """All 17, each by what causes it; kernel errors are injected."""
    reached = set()
    for why in MvWakeReason:
        bench = make_bench()
        if why in KERNEL_RESTARTS:
            bench.board.restart_kernel(why)
        elif why >= MvWakeReason.DEEPSLEEPCHECKIN:
            sleep(bench)
            bench.board.wake(why)
        elif why is MvWakeReason.REMOTEAPPLICATIONRESTART:
            bench.wait("3s")
            bench.tell(Restart())
        elif why is MvWakeReason.DEBUGGERRESTART:
            bench.board.reset()
        elif why is MvWakeReason.APPLICATIONCRASH:
            bench.fault()
            bench.wait("2s")
        elif why is MvWakeReason.APPLICATIONUPDATE:
            bench.board.install(Bundle.read(create_bundle(bench.vectors())))
        reached.add(reason(bench))
        bench.board.power_off()
    assert reached == set(MvWakeReason) == set(range(17))


def test_stop_keeps_memory(bench: Bench) -> None:
    marker = bench.words(0x1234_5678)
    assert bench.call("mvPowerSave", 4) is MvStatus.OKAY
    bench.wait("1s")
    bench.board.pend(45)
    assert bench.word(marker) == 0x1234_5678
    assert marker > RAM_BASE
