"""Frames and control messages of the serial multiplexer, basic option (3GPP TS 27.010 clauses 5.2 to 5.4).

    F9 | address | control | length (1 or 2 octets) | information | FCS | F9

The reader is tolerant: it looks for the next flag after anything that is no frame, counts what it dropped, and never
holds more than one frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from harness.errors import FormatError

FLAG: Final = 0xF9
MAX_INFORMATION: Final = 2_048
"""Longest information field that the reader takes, in octets; N1 itself is negotiated and usually far smaller."""
MAX_DLCI: Final = 61
"""The address fields of 62 and 63 would be flags (clause 5.6)."""


class FrameType(IntEnum):
    """Control field without the poll/final bit (clause 5.2.1.3)."""

    SABM = 0x2F
    UA = 0x63
    DM = 0x0F
    DISC = 0x43
    UIH = 0xEF
    UI = 0x03


_TYPES: Final = frozenset(FrameType)
_POLL_FINAL = 0x10
_COMMAND_RESPONSE = 0x02
_EXTENSION = 0x01


class MessageType(IntEnum):
    """Type field of a control message, with EA set and C/R clear (clause 5.4.6.3)."""

    PN = 0x81
    PSC = 0x41
    CLD = 0xC1
    TEST = 0x21
    FCON = 0xA1
    FCOFF = 0x61
    MSC = 0xE1
    NSC = 0x11
    RPN = 0x91
    RLS = 0x51
    SNC = 0xD1


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame.

    Attributes:
        command: the C/R bit as sent: set in commands of the initiator and responses of the responder.
        poll: the P/F bit.
    """

    dlci: int
    type: FrameType
    information: bytes = b""
    command: bool = True
    poll: bool = False

    def encode(self) -> bytes:
        """Return the frame between its flags.

        Raises:
            FormatError: DLCI or length is out of range.
        """
        if not 0 <= self.dlci <= MAX_DLCI or len(self.information) > MAX_INFORMATION:
            raise FormatError(f"no multiplexer frame for DLCI {self.dlci} with {len(self.information)} octets")
        header = bytes((self.dlci << 2 | (_COMMAND_RESPONSE if self.command else 0) | _EXTENSION,
                        self.type | (_POLL_FINAL if self.poll else 0))) + _encode_length(len(self.information))
        checked = header if self.type is FrameType.UIH else header + self.information
        return bytes((FLAG,)) + header + self.information + bytes((fcs(checked), FLAG))


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A control message on DLCI 0; ``command`` is its C/R bit, clear in answers."""

    type: int
    values: bytes = b""
    command: bool = True

    def encode(self) -> bytes:
        """Return the message as it stands in the information field of a UIH frame on DLCI 0."""
        kind = self.type | (_COMMAND_RESPONSE if self.command else 0)
        return bytes((kind,)) + _encode_length(len(self.values)) + self.values


def decode_messages(information: bytes) -> list[Message]:
    """Return the control messages in an information field; what is cut off at the end is left out."""
    messages = []
    position = 0
    while position < len(information):
        kind = information[position]
        length, start = _decode_length(information, position + 1)
        if length is None or start + length > len(information):
            break
        messages.append(Message(type=kind & ~_COMMAND_RESPONSE, values=information[start:start + length],
                                command=bool(kind & _COMMAND_RESPONSE)))
        position = start + length
    return messages


class FrameReader:
    """Frames out of octets as they come.

        >>> reader = FrameReader()
        >>> reader.feed(Frame(dlci=1, type=FrameType.SABM, poll=True).encode())
        [Frame(dlci=1, type=<FrameType.SABM: 47>, information=b'', command=True, poll=True)]

    Attributes:
        dropped: octets that belonged to no frame.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._buffer = bytearray()

    def __repr__(self) -> str:
        return f"FrameReader({len(self._buffer)} octets wait, {self.dropped} dropped)"

    def resync(self) -> list[Frame]:
        """Wait no longer for the rest of a frame; return those that stand complete behind its beginning.

        A length that was damaged on the line may tell of a frame that swallows all that follow.
        """
        self._drop(min(1, len(self._buffer)))
        return self.feed(b"")

    def feed(self, data: bytes) -> list[Frame]:
        """Take octets; return the frames that are complete now."""
        self._buffer += data
        frames = []
        while (found := self._next()) is not None:
            frames.append(found)
        return frames

    def _next(self) -> Frame | None:
        buffer = self._buffer
        while True:
            start = buffer.find(FLAG)
            if start < 0:
                self._drop(len(buffer))
                return None
            self._drop(start)
            while len(buffer) > 1 and buffer[1] == FLAG:  # flags may be repeated, and one may end and begin frames
                del buffer[0]
            if len(buffer) > 2 and not (buffer[1] & _EXTENSION and buffer[2] & ~_POLL_FINAL in _TYPES):
                self._drop(1)  # at once, so that a frame behind noise does not wait for more
                continue
            length, information = _decode_length(buffer, 3)
            if length is None:
                return None
            if length > MAX_INFORMATION:
                self._drop(1)
                continue
            end = information + length
            if len(buffer) < end + 2:
                return None
            frame = _frame(buffer, information, end)
            if frame is None:
                self._drop(1)
                continue
            del buffer[:end + 1]  # the closing flag stays: it may open the next frame
            return frame

    def _drop(self, count: int) -> None:
        self.dropped += count
        del self._buffer[:count]


def _frame(buffer: bytearray, information: int, end: int) -> Frame | None:
    kind = FrameType(buffer[2] & ~_POLL_FINAL)
    checked = buffer[1:information] if kind is FrameType.UIH else buffer[1:end]
    if buffer[end + 1] != FLAG or buffer[end] != fcs(bytes(checked)):
        return None
    return Frame(dlci=buffer[1] >> 2, type=kind, information=bytes(buffer[information:end]),
                 command=bool(buffer[1] & _COMMAND_RESPONSE), poll=bool(buffer[2] & _POLL_FINAL))


def fcs(data: bytes) -> int:
    """Return the frame check sequence (clause 5.2.1.6): CRC-8 with x^8+x^2+x+1, bits reversed, complemented."""
    value = 0xFF
    for octet in data:
        value = _CRC[value ^ octet]
    return 0xFF - value


def _table() -> bytes:
    table = bytearray()
    for octet in range(256):
        value = octet
        for _ in range(8):
            value = value >> 1 ^ (0xE0 if value & 1 else 0)
        table.append(value)
    return bytes(table)


_CRC: Final = _table()


def _encode_length(length: int) -> bytes:
    return bytes((length << 1 | _EXTENSION,)) if length < 128 else bytes((length << 1 & 0xFE, length >> 7))


def _decode_length(data: bytes | bytearray, position: int) -> tuple[int | None, int]:
    """Return length, or None if it is cut off, and where the field behind it begins."""
    if len(data) <= position:
        return None, position
    if data[position] & _EXTENSION:
        return data[position] >> 1, position + 1
    if len(data) <= position + 1:
        return None, position
    return data[position] >> 1 | data[position + 1] << 7, position + 2
