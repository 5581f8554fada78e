"""A host for peripherals: cycles moved by the test, interrupts and facts kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.clock import RandomStream, random_stream
from harness.journal import Fact
from harness.virtual.board.core.interface import BusError
from harness.virtual.board.peripherals.clock_tree import clock_tree
from harness.virtual.board.peripherals.soc import Soc
from harness.virtual.board.timebase import Agenda, Appointment

HZ = 64_000_000
RAM_BASE, RAM_SIZE = 0x2000_0000, 0x1000
CALENDAR = 820_540_800_000_000_000
"""2026-01-01 in nanoseconds since 2000-01-01."""


class Chip:
    """Implements PeripheralHost; registers are reached by name: ``chip.read("TIM6", "SR")``."""

    def __init__(self, *, strict: bool = False) -> None:
        self.hclk_hz = HZ
        self.cycles = 0
        self.agenda = Agenda()
        self.lines: dict[int, bool] = {}
        self.raised: list[int] = []
        self.facts: list[tuple[str, dict[str, Fact]]] = []
        self.posts = 0
        self.ram = bytearray(RAM_SIZE)
        self.bites: list[str] = []
        self.soc = Soc(self, clock_tree(HZ), strict=strict)

    def schedule(self, cycle: int, action: Callable[[], None]) -> Appointment:
        return self.agenda.add(cycle, action)

    def set_irq(self, irq: int, asserted: bool) -> None:
        if asserted and not self.lines.get(irq, False):
            self.raised.append(irq)
        self.lines[irq] = asserted

    def record_fact(self, event: str, **data: Fact) -> None:
        self.facts.append((event, data))

    def sync(self) -> None:
        pass

    def posted(self) -> None:
        self.posts += 1

    def read_bus(self, address: int, size: int) -> int:
        if address >= RAM_BASE and address + size <= RAM_BASE + len(self.ram):
            return int.from_bytes(self.ram[address - RAM_BASE:][:size], "little")
        return self.soc.bus.read(address, size)

    def write_bus(self, address: int, size: int, value: int) -> None:
        if address >= RAM_BASE and address + size <= RAM_BASE + len(self.ram):
            self.ram[address - RAM_BASE:address - RAM_BASE + size] = value.to_bytes(size, "little")
        elif address >= 0x4000_0000:
            self.soc.bus.write(address, size, value)
        else:
            raise BusError(address, write=True)

    @property
    def calendar_ns(self) -> int:
        return CALENDAR + self.cycles * 1_000_000_000 // HZ

    def call_after(self, nanoseconds: int, action: Callable[[], None], name: str) -> Appointment:
        return self.schedule(self.cycles + -(-nanoseconds * HZ // 1_000_000_000), action)

    def random(self, name: str) -> RandomStream:
        return random_stream(1, name)

    def watchdog_expired(self, name: str) -> None:
        self.bites.append(name)

    def run(self, cycles: int, *, at_most: int = 10_000_000) -> None:
        """Let cycles pass, and what falls due happen; that must not be more than so many events."""
        target = self.cycles + cycles
        left = at_most
        while (due := self.agenda.next()) is not None and due <= target:
            self.cycles = max(self.cycles, due)
            action = self.agenda.take(due)
            assert action is not None
            left -= 1
            assert left > 0, f"{at_most} events in {cycles} cycles"
            action()
        self.cycles = target

    def address(self, peripheral: str, register: str) -> int:
        block = self.soc.peripheral(peripheral)
        offset, = (entry.offset for entry in block.REGISTERS if entry.name == register)
        return block.base + offset

    def read(self, peripheral: str, register: str, size: int = 4) -> int:
        return self.soc.bus.read(self.address(peripheral, register), size)

    def write(self, peripheral: str, register: str, value: int, size: int = 4) -> None:
        self.soc.bus.write(self.address(peripheral, register), size, value)

    def wait(self, peripheral: str, register: str, flags: int, *, within: int = 10 * HZ, step: int = 16) -> int:
        """Poll a register until one of these flags is set, as drivers do; return the register."""
        deadline = self.cycles + within
        while not (value := self.read(peripheral, register)) & flags:
            assert self.cycles < deadline, f"{peripheral}.{register} stays {value:#x}, without {flags:#x}"
            self.run(step)
        return value

    def of(self, event: str) -> list[dict[str, Fact]]:
        return [data for name, data in self.facts if name == event]


@pytest.fixture
def chip() -> Chip:
    return Chip()


@pytest.fixture
def strict_chip() -> Chip:
    return Chip(strict=True)


@pytest.fixture(scope="session")
def new_chip() -> Callable[[], Chip]:
    """For tests that hypothesis runs many times: a new chip each time."""
    return Chip
