"""The AHB access port: how a debugger reaches the memory of the chip (ADIv5.2, chapters C1 and C2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

CSW, TAR, TAR_HIGH, DRW, BD0, BD3, CFG, BASE, IDR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x1C, 0xF4, 0xF8, 0xFC

AP_IDR = 0x8477_0001
"""AHB-AP of Arm, revision 8."""
AP_BASE = 0xE00F_F003
"""The ROM table; entry present, ADIv5 format."""

_SIZE, _INCREMENT, _DEVICE_ENABLED = 0x7, 0x30, 0x40
_PROTECTION = 0x7F00_0000
_MASTER_DEBUG = 0x8000_0000
_RESET_CSW = 0x4300_0042
_WRAP = 0x400
_FAST_LIMIT = 0x4000_0000  # below it is memory that can be read twice without harm


class Bus(Protocol):
    """The AHB as the access port sees it. Methods raise BusError."""

    def read(self, address: int, size: int) -> int:
        """Return 1, 2 or 4 bytes as a little-endian number."""

    def write(self, address: int, size: int, value: int) -> None:
        """Write 1, 2 or 4 bytes."""

    def read_memory(self, address: int, size: int) -> bytes:
        """Return a run of bytes of memory."""

    def write_memory(self, address: int, data: bytes) -> None:
        """Write a run of bytes of memory."""


class AhbAp:
    """CSW, TAR, DRW, the banked data registers, BASE and IDR of a MEM-AP.

    Transfers are bytes, half-words or words; TAR increments within 1 KiB and wraps there; packed transfers are not
    implemented (the increment field then reads back as off), as on Cortex-M33.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._csw = _RESET_CSW
        self._tar = 0

    def __repr__(self) -> str:
        return f"AhbAp(csw=0x{self._csw:08x}, tar=0x{self._tar:08x})"

    def read(self, register: int) -> int:
        """Return a register; reading DRW or BDn reads memory. Raises BusError."""
        if register == DRW:
            value = self._transfer_read()
            self._increment()
            return value
        if BD0 <= register <= BD3:
            return self._bus.read((self._tar & ~0xF) | (register & 0xC), 4)
        fixed = {CSW: self._csw | _DEVICE_ENABLED, TAR: self._tar, BASE: AP_BASE, IDR: AP_IDR}
        return fixed.get(register, 0)

    def write(self, register: int, value: int) -> None:
        """Write a register; writing DRW or BDn writes memory. Raises BusError."""
        if register == DRW:
            size, shift = self._size(), (self._tar & 3 & ~(self._size() - 1)) * 8
            self._bus.write(self._tar & ~(size - 1), size, (value >> shift) & ((1 << 8 * size) - 1))
            self._increment()
        elif BD0 <= register <= BD3:
            self._bus.write((self._tar & ~0xF) | (register & 0xC), 4, value)
        elif register == TAR:
            self._tar = value
        elif register == CSW:
            size = value & _SIZE if value & _SIZE <= 2 else 2
            increment = value & _INCREMENT if value & _INCREMENT == 0x10 else 0
            self._csw = (value & (_PROTECTION | _MASTER_DEBUG)) | increment | size

    def read_block(self, register: int, count: int) -> list[int]:
        """Return what ``count`` reads of a register give. Raises BusError."""
        words: list[int] = []
        if register == DRW and self._csw & (_SIZE | _INCREMENT) == 0x12:
            while len(words) < count:
                run = self._run(count - len(words))
                if run < 2:
                    words.append(self.read(DRW))
                    continue
                data = self._bus.read_memory(self._tar & ~3, 4 * run)
                words.extend(int.from_bytes(data[at:at + 4], "little") for at in range(0, len(data), 4))
                self._skip(run)
            return words
        return [self.read(register) for _ in range(count)]

    def write_block(self, register: int, values: Sequence[int]) -> None:
        """Write the values to a register, one after the other. Raises BusError."""
        done = 0
        if register == DRW and self._csw & (_SIZE | _INCREMENT) == 0x12:
            while (run := self._run(len(values) - done)) > 1:
                data = b"".join(value.to_bytes(4, "little") for value in values[done:done + run])
                self._bus.write_memory(self._tar & ~3, data)
                self._skip(run)
                done += run
        for value in values[done:]:
            self.write(register, value)

    def _run(self, words: int) -> int:
        """Return how many words can go as one piece: up to the wrap, and only in memory."""
        return min(words, (_WRAP - self._tar % _WRAP) // 4) if self._tar < _FAST_LIMIT else 0

    def _skip(self, words: int) -> None:
        self._tar = (self._tar & ~(_WRAP - 1)) | ((self._tar + 4 * words) & (_WRAP - 1))

    def _size(self) -> int:
        return 1 << (self._csw & _SIZE)

    def _transfer_read(self) -> int:
        size = self._size()
        address = self._tar & ~(size - 1)
        return self._bus.read(address, size) << (address & 3) * 8

    def _increment(self) -> None:
        if self._csw & _INCREMENT:
            self._tar = (self._tar & ~(_WRAP - 1)) | ((self._tar + self._size()) & (_WRAP - 1))
