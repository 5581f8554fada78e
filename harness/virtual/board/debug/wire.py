"""Operations of a probe as bytes, for the socket between a debugger's process and the board's. Pure.

A frame is a 32-bit length and that many bytes; all numbers are little-endian.

* greeting, server first: ``MVHSWD``, version 1, a status byte, UTF-8 text (the board's name, or why it refused);
* request: operations one after the other, each ``kind:8 address:32 count:32`` and ``count`` words if it writes;
* reply: a status byte, the number of words and the words read; after a fault or a refusal also UTF-8 text.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from harness.errors import FormatError
from harness.virtual.board.debug.operations import MAX_WORDS, READS, Kind, Operation

MAX_FRAME = 1 << 20
"""The most bytes a frame may announce."""
MAX_RESULTS = 200_000
"""The most words one request may ask for: its reply must fit in a frame."""

_MAGIC = b"MVHSWD\x01"
_LENGTH = struct.Struct("<I")
_OPERATION = struct.Struct("<BII")
_REPLY = struct.Struct("<BI")
_SINGLE = frozenset(Kind) - {Kind.READ_AP_BLOCK, Kind.WRITE_AP_BLOCK}


class Status(IntEnum):
    """How a request, or the attempt to connect, ended."""

    OK = 0
    FAULT = 1
    REFUSED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to a request: the words read before it ended, and why it ended early."""

    status: Status
    words: tuple[int, ...] = ()
    text: str = ""


def frame(body: bytes) -> bytes:
    """Return the body with its length before it."""
    return _LENGTH.pack(len(body)) + body


def take_frame(buffer: bytearray) -> bytes | None:
    """Take the first whole frame's body from the buffer; None if there is none yet.

    Raises:
        FormatError: the announced length is above MAX_FRAME.
    """
    if len(buffer) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(buffer)
    if length > MAX_FRAME:
        raise FormatError(f"a frame of the probe protocol has at most {MAX_FRAME} bytes, not {length}")
    end = _LENGTH.size + length
    if len(buffer) < end:
        return None
    body = bytes(buffer[_LENGTH.size:end])
    del buffer[:end]
    return body


def encode_greeting(status: Status, text: str) -> bytes:
    """Return the body of a greeting."""
    return _MAGIC + bytes([status]) + text.encode()


def decode_greeting(body: bytes) -> tuple[Status, str]:
    """Return status and text of a greeting; raises FormatError."""
    if not body.startswith(_MAGIC) or len(body) <= len(_MAGIC):
        raise FormatError("whoever listens on the socket does not speak the probe protocol, version 1")
    return _status(body[len(_MAGIC)]), _text(body[len(_MAGIC) + 1:])


def encode_request(operations: Sequence[Operation]) -> bytes:
    """Return the body of a request."""
    parts = []
    for operation in operations:
        count = operation.count if operation.kind is Kind.READ_AP_BLOCK else max(1, len(operation.values))
        parts.append(_OPERATION.pack(operation.kind, operation.address, count))
        if operation.kind not in READS:
            parts.append(struct.pack(f"<{len(operation.values)}I", *operation.values))
    return b"".join(parts)


def decode_request(body: bytes) -> list[Operation]:
    """Return the operations of a request.

    Raises:
        FormatError: not a request, or one whose answer would be too long.
    """
    operations: list[Operation] = []
    at = results = 0
    while at < len(body):
        if at + _OPERATION.size > len(body):
            raise FormatError("a request ends within an operation")
        number, address, count = _OPERATION.unpack_from(body, at)
        at += _OPERATION.size
        try:
            kind = Kind(number)
        except ValueError:
            raise FormatError(f"there is no operation {number}") from None
        if not 1 <= count <= MAX_WORDS or (kind in _SINGLE and count != 1):
            raise FormatError(f"{kind.name} can't have {count} words")
        values: tuple[int, ...] = ()
        if kind not in READS:
            if at + 4 * count > len(body):
                raise FormatError("a request ends within the words of an operation")
            values = struct.unpack_from(f"<{count}I", body, at)
            at += 4 * count
        operation = Operation(kind, address, values, count if kind is Kind.READ_AP_BLOCK else 1)
        results += operation.results
        if results > MAX_RESULTS:
            raise FormatError(f"a request may ask for at most {MAX_RESULTS} words")
        operations.append(operation)
    return operations


def encode_reply(reply: Reply) -> bytes:
    """Return the body of a reply."""
    words = struct.pack(f"<{len(reply.words)}I", *reply.words)
    return _REPLY.pack(reply.status, len(reply.words)) + words + reply.text.encode()


def decode_reply(body: bytes) -> Reply:
    """Return a reply; raises FormatError."""
    if len(body) < _REPLY.size:
        raise FormatError("a reply is too short")
    status, count = _REPLY.unpack_from(body)
    end = _REPLY.size + 4 * count
    if len(body) < end:
        raise FormatError("a reply ends within its words")
    words = struct.unpack_from(f"<{count}I", body, _REPLY.size)
    return Reply(status=_status(status), words=words, text=_text(body[end:]))


def _status(number: int) -> Status:
    try:
        return Status(number)
    except ValueError:
        raise FormatError(f"there is no status {number}") from None


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise FormatError("a text of the probe protocol must be UTF-8") from None
