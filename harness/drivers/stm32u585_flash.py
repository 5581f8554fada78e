"""Programming the flash of an STM32U585 through pyOCD, real and virtual boards alike.

The debugger itself works the flash controller, by memory accesses: no code is loaded into the target, so the RAM of the
application stays as it is and nothing depends on what the core does. Page size, keys and the order of writes: RM0456,
embedded flash memory. The first bank belongs to the application of a Microvisor board, the second one to the kernel.
"""

from __future__ import annotations

import time
from typing import Any

from pyocd.core.exceptions import FlashEraseFailure, FlashFailure, FlashProgramFailure
from pyocd.flash.flash import Flash

PAGE_SIZE, QUAD_WORD = 0x2000, 16

_REGISTERS = 0x4002_2000
_NSKEYR, _NSSR, _NSCR = _REGISTERS + 0x08, _REGISTERS + 0x20, _REGISTERS + 0x28
_KEYS = (0x4567_0123, 0xCDEF_89AB)
_PG, _PER, _MER1, _STRT, _LOCK = 1, 1 << 1, 1 << 2, 1 << 16, 1 << 31
_PNB_SHIFT = 3
_BUSY = 1 << 16 | 1 << 17
_ERRORS = {1: "operation error", 3: "not erased before", 4: "write-protected", 5: "not aligned", 6: "wrong size",
           7: "wrong sequence"}
_ALL_ERRORS = sum(1 << bit for bit in _ERRORS)
_MAX_POLLS = 10_000
"""Of the status register; an erase of the whole bank takes some 200 of them on silicon."""


class Stm32u585Flash(Flash):  # type: ignore[misc]  # pyOCD is not typed
    """The first flash bank. pyOCD makes it for the flash region of the target."""

    def __init__(self, target: Any) -> None:
        super().__init__(target, None)
        self._active_operation: Any = None
        self.is_valid = True
        self.min_program_length = QUAD_WORD
        self.page_buffers = [0]

    @property
    def is_erase_all_supported(self) -> bool:
        return True

    def init(self, operation: Any, address: int | None = None, clock: int = 0, reset: bool = False) -> None:
        """Halt the core and unlock the controller."""
        if self._active_operation is None:
            if reset:
                self.target.reset_and_halt()
            else:
                self.target.halt()
            self.target.session.context_state.current_flash_algo = self
            self._unlock()
        self._active_operation = operation

    def uninit(self) -> None:
        """Lock the controller."""
        if self._active_operation is not None:
            self.target.write32(_NSCR, _LOCK)
            self._active_operation = None

    def erase_all(self) -> None:
        self._run(_MER1, FlashEraseFailure, "erase of the bank", None)

    def erase_sector(self, address: int) -> None:
        page = (address - self.region.start) // PAGE_SIZE
        self._run(_PER | page << _PNB_SHIFT, FlashEraseFailure, "erase of a page", address)

    def program_page(self, address: int, data: bytes) -> None:
        padded = bytes(data) + b"\xff" * (-len(data) % QUAD_WORD)
        words = [int.from_bytes(padded[at:at + 4], "little") for at in range(0, len(padded), 4)]
        self.target.write32(_NSCR, _PG)
        self.target.write_memory_block32(address, words)
        self._finish(FlashProgramFailure, "programming", address)
        self.target.write32(_NSCR, 0)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _unlock(self) -> None:
        if self.target.read32(_NSCR) & _LOCK:
            for key in _KEYS:
                self.target.write32(_NSKEYR, key)
        if self.target.read32(_NSCR) & _LOCK:
            raise FlashFailure("the flash controller does not unlock: reset the board")
        self.target.write32(_NSSR, _ALL_ERRORS | 1)

    def _run(self, command: int, failure: type[FlashFailure], what: str, address: int | None) -> None:
        self.target.write32(_NSCR, command)
        self.target.write32(_NSCR, command | _STRT)
        self._finish(failure, what, address)
        self.target.write32(_NSCR, 0)

    def _finish(self, failure: type[FlashFailure], what: str, address: int | None) -> None:
        for poll in range(_MAX_POLLS):
            status = self.target.read32(_NSSR)
            if not status & _BUSY:
                break
            time.sleep(0.001 if poll > 10 else 0)  # noqa: TID251 - the machine's time: it is a chip that is waited for
        else:
            raise failure(f"{what}: the flash stays busy", address=address)
        self.target.write32(_NSSR, _ALL_ERRORS | 1)
        if status & _ALL_ERRORS:
            told = ", ".join(text for bit, text in _ERRORS.items() if status >> bit & 1)
            self.target.write32(_NSCR, 0)
            raise failure(f"{what}: {told}", address=address, result_code=status)
