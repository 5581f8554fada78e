"""Debug state: halting, stepping, breakpoints and registers."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from harness.virtual.board.core.interface import CoreState, HaltReason, Register

if TYPE_CHECKING:
    from tests.unit.core.conftest import Boot

RAM = 0x2000_0000


def test_a_halted_core_does_nothing(boot: Boot) -> None:
    board = boot("tick")
    board.core.run(1500)
    board.core.halt()
    board.core.halt()
    assert board.halts == [HaltReason.HALTED]
    board.core.run(90_000)
    assert (board.core.state, board.core.cycles, board.core.next_wake()) == (CoreState.HALTED, 1500, None)
    board.core.resume()
    board.core.resume()
    board.core.run(2500)
    assert board.word(RAM) == 2


def test_halting_inside_a_run_happens_at_the_next_block(boot: Boot) -> None:
    board = boot("tick")
    board.on_call = lambda slot: board.core.halt(HaltReason.EXTERNAL)
    board.core.run(900)
    assert board.core.state is CoreState.HALTED
    assert board.halts == [HaltReason.EXTERNAL]
    assert [slot for slot, _ in board.calls] == [5]
    assert board.word(0xE000_ED30) == HaltReason.EXTERNAL  # DFSR


def test_a_core_can_halt_before_its_first_instruction(boot: Boot) -> None:
    board = boot("tick")
    board.core.halt_on_reset = True
    board.core.reset()
    assert board.halts == [HaltReason.VECTOR_CATCH]
    assert board.core.read_register(Register.PC) == board.labels["reset"]
    assert board.core.read_register(Register.SP) == 0x2001_0000


def test_breakpoints_stop_before_their_instruction_each_time(boot: Boot) -> None:
    board = boot("compute")
    core = board.core
    core.breakpoints = {board.labels["leaf"], board.labels["loop"] + 6}
    for _ in range(40):
        core.run(core.cycles + 10_000)
        assert core.state is CoreState.HALTED
        core.resume()
    assert board.halts == [HaltReason.BREAKPOINT] * 40
    core.breakpoints.clear()
    core.run(core.cycles + 1000)
    assert core.state is CoreState.RUNNING


def test_a_breakpoint_on_a_handler_stops_in_it(boot: Boot) -> None:
    board = boot("tick")
    board.core.breakpoints.add(board.labels["systick"])
    board.core.run(5000)
    assert board.core.state is CoreState.HALTED
    assert board.core.exception == 15
    board.core.resume()
    board.core.run(5000)
    assert board.word(RAM) == 1


def test_breakpoints_change_neither_time_nor_results(boot: Boot) -> None:
    free, broken = boot("compute"), boot("compute")
    free.core.run(5000)
    broken.core.breakpoints = {broken.labels["loop"] + 8, broken.labels["leaf"]}
    while broken.core.cycles < 5000:
        broken.core.run(5000)
        broken.core.resume()
    broken.core.breakpoints = set()
    free.core.run(broken.core.cycles)
    broken.core.run(free.core.cycles)
    assert broken.core.cycles == free.core.cycles
    assert [broken.register(number) for number in range(16)] == [free.register(number) for number in range(16)]


def test_steps_execute_one_instruction_and_count_their_time(boot: Boot) -> None:
    stepped, free = boot("compute"), boot("compute")
    stepped.core.halt()
    places = []
    for _ in range(60):
        stepped.core.step()
        assert stepped.core.state is CoreState.HALTED
        places.append(stepped.core.read_register(Register.PC))
    assert 2 <= places[0] - stepped.labels["reset"] <= 4
    assert all(after != before for before, after in pairwise(places))
    free.core.breakpoints = {places[-1]}
    while free.core.cycles < stepped.core.cycles:
        free.core.run(10_000)
        free.core.resume()
    assert free.core.cycles == stepped.core.cycles
    assert [stepped.register(number) for number in range(16)] == [free.register(number) for number in range(16)]
    stepped.core.resume()
    stepped.core.run(10_000)
    assert stepped.core.cycles >= 10_000


def test_stepping_goes_through_calls_exceptions_and_sleep(boot: Boot) -> None:
    board = boot("tick")
    board.core.halt()
    seen = set()
    for _ in range(1300):
        board.core.step()
        seen.add(board.core.exception)
    assert seen == {0, 11, 14, 15}
    assert [slot for slot, _ in board.calls] == [5, 73]
    assert board.word(RAM) >= 1


def test_stepping_off_a_breakpoint(boot: Boot) -> None:
    board = boot("compute")
    board.core.breakpoints = {board.labels["leaf"]}
    board.core.run(10_000)
    board.core.step()
    assert board.core.read_register(Register.PC) == board.labels["leaf"] + 4


def test_bkpt_halts_under_a_debugger(boot: Boot) -> None:
    board = boot("faults")
    board.put(RAM, 11)
    board.core.debug_enabled = True
    board.core.run(1000)
    assert board.core.state is CoreState.HALTED
    assert board.halts == [HaltReason.BREAKPOINT]
    assert board.core.read_register(Register.PC) == board.labels["break"]
    assert board.word(0xE000_EDF0) == 0x0003_0003
    board.core.write_register(Register.PC, board.labels["undefined"])
    board.core.resume()
    board.core.run(2000)
    assert board.log() == [3]


def test_a_debugger_can_leave_lockup(boot: Boot) -> None:
    board = boot()
    board.core.run(1000)
    assert board.core.state is CoreState.LOCKUP
    board.core.halt()
    board.core.resume()
    assert board.core.state is CoreState.LOCKUP
    board.core.halt()
    board.core.write_memory(RAM, bytes.fromhex("2a26fee7"))
    board.core.write_register(Register.PC, RAM)
    board.core.resume()
    board.core.run(1000)
    assert board.register(6) == 42


@pytest.mark.parametrize("unprivileged", [False, True])
def test_every_register_can_be_written_and_read(boot: Boot, unprivileged: bool) -> None:
    board = boot("tick")
    core = board.core
    core.halt()
    if unprivileged:
        core.write_register(Register.PSP, 0x2000_7000)
        core.write_register(Register.CFBP, 0x0300_0000)
    values = {
        **{number: 0x1000_0000 + number for number in range(13)}, Register.LR: 0xFFFF_FFFF, Register.PC: 0x0800_0050,
        Register.MSP: 0x2000_4000, Register.PSP: 0x2000_5000, Register.MSPLIM: 0x2000_1000,
        Register.PSPLIM: 0x2000_2008, Register.FPSCR: 0x0300_0000,
        **{Register.S0 + number: 0x3F80_0000 + number for number in range(32)},
    }
    for register, value in values.items():
        core.write_register(register, value)
    core.write_register(Register.CFBP, 0x0001_4001 | (0x0300_0000 if unprivileged else 0))
    assert {register: core.read_register(register) for register in values} == values
    assert core.read_register(Register.CFBP) == 0x0001_4001 | (0x0300_0000 if unprivileged else 0)
    assert core.read_register(Register.SP) == (0x2000_5000 if unprivileged else 0x2000_4000)
    core.write_register(Register.XPSR, 0xA900_0000)
    assert core.read_register(Register.XPSR) == 0xA900_0000
    assert core.read_register(Register.PC) == 0x0800_0050
    with pytest.raises(ValueError, match="no register number 21"):
        core.read_register(21)
    with pytest.raises(ValueError, match="no register number 96"):
        core.write_register(96, 0)
    core.reset()
    assert [core.read_register(register) for register in (Register.MSPLIM, Register.PSPLIM, Register.CFBP)] == [0, 0, 0]


def test_registers_are_written_by_a_debugger_as_by_the_cpu(boot: Boot) -> None:
    board = boot("nesting")
    board.core.run(2000)
    board.core.write_memory(0x2000_0100, bytes(64))
    board.put(0xE000_E200, 8)
    assert board.core.next_wake() == board.core.cycles
    board.core.run(4000)
    assert 3 in board.log()
