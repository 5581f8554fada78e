"""The near end of a board's serial interface, in memory."""

from __future__ import annotations

from harness.clock import Clock, Duration
from harness.errors import UsageError
from harness.virtual.board.board import Board

MAX_BYTES = 1 << 20
"""How much is kept of what the application sent; the oldest goes first."""


class Console:
    """What an application sends on one serial interface, and a keyboard.

    It listens from the moment it was first asked for. Each ``expect`` with the same text goes on where the last one
    found its match; calls with different ones take nothing from each other.

    Example::

        console = board.uart("USART2")
        console.expect("ready", within="1s")
        console.send_line("hello")
        console.expect("echo 1: hello", within="1s")
    """

    def __init__(self, board: Board, name: str, clock: Clock) -> None:
        self.name = name
        self._board = board
        self._uart = board.uart(name)
        self._clock = clock
        self._heard = bytearray()
        self._dropped = 0
        self._cursors: dict[bytes, int] = {}
        self._stop = self._uart.listen(self._hear)

    def __repr__(self) -> str:
        return f"Console({self.name!r} of {self._board.name!r}, {self.mark()} bytes heard)"

    @property
    def data(self) -> bytes:
        """What was heard so far."""
        return bytes(self._heard)

    @property
    def text(self) -> str:
        """What was heard so far, as text."""
        return self._heard.decode("utf-8", "replace")

    @property
    def lines(self) -> list[str]:
        """Lines that have ended, without their ends."""
        return self.text.replace("\r\n", "\n").split("\n")[:-1]

    @property
    def baud(self) -> float:
        """Bits a second, as the application has set it; 0 before it has."""
        return self._uart.baud

    def mark(self) -> int:
        """Return a cursor: how many bytes were heard so far."""
        return self._dropped + len(self._heard)

    def expect(self, text: str | bytes, *, within: Duration = "10s", since: int | None = None) -> str:
        """Let time pass until ``text`` was heard, and return it with what came before it since the last match.

        Args:
            since: a cursor of :meth:`mark` to look from instead.

        Raises:
            TimeoutExpired: it did not come in time; tells what was heard last.
        """
        wanted = text.encode() if isinstance(text, str) else text
        start = self._cursors.get(wanted, 0) if since is None else since

        def found() -> str | None:
            at = max(0, start - self._dropped)
            place = self._heard.find(wanted, at)
            if place < 0:
                return None
            self._cursors[wanted] = self._dropped + place + len(wanted)
            return self._heard[at:place + len(wanted)].decode("utf-8", "replace")

        return self._clock.wait(found, within=within, what=f"{wanted!r} on {self.name} of {self._board.name}",
                                saw=lambda: repr(bytes(self._heard[-200:])) if self._heard else "nothing")

    def send(self, data: str | bytes) -> None:
        """Let these bytes arrive at the application, at the pace of its baud rate.

        Raises:
            UsageError: too much waits to arrive already.
        """
        data = data.encode() if isinstance(data, str) else data
        with self._board.world.turn():
            taken = self._uart.send(data)
        if taken < len(data):
            raise UsageError(f"{self.name} of {self._board.name}: the application does not read; "
                             f"{len(data) - taken} of {len(data)} bytes have no room")

    def send_line(self, line: str) -> None:
        """Send a line with ``\\r\\n``; raises UsageError as :meth:`send` does."""
        self.send(line + "\r\n")

    def close(self) -> None:
        """Listen no more. May be called twice."""
        self._stop()

    def _hear(self, byte: int) -> None:
        self._heard.append(byte)
        if len(self._heard) > MAX_BYTES:
            surplus = len(self._heard) // 2
            del self._heard[:surplus]
            self._dropped += surplus
