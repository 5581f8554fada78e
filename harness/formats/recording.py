"""Recordings of what crossed a serial port, as text that people read, cut and mend: one line for each piece of octets.

A line is the second, the direction and the octets: ``>`` went to the modem, ``<`` came from it. Octets outside of
printable ASCII are escapes as in a Python bytes literal, and so is a blank at the end, which editors would take away.
Empty lines and lines that begin with ``#`` say nothing.

>>> print(Recording.parse(r"0 > AT+CMGS=20\\r").text() + Recording.parse(r"0.02 < \\r\\n>\\x20").text(), end="")
    0.000000 > AT+CMGS=20\\r
    0.020000 < \\r\\n>\\x20
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from harness.errors import FormatError

Direction = Literal["sent", "received"]

_ARROWS: dict[str, Direction] = {">": "sent", "<": "received"}
_LINE = re.compile(r" *(?P<seconds>\d{1,9}(?:\.\d{1,9})?) (?P<arrow>[<>]) (?P<octets>.*)")
_SHORT = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r", 0x5C: "\\\\"}
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|([tnr\\]))")
_LETTERS = {"t": b"\t", "n": b"\n", "r": b"\r", "\\": b"\\"}
_FINAL = re.compile(rb"(?:^|[\r\n])(?:OK|ERROR|\+CM[ES] ERROR: ?[^\r\n]*|NO CARRIER|CONNECT[^\r\n]*|SEND OK|SEND FAIL)"
                    rb"\r\n?$|(?:^|[\r\n])\d\r$|(?:^|[\r\n])(?:> ?|@)$")
_MAX_PIECES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Octets that crossed the port at one time; ``t`` is in nanoseconds since the recording began."""

    t: int
    direction: Direction
    data: bytes

    def __str__(self) -> str:
        seconds, rest = divmod(self.t, 1_000_000_000)
        arrow = ">" if self.direction == "sent" else "<"
        return f"{seconds:5}.{rest // 1_000:06} {arrow} {escape(self.data)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What was sent, and what came until something else was sent.

    Attributes:
        t: when the last of it was sent, in nanoseconds since the recording began.
        sent: all of it at once; empty for what came before anything was sent.
        answers: pieces with the nanoseconds from ``t`` to each.
    """

    t: int
    sent: bytes
    answers: tuple[tuple[int, bytes], ...]

    @property
    def response(self) -> tuple[tuple[int, bytes], ...]:
        """The answers up to the final result or prompt, without what came by itself later; all if there is none."""
        heard = b""
        for count, (_, data) in enumerate(self.answers, start=1):
            heard += data
            if _FINAL.search(heard):
                return self.answers[:count]
        return self.answers


@dataclass(frozen=True, slots=True)
class Recording:
    """Pieces in the order of their time."""

    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, pieces: Iterable[Piece]) -> Recording:
        """Return a recording of these pieces that begins with the first of them."""
        kept = tuple(pieces)
        start = kept[0].t if kept else 0
        return cls(tuple(Piece(t=piece.t - start, direction=piece.direction, data=piece.data) for piece in kept))

    @classmethod
    def parse(cls, text: str) -> Recording:
        """Return what a text says.

        Raises:
            FormatError: a line is none of a recording, or earlier than the one before; says which.
        """
        pieces: list[Piece] = []
        for number, line in enumerate(text.split("\n"), start=1):
            line = line.removesuffix("\r")
            if not line.strip() or line.startswith("#"):
                continue
            match = _LINE.fullmatch(line)
            if match is None:
                raise FormatError(f"line {number} of the recording is not 'SECONDS > OCTETS' or 'SECONDS < OCTETS': "
                                  f"{line[:60]!r}")
            whole, _, fraction = match["seconds"].partition(".")
            t = int(whole) * 1_000_000_000 + int(fraction.ljust(9, "0"))
            if pieces and t < pieces[-1].t:
                raise FormatError(f"line {number} of the recording is earlier than the one before it")
            if len(pieces) >= _MAX_PIECES:
                raise FormatError(f"a recording has at most {_MAX_PIECES} pieces")
            pieces.append(Piece(t=t, direction=_ARROWS[match["arrow"]], data=_unescape(match["octets"], number)))
        return cls(tuple(pieces))

    def text(self) -> str:
        """Return it as text, a line for each piece; moments are cut to microseconds."""
        return "".join(f"{piece}\n" for piece in self.pieces)

    def exchanges(self) -> tuple[Exchange, ...]:
        """Return what was answered to what; the first is what came before anything was sent, perhaps nothing."""
        found: list[Exchange] = []
        sent, answers, since = b"", [], 0
        for piece in self.pieces:
            if not piece.data:
                continue
            if piece.direction == "received":
                answers.append((piece.t - since, piece.data))
                continue
            if answers or not found:
                found.append(Exchange(t=since, sent=sent, answers=tuple(answers)))
                sent, answers = b"", []
            sent, since = sent + piece.data, piece.t
        return (*found, Exchange(t=since, sent=sent, answers=tuple(answers)))


def escape(data: bytes) -> str:
    """Return octets as printable ASCII.

    >>> escape(b"\\r\\nOK\\x1a")
    '\\\\r\\\\nOK\\\\x1a'
    """
    text = "".join(_SHORT.get(octet) or (chr(octet) if 0x20 <= octet < 0x7F else f"\\x{octet:02x}") for octet in data)
    return text[:-1] + "\\x20" if text.endswith(" ") else text


def _unescape(text: str, number: int) -> bytes:
    data = bytearray()
    position = 0
    while position < len(text):
        if text[position] != "\\":
            if not " " <= text[position] <= "~":
                raise FormatError(f"line {number} of the recording has {text[position]!r}, which must be an escape")
            data.append(ord(text[position]))
            position += 1
            continue
        match = _ESCAPE.match(text, position)
        if match is None:
            raise FormatError(f"line {number} of the recording has no escape at {text[position:position + 4]!r}: "
                              r"they are \t, \n, \r, \\ and \x00 to \xff")
        data += bytes.fromhex(match[1]) if match[1] else _LETTERS[match[2]]
        position = match.end()
    return bytes(data)
