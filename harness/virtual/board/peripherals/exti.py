"""EXTI: edges on pins become interrupts (RM0456, chapter EXTI). Lines above 15 have no source here but software."""

from __future__ import annotations

from collections.abc import Callable

from harness.virtual.board.peripherals.base import Peripheral, PeripheralHost, Register
from harness.virtual.board.peripherals.pin import PORTS

EXTI_BASE = 0x4602_2000
FIRST_IRQ = 11
"""Interrupt of line 0; line n has n more."""

_LINES = 0x03FF_FFFF
_SHARED = {1: 0x0079_0000, 72: 0x0006_0000}
"""Interrupts that several lines above 15 share: PVD and the voltage monitors, and the comparators."""



class Exti(Peripheral):
    """The extended interrupt controller."""

    REGISTERS = (
        Register(name="RTSR1", offset=0x00, write=_LINES), Register(name="FTSR1", offset=0x04, write=_LINES),
        Register(name="SWIER1", offset=0x08, write=_LINES),
        Register(name="RPR1", offset=0x0C, write=0, clear_by_one=_LINES),
        Register(name="FPR1", offset=0x10, write=0, clear_by_one=_LINES),
        Register(name="SECCFGR1", offset=0x14, write=0), Register(name="PRIVCFGR1", offset=0x18, write=0),
        Register(name="EXTICR1", offset=0x60), Register(name="EXTICR2", offset=0x64),
        Register(name="EXTICR3", offset=0x68), Register(name="EXTICR4", offset=0x6C),
        Register(name="LOCKR", offset=0x70, write=0),
        Register(name="IMR1", offset=0x80, write=_LINES), Register(name="EMR1", offset=0x84, write=_LINES),
    )

    def __init__(self, host: PeripheralHost) -> None:
        self.on_select: Callable[[], None] | None = None
        """Called when other edges than before may matter."""
        super().__init__(host, "EXTI", EXTI_BASE)

    def edge(self, port: str, number: int, level: int) -> None:
        """Take a change of a pin's level."""
        group, index = divmod(number, 4)
        selected = self.values[f"EXTICR{group + 1}"] >> 8 * index & 0xFF
        if selected != PORTS.index(port):
            return
        bit = 1 << number
        enabled, pending = ("RTSR1", "RPR1") if level else ("FTSR1", "FPR1")
        if self.values[enabled] & bit:
            self.values[pending] |= bit
            self._update(bit)

    def wants(self, port: str, number: int) -> bool:
        """Return whether any edge of this pin would be noticed."""
        group, index = divmod(number, 4)
        return bool((self.values["RTSR1"] | self.values["FTSR1"]) >> number & 1) and (
            self.values[f"EXTICR{group + 1}"] >> 8 * index & 0xFF == PORTS.index(port))

    def _update(self, lines: int = _LINES) -> None:
        active = (self.values["RPR1"] | self.values["FPR1"]) & self.values["IMR1"]
        for number in range(16):
            if lines >> number & 1:
                self._host.set_irq(FIRST_IRQ + number, bool(active >> number & 1))
        for irq, shared in _SHARED.items():
            if lines & shared:
                self._host.set_irq(irq, bool(active & shared))

    # -- registers --

    def effects(self, register: Register) -> tuple[Callable[[], int] | None, Callable[[int, int], None] | None]:
        reading, writing = super().effects(register)
        if register.name in ("RTSR1", "FTSR1") or register.name.startswith("EXTICR"):
            return reading, lambda value, mask: self._select(register, value, mask)
        return reading, writing

    def _select(self, register: Register, value: int, mask: int) -> None:
        self.store(register, value, mask)
        if self.on_select is not None:
            self.on_select()

    def read_swier1(self) -> int:
        return 0

    def write_swier1(self, value: int, mask: int) -> None:
        rising = value & mask & _LINES
        self.values["RPR1"] |= rising
        self._update(rising)

    def write_rpr1(self, value: int, mask: int) -> None:
        self.store_by_name("RPR1", value, mask)
        self._update(value & mask)

    def write_fpr1(self, value: int, mask: int) -> None:
        self.store_by_name("FPR1", value, mask)
        self._update(value & mask)

    def write_imr1(self, value: int, mask: int) -> None:
        before = self.values["IMR1"]
        self._update(before ^ self.store_by_name("IMR1", value, mask))
