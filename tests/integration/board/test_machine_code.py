"""Small programs on the emulated core: timers, serial lines, pins, crashes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

import pytest

from harness.clock import random_stream
from harness.formats.bundle import Bundle, BundleOptions, CrashPolicy
from harness.virtual.board.board import CALL_CYCLES
from harness.virtual.board.core.interface import RAM_BASE, VENEER_BASE, BusError
from harness.virtual.board.devices.mcp9808 import Mcp9808
from harness.virtual.board.kernel.abi import BY_NAME
from harness.virtual.board.parts import AppState

if TYPE_CHECKING:
    from tests.integration.board.conftest import Program, Setup

TIM6, USART2, GPIOA, EXTI = 0x4000_1000, 0x4000_4400, 0x4202_0000, 0x4602_2000
ISER0, ISER1 = 0xE000_E100, 0xE000_E104
COUNTER = RAM_BASE + 0x100


def counter(setup: Setup) -> int:
    return int.from_bytes(setup.board.core.read_memory(COUNTER, 4), "little")


def boot(setup: Setup, bundle: Bundle) -> None:
    setup.board.install(bundle)
    setup.board.power_on()


def test_tim6_interrupts_once_a_millisecond(setup: Setup, program: type[Program], link: Callable[..., Bundle]) -> None:
    main = (program().store(TIM6 + 0x28, 63).store(TIM6 + 0x2C, 999).store(TIM6 + 0x14, 1).store(TIM6 + 0x10, 0)
            .store(TIM6 + 0x0C, 1).store(TIM6, 1).store(ISER1, 1 << 17).sleep_for_ever())
    handler = program().store(TIM6 + 0x10, 0).increment(COUNTER).put(program.BX_LR)
    boot(setup, link(main, {49: handler}))
    setup.run("1000500us")
    assert counter(setup) == 1000


def test_a_line_that_stays_high_comes_again(setup: Setup, program: type[Program], link: Callable[..., Bundle]) -> None:
    """A handler that does not clear the flag is entered for ever, and nothing else runs."""
    main = program().store(TIM6 + 0x14, 1).store(TIM6 + 0x0C, 1).store(ISER1, 1 << 17).sleep_for_ever()
    boot(setup, link(main, {49: program().increment(COUNTER).put(program.BX_LR)}))
    setup.run("1ms")
    assert counter(setup) > 100


def test_a_button_wakes_a_sleeping_core(setup: Setup, program: type[Program], link: Callable[..., Bundle]) -> None:
    main = (program().store(GPIOA, 0xABFF_FFFC).store(EXTI, 1).store(EXTI + 0x80, 1).store(ISER0, 1 << 11)
            .sleep_for_ever())
    handler = program().store(EXTI + 0x0C, 1).increment(COUNTER).put(program.BX_LR)
    boot(setup, link(main, {11: handler}))
    setup.run("1h")
    for presses in range(3):
        assert counter(setup) == presses
        setup.board.pin("PA0").drive(1)
        setup.run("1ms")
        setup.board.pin("PA0").drive(0)
    assert counter(setup) == 3
    assert setup.board.statistics()["appointments"] == 0


def test_a_serial_echo(setup: Setup, program: type[Program], link: Callable[..., Bundle]) -> None:
    main = (program().store(USART2 + 0x0C, 556).store(USART2, 1 | 1 << 2 | 1 << 3 | 1 << 5).store(ISER1, 1 << 30)
            .sleep_for_ever())
    handler = program().load(USART2 + 0x24).put(0x6041, program.BX_LR)  # str r1, [r0, #4]: RDR to TDR
    boot(setup, link(main, {62: handler}))
    setup.run("1ms")
    setup.board.uart("USART2").send(b"echo this\n")
    setup.run("10ms")
    lines = setup.world.journal.select("uart_line")
    assert [line.data for line in lines] == [{"uart": "USART2", "text": "echo this"}]


def test_a_crash_is_told_with_registers_and_restarts_by_policy(setup: Setup, program: type[Program],
                                                               link: Callable[..., Bundle]) -> None:
    main = program().increment(COUNTER).put(program.UDF)
    boot(setup, link(main, options=BundleOptions(crash=CrashPolicy(minimum_restart_ms=200, maximum_restart_ms=400))))
    setup.run("1ms")
    crash, = setup.world.journal.select("application_crashed")
    assert "undefined instruction" in str(crash.data["text"])
    registers = crash.data["registers"]
    assert isinstance(registers, dict)
    assert registers["pc"] == f"0x{0x0800_0400 + 2 * (len(main.code) - 1):08x}"
    assert setup.board.app_state is AppState.CRASHED
    setup.run("1300ms")  # restarts at 200, 600, 1000 ms
    starts = setup.world.journal.select("application_started")
    assert [entry.data["reason"] for entry in starts] == ["coldboot", *["applicationcrash"] * 3]
    assert [round(entry.t / 1e6) for entry in starts] == [0, 200, 600, 1000]


def test_an_access_outside_of_memory_is_a_crash(setup: Setup, program: type[Program],
                                                link: Callable[..., Bundle]) -> None:
    boot(setup, link(program().store(0x6000_0000, 1).spin()))
    setup.run("1ms")
    crash, = setup.world.journal.select("application_crashed")
    assert "bus error" in str(crash.data["text"])


def test_nonsense_vectors_crash_and_the_board_stays_usable(setup: Setup, program: type[Program],
                                                           link: Callable[..., Bundle]) -> None:
    from harness.formats.bundle import create_bundle

    boot(setup, Bundle.read(create_bundle(b"not an application at all")))
    setup.run("3s")
    assert setup.world.journal.select("application_crashed")
    setup.board.install(link(program().store(COUNTER, 7).spin()))
    setup.run("1ms")
    assert counter(setup) == 7


def test_a_blank_board_lets_time_pass(setup: Setup) -> None:
    setup.board.power_on()
    setup.run("1h")
    assert setup.board.app_state is AppState.NONE
    assert setup.uplink.is_online(setup.board.device_sid)


def test_strict_boards_crash_on_registers_that_are_not_modelled(
        make_setup: Callable[..., Setup], program: type[Program], link: Callable[..., Bundle]) -> None:
    for strict in (False, True):
        setup = make_setup(strict=strict)
        boot(setup, link(program().store(0x4000_7800, 1).spin()))
        setup.run("1ms")
        assert bool(setup.world.journal.select("application_crashed")) is strict
        assert len(setup.world.journal.select("unmodelled_register_accessed")) == 1


@pytest.mark.parametrize("kind", ["spin", "sleep_for_ever"])
def test_aircr_reset_restarts(setup: Setup, program: type[Program], link: Callable[..., Bundle], kind: str) -> None:
    main = getattr(program().increment(COUNTER).store(0xE000_ED0C, 0x05FA_0004), kind)()
    boot(setup, link(main))
    setup.run("20us")
    assert counter(setup) > 1


def test_a_halted_core_lets_time_pass_without_cycles(setup: Setup, program: type[Program],
                                                     link: Callable[..., Bundle]) -> None:
    boot(setup, link(program().spin()))
    setup.run("1ms")
    setup.board.core.halt()
    cycles = setup.board.core.cycles
    setup.run("10s")
    assert setup.board.core.cycles == cycles
    setup.board.core.resume()
    setup.run("1ms")
    assert abs(setup.board.core.cycles - cycles - 64_000) < 100


UNMODELLED = 0x4000_9400


def test_registers_that_are_not_modelled_are_told_of_once(setup: Setup, program: type[Program],
                                                          link: Callable[..., Bundle]) -> None:
    main = program()
    for _ in range(3):
        main.store(UNMODELLED, 5).load(UNMODELLED)
    setup.board.install(link(main.increment(RAM_BASE).sleep_for_ever()))
    setup.board.power_on()
    setup.run("10ms")
    told = setup.world.journal.select("unmodelled_register_accessed")
    assert [dict(entry.data) for entry in told] == [
        {"address": f"0x{UNMODELLED:08x}", "peripheral": "", "write": True, "value": 5}]
    assert setup.board.core.read_memory(RAM_BASE, 1) == b"\1"


@pytest.mark.parametrize("address", [UNMODELLED, 0x4202_0038])
def test_registers_that_are_not_modelled_fault_on_strict_boards(make_setup: Callable[..., Setup],
                                                                program: type[Program], link: Callable[..., Bundle],
                                                                address: int) -> None:
    setup = make_setup(strict=True)
    setup.board.install(link(program().load(0x4202_0010).load(address).increment(RAM_BASE).sleep_for_ever()))
    setup.board.power_on()
    setup.run("10ms")
    crash = setup.world.journal.select("application_crashed")
    assert len(crash) == 1
    assert "data bus error" in str(crash[0].data["text"])


def test_a_watchdog_restarts_the_application(setup: Setup, program: type[Program], link: Callable[..., Bundle]) -> None:
    main = program().increment(RAM_BASE + 64)
    for key, register, value in ((0x5555, 0x04, 3), (0x5555, 0x08, 99)):
        main.store(0x4000_3000, key).store(0x4000_3000 + register, value)
    main.store(0x4000_3000, 0xCCCC)
    setup.board.install(link(main.sleep_for_ever()))
    setup.board.power_on()
    setup.run("450ms")  # 100 counts of 1 ms
    assert len(setup.world.journal.select("watchdog_expired")) == 4
    starts = [entry.data["reason"] for entry in setup.world.journal.select("application_started")]
    assert starts == ["coldboot", *["microvisorwatchdog"] * 4]
    assert setup.board.core.read_memory(RAM_BASE + 64, 1) == b"\5"
    assert setup.board.soc.peek(0x4602_0CF4) & 1 << 29  # type: ignore[operator]
    setup.board.power_off()
    setup.run("1s")
    assert len(setup.world.journal.select("watchdog_expired")) == 4


def test_the_clock_goes_on_through_restarts(setup: Setup, program: type[Program], link: Callable[..., Bundle]) -> None:
    setup.board.install(link(program().sleep_for_ever()))
    setup.board.power_on()
    setup.run("61s")
    setup.board.reset()
    setup.run("1s")
    assert setup.board.soc.bus.read(0x4600_7800, 4) == 0x0102
    assert setup.board.soc.bus.read(0x4600_7804, 4) == 0x26_8101


@pytest.mark.parametrize("sleep", ["deep", "stop"])
def test_the_wakeup_timer_ends_sleep(setup: Setup, program: type[Program], link: Callable[..., Bundle],
                                     sleep: str) -> None:
    handler = program().store(0x4600_785C, 4).increment(COUNTER).put(program.BX_LR)
    setup.board.install(link(program().store(ISER0, 1 << 2).sleep_for_ever(), {2: handler}))
    setup.board.power_on()
    setup.run("1s")
    for address, value in ((0x4600_7824, 0xCA), (0x4600_7824, 0x53), (0x4600_7814, 4),
                           (0x4600_7818, 4 | 1 << 10 | 1 << 14)):
        setup.board.bus_write(address, 4, value)  # 5 s
    if sleep == "deep":
        setup.board.deep_sleep(None, shutdown=False)
        setup.run("4900ms")
        assert setup.board.app_state is AppState.ASLEEP
        setup.run("200ms")
        started = setup.world.journal.select("application_started")[-1]
        assert (started.data["reason"], started.t) == ("deepsleepapplicationrtc", 6_000_000_000)
    else:
        setup.board.stop_until_interrupt()
        setup.run("4900ms")
        assert counter(setup) == 0
        setup.run("200ms")
        assert counter(setup) == 1


@pytest.mark.parametrize("strict", [False, True])
def test_any_access_to_the_chip_is_borne(make_setup: Callable[..., Setup], program: type[Program],
                                         link: Callable[..., Bundle], strict: bool) -> None:
    """Through the core's own bus, with time in between: whatever happens is a fault of the application at most."""
    chance = random_stream(7, "accesses")
    setup = make_setup(strict=strict)
    blocks = [setup.board.soc.peripheral(name) for name in setup.board.soc.names]
    setup.board.i2c("I2C1").attach(Mcp9808())
    setup.board.install(link(program().sleep_for_ever()))
    setup.board.power_on()
    for _ in range(1500):
        block = chance.choice(blocks)
        offset = chance.choice(block.REGISTERS).offset if chance.random() < 0.9 else chance.randrange(block.SIZE)
        data = chance.randbytes(chance.choice([1, 2, 4, 8]))
        with suppress(BusError) if strict else nullcontext():
            if chance.random() < 0.3:
                setup.board.core.read_memory(block.base + offset, len(data))
            else:
                setup.board.core.write_memory(block.base + offset, data)
        if chance.random() < 0.1:
            setup.run(chance.choice(["10us", "1ms", "20ms"]))
    setup.run("100ms")


def test_a_call_takes_the_time_that_it_is_charged(setup: Setup, program: type[Program],
                                                  link: Callable[..., Bundle]) -> None:
    """Applications poll the kernel: each call has to bring the time nearer that they wait for."""
    main = program().call(VENEER_BASE + 8 * BY_NAME["mvGetMicroseconds"].slot, RAM_BASE + 0x200).increment(COUNTER)
    main.put(0xE7FE - len(main.code))  # back to the first halfword
    boot(setup, link(main))
    setup.run("100ms")
    assert 0.1 * 64e6 / (CALL_CYCLES + 40) < counter(setup) <= 0.1 * 64e6 / CALL_CYCLES
