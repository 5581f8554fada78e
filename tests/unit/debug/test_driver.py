"""The board driver against a board in this process, through pyOCD and the probe plug-in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import pytest

from harness.drivers.board import Board, list_probes
from harness.errors import BoardError, ElfError, ProbeError, TimeoutExpired, UsageError
from harness.formats.elf import ElfImage, Symbol, SymbolKind
from harness.virtual.board.core.interface import FLASH_BASE, RAM_BASE, CoreState
from harness.virtual.board.debug import registry
from harness.virtual.board.debug.port import DebugPort
from harness.virtual.world import World

LOOP = FLASH_BASE + 0x14
GPIOA = 0x4202_0000


def image() -> ElfImage:
    symbols = (Symbol(name="main", address=FLASH_BASE + 0x10, size=12, kind=SymbolKind.FUNCTION),
               Symbol(name="loop", address=LOOP, size=6, kind=SymbolKind.FUNCTION),
               Symbol(name="count", address=RAM_BASE, size=4, kind=SymbolKind.OBJECT),
               Symbol(name="small", address=RAM_BASE + 0x101, size=1, kind=SymbolKind.OBJECT),
               Symbol(name="table", address=RAM_BASE + 0x200, size=12, kind=SymbolKind.OBJECT))
    return ElfImage(entry=FLASH_BASE + 0x10, sections=(), symbols=MappingProxyType({s.name: s for s in symbols}),
                    _functions=((FLASH_BASE + 0x10, 4, "main"), (LOOP, 6, "loop")))


@pytest.fixture
def near(uid: str, world: World) -> Iterator[Board]:
    with Board(uid, world.clock, world.journal, "board-1", image()) as board:
        yield board


def test_attaching_and_closing_leave_the_application_running(uid: str, world: World, board: Any) -> None:
    with Board(uid, world.clock, world.journal, "board-1") as near:
        assert not near.is_halted
        assert repr(near) == f"Board('board-1', probe='{uid}', connected)"
    assert board.core.state is CoreState.RUNNING
    assert board.core.breakpoints == set()
    assert board.resets == 0
    assert [entry.event for entry in world.journal.select(source="driver")] == [
        "board_connected", "board_disconnected"]


def test_closing_lets_a_halted_core_run(uid: str, world: World, board: Any) -> None:
    with Board(uid, world.clock, world.journal, "board-1") as near:
        near.halt()
        near.set_breakpoint(LOOP)
    assert board.core.state is CoreState.RUNNING
    assert board.core.breakpoints == set()


def test_run_control(near: Board, world: World) -> None:
    world.clock.sleep("1ms")
    near.halt()
    assert near.is_halted
    before = near.register("pc")
    near.step()
    assert near.register("pc") != before
    near.set_register("r1", 1000)
    near.resume()
    assert not near.is_halted
    near.symbol("count").wait(lambda count: count >= 1000, within="1s")
    near.reset(halt=True)
    assert near.register("pc") == FLASH_BASE + 0x10
    assert near.register("sp") == RAM_BASE + 0x8000
    near.reset()
    assert not near.is_halted


def test_symbols_are_read_and_written_while_the_core_runs(near: Board, world: World) -> None:
    count = near.symbol("count")
    assert count.address == RAM_BASE
    assert count.wait(lambda value: value >= 100, within="1s") >= 100
    now = world.now()
    near.symbol("small").write(0x7F)
    near.symbol("small").write(-2)
    assert near.symbol("small").read() == 0xFE
    assert near.symbol("small").read(signed=True) == -2
    assert near.symbol("table").read_bytes() == bytes(12)
    assert world.now() == now, "reading over SWD moved virtual time"
    with pytest.raises(UsageError, match=r"300 does not fit small, which has 1 bytes"):
        near.symbol("small").write(300)
    with pytest.raises(UsageError, match=r"table has 12 bytes, which is no number"):
        near.symbol("table").read()
    with pytest.raises(ElfError, match="near: count"):
        near.symbol("cont")
    with pytest.raises(TimeoutExpired, match=r"waited 0\.001 s for count on board-1; saw instead: count = "):
        count.wait(lambda value: value == -1, within="1ms")


def test_without_an_image_there_are_no_symbols(near: Board) -> None:
    near.load_symbols(None)
    with pytest.raises(UsageError, match="no ELF image was given"):
        near.symbol("count")


def test_memory_of_any_size_and_alignment(near: Board) -> None:
    data = bytes(range(256)) * 13
    near.write_memory(RAM_BASE + 0x303, data)
    assert near.read_memory(RAM_BASE + 0x303, len(data)) == data
    near.write32(RAM_BASE + 0x40, 0xDEAD_BEEF)
    assert near.read32(RAM_BASE + 0x40) == 0xDEAD_BEEF
    assert near.read_memory(RAM_BASE + 0x42, 2) == b"\xad\xde"


@pytest.mark.parametrize(("address", "size"), [(-1, 4), (0, 0), (0xFFFF_FFFF, 2), (0, 1 << 25)])
def test_nonsense_ranges_are_the_callers_fault(near: Board, address: int, size: int) -> None:
    with pytest.raises(UsageError, match="not a range of memory"):
        near.read_memory(address, size)


def test_addresses_that_nothing_answers(near: Board) -> None:
    with pytest.raises(BoardError, match="board-1: nothing answers at 0x90000000"):
        near.read32(0x9000_0000)
    with pytest.raises(BoardError, match="board-1: nothing answers at 0x08000000"):
        near.write32(FLASH_BASE, 0)
    assert near.read32(FLASH_BASE) == RAM_BASE + 0x8000, "a fault left the port unusable"
    with pytest.raises(UsageError, match="a word is at a multiple of 4"):
        near.read32(RAM_BASE + 2)
    with pytest.raises(UsageError, match="a word is 0 to"):
        near.write32(RAM_BASE, -1)


def test_registers_need_a_halted_core(near: Board) -> None:
    with pytest.raises(BoardError, match="only while the core is halted"):
        near.register("pc")
    with pytest.raises(BoardError, match="only a halted core can be stepped"):
        near.step()
    near.halt()
    with pytest.raises(UsageError, match="the core has no register 'eax'"):
        near.register("eax")
    near.set_register("s3", 0x3F80_0000)
    assert near.register("s3") == 0x3F80_0000


def test_breakpoints_stop_and_let_go(near: Board, world: World) -> None:
    with near.breakpoint("loop") as stop:
        stop.wait(within="1s")
        first = near.symbol("count").read()
        near.resume()
        stop.wait(within="1s")
        assert near.symbol("count").read() == first + 1
    assert not near.is_halted
    with near.breakpoint(FLASH_BASE + 0x1A) as never, pytest.raises(
            TimeoutExpired, match=r"board-1 to reach 0x0800001a; saw instead: core running at 0x080000\w+ \(loop"):
        never.wait(within="5ms")


def test_there_are_eight_breakpoints(near: Board) -> None:
    for index in range(8):
        near.set_breakpoint(FLASH_BASE + 0x400 + 2 * index)
    with pytest.raises(BoardError, match="no breakpoint is free; 8 are in use"):
        near.set_breakpoint(FLASH_BASE + 0x500)
    near.remove_breakpoint(FLASH_BASE + 0x400)
    near.set_breakpoint(FLASH_BASE + 0x500)


def test_pins(near: Board, board: Any, world: World) -> None:
    def drive(moder: int, odr: int, idr: int = 0) -> None:
        for offset, value in ((0, moder), (0x14, odr), (0x10, idr)):
            board.core.write_memory(GPIOA + offset, value.to_bytes(4, "little"))

    pin = near.pin("pa5")
    drive(0xFFFF_FFFF, 0)
    assert (pin.mode.name, pin.level) == ("ANALOG", False)
    drive(1 << 10, 1 << 5)
    assert (pin.mode.name, pin.level) == ("OUTPUT", True)
    drive(0, 1 << 5)
    assert (pin.mode.name, pin.level) == ("INPUT", False)
    drive(0, 0, 1 << 5)
    assert pin.level
    world.call_later("300ms", lambda: drive(0, 0, 0), name="button")
    assert pin.toggles(within="1s")
    assert world.now() == 300_000_000
    pin.wait(False, within="0s")
    with pytest.raises(TimeoutExpired, match=r"PA5 of board-1 to toggle; saw instead: input, low"):
        pin.toggles(within="10ms")
    for name in ("PJ1", "PA16", "5", "PA05"):
        with pytest.raises(UsageError, match="a pin is called PA0 to PI15"):
            near.pin(name)


def test_a_busy_board_says_so(near: Board, uid: str, world: World) -> None:
    other = Board(uid, world.clock, world.journal, "board-1")
    with pytest.raises(ProbeError, match=r"board-1 is busy: another debugger in this process is connected"):
        other.connect()
    assert not other.is_connected
    near.close()
    other.connect()
    other.close()


def test_unknown_and_ambiguous_probes(uid: str, world: World, board: Any) -> None:
    second = DebugPort(board, world)
    second_uid = registry.register(second)
    try:
        assert second_uid == f"{uid}.2"
        assert [info.uid for info in list_probes() if info.uid.startswith("mvh:")] == [uid, second_uid]
        Board(uid, world.clock, world.journal, "a").connect()
        with pytest.raises(ProbeError, match=rf"several debug probes fit 'mvh:board', name one of: {uid} "):
            Board("mvh:board", world.clock, world.journal, "a").connect()
        with pytest.raises(ProbeError, match=rf"there is no debug probe 'mvh:nope'; there is {uid} \(Microvisor"):
            Board("mvh:nope", world.clock, world.journal, "a").connect()
        with pytest.raises(ProbeError, match=r"unknown debug probe type 'warp'; there is mvh:"):
            Board("warp:1", world.clock, world.journal, "a").connect()
    finally:
        registry.unregister(second)


def test_a_closed_board_can_not_be_used(uid: str, world: World) -> None:
    near = Board(uid, world.clock, world.journal, "board-1")
    with pytest.raises(UsageError, match="board-1 is not connected"):
        near.read32(RAM_BASE)
    near.close()


def test_a_board_without_an_application_can_be_halted(near: Board, board: Any) -> None:
    board.core.program(FLASH_BASE, b"\xff" * 8)
    near.reset()
    assert near.describe() == "core lockup at 0xfffffffe" or near.describe().startswith("core lockup")
    near.halt()
    assert near.is_halted


def test_a_board_without_power_does_not_answer(near: Board, board: Any, uid: str, world: World) -> None:
    board.is_powered = False
    with pytest.raises(ProbeError, match="board-1 has no power: nothing answers on its debug port"):
        near.read32(RAM_BASE)
    near.close()
    with pytest.raises(ProbeError, match="board-1: can't attach: board-1 has no power"):
        near.connect()
    assert not near.is_connected
    board.is_powered = True
    near.connect()
    assert near.read32(FLASH_BASE) == RAM_BASE + 0x8000


def test_importing_the_driver_does_not_import_pyocd() -> None:
    code = "import sys, harness.drivers.board; sys.exit('pyocd' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pyocd_keeps_quiet(uid: str, world: World, capfd: pytest.CaptureFixture[str]) -> None:
    with Board(uid, world.clock, world.journal, "board-1"):
        pass
    assert capfd.readouterr() == ("", "")
