"""The address map of the board, laid over the emulator.

Flash and RAM are memory of the emulator. The peripheral space starts out unmapped: the first access to each 1 KiB
block asks the board, and only where it answers the block becomes memory-mapped I/O. So an access to a hole faults
exactly at its instruction, which a callback of the emulator could not do any more. A register that a *mapped* block
refuses gives an imprecise bus fault, as a buffered write does in silicon.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import struct
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from unicorn import unicorn_const as const
from unicorn.unicorn_py3.unicorn import Uc, UcError

from harness.errors import UsageError
from harness.virtual.board.core.interface import (
    FACTORY_BASE,
    FACTORY_SIZE,
    FLASH_BASE,
    FLASH_SIZE,
    OLD_SLOT,
    OLD_VENEER_BASE,
    OLD_VENEER_SLOTS,
    PERIPHERAL_BASE,
    PERIPHERAL_SIZE,
    RAM_BASE,
    RAM_SIZE,
    SLEEP_SLOT,
    VENEER_BASE,
    VENEER_SLOTS,
    VENEER_STRIDE,
    BusError,
    CoreClient,
)

PPB_BASE, PPB_SIZE = 0xE000_0000, 0x10_0000
VENEER_END = VENEER_BASE + VENEER_SLOTS * VENEER_STRIDE
OLD_VENEER_END = OLD_VENEER_BASE + OLD_VENEER_SLOTS * VENEER_STRIDE
STUB_BASE = 0x9FFF_F000
"""A page of our own, for instructions that stand in for a missing emulator interface."""

_BLOCK = 0x400
_PAGE = 0x1000
_BLANK = b"\xff" * _PAGE
_VENEER_PAGES = VENEER_BASE - _PAGE
_VENEER = struct.pack("<HHHH", 0xDF00, 0x4770, 0xDE00, 0xDE00)  # svc #0; bx lr; udf; udf
_SLEEP_VENEER = struct.pack("<HHHH", 0xDF00, 0xB101, 0xBF30, 0x4770)  # svc #0; cbz r1, past the wfi; wfi; bx lr
_UNDEFINED = struct.pack("<H", 0xDE00)
_SEV = b"\x40\xbf"
_CLEARS = sys.platform == "linux" and hasattr(mmap, "MADV_DONTNEED")
_MSR_LIMIT = re.compile(rb"[\x80-\x8f]\xf3[\x0a\x0b]\x88", re.DOTALL)


def veneer_slot(address: int) -> int | None:
    """Return the slot of the veneer that this address lies in, None if it lies in none."""
    if VENEER_BASE <= address < VENEER_END:
        return (address - VENEER_BASE) // VENEER_STRIDE
    if OLD_VENEER_BASE <= address < OLD_VENEER_END:
        return OLD_SLOT + (address - OLD_VENEER_BASE) // VENEER_STRIDE
    return None


class Memory:
    """Memory and memory-mapped registers of one core.

    Args:
        uc: the emulator.
        client: answers for the peripheral space.
        ppb_read, ppb_write: answer for the private peripheral bus: (address, size[, value]).
        refused: told of an access that a mapped block refused.
        compiled: for the compiled core, which itself lays the private peripheral bus over the emulator and wants to
            know of the first instruction that is executed in RAM.

    Attributes:
        flash_address, ram_address: where flash and RAM are in this process.
        fault_address: address of the last access that nothing answered.
        on_program: called with address and size of what was put into flash.
    """

    def __init__(self, uc: Uc, client: Callable[[], CoreClient], *, ppb_read: Callable[[int, int], int],
                 ppb_write: Callable[[int, int, int], None], refused: Callable[[BusError], None],
                 compiled: bool = False) -> None:
        self._uc, self._client, self._refused = uc, client, refused
        self._ppb_read, self._ppb_write = ppb_read, ppb_write
        self._answered: tuple[int, int] | None = None
        self.fault_address = 0
        self.on_program: Callable[[int, int], None] = lambda address, size: None
        self._flash, self.flash_address = _allocate(FLASH_SIZE, blank=True)
        self._blank_from = 0  # from this offset on flash is blank: most of it never takes up memory
        self._ram, self.ram_address = _allocate(RAM_SIZE)
        uc.mem_map_ptr(FLASH_BASE, FLASH_SIZE, const.UC_PROT_READ | const.UC_PROT_EXEC, self.flash_address)
        uc.mem_map_ptr(RAM_BASE, RAM_SIZE, const.UC_PROT_READ | const.UC_PROT_WRITE if compiled else const.UC_PROT_ALL,
                       self.ram_address)
        uc.mem_map(_VENEER_PAGES, 2 * _PAGE, const.UC_PROT_READ | const.UC_PROT_EXEC)
        uc.mem_write(_VENEER_PAGES, _UNDEFINED * _PAGE)
        uc.mem_write(OLD_VENEER_BASE, _VENEER * OLD_VENEER_SLOTS)
        uc.mem_write(VENEER_BASE, _VENEER * VENEER_SLOTS)
        uc.mem_write(VENEER_BASE + SLEEP_SLOT * VENEER_STRIDE, _SLEEP_VENEER)
        uc.mem_map(FACTORY_BASE, FACTORY_SIZE, const.UC_PROT_READ)
        uc.mem_map(STUB_BASE, _PAGE, const.UC_PROT_READ | const.UC_PROT_EXEC)
        if not compiled:
            uc.mmio_map(PPB_BASE, PPB_SIZE, self._on_ppb_read, None, self._on_ppb_write, None)
        uc.hook_add(const.UC_HOOK_MEM_INVALID, self._on_invalid)

    def __repr__(self) -> str:
        return f"Memory(flash={FLASH_SIZE >> 10} KiB, RAM={RAM_SIZE >> 10} KiB)"

    def read(self, address: int, size: int) -> bytes:
        """Return memory or registers, registers in the widest aligned accesses that fit; raises BusError."""
        if _inside(address, size, PERIPHERAL_BASE, PERIPHERAL_SIZE):
            return _by_access(address, size, self._client().bus_read)
        if _inside(address, size, PPB_BASE, PPB_SIZE):
            return _by_access(address, size, self._ppb_read)
        return self.read_plain(address, size)

    def read_plain(self, address: int, size: int) -> bytes:
        """Return bytes of flash, RAM, a veneer or the maker's page; raises BusError elsewhere."""
        if _inside(address, size, RAM_BASE, RAM_SIZE):
            return self._ram[address - RAM_BASE:address - RAM_BASE + size]
        if _inside(address, size, FLASH_BASE, FLASH_SIZE):
            start = address - FLASH_BASE
            used = self._flash[start:min(start + size, self._blank_from)]
            return used + b"\xff" * (size - len(used))
        if _inside(address, size, _VENEER_PAGES, 2 * _PAGE) or _inside(address, size, FACTORY_BASE, FACTORY_SIZE):
            return bytes(self._uc.mem_read(address, size))
        raise BusError(address, write=False)

    def read_word(self, address: int) -> int:
        """Return a word of flash or RAM; raises BusError elsewhere."""
        return int.from_bytes(self.read_plain(address, 4), "little")

    def write(self, address: int, data: bytes) -> None:
        """Write RAM or registers; raises BusError, for flash too."""
        if _inside(address, len(data), PERIPHERAL_BASE, PERIPHERAL_SIZE):
            for at, size, value in _accesses(address, data):
                self._client().bus_write(at, size, value)
        elif _inside(address, len(data), PPB_BASE, PPB_SIZE):
            for at, size, value in _accesses(address, data):
                self._ppb_write(at, size, value)
        else:
            self.write_plain(address, data)
            self._forget_code(address, len(data))

    def write_plain(self, address: int, data: bytes) -> None:
        """Write data into RAM; raises BusError elsewhere. Code must go through :meth:`write`."""
        if not _inside(address, len(data), RAM_BASE, RAM_SIZE):
            raise BusError(address, write=True)
        if len(data) == RAM_SIZE and _CLEARS and data.count(0) == RAM_SIZE:
            self._ram.madvise(mmap.MADV_DONTNEED)  # it reads as zero then and takes up no memory
        else:
            self._ram[address - RAM_BASE:address - RAM_BASE + len(data)] = data

    def program(self, address: int, data: bytes) -> None:
        """Put bytes into flash, or into the maker's page.

        Raises:
            UsageError: not entirely inside flash.
        """
        if _inside(address, len(data), FACTORY_BASE, FACTORY_SIZE):
            self._uc.mem_write(address, data)
            return
        if not _inside(address, len(data), FLASH_BASE, FLASH_SIZE):
            raise UsageError(f"{len(data)} bytes at 0x{address:08x} are not inside flash "
                             f"(0x{FLASH_BASE:08x} to 0x{FLASH_BASE + FLASH_SIZE:08x})")
        start, used, end = address - FLASH_BASE, _used(data), address - FLASH_BASE + len(data)
        if end < self._blank_from:
            self._flash[start:end] = data
        else:
            written = max(used, self._blank_from - start, 0)
            self._flash[start:start + written] = data[:written]
            self._blank_from = start + used if used else min(start, self._blank_from)
        self._forget_code(address, len(data))
        self.on_program(address, len(data))

    def _forget_code(self, address: int, size: int) -> None:
        """The emulator notices what its own instructions overwrite, but not what is written from outside."""
        if size:
            self._uc.ctl_remove_cache(address, address + size)

    def find_events(self, address: int, size: int) -> list[int]:
        """Return the even addresses in this part of flash that may hold an SEV instruction."""
        start = max(address & ~1, FLASH_BASE)
        data = self._used_flash(start, address + size)
        found, index = [], data.find(_SEV)
        while index >= 0:
            if index % 2 == 0:
                found.append(start + index)
            index = data.find(_SEV, index + 1)
        return found

    def _used_flash(self, start: int, end: int) -> bytes:
        """Return what is in flash from ``start`` on up to ``end``, or up to where it is blank."""
        return self._flash[start - FLASH_BASE:min(end - FLASH_BASE, self._blank_from)]

    def limits_written(self, address: int, size: int) -> int:
        """Return which stack limits code in this part of flash may write: bit 0 for MSPLIM, bit 1 for PSPLIM."""
        start = max(address - 4, FLASH_BASE)
        data = self._used_flash(start, address + size + 4)
        found = 0
        for match in _MSR_LIMIT.finditer(data):
            found |= 1 << data[match.start() + 2] - 0x0A
        return found

    def _on_ppb_read(self, uc: Uc, offset: int, size: int, user: Any) -> int:
        return self._ppb_read(PPB_BASE + offset, size)

    def _on_ppb_write(self, uc: Uc, offset: int, size: int, value: int, user: Any) -> None:
        self._ppb_write(PPB_BASE + offset, size, value)

    def _on_invalid(self, uc: Uc, access: int, address: int, size: int, value: int, user: Any) -> bool:
        """Ask the board whether something is there. True makes the emulator look again: it finds the new mapping."""
        self.fault_address = address
        if access not in (const.UC_MEM_READ_UNMAPPED, const.UC_MEM_WRITE_UNMAPPED):
            return False
        if not _inside(address, size, PERIPHERAL_BASE, PERIPHERAL_SIZE):
            return False
        answer = 0
        try:
            if access == const.UC_MEM_READ_UNMAPPED:
                answer = self._client().bus_read(address, size)
            else:
                self._client().bus_write(address, size, value & (1 << 8 * size) - 1)
        except BusError:
            return False
        base = address & ~(_BLOCK - 1)
        try:
            uc.mmio_map(base, _BLOCK, self._on_bus_read, base, self._on_bus_write, base)
        except UcError:
            return False
        # The emulator repeats the access through the new mapping; the board must see it once.
        self._answered = (address, answer)
        return True

    def _on_bus_read(self, uc: Uc, offset: int, size: int, base: int) -> int:
        if self._answered is not None:
            (address, value), self._answered = self._answered, None
            if address == base + offset:
                return value
        try:
            return self._client().bus_read(base + offset, size)
        except BusError as error:
            self._refused(error)
            return 0

    def _on_bus_write(self, uc: Uc, offset: int, size: int, value: int, base: int) -> None:
        if self._answered is not None:
            (address, _), self._answered = self._answered, None
            if address == base + offset:
                return
        try:
            self._client().bus_write(base + offset, size, value & (1 << 8 * size) - 1)
        except BusError as error:
            self._refused(error)


