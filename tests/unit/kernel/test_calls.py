"""System calls about the device itself, and the checks that all calls share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.virtual.board.core.interface import FLASH_BASE, RAM_BASE, RAM_SIZE
from harness.virtual.board.kernel.abi import BY_NAME, CALLS
from harness.virtual.board.kernel.enums import MvStatus
from harness.virtual.board.peripherals.rcc import RCC_BASE
from harness.virtual.uplink import ServerTime

if TYPE_CHECKING:
    from tests.unit.kernel.conftest import Bench


def test_all_declared_calls_have_an_answer(bench: Bench) -> None:
    assert len(CALLS) == 71
    for call in CALLS.values():
        for register in range(4):
            bench.core.write_register(register, 0)
        bench.board.system_call(call.slot)
        MvStatus(bench.core.read_register(0))


@pytest.mark.parametrize("slot", [12, 71, 258, 290])
def test_undeclared_slots_are_refused_and_told_once(bench: Bench, slot: int) -> None:
    for _ in range(2):
        bench.board.system_call(slot)
        assert bench.core.read_register(0) == MvStatus.UNAVAILABLE
    assert bench.events("undeclared_call_refused") == [{"slot": slot}]


POINTERS = [(call.name, index) for call in CALLS.values() for index, argument in enumerate(call.arguments)
            if argument.size]


@pytest.mark.parametrize(("name", "index"), POINTERS)
@pytest.mark.parametrize("pointer", [0, 0x4000_0000, RAM_BASE + RAM_SIZE - 0, 0xFFFF_FFFF])
def test_a_pointer_outside_application_memory_is_a_parameter_fault(bench: Bench, name: str, index: int,
                                                                   pointer: int) -> None:
    arguments = [bench.room(64, fill=bytes(64)) for _ in BY_NAME[name].arguments]
    arguments[index] = pointer
    assert bench.call(name, *arguments) is MvStatus.PARAMETERFAULT


@pytest.mark.parametrize(("name", "index"), [(name, index) for name, index in POINTERS
                                             if BY_NAME[name].arguments[index].writes])
def test_results_are_never_written_to_flash(bench: Bench, name: str, index: int) -> None:
    arguments = [bench.room(64, fill=bytes(64)) for _ in BY_NAME[name].arguments]
    arguments[index] = FLASH_BASE + 0x1000
    assert bench.call(name, *arguments) is MvStatus.PARAMETERFAULT


def test_a_pointer_that_ends_in_memory_by_one_byte_too_few_is_refused(bench: Bench) -> None:
    assert bench.call("mvGetMicroseconds", RAM_BASE + RAM_SIZE - 7) is MvStatus.PARAMETERFAULT
    assert bench.call("mvGetMicroseconds", RAM_BASE + RAM_SIZE - 8) is MvStatus.OKAY


def test_microseconds_count_from_the_kernels_start(bench: Bench) -> None:
    out = bench.room(8)
    bench.wait("1500ms")
    assert bench.call("mvGetMicroseconds", out) is MvStatus.OKAY
    assert int.from_bytes(bench.core.read_memory(out, 8), "little") == 1_500_000


def test_wall_time_is_not_set_until_the_server_tells_it(bench: Bench) -> None:
    out = bench.room(8)
    assert bench.call("mvGetWallTime", out) is MvStatus.TIMENOTSET
    bench.wait("3s")
    bench.tell(ServerTime(unix_microseconds=1_700_000_000_000_000))
    bench.wait("1s")
    assert bench.call("mvGetWallTime", out) is MvStatus.OKAY
    assert int.from_bytes(bench.core.read_memory(out, 8), "little") - 1_700_000_000_000_000 == 1_010_000


@pytest.mark.parametrize("hclk_hz", [4_000_000, 48_000_000, 64_000_000, 120_000_000, 160_000_000])
def test_clock_calls_and_rcc_registers_agree(make_bench: Callable[..., Bench], hclk_hz: int) -> None:
    bench = make_bench(hclk_hz=hclk_hz)
    out = bench.words(0)
    for name in ("mvGetSysClk", "mvGetHClk", "mvGetPClk1", "mvGetPClk2"):
        assert bench.call(name, out) is MvStatus.OKAY
        assert bench.word(out) == hclk_hz
    assert bench.call("mvPeriphPeek32", RCC_BASE + 0x20, out) is MvStatus.OKAY
    assert bench.word(out) & 0x777 == 0  # HPRE, PPRE1, PPRE2: undivided


def test_device_id_is_exactly_34_bytes(bench: Bench) -> None:
    out = bench.room(40, fill=b"#" * 40)
    assert bench.call("mvGetDeviceId", out, 33) is MvStatus.INVALIDBUFFERSIZE
    assert bench.call("mvGetDeviceId", out, 35) is MvStatus.INVALIDBUFFERSIZE
    assert bench.call("mvGetDeviceId", out, 34) is MvStatus.OKAY
    assert bench.core.read_memory(out, 40) == bench.board.device_sid.encode() + b"######"
    assert bench.call("mvGetDeviceId", RAM_BASE + RAM_SIZE - 33, 34) is MvStatus.PARAMETERFAULT


def test_wake_reason_is_one_byte(bench: Bench) -> None:
    out = bench.room(4, fill=b"\xee" * 4)
    assert bench.call("mvGetWakeReason", out) is MvStatus.OKAY
    assert bench.core.read_memory(out, 4) == b"\x00\xee\xee\xee"
    assert bench.call("mvGetWakeReason", RAM_BASE + RAM_SIZE - 1) is MvStatus.OKAY


@pytest.mark.parametrize("reg", [RCC_BASE + 2, RCC_BASE + 0x3FC, 0x4202_0000, 0x4002_2004, 0x4602_0800, 0x0800_0000, 0])
def test_registers_off_the_list_are_refused(bench: Bench, reg: int) -> None:
    assert bench.call("mvPeriphPeek32", reg, bench.words(0)) is MvStatus.PERIPHERALACCESSFAULT
    assert bench.call("mvPeriphPoke32", reg, 1, 1) is MvStatus.PERIPHERALACCESSFAULT


@pytest.mark.parametrize("reg", [0x4002_2000, 0x4602_080C, 0x4602_0828])
def test_flash_latency_and_power_are_on_the_list(bench: Bench, reg: int) -> None:
    assert bench.call("mvPeriphPeek32", reg, bench.words(0)) is MvStatus.OKAY


def test_poke_assigns_under_the_mask_and_toggles_outside(bench: Bench) -> None:
    reg, out = RCC_BASE + 0x9C, bench.words(0)
    assert bench.call("mvPeriphPoke32", reg, 0xFFFF_FFFF, 0b1100) is MvStatus.OKAY
    assert bench.call("mvPeriphPoke32", reg, 0b0011, 0b0101) is MvStatus.OKAY
    assert bench.call("mvPeriphPeek32", reg, out) is MvStatus.OKAY
    assert bench.word(out) == 0b1001


def test_clock_settings_belong_to_the_kernel(bench: Bench) -> None:
    out = bench.words(0, 0)
    bench.call("mvPeriphPeek32", RCC_BASE + 0x1C, out)
    assert bench.call("mvPeriphPoke32", RCC_BASE + 0x1C, 0xFFFF_FFFF, 0) is MvStatus.OKAY
    bench.call("mvPeriphPeek32", RCC_BASE + 0x1C, out + 4)
    assert bench.word(out) == bench.word(out + 4) != 0


def test_restart_takes_the_application_to_its_reset_vector(bench: Bench) -> None:
    resets = bench.core.resets
    assert bench.call("mvRestart", 1) is MvStatus.PARAMETERFAULT
    bench.core.exception = 15
    assert bench.call("mvRestart", 0) is MvStatus.UNAVAILABLE
    bench.core.exception = 0
    assert bench.core.resets == resets
    assert bench.call("mvRestart", 0) is MvStatus.OKAY
    assert bench.core.resets == resets + 1


def test_the_led_is_told_when_it_changes(bench: Bench) -> None:
    assert bench.call("mvSystemLedEnable", 2) is MvStatus.UNAVAILABLE
    assert bench.call("mvSystemLedEnable", 0) is MvStatus.OKAY
    assert bench.call("mvSystemLedEnable", 0) is MvStatus.OKAY
    assert len(bench.events("system_led_disabled")) == 1


@pytest.mark.parametrize(("name", "modes"), [("mvPowerSave", 5), ("mvDeepSleep", 2)])
def test_saving_power_is_refused_while_the_network_is_up(bench: Bench, name: str, modes: int) -> None:
    assert bench.call(name, modes) is MvStatus.PARAMETERFAULT
    bench.wait("3s")
    assert bench.call(name, 0) is MvStatus.MICROVISORBUSY
    bench.core.exception = 16
    assert bench.call(name, 0) is MvStatus.UNAVAILABLE


def test_deep_sleep_ends_in_a_boot_with_its_reason(bench: Bench) -> None:
    from harness.virtual.board.kernel.enums import MvWakeReason
    from harness.virtual.board.parts import AppState

    handle = bench.network()
    assert bench.call("mvDeepSleep", 0) is MvStatus.OKAY  # not connected yet
    assert bench.board.app_state is AppState.ASLEEP
    bench.board.wake(MvWakeReason.DEEPSLEEPAPPLICATIONRTC)
    out = bench.words(0)
    assert bench.call("mvGetWakeReason", out) is MvStatus.OKAY
    assert bench.word(out) == 15
    assert bench.call("mvGetNetworkStatus", handle, out) is MvStatus.INVALIDHANDLE


def test_stop_mode_ends_with_an_interrupt(bench: Bench) -> None:
    cycles = bench.core.cycles
    assert bench.call("mvPowerSave", 3) is MvStatus.OKAY
    bench.world.clock.sleep("500ms")
    bench.board.sync()
    assert bench.core.cycles == cycles
    bench.board.pend(14)
    bench.world.clock.sleep("1ms")
    bench.board.sync()
    assert bench.core.cycles == cycles + 64_000
