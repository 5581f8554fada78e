"""A host for peripherals: cycles moved by the test, interrupts and facts kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.journal import Fact
from harness.virtual.board.peripherals.clock_tree import clock_tree
from harness.virtual.board.peripherals.soc import Soc
from harness.virtual.board.timebase import Agenda, Appointment

HZ = 64_000_000


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

    def run(self, cycles: int) -> None:
        """Let cycles pass, and what falls due happen."""
        target = self.cycles + cycles
        while (due := self.agenda.next()) is not None and due <= target:
            self.cycles = max(self.cycles, due)
            action = self.agenda.take(due)
            assert action is not None
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
