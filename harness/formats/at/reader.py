"""The modem's ear: bytes from the port in, command lines and data out (ITU-T V.250 clause 5.2).

Theory of operation. :meth:`LineReader.receive` only stores. :meth:`LineReader.next_event` reads as far as the next
event and not one byte further, so the modem may execute a line, change S3 or switch to a data mode before what
follows is looked at: a client that writes a command, its text and Ctrl-Z at once is served right. What has been read is
handed out by :meth:`LineReader.take_consumed`, in order, for the echo, but for line feeds between lines; whether and
how to echo is the modem's business.

Feeding byte by byte or in bulk gives the same events. Memory is bounded: an overlong line becomes one
:class:`Overflow` at its end, and a queue that is full loses bytes as a UART without flow control does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Literal, TypeAlias

from harness.errors import UsageError

__all__ = [
    "NEED_DATA",
    "Cancelled",
    "Event",
    "Line",
    "LineReader",
    "NeedData",
    "Overflow",
    "Payload",
    "Repeat",
    "Text",
]


class NeedData(Enum):
    """The type of :data:`NEED_DATA`."""

    NEED_DATA = auto()


NEED_DATA: Final = NeedData.NEED_DATA
"""There is no event until more bytes arrive."""


@dataclass(frozen=True, slots=True)
class Line:
    """A command line from ``AT`` to before S3, edited and without control characters; one character a byte."""

    text: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """``A/`` was typed: execute the last line again, at once; ``text`` is that line, ``AT`` if there was none."""

    text: str


@dataclass(frozen=True, slots=True)
class Overflow:
    """A line or a text was longer than allowed; all of it is gone."""

    limit: int


@dataclass(frozen=True, slots=True)
class Text:
    """What was typed at the prompt, up to Ctrl-Z, without it."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The prompt was left with ESC."""


@dataclass(frozen=True, slots=True)
class Payload:
    """Octets in a data mode: as many as asked for, or all there were in a stream."""

    data: bytes


Event: TypeAlias = Line | Repeat | Overflow | Text | Cancelled | Payload
"""What the modem gets to know."""

_CTRL_Z, _ESC, _LF, _CR, _BS = 0x1A, 0x1B, 0x0A, 0x0D, 0x08
_PREFIX = re.compile(rb"[Aa][Tt/]")


class _Mode(Enum):
    IDLE = auto()
    BODY = auto()
    TOO_LONG = auto()
    PROMPT = auto()
    PROMPT_TOO_LONG = auto()
    BYTES = auto()
    STREAM = auto()