def _inside(address: int, size: int, base: int, length: int) -> bool:
    return base <= address and address + size <= base + length


def _used(data: bytes) -> int:
    """Return how many bytes come before the blank rest of ``data``."""
    end = len(data)
    while end >= _PAGE and data[end - _PAGE:end] == _BLANK:
        end -= _PAGE
    return len(data[:end].rstrip(b"\xff")) if end < _PAGE else end


def _allocate(size: int, *, blank: bool = False) -> tuple[mmap.mmap, int]:
    """Return memory that belongs to this process alone, and its address.

    Args:
        blank: whether it is to hold 0xFF bytes rather than zeros; where the system can, all such memories of a
            process share them until they are written.
    """
    if blank and hasattr(os, "memfd_create"):
        memory = mmap.mmap(_blank_file(size), size, flags=mmap.MAP_PRIVATE)
    elif hasattr(mmap, "MAP_PRIVATE"):
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    else:
        memory = mmap.mmap(-1, size)
    if blank and not hasattr(os, "memfd_create"):
        memory[:] = b"\xff" * size
    return memory, ctypes.addressof(ctypes.c_char.from_buffer(memory))


@cache
def _blank_file(size: int) -> int:
    """Return a descriptor of a file without a name that holds 0xFF bytes; it stays open."""
    descriptor = os.memfd_create("blank flash", os.MFD_CLOEXEC)
    with open(descriptor, "wb", closefd=False) as stream:
        stream.write(b"\xff" * size)
    return descriptor


def _spans(address: int, size: int) -> list[tuple[int, int]]:
    spans, end = [], address + size
    while address < end:
        width = 4 if address % 4 == 0 and end - address >= 4 else 2 if address % 2 == 0 and end - address >= 2 else 1
        spans.append((address, width))
        address += width
    return spans


def _by_access(address: int, size: int, read: Callable[[int, int], int]) -> bytes:
    return b"".join(read(at, width).to_bytes(width, "little") for at, width in _spans(address, size))


def _accesses(address: int, data: bytes) -> list[tuple[int, int, int]]:
    return [(at, width, int.from_bytes(data[at - address:at - address + width], "little"))
            for at, width in _spans(address, len(data))]
