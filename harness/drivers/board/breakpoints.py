"""Hardware breakpoints as context managers."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from harness.clock import Duration

if TYPE_CHECKING:
    from harness.drivers.board.board import Board


class Breakpoint:
    """A place where the core shall halt, as long as the context is open.

        with board.breakpoint("on_button") as stop:
            modem.send_sms("000", "PRESS")
            stop.wait(within="5s")
            assert board.register("r0") == 1

    At the end the breakpoint is removed, and a core that it stopped, even if stepped since, runs on.
    """

    def __init__(self, board: Board, address: int, name: str) -> None:
        self._board = board
        self.address = address
        self._name = name
        self._stopped = False

    def __repr__(self) -> str:
        return f"Breakpoint({self._name}, address=0x{self.address:08x})"

    def __enter__(self) -> Self:
        self._board.set_breakpoint(self.address)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if not self._board.is_connected:
            return
        stopped = self.is_hit or (self._stopped and self._board.is_halted)
        self._board.remove_breakpoint(self.address)
        if stopped:
            self._board.resume()

    @property
    def is_hit(self) -> bool:
        """Whether the core is halted here."""
        hit = self._board.is_halted and self._board.register("pc") == self.address
        self._stopped |= hit
        return hit

    def wait(self, *, within: Duration) -> None:
        """Let time pass until the core halts here.

        Raises:
            TimeoutExpired: it did not within this time; tells where the core is.
        """
        self._board.wait(lambda: self.is_hit, within=within,
                               what=f"{self._board.name} to reach {self._name}", saw=self._board.describe)
        self._board.record("board_breakpoint_hit", where=self._name)
