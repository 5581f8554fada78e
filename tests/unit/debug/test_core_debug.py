"""The debug registers, as a debugger sees them through DP and AP."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import ProbeError
from harness.virtual.board.core.interface import FLASH_BASE, RAM_BASE, CoreState, HaltReason
from harness.virtual.board.debug.core_debug import (
    AIRCR,
    C_DEBUGEN,
    C_HALT,
    C_MASKINTS,
    C_STEP,
    DCRDR,
    DCRSR,
    DEMCR,
    DFSR,
    DHCSR,
    DWT_COMP0,
    DWT_CTRL,
    DWT_CYCCNT,
    DWT_PCSR,
    FP_COMP0,
    FP_CTRL,
    S_HALT,
    S_LOCKUP,
    S_REGRDY,
    S_RESET_ST,
    S_RETIRE_ST,
    S_SLEEP,
    VC_CORERESET,
)
from harness.virtual.board.debug.operations import Fault, Kind, Operation
from harness.virtual.board.debug.port import PATIENCE, DebugPort, LocalLink
from harness.virtual.world import World

KEY = 0xA05F_0000
ENTRY, LOOP = FLASH_BASE + 0x10, FLASH_BASE + 0x14
CSW, TAR, DRW = 0, 4, 0xC


class Debugger:
    """Word accesses over DP and AP."""

    def __init__(self, port: DebugPort) -> None:
        self._port = port
        port.execute([Operation(Kind.WRITE_DP, 4, (0x5000_0000,)), Operation(Kind.WRITE_DP, 8, (0,)),
                      Operation(Kind.WRITE_AP, CSW, (0x2,))])

    def read(self, address: int) -> int:
        return self._port.execute([Operation(Kind.WRITE_AP, TAR, (address,)), Operation(Kind.READ_AP, DRW)])[0]

    def write(self, address: int, value: int) -> None:
        self._port.execute([Operation(Kind.WRITE_AP, TAR, (address,)), Operation(Kind.WRITE_AP, DRW, (value,))])

    def register(self, number: int) -> int:
        self.write(DCRSR, number)
        return self.read(DCRDR)

    def halt(self) -> None:
        self.write(DHCSR, KEY | C_DEBUGEN | C_HALT)

    def reset_pin(self, level: int) -> None:
        self._port.execute([Operation(Kind.SET_RESET, values=(level,))])

    def reset_asserted(self) -> int:
        return self._port.execute([Operation(Kind.GET_RESET)])[0]


@pytest.fixture
def debugger(port: DebugPort) -> Debugger:
    debugger = Debugger(port)
    debugger.write(DHCSR, KEY | C_DEBUGEN)
    debugger.read(DHCSR)
    return debugger


def test_the_rom_table_leads_to_scs_dwt_and_bpu(debugger: Debugger) -> None:
    assert [debugger.read(0xE00F_F000 + 4 * index) for index in range(4)] == [
        0xFFF0_F003, 0xFFF0_2003, 0xFFF0_3003, 0]
    for base, devarch in ((0xE000_E000, 0x4770_2A04), (0xE000_1000, 0x4770_1A02), (0xE000_2000, 0x4770_1A03)):
        assert debugger.read(base + 0xFBC) == devarch
        assert [debugger.read(base + 0xFF0 + 4 * index) for index in range(4)] == [0x0D, 0x90, 0x05, 0xB1]
        assert [debugger.read(base + 0xFE0 + 4 * index) for index in range(3)] == [0x21, 0xBD, 0x0B]
        assert debugger.read(base + 0xFD0) == 4
    assert debugger.read(0xE00F_FFF4) == 0x10
    assert debugger.read(0xE000_ED00) == 0x410F_D214
    assert debugger.read(0xE004_4000) & 0xFFF == 0x482


def test_halt_and_resume(debugger: Debugger, board: Any, world: World) -> None:
    assert debugger.read(DHCSR) == S_REGRDY | C_DEBUGEN
    world.clock.sleep("1ms")
    assert debugger.read(DHCSR) == S_REGRDY | C_DEBUGEN | S_RETIRE_ST
    debugger.halt()
    assert debugger.read(DHCSR) == S_REGRDY | S_HALT | C_HALT | C_DEBUGEN
    assert debugger.read(DFSR) == HaltReason.HALTED
    now = board.core.cycles
    world.clock.sleep("1ms")
    assert board.core.cycles == now
    debugger.write(DFSR, 0x1F)
    assert debugger.read(DFSR) == 0
    debugger.write(DHCSR, KEY | C_DEBUGEN)
    assert board.core.state is CoreState.RUNNING
    world.clock.sleep("1ms")
    assert board.core.cycles > now


def test_dhcsr_needs_its_key(debugger: Debugger, board: Any) -> None:
    debugger.write(DHCSR, C_DEBUGEN | C_HALT)
    assert board.core.state is CoreState.RUNNING


def test_without_debug_enable_nothing_is_armed(debugger: Debugger, board: Any) -> None:
    debugger.write(FP_CTRL, 3)
    debugger.write(FP_COMP0, LOOP | 1)
    debugger.write(DEMCR, VC_CORERESET)
    assert board.core.breakpoints == {LOOP}
    assert board.core.halt_on_reset
    assert board.core.debug_enabled
    debugger.halt()
    debugger.write(DHCSR, KEY)
    assert board.core.state is CoreState.RUNNING
    assert board.core.breakpoints == set()
    assert not board.core.halt_on_reset
    assert not board.core.debug_enabled
    debugger.write(DHCSR, KEY | C_HALT)
    assert board.core.state is CoreState.RUNNING


def test_step(debugger: Debugger, board: Any) -> None:
    debugger.halt()
    debugger.write(DFSR, 0x1F)
    before = debugger.register(15)
    debugger.write(DHCSR, KEY | C_DEBUGEN | C_STEP | C_MASKINTS)
    assert debugger.read(DHCSR) & (C_HALT | S_HALT | C_MASKINTS) == C_HALT | S_HALT | C_MASKINTS
    assert debugger.register(15) == before + 2
    assert debugger.read(DFSR) == HaltReason.HALTED


def test_registers_are_read_and_written_only_when_halted(debugger: Debugger, board: Any) -> None:
    debugger.write(DCRDR, 77)
    debugger.write(DCRSR, 1 << 16 | 2)
    assert board.core.read_register(2) == 0
    debugger.halt()
    debugger.write(DCRSR, 1 << 16 | 2)
    assert board.core.read_register(2) == 77
    assert debugger.register(2) == 77
    assert debugger.register(16) == 0x0100_0000
    board.core.write_register(64 + 31, 5)
    assert debugger.register(64 + 31) == 5
    debugger.write(DCRDR, 1)
    debugger.write(DCRSR, 1 << 16 | 60)
    assert debugger.register(60) == 0


@pytest.mark.parametrize(("selector", "register"), [(24, 17), (25, 18), (28, 28), (29, 29), (30, 28), (31, 29)])
def test_stack_pointers_and_limits_by_either_number(debugger: Debugger, board: Any, selector: int,
                                                    register: int) -> None:
    debugger.halt()
    debugger.write(DCRDR, 0x2000_0100)
    debugger.write(DCRSR, 1 << 16 | selector)
    assert board.core.read_register(register) == 0x2000_0100
    assert debugger.register(selector) == 0x2000_0100


def test_breakpoints(debugger: Debugger, board: Any, world: World) -> None:
    assert debugger.read(FP_CTRL) == 0x1000_0080
    debugger.write(FP_CTRL, 1)
    assert debugger.read(FP_CTRL) == 0x1000_0080, "without KEY nothing is written"
    debugger.write(FP_CTRL, 3)
    assert debugger.read(FP_CTRL) == 0x1000_0081
    debugger.write(FP_COMP0 + 28, (LOOP + 2) | 1)
    assert debugger.read(FP_COMP0 + 28) == LOOP + 3
    debugger.write(FP_COMP0 + 32, 1)
    assert board.core.breakpoints == {LOOP + 2}
    world.clock.sleep("1ms")
    assert debugger.read(DHCSR) & (C_HALT | S_HALT) == C_HALT | S_HALT
    assert debugger.read(DFSR) == HaltReason.BREAKPOINT
    debugger.write(DFSR, HaltReason.BREAKPOINT)
    assert debugger.read(DFSR) == 0, "the same halt is told once"
    assert debugger.register(15) == LOOP + 2
    debugger.write(FP_CTRL, 2)
    assert board.core.breakpoints == set()


def test_a_bkpt_instruction_counts_as_a_breakpoint(debugger: Debugger, board: Any, world: World) -> None:
    board.core.program(LOOP, b"\x00\xbe")
    world.clock.sleep("1ms")
    assert debugger.read(DFSR) == HaltReason.BREAKPOINT


def test_the_board_may_tell_why_it_halted(debugger: Debugger, port: DebugPort, board: Any) -> None:
    board.core.halt(HaltReason.EXTERNAL)
    port.halted(HaltReason.EXTERNAL)
    assert debugger.read(DFSR) == HaltReason.EXTERNAL


def test_watchpoints_are_kept(debugger: Debugger) -> None:
    assert debugger.read(DWT_CTRL) >> 28 == 4
    debugger.write(DWT_COMP0 + 16, RAM_BASE)
    debugger.write(DWT_COMP0 + 24, 0xFFFF_FFFF)
    assert debugger.read(DWT_COMP0 + 16) == RAM_BASE
    assert debugger.read(DWT_COMP0 + 24) == 0b11110 << 27 | 0xC3F


def test_program_counter_sampling_and_cycles(debugger: Debugger, board: Any, world: World) -> None:
    assert debugger.read(DWT_PCSR) == ENTRY
    world.clock.sleep("1ms")
    assert LOOP <= debugger.read(DWT_PCSR) < LOOP + 6
    assert debugger.read(DWT_CYCCNT) == board.core.cycles == 1000
    debugger.write(DWT_CYCCNT, 0)
    debugger.halt()
    assert debugger.read(DWT_PCSR) == 0xFFFF_FFFF


def test_reset_with_vector_catch_halts_before_the_first_instruction(debugger: Debugger, board: Any) -> None:
    debugger.halt()
    debugger.write(DFSR, 0x1F)
    debugger.write(DEMCR, 0x0100_0000 | VC_CORERESET)
    assert debugger.read(DEMCR) == 0x0100_0001
    debugger.write(AIRCR, 0x05FA_0004)
    assert board.resets == 1
    assert debugger.read(DHCSR) & (S_RESET_ST | S_HALT | C_HALT) == S_RESET_ST | S_HALT | C_HALT
    assert not debugger.read(DHCSR) & S_RESET_ST
    assert debugger.read(DFSR) == HaltReason.VECTOR_CATCH
    assert debugger.register(15) == ENTRY


def test_reset_without_vector_catch_runs(debugger: Debugger, board: Any) -> None:
    debugger.halt()
    debugger.write(AIRCR, 0x05FA_0004)
    assert board.core.state is CoreState.RUNNING
    assert debugger.read(DHCSR) == S_RESET_ST | S_REGRDY | C_DEBUGEN


def test_the_reset_pin_holds_the_core(debugger: Debugger, board: Any, world: World) -> None:
    debugger.reset_pin(1)
    debugger.reset_pin(1)
    assert debugger.reset_asserted() == 1
    cycles = board.core.cycles
    world.clock.sleep("1ms")
    debugger.write(DHCSR, KEY)
    world.clock.sleep("1ms")
    assert board.core.cycles == cycles
    assert board.resets == 0
    debugger.reset_pin(0)
    debugger.reset_pin(0)
    assert (board.resets, debugger.reset_asserted()) == (1, 0)
    assert board.core.state is CoreState.RUNNING


def test_sleep_and_lockup_are_shown_unless_halted(debugger: Debugger, board: Any, world: World) -> None:
    board.core.program(LOOP, b"\x30\xbf")
    world.clock.sleep("1ms")
    assert debugger.read(DHCSR) & (S_SLEEP | S_HALT) == S_SLEEP
    debugger.halt()
    assert debugger.read(DHCSR) & (S_SLEEP | S_HALT) == S_HALT
    board.core.program(FLASH_BASE, b"\xff" * 8)
    debugger.write(AIRCR, 0x05FA_0004)
    assert debugger.read(DHCSR) & (S_LOCKUP | S_HALT) == S_LOCKUP
    debugger.halt()
    assert debugger.read(DHCSR) & (S_LOCKUP | S_HALT) == S_HALT


def test_narrow_accesses_to_debug_registers(debugger: Debugger, port: DebugPort) -> None:
    port.execute([Operation(Kind.WRITE_AP, CSW, (0x1,)), Operation(Kind.WRITE_AP, TAR, (0xE000_ED02,))])
    assert port.execute([Operation(Kind.READ_AP, DRW)]) == [0x410F_0000]
    port.execute([Operation(Kind.WRITE_AP, TAR, (DHCSR,)), Operation(Kind.WRITE_AP, DRW, (0,)),
                  Operation(Kind.WRITE_AP, CSW, (0x2,))])
    assert debugger.read(DHCSR) & C_DEBUGEN, "debug registers are written as words"


def test_a_fault_tells_what_was_read_before_it(port: DebugPort, debugger: Debugger) -> None:
    with pytest.raises(Fault) as caught:
        port.execute([Operation(Kind.READ_DP, 0), Operation(Kind.WRITE_AP, TAR, (0x9000_0000,)),
                      Operation(Kind.READ_AP, DRW), Operation(Kind.READ_DP, 0)])
    assert caught.value.results == [0x0BE1_2477]


def test_reading_memory_never_moves_time_but_impatient_polling_does(debugger: Debugger, board: Any,
                                                                    world: World) -> None:
    for _ in range(3 * PATIENCE):
        debugger.read(RAM_BASE)
        debugger.read(DHCSR)
    assert world.now() == 0, "polls that are mixed with other accesses are patient"
    for _ in range(3 * PATIENCE):
        debugger.read(DHCSR)
    assert world.now() == 0, "nobody waits for a core that runs by itself"
    debugger.halt()
    debugger.write(FP_CTRL, 3)
    debugger.write(FP_COMP0, LOOP | 1)
    debugger.write(DHCSR, KEY | C_DEBUGEN)
    polls = 0
    while not debugger.read(DHCSR) & S_HALT:
        polls += 1
        assert polls < 100
    assert polls == PATIENCE + 1
    assert world.now() == 2_000, "time passed up to the halt, not a whole quantum"


def test_one_debugger_at_a_time(port: DebugPort) -> None:
    link = LocalLink(port, "gdb")
    with pytest.raises(ProbeError, match="board-1 is busy: gdb is connected to its debug port"):
        LocalLink(port, "another")
    link.close()
    link.close()
    with pytest.raises(ProbeError, match="the debug probe is closed"):
        link.execute([])
    LocalLink(port, "another").close()
