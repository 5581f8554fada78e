"""Peripherals as data: a table of registers, and code only where a register does something.

A peripheral class lists its registers. Reading gives the stored value, writing changes the bits that can be written.
Where that is not all, the class has methods named after the register in lower case:

* ``read_odr(self) -> int`` returns what a read shows;
* ``write_odr(self, value, mask)`` takes a write of ``value`` to the bytes under ``mask`` (a byte or halfword store
  reaches only part of a register); it replaces the plain store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Protocol

from harness.clock import RandomStream
from harness.errors import InternalError
from harness.journal import Fact

WORD = 0xFFFF_FFFF


class PeripheralHost(Protocol):
    """The board, seen from its peripherals. Time is in cycles of HCLK."""

    @property
    def hclk_hz(self) -> int: ...

    @property
    def cycles(self) -> int:
        """Cycles since power-on."""

    def schedule(self, cycle: int, action: Callable[[], None]) -> Timer:
        """Let ``action`` happen at ``cycle``."""

    def set_irq(self, irq: int, asserted: bool) -> None:
        """Raise or lower an interrupt line."""

    def record_fact(self, event: str, **data: Fact) -> None:
        """Write a fact of the board to the journal."""

    def sync(self) -> None:
        """Let the core come to the present, before something outside changes what it sees."""

    def posted(self) -> None:
        """Something outside the board may have been set going: let the world look at it soon."""

    def read_bus(self, address: int, size: int) -> int:
        """Read memory or a register, as a bus master beside the core does; raises BusError."""

    def write_bus(self, address: int, size: int, value: int) -> None:
        """Write memory or a register likewise; raises BusError."""

    @property
    def calendar_ns(self) -> int:
        """Nanoseconds of the calendar, UTC, since 2000-01-01."""

    def call_after(self, nanoseconds: int, action: Callable[[], None], name: str) -> Timer:
        """Let ``action`` happen after this time, in deep sleep and with stopped clocks too."""

    def random(self, name: str) -> RandomStream:
        """Return a source of chance that belongs to this name."""

    def watchdog_expired(self, name: str) -> None:
        """The named watchdog was not refreshed in time: the chip is reset."""


class Timer(Protocol):
    """Something scheduled."""

    def cancel(self) -> None:
        """Let it not happen; no error if it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """A register of 32 bits.

    Attributes:
        offset: bytes from the peripheral's base.
        reset: value after reset.
        write: bits that a plain write changes.
        clear_by_one: bits that writing 1 clears (rc_w1).
        clear_by_zero: bits that writing 0 clears (rc_w0).
    """

    name: str
    offset: int
    reset: int = 0
    write: int = WORD
    clear_by_one: int = 0
    clear_by_zero: int = 0


class DmaRequest:
    """A request line from a peripheral to the DMA controller: active while there is a byte to fetch or to bring."""

    __slots__ = ("_active", "listener")

    def __init__(self) -> None:
        self._active = False
        self.listener: Callable[[], None] | None = None
        """Who is told when the line becomes active."""

    def __repr__(self) -> str:
        return f"DmaRequest({'active' if self._active else 'idle'})"

    @property
    def active(self) -> bool:
        return self._active

    def set(self, active: bool) -> None:
        """Raise or lower the line."""
        risen = active and not self._active
        self._active = active
        if risen and self.listener is not None:
            self.listener()


class _Slot:
    """A register of one peripheral with its effects."""

    __slots__ = ("on_read", "on_write", "register")

    def __init__(self, register: Register, on_read: Callable[[], int] | None,
                 on_write: Callable[[int, int], None] | None) -> None:
        self.register = register
        self.on_read = on_read
        self.on_write = on_write


def registers(*rows: tuple[str, int] | tuple[str, int, int] | tuple[str, int, int, int]) -> tuple[Register, ...]:
    """Return registers from rows of name, offset, reset value and mask of writable bits."""
    return tuple(Register(name=row[0], offset=row[1], reset=row[2] if len(row) > 2 else 0,
                          write=row[3] if len(row) > 3 else WORD) for row in rows)


class Peripheral:
    """A block of registers on the bus.

    Args:
        name: its name in the reference manual: ``GPIOA``.
        base: its address.
    """

    REGISTERS: ClassVar[tuple[Register, ...]] = ()
    SIZE: ClassVar[int] = 0x400

    def __init__(self, host: PeripheralHost, name: str, base: int) -> None:
        self._host = host
        self.name = name
        self.base = base
        self.values: dict[str, int] = {}
        self._slots: dict[int, _Slot] = {}
        self._by_name = {register.name: register for register in self.REGISTERS}
        for register in self.REGISTERS:
            if register.offset in self._slots:
                raise InternalError(f"{name} has two registers at 0x{register.offset:x}")
            self._slots[register.offset] = _Slot(register, *self.effects(register))
            self.values[register.name] = register.reset

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, base=0x{self.base:08x})"

    def effects(self, register: Register) -> tuple[Callable[[], int] | None, Callable[[int, int], None] | None]:
        """Return what reads and what writes a register instead of the plain ways; None for the plain way."""
        lower = register.name.lower()
        return getattr(self, f"read_{lower}", None), getattr(self, f"write_{lower}", None)

    def reset(self) -> None:
        """Return all registers to their reset values."""
        for register in self.REGISTERS:
            self.values[register.name] = register.reset

    def has(self, offset: int) -> bool:
        """Return whether there is a register at this offset."""
        return offset & ~3 in self._slots

    def register_at(self, offset: int) -> Register | None:
        """Return the register at this offset, None if there is none."""
        slot = self._slots.get(offset & ~3)
        return None if slot is None else slot.register

    def read(self, offset: int, size: int) -> int:
        """Return ``size`` bytes at ``offset``; the register exists."""
        slot = self._slots[offset & ~3]
        value = self.values[slot.register.name] if slot.on_read is None else slot.on_read()
        return value >> 8 * (offset & 3) & ((1 << 8 * size) - 1)

    def word_reader(self, offset: int) -> Callable[[], int] | None:
        """Return what reads the whole register at ``offset``; None if only :meth:`read` can."""
        if type(self).read is not Peripheral.read:
            return None
        slot = self._slots[offset]
        return slot.on_read or partial(self.values.__getitem__, slot.register.name)

    def write(self, offset: int, size: int, value: int) -> None:
        """Write ``size`` bytes at ``offset``; the register exists."""
        slot = self._slots[offset & ~3]
        shift = 8 * (offset & 3)
        mask = ((1 << 8 * size) - 1) << shift & WORD
        value = value << shift & mask
        if slot.on_write is not None:
            slot.on_write(value, mask)
        else:
            self.store(slot.register, value, mask)

    def store(self, register: Register, value: int, mask: int = WORD) -> int:
        """Change what a plain write changes, and return the new value."""
        old = self.values[register.name]
        plain = register.write & mask
        new = old & ~plain | value & plain
        new &= ~(register.clear_by_one & value & mask)
        new &= ~(register.clear_by_zero & ~value & mask)
        self.values[register.name] = new
        return new

    def store_by_name(self, name: str, value: int, mask: int = WORD) -> int:
        """Change what a plain write to the named register changes, and return the new value."""
        return self.store(self._by_name[name], value, mask)

    def after(self, cycles: int, action: Callable[[], None]) -> Timer:
        """Let ``action`` happen this many cycles of HCLK from now, at least one."""
        return self._host.schedule(self._host.cycles + max(1, cycles), action)
