"""The flash controller as a debugger uses it: unlock, erase pages, program quad-words (RM0456, embedded flash memory).

Only the non-secure half is here, and only the bank that the application owns: the other one is the kernel's, so what
a debugger tries there ends in WRPERR. Flash is programmed 16 bytes at a time, by four word writes to rising addresses
from an aligned one on; a quad-word must be erased before, unless it is programmed to zeros. Operations take no time,
so BSY never reads one. The application does not get here: for it, these registers stay locked.
"""

from __future__ import annotations

from typing import Protocol

from harness.virtual.board.core.interface import FLASH_BASE, FLASH_SIZE, BusError

REGISTERS = 0x4002_2000
NSKEYR, NSSR, NSCR = REGISTERS + 0x08, REGISTERS + 0x20, REGISTERS + 0x28
BANK_SIZE, PAGE_SIZE, QUAD_WORD = 0x10_0000, 0x2000, 16

PG, PER, MER1, BKER, MER2, STRT, LOCK = 1, 1 << 1, 1 << 2, 1 << 11, 1 << 15, 1 << 16, 1 << 31
_PNB_SHIFT, _PNB_MASK = 3, 0x7F
EOP, PROGERR, WRPERR, PGAERR, SIZERR, PGSERR, WDW = 1, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 17
_ERRORS = PROGERR | WRPERR | PGAERR | SIZERR | PGSERR | 1 << 1
_KEYS = (0x4567_0123, 0xCDEF_89AB)
_WRITABLE = PG | PER | MER1 | _PNB_MASK << _PNB_SHIFT | BKER | 1 << 14 | MER2 | 0x0B00_0000


class FlashAccess(Protocol):
    """The flash that belongs to the application."""

    def erase_flash_page(self, index: int) -> None:
        """Set a page of 8 KiB to ones."""

    def program_flash(self, address: int, data: bytes) -> None:
        """Program erased flash."""

    def read_flash(self, address: int, size: int) -> bytes:
        """Return what is in flash."""


class FlashController:
    """Registers and programming of the application's flash bank."""

    def __init__(self, flash: FlashAccess) -> None:
        self._flash = flash
        self.reset()

    def __repr__(self) -> str:
        return f"FlashController(cr=0x{self._cr:08x}, sr=0x{self._sr:x})"

    def reset(self) -> None:
        """Lock it, as a system reset does."""
        self._cr, self._sr = LOCK, 0
        self._keys = 0
        self._jammed = False  # after a wrong key, until the next reset
        self._words: list[bytes] = []
        self._next = 0

    def read(self, address: int) -> int | None:
        """Return one of its registers, None if this is none of them."""
        return {NSKEYR: 0, NSSR: self._sr | (WDW if self._words else 0), NSCR: self._cr}.get(address)

    def write(self, address: int, value: int) -> bool:
        """Write a register; return whether this is one of them."""
        match address:
            case 0x4002_2008:
                self._unlock(value)
            case 0x4002_2020:
                self._sr &= ~value
            case 0x4002_2028:
                self._control(value)
            case _:
                return False
        return True

    def owns(self, address: int) -> bool:
        """Return whether this is an address in flash."""
        return FLASH_BASE <= address < FLASH_BASE + 2 * BANK_SIZE

    def store(self, address: int, data: bytes) -> None:
        """Write to flash as the bus does: words only, four of them for each quad-word.

        Raises:
            BusError: the controller is locked.
        """
        if self._cr & LOCK:
            raise BusError(address, write=True)
        if len(data) % 4 or address % 4:
            self._sr |= SIZERR
            return
        for offset in range(0, len(data), 4):
            self._word(address + offset, data[offset:offset + 4])

    # -- inside -------------------------------------------------------------------------------------------------------

    def _unlock(self, key: int) -> None:
        if self._jammed or not self._cr & LOCK:
            return
        if key != _KEYS[self._keys]:
            self._jammed = True
            return
        self._keys += 1
        if self._keys == len(_KEYS):
            self._keys = 0
            self._cr &= ~LOCK

    def _control(self, value: int) -> None:
        if self._cr & LOCK:
            return
        if value & LOCK:
            self._cr |= LOCK
            self._words.clear()
            return
        self._cr = value & _WRITABLE
        if value & STRT:
            self._erase()

    def _erase(self) -> None:
        if self._sr & _ERRORS or self._cr & PG:
            self._sr |= PGSERR
        elif self._cr & MER2 or (self._cr & PER and self._cr & BKER):
            self._sr |= WRPERR
        else:
            pages = []
            if self._cr & MER1:
                pages = list(range(FLASH_SIZE // PAGE_SIZE))
            elif self._cr & PER:
                pages = [self._cr >> _PNB_SHIFT & _PNB_MASK]
            for page in pages:
                self._flash.erase_flash_page(page)
            self._sr |= EOP if pages else PGSERR

    def _word(self, address: int, data: bytes) -> None:
        if self._sr & _ERRORS or not self._cr & PG or self._cr & (PER | MER1 | MER2):
            self._sr |= PGSERR
        elif address >= FLASH_BASE + FLASH_SIZE:
            self._sr |= WRPERR
        elif address % QUAD_WORD if not self._words else address != self._next:
            self._sr |= PGAERR
            self._words.clear()
        else:
            self._words.append(data)
            self._next = address + 4
            if len(self._words) == QUAD_WORD // 4:
                self._program(address + 4 - QUAD_WORD, b"".join(self._words))
                self._words.clear()

    def _program(self, address: int, data: bytes) -> None:
        if any(data) and self._flash.read_flash(address, QUAD_WORD) != b"\xff" * QUAD_WORD:
            self._sr |= PROGERR
        else:
            self._flash.program_flash(address, data)
            self._sr |= EOP
