"""The board driver on real machine code: the heartbeat fixture on the emulated Cortex-M33, in virtual time."""

from __future__ import annotations

import pytest

from harness.drivers.board import Board as NearBoard
from harness.errors import TimeoutExpired
from harness.formats.elf import ElfImage
from harness.virtual.board.board import Board
from harness.virtual.world import World

ICSR, PENDSTSET = 0xE000_ED04, 1 << 26


def test_a_variable_counts_in_virtual_seconds(uid: str, world: World, heartbeat: ElfImage) -> None:
    with NearBoard(uid, world.clock, world.journal, "board-1", heartbeat) as near:
        beats = near.symbol("beat_count")
        beats.wait(lambda count: count >= 3, within="5s")
        assert near.pin("PA5").mode.name == "OUTPUT"
        assert near.pin("PA5").toggles(within="2s")
        before = beats.read()
        world.clock.sleep("10s")
        assert beats.read() == before + 10
        beats.write(1000)
        beats.wait(lambda count: count == 1001, within="2s")


def test_pyocd_finds_a_cortex_m33(uid: str, world: World) -> None:
    with NearBoard(uid, world.clock, world.journal, "board-1") as near:
        core = near._target().selected_core_or_raise
        assert (core.name, core.cpu_revision, core.cpu_patch, core.architecture_version) == ("Cortex-M33", 0, 4, (8, 0))
        assert core.has_fpu
        assert len(core.fpb.hw_breakpoints) == 8
        assert core.dwt.watchpoint_count == 4


def test_breakpoints_steps_and_registers_on_real_code(uid: str, world: World, heartbeat: ElfImage) -> None:
    with NearBoard(uid, world.clock, world.journal, "board-1", heartbeat) as near:
        world.clock.sleep("1500ms")
        near.reset(halt=True)
        assert near.register("pc") == heartbeat.entry
        assert near.register("sp") == int.from_bytes(near.read_memory(0x0800_0000, 4), "little")
        with near.breakpoint("main") as stop:
            near.resume()
            stop.wait(within="1s")
            assert near.describe().endswith("(main+0x0)")
            places = []
            for _ in range(20):
                near.step()
                places.append(near.register("pc"))
            assert len(set(places)) > 5
            assert near.register("xpsr") & 0x0100_0000
        near.symbol("beat_count").wait(lambda count: count >= 2, within="5s")
        assert not near.is_halted


def test_a_step_goes_past_pending_interrupts(uid: str, world: World, heartbeat: ElfImage) -> None:
    with NearBoard(uid, world.clock, world.journal, "board-1", heartbeat) as near:
        near.reset(halt=True)
        for _ in range(10):
            near.step()
        near.write32(ICSR, PENDSTSET)
        before = near.register("pc")
        for _ in range(5):
            near.step()
            assert near.register("xpsr") & 0x1FF == 0, "the step went into the SysTick handler"
        assert near.register("pc") != before
        assert near.register("primask") == 0
        target = near._target()
        target.step(disable_interrupts=False)
        assert near.register("xpsr") & 0x1FF == 15


def test_a_halted_board_stands_still_while_time_goes_on(uid: str, world: World, heartbeat: ElfImage,
                                                       board: Board) -> None:
    with NearBoard(uid, world.clock, world.journal, "board-1", heartbeat) as near:
        beats = near.symbol("beat_count")
        beats.wait(lambda count: count >= 1, within="5s")
        near.halt()
        before, cycles = beats.read(), board.core.cycles
        world.clock.sleep("60s")
        assert (beats.read(), board.core.cycles) == (before, cycles)
        near.resume()
        beats.wait(lambda count: count == before + 2, within="3s")
        with pytest.raises(TimeoutExpired, match=r"beat_count = \d+"):
            beats.wait(lambda count: count > before + 10, within="3s")


def _run(heartbeat: ElfImage, *, with_debugger: bool) -> tuple[str, int]:
    from harness.virtual.board.debug import registry
    from harness.virtual.board.debug.port import DebugPort

    world = World(seed=7)
    board = Board(world, None, name="board-1", device_sid="UV" + "0" * 32)
    board.install(heartbeat)
    board.power_on()
    port = board.debug = DebugPort(board, world)
    uid = registry.register(port)
    if with_debugger:
        with NearBoard(uid, world.clock, world.journal, "board-1", heartbeat) as near:
            near.symbol("beat_count").wait(lambda count: count >= 2, within="5s")
            for _ in range(50):
                near.read_memory(0x2000_0000, 64)
    world.clock.sleep(3_000_000_000 / 1e9 - world.now() / 1e9)
    digest = world.journal.digest(without=("driver",))
    cycles = board.core.cycles
    registry.unregister(port)
    board.close()
    world.close()
    return digest, cycles


def test_looking_over_swd_changes_nothing_and_two_runs_are_equal(heartbeat: ElfImage) -> None:
    looked = _run(heartbeat, with_debugger=True)
    assert looked == _run(heartbeat, with_debugger=True)
    assert looked[0] == _run(heartbeat, with_debugger=False)[0]
