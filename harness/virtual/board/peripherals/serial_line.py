"""The outside of a serial interface: who listens to what the application sends, and what waits to arrive."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from harness.virtual.board.peripherals.base import PeripheralHost, Timer

MAX_LINE = 1024
"""Bytes after which a line is told although it has not ended."""

MAX_INPUT = 65536
_FLUSH_SECONDS_INVERSE = 10  # an unfinished line is told after 1/10 s of silence


class SerialLine:
    """Two wires: what was sent goes to the journal in lines and to listeners byte by byte; input is a queue.

    Args:
        name: of the interface.
    """

    def __init__(self, host: PeripheralHost, name: str) -> None:
        self._host = host
        self._name = name
        self.input: deque[tuple[int, int]] = deque()
        """Characters that will arrive, each with the error flags it will arrive with."""
        self._line = bytearray()
        self._flush: Timer | None = None
        self._listeners: list[Callable[[int], None]] = []

    def __repr__(self) -> str:
        return f"SerialLine({self._name!r}, {len(self.input)} characters to arrive)"

    def listen(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """Call ``listener`` with every byte the application sends; return what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def queue(self, data: bytes, flags: int) -> int:
        """Let characters arrive, if there is room; return how many were taken."""
        taken = data[:MAX_INPUT - len(self.input)]
        self.input.extend((byte, flags) for byte in taken)
        return len(taken)

    def sent(self, byte: int) -> None:
        """Take a character from the application."""
        self._line.append(byte)
        if byte == 0x0A or len(self._line) >= MAX_LINE:
            self.flush()
        else:
            if self._flush is not None:
                self._flush.cancel()
            self._flush = self._host.schedule(self._host.cycles + self._host.hclk_hz // _FLUSH_SECONDS_INVERSE,
                                              self.flush)
        for listener in tuple(self._listeners):
            listener(byte)
        if self._listeners:
            self._host.posted()

    def flush(self) -> None:
        """Tell what was sent of an unfinished line."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if self._line:
            text = bytes(self._line).decode("utf-8", "replace").rstrip("\r\n")
            self._line.clear()
            self._host.record_fact("uart_line", uart=self._name, text=text)
