"""Variables of the application by name, read and written over SWD while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.clock import Duration
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.drivers.board.board import Board
    from harness.formats.elf import Symbol

_WORD = 4
_NUMBERS = (1, 2, 4, 8)


class SymbolRef:
    """A name of the application image on a connected board.

        beats = board.symbol("beat_count")
        beats.wait(lambda count: count >= 3, within="5s")
    """

    def __init__(self, board: Board, symbol: Symbol) -> None:
        self._board = board
        self._symbol = symbol

    def __repr__(self) -> str:
        return f"SymbolRef({self.name!r}, address=0x{self.address:08x}, size={self.size})"

    @property
    def name(self) -> str:
        """The name in the image."""
        return self._symbol.name

    @property
    def address(self) -> int:
        """Where it is; for functions without the Thumb bit."""
        return self._symbol.address

    @property
    def size(self) -> int:
        """Bytes; a word where the compiler did not say."""
        return self._symbol.size or _WORD

    def read(self, *, signed: bool = False) -> int:
        """Return the value of a variable of 1, 2, 4 or 8 bytes.

        Raises:
            UsageError: it has another size: use :meth:`read_bytes`.
            BoardError: the board does not answer there.
        """
        self._check_is_number()
        return int.from_bytes(self.read_bytes(), "little", signed=signed)

    def read_bytes(self) -> bytes:
        """Return its bytes as they are in memory; raises BoardError."""
        return self._board.read_memory(self.address, self.size)

    def write(self, value: int) -> None:
        """Set a variable of 1, 2, 4 or 8 bytes.

        Raises:
            UsageError: the value does not fit.
            BoardError: the board does not answer there.
        """
        self._check_is_number()
        try:
            data = value.to_bytes(self.size, "little", signed=value < 0)
        except OverflowError:
            raise UsageError(f"{value} does not fit {self.name}, which has {self.size} bytes") from None
        self._board.write_memory(self.address, data)

    def wait(self, predicate: Callable[[int], object], *, within: Duration, signed: bool = False) -> int:
        """Let time pass until ``predicate`` holds for the value, and return the value.

        Raises:
            TimeoutExpired: it did not within this time; tells the last value.
        """
        last = [0]

        def check() -> bool:
            last[0] = self.read(signed=signed)
            return bool(predicate(last[0]))

        self._board.wait(check, within=within, what=f"{self.name} on {self._board.name}",
                               saw=lambda: f"{self.name} = {last[0]}")
        return last[0]

    def _check_is_number(self) -> None:
        if self.size not in _NUMBERS:
            raise UsageError(f"{self.name} has {self.size} bytes, which is no number: use read_bytes()")
