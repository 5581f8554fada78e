"""The run loop: time, sleep, SysTick, system calls, stops and resets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.virtual.board.core.interface import FLASH_BASE, BusError, CoreState, Register

if TYPE_CHECKING:
    from tests.unit.core.conftest import Boot

RAM, PERIPHERAL = 0x2000_0000, 0x4000_0400


def test_a_program_starts_from_its_vectors_and_sleeps_between_ticks(boot: Boot) -> None:
    board = boot("tick")
    core = board.core
    core.run(900)
    assert core.state is CoreState.SLEEPING
    assert core.cycles == 900
    assert board.word(RAM) == 0
    wake = core.next_wake()
    assert wake is not None
    start = wake - 1000
    core.run(start + 10_500)
    assert board.word(RAM) == 10
    assert board.register(5) == 10  # WFI fell through once for each tick
    assert core.next_wake() == start + 11_000
    assert core.cycles == start + 10_500


def test_svc_and_pendsv_are_taken_where_they_are_raised(boot: Boot) -> None:
    board = boot("tick")
    board.core.run(900)
    assert board.register(8) == 42
    assert board.register(9) == 99


def test_system_calls_take_r0_to_r3_and_give_r0(boot: Boot) -> None:
    board = boot("tick")
    board.on_call = lambda slot: slot + 100
    board.core.run(900)
    assert board.calls[0] == (5, (11, 12, 13, 14))
    assert board.calls[1][0] == 73
    assert board.register(10) == 105


def test_peripheral_accesses_reach_the_board_once_each(boot: Boot) -> None:
    board = boot("tick")
    board.registers[PERIPHERAL + 8] = 0xABCD
    board.core.run(900)
    assert board.accesses == [("write", PERIPHERAL + 4, 4, 0x55), ("read", PERIPHERAL + 8, 4, 0xABCD)]
    assert board.register(6) == 0xABCD


def test_a_stop_request_ends_a_run_at_the_next_block(boot: Boot) -> None:
    board = boot("tick")

    def stop(slot: int) -> None:
        board.core.request_stop()

    board.on_call = stop
    board.core.run(900)
    assert [slot for slot, _ in board.calls] == [5]
    assert board.core.cycles < 100
    board.core.run(900)
    assert [slot for slot, _ in board.calls] == [5, 73]


def test_a_stop_request_outside_a_run_is_forgotten(boot: Boot) -> None:
    board = boot("tick")
    board.core.request_stop()
    board.core.run(900)
    assert board.core.cycles == 900


def test_a_reset_in_a_system_call_starts_the_program_again(boot: Boot) -> None:
    board = boot("tick")

    def reset_once(slot: int) -> None:
        if len(board.calls) == 1:
            board.core.reset()

    board.on_call = reset_once
    board.core.run(900)
    assert [slot for slot, _ in board.calls] == [5, 5, 73]


def test_reset_keeps_memory_and_time(boot: Boot) -> None:
    board = boot("tick")
    board.core.run(3000)
    ticks, cycles = board.word(RAM), board.core.cycles
    board.core.reset()
    assert (board.word(RAM), board.core.cycles) == (ticks, cycles)
    assert board.core.exception == 0
    assert board.core.next_wake() == cycles
    board.core.run(cycles + 1500)
    assert board.word(RAM) == ticks + 1


def test_system_reset_request_waits_for_the_board(boot: Boot) -> None:
    board = boot("faults")
    board.put(RAM, 19)
    board.core.run(10_000)
    assert board.resets == 1
    assert board.core.cycles < 200
    assert board.core.next_wake() is None
    board.core.run(10_000)
    assert board.core.cycles < 200
    board.put(RAM, 0)
    board.core.reset()
    board.core.run(10_000)
    assert board.log() == [3]


def test_the_board_may_reset_at_once_when_asked(boot: Boot) -> None:
    board = boot("faults")
    board.put(RAM, 19)
    board.resets_itself = True
    board.core.run(2000)
    assert board.resets > 5
    assert board.core.cycles >= 2000


def test_wfe_sev_and_the_event_register(boot: Boot) -> None:
    board = boot("events")
    core = board.core
    core.run(1000)
    assert (core.state, board.register(5), core.next_wake()) == (CoreState.SLEEPING, 1, None)
    core.pend(0)
    assert core.next_wake() == core.cycles
    core.run(2000)
    assert (core.state, board.register(5), board.register(6)) == (CoreState.SLEEPING, 3, 1)
    core.pend(0)
    core.run(3000)
    assert (core.state, board.register(5), board.register(6)) == (CoreState.SLEEPING, 4, 2)


def test_sleep_on_exit_returns_to_sleep(boot: Boot) -> None:
    board = boot("events")
    for _ in range(5):
        board.core.run(board.core.cycles + 1000)
        board.core.pend(0)
    board.core.run(board.core.cycles + 1000)
    assert (board.core.state, board.register(5), board.register(6)) == (CoreState.SLEEPING, 4, 5)


def test_masked_interrupts_come_when_they_are_let_go(boot: Boot) -> None:
    board = boot("masks")
    board.core.run(5000)
    assert board.log() == [
        0x20, 1, 2, 0x21,           # PRIMASK
        1, 0x22, 2, 0x23,           # BASEPRI 0x80
        0x24, 1, 2, 0x25,           # FAULTMASK
        0x26, 1, 2,                 # BASEPRI 0x40 by BASEPRI_MAX, which does not lower it
        0x27, 1, 2, 0x28,           # WFI wakes
        0x29, 0x30,                 # unprivileged code can't unmask, and its SVC escalates
    ]


@pytest.mark.parametrize("name", ["tick", "nesting", "masks", "itloop", "frames", "storm", "compute"])
def test_slices_can_not_be_seen_from_inside(boot: Boot, name: str) -> None:
    whole, sliced = boot(name), boot(name)
    whole.core.trace.enabled = sliced.core.trace.enabled = True
    whole.core.run(8_000)
    for until in range(0, 8_000, 37):
        sliced.core.run(until)
    sliced.core.run(8_000)
    assert sliced.core.trace.digest() == whole.core.trace.digest()
    assert sliced.core.trace.count == whole.core.trace.count
    assert sliced.core.cycles == whole.core.cycles
    assert [sliced.register(number) for number in range(17)] == [whole.register(number) for number in range(17)]
    assert sliced.core.read_memory(RAM, 0x1000) == whole.core.read_memory(RAM, 0x1000)


def test_an_interrupt_at_every_place_of_an_it_heavy_loop_changes_nothing(boot: Boot) -> None:
    board = boot("itloop")
    core = board.core
    core.run(40)
    start, end = board.labels["loop"], board.labels["end"]
    code = core.read_memory(start, end - start)
    boundary = RAM + 0x1400

    def execute(place: int, instant: int) -> tuple[list[int], bool]:
        core.write_memory(RAM, bytes(4))
        for register, value in ((4, 0), (5, 0), (6, 0), (7, 4), (Register.PC, place)):
            core.write_register(register, value)
        begin = core.cycles
        core.run(begin + instant)
        stopped_in_it = core.read_register(Register.XPSR) & 0x0600_FC00 != 0
        core.pend(0)
        core.run(begin + 400)
        assert core.read_register(Register.PC) == place + board.labels["done"] - start
        assert board.word(RAM) == 3
        return [board.register(number) for number in (4, 5, 6, 7)], stopped_in_it

    stops_in_it = 0
    for offset in range(2, 64, 2):
        core.write_memory(boundary - offset, code)
        expected, _ = execute(boundary - offset, 390)
        for instant in range(64):
            result, stopped_in_it = execute(boundary - offset, instant)
            assert result == expected, f"interrupted after {instant} cycles, loop {offset} bytes before the boundary"
            stops_in_it += stopped_in_it
    assert stops_in_it > 20


def test_memory_is_only_where_it_is(boot: Boot) -> None:
    board = boot("tick")
    core = board.core
    for address, size in ((0x1FFF_FFFF, 4), (0x2007_FFFE, 4), (0x0810_0000, 1), (0x5000_0000, 4), (0x0, 1)):
        with pytest.raises(BusError):
            core.read_memory(address, size)
    with pytest.raises(BusError):
        core.write_memory(FLASH_BASE, b"1234")
    with pytest.raises(ValueError, match="not inside flash"):
        core.program(FLASH_BASE - 4, b"12345678")


def test_code_written_from_outside_replaces_what_ran(boot: Boot) -> None:
    board = boot("compute")
    core = board.core
    core.run(1000)
    code = bytes.fromhex("2a26fee7")  # movs r6, #42; b .
    core.write_memory(RAM + 0x100, bytes.fromhex("2926fee7"))
    core.write_register(Register.PC, RAM + 0x100)
    core.run(core.cycles + 100)
    assert board.register(6) == 41
    core.write_memory(RAM + 0x100, code)
    core.write_register(Register.PC, RAM + 0x100)
    core.run(core.cycles + 100)
    assert board.register(6) == 42
    core.program(board.labels["loop"], code)
    core.write_register(6, 0)
    core.write_register(Register.PC, board.labels["loop"])
    core.run(core.cycles + 100)
    assert board.register(6) == 42


def test_an_error_in_the_board_comes_out_of_run(boot: Boot) -> None:
    board = boot("tick")

    def fail(slot: int) -> None:
        raise RuntimeError("the kernel has a bug")

    board.on_call = fail
    with pytest.raises(RuntimeError, match="the kernel has a bug"):
        board.core.run(900)


def test_closing_twice_is_allowed(boot: Boot) -> None:
    board = boot()
    board.core.close()
    board.core.close()
