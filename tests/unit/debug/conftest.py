"""A board small enough to see through: a core that knows eight Thumb instructions, over bytearrays, at 1 MHz."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

import pytest

from harness.virtual.board.core.interface import (
    FLASH_BASE,
    RAM_BASE,
    BusError,
    CoreClient,
    CoreState,
    HaltReason,
    Register,
)
from harness.virtual.board.core.watched import WatchedRange
from harness.virtual.board.debug import registry
from harness.virtual.board.debug.port import DebugPort
from harness.virtual.world import World

CYCLE = 1_000
FLASH_SIZE, RAM_SIZE, GPIO, GPIO_SIZE = 0x1_0000, 0x8000, 0x4202_0000, 0x2400
THUMB = 0x0100_0000

# r0 = RAM_BASE (from the literal), then count up for ever: r1 += 1; [r0] = r1; [GPIOA.ODR] not touched; branch back
PROGRAM = (
    0x4802,  # 0x10: ldr r0, [pc, #8]   -> literal at 0x1c
    0x2100,  # 0x12: movs r1, #0
    0x3101,  # 0x14: adds r1, #1
    0x6001,  # 0x16: str r1, [r0]
    0xE7FC,  # 0x18: b 0x14
    0xBF00,  # 0x1a: nop
    RAM_BASE & 0xFFFF, RAM_BASE >> 16,
)


class TinyCore:
    """The Core protocol for LDR literal, MOVS, ADDS, STR, B, BKPT, NOP and WFI."""

    def __init__(self) -> None:
        self.client = cast("CoreClient", None)
        self.breakpoints: set[int] = set()
        self.halt_on_reset = False
        self.debug_enabled = False
        self.mask_interrupts = False
        self._memories = {FLASH_BASE: bytearray(b"\xff" * FLASH_SIZE), RAM_BASE: bytearray(RAM_SIZE),
                          GPIO: bytearray(GPIO_SIZE)}
        self._registers = dict.fromkeys((*range(19), 20, 28, 29, 33, *range(64, 96)), 0)
        self._cycles = 0
        self._state = CoreState.RUNNING
        self._stop = False

    @property
    def cycles(self) -> int:
        return self._cycles

    def spend(self, cycles: int) -> None:
        self._cycles += cycles

    @property
    def state(self) -> CoreState:
        return self._state

    @property
    def exception(self) -> int:
        return 0

    def reset(self) -> None:
        sp, pc = (int.from_bytes(self.read_memory(FLASH_BASE + at, 4), "little") for at in (0, 4))
        self._registers[Register.SP] = self._registers[Register.MSP] = sp
        self._registers[Register.PC] = pc & ~1
        self._registers[Register.XPSR] = THUMB
        self._state = CoreState.RUNNING if pc & 1 and pc != 0xFFFF_FFFF else CoreState.LOCKUP
        if self.halt_on_reset:
            self._state = CoreState.HALTED

    def run(self, until: int) -> None:
        first = True
        while self._cycles < until and self._state is CoreState.RUNNING:
            if self._registers[Register.PC] in self.breakpoints and not first:
                self._state = CoreState.HALTED
                return
            self._execute()
            first = False
        if self._state in (CoreState.SLEEPING, CoreState.LOCKUP):
            self._cycles = max(self._cycles, until)

    def request_stop(self) -> None:
        self._stop = True

    def next_wake(self) -> int | None:
        return self._cycles if self._state is CoreState.RUNNING else None

    def pend(self, irq: int) -> None:
        if self._state is CoreState.SLEEPING:
            self._state = CoreState.RUNNING

    def unpend(self, irq: int) -> None:
        pass

    def set_line(self, irq: int, level: bool) -> None:
        pass

    def read_register(self, register: int) -> int:
        return self._registers[register]

    def write_register(self, register: int, value: int) -> None:
        self._registers[register] = value

    def _find(self, address: int, size: int, *, write: bool) -> tuple[bytearray, int]:
        for base, memory in self._memories.items():
            if base <= address and address + size <= base + len(memory) and not (write and base == FLASH_BASE):
                return memory, address - base
        raise BusError(address, write=write)

    def read_memory(self, address: int, size: int) -> bytes:
        memory, at = self._find(address, size, write=False)
        return bytes(memory[at:at + size])

    def write_memory(self, address: int, data: bytes) -> None:
        memory, at = self._find(address, len(data), write=True)
        memory[at:at + len(data)] = data

    def program(self, address: int, data: bytes) -> None:
        at = address - FLASH_BASE
        self._memories[FLASH_BASE][at:at + len(data)] = data

    def halt(self, reason: HaltReason = HaltReason.HALTED) -> None:
        self._state = CoreState.HALTED

    def resume(self) -> None:
        if self._state is CoreState.HALTED:
            self._state = CoreState.RUNNING if self._registers[Register.XPSR] & THUMB else CoreState.LOCKUP

    def step(self) -> None:
        self._state = CoreState.RUNNING
        self._execute()
        self._state = CoreState.HALTED

    def watch_data(self, ranges: Sequence[WatchedRange], hit: Callable[[int], None]) -> None:
        self.watched = list(ranges)

    def close(self) -> None:
        pass

    def _execute(self) -> None:
        registers, pc = self._registers, self._registers[Register.PC]
        code = int.from_bytes(self.read_memory(pc, 2), "little")
        low, register = code & 0xFF, code >> 8 & 7
        self._cycles += 1
        following = pc + 2
        match code >> 11:
            case 0b00100:
                registers[register] = low
            case 0b00110:
                registers[register] = (registers[register] + low) & 0xFFFF_FFFF
            case 0b01001:
                registers[register] = int.from_bytes(self.read_memory(((pc + 4) & ~3) + 4 * low, 4), "little")
            case 0b01100:
                offset = (code >> 6 & 31) * 4
                data = registers[code & 7].to_bytes(4, "little")
                self.write_memory(registers[code >> 3 & 7] + offset, data)
            case 0b11100:
                following = pc + 4 + 2 * ((code & 0x3FF) - (code & 0x400))
            case _ if code >> 8 == 0xBE:
                self._state, following = CoreState.HALTED, pc
            case _ if code == 0xBF30:
                self._state = CoreState.SLEEPING
            case _:
                assert code == 0xBF00, hex(code)
        registers[Register.PC] = following


class TinyBoard:
    """Runs a TinyCore in a world, one cycle per microsecond."""

    def __init__(self, world: World, name: str = "board-1") -> None:
        self.name = name
        self.world = world
        self.resets = 0
        self.is_powered = True
        self._core = TinyCore()
        words = b"".join(code.to_bytes(2, "little") for code in PROGRAM)
        self._core.program(FLASH_BASE, (RAM_BASE + RAM_SIZE).to_bytes(4, "little")
                           + (FLASH_BASE + 0x11).to_bytes(4, "little") + bytes(8) + words)
        self._core.reset()
        world.add_runner(self)

    @property
    def core(self) -> TinyCore:
        return self._core

    def sync(self) -> None:
        pass

    def erase_flash_page(self, index: int) -> None:
        self._core.program(FLASH_BASE + index * 8192, b"\xff" * 8192)

    def program_flash(self, address: int, data: bytes) -> None:
        self._core.program(address, data)

    def read_flash(self, address: int, size: int) -> bytes:
        return self._core.read_memory(address, size)

    def reset(self) -> None:
        self.resets += 1
        self._core.reset()

    def next_due(self) -> int | None:
        return self.world.now() if self._core.state is CoreState.RUNNING else None

    def run(self, until: int) -> int:
        start, now = self._core.cycles, self.world.now()
        self._core.run(start + (until - now) // CYCLE)
        return until if self._core.state is not CoreState.HALTED else now + (self._core.cycles - start) * CYCLE


@pytest.fixture
def world() -> Iterator[World]:
    world = World(seed=1)
    yield world
    world.close()


@pytest.fixture
def board(world: World) -> TinyBoard:
    return TinyBoard(world)


@pytest.fixture
def port(board: TinyBoard, world: World) -> Iterator[DebugPort]:
    port = DebugPort(board, world)
    yield port
    registry.unregister(port)


@pytest.fixture
def uid(port: DebugPort) -> str:
    """The port is registered, and this is the unique id of its probe."""
    return registry.register(port)