class LineReader:
    """Turns received bytes into events.

    >>> reader = LineReader()
    >>> reader.receive(b"noise AT+CMGF=1\\r\\nATI\\r")
    0
    >>> reader.next_event(), reader.next_event(), reader.next_event()
    (Line(text='AT+CMGF=1'), Line(text='ATI'), <NeedData.NEED_DATA: 1>)
    """

    def __init__(self, *, max_line: int = 2048, max_pending: int = 1 << 20) -> None:
        """Allow lines of ``max_line`` characters, ``AT`` included, and ``max_pending`` bytes waiting to be read."""
        if max_line < 2 or max_pending < 1:
            raise UsageError("a line reader needs room for AT and for at least one waiting byte")
        self._max_line = max_line
        self._max_pending = max_pending
        self._pending = bytearray()
        self._consumed = bytearray()
        self._mode = _Mode.IDLE
        self._line = bytearray()
        self._limit = 0
        self._first = False
        self._last = "AT"
        self._s3 = _CR
        self._s5 = _BS
        self._ignored = b""
        self._special: re.Pattern[bytes] = _PREFIX
        self._set_edits()

    def __repr__(self) -> str:
        return f"LineReader(mode={self._mode.name}, pending={len(self._pending)}, partial={len(self._line)})"

    @property
    def s3(self) -> int:
        """Code of the character that ends a line (V.250 clause 6.2.1), 0 to 127."""
        return self._s3

    @s3.setter
    def s3(self, code: int) -> None:
        self._s3 = _seven_bits("S3", code)
        self._set_edits()

    @property
    def s5(self) -> int:
        """Code of the character that takes the last one back (V.250 clause 6.2.3), 0 to 127."""
        return self._s5

    @s5.setter
    def s5(self, code: int) -> None:
        self._s5 = _seven_bits("S5", code)
        self._set_edits()

    def _set_edits(self) -> None:
        # V.250 clause 5.2.2: control characters other than S3 and S5 are ignored in a command line.
        self._ignored = bytes(code for code in range(32) if code not in (self._s3, self._s5))

    @property
    def pending_bytes(self) -> int:
        """How many bytes wait to be read."""
        return len(self._pending)

    @property
    def last_line(self) -> str:
        """The line that ``A/`` would repeat."""
        return self._last

    def receive(self, data: bytes) -> int:
        """Take bytes from the port; return how many were lost because the queue is full."""
        room = max(0, self._max_pending - len(self._pending))
        self._pending += data[:room]
        return max(0, len(data) - room)

    def take_consumed(self) -> bytes:
        """Return the bytes read by :meth:`next_event` since the last call, for the echo."""
        consumed = bytes(self._consumed)
        self._consumed.clear()
        return consumed

    def discard_pending(self) -> bytes:
        """Return the bytes that wait and forget them: a character that aborts a command is not executed."""
        discarded = bytes(self._pending)
        self._pending.clear()
        return discarded

    def end_line(self) -> None:
        """Drop a line feed that waits: the second half of the last line's end, from a client that ends it in CR LF.

        Between lines nobody minds one. To be called where octets follow that are taken as they are.
        """
        if self._pending[:1] == b"\n":
            del self._pending[:1]

    def end_wait(self) -> None:
        """Drop carriage returns and line feeds that came while a command was carried out: they end no line."""
        del self._pending[:len(self._pending) - len(self._pending.lstrip(b"\r\n"))]

    def expect_line(self) -> None:
        """Go back to command lines, from any mode; a partial line, text or payload is forgotten."""
        self._enter(_Mode.IDLE)

    def expect_prompt_text(self, *, limit: int = 2048) -> None:
        """Read text up to Ctrl-Z or ESC next (3GPP TS 27.005 clause 3.5.1), of at most ``limit`` bytes.

        A line feed right at the start is dropped: it belongs to the command line, from a client that ends it in CR LF.
        S5 takes back what was typed. Ends by itself.
        """
        if limit < 0:
            raise UsageError(f"a prompt text cannot have {limit} bytes at most")
        self._enter(_Mode.PROMPT)
        self._limit = limit

    def expect_bytes(self, count: int) -> None:
        """Read exactly ``count`` octets next, whatever they are. Ends by itself."""
        if count < 0:
            raise UsageError(f"a payload cannot have {count} octets")
        self._enter(_Mode.BYTES)
        self._limit = count

    def expect_stream(self) -> None:
        """Hand out octets as they come, until :meth:`expect_line`: online data state (V.250 clause 5.8)."""
        self._enter(_Mode.STREAM)

    def _enter(self, mode: _Mode) -> None:
        self._mode = mode
        self._line.clear()
        self._first = True

    def next_event(self) -> Event | Literal[NeedData.NEED_DATA]:
        """Return the next event, or :data:`NEED_DATA`."""
        while True:
            before = self._mode
            event = self._step()
            if event is not None:
                return event
            if self._mode is before:
                return NEED_DATA

    def _step(self) -> Event | None:
        """Read on in the present mode up to an event or a change of mode; None without either means more is needed."""
        if self._mode is _Mode.IDLE:
            return self._idle()
        if self._mode in (_Mode.BODY, _Mode.TOO_LONG):
            return self._body()
        if self._mode in (_Mode.PROMPT, _Mode.PROMPT_TOO_LONG):
            return self._prompt()
        if self._mode is _Mode.STREAM:
            data = self._consume(len(self._pending))
            return Payload(data) if data else None
        if len(self._pending) + len(self._line) >= self._limit:
            data = bytes(self._line) + self._consume(self._limit - len(self._line))
            self._enter(_Mode.IDLE)
            return Payload(data)
        self._line += self._consume(len(self._pending))
        return None

    def _consume(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        self._consumed += taken
        return taken

    def _pass_over(self, count: int) -> None:
        """Read what belongs to no line; its line feeds, which mostly end one in CR LF, are nothing to echo."""
        self._consumed += self._pending[:count].replace(b"\n", b"")
        del self._pending[:count]

    def _idle(self) -> Event | None:
        """Look for AT or A/; everything before is dropped. ``_line`` holds an A that may be the start of either."""
        window = bytes(self._line) + self._pending
        match = _PREFIX.search(window)
        if match is None:
            # An A at the very end may be half of a prefix: it counts as read, and is remembered.
            self._line[:] = window[-1:] if window[-1:] in (b"A", b"a") else b""
            self._pass_over(len(self._pending))
            return None
        prefix = match.end() - max(match.start(), len(self._line))
        self._pass_over(match.end() - len(self._line) - prefix)
        self._consume(prefix)
        self._line[:] = match.group()
        if match.group()[1:] == b"/":
            self._line.clear()
            return Repeat(self._last)
        self._mode = _Mode.BODY
        return None

    def _body(self) -> Event | None:
        end = self._pending.find(self._s3)
        typed = self._consume(len(self._pending) if end < 0 else end + 1)
        self._type(typed if end < 0 else typed[:-1], self._max_line, _Mode.TOO_LONG, floor=2, ignored=self._ignored)
        if end < 0:
            return None
        too_long, text = self._mode is _Mode.TOO_LONG, self._line.decode("latin-1")
        self._enter(_Mode.IDLE)
        if too_long:
            return Overflow(self._max_line)
        self._last = text
        return Line(text)

    def _prompt(self) -> Event | None:
        if self._first and self._pending:
            self._first = False
            if self._pending[0] == _LF:
                self._consume(1)
        ends = [end for end in (self._pending.find(_CTRL_Z), self._pending.find(_ESC)) if end >= 0]
        typed = self._consume(min(ends) + 1 if ends else len(self._pending))
        self._type(typed[:-1] if ends else typed, self._limit, _Mode.PROMPT_TOO_LONG, floor=0, ignored=b"")
        if not ends:
            return None
        too_long, data = self._mode is _Mode.PROMPT_TOO_LONG, bytes(self._line)
        self._enter(_Mode.IDLE)
        if typed[-1] == _ESC:
            return Cancelled()
        return Overflow(self._limit) if too_long else Text(data)

    def _type(self, typed: bytes, limit: int, too_long: _Mode, *, floor: int, ignored: bytes) -> None:
        """Add what was typed to the line; S5 takes back, down to ``floor`` characters. Overflow is for good."""
        if self._mode is too_long:
            return
        typed = typed.translate(None, ignored)
        pieces = typed.split(bytes((self._s5,)))
        for number, piece in enumerate(pieces):
            if number and len(self._line) > floor:
                del self._line[-1]
            self._line += piece
            if len(self._line) > limit:
                self._line.clear()
                self._mode = too_long
                return


def _seven_bits(name: str, code: int) -> int:
    if not 0 <= code <= 127:
        raise UsageError(f"{name} is the code of a character, 0 to 127, not {code} (ITU-T V.250 clause 6.2)")
    return code
