"""Octets of a modem to lines, prompts and binary blocks. Pure: no port, no clock.

A line ends at CR or LF, whichever comes, and empty lines mean nothing: that takes every mixture of V0 and V1 framing,
echoes and surplus blank lines that modules send (ITU-T V.250 clause 5.7.1). What follows a header such as ``+QIRD: 5``
is a block of octets that may look like anything: whoever reads the header asks for it with :meth:`Reader.take_block`
before the next item is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

MAX_LINE = 8_192
"""Octets of a line that are kept; the rest up to its end is thrown away."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line without its ending; octets as ISO 8859-1, so nothing is lost."""

    text: str


@dataclass(frozen=True, slots=True)
class DataPrompt:
    """The modem waits for data."""


@dataclass(frozen=True, slots=True)
class Block:
    """The octets that were asked for."""

    data: bytes


Item: TypeAlias = TextLine | DataPrompt | Block | Literal["need data"]


class Reader:
    """Give it octets with :meth:`feed`, draw items with :meth:`next_item` until that says ``need data``.

    Attributes:
        prompt: what a prompt begins with, while one may come; empty while none may.
    """

    def __init__(self) -> None:
        self.prompt = ""
        self._buffer = bytearray()
        self._block = 0
        self._after_cr = False
        self._skipping = False

    def __repr__(self) -> str:
        return f"Reader({len(self._buffer)} octets unread)"

    @property
    def unfinished(self) -> str:
        """What has arrived of a line that is not complete yet, for messages."""
        return self._buffer[:80].decode("latin-1")

    def feed(self, data: bytes) -> None:
        """Add octets."""
        self._buffer += data

    def take_block(self, length: int) -> None:
        """Return the next ``length`` octets as one :class:`Block`, whatever they are."""
        self._block = length

    def clear(self) -> None:
        """Forget everything that was fed and asked for."""
        self._buffer.clear()
        self._block = 0
        self._after_cr = self._skipping = False

    def next_item(self) -> Item:
        """Return the next complete item, or ``need data``."""
        buffer = self._buffer
        if self._block:
            if self._after_cr and buffer[:1] == b"\n":  # the second half of the header's line ending
                del buffer[:1]
            if buffer:
                self._after_cr = False
            if len(buffer) < self._block:
                return "need data"
            data = bytes(buffer[:self._block])
            del buffer[:self._block]
            self._block = 0
            return Block(data)
        while buffer:
            if buffer[0] in b"\r\n":
                self._after_cr = buffer[0] == 13
                self._skipping = False
                del buffer[:1]
                continue
            if self.prompt and not self._skipping and buffer.startswith(self.prompt.encode("latin-1")):
                del buffer[:len(self.prompt)]
                if buffer[:1] == b" ":
                    del buffer[:1]
                return DataPrompt()
            end = min((at for at in (buffer.find(b"\r"), buffer.find(b"\n")) if at >= 0), default=-1)
            if self._skipping:
                del buffer[:end if end >= 0 else len(buffer)]
                continue
            if end < 0 and len(buffer) <= MAX_LINE:
                return "need data"
            text = bytes(buffer[:min(end, MAX_LINE) if end >= 0 else MAX_LINE]).decode("latin-1")
            if end < 0 or end > MAX_LINE:
                self._skipping = True
                del buffer[:MAX_LINE]
            else:
                self._after_cr = buffer[end] == 13
                del buffer[:end + 1]
            return TextLine(text)
        return "need data"
