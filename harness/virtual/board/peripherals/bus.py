"""The peripheral bus: which address belongs to which peripheral, and what happens where nothing is modelled."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.errors import InternalError
from harness.journal import Fact
from harness.virtual.board.core.interface import BusError
from harness.virtual.board.peripherals.base import Peripheral

SECURE_BASE = 0x5000_0000
"""From here on lie the Secure aliases of all peripherals; an application can't reach them."""

MAX_TOLD = 4096
"""Addresses that the journal tells of; an application that scans the whole space fills no more."""

_BLOCK = 10  # 1 KiB: the smallest distance between two peripherals


class Bus:
    """Reads and writes of peripheral registers.

    Args:
        strict: whether an access to something that is not modelled is a bus error. Otherwise it reads as 0, writes go
            nowhere, and the journal tells of each address once, by its first access.
        record: writes a fact to the journal.
    """

    def __init__(self, peripherals: Iterable[Peripheral], *, strict: bool,
                 record: Callable[..., object]) -> None:
        self._strict = strict
        self._record = record
        self._blocks: dict[int, Peripheral] = {}
        self._told: set[int] = set()
        self._words: dict[int, Callable[[], int]] = {}
        for peripheral in peripherals:
            for block in range(peripheral.base >> _BLOCK, (peripheral.base + peripheral.SIZE - 1 >> _BLOCK) + 1):
                if block in self._blocks:
                    raise InternalError(f"{peripheral.name} and {self._blocks[block].name} overlap")
                self._blocks[block] = peripheral

    def __repr__(self) -> str:
        return f"Bus({len(self._blocks)} blocks, strict={self._strict})"

    def find(self, address: int) -> Peripheral | None:
        """Return the peripheral an address belongs to, None if it belongs to none."""
        return self._blocks.get(address >> _BLOCK)

    def read(self, address: int, size: int) -> int:
        """Return ``size`` bytes of a register.

        Raises:
            BusError: nothing answers there.
        """
        if size == 4 and (reader := self._words.get(address)) is not None:
            return reader()  # who polls a register reads it a million times
        peripheral = self._blocks.get(address >> _BLOCK)
        if peripheral is not None:
            offset = address - peripheral.base
            if peripheral.has(offset):
                if size == 4 and not offset & 3 and (reader := peripheral.word_reader(offset)) is not None:
                    self._words[address] = reader
                return peripheral.read(offset, size)
        self._unmodelled(address, peripheral, write=False)
        return 0

    def write(self, address: int, size: int, value: int) -> None:
        """Write ``size`` bytes of a register.

        Raises:
            BusError: nothing answers there.
        """
        peripheral = self._blocks.get(address >> _BLOCK)
        if peripheral is not None:
            offset = address - peripheral.base
            if peripheral.has(offset):
                peripheral.write(offset, size, value)
                return
        self._unmodelled(address, peripheral, write=True, value=value)

    def _unmodelled(self, address: int, peripheral: Peripheral | None, *, write: bool, **facts: Fact) -> None:
        if address not in self._told and len(self._told) < MAX_TOLD:
            self._told.add(address)
            self._record("unmodelled_register_accessed", address=f"0x{address:08x}",
                         peripheral=peripheral.name if peripheral is not None else "", write=write, **facts)
        if self._strict or address >= SECURE_BASE:
            raise BusError(address, write=write)
