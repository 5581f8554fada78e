"""The application's memory as the kernel sees it: every pointer is checked before anything is read or written.

The kernel reads through pointers into application flash and application RAM, and writes through pointers into RAM only.
Any other pointer is refused with PARAMETERFAULT, and nothing has changed by then.
"""

from __future__ import annotations

from typing import Any, Protocol

from construct import Struct

from harness.virtual.board.core.interface import FLASH_BASE, FLASH_SIZE, RAM_BASE, RAM_SIZE
from harness.virtual.board.kernel.enums import MvStatus

MAX_STRING = 0x1_0000
"""The longest string or array that is read from the application, in bytes."""


class Refused(Exception):
    """A call is refused with this status. Raised by the kernel's own services, caught where calls are dispatched."""

    def __init__(self, status: MvStatus) -> None:
        super().__init__(status.name)
        self.status = status


class Memory(Protocol):
    """What is needed of a core: memory as a debugger's access sees it."""

    def read_memory(self, address: int, size: int) -> bytes: ...

    def write_memory(self, address: int, data: bytes) -> None: ...


def is_readable(address: int, size: int) -> bool:
    """Return whether the kernel may read these bytes for the application."""
    return is_writable(address, size) or (address >= FLASH_BASE and address + size <= FLASH_BASE + FLASH_SIZE)


def is_writable(address: int, size: int) -> bool:
    """Return whether the kernel may write these bytes for the application."""
    return address >= RAM_BASE and address + size <= RAM_BASE + RAM_SIZE


class GuestMemory:
    """Checked access to application memory.

    Every method raises :class:`Refused` with ``fault`` (PARAMETERFAULT by default, LATEFAULT for pointers inside
    structures that are found bad after work began) where bytes lie outside application memory.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def __repr__(self) -> str:
        return "GuestMemory()"

    def check_read(self, address: int, size: int, fault: MvStatus = MvStatus.PARAMETERFAULT) -> None:
        """Refuse a range that can't be read."""
        if not is_readable(address, size):
            raise Refused(fault)

    def check_write(self, address: int, size: int, fault: MvStatus = MvStatus.PARAMETERFAULT) -> None:
        """Refuse a range that can't be written."""
        if not is_writable(address, size):
            raise Refused(fault)

    def read(self, address: int, size: int, fault: MvStatus = MvStatus.PARAMETERFAULT) -> bytes:
        """Return bytes of the application."""
        self.check_read(address, size, fault)
        return self._memory.read_memory(address, size) if size else b""

    def write(self, address: int, data: bytes, fault: MvStatus = MvStatus.PARAMETERFAULT) -> None:
        """Write bytes into the application's RAM."""
        self.check_write(address, len(data), fault)
        if data:
            self._memory.write_memory(address, data)

    def unpack(self, layout: Struct, address: int, fault: MvStatus = MvStatus.PARAMETERFAULT) -> Any:
        """Return a structure of the application: members as attributes."""
        return layout.parse(self.read(address, layout.sizeof(), fault))

    def pack(self, layout: Struct, address: int, **members: int) -> None:
        """Write a structure into the application's RAM."""
        self.write(address, layout.build(members))

    def read_uint(self, address: int, size: int = 4) -> int:
        """Return a little-endian number of ``size`` bytes."""
        return int.from_bytes(self.read(address, size), "little")

    def write_uint(self, address: int, value: int, size: int = 4, fault: MvStatus = MvStatus.PARAMETERFAULT) -> None:
        """Write a little-endian number of exactly ``size`` bytes."""
        self.write(address, value.to_bytes(size, "little"), fault)

    def string(self, sized: Any, fault: MvStatus = MvStatus.PARAMETERFAULT) -> bytes:
        """Return what an ``MvSizedString`` points to; its pointer may be null if its length is 0."""
        if sized.length == 0:
            return b""
        if sized.length > MAX_STRING:
            raise Refused(fault)
        return self.read(sized.data, sized.length, fault)
